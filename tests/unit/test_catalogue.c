// SPDX-License-Identifier: GPL-2.0-or-later
/* Programs, cgroup paths and names of guests. */
#include "guests/catalogue.h"
#include "guests/names.h"
#include "util/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct catalogue *catalogue;

static int set_up(void **state)
{
	struct error error = {.text = ""};

	if (catalogue_load(&catalogue, "conf/guests.conf", "/nowhere", &error))
		fail_msg("%s", error.text);
	assert_null(catalogue_failure(catalogue));
	return 0;
}

static int tear_down(void **state)
{
	catalogue_free(catalogue);
	return 0;
}

static void test_programs(void **state)
{
	static const struct {
		const char *executable, *comm, *runtime;
	} rows[] = {
		{"/usr/bin/qemu-system-x86_64", "anything", "qemu"},
		{"/usr/bin/passt.avx2", "passt.avx2", "pasta"},
		{"", "slirp4netns", "slirp4netns"},
		{"/usr/bin/conmon", "conmon", "podman"},
		{"/usr/bin/curl", "slirp4netns", "slirp4netns"},
		{"/usr/bin/curl", "conmon", NULL}, /* its own choice makes nothing harmless of it */
		{"/usr/bin/qemu-img", "qemu-img", NULL},
		{"", "", NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct program *program =
			catalogue_program(catalogue, rows[i].executable, "", rows[i].comm);

		if (!rows[i].runtime)
			assert_null(program);
		else
			assert_string_equal(program->runtime, rows[i].runtime);
	}
}

static void test_cgroups_of_guests(void **state)
{
	static const struct {
		const char *path, *runtime, *id;
		enum kind kind;
	} rows[] = {
		{"/system.slice/docker-" HEX64 ".scope", "docker", HEX64, KIND_CONTAINER},
		{"/docker/" HEX64, "docker", HEX64, KIND_CONTAINER},
		{"/machine.slice/libpod-" HEX64 ".scope/container", "podman", HEX64,
		 KIND_CONTAINER},
		{"/libpod_parent/libpod-" HEX64, "podman", HEX64, KIND_CONTAINER},
		{"/system.slice/web.service/libpod-payload-" HEX64, "podman", HEX64,
		 KIND_CONTAINER},
		{"/kubepods/burstable/pod1234-5/" HEX64, "kubernetes", HEX64, KIND_CONTAINER},
		{"/lxc.payload.build agent/init.scope", "lxc", "build agent", KIND_CONTAINER},
		{"/machine.slice/machine-qemu\\x2d1\\x2dbuild.scope/libvirt/emulator", "libvirt",
		 "1-build", KIND_VM},
		{"/machine/qemu-1-buildagent.libvirt-qemu/emulator", "libvirt", "1-buildagent",
		 KIND_VM},
		{"/machine.slice/systemd-nspawn@deb\\x2dian.service/payload", "nspawn", "deb-ian",
		 KIND_CONTAINER},
		/* A container may invent names below its own node, not above it. */
		{"/lxc.payload.real/docker/" HEX64, "lxc", "real", KIND_CONTAINER},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cgroup_match match;

		assert_true(catalogue_cgroup(catalogue, rows[i].path, &match));
		assert_string_equal(match.runtime, rows[i].runtime);
		assert_string_equal(match.id, rows[i].id);
		assert_int_equal(match.kind, rows[i].kind);
	}
}

static void test_cgroups_of_the_host(void **state)
{
	static const char *const rows[] = {
		"",
		"/",
		"/user.slice/user-1000.slice/user@1000.service/app.slice/app-gnome-chrome-1.scope",
		"/machine.slice/libpod-conmon-" HEX64 ".scope",
		"/lxc.monitor.web",
		"/lxc.payload.",
		"/system.slice/docker.service",
		"/system.slice/docker-0123.scope",
		"/docker/not-an-id",
		"/kubepods/burstable/" HEX64,
		"/machine.slice/machine-qemu\\x2d.scope",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct cgroup_match match;

		assert_false(catalogue_cgroup(catalogue, rows[i], &match));
	}
}

static void test_long_cgroups(void **state)
{
	char path[2048];
	struct cgroup_match match;

	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_false(catalogue_cgroup(catalogue, path, &match));
	memcpy(path, "/lxc.payload.", 13);
	assert_true(catalogue_cgroup(catalogue, path, &match));
	assert_true(strlen(match.id) < NAME_SIZE);
}

static void assert_name(const char *executable, const char *arguments, size_t length,
			const char *expected)
{
	const struct program *program = catalogue_program(catalogue, executable, "", "");
	char name[NAME_SIZE] = "";

	assert_non_null(program);
	if (!expected) {
		assert_false(
			names_from_arguments(program->description, "", arguments, length, name));
		return;
	}
	assert_true(names_from_arguments(program->description, "", arguments, length, name));
	assert_string_equal(name, expected);
}

#define ASSERT_NAME(executable, arguments, expected)                                               \
	assert_name(executable, arguments, sizeof(arguments), expected)

static void test_names(void **state)
{
	ASSERT_NAME("/usr/bin/qemu-system-x86_64", "qemu\0-m\0001G\0-name\0devbox\0-nographic",
		    "devbox");
	ASSERT_NAME("/usr/bin/qemu-system-x86_64",
		    "qemu\0-name\0guest=build agent,debug-threads=on", "build agent");
	ASSERT_NAME("/usr/bin/qemu-system-x86_64", "qemu\0-name\0debug-threads=on,guest=a,,b",
		    "a,b");
	ASSERT_NAME("/usr/bin/qemu-system-x86_64", "qemu\0-name", NULL);
	ASSERT_NAME("/usr/bin/qemu-system-x86_64", "qemu\0-m\0001G", NULL);
	ASSERT_NAME("/usr/bin/qemu-system-x86_64", "qemu\0-name\0\033[2Jx", "\\x1b[2Jx");
	ASSERT_NAME("/usr/bin/conmon", "conmon\0--api-version\0001\0-c\0" HEX64 "\0-n\0web", "web");
	ASSERT_NAME("/usr/bin/systemd-nspawn", "systemd-nspawn\0--machine=deb", "deb");
	ASSERT_NAME("/usr/bin/slirp4netns", "slirp4netns\0-n\0x", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_programs),
		cmocka_unit_test(test_cgroups_of_guests),
		cmocka_unit_test(test_cgroups_of_the_host),
		cmocka_unit_test(test_long_cgroups),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
