/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where cgroup2 is mounted, and from an id to a path. */
#include "kernel/cgroups.h"
#include "util/array.h"
#include "util/cleanup.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

static char file_name[32];

static int make_file(void **state)
{
	int fd;

	strcpy(file_name, "/tmp/lhguard-test-XXXXXX");
	fd = mkstemp(file_name);
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	return unlink(file_name);
}

static int find(const char *mountinfo, char *path, size_t size)
{
	FILE *file = fopen(file_name, "w");

	assert_non_null(file);
	assert_true(fputs(mountinfo, file) >= 0);
	assert_int_equal(fclose(file), 0);
	return cgroups_find_mount(file_name, path, size);
}

static void finds_the_mount(void **state)
{
	char path[PATH_MAX];

	assert_int_equal(
		find("23 1 8:1 / / rw - ext4 /dev/sda1 rw\n"
		     "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n",
		     path, sizeof(path)),
		0);
	assert_string_equal(path, "/sys/fs/cgroup");

	/* hybrid, several optional fields, none at all */
	assert_int_equal(find("31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
			      "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n"
			      "41 31 0:38 / /sys/fs/cgroup/unified rw shared:1 master:2 "
			      "propagate_from:3 - cgroup2 cgroup2 rw\n",
			      path, sizeof(path)),
			 0);
	assert_string_equal(path, "/sys/fs/cgroup/unified");

	/* a part of the hierarchy only where there is no whole one */
	assert_int_equal(find("41 31 0:38 /a /part rw - cgroup2 cgroup2 rw\n", path, sizeof(path)),
			 0);
	assert_string_equal(path, "/part");
	assert_int_equal(find("41 31 0:38 /a /part rw - cgroup2 cgroup2 rw\n"
			      "42 31 0:38 / /whole rw - cgroup2 cgroup2 rw\n"
			      "43 31 0:38 / /later rw - cgroup2 cgroup2 rw\n",
			      path, sizeof(path)),
			 0);
	assert_string_equal(path, "/whole");
}

static void undoes_escapes(void **state)
{
	char path[PATH_MAX];

	assert_int_equal(find("41 31 0:38 / /a\\040b\\134\\011\\012c\\9\\04 rw - cgroup2 x rw\n",
			      path, sizeof(path)),
			 0);
	assert_string_equal(path, "/a b\\\t\nc\\9\\04");
}

static void is_not_misled(void **state)
{
	static const char *const others[] = {
		"",
		"\n",
		"-",
		"cgroup2",
		"41 31 0:38 / /x rw - cgroup cgroup2 rw\n",
		"41 31 0:38 / /cgroup2 rw - tmpfs cgroup2 rw\n",
		"41 31 0:38 / /x rw cgroup2 -\n",
		"41 31 0:38 / /x rw -",
		"41 31 0:38 - cgroup2 cgroup2 rw\n",
	};
	char path[16];

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_int_equal(find(others[i], path, sizeof(path)), -ENOENT);
	/* a mount point named "-" */
	assert_int_equal(find("41 31 0:38 / - rw - cgroup2 x rw\n", path, sizeof(path)), 0);
	assert_string_equal(path, "-");
	assert_int_equal(find("4 3 0:3 / /23456789012345 rw - cgroup2 x rw", path, sizeof(path)),
			 0);
	assert_int_equal(find("4 3 0:3 / /234567890123456 rw - cgroup2 x rw", path, sizeof(path)),
			 -ENAMETOOLONG);
	assert_int_equal(cgroups_find_mount("/dev/null/none", path, sizeof(path)), -ENOTDIR);
}

static void refuses_another_file_system(void **state)
{
	char path[PATH_MAX];
	int fd = -1;

	assert_int_equal(find("41 31 0:38 / /proc rw - cgroup2 cgroup2 rw\n", path, sizeof(path)),
			 0);
	assert_int_equal(cgroups_open(file_name, &fd), -ENODEV);
	assert_int_equal(fd, -1);
}

/* Where the test may: there and back on the real hierarchy; handles need a capability. */
static void agrees_with_the_kernel(void **state)
{
	_cleanup_close_ int fd = -1;
	char path[CGROUP_PATH_SIZE];
	struct stat status;
	uint64_t id;
	int r = cgroups_open("/proc/self/mountinfo", &fd);

	if (r < 0) {
		print_message("no cgroup2 here (%d)\n", r);
		return;
	}
	assert_int_equal(fstat(fd, &status), 0);
	assert_int_equal(cgroups_id(fd, "/", &id), 0);
	assert_true(id == status.st_ino);
	assert_int_equal(cgroups_id(fd, "/no such cgroup", &id), -ENOENT);
	assert_int_equal(cgroups_id(fd, "/../other", &id), -EXDEV);
	assert_int_equal(cgroups_id(fd, "/..", &id), -EXDEV);
	r = cgroups_path(fd, status.st_ino, path, sizeof(path));
	if (r == -EPERM)
		return;
	assert_int_equal(r, 0);
	assert_string_equal(path, "/");
	assert_int_equal(cgroups_path(fd, UINT64_MAX, path, sizeof(path)), -ESTALE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_file, remove_file)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(finds_the_mount),	      TEST(undoes_escapes),
		TEST(is_not_misled),	      TEST(refuses_another_file_system),
		TEST(agrees_with_the_kernel),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
