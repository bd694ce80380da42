// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/notify/alerts: what is shown when, by a clock that the test turns. */
#include "cli/notify/alerts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND	   1000000ull
#define MINUTE	   (60 * SECOND)
#define START	   (1000 * SECOND)
#define SHOWN_MOST 4096

/**
 * struct desk - a server that shows all it is given, and what it was given
 * @popups: how many were new, the latest at @popup_us
 * @updates: of alerts
 * @live: by slot; the summary is at ALERTS_MAX
 * @takes: how often alerts_take() was asked
 */
struct desk {
	struct alerts *alerts;
	uint64_t now_us;
	unsigned int popups;
	uint64_t popup_us[SHOWN_MOST];
	unsigned int updates;
	unsigned int summaries;
	bool live[ALERTS_MAX + 1];
	unsigned int last;
	unsigned int takes;
	json_int_t next_id;
};

static int setup(void **state)
{
	struct desk *desk = calloc(1, sizeof(*desk));

	assert_non_null(desk);
	desk->alerts = alerts_new();
	assert_non_null(desk->alerts);
	desk->now_us = START;
	*state = desk;
	return 0;
}

static int teardown(void **state)
{
	struct desk *desk = *state;

	alerts_free(desk->alerts);
	free(desk);
	return 0;
}

static void popup(struct desk *desk)
{
	assert_true(desk->popups < SHOWN_MOST);
	desk->popup_us[desk->popups++] = desk->now_us;
}

static struct alert get(const struct desk *desk, unsigned int slot)
{
	struct alert alert;

	assert_true(alerts_get(desk->alerts, slot, desk->now_us, &alert));
	return alert;
}

/* All that is to be shown now. */
static void show(struct desk *desk)
{
	struct alerts_next next;

	while (alerts_due(desk->alerts, desk->now_us) <= desk->now_us) {
		assert_true(desk->takes++ < 1000000); /* it must not go round and round */
		if (!alerts_take(desk->alerts, desk->now_us, &next))
			continue;
		switch (next.what) {
		case ALERTS_SHOW:
			assert_false(desk->live[next.slot]);
			desk->live[next.slot] = true;
			desk->last = next.slot;
			popup(desk);
			break;
		case ALERTS_UPDATE:
			assert_true(desk->live[next.slot]);
			desk->updates++;
			break;
		case ALERTS_CLOSE:
			assert_true(desk->live[next.slot]);
			desk->live[next.slot] = false;
			break;
		case ALERTS_SUMMARY:
			assert_int_equal(next.is_update, desk->live[ALERTS_MAX]);
			if (!next.is_update)
				popup(desk);
			desk->live[ALERTS_MAX] = true;
			desk->summaries++;
			break;
		case ALERTS_SUMMARY_CLOSE:
			desk->live[ALERTS_MAX] = false;
			break;
		}
	}
}

/* Time passes, and what is due is shown when it is due. */
static void wait_for(struct desk *desk, uint64_t us)
{
	uint64_t end_us = desk->now_us + us;

	for (;;) {
		uint64_t due_us;

		show(desk);
		due_us = alerts_due(desk->alerts, desk->now_us);
		if (due_us > end_us)
			break;
		assert_true(due_us > desk->now_us);
		desk->now_us = due_us;
	}
	desk->now_us = end_us;
}

static json_t *make_event(json_int_t id, json_int_t count, const char *name, int guest, int port)
{
	char label[200];
	json_t *event;

	snprintf(label, sizeof(label), "vm:%s", name);
	event = json_pack("{s:I, s:I, s:s, s:s, s:s, s:{s:s, s:s, s:s, s:i}, s:{s:s, s:s, s:i}}",
			  "id", id, "count", count, "type", "attempt", "verdict", "drop", "time",
			  "2026-11-26T12:00:00Z", "source", "class", "guest", "name", name, "label",
			  label, "guest", guest, "service", "protocol", "tcp", "address",
			  "127.0.0.1", "port", port);
	assert_non_null(event);
	return event;
}

static void tell(struct desk *desk, json_int_t id, json_int_t count, const char *name, int guest,
		 int port)
{
	json_t *event = make_event(id, count, name, guest, port);

	alerts_event(desk->alerts, event, false, desk->now_us);
	json_decref(event);
}

/* A new attempt of a guest that is known by its name. */
static void attempt(struct desk *desk, const char *name, int port)
{
	tell(desk, ++desk->next_id, 1, name, 1, port);
}

/* The same at a service that is sensitive. */
static void attempt_sensitive(struct desk *desk, const char *name, int port)
{
	json_t *event = make_event(++desk->next_id, 1, name, 1, port);

	alerts_event(desk->alerts, event, true, desk->now_us);
	json_decref(event);
}

static unsigned int live_of(const struct desk *desk, const char *label)
{
	unsigned int live = 0;

	for (unsigned int i = 0; i < ALERTS_MAX; i++)
		live += desk->live[i] && (!label || !strcmp(get(desk, i).label, label));
	return live;
}

static void close_last(struct desk *desk)
{
	alerts_closed(desk->alerts, desk->last, desk->now_us);
	desk->live[desk->last] = false;
}

static struct alerts_summary summary_of(const struct desk *desk)
{
	struct alerts_summary summary;

	alerts_get_summary(desk->alerts, &summary);
	return summary;
}

static void an_attempt_is_shown_at_once(void **state)
{
	struct desk *desk = *state;

	assert_true(alerts_due(desk->alerts, desk->now_us) == ALERTS_NEVER);
	attempt(desk, "devbox", 9222);
	show(desk);
	assert_int_equal(desk->popups, 1);
	assert_string_equal(get(desk, desk->last).label, "vm:devbox");
	assert_string_equal(get(desk, desk->last).service, "tcp/127.0.0.1:9222");
	assert_int_equal(get(desk, desk->last).count, 1);
	assert_true(alerts_due(desk->alerts, desk->now_us) == ALERTS_NEVER);
}

/* TCP sends its SYN again: the same event, which is told with its count. */
static void a_retransmitted_syn_is_counted_once(void **state)
{
	struct desk *desk = *state;

	tell(desk, 7, 1, "devbox", 1, 9222);
	wait_for(desk, SECOND);
	tell(desk, 7, 2, "devbox", 1, 9222);
	tell(desk, 7, 2, "devbox", 1, 9222);
	wait_for(desk, 2 * SECOND);
	tell(desk, 7, 4, "devbox", 1, 9222);
	wait_for(desk, 10 * SECOND);
	assert_int_equal(desk->popups, 1);
	assert_int_equal(desk->updates, 2);
	assert_int_equal(get(desk, desk->last).count, 4);
	/* Two connections at a time, each with repeats. */
	tell(desk, 8, 1, "devbox", 1, 9222);
	tell(desk, 7, 5, "devbox", 1, 9222);
	tell(desk, 8, 3, "devbox", 1, 9222);
	assert_int_equal(get(desk, desk->last).count, 8);
}

/* Each connection sends its SYN three times more; the one guest is a browser, the other means to boast. */
static void connections_at_a_time_are_not_counted_twice(void **state)
{
	static const struct {
		const char *name;
		int connections;
	} guests[] = {{"browser", 12}, {"boaster", 1000}};
	struct desk *desk = *state;

	for (int guest = 0; guest < 2; guest++) {
		int connections = guests[guest].connections;

		for (int count = 1; count <= 4; count++)
			for (int id = 1; id <= connections; id++)
				tell(desk, 1000 * guest + id, count, guests[guest].name, guest,
				     9222);
		wait_for(desk, 5 * SECOND);
		assert_int_equal(get(desk, desk->last).count, 4 * connections);
	}
}

static void the_newest_event_is_what_a_click_is_about(void **state)
{
	struct desk *desk = *state;

	tell(desk, 7, 1, "devbox", 1, 9222);
	show(desk);
	tell(desk, 9, 1, "devbox", 1, 9222);
	assert_int_equal(json_integer_value(json_object_get(get(desk, desk->last).event, "id")), 9);
}

static void updates_become_ever_rarer(void **state)
{
	struct desk *desk = *state;

	for (int i = 0; i < 600; i++) { /* a minute with ten each second */
		attempt(desk, "devbox", 9222);
		wait_for(desk, SECOND / 10);
	}
	assert_int_equal(desk->popups, 1);
	assert_in_range(desk->updates, 4, 7); /* after 1, 3, 7, 15, 31, 61 s */
	wait_for(desk, 5 * MINUTE);
	assert_int_equal(get(desk, desk->last).count, 600);
	desk->updates = 0;
	attempt(desk, "devbox", 9222);
	show(desk);
	attempt(desk, "devbox", 9222);
	wait_for(desk, SECOND);
	assert_int_equal(desk->updates, 2); /* and after quiet minutes soon again */
}

/* On some desktops each is a new banner: all of them together are six a minute, once they are no news. */
static void updates_of_many_are_six_a_minute(void **state)
{
	struct desk *desk = *state;
	unsigned int before;

	for (int i = 0; i < 12; i++) {
		char name[16];

		snprintf(name, sizeof(name), "vm%d", i);
		tell(desk, ++desk->next_id, 1, name, 1 + i, 9222);
		wait_for(desk, 15 * SECOND);
	}
	assert_int_equal(desk->popups, 12);
	wait_for(desk, MINUTE);
	for (int s = 0; s < 600; s++) {
		before = desk->updates;
		for (int i = 0; i < 12; i++) {
			char name[16];

			snprintf(name, sizeof(name), "vm%d", i);
			tell(desk, ++desk->next_id, 1, name, 1 + i, 9222);
		}
		wait_for(desk, SECOND);
		assert_in_range(desk->updates - before, 0, 2); /* one may fall on the second */
	}
	assert_in_range(desk->updates, 12, 61);
	wait_for(desk, 5 * MINUTE);
	for (unsigned int i = 0; i < ALERTS_MAX; i++)
		if (desk->live[i])
			assert_int_equal(get(desk, i).count, 601);
	assert_true(alerts_due(desk->alerts, desk->now_us) == ALERTS_NEVER); /* each has said it */
}

/* One guest that goes on and on at four services: not 96 banners in ten minutes. */
static void what_goes_on_becomes_no_news(void **state)
{
	struct desk *desk = *state;

	for (int s = 0; s < 720; s++) {
		for (int i = 0; i < 3; i++)
			attempt(desk, "devbox", 1000 + i);
		if (s == 120)
			desk->updates = 0;
		wait_for(desk, SECOND);
	}
	assert_in_range(desk->updates, 3, 20);
}

static void two_services_at_once_are_shown_one_after_the_other(void **state)
{
	struct desk *desk = *state;

	attempt(desk, "devbox", 9222);
	attempt(desk, "devbox", 5432);
	show(desk);
	assert_int_equal(desk->popups, 1);
	wait_for(desk, 5 * SECOND);
	assert_int_equal(desk->popups, 2);
	assert_true(desk->popup_us[1] - desk->popup_us[0] >= SECOND);
	assert_int_equal(desk->summaries, 0);
}

/* The list of services has come, or was changed. */
static void what_is_named_later_is_brought_up_to_date(void **state)
{
	struct desk *desk = *state;

	attempt(desk, "devbox", 9222);
	wait_for(desk, 5 * SECOND);
	alerts_named(desk->alerts, desk->last, false, false); /* all is as before */
	wait_for(desk, 5 * SECOND);
	assert_int_equal(desk->updates, 0);
	alerts_named(desk->alerts, desk->last, true, true);
	show(desk);
	assert_int_equal(desk->updates, 1);
	assert_true(get(desk, desk->last).is_sensitive);
	close_last(desk);
	alerts_named(desk->alerts, desk->last, true, true); /* is nothing to show again */
	wait_for(desk, 10 * MINUTE);
	assert_int_equal(desk->updates + desk->popups, 2);
}

/* What could not be shown is in the summary by then. */
static void what_is_sensitive_after_all_is_named_in_the_summary(void **state)
{
	struct desk *desk = *state;
	struct alert alert;
	unsigned int slot = 0;

	for (int port = 1; port <= 40; port++)
		attempt(desk, "devbox", port);
	wait_for(desk, MINUTE);
	assert_null(summary_of(desk).sensitive);
	while (!alerts_get(desk->alerts, slot, desk->now_us, &alert) ||
	       strcmp(alert.service, "tcp/127.0.0.1:39") != 0)
		slot++;
	desk->summaries = 0;
	alerts_named(desk->alerts, slot, true, true);
	wait_for(desk, 3 * MINUTE);
	assert_int_equal(desk->summaries, 1);
	assert_non_null(summary_of(desk).sensitive);
}

static void what_is_sensitive_goes_first(void **state)
{
	struct desk *desk = *state;

	attempt(desk, "devbox", 8000);
	attempt(desk, "devbox", 8001);
	attempt_sensitive(desk, "devbox", 9222);
	show(desk);
	assert_string_equal(get(desk, desk->last).service, "tcp/127.0.0.1:9222");
	assert_true(get(desk, desk->last).is_sensitive);
}

static void a_flood_of_one_guest_is_three_popups(void **state)
{
	struct desk *desk = *state;
	unsigned int packets = 10000;

	for (unsigned int i = 0; i < packets; i++) {
		attempt(desk, "hostile", 1 + (int)i);
		wait_for(desk, SECOND / 1000);
	}
	assert_in_range(desk->popups, 2, 3);
	assert_true(desk->live[ALERTS_MAX]);
	/* The retries of its last connections, for some minutes. */
	for (unsigned int i = 0; i < 180; i++) {
		tell(desk, packets - i % 50, 2 + i / 50, "hostile", 1, (int)(packets - i % 50));
		wait_for(desk, SECOND);
	}
	assert_in_range(desk->popups, 2, 3);
	assert_true(summary_of(desk).attempts >= packets - 3);
	assert_true(summary_of(desk).attempts <= packets + 180);
	assert_int_equal(summary_of(desk).guests, 1);
	assert_string_equal(summary_of(desk).label, "vm:hostile");
	assert_in_range(desk->summaries, 2, 20);
}

/* The loopback has sixteen million addresses, and each has its sensitive ports. */
static void a_flood_at_sensitive_services_is_three_popups(void **state)
{
	struct desk *desk = *state;

	for (unsigned int i = 0; i < 10000; i++) {
		if (i % 3)
			attempt_sensitive(desk, "hostile", 1 + (int)i);
		else
			attempt(desk, "hostile", 1 + (int)i);
		wait_for(desk, SECOND / 1000);
	}
	wait_for(desk, 5 * SECOND);
	assert_int_equal(desk->popups, 3);
	assert_true(desk->live[ALERTS_MAX]);
	assert_non_null(summary_of(desk).sensitive);
}

/* One port a second, and after ten minutes that one that it is about. */
static void a_slow_scan_hides_nothing_sensitive(void **state)
{
	struct desk *desk = *state;

	for (int port = 1000; port < 1600; port++) {
		attempt(desk, "devbox", port);
		wait_for(desk, SECOND);
	}
	attempt_sensitive(desk, "devbox", 9222);
	wait_for(desk, SECOND);
	assert_true(get(desk, desk->last).is_sensitive);
	assert_string_equal(get(desk, desk->last).service, "tcp/127.0.0.1:9222");
	assert_null(summary_of(desk).sensitive);
}

/* Too fast to be shown by itself: the summary names it, whatever else there is. */
static void the_summary_names_what_is_sensitive(void **state)
{
	struct desk *desk = *state;
	struct alerts_summary summary;

	for (int port = 1; port < 3000; port++) {
		if (port == 1000)
			attempt_sensitive(desk, "devbox", 9222);
		if (port == 1010)
			attempt_sensitive(desk, "devbox", 6379);
		attempt(desk, "devbox", port);
		wait_for(desk, SECOND / 500);
	}
	attempt_sensitive(desk, "devbox", 6379);
	wait_for(desk, 5 * SECOND);
	assert_in_range(desk->popups, 2, 3);
	summary = summary_of(desk);
	assert_non_null(summary.sensitive);
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(summary.sensitive, "service"), "port")),
			 6379);
	assert_int_equal(summary.more_sensitive, 1);
}

static void a_flood_at_one_service_is_one_popup(void **state)
{
	struct desk *desk = *state;

	for (unsigned int i = 0; i < 10000; i++) {
		attempt(desk, "hostile", 9222);
		wait_for(desk, SECOND / 1000);
	}
	assert_int_equal(desk->popups, 1);
	assert_int_equal(desk->summaries, 0);
	assert_int_equal(get(desk, desk->last).count, 10000);
}

/* As many guests as you like, at as many services: six in any minute, one in any second. */
static void a_flood_of_many_guests_is_six_a_minute(void **state)
{
	struct desk *desk = *state;

	for (unsigned int i = 0; i < 20000; i++) {
		char name[32];

		snprintf(name, sizeof(name), "hostile-%u", i % 100);
		tell(desk, 1 + i, 1, name, 1 + (int)i % 100, 1 + (int)i % 700);
		wait_for(desk, SECOND / 100);
		if (i == 1000)
			assert_true(desk->live[ALERTS_MAX]); /* one in the minute is kept for it */
	}
	for (unsigned int i = 1; i < desk->popups; i++)
		assert_true(desk->popup_us[i] - desk->popup_us[i - 1] >= SECOND);
	for (unsigned int i = 6; i < desk->popups; i++)
		assert_true(desk->popup_us[i] - desk->popup_us[i - 6] >= MINUTE);
	assert_true(desk->live[ALERTS_MAX]);
	assert_true(summary_of(desk).more_guests || summary_of(desk).guests > 20);
	assert_true(summary_of(desk).attempts > 19000);
}

/* Another guest is still heard while one floods. */
static void a_flood_drowns_nobody_else(void **state)
{
	struct desk *desk = *state;
	bool is_shown = false;

	for (unsigned int i = 0; i < 30000; i++) {
		attempt(desk, "hostile", 1 + (int)i);
		if (i == 20000)
			tell(desk, 1000000, 1, "quiet", 2, 9222);
		wait_for(desk, SECOND / 1000);
		is_shown |= !strcmp(get(desk, desk->last).label, "vm:quiet");
	}
	assert_true(is_shown);
}

/* It has patience, and nobody closes anything: the screen is not all its own. */
static void alerts_that_nobody_closes_hide_no_other_guests(void **state)
{
	struct desk *desk = *state;

	for (int port = 1; port <= 20; port++) {
		attempt(desk, "patient", port);
		wait_for(desk, 20 * SECOND);
	}
	assert_int_equal(live_of(desk, NULL), ALERTS_OF_GUEST - 1);
	wait_for(desk, MINUTE);
	for (int port = 9222; port < 9224; port++) { /* the last place is kept for what matters */
		attempt_sensitive(desk, "patient", port);
		wait_for(desk, 20 * SECOND);
	}
	assert_string_equal(get(desk, desk->last).service, "tcp/127.0.0.1:9222");
	tell(desk, 1000000, 1, "other", 2, 9222);
	wait_for(desk, SECOND);
	assert_string_equal(get(desk, desk->last).label, "vm:other");
}

/* An update closes it and shows it anew. */
static void what_moves_is_updated_rarely_and_alone(void **state)
{
	struct desk *desk = *state;
	unsigned int shown;

	alerts_set_moving(desk->alerts, true, false);
	attempt(desk, "a", 1000);
	wait_for(desk, SECOND);
	shown = desk->updates;
	attempt(desk, "a", 1000);
	wait_for(desk, 10 * SECOND);
	assert_int_equal(desk->updates, shown);
	wait_for(desk, 6 * SECOND);
	assert_int_equal(desk->updates, shown + 1);
	attempt(desk, "b", 1000); /* it would be where "a" was, and get the click meant for it */
	attempt(desk, "a", 1000);
	wait_for(desk, 5 * MINUTE);
	assert_int_equal(desk->updates, shown + 1);
	alerts_closed(desk->alerts, desk->last, desk->now_us);
	wait_for(desk, SECOND);
	assert_int_equal(desk->updates, shown + 2);
	alerts_set_moving(desk->alerts, true, true); /* so would something else */
	attempt(desk, "a", 1000);
	wait_for(desk, 5 * MINUTE);
	assert_int_equal(desk->updates, shown + 2);
	alerts_set_moving(desk->alerts, true, false);
	wait_for(desk, SECOND);
	assert_int_equal(desk->updates, shown + 3);
}

static void what_could_not_be_moved_is_shown_again(void **state)
{
	struct desk *desk = *state;
	struct alerts_next next = {.what = ALERTS_UPDATE};
	unsigned int popups;

	alerts_set_moving(desk->alerts, true, false);
	attempt(desk, "a", 1000);
	wait_for(desk, SECOND);
	attempt(desk, "a", 1000);
	wait_for(desk, 16 * SECOND);
	assert_int_equal(desk->updates, 1);
	popups = desk->popups;
	next.slot = desk->last;
	alerts_failed(desk->alerts, &next, desk->now_us);
	desk->live[desk->last] = false;
	wait_for(desk, MINUTE);
	assert_int_equal(desk->popups, popups + 1);
	assert_int_equal(get(desk, desk->last).count, 2);
}

/* GNOME Shell throws the oldest of three away, whatever it is: so there are never more than it keeps. */
static void where_there_is_little_room_what_is_sensitive_has_it(void **state)
{
	struct desk *desk = *state;

	alerts_set_room(desk->alerts, 2);
	attempt(desk, "a", 1000);
	wait_for(desk, 20 * SECOND);
	attempt_sensitive(desk, "b", 9222);
	wait_for(desk, 20 * SECOND);
	assert_int_equal(live_of(desk, NULL), 2);
	attempt(desk, "c", 1000); /* for the summary: no more important than what is shown */
	wait_for(desk, 20 * SECOND);
	assert_int_equal(live_of(desk, "vm:c"), 0);
	assert_true(desk->live[ALERTS_MAX]);
	attempt_sensitive(desk, "d", 9222);
	wait_for(desk, 20 * SECOND);
	assert_int_equal(live_of(desk, "vm:a"), 0);
	assert_int_equal(live_of(desk, "vm:b"), 1);
	assert_int_equal(live_of(desk, "vm:d"), 1);
	attempt(desk, "e", 1000);
	wait_for(desk, 15 * MINUTE);
	attempt(desk, "e", 1001); /* old as they are, those are more important still */
	wait_for(desk, 20 * SECOND);
	assert_int_equal(live_of(desk, "vm:e"), 0);
	assert_int_equal(live_of(desk, NULL), 2);
}

/* Nobody has closed it for longer than anything could be done about it. */
static void what_is_old_makes_room(void **state)
{
	struct desk *desk = *state;

	alerts_set_room(desk->alerts, 1);
	attempt(desk, "a", 1000);
	wait_for(desk, 9 * MINUTE);
	attempt(desk, "b", 1000);
	wait_for(desk, 2 * MINUTE);
	assert_int_equal(live_of(desk, "vm:a"), 1);
	attempt(desk, "c", 1000);
	wait_for(desk, SECOND);
	assert_int_equal(live_of(desk, "vm:c"), 1);
	assert_int_equal(live_of(desk, NULL), 1);
}

static void the_summary_starts_anew_after_a_quiet_minute(void **state)
{
	struct desk *desk = *state;

	for (int i = 0; i < 100; i++)
		attempt(desk, "devbox", 1000 + i);
	wait_for(desk, 5 * SECOND);
	assert_int_equal(summary_of(desk).attempts, 98);
	wait_for(desk, 2 * MINUTE);
	for (int i = 0; i < 40; i++)
		attempt(desk, "devbox", 2000 + i);
	wait_for(desk, 5 * SECOND);
	assert_int_equal(summary_of(desk).attempts, 39); /* two have had their alert before */
}

/* Four at once: two are shown, the others are summarised; one that comes again has its turn. */
static void what_was_summarised_may_still_be_shown(void **state)
{
	struct desk *desk = *state;

	for (int i = 0; i < 4; i++)
		attempt(desk, "devbox", 1000 + i);
	wait_for(desk, 30 * SECOND);
	assert_int_equal(desk->popups, 3);
	assert_int_equal(summary_of(desk).attempts, 2);
	close_last(desk);
	attempt(desk, "devbox", 1003);
	wait_for(desk, 5 * SECOND);
	assert_int_equal(desk->popups, 4);
	assert_int_equal(get(desk, desk->last).count, 2);
	assert_int_equal(summary_of(desk).attempts, 1);
}

/* What the summary had of it is of long ago: it is not put there again while there is room for it. */
static void what_was_summarised_long_ago_is_shown(void **state)
{
	struct desk *desk = *state;

	for (int i = 0; i < 4; i++)
		attempt(desk, "devbox", 1000 + i);
	wait_for(desk, 5 * MINUTE);
	close_last(desk);
	assert_int_equal(desk->popups, 3);
	attempt(desk, "devbox", 1003);
	show(desk);
	assert_int_equal(desk->popups, 4);
	assert_string_equal(get(desk, desk->last).service, "tcp/127.0.0.1:1003");
	assert_int_equal(get(desk, desk->last).count, 1);
	wait_for(desk, 5 * SECOND);
	assert_int_equal(desk->summaries, 1);
}

static void what_was_closed_stays_away_for_a_while(void **state)
{
	struct desk *desk = *state;

	alerts_set_repeat(desk->alerts, 3 * MINUTE);
	attempt(desk, "devbox", 9222);
	show(desk);
	close_last(desk);
	for (int i = 0; i < 170; i++) {
		attempt(desk, "devbox", 9222);
		wait_for(desk, SECOND);
	}
	assert_int_equal(desk->popups, 1);
	wait_for(desk, 60 * SECOND); /* no event, no alert */
	assert_int_equal(desk->popups, 1);
	attempt(desk, "devbox", 9222);
	show(desk);
	assert_int_equal(desk->popups, 2);
	assert_int_equal(get(desk, desk->last).count, 1);
}

static void guests_of_one_name_have_an_alert_each(void **state)
{
	struct desk *desk = *state;
	unsigned int first;

	tell(desk, 1, 1, "twin", 1, 9222);
	show(desk);
	first = desk->last;
	tell(desk, 2, 1, "twin", 2, 9222);
	wait_for(desk, 2 * SECOND);
	assert_int_equal(desk->popups, 2);
	assert_int_not_equal(first, desk->last);
	assert_int_not_equal(get(desk, first).incarnation, get(desk, desk->last).incarnation);
}

/* Which is no news that it would be worth to pop up again for: the daemon says no to a late click. */
static void after_ten_minutes_nothing_can_be_done(void **state)
{
	struct desk *desk = *state;

	attempt(desk, "devbox", 9222);
	show(desk);
	assert_true(get(desk, desk->last).is_actionable);
	wait_for(desk, ALERTS_ACTIONABLE_US - SECOND);
	assert_int_equal(desk->updates, 0);
	assert_true(get(desk, desk->last).is_actionable);
	wait_for(desk, 2 * SECOND);
	assert_int_equal(desk->updates, 0);
	assert_false(get(desk, desk->last).is_actionable);
	assert_true(alerts_due(desk->alerts, desk->now_us) == ALERTS_NEVER);
	attempt(desk, "devbox", 9222);
	wait_for(desk, 2 * SECOND);
	assert_true(get(desk, desk->last).is_actionable);
}

static void events_of_an_earlier_daemon_cannot_be_allowed(void **state)
{
	struct desk *desk = *state;

	tell(desk, 5, 3, "devbox", 1, 9222);
	wait_for(desk, 5 * SECOND);
	alerts_new_daemon(desk->alerts);
	wait_for(desk, SECOND);
	assert_int_equal(desk->updates, 0);
	assert_false(get(desk, desk->last).is_actionable);
	tell(desk, 5, 1, "devbox", 1, 9222); /* another event, of the new one */
	assert_true(get(desk, desk->last).is_actionable);
	assert_int_equal(get(desk, desk->last).count, 4);
}

static void quiet_hours_are_counted_and_told_afterwards(void **state)
{
	struct desk *desk = *state;
	struct alerts_next next;

	attempt(desk, "devbox", 9222);
	alerts_set_quiet(desk->alerts, true, desk->now_us);
	for (int i = 0; i < 500; i++) {
		attempt(desk, i % 2 ? "devbox" : "web", 1000 + i % 5);
		wait_for(desk, 70 * SECOND);
	}
	assert_int_equal(desk->popups + desk->updates + desk->summaries, 0);
	assert_false(alerts_take(desk->alerts, desk->now_us, &next));
	assert_true(alerts_due(desk->alerts, desk->now_us) == ALERTS_NEVER);
	alerts_set_quiet(desk->alerts, false, desk->now_us);
	wait_for(desk, 5 * SECOND);
	assert_int_equal(desk->popups, 1);
	assert_int_equal(summary_of(desk).attempts, 501);
	assert_int_equal(summary_of(desk).guests, 2);
	assert_true(summary_of(desk).was_quiet);
	for (int i = 0; i < 4; i++)
		attempt(desk, "other", 7000 + i);
	wait_for(desk, 5 * SECOND);
	assert_false(summary_of(desk).was_quiet);
	assert_int_equal(summary_of(desk).attempts, 2);
	assert_int_equal(summary_of(desk).guests, 1);
}

static void what_came_without_a_server_is_shown_when_there_is_one(void **state)
{
	struct desk *desk = *state;

	alerts_set_server(desk->alerts, false, desk->now_us);
	attempt(desk, "devbox", 9222);
	for (int i = 0; i < 1000; i++)
		attempt(desk, "hostile", 1 + i);
	wait_for(desk, 10 * MINUTE);
	assert_int_equal(desk->popups, 0);
	alerts_set_server(desk->alerts, true, desk->now_us);
	wait_for(desk, 30 * SECOND);
	assert_in_range(desk->popups, 2, 4);
	assert_true(desk->live[ALERTS_MAX]);
	assert_in_range(summary_of(desk).attempts, 990, 1001);
}

static void a_new_server_is_shown_what_was_shown_but_not_at_once(void **state)
{
	struct desk *desk = *state;

	for (int i = 0; i < 4; i++) {
		char name[16];

		snprintf(name, sizeof(name), "vm%d", i);
		tell(desk, 1 + i, 1, name, 1 + i, 9222);
		wait_for(desk, 2 * SECOND);
	}
	assert_int_equal(desk->popups, 4);
	wait_for(desk, 2 * MINUTE);
	alerts_new_server(desk->alerts, desk->now_us);
	memset(desk->live, 0, sizeof(desk->live));
	show(desk);
	assert_int_equal(desk->popups, 5);
	wait_for(desk, 10 * SECOND);
	assert_in_range(desk->popups, 6, 8);
	assert_int_equal(desk->popups - 4 + summary_of(desk).attempts, 4 + desk->live[ALERTS_MAX]);
}

static void what_the_server_refused_is_tried_again(void **state)
{
	struct desk *desk = *state;
	struct alerts_next next;

	attempt(desk, "devbox", 9222);
	assert_true(alerts_take(desk->alerts, desk->now_us, &next));
	alerts_failed(desk->alerts, &next, desk->now_us);
	alerts_set_server(desk->alerts, false, desk->now_us);
	attempt(desk, "devbox", 9222);
	wait_for(desk, 10 * SECOND);
	alerts_set_server(desk->alerts, true, desk->now_us);
	wait_for(desk, 3 * SECOND);
	assert_int_equal(desk->popups, 1);
	assert_int_equal(get(desk, desk->last).count, 2);
}

static void a_decision_ends_it_and_a_refusal_is_shown(void **state)
{
	struct desk *desk = *state;
	unsigned int slot;

	attempt(desk, "devbox", 9222);
	show(desk);
	slot = desk->last;
	alerts_hold(desk->alerts, slot, true);
	alerts_closed(desk->alerts, slot, desk->now_us); /* as servers do on a click */
	desk->live[slot] = false;
	wait_for(desk, 2 * SECOND);
	assert_int_equal(desk->popups, 1);
	alerts_refused(desk->alerts, slot, "polkit said no");
	show(desk);
	assert_int_equal(desk->popups, 2);
	assert_string_equal(get(desk, slot).failure, "polkit said no");
	assert_false(get(desk, slot).is_decided);
	alerts_settle(desk->alerts, slot, desk->now_us);
	desk->live[slot] = false;
	attempt(desk, "devbox", 9222);
	wait_for(desk, 10 * SECOND);
	assert_int_equal(desk->popups, 2);
	assert_true(get(desk, slot).is_decided); /* a late click must not be told otherwise */
	wait_for(desk, 10 * MINUTE);
	attempt(desk, "devbox", 9222);
	assert_false(get(desk, slot).is_decided);
}

/* The daemon's no is faster than the server's word that the alert it was clicked in is gone. */
static void a_refusal_before_the_click_has_closed_it_is_shown(void **state)
{
	struct desk *desk = *state;
	unsigned int slot;

	attempt(desk, "devbox", 9222);
	show(desk);
	slot = desk->last;
	alerts_hold(desk->alerts, slot, true);
	alerts_refused(desk->alerts, slot, "polkit said no");
	desk->live[slot] = false; /* which the model has not heard yet */
	show(desk);
	assert_int_equal(desk->popups, 2);
	assert_true(desk->live[slot]);
}

/* What is being decided keeps its place whatever a guest does meanwhile. */
static void a_flood_does_not_take_the_place_of_what_is_decided(void **state)
{
	struct desk *desk = *state;
	unsigned int slot;

	attempt(desk, "devbox", 9222);
	show(desk);
	slot = desk->last;
	alerts_hold(desk->alerts, slot, true);
	alerts_closed(desk->alerts, slot, desk->now_us);
	desk->live[slot] = false;
	for (int i = 0; i < 5000; i++) {
		attempt(desk, "hostile", 1 + i);
		wait_for(desk, SECOND / 100);
	}
	assert_string_equal(get(desk, slot).label, "vm:devbox");
}

/* After a new server it is held; the summary that has it begins anew, and leaves it alone. */
static void what_is_decided_outlives_the_summary(void **state)
{
	struct desk *desk = *state;
	unsigned int slot;

	attempt(desk, "devbox", 9222);
	show(desk);
	slot = desk->last;
	alerts_hold(desk->alerts, slot, true);
	alerts_set_quiet(desk->alerts, true, desk->now_us);
	alerts_new_server(desk->alerts, desk->now_us);
	memset(desk->live, 0, sizeof(desk->live));
	attempt(desk, "devbox", 9222);
	wait_for(desk, 10 * SECOND);
	alerts_set_quiet(desk->alerts, false, desk->now_us);
	wait_for(desk, 70 * SECOND);
	for (int i = 0; i < 300; i++)
		attempt(desk, "hostile", 1 + i);
	assert_string_equal(get(desk, slot).label, "vm:devbox");
	alerts_refused(desk->alerts, slot, "polkit said no");
	wait_for(desk, 5 * SECOND);
	assert_string_equal(get(desk, slot).failure, "polkit said no");
	assert_true(desk->live[slot]);
}

static void a_refusal_that_could_not_be_shown_is_tried_again(void **state)
{
	struct desk *desk = *state;
	struct alerts_next next;
	unsigned int slot;

	attempt(desk, "devbox", 9222);
	show(desk);
	slot = desk->last;
	alerts_hold(desk->alerts, slot, true);
	alerts_closed(desk->alerts, slot, desk->now_us);
	desk->live[slot] = false;
	wait_for(desk, 30 * SECOND);
	alerts_set_quiet(desk->alerts, true, desk->now_us); /* whoever clicked is awake */
	alerts_refused(desk->alerts, slot, "polkit said no");
	assert_true(alerts_take(desk->alerts, desk->now_us, &next));
	alerts_set_server(desk->alerts, false, desk->now_us);
	wait_for(desk, 25 * SECOND);
	alerts_failed(desk->alerts, &next, desk->now_us);
	alerts_set_server(desk->alerts, true, desk->now_us);
	show(desk);
	assert_true(desk->live[slot]);
	assert_string_equal(get(desk, slot).failure, "polkit said no");
	assert_int_equal(desk->summaries, 0);
}

/* The rows are few, and a guest that tries ten thousand ports wants them all. */
static void a_flood_does_not_take_the_place_of_a_refusal(void **state)
{
	struct desk *desk = *state;
	unsigned int slot;

	attempt(desk, "devbox", 9222);
	show(desk);
	slot = desk->last;
	alerts_hold(desk->alerts, slot, true);
	alerts_closed(desk->alerts, slot, desk->now_us);
	desk->live[slot] = false;
	wait_for(desk, 2 * SECOND);
	alerts_refused(desk->alerts, slot, "polkit said no");
	for (int i = 0; i < 1000; i++) /* the display is busy meanwhile */
		attempt(desk, "hostile", 1 + i);
	show(desk);
	assert_true(desk->live[slot]);
	assert_string_equal(get(desk, slot).failure, "polkit said no");
}

/* Its details may still be on the screen, with their buttons; and it is not to come again yet. */
static void a_flood_does_not_take_the_place_of_what_was_closed(void **state)
{
	struct desk *desk = *state;
	unsigned int slot;

	attempt(desk, "devbox", 9222);
	show(desk);
	slot = desk->last;
	close_last(desk);
	for (int i = 0; i < 5000; i++) {
		attempt(desk, "hostile", 1 + i);
		wait_for(desk, SECOND / 100);
	}
	attempt(desk, "devbox", 9222);
	wait_for(desk, 5 * SECOND);
	assert_string_equal(get(desk, slot).label, "vm:devbox");
	assert_int_equal(live_of(desk, "vm:devbox"), 0);
	wait_for(desk, 11 * MINUTE); /* by now it is like any other */
	for (int i = 0; i < 5000; i++)
		attempt(desk, "hostile", 10001 + i);
	assert_string_equal(get(desk, slot).label, "vm:hostile");
}

/* The update that a server took along when it went was of what it showed. */
static void a_new_server_is_shown_the_summary_too(void **state)
{
	struct desk *desk = *state;
	struct alerts_next next;

	for (int i = 0; i < 100; i++)
		attempt(desk, "hostile", 1 + i);
	wait_for(desk, 10 * SECOND);
	assert_true(desk->live[ALERTS_MAX]);
	attempt(desk, "hostile", 101);
	desk->now_us += 10 * SECOND;
	do
		assert_true(alerts_take(desk->alerts, desk->now_us, &next));
	while (next.what != ALERTS_SUMMARY);
	assert_true(next.is_update);
	alerts_new_server(desk->alerts, desk->now_us);
	memset(desk->live, 0, sizeof(desk->live));
	alerts_failed(desk->alerts, &next, desk->now_us);
	wait_for(desk, 70 * SECOND);
	assert_true(desk->live[ALERTS_MAX]);
}

static void quiet_hours_without_events_are_not_talked_about(void **state)
{
	struct desk *desk = *state;

	alerts_set_quiet(desk->alerts, true, desk->now_us);
	wait_for(desk, 60 * MINUTE);
	alerts_set_quiet(desk->alerts, false, desk->now_us);
	for (int i = 0; i < 100; i++)
		attempt(desk, "devbox", 1000 + i);
	wait_for(desk, 5 * SECOND);
	assert_int_equal(summary_of(desk).attempts, 98);
	assert_false(summary_of(desk).was_quiet);
}

static void a_count_that_makes_no_sense_does_no_harm(void **state)
{
	struct desk *desk = *state;

	tell(desk, 7, -1, "devbox", 1, 9222);
	tell(desk, 7, INT64_MIN, "devbox", 1, 9222);
	wait_for(desk, 5 * SECOND);
	assert_int_equal(desk->popups, 0);
	tell(desk, 7, INT64_MAX, "devbox", 1, 9222);
	wait_for(desk, 5 * SECOND);
	assert_int_equal(desk->popups, 1);
}

static void lost_events_are_told(void **state)
{
	struct desk *desk = *state;

	alerts_lost(desk->alerts, 40, desk->now_us);
	alerts_lost(desk->alerts, 2, desk->now_us);
	wait_for(desk, 2 * SECOND);
	assert_int_equal(desk->popups, 1);
	assert_int_equal(summary_of(desk).lost, 42);
	assert_int_equal(summary_of(desk).guests, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_attempt_is_shown_at_once),
		TEST(a_retransmitted_syn_is_counted_once),
		TEST(connections_at_a_time_are_not_counted_twice),
		TEST(the_newest_event_is_what_a_click_is_about),
		TEST(updates_become_ever_rarer),
		TEST(updates_of_many_are_six_a_minute),
		TEST(what_goes_on_becomes_no_news),
		TEST(two_services_at_once_are_shown_one_after_the_other),
		TEST(what_is_named_later_is_brought_up_to_date),
		TEST(what_is_sensitive_after_all_is_named_in_the_summary),
		TEST(what_is_sensitive_goes_first),
		TEST(a_flood_of_one_guest_is_three_popups),
		TEST(a_flood_at_sensitive_services_is_three_popups),
		TEST(a_slow_scan_hides_nothing_sensitive),
		TEST(the_summary_names_what_is_sensitive),
		TEST(a_flood_at_one_service_is_one_popup),
		TEST(a_flood_of_many_guests_is_six_a_minute),
		TEST(a_flood_drowns_nobody_else),
		TEST(alerts_that_nobody_closes_hide_no_other_guests),
		TEST(what_moves_is_updated_rarely_and_alone),
		TEST(what_could_not_be_moved_is_shown_again),
		TEST(where_there_is_little_room_what_is_sensitive_has_it),
		TEST(what_is_old_makes_room),
		TEST(the_summary_starts_anew_after_a_quiet_minute),
		TEST(what_was_summarised_may_still_be_shown),
		TEST(what_was_summarised_long_ago_is_shown),
		TEST(what_was_closed_stays_away_for_a_while),
		TEST(guests_of_one_name_have_an_alert_each),
		TEST(after_ten_minutes_nothing_can_be_done),
		TEST(events_of_an_earlier_daemon_cannot_be_allowed),
		TEST(quiet_hours_are_counted_and_told_afterwards),
		TEST(what_came_without_a_server_is_shown_when_there_is_one),
		TEST(a_new_server_is_shown_what_was_shown_but_not_at_once),
		TEST(what_the_server_refused_is_tried_again),
		TEST(a_decision_ends_it_and_a_refusal_is_shown),
		TEST(a_refusal_before_the_click_has_closed_it_is_shown),
		TEST(a_flood_does_not_take_the_place_of_what_is_decided),
		TEST(what_is_decided_outlives_the_summary),
		TEST(a_refusal_that_could_not_be_shown_is_tried_again),
		TEST(a_flood_does_not_take_the_place_of_a_refusal),
		TEST(a_flood_does_not_take_the_place_of_what_was_closed),
		TEST(a_new_server_is_shown_the_summary_too),
		TEST(quiet_hours_without_events_are_not_talked_about),
		TEST(a_count_that_makes_no_sense_does_no_harm),
		TEST(lost_events_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
