// SPDX-License-Identifier: GPL-2.0-or-later
/* What is sent again of a connection that an exception allowed once, and what is a second one. */
#include "spent.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define NOW 1700000000000000u

static struct attempt make_attempt(uint8_t protocol)
{
	struct attempt attempt = {
		.flow = {.protocol = protocol,
			 .family = AF_INET,
			 .client = {.s6_addr = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}},
			 .service = {.s6_addr = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}},
			 .client_port = 40000,
			 .service_port = 9222,
			 .sequence = protocol == IPPROTO_TCP ? 12345 : 0},
		.source = {.class = SOURCE_GUEST, .guest = 7},
		.decision = {.exception = 3},
	};

	return attempt;
}

static void the_same_syn_is_no_second_connection(void **state)
{
	struct attempt attempt = make_attempt(IPPROTO_TCP), other;
	struct spent spent = {.next = 0};
	uint64_t now = NOW;

	assert_int_equal(spent_find(&spent, &attempt, NOW), 0);
	spent_add(&spent, &attempt, NOW);
	/* Not so soon; then twice, each a while after the one before; then no more. */
	assert_int_equal(spent_find(&spent, &attempt, now), 0);
	assert_int_equal(spent_find(&spent, &attempt, now += SPENT_REPEAT_US - 1), 0);
	assert_int_equal(spent_find(&spent, &attempt, now += 1), 3);
	assert_int_equal(spent_find(&spent, &attempt, now += 1), 0);
	assert_int_equal(spent_find(&spent, &attempt, now += SPENT_REPEAT_US), 3);
	assert_int_equal(spent_find(&spent, &attempt, now += SPENT_REPEAT_US), 0);

	spent = (struct spent){.next = 0};
	spent_add(&spent, &attempt, NOW);
	assert_int_equal(spent_find(&spent, &attempt, NOW + SPENT_US), 0);
	now = NOW + SPENT_REPEAT_US;
	other = attempt;
	other.flow.sequence++;
	assert_int_equal(spent_find(&spent, &other, now), 0);
	other = attempt;
	other.flow.client_port++;
	assert_int_equal(spent_find(&spent, &other, now), 0);
	other = attempt;
	other.flow.service_port++;
	assert_int_equal(spent_find(&spent, &other, now), 0);
	other = attempt;
	other.flow.client.s6_addr[15]++;
	assert_int_equal(spent_find(&spent, &other, now), 0);
	other = attempt;
	other.flow.service.s6_addr[15]++;
	assert_int_equal(spent_find(&spent, &other, now), 0);
	other = attempt;
	other.source.guest++;
	assert_int_equal(spent_find(&spent, &other, now), 0);
	other = attempt;
	other.source.class = SOURCE_UNKNOWN;
	assert_int_equal(spent_find(&spent, &other, now), 0);
	assert_int_equal(spent_find(&spent, &attempt, now), 3);
}

static void datagrams_go_on_while_they_come(void **state)
{
	struct attempt attempt = make_attempt(IPPROTO_UDP);
	struct spent spent = {.next = 0};
	uint64_t now = NOW;

	spent_add(&spent, &attempt, now);
	for (int i = 0; i < 10; i++, now += SPENT_US - 1)
		assert_int_equal(spent_find(&spent, &attempt, now), 3);
	assert_int_equal(spent_find(&spent, &attempt, now + 2), 0);
}

static void the_oldest_is_forgotten_first(void **state)
{
	struct attempt attempt = make_attempt(IPPROTO_TCP);
	struct spent spent = {.next = 0};

	for (uint32_t i = 0; i <= SPENT_MAX; i++) {
		attempt.flow.sequence = i;
		attempt.decision.exception = i + 1;
		spent_add(&spent, &attempt, NOW);
	}
	assert_int_equal(spent_find(&spent, &attempt, NOW + SPENT_REPEAT_US), SPENT_MAX + 1);
	attempt.flow.sequence = 1;
	assert_int_equal(spent_find(&spent, &attempt, NOW + SPENT_REPEAT_US), 2);
	attempt.flow.sequence = 0;
	assert_int_equal(spent_find(&spent, &attempt, NOW + SPENT_REPEAT_US), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_same_syn_is_no_second_connection),
		cmocka_unit_test(datagrams_go_on_while_they_come),
		cmocka_unit_test(the_oldest_is_forgotten_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
