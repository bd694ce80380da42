// SPDX-License-Identifier: GPL-2.0-or-later
/* Patterns with a placeholder for what a guest is called, as guests.conf(5) writes them. */
#include "guests/pattern.h"

#include "util/array.h"
#include "util/error.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#define OPEN_PARTS_MAX 2 /* parts of any length */

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool is_base36(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}

static bool is_uuid(char c)
{
	return is_hex(c) || (c >= 'A' && c <= 'F') || c == '-';
}

/**
 * struct placeholder - one kind of placeholder
 * @length: bytes that it stands for, 0: one or more
 * @is_member: may it hold this byte? NULL: any but "/"
 */
static const struct placeholder {
	const char *word;
	enum capture capture;
	size_t length;
	bool (*is_member)(char c);
} placeholders[] = {
	{"{id}", CAPTURE_ID, 64, is_hex},      {"{build}", CAPTURE_BUILD, 25, is_base36},
	{"{uuid}", CAPTURE_UUID, 36, is_uuid}, {"{name}", CAPTURE_NAME, 0, NULL},
	{"{lossy}", CAPTURE_LOSSY, 0, NULL},
};

static const struct placeholder *placeholder_at(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(placeholders); i++)
		if (!strncmp(text, placeholders[i].word, strlen(placeholders[i].word)))
			return &placeholders[i];
	return NULL;
}

int pattern_parse(struct pattern *pattern, const char *text, size_t length, struct error *error)
{
	int open_parts = 0;

	if (!length)
		return error_set(error, -EINVAL, "a part of the pattern is empty");
	if (length >= sizeof(pattern->text))
		return error_set(error, -EINVAL, "the pattern is longer than %zu bytes",
				 sizeof(pattern->text) - 1);
	memset(pattern, 0, sizeof(*pattern));
	memcpy(pattern->text, text, length);
	for (const char *at = pattern->text; *at; at++) {
		const struct placeholder *found = *at == '{' ? placeholder_at(at) : NULL;

		if (*at == '{' && !found)
			return error_set(error, -EINVAL,
					 "\"%s\" is no placeholder: there are {id}, {build}, "
					 "{uuid}, {name}, {lossy}",
					 at);
		open_parts += (*at == '*' && at[1]) || (found && !found->length);
		if (found) {
			if (!pattern->capture)
				pattern->capture = found->capture;
			at += strlen(found->word) - 1;
		}
	}
	if (open_parts > OPEN_PARTS_MAX)
		return error_set(error, -EINVAL, "\"%s\" has more than %d parts of any length",
				 pattern->text, OPEN_PARTS_MAX);
	return 0;
}

static bool match(const char *pattern, const char *text, const char *end, struct span *captured);

/* The longest text goes first. */
static bool match_star(const char *pattern, const char *text, const char *end,
		       struct span *captured)
{
	if (!*pattern)
		return true;
	for (const char *rest = end;; rest--) {
		if (match(pattern, rest, end, captured))
			return true;
		if (rest == text)
			return false;
	}
}

static bool match_placeholder(const struct placeholder *placeholder, const char *pattern,
			      const char *text, const char *end, struct span *captured)
{
	size_t room = (size_t)(end - text), most = 0;
	size_t limit =
		placeholder->length && placeholder->length < room ? placeholder->length : room;

	while (most < limit &&
	       (placeholder->is_member ? placeholder->is_member(text[most]) : text[most] != '/'))
		most++;
	for (size_t length = most; length > 0; length--) {
		if (placeholder->length && length != placeholder->length)
			return false;
		if (match(pattern, text + length, end, captured)) {
			*captured = (struct span){text, length};
			return true;
		}
	}
	return false;
}

static bool match(const char *pattern, const char *text, const char *end, struct span *captured)
{
	for (; *pattern; pattern++, text++) {
		if (*pattern == '*')
			return match_star(pattern + 1, text, end, captured);
		if (*pattern == '{') {
			const struct placeholder *placeholder = placeholder_at(pattern);

			assert(placeholder); /* pattern_parse() has seen to it */
			return match_placeholder(placeholder, pattern + strlen(placeholder->word),
						 text, end, captured);
		}
		if (text == end || (*pattern != '?' && *pattern != *text))
			return false;
	}
	return text == end;
}

bool pattern_match(const struct pattern *pattern, const char *text, size_t length,
		   struct span *captured)
{
	*captured = (struct span){text, length};
	return match(pattern->text, text, text + length, captured);
}
