// SPDX-License-Identifier: GPL-2.0-or-later
/* Runtimes that share a program or a cgroup's name with others: told by arguments and supervisors. */
#include "tests/unit/fake_proc.h"

static void assert_guest(const struct fake *fake, pid_t pid, enum kind kind, const char *runtime,
			 const char *name)
{
	const struct guest *guest = fake_guest(fake, pid);

	assert_non_null(guest);
	assert_int_equal(guest->kind, kind);
	assert_string_equal(guest->runtime, runtime);
	assert_string_equal(guest->name, name);
}

static void test_vms_by_an_argument(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/usr/bin/qemu-system-x86_64",
				       ARGUMENTS("qemu\0-S\0-name\0smithy\0-D\0"
						 "/var/log/incus/smithy/qemu.log")});
	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 1,
				       .executable = "/snap/lxd/29351/bin/qemu-system-x86_64",
				       .mount_ns = OTHER,
				       ARGUMENTS("qemu\0-S\0-name\0anvil\0-pidfile\0"
						 "/var/snap/lxd/common/lxd/logs/anvil/qemu.pid")});
	fake_start(fake, &(struct row){.pid = 12,
				       .parent = 1,
				       .executable = "/usr/bin/qemu-system-x86_64",
				       ARGUMENTS("qemu\0-name\0/var/log")});
	assert_guest(fake, 10, KIND_VM, "incus", "smithy");
	assert_guest(fake, 11, KIND_VM, "lxd", "anvil");
	assert_guest(fake, 12, KIND_VM, "qemu", "/var/log");
}

/* Arguments are chosen inside: they make nothing of a contained process. */
static void test_a_contained_command(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/usr/bin/incusd",
				       .cgroup = "/lxc.payload.box",
				       .pid_ns = OTHER,
				       ARGUMENTS("incusd\0forkproxy")});
	assert_guest(fake, 10, KIND_CONTAINER, "lxc", "box");
}

static void test_forkproxy(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/opt/incus/bin/incusd",
				       ARGUMENTS("incusd\0--group\0incus-admin")});
	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 10,
				       .executable = "/opt/incus/bin/incusd",
				       ARGUMENTS("incusd\0forkproxy\0--\0004711")});
	assert_false(fake_is_suspect(fake, 10));
	assert_true(fake_is_suspect(fake, 11));
	assert_string_equal(members_find(fake->registry, 11)->program->runtime, "incus");
	assert_int_equal(members_find(fake->registry, 11)->program->role, PROGRAM_CONDUIT);
}

/* What it starts anew, outside and inside, is of the container that it was asked for. */
static void test_gvisor(void **state)
{
	struct fake *fake = *state;
	struct row again = {.pid = 11,
			    .parent = 10,
			    .executable = "/usr/bin/runsc",
			    ARGUMENTS("runsc-gofer\0--root=/run/runsc\0gofer\0shop")};
	struct row sandbox = {.pid = 12,
			      .parent = 11,
			      .executable = "/usr/bin/runsc",
			      .pid_ns = OTHER,
			      .mount_ns = OTHER,
			      ARGUMENTS("runsc-sandbox\0--root=/run/runsc\0boot\0shop")};

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/usr/bin/runsc",
				       ARGUMENTS("runsc\0run\0--bundle=/srv/shop\0shop")});
	fake_start(fake, &again);
	fake_start(fake, &sandbox);
	assert_guest(fake, 12, KIND_CONTAINER, "gvisor", "shop");
	assert_ptr_equal(fake_guest(fake, 11), fake_guest(fake, 12));
	assert_ptr_equal(fake_guest(fake, 10), fake_guest(fake, 12));
	assert_true(fake_is_suspect(fake, 12));
	registry_rescan(fake->registry);
	assert_guest(fake, 12, KIND_CONTAINER, "gvisor", "shop");
	assert_int_equal(registry_count(fake->registry), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_vms_by_an_argument, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_a_contained_command, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_forkproxy, fake_set_up, fake_tear_down),
		cmocka_unit_test_setup_teardown(test_gvisor, fake_set_up, fake_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
