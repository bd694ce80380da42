// SPDX-License-Identifier: GPL-2.0-or-later
/* The word that somebody may have meant. */
#include "util/near.h"

#include <string.h>

#define COMPARED_MOST 64 /* bytes of a word that are compared */

/* Changes of a character that lead from one to the other (Levenshtein). */
static size_t distance(const char *a, const char *b)
{
	size_t row[COMPARED_MOST + 1], length = strnlen(b, COMPARED_MOST);

	for (size_t j = 0; j <= length; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1] && i <= COMPARED_MOST; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= length; j++) {
			size_t least = diagonal + (a[i - 1] != b[j - 1]);

			diagonal = row[j];
			if (least > row[j] + 1)
				least = row[j] + 1;
			if (least > row[j - 1] + 1)
				least = row[j - 1] + 1;
			row[j] = least;
		}
	}
	return row[length];
}

static bool is_near(const char *word, const char *other, size_t changes)
{
	return *word && (strstr(other, word) || changes <= strlen(word) / 3 + 1);
}

bool near_is(const char *word, const char *other)
{
	return is_near(word, other, distance(word, other));
}

void near_offer(struct near *near, const char *other)
{
	size_t changes = distance(near->word, other);

	if (!is_near(near->word, other, changes) || (near->best && near->distance <= changes))
		return;
	near->best = other;
	near->distance = changes;
}
