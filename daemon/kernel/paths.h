/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a peer is: by which interface and to which MAC address the host answers it. */
#ifndef LHGUARD_KERNEL_PATHS_H
#define LHGUARD_KERNEL_PATHS_H

#include "flow.h"

struct paths;

/**
 * struct path - the way to a peer
 * @is_local: the peer's address is this machine's own
 * @ifindex: of the interface that leads there
 * @has_mac: @mac is valid
 * @mac: of the peer, or of the router to it
 */
struct path {
	bool is_local;
	uint32_t ifindex;
	bool has_mac;
	uint8_t mac[MAC_SIZE];
};

/**
 * paths_open() - in the current network namespace
 *
 * A connection's handshake went both ways: whoever is at the other end got the answer that the host
 * sent along this path. So it tells more than the peer's address, which anybody can write into a
 * packet. It is the path of now, of course: another's, if the peer's address has a new owner.
 */
int paths_open(struct paths **paths);
void paths_close(struct paths *paths);

/**
 * paths_find() - the path from a local address to a peer
 * @bound_ifindex: interface that the local socket is bound to, 0 for none
 * Two questions to the kernel (RTM_GETROUTE, RTM_GETNEIGH), which may have to wait for its rtnl
 * lock: not for the verdict path. Answers are kept as long as @paths is.
 * Return: 0, or -errno where no route leads.
 */
int paths_find(struct paths *paths, const struct in6_addr *local, const struct in6_addr *remote,
	       uint32_t bound_ifindex, struct path *path);

#endif
