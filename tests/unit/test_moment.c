// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/moment: points in time as people write them, in zones with and without summer time. */
#include "cli/moment.h"

#include "util/array.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"
#define NOW    1774746000ULL /* 2026-03-29T01:00:00Z: summer time begins in Berlin */

struct row {
	const char *zone;
	uint64_t now; /* seconds */
	const char *text;
	uint64_t expected;
};

static const struct row rows[] = {
	{"UTC0", NOW, "10m", NOW - 600},
	{"UTC0", NOW, "1h30m ago", NOW - 5400},
	{"UTC0", NOW, "1d", NOW - 86400},
	{"UTC0", 30, "1m", 0},
	{"UTC0", NOW, "today", NOW - 3600},
	{"UTC0", NOW, "yesterday", NOW - 3600 - 86400},
	{"UTC0", NOW, "00:30", NOW - 1800},
	{"UTC0", NOW, "00:30:05", NOW - 1795},
	{"UTC0", NOW, "23:00", NOW + 22 * 3600}, /* later today */
	{"UTC0", NOW, "2026-03-28", NOW - 3600 - 86400},
	{"UTC0", NOW, "2026-03-29 00:59", NOW - 60},
	{"UTC0", NOW, "2026-03-29 00:59:58", NOW - 2},
	{"XYZ-5:30", NOW, "today", NOW - 6 * 3600 - 1800},
	{"XYZ-5:30", NOW, "06:30", NOW},
	{"XYZ-5:30", NOW, "2026-03-29T01:00:00Z", NOW},
	{"XYZ-5:30", NOW, "2026-03-29T01:00:00.123456Z", NOW},
	{"UTC0", NOW, "2026-03-29T06:30:00+05:30", NOW},
	{"UTC0", NOW, "2026-03-28T20:00:00-05:00", NOW},
	/* A day of 23 hours. */
	{BERLIN, NOW + 3600 * 12, "today", NOW - 7200},
	{BERLIN, NOW + 3600 * 36, "yesterday", NOW - 7200},
	{BERLIN, NOW + 3600 * 12, "04:00", NOW + 3600},
	{BERLIN, NOW + 3600 * 12, "2026-03-29", NOW - 7200},
};

static const char *const refused[] = {
	"",
	" 10:14",
	"now",
	"soon",
	"10",
	"0m",
	"10m later",
	"-10m",
	"10m ago ago",
	"25:00",
	"10:61",
	"2026-02-31",
	"2026-13-01",
	"2026-11-26 ",
	"2026-11-26T10:14:05",
	"2026-11-26T10:14:05+1:00",
	"2026-11-26T10:14:05+0100",
	"2026-02-31T10:14:05Z",
	"2026-11-26T10:14:05Zulu",
	"1969-12-31",
	"2026-11-26 10:14:05 UTC",
	"today 10:00",
};

static void times_are_read(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct error error = {.text = ""};
		uint64_t us = 1;

		setenv("TZ", row->zone, 1);
		tzset();
		if (moment_parse(row->text, row->now * 1000000, &us, &error))
			fail_msg("%s in %s: %s", row->text, row->zone, error.text);
		if (us != row->expected * 1000000)
			fail_msg("%s in %s: %lld s beside it", row->text, row->zone,
				 (long long)(us / 1000000) - (long long)row->expected);
	}
}

static void all_else_is_refused(void **state)
{
	setenv("TZ", "UTC0", 1);
	tzset();
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct error error = {.text = ""};
		uint64_t us;

		if (!moment_parse(refused[i], NOW * 1000000, &us, &error))
			fail_msg("\"%s\" is taken", refused[i]);
		assert_non_null(strstr(error.text, "write e.g."));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(times_are_read),
		cmocka_unit_test(all_else_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
