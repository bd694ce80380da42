/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One request/acknowledge/dump helper over libmnl, for every netlink socket but the queues'. */
#ifndef LHGUARD_KERNEL_NETLINK_H
#define LHGUARD_KERNEL_NETLINK_H

#include <libmnl/libmnl.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct netlink - one netlink socket
 * @socket: libmnl's socket, NULL when closed
 * @port: netlink port id (0 until opened)
 * @sequence: of the last request
 */
struct netlink {
	struct mnl_socket *socket;
	uint32_t port;
	uint32_t sequence;
};

/**
 * netlink_open() - open and bind a close-on-exec socket
 * @bus: NETLINK_ROUTE, NETLINK_NETFILTER, NETLINK_SOCK_DIAG, NETLINK_CONNECTOR
 * @receive_bytes: SO_RCVBUFFORCE, 0 for the system's default
 *
 * Return: 0 or -errno.
 */
int netlink_open(struct netlink *netlink, int bus, size_t receive_bytes);

/** netlink_join() - subscribe to a multicast group; 0 or -errno. */
int netlink_join(struct netlink *netlink, unsigned int group);

int netlink_fd(const struct netlink *netlink);
void netlink_close(struct netlink *netlink);

/**
 * netlink_request() - send one message and read until its acknowledgement
 * @message: NLM_F_REQUEST is set here, and NLM_F_ACK unless NLM_F_DUMP is; the sequence too
 * @callback: called for each data message that comes before the ACK, may be NULL; returns MNL_CB_*
 * @data: for @callback
 *
 * A dump that the kernel marks as interrupted (NLM_F_DUMP_INTR) is repeated, at most 8 times:
 * @callback must tolerate to see an object twice. Answers with another sequence number are skipped.
 *
 * Return: 0 or the kernel's -errno.
 */
int netlink_request(struct netlink *netlink, struct nlmsghdr *message, mnl_cb_t callback,
		    void *data);

/**
 * netlink_receive() - read one datagram of notifications without waiting
 * Return: bytes read, 0 when there is none, -ENOBUFS when the kernel had to drop some, or -errno.
 */
ssize_t netlink_receive(struct netlink *netlink, void *buffer, size_t size);

/**
 * netlink_attributes() - collect the attributes of a message or nest into a table
 * @table: @count entries, cleared first; only types below @count are taken
 */
void netlink_attributes(const struct nlmsghdr *message, size_t offset, const struct nlattr **table,
			size_t count);
void netlink_nested(const struct nlattr *nest, const struct nlattr **table, size_t count);

#endif
