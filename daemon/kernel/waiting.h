/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets that wait for whoever comes: TCP listeners, and UDP sockets without a peer. */
#ifndef LHGUARD_KERNEL_WAITING_H
#define LHGUARD_KERNEL_WAITING_H

#include "kernel/sockets.h"

struct netlink;

/**
 * struct waiting_socket - one of them
 * @socket: as sockets_listener() tells of it
 * @protocol: IPPROTO_TCP or IPPROTO_UDP; of waiting_every() also IPPROTO_SCTP or IPPROTO_UDPLITE
 * @only_six: an IPv6 socket that takes no IPv4
 * @port: host byte order
 * @address: where it waits; as in struct flow, "0.0.0.0" being ::ffff:0.0.0.0
 */
struct waiting_socket {
	struct socket_info socket;
	uint8_t protocol;
	bool only_six;
	uint16_t port;
	struct in6_addr address;
};

/**
 * waiting_each() - all of them in one network namespace, by four dumps of sock_diag(7)
 * @netlink: NETLINK_SOCK_DIAG, opened in that namespace
 * @visit: may see a socket twice
 *
 * The cost is that of the namespace's whole tables of listeners and of UDP sockets: not for the
 * verdict path.
 *
 * Return: 0 or -errno.
 */
int waiting_each(struct netlink *netlink,
		 void (*visit)(void *data, const struct waiting_socket *socket), void *data);

/**
 * waiting_every() - of each protocol that the kernel tells of: also SCTP and UDP-Lite
 * A protocol that the kernel has not loaded has none.
 */
int waiting_every(struct netlink *netlink,
		  void (*visit)(void *data, const struct waiting_socket *socket), void *data);

/**
 * waiting_is_service() - may somebody be meant to come there?
 * A UDP socket without an address, on a port that the kernel may have chosen, is taken for a
 * client's: every program that sends a datagram without connect(2) has one.
 * @first: @last: of net.ipv4.ip_local_port_range
 */
bool waiting_is_service(const struct waiting_socket *socket, uint16_t first, uint16_t last);

/** waiting_overlap() - does a connection to one's address and port exist that is for the other? */
bool waiting_overlap(const struct waiting_socket *a, const struct waiting_socket *b);

#endif
