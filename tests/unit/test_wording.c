// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/notify/wording: plain words, whatever guests are called and however they came. */
#include "cli/notify/habits.h"
#include "cli/notify/wording.h"
#include "cli/notify/words_of.h"
#include "util/array.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static json_t *make_event(const char *name)
{
	json_t *event = json_pack("{s:i, s:s, s:i, s:s, s:s, s:s, s:n, s:s, s:s, s:s, s:{s:s, s:s, "
				  "s:s, s:s, s:b, s:n},"
				  " s:{s:s, s:s, s:i, s:s}}",
				  "id", 7, "type", "attempt", "count", 1, "verdict", "drop", "mode",
				  "enforce", "reason", "default", "exception", "route", "user-net",
				  "interface", "lo", "program", "qemu-system-x86", "source",
				  "class", "guest", "kind", "vm", "runtime", "qemu", "name", name,
				  "shared", 0, "conduit", "service", "protocol", "tcp", "address",
				  "127.0.0.1", "port", 9222, "program", "chrome");

	assert_non_null(event);
	return event;
}

static void set(json_t *event, const char *member, const char *value)
{
	json_object_set_new(event, member, json_string(value));
}

static void set_source(json_t *event, const char *member, json_t *value)
{
	json_object_set_new(json_object_get(event, "source"), member, value);
}

static void set_service(json_t *event, const char *member, json_t *value)
{
	json_object_set_new(json_object_get(event, "service"), member, value);
}

static struct alert alert_of(const json_t *event)
{
	return (struct alert){
		.event = event,
		.label = "vm:devbox",
		.service = "tcp/127.0.0.1:9222",
		.count = 1,
		.is_actionable = true,
		.failure = "",
	};
}

/* Words an event as on a desktop with buttons; the event is taken over. */
static void word(struct message *message, json_t *event, const char *title)
{
	struct alert alert = alert_of(event);

	word_alert(message, &alert,
		   &(struct wording){.title = title, .since = "14:02:11", .has_actions = true});
	json_decref(event);
}

#define ALLOW_BITS (ACTION_BIT(ACTION_ALLOW_10M) | ACTION_BIT(ACTION_ALLOW_ALWAYS))

static void it_says_who_and_what(void **state)
{
	struct message message;

	word(&message, make_event("devbox"), "Chrome DevTools");
	assert_string_equal(message.summary, "VM devbox was stopped from reaching Chrome DevTools");
	assert_string_equal(message.body, "127.0.0.1:9222 over TCP, where chrome listens\n"
					  "It came through its user-mode network, from "
					  "qemu-system-x86\n"
					  "Once, at 14:02:11");
	assert_int_equal(message.urgency, URGENCY_NORMAL);
	assert_int_equal(message.actions, ALLOW_BITS | ACTION_BIT(ACTION_KEEP_BLOCKING) |
						  ACTION_BIT(ACTION_DETAILS));
}

static void without_a_title_it_is_the_port(void **state)
{
	struct message message;
	json_t *event = make_event("devbox");

	word(&message, event, NULL);
	assert_string_equal(message.summary,
			    "VM devbox was stopped from reaching port 9222 (chrome)");
	event = make_event("devbox");
	set_service(event, "program", json_string(""));
	word(&message, event, NULL);
	assert_string_equal(message.summary, "VM devbox was stopped from reaching TCP port 9222");
	assert_null(strstr(message.body, "listens"));
}

static void it_says_how_often(void **state)
{
	json_t *event = make_event("devbox");
	struct alert alert = alert_of(event);
	struct message message;

	alert.count = 12;
	alert.is_sensitive = true;
	word_alert(&message, &alert, &(struct wording){.since = "14:02:11", .has_actions = true});
	assert_non_null(strstr(message.body, "\n12 times since 14:02:11"));
	assert_int_equal(message.urgency, URGENCY_CRITICAL);
	json_decref(event);
}

/* Who cannot click reads what to type. */
static void without_buttons_it_says_the_command(void **state)
{
	json_t *event = make_event("my box");
	struct alert alert = alert_of(event);
	struct message message;

	word_alert(&message, &alert, &(struct wording){.since = "14:02:11"});
	assert_int_equal(message.actions, 0);
	assert_non_null(strstr(message.body, "To allow it: lhguard allow tcp/127.0.0.1:9222 --from "
					     "'vm:my box'\n"));
	json_decref(event);
}

static void hidden_buttons_leave_the_command(void **state)
{
	json_t *event = make_event("devbox");
	struct alert alert = alert_of(event);
	struct message message;

	word_alert(&message, &alert,
		   &(struct wording){.since = "x", .has_actions = true, .hides_buttons = true});
	assert_int_equal(message.actions, ALLOW_BITS | ACTION_BIT(ACTION_KEEP_BLOCKING) |
						  ACTION_BIT(ACTION_DETAILS));
	assert_non_null(
		strstr(message.body, "To allow it: lhguard allow tcp/127.0.0.1:9222 --from "));
	json_decref(event);
}

static void servers_are_known_by_their_names(void **state)
{
	assert_true(habits_of("dunst", "1.9.0").hides_buttons);
	assert_true(habits_of("mako", "1.8").hides_buttons);
	assert_false(habits_of("gnome-shell", "48.1").hides_buttons);
	assert_false(habits_of("", "").hides_buttons);
	assert_true(habits_of("Xfce Notify Daemon", "0.7.3").draws_default);
	assert_false(habits_of("dunst", "1.9.0").draws_default);
	assert_true(habits_of("gnome-shell", "43.9").loses_buttons);
	assert_false(habits_of("gnome-shell", "46.0").loses_buttons);
	assert_false(habits_of("gnome-shell", "43.9").joins_lines);
	assert_true(habits_of("gnome-shell", "48.7").joins_lines);
	assert_true(habits_of("gnome-shell", "48.7").hides_low);
	assert_false(habits_of("Plasma", "5.27.5").hides_low);
	assert_int_equal(habits_of("dunst", "1.9.0").lines, 0);
	assert_int_equal(habits_of("gnome-shell", "43.9").room, 2);
	assert_int_equal(habits_of("gnome-shell", "47.alpha").room, 2);
	assert_int_equal(habits_of("gnome-shell", "3.38.6").room, 2);
	assert_int_equal(habits_of("gnome-shell", "48.1").room, 9);
	assert_int_equal(habits_of("gnome-shell", "").room, 2);
	assert_int_equal(habits_of("mako", "1.8").room, ALERTS_LIVE_MAX);
}

static void what_is_too_old_has_the_command_too(void **state)
{
	json_t *event = make_event("devbox");
	struct alert alert = alert_of(event);
	struct message message;

	alert.is_actionable = false;
	word_alert(&message, &alert, &(struct wording){.since = "14:02:11", .has_actions = true});
	assert_int_equal(message.actions & ALLOW_BITS, 0);
	assert_non_null(strstr(message.body, "To allow it: lhguard allow"));
	json_decref(event);
}

static void a_failure_is_said_with_what_to_do(void **state)
{
	json_t *event = make_event("devbox");
	struct alert alert = alert_of(event);
	struct message message;

	alert.failure = "polkit\033 said no";
	word_alert(&message, &alert, &(struct wording){.since = "14:02:11", .has_actions = true});
	assert_non_null(strstr(message.body, "Not allowed: polkit\\x1b said no\n"
					     "To allow it: sudo lhguard allow"));
	assert_int_equal(message.actions & ALLOW_BITS, ALLOW_BITS); /* to try again */
	json_decref(event);
}

static void monitor_mode_says_so(void **state)
{
	json_t *event = make_event("devbox");
	struct message message;

	set(event, "mode", "monitor");
	word(&message, event, "Chrome DevTools");
	assert_string_equal(message.summary, "VM devbox reached Chrome DevTools");
	assert_non_null(strstr(message.body, "monitor mode"));
}

static void who_is_not_known_by_name(void **state)
{
	struct message message;
	json_t *event = make_event("one of: a, b");

	set_source(event, "shared", json_true());
	set_source(event, "conduit", json_string("slirp4netns"));
	word(&message, event, "Chrome DevTools");
	assert_string_equal(message.summary,
			    "One of a, b was stopped from reaching Chrome DevTools");
	assert_int_equal(message.actions & ALLOW_BITS, 0);
	assert_non_null(strstr(message.body, "--from conduit:slirp4netns"));

	event = make_event("");
	set_source(event, "kind", json_string("container"));
	set_source(event, "runtime", json_string("podman"));
	word(&message, event, "Chrome DevTools");
	assert_string_equal(message.summary, "A container without a name (podman) was stopped from "
					     "reaching Chrome DevTools");
	assert_int_equal(message.actions & ALLOW_BITS, 0);

	event = make_event("");
	set_source(event, "class", json_string("unknown"));
	set_source(event, "kind", json_string("unknown"));
	word(&message, event, "Chrome DevTools");
	assert_string_equal(message.summary,
			    "Somebody unknown was stopped from reaching Chrome DevTools");
	assert_non_null(strstr(message.body, "it cannot be told who it is"));
	assert_int_equal(message.actions & ALLOW_BITS, 0);

	event = make_event("");
	set_source(event, "class", json_string("lan"));
	set(event, "route", "martian");
	set(event, "reason", "martian");
	set(event, "interface", "eth0");
	word(&message, event, "Chrome DevTools");
	assert_string_equal(message.summary,
			    "A machine of the network was stopped from reaching Chrome DevTools");
	assert_non_null(strstr(message.body, "can never be allowed"));
	assert_non_null(strstr(message.body, "eth0"));
	assert_null(strstr(message.body, "lhguard allow"));
}

static void what_an_exception_denies_has_no_button(void **state)
{
	json_t *event = make_event("devbox");
	struct message message;

	set(event, "reason", "deny-exception");
	json_object_set_new(event, "exception", json_integer(12));
	word(&message, event, NULL);
	assert_int_equal(message.actions & ALLOW_BITS, 0);
	assert_non_null(strstr(message.body, "By exception 12: lhguard list"));
	assert_null(strstr(message.body, "lhguard allow"));
}

static void every_route_has_words(void **state)
{
	static const char *const routes[] = {"user-net", "host-net", "bridge", "veth",
					     "tap",	 "macvtap",  "lan",    "martian"};
	char text[NAME_WORDS];

	for (size_t i = 0; i < ARRAY_SIZE(routes); i++) {
		json_t *event = make_event("devbox");

		set(event, "route", routes[i]);
		route_words(text, sizeof(text), event);
		assert_null(strstr(text, "came by"));
		set(event, "route", "pigeon");
		assert_string_equal(route_words(text, sizeof(text), event),
				    "It came by pigeon, from qemu-system-x86");
		json_decref(event);
	}
}

static void a_port_that_is_taken_has_words_of_its_own(void **state)
{
	json_t *event = make_event("web");
	struct message message;

	set(event, "type", "listener");
	set(event, "reason", "takes-port");
	set(event, "verdict", "accept");
	set_source(event, "kind", json_string("container"));
	set_service(event, "program", json_string("python3"));
	word(&message, event, "Chrome DevTools");
	assert_string_equal(message.summary, "Container web took port 9222, which python3 had");
	assert_int_equal(message.actions, ACTION_BIT(ACTION_KEEP_BLOCKING));
	assert_null(strstr(message.body, "lhguard allow"));
}

static void without_ports_there_is_no_command(void **state)
{
	json_t *event = make_event("devbox");
	struct message message;

	set_service(event, "protocol", json_string("icmp"));
	set_service(event, "port", json_integer(0));
	set_service(event, "program", json_string(""));
	word(&message, event, NULL);
	assert_string_equal(message.summary,
			    "VM devbox was stopped from reaching this host by ICMP");
	assert_int_equal(message.actions & ALLOW_BITS, 0);
	assert_null(strstr(message.body, "lhguard allow"));
}

static bool is_one_line_of_text(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	return true;
}

static void what_guests_are_called_is_shown_as_text(void **state)
{
	static const char *const names[] = {
		"\033[31mred",
		"a\nb\nVM other may reach it",
		"\xe2\x80\xae"
		"drawkcab",
		"\xff\xfe",
		"<b>bold</b>",
		"&lt;&amp;<img src=\"x.png\">",
		"%s%n%s",
		"\xc2\x9b"
		"31m",
		"'; rm -rf /; '",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		static char summary[ESCAPED_SUMMARY_SIZE], body[ESCAPED_BODY_SIZE];
		json_t *event = make_event("x");
		struct message message;

		/* JSON cannot hold what is no UTF-8; the daemon escapes that. */
		set_source(event, "name", json_stringn_nocheck(names[i], strlen(names[i])));
		set_service(event, "program", json_stringn_nocheck(names[i], strlen(names[i])));
		set(event, "reason", "martian");
		word(&message, event, NULL);
		assert_true(is_one_line_of_text(message.summary));
		assert_null(strstr(message.summary, "\xe2\x80\xae"));
		assert_non_null(strstr(message.summary, "was stopped from reaching port 9222"));
		message_escape(&message, true, summary, body);
		assert_null(strchr(summary, '<'));
		assert_null(strstr(summary, "&lt;"));
		assert_null(strchr(body, '<'));
		assert_null(strchr(body, '>'));
		message_escape(&message, false, summary, body);
		assert_string_equal(body, message.body);
		assert_null(strchr(summary, '<'));
	}
}

/* Where it ends is seen, whatever it says. */
static void a_name_is_no_part_of_the_sentence(void **state)
{
	static const struct {
		const char *name;
		const char *summary;
	} names[] = {
		{"devbox-2.local", "VM devbox-2.local was stopped from reaching Chrome DevTools"},
		{"Windows 11",
		 "VM \u201cWindows 11\u201d was stopped from reaching Chrome DevTools"},
		{"devbox, database",
		 "VM \u201cdevbox, database\u201d was stopped from reaching Chrome DevTools"},
		{"x\u201d may reach nothing. VM \u201cy",
		 "VM \u201cx\" may reach nothing. VM \"y\u201d was stopped from reaching Chrome "
		 "DevTools"},
		{"m\u00fcller",
		 "VM \u201cm\u00fcller\u201d was stopped from reaching Chrome DevTools"},
	};
	char text[NAME_WORDS];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct message message;

		word(&message, make_event(names[i].name), "Chrome DevTools");
		assert_string_equal(message.summary, names[i].summary);
	}
	assert_string_equal(label_words(text, sizeof(text), "vm:a b: c"), "vm \u201ca b: c\u201d");
	assert_string_equal(label_words(text, sizeof(text), "unknown"), "unknown");
}

static void a_summary_that_is_cut_is_made_up_for(void **state)
{
	json_t *event = make_event("devbox");
	struct alert alert = alert_of(event);
	struct wording wording = {.title = "Chrome DevTools", .since = "x", .has_actions = true};
	struct message message;

	wording.summary_room = 60;
	word_alert(&message, &alert, &wording);
	assert_null(strstr(message.body, "reaching"));
	wording.summary_room = 36;
	word_alert(&message, &alert, &wording);
	assert_ptr_equal(strstr(message.body, "Stopped from reaching Chrome DevTools\n"),
			 message.body);
	json_decref(event);
}

static void where_few_lines_are_drawn_the_command_is_the_first(void **state)
{
	json_t *event = make_event("devbox");
	struct alert alert = alert_of(event);
	struct wording wording = {.since = "x", .is_cut = true};
	struct message message;

	word_alert(&message, &alert, &wording);
	assert_ptr_equal(strstr(message.body, "To allow it: lhguard allow"), message.body);
	alert.failure = "no";
	word_alert(&message, &alert, &wording);
	assert_ptr_equal(strstr(message.body, "Not allowed: no\nTo allow it: sudo lhguard"),
			 message.body);
	assert_null(strstr(message.body, "To allow it: lhguard"));
	json_decref(event);
}

static void lines_that_are_joined_can_be_told_apart(void **state)
{
	static char body[ESCAPED_BODY_SIZE];

	strcpy(body, "one\ntwo \u00b7 no line\n\n  three\n");
	message_join_lines(body);
	assert_string_equal(body, "one \u00b7 two \\xc2\\xb7 no line \u00b7 three");
	for (size_t i = 0; i < sizeof(body) - 1; i++)
		body[i] = i % 2 ? '\n' : 'x';
	message_join_lines(body);
	assert_true(strlen(body) < sizeof(body));
	message_join_lines(strcpy(body, ""));
	assert_string_equal(body, "");
}

static void markup_is_escaped_only_where_it_is_read(void **state)
{
	static char summary[ESCAPED_SUMMARY_SIZE], body[ESCAPED_BODY_SIZE];
	json_t *event = make_event("devbox");
	struct message message;

	set_service(event, "program", json_string("a<b>&c'\"&"));
	word(&message, event, "Chrome & DevTools");
	message_escape(&message, true, summary, body);
	assert_non_null(strstr(body, "where a&lt;b&gt;&amp;c'\"&amp; listens"));
	assert_string_equal(summary, "VM devbox was stopped from reaching Chrome & DevTools");
	message_escape(&message, false, summary, body);
	assert_non_null(strstr(body, "where a<b>&c'\"& listens"));
}

/* What GNOME Shell would make a link of: its own tests have these. */
static void a_body_has_no_links(void **state)
{
	static const struct {
		const char *text, *shown;
	} bodies[] = {
		{"at http://www.gnome.org now", "at http:\\x2f/www\\x2egnome.org now"},
		{"(https://evil.test:8080/a?b)", "(https:\\x2f/evil.test:8080/a?b)"},
		{"'vm:FTP://evil.test'", "'vm:FTP:\\x2f/evil.test'"},
		{"WWW3.evil.test", "WWW3\\x2eevil.test"},
		{"evil.test/path/more", "evil.test\\x2fpath/more"},
		{"a.b.info/", "a.b.info\\x2f"},
		{"/usr/bin/x.c and 10.0.0.0/8", "/usr/bin/x.c and 10.0.0.0/8"},
		{"/etc/lhguard/guests.d/own.conf:3", "/etc/lhguard/guests.d/own.conf:3"},
		{"/home/anna.lee/.config/x less /home/a/.run/x", NULL},
		{"(a.lee/", "(a.lee\\x2f"},
		{".run/", NULL},
		{"vm:a/b.museum/ ww.w /", "vm:a/b.museum/ ww.w /"},
		{"://", ":\\x2f/"},
		{"/", "/"},
		{".", "."},
	};
	static char summary[ESCAPED_SUMMARY_SIZE], body[ESCAPED_BODY_SIZE];

	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++)
		for (int has_markup = 0; has_markup < 2; has_markup++) {
			struct message message = {.summary = ""};

			strcpy(message.body, bodies[i].text);
			message_escape(&message, has_markup, summary, body);
			assert_string_equal(body,
					    bodies[i].shown ? bodies[i].shown : bodies[i].text);
		}
}

static void long_names_are_cut_between_characters(void **state)
{
	char name[400] = "", text[NAME_WORDS];
	json_t *event;
	struct message message;

	for (int i = 0; i < 120; i++)
		strcat(name, "\xc3\xa4");
	clean(text, 40, name);
	assert_true(strlen(text) < 40);
	assert_string_equal(text + strlen(text) - 5, "\xc3\xa4\xe2\x80\xa6");
	event = make_event(name);
	word(&message, event, name);
	assert_true(strlen(message.summary) < 200);
	assert_non_null(strstr(message.summary, "was stopped from reaching"));
	assert_non_null(strstr(message.body, "The whole name: "));
	assert_non_null(strstr(message.body, name));
	assert_string_equal(clean(text, sizeof(text), "short"), "short");
	assert_string_equal(clean(text, 6, "short"), "short");
	assert_string_equal(clean(text, sizeof(text), "back\\slash"), "back\\slash");
}

static void a_summary_says_who_and_where_to_look(void **state)
{
	struct alerts_summary summary = {.attempts = 14, .guests = 1, .label = "vm:devbox"};
	struct message message;

	word_summary(&message, &summary, NULL);
	assert_string_equal(message.body, "And 14 more from vm devbox: lhguard log");
	assert_int_equal(message.urgency, URGENCY_NORMAL);
	summary.guests = 3;
	summary.attempts = 31;
	summary.lost = 5;
	word_summary(&message, &summary, NULL);
	assert_string_equal(message.body, "And 31 more from 3 guests: lhguard log\n"
					  "5 came too fast to be told apart");
	summary.guests = 32;
	summary.more_guests = true;
	summary.was_quiet = true;
	word_summary(&message, &summary, NULL);
	assert_non_null(strstr(message.body, "from more than 32 guests"));
	assert_non_null(strstr(message.summary, "quiet hours"));
}

/* A scan of many ports must not hide the one that it is about. */
static void a_summary_names_what_is_sensitive(void **state)
{
	json_t *event = make_event("devbox");
	struct alerts_summary summary = {
		.attempts = 649,
		.guests = 1,
		.label = "vm:devbox",
		.sensitive = event,
	};
	struct message message;

	word_summary(&message, &summary, "Chrome DevTools");
	assert_string_equal(message.body,
			    "And 649 more from vm devbox: lhguard log\n"
			    "Among them: VM devbox at Chrome DevTools, 127.0.0.1:9222");
	assert_int_equal(message.urgency, URGENCY_CRITICAL);
	summary.more_sensitive = 2;
	word_summary(&message, &summary, NULL);
	assert_non_null(strstr(message.body, "Among them: VM devbox at port 9222 (chrome), "
					     "127.0.0.1:9222, and 2 more that are sensitive"));
	json_decref(event);
}

static void what_came_of_a_click(void **state)
{
	json_t *event = make_event("devbox");
	struct alert alert = alert_of(event);
	struct message message;

	word_allowed(&message, &alert, "Chrome DevTools", 600, "");
	assert_string_equal(message.summary, "VM devbox may reach Chrome DevTools for 10 minutes");
	assert_int_equal(message.urgency, URGENCY_LOW);
	assert_true(message.timeout_ms > 0);
	word_allowed(&message, &alert, "Chrome DevTools", 0, "a note");
	assert_string_equal(message.summary, "VM devbox may reach Chrome DevTools from now on");
	assert_non_null(strstr(message.body, "a note\n"));
	word_muted(&message, &alert, NULL, 3);
	assert_non_null(strstr(message.body, "lhguard-notify --unmute 3"));
	json_decref(event);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_says_who_and_what),
		cmocka_unit_test(without_a_title_it_is_the_port),
		cmocka_unit_test(it_says_how_often),
		cmocka_unit_test(without_buttons_it_says_the_command),
		cmocka_unit_test(hidden_buttons_leave_the_command),
		cmocka_unit_test(servers_are_known_by_their_names),
		cmocka_unit_test(what_is_too_old_has_the_command_too),
		cmocka_unit_test(a_failure_is_said_with_what_to_do),
		cmocka_unit_test(monitor_mode_says_so),
		cmocka_unit_test(who_is_not_known_by_name),
		cmocka_unit_test(what_an_exception_denies_has_no_button),
		cmocka_unit_test(every_route_has_words),
		cmocka_unit_test(a_port_that_is_taken_has_words_of_its_own),
		cmocka_unit_test(without_ports_there_is_no_command),
		cmocka_unit_test(what_guests_are_called_is_shown_as_text),
		cmocka_unit_test(a_name_is_no_part_of_the_sentence),
		cmocka_unit_test(a_summary_that_is_cut_is_made_up_for),
		cmocka_unit_test(where_few_lines_are_drawn_the_command_is_the_first),
		cmocka_unit_test(lines_that_are_joined_can_be_told_apart),
		cmocka_unit_test(markup_is_escaped_only_where_it_is_read),
		cmocka_unit_test(a_body_has_no_links),
		cmocka_unit_test(long_names_are_cut_between_characters),
		cmocka_unit_test(a_summary_says_who_and_where_to_look),
		cmocka_unit_test(a_summary_names_what_is_sensitive),
		cmocka_unit_test(what_came_of_a_click),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
