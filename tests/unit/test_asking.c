// SPDX-License-Identifier: GPL-2.0-or-later
/* control/client: a call about which polkit is asked, with a polkit that answers when the test says. */
#include "control/client.h"

#include "control/events.h"
#include "control/polkit.h"
#include "control/wire.h"
#include "guests/registry.h"
#include "policy/timestamp.h"
#include "util/array.h"
#include "util/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* The stand-in for polkit: it keeps one question. */

static struct polkit_question question;
static polkit_answered answered;
static void *answered_data;
static unsigned int questions, cancelled;
static int ask_result;

int polkit_ask(struct polkit *polkit, const struct polkit_question *asked, polkit_answered call,
	       void *data, struct polkit_asked **token)
{
	questions++;
	question = *asked;
	if (ask_result)
		return ask_result;
	answered = call;
	answered_data = data;
	*token = (struct polkit_asked *)&question;
	return 0;
}

void polkit_cancel(struct polkit_asked *asked)
{
	if (asked)
		cancelled++;
}

/* What the guard does. */

static unsigned int reloads, added;
static struct exception last;
static bool is_inside;

static int count_reload(void *data, struct error *error)
{
	reloads++;
	return 0;
}

static int count_add(void *data, const struct exception *exception, uint32_t *id,
		     struct error *error)
{
	added++;
	last = *exception;
	*id = 3;
	return 0;
}

static bool is_guest(void *data, pid_t pid, char *label, size_t size)
{
	snprintf(label, size, "container:web");
	return is_inside;
}

static void no_status(void *data, struct status *status)
{
	*status = (struct status){
		.version = "1",
		.mode = "enforce",
		.configured_mode = "enforce",
		.refusal = "drop",
		.netns = "",
		.expression = "native",
		.config_path = "",
		.queues = {{.name = "loopback"}, {.name = "guests"}},
	};
}

const struct exception *exceptions_find(const struct exceptions *exceptions, uint32_t id)
{
	return NULL;
}

int exceptions_each(const struct exceptions *exceptions,
		    int (*visit)(void *data, const struct exception *exception), void *data)
{
	return 0;
}

int registry_each(const struct registry *registry,
		  int (*visit)(void *data, const struct guest *guest), void *data)
{
	return 0;
}

static const struct control_handler handler = {
	.reload = count_reload,
	.add = count_add,
	.peer_guest = is_guest,
	.status = no_status,
};

/* A client that is neither root nor a member. */

static struct config_access access_settings;
static struct control_settings settings = {.handler = &handler, .access = &access_settings};
static struct client *client;
static struct wire wire;
static bool closed;

static void note_closed(void *data, struct client *which)
{
	closed = true;
}

static int start(void **state)
{
	struct peer peer = {.uid = 1000, .pid = getpid(), .start = 5};
	int fds[2];

	questions = cancelled = reloads = added = 0;
	ask_result = 0;
	is_inside = closed = false;
	answered = NULL;
	access_settings = (struct config_access){.polkit = true};
	settings.events = events_new();
	if (sd_event_new(&settings.loop) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds))
		return -1;
	peer.fd = fds[0];
	wire = (struct wire){.fd = fds[1]};
	return client_new(&client, fds[0], &peer, &settings, 0, note_closed, NULL);
}

static int stop(void **state)
{
	if (!closed)
		client_free(client);
	if (wire.fd >= 0)
		close(wire.fd);
	wire_clear(&wire);
	events_free(settings.events);
	sd_event_unref(settings.loop);
	return 0;
}

static void settle(void)
{
	unsigned int turns = 0;

	while (sd_event_run(settings.loop, 0) > 0)
		assert_true(++turns < 1000); /* while polkit thinks, nothing spins */
}

static void call_method(const char *text)
{
	assert_int_equal(send(wire.fd, text, strlen(text) + 1, MSG_NOSIGNAL), strlen(text) + 1);
	settle();
}

#define CALL(name) "{\"method\":\"org.lhguard." name "\"}"

/* Return: the name of the error of the next answer, "" for none of these, NULL: no answer. */
static const char *next_answer(void)
{
	static char text[512];
	json_t *answer = NULL;
	const char *error;

	settle();
	if (!wire_has_message(&wire) && wire_receive(&wire) <= 0)
		return NULL;
	assert_int_equal(wire_next(&wire, &answer, NULL), 1);
	error = json_string_value(json_object_get(answer, "error"));
	snprintf(text, sizeof(text), "%s%s%s", error ? error : "", error ? ": " : "",
		 error ? json_string_value(
				 json_object_get(json_object_get(answer, "parameters"), "reason"))
		       : "");
	json_decref(answer);
	return text;
}

static void answer_with(int result, const char *why)
{
	struct permit permit = {.result = result};

	snprintf(permit.why, sizeof(permit.why), "%s", why);
	answered(answered_data, &permit);
	settle();
}

static void a_yes_lets_the_call_through(void **state)
{
	call_method(CALL("Reload"));
	assert_int_equal(questions, 1);
	assert_string_equal(question.action, "org.lhguard.manage");
	assert_int_equal(question.uid, 1000);
	assert_false(question.is_interactive);
	assert_null(next_answer());
	assert_int_equal(reloads, 0);
	answer_with(0, "");
	assert_int_equal(reloads, 1);
	assert_string_equal(next_answer(), "");
	call_method(CALL("Reload")); /* and for this one call only */
	assert_int_equal(questions, 2);
	assert_int_equal(reloads, 1);
}

static void a_no_changes_nothing_and_says_why(void **state)
{
	call_method(CALL("Reload"));
	answer_with(-EACCES, "polkit says no");
	assert_int_equal(reloads, 0);
	assert_string_equal(next_answer(),
			    "org.lhguard.NotPermitted: user 1000 may change nothing: "
			    "only root may (try sudo); polkit says no");
}

static void where_nobody_can_be_asked_it_is_a_no(void **state)
{
	ask_result = -ENOENT;
	call_method(CALL("Reload"));
	assert_string_equal(next_answer(),
			    "org.lhguard.NotPermitted: user 1000 may change nothing: "
			    "only root may (try sudo)");
	ask_result = -EBUSY;
	call_method(CALL("Reload"));
	assert_non_null(strstr(next_answer(), "too many questions"));
	assert_int_equal(reloads, 0);
}

/* It went inside a guest while the person typed. */
static void a_yes_for_whom_is_in_a_guest_by_now_counts_for_nothing(void **state)
{
	call_method(CALL("Reload"));
	is_inside = true;
	answer_with(0, "");
	assert_int_equal(reloads, 0);
	assert_non_null(strstr(next_answer(), "is inside a guest (container:web)"));
}

#define ADD(parameters)                                                                            \
	"{\"method\":\"org.lhguard.AddException\",\"parameters\":{\"action\":"                     \
	"\"allow\"," parameters "}}"

/*
 * Whoever asks does not write the dialog: the person who believed it would give a yes that holds for
 * some minutes, and for whatever comes next.
 */
static void a_person_reads_nothing_that_would_not_be_done(void **state)
{
	call_method(ADD("\"service\":\"install the updates, as every Thursday\""));
	assert_non_null(strstr(next_answer(), "InvalidService"));
	call_method(ADD("\"service\":\"9222\",\"source\":\"your own good\""));
	assert_non_null(strstr(next_answer(), "InvalidSource"));
	call_method(ADD("\"service\":\"9222\",\"seconds\":-1"));
	assert_non_null(strstr(next_answer(), "InvalidParameter"));
	assert_int_equal(questions, 0);
	call_method(ADD("\"service\":\"9222\",\"seconds\":600"));
	assert_string_equal(question.what, "allow 9222 from every guest for 10m");
	assert_int_equal(questions, 1);
}

#define MODE(parameters) "{\"method\":\"org.lhguard.SetMode\",\"parameters\":{" parameters "}}"

static void who_opens_the_guard_wholly_reads_so(void **state)
{
	call_method(MODE("\"mode\":\"off\""));
	assert_non_null(strstr(next_answer(), "InvalidParameter"));
	assert_int_equal(questions, 0);
	call_method(MODE("\"mode\":\"monitor\",\"seconds\":600"));
	assert_string_equal(question.what,
			    "let every guest reach everything (monitor mode) for 10m");
	answer_with(-EACCES, "");
	call_method(MODE("\"mode\":\"enforce\""));
	assert_string_equal(question.what, "refuse guests what is not allowed (enforce mode)");
}

static void who_goes_takes_the_question_along(void **state)
{
	call_method(CALL("Reload"));
	close(wire.fd);
	wire.fd = -1;
	settle();
	assert_true(closed);
	assert_int_equal(cancelled, 1);
	assert_int_equal(reloads, 0);
}

/* The second call waits for the answer to the first. */
static void calls_stay_in_order(void **state)
{
	call_method(CALL("Reload"));
	call_method(CALL("Reload"));
	assert_int_equal(questions, 1);
	answer_with(-EACCES, "");
	assert_int_equal(questions, 2);
	answer_with(0, "");
	assert_int_equal(reloads, 1);
}

static void looking_is_asked_about_once(void **state)
{
	call_method(CALL("GetStatus"));
	assert_string_equal(question.action, "org.lhguard.watch");
	answer_with(0, "");
	assert_string_equal(next_answer(), "");
	call_method(CALL("GetStatus"));
	assert_string_equal(next_answer(), "");
	assert_int_equal(questions, 1);
}

/* Polkit said yes, and before that is acted on the configuration does without it. */
static void a_yes_of_a_polkit_that_no_longer_decides_counts_for_nothing(void **state)
{
	call_method(CALL("Reload"));
	access_settings.polkit = false;
	answer_with(0, "");
	assert_int_equal(reloads, 0);
	assert_non_null(strstr(next_answer(), "NotPermitted"));
}

static void who_is_dismissed_takes_streams_and_questions_along(void **state)
{
	call_method(CALL("Reload"));
	client_dismiss(client);
	settle();
	assert_true(closed);
	assert_int_equal(cancelled, 1);
	stop(state);
	start(state);
	call_method("{\"method\":\"org.lhguard.GetStatus\",\"more\":true}");
	answer_with(0, "");
	assert_string_equal(next_answer(), "");
	client_dismiss(client);
	settle();
	assert_true(closed);
}

static void a_changed_status_is_told(void **state)
{
	ask_result = -ENOENT;
	access_settings.polkit = false;
	call_method("{\"method\":\"org.lhguard.GetStatus\",\"more\":true}");
	assert_non_null(strstr(next_answer(), "may not look"));

	access_settings.polkit = true;
	ask_result = 0;
	call_method("{\"method\":\"org.lhguard.GetStatus\",\"more\":true}");
	answer_with(0, "");
	assert_string_equal(next_answer(), "");
	assert_null(next_answer());
	client_status_changed(client);
	client_status_changed(client); /* the same as once: it is the newest that counts */
	assert_string_equal(next_answer(), "");
	assert_null(next_answer());
}

/* AllowEvent() */

static char event_time[TIMESTAMP_SIZE];

/* Records one refusal by the running guest 7. Return: its attempt, to be changed before it is used. */
static struct attempt refusal(void)
{
	struct attempt attempt = {
		.enforced = true,
		.source = {.class = SOURCE_GUEST, .kind = KIND_VM, .name = "dev<box", .guest = 7},
		.decision = {.verdict = VERDICT_DROP, .reason = REASON_DEFAULT},
		.flow = {.protocol = IPPROTO_TCP, .family = AF_INET, .service_port = 9222},
	};

	attempt.flow.service.s6_addr[10] = attempt.flow.service.s6_addr[11] = 0xff;
	attempt.flow.service.s6_addr[12] = 127;
	attempt.flow.service.s6_addr[15] = 1;
	return attempt;
}

static uint64_t record(const struct attempt *attempt)
{
	struct events_totals totals;

	events_record(settings.events, attempt);
	events_totals(settings.events, &totals);
	timestamp_format(event_time, sizeof(event_time),
			 events_find(settings.events, totals.attempts)->first_us);
	return totals.attempts;
}

/* Asks for it, lets polkit say yes where it is asked, and returns the answer. */
static const char *allow(uint64_t id, const char *time, const char *more)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "{\"method\":\"org.lhguard.AllowEvent\",\"parameters\":{\"id\":%llu,\"time\":\"%"
		 "s\"%s}}",
		 (unsigned long long)id, time, more);
	answered = NULL;
	call_method(text);
	if (answered)
		answer_with(0, "");
	return next_answer();
}

static void an_event_is_allowed_as_it_was_refused(void **state)
{
	struct attempt attempt = refusal();
	uint64_t id = record(&attempt);

	assert_string_equal(allow(id, event_time, ""), "");
	assert_string_equal(question.what,
			    "let \"vm:dev\\x3cbox\" reach tcp/127.0.0.1:9222 always");
	assert_int_equal(added, 1);
	assert_true(last.allow);
	assert_int_equal(last.creator, 1000);
	assert_int_equal(last.expires_us, 0);
	assert_int_equal(last.service.first, 9222);
	assert_int_equal(last.service.last, 9222);
	assert_int_equal(last.service.prefix, 128);
	assert_int_equal(last.service.protocol, IPPROTO_TCP);
	assert_int_equal(last.source.type, SELECT_KIND);
	assert_int_equal(last.source.kind, KIND_VM);
	assert_string_equal(last.source.name, "dev<box");
}

/* A guest's name hides nothing of what is asked, however long it is and whatever it says. */
static void a_name_is_told_from_what_is_asked(void **state)
{
	static const char *const names[] = {
		"a reach tcp/127.0.0.1:631 for 10m\" (",
		"<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<"
		"<<"
		"<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<<",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct attempt attempt = refusal();
		const char *end;

		snprintf(attempt.source.name, sizeof(attempt.source.name), "%s", names[i]);
		attempt.flow.client_port = (uint16_t)(1000 + i);
		assert_string_equal(allow(record(&attempt), event_time, ""), "");
		end = strrchr(question.what, '"');
		assert_ptr_equal(strchr(strchr(question.what, '"') + 1, '"'), end);
		assert_string_equal(end, "\" reach tcp/127.0.0.1:9222 always");
	}
}

/* Numbers begin anew with each start; what a button of yesterday names is another event today. */
static void no_other_event_is_allowed(void **state)
{
	struct attempt attempt = refusal();
	uint64_t id = record(&attempt);

	assert_non_null(strstr(allow(id, "2026-01-01T00:00:00Z", ""), "NoSuchEvent"));
	assert_non_null(strstr(allow(id + 1, event_time, ""), "NoSuchEvent"));
	assert_non_null(strstr(allow(0, event_time, ""), "NoSuchEvent"));
	assert_non_null(strstr(allow(UINT64_MAX / 2, event_time, ""), "NoSuchEvent"));
	assert_int_equal(added, 0);
	assert_string_equal(question.what, "allow what an event was refused");
	questions = 0;
	assert_non_null(strstr(allow(id, event_time, ",\"seconds\":-5"), "InvalidParameter"));
	assert_int_equal(questions, 0);
}

static void others_are_refused(void)
{
	struct attempt other = refusal();

	other.source.guest++;
	for (int i = 0; i < EVENTS_RING; i++) {
		other.flow.client_port = (uint16_t)(2000 + i);
		events_record(settings.events, &other);
	}
}

/* A flood of one guest takes the owner's decision about another from nobody. */
static void what_others_try_forgets_no_alert(void **state)
{
	struct attempt attempt = refusal();
	uint64_t id = record(&attempt);

	others_are_refused();
	assert_string_equal(allow(id, event_time, ""), "");
	assert_int_equal(added, 1);
}

/* Nor what the guest itself tries while the dialog is open. */
static void what_was_asked_about_is_allowed(void **state)
{
	struct attempt attempt = refusal();
	uint64_t id = record(&attempt);
	char text[256];

	snprintf(text, sizeof(text),
		 "{\"method\":\"org.lhguard.AllowEvent\",\"parameters\":{\"id\":%llu,\"time\":\"%"
		 "s\"}}",
		 (unsigned long long)id, event_time);
	answered = NULL;
	call_method(text);
	assert_non_null(answered);
	for (int i = 0; i < 2; i++) {
		attempt.flow.client_port++;
		record(&attempt);
		others_are_refused();
	}
	assert_null(events_find(settings.events, id));
	answer_with(0, "");
	assert_string_equal(next_answer(), "");
	assert_int_equal(added, 1);
	assert_int_equal(last.service.first, 9222);

	/* It was for that call only. */
	assert_non_null(strstr(allow(id, "2026-01-01T00:00:00Z", ""), "NoSuchEvent"));
	assert_int_equal(added, 1);
}

static void what_is_old_is_not_allowed(void **state)
{
	struct attempt attempt = refusal();
	uint64_t id = record(&attempt);
	struct attempt *kept = (struct attempt *)events_find(settings.events, id);

	kept->last_us = clock_realtime_us() - 11 * 60000000ull;
	assert_non_null(strstr(allow(id, event_time, ""), "more than 10 minutes old"));
	kept->last_us = clock_realtime_us() - 9 * 60000000ull;
	assert_string_equal(allow(id, event_time, ""), "");
}

static void what_an_alert_cannot_decide_is_refused(void **state)
{
	struct attempt attempts[9];

	for (size_t i = 0; i < 9; i++) {
		attempts[i] = refusal();
		attempts[i].flow.client_port = (uint16_t)(1000 + i);
	}
	attempts[0].source.shared = true;
	attempts[1].source.class = SOURCE_UNKNOWN;
	attempts[2].source.guest = 0;
	attempts[3].source.name[0] = '\0'; /* for ever */
	attempts[4].decision.verdict = VERDICT_ACCEPT;
	attempts[5].decision.reason = REASON_DENY_EXCEPTION;
	attempts[6].flow.service_port = 0;
	attempts[7].type = EVENT_LISTENER;
	attempts[8].source.is_numbered = true; /* for ever */
	for (size_t i = 0; i < 9; i++) {
		uint64_t id = record(&attempts[i]);

		if (!strstr(allow(id, event_time, ""), "InvalidSource"))
			fail_msg("attempt %zu was allowed", i);
	}
	assert_int_equal(added, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_yes_lets_the_call_through, start, stop),
		cmocka_unit_test_setup_teardown(a_no_changes_nothing_and_says_why, start, stop),
		cmocka_unit_test_setup_teardown(where_nobody_can_be_asked_it_is_a_no, start, stop),
		cmocka_unit_test_setup_teardown(
			a_yes_for_whom_is_in_a_guest_by_now_counts_for_nothing, start, stop),
		cmocka_unit_test_setup_teardown(a_person_reads_nothing_that_would_not_be_done,
						start, stop),
		cmocka_unit_test_setup_teardown(who_opens_the_guard_wholly_reads_so, start, stop),
		cmocka_unit_test_setup_teardown(who_goes_takes_the_question_along, start, stop),
		cmocka_unit_test_setup_teardown(calls_stay_in_order, start, stop),
		cmocka_unit_test_setup_teardown(looking_is_asked_about_once, start, stop),
		cmocka_unit_test_setup_teardown(
			a_yes_of_a_polkit_that_no_longer_decides_counts_for_nothing, start, stop),
		cmocka_unit_test_setup_teardown(who_is_dismissed_takes_streams_and_questions_along,
						start, stop),
		cmocka_unit_test_setup_teardown(a_changed_status_is_told, start, stop),
		cmocka_unit_test_setup_teardown(an_event_is_allowed_as_it_was_refused, start, stop),
		cmocka_unit_test_setup_teardown(a_name_is_told_from_what_is_asked, start, stop),
		cmocka_unit_test_setup_teardown(no_other_event_is_allowed, start, stop),
		cmocka_unit_test_setup_teardown(what_is_old_is_not_allowed, start, stop),
		cmocka_unit_test_setup_teardown(what_others_try_forgets_no_alert, start, stop),
		cmocka_unit_test_setup_teardown(what_was_asked_about_is_allowed, start, stop),
		cmocka_unit_test_setup_teardown(what_an_alert_cannot_decide_is_refused, start,
						stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
