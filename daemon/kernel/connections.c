// SPDX-License-Identifier: GPL-2.0-or-later
/* The connected sockets of a network namespace, one after the other, and the end of one. */
#include "kernel/connections.h"

#include "kernel/connections_message.h"
#include "kernel/netlink.h"
#include "util/array.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/*
 * DOC: Theory of Operation
 *
 * First the ports are collected at which somebody waits: listening TCP sockets, and UDP sockets
 * without a peer. Then come four dumps of connected sockets, one at a time, whose parts are read
 * only as far as the caller has come. Destroying goes over a socket of its own: the walk's has a
 * dump's next part waiting.
 */

#define PART_SIZE 32768 /* the most that the kernel puts into one part of a dump */
#define STATE(x)  (1u << (x))

/* include/net/tcp_states.h: a request socket, reported as TCP_SYN_RECV */
#define TCP_NEW_SYN_RECV 12

/* Neither LAST_ACK, CLOSING nor TIME_WAIT: both sides have said that they have no more to say. */
#define CONNECTED_TCP                                                                              \
	(STATE(TCP_ESTABLISHED) | STATE(TCP_SYN_RECV) | STATE(TCP_NEW_SYN_RECV) |                  \
	 STATE(TCP_FIN_WAIT1) | STATE(TCP_FIN_WAIT2) | STATE(TCP_CLOSE_WAIT))

static const struct dump {
	uint8_t family;
	uint8_t protocol;
	uint32_t states;
} dumps[] = {
	{AF_INET, IPPROTO_TCP, CONNECTED_TCP},
	{AF_INET6, IPPROTO_TCP, CONNECTED_TCP},
	{AF_INET, IPPROTO_UDP, STATE(TCP_ESTABLISHED)},
	{AF_INET6, IPPROTO_UDP, STATE(TCP_ESTABLISHED)},
};

#define DUMPS ARRAY_SIZE(dumps)

enum { PORTS_TCP, PORTS_UDP, PORTS_COUNT };

/**
 * struct connections - a walk
 * @dumping: for the dumps
 * @ending: for SOCK_DESTROY
 * @ports: a bit for each port at which somebody waits
 * @dump: the dump that the walk is in, DUMPS at the end
 * @is_asked: it has been asked for
 * @part: what was read of it last
 * @message: the next message in @part
 * @left: bytes of @part from there on
 */
struct connections {
	struct netlink dumping;
	struct netlink ending;
	uint64_t ports[PORTS_COUNT][65536 / 64];
	size_t dump;
	bool is_asked;
	_Alignas(struct nlmsghdr) char part[PART_SIZE];
	const struct nlmsghdr *message;
	int left;
};

static int ports_of(uint8_t protocol)
{
	return protocol == IPPROTO_TCP ? PORTS_TCP : PORTS_UDP;
}

static int note_port(const struct nlmsghdr *message, void *data)
{
	struct connection waiting;
	uint64_t *ports = data;

	if (!connections_read(message, 0, &waiting))
		ports[waiting.local_port / 64] |= UINT64_C(1) << waiting.local_port % 64;
	return MNL_CB_OK;
}

/* A kernel without UDP's half of sock_diag answers ENOENT: then there is nothing to see of it. */
static int read_ports(struct connections *connections)
{
	_Alignas(struct nlmsghdr) char buffer[CONNECTIONS_REQUEST_SIZE];

	for (size_t i = 0; i < DUMPS; i++) {
		bool is_tcp = dumps[i].protocol == IPPROTO_TCP;
		struct nlmsghdr *message =
			connections_dump_request(buffer, dumps[i].family, dumps[i].protocol,
						 STATE(is_tcp ? TCP_LISTEN : TCP_CLOSE));
		int result = netlink_request(&connections->ending, message, note_port,
					     connections->ports[ports_of(dumps[i].protocol)]);

		if (result && !(result == -ENOENT && !is_tcp))
			return result;
	}
	return 0;
}

int connections_open(struct connections **connections)
{
	struct connections *new = calloc(1, sizeof(*new));
	int result;

	if (!new)
		return -ENOMEM;
	result = netlink_open(&new->dumping, NETLINK_SOCK_DIAG, 0);
	if (!result)
		result = netlink_open(&new->ending, NETLINK_SOCK_DIAG, 0);
	if (!result)
		result = read_ports(new);
	if (result) {
		connections_close(new);
		return result;
	}
	*connections = new;
	return 0;
}

void connections_close(struct connections *connections)
{
	if (!connections)
		return;
	netlink_close(&connections->dumping);
	netlink_close(&connections->ending);
	free(connections);
}

static int ask(struct connections *connections)
{
	const struct dump *dump = &dumps[connections->dump];
	struct netlink *netlink = &connections->dumping;
	_Alignas(struct nlmsghdr) char buffer[CONNECTIONS_REQUEST_SIZE];
	struct nlmsghdr *message =
		connections_dump_request(buffer, dump->family, dump->protocol, dump->states);

	message->nlmsg_seq = ++netlink->sequence;
	if (mnl_socket_sendto(netlink->socket, message, message->nlmsg_len) < 0)
		return -errno;
	connections->is_asked = true;
	connections->left = 0;
	return 0;
}

/* The kernel has written the part by the time that sendmsg(2) or the last recvmsg(2) returned. */
static int read_part(struct connections *connections)
{
	ssize_t length = netlink_receive(&connections->dumping, connections->part, PART_SIZE);

	if (length <= 0)
		return length < 0 ? (int)length : -ETIMEDOUT;
	connections->message = (const void *)connections->part;
	connections->left = (int)length;
	return 0;
}

static void end_dump(struct connections *connections)
{
	connections->dump++;
	connections->is_asked = false;
}

/* What ends a dump: NLMSG_DONE, or an error in its place. */
static int read_end(struct connections *connections, const struct nlmsghdr *message)
{
	int32_t status = 0;

	if (mnl_nlmsg_get_payload_len(message) >= sizeof(status))
		memcpy(&status, mnl_nlmsg_get_payload(message), sizeof(status));
	if (status == -ENOENT && dumps[connections->dump].protocol == IPPROTO_UDP)
		status = 0;
	end_dump(connections);
	return status > 0 ? -EBADMSG : status;
}

/* Return: 1 with @connection, 0 when the part has none any more, -errno. */
static int next_of_part(struct connections *connections, struct connection *connection)
{
	while (mnl_nlmsg_ok(connections->message, connections->left)) {
		const struct nlmsghdr *message = connections->message;

		connections->message = mnl_nlmsg_next(message, &connections->left);
		if (message->nlmsg_seq != connections->dumping.sequence)
			continue;
		if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR) {
			connections->left = 0;
			return read_end(connections, message);
		}
		if (!connections_read(message, dumps[connections->dump].protocol, connection))
			return 1;
	}
	connections->left = 0;
	return 0;
}

int connections_next(struct connections *connections, struct connection *connection)
{
	int result = 0;

	while (!result) {
		if (connections->dump == DUMPS)
			return 0;
		if (!connections->is_asked)
			result = ask(connections);
		else if (!connections->left)
			result = read_part(connections);
		else
			result = next_of_part(connections, connection);
	}
	return result;
}

bool connections_may_serve(const struct connections *connections, uint8_t protocol, uint16_t port)
{
	return connections->ports[ports_of(protocol)][port / 64] >> port % 64 & 1;
}

int connections_destroy(struct connections *connections, const struct connection *connection)
{
	_Alignas(struct nlmsghdr) char buffer[CONNECTIONS_REQUEST_SIZE];

	return netlink_request(&connections->ending,
			       connections_destroy_request(buffer, connection), NULL, NULL);
}
