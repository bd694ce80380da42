// SPDX-License-Identifier: GPL-2.0-or-later
/* What is told of a guest, and whose a listening socket is, from a /proc of our own making. */
#include "fake_proc.h"

#include "guests/view.h"
#include "guests/ways.h"

#include <stdio.h>
#include <string.h>

#define VM(number, name)                                                                           \
	{                                                                                          \
		.pid = (number), .parent = 1, .executable = "/usr/bin/qemu-system-x86_64",         \
		ARGUMENTS("qemu\0-name\0" name), .links = {                                        \
			"socket:[77]"                                                              \
		}                                                                                  \
	}

static void test_what_is_known_of_a_vm(void **state)
{
	struct fake *fake = *state;
	const struct row devbox = VM(10, "devbox"), other = VM(20, "other");
	struct guest_view view;
	char path[128];
	FILE *file;

	fake_start(fake, &devbox);
	fake_start(fake, &other);
	registry_view(fake->registry, fake_guest(fake, 10), &view);
	assert_false(view.has_user); /* there is no such file */
	snprintf(path, sizeof(path), "%s/10/status", fake->path);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("Name:\tqemu\nUid:\t64055\t0\t0\t0\n", file);
	fclose(file);
	registry_view(fake->registry, fake_guest(fake, 10), &view);
	assert_true(view.has_user);
	assert_int_equal(view.user, 64055);
	assert_int_equal(view.processes, 1);
	assert_int_equal(view.conduit_count, 1);
	assert_int_equal(view.conduits[0].pid, 10);
	assert_string_equal(view.conduits[0].comm, "qemu-system-x86");
	assert_string_equal(view.conduits[0].runtime, "qemu");
	assert_string_equal(view.cgroup, "");
	assert_int_equal(view.interface_count + view.mac_count + view.address_count, 0);
	assert_true(fake_guest(fake, 10)->last_us >= fake_guest(fake, 10)->first_us);
}

static void test_who_made_a_listening_socket(void **state)
{
	struct fake *fake = *state;
	const struct row devbox = VM(10, "devbox");
	struct source source;

	fake_start(fake, &devbox);
	registry_maker(fake->registry, &(struct socket_info){.inode = 77}, &source);
	assert_int_equal(source.class, SOURCE_GUEST);
	assert_string_equal(source.name, "devbox");
	assert_string_equal(source.comm, "qemu-system-x86");
	assert_int_equal(source.pid, 10);
	registry_maker(fake->registry, &(struct socket_info){.inode = 78}, &source);
	assert_int_equal(source.class, SOURCE_HOST);
	assert_int_equal(source.guest, 0);
}

static void test_the_way_of_a_vm(void **state)
{
	struct fake *fake = *state;
	const struct row devbox = VM(10, "devbox"), other = VM(20, "other");
	struct flow flow = {.family = AF_INET6};
	struct source source, maker;
	struct way ways[WAYS_MAX];

	fake_start(fake, &devbox);
	fake_start(fake, &other);
	assert_int_equal(registry_ways(fake->registry, fake_guest(fake, 10), ways, WAYS_MAX), 1);
	assert_int_equal(ways[0].ifindex, 0);
	assert_true(registry_way_source(fake->registry, ways, &flow, &source));
	assert_true(IN6_IS_ADDR_LOOPBACK(&flow.service));
	registry_maker(fake->registry, &(struct socket_info){.inode = 77}, &maker);
	assert_int_equal(source.route, ROUTE_USER_NET);
	assert_int_equal(source.guest, maker.guest);
	assert_int_equal(source.pid, 10);
	assert_string_equal(source.interface, "lo");
}

static void test_a_supervisor_helps_its_guest(void **state)
{
	struct fake *fake = *state;
	const struct row devbox = VM(20, "devbox");
	struct source source = {0};

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/usr/bin/conmon",
				       ARGUMENTS("conmon\0-c\0" HEX64 "\0-n\0web")});
	fake_start(fake, &devbox);
	assert_true(registry_helps(fake->registry, 10, &source));
	assert_string_equal(source.name, "web");
	assert_int_equal(source.class, SOURCE_GUEST);
	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 1,
				       .executable = "/usr/bin/docker-proxy",
				       ARGUMENTS("docker-proxy\0-container-ip\000172.17.0.2")});
	source = (struct source){0};
	assert_true(registry_helps(fake->registry, 11, &source)); /* whose is not known */
	assert_string_equal(source.runtime, "docker");
	assert_int_equal(source.class, SOURCE_GUEST);
	assert_int_equal(source.guest, 0);
	assert_false(registry_helps(fake->registry, 20, &source)); /* it is the guest */
	assert_false(registry_helps(fake->registry, 30, &source));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_set_up, fake_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_what_is_known_of_a_vm),
		TEST(test_who_made_a_listening_socket),
		TEST(test_the_way_of_a_vm),
		TEST(test_a_supervisor_helps_its_guest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
