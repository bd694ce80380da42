// SPDX-License-Identifier: GPL-2.0-or-later
/* What guests are called: odd command lines, and the files of runtimes below a root of our own. */
#include "guests/names.h"
#include "util/error.h"
#include "util/text.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"

static struct catalogue *catalogue;
static char root[64];

static int set_up(void **state)
{
	struct error error = {.text = ""};

	if (catalogue_load(&catalogue, "conf/guests.conf", "/nowhere", &error))
		fail_msg("%s", error.text);
	strcpy(root, "/tmp/lhguard-test-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
	return remove(path);
}

static int tear_down(void **state)
{
	catalogue_free(catalogue);
	return nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* A path below the root, with the folders above it. */
static const char *place(const char *path)
{
	static char whole[512];

	snprintf(whole, sizeof(whole), "%s%s", root, path);
	for (char *slash = strchr(whole + strlen(root) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(whole, 0755);
		*slash = '/';
	}
	return whole;
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(place(path), "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static const char *name_of(const char *runtime, const char *id, pid_t leader, pid_t parent)
{
	static char name[NAME_SIZE];
	struct names_question question = {.root = root, .id = id, .leaders = {leader, parent}};

	assert_non_null(catalogue_runtime(catalogue, runtime));
	return names_from_files(catalogue_runtime(catalogue, runtime), &question, name) ? name
											: NULL;
}

static void test_docker(void **state)
{
	assert_null(name_of("docker", HEX64, 0, 0));
	write_file("/var/lib/docker/containers/" HEX64 "/config.v2.json",
		   "{\"ID\":\"" HEX64 "\",\"Config\":{\"Name\":\"no\"},\"Name\":\"/web\"}");
	assert_string_equal(name_of("docker", HEX64, 0, 0), "web");
	assert_null(name_of("docker", OTHER, 0, 0));
	write_file("/var/lib/docker/containers/" OTHER "/config.v2.json", "{\"Name\":");
	assert_null(name_of("docker", OTHER, 0, 0));
	write_file("/var/lib/docker/containers/" OTHER "/config.v2.json",
		   "{\"Name\":\"/a\\u001b[2J\\u202eb\"}");
	assert_string_equal(name_of("docker", OTHER, 0, 0), "a\\x1b[2J\\xe2\\x80\\xaeb");
}

/* Whoever chooses an id chooses no file by it. */
static void test_ids_that_are_paths(void **state)
{
	write_file("/var/lib/docker/secret/config.v2.json", "{\"Name\":\"/secret\"}");
	place("/var/lib/docker/containers/x");
	assert_null(name_of("docker", "../secret", 0, 0));
	assert_null(name_of("docker", "..", 0, 0));
	assert_null(name_of("docker", "", 0, 0));
	assert_null(name_of("kubernetes", "*", 0, 0));
}

static void test_files_that_are_none(void **state)
{
	char target[600];
	FILE *file;

	write_file("/elsewhere", "{\"Name\":\"/elsewhere\"}");
	snprintf(target, sizeof(target), "%s/elsewhere", root);
	unlink(place("/var/lib/docker/containers/" OTHER "/config.v2.json"));
	assert_int_equal(
		symlink(target, place("/var/lib/docker/containers/" OTHER "/config.v2.json")), 0);
	assert_null(name_of("docker", OTHER, 0, 0));
	unlink(place("/var/lib/docker/containers/" OTHER "/config.v2.json"));
	assert_int_equal(mkfifo(place("/var/lib/docker/containers/" OTHER "/config.v2.json"), 0600),
			 0);
	assert_null(name_of("docker", OTHER, 0, 0)); /* and it does not wait for a writer */
	unlink(place("/var/lib/docker/containers/" OTHER "/config.v2.json"));
	file = fopen(place("/var/lib/docker/containers/" OTHER "/config.v2.json"), "w");
	assert_non_null(file);
	fprintf(file, "{\"Name\":\"/big\"%*s}", 5 * 1024 * 1024, "");
	fclose(file);
	assert_null(name_of("docker", OTHER, 0, 0));
}

static void test_podman(void **state)
{
	write_file("/var/lib/containers/storage/overlay-containers/containers.json",
		   "[{\"id\":\"" OTHER "\",\"names\":[\"db\"]},"
		   "{\"id\":\"" HEX64 "\",\"names\":[\"web\",\"alias\"]},{\"names\":[]},7]");
	assert_string_equal(name_of("podman", HEX64, 0, 0), "web");
	assert_null(name_of("podman", "0123", 0, 0));
	write_file("/run/containers/storage/overlay-containers/volatile-containers.json",
		   "[{\"id\":\"0123\",\"names\":[\"once\"]}]");
	assert_string_equal(name_of("podman", "0123", 0, 0), "once");
}

static void test_kubernetes(void **state)
{
	write_file("/var/log/containers/web-1_default_nginx-" OTHER ".log", "");
	write_file("/var/log/containers/dns_kube-system_coredns-" HEX64 ".log", "");
	assert_string_equal(name_of("kubernetes", HEX64, 0, 0), "dns_kube-system_coredns");
	assert_null(name_of("kubernetes", "0123", 0, 0));
}

static void test_machined(void **state)
{
	write_file("/run/systemd/machines/other", "NAME=other\nLEADER=12\nCLASS=vm\n");
	write_file("/run/systemd/machines/trixie",
		   "# private\nNAME=trixie\nSCOPE=x.scope\nLEADER=123\nNETIF=7\n");
	assert_int_equal(symlink("other", place("/run/systemd/machines/unit:x.scope")), 0);
	assert_string_equal(name_of("nspawn", "", 123, 0), "trixie");
	assert_string_equal(name_of("qemu", "", 500, 123), "trixie");
	assert_null(name_of("qemu", "", 124, 0));
	assert_null(name_of("qemu", "", 0, 1));
}

static const char *argued(const char *runtime, const char *arguments, size_t length)
{
	static char name[NAME_SIZE];

	return names_from_arguments(catalogue_runtime(catalogue, runtime), "comm", arguments,
				    length, name)
		       ? name
		       : NULL;
}

#define ARGUED(runtime, text) argued(runtime, text, sizeof(text))

static void test_odd_command_lines(void **state)
{
	assert_null(ARGUED("qemu", "qemu\0-name"));
	assert_null(ARGUED("qemu", "qemu\0-m\0001G"));
	assert_null(ARGUED("qemu", "qemu\0-name\0"));
	assert_null(argued("qemu", "", 0));
	assert_string_equal(ARGUED("qemu", "qemu\0-name\0\033[2Jx"), "\\x1b[2Jx");
	assert_string_equal(ARGUED("qemu", "qemu\0-name\0a<b>\"'&"), "a<b>\"'&");
	assert_null(ARGUED("slirp4netns", "slirp4netns\0-n\0x"));
	assert_null(ARGUED("vmware", "/x/only-its-own-name.vmx"));
	assert_null(ARGUED("lima", "limactl"));
	assert_null(ARGUED("nspawn", "systemd-nspawn\0-D\0/"));
	/* The first way that finds one counts. */
	assert_string_equal(ARGUED("nspawn", "systemd-nspawn\0-D\0/srv/b\0--machine=a"), "a");
}

static void test_a_name_of_10_kilobytes(void **state)
{
	static char arguments[10300] = "qemu\0-name";
	const char *name;

	memset(arguments + 11, 'x', 10200);
	name = argued("qemu", arguments, 11 + 10200 + 1);
	assert_non_null(name);
	assert_int_equal(strlen(name), NAME_SIZE - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_docker),
		cmocka_unit_test(test_ids_that_are_paths),
		cmocka_unit_test(test_files_that_are_none),
		cmocka_unit_test(test_podman),
		cmocka_unit_test(test_kubernetes),
		cmocka_unit_test(test_machined),
		cmocka_unit_test(test_odd_command_lines),
		cmocka_unit_test(test_a_name_of_10_kilobytes),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
