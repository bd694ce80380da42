/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cache behind links.h, fed with messages; knows no sockets. */
#ifndef LHGUARD_KERNEL_LINKS_TABLES_H
#define LHGUARD_KERNEL_LINKS_TABLES_H

#include "kernel/links.h"

struct links_tables;
struct nlmsghdr;

/**
 * links_tables_new() - an empty cache
 * @handler: copied
 */
int links_tables_new(struct links_tables **tables, const struct links_handler *handler, void *data);
void links_tables_free(struct links_tables *tables);

/**
 * links_tables_apply() - take one rtnetlink message, from a dump or an event
 * @now_ms: CLOCK_MONOTONIC
 * Return: 0 also for a message that is not for us, -EBADMSG for a broken one, -ENOMEM.
 */
int links_tables_apply(struct links_tables *tables, const struct nlmsghdr *message,
		       uint64_t now_ms);

/**
 * enum links_part - what a dump gives anew
 * LINKS_PART_ROUTES also goes stale by itself: see links_tables_routes_stale().
 */
enum links_part {
	LINKS_PART_LINKS,
	LINKS_PART_ADDRESSES,
	LINKS_PART_ROUTES,
	LINKS_PART_NEIGHBOURS,
};

/** links_tables_begin_sync() - a dump of this part follows; _end_sync() drops what it did not
 * bring. */
void links_tables_begin_sync(struct links_tables *tables, enum links_part part);
void links_tables_end_sync(struct links_tables *tables, enum links_part part, uint64_t now_ms);

/**
 * links_tables_routes_stale() - do the default routes have to be read anew?
 * The kernel tells of a new default route, but not of one that it replaces, and of none that it
 * drops because its interface went down.
 */
bool links_tables_routes_stale(const struct links_tables *tables);

const struct link *links_tables_find(const struct links_tables *tables, uint32_t ifindex);
void links_tables_each(const struct links_tables *tables,
		       void (*visit)(void *data, const struct link *link), void *data);
bool links_tables_owns_address(const struct links_tables *tables, uint32_t ifindex,
			       const struct in6_addr *address);
void links_tables_each_address(const struct links_tables *tables,
			       int (*visit)(void *data, const struct interface_address *address),
			       void *data);
bool links_tables_first_address(const struct links_tables *tables, uint32_t ifindex, uint8_t family,
				struct in6_addr *address);
enum links_port links_tables_port(const struct links_tables *tables, uint32_t bridge,
				  const uint8_t *mac, uint64_t now_ms, uint32_t *port);
void links_tables_each_mac(const struct links_tables *tables, uint32_t port, uint64_t now_ms,
			   int (*visit)(void *data, const uint8_t *mac), void *data);

#endif
