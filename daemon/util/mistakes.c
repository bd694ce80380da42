// SPDX-License-Identifier: GPL-2.0-or-later
/* The mistakes in files that are in force in spite of them. */
#include "util/mistakes.h"

#include "util/text.h"

void mistakes_add(struct mistakes *mistakes, const char *text)
{
	struct error *summary = &mistakes->summary;

	if (mistakes->count < MISTAKES_MAX)
		error_set(&mistakes->text[mistakes->count], 0, "%s", text);
	mistakes->count++;
	error_set(summary, 0, "%s", mistakes->text[0].text);
	if (mistakes->count > 1)
		text_append(summary->text, sizeof(summary->text), " (and %zu more)",
			    mistakes->count - 1);
}

const char *mistakes_summary(const struct mistakes *mistakes)
{
	return mistakes->count ? mistakes->summary.text : NULL;
}

const char *mistakes_at(const struct mistakes *mistakes, size_t i)
{
	return i < mistakes->count && i < MISTAKES_MAX ? mistakes->text[i].text : NULL;
}
