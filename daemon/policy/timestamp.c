// SPDX-License-Identifier: GPL-2.0-or-later
/* Points in time in words (RFC 3339, UTC), as files and people keep them. */
#include "policy/timestamp.h"
#include "util/text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

void timestamp_format(char *target, size_t size, uint64_t us)
{
	time_t seconds = (time_t)(us / 1000000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(target, size, "%Y-%m-%dT%H:%M:%S", &tm);
	if (us % 1000000)
		text_append(target, size, ".%06" PRIu64, us % 1000000);
	text_append(target, size, "Z");
}

int timestamp_parse(const char *text, uint64_t *us, struct error *error)
{
	struct tm tm = {.tm_isdst = 0};
	const char *rest = NULL;
	char again[TIMESTAMP_SIZE];
	uint64_t fraction = 0;
	time_t seconds;

	if (strspn(text, "0123456789-T:.Z") == strlen(text))
		rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	seconds = timegm(&tm);
	if (rest && *rest == '.' && rest[1] != 'Z') {
		unsigned int unit = 1000000;

		while (*++rest >= '0' && *rest <= '9' && (unit /= 10))
			fraction += (uint64_t)(*rest - '0') * unit;
	}
	if (!rest || strcmp(rest, "Z") || seconds < 0 || tm.tm_year > 8099)
		goto refused;
	/* timegm(3) takes the 31st of February for the 3rd of March. */
	timestamp_format(again, sizeof(again), (uint64_t)seconds * 1000000);
	if (strncmp(text, again, strlen("2024-05-01T12:00:00")))
		goto refused;
	*us = (uint64_t)seconds * 1000000 + fraction;
	return 0;
refused:
	return error_set(error, -EINVAL, "\"%s\" is no time: write UTC as in 2024-05-01T12:00:00Z",
			 text);
}
