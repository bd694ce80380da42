/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is at the other end of a Unix socket, by unix_diag (sock_diag(7)), in the namespace that was
 * current at unix_peers_open().
 */
#ifndef LHGUARD_KERNEL_UNIX_PEERS_H
#define LHGUARD_KERNEL_UNIX_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct unix_peers;

/**
 * struct unix_socket - a socket, and what is at its other end
 * @inode: in sockfs
 * @peer: inode of the other end; 0 when this is no Unix socket or not one of a connected pair
 * @back: inode of one whose other end this is; the same in a pair
 * @name: hash of the address that it has, as those have that a listener accepted; 0 for none
 * @peer_has_name: the other end has an address: it is a listener's, and this one called it
 */
struct unix_socket {
	uint32_t inode;
	uint32_t peer;
	uint32_t back;
	uint32_t name;
	bool peer_has_name;
};

int unix_peers_open(struct unix_peers **peers);
void unix_peers_close(struct unix_peers *peers);

/**
 * unix_peers_find() - fill in the other ends
 * @sockets: in ascending order of @inode; all but that is written
 *
 * A dump of the namespace's connected Unix sockets: not for the verdict path. A socket's peer counts
 * only where that one's peer is the socket: many send to one datagram socket, as to the journal's.
 *
 * Return: 0 or -errno.
 */
int unix_peers_find(struct unix_peers *peers, struct unix_socket *sockets, size_t count);

#endif
