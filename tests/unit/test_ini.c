// SPDX-License-Identifier: GPL-2.0-or-later
/* INI files: nothing is cut, joined or skipped in silence. */
#include "util/array.h"
#include "util/ini.h"
#include "util/cleanup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#define REPEAT10(text) text text text text text text text text text text

struct seen {
	char text[2048];
	const char *refused;
};

/* "[section]", "section|key|value" with the line in front, one for each entry */
static int record(void *data, const struct ini_entry *entry, struct error *error)
{
	struct seen *seen = data;
	size_t used = strlen(seen->text);

	if (seen->refused && entry->key && !strcmp(entry->key, seen->refused))
		return error_set(error, -EPERM, "no %s here", entry->key);
	if (entry->key)
		snprintf(seen->text + used, sizeof(seen->text) - used, "%u:%s|%s|%s\n", entry->line,
			 entry->section, entry->key, entry->value);
	else
		snprintf(seen->text + used, sizeof(seen->text) - used, "%u:[%s]\n", entry->line,
			 entry->section);
	return 0;
}

static void text_is_read(void **state)
{
	static const struct {
		const char *text, *entries;
	} cases[] = {
		{"", ""},
		{"\n\n", ""},
		{"a=b", "1:|a|b\n"},
		{"a = b\n", "1:|a|b\n"},
		{"\xef\xbb\xbf[s]\n", "1:[s]\n"},
		{"[s]\na=b\n[t]\n[s]\nc=\n", "1:[s]\n2:s|a|b\n3:[t]\n4:[s]\n5:s|c|\n"},
		{"[s]  \r\na = b \t\r\n", "1:[s]\n2:s|a|b\n"},
		{"# [x]\n; a=b\n   \n\t\nk=v\n", "5:|k|v\n"},
		{"k = a ; b # c\n", "1:|k|a ; b # c\n"},
		{"k ;x = v\n", "1:|k ;x|v\n"},
		{"vm:devbox = allow\n", "1:|vm:devbox|allow\n"},
		{"vm:a b = x:y = z\n", "1:|vm:a b|x:y = z\n"},
		{"[a ; b: # c]\n", "1:[a ; b: # c]\n"},
		{"[a = b]\n", "1:[a = b]\n"},
		{"k = \"quoted\"\\\n", "1:|k|\"quoted\"\\\n"},
		{"k = \xff\xfe\xc3\xa9\n", "1:|k|\xff\xfe\xc3\xa9\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct seen seen = {.text = ""};
		struct error error = {.text = ""};

		if (ini_read_text("t", cases[i].text, strlen(cases[i].text), record, &seen, &error))
			fail_msg("case %zu: %s", i, error.text);
		assert_string_equal(seen.text, cases[i].entries);
	}
}

static void text_is_refused(void **state)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
		{"a=b\nnonsense\n", "t:2: the line is neither"},
		{"vm: allow\n", "t:1: the line is neither"},
		{"a=b\n c\n", "t:2: the line starts with white space"},
		{"a=b\n\tc=d\n", "t:2: the line starts with white space"},
		{"a=b\n # c\n", "t:2: the line starts with white space"},
		{"=b\n", "t:1: there is no key"},
		{"[s\na=b\n", "t:1: the section's name has no \"]\""},
		{"[s] x\n", "t:1: something follows the section's name: \" x\""},
		{"[s]]\n", "t:1: something follows"},
		{"[]\n", "t:1: the section has no name"},
		{"[" REPEAT10("12345") "]\n", "t:1: the section's name is longer than 48"},
		{"a=\x01\n", "t:1: the line holds a control character (\\x01)"},
		{"\x04=\n", "t:1: the line holds a control character (\\x04)"},
		{"a=\x1b[31m\n", "(\\x1b)"},
		{"a=b\rc\n", "(\\x0d)"},
		{"a=" REPEAT10(REPEAT10("xx")) "\n", "t:1: the line is longer than 198 bytes"},
		{"#" REPEAT10(REPEAT10("xx")) "\na=b\n", "t:1: the line is longer than 198 bytes"},
		{"a=b\nc=d\nq=r\n", "t:2: no c here"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct seen seen = {.refused = "c"};
		struct error error = {.text = ""};
		int ret = ini_read_text("t", cases[i].text, strlen(cases[i].text), record, &seen,
					&error);

		assert_true(ret == -EINVAL || ret == -EPERM);
		if (!strstr(error.text, cases[i].reason))
			fail_msg("case %zu: \"%s\" does not say \"%s\"", i, error.text,
				 cases[i].reason);
		assert_null(strstr(seen.text, "q|r"));
		ini_read_text("t", cases[i].text, strlen(cases[i].text), record, &seen, NULL);
	}
}

/* … and where a reader may go on, each line is left out alone. */
static void told(void *data, const char *text)
{
	struct seen *seen = data;

	snprintf(seen->text + strlen(seen->text), sizeof(seen->text) - strlen(seen->text), "!%s\n",
		 strchr(text, ':') + 1);
}

static int record_word(void *data, const struct ini_entry *entry, struct error *error)
{
	if (entry->key && !strcmp(entry->value, "bad"))
		return error_set(error, -EINVAL, "bad");
	return record(data, entry, error);
}

static void mistakes_are_left_out(void **state)
{
	static const struct {
		const char *text, *entries;
	} cases[] = {
		{"[s]\nx\na=b\n", "1:[s]\n!2: the line is neither \"[section]\" nor \"key = "
				  "value\"\n3:s|a|b\n"},
		{"[s]\na=bad\nc=d\n", "1:[s]\n!2: bad\n3:s|c|d\n"},
		{"[s]\n[t\nc=d\n[u]\n", "1:[s]\n!2: the section's name has no \"]\" at its end\n"
					"2:[]\n3:|c|d\n4:[u]\n"},
		{"[s]\n[t" REPEAT10(REPEAT10("xx")) "]\nc=d\n",
		 "1:[s]\n!2: the line is longer than 198 bytes\n2:[]\n3:|c|d\n"},
		{"a=" REPEAT10(REPEAT10("xx")) "\nc=d\n",
		 "!1: the line is longer than 198 bytes\n2:|c|d\n"},
		{"x\ny", "!1: the line is neither \"[section]\" nor \"key = value\"\n"
			 "!2: the line is neither \"[section]\" nor \"key = value\"\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char path[] = "/tmp/lhguard-test-XXXXXX";
		struct seen seen = {.text = ""};
		struct error error = {.text = ""};
		int fd = mkstemp(path);

		assert_int_equal(write(fd, cases[i].text, strlen(cases[i].text)),
				 strlen(cases[i].text));
		close(fd);
		assert_int_equal(ini_read_file_on(path, record_word, told, &seen, &error), 0);
		assert_string_equal(seen.text, cases[i].entries);
		assert_string_equal(error.text, "");
		unlink(path);
		assert_int_equal(ini_read_file_on(path, record_word, told, &seen, &error), -ENOENT);
	}
}

static void nul_is_refused(void **state)
{
	static const char text[] = "a=b\nd\0=e\n";
	struct seen seen = {.text = ""};
	struct error error = {.text = ""};

	assert_int_equal(ini_read_text("t", text, sizeof(text) - 1, record, &seen, &error),
			 -EINVAL);
	assert_string_equal(error.text, "t:2: the line holds a NUL byte");
}

static void longest_line_is_whole(void **state)
{
	static const char value[] = REPEAT10("0123456789abcdefghi") "12345";
	char text[256], expected[256];
	struct seen seen = {.text = ""};
	struct error error = {.text = ""};

	snprintf(text, sizeof(text), "k=%s;\n", value);
	assert_int_equal(strlen(text), INI_LINE_SIZE);
	if (ini_read_text("t", text, strlen(text), record, &seen, &error))
		fail_msg("%s", error.text);
	snprintf(expected, sizeof(expected), "1:|k|%s;\n", value);
	assert_string_equal(seen.text, expected);
}

static void file_is_read(void **state)
{
	char path[] = "/tmp/lhguard-test-XXXXXX";
	struct seen seen = {.text = ""};
	struct error error = {.text = ""};
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "[s]\na=b\n", 8), 8);
	close(fd);
	assert_int_equal(ini_read_file(path, record, &seen, &error), 0);
	assert_string_equal(seen.text, "1:[s]\n2:s|a|b\n");
	unlink(path);
	assert_int_equal(ini_read_file(path, record, &seen, &error), -ENOENT);
	assert_non_null(strstr(error.text, path));
	assert_int_equal(mkfifo(path, 0600), 0); /* must not wait for a writer */
	assert_int_equal(ini_read_file(path, record, &seen, &error), -EINVAL);
	unlink(path);
	assert_int_equal(ini_read_file("/tmp", record, &seen, &error), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_is_read),	  cmocka_unit_test(text_is_refused),
		cmocka_unit_test(nul_is_refused), cmocka_unit_test(longest_line_is_whole),
		cmocka_unit_test(file_is_read),	  cmocka_unit_test(mistakes_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
