/* SPDX-License-Identifier: GPL-2.0-or-later */
/* INI files by libinih, without its traps: every mistake is an error with file:line. */
#ifndef LHGUARD_UTIL_INI_H
#define LHGUARD_UTIL_INI_H

#include "util/error.h"

#include <stddef.h>

#define INI_LINE_SIZE 199		  /* bytes of a line with its newline: what inih holds */
#define INI_FILE_SIZE (256 * 1024 * 1024) /* bytes of a file */

/**
 * struct ini_entry - one "key = value" or the start of a section
 * @section: its name, "" before the first
 * @key: NULL at the start of a section
 * @value: NULL at the start of a section
 * @line: from 1
 */
struct ini_entry {
	const char *section;
	const char *key;
	const char *value;
	unsigned int line;
};

/**
 * ini_entry_handler - takes one entry
 * Return: 0, or -errno with the reason (without file:line) in @error: then parsing ends.
 */
typedef int (*ini_entry_handler)(void *data, const struct ini_entry *entry, struct error *error);

/**
 * ini_read_file() - parse a file
 * @path: also names the file in errors
 * @error: "path:line: reason"
 *
 * Refused with file:line, where inih would cut, join or go on in silence: a line longer than
 * INI_LINE_SIZE, a NUL byte or another control character, a continuation line (leading white
 * space), a line without "=", an unterminated or too long section name. A ";" or "#" starts a
 * comment only at the start of a line; a key ends at "=" only, so it may hold ":"; a UTF-8 BOM is
 * skipped. The first error ends the parsing. Duplicates are the handler's business.
 *
 * Return: 0, -EINVAL for a mistake in the file, -EFBIG, or -errno from opening and reading it or
 * from the handler.
 */
int ini_read_file(const char *path, ini_entry_handler handler, void *data, struct error *error);

/** ini_mistake_handler - takes "path:line: reason" of one mistake */
typedef void (*ini_mistake_handler)(void *data, const char *text);

/**
 * ini_read_file_on() - parse a file and go on after each mistake
 * @mistake: is told of each, also of those that @handler answers with -EINVAL, with the same @data
 *
 * Finds the same mistakes as ini_read_file(). The line with the mistake is left out; a section line
 * with one starts the section "", so that what follows is not taken for the section before it.
 *
 * Return: 0 in spite of mistakes, -EFBIG, or -errno from opening and reading it.
 */
int ini_read_file_on(const char *path, ini_entry_handler handler, ini_mistake_handler mistake,
		     void *data, struct error *error);

/** ini_read_text() - as ini_read_file() from memory (@length bytes); @name stands for the path in errors. */
int ini_read_text(const char *name, const char *text, size_t length, ini_entry_handler handler,
		  void *data, struct error *error);

#endif
