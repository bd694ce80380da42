/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From rtnetlink's messages to plain data; every attribute's type and length is checked. Pure. */
#ifndef LHGUARD_KERNEL_LINKS_MESSAGE_H
#define LHGUARD_KERNEL_LINKS_MESSAGE_H

#include "kernel/addresses.h"
#include "kernel/fdb.h"
#include "kernel/links.h"

struct nlmsghdr;

/**
 * struct link_message - RTM_NEWLINK, RTM_DELLINK
 * @link: all but @link.default_route
 * @has_parent: the kernel told a parent device; kernels before 5.14 never do
 * @deaf: a bridge port that learns no addresses (IFLA_BRPORT_LEARNING 0)
 */
struct link_message {
	struct link link;
	bool has_parent;
	bool deaf;
};

/*
 * Return: 0, -ENOMSG for a message that is about something else (bridge-family copies of link
 * messages, neighbours that are no bridge entries, the bridge's own addresses as RTM_DELNEIGH),
 * -EBADMSG for a broken one.
 */
int link_message_parse(const struct nlmsghdr *message, struct link_message *result);

/**
 * port_message_parse() - RTM_NEWLINK of the bridge family: a port's settings have changed
 * @ifindex: of the port
 */
int port_message_parse(const struct nlmsghdr *message, uint32_t *ifindex, bool *deaf);
int address_message_parse(const struct nlmsghdr *message, struct interface_address *result);
int neighbour_message_parse(const struct nlmsghdr *message, struct fdb_entry *result);

/**
 * struct neighbour - the kernel's ARP or ND entry for a peer that it has resolved
 * @ifindex: interface it was seen on; of a bridge's port the bridge
 * @address: IPv4 as in struct flow
 * @mac: where frames to @address are sent
 */
struct neighbour {
	uint32_t ifindex;
	struct in6_addr address;
	uint8_t mac[MAC_SIZE];
};

/** peer_message_parse() - RTM_NEWNEIGH of IPv4 or IPv6 */
int peer_message_parse(const struct nlmsghdr *message, struct neighbour *result);

/** struct next_hop - a router that packets are sent to; @address: IPv4 as in struct flow */
struct next_hop {
	uint32_t ifindex;
	struct in6_addr address;
};

/** default_route_parse() - a default route of any table by one router: 0 or as above */
int default_route_parse(const struct nlmsghdr *message, struct next_hop *result);

/**
 * route_message_each() - an IPv4 default route of the main table, not learned from a router
 *	advertisement: call @visit with each interface it leaves by
 * Return: 0 or as above.
 */
int route_message_each(const struct nlmsghdr *message, void (*visit)(void *data, uint32_t ifindex),
		       void *data);

#endif
