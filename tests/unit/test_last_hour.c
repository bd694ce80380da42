// SPDX-License-Identifier: GPL-2.0-or-later
/* util/last_hour: what is counted is counted for an hour, by a clock that the test turns. */
#include "util/last_hour.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define SECOND 1000000ull
#define MINUTE (60 * SECOND)

/* As after some days of uptime, in the middle of a minute. */
static const uint64_t start = 7000 * MINUTE + 30 * SECOND;

static void nothing_is_nothing(void **state)
{
	struct last_hour hour = {0};

	assert_int_equal(last_hour_sum(&hour, 0), 0);
	assert_int_equal(last_hour_sum(&hour, start), 0);
}

static void what_was_counted_leaves_after_an_hour(void **state)
{
	struct last_hour hour = {0};

	for (int i = 0; i < 5; i++)
		last_hour_add(&hour, start + (uint64_t)i * SECOND);
	assert_int_equal(last_hour_sum(&hour, start), 5);
	assert_int_equal(last_hour_sum(&hour, start + 59 * MINUTE), 5);
	assert_int_equal(last_hour_sum(&hour, start + 60 * MINUTE), 0);
	assert_int_equal(last_hour_sum(&hour, start + 10000 * MINUTE), 0);
}

/* One in each minute: sixty at any time, and of an hour without any nothing is left. */
static void each_minute_has_its_own(void **state)
{
	struct last_hour hour = {0};

	for (uint64_t minute = 0; minute < 200; minute++) {
		last_hour_add(&hour, start + minute * MINUTE);
		assert_int_equal(last_hour_sum(&hour, start + minute * MINUTE),
				 minute < 60 ? minute + 1 : 60);
	}
	assert_int_equal(last_hour_sum(&hour, start + 209 * MINUTE), 50);
	last_hour_add(&hour, start + 209 * MINUTE);
	assert_int_equal(last_hour_sum(&hour, start + 209 * MINUTE), 51);
	last_hour_add(&hour, start + 500 * MINUTE);
	assert_int_equal(last_hour_sum(&hour, start + 500 * MINUTE), 1);
}

static void the_clock_may_begin_at_nought(void **state)
{
	struct last_hour hour = {0};

	last_hour_add(&hour, 0);
	last_hour_add(&hour, 3 * MINUTE);
	assert_int_equal(last_hour_sum(&hour, 3 * MINUTE), 2);
	assert_int_equal(last_hour_sum(&hour, 60 * MINUTE), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_nothing),
		cmocka_unit_test(what_was_counted_leaves_after_an_hour),
		cmocka_unit_test(each_minute_has_its_own),
		cmocka_unit_test(the_clock_may_begin_at_nought),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
