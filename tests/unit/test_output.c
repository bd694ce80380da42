// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/output: times, users and text from outside as they are printed. */
#include "cli/output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/* Nor may the same day of another year be taken for today. */
static void only_today_has_no_date(void **state)
{
	time_t now, same_day;
	struct tm parts;
	size_t length;

	do {
		now = time(NULL);
		length = strlen(local_time_at(now));
	} while (time(NULL) / 900 != now / 900); /* that was midnight somewhere */
	assert_int_equal(length, strlen("14:02:11"));
	localtime_r(&now, &parts);
	parts.tm_year--;
	same_day = mktime(&parts);
	assert_int_equal(strlen(local_time_at(same_day)), strlen("2024-05-01 14:02:11"));
}

static void a_user_without_a_name_is_a_number(void **state)
{
	json_t *uid = json_integer(4242424), *root = json_integer(0), *null = json_null();

	assert_string_equal(user_name(uid), "4242424");
	assert_string_equal(user_name(root), "root");
	assert_string_equal(user_name(null), "-");
	assert_string_equal(user_name(NULL), "-");
	json_decref(uid);
	json_decref(root);
	json_decref(null);
}

static void any_bytes_become_json(void **state)
{
	json_t *plain = text_json("caf\xc3\xa9 \\"), *odd = text_json("a\xff\n");

	assert_string_equal(json_string_value(plain), "caf\xc3\xa9 \\");
	assert_string_equal(json_string_value(odd), "a\\xff\\x0a");
	json_decref(plain);
	json_decref(odd);
}

/* What a daemon did not tell, or what is no time, is not the year 1970. */
static void no_time_is_no_time(void **state)
{
	assert_string_equal(local_time(""), "-");
	assert_string_equal(local_time("yesterday"), "-");
	assert_string_equal(time_left(""), "-");
	assert_string_equal(time_left("2020-02-03T04:05:06Z"), "0s");
}

static void null_is_not_told(void **state)
{
	json_t *object = json_pack("{s:n, s:i}", "null", "number", 0);

	assert_true(is_told(object, "number"));
	assert_false(is_told(object, "null"));
	assert_false(is_told(object, "another"));
	assert_false(is_told(NULL, "number"));
	json_decref(object);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_today_has_no_date),
		cmocka_unit_test(no_time_is_no_time),
		cmocka_unit_test(null_is_not_told),
		cmocka_unit_test(a_user_without_a_name_is_a_number),
		cmocka_unit_test(any_bytes_become_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
