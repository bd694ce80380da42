/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mistakes in files that are in force in spite of them. */
#ifndef LHGUARD_UTIL_MISTAKES_H
#define LHGUARD_UTIL_MISTAKES_H

#include "util/error.h"

#include <stddef.h>

#define MISTAKES_MAX 16 /* told one by one; further ones are counted */

/**
 * struct mistakes - what is wrong, in the order in which it was found; all zero for none
 * @text: the first MISTAKES_MAX
 * @count: of all
 * @summary: of all in one line
 */
struct mistakes {
	struct error text[MISTAKES_MAX];
	size_t count;
	struct error summary;
};

/** mistakes_add() - one more; @text: "file:line: reason", copied */
void mistakes_add(struct mistakes *mistakes, const char *text);

/** mistakes_summary() - the first, and how many more there are; NULL without any */
const char *mistakes_summary(const struct mistakes *mistakes);

/** mistakes_at() - one of the first MISTAKES_MAX, NULL behind the last */
const char *mistakes_at(const struct mistakes *mistakes, size_t i);

#endif
