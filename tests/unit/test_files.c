// SPDX-License-Identifier: GPL-2.0-or-later
/* Files and folders that may not answer. */
#include "kernel/files.h"

#include "kernel/patient.h"
#include "util/array.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdbool.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char path[] = "/tmp/lhg-files-XXXXXX";
static int folder;

static int make_folder(void **state)
{
	int fd;

	assert_non_null(mkdtemp(path));
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(folder >= 0);
	fd = openat(folder, "file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(write(fd, "one\ntwo", 7), 7);
	close(fd);
	close(openat(folder, "empty", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	assert_int_equal(symlinkat("file", folder, "link"), 0);
	assert_int_equal(mkfifoat(folder, "pipe", 0600), 0);
	assert_int_equal(mkdirat(folder, "below", 0700), 0);
	assert_int_equal(symlinkat("..", folder, "out"), 0);
	return 0;
}

static int remove_folder(void **state)
{
	static const char *const names[] = {"file", "empty", "link", "pipe", "out"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unlinkat(folder, names[i], 0);
	unlinkat(folder, "below", AT_REMOVEDIR);
	close(folder);
	patient_rest();
	return rmdir(path);
}

static void reads_regular_files_only(void **state)
{
	const struct file_owner nobody = {.proc = folder, .pid = 1};
	static const struct {
		const char *name;
		size_t most;
		ssize_t result;
	} cases[] = {
		{"file", 100, 7},	 {"file", 7, 7},	 {"file", 6, -EINVAL},
		{"empty", 100, 0},	 {"link", 100, -ELOOP},	 {"pipe", 100, -EINVAL},
		{"below", 100, -EINVAL}, {"none", 100, -ENOENT}, {"file/x", 100, -ENOTDIR},
	};
	char long_path[PATH_MAX + 1], *text;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		text = NULL;
		assert_int_equal(file_read(i & 1 ? &nobody : NULL, folder, cases[i].name,
					   cases[i].most, &text),
				 cases[i].result);
		assert_true(!text == (cases[i].result < 0));
		if (cases[i].result == 7)
			assert_string_equal(text, "one\ntwo");
		else if (text)
			assert_string_equal(text, "");
		free(text);
	}
	memset(long_path, 'x', sizeof(long_path) - 1);
	long_path[PATH_MAX] = '\0';
	assert_int_equal(file_read(NULL, folder, long_path, 1, &text), -ENAMETOOLONG);
	assert_int_equal(file_read(NULL, -7, "file", 1, &text), -EBADF);
}

/* Those of /proc say to be empty. */
static void reads_what_says_to_be_empty(void **state)
{
	char *text = NULL;

	assert_true(file_read(NULL, AT_FDCWD, "/proc/sys/kernel/ostype", 100, &text) > 0);
	assert_string_equal(text, "Linux\n");
	free(text);
}

/* Without a symlink on the way, not out of the folder, and of one user. */
static void reads_below_a_folder(void **state)
{
	const uid_t mine = getuid(), other = mine + 1;
	const struct file_owner user = {.proc = -1, .pid = -4711};
	static const struct {
		const char *name;
		ssize_t result;
	} cases[] = {
		{"file", 7},
		{"link", -ELOOP},
		{"pipe", -EINVAL},
		{"out/file", -ELOOP},
		{"../x", -EXDEV},
		{"below/../file", 7},
		{"/etc/passwd", -EXDEV},
		{"none", -ENOENT},
		{"below", -EINVAL},
	};
	char *text = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(file_read_below(&user, folder, cases[i].name, 100, &mine, &text),
				 cases[i].result);
		if (cases[i].result < 0)
			continue;
		assert_string_equal(text, "one\ntwo");
		free(text);
	}
	assert_int_equal(file_read_below(&user, folder, "file", 100, &other, &text), -EPERM);
	assert_int_equal(file_read_below(NULL, folder, "file", 6, NULL, &text), -EINVAL);
	assert_int_equal(file_read_below(NULL, folder, "file", 7, NULL, &text), 7);
	free(text);
}

static void opens_folders(void **state)
{
	int fd = file_folder(NULL, folder, "below", RESOLVE_BENEATH);

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	close(fd);
	assert_int_equal(file_folder(NULL, folder, "out", RESOLVE_BENEATH), -EXDEV);
	assert_int_equal(file_folder(NULL, folder, "file", 0), -ENOTDIR);
	assert_int_equal(file_folder(NULL, folder, "none", 0), -ENOENT);
}

static void lists_folders(void **state)
{
	char *names = NULL;
	ssize_t length = file_names(NULL, folder, 100, &names);
	size_t count = 0;
	bool found = false;

	for (const char *at = names; at < names + length; at += strlen(at) + 1, count++)
		found |= !strcmp(at, "file");
	assert_true(found);
	assert_int_equal(count, 8); /* with "." and ".." */
	free(names);

	length = file_names(NULL, folder, 1, &names);
	assert_int_equal(length, strlen(names) + 1);
	free(names);
	assert_int_equal(file_names(NULL, -7, 1, &names), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_regular_files_only),
		cmocka_unit_test(reads_what_says_to_be_empty),
		cmocka_unit_test(reads_below_a_folder),
		cmocka_unit_test(opens_folders),
		cmocka_unit_test(lists_folders),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
