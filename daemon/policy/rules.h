/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The text of exceptions: read whole or refused with file:line, and printed. */
#ifndef LHGUARD_POLICY_RULES_H
#define LHGUARD_POLICY_RULES_H

#include "policy/exceptions.h"

#include <stdio.h>

/**
 * struct rules - a list of exceptions
 * @rule: @count pointers, each owned by the list that holds it
 * @capacity: pointers that @rule has room for
 */
struct rules {
	struct exception **rule;
	size_t count;
	size_t capacity;
};

/** rules_append() - the list takes @rule over on success. Return: 0, -ENOSPC or -ENOMEM. */
int rules_append(struct rules *rules, struct exception *rule);

/** rules_copy() - the same exceptions, which both lists hold then. Return: as rules_append(). */
int rules_copy(struct rules *target, const struct rules *source);

/** rules_clear() - free the list and its exceptions. */
void rules_clear(struct rules *rules);

/** rules_sort() - in order of id, then of line. */
void rules_sort(struct rules *rules);

/**
 * rules_read() - read one file of exceptions
 * @rules: what the file holds is appended, in order of id, with @line set
 * @next: receives the next id of [store], at least 1; NULL for a file of the administrator, which
 *	has no such section
 *
 * Return: 0, -ENOENT, -EINVAL with file:line, or another -errno with @error; then @rules may have
 * got a part of the file.
 */
int rules_read(const char *path, struct rules *rules, uint32_t *next, struct error *error);

/** rules_read_text() - as rules_read() of a file of the administrator, from memory; @name: in errors */
int rules_read_text(const char *name, const char *text, size_t length, struct rules *rules,
		    struct error *error);

/**
 * rules_print_portable() - write them as a file of the administrator
 * @rules: numbered anew from 1, without who made them. None may end with its guest or after one
 *	connection: such belong to this daemon alone.
 * Return: 0, or -ENOMEM when @file (in memory) cannot grow.
 */
int rules_print_portable(FILE *file, const struct rules *rules);

/**
 * rules_print() - write the text of the daemon's own file
 * @rules: the administrator's among them are left out
 * Return: 0, or -ENOMEM when @file (in memory) cannot grow.
 */
int rules_print(FILE *file, const struct rules *rules, uint32_t next);

#endif
