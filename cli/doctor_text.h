/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lhguard doctor found, in words: a report of checks and blind spots, for people and for programs. */
#ifndef LHGUARD_CLI_DOCTOR_TEXT_H
#define LHGUARD_CLI_DOCTOR_TEXT_H

#include "blind_spots.h"
#include "checks.h"

/*
 * Items of a report are objects with "name", "title", "state", "advice" (what to do in this state; its commands are
 * WHOLE() of prose.h) and "found" (texts, not escaped).
 */

/** doctor_check() - an item of a check; @found is taken over */
json_t *doctor_check(const struct check *check, enum health health, json_t *found);

/**
 * doctor_spot() - an item of a blind spot
 * @result: of its find()
 * @found: taken over
 */
json_t *doctor_spot(const struct blind_spot *spot, int result, json_t *found);

/** doctor_print() - both lists for a person, on stdout, and how many problems there are, on stderr */
void doctor_print(const json_t *checks, const json_t *spots);

/** doctor_document() - both lists for programs, to which advice is text; a new reference */
json_t *doctor_document(const json_t *checks, const json_t *spots);

/** doctor_count() - how many items have this state */
unsigned int doctor_count(const json_t *list, const char *state);

#endif
