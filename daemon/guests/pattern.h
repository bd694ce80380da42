/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Patterns with a placeholder for what a guest is called, as guests.conf(5) writes them. */
#ifndef LHGUARD_GUESTS_PATTERN_H
#define LHGUARD_GUESTS_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

struct error;

#define PATTERN_SIZE 128 /* bytes of a pattern with its NUL */

/** enum capture - what a pattern's placeholder stands for */
enum capture {
	CAPTURE_NONE,
	CAPTURE_ID,    /* {id}: 64 hex digits */
	CAPTURE_BUILD, /* {build}: 25 digits of base 36, as BuildKit makes them */
	CAPTURE_UUID,  /* {uuid} */
	CAPTURE_NAME,  /* {name}: any text, the name that the guest's owner gave */
	CAPTURE_LOSSY, /* {lossy}: any text that only resembles that name */
};

/**
 * struct pattern - one pattern; plain data
 * @text: "*" for any text, "?" for any byte, placeholders in braces, and literal bytes
 * @capture: its first placeholder, which tells what the guest is called
 */
struct pattern {
	char text[PATTERN_SIZE];
	enum capture capture;
};

/**
 * pattern_parse() - check a pattern
 * At most two parts before its end may be of any length: then a match costs at most the square of
 * the text.
 * Return: 0, or -EINVAL with @error.
 */
int pattern_parse(struct pattern *pattern, const char *text, size_t length, struct error *error);

/** struct span - a part of a text */
struct span {
	const char *start;
	size_t length;
};

/**
 * pattern_match() - does the whole of a text match?
 * @captured: receives what the first placeholder stands for; the whole text when there is none
 */
bool pattern_match(const struct pattern *pattern, const char *text, size_t length,
		   struct span *captured);

#endif
