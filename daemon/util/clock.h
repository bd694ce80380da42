/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clocks in microseconds. */
#ifndef LHGUARD_UTIL_CLOCK_H
#define LHGUARD_UTIL_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_us(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

/** clock_monotonic_us() - for intervals */
static inline uint64_t clock_monotonic_us(void)
{
	return clock_us(CLOCK_MONOTONIC);
}

/** clock_realtime_us() - for what a person or a file is told */
static inline uint64_t clock_realtime_us(void)
{
	return clock_us(CLOCK_REALTIME);
}

#endif
