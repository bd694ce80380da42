/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of an exception: service, source and duration, parsed and printed; no state. */
#ifndef LHGUARD_POLICY_LANGUAGE_H
#define LHGUARD_POLICY_LANGUAGE_H

#include "policy/selector.h"
#include "policy/service.h"
#include "util/error.h"

/** duration_parse() - "90s", "10m", "1h30m", "2d" to seconds; more than 0, at most 10 years. */
int duration_parse(const char *text, uint64_t *seconds, struct error *error);
const char *duration_format(char *target, size_t size, uint64_t seconds);

#endif
