/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The connected sockets of a network namespace, one after the other, and the end of one. */
#ifndef LHGUARD_KERNEL_CONNECTIONS_H
#define LHGUARD_KERNEL_CONNECTIONS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct connections;

/**
 * struct connection - one connected socket
 * @family: of the socket: AF_INET6 also for one that speaks IPv4
 * @protocol: IPPROTO_TCP or IPPROTO_UDP
 * @state: TCP_* of netinet/tcp.h; a connected UDP socket is TCP_ESTABLISHED
 * @local: its own address, IPv4 as ::ffff:a.b.c.d
 * @remote: its peer's, same form
 * @local_port: host byte order
 * @remote_port: host byte order
 * @bound_ifindex: interface that it is bound to, 0 for none
 * @inode: in sockfs; 0 when no file belongs to it (yet, or any more)
 * @cookie: the kernel's own name for it, never used again
 */
struct connection {
	uint8_t family;
	uint8_t protocol;
	uint8_t state;
	struct in6_addr local;
	struct in6_addr remote;
	uint16_t local_port;
	uint16_t remote_port;
	uint32_t bound_ifindex;
	uint32_t inode;
	uint32_t cookie[2];
};

/**
 * connections_open() - begin to walk through the connected sockets of the current namespace
 *
 * The kernel writes a dump in parts of 32 kB, some 200 sockets, each when it is read. So a walk can
 * be left after any socket and be taken up again a turn of the loop later; nothing but the part is
 * held. What opens behind the walk's back is not seen, and what is open all the time may be missed,
 * or seen twice, if a neighbour in its hash chain closes between two parts.
 *
 * Measured: 33,600 TCP sockets take 60 ms of processor time, so 50,000 would take 90 ms: 1.8 µs for
 * each, 0.4 ms for a part. That is too long for packets to wait: go on in another turn.
 *
 * Return: 0 or -errno.
 */
int connections_open(struct connections **connections);
void connections_close(struct connections *connections);

/**
 * connections_next() - the next connected socket: TCP, then UDP, each IPv4, then IPv6
 * TCP in the states in which data may flow to or from a peer, and SYN_RECV, of which a peer can
 * make a connection at any time.
 * Return: 1 with @connection, 0 at the end, or -errno.
 */
int connections_next(struct connections *connections, struct connection *connection);

/**
 * connections_may_serve() - does any socket wait for clients at this port?
 * On whatever address and interface: a sieve before an exact look-up. As it was when the walk
 * began.
 */
bool connections_may_serve(const struct connections *connections, uint8_t protocol, uint16_t port);

/**
 * connections_destroy() - SOCK_DESTROY: its owner gets ECONNABORTED, a TCP peer a reset
 * Return: 0; -ENOENT when it is gone already; -EOPNOTSUPP when this kernel cannot
 * (CONFIG_INET_DIAG_DESTROY); -EPERM without CAP_NET_ADMIN; -errno.
 */
int connections_destroy(struct connections *connections, const struct connection *connection);

#endif
