// SPDX-License-Identifier: GPL-2.0-or-later
/* Points in time as people write them. */
#include "moment.h"

#include "policy/duration.h"
#include "util/array.h"
#include "util/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#define SECOND_US 1000000ULL

static bool parse_age(const char *text, uint64_t now_us, uint64_t *us)
{
	static const char ago[] = " ago";
	size_t length = strlen(text);
	uint64_t seconds;
	char age[64];

	if (length > strlen(ago) && !strcmp(text + length - strlen(ago), ago))
		length -= strlen(ago);
	if (length >= sizeof(age))
		return false;
	memcpy(age, text, length);
	age[length] = '\0';
	if (duration_parse(age, &seconds, NULL))
		return false;
	*us = now_us > seconds * SECOND_US ? now_us - seconds * SECOND_US : 0;
	return true;
}

/* @days: before today */
static struct tm midnight(uint64_t now_us, int days)
{
	time_t now = (time_t)(now_us / SECOND_US);
	struct tm tm;

	localtime_r(&now, &tm);
	tm.tm_sec = tm.tm_min = tm.tm_hour = 0;
	tm.tm_mday -= days;
	tm.tm_isdst = -1;
	return tm;
}

/* Return: whether @tm is a point in time; mktime(3) takes the 31st of February for the 3rd of March. */
static bool from_local(struct tm tm, uint64_t *us)
{
	struct tm given = tm;
	time_t seconds = mktime(&tm);

	if (seconds < 0 || (given.tm_mday > 0 && given.tm_mday != tm.tm_mday))
		return false;
	*us = (uint64_t)seconds * SECOND_US;
	return true;
}

static bool parse_local(const char *text, uint64_t now_us, uint64_t *us)
{
	static const char *const formats[] = {"%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d",
					      "%H:%M:%S", "%H:%M"};

	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		struct tm tm = midnight(now_us, 0);
		const char *rest = strptime(text, formats[i], &tm);

		if (rest && !*rest)
			return from_local(tm, us);
	}
	return false;
}

/* RFC 3339, 5.6: "2026-11-26T10:14:05.123+01:00"; the fraction is left out. */
static bool parse_absolute(const char *text, uint64_t *us)
{
	struct tm tm = {.tm_isdst = 0}, given;
	const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	long offset = 0;
	time_t seconds;

	if (!rest)
		return false;
	if (*rest == '.')
		rest += 1 + strspn(rest + 1, "0123456789");
	if (strcmp(rest, "Z")) {
		struct tm zone = {.tm_isdst = 0};

		if (strlen(rest) != strlen("+01:00") || rest[3] != ':')
			return false;
		rest = strptime(rest, "%z", &zone);
		if (!rest || *rest)
			return false;
		offset = zone.tm_gmtoff;
	}
	given = tm;
	seconds = timegm(&tm);
	if (seconds < offset || given.tm_mday != tm.tm_mday)
		return false;
	*us = (uint64_t)(seconds - offset) * SECOND_US;
	return true;
}

int moment_parse(const char *text, uint64_t now_us, uint64_t *us, struct error *error)
{
	if (!strcmp(text, "today") && from_local(midnight(now_us, 0), us))
		return 0;
	if (!strcmp(text, "yesterday") && from_local(midnight(now_us, 1), us))
		return 0;
	if (isdigit((unsigned char)text[0]) && /* strptime(3) would skip blanks */
	    (parse_age(text, now_us, us) || parse_absolute(text, us) ||
	     parse_local(text, now_us, us)))
		return 0;
	return error_set(error, -EINVAL,
			 "\"%.64s\" is no time: write e.g. 10m or 2h for so long ago, today, "
			 "yesterday, 10:14, 2026-11-26 or 2026-11-26T09:14:05Z",
			 text);
}
