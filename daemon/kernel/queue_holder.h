/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who holds an NFQUEUE: for the error at start, and for the queue's own statistics. */
#ifndef LHGUARD_KERNEL_QUEUE_HOLDER_H
#define LHGUARD_KERNEL_QUEUE_HOLDER_H

#include <stddef.h>
#include <stdint.h>

/* Relative to /proc; thread-self, because a thread can live in a network namespace of its own. */
#define QUEUE_HOLDER_QUEUES  "thread-self/net/netfilter/nfnetlink_queue"
#define QUEUE_HOLDER_SOCKETS "thread-self/net/netlink"

/**
 * struct queue_entry - one line of /proc/net/netfilter/nfnetlink_queue
 * @port: netlink port id of the holder
 * @dropped: packets that did not fit into the queue
 */
struct queue_entry {
	uint32_t port;
	uint32_t dropped;
};

/**
 * queue_entry_find() - the line of one queue
 * @text: the whole file, NUL-terminated
 * Return: 0, or -ENOENT when nobody holds @number.
 */
int queue_entry_find(const char *text, uint16_t number, struct queue_entry *entry);

/**
 * netlink_inode_find() - the socket of a netfilter port id
 * @text: the whole of /proc/net/netlink, NUL-terminated
 * Return: 0, or -ENOENT.
 */
int netlink_inode_find(const char *text, uint32_t port, uint32_t *inode);

/**
 * queue_holder_describe() - "firewalld (pid 812)" for the holder of a queue in this namespace
 * @target: receives the text, escaped; when the process cannot be found it names the port id
 *
 * Walks the descriptors of all processes if it has to: for start-up errors only.
 *
 * Return: 0, -ENOENT when nobody holds @number, or -errno.
 */
int queue_holder_describe(uint16_t number, char *target, size_t size);

#endif
