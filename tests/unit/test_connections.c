/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel/connections: its messages byte by byte, and a walk through the test's own sockets. */
#include "kernel/connections_message.h"
#include "util/cleanup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

/* Messages */

static _Alignas(struct nlmsghdr) char buffer[512];

static struct inet_diag_req_v2 *body_of(struct nlmsghdr *message)
{
	assert_int_equal(mnl_nlmsg_get_payload_len(message), sizeof(struct inet_diag_req_v2));
	return mnl_nlmsg_get_payload(message);
}

static void a_dump_asks_for_states_of_one_protocol(void **state)
{
	struct nlmsghdr *message = connections_dump_request(buffer, AF_INET6, IPPROTO_UDP, 0x82);
	struct inet_diag_req_v2 *body = body_of(message);

	assert_int_equal(message->nlmsg_type, SOCK_DIAG_BY_FAMILY);
	assert_int_equal(message->nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
	assert_int_equal(body->sdiag_family, AF_INET6);
	assert_int_equal(body->sdiag_protocol, IPPROTO_UDP);
	assert_int_equal(body->idiag_states, 0x82);
	assert_true(message->nlmsg_len <= CONNECTIONS_REQUEST_SIZE);
}

static void a_socket_is_destroyed_by_tuple_and_cookie(void **state)
{
	const struct connection connection = {
		.family = AF_INET,
		.protocol = IPPROTO_TCP,
		.local = {.s6_addr = {[10] = 0xff, [11] = 0xff, [12] = 127, 0, 0, 1}},
		.remote = {.s6_addr = {[10] = 0xff, [11] = 0xff, [12] = 10, 0, 0, 2}},
		.local_port = 0x1234,
		.remote_port = 80,
		.bound_ifindex = 7,
		.cookie = {0xabcd, 3},
	};
	struct nlmsghdr *message = connections_destroy_request(buffer, &connection);
	struct inet_diag_req_v2 *body = body_of(message);

	assert_int_equal(message->nlmsg_type, SOCK_DESTROY);
	assert_int_equal(body->sdiag_family, AF_INET);
	assert_int_equal(body->sdiag_protocol, IPPROTO_TCP);
	assert_int_equal(body->id.idiag_src[0], htonl(0x7f000001));
	assert_int_equal(body->id.idiag_dst[0], htonl(0x0a000002));
	assert_int_equal(body->id.idiag_src[1], 0);
	assert_int_equal(body->id.idiag_sport, htons(0x1234));
	assert_int_equal(body->id.idiag_dport, htons(80));
	assert_int_equal(body->id.idiag_if, 7);
	assert_int_equal(body->id.idiag_cookie[0], 0xabcd);
	assert_int_equal(body->id.idiag_cookie[1], 3);
}

/* As the kernel would send it. */
static struct nlmsghdr *answer(uint16_t type, uint8_t family, size_t length)
{
	struct inet_diag_msg body = {
		.idiag_family = family,
		.idiag_state = TCP_CLOSE_WAIT,
		.idiag_inode = 99,
		.id = {.idiag_sport = htons(9222),
		       .idiag_dport = htons(40000),
		       .idiag_src = {htonl(0x7f000001)},
		       .idiag_dst = {htonl(0x7f000002)},
		       .idiag_if = 4,
		       .idiag_cookie = {1, 2}},
	};
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);

	message->nlmsg_type = type;
	memcpy(mnl_nlmsg_put_extra_header(message, sizeof(body)), &body, length);
	message->nlmsg_len = (uint32_t)(NLMSG_HDRLEN + length);
	return message;
}

static void a_socket_is_read_whole_or_not_at_all(void **state)
{
	const size_t whole = sizeof(struct inet_diag_msg);
	const struct in6_addr local = {.s6_addr = {[10] = 0xff, [11] = 0xff, [12] = 127, 0, 0, 1}};
	const struct in6_addr six = {.s6_addr = {127, 0, 0, 1}};
	struct connection read;

	assert_int_equal(
		connections_read(answer(SOCK_DIAG_BY_FAMILY, AF_INET, whole), IPPROTO_TCP, &read),
		0);
	assert_int_equal(read.family, AF_INET);
	assert_int_equal(read.protocol, IPPROTO_TCP);
	assert_int_equal(read.state, TCP_CLOSE_WAIT);
	assert_memory_equal(&read.local, &local, sizeof(local));
	assert_int_equal(read.local_port, 9222);
	assert_int_equal(read.remote.s6_addr[15], 2);
	assert_int_equal(read.remote_port, 40000);
	assert_int_equal(read.bound_ifindex, 4);
	assert_int_equal(read.inode, 99);
	assert_int_equal(read.cookie[1], 2);

	assert_int_equal(
		connections_read(answer(SOCK_DIAG_BY_FAMILY, AF_INET6, whole), IPPROTO_UDP, &read),
		0);
	assert_memory_equal(&read.local, &six, sizeof(six));

	assert_int_equal(connections_read(answer(SOCK_DIAG_BY_FAMILY, AF_INET, whole - 1),
					  IPPROTO_TCP, &read),
			 -EBADMSG);
	assert_int_equal(
		connections_read(answer(SOCK_DIAG_BY_FAMILY, AF_UNIX, whole), IPPROTO_TCP, &read),
		-EBADMSG);
	assert_int_equal(connections_read(answer(NLMSG_DONE, AF_INET, whole), IPPROTO_TCP, &read),
			 -EBADMSG);
}

/* A walk */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static int bound(int family, int type, uint16_t *port)
{
	union address address = {.any = {.sa_family = (sa_family_t)family}};
	socklen_t length = sizeof(address);
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	if (family == AF_INET)
		address.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		address.v6.sin6_addr = in6addr_loopback;
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, &address.any, length), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 1024), 0);
	assert_int_equal(getsockname(fd, &address.any, &length), 0);
	*port = ntohs(family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
	return fd;
}

static int connected(int family, int type, uint16_t port)
{
	union address address = {.any = {.sa_family = (sa_family_t)family}};
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	if (family == AF_INET) {
		address.v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		address.v4.sin_port = htons(port);
	} else {
		address.v6.sin6_addr = in6addr_loopback;
		address.v6.sin6_port = htons(port);
	}
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, &address.any, sizeof(address)), 0);
	return fd;
}

/* Sockets whose remote port this is. */
static unsigned int count(uint8_t protocol, uint16_t port, struct connection *last)
{
	struct connections *connections;
	struct connection connection;
	unsigned int found = 0;
	int result;

	assert_int_equal(connections_open(&connections), 0);
	assert_true(connections_may_serve(connections, protocol, port));
	while ((result = connections_next(connections, &connection)) == 1)
		if (connection.protocol == protocol && connection.remote_port == port) {
			*last = connection;
			found++;
		}
	assert_int_equal(result, 0);
	assert_int_equal(connections_next(connections, &connection), 0);
	connections_close(connections);
	return found;
}

static void every_family_and_protocol_is_walked(void **state)
{
	static const int families[] = {AF_INET, AF_INET6}, types[] = {SOCK_STREAM, SOCK_DGRAM};

	for (int i = 0; i < 4; i++) {
		int family = families[i / 2], type = types[i % 2];
		uint8_t protocol = type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
		uint16_t port;
		_cleanup_close_ int service = bound(family, type, &port);
		_cleanup_close_ int client = connected(family, type, port);
		struct connection found;

		assert_true(service >= 0 && client >= 0);
		assert_int_equal(count(protocol, port, &found), 1);
		assert_int_equal(found.family, family);
		assert_int_equal(found.state, TCP_ESTABLISHED);
		assert_int_not_equal(found.inode, 0);
		assert_memory_equal(&found.local, &found.remote, sizeof(found.local));
	}
}

static void what_is_half_closed_is_open(void **state)
{
	uint16_t port;
	_cleanup_close_ int service = bound(AF_INET, SOCK_STREAM, &port);
	_cleanup_close_ int client = connected(AF_INET, SOCK_STREAM, port);
	_cleanup_close_ int accepted = accept4(service, NULL, NULL, SOCK_CLOEXEC);
	struct connection found;

	assert_int_equal(shutdown(client, SHUT_WR), 0);
	assert_int_equal(count(IPPROTO_TCP, port, &found), 1);
	assert_true(found.state == TCP_FIN_WAIT1 || found.state == TCP_FIN_WAIT2);
	assert_int_equal(close(steal_fd(&accepted)), 0);
	assert_int_equal(count(IPPROTO_TCP, port, &found), 0); /* TIME_WAIT */
}

/* More than one part of a dump. */
static void a_long_walk_sees_each_once(void **state)
{
	enum { MANY = 400 };
	static int fds[MANY];
	uint16_t port;
	_cleanup_close_ int service = bound(AF_INET, SOCK_STREAM, &port);
	struct connection found;

	for (int i = 0; i < MANY; i++)
		fds[i] = connected(AF_INET, SOCK_STREAM, port);
	assert_int_equal(count(IPPROTO_TCP, port, &found), MANY);
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
}

static void a_walk_can_be_left(void **state)
{
	uint16_t port;
	_cleanup_close_ int service = bound(AF_INET, SOCK_STREAM, &port);
	_cleanup_close_ int client = connected(AF_INET, SOCK_STREAM, port);
	struct connections *connections;
	struct connection connection;

	assert_int_equal(connections_open(&connections), 0);
	assert_int_equal(connections_next(connections, &connection), 1);
	assert_true(service >= 0 && client >= 0);
	assert_false(connections_may_serve(connections, IPPROTO_TCP, 0));
	connections_close(connections);
	connections_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_dump_asks_for_states_of_one_protocol),
		cmocka_unit_test(a_socket_is_destroyed_by_tuple_and_cookie),
		cmocka_unit_test(a_socket_is_read_whole_or_not_at_all),
		cmocka_unit_test(every_family_and_protocol_is_walked),
		cmocka_unit_test(what_is_half_closed_is_open),
		cmocka_unit_test(a_long_walk_sees_each_once),
		cmocka_unit_test(a_walk_can_be_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
