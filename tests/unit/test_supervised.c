// SPDX-License-Identifier: GPL-2.0-or-later
/* Containers of one name: each by its cgroup, and with the supervisor that is its own. */
#include "fake_proc.h"

#include <stdio.h>
#include <string.h>

#define APPS "/user.slice/user-1000.slice/user@1000.service/app.slice"

/* Root's container and a user's, both called "web", each with its supervisor. */
static const struct row root_start = {.pid = 10,
				      .parent = 1,
				      .executable = "/usr/bin/lxc-start",
				      ARGUMENTS("lxc-start\0-n\0web")};
static const struct row root_init = {.pid = 11,
				     .parent = 10,
				     .executable = "/sbin/init",
				     .cgroup = "/lxc.payload.web",
				     .pid_ns = OTHER,
				     .net_ns = OTHER};
static const struct row user_start = {.pid = 20,
				      .parent = 1,
				      .executable = "/usr/bin/lxc-start",
				      ARGUMENTS("lxc-start\0-n\0web")};
static const struct row user_init = {.pid = 21,
				     .parent = 20,
				     .executable = "/sbin/init",
				     .cgroup = APPS "/lxc.payload.web",
				     .pid_ns = OTHER + 1,
				     .user_ns = OTHER + 1};

static void assert_told_apart(const struct fake *fake, size_t count)
{
	assert_ptr_equal(fake_guest(fake, 10), fake_guest(fake, 11));
	assert_ptr_equal(fake_guest(fake, 20), fake_guest(fake, 21));
	assert_ptr_not_equal(fake_guest(fake, 11), fake_guest(fake, 21));
	assert_string_not_equal(fake_guest(fake, 11)->key, fake_guest(fake, 21)->key);
	assert_string_equal(fake_guest(fake, 11)->name, "web");
	assert_string_equal(fake_guest(fake, 21)->name, "web");
	assert_int_equal(fake_guest(fake, 21)->netns, 0);
	assert_int_equal(registry_count(fake->registry), count);
}

static void without_supervisors_there_are_two(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &root_init);
	fake_start(fake, &user_init);
	assert_ptr_not_equal(fake_guest(fake, 11), fake_guest(fake, 21));
	assert_int_equal(registry_count(fake->registry), 2);
	fake_start(fake, &root_init);
	assert_int_equal(registry_count(fake->registry), 2);
}

static void one_after_the_other(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &root_start);
	fake_start(fake, &root_init);
	fake_start(fake, &user_start);
	assert_ptr_not_equal(fake_guest(fake, 20), fake_guest(fake, 11));
	fake_start(fake, &user_init);
	assert_told_apart(fake, 2);
}

/* Until their cgroups are there nothing tells them apart. */
static void both_start_at_once(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &root_start);
	fake_start(fake, &user_start);
	fake_start(fake, &user_init);
	fake_start(fake, &root_init);
	members_work(fake->registry);
	assert_told_apart(fake, 2);
	fake_event(fake, PROCESS_EXIT, 21, 0);
	assert_int_equal(registry_count(fake->registry), 2);
	fake_event(fake, PROCESS_EXIT, 20, 0);
	assert_int_equal(registry_count(fake->registry), 1);
}

/* As the scan finds them when the numbers of processes have begun anew. */
static void the_container_is_seen_first(void **state)
{
	struct fake *fake = *state;

	fake_put(fake, &root_start);
	fake_put(fake, &user_start);
	fake_start(fake, &user_init);
	fake_start(fake, &root_init);
	fake_start(fake, &root_start);
	fake_start(fake, &user_start);
	assert_told_apart(fake, 2);
}

/* An exception that ends with its guest is kept by the key. */
static void the_key_outlives_the_daemon(void **state)
{
	struct fake *fake = *state;
	char root[GUEST_KEY_SIZE], user[GUEST_KEY_SIZE];
	uint32_t id;

	fake_start(fake, &root_start);
	fake_start(fake, &root_init);
	fake_start(fake, &user_start);
	fake_start(fake, &user_init);
	strcpy(root, fake_guest(fake, 11)->key);
	strcpy(user, fake_guest(fake, 21)->key);
	id = fake_guest(fake, 21)->id;
	registry_rescan(fake->registry);
	members_work(fake->registry);
	assert_told_apart(fake, 2);
	assert_int_equal(fake_guest(fake, 21)->id, id);

	memset(fake->registry->guests, 0, sizeof(fake->registry->guests));
	memset(fake->registry->guest_keys, 0, sizeof(fake->registry->guest_keys));
	memset(fake->registry->guest_ids, 0, sizeof(fake->registry->guest_ids));
	fake->registry->guests_high = 0;
	registry_rescan(fake->registry);
	members_work(fake->registry);
	assert_told_apart(fake, 2);
	assert_string_equal(fake_guest(fake, 11)->key, root);
	assert_string_equal(fake_guest(fake, 21)->key, user);
}

/* lxc-start goes into the background, and forks again for each of its hooks. */
static void what_a_supervisor_forks_is_no_other(void **state)
{
	struct fake *fake = *state;
	struct row copy = root_start;

	fake_start(fake, &root_start);
	copy.pid = 9;
	copy.parent = 10;
	fake_put(fake, &copy);
	fake_event(fake, PROCESS_FORK, 9, 10);
	fake_start(fake, &root_init);
	copy.pid = 12;
	fake_put(fake, &copy);
	fake_event(fake, PROCESS_FORK, 12, 10);
	for (pid_t pid = 9; pid <= 12; pid++)
		assert_ptr_equal(fake_guest(fake, pid), fake_guest(fake, 11));
	registry_rescan(fake->registry);
	for (pid_t pid = 9; pid <= 12; pid++)
		assert_ptr_equal(fake_guest(fake, pid), fake_guest(fake, 11));
	assert_int_equal(registry_count(fake->registry), 1);
}

/* The scope is made when the container runs already; its name is escaped. */
static void a_machine_started_by_hand(void **state)
{
	struct fake *fake = *state;
	struct row init = {.pid = 11,
			   .parent = 10,
			   .executable = "/sbin/init",
			   .pid_ns = OTHER,
			   .mount_ns = OTHER};
	uint32_t id;

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/usr/bin/systemd-nspawn",
				       ARGUMENTS("systemd-nspawn\0-M\0attic-2")});
	fake_start(fake, &init);
	id = fake_guest(fake, 11)->id;
	assert_int_equal(fake_guest(fake, 10)->id, id);
	init.cgroup = "/machine.slice/machine-attic\\x2d2.scope/payload";
	fake_start(fake, &init);
	assert_int_equal(fake_guest(fake, 11)->id, id);
	assert_ptr_equal(fake_guest(fake, 10), fake_guest(fake, 11));

	/* A user's manager has a machine.slice, too. */
	init = (struct row){.pid = 21,
			    .parent = 1,
			    .executable = "/sbin/init",
			    .cgroup = "/user.slice/user-1000.slice/user@1000.service/machine.slice/"
				      "machine-attic\\x2d2.scope",
			    .pid_ns = OTHER + 1};
	fake_start(fake, &init);
	assert_int_not_equal(fake_guest(fake, 21)->id, id);
	assert_string_equal(fake_guest(fake, 21)->name, "attic-2");
}

/* libvirt's cgroups only resemble the names; an id is the container's own wherever it stands. */
static void others_by_their_cgroup(void **state)
{
	struct fake *fake = *state;

	fake_start(fake,
		   &(struct row){.pid = 10,
				 .parent = 1,
				 .executable = "/usr/bin/qemu-system-x86_64",
				 ARGUMENTS("qemu\0-name\0guest=web"),
				 .cgroup = "/machine.slice/machine-qemu\\x2d1\\x2dweb.scope"});
	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 1,
				       .executable = "/usr/bin/qemu-system-x86_64",
				       ARGUMENTS("qemu\0-name\0guest=web"),
				       .cgroup = "/user.slice/machine.slice/"
						 "machine-qemu\\x2d1\\x2dweb.scope"});
	assert_ptr_not_equal(fake_guest(fake, 10), fake_guest(fake, 11));
	fake_start(fake, &(struct row){.pid = 12,
				       .parent = 1,
				       .executable = "/bin/sh",
				       .cgroup = "/machine.slice/libpod-" HEX64 ".scope"});
	fake_start(fake, &(struct row){.pid = 13,
				       .parent = 1,
				       .executable = "/bin/sh",
				       .cgroup = APPS "/libpod-" HEX64 ".scope/container"});
	assert_ptr_equal(fake_guest(fake, 12), fake_guest(fake, 13));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(without_supervisors_there_are_two, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(one_after_the_other, fake_set_up, fake_tear_down),
		cmocka_unit_test_setup_teardown(both_start_at_once, fake_set_up, fake_tear_down),
		cmocka_unit_test_setup_teardown(the_container_is_seen_first, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(the_key_outlives_the_daemon, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(what_a_supervisor_forks_is_no_other, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(a_machine_started_by_hand, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(others_by_their_cgroup, fake_set_up,
						fake_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
