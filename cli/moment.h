/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Points in time as people write them. */
#ifndef LHGUARD_CLI_MOMENT_H
#define LHGUARD_CLI_MOMENT_H

#include "util/error.h"

#include <stdint.h>

/**
 * moment_parse() - "10m" or "10m ago", "today", "yesterday", "10:14", "2026-11-26", "2026-11-26 10:14:05"
 * (of the local time zone, as people are shown times), "2026-11-26T09:14:05Z" (RFC 3339)
 * @now_us: CLOCK_REALTIME microseconds
 * Return: 0 or -EINVAL.
 */
int moment_parse(const char *text, uint64_t now_us, uint64_t *us, struct error *error);

#endif
