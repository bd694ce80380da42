/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes that no list names, known by what they hold or where they live. */
#include "fake_proc.h"

#include "util/clock.h"

#include <stdio.h>
#include <string.h>

/* As if the time of the young process's next look had come. */
static void grow_older(const struct fake *fake)
{
	struct registry *registry = fake->registry;

	for (int stage = 0; stage < YOUNG_STAGES; stage++) {
		struct young_queue *queue = &registry->young[stage];

		for (uint32_t i = 0; i < queue->count; i++)
			queue->entries[(queue->first + i) % YOUNG_MAX].due_us = 0;
	}
	registry->sweep_next_us = UINT64_MAX;
	structure_work(registry);
}

static void test_a_vm_of_kvm(void **state)
{
	struct fake *fake = *state;
	const struct guest *guest;
	struct row row = {.pid = 10,
			  .parent = 1,
			  .executable = "/home/me/render-job",
			  ARGUMENTS("render-job\0-name\0guest=devbox,debug-threads=on")};

	fake_start(fake, &row);
	assert_null(fake_guest(fake, 10));
	row.links[1] = "anon_inode:kvm-vm"; /* opened some time after the program has started */
	fake_put(fake, &row);
	grow_older(fake);
	guest = fake_guest(fake, 10);
	assert_non_null(guest);
	assert_int_equal(guest->kind, KIND_VM);
	assert_string_equal(guest->runtime, "kvm");
	assert_string_equal(guest->name, "devbox");
	assert_true(fake_is_suspect(fake, 10));

	/* It stays one when everything is read anew, and its children are it from their fork on. */
	fake_event(fake, PROCESS_FORK, 11, 10);
	assert_ptr_equal(fake_guest(fake, 11), guest);
	registry_rescan(fake->registry);
	assert_ptr_equal(fake_guest(fake, 10), guest);

	fake_event(fake, PROCESS_EXIT, 11, 0);
	fake_event(fake, PROCESS_EXIT, 10, 0);
	assert_int_equal(registry_count(fake->registry), 0);
	assert_int_equal(fake->registry->findings_high, 0);
}

static void test_a_name_is_no_excuse(void **state)
{
	struct fake *fake = *state;

	/* conmon is a supervisor, whose own connections are the host's. */
	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/tmp/conmon",
				       .links = {"anon_inode:kvm-vm"}});
	grow_older(fake);
	assert_non_null(fake_guest(fake, 10));
	assert_int_equal(fake_guest(fake, 10)->kind, KIND_VM);
	assert_true(fake_is_suspect(fake, 10));
	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 1,
				       .executable = "/tmp/chrome",
				       .links = {"/dev/vboxdrv"}});
	grow_older(fake);
	assert_string_equal(fake_guest(fake, 11)->runtime, "virtualbox");
}

static void test_drivers_of_vmms(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/opt/a",
				       .links = {"/dev/null", "/dev/vboxdrv"}});
	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 1,
				       .executable = "/opt/b",
				       .links = {"/dev/vmmon"}});
	fake_start(fake, &(struct row){.pid = 12,
				       .parent = 1,
				       .executable = "/opt/c",
				       .links = {"/tmp/dev/vboxdrv", "/dev/kvm",
						 "/anon_inode:kvm-vm", "anon_inode:kvm-vcpu:0"}});
	grow_older(fake);
	assert_string_equal(fake_guest(fake, 10)->runtime, "virtualbox");
	assert_string_equal(fake_guest(fake, 10)->name, "a");
	assert_string_equal(fake_guest(fake, 11)->runtime, "vmware");
	assert_null(fake_guest(fake, 12)); /* nothing of it is a VM */
}

static void test_a_library(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/home/me/render-job",
				       ARGUMENTS("render-job\0-name\0lab"),
				       .maps = "55d0-55d1 r-xp 00000000 fe:00 1  "
					       "/home/me/render-job\n"
					       "7f00-7f01 r-xp 00000000 fe:00 2  "
					       "/usr/lib/x86_64-linux-gnu/libslirp.so.0.4.0\n"});
	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 1,
				       .executable = "/usr/bin/reader",
				       .maps = "7f00-7f01 r--p 00000000 fe:00 2  "
					       "/usr/lib/libslirp.so.0.4.0\n"
					       "7f02-7f03 r-xp 00000000 fe:00 2  "
					       "/usr/lib/libslirp.so.0.4.0/readme\n"});
	grow_older(fake);
	assert_non_null(fake_guest(fake, 10));
	assert_int_equal(fake_guest(fake, 10)->kind, KIND_VM);
	assert_string_equal(fake_guest(fake, 10)->name, "lab");
	assert_null(fake_guest(fake, 11)); /* it reads the file, and runs nothing of it */
}

static void test_kvm_says_so_itself(void **state)
{
	struct fake *fake = *state;
	char path[128];
	FILE *file;

	fake_start(fake, &(struct row){.pid = 10, .parent = 1, .executable = "/opt/vmm"});
	fake_put(fake, &(struct row){.pid = 15, .parent = 1, .executable = "/opt/vmm"});
	snprintf(path, sizeof(path), "%s/15/status", fake->path); /* a thread of 10 */
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("Name:\tvmm\nTgid:\t10\n", file);
	fclose(file);
	registry_kvm_made(fake->registry, 15);
	assert_non_null(fake_guest(fake, 10));
	assert_string_equal(fake_guest(fake, 10)->runtime, "kvm");
	assert_string_equal(fake_guest(fake, 10)->name, "vmm");
	registry_kvm_made(fake->registry, 99); /* has ended */
	assert_int_equal(registry_count(fake->registry), 1);
}

static void test_namespaces_without_a_new_program(void **state)
{
	struct fake *fake = *state;

	fake_put(fake, &(struct row){.pid = 10,
				     .parent = 1,
				     .executable = "/usr/bin/python3",
				     .pid_ns = OTHER,
				     .mount_ns = OTHER});
	fake_event(fake, PROCESS_FORK, 10, 1);
	grow_older(fake);
	assert_string_equal(fake_guest(fake, 10)->name, "pidns-200");
}

static void test_user_namespace(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/bin/sh",
				       .user_ns = OTHER,
				       .cgroup = "/user.slice/user-1000.slice/user@1000.service"});
	assert_string_equal(fake_guest(fake, 10)->runtime, "contained");
	assert_string_equal(fake_guest(fake, 10)->name, "userns-200");
	assert_true(fake_is_suspect(fake, 10));
	/* PrivateUsers= of a unit: a program of the host. */
	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 1,
				       .executable = "/usr/sbin/named",
				       .user_ns = OTHER + 1,
				       .mount_ns = OTHER + 1,
				       .cgroup = "/system.slice/named.service"});
	assert_null(fake_guest(fake, 11));
}

/* A browser's zygote and renderers are the browser; whoever takes its name is not. */
static void test_own_sandboxes(void **state)
{
	static const char chrome[] = "/opt/google/chrome/chrome";
	struct fake *fake = *state;

	fake_start(fake, &(struct row){.pid = 10, .parent = 1, .executable = chrome});
	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 10,
				       .executable = chrome,
				       .pid_ns = OTHER,
				       .user_ns = OTHER});
	fake_start(fake, &(struct row){.pid = 12,
				       .parent = 11,
				       .executable = chrome,
				       .pid_ns = OTHER + 1,
				       .user_ns = OTHER + 1});
	assert_null(members_find(fake->registry, 10));
	assert_null(members_find(fake->registry, 11));
	assert_null(members_find(fake->registry, 12));

	/* The same name in a container, behind a shell, and as another file. */
	fake_start(fake, &(struct row){.pid = 20,
				       .parent = 10,
				       .executable = chrome,
				       .pid_ns = OTHER + 2,
				       .mount_ns = OTHER + 2});
	fake_put(fake, &(struct row){.pid = 30, .parent = 1, .executable = "/usr/bin/unshare"});
	fake_start(
		fake,
		&(struct row){.pid = 31, .parent = 30, .executable = chrome, .pid_ns = OTHER + 3});
	fake_start(fake, &(struct row){.pid = 41,
				       .parent = 10,
				       .executable = "/tmp/chrome",
				       .pid_ns = OTHER + 4});
	assert_non_null(fake_guest(fake, 20));
	assert_non_null(fake_guest(fake, 31));
	assert_non_null(fake_guest(fake, 41));
	/* What is no browser has no sandbox of its own. */
	fake_put(fake, &(struct row){.pid = 50, .parent = 1, .executable = "/usr/bin/python3"});
	fake_start(fake, &(struct row){.pid = 51,
				       .parent = 50,
				       .executable = "/usr/bin/python3",
				       .pid_ns = OTHER + 5});
	assert_non_null(fake_guest(fake, 51));
	/* Where nothing can be reached from there is nothing to guard. */
	fake_start(fake, &(struct row){.pid = 60,
				       .parent = 50,
				       .executable = "/opt/slack/slack",
				       .pid_ns = OTHER + 6,
				       .net_ns = OTHER + 6});
	assert_null(fake_guest(fake, 60));
}

static void test_trusted_sandboxes_put_nobody_under_suspicion(void **state)
{
	struct fake *fake = *state;

	registry_trust_sandboxes(fake->registry, true);
	fake_put(fake, &(struct row){.pid = 10, .parent = 1, .executable = "/usr/bin/bwrap"});
	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 10,
				       .executable = "/app/bin/steam",
				       .pid_ns = OTHER,
				       .mount_ns = OTHER});
	assert_int_equal(fake_guest(fake, 11)->kind, KIND_SANDBOX);
	assert_true(fake_is_suspect(fake, 11)); /* a deny by name still holds */
	assert_int_equal(fake->registry->loose_suspects, 0);
	registry_trust_sandboxes(fake->registry, false);
	assert_int_equal(fake->registry->loose_suspects, 1);
}

/* More than there is room for: nothing is lost but the answer "host". */
static void test_more_than_there_is_room_for(void **state)
{
	struct fake *fake = *state;

	for (pid_t pid = 1000; pid < 1000 + FINDINGS_MAX + 1; pid++)
		fake_start(fake, &(struct row){.pid = pid,
					       .parent = 1,
					       .executable = "/opt/vmm",
					       .cgroup = "/vmms",
					       .links = {"anon_inode:kvm-vm"}});
	grow_older(fake);
	assert_int_equal(fake->registry->findings_high, FINDINGS_MAX);
	assert_true(fake->registry->members_lost > 0);
	assert_true(cgroup_is_lost(fake->registry, hash_text("/vmms")));
	assert_true(registry_shares_lo(fake->registry));
}

/* So many young processes that the queue is full: all are looked at in turn. */
static void test_a_flood_of_young_processes(void **state)
{
	struct fake *fake = *state;

	for (pid_t pid = 10000; pid < 10000 + YOUNG_MAX; pid++)
		fake_event(fake, PROCESS_EXEC, pid, 0);
	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/opt/vmm",
				       .links = {"anon_inode:kvm-vm"}});
	assert_true(fake->registry->sweep_due);
	grow_older(fake);
	assert_non_null(fake_guest(fake, 10));
	assert_false(fake->registry->sweep_due);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_set_up, fake_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_vm_of_kvm),
		TEST(test_a_name_is_no_excuse),
		TEST(test_drivers_of_vmms),
		TEST(test_a_library),
		TEST(test_kvm_says_so_itself),
		TEST(test_namespaces_without_a_new_program),
		TEST(test_user_namespace),
		TEST(test_own_sandboxes),
		TEST(test_trusted_sandboxes_put_nobody_under_suspicion),
		TEST(test_more_than_there_is_room_for),
		TEST(test_a_flood_of_young_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
