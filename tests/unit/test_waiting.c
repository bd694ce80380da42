/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel/waiting: the test's own listeners in a dump of sock_diag(7), which needs no privilege. */
#include "kernel/waiting.h"

#include "kernel/netlink.h"
#include "util/array.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static struct netlink netlink;

static int make(void **state)
{
	return netlink_open(&netlink, NETLINK_SOCK_DIAG, 0);
}

static int destroy(void **state)
{
	netlink_close(&netlink);
	return 0;
}

static int bound(int type, const char *text)
{
	union address address = {0};
	socklen_t length;
	int fd;

	address.any.sa_family = strchr(text, ':') ? AF_INET6 : AF_INET;
	if (address.any.sa_family == AF_INET6)
		inet_pton(AF_INET6, text, &address.v6.sin6_addr);
	else
		inet_pton(AF_INET, text, &address.v4.sin_addr);
	length = address.any.sa_family == AF_INET6 ? sizeof(address.v6) : sizeof(address.v4);
	fd = socket(address.any.sa_family, type | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, &address.any, length), 0);
	return fd;
}

struct wanted {
	uint32_t inode;
	unsigned int found;
	struct waiting_socket socket;
};

static void compare(void *data, const struct waiting_socket *socket)
{
	struct wanted *wanted = data;

	if (socket->socket.inode != wanted->inode)
		return;
	wanted->found++;
	wanted->socket = *socket;
}

static struct wanted look_for(int fd)
{
	struct wanted wanted = {0};
	struct stat status;

	assert_int_equal(fstat(fd, &status), 0);
	wanted.inode = (uint32_t)status.st_ino;
	assert_int_equal(waiting_each(&netlink, compare, &wanted), 0);
	return wanted;
}

static void finds_those_that_wait(void **state)
{
	static const struct {
		int type;
		const char *text, *mapped;
	} examples[] = {
		{SOCK_STREAM, "127.0.0.1", "::ffff:127.0.0.1"},
		{SOCK_STREAM, "0.0.0.0", "::ffff:0.0.0.0"},
		{SOCK_STREAM, "::1", "::1"},
		{SOCK_STREAM, "::", "::"},
		{SOCK_DGRAM, "127.0.0.1", "::ffff:127.0.0.1"},
		{SOCK_DGRAM, "::1", "::1"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(examples); i++) {
		int fd = bound(examples[i].type, examples[i].text);
		bool is_tcp = examples[i].type == SOCK_STREAM;
		struct in6_addr expected;
		union address own = {0};
		socklen_t length = sizeof(own);
		struct wanted wanted;

		if (is_tcp) { /* one that is only bound takes no connection */
			assert_int_equal(look_for(fd).found, 0);
			assert_int_equal(listen(fd, 1), 0);
		}
		wanted = look_for(fd);
		assert_int_equal(wanted.found, 1);
		assert_int_equal(getsockname(fd, &own.any, &length), 0);
		assert_int_equal(inet_pton(AF_INET6, examples[i].mapped, &expected), 1);
		assert_memory_equal(&wanted.socket.address, &expected, sizeof(expected));
		assert_int_equal(
			wanted.socket.port,
			ntohs(own.any.sa_family == AF_INET ? own.v4.sin_port : own.v6.sin6_port));
		assert_int_equal(wanted.socket.protocol, is_tcp ? IPPROTO_TCP : IPPROTO_UDP);
		assert_int_equal(wanted.socket.socket.uid, getuid());
		if (!strcmp(examples[i].text, "::"))
			assert_false(wanted.socket.only_six);
		close(fd);
		assert_int_equal(look_for(STDIN_FILENO).found, 0);
	}
}

static void a_connected_datagram_socket_waits_for_one_only(void **state)
{
	int server = bound(SOCK_DGRAM, "127.0.0.1"), client = bound(SOCK_DGRAM, "127.0.0.1");
	union address address = {0};
	socklen_t length = sizeof(address);

	assert_int_equal(look_for(client).found, 1);
	assert_int_equal(getsockname(server, &address.any, &length), 0);
	assert_int_equal(connect(client, &address.any, length), 0);
	assert_int_equal(look_for(client).found, 0);
	close(server);
	close(client);
}

static void tells_who_takes_six_only(void **state)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_true(look_for(fd).socket.only_six);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(finds_those_that_wait),
		TEST(a_connected_datagram_socket_waits_for_one_only),
		TEST(tells_who_takes_six_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
