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
static bool has_user; /* the guest is this user's */
static uid_t user;

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
	struct names_question question = {.root = root,
					  .id = id,
					  .leaders = {leader, parent},
					  .has_user = has_user,
					  .user = user};

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

static void be_of_user(uid_t whose)
{
	has_user = true;
	user = whose;
}

static int be_of_nobody(void **state)
{
	has_user = false;
	return 0;
}

static void write_passwd(uid_t whose, const char *home)
{
	char text[512];

	snprintf(text, sizeof(text),
		 "root:x:4294967294:0::/:/bin/sh\n\nodd\nodd:x::0::/odd:\nodd:x:%ux:0::/odd:\n"
		 "short:x:%u:0:\nrelative:x:%u:0::x:\nu:x:%u:7:U,:%s:/bin/sh\n"
		 "late:x:%u:7::/late:/bin/sh",
		 whose, whose, whose, whose, home, whose);
	write_file("/etc/passwd", text);
}

#define ROOTLESS "/home/u/.local/share/docker/containers/"
#define CONFIG	 "/config.v2.json"

static void test_rootless_docker(void **state)
{
	write_passwd(getuid(), "/home/u");
	write_file(ROOTLESS HEX64 "x/config.v2.json", "{\"Name\":\"/not-this\"}");
	write_file(ROOTLESS "4711" CONFIG, "{\"Name\":\"/mine\"}");
	assert_null(name_of("docker", "4711", 0, 0)); /* it is the system's Docker's */
	be_of_user(getuid());
	assert_string_equal(name_of("docker", "4711", 0, 0), "mine");
	assert_null(name_of("docker", "4712", 0, 0));
	assert_null(name_of("docker", "../containers/4711", 0, 0));
	be_of_user(getuid() + 1);
	assert_null(name_of("docker", "4711", 0, 0)); /* it has no home */
	write_passwd(getuid() + 1, "/home/u");
	assert_null(name_of("docker", "4711", 0, 0)); /* it is another user's file */
	unlink(place("/etc/passwd"));
	be_of_user(getuid());
	assert_null(name_of("docker", "4711", 0, 0));
}

/* What a user puts in the place of a file. */
static void test_a_users_tricks(void **state)
{
	const char *file = ROOTLESS "666" CONFIG;
	char target[600];
	FILE *big;

	write_passwd(getuid(), "/home/u");
	be_of_user(getuid());
	write_file("/elsewhere", "{\"Name\":\"/elsewhere\"}");
	snprintf(target, sizeof(target), "%s/elsewhere", root);
	assert_int_equal(symlink(target, place(file)), 0);
	assert_null(name_of("docker", "666", 0, 0));
	unlink(place(file));
	assert_int_equal(mkfifo(place(file), 0600), 0);
	assert_null(name_of("docker", "666", 0, 0));
	unlink(place(file));
	big = fopen(place(file), "w");
	assert_non_null(big);
	fprintf(big, "{\"Name\":\"/big\"%*s}", 300 * 1024, "");
	fclose(big);
	assert_null(name_of("docker", "666", 0, 0));
	write_file(file, "{\"Name\":\"/a\\u001b[2J\"}");
	assert_string_equal(name_of("docker", "666", 0, 0), "a\\x1b[2J");
	/* A folder on the way. */
	write_file("/other/containers/667" CONFIG, "{\"Name\":\"/other\"}");
	snprintf(target, sizeof(target), "%s", place("/home/u/.local/share/docker"));
	assert_int_equal(rename(target, place("/home/u/docker")), 0);
	assert_int_equal(symlink("../../../../other", target), 0);
	assert_null(name_of("docker", "667", 0, 0));
	/* But where the home is, the administrator says. */
	snprintf(target, sizeof(target), "%s/home", root);
	assert_int_equal(symlink(target, place("/homes")), 0);
	write_file("/home/v/.local/share/docker/containers/668" CONFIG, "{\"Name\":\"/far\"}");
	write_passwd(getuid(), "/homes/v");
	assert_string_equal(name_of("docker", "668", 0, 0), "far");
}

#define TASKS	 "/run/containerd/io.containerd.runtime.v2.task/"
#define ETCHOSTS "/var/lib/nerdctl/1935db59/etchosts/"
#define NERDCTL	 "{\"annotations\":{\"nerdctl/name\":\"%s\",\"nerdctl/namespace\":\"x\"}}"

static void write_nerdctl(const char *path, const char *name)
{
	char text[256];

	snprintf(text, sizeof(text), NERDCTL, name);
	write_file(path, text);
}

static void test_nerdctl(void **state)
{
	assert_null(name_of("containerd", HEX64, 0, 0));
	write_nerdctl(TASKS "default/" HEX64 "/config.json", "web");
	write_nerdctl(TASKS "k8s.io/" OTHER "/config.json", "other");
	assert_string_equal(name_of("containerd", HEX64, 0, 0), "web");
	/* The same id in another of containerd's namespaces: of the same name, and of another. */
	write_nerdctl(TASKS "build/" HEX64 "/config.json", "web");
	assert_string_equal(name_of("containerd", HEX64, 0, 0), "web");
	write_nerdctl(TASKS "build/" HEX64 "/config.json", "db");
	assert_null(name_of("containerd", HEX64, 0, 0));
	/* Renamed: that tells its own list only. */
	write_file(ETCHOSTS "default/" HEX64 "/meta.json",
		   "{\"ID\":\"" HEX64 "\",\"Networks\":{},\"Name\":\"web2\"}");
	assert_string_equal(name_of("containerd", HEX64, 0, 0), "web2");
	/* A user has an own one, and the system's is not that user's. */
	write_nerdctl(
		"/run/user/4711/containerd/io.containerd.runtime.v2.task/default/71/config.json",
		"own");
	be_of_user(4711);
	assert_true(getuid() != 4711);
	assert_null(name_of("containerd", "71", 0, 0)); /* it is not the user's file */
}

/* Below the folder of containerd that the user of these tests has. */
static const char *own(const char *rest)
{
	static char path[256];

	snprintf(path, sizeof(path), "/run/user/%u/containerd%s", getuid(), rest);
	return path;
}

#define OWN_TASKS "/io.containerd.runtime.v2.task/"

static void test_rootless_nerdctl(void **state)
{
	char folder[256], entry[64];

	write_nerdctl(own(OWN_TASKS "default/72/config.json"), "own");
	user = getuid();
	assert_null(name_of("containerd", "72", 0, 0)); /* it is nobody's guest */
	be_of_user(getuid());
	assert_string_equal(name_of("containerd", "72", 0, 0), "own");
	/* A folder that is called as a pattern is none. */
	write_nerdctl(own(OWN_TASKS "*/72/config.json"), "star");
	assert_string_equal(name_of("containerd", "72", 0, 0), "own");
	/* A file or a folder that cannot be read to its end may have another name in it. */
	place(own(OWN_TASKS "other/72/x"));
	assert_string_equal(name_of("containerd", "72", 0, 0), "own");
	assert_int_equal(mkfifo(place(own(OWN_TASKS "other/72/config.json")), 0600), 0);
	assert_null(name_of("containerd", "72", 0, 0));
	unlink(place(own(OWN_TASKS "other/72/config.json")));
	assert_string_equal(name_of("containerd", "72", 0, 0), "own");
	strcpy(folder, place(own("")));
	assert_int_equal(rename(folder, place("/run/far")), 0);
	assert_int_equal(symlink("../../far", folder), 0);
	assert_null(name_of("containerd", "72", 0, 0));
	assert_int_equal(remove(folder), 0);
	assert_int_equal(rename(place("/run/far"), folder), 0);
	assert_string_equal(name_of("containerd", "72", 0, 0), "own");
	for (int i = 0; i < 64; i++) {
		snprintf(entry, sizeof(entry), OWN_TASKS "n%d/x", i);
		place(own(entry));
	}
	assert_null(name_of("containerd", "72", 0, 0));
}

static void test_rootless_podman(void **state)
{
	char path[256];

	write_passwd(getuid(), "/home/u");
	be_of_user(getuid());
	write_file("/home/u/.local/share/containers/storage/overlay-containers/containers.json",
		   "[{\"id\":\"" HEX64 "\",\"names\":[\"mine\"]}]");
	snprintf(path, sizeof(path),
		 "/run/user/%u/containers/overlay-containers/volatile-containers.json", getuid());
	write_file(path, "[{\"id\":\"99\",\"names\":[\"once\"]}]");
	assert_string_equal(name_of("podman", "99", 0, 0), "once");
	assert_null(name_of("podman", "98", 0, 0));
}

#define CRI                                                                                        \
	"\"io.kubernetes.cri.sandbox-name\":\"shop-7d4b\",\"io.kubernetes.cri.sandbox-"            \
	"namespace\":\"web\""

static void test_pods(void **state)
{
	write_file(TASKS "k8s.io/1/config.json",
		   "{\"annotations\":{" CRI ",\"io.kubernetes.cri.container-name\":\"nginx\"}}");
	write_file(TASKS "k8s.io/2/config.json",
		   "{\"annotations\":{" CRI ",\"io.kubernetes.cri.container-name\":7}}");
	write_file(TASKS "k8s.io/3/config.json", "{\"annotations\":[\"x\"]}");
	write_file("/run/containers/storage/overlay-containers/4/userdata/config.json",
		   "{\"annotations\":{\"io.kubernetes.pod.name\":\"shop\",\"io.kubernetes.pod."
		   "namespace\":\"\\u202eweb\",\"io.kubernetes.container.name\":\"nginx\"}}");
	assert_string_equal(name_of("kubernetes", "1", 0, 0), "shop-7d4b_web_nginx");
	assert_string_equal(name_of("kubernetes", "2", 0, 0), "shop-7d4b_web");
	assert_null(name_of("kubernetes", "3", 0, 0));
	write_file(TASKS "k8s.io/3/config.json",
		   "{\"annotations\":{" CRI ",\"io.kubernetes.cri.container-name\":\"\"}}");
	assert_string_equal(name_of("kubernetes", "3", 0, 0), "shop-7d4b_web");
	assert_string_equal(name_of("kubernetes", "4", 0, 0), "shop_\\xe2\\x80\\xaeweb_nginx");
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
		cmocka_unit_test_teardown(test_rootless_docker, be_of_nobody),
		cmocka_unit_test_teardown(test_a_users_tricks, be_of_nobody),
		cmocka_unit_test_teardown(test_nerdctl, be_of_nobody),
		cmocka_unit_test_teardown(test_rootless_nerdctl, be_of_nobody),
		cmocka_unit_test_teardown(test_rootless_podman, be_of_nobody),
		cmocka_unit_test(test_pods),
		cmocka_unit_test(test_machined),
		cmocka_unit_test(test_odd_command_lines),
		cmocka_unit_test(test_a_name_of_10_kilobytes),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
