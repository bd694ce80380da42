// SPDX-License-Identifier: GPL-2.0-or-later
/* util/text: hostile names stay printable, different and within their buffers. */
#include "util/array.h"
#include "util/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void escape_shows_what_a_terminal_would_obey(void **state)
{
	static const struct {
		const char *source, *expected;
	} cases[] = {
		{"plain name", "plain name"},
		{"caf\xc3\xa9 \xe2\x86\x92 \xf0\x9f\x90\xa7",
		 "caf\xc3\xa9 \xe2\x86\x92 \xf0\x9f\x90\xa7"},
		{"\x1b]0;title\x07", "\\x1b]0;title\\x07"},
		{"a\nb\tc\r", "a\\x0ab\\x09c\\x0d"},
		{"\x7f", "\\x7f"},
		{"back\\slash", "back\\\\slash"},
		{"\xc2\x9b"
		 "31m",
		 "\\xc2\\x9b31m"}, /* C1 CSI */
		{"\xe2\x80\xae"
		 "exe",
		 "\\xe2\\x80\\xaeexe"},		     /* U+202E */
		{"\xe2\x81\xa6", "\\xe2\\x81\\xa6"}, /* U+2066 */
		{"\xe2\x80\x8e\xe2\x80\x8f", "\\xe2\\x80\\x8e\\xe2\\x80\\x8f"},
		{"\xd8\x9c", "\\xd8\\x9c"}, /* U+061C */
		{"\xe2\x80\xa8\xe2\x80\xa9", "\\xe2\\x80\\xa8\\xe2\\x80\\xa9"},
		{"\xe2\x80\x8b\xe2\x81\xa0", "\\xe2\\x80\\x8b\\xe2\\x81\\xa0"}, /* zero width */
		{"devbox\xe3\x85\xa4", "devbox\\xe3\\x85\\xa4"}, /* letters that nobody sees */
		{"\xe1\x85\x9f\xef\xbe\xa0", "\\xe1\\x85\\x9f\\xef\\xbe\\xa0"},
		{"\xe2\xa0\x80\xef\xb8\x8f", "\\xe2\\xa0\\x80\\xef\\xb8\\x8f"},
		{"\xef\xbb\xbf", "\\xef\\xbb\\xbf"},
		{"\xf3\xa0\x81\x81", "\\xf3\\xa0\\x81\\x81"}, /* a tag character */
		{"\x80", "\\x80"},			      /* no lead byte */
		{"\xc0\xaf", "\\xc0\\xaf"},		      /* overlong */
		{"\xe0\x80\xaf", "\\xe0\\x80\\xaf"},
		{"\xed\xa0\x80", "\\xed\\xa0\\x80"},	      /* surrogate */
		{"\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"}, /* beyond U+10FFFF */
		{"\xf5", "\\xf5"},
		{"\xe2\x86", "\\xe2\\x86"}, /* ends too early */
		{"\xe2\x86z", "\\xe2\\x86z"},
	};
	char target[128];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_true(text_escape(target, sizeof(target), cases[i].source,
					strlen(cases[i].source)));
		assert_string_equal(target, cases[i].expected);
		text_unescape(target);
		assert_string_equal(target, cases[i].source);
	}
	assert_true(text_escape(target, sizeof(target), "a\0b", 3));
	assert_string_equal(target, "a\\x00b");
}

static void unescape_takes_what_escape_gives(void **state)
{
	static const struct {
		const char *source, *expected;
	} cases[] = {
		{"\\\\x1b", "\\x1b"}, /* an escaped backslash before "x1b" */
		{"\\\\\\x1b", "\\\x1b"}, {"\\x1", "\\x1"},
		{"\\xAB", "\\xAB"},	 {"\\x00a", "\\x00a"}, /* no text has a NUL */
		{"\\n\\", "\\n\\"},	 {"", ""},
	};
	char target[128];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		text_copy(target, sizeof(target), cases[i].source);
		text_unescape(target);
		assert_string_equal(target, cases[i].expected);
	}
	for (unsigned int i = 0; i < 10000; i++) {
		char source[16], escaped[4 * sizeof(source)];
		size_t length = (size_t)rand() % (sizeof(source) - 1);

		for (size_t k = 0; k < length; k++)
			source[k] = (char)(rand() % 2 ? 1 + rand() % 255 : "\\x0a1"[rand() % 5]);
		source[length] = '\0';
		assert_true(text_escape(escaped, sizeof(escaped), source, length));
		text_unescape(escaped);
		assert_string_equal(escaped, source);
	}
}

static void escape_is_never_cut_inside(void **state)
{
	static const char source[] = "\xe2\x86\x92\x1b\\";
	static const char *const expected[] = {
		"",
		"",
		"",
		"\xe2\x86\x92",
		"\xe2\x86\x92",
		"\xe2\x86\x92",
		"\xe2\x86\x92",
		"\xe2\x86\x92\\x1b",
		"\xe2\x86\x92\\x1b",
		"\xe2\x86\x92\\x1b\\\\",
	};

	for (size_t size = 1; size <= ARRAY_SIZE(expected); size++) {
		char *target = malloc(size); /* its very end is what the sanitizer watches */

		assert_int_equal(text_escape(target, size, source, strlen(source)), size == 10);
		assert_string_equal(target, expected[size - 1]);
		free(target);
	}
}

static void escape_never_leaves_an_unprintable_byte(void **state)
{
	uint32_t random = 1;

	for (int run = 0; run < 20000; run++) {
		char source[24], target[4 * sizeof(source) + 1], again[2 * sizeof(target)];
		size_t backslashes = 0;

		for (size_t i = 0; i < sizeof(source); i++) {
			random = random * 1664525 + 1013904223;
			source[i] = (char)(random >> 24);
		}
		assert_true(text_escape(target, sizeof(target), source, sizeof(source)));
		for (const char *at = target; *at; at++) {
			assert_true((uint8_t)*at >= 0x20 && *at != 0x7f);
			backslashes += *at == '\\';
		}
		/* What was escaped once holds nothing to escape but backslashes. */
		assert_true(text_escape(again, sizeof(again), target, strlen(target)));
		assert_int_equal(strlen(again), strlen(target) + backslashes);
	}
}

static void long_names_stay_different(void **state)
{
	char a[300], b[300], name_a[128], name_b[128];

	memset(a, 'n', sizeof(a));
	memset(b, 'n', sizeof(b));
	b[299] = 'm';
	text_copy_name(name_a, sizeof(name_a), a, sizeof(a));
	text_copy_name(name_b, sizeof(name_b), b, sizeof(b));
	assert_int_equal(strlen(name_a), 127);
	assert_int_equal(name_a[110], '~');
	assert_string_not_equal(name_a, name_b);
	assert_memory_equal(name_a, name_b, 110);
}

static void names_that_fit_are_kept_whole(void **state)
{
	char name[32];

	text_copy_name(name, sizeof(name), "*", 1); /* not every name */
	assert_string_equal(name, "\\x2a");
	text_copy_name(name, sizeof(name), "\\x2a", 4); /* as it is parsed */
	assert_string_equal(name, "\\x2a");
	text_copy_name(name, sizeof(name), "**", 2);
	assert_string_equal(name, "**");
	text_copy_name(name, sizeof(name), "build agent", 11);
	assert_string_equal(name, "build agent");
	text_copy_name(name, sizeof(name), "1234567890123456789012345678901", 31);
	assert_string_equal(name, "1234567890123456789012345678901");
	text_copy_name(name, sizeof(name), "ends\0here", 9);
	assert_string_equal(name, "ends");
	text_copy_name(name, sizeof(name), "", 0);
	assert_string_equal(name, "");
	text_copy_name(name, sizeof(name), "a\\b\x1b\xff", 5);
	assert_string_equal(name, "a\\b\\x1b\\xff");
}

static void long_names_are_cut_between_characters(void **state)
{
	char source[90], name[32];

	for (size_t i = 0; i < sizeof(source); i += 3)
		memcpy(source + i, "\xe2\x86\x92", 3);
	text_copy_name(name, sizeof(name), source, sizeof(source));
	assert_int_equal(name[12], '~'); /* four arrows; a fifth leaves no room for the tail */
	assert_int_equal(strlen(name), 12 + 17);
	memset(source, '\x1b', sizeof(source));
	text_copy_name(name, sizeof(name), source, sizeof(source));
	assert_memory_equal(name, "\\x1b\\x1b\\x1b~", 13);
}

static void copy_and_append_cut_between_characters(void **state)
{
	char target[6];

	assert_true(text_copy(target, sizeof(target), "12345"));
	assert_false(text_copy(target, sizeof(target), "123\xe2\x86\x92"));
	assert_string_equal(target, "123");
	assert_true(text_append(target, sizeof(target), "%d", 45));
	assert_string_equal(target, "12345");
	assert_false(text_append(target, sizeof(target), "6"));
	assert_string_equal(target, "12345");
	target[1] = '\0';
	assert_false(text_append(target, sizeof(target), "\xf0\x9f\x90\xa7\xf0\x9f\x90\xa7"));
	assert_string_equal(target, "1\xf0\x9f\x90\xa7");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(escape_shows_what_a_terminal_would_obey),
		cmocka_unit_test(escape_is_never_cut_inside),
		cmocka_unit_test(escape_never_leaves_an_unprintable_byte),
		cmocka_unit_test(long_names_stay_different),
		cmocka_unit_test(unescape_takes_what_escape_gives),
		cmocka_unit_test(names_that_fit_are_kept_whole),
		cmocka_unit_test(long_names_are_cut_between_characters),
		cmocka_unit_test(copy_and_append_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
