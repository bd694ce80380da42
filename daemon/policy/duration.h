/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Durations in words: parsed and printed; no state. */
#ifndef LHGUARD_POLICY_DURATION_H
#define LHGUARD_POLICY_DURATION_H

#include "util/error.h"

#include <stddef.h>
#include <stdint.h>

/** duration_parse() - "90s", "10m", "1h30m", "2d" to seconds; more than 0, at most 10 years. */
int duration_parse(const char *text, uint64_t *seconds, struct error *error);

/** duration_format() - "1m30s", as duration_parse() reads it but for "0s"; returns @target */
const char *duration_format(char *target, size_t size, uint64_t seconds);

#endif
