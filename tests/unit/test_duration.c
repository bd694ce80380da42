// SPDX-License-Identifier: GPL-2.0-or-later
/* policy/duration: durations in words are understood, refused, and printed without a loss. */
#include "policy/duration.h"
#include "util/array.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROUNDS 20000

static void duration_is_understood(void **state)
{
	static const struct {
		const char *text;
		uint64_t seconds;
		const char *printed;
	} cases[] = {
		{"1s", 1, "1s"},	  {"90s", 90, "1m30s"},		 {"10m", 600, "10m"},
		{"1h30m", 5400, "1h30m"}, {"2d", 172800, "2d"},		 {"1d1s", 86401, "1d1s"},
		{"24h", 86400, "1d"},	  {"3650d", 315360000, "3650d"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[40];
		uint64_t seconds;

		assert_int_equal(duration_parse(cases[i].text, &seconds, NULL), 0);
		assert_int_equal(seconds, cases[i].seconds);
		assert_string_equal(duration_format(text, sizeof(text), seconds), cases[i].printed);
	}
	srandom(3);
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t seconds = 1 + (uint64_t)random() % 315360000, again;
		char text[40];

		duration_format(text, sizeof(text), seconds);
		assert_int_equal(duration_parse(text, &again, NULL), 0);
		assert_int_equal(seconds, again);
	}
}

static void duration_is_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"0",
		"90",
		"0s",
		"m",
		"10 m",
		"10M",
		"-1s",
		"1.5h",
		"01h",
		"1h1h",
		"30m1h",
		"1h30",
		"1w",
		"3651d",
		"1hm",
		"1s ",
		"+1s",
		"99999999999999999999s",
		"999999999d",
		"1d\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error error = {.text = ""};
		uint64_t seconds = 4711;

		if (duration_parse(cases[i], &seconds, &error) != -EINVAL)
			fail_msg("\"%s\" was taken", cases[i]);
		assert_true(error.text[0]);
		assert_int_equal(seconds, 4711);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(duration_is_understood),
		cmocka_unit_test(duration_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
