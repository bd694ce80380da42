// SPDX-License-Identifier: GPL-2.0-or-later
/* util/mistakes and util/folder: what is wrong in files, and which files are read. */
#include "util/folder.h"
#include "util/mistakes.h"
#include "util/text.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char root[64], taken[1024];

static void the_first_are_kept_and_all_are_counted(void **state)
{
	static struct mistakes mistakes;

	assert_null(mistakes_summary(&mistakes));
	assert_null(mistakes_at(&mistakes, 0));
	mistakes_add(&mistakes, "a.conf:1: wrong");
	assert_string_equal(mistakes_summary(&mistakes), "a.conf:1: wrong");
	for (int i = 0; i < MISTAKES_MAX; i++)
		mistakes_add(&mistakes, "b.conf:2: wrong");
	assert_string_equal(mistakes_summary(&mistakes), "a.conf:1: wrong (and 16 more)");
	assert_int_equal(mistakes.count, MISTAKES_MAX + 1);
	assert_string_equal(mistakes_at(&mistakes, MISTAKES_MAX - 1), "b.conf:2: wrong");
	assert_null(mistakes_at(&mistakes, MISTAKES_MAX));
}

static void take(void *data, const char *path)
{
	assert_ptr_equal(data, root);
	assert_memory_equal(path, root, strlen(root));
	text_append(taken, sizeof(taken), "%s ", path + strlen(root));
}

static int take_each(const char *name, struct error *error)
{
	char path[128];

	taken[0] = '\0';
	snprintf(path, sizeof(path), "%s%s", root, name);
	return folder_each(path, take, root, error);
}

static void make_file(const char *name)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
}

static void files_are_taken_in_their_order(void **state)
{
	struct error error = {.text = ""};
	char loop[128];

	make_file("b.conf");
	make_file("B.conf");
	make_file(".hidden.conf");
	make_file("a.conf.old");
	make_file("a.conf");
	assert_int_equal(take_each("", &error), 0);
	assert_string_equal(taken, "/B.conf /a.conf /b.conf ");
	assert_int_equal(take_each("/a.conf", &error), 0);
	assert_string_equal(taken, "/a.conf ");
	assert_int_equal(take_each("/none", &error), 0);
	assert_string_equal(taken, "");
	assert_string_equal(error.text, "");
	snprintf(loop, sizeof(loop), "%s/loop", root);
	assert_int_equal(symlink("loop", loop), 0);
	assert_int_equal(take_each("/loop", &error), -ELOOP);
	assert_memory_equal(error.text, loop, strlen(loop));
	assert_string_equal(taken, "");
}

static int make_root(void **state)
{
	snprintf(root, sizeof(root), "/tmp/lhguard-unit-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *at)
{
	return remove(path);
}

static int remove_root(void **state)
{
	return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_are_kept_and_all_are_counted),
		cmocka_unit_test_setup_teardown(files_are_taken_in_their_order, make_root,
						remove_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
