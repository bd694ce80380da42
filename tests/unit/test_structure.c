/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processes that no list names, known by what they hold or where they live. */
#include "fake_proc.h"

#include "util/array.h"
#include "util/clock.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Links that were read. */

static size_t links_read;

ssize_t __real_readlinkat(int folder, const char *path, char *target, size_t size);
ssize_t __wrap_readlinkat(int folder, const char *path, char *target, size_t size);

ssize_t __wrap_readlinkat(int folder, const char *path, char *target, size_t size)
{
	links_read++;
	return __real_readlinkat(folder, path, target, size);
}

/* As if the time of the young process's next look had come. */
static void grow_older(const struct fake *fake)
{
	struct registry *registry = fake->registry;
	uint64_t next;

	for (int stage = 0; stage < YOUNG_STAGES; stage++) {
		struct young_queue *queue = &registry->young[stage];

		for (uint32_t i = 0; i < queue->count; i++)
			queue->entries[(queue->first + i) % YOUNG_MAX].due_us = 1;
	}
	registry->sweep_next_us = UINT64_MAX;
	do
		next = structure_work(registry);
	while (next && next <= clock_monotonic_us());
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
	/* PrivateUsers= or PrivatePIDs= of a unit: a program of the host, and so are its children. */
	fake_put(fake, &(struct row){.pid = 1, .executable = "/usr/lib/systemd/systemd"});
	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 1,
				       .executable = "/usr/sbin/named",
				       .user_ns = OTHER + 1,
				       .mount_ns = OTHER + 1,
				       .cgroup = "/system.slice/named.service"});
	fake_start(fake, &(struct row){.pid = 12,
				       .parent = 11,
				       .executable = "/home/me/helper",
				       .pid_ns = OTHER + 2,
				       .user_ns = OTHER + 1,
				       .mount_ns = OTHER + 1,
				       .cgroup = "/system.slice/named.service"});
	assert_null(fake_guest(fake, 11));
	assert_null(fake_guest(fake, 12));
}

/* A container without a pid namespace of its own, in the unit of what started it, say a runner. */
static void test_in_a_services_cgroup(void **state)
{
	static const char unit[] = "/system.slice/ci-runner.service";
	struct fake *fake = *state;

	fake_put(fake, &(struct row){.pid = 1, .executable = "/usr/lib/systemd/systemd"});
	fake_put(
		fake,
		&(struct row){.pid = 10, .parent = 1, .executable = "/opt/runner", .cgroup = unit});
	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 10,
				       .executable = "/payload/evil",
				       .user_ns = OTHER,
				       .mount_ns = OTHER,
				       .cgroup = unit});
	assert_string_equal(fake_guest(fake, 11)->name, "userns-200");
	/* Its parents end, and systemd is the next one. */
	fake_put(fake, &(struct row){.pid = 11,
				     .parent = 1,
				     .executable = "/payload/other",
				     .user_ns = OTHER,
				     .mount_ns = OTHER,
				     .cgroup = unit});
	fake_event(fake, PROCESS_EXEC, 11, 0);
	assert_string_equal(fake_guest(fake, 11)->name, "userns-200");
	/* A manager of its own. */
	fake_put(fake, &(struct row){.pid = 20, .parent = 1, .executable = "/payload/systemd"});
	fake_start(fake, &(struct row){.pid = 21,
				       .parent = 20,
				       .executable = "/payload/evil",
				       .user_ns = OTHER + 1,
				       .cgroup = "/x/y.service"});
	assert_string_equal(fake_guest(fake, 21)->name, "userns-201");
}

/* What a contained program is called makes nothing of it that is trusted, or somebody else's. */
static void test_names_of_contained_programs(void **state)
{
	static const char *const names[] = {
		"/payload/code",     "/payload/crun",  "/payload/conmon", "/payload/bwrap",
		"/payload/qemu-kvm", "/payload/pasta", "/payload/podman", "/payload/slirp4netns",
	};
	struct fake *fake = *state;

	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		struct row row = {.pid = 100 + (pid_t)i,
				  .parent = 1,
				  .executable = names[i],
				  ARGUMENTS("x\0-name\0devbox\0-c\0" HEX64 "\0-n\0web"),
				  .user_ns = OTHER + i,
				  .mount_ns = OTHER + i};
		const struct member *member;

		fake_start(fake, &row);
		member = members_find(fake->registry, row.pid);
		assert_non_null(member);
		assert_null(member->program);
		assert_false(member->supervisor);
		assert_string_equal(fake_guest(fake, row.pid)->runtime, "contained");
		/* Nor in a pid namespace of its own. */
		row.pid += 100;
		row.pid_ns = OTHER + 100 + i;
		fake_start(fake, &row);
		member = members_find(fake->registry, row.pid);
		assert_null(member->program);
		assert_string_equal(fake_guest(fake, row.pid)->runtime, "contained");
	}
	/* Nor by a child that was left behind, and became the host's own program. */
	fake_event(fake, PROCESS_FORK, 300, 100);
	fake_put(fake, &(struct row){.pid = 300,
				     .parent = 1,
				     .executable = "/usr/bin/podman",
				     .user_ns = OTHER + 50,
				     .mount_ns = OTHER + 50});
	fake_event(fake, PROCESS_EXEC, 300, 0);
	assert_ptr_equal(fake_guest(fake, 300), fake_guest(fake, 100));
	/* But rootless podman is the host's. */
	fake_start(fake, &(struct row){.pid = 301,
				       .parent = 1,
				       .executable = "/usr/bin/podman",
				       .user_ns = OTHER + 60,
				       .mount_ns = OTHER + 60});
	assert_true(members_find(fake->registry, 301)->supervisor);
	fake_start(fake, &(struct row){.pid = 302, /* rootless */
				       .parent = 1,
				       .executable = "/usr/bin/dockerd",
				       .user_ns = OTHER + 61,
				       .mount_ns = OTHER + 61});
	assert_null(fake_guest(fake, 302));
}

/* pasta makes namespaces for itself; a tap that is elsewhere proves a conduit, whatever its file. */
static void test_conduits_in_namespaces_of_their_own(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/usr/bin/passt.avx2",
				       .pid_ns = OTHER,
				       .user_ns = OTHER,
				       .mount_ns = OTHER});
	assert_non_null(members_find(fake->registry, 10)->program);
	assert_null(fake_guest(fake, 10)); /* whom it serves, its tap tells */
}

static void test_a_sandbox_stays_one(void **state)
{
	struct fake *fake = *state;
	struct row row = {.pid = 11,
			  .parent = 10,
			  .executable = "/app/bin/game",
			  .user_ns = OTHER,
			  .mount_ns = OTHER};

	fake_put(fake, &(struct row){.pid = 10, .parent = 1, .executable = "/usr/bin/bwrap"});
	fake_start(fake, &row);
	assert_int_equal(fake_guest(fake, 11)->kind, KIND_SANDBOX);
	/* Its maker ends, it unshares its mounts, and everything is read anew. */
	row.parent = 1;
	row.mount_ns = OTHER + 1;
	fake_put(fake, &row);
	registry_rescan(fake->registry);
	assert_int_equal(fake_guest(fake, 11)->kind, KIND_SANDBOX);
	/* A program of that name inside a container makes no sandbox. */
	fake_start(fake, &(struct row){.pid = 20,
				       .parent = 1,
				       .executable = "/usr/bin/bwrap",
				       .pid_ns = OTHER + 5,
				       .user_ns = OTHER + 5,
				       .mount_ns = OTHER + 5});
	members_remove(fake->registry, 20);
	fake_start(fake, &(struct row){.pid = 21,
				       .parent = 20,
				       .executable = "/bin/sh",
				       .pid_ns = OTHER + 6,
				       .user_ns = OTHER + 6,
				       .mount_ns = OTHER + 6});
	assert_int_equal(fake_guest(fake, 21)->kind, KIND_CONTAINER);
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

	for (uint32_t i = 0; i < FINDINGS_MAX; i++)
		fake->registry->findings[i] = (struct finding){.pid = 100000 + (pid_t)i};
	fake->registry->findings_high = FINDINGS_MAX;
	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/opt/vmm",
				       .links = {"anon_inode:kvm-vm"}});
	grow_older(fake);
	assert_true(fake->registry->findings_lost > 0);
	assert_true(registry_shares_lo(fake->registry));
	/* Those that are not there are forgotten, and it is found after all. */
	registry_rescan(fake->registry);
	assert_int_equal(fake->registry->findings_lost, 0);
	grow_older(fake);
	assert_non_null(fake_guest(fake, 10));
}

/* A process that made a VM and ended at once leaves nothing to the next one of its number. */
static void test_findings_go_with_their_process(void **state)
{
	struct fake *fake = *state;
	struct row row = {
		.pid = 10, .parent = 1, .executable = "/opt/vmm", .links = {"anon_inode:kvm-vm"}};

	fake_start(fake, &row);
	grow_older(fake);
	members_remove(fake->registry, 10); /* as if it had never become a member */
	fake_event(fake, PROCESS_EXIT, 10, 0);
	assert_int_equal(fake->registry->findings_high, 0);
	fake_start(fake, &row);
	grow_older(fake);
	members_remove(fake->registry, 10);
	fake_event(fake, PROCESS_FORK, 10, 1);
	assert_int_equal(fake->registry->findings_high, 0);
}

/* A look at what is known changes nothing: not even when its sockets are searched for. */
static void test_a_second_look_changes_nothing(void **state)
{
	struct fake *fake = *state;
	uint64_t started;

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/opt/vmm",
				       .links = {"anon_inode:kvm-vm"}});
	grow_older(fake);
	started = fake->registry->local_start_us;
	grow_older(fake);
	structure_examine(fake->registry, 10);
	assert_true(fake->registry->local_start_us == started);
	assert_int_equal(fake->registry->local_exit_us, 0);
}

/* Another catalogue: those whom it knows as well are the same guests still. */
static void test_guests_outlive_the_catalogue(void **state)
{
	struct fake *fake = *state;
	struct catalogue *other = NULL;
	uint32_t id;

	fake_start(fake,
		   &(struct row){.pid = 10,
				 .parent = 1,
				 .executable = "/opt/job",
				 .maps = "7f00-7f01 r-xp 0 fe:00 2  /usr/lib/libslirp.so.0\n"});
	grow_older(fake);
	id = fake_guest(fake, 10)->id;
	assert_int_equal(catalogue_load(&other, "conf/guests.conf", fake->path, NULL), 0);
	registry_set_catalogue(fake->registry, other);
	assert_non_null(fake_guest(fake, 10));
	assert_int_equal(fake_guest(fake, 10)->id, id);
	registry_set_catalogue(fake->registry, fake->catalogue);
	catalogue_free(other);
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

/* Packets wait for the look at a process, whoever's it is: not as long as it likes. */
static void test_a_process_with_many_descriptors(void **state)
{
	struct fake *fake = *state;
	char path[128];

	fake_start(fake, &(struct row){.pid = 10, .parent = 1, .executable = "/bin/many"});
	for (int i = 3; i < 6003; i++) {
		snprintf(path, sizeof(path), "%s/10/fd/%d", fake->path, i);
		assert_int_equal(symlink("socket:[1]", path), 0);
	}
	links_read = 0;
	structure_examine(fake->registry, 10);
	assert_in_range(links_read, 4096, 4096 + 64); /* and those that tell who it is */
	assert_null(fake_guest(fake, 10));
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
		TEST(test_in_a_services_cgroup),
		TEST(test_names_of_contained_programs),
		TEST(test_conduits_in_namespaces_of_their_own),
		TEST(test_a_sandbox_stays_one),
		TEST(test_own_sandboxes),
		TEST(test_trusted_sandboxes_put_nobody_under_suspicion),
		TEST(test_more_than_there_is_room_for),
		TEST(test_findings_go_with_their_process),
		TEST(test_a_second_look_changes_nothing),
		TEST(test_guests_outlive_the_catalogue),
		TEST(test_a_flood_of_young_processes),
		TEST(test_a_process_with_many_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
