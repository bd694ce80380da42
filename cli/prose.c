// SPDX-License-Identifier: GPL-2.0-or-later
/* Text as wide as the terminal: where a line may end, and paragraphs that hang under their first line. */
#include "prose.h"

#include "util/cleanup.h"

#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#define ESCAPE '\033'

int stream_width(FILE *stream)
{
	int fd = fileno(stream);
	struct winsize size;

	if (ioctl(fd, TIOCGWINSZ, &size) || !isatty(fd))
		return 0;
	return size.ws_col;
}

/* The next character, mark or escape sequence: its bytes, and its places on a terminal. */
static size_t next_character(const char *text, int *width)
{
	mbstate_t state = {0};
	wchar_t character;
	size_t length;

	*width = 0;
	if (*text == ESCAPE) /* a colour: nothing else is in what has been shown() */
		return strcspn(text, "m") + (strchr(text, 'm') != NULL);
	if (*text == WHOLE_BEGIN || *text == WHOLE_END)
		return 1;
	length = mbrtowc(&character, text, strnlen(text, MB_CUR_MAX), &state);
	*width = 1;
	if (length == (size_t)-1 || length == (size_t)-2 || !length)
		return 1;
	*width = wcwidth(character);
	if (*width < 0)
		*width = 1;
	return length;
}

int text_width_of(const char *text, size_t length)
{
	int width = 0, one;

	for (const char *c = text; c < text + length; width += one)
		c += next_character(c, &one);
	return width;
}

int text_width(const char *text)
{
	return text_width_of(text, strlen(text));
}

static const char *line_after(const char *end)
{
	end += strspn(end, " ");
	return *end == '\n' ? end + 1 : end;
}

size_t text_line(const char *text, int room, bool divides, const char **next)
{
	const char *end = NULL, *c = text; /* @end: of the last word that has room */
	bool is_whole = false, is_word = false;
	int used = 0, one;

	for (size_t length; *c && *c != '\n'; c += length, used += one) {
		length = next_character(c, &one);
		if (*c == WHOLE_BEGIN || *c == WHOLE_END) {
			is_whole = *c == WHOLE_BEGIN;
		} else if (*c == ' ' && !is_whole) {
			if (is_word && (used <= room || !end))
				end = c;
			if (is_word && used > room)
				break;
			is_word = false;
		} else if (divides && used && used + one > room && !end) {
			*next = c;
			return (size_t)(c - text);
		} else {
			is_word = true;
		}
	}
	if ((!*c || *c == '\n') && is_word && (used <= room || !end))
		end = c;
	if (!end) { /* an empty line, which may have marks in it */
		*next = line_after(c);
		return 0;
	}
	*next = line_after(end);
	return (size_t)(end - text);
}

static void put(FILE *stream, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] != WHOLE_BEGIN && text[i] != WHOLE_END)
			putc(text[i], stream);
}

static void wrap(FILE *stream, const char *text, int width, int indent)
{
	int room = width ? width : INT_MAX, hang = 0;
	const char *next;

	if (indent > room / 2)
		indent = room / 2; /* no terminal is that narrow on purpose */
	do {
		size_t length = text_line(text, room - hang, false, &next);
		int left = room - text_width_of(text, length);

		fprintf(stream, "%*s", left < 0 ? 0 : left < hang ? left : hang, "");
		put(stream, text, length);
		putc('\n', stream);
		hang = next > text && next[-1] == '\n' ? 0 : indent;
		text = next;
	} while (*text);
}

char *prose_wrap(const char *text, int width, int indent)
{
	char *lines = NULL;
	size_t size;
	FILE *stream = open_memstream(&lines, &size);

	if (!stream)
		abort();
	wrap(stream, text, width, indent);
	if (fclose(stream))
		abort();
	return lines;
}

void prose_print(FILE *stream, int indent, const char *text)
{
	_cleanup_free_ char *lines = prose_wrap(text, stream_width(stream), indent);

	fputs(lines, stream);
}

static struct {
	FILE *stream; /* NULL: nothing has been gathered */
	char *text;
	size_t size;
} paragraph;

void prose(const char *format, ...)
{
	va_list args;

	if (!paragraph.stream)
		paragraph.stream = open_memstream(&paragraph.text, &paragraph.size);
	if (!paragraph.stream)
		abort();
	va_start(args, format);
	vfprintf(paragraph.stream, format, args);
	va_end(args);
}

void prose_end(int indent)
{
	prose("%s", "");
	if (fclose(paragraph.stream))
		abort();
	paragraph.stream = NULL;
	prose_print(stdout, indent, paragraph.text);
	free(paragraph.text);
}
