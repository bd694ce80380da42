/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text as wide as the terminal: where a line may end, and paragraphs that hang under their first line. */
#ifndef LHGUARD_CLI_PROSE_H
#define LHGUARD_CLI_PROSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/**
 * WHOLE() - a part of a paragraph, or of its format, that stays on one line: a command to copy
 * Where the rest of the line has no room for it, it begins the next one, and may be longer than that:
 * then the terminal goes on with it, which copies right. Text from outside, shown(), has no such marks.
 */
#define WHOLE_BEGIN '\016'
#define WHOLE_END   '\017'
#define WHOLE(text) "\016" text "\017"

/** stream_width() - columns of the terminal that a stream is, 0 where it is none */
int stream_width(FILE *stream);

/** text_width() - places that a text takes on a terminal; escape sequences and marks take none */
int text_width(const char *text);
int text_width_of(const char *text, size_t length);

/**
 * text_line() - how much of a text goes on one line
 * Lines end at a blank or a newline, never inside a WHOLE().
 * @room: places, > 0
 * @divides: a word that is longer than that is divided; else it is a line that is too long
 * @next: receives where the next line begins, the end of the text if there is none
 * Return: bytes; no blanks at the end.
 */
size_t text_line(const char *text, int room, bool divides, const char **next);

/**
 * prose_wrap() - a paragraph as it stands on a terminal, its marks gone
 * @width: of the terminal, 0: there is none, and only newlines end a line
 * @indent: blanks before each line but the first; fewer where they would make a word too wide
 * Return: its lines, each with its newline; to be freed.
 */
char *prose_wrap(const char *text, int width, int indent);

/** prose_print() - print a paragraph as wide as the stream's terminal; arguments as of prose_wrap() */
void prose_print(FILE *stream, int indent, const char *text);

/** prose() - printf to the end of the paragraph that prose_end() prints */
void prose(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** prose_end() - print what prose() has gathered to stdout; the next paragraph begins */
void prose_end(int indent);

#endif
