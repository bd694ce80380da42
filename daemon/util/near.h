/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The word that somebody may have meant. */
#ifndef LHGUARD_UTIL_NEAR_H
#define LHGUARD_UTIL_NEAR_H

#include <stdbool.h>
#include <stddef.h>

/**
 * struct near - the nearest word so far
 * @best: NULL: none is near
 */
struct near {
	const char *word;
	const char *best;
	size_t distance;
};

/** near_is() - is one in three characters wrong at most, or is the word a part of the other? */
bool near_is(const char *word, const char *other);

static inline struct near near_start(const char *word)
{
	return (struct near){.word = word};
}

/** near_offer() - here is one more that could be meant; borrowed */
void near_offer(struct near *near, const char *other);

#endif
