// SPDX-License-Identifier: GPL-2.0-or-later
/* How long a guest is the same guest, and what several that cannot be told apart have in common. */
#include "fake_proc.h"

#include "util/clock.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
	return remove(path);
}

static void remove_process(const struct fake *fake, pid_t pid)
{
	char folder[128];

	snprintf(folder, sizeof(folder), "%s/%d", fake->path, pid);
	nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void test_a_guest_keeps_its_id_over_a_rescan(void **state)
{
	struct fake *fake = *state;
	struct registry *registry = fake->registry;
	uint32_t vm, box, namespace;

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/usr/bin/qemu-system-x86_64",
				       ARGUMENTS("qemu\0-name\0devbox")});
	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 1,
				       .executable = "/bin/sh",
				       .cgroup = "/lxc.payload.box",
				       .pid_ns = OTHER});
	fake_start(fake,
		   &(struct row){.pid = 12, .parent = 1, .executable = "/usr/bin/slirp4netns"});
	registry->suspects[members_find(registry, 12)->suspect].netns = OTHER;
	vm = fake_guest(fake, 10)->id;
	box = fake_guest(fake, 11)->id;
	namespace = guests_for_netns(registry, OTHER)->id;
	registry_rescan(registry);
	assert_int_equal(fake_guest(fake, 10)->id, vm);
	assert_int_equal(fake_guest(fake, 11)->id, box);
	/* Whom slirp4netns serves is looked for again: until then the namespace is kept. */
	assert_int_equal(guests_for_netns(registry, OTHER)->id, namespace);
	registry->suspects[members_find(registry, 12)->suspect].look_next_us = 0;
	guests_prune(registry);
	assert_null(registry_find_id(registry, namespace));
	assert_int_equal(registry_count(registry), 2);

	/* A guest that went while events were lost is gone, and its id with it. */
	remove_process(fake, 11);
	registry_rescan(registry);
	assert_null(registry_find_id(registry, box));
	fake_start(fake, &(struct row){.pid = 13,
				       .parent = 1,
				       .executable = "/bin/sh",
				       .cgroup = "/lxc.payload.box",
				       .pid_ns = OTHER});
	assert_true(fake_guest(fake, 13)->id > namespace);
}

static void test_a_namespace_goes_with_its_conduit(void **state)
{
	struct fake *fake = *state;
	uint32_t id;

	fake_start(fake,
		   &(struct row){.pid = 12, .parent = 1, .executable = "/usr/bin/slirp4netns"});
	fake->registry->suspects[0].netns = OTHER;
	fake->registry->suspects[0].look_next_us = 0;
	id = guests_for_netns(fake->registry, OTHER)->id;
	guests_prune(fake->registry);
	assert_non_null(registry_find_id(fake->registry, id));
	fake_event(fake, PROCESS_EXIT, 12, 0);
	guests_work(fake->registry);
	assert_null(registry_find_id(fake->registry, id));
	assert_null(registry_find_key(fake->registry, "netns:200"));

	/* One that ends before it is known whom it serves. */
	fake_start(fake,
		   &(struct row){.pid = 13, .parent = 1, .executable = "/usr/bin/slirp4netns"});
	id = guests_for_netns(fake->registry, OTHER)->id;
	guests_prune(fake->registry);
	assert_non_null(registry_find_id(fake->registry, id));
	fake_event(fake, PROCESS_EXIT, 13, 0);
	guests_work(fake->registry);
	assert_null(registry_find_id(fake->registry, id));
}

/* The number of a namespace that is gone is given to the next one. */
static void test_a_namespace_of_another_name(void **state)
{
	struct fake *fake = *state;
	char path[128], other[128];
	struct stat info;
	uint32_t id;
	FILE *file;

	snprintf(path, sizeof(path), "%s/thief", fake->path);
	snprintf(other, sizeof(other), "%s/honest", fake->path);
	file = fopen(path, "w");
	assert_non_null(file);
	fclose(file);
	assert_int_equal(stat(path, &info), 0);
	assert_string_equal(guests_for_netns(fake->registry, info.st_ino)->name, "thief");
	id = guests_for_netns(fake->registry, info.st_ino)->id;
	assert_int_equal(guests_for_netns(fake->registry, info.st_ino)->id, id);
	assert_int_equal(rename(path, other), 0);
	assert_string_equal(guests_for_netns(fake->registry, info.st_ino)->name, "honest");
	assert_true(guests_for_netns(fake->registry, info.st_ino)->id > id);
	assert_int_equal(registry_count(fake->registry), 1);
}

/* systemd's VMs have scopes like its containers. */
static void test_a_vm_in_a_machines_scope(void **state)
{
	static const char scope[] = "/machine.slice/machine-attic.scope";
	struct fake *fake = *state;

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/usr/bin/qemu-system-x86_64",
				       .cgroup = scope});
	assert_int_equal(fake_guest(fake, 10)->kind, KIND_VM);
	assert_string_equal(fake_guest(fake, 10)->name, "attic");
	assert_string_equal(fake_guest(fake, 10)->runtime, "qemu");
	/* One that runs inside a container is the container's. */
	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 1,
				       .executable = "/usr/bin/qemu-system-x86_64",
				       .mount_ns = OTHER,
				       .cgroup = "/machine.slice/machine-web.scope"});
	assert_int_equal(fake_guest(fake, 11)->kind, KIND_CONTAINER);
	assert_string_equal(fake_guest(fake, 11)->runtime, "nspawn");
}

static void test_several_in_one_namespace_are_one_of_them(void **state)
{
	struct fake *fake = *state;
	struct source source = {0};

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/bin/sh",
				       .cgroup = "/lxc.payload.a",
				       .pid_ns = OTHER,
				       .net_ns = OTHER});
	source_set_netns(fake->registry, &source, OTHER);
	assert_string_equal(source.name, "a");
	assert_int_equal(source.guest, fake_guest(fake, 10)->id);
	assert_false(source.shared);

	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 1,
				       .executable = "/bin/sh",
				       .cgroup = "/lxc.payload.b",
				       .pid_ns = OTHER + 1,
				       .net_ns = OTHER});
	source = (struct source){0};
	source_set_netns(fake->registry, &source, OTHER);
	assert_string_equal(source.name, "one of: a, b");
	assert_true(source.shared);
	assert_int_equal(source.guest, 0);
	assert_int_equal(source.kind, KIND_CONTAINER);
	assert_string_equal(source.runtime, "lxc");

	/* Of another runtime, then of another kind: what they have in common is left. */
	fake_start(fake, &(struct row){.pid = 12,
				       .parent = 1,
				       .executable = "/bin/sh",
				       .cgroup = "/machine.slice/libpod-" HEX64 ".scope",
				       .pid_ns = OTHER + 2,
				       .net_ns = OTHER});
	source = (struct source){0};
	source_set_netns(fake->registry, &source, OTHER);
	assert_string_equal(source.name, "one of: a, b, 0123456789ab");
	assert_int_equal(source.kind, KIND_CONTAINER);
	assert_string_equal(source.runtime, "");
	fake_put(fake, &(struct row){.pid = 13, .parent = 1, .executable = "/usr/bin/bwrap"});
	fake_start(fake, &(struct row){.pid = 14,
				       .parent = 13,
				       .executable = "/app/bin/steam",
				       .pid_ns = OTHER + 3,
				       .net_ns = OTHER});
	source = (struct source){0};
	source_set_netns(fake->registry, &source, OTHER);
	assert_int_equal(source.kind, KIND_UNKNOWN);
	assert_string_equal(source.runtime, "");
	assert_int_equal(source.class, SOURCE_GUEST);
}

#define POD "/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1.slice/"
#define APP "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define AID "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static void put_container(const struct fake *fake, pid_t pid, const char *cgroup)
{
	fake_start(fake, &(struct row){.pid = pid,
				       .parent = 10,
				       .executable = "/pause",
				       .cgroup = cgroup,
				       .pid_ns = OTHER + (unsigned int)pid,
				       .net_ns = OTHER});
}

/* containerd has a container in each pod that only keeps its namespaces: the shim is started for it. */
static void test_who_keeps_a_pod_is_not_meant(void **state)
{
	struct fake *fake = *state;
	struct source source = {0};

	put_container(fake, 11, POD "cri-containerd-" HEX64 ".scope");
	put_container(fake, 12, POD "cri-containerd-" APP ".scope");
	source_set_netns(fake->registry, &source, OTHER);
	assert_string_equal(source.name, "one of: 0123456789ab, aaaaaaaaaaaa");

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/usr/bin/containerd-shim-runc-v2",
				       ARGUMENTS("containerd-shim-runc-v2\0-namespace\0k8s.io"
						 "\0-id\0" HEX64)});
	source = (struct source){0};
	source_set_netns(fake->registry, &source, OTHER);
	assert_string_equal(source.name, "aaaaaaaaaaaa");
	assert_string_equal(source.runtime, "kubernetes");
	assert_int_equal(source.guest, fake_guest(fake, 12)->id);
	assert_false(source.shared);
	registry_rescan(fake->registry);
	put_container(fake, 13, POD "cri-containerd-" AID ".scope");
	source = (struct source){0};
	source_set_netns(fake->registry, &source, OTHER);
	assert_string_equal(source.name, "one of: aaaaaaaaaaaa, bbbbbbbbbbbb");
	assert_true(source.shared);
}

/* While nobody else is there, it is itself; and of Docker each container has such a shim. */
static void test_who_keeps_no_others_is_meant(void **state)
{
	struct fake *fake = *state;
	struct source source = {0};

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/usr/bin/containerd-shim-runc-v2",
				       ARGUMENTS("containerd-shim-runc-v2\0-namespace\0k8s.io"
						 "\0-id\0" HEX64)});
	put_container(fake, 11, POD "cri-containerd-" HEX64 ".scope");
	source_set_netns(fake->registry, &source, OTHER);
	assert_string_equal(source.name, "0123456789ab");
	assert_int_equal(source.guest, fake_guest(fake, 11)->id);

	fake_start(fake, &(struct row){.pid = 20,
				       .parent = 1,
				       .executable = "/usr/bin/containerd-shim-runc-v2",
				       ARGUMENTS("containerd-shim-runc-v2\0-namespace\0moby"
						 "\0-id\0" APP)});
	put_container(fake, 21, "/system.slice/docker-" APP ".scope");
	source = (struct source){0};
	source_set_netns(fake->registry, &source, OTHER);
	assert_string_equal(source.name, "aaaaaaaaaaaa");
	fake_event(fake, PROCESS_EXIT, 11, 0);
	remove_process(fake, 11);
	put_container(fake, 22, "/system.slice/docker-" AID ".scope");
	source = (struct source){0};
	source_set_netns(fake->registry, &source, OTHER);
	assert_string_equal(source.name, "one of: aaaaaaaaaaaa, bbbbbbbbbbbb");
}

static void test_since_when_a_guest_runs(void **state)
{
	struct fake *fake = *state;
	uint64_t now = clock_realtime_us(), boot = now - clock_us(CLOCK_BOOTTIME), started;
	struct guest *guest;

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/usr/bin/qemu-system-x86_64",
				       ARGUMENTS("qemu\0-name\0devbox")});
	started = registry_started_us(fake->registry, fake_guest(fake, 10));
	assert_true(started >= boot + 990000 && started <= boot + 3000000); /* 100 ticks */
	guest = guests_for_netns(fake->registry, OTHER);
	guest->leader = 99; /* ended, and nobody noticed */
	assert_true(registry_started_us(fake->registry, guest) >= now);

	/* The oldest counts, which need not have the lowest number. */
	fake_start(fake, &(struct row){.pid = 300,
				       .parent = 1,
				       .executable = "/bin/sh",
				       .cgroup = "/lxc.payload.box",
				       .pid_ns = OTHER});
	fake_start(fake, &(struct row){.pid = 200,
				       .parent = 300,
				       .executable = "/bin/sh",
				       .cgroup = "/lxc.payload.box",
				       .pid_ns = OTHER});
	assert_int_equal(fake_guest(fake, 300)->leader, 300);
	started = registry_started_us(fake->registry, fake_guest(fake, 300));
	assert_true(started >= boot + 19990000 && started <= boot + 22000000);
}

/* Its number is another's as soon as it has gone. */
static void test_since_when_a_namespace_is_there(void **state)
{
	struct fake *fake = *state;
	uint64_t now = clock_realtime_us(), boot = now - clock_us(CLOCK_BOOTTIME), started, made;
	char path[128];
	struct guest *guest;
	struct stat info;

	guest = guests_for_netns(fake->registry, OTHER);
	assert_true(registry_started_us(fake->registry, guest) >= now);
	fake_start(fake,
		   &(struct row){.pid = 12, .parent = 1, .executable = "/usr/bin/slirp4netns"});
	fake->registry->suspects[0].netns = OTHER;
	started = registry_started_us(fake->registry, guest);
	assert_true(started >= boot + 1190000 && started <= boot + 3000000); /* 120 ticks */

	snprintf(path, sizeof(path), "%s/lab", fake->path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(stat(path, &info), 0);
	made = (uint64_t)info.st_ctim.tv_sec * 1000000u + (uint64_t)info.st_ctim.tv_nsec / 1000u;
	guest = guests_for_netns(fake->registry, info.st_ino);
	assert_string_equal(guest->name, "lab");
	usleep(2000);
	assert_int_equal(registry_started_us(fake->registry, guest), made);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_guest_keeps_its_id_over_a_rescan,
						fake_set_up, fake_tear_down),
		cmocka_unit_test_setup_teardown(test_a_namespace_goes_with_its_conduit, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_a_namespace_of_another_name, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_a_vm_in_a_machines_scope, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_several_in_one_namespace_are_one_of_them,
						fake_set_up, fake_tear_down),
		cmocka_unit_test_setup_teardown(test_who_keeps_a_pod_is_not_meant, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_who_keeps_no_others_is_meant, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_since_when_a_guest_runs, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_since_when_a_namespace_is_there, fake_set_up,
						fake_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
