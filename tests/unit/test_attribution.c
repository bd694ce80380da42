// SPDX-License-Identifier: GPL-2.0-or-later
/* Whose a datagram on lo is when its socket has closed. No socket is ever there, and each cgroup has an id. */
#include "fake_proc.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int __wrap_cgroups_id(int fd, const char *path, uint64_t *id);
int __wrap_sockets_client(struct sockets *sockets, const struct flow *flow,
			  struct socket_info *info);
int __wrap_sockets_client_bound(struct sockets *sockets, const struct flow *flow, uint32_t ifindex,
				struct socket_info *info);

int __wrap_cgroups_id(int fd, const char *path, uint64_t *id)
{
	*id = 77;
	return 0;
}

int __wrap_sockets_client(struct sockets *sockets, const struct flow *flow,
			  struct socket_info *info)
{
	return -ENOENT;
}

int __wrap_sockets_client_bound(struct sockets *sockets, const struct flow *flow, uint32_t ifindex,
				struct socket_info *info)
{
	return -ENOENT;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_new_containers_first_datagram, fake_set_up,
						fake_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
