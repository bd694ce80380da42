// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/prose: where lines end, and what is never divided. */
#include "cli/prose.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_wrapped(const char *text, int width, int indent, const char *expected)
{
	char *lines = prose_wrap(text, width, indent);

	assert_string_equal(lines, expected);
	free(lines);
}

static void lines_end_at_blanks_and_hang(void **state)
{
	assert_wrapped("one two three", 7, 2, "one two\n  three\n");
	assert_wrapped("one two three", 8, 2, "one two\n  three\n");
	assert_wrapped("one two tree", 6, 2, "one\n  two\n  tree\n");
	assert_wrapped("  one two", 5, 2,
		       "  one\n  two\n");		  /* its own blanks are no place to end */
	assert_wrapped("one  two ", 4, 1, "one\n two\n"); /* none at the end of a line */
}

static void elsewhere_a_paragraph_is_a_line(void **state)
{
	assert_wrapped("one two three: " WHOLE("do it"), 0, 8, "one two three: do it\n");
	assert_wrapped("", 0, 8, "\n");
	assert_wrapped("", 20, 8, "\n");
}

static void newlines_begin_a_paragraph(void **state)
{
	assert_wrapped("one two\nthree four", 6, 1, "one\n two\nthree\n four\n");
}

static void a_command_stays_whole(void **state)
{
	assert_wrapped("then: " WHOLE("a b c"), 11, 2, "then: a b c\n");
	assert_wrapped("then: " WHOLE("a b c"), 10, 2, "then:\n  a b c\n");
	assert_wrapped("then: " WHOLE("a b c") ", or not", 10, 2, "then:\n  a b c,\n  or not\n");
	assert_wrapped("it: " WHOLE("a") WHOLE(" b") WHOLE(" c"), 6, 0, "it:\na b c\n");
}

/* Further to the left as far as that helps; what is longer is the terminal's to go on with. */
static void what_is_too_wide_gives_up_its_indent(void **state)
{
	assert_wrapped("ab 12345678 b", 10, 4, "ab\n  12345678\n    b\n");
	assert_wrapped("a " WHOLE("1234 5678 9012") " b", 10, 4, "a\n1234 5678 9012\n    b\n");
	assert_wrapped("1234567890123 b", 10, 4, "1234567890123\n    b\n");
	assert_wrapped("one two", 4, 60, "one\n two\n"); /* narrower than the indent */
}

static void colours_and_wide_characters_are_counted(void **state)
{
	assert_wrapped("\033[31mone\033[m two", 7, 0, "\033[31mone\033[m two\n");
	assert_wrapped("日本 語", 7, 0, "日本 語\n");
	assert_wrapped("日本 語", 6, 0, "日本\n語\n");
	assert_int_equal(text_width(WHOLE("caf\xc3\xa9") "\033[m"), 4);
	assert_int_equal(text_width("a\xff"), 2);
}

static void cells_are_divided_where_they_must(void **state)
{
	const char *next, *text = "ab cdefgh";

	assert_int_equal(text_line(text, 4, true, &next), 2);
	assert_string_equal(next, "cdefgh");
	assert_int_equal(text_line(next, 4, true, &next), 4);
	assert_string_equal(next, "gh");
	assert_int_equal(text_line(next, 4, true, &next), 2);
	assert_string_equal(next, "");
	assert_int_equal(text_line("日本", 3, true, &next), 3); /* no half of one */
	assert_int_equal(text_line("日本", 1, true, &next), 3); /* at least one goes */
}

/* Else it would be printed for ever. */
static void nothing_that_is_whole_is_a_line(void **state)
{
	const char *next, *text = WHOLE("");

	assert_int_equal(text_line(text, 4, false, &next), 0);
	assert_string_equal(next, "");
	assert_wrapped(WHOLE("") "\nthen", 10, 2, "\nthen\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_end_at_blanks_and_hang),
		cmocka_unit_test(elsewhere_a_paragraph_is_a_line),
		cmocka_unit_test(newlines_begin_a_paragraph),
		cmocka_unit_test(a_command_stays_whole),
		cmocka_unit_test(what_is_too_wide_gives_up_its_indent),
		cmocka_unit_test(colours_and_wide_characters_are_counted),
		cmocka_unit_test(cells_are_divided_where_they_must),
		cmocka_unit_test(nothing_that_is_whole_is_a_line),
	};

	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
