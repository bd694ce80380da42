// SPDX-License-Identifier: GPL-2.0-or-later
/* How often something happened within the last hour: sixty counters of a minute each. */
#include "util/last_hour.h"

#include <string.h>

#define MINUTE_US 60000000u

void last_hour_add(struct last_hour *hour, uint64_t now_us)
{
	uint64_t now = now_us / MINUTE_US;

	if (now >= hour->newest + LAST_HOUR_MINUTES)
		memset(hour->counts, 0, sizeof(hour->counts));
	else
		for (uint64_t minute = hour->newest + 1; minute <= now; minute++)
			hour->counts[minute % LAST_HOUR_MINUTES] = 0;
	hour->newest = now;
	if (hour->counts[now % LAST_HOUR_MINUTES] < UINT32_MAX)
		hour->counts[now % LAST_HOUR_MINUTES]++;
}

uint64_t last_hour_sum(const struct last_hour *hour, uint64_t now_us)
{
	uint64_t now = now_us / MINUTE_US, sum = 0;

	/* The counters behind @newest are those of the minutes before it. */
	for (uint64_t age = now - hour->newest, i = 0; age + i < LAST_HOUR_MINUTES; i++)
		sum += hour->counts[(hour->newest + LAST_HOUR_MINUTES - i) % LAST_HOUR_MINUTES];
	return sum;
}
