// SPDX-License-Identifier: GPL-2.0-or-later
/* Processes in namespaces of their own that no cgroup tells of: the host's, or whose. */
#include "fake_proc.h"

#define USER_UNIT "/user.slice/user-1000.slice/user@1000.service/app.slice/box.service"

static const struct row manager = {
	.pid = 20, .parent = 1, .executable = "/usr/lib/systemd/systemd"};

/* What systemd has put into namespaces is the host's: PrivateUsers=, PrivatePIDs= and PrivateTmp=. */
static void a_service_is_the_hosts(void **state)
{
	struct fake *fake = *state;

	fake_put(fake, &manager);
	fake_start(fake, &(struct row){.pid = 21,
				       .parent = 20,
				       .executable = "/usr/sbin/nginx",
				       .pid_ns = OTHER,
				       .user_ns = OTHER,
				       .mount_ns = OTHER,
				       .cgroup = "/system.slice/nginx.service"});
	assert_null(members_find(fake->registry, 21));
	registry_rescan(fake->registry);
	assert_null(members_find(fake->registry, 21));
}

/* "crun run -d" in a unit of Type=forking: what started the container has ended. */
static void a_container_in_a_unit_is_none(void **state)
{
	struct fake *fake = *state;

	fake_put(fake, &manager);
	fake_put(fake, &(struct row){.pid = 21,
				     .parent = 20,
				     .executable = "/bin/agent",
				     .pid_ns = OTHER,
				     .user_ns = OTHER,
				     .mount_ns = OTHER,
				     .cgroup = USER_UNIT});
	registry_rescan(fake->registry);
	assert_non_null(fake_guest(fake, 21));
	assert_string_equal(fake_guest(fake, 21)->name, "pidns-200");
	assert_true(fake_is_suspect(fake, 21));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_service_is_the_hosts, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(a_container_in_a_unit_is_none, fake_set_up,
						fake_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
