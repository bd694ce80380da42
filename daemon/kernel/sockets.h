/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exact socket look-ups by sock_diag(7), in the namespace that was current at sockets_open(). */
#ifndef LHGUARD_KERNEL_SOCKETS_H
#define LHGUARD_KERNEL_SOCKETS_H

#include "flow.h"

struct sockets;

/**
 * struct socket_info - what the kernel tells of one socket
 * @uid: its creator
 * @inode: in sockfs; 0 when no file belongs to it
 * @cgroup: id of the cgroup2 directory it was created in; 0 when the kernel does not tell
 * @state: TCP_* of netinet/tcp.h
 */
struct socket_info {
	uint32_t uid;
	uint32_t inode;
	uint64_t cgroup;
	uint8_t state;
};

int sockets_open(struct sockets **sockets);
void sockets_close(struct sockets *sockets);

/**
 * sockets_client() - the local socket that sends this flow's first packet
 * @info: written on success
 *
 * One request and its answer from the kernel, no dump, no waiting: constant cost. UDP is asked with
 * source and destination swapped, "for historical reasons" (net/ipv4/udp_diag.c). What the kernel
 * proposes must have exactly the flow's ends; only an unconnected UDP socket may have no remote
 * end, and any local address. Where several UDP sockets share a local port (SO_REUSEADDR,
 * SO_REUSEPORT) the kernel names one of them: compare @info's uid with the packet's.
 *
 * Return: 0; -ENOENT when there is none (closed, or a raw socket's packet), also when what the
 * kernel found is a listener, TIME_WAIT or a request socket; -EPROTONOSUPPORT for a protocol
 * without sock_diag; -errno.
 */
int sockets_client(struct sockets *sockets, const struct flow *flow, struct socket_info *info);

/**
 * sockets_client_bound() - the same for a socket that is bound to an interface
 * @ifindex: the interface, as by SO_BINDTODEVICE or the scope of a link-local address (ipv6(7))
 */
int sockets_client_bound(struct sockets *sockets, const struct flow *flow, uint32_t ifindex,
			 struct socket_info *info);

/** sockets_listener() - the local socket that this flow is for; same errors. */
int sockets_listener(struct sockets *sockets, const struct flow *flow, struct socket_info *info);

/** sockets_listener_bound() - the same, also one that is bound to this interface */
int sockets_listener_bound(struct sockets *sockets, const struct flow *flow, uint32_t ifindex,
			   struct socket_info *info);

#endif
