/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text that came from outside: cut at a length, and escaped before anybody sees it. */
#ifndef LHGUARD_UTIL_TEXT_H
#define LHGUARD_UTIL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/**
 * text_copy() - copy a string into a fixed buffer
 * @target: receives the text, always NUL-terminated
 * @size: bytes of @target, > 0
 * @source: NUL-terminated text
 *
 * Return: true when all of it fitted.
 */
bool text_copy(char *target, size_t size, const char *source);

/**
 * text_copy_name() - copy a name so that two different long names stay different
 * @target: receives the name, always NUL-terminated; not escaped
 * @size: bytes of @target, at least 32
 * @source: the name's bytes, which need not be text at all; a NUL ends it
 * @length: bytes of @source
 *
 * Control characters, bidirectional controls and bytes that are no UTF-8 become \xHH, so the result
 * is valid printable UTF-8. The name "*" becomes \x2a, since in a selector that stands for every name. A
 * name that is too long is cut and ends in "~" and a 64-bit hash of the
 * whole in hex.
 */
void text_copy_name(char *target, size_t size, const char *source, size_t length);

/**
 * text_escape() - make any bytes printable on a terminal
 * @target: receives the text; control characters, DEL, C1, bidirectional controls and invalid UTF-8
 *	as \xHH, a backslash as \\; always NUL-terminated, never cut inside an escape or a character
 * @size: bytes of @target, > 0
 * @source: the bytes
 * @length: bytes of @source
 *
 * Return: true when all of it fitted.
 */
bool text_escape(char *target, size_t size, const char *source, size_t length);

/**
 * text_unescape() - what text_escape() was given, in place
 * A backslash that no text_escape() has written stays as it is.
 */
void text_unescape(char *text);

/** text_append() - printf to the end of a NUL-terminated buffer; false when it was cut. */
bool text_append(char *target, size_t size, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif
