// SPDX-License-Identifier: GPL-2.0-or-later
/* Durations in words: parsed and printed; no state. */
#include "policy/duration.h"
#include "util/array.h"
#include "util/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DURATION_MAX (10ULL * 365 * 86400)

static const struct {
	char letter;
	unsigned int seconds;
} units[] = {{'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

#define UNIT_COUNT ARRAY_SIZE(units)

/* The sum of "1h30m"; 0 for anything else. */
static uint64_t sum_units(const char *text)
{
	uint64_t sum = 0;

	for (size_t unit = 0; *text; unit++) {
		size_t digits = strspn(text, "0123456789");

		if (digits == 0 || digits > 9 || text[0] == '0')
			return 0;
		while (unit < UNIT_COUNT && units[unit].letter != text[digits])
			unit++;
		if (unit == UNIT_COUNT)
			return 0;
		sum += strtoul(text, NULL, 10) * units[unit].seconds;
		text += digits + 1;
	}
	return sum;
}

int duration_parse(const char *text, uint64_t *seconds, struct error *error)
{
	uint64_t sum = sum_units(text);

	if (sum == 0)
		return error_set(
			error, -EINVAL,
			"\"%.64s\" is no duration: write numbers with units, the largest first, "
			"e.g. 90s, 10m, 1h30m or 2d",
			text);
	if (sum > DURATION_MAX)
		return error_set(
			error, -EINVAL,
			"\"%.64s\" is longer than ten years: leave the duration out for a rule "
			"without end",
			text);
	*seconds = sum;
	return 0;
}

const char *duration_format(char *target, size_t size, uint64_t seconds)
{
	target[0] = '\0';
	for (size_t unit = 0; unit < UNIT_COUNT; unit++) {
		if (seconds >= units[unit].seconds)
			text_append(target, size, "%llu%c",
				    (unsigned long long)(seconds / units[unit].seconds),
				    units[unit].letter);
		seconds %= units[unit].seconds;
	}
	if (!target[0])
		text_copy(target, size, "0s");
	return target;
}
