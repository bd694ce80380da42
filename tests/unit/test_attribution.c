// SPDX-License-Identifier: GPL-2.0-or-later
/* Whose a packet on lo is. Each cgroup has an id here, and what sockets there are is said by the test. */
#include "fake_proc.h"

#include "util/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int __wrap_cgroups_id(int fd, const char *path, uint64_t *id);
int __wrap_sockets_listener(struct sockets *sockets, const struct flow *flow,
			    struct socket_info *info);
int __wrap_sockets_client(struct sockets *sockets, const struct flow *flow,
			  struct socket_info *info);
int __wrap_sockets_client_bound(struct sockets *sockets, const struct flow *flow, uint32_t ifindex,
				struct socket_info *info);

static uint32_t socket_inode; /* 0: it has closed */

int __wrap_cgroups_id(int fd, const char *path, uint64_t *id)
{
	*id = 77;
	return 0;
}

int __wrap_sockets_client(struct sockets *sockets, const struct flow *flow,
			  struct socket_info *info)
{
	*info = (struct socket_info){.inode = socket_inode, .state = 1};
	if (flow->protocol == IPPROTO_SCTP)
		return -EPROTONOSUPPORT;
	return socket_inode ? 0 : -ENOENT;
}

int __wrap_sockets_client_bound(struct sockets *sockets, const struct flow *flow, uint32_t ifindex,
				struct socket_info *info)
{
	return -ENOENT;
}

/* Who listens holds the same socket. */
int __wrap_sockets_listener(struct sockets *sockets, const struct flow *flow,
			    struct socket_info *info)
{
	return __wrap_sockets_client(sockets, flow, info);
}

static struct source source_of_datagram(struct fake *fake, int *result)
{
	const struct arrival arrival = {.loopback = true};
	struct flow flow = {.client = address_any_four,
			    .client_port = 40000,
			    .service_port = 8125,
			    .family = AF_INET,
			    .protocol = IPPROTO_UDP};
	struct source source;

	flow.client.s6_addr[12] = 127;
	flow.client.s6_addr[15] = 1;
	flow.service = flow.client;
	*result = registry_source(fake->registry, &flow, &arrival, &source);
	return source;
}

static void assert_hosts(struct fake *fake)
{
	int result;

	assert_int_equal(source_of_datagram(fake, &result).class, SOURCE_HOST);
	assert_int_equal(result, 0);
}

static void assert_unknown(struct fake *fake)
{
	int result;

	assert_int_equal(source_of_datagram(fake, &result).class, SOURCE_UNKNOWN);
	assert_int_equal(result, -ENOENT);
}

/* Its first program sends, closes its socket and goes on, before the kernel knows of its cgroup. */
static void test_a_new_containers_first_datagram(void **state)
{
	struct fake *fake = *state;
	struct registry *registry = fake->registry;
	const struct row supervisor = {.pid = 10,
				       .parent = 1,
				       .executable = "/usr/bin/conmon",
				       ARGUMENTS("conmon\0-c\0" HEX64 "\0-n\0web")};
	const struct row row = {.pid = 11,
				.parent = 10,
				.executable = "/bin/sender",
				.cgroup = "/machine.slice/libpod-" HEX64 ".scope",
				.pid_ns = OTHER};

	registry->settings.cgroup = open(fake->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	registry_kernel_knows(registry, true);
	fake_start(fake, &supervisor);
	assert_hosts(fake);
	fake_start(fake, &row); /* the guard was busy: both its fork and its exec are past */
	assert_ptr_equal(fake_guest(fake, 11), fake_guest(fake, 10));
	assert_int_equal(fake_guest(fake, 11)->cgroup, 77);
	assert_false(fake_is_suspect(fake, 11)); /* its cgroup tells its sockets */
	assert_unknown(fake);

	registry->local_start_us -= 2000000;
	assert_hosts(fake);
	fake_event(fake, PROCESS_EXEC, 11, 0); /* as often as it likes */
	assert_hosts(fake);
	close(registry->settings.cgroup);
}

/* A conduit with more descriptors than are read for a connection when there is no time left. */
static void test_long_searches_get_a_part_of_the_time(void **state)
{
	struct fake *fake = *state;
	struct registry *registry = fake->registry;
	char path[128];

	fake_start(fake,
		   &(struct row){.pid = 10, .parent = 1, .executable = "/usr/bin/slirp4netns"});
	for (int i = 3; i < 603; i++) {
		snprintf(path, sizeof(path), "%s/10/fd/%d", fake->path, i);
		assert_int_equal(symlink("socket:[1]", path), 0);
	}
	socket_inode = 999; /* of the host */
	assert_hosts(fake);
	assert_int_equal(registry->search_saved_us, 200000); /* that keeps nobody else waiting */
	socket_inode = 1;
	assert_int_equal(source_of_datagram(fake, &(int){0}).class, SOURCE_GUEST);
	snprintf(path, sizeof(path), "%s/10/fd/603", fake->path);
	assert_int_equal(symlink("socket:[2]", path), 0);
	socket_inode = 999;
	registry->search_saved_us = -150000;
	registry->search_began_us = clock_monotonic_us();
	assert_int_equal(source_of_datagram(fake, &(int){0}).class, SOURCE_UNKNOWN);
	assert_true(registry->search_saved_us < 0); /* a short one costs nothing */
	registry->search_began_us -= 400000;
	assert_hosts(fake);
	registry->search_began_us = 0; /* long ago */
	assert_hosts(fake);
	socket_inode = 0;
}

/* A conduit's child on its way out: its descriptors have gone, the socket that it made not yet. */
static void test_what_one_that_ends_has_left(void **state)
{
	struct fake *fake = *state;
	char path[128];

	fake_start(fake,
		   &(struct row){.pid = 10, .parent = 1, .executable = "/usr/bin/slirp4netns"});
	socket_inode = 999;
	assert_hosts(fake);
	snprintf(path, sizeof(path), "%s/10/fd/0", fake->path);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(source_of_datagram(fake, &(int){0}).class, SOURCE_UNKNOWN);
	socket_inode = 0;
}

/* A container listens where it asks; unless another does, too. */
static void test_a_service_that_others_join(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/usr/bin/conmon",
				       ARGUMENTS("conmon\0-c\0" HEX64 "\0-n\0web")});
	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 10,
				       .executable = "/bin/server",
				       .pid_ns = OTHER,
				       .links = {"socket:[999]"}});
	socket_inode = 999;
	assert_true(source_of_datagram(fake, &(int){0}).own_service);
	fake->others_join = true;
	assert_false(source_of_datagram(fake, &(int){0}).own_service);
	socket_inode = 0;
}

/* The copy of a datagram to many, at input: its socket tells whose it is, and the kernel nothing. */
static void test_a_copy_of_a_datagram_to_many(void **state)
{
	struct fake *fake = *state;
	const struct arrival arrival = {.looped = true, .ifindex = 2};
	struct flow flow = {.client = address_any_four,
			    .client_port = 40000,
			    .service_port = 1900,
			    .family = AF_INET,
			    .protocol = IPPROTO_UDP};
	struct source source;

	memcpy(&flow.client.s6_addr[12], (uint8_t[]){127, 0, 0, 1}, 4); /* some address of ours */
	flow.service = flow.client;
	memcpy(&flow.service.s6_addr[12], (uint8_t[]){224, 0, 0, 1}, 4);
	registry_kernel_knows(fake->registry, true);
	assert_int_equal(registry_source(fake->registry, &flow, &arrival, &source), 0);
	assert_int_equal(source.class, SOURCE_HOST); /* no guest is here */

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/usr/bin/qemu-system-x86_64",
				       ARGUMENTS("qemu\0-name\0devbox"),
				       .links = {"socket:[999]"}});
	socket_inode = 999;
	assert_int_equal(registry_source(fake->registry, &flow, &arrival, &source), 0);
	assert_int_equal(source.class, SOURCE_GUEST);
	assert_string_equal(source.name, "devbox");
	assert_int_equal(source.route, ROUTE_USER_NET);
	assert_false(source.own_service);
	socket_inode = 1000;
	assert_int_equal(registry_source(fake->registry, &flow, &arrival, &source), 0);
	assert_int_equal(source.class, SOURCE_HOST);

	socket_inode = 0;
	fake->registry->local_start_us = fake->registry->local_exit_us = 0;
	assert_int_equal(registry_source(fake->registry, &flow, &arrival, &source), -ENOENT);
	assert_int_equal(source.class, SOURCE_UNKNOWN);
	assert_hosts(fake); /* at output the kernel would have told */
}

/* The host's SCTP goes on beside a VM with user networking, which has none; not beside who may have. */
static void test_a_protocol_without_look_up(void **state)
{
	struct fake *fake = *state;
	struct arrival arrival = {.loopback = true};
	const struct flow flow = {.client = in6addr_loopback,
				  .service = in6addr_loopback,
				  .family = AF_INET6,
				  .protocol = IPPROTO_SCTP};
	struct registry *registry = fake->registry;
	struct source source;

	registry_kernel_knows(registry, true);
	fake_start(
		fake,
		&(struct row){.pid = 10, .parent = 1, .executable = "/usr/bin/qemu-system-x86_64"});
	assert_int_equal(registry_source(registry, &flow, &arrival, &source), 0);
	assert_int_equal(source.class, SOURCE_UNKNOWN); /* a moment later it may have ended */
	registry->local_start_us = registry->local_exit_us = 0;
	assert_int_equal(registry_source(registry, &flow, &arrival, &source), 0);
	assert_int_equal(source.class, SOURCE_HOST);
	arrival.guest_cgroup = true;
	assert_int_equal(registry_source(registry, &flow, &arrival, &source), 0);
	assert_int_equal(source.class, SOURCE_UNKNOWN);
	arrival.guest_cgroup = false;

	fake_start(fake,
		   &(struct row){.pid = 11, .parent = 1, .executable = "/bin/sh", .pid_ns = OTHER});
	registry->local_start_us = registry->local_exit_us = 0;
	assert_int_equal(registry_source(registry, &flow, &arrival, &source), 0);
	assert_int_equal(source.class, SOURCE_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_new_containers_first_datagram, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_long_searches_get_a_part_of_the_time,
						fake_set_up, fake_tear_down),
		cmocka_unit_test_setup_teardown(test_what_one_that_ends_has_left, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_a_protocol_without_look_up, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_a_service_that_others_join, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(test_a_copy_of_a_datagram_to_many, fake_set_up,
						fake_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
