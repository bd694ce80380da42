// SPDX-License-Identifier: GPL-2.0-or-later
/* What people read: escaped text, times and commands to copy. */
#include "output.h"

#include "options.h"
#include "output_table.h"
#include "prose.h"

#include "policy/duration.h"
#include "policy/timestamp.h"
#include "util/cleanup.h"
#include "util/text.h"

#include <langinfo.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SHOWN_BUFFERS  8
#define QUOTED_BUFFERS 4
#define TEXT_SIZE      2048 /* more than anything that is shown has */
#define HANG	       4    /* columns before a second line; more than before a first one */

static struct {
	bool is_quiet;
	bool is_coloured;
	bool is_ascii; /* the locale has no characters but these */
} output;

void output_set(const struct options *options)
{
	const char *terminal = getenv("TERM"), *no_color = getenv("NO_COLOR");

	output.is_quiet = options->quiet;
	output.is_coloured = isatty(STDOUT_FILENO) && !(no_color && *no_color) && terminal &&
			     strcmp(terminal, "dumb");
	output.is_ascii = strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
	table_set(options->no_legend);
}

void say(const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;

	if (output.is_quiet)
		return;
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	prose_print(stderr, HANG, text);
}

const char *colour(enum colour colour)
{
	static const char *const sequences[] = {
		[COLOUR_NONE] = "\033[m",     [COLOUR_BOLD] = "\033[1m",
		[COLOUR_RED] = "\033[31m",    [COLOUR_GREEN] = "\033[32m",
		[COLOUR_YELLOW] = "\033[33m", [COLOUR_ALARM] = "\033[1;31m",
	};

	return output.is_coloured ? sequences[colour] : "";
}

const char *arrow(void)
{
	return output.is_ascii ? "->" : "\xe2\x86\x92";
}

/* What is no ASCII as \xHH, for a terminal that could not show it. */
static void escape_characters(char *target, size_t size, const char *text)
{
	target[0] = '\0';
	for (; *text; text++)
		text_append(target, size, (*text & 0x80) ? "\\x%02x" : "%c", (unsigned char)*text);
}

const char *shown(const char *text)
{
	static char buffers[SHOWN_BUFFERS][TEXT_SIZE];
	static unsigned int next;
	char *buffer = buffers[next++ % SHOWN_BUFFERS];
	char escaped[TEXT_SIZE];

	text_escape(escaped, TEXT_SIZE, text, strlen(text));
	if (output.is_ascii)
		escape_characters(buffer, TEXT_SIZE, escaped);
	else
		text_copy(buffer, TEXT_SIZE, escaped);
	return buffer;
}

const char *text_of(const json_t *object, const char *member)
{
	const char *text = json_string_value(json_object_get(object, member));

	return text ? text : "";
}

json_t *text_json(const char *text)
{
	json_t *json = json_string(text);
	char escaped[TEXT_SIZE];

	if (json)
		return json;
	text_escape(escaped, sizeof(escaped), text, strlen(text));
	return json_string(escaped);
}

json_int_t number_of(const json_t *object, const char *member)
{
	return json_integer_value(json_object_get(object, member));
}

const char *user_name(const json_t *uid)
{
	const struct passwd *user =
		json_is_integer(uid) ? getpwuid((uid_t)json_integer_value(uid)) : NULL;
	static char text[32];

	if (!json_is_integer(uid))
		return "-";
	if (user)
		return user->pw_name;
	snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(uid));
	return text;
}

/* Escaping does no more to printable text than to double its backslashes. */
static bool is_printable(const char *word, const char *escaped)
{
	size_t length = strlen(word);

	for (const char *c = word; *c; c++)
		length += *c == '\\';
	return strlen(escaped) == length;
}

const char *quoted(const char *word)
{
	static const char plain[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+:,./-";
	static char buffers[QUOTED_BUFFERS][4 * TEXT_SIZE];
	static unsigned int next;
	char *buffer = buffers[next++ % QUOTED_BUFFERS], *end = buffer;
	const char *last = buffer + sizeof(buffers[0]) - 8; /* room for one more and the end */
	char escaped[TEXT_SIZE];

	text_escape(escaped, sizeof(escaped), word, strlen(word));
	if (*word && strspn(word, plain) == strlen(word)) {
		text_copy(buffer, sizeof(buffers[0]), word);
		return buffer;
	}
	*end++ = '\'';
	for (const char *c = is_printable(word, escaped) ? word : escaped; *c && end < last; c++) {
		if (*c != '\'')
			*end++ = *c;
		else
			end = stpcpy(end, "'\\''");
	}
	strcpy(end, "'");
	return buffer;
}

const char *endpoint(char *target, size_t size, const json_t *service)
{
	const char *address = text_of(service, "address");
	bool is_v6 = strchr(address, ':');

	target[0] = '\0';
	text_append(target, size, is_v6 ? "[%s]" : "%s", address);
	if (number_of(service, "port"))
		text_append(target, size, ":%" JSON_INTEGER_FORMAT, number_of(service, "port"));
	return target;
}

bool is_told(const json_t *object, const char *member)
{
	const json_t *value = json_object_get(object, member);

	return value && !json_is_null(value);
}

/* Return: whether @timestamp is one. */
static bool seconds_of(const char *timestamp, time_t *seconds)
{
	uint64_t us = 0;

	if (timestamp_parse(timestamp, &us, NULL))
		return false;
	*seconds = (time_t)(us / 1000000);
	return true;
}

const char *local_time_at(time_t then)
{
	time_t now = time(NULL);
	static char text[32];
	char today[16], day[16];
	struct tm parts;

	localtime_r(&now, &parts);
	strftime(today, sizeof(today), "%Y-%m-%d", &parts);
	localtime_r(&then, &parts);
	strftime(day, sizeof(day), "%Y-%m-%d", &parts);
	strftime(text, sizeof(text), strcmp(day, today) ? "%Y-%m-%d %H:%M:%S" : "%H:%M:%S", &parts);
	return text;
}

const char *local_time(const char *timestamp)
{
	time_t then;

	return seconds_of(timestamp, &then) ? local_time_at(then) : "-";
}

const char *time_left(const char *timestamp)
{
	time_t then, now = time(NULL);
	static char text[32];

	if (!seconds_of(timestamp, &then))
		return "-";
	return duration_format(text, sizeof(text), then > now ? (uint64_t)(then - now) : 0);
}

void print_members(json_t *object)
{
	json_t *document = json_pack("{s:i}", "schema", OUTPUT_SCHEMA);

	json_object_update(document, object);
	json_dumpf(document, stdout, JSON_COMPACT | JSON_ENSURE_ASCII);
	putchar('\n');
	json_decref(document);
	json_decref(object);
}

void print_document(const char *member, json_t *value)
{
	print_members(json_pack("{s:o}", member, value));
}
