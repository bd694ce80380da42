/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registry's view of processes, read from a /proc of our own making. */
#include "fake_proc.h"

#include <stdio.h>
#include <unistd.h>

static void test_host_processes_are_nobody(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &(struct row){.pid = 10, .parent = 1, .executable = "/usr/bin/curl"});
	fake_start(fake, &(struct row){.pid = 11,
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

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/usr/bin/qemu-system-x86_64",
				       ARGUMENTS("qemu\0-name\0devbox")});
	guest = fake_guest(fake, 10);
	assert_non_null(guest);
	assert_string_equal(guest->name, "devbox");
	assert_int_equal(guest->kind, KIND_VM);
	assert_true(fake_is_suspect(fake, 10));
	fake_event(fake, PROCESS_EXIT, 10, 0);
	assert_int_equal(registry_count(fake->registry), 0);
	assert_int_equal(fake->registry->suspects_high, 0);
	assert_int_equal(fake->registry->local_members, 0);
}

static void test_vm_inside_a_container_is_the_container(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/usr/bin/qemu-system-x86_64",
				       ARGUMENTS("qemu\0-name\0trusted"),
				       .cgroup = "/lxc.payload.box",
				       .pid_ns = OTHER});
	assert_string_equal(fake_guest(fake, 10)->name, "box");
	assert_string_equal(fake_guest(fake, 10)->runtime, "lxc");
}

/* Nobody asked how it ended: it is there at the guard's start, and may be for ever. */
static void test_the_dead_are_no_guests(void **state)
{
	struct fake *fake = *state;
	struct row row = {.pid = 10, .parent = 1, .executable = "/bin/sh", .pid_ns = OTHER};

	row.is_dead = true;
	fake_put(fake, &row);
	registry_rescan(fake->registry);
	assert_int_equal(registry_count(fake->registry), 0);
	row.is_dead = false;
	fake_put(fake, &row);
	registry_rescan(fake->registry);
	assert_int_equal(registry_count(fake->registry), 1);
	row.is_dead = true;
	fake_put(fake, &row);
	members_look_at(fake->registry, row.pid);
	assert_int_equal(registry_count(fake->registry), 0);
	assert_null(members_find(fake->registry, row.pid));
}

static void test_podman_by_cgroup(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/usr/bin/conmon",
				       ARGUMENTS("conmon\0-c\0" HEX64 "\0-n\0web")});
	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 10,
				       .executable = "/bin/sh",
				       .cgroup = "/machine.slice/libpod-" HEX64 ".scope/container",
				       .pid_ns = OTHER});
	assert_ptr_equal(fake_guest(fake, 10), fake_guest(fake, 11));
	assert_string_equal(fake_guest(fake, 11)->name, "web");
	assert_true(
		fake_is_suspect(fake, 11)); /* there is no cgroup2 here to tell its sockets by */
	assert_false(fake_is_suspect(fake, 10)); /* conmon is the host's */
	fake_event(fake, PROCESS_EXIT, 11, 0);
	assert_int_equal(registry_count(fake->registry), 1);
	fake_event(fake, PROCESS_EXIT, 10, 0);
	assert_int_equal(registry_count(fake->registry), 0);
}

/* What -c and -n mean to conmon they do not mean to those that start it. */
static void test_what_starts_containers_is_none(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/usr/bin/podman",
				       ARGUMENTS("podman\0run\0-c\0"
						 "512\0alpine")});
	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 1,
				       .executable = "/usr/bin/podman",
				       ARGUMENTS("podman\0ps\0-n\0"
						 "5")});
	assert_true(members_find(fake->registry, 10)->supervisor);
	assert_int_equal(registry_count(fake->registry), 0);
}

static void test_podman_without_cgroups(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/usr/bin/conmon",
				       ARGUMENTS("conmon\0-c\0" HEX64 "\0-n\0web")});
	fake_put(fake, &(struct row){.pid = 11, .parent = 10, .executable = "/usr/bin/crun"});
	fake_start(
		fake,
		&(struct row){.pid = 12, .parent = 11, .executable = "/bin/sh", .pid_ns = OTHER});
	assert_string_equal(fake_guest(fake, 12)->name, "web");
	assert_true(fake_is_suspect(fake, 12));

	/* Its children are the same guest from the moment of the fork. */
	fake_event(fake, PROCESS_FORK, 13, 12);
	assert_ptr_equal(fake_guest(fake, 13), fake_guest(fake, 12));
	assert_true(fake_is_suspect(fake, 13));

	/* A container that shares the host's pid namespace still has a supervisor. */
	fake_start(
		fake,
		&(struct row){.pid = 14, .parent = 10, .executable = "/bin/sh", .mount_ns = OTHER});
	assert_string_equal(fake_guest(fake, 14)->name, "web");
}

/* Rootless podman has namespaces of its own, and conmon forks before it starts anything. */
static void test_supervisor_that_forks(void **state)
{
	struct fake *fake = *state;
	struct row conmon = {.pid = 10,
			     .parent = 1,
			     .executable = "/usr/bin/conmon",
			     ARGUMENTS("conmon\0-c\0" HEX64 "\0-n\0web"),
			     .user_ns = OTHER,
			     .mount_ns = OTHER};
	char path[128];

	fake_start(fake, &conmon);
	conmon.pid = 11;
	conmon.parent = 10;
	fake_put(fake, &conmon);
	fake_event(fake, PROCESS_FORK, 11, 10);
	assert_true(members_find(fake->registry, 11)->supervisor);
	assert_false(fake_is_suspect(fake, 11));
	assert_int_equal(fake_guest(fake, 11)->leader, 0);

	/* The first one has ended, and is still named as the parent of its child. */
	snprintf(path, sizeof(path), "%s/10/stat", fake->path);
	assert_int_equal(unlink(path), 0);
	conmon.pid = 13;
	fake_put(fake, &conmon);
	fake_event(fake, PROCESS_FORK, 13, 10);
	assert_true(members_find(fake->registry, 13)->supervisor);
	assert_int_equal(fake_guest(fake, 13)->leader, 0);

	/* A contained process that calls itself so, and names the supervisor as its parent. */
	conmon.pid = 12;
	conmon.mount_ns = OTHER + 1;
	fake_put(fake, &conmon);
	fake_event(fake, PROCESS_FORK, 12, 10);
	assert_false(members_find(fake->registry, 12)->supervisor);
	assert_true(fake_is_suspect(fake, 12));
	assert_string_equal(fake_guest(fake, 12)->name, "web");
}

static void test_unknown_pid_namespace(void **state)
{
	struct fake *fake = *state;

	fake_start(fake,
		   &(struct row){.pid = 10, .parent = 1, .executable = "/bin/sh", .pid_ns = OTHER});
	assert_string_equal(fake_guest(fake, 10)->runtime, "contained");
	assert_string_equal(fake_guest(fake, 10)->name, "pidns-200");
	assert_true(fake_is_suspect(fake, 10));
}

static void test_sandbox(void **state)
{
	struct fake *fake = *state;

	fake_put(fake, &(struct row){.pid = 10, .parent = 1, .executable = "/usr/bin/bwrap"});
	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 10,
				       .executable = "/app/bin/steam",
				       .pid_ns = OTHER});
	assert_int_equal(fake_guest(fake, 11)->kind, KIND_SANDBOX);
	assert_string_equal(fake_guest(fake, 11)->name, "steam");
}

/* bwrap has a process of its own inside, which is seen first when all are read at once. */
static void test_sandbox_is_called_after_its_program(void **state)
{
	struct fake *fake = *state;

	fake_put(fake, &(struct row){.pid = 10, .parent = 1, .executable = "/usr/bin/bwrap"});
	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 10,
				       .executable = "/usr/bin/bwrap",
				       .pid_ns = OTHER});
	fake_start(fake, &(struct row){.pid = 12,
				       .parent = 11,
				       .executable = "/app/bin/steam",
				       .pid_ns = OTHER});
	assert_ptr_equal(fake_guest(fake, 12), fake_guest(fake, 11));
	assert_string_equal(fake_guest(fake, 11)->name, "steam");
	fake_start(fake, &(struct row){.pid = 13,
				       .parent = 12,
				       .executable = "/app/bin/game",
				       .pid_ns = OTHER});
	assert_string_equal(fake_guest(fake, 13)->name, "steam");
}

#define APPS "/user.slice/user-1000.slice/user@1000.service/app.slice"

/* The desktop's cgroup tells which application it is; what the application starts stays what it is. */
static void test_sandboxes_by_their_cgroup(void **state)
{
	struct fake *fake = *state;

	fake_put(fake, &(struct row){.pid = 10, .parent = 1, .executable = "/usr/bin/bwrap"});
	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 10,
				       .executable = "/app/bin/maps",
				       .cgroup = APPS "/app-flatpak-org.gnome.Maps-77.scope",
				       .pid_ns = OTHER});
	assert_string_equal(fake_guest(fake, 11)->name, "org.gnome.Maps");
	assert_string_equal(fake_guest(fake, 11)->runtime, "flatpak");
	assert_int_equal(fake_guest(fake, 11)->kind, KIND_SANDBOX);

	/* Snap's launcher becomes the application, which keeps mounts of its own alone. */
	fake_start(fake, &(struct row){.pid = 12,
				       .parent = 1,
				       .executable = "/snap/spotify/1/spotify",
				       .cgroup = APPS "/snap.spotify.spotify-"
						      "5f1dc0de-0123-4567-89ab-cdef01234567.scope",
				       .mount_ns = OTHER});
	assert_string_equal(fake_guest(fake, 12)->name, "spotify.spotify");
	assert_string_equal(fake_guest(fake, 12)->runtime, "snap");
	assert_true(fake_is_suspect(fake, 12));

	/* A process of the host in such a cgroup is the host's, … */
	fake_start(fake, &(struct row){.pid = 13,
				       .parent = 1,
				       .executable = "/usr/bin/curl",
				       .cgroup = APPS "/app-flatpak-org.gnome.Maps-77.scope"});
	assert_null(fake_guest(fake, 13));
	/* … and a VM or a container there is no sandbox. */
	fake_start(fake, &(struct row){.pid = 14,
				       .parent = 1,
				       .executable = "/snap/x/1/qemu-system-x86_64",
				       .cgroup = APPS "/snap.x.x-"
						      "5f1dc0de-0123-4567-89ab-cdef01234567.scope",
				       .mount_ns = OTHER});
	assert_int_equal(fake_guest(fake, 14)->kind, KIND_VM);
	fake_start(fake, &(struct row){.pid = 15,
				       .parent = 1,
				       .executable = "/bin/sh",
				       .cgroup = APPS "/app-flatpak-code-1.scope/libpod-" HEX64,
				       .pid_ns = OTHER});
	assert_string_equal(fake_guest(fake, 15)->runtime, "podman");
	fake_start(fake, &(struct row){.pid = 16,
				       .parent = 1,
				       .executable = "/bin/sh",
				       .cgroup = APPS "/app-flatpak-code-1.scope",
				       .pid_ns = OTHER + 1});
	assert_int_equal(fake_guest(fake, 16)->kind, KIND_CONTAINER);
}

static void test_other_network_namespace_is_no_suspect(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/bin/sh",
				       .cgroup = "/lxc.payload.box",
				       .pid_ns = OTHER,
				       .net_ns = OTHER});
	assert_false(fake_is_suspect(fake, 10));
	assert_int_equal(fake_guest(fake, 10)->netns, OTHER);
	assert_int_equal(fake->registry->local_members, 0);
}

/* Its sockets of the guarded namespace go with it, into other programs and their children, too. */
static void test_who_leaves_the_network_namespace_stays_a_suspect(void **state)
{
	struct fake *fake = *state;
	struct row row = {.pid = 10,
			  .parent = 1,
			  .executable = "/bin/sh",
			  .pid_ns = OTHER,
			  .links = {"/dev/null", "socket:[1]"}};

	fake_start(fake, &row);
	assert_true(fake_is_suspect(fake, 10));
	row.net_ns = OTHER; /* unshare(CLONE_NEWNET) tells nobody; the exec behind it does */
	row.executable = "/bin/other";
	fake_start(fake, &row);
	assert_true(fake_is_suspect(fake, 10));
	assert_true(members_find(fake->registry, 10)->loose);
	assert_true(registry_shares_lo(fake->registry));

	row.pid = 11;
	row.parent = 10;
	fake_put(fake, &row);
	fake_event(fake, PROCESS_FORK, 11, 10);
	row.executable = "/bin/third";
	fake_start(fake, &row);
	assert_true(fake_is_suspect(fake, 11));

	registry_rescan(fake->registry); /* which a guest can bring about */
	assert_true(fake_is_suspect(fake, 10));
	assert_true(fake_is_suspect(fake, 11));

	fake_event(fake, PROCESS_EXIT, 10, 0);
	fake_event(fake, PROCESS_EXIT, 11, 0);
	assert_false(registry_shares_lo(fake->registry));
	row.pid = 12; /* one that never was here */
	row.parent = 1;
	fake_start(fake, &row);
	assert_false(fake_is_suspect(fake, 12));
}

/* crun has the container's pid namespace first, then its network, and then becomes its program. */
static void test_who_starts_a_container_takes_no_socket_along(void **state)
{
	struct fake *fake = *state;
	struct row crun = {.pid = 11,
			   .parent = 10,
			   .executable = "/usr/bin/crun",
			   .user_ns = OTHER,
			   .links = {"socket:[1]"}};
	struct row init = {.pid = 12,
			   .parent = 11,
			   .executable = "/usr/bin/crun",
			   .user_ns = OTHER,
			   .pid_ns = OTHER};

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/usr/bin/conmon",
				       .user_ns = OTHER,
				       ARGUMENTS("conmon\0-c\0" HEX64 "\0-n\0web")});
	fake_start(fake, &crun);
	fake_put(fake, &init);
	fake_event(fake, PROCESS_FORK, 12, 11);
	init.net_ns = OTHER;
	init.executable = "/bin/web";
	fake_start(fake, &init);
	assert_non_null(fake_guest(fake, 12));
	assert_false(fake_is_suspect(fake, 12));
	fake_event(fake, PROCESS_EXIT, 11, 0);
	assert_int_equal(fake->registry->loose_suspects, 0);
	assert_false(registry_shares_lo(fake->registry));
}

static void test_a_guest_survives_the_exec_of_its_only_process(void **state)
{
	struct fake *fake = *state;
	uint32_t id;

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/bin/sh",
				       .cgroup = "/lxc.payload.box",
				       .pid_ns = OTHER});
	id = fake_guest(fake, 10)->id;
	fake_event(fake, PROCESS_EXEC, 10, 0);
	assert_int_equal(fake_guest(fake, 10)->id, id);
}

/* One process after the other, so that COLLIDING in a row have the same place in the hash. */
static pid_t colliding_pid(int number)
{
	enum { COLLIDING = 40 };

	return 1000 + number / COLLIDING + number % COLLIDING * MEMBER_SLOTS;
}

/* Open addressing with removals: what is in must be found, what is out must not. */
static void test_members_of_one_place(void **state)
{
	enum { COUNT = 400 };
	struct fake *fake = *state;

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/bin/sh",
				       .cgroup = "/lxc.payload.box",
				       .pid_ns = OTHER});
	for (int i = 0; i < COUNT; i++)
		fake_event(fake, PROCESS_FORK, colliding_pid(i), 10);
	for (int step = 3; step > 0; step--) { /* every third, every second of the rest, all */
		for (int i = 0; i < COUNT; i += step)
			fake_event(fake, PROCESS_EXIT, colliding_pid(i), 0);
		for (int i = 0; i < COUNT; i++) {
			bool has_gone = i % 3 == 0 || (step < 3 && i % 2 == 0) || step == 1;
			const struct member *member =
				members_find(fake->registry, colliding_pid(i));

			assert_int_equal(member == NULL, has_gone);
			assert_true(!member || member->pid == colliding_pid(i));
		}
	}
	assert_int_equal(fake->registry->member_count, 1);
}

/* More than there is room for. */
static void test_many_members(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/bin/sh",
				       .cgroup = "/lxc.payload.box",
				       .pid_ns = OTHER});
	for (pid_t pid = 1000; pid < 6000; pid++)
		fake_event(fake, PROCESS_FORK, pid, 10);
	for (pid_t pid = 1000; pid < 6000; pid += 3)
		fake_event(fake, PROCESS_EXIT, pid, 0);
	for (pid_t pid = 1000; pid < 6000; pid++)
		assert_int_equal(members_find(fake->registry, pid) != NULL, (pid - 1000) % 3 != 0);
	for (pid_t pid = 6000; pid < 20000; pid++)
		fake_event(fake, PROCESS_FORK, pid, 10);
	assert_true(fake->registry->members_lost > 0);
	assert_true(fake->registry->member_count <= MEMBERS_MAX);
	for (pid_t pid = 10; pid < 20000; pid++)
		fake_event(fake, PROCESS_EXIT, pid, 0);
	assert_int_equal(fake->registry->member_count, 0);
	assert_int_equal(registry_count(fake->registry), 0);
}

/* More containers than the table holds: those beyond are nobody known, and never the host. */
static void test_more_guests_than_fit(void **state)
{
	struct fake *fake = *state;
	const pid_t first = 100, last = first + GUESTS_MAX + 9;
	char cgroup[128];

	for (pid_t pid = first; pid <= last; pid++) {
		snprintf(cgroup, sizeof(cgroup), "/machine.slice/libpod-%064x.scope", pid);
		fake_start(fake, &(struct row){.pid = pid,
					       .parent = 1,
					       .executable = "/bin/sh",
					       .cgroup = cgroup,
					       .pid_ns = OTHER});
	}
	assert_int_equal(registry_count(fake->registry), GUESTS_MAX);
	assert_null(fake_guest(fake, last));
	assert_true(fake_is_suspect(fake, first));
	assert_true(members_find(fake->registry, last)->loose); /* so its sockets are unknown */
	for (pid_t pid = first; pid <= last; pid++)
		fake_event(fake, PROCESS_EXIT, pid, 0);
	assert_int_equal(registry_count(fake->registry), 0);
	assert_int_equal(fake->registry->suspects_count, 0);
	assert_int_equal(fake->registry->local_members, 0);
}

/* The next one is that of the lowest number. */
static void test_a_guest_follows_its_leader(void **state)
{
	struct fake *fake = *state;
	const struct row box = {.pid = 10,
				.parent = 1,
				.executable = "/bin/sh",
				.cgroup = "/lxc.payload.box",
				.pid_ns = OTHER,
				.net_ns = OTHER};
	struct row other = box;

	fake_start(fake, &box);
	other.pid = 11;
	other.net_ns = OTHER + 1;
	fake_start(fake, &other);
	other.pid = 12;
	other.net_ns = OTHER;
	fake_start(fake, &other);
	assert_int_equal(fake_guest(fake, 11)->leader, 10);
	fake_event(fake, PROCESS_EXIT, 10, 0);
	guests_work(fake->registry);
	assert_int_equal(fake_guest(fake, 11)->leader, 11);
	assert_int_equal(fake_guest(fake, 11)->netns, OTHER + 1);
}

/* What a conduit's child left in a queue is not the host's because it ended before it was seen. */
static void test_a_child_that_ends_unseen(void **state)
{
	struct fake *fake = *state;

	fake_start(fake,
		   &(struct row){.pid = 10, .parent = 1, .executable = "/usr/bin/slirp4netns"});
	fake_event(fake, PROCESS_FORK, 11, 10);
	fake->registry->local_exit_us = 0;
	fake_event(fake, PROCESS_EXEC, 11, 0);
	assert_true(fake->registry->local_exit_us > 0);
	assert_null(members_find(fake->registry, 11));
}

/* A guest that only a socket told of is forgotten after a while. */
static void test_an_unclaimed_guest_goes(void **state)
{
	struct fake *fake = *state;
	struct cgroup_match match = {
		.runtime = "lxc", .kind = KIND_CONTAINER, .id = "box", .is_name = true};

	assert_non_null(guests_for_cgroup(fake->registry, &match, NULL));
	assert_true(guests_work(fake->registry) > 0);
	assert_int_equal(registry_count(fake->registry), 1);
	fake->registry->prune_us = 1;
	assert_int_equal(guests_work(fake->registry), 0);
	assert_int_equal(registry_count(fake->registry), 0);
}

static void take_away(const struct fake *fake, pid_t pid, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%d/%s", fake->path, pid, name);
	assert_int_equal(unlink(path), 0);
}

/* Its executable cannot be read any more, nor its network namespace, but it has its sockets still. */
static void test_a_conduits_child_that_ends(void **state)
{
	struct fake *fake = *state;
	const struct row child = {.pid = 11, .parent = 10, .executable = "/srv/x"};

	fake_start(fake,
		   &(struct row){.pid = 10, .parent = 1, .executable = "/usr/bin/slirp4netns"});
	fake_put(fake, &child);
	fake_event(fake, PROCESS_FORK, 11, 10);
	assert_true(fake_is_suspect(fake, 11));
	take_away(fake, 11, "exe");
	fake_event(fake, PROCESS_EXEC, 11, 0);
	assert_true(fake_is_suspect(fake, 11));
	assert_int_equal(members_find(fake->registry, 11)->program->role, PROGRAM_CONDUIT);
	take_away(fake, 11, "ns/net"); /* after its descriptors */
	take_away(fake, 11, "fd/0");
	fake_event(fake, PROCESS_EXEC, 11, 0);
	assert_true(fake_is_suspect(fake, 11));
	assert_int_equal(fake->registry->suspects_count, 2);

	fake_start(fake, &child); /* of this it is known what it has become */
	assert_null(members_find(fake->registry, 11));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_conduits_child_that_ends, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_host_processes_are_nobody, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_vm, fake_set_up, fake_tear_down),
		cmocka_unit_test_setup_teardown(test_vm_inside_a_container_is_the_container,
						fake_set_up, fake_tear_down),
		cmocka_unit_test_setup_teardown(test_the_dead_are_no_guests, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_podman_by_cgroup, fake_set_up, fake_tear_down),
		cmocka_unit_test_setup_teardown(test_what_starts_containers_is_none, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_podman_without_cgroups, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_supervisor_that_forks, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_unknown_pid_namespace, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_sandbox, fake_set_up, fake_tear_down),
		cmocka_unit_test_setup_teardown(test_sandbox_is_called_after_its_program,
						fake_set_up, fake_tear_down),
		cmocka_unit_test_setup_teardown(test_sandboxes_by_their_cgroup, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_other_network_namespace_is_no_suspect,
						fake_set_up, fake_tear_down),
		cmocka_unit_test_setup_teardown(
			test_who_leaves_the_network_namespace_stays_a_suspect, fake_set_up,
			fake_tear_down),
		cmocka_unit_test_setup_teardown(test_who_starts_a_container_takes_no_socket_along,
						fake_set_up, fake_tear_down),
		cmocka_unit_test_setup_teardown(test_a_guest_survives_the_exec_of_its_only_process,
						fake_set_up, fake_tear_down),
		cmocka_unit_test_setup_teardown(test_members_of_one_place, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_many_members, fake_set_up, fake_tear_down),
		cmocka_unit_test_setup_teardown(test_more_guests_than_fit, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_a_guest_follows_its_leader, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_an_unclaimed_guest_goes, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_a_child_that_ends_unseen, fake_set_up,
						fake_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
