/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points in time in words (RFC 3339, UTC), as files and people keep them. */
#ifndef LHGUARD_POLICY_TIMESTAMP_H
#define LHGUARD_POLICY_TIMESTAMP_H

#include "util/error.h"

#include <stddef.h>
#include <stdint.h>

#define TIMESTAMP_SIZE	 32
#define TIMESTAMP_END_US (253402300800u * 1000000u) /* the year 10000 begins */

/**
 * timestamp_format() - "2024-05-01T12:00:00Z"; the fraction only when there is one
 * @target: at least TIMESTAMP_SIZE bytes
 * @us: CLOCK_REALTIME microseconds, before TIMESTAMP_END_US
 */
void timestamp_format(char *target, size_t size, uint64_t us);

/** timestamp_parse() - the same backwards, and nothing else. Return: 0 or -EINVAL. */
int timestamp_parse(const char *text, uint64_t *us, struct error *error);

#endif
