/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exact socket look-ups by sock_diag(7). */
#include "kernel/sockets.h"

#include "kernel/diag_address.h"
#include "kernel/netlink.h"
#include "util/cleanup.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>

/**
 * DOC: Theory of Operation
 *
 * An exact look-up (SOCK_DIAG_BY_FAMILY without NLM_F_DUMP) finds a socket the way the kernel finds
 * the receiver of a packet: by scores, with wildcards. So what comes back is a proposal, and is
 * compared with what was asked.
 *
 * An AF_INET question also finds AF_INET6 sockets that carry IPv4 (dual-stack): they lie in the
 * same hash tables, and the answer shows their addresses mapped, which is the form that struct flow
 * has. So one question is enough for either.
 *
 * All local traffic passes lo: asking with its index finds sockets that are bound to no device or
 * to lo. One that is bound to another device, as to its own link-local address, is asked for with
 * that one's index.
 *
 * The kernel answers within sendmsg(2), so the answer is read without waiting.
 */

#define LOOPBACK_IFINDEX 1 /* in each network namespace, include/net/flow.h */
#define ANSWER_SIZE	 8192
#define ANSWERS_READ	 8 /* stale ones are thrown away, up to so many */

struct sockets {
	struct netlink netlink;
};

/**
 * struct question - one exact look-up
 * @local: address and port of the wanted socket
 * @remote: of its peer, all zero when it has none
 * @ifindex: interface that the wanted socket may be bound to
 */
struct question {
	uint8_t family;
	uint8_t protocol;
	struct in6_addr local;
	struct in6_addr remote;
	uint16_t local_port;
	uint16_t remote_port;
	uint32_t ifindex;
};

static bool is_datagram(uint8_t protocol)
{
	return protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE;
}

/* IPv4 stands in the first word on the wire, and in the last one of a mapped address. */
static void fill_request(const struct question *question, struct inet_diag_req_v2 *request)
{
	struct inet_diag_sockid *id = &request->id;

	request->sdiag_family = question->family;
	request->sdiag_protocol = question->protocol;
	request->idiag_states = UINT32_MAX;
	id->idiag_if = question->ifindex;
	id->idiag_cookie[0] = INET_DIAG_NOCOOKIE;
	id->idiag_cookie[1] = INET_DIAG_NOCOOKIE;
	if (is_datagram(question->protocol)) {
		/* "src and dst are swapped for historical reasons", net/ipv4/udp_diag.c */
		diag_put_address(id->idiag_dst, question->family, &question->local);
		diag_put_address(id->idiag_src, question->family, &question->remote);
		id->idiag_dport = htons(question->local_port);
		id->idiag_sport = htons(question->remote_port);
	} else {
		diag_put_address(id->idiag_src, question->family, &question->local);
		diag_put_address(id->idiag_dst, question->family, &question->remote);
		id->idiag_sport = htons(question->local_port);
		id->idiag_dport = htons(question->remote_port);
	}
}

static int read_error(const struct nlmsghdr *message)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(message);

	if (mnl_nlmsg_get_payload_len(message) < sizeof(error->error) || error->error >= 0)
		return -EBADMSG;
	return error->error;
}

static int read_answer(const struct nlmsghdr *message, struct inet_diag_msg *answer,
		       uint64_t *cgroup)
{
	const struct nlattr *table[INET_DIAG_CGROUP_ID + 1];
	const struct nlattr *id;

	if (message->nlmsg_type == NLMSG_ERROR)
		return read_error(message);
	if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(*answer))
		return -EBADMSG;
	memcpy(answer, mnl_nlmsg_get_payload(message), sizeof(*answer));
	netlink_attributes(message, sizeof(*answer), table, INET_DIAG_CGROUP_ID + 1);
	id = table[INET_DIAG_CGROUP_ID];
	*cgroup = id && mnl_attr_validate(id, MNL_TYPE_U64) >= 0 ? mnl_attr_get_u64(id) : 0;
	return 0;
}

/* netlink_request() would ask for an acknowledgement too: a second message to wait for on the
 * verdict path. */
static int ask(struct sockets *sockets, const struct question *question,
	       struct inet_diag_msg *answer, uint64_t *cgroup)
{
	_Alignas(struct nlmsghdr) char buffer[ANSWER_SIZE];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct netlink *netlink = &sockets->netlink;

	message->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	message->nlmsg_flags = NLM_F_REQUEST;
	message->nlmsg_seq = ++netlink->sequence;
	fill_request(question,
		     mnl_nlmsg_put_extra_header(message, sizeof(struct inet_diag_req_v2)));
	if (mnl_socket_sendto(netlink->socket, message, message->nlmsg_len) < 0)
		return -errno;

	for (unsigned int i = 0; i < ANSWERS_READ; i++) {
		ssize_t n = netlink_receive(netlink, buffer, sizeof(buffer));

		if (n <= 0)
			return n < 0 ? (int)n : -EAGAIN;
		if (mnl_nlmsg_ok(message, (int)n) && message->nlmsg_seq == netlink->sequence)
			return read_answer(message, answer, cgroup);
	}
	return -EAGAIN;
}

/* The socket's ends must be those of the flow; a UDP socket may have none, or only a local port. */
static bool answer_matches(const struct question *question, const struct inet_diag_msg *answer,
			   bool wildcard)
{
	struct in6_addr local = diag_get_address(answer->id.idiag_src, answer->idiag_family);
	struct in6_addr remote = diag_get_address(answer->id.idiag_dst, answer->idiag_family);

	if (ntohs(answer->id.idiag_sport) != question->local_port)
		return false;
	if (!IN6_ARE_ADDR_EQUAL(&local, &question->local) && !(wildcard && address_is_any(&local)))
		return false;
	if (wildcard && address_is_any(&remote) && answer->id.idiag_dport == 0)
		return true;
	return IN6_ARE_ADDR_EQUAL(&remote, &question->remote) &&
	       ntohs(answer->id.idiag_dport) == question->remote_port;
}

static int look_up(struct sockets *sockets, const struct question *question, bool wildcard,
		   struct socket_info *info)
{
	struct inet_diag_msg answer = {0};
	uint64_t cgroup = 0;
	int r = ask(sockets, question, &answer, &cgroup);

	if (r < 0)
		return r;
	if (!answer_matches(question, &answer, wildcard))
		return -ENOENT;
	*info = (struct socket_info){
		.uid = answer.idiag_uid,
		.inode = answer.idiag_inode,
		.cgroup = cgroup,
		.state = answer.idiag_state,
	};
	return 0;
}

/*
 * A socket whose SYN may still be on its way to a verdict, or whose owner has something to say or
 * to hear. In the other states the kernel tells of no owner (TIME_WAIT, also as FIN_WAIT2, and
 * request sockets as SYN_RECV) or of a listener's.
 */
static bool is_client(const struct socket_info *socket)
{
	switch (socket->state) {
	case TCP_SYN_SENT:
	case TCP_ESTABLISHED:
	case TCP_CLOSE_WAIT:
		return true;
	case TCP_FIN_WAIT1:
	case TCP_FIN_WAIT2:
		return socket->inode; /* shut down for writing, but not closed */
	default:
		return false;
	}
}

static bool is_supported(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || is_datagram(protocol);
}

int sockets_open(struct sockets **sockets)
{
	struct sockets *opened = calloc(1, sizeof(*opened));
	int r;

	if (!opened)
		return -ENOMEM;
	r = netlink_open(&opened->netlink, NETLINK_SOCK_DIAG, 0);
	if (r < 0) {
		free(opened);
		return r;
	}
	*sockets = opened;
	return 0;
}

void sockets_close(struct sockets *sockets)
{
	if (!sockets)
		return;
	netlink_close(&sockets->netlink);
	free(sockets);
}

int sockets_client(struct sockets *sockets, const struct flow *flow, struct socket_info *info)
{
	return sockets_client_bound(sockets, flow, LOOPBACK_IFINDEX, info);
}

int sockets_client_bound(struct sockets *sockets, const struct flow *flow, uint32_t ifindex,
			 struct socket_info *info)
{
	const struct question question = {
		.family = flow->family,
		.protocol = flow->protocol,
		.local = flow->client,
		.remote = flow->service,
		.local_port = flow->client_port,
		.remote_port = flow->service_port,
		.ifindex = ifindex,
	};
	struct socket_info found;
	int r;

	if (!is_supported(flow->protocol))
		return -EPROTONOSUPPORT;
	r = look_up(sockets, &question, is_datagram(flow->protocol), &found);
	if (r < 0)
		return r;
	if (flow->protocol == IPPROTO_TCP && !is_client(&found))
		return -ENOENT;
	*info = found;
	return 0;
}

int sockets_listener(struct sockets *sockets, const struct flow *flow, struct socket_info *info)
{
	return sockets_listener_bound(sockets, flow, LOOPBACK_IFINDEX, info);
}

int sockets_listener_bound(struct sockets *sockets, const struct flow *flow, uint32_t ifindex,
			   struct socket_info *info)
{
	struct question question = {
		.family = flow->family,
		.protocol = flow->protocol,
		.local = flow->service,
		.local_port = flow->service_port,
		.ifindex = ifindex,
	};
	struct socket_info found;
	int r;

	if (!is_supported(flow->protocol))
		return -EPROTONOSUPPORT;
	/* Without a remote end TCP gives the listener even where a connection exists already. */
	if (is_datagram(flow->protocol)) {
		question.remote = flow->client;
		question.remote_port = flow->client_port;
	}
	r = look_up(sockets, &question, true, &found);
	if (r < 0)
		return r;
	if (flow->protocol == IPPROTO_TCP && found.state != TCP_LISTEN)
		return -ENOENT;
	*info = found;
	return 0;
}
