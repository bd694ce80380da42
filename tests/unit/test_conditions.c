// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/notify/conditions and notices: what is told of the guard itself, once, and taken back. */
#include "cli/notify/conditions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND 1000000ull
#define START  (1000 * SECOND)

struct guard {
	struct conditions conditions;
	struct notices notices;
	json_t *status;
};

static int setup(void **state)
{
	struct guard *guard = calloc(1, sizeof(*guard));

	assert_non_null(guard);
	for (unsigned int i = 0; i < NOTICE_COUNT; i++)
		guard->notices.of[i].slot = 200 + i;
	guard->status = json_pack(
		"{s:s, s:s, s:i, s:{s:s, s:n}, s:{s:s, s:n}, s:{s:s, s:n}, s:{s:s, s:n},"
		" s:[{s:s, s:s}, {s:s, s:s}]}",
		"mode", "enforce", "since", "2026-11-26T12:00:00Z", "tableRestored", 0,
		"configuration", "state", "ok", "error", "catalogue", "state", "ok", "error",
		"services", "state", "ok", "error", "exceptions", "state", "ok", "error", "queues",
		"name", "loopback", "down", "accept", "name", "guests", "down", "drop");
	assert_non_null(guard->status);
	*state = guard;
	return 0;
}

static int teardown(void **state)
{
	struct guard *guard = *state;

	json_decref(guard->status);
	free(guard);
	return 0;
}

static void tell_status(struct guard *guard)
{
	conditions_status(&guard->conditions, guard->status, &guard->notices);
}

static void up(struct guard *guard, uint64_t now_us)
{
	conditions_link(&guard->conditions, LINK_UP, now_us, &guard->notices);
	tell_status(guard);
}

static void lose(struct guard *guard, enum link_state state, uint64_t now_us)
{
	conditions_link(&guard->conditions, state, now_us, &guard->notices);
}

/* The next that is to be shown; NULL: nothing. */
static const struct message *shown(struct guard *guard)
{
	struct notice *notice = notices_take(&guard->notices, false);

	if (!notice)
		return NULL;
	assert_true(notice->is_live);
	return &notice->message;
}

static void assert_silent(struct guard *guard)
{
	assert_false(notices_wait(&guard->notices, false));
	assert_null(notices_take(&guard->notices, false));
}

static void a_guard_that_is_well_is_not_talked_about(void **state)
{
	struct guard *guard = *state;

	assert_true(conditions_due(&guard->conditions) == CONDITIONS_NEVER);
	up(guard, START);
	tell_status(guard);
	assert_silent(guard);
	assert_true(conditions_due(&guard->conditions) == CONDITIONS_NEVER);
}

/* At boot the desktop may be faster; but who counts on a guard that failed to start has to hear of it. */
static void a_guard_that_never_came_is_missed_once(void **state)
{
	struct guard *guard = *state;
	const struct message *message;

	lose(guard, LINK_STOPPED, START);
	lose(guard, LINK_DIED, START + 30 * SECOND);
	assert_true(conditions_due(&guard->conditions) == START + 60 * SECOND);
	conditions_check(&guard->conditions, START + 59 * SECOND, &guard->notices);
	assert_silent(guard);
	conditions_check(&guard->conditions, START + 60 * SECOND, &guard->notices);
	message = shown(guard);
	assert_non_null(message);
	assert_string_equal(message->summary, "The guard is not running");
	assert_int_equal(message->urgency, URGENCY_CRITICAL);
	assert_non_null(strstr(message->body, "guests may reach the services of this host"));
	assert_non_null(strstr(message->body, "sudo systemctl start lhguardd"));
	assert_non_null(strstr(message->body, "journalctl -u lhguardd"));
	assert_non_null(strstr(message->body, "guard = no"));
	lose(guard, LINK_STOPPED, START + 70 * SECOND);
	conditions_check(&guard->conditions, START + 600 * SECOND, &guard->notices);
	assert_silent(guard);
	up(guard, START + 700 * SECOND);
	assert_string_equal(shown(guard)->summary, "The guard is running now");
	assert_silent(guard);
	lose(guard, LINK_STOPPED, START + 800 * SECOND); /* from now on it is like any other */
	conditions_check(&guard->conditions, START + 803 * SECOND, &guard->notices);
	assert_string_equal(shown(guard)->summary, "The guard was stopped");
}

static void a_guard_that_comes_late_is_not_talked_about(void **state)
{
	struct guard *guard = *state;

	lose(guard, LINK_STOPPED, START);
	up(guard, START + 59 * SECOND);
	conditions_check(&guard->conditions, START + 600 * SECOND, &guard->notices);
	assert_silent(guard);
}

/* In quiet hours it was not seen that it did not run. */
static void a_guard_that_came_late_in_quiet_hours_is_told(void **state)
{
	struct guard *guard = *state;
	const struct message *message;

	lose(guard, LINK_STOPPED, START);
	conditions_check(&guard->conditions, START + 60 * SECOND, &guard->notices);
	assert_false(notices_wait(&guard->notices, true));
	up(guard, START + 600 * SECOND);
	message = shown(guard);
	assert_string_equal(message->summary, "The guard is running now, and was not before");
	assert_int_equal(message->urgency, URGENCY_NORMAL);
	assert_silent(guard);
}

static void a_restart_is_not_talked_about(void **state)
{
	struct guard *guard = *state;

	up(guard, START);
	lose(guard, LINK_SILENT, START + SECOND);
	lose(guard, LINK_STOPPED, START + 2 * SECOND);
	assert_true(conditions_due(&guard->conditions) == START + 4 * SECOND);
	conditions_check(&guard->conditions, START + 3 * SECOND, &guard->notices);
	up(guard, START + 3 * SECOND);
	conditions_check(&guard->conditions, START + 10 * SECOND, &guard->notices);
	assert_silent(guard);
}

static void a_crash_says_what_becomes_of_connections(void **state)
{
	struct guard *guard = *state;
	const struct message *message;

	up(guard, START);
	lose(guard, LINK_DIED, START + SECOND);
	conditions_check(&guard->conditions, START + 4 * SECOND, &guard->notices);
	message = shown(guard);
	assert_non_null(message);
	assert_string_equal(message->summary, "The guard is down");
	assert_int_equal(message->urgency, URGENCY_CRITICAL);
	assert_non_null(strstr(message->body, "failed open"));
	assert_non_null(strstr(message->body, "What comes from networks of guests is refused"));
	lose(guard, LINK_DIED, START + 5 * SECOND); /* the next try */
	assert_silent(guard);
	up(guard, START + 9 * SECOND);
	message = shown(guard);
	assert_string_equal(message->summary, "The guard is back");
	assert_int_equal(message->urgency, URGENCY_LOW);
	assert_silent(guard);
}

static void queues_that_are_closed_are_said_to_be(void **state)
{
	struct guard *guard = *state;
	json_t *queues = json_object_get(guard->status, "queues");
	const struct message *message;

	json_object_set_new(json_array_get(queues, 0), "down", json_string("drop"));
	json_object_set_new(json_array_get(queues, 1), "down", json_string("accept"));
	up(guard, START);
	lose(guard, LINK_DIED, START + SECOND);
	conditions_check(&guard->conditions, START + 4 * SECOND, &guard->notices);
	message = shown(guard);
	assert_null(strstr(message->body, "failed open"));
	assert_non_null(strstr(message->body, "loopback are refused"));
	assert_non_null(strstr(message->body, "What comes from networks of guests is let through"));
}

static void a_stop_on_purpose_is_another_thing(void **state)
{
	struct guard *guard = *state;
	const struct message *message;

	up(guard, START);
	lose(guard, LINK_SILENT, START + SECOND);
	conditions_check(&guard->conditions, START + 4 * SECOND, &guard->notices);
	assert_string_equal(shown(guard)->summary, "The guard does not answer");
	lose(guard, LINK_STOPPED, START + 6 * SECOND); /* now it is known better */
	message = shown(guard);
	assert_string_equal(message->summary, "The guard was stopped");
	assert_non_null(strstr(message->body, "every guest reaches"));
}

static void a_mistake_is_told_until_it_is_mended(void **state)
{
	struct guard *guard = *state;
	json_t *failed = json_pack("{s:s, s:s}", "state", "failed", "error",
				   "/etc/lhguard/lhguard.conf:3: no \033key");
	const struct message *message;
	struct notice *notice;

	up(guard, START);
	json_object_set_new(guard->status, "configuration", failed);
	tell_status(guard);
	message = shown(guard);
	assert_non_null(strstr(message->body, "/etc/lhguard/lhguard.conf:3: no \\x1bkey"));
	tell_status(guard);
	assert_silent(guard);
	json_object_set_new(failed, "error", json_string("/etc/lhguard/lhguard.conf:4: no key"));
	tell_status(guard);
	assert_non_null(strstr(shown(guard)->body, "conf:4:"));
	json_object_set_new(failed, "state", json_string("ok"));
	tell_status(guard);
	notice = notices_take(&guard->notices, false);
	assert_non_null(notice);
	assert_false(notice->is_live); /* to be closed */
	assert_silent(guard);
}

static void what_a_person_closed_stays_closed(void **state)
{
	struct guard *guard = *state;
	json_t *failed = json_pack("{s:s, s:s}", "state", "failed", "error", "x:1: y");

	json_object_set_new(guard->status, "exceptions", failed);
	up(guard, START);
	assert_non_null(shown(guard));
	notices_closed(&guard->notices, guard->notices.of[NOTICE_EXCEPTIONS].slot);
	tell_status(guard);
	assert_silent(guard);
	notices_renewed(&guard->notices);
	assert_silent(guard);
	json_object_set_new(failed, "state", json_string("ok"));
	tell_status(guard);
	assert_silent(guard); /* there is nothing to close */
}

/* It is past, and before that is said to the server, the person closes it. */
static void what_is_closed_need_not_be_closed(void **state)
{
	struct guard *guard = *state;
	json_t *failed = json_pack("{s:s, s:s}", "state", "failed", "error", "x:1: y");

	json_object_set_new(guard->status, "exceptions", failed);
	up(guard, START);
	assert_non_null(shown(guard));
	json_object_set_new(failed, "state", json_string("ok"));
	tell_status(guard);
	assert_true(notices_wait(&guard->notices, false));
	notices_closed(&guard->notices, guard->notices.of[NOTICE_EXCEPTIONS].slot);
	assert_silent(guard);
}

static void a_new_server_is_told_what_still_holds(void **state)
{
	struct guard *guard = *state;
	json_t *failed = json_pack("{s:s, s:s}", "state", "failed", "error", "x:1: y");

	json_object_set_new(guard->status, "catalogue", failed);
	up(guard, START);
	assert_non_null(shown(guard));
	json_object_set_new(guard->status, "tableRestored", json_integer(1));
	tell_status(guard);
	assert_string_equal(shown(guard)->summary, "The guard had to put its rules back");
	notices_renewed(&guard->notices);
	assert_non_null(strstr(shown(guard)->summary, "runtimes has a mistake"));
	assert_silent(guard);
}

static void what_could_not_be_shown_is_tried_again(void **state)
{
	struct guard *guard = *state;

	up(guard, START);
	json_object_set_new(guard->status, "mode", json_string("monitor"));
	tell_status(guard);
	assert_non_null(shown(guard));
	notices_failed(&guard->notices, guard->notices.of[NOTICE_MODE].slot);
	assert_string_equal(shown(guard)->summary, "The guard only watches now: monitor mode");
	assert_silent(guard);
}

static void a_change_of_mode_is_told_but_not_the_mode(void **state)
{
	struct guard *guard = *state;

	json_object_set_new(guard->status, "mode", json_string("monitor"));
	up(guard, START);
	assert_silent(guard);
	json_object_set_new(guard->status, "mode", json_string("enforce"));
	tell_status(guard);
	assert_string_equal(shown(guard)->summary, "The guard stops guests again");
	json_object_set_new(guard->status, "mode", json_string("monitor"));
	tell_status(guard);
	assert_int_equal(shown(guard)->urgency, URGENCY_CRITICAL);
}

/* In quiet hours, or without a server: who hears only of the good end has to hear of the rest. */
static void what_was_over_before_it_could_be_shown_is_told(void **state)
{
	struct guard *guard = *state;
	const struct message *message;

	up(guard, START);
	lose(guard, LINK_DIED, START + SECOND);
	conditions_check(&guard->conditions, START + 4 * SECOND, &guard->notices);
	up(guard, START + 9 * SECOND);
	message = shown(guard);
	assert_string_equal(message->summary, "The guard was down, and is back");
	assert_int_equal(message->urgency, URGENCY_NORMAL);
	assert_silent(guard);
	json_object_set_new(guard->status, "mode", json_string("monitor"));
	tell_status(guard);
	json_object_set_new(guard->status, "mode", json_string("enforce"));
	tell_status(guard);
	assert_non_null(strstr(shown(guard)->summary, "only watched for a while"));
	assert_silent(guard);
}

static void the_table_of_another_daemon_is_not_compared(void **state)
{
	struct guard *guard = *state;

	json_object_set_new(guard->status, "tableRestored", json_integer(3));
	up(guard, START);
	assert_silent(guard);
	json_object_set_new(guard->status, "tableRestored", json_integer(4));
	tell_status(guard);
	assert_non_null(strstr(shown(guard)->body, "4 times since the guard started"));
	json_object_set_new(guard->status, "since", json_string("2026-11-26T13:00:00Z"));
	json_object_set_new(guard->status, "tableRestored", json_integer(5));
	tell_status(guard);
	assert_silent(guard);
}

static void who_may_not_read_is_told_once(void **state)
{
	struct guard *guard = *state;

	lose(guard, LINK_FORBIDDEN, START);
	assert_non_null(strstr(shown(guard)->body, "group lhguard"));
	lose(guard, LINK_FORBIDDEN, START + 60 * SECOND);
	assert_silent(guard);
}

static void answers_come_in_quiet_hours_too(void **state)
{
	struct guard *guard = *state;
	struct message message = {.summary = "may reach"};
	struct notice *notice;

	up(guard, START);
	json_object_set_new(guard->status, "mode", json_string("monitor"));
	tell_status(guard);
	assert_false(notices_wait(&guard->notices, true));
	assert_null(notices_take(&guard->notices, true));
	notices_outcome(&guard->notices, 17, &message);
	notice = notices_take(&guard->notices, true);
	assert_non_null(notice);
	assert_int_equal(notice->slot, 17);
	assert_string_equal(notice->message.summary, "may reach");
	assert_null(notices_take(&guard->notices, true));
	assert_non_null(shown(guard));
}

static void each_click_has_its_answer(void **state)
{
	struct guard *guard = *state;
	unsigned int slots = 0;

	for (unsigned int i = 0; i < NOTICE_OUTCOMES; i++)
		notices_outcome(&guard->notices, 1u + i, &(struct message){.summary = "x"});
	notices_outcome(&guard->notices, 2, &(struct message){.summary = "y"});
	for (unsigned int i = 0; i < NOTICE_OUTCOMES; i++) {
		struct notice *notice = notices_take(&guard->notices, true);

		assert_non_null(notice);
		assert_string_equal(notice->message.summary, notice->slot == 2 ? "y" : "x");
		slots |= 1u << notice->slot;
	}
	assert_int_equal(slots, 0x1e);
	assert_silent(guard);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_guard_that_is_well_is_not_talked_about),
		TEST(a_guard_that_never_came_is_missed_once),
		TEST(a_guard_that_comes_late_is_not_talked_about),
		TEST(a_guard_that_came_late_in_quiet_hours_is_told),
		TEST(a_restart_is_not_talked_about),
		TEST(a_crash_says_what_becomes_of_connections),
		TEST(queues_that_are_closed_are_said_to_be),
		TEST(a_stop_on_purpose_is_another_thing),
		TEST(a_mistake_is_told_until_it_is_mended),
		TEST(what_a_person_closed_stays_closed),
		TEST(what_is_closed_need_not_be_closed),
		TEST(a_new_server_is_told_what_still_holds),
		TEST(what_could_not_be_shown_is_tried_again),
		TEST(a_change_of_mode_is_told_but_not_the_mode),
		TEST(what_was_over_before_it_could_be_shown_is_told),
		TEST(the_table_of_another_daemon_is_not_compared),
		TEST(who_may_not_read_is_told_once),
		TEST(answers_come_in_quiet_hours_too),
		TEST(each_click_has_its_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
