// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/notify/settings: what notify.conf says, and where it is mistaken. */
#include "cli/notify/message.h"
#include "cli/notify/settings.h"
#include "util/array.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/lhg-notify-conf-XXXXXX";
static char mistakes[4096];

static void take_mistake(void *data, const char *text)
{
	strcat(mistakes, text);
	strcat(mistakes, "\n");
}

/* What a file with this text says; NULL: there is none. */
static struct settings settings_of(const char *text)
{
	struct settings settings;
	FILE *file;

	mistakes[0] = '\0';
	unlink(path);
	file = text ? fopen(path, "w") : NULL;
	if (file) {
		fputs(text, file);
		fclose(file);
	}
	settings_load(&settings, path, take_mistake, NULL);
	return settings;
}

static bool want(const struct settings *settings, const char *verdict, const char *mode,
		 const char *class, const char *kind)
{
	json_t *event = json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:s}}", "type", "attempt",
				  "verdict", verdict, "mode", mode, "reason", "default", "source",
				  "class", class, "kind", kind);
	bool is_wanted = settings_want(settings, event);

	json_decref(event);
	return is_wanted;
}

static bool want_listener(const struct settings *settings, const char *reason)
{
	json_t *event = json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:s}}", "type", "listener",
				  "verdict", "accept", "mode", "enforce", "reason", reason,
				  "source", "class", "guest", "kind", "container");
	bool is_wanted = settings_want(settings, event);

	json_decref(event);
	return is_wanted;
}

static void without_a_file_all_is_as_documented(void **state)
{
	struct settings settings = settings_of(NULL);

	assert_string_equal(mistakes, "");
	assert_true(settings.listeners && settings.guard && settings.actions);
	assert_false(settings.has_quiet);
	assert_int_equal(settings.timeout_ms, TIMEOUT_DEFAULT);
	assert_int_equal(settings.repeat_us, 300 * UINT64_C(1000000));
	assert_true(want(&settings, "drop", "enforce", "guest", "vm"));
	assert_true(want(&settings, "reject", "enforce", "guest", "container"));
	assert_true(want(&settings, "drop", "enforce", "unknown", "unknown"));
	assert_true(want(&settings, "drop", "enforce", "lan", "lan"));
	assert_false(want(&settings, "drop", "monitor", "guest", "vm"));
	assert_false(want(&settings, "accept", "enforce", "guest", "vm"));
	assert_false(want(&settings, "drop", "enforce", "host", "unknown"));
	assert_true(want_listener(&settings, "takes-port"));
	assert_false(want_listener(&settings, "listens"));
}

/* The file that is installed says what goes without saying. */
static void the_installed_file_changes_nothing(void **state)
{
	struct settings installed, settings = settings_of(NULL);

	mistakes[0] = '\0';
	assert_int_equal(settings_load(&installed, "conf/notify.conf", take_mistake, NULL), 0);
	assert_string_equal(mistakes, "");
	assert_memory_equal(&installed, &settings, sizeof(settings));
}

static void each_key_is_heard(void **state)
{
	struct settings settings =
		settings_of("[alerts]\nverdicts = reject  monitor\nkinds = vm, lan\n"
			    "listeners = no\nguard = no\n"
			    "quiet-hours = 22:00-07:30\ntimeout = 1m30s\n"
			    "repeat = 1h\nactions = no\n");

	assert_string_equal(mistakes, "");
	assert_false(want(&settings, "drop", "enforce", "guest", "vm"));
	assert_true(want(&settings, "reject", "enforce", "guest", "vm"));
	assert_true(want(&settings, "drop", "monitor", "guest", "vm"));
	assert_false(want(&settings, "reject", "enforce", "guest", "container"));
	assert_false(want(&settings, "reject", "enforce", "unknown", "unknown"));
	assert_true(want(&settings, "reject", "enforce", "lan", "lan"));
	assert_false(want_listener(&settings, "takes-port"));
	assert_false(settings.guard || settings.actions);
	assert_int_equal(settings.quiet_from, 22 * 60);
	assert_int_equal(settings.quiet_to, 7 * 60 + 30);
	assert_int_equal(settings.timeout_ms, 90000);
	assert_int_equal(settings.repeat_us, 3600 * UINT64_C(1000000));
	settings = settings_of("[alerts]\ntimeout = never\nverdicts = none\nquiet-hours = none\n");
	assert_string_equal(mistakes, "");
	assert_int_equal(settings.timeout_ms, TIMEOUT_NEVER);
	assert_false(want(&settings, "drop", "enforce", "guest", "vm"));
	assert_true(want_listener(&settings, "takes-port"));
}

static void quiet_hours_go_over_midnight(void **state)
{
	struct settings settings = settings_of("[alerts]\nquiet-hours = 22:00-07:00\n");

	assert_true(settings_are_quiet(&settings, 22 * 60));
	assert_true(settings_are_quiet(&settings, 23 * 60 + 59));
	assert_true(settings_are_quiet(&settings, 0));
	assert_true(settings_are_quiet(&settings, 6 * 60 + 59));
	assert_false(settings_are_quiet(&settings, 7 * 60));
	assert_false(settings_are_quiet(&settings, 21 * 60 + 59));
	assert_int_equal(settings_quiet_left(&settings, 23 * 60), 8 * 60);
	assert_int_equal(settings_quiet_left(&settings, 6 * 60 + 59), 1);
	settings = settings_of("[alerts]\nquiet-hours = 12:30-13:00\n");
	assert_false(settings_are_quiet(&settings, 12 * 60 + 29));
	assert_true(settings_are_quiet(&settings, 12 * 60 + 30));
	assert_false(settings_are_quiet(&settings, 13 * 60));
	assert_int_equal(settings_quiet_left(&settings, 12 * 60 + 45), 15);
}

static void a_mistake_is_told_with_its_line(void **state)
{
	static const struct {
		const char *line;
		const char *reason;
	} rows[] = {
		{"verdict = drop", "there is no key \"verdict\": do you mean verdicts?"},
		{"verdicts = dorp", "\"dorp\" is none of its words: do you mean drop?"},
		{"verdicts =", "says nothing"},
		{"kinds = vm accept", "\"accept\" is none of its words"},
		{"listeners = maybe", "neither yes nor no"},
		{"quiet-hours = 22-7", "\"22-7\" is no time of the day"},
		{"quiet-hours = 24:00-07:00", "is no time of the day"},
		{"quiet-hours = 07:00-07:00", "is no time of the day"},
		{"quiet-hours = 22:00-07:60", "is no time of the day"},
		{"timeout = soon", "soon"},
		{"timeout = 9y", "9y"},
		{"repeat = 0s", "0s"},
		{"actions = \033", "control character"},
		{"nonsense", "neither \"[section]\" nor \"key = value\""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[256], place[64];
		struct settings settings;

		snprintf(text, sizeof(text), "[alerts]\nguard = no\n%s\nrepeat = 7s\n",
			 rows[i].line);
		snprintf(place, sizeof(place), "%s:3: ", path);
		settings = settings_of(text);
		assert_non_null(strstr(mistakes, place));
		assert_non_null(strstr(mistakes, rows[i].reason));
		assert_null(strchr(mistakes, '\033'));
		assert_ptr_equal(strchr(mistakes, '\n'), mistakes + strlen(mistakes) - 1);
		/* The rest is in force. */
		assert_false(settings.guard);
		assert_int_equal(settings.repeat_us, 7 * UINT64_C(1000000));
	}
}

static void what_is_there_twice_is_a_mistake(void **state)
{
	struct settings settings = settings_of("[alerts]\nguard = no\nguard = yes\n");

	assert_non_null(strstr(mistakes, ":3: guard is there twice"));
	assert_false(settings.guard);
}

static void there_is_one_section(void **state)
{
	struct settings settings = settings_of("[alert]\nguard = no\n[alerts]\nactions = no\n");

	assert_non_null(strstr(mistakes, ":1: there is one section, [alerts]"));
	assert_true(settings.guard);
	assert_false(settings.actions);
	settings = settings_of("guard = no\n");
	assert_non_null(strstr(mistakes, ":1: there is one section, [alerts]"));
	assert_true(settings.guard);
}

static void what_is_no_file_is_a_mistake(void **state)
{
	struct settings settings;

	mistakes[0] = '\0';
	assert_int_not_equal(settings_load(&settings, "/tmp", take_mistake, NULL), 0);
	assert_non_null(strstr(mistakes, "/tmp"));
	assert_true(settings.guard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_file_all_is_as_documented),
		cmocka_unit_test(the_installed_file_changes_nothing),
		cmocka_unit_test(each_key_is_heard),
		cmocka_unit_test(quiet_hours_go_over_midnight),
		cmocka_unit_test(a_mistake_is_told_with_its_line),
		cmocka_unit_test(what_is_there_twice_is_a_mistake),
		cmocka_unit_test(there_is_one_section),
		cmocka_unit_test(what_is_no_file_is_a_mistake),
	};
	int failed, fd = mkstemp(path);

	if (fd < 0)
		return 1;
	close(fd);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
