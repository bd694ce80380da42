// SPDX-License-Identifier: GPL-2.0-or-later
/* util/hash: the values that everybody's FNV-1a has, for ids are made of them. */
#include "util/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The examples of draft-eastlake-fnv. */
static void values_are_those_of_the_draft(void **state)
{
	assert_true(hash_add_text(HASH_START, "") == UINT64_C(0xcbf29ce484222325));
	assert_true(hash_add_text(HASH_START, "a") == UINT64_C(0xaf63dc4c8601ec8c));
	assert_true(hash_add_text(HASH_START, "foobar") == UINT64_C(0x85944171f73967e8));
	assert_true(hash_add(HASH_START, 'a') == UINT64_C(0xaf63dc4c8601ec8c));
}

static void pieces_make_the_whole(void **state)
{
	uint64_t whole = hash_add_bytes(HASH_START, "foo\0bar", 7);

	assert_true(hash_add_text(hash_add(hash_add_text(HASH_START, "foo"), 0), "bar") == whole);
	assert_true(hash_add_bytes(whole, "", 0) == whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_those_of_the_draft),
		cmocka_unit_test(pieces_make_the_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
