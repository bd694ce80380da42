// SPDX-License-Identifier: GPL-2.0-or-later
/* Who is at the other end of a Unix socket, by unix_diag (sock_diag(7)). */
#include "kernel/unix_peers.h"

#include "kernel/netlink.h"
#include "util/hash.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

struct unix_peers {
	struct netlink netlink;
};

int unix_peers_open(struct unix_peers **peers)
{
	struct unix_peers *opened = calloc(1, sizeof(*opened));
	int result;

	if (!opened)
		return -ENOMEM;
	result = netlink_open(&opened->netlink, NETLINK_SOCK_DIAG, 0);
	if (result) {
		free(opened);
		return result;
	}
	*peers = opened;
	return 0;
}

void unix_peers_close(struct unix_peers *peers)
{
	netlink_close(&peers->netlink);
	free(peers);
}

/**
 * struct query - a dump in progress
 * @sockets: those asked for, in ascending order
 */
struct query {
	struct unix_socket *sockets;
	size_t count;
};

static int compare(const void *one, const void *other)
{
	const struct unix_socket *a = one, *b = other;

	return a->inode < b->inode ? -1 : a->inode > b->inode;
}

static struct unix_socket *find(const struct query *query, uint32_t inode)
{
	struct unix_socket key = {.inode = inode};

	return bsearch(&key, query->sockets, query->count, sizeof(key), compare);
}

/* Of an address: a path, or with a NUL in front a name. */
static uint32_t hash_name(const struct nlattr *name)
{
	uint32_t hash;

	if (!name || !mnl_attr_get_payload_len(name))
		return 0;
	hash = (uint32_t)hash_add_bytes(HASH_START, mnl_attr_get_payload(name),
					mnl_attr_get_payload_len(name));
	return hash ? hash : 1;
}

/* A pair is told twice, once for each end; either may be one that was asked for, or both. */
static int take_socket(const struct nlmsghdr *message, void *data)
{
	const struct query *query = data;
	const struct nlattr *attributes[UNIX_DIAG_PEER + 1];
	const struct unix_diag_msg *told = mnl_nlmsg_get_payload(message);
	struct unix_socket *socket;
	uint32_t peer, name;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(*told))
		return MNL_CB_OK;
	netlink_attributes(message, sizeof(*told), attributes, UNIX_DIAG_PEER + 1);
	if (!attributes[UNIX_DIAG_PEER] ||
	    mnl_attr_get_payload_len(attributes[UNIX_DIAG_PEER]) != sizeof(peer))
		return MNL_CB_OK;
	peer = mnl_attr_get_u32(attributes[UNIX_DIAG_PEER]);
	name = hash_name(attributes[UNIX_DIAG_NAME]);
	socket = find(query, told->udiag_ino);
	if (socket) {
		socket->peer = peer;
		socket->name = name;
	}
	socket = peer ? find(query, peer) : NULL;
	if (socket) {
		socket->back = told->udiag_ino;
		socket->peer_has_name = name != 0;
	}
	return MNL_CB_OK;
}

int unix_peers_find(struct unix_peers *peers, struct unix_socket *sockets, size_t count)
{
	struct query query = {.sockets = sockets, .count = count};
	_Alignas(struct nlmsghdr) char buffer[128];
	struct unix_diag_req *request;
	struct nlmsghdr *message;
	int result;

	if (!count)
		return 0;
	for (size_t i = 0; i < count; i++)
		sockets[i] = (struct unix_socket){.inode = sockets[i].inode};
	memset(buffer, 0, sizeof(buffer));
	message = mnl_nlmsg_put_header(buffer);
	message->nlmsg_type = SOCK_DIAG_BY_FAMILY;
	message->nlmsg_flags = NLM_F_DUMP;
	request = mnl_nlmsg_put_extra_header(message, sizeof(*request));
	request->sdiag_family = AF_UNIX;
	request->udiag_states = 1u << TCP_ESTABLISHED;
	request->udiag_show = UDIAG_SHOW_NAME | UDIAG_SHOW_PEER;
	result = netlink_request(&peers->netlink, message, take_socket, &query);
	for (size_t i = 0; i < count; i++)
		if (result || sockets[i].peer != sockets[i].back)
			sockets[i].peer = 0;
	return result;
}
