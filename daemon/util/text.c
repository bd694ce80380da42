// SPDX-License-Identifier: GPL-2.0-or-later
/* Text that came from outside: cut at a length, and escaped before anybody sees it. */
#include "util/text.h"

#include "util/array.h"
#include "util/hash.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define CHARACTER_MAX	 4 /* bytes of a character in UTF-8 */
#define ESCAPED_BYTE_MAX 4 /* bytes of "\xHH" */
#define PIECE_SIZE	 (CHARACTER_MAX * ESCAPED_BYTE_MAX + 1)
#define HASH_TAIL_LENGTH 17 /* "~" and 64 bits in hex */

/* The lead bytes of UTF-8 and what may follow them (The Unicode Standard, table 3-7). */
static const struct {
	uint8_t first;
	uint8_t last;
	uint8_t length;
	uint8_t second_low;
	uint8_t second_high;
} leads[] = {
	{0x00, 0x7f, 1, 0, 0},	     {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf},
	{0xe1, 0xec, 3, 0x80, 0xbf}, {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf},
	{0xf0, 0xf0, 4, 0x90, 0xbf}, {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
};

/* Characters that a terminal obeys, that reorder their neighbours, or that nobody can see. */
static const struct {
	uint32_t first;
	uint32_t last;
} unprintable[] = {
	{0x0000, 0x001f},   /* C0 */
	{0x007f, 0x009f},   /* DEL, C1 */
	{0x00ad, 0x00ad},   /* soft hyphen */
	{0x034f, 0x034f},   /* combining grapheme joiner */
	{0x061c, 0x061c},   /* Arabic letter mark */
	{0x115f, 0x1160},   /* Hangul fillers, which nobody sees */
	{0x17b4, 0x17b5},   /* Khmer vowels that nobody sees */
	{0x180b, 0x180f},   /* Mongolian variation selectors and vowel separator */
	{0x200b, 0x200f},   /* zero width; left-to-right and right-to-left marks */
	{0x2028, 0x202e},   /* line and paragraph separators; bidirectional embeddings, overrides */
	{0x2060, 0x206f},   /* word joiner, invisible operators; bidirectional isolates */
	{0x2800, 0x2800},   /* Braille without a dot */
	{0x3164, 0x3164},   /* Hangul filler */
	{0xfe00, 0xfe0f},   /* variation selectors */
	{0xfeff, 0xfeff},   /* byte order mark: zero width no-break space */
	{0xffa0, 0xffa0},   /* Hangul filler, half as wide */
	{0xfff9, 0xfffb},   /* interlinear annotation */
	{0xfffe, 0xffff},   /* no characters, which XML cannot hold */
	{0x1bca0, 0x1bca3}, /* shorthand's controls */
	{0x1d173, 0x1d17a}, /* musical notation's */
	{0xe0000, 0xe01ef}, /* tags, more variation selectors */
};

/* Return: bytes of the character at @bytes (@length > 0), 0 when it is no UTF-8. */
static size_t decode(const uint8_t *bytes, size_t length, uint32_t *character)
{
	for (size_t i = 0; i < ARRAY_SIZE(leads); i++) {
		size_t size = leads[i].length;

		if (bytes[0] < leads[i].first || bytes[0] > leads[i].last)
			continue;
		*character = size == 1 ? bytes[0] : bytes[0] & (0x7fu >> size);
		if (size > length || (size > 1 && (bytes[1] < leads[i].second_low ||
						   bytes[1] > leads[i].second_high)))
			return 0;
		for (size_t k = 1; k < size; k++) {
			if ((bytes[k] & 0xc0) != 0x80)
				return 0;
			*character = *character << 6 | (bytes[k] & 0x3f);
		}
		return size;
	}
	return 0;
}

static bool is_printable(uint32_t character)
{
	for (size_t i = 0; i < ARRAY_SIZE(unprintable); i++)
		if (character >= unprintable[i].first && character <= unprintable[i].last)
			return false;
	return true;
}

/*
 * The printable form of the first character of @source, into PIECE_SIZE bytes at @piece.
 * Return: bytes of @source taken.
 */
static size_t next_piece(char *piece, const char *source, size_t length)
{
	uint32_t character = 0;
	size_t size = decode((const uint8_t *)source, length, &character);

	if (size && is_printable(character)) {
		memcpy(piece, source, size);
		piece[size] = '\0';
		return size;
	}
	if (!size)
		size = 1;
	for (size_t i = 0; i < size; i++)
		snprintf(piece + i * ESCAPED_BYTE_MAX, ESCAPED_BYTE_MAX + 1, "\\x%02x",
			 (uint8_t)source[i]);
	return size;
}

/* Takes away the rest of a character that was cut in two at the end of @text. */
static void drop_half_character(char *text, size_t length)
{
	for (size_t back = 1; back < CHARACTER_MAX && back <= length; back++) {
		uint8_t byte = (uint8_t)text[length - back];
		uint32_t character;

		if ((byte & 0xc0) == 0x80)
			continue;
		if (byte >= 0xc2 && !decode((uint8_t *)text + length - back, back, &character))
			text[length - back] = '\0';
		return;
	}
}

bool text_copy(char *target, size_t size, const char *source)
{
	size_t length = strlen(source);
	bool fits = length < size;

	if (!fits)
		length = size - 1;
	memcpy(target, source, length);
	target[length] = '\0';
	if (!fits)
		drop_half_character(target, length);
	return fits;
}

void text_copy_name(char *target, size_t size, const char *source, size_t length)
{
	char piece[PIECE_SIZE];
	size_t used = 0, room_for_tail = 0;

	length = strnlen(source, length);
	if (length == 1 && *source == '*') {
		snprintf(target, size, "\\x2a");
		return;
	}
	for (size_t at = 0; at < length;) {
		at += next_piece(piece, source + at, length - at);
		if (used + strlen(piece) >= size) {
			snprintf(target + room_for_tail, size - room_for_tail, "~%016" PRIx64,
				 hash_add_bytes(HASH_START, source, length));
			return;
		}
		memcpy(target + used, piece, strlen(piece));
		used += strlen(piece);
		if (used + HASH_TAIL_LENGTH < size)
			room_for_tail = used;
	}
	target[used] = '\0';
}

bool text_escape(char *target, size_t size, const char *source, size_t length)
{
	char piece[PIECE_SIZE];
	size_t used = 0;

	target[0] = '\0';
	for (size_t at = 0; at < length;) {
		at += next_piece(piece, source + at, length - at);
		if (!strcmp(piece, "\\"))
			memcpy(piece, "\\\\", sizeof("\\\\"));
		if (used + strlen(piece) >= size)
			return false;
		memcpy(target + used, piece, strlen(piece) + 1);
		used += strlen(piece);
	}
	return true;
}

static int hex_digit(char digit)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = digit ? strchr(digits, digit) : NULL;

	return found ? (int)(found - digits) : -1;
}

void text_unescape(char *text)
{
	char *end = text;

	while (*text) {
		int high, low;

		if (text[0] == '\\' && text[1] == '\\') {
			text++;
		} else if (text[0] == '\\' && text[1] == 'x' && (high = hex_digit(text[2])) >= 0 &&
			   (low = hex_digit(text[3])) >= 0 && (high || low)) {
			*end++ = (char)(high << 4 | low);
			text += 4;
			continue;
		}
		*end++ = *text++;
	}
	*end = '\0';
}

bool text_append(char *target, size_t size, const char *format, ...)
{
	size_t used = strlen(target);
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(target + used, size - used, format, args);
	va_end(args);
	if (length >= 0 && (size_t)length < size - used)
		return true;
	drop_half_character(target, strlen(target));
	return false;
}
