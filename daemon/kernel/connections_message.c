// SPDX-License-Identifier: GPL-2.0-or-later
/* sock_diag's messages about connected sockets, built and read. Pure. */
#include "kernel/connections_message.h"

#include "kernel/diag_address.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>

static struct nlmsghdr *request(void *buffer, uint16_t type, uint8_t family, uint8_t protocol,
				struct inet_diag_req_v2 **body)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);

	message->nlmsg_type = type;
	*body = mnl_nlmsg_put_extra_header(message, sizeof(**body));
	(*body)->sdiag_family = family;
	(*body)->sdiag_protocol = protocol;
	return message;
}

struct nlmsghdr *connections_dump_request(void *buffer, uint8_t family, uint8_t protocol,
					  uint32_t states)
{
	struct inet_diag_req_v2 *body;
	struct nlmsghdr *message = request(buffer, SOCK_DIAG_BY_FAMILY, family, protocol, &body);

	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	body->idiag_states = states;
	return message;
}

struct nlmsghdr *connections_destroy_request(void *buffer, const struct connection *connection)
{
	struct inet_diag_req_v2 *body;
	struct nlmsghdr *message =
		request(buffer, SOCK_DESTROY, connection->family, connection->protocol, &body);
	struct inet_diag_sockid *id = &body->id;

	/* Unlike a look-up, this is not asked with the ends of a UDP socket swapped:
	 * udp_diag_destroy() in net/ipv4/udp_diag.c takes them as a packet to it would have them. */
	body->idiag_states = UINT32_MAX;
	diag_put_address(id->idiag_src, connection->family, &connection->local);
	diag_put_address(id->idiag_dst, connection->family, &connection->remote);
	id->idiag_sport = htons(connection->local_port);
	id->idiag_dport = htons(connection->remote_port);
	id->idiag_if = connection->bound_ifindex;
	memcpy(id->idiag_cookie, connection->cookie, sizeof(id->idiag_cookie));
	return message;
}

int connections_read(const struct nlmsghdr *message, uint8_t protocol,
		     struct connection *connection)
{
	struct inet_diag_msg answer;

	if (message->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(answer))
		return -EBADMSG;
	memcpy(&answer, mnl_nlmsg_get_payload(message), sizeof(answer));
	if (answer.idiag_family != AF_INET && answer.idiag_family != AF_INET6)
		return -EBADMSG;
	*connection = (struct connection){
		.family = answer.idiag_family,
		.protocol = protocol,
		.state = answer.idiag_state,
		.local = diag_get_address(answer.id.idiag_src, answer.idiag_family),
		.remote = diag_get_address(answer.id.idiag_dst, answer.idiag_family),
		.local_port = ntohs(answer.id.idiag_sport),
		.remote_port = ntohs(answer.id.idiag_dport),
		.bound_ifindex = answer.id.idiag_if,
		.inode = answer.idiag_inode,
		.cookie = {answer.id.idiag_cookie[0], answer.id.idiag_cookie[1]},
	};
	return 0;
}
