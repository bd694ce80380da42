// SPDX-License-Identifier: GPL-2.0-or-later
/* guests/callers: who talks to the guard from inside a guest, and who cannot be told. */
#include "fake_proc.h"

#include "util/array.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct row first = {.pid = 1, .executable = "/usr/lib/systemd/systemd"};

static void assert_outside(const struct fake *fake, pid_t pid)
{
	char label[NAME_SIZE + RUNTIME_SIZE];

	if (registry_peer_guest(fake->registry, pid, label, sizeof(label)))
		fail_msg("process %d is taken for %s", pid, label);
}

static void assert_inside(const struct fake *fake, pid_t pid, const char *expected)
{
	char label[NAME_SIZE + RUNTIME_SIZE] = "";

	assert_true(registry_peer_guest(fake->registry, pid, label, sizeof(label)));
	assert_string_equal(label, expected);
}

static void the_hosts_processes_are_outside(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &first);
	fake_start(fake, &(struct row){.pid = 10, .parent = 1, .executable = "/usr/bin/lhguard"});
	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 1,
				       .executable = "/usr/bin/lhguard",
				       .cgroup = "/system.slice/cron.service",
				       .mount_ns = OTHER,
				       .net_ns = OTHER}); /* of no guest that is known */
	fake_start(fake, &(struct row){.pid = 12,
				       .parent = 1,
				       .executable = "/usr/bin/conmon",
				       ARGUMENTS("conmon\0-c\0" HEX64 "\0-n\0web")});
	assert_outside(fake, 10);
	assert_outside(fake, 11);
	assert_outside(fake, 12);
}

static void what_is_inside_is_named(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &first);
	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/usr/bin/conmon",
				       ARGUMENTS("conmon\0-c\0" HEX64 "\0-n\0web")});
	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 10,
				       .executable = "/bin/sh",
				       .cgroup = "/machine.slice/libpod-" HEX64 ".scope/container",
				       .pid_ns = OTHER});
	assert_inside(fake, 11, "container:web");
	/* Not heard of yet, and its cgroup is all that tells. */
	fake_put(fake, &(struct row){.pid = 12,
				     .parent = 11,
				     .executable = "/bin/sh",
				     .cgroup = "/machine.slice/libpod-" HEX64 ".scope/container"});
	assert_inside(fake, 12, "container:web");
}

/* A VM that its VMM connects for: libkrun's, say, whose sockets are the VMM's own. */
static void a_vmm_and_a_conduit_speak_for_their_guests(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &first);
	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/usr/bin/qemu-system-x86_64",
				       ARGUMENTS("qemu\0-name\0devbox")});
	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 1,
				       .executable = "/usr/bin/slirp4netns",
				       ARGUMENTS("slirp4netns\0"
						 "123\0tap0")});
	assert_inside(fake, 10, "vm:devbox");
	assert_inside(fake, 11, "unnamed");
}

static void namespaces_alone_are_inside(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &first);
	fake_put(fake,
		 &(struct row){.pid = 10, .parent = 1, .executable = "/bin/sh", .pid_ns = OTHER});
	fake_put(fake,
		 &(struct row){.pid = 11, .parent = 1, .executable = "/bin/sh", .user_ns = OTHER});
	assert_inside(fake, 10, "unnamed");
	assert_inside(fake, 11, "unnamed");
}

/* `ip netns exec`: nothing but another network, which the guard knows as a guest's. */
static void a_guests_network_is_inside(void **state)
{
	struct fake *fake = *state;
	const struct row row = {
		.pid = 10, .parent = 1, .executable = "/usr/bin/lhguard", .net_ns = OTHER};
	const struct guest *guest;
	char expected[NAME_SIZE + 16];

	fake_start(fake, &first);
	fake_start(fake, &row);
	assert_outside(fake, 10);
	guest = guests_for_netns(fake->registry, OTHER);
	assert_non_null(guest);
	snprintf(expected, sizeof(expected), "container:%s", guest->name);
	assert_inside(fake, 10, expected);
	/* But the machine's own network is no guest's where another one is guarded. */
	fake->registry->settings.machine_netns = OTHER;
	assert_outside(fake, 10);
}

/*
 * `nsenter --net qemu-system-…` was looked at while it went over to QEMU: with the network of the one
 * and the words of the other.
 */
static void a_vm_does_not_live_where_it_was_started_from(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &first);
	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/usr/bin/nsenter",
				       ARGUMENTS("qemu-system-x86_64\0-name\0devbox"),
				       .net_ns = OTHER});
	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/usr/bin/qemu-system-x86_64",
				       ARGUMENTS("qemu-system-x86_64\0-name\0devbox")});
	assert_inside(fake, 10, "vm:devbox");
	fake_put(fake, &(struct row){.pid = 11,
				     .parent = 1,
				     .executable = "/usr/bin/lhguard",
				     .net_ns = OTHER});
	assert_outside(fake, 11);
}

static void break_link(const struct fake *fake, pid_t pid, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%d/ns/%s", fake->path, pid, name);
	assert_int_equal(unlink(path), 0);
}

static void who_cannot_be_looked_at_is_not_trusted(void **state)
{
	static const char *const names[] = {"pid", "user", "net"};
	struct fake *fake = *state;
	const struct row row = {.pid = 10, .parent = 1, .executable = "/usr/bin/lhguard"};

	fake_start(fake, &first);
	assert_inside(fake, 99, "");
	assert_inside(fake, 0, ""); /* of no pid namespace that we see */
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		fake_put(fake, &row);
		assert_outside(fake, 10);
		break_link(fake, 10, names[i]); /* one that has ended has no network any more */
		assert_inside(fake, 10, "");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_hosts_processes_are_outside, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(what_is_inside_is_named, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(a_vmm_and_a_conduit_speak_for_their_guests,
						fake_set_up, fake_tear_down),
		cmocka_unit_test_setup_teardown(namespaces_alone_are_inside, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(a_guests_network_is_inside, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(a_vm_does_not_live_where_it_was_started_from,
						fake_set_up, fake_tear_down),
		cmocka_unit_test_setup_teardown(who_cannot_be_looked_at_is_not_trusted, fake_set_up,
						fake_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
