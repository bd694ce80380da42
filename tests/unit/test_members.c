// SPDX-License-Identifier: GPL-2.0-or-later
/* The registry's view of processes, read from a /proc of our own making. */
#include "guests/state.h"
#include "kernel/process_events.h"

#include "util/cleanup.h"

#include <fcntl.h>
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

enum { HOST = 100, OTHER = 200 }; /* inodes of namespaces */

struct fake {
	char path[64];
	struct catalogue *catalogue;
	struct registry *registry;
};

/* One process of the fake /proc. */
struct row {
	pid_t pid, parent;
	const char *executable;
	const char *arguments; /* NUL-separated */
	size_t arguments_length;
	const char *cgroup;
	unsigned int pid_ns, mount_ns, net_ns;
};

static void write_file(const char *folder, const char *name, const char *text, size_t length)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	fclose(file);
}

static void link_namespace(const char *folder, const char *name, unsigned int inode)
{
	char path[256], target[64];

	snprintf(path, sizeof(path), "%s/ns/%s", folder, name);
	snprintf(target, sizeof(target), "%s:[%u]", name, inode);
	unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

static void put(const struct fake *fake, const struct row *row)
{
	char folder[128], text[512];
	const char *base = strrchr(row->executable, '/');

	base = base ? base + 1 : row->executable;
	snprintf(folder, sizeof(folder), "%s/%d", fake->path, row->pid);
	mkdir(folder, 0755);
	snprintf(text, sizeof(text), "%s/ns", folder);
	mkdir(text, 0755);
	snprintf(text, sizeof(text), "%s/exe", folder);
	unlink(text);
	assert_int_equal(symlink(row->executable, text), 0);
	snprintf(text, sizeof(text), "%.15s\n", base);
	write_file(folder, "comm", text, strlen(text));
	snprintf(text, sizeof(text),
		 "%d (%.15s) S %d 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 %d 0 0\n", row->pid,
		 base, row->parent, row->pid * 10);
	write_file(folder, "stat", text, strlen(text));
	snprintf(text, sizeof(text), "1:name=systemd:/x\n0::%s\n", row->cgroup ? row->cgroup : "/");
	write_file(folder, "cgroup", text, strlen(text));
	write_file(folder, "cmdline", row->arguments ? row->arguments : "", row->arguments_length);
	link_namespace(folder, "pid", row->pid_ns ? row->pid_ns : HOST);
	link_namespace(folder, "user", HOST);
	link_namespace(folder, "mnt", row->mount_ns ? row->mount_ns : HOST);
	link_namespace(folder, "net", row->net_ns ? row->net_ns : HOST);
}

#define ARGUMENTS(text) .arguments = (text), .arguments_length = sizeof(text)

static void event(const struct fake *fake, enum process_event_type type, pid_t pid, pid_t parent)
{
	const struct process_event it = {.type = type, .pid = pid, .parent = parent};

	registry_process_event(fake->registry, &it);
}

static void start(const struct fake *fake, const struct row *row)
{
	put(fake, row);
	event(fake, PROCESS_EXEC, row->pid, 0);
}

static const struct guest *guest_of(const struct fake *fake, pid_t pid)
{
	const struct member *member = members_find(fake->registry, pid);

	return member && member->guest != NO_GUEST ? &fake->registry->guests[member->guest] : NULL;
}

static bool is_suspect(const struct fake *fake, pid_t pid)
{
	const struct member *member = members_find(fake->registry, pid);

	return member && member->suspect >= 0 &&
	       fake->registry->suspects[member->suspect].pid == pid;
}

static int set_up(void **state)
{
	struct fake *fake = calloc(1, sizeof(*fake));

	strcpy(fake->path, "/tmp/lhguard-test-XXXXXX");
	if (!mkdtemp(fake->path))
		return -1;
	fake->registry = calloc(1, sizeof(*fake->registry));
	fake->registry->settings.proc = processes_open_root(fake->path);
	fake->registry->settings.cgroup = -1;
	if (catalogue_load(&fake->catalogue, "conf/guests.conf", fake->path, NULL))
		return -1;
	fake->registry->settings.catalogue = fake->catalogue;
	fake->registry->settings.run_netns = fake->path;
	fake->registry->host = (struct namespaces){HOST, HOST, HOST, HOST};
	*state = fake;
	return fake->registry->settings.proc < 0;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
	return remove(path);
}

static int tear_down(void **state)
{
	struct fake *fake = *state;

	close(fake->registry->settings.proc);
	free(fake->registry);
	catalogue_free(fake->catalogue);
	nftw(fake->path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(fake);
	return 0;
}

static void test_host_processes_are_nobody(void **state)
{
	struct fake *fake = *state;

	start(fake, &(struct row){.pid = 10, .parent = 1, .executable = "/usr/bin/curl"});
	start(fake, &(struct row){.pid = 11,
				  .parent = 10,
				  .executable = "/usr/sbin/nginx",
				  .mount_ns = OTHER}); /* PrivateTmp=, say */
	assert_null(members_find(fake->registry, 10));
	assert_null(members_find(fake->registry, 11));
	assert_int_equal(registry_count(fake->registry), 0);
}

static void test_vm(void **state)
{
	struct fake *fake = *state;
	const struct guest *guest;

	start(fake, &(struct row){.pid = 10,
				  .parent = 1,
				  .executable = "/usr/bin/qemu-system-x86_64",
				  ARGUMENTS("qemu\0-name\0devbox")});
	guest = guest_of(fake, 10);
	assert_non_null(guest);
	assert_string_equal(guest->name, "devbox");
	assert_int_equal(guest->kind, KIND_VM);
	assert_true(is_suspect(fake, 10));
	event(fake, PROCESS_EXIT, 10, 0);
	assert_int_equal(registry_count(fake->registry), 0);
	assert_int_equal(fake->registry->suspects_high, 0);
	assert_int_equal(fake->registry->local_members, 0);
}

static void test_vm_inside_a_container_is_the_container(void **state)
{
	struct fake *fake = *state;

	start(fake, &(struct row){.pid = 10,
				  .parent = 1,
				  .executable = "/usr/bin/qemu-system-x86_64",
				  ARGUMENTS("qemu\0-name\0trusted"),
				  .cgroup = "/lxc.payload.box",
				  .pid_ns = OTHER});
	assert_string_equal(guest_of(fake, 10)->name, "box");
	assert_string_equal(guest_of(fake, 10)->runtime, "lxc");
}

static void test_podman_by_cgroup(void **state)
{
	struct fake *fake = *state;

	start(fake, &(struct row){.pid = 10,
				  .parent = 1,
				  .executable = "/usr/bin/conmon",
				  ARGUMENTS("conmon\0-c\0" HEX64 "\0-n\0web")});
	start(fake, &(struct row){.pid = 11,
				  .parent = 10,
				  .executable = "/bin/sh",
				  .cgroup = "/machine.slice/libpod-" HEX64 ".scope/container",
				  .pid_ns = OTHER});
	assert_ptr_equal(guest_of(fake, 10), guest_of(fake, 11));
	assert_string_equal(guest_of(fake, 11)->name, "web");
	assert_true(is_suspect(fake, 11));  /* there is no cgroup2 here to tell its sockets by */
	assert_false(is_suspect(fake, 10)); /* conmon is the host's */
	event(fake, PROCESS_EXIT, 11, 0);
	assert_int_equal(registry_count(fake->registry), 1);
	event(fake, PROCESS_EXIT, 10, 0);
	assert_int_equal(registry_count(fake->registry), 0);
}

static void test_podman_without_cgroups(void **state)
{
	struct fake *fake = *state;

	start(fake, &(struct row){.pid = 10,
				  .parent = 1,
				  .executable = "/usr/bin/conmon",
				  ARGUMENTS("conmon\0-c\0" HEX64 "\0-n\0web")});
	put(fake, &(struct row){.pid = 11, .parent = 10, .executable = "/usr/bin/crun"});
	start(fake,
	      &(struct row){.pid = 12, .parent = 11, .executable = "/bin/sh", .pid_ns = OTHER});
	assert_string_equal(guest_of(fake, 12)->name, "web");
	assert_true(is_suspect(fake, 12));

	/* Its children are the same guest from the moment of the fork. */
	event(fake, PROCESS_FORK, 13, 12);
	assert_ptr_equal(guest_of(fake, 13), guest_of(fake, 12));
	assert_true(is_suspect(fake, 13));

	/* A container that shares the host's pid namespace still has a supervisor. */
	start(fake,
	      &(struct row){.pid = 14, .parent = 10, .executable = "/bin/sh", .mount_ns = OTHER});
	assert_string_equal(guest_of(fake, 14)->name, "web");
}

static void test_unknown_pid_namespace(void **state)
{
	struct fake *fake = *state;

	start(fake,
	      &(struct row){.pid = 10, .parent = 1, .executable = "/bin/sh", .pid_ns = OTHER});
	assert_string_equal(guest_of(fake, 10)->runtime, "contained");
	assert_string_equal(guest_of(fake, 10)->name, "pidns-200");
	assert_true(is_suspect(fake, 10));
}

static void test_sandbox(void **state)
{
	struct fake *fake = *state;

	put(fake, &(struct row){.pid = 10, .parent = 1, .executable = "/usr/bin/bwrap"});
	start(fake,
	      &(struct row){
		      .pid = 11, .parent = 10, .executable = "/app/bin/steam", .pid_ns = OTHER});
	assert_int_equal(guest_of(fake, 11)->kind, KIND_SANDBOX);
	assert_string_equal(guest_of(fake, 11)->name, "steam");
}

static void test_other_network_namespace_is_no_suspect(void **state)
{
	struct fake *fake = *state;

	start(fake, &(struct row){.pid = 10,
				  .parent = 1,
				  .executable = "/bin/sh",
				  .cgroup = "/lxc.payload.box",
				  .pid_ns = OTHER,
				  .net_ns = OTHER});
	assert_false(is_suspect(fake, 10));
	assert_int_equal(guest_of(fake, 10)->netns, OTHER);
	assert_int_equal(fake->registry->local_members, 0);
}

static void test_a_guest_survives_the_exec_of_its_only_process(void **state)
{
	struct fake *fake = *state;
	uint32_t id;

	start(fake, &(struct row){.pid = 10,
				  .parent = 1,
				  .executable = "/bin/sh",
				  .cgroup = "/lxc.payload.box",
				  .pid_ns = OTHER});
	id = guest_of(fake, 10)->id;
	event(fake, PROCESS_EXEC, 10, 0);
	assert_int_equal(guest_of(fake, 10)->id, id);
}

/* Open addressing with removals: what is in must be found, what is out must not. */
static void test_many_members(void **state)
{
	struct fake *fake = *state;

	start(fake, &(struct row){.pid = 10,
				  .parent = 1,
				  .executable = "/bin/sh",
				  .cgroup = "/lxc.payload.box",
				  .pid_ns = OTHER});
	for (pid_t pid = 1000; pid < 6000; pid++)
		event(fake, PROCESS_FORK, pid, 10);
	for (pid_t pid = 1000; pid < 6000; pid += 3)
		event(fake, PROCESS_EXIT, pid, 0);
	for (pid_t pid = 1000; pid < 6000; pid++)
		assert_int_equal(members_find(fake->registry, pid) != NULL, (pid - 1000) % 3 != 0);
	for (pid_t pid = 6000; pid < 20000; pid++)
		event(fake, PROCESS_FORK, pid, 10);
	assert_true(fake->registry->members_lost > 0);
	assert_true(fake->registry->member_count <= MEMBERS_MAX / 4 * 3);
	for (pid_t pid = 10; pid < 20000; pid++)
		event(fake, PROCESS_EXIT, pid, 0);
	assert_int_equal(fake->registry->member_count, 0);
	assert_int_equal(registry_count(fake->registry), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_host_processes_are_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_vm, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_vm_inside_a_container_is_the_container, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_podman_by_cgroup, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_podman_without_cgroups, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unknown_pid_namespace, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_sandbox, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_other_network_namespace_is_no_suspect, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_a_guest_survives_the_exec_of_its_only_process,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_many_members, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
