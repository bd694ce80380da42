// SPDX-License-Identifier: GPL-2.0-or-later
/* The registry and the catalogue: names that stand in files, and a catalogue in the place of another. */
#include "tests/unit/fake_proc.h"

#include "util/array.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void write_text(const char *folder, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void put_config(const struct fake *fake)
{
	static const char *const folders[] = {"/var", "/var/lib", "/var/lib/docker",
					      "/var/lib/docker/containers",
					      "/var/lib/docker/containers/" HEX64};
	char path[256];

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(path, sizeof(path), "%s%s", fake->path, folders[i]);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	write_text(path, "config.v2.json", "{\"Name\":\"/web\"}");
}

static void look_for_names(const struct fake *fake)
{
	while (guests_name_work(fake->registry))
		for (uint32_t i = 0; i < fake->registry->guests_high; i++)
			if (fake->registry->guests[i].name_next_us)
				fake->registry->guests[i].name_next_us = 1;
}

static const struct row shim = {
	.pid = 10,
	.parent = 1,
	.executable = "/usr/bin/containerd-shim-runc-v2",
	.cgroup = "/system.slice/containerd.service",
	ARGUMENTS("/usr/bin/containerd-shim-runc-v2\0-namespace\0moby\0-id\0" HEX64
		  "\0-address\0/run/containerd/containerd.sock")};

/* The name in the runtime's file comes after the verdicts; until then there is the short id. */
static void test_docker_is_named_by_its_file(void **state)
{
	struct fake *fake = *state;

	fake->registry->settings.files = fake->path;
	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 1,
				       .executable = "/bin/sh",
				       .cgroup = "/system.slice/docker-" HEX64 ".scope",
				       .pid_ns = OTHER});
	assert_string_equal(fake_guest(fake, 11)->name, "0123456789ab");
	assert_true(guests_name_work(fake->registry) > 0); /* it comes again */
	put_config(fake);
	fake->registry->guests[0].name_next_us = 1; /* its time has come */
	assert_int_equal(guests_name_work(fake->registry), 0);
	assert_string_equal(fake_guest(fake, 11)->name, "web");
}

/* As it is in real life: containerd's shim comes before the cgroup tells that it is Docker's. */
static void test_docker_is_named_below_its_shim(void **state)
{
	struct fake *fake = *state;

	fake->registry->settings.files = fake->path;
	put_config(fake);
	fake_start(fake, &shim);
	look_for_names(fake);
	assert_string_equal(fake_guest(fake, 10)->runtime, "containerd");
	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 10,
				       .executable = "/bin/sh",
				       .cgroup = "/system.slice/docker-" HEX64 ".scope",
				       .pid_ns = OTHER});
	assert_ptr_equal(fake_guest(fake, 10), fake_guest(fake, 11));
	look_for_names(fake);
	assert_string_equal(fake_guest(fake, 11)->runtime, "docker");
	assert_string_equal(fake_guest(fake, 11)->name, "web");
	registry_rescan(fake->registry);
	assert_string_equal(fake_guest(fake, 11)->name, "web");
	assert_string_equal(fake_guest(fake, 11)->runtime, "docker");
	assert_false(fake->registry->names_pending);
}

/* What CRI-O tells conmon is no name that an owner knows: the kubelet writes that down. */
static void test_cri_o_is_named_by_the_kubelet(void **state)
{
	static const char *const folders[] = {"/var", "/var/log", "/var/log/containers"};
	struct fake *fake = *state;
	char path[256];

	fake->registry->settings.files = fake->path;
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(path, sizeof(path), "%s%s", fake->path, folders[i]);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	write_text(path, "dns_kube-system_coredns-" HEX64 ".log", "");
	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/usr/libexec/crio/conmon",
				       ARGUMENTS("conmon\0-c\0" HEX64 "\0-n\0"
						 "k8s_coredns_dns_kube-system_1_0\0-u\0" HEX64)});
	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 10,
				       .executable = "/coredns",
				       .cgroup = "/kubepods.slice/kubepods-pod1.slice/crio-" HEX64
						 ".scope",
				       .pid_ns = OTHER});
	assert_ptr_equal(fake_guest(fake, 10), fake_guest(fake, 11));
	look_for_names(fake);
	assert_string_equal(fake_guest(fake, 11)->runtime, "kubernetes");
	assert_string_equal(fake_guest(fake, 11)->name, "dns_kube-system_coredns");
}

static void put_file(const struct fake *fake, const char *path, const char *text)
{
	char whole[512];

	snprintf(whole, sizeof(whole), "%s%s", fake->path, path);
	for (char *slash = strchr(whole + strlen(fake->path) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(whole, 0755);
		*slash = '/';
	}
	write_text("", whole + 1, text);
}

/* A user's rootless Docker, which has a file for this container. */
static void put_users_config(const struct fake *fake)
{
	char passwd[128];

	snprintf(passwd, sizeof(passwd), "u:x:%u:7::/home/u:/bin/sh\n", getuid());
	put_file(fake, "/etc/passwd", passwd);
	put_file(fake, "/home/u/.local/share/docker/containers/" HEX64 "/config.v2.json",
		 "{\"Name\":\"/mine\"}");
}

static void start_in(struct fake *fake, pid_t pid, const char *manager)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/docker-" HEX64 ".scope", manager);
	fake_start(fake, &(struct row){.pid = pid,
				       .parent = 1,
				       .executable = "/bin/sh",
				       .cgroup = path,
				       .pid_ns = OTHER});
}

static const char *users_slice(uid_t user, const char *rest)
{
	static char path[64];

	snprintf(path, sizeof(path), "/user.slice/user-%u.slice%s", user, rest);
	return path;
}

static void test_rootless_docker(void **state)
{
	struct fake *fake = *state;

	fake->registry->settings.files = fake->path;
	put_users_config(fake);
	start_in(fake, 11, users_slice(getuid(), "/user@1.service/user.slice"));
	look_for_names(fake);
	assert_string_equal(fake_guest(fake, 11)->name, "mine");
	registry_rescan(fake->registry);
	start_in(fake, 12, users_slice(getuid(), "/user@1.service/user.slice"));
	assert_string_equal(fake_guest(fake, 12)->name, "mine");
	assert_int_equal(registry_count(fake->registry), 1);
}

/* Cgroups that are nobody's but only look so, and another user's. */
static void test_of_no_user(void **state)
{
	struct fake *fake = *state;
	char others[4][64];
	const char *const cgroups[] = {"/system.slice",
				       "/user.slice/user-.slice/x",
				       "/user.slice/user--1.slice/x",
				       others[0],
				       others[1],
				       others[2],
				       others[3]};

	snprintf(others[0], sizeof(others[0]), "/system.slice%s", users_slice(getuid(), "/x"));
	snprintf(others[1], sizeof(others[1]), "%s", users_slice(getuid(), "x/y"));
	snprintf(others[2], sizeof(others[2]), "%s", users_slice(getuid() + 1, "/x"));
	snprintf(others[3], sizeof(others[3]), "/user.slice/user-%lu.slice/x",
		 (1ul << 32) + getuid());
	fake->registry->settings.files = fake->path;
	put_users_config(fake);
	for (size_t i = 0; i < ARRAY_SIZE(cgroups); i++) {
		start_in(fake, 11, cgroups[i]);
		look_for_names(fake);
		assert_string_equal(fake_guest(fake, 11)->name, "0123456789ab");
		fake_event(fake, PROCESS_EXIT, 11, 0);
		assert_int_equal(registry_count(fake->registry), 0);
	}
}

/* Somebody made a cgroup with the id of the system's container, before it started. */
static void test_a_users_file_names_nobody_elses_guest(void **state)
{
	struct fake *fake = *state;

	fake->registry->settings.files = fake->path;
	put_users_config(fake);
	start_in(fake, 11, users_slice(getuid(), "/user@1.service"));
	look_for_names(fake);
	assert_string_equal(fake_guest(fake, 11)->name, "mine");
	start_in(fake, 12, "/system.slice");
	assert_string_equal(fake_guest(fake, 12)->name, "0123456789ab");
	look_for_names(fake);
	assert_string_equal(fake_guest(fake, 12)->name, "0123456789ab");
	start_in(fake, 13, users_slice(getuid(), "/user@1.service"));
	look_for_names(fake);
	assert_string_equal(fake_guest(fake, 12)->name, "0123456789ab");
}

/* The same with a file of the system's. */
static void test_the_systems_file_names_it(void **state)
{
	struct fake *fake = *state;

	fake->registry->settings.files = fake->path;
	put_users_config(fake);
	start_in(fake, 11, users_slice(getuid(), "/user@1.service"));
	look_for_names(fake);
	put_config(fake);
	start_in(fake, 12, "/system.slice");
	look_for_names(fake);
	assert_string_equal(fake_guest(fake, 12)->name, "web");
}

static const char *name_of_shim(struct fake *fake, pid_t pid, const char *id)
{
	char arguments[256] = "/usr/bin/containerd-shim-runc-v2";
	size_t length = strlen(arguments) + 1;

	length += (size_t)sprintf(arguments + length, "-id") + 1;
	length += (size_t)sprintf(arguments + length, "%s", id) + 1;
	fake_start(fake, &(struct row){.pid = pid,
				       .parent = 1,
				       .executable = "/usr/bin/containerd-shim-runc-v2",
				       .cgroup = "/system.slice/containerd.service",
				       .arguments = arguments,
				       .arguments_length = length});
	return fake_guest(fake, pid)->name;
}

/* containerd's own ids are names, and only those of 64 hexadecimal digits are shortened. */
static void test_an_id_that_is_a_name(void **state)
{
	struct fake *fake = *state;
	char name[] = HEX64;

	name[63] = 'x';
	assert_string_equal(name_of_shim(fake, 10, "build-agent-of-mine"), "build-agent-of-mine");
	assert_string_equal(name_of_shim(fake, 11, "deadbeefdeadbeef"), "deadbeefdeadbeef");
	assert_string_equal(name_of_shim(fake, 12, name), name);
	assert_string_equal(name_of_shim(fake, 13, HEX64), "0123456789ab");
	fake_start(fake, &(struct row){.pid = 20,
				       .parent = 10,
				       .executable = "/bin/sh",
				       .cgroup = "/default/build-agent-of-mine",
				       .pid_ns = OTHER});
	assert_ptr_equal(fake_guest(fake, 10), fake_guest(fake, 20));
}

/* A name that never comes is looked for a few times only. */
static void test_a_name_that_never_comes(void **state)
{
	struct fake *fake = *state;
	int tries = 1;

	fake->registry->settings.files = fake->path;
	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 1,
				       .executable = "/bin/sh",
				       .cgroup = "/system.slice/docker-" HEX64 ".scope",
				       .pid_ns = OTHER});
	while (guests_name_work(fake->registry)) {
		fake->registry->guests[0].name_next_us = 1;
		assert_true(++tries < 20);
	}
	assert_string_equal(fake_guest(fake, 11)->name, "0123456789ab");
}

/* Nothing of the old catalogue is left when another is set: the sanitizer would tell. */
static void test_another_catalogue(void **state)
{
	static const char text[] = "[other]\nkind = vm\nprogram = vmm slirp4netns\n"
				   "cgroup = libpod-{id}.scope\n"
				   "library = conduit libkrun.so.*\n";
	struct fake *fake = *state;
	struct catalogue *other = NULL;
	char path[128];

	fake_start(fake,
		   &(struct row){.pid = 10, .parent = 1, .executable = "/usr/bin/slirp4netns"});
	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 1,
				       .executable = "/bin/sh",
				       .cgroup = "/machine.slice/libpod-" HEX64 ".scope",
				       .pid_ns = OTHER});
	fake_start(fake, &(struct row){.pid = 12,
				       .parent = 1,
				       .executable = "/home/u/renamed",
				       .maps = "7f00-7f01 r-xp 00000000 fe:00 2  "
					       "/usr/lib/libslirp.so.0.4.0\n"});
	fake_start(fake, &(struct row){.pid = 13,
				       .parent = 1,
				       .executable = "/home/u/another",
				       .maps = "7f00-7f01 r-xp 00000000 fe:00 2  "
					       "/usr/lib/libkrun.so.1\n"});
	structure_examine(fake->registry, 12);
	structure_examine(fake->registry, 13);
	assert_int_equal(members_find(fake->registry, 12)->program->role, PROGRAM_VMM);
	assert_int_equal(members_find(fake->registry, 10)->program->role, PROGRAM_CONDUIT);
	write_text(fake->path, "other.conf", text);
	snprintf(path, sizeof(path), "%s/other.conf", fake->path);
	assert_int_equal(catalogue_load(&other, path, "/nowhere", NULL), 0);
	fake->registry->cgroups[0].id = 1;
	registry_set_catalogue(fake->registry, other);
	catalogue_free(fake->catalogue);
	fake->catalogue = other;
	assert_int_equal(fake->registry->cgroups[0].id, 0);
	assert_int_equal(members_find(fake->registry, 10)->program->role, PROGRAM_VMM);
	assert_string_equal(members_find(fake->registry, 10)->program->runtime, "other");
	assert_string_equal(fake_guest(fake, 11)->runtime, "other");
	assert_null(members_find(fake->registry, 12));
	assert_int_equal(members_find(fake->registry, 13)->program->role, PROGRAM_CONDUIT);
	assert_string_equal(members_find(fake->registry, 13)->program->runtime, "other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_docker_is_named_by_its_file, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_docker_is_named_below_its_shim, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_cri_o_is_named_by_the_kubelet, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_rootless_docker, fake_set_up, fake_tear_down),
		cmocka_unit_test_setup_teardown(test_of_no_user, fake_set_up, fake_tear_down),
		cmocka_unit_test_setup_teardown(test_a_users_file_names_nobody_elses_guest,
						fake_set_up, fake_tear_down),
		cmocka_unit_test_setup_teardown(test_the_systems_file_names_it, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_an_id_that_is_a_name, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_a_name_that_never_comes, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_another_catalogue, fake_set_up,
						fake_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
