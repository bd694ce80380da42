/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What people read: escaped text, times, commands to copy, tables aligned to their content. */
#ifndef LHGUARD_CLI_OUTPUT_H
#define LHGUARD_CLI_OUTPUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/**
 * shown() - text from outside, escaped for a terminal
 * Return: one of several static buffers, valid for the next seven calls.
 */
const char *shown(const char *text);

/** text_of() - a member that is text; "" where it is missing, null or something else. Not escaped.
 */
const char *text_of(const json_t *object, const char *member);

/** text_json() - text from outside for JSON; what is no UTF-8, which is none, is escaped */
json_t *text_json(const char *text);

/** number_of() - a member that is a number, else 0. */
json_int_t number_of(const json_t *object, const char *member);

/**
 * is_told() - whether a member is there, and not null
 * A daemon that is older than this program leaves out what it does not know.
 */
bool is_told(const json_t *object, const char *member);

/**
 * user_name() - of a uid in the daemon's answers; the number where nobody has it, "-" where it is null
 * Return: static.
 */
const char *user_name(const json_t *uid);

/**
 * quoted() - a word as a POSIX shell has to read it
 * Plain where nothing in it is special, in '…' otherwise. The daemon's names are printable; what is
 * not is shown(), and names nothing.
 * Return: one of several static buffers, valid for the next three calls.
 */
const char *quoted(const char *word);

/**
 * endpoint() - "127.0.0.1:9222", "[::1]:9222"; the address alone where the protocol has no ports
 * @service: of the daemon's answers
 * Return: @target, not escaped.
 */
const char *endpoint(char *target, size_t size, const json_t *service);

/**
 * local_time() - a time of the daemon's answers for a person
 * Return: "20:14:05", with the date before it when that is not today's; "-" where it is none; static.
 */
const char *local_time(const char *timestamp);

/** local_time_at() - the same of a time in seconds since the epoch */
const char *local_time_at(time_t then);

/**
 * time_left() - until a time of the daemon's answers
 * Return: "9m58s", "0s" once it is over, "-" where it is none; static.
 */
const char *time_left(const char *timestamp);

/** OUTPUT_SCHEMA - the version of all that --json prints: raised when a member changes or goes */
#define OUTPUT_SCHEMA 1

/** print_members() - an object in one line of ASCII, with "schema" before its members; taken over */
void print_members(json_t *object);

/** print_document() - {"schema":1,"MEMBER":…}; @value is taken over */
void print_document(const char *member, json_t *value);

struct options;

/** output_set() - how everything here is printed, from the command line and the environment */
void output_set(const struct options *options);

/**
 * say() - a paragraph for people, to stderr, but not with --quiet
 * Text from outside has to be shown(), a command to copy is a WHOLE() of prose.h.
 */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

enum colour {
	COLOUR_NONE, /* back to none */
	COLOUR_BOLD,
	COLOUR_RED,
	COLOUR_GREEN,
	COLOUR_YELLOW,
	COLOUR_ALARM, /* bold and red */
};

/** colour() - what switches a colour on; "" where stdout is no terminal, or NO_COLOR is set */
const char *colour(enum colour colour);

/** arrow() - "→", or "->" where the locale has no such character */
const char *arrow(void);

#define COLUMNS_MAX 16

/**
 * struct column - of a table
 * @is_number: aligned to the right, never narrowed
 * @is_optional: left out where the terminal is too narrow for all of them
 * @is_text: words for people, which go on in the next line before anything else does
 * @is_undivided: what has no room in it ends its line, and the columns behind it begin the next one
 * @is_below: words that get lines of their own below their row where the terminal is too narrow for a
 *	column of them; at most one
 */
struct column {
	const char *name;
	bool is_number;
	bool is_optional;
	bool is_text;
	bool is_undivided;
	bool is_below;
};

/**
 * struct cell - of a table
 * @text: escaped, owned
 */
struct cell {
	char *text;
	enum colour colour;
};

/**
 * struct table - cells, row by row
 * @columns: @column_count of them, at most COLUMNS_MAX
 * @cells: @cell_count of them, owned
 */
struct table {
	const struct column *columns;
	size_t column_count;
	struct cell *cells;
	size_t cell_count;
};

/** table_add() - the next cell; everything in it is escaped. */
void table_add(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** table_paint() - the colour of the cell that was added last */
void table_paint(struct table *table, enum colour colour);

/**
 * table_print() - print the table with a heading (not with --no-legend), and free its cells.
 * On a terminal it fits: what can stand below its row does, optional columns are left out from the
 * right, then wide ones are narrowed, text first, and go on in the next line. Elsewhere each row is
 * one line.
 */
void table_print(struct table *table);

#endif
