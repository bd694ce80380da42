/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often something happened within the last hour: sixty counters of a minute each. */
#ifndef LHGUARD_UTIL_LAST_HOUR_H
#define LHGUARD_UTIL_LAST_HOUR_H

#include <stdint.h>

#define LAST_HOUR_MINUTES 60

/**
 * struct last_hour - zeroed: nothing happened
 * @counts: of minute N in N % LAST_HOUR_MINUTES
 * @newest: the minute that was counted last, since the clock's beginning
 */
struct last_hour {
	uint32_t counts[LAST_HOUR_MINUTES];
	uint64_t newest;
};

/**
 * last_hour_add() - once more; no allocation
 * @now_us: CLOCK_MONOTONIC
 */
void last_hour_add(struct last_hour *hour, uint64_t now_us);

/** last_hour_sum() - in this minute and the 59 before it */
uint64_t last_hour_sum(const struct last_hour *hour, uint64_t now_us);

#endif
