/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets that wait for whoever comes: TCP listeners, and UDP sockets without a peer. */
#include "kernel/waiting.h"

#include "kernel/netlink.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>

struct walk {
	uint8_t protocol;
	void (*visit)(void *data, const struct waiting_socket *socket);
	void *data;
};

static int take_message(const struct nlmsghdr *message, void *data)
{
	const struct nlattr *table[INET_DIAG_CGROUP_ID + 1], *attribute;
	struct waiting_socket socket = {.address = address_any_four};
	const struct walk *walk = data;
	struct inet_diag_msg answer;

	if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(answer))
		return MNL_CB_OK;
	memcpy(&answer, mnl_nlmsg_get_payload(message), sizeof(answer));
	netlink_attributes(message, sizeof(answer), table, INET_DIAG_CGROUP_ID + 1);
	socket.protocol = walk->protocol;
	socket.port = ntohs(answer.id.idiag_sport);
	if (answer.idiag_family == AF_INET)
		socket.address.s6_addr32[3] = answer.id.idiag_src[0];
	else
		memcpy(&socket.address, answer.id.idiag_src, sizeof(socket.address));
	socket.socket.uid = answer.idiag_uid;
	socket.socket.inode = answer.idiag_inode;
	socket.socket.state = answer.idiag_state;
	attribute = table[INET_DIAG_CGROUP_ID];
	if (attribute && mnl_attr_validate(attribute, MNL_TYPE_U64) >= 0)
		socket.socket.cgroup = mnl_attr_get_u64(attribute);
	attribute = table[INET_DIAG_SKV6ONLY];
	if (attribute && mnl_attr_validate(attribute, MNL_TYPE_U8) >= 0)
		socket.only_six = mnl_attr_get_u8(attribute) != 0;
	if (socket.port && socket.socket.inode)
		walk->visit(walk->data, &socket);
	return MNL_CB_OK;
}

static bool is_datagram(uint8_t protocol)
{
	return protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE;
}

static int dump(struct netlink *netlink, uint8_t family, struct walk *walk)
{
	_Alignas(struct nlmsghdr) char buffer[256];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct inet_diag_req_v2 *request = mnl_nlmsg_put_extra_header(message, sizeof(*request));

	message->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	message->nlmsg_flags = NLM_F_DUMP;
	request->sdiag_family = family;
	request->sdiag_protocol = walk->protocol;
	/* A UDP socket without a peer is "closed" (net/ipv4/udp.c, __udp_disconnect()). */
	request->idiag_states = 1u << (is_datagram(walk->protocol) ? TCP_CLOSE : TCP_LISTEN);
	return netlink_request(netlink, message, take_message, walk);
}

static int dump_both(struct netlink *netlink, struct walk *walk)
{
	int r = dump(netlink, AF_INET, walk);

	return r ? r : dump(netlink, AF_INET6, walk);
}

int waiting_each(struct netlink *netlink,
		 void (*visit)(void *data, const struct waiting_socket *socket), void *data)
{
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP};
	int r = 0;

	for (size_t p = 0; r == 0 && p < sizeof(protocols); p++) {
		struct walk walk = {protocols[p], visit, data};

		r = dump_both(netlink, &walk);
	}
	return r;
}

int waiting_every(struct netlink *netlink,
		  void (*visit)(void *data, const struct waiting_socket *socket), void *data)
{
	static const uint8_t protocols[] = {IPPROTO_SCTP, IPPROTO_UDPLITE};
	int r = waiting_each(netlink, visit, data);

	for (size_t p = 0; r == 0 && p < sizeof(protocols); p++) {
		struct walk walk = {protocols[p], visit, data};

		r = dump_both(netlink, &walk);
		if (r == -ENOENT || r == -EINVAL || r == -EOPNOTSUPP) /* no such protocol here */
			r = 0;
	}
	return r;
}

bool waiting_is_service(const struct waiting_socket *socket, uint16_t first, uint16_t last)
{
	return socket->protocol != IPPROTO_UDP || !address_is_any(&socket->address) ||
	       socket->port < first || socket->port > last;
}

static bool takes(const struct waiting_socket *socket, const struct in6_addr *address)
{
	bool is_four = IN6_IS_ADDR_V4MAPPED(address);

	if (IN6_IS_ADDR_UNSPECIFIED(&socket->address))
		return !is_four || !socket->only_six;
	return IN6_ARE_ADDR_EQUAL(&socket->address, &address_any_four) && is_four;
}

bool waiting_overlap(const struct waiting_socket *a, const struct waiting_socket *b)
{
	if (a->protocol != b->protocol || a->port != b->port)
		return false;
	return IN6_ARE_ADDR_EQUAL(&a->address, &b->address) || takes(a, &b->address) ||
	       takes(b, &a->address);
}
