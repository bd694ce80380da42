/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the files with guests' names are: paths with placeholders, as guests.conf(5) writes them. */
#ifndef LHGUARD_GUESTS_PLACES_H
#define LHGUARD_GUESTS_PLACES_H

#include <stdbool.h>
#include <stddef.h>

struct error;
struct names_question;

/** places_check() - is this such a path? Return: 0, or -EINVAL with @error. */
int places_check(const char *template, struct error *error);

/**
 * places_put_id() - a text with the guest's id in the place of "{id}"
 * Return: false when it does not fit, or the id is none: it is neither a path nor a pattern of
 * somebody's choice.
 */
bool places_put_id(char *text, size_t size, const char *template, const char *id);

/** struct place_reader - who gets the text of each file; @text is @length bytes and a NUL */
struct place_reader {
	void (*take)(void *data, const char *text, size_t length);
	void *data;
};

/**
 * places_read() - every file that the path stands for, as far as that can be told
 *
 * Of a path with {uid} or {home} nothing is trusted below the folder that these stand for: no symlink is
 * followed there, the files are that user's own, and there is a limit to their number and to what is
 * read of all of them together. Not for the verdict path.
 *
 * Return: true when these were all; false when there may be more that could not be read.
 */
bool places_read(const char *template, const struct names_question *question,
		 const struct place_reader *reader);

#endif
