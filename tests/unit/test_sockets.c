/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Look-ups of the test's own sockets on loopback: sock_diag(7) needs no privilege. */
#include "kernel/sockets.h"
#include "util/array.h"
#include "util/cleanup.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static struct sockets *sockets;

static int open_sockets(void **state)
{
	return sockets_open(&sockets);
}

static int close_sockets(void **state)
{
	sockets_close(sockets);
	return 0;
}

/* Fill @address from text; Return: its length. */
static socklen_t make_address(union address *address, const char *text, uint16_t port)
{
	*address = (union address){0};
	if (strchr(text, ':')) {
		address->v6.sin6_family = AF_INET6;
		address->v6.sin6_port = htons(port);
		assert_int_equal(inet_pton(AF_INET6, text, &address->v6.sin6_addr), 1);
		return sizeof(address->v6);
	}
	address->v4.sin_family = AF_INET;
	address->v4.sin_port = htons(port);
	assert_int_equal(inet_pton(AF_INET, text, &address->v4.sin_addr), 1);
	return sizeof(address->v4);
}

/* A socket of @text's family, bound to it and any port. */
static int bound_socket(int type, const char *text)
{
	union address address;
	socklen_t length = make_address(&address, text, 0);
	int fd = socket(address.any.sa_family, type | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, &address.any, length), 0);
	return fd;
}

static uint16_t local_port(int fd)
{
	union address address = {0};
	socklen_t length = sizeof(address);

	assert_int_equal(getsockname(fd, &address.any, &length), 0);
	return ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
}

static int connect_to(int fd, const char *text, uint16_t port)
{
	union address address;
	socklen_t length = make_address(&address, text, port);

	return connect(fd, &address.any, length);
}

static struct flow make_flow(uint8_t protocol, const char *text, uint16_t client, uint16_t service)
{
	struct flow flow = {
		.family = strchr(text, ':') ? AF_INET6 : AF_INET,
		.protocol = protocol,
		.client_port = client,
		.service_port = service,
	};
	char mapped[INET6_ADDRSTRLEN];

	snprintf(mapped, sizeof(mapped), "%s%s", flow.family == AF_INET ? "::ffff:" : "", text);
	assert_int_equal(inet_pton(AF_INET6, mapped, &flow.client), 1);
	flow.service = flow.client;
	return flow;
}

static void assert_is(int fd, const struct socket_info *info)
{
	struct stat status;

	assert_int_equal(fstat(fd, &status), 0);
	assert_int_equal(info->inode, status.st_ino);
	assert_int_equal(info->uid, getuid());
}

/**
 * struct example - a kind of client socket, and the addresses its packets have
 * @bind_to: where the socket is bound before
 * @peer: what it connects or sends to, as the program writes it
 * @wire: as it stands in the packet
 */
struct example {
	const char *bind_to;
	const char *peer;
	const char *wire;
};

static const struct example examples[] = {
	{NULL, "127.0.0.1", "127.0.0.1"},
	{"0.0.0.0", "127.0.0.1", "127.0.0.1"},
	{"127.0.0.1", "127.0.0.1", "127.0.0.1"},
	{NULL, "::ffff:127.0.0.1", "127.0.0.1"},
	{"::", "::ffff:127.0.0.1", "127.0.0.1"},
	{"::ffff:127.0.0.1", "::ffff:127.0.0.1", "127.0.0.1"},
	{NULL, "::1", "::1"},
	{"::", "::1", "::1"},
	{"::1", "::1", "::1"},
};

#define EXAMPLES ARRAY_SIZE(examples)

static int client_socket(int type, const struct example *example)
{
	union address address;

	if (example->bind_to)
		return bound_socket(type, example->bind_to);
	make_address(&address, example->peer, 0);
	return socket(address.any.sa_family, type | SOCK_CLOEXEC, 0);
}

static void finds_udp_clients(void **state)
{
	for (size_t i = 0; i < EXAMPLES; i++) {
		_cleanup_close_ int fd = client_socket(SOCK_DGRAM, &examples[i]);
		_cleanup_close_ int service = bound_socket(SOCK_DGRAM, examples[i].wire);
		union address address;
		socklen_t length = make_address(&address, examples[i].peer, local_port(service));
		struct socket_info info;
		struct flow flow;

		assert_int_equal(sendto(fd, "x", 1, 0, &address.any, length), 1);
		flow = make_flow(IPPROTO_UDP, examples[i].wire, local_port(fd),
				 local_port(service));
		assert_int_equal(sockets_client(sockets, &flow, &info), 0);
		assert_is(fd, &info);
		assert_int_equal(sockets_listener(sockets, &flow, &info), 0);
		assert_is(service, &info);

		assert_int_equal(connect(fd, &address.any, length), 0);
		assert_int_equal(sockets_client(sockets, &flow, &info), 0);
		assert_is(fd, &info);
		flow.service_port--; /* connected: speaks with nobody else */
		assert_int_equal(sockets_client(sockets, &flow, &info), -ENOENT);
	}
}

static void finds_tcp_clients(void **state)
{
	for (size_t i = 0; i < EXAMPLES; i++) {
		_cleanup_close_ int fd = client_socket(SOCK_STREAM, &examples[i]);
		_cleanup_close_ int service = bound_socket(SOCK_STREAM, examples[i].wire);
		struct socket_info info;
		struct flow flow;

		assert_int_equal(listen(service, 1), 0);
		assert_int_equal(connect_to(fd, examples[i].peer, local_port(service)), 0);
		flow = make_flow(IPPROTO_TCP, examples[i].wire, local_port(fd),
				 local_port(service));
		assert_int_equal(sockets_client(sockets, &flow, &info), 0);
		assert_is(fd, &info);
		assert_int_equal(info.state, TCP_ESTABLISHED);
		assert_int_equal(sockets_listener(sockets, &flow, &info), 0);
		assert_is(service, &info);
		assert_int_equal(info.state, TCP_LISTEN);
	}
}

static void finds_wildcard_listeners(void **state)
{
	static const struct {
		const char *bind_to;
		const char *wire;
	} listeners[] = {
		{"0.0.0.0", "127.0.0.1"},
		{"::", "127.0.0.1"},
		{"::", "::1"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(listeners); i++) {
		_cleanup_close_ int service = bound_socket(SOCK_STREAM, listeners[i].bind_to);
		struct flow flow =
			make_flow(IPPROTO_TCP, listeners[i].wire, 1, local_port(service));
		struct socket_info info;

		assert_int_equal(listen(service, 1), 0);
		assert_int_equal(sockets_listener(sockets, &flow, &info), 0);
		assert_is(service, &info);
	}
}

/* A port where somebody listens, but from which nobody connects. */
static void takes_no_listener_for_a_client(void **state)
{
	_cleanup_close_ int service = bound_socket(SOCK_STREAM, "::");
	struct flow flow = make_flow(IPPROTO_TCP, "127.0.0.1", local_port(service), 1);
	struct socket_info info = {.uid = 12345};

	assert_int_equal(listen(service, 1), 0);
	assert_int_equal(sockets_client(sockets, &flow, &info), -ENOENT);
	flow = make_flow(IPPROTO_TCP, "::1", local_port(service), 1);
	assert_int_equal(sockets_client(sockets, &flow, &info), -ENOENT);
	assert_int_equal(info.uid, 12345);
}

/* The client's socket has been closed, its connection is in TIME_WAIT or FIN_WAIT2. */
static void takes_no_remains_for_a_client(void **state)
{
	_cleanup_close_ int service = bound_socket(SOCK_STREAM, "127.0.0.1");
	_cleanup_close_ int accepted = -1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct socket_info info;
	struct flow flow;

	assert_int_equal(listen(service, 1), 0);
	assert_int_equal(connect_to(fd, "127.0.0.1", local_port(service)), 0);
	flow = make_flow(IPPROTO_TCP, "127.0.0.1", local_port(fd), local_port(service));
	accepted = accept4(service, NULL, NULL, SOCK_CLOEXEC);
	assert_true(accepted >= 0);
	assert_int_equal(close(fd), 0);
	assert_int_equal(sockets_client(sockets, &flow, &info), -ENOENT);
	assert_int_equal(close(steal_fd(&accepted)), 0);
	assert_int_equal(sockets_client(sockets, &flow, &info), -ENOENT);
}

/* Its owner has no more to say, but still listens. */
static void finds_half_closed_clients(void **state)
{
	_cleanup_close_ int service = bound_socket(SOCK_STREAM, "127.0.0.1");
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct socket_info info;
	struct flow flow;

	assert_int_equal(listen(service, 1), 0);
	assert_int_equal(connect_to(fd, "127.0.0.1", local_port(service)), 0);
	flow = make_flow(IPPROTO_TCP, "127.0.0.1", local_port(fd), local_port(service));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	assert_int_equal(sockets_client(sockets, &flow, &info), 0);
	assert_is(fd, &info);
}

static void tells_what_it_cannot(void **state)
{
	struct flow flow = make_flow(IPPROTO_ICMP, "127.0.0.1", 0, 0);
	struct socket_info info;

	assert_int_equal(sockets_client(sockets, &flow, &info), -EPROTONOSUPPORT);
	assert_int_equal(sockets_listener(sockets, &flow, &info), -EPROTONOSUPPORT);
	flow = make_flow(IPPROTO_SCTP, "127.0.0.1", 1, 1);
	assert_int_equal(sockets_client(sockets, &flow, &info), -EPROTONOSUPPORT);
	flow = make_flow(IPPROTO_TCP, "192.0.2.1", 1, 1);
	assert_int_equal(sockets_client(sockets, &flow, &info), -ENOENT);
	assert_int_equal(sockets_listener(sockets, &flow, &info), -ENOENT);
	flow = make_flow(IPPROTO_UDP, "2001:db8::1", 1, 1);
	assert_int_equal(sockets_client(sockets, &flow, &info), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_udp_clients),
		cmocka_unit_test(finds_tcp_clients),
		cmocka_unit_test(finds_wildcard_listeners),
		cmocka_unit_test(takes_no_listener_for_a_client),
		cmocka_unit_test(takes_no_remains_for_a_client),
		cmocka_unit_test(finds_half_closed_clients),
		cmocka_unit_test(tells_what_it_cannot),
	};

	return cmocka_run_group_tests(tests, open_sockets, close_sockets);
}
