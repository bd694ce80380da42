// SPDX-License-Identifier: GPL-2.0-or-later
/* INI files by libinih, without its traps: every mistake is an error with file:line. */
#include "util/ini.h"
#include "util/cleanup.h"
#include "util/text.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

/**
 * DOC: Theory of Operation
 *
 * What inih does with a line depends on how the distribution built it: whether ";" cuts a value,
 * whether an indented line goes on with the last value, how long a line may be; and every build
 * ends a key at ":" as well as at "=". So inih never sees a raw line. Our reader, which it calls
 * for each line, refuses what cannot be right, and hands over the rest with the bytes that inih
 * would read a meaning into replaced by control characters (which it refuses in the file); the
 * handler puts them back. Behind each section line the reader adds an entry of its own, because
 * most builds do not tell when a section starts.
 */

#define UTF8_BOM	"\xef\xbb\xbf"
#define SECTION_SIZE	50 /* MAX_SECTION of inih's ini.c: a longer name is cut in silence */
#define SECTION_STARTED "\x04"

static const char special[] = ":;#";
static const char stand_in[] = "\x01\x02\x03";

/**
 * struct parser - one run over one file
 * @file: where the lines come from
 * @name: of the file, for errors
 * @mistake: takes mistakes, after which the parsing goes on; NULL: the first ends it
 * @line: number of the line that was read last
 * @size: bytes read
 * @in_new_section: the line that was read last starts a section
 * @status: 0, or the -errno that ends the parsing
 */
struct parser {
	FILE *file;
	const char *name;
	ini_entry_handler handler;
	ini_mistake_handler mistake;
	void *data;
	struct error *error;
	unsigned int line;
	size_t size;
	bool in_new_section;
	int status;
};

static bool fail(struct parser *parser, int errnum, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Return: false, for the reader's steps. */
static bool fail(struct parser *parser, int errnum, const char *format, ...)
{
	char reason[sizeof(parser->error->text)];
	struct error whole;
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	error_set(&whole, errnum, "%s:%u: %s", parser->name, parser->line, reason);
	if (parser->mistake && errnum == -EINVAL)
		parser->mistake(parser->data, whole.text);
	else
		parser->status = error_set(parser->error, errnum, "%s", whole.text);
	return false;
}

static void replace(char *text, const char *from, const char *to)
{
	for (; *text; text++) {
		const char *found = strchr(from, *text);

		if (found)
			*text = to[found - from];
	}
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static void strip_end(char *line)
{
	size_t length = strlen(line);

	while (length > 0 && (is_blank(line[length - 1]) || line[length - 1] == '\r'))
		line[--length] = '\0';
}

/*
 * The next line of the file without its newline; false at the end and on error. Of a line that is
 * too long the start, which tells a section line, is all that is kept.
 */
static bool read_line(struct parser *parser, char *line, bool *is_good)
{
	size_t length = 0;
	int c;

	*is_good = true;
	parser->line++;
	while ((c = getc_unlocked(parser->file)) != EOF && c != '\n') {
		if (++parser->size > INI_FILE_SIZE)
			return fail(parser, -EFBIG, "the file is larger than %d bytes",
				    INI_FILE_SIZE);
		if (length < INI_LINE_SIZE - 1) {
			line[length++] = (char)c;
		} else if (*is_good) {
			*is_good = fail(parser, -EINVAL, "the line is longer than %d bytes",
					INI_LINE_SIZE - 1);
			if (parser->status)
				return false;
		}
	}
	if (ferror(parser->file)) {
		parser->status = error_set(parser->error, -errno, "%s: %m", parser->name);
		return false;
	}
	if (c == EOF && length == 0)
		return false;
	line[length] = '\0';
	if (*is_good && strlen(line) != length)
		*is_good = fail(parser, -EINVAL, "the line holds a NUL byte");
	if (parser->line == 1 && !strncmp(line, UTF8_BOM, strlen(UTF8_BOM)))
		memmove(line, line + strlen(UTF8_BOM), length + 1 - strlen(UTF8_BOM));
	strip_end(line);
	return true;
}

static bool check_section(struct parser *parser, const char *line)
{
	const char *end = strchr(line, ']');

	if (!end)
		return fail(parser, -EINVAL, "the section's name has no \"]\" at its end");
	if (end[1])
		return fail(parser, -EINVAL, "something follows the section's name: \"%s\"",
			    end + 1);
	if (end == line + 1)
		return fail(parser, -EINVAL, "the section has no name");
	if (end - line > SECTION_SIZE - 1)
		return fail(parser, -EINVAL, "the section's name is longer than %d bytes",
			    SECTION_SIZE - 2);
	return true;
}

static bool check_line(struct parser *parser, const char *line)
{
	for (const char *c = line; *c; c++)
		if ((unsigned char)*c < ' ' && *c != '\t')
			return fail(parser, -EINVAL, "the line holds a control character (\\x%02x)",
				    (unsigned char)*c);
	if (is_blank(*line))
		return fail(parser, -EINVAL,
			    "the line starts with white space "
			    "(a value cannot go on in a second line)");
	if (*line == '[')
		return check_section(parser, line);
	if (*line == '=')
		return fail(parser, -EINVAL, "there is no key before \"=\"");
	if (!strchr(line, '='))
		return fail(parser, -EINVAL,
			    "the line is neither \"[section]\" nor \"key = value\"");
	return true;
}

/* inih's reader: writes a line that inih cannot misread to @target; NULL ends the parsing. */
static char *feed_line(char *target, int size, void *stream)
{
	struct parser *parser = stream;
	char line[INI_LINE_SIZE] = "";

	if (parser->status)
		return NULL;
	if (parser->in_new_section) {
		parser->in_new_section = false;
		snprintf(target, (size_t)size, "%s=\n", SECTION_STARTED);
		return target;
	}
	for (;;) {
		bool is_good;

		if (!read_line(parser, line, &is_good) || parser->status)
			return NULL;
		if (is_good && (!*line || *line == '#' || *line == ';'))
			continue;
		if (is_good && check_line(parser, line))
			break;
		if (parser->status)
			return NULL;
		if (*line == '[') { /* whose section follows is not known */
			text_copy(line, sizeof(line), "[]");
			break;
		}
	}
	parser->in_new_section = *line == '[';
	replace(line, special, stand_in);
	if (snprintf(target, (size_t)size, "%s\n", line) >= size) {
		fail(parser, -EFBIG, "the line is longer than this libinih can read (%d bytes)",
		     size - 2);
		return NULL;
	}
	return target;
}

/* inih's handler: returns 1 to go on. An error of ours ends the parsing at the next feed_line(). */
static int take_entry(void *user, const char *section, const char *key, const char *value)
{
	struct parser *parser = user;
	char section_text[SECTION_SIZE], key_text[INI_LINE_SIZE], value_text[INI_LINE_SIZE];
	struct ini_entry entry = {.section = section_text, .line = parser->line};
	struct error reason = {.text = ""};
	int ret;

	if (parser->status || !key) /* a build that announces sections does so with a NULL key */
		return 1;
	snprintf(section_text, sizeof(section_text), "%s", section);
	replace(section_text, stand_in, special);
	if (strcmp(key, SECTION_STARTED)) {
		snprintf(key_text, sizeof(key_text), "%s", key);
		snprintf(value_text, sizeof(value_text), "%s", value);
		replace(key_text, stand_in, special);
		replace(value_text, stand_in, special);
		entry.key = key_text;
		entry.value = value_text;
	}
	ret = parser->handler(parser->data, &entry, &reason);
	if (ret < 0)
		fail(parser, ret, "%s", reason.text);
	return 1;
}

static int parse(FILE *file, const char *name, ini_entry_handler handler,
		 ini_mistake_handler mistake, void *data, struct error *error)
{
	struct parser parser = {.file = file,
				.name = name,
				.handler = handler,
				.mistake = mistake,
				.data = data,
				.error = error};
	int ret = ini_parse_stream(feed_line, &parser, take_entry, &parser);

	if (parser.status)
		return parser.status;
	if (ret == -2)
		return error_set(error, -ENOMEM, "%s: out of memory", name);
	if (ret)
		return error_set(error, -EINVAL, "%s: not understood by libinih", name);
	return 0;
}

int ini_read_file_on(const char *path, ini_entry_handler handler, ini_mistake_handler mistake,
		     void *data, struct error *error)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	_cleanup_fclose_ FILE *file = NULL;
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0)
		return error_set(error, -errno, "%s: %m", path);
	if (!S_ISREG(status.st_mode))
		return error_set(error, -EINVAL, "%s: not a regular file", path);
	file = fdopen(fd, "r");
	if (!file)
		return error_set(error, -errno, "%s: %m", path);
	steal_fd(&fd);
	return parse(file, path, handler, mistake, data, error);
}

int ini_read_file(const char *path, ini_entry_handler handler, void *data, struct error *error)
{
	return ini_read_file_on(path, handler, NULL, data, error);
}

int ini_read_text(const char *name, const char *text, size_t length, ini_entry_handler handler,
		  void *data, struct error *error)
{
	_cleanup_fclose_ FILE *file = NULL;

	if (length == 0) /* which fmemopen(3) may refuse */
		return 0;
	file = fmemopen((void *)text, length, "r");
	if (!file)
		return error_set(error, -errno, "%s: %m", name);
	return parse(file, name, handler, NULL, data, error);
}
