// SPDX-License-Identifier: GPL-2.0-or-later
/* control/events: one event for the packets of an attempt, a ring that forgets the oldest. */
#include "control/events.h"
#include "control/refusals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct told {
	unsigned int news;
	unsigned int repeats;
	struct attempt latest;
};

static void listen_to(void *data, const struct attempt *attempt, bool is_new)
{
	struct told *told = data;

	*(is_new ? &told->news : &told->repeats) += 1;
	told->latest = *attempt;
}

static struct attempt attempt_of(uint16_t client_port, uint32_t guest)
{
	struct attempt attempt = {
		.enforced = true,
		.flow = {.client = IN6ADDR_LOOPBACK_INIT,
			 .service = IN6ADDR_LOOPBACK_INIT,
			 .client_port = client_port,
			 .service_port = 9222,
			 .family = AF_INET6,
			 .protocol = IPPROTO_TCP},
		.source = {.class = SOURCE_GUEST, .guest = guest},
		.decision = {.verdict = VERDICT_DROP, .reason = REASON_DEFAULT},
	};

	snprintf(attempt.rule, sizeof(attempt.rule), "a rule");
	return attempt;
}

static int collect_ids(void *data, const struct attempt *attempt)
{
	uint64_t **next = data;

	*(*next)++ = attempt->id;
	return 0;
}

static void repeats_are_one_event_with_a_count(void **state)
{
	struct events *events = events_new();
	struct attempt attempt = attempt_of(40000, 1);
	struct told told = {0};

	assert_int_equal(events_listen(events, listen_to, &told), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(events_record(events, &attempt), i == 0);
	assert_int_equal(told.news, 1);
	assert_int_equal(told.repeats, 7 + 3); /* 2…8, then 16, 32, 64 */
	assert_int_equal(told.latest.count, 64);
	assert_int_equal(told.latest.id, 1);
	assert_true(told.latest.last_us >= told.latest.first_us && told.latest.first_us);
	events_free(events);
}

static void other_attempts_are_kept_apart(void **state)
{
	struct events *events = events_new();
	struct attempt variants[10];
	struct events_totals totals;
	struct told told = {0};

	for (size_t i = 0; i < 10; i++)
		variants[i] = attempt_of(40000, 1);
	variants[1].flow.client_port++;
	variants[2].flow.service_port++;
	variants[3].flow.protocol = IPPROTO_UDP;
	variants[4].flow.service.s6_addr[3] = 1;
	variants[5].source.guest = 2;
	variants[6].decision.verdict = VERDICT_ACCEPT;
	variants[7].enforced = false;
	variants[8].arrival.ifindex = 7;
	variants[9].type = EVENT_LISTENER;
	events_listen(events, listen_to, &told);
	for (int run = 0; run < 2; run++)
		for (size_t i = 0; i < 10; i++)
			events_record(events, &variants[i]);
	assert_int_equal(told.news, 10);
	assert_int_equal(told.repeats, 10);
	events_totals(events, &totals);
	assert_int_equal(totals.attempts, 10);
	assert_int_equal(totals.listeners, 1);
	assert_int_equal(totals.refused, 9);
	assert_int_equal(totals.refused_last_hour, 9);
	assert_int_equal(totals.forgotten, 0);
	events_free(events);
}

static void the_ring_forgets_the_oldest(void **state)
{
	struct events *events = events_new();
	uint64_t ids[EVENTS_RING], *next = ids;
	struct events_totals totals;
	struct told told = {0};

	for (uint32_t i = 0; i < 3 * EVENTS_RING + 5; i++) {
		struct attempt attempt = attempt_of((uint16_t)i, i / 1000);

		events_record(events, &attempt);
	}
	events_totals(events, &totals);
	assert_int_equal(totals.attempts, 3 * EVENTS_RING + 5);
	assert_int_equal(totals.forgotten, 2 * EVENTS_RING + 5);
	assert_int_equal(events_each(events, SIZE_MAX, collect_ids, &next), 0);
	assert_int_equal(next - ids, EVENTS_RING);
	for (size_t i = 0; i < EVENTS_RING; i++)
		assert_int_equal(ids[i], 2 * EVENTS_RING + 5 + i + 1);
	next = ids;
	events_each(events, 2, collect_ids, &next);
	assert_int_equal(next - ids, 2);
	assert_int_equal(ids[1], totals.attempts);

	/* What was forgotten is new when it comes again; what is kept is not. */
	events_listen(events, listen_to, &told);
	events_record(events, &(struct attempt){0});
	assert_int_equal(told.news, 1);
	struct attempt kept = attempt_of((uint16_t)(3 * EVENTS_RING), 3 * EVENTS_RING / 1000);

	events_record(events, &kept);
	assert_int_equal(told.news, 1);
	struct attempt forgotten = attempt_of(3, 0);

	events_record(events, &forgotten);
	assert_int_equal(told.news, 2);
	events_free(events);
}

/* @count refusals of one guest at as many ports, from 1 on. */
static void scan(struct events *events, uint32_t guest, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct attempt attempt = attempt_of((uint16_t)(i / 60000 + 1), guest);

		attempt.flow.service_port = (uint16_t)(i % 60000 + 1);
		events_record(events, &attempt);
	}
}

static uint64_t record_one(struct events *events, const struct attempt *attempt)
{
	struct events_totals totals;

	events_record(events, attempt);
	events_totals(events, &totals);
	return totals.attempts;
}

static void of_each_guest_the_latest_refusals_are_kept(void **state)
{
	struct events *events = events_new();
	struct attempt attempt = attempt_of(40000, 7), let_in = attempt_of(40001, 7);
	uint64_t ids[REFUSALS_OF_GUEST], again, accepted;

	let_in.decision.verdict = VERDICT_ACCEPT;
	accepted = record_one(events, &let_in);
	for (unsigned int i = 0; i < REFUSALS_OF_GUEST; i++) {
		attempt.flow.service_port = (uint16_t)(9000 + i);
		ids[i] = record_one(events, &attempt);
	}
	scan(events, 8, 70000); /* of one guest, at every port */
	assert_null(events_find(events, accepted));
	for (unsigned int i = 0; i < REFUSALS_OF_GUEST; i++) {
		assert_non_null(events_find(events, ids[i]));
		assert_int_equal(events_find(events, ids[i])->id, ids[i]);
		assert_int_equal(events_find(events, ids[i])->flow.service_port, 9000 + i);
		assert_string_equal(events_find(events, ids[i])->decision.rule, "a rule");
	}

	/* At one service the latest; then the guest's oldest makes room. */
	attempt.flow.client_port++;
	again = record_one(events, &attempt);
	scan(events, 8, EVENTS_RING);
	assert_null(events_find(events, ids[REFUSALS_OF_GUEST - 1]));
	assert_non_null(events_find(events, again));
	attempt.flow.service_port++;
	again = record_one(events, &attempt);
	scan(events, 8, EVENTS_RING);
	assert_null(events_find(events, ids[0]));
	assert_non_null(events_find(events, ids[1]));
	assert_non_null(events_find(events, again));
	events_free(events);
}

static void the_guest_refused_longest_ago_makes_room(void **state)
{
	struct events *events = events_new();
	uint64_t ids[REFUSALS_GUESTS + 1];

	for (uint32_t i = 0; i <= REFUSALS_GUESTS; i++) {
		struct attempt attempt = attempt_of(1, 100 + i);

		ids[i] = record_one(events, &attempt);
	}
	for (uint32_t i = 0; i < EVENTS_RING; i++)
		record_one(events, &(struct attempt){.flow.client_port = (uint16_t)i});
	assert_null(events_find(events, ids[0]));
	for (uint32_t i = 1; i <= REFUSALS_GUESTS; i++)
		assert_int_equal(events_find(events, ids[i])->source.guest, 100 + i);
	events_free(events);
}

static void the_rule_outlives_the_policy(void **state)
{
	struct events *events = events_new();
	struct attempt attempt = attempt_of(1, 1);
	struct told told = {0};
	char line[] = "default: drop";

	attempt.decision.rule = line;
	events_listen(events, listen_to, &told);
	events_record(events, &attempt);
	memset(line, 'x', sizeof(line) - 1);
	assert_string_equal(told.latest.decision.rule, "a rule");
	events_free(events);
}

static void there_are_four_listeners_at_most(void **state)
{
	struct events *events = events_new();
	struct attempt attempt = attempt_of(1, 1);
	struct told told = {0};

	for (int i = 0; i < 4; i++)
		assert_int_equal(events_listen(events, listen_to, &told), 0);
	assert_true(events_listen(events, listen_to, &told) < 0);
	events_record(events, &attempt);
	assert_int_equal(told.news, 4);
	events_free(events);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repeats_are_one_event_with_a_count),
		cmocka_unit_test(other_attempts_are_kept_apart),
		cmocka_unit_test(the_ring_forgets_the_oldest),
		cmocka_unit_test(of_each_guest_the_latest_refusals_are_kept),
		cmocka_unit_test(the_guest_refused_longest_ago_makes_room),
		cmocka_unit_test(the_rule_outlives_the_policy),
		cmocka_unit_test(there_are_four_listeners_at_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
