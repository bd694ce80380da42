/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sock_diag's messages about connected sockets, built and read. Pure. */
#ifndef LHGUARD_KERNEL_CONNECTIONS_MESSAGE_H
#define LHGUARD_KERNEL_CONNECTIONS_MESSAGE_H

#include "kernel/connections.h"

struct nlmsghdr;

#define CONNECTIONS_REQUEST_SIZE 128 /* bytes that hold any request, aligned as struct nlmsghdr */

/**
 * connections_dump_request() - ask for all sockets of one family and protocol in some states
 * @buffer: a buffer of CONNECTIONS_REQUEST_SIZE
 * @states: a bit for each, 1 << TCP_*
 */
struct nlmsghdr *connections_dump_request(void *buffer, uint8_t family, uint8_t protocol,
					  uint32_t states);

/** connections_destroy_request() - SOCK_DESTROY for exactly this socket, by tuple and cookie */
struct nlmsghdr *connections_destroy_request(void *buffer, const struct connection *connection);

/**
 * connections_read() - one message of a dump
 * @protocol: that was asked for: the answer does not say
 * Return: 0, or -EBADMSG for what is none.
 */
int connections_read(const struct nlmsghdr *message, uint8_t protocol,
		     struct connection *connection);

#endif
