/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which IP addresses the host has seen at an interface or bridge port: shown, never believed. */
#include "kernel/neighbours.h"

#include "kernel/netlink.h"
#include "util/clock.h"

#include <assert.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

/**
 * DOC: Theory of Operation
 *
 * Addresses are for people who look at a guest, so the kernel's tables are read when somebody looks
 * and not followed: every ARP exchange of every neighbour would be an event, and a guest could have
 * them sent as fast as it likes, into the socket that the bridge tables depend on.
 *
 * The tables name the bridge and a MAC address; which port that is behind the bridge tables tell. An
 * address that is ambiguous there is nobody's here.
 */

#define FRESH_US    1000000 /* a read serves for so long */
#define ROUTERS_MAX 16	    /* default routes of a family that are looked at */

/**
 * struct port - what is behind one
 * @ifindex: 0 in a free slot
 */
struct port {
	uint32_t ifindex;
	size_t count;
	struct neighbour entries[NEIGHBOURS_PER_PORT];
};

struct neighbours {
	struct netlink netlink;
	const struct links *links;
	uint64_t read_us; /* CLOCK_MONOTONIC, 0: never */
	size_t port_count;
	struct port ports[NEIGHBOURS_PORTS];
};

int neighbours_new(struct neighbours **neighbours, const struct links *links)
{
	struct neighbours *made = calloc(1, sizeof(*made));
	int r;

	if (!made)
		return -ENOMEM;
	r = netlink_open(&made->netlink, NETLINK_ROUTE, 0);
	if (r < 0) {
		free(made);
		return r;
	}
	made->links = links;
	*neighbours = made;
	return 0;
}

void neighbours_free(struct neighbours *neighbours)
{
	if (!neighbours)
		return;
	netlink_close(&neighbours->netlink);
	free(neighbours);
}

/* The port's slot, or the free one where it would be. Interfaces are numbered by the kernel. */
static struct port *find_slot(struct neighbours *neighbours, uint32_t ifindex)
{
	uint32_t i = ifindex % NEIGHBOURS_PORTS;

	while (neighbours->ports[i].ifindex && neighbours->ports[i].ifindex != ifindex)
		i = (i + 1) % NEIGHBOURS_PORTS;
	return &neighbours->ports[i];
}

void neighbours_clear(struct neighbours *neighbours)
{
	for (size_t i = 0; i < NEIGHBOURS_PORTS; i++)
		neighbours->ports[i].ifindex = 0;
	neighbours->port_count = 0;
}

void neighbours_add(struct neighbours *neighbours, uint32_t ifindex, const struct neighbour *entry)
{
	struct port *port = find_slot(neighbours, ifindex);

	if (!port->ifindex) {
		if (neighbours->port_count == NEIGHBOURS_PORTS / 4 * 3)
			return;
		neighbours->port_count++;
		port->ifindex = ifindex;
		port->count = 0;
	}
	for (size_t i = 0; i < port->count; i++) /* a dump that was interrupted comes twice */
		if (IN6_ARE_ADDR_EQUAL(&port->entries[i].address, &entry->address))
			return;
	if (port->count < NEIGHBOURS_PER_PORT)
		port->entries[port->count++] = *entry;
}

void neighbours_each(const struct neighbours *neighbours, uint32_t ifindex,
		     void (*visit)(void *data, const struct neighbour *entry), void *data)
{
	const struct port *port = find_slot((struct neighbours *)neighbours, ifindex);

	for (size_t i = 0; port->ifindex && i < port->count; i++)
		visit(data, &port->entries[i]);
}

static int take_message(const struct nlmsghdr *message, void *data)
{
	struct neighbours *neighbours = data;
	struct neighbour entry;
	const struct link *link;
	uint32_t port;

	if (peer_message_parse(message, &entry))
		return MNL_CB_OK;
	link = links_find(neighbours->links, entry.ifindex);
	if (!link || link->type == LINK_LOOPBACK)
		return MNL_CB_OK;
	if (link->type != LINK_BRIDGE)
		neighbours_add(neighbours, entry.ifindex, &entry);
	else if (links_port(neighbours->links, entry.ifindex, entry.mac, &port) == LINKS_PORT_FOUND)
		neighbours_add(neighbours, port, &entry);
	return MNL_CB_OK;
}

static int dump(struct neighbours *neighbours, uint16_t type, uint8_t family, mnl_cb_t take,
		void *data)
{
	_Alignas(struct nlmsghdr) char buffer[256];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);

	static_assert(sizeof(struct ndmsg) == sizeof(struct rtmsg), "one header for both");
	message->nlmsg_type = type;
	message->nlmsg_flags = NLM_F_DUMP;
	/* Its first byte is the family; the rest is 0. */
	*(uint8_t *)mnl_nlmsg_put_extra_header(message, sizeof(struct rtmsg)) = family;
	return netlink_request(&neighbours->netlink, message, take, data);
}

void neighbours_refresh(struct neighbours *neighbours)
{
	uint64_t now_us = clock_monotonic_us();

	if (neighbours->read_us && now_us < neighbours->read_us + FRESH_US)
		return;
	neighbours_clear(neighbours);
	if (!dump(neighbours, RTM_GETNEIGH, AF_INET, take_message, neighbours))
		dump(neighbours, RTM_GETNEIGH, AF_INET6, take_message, neighbours);
	neighbours->read_us = clock_monotonic_us();
}

/**
 * struct router_search - does one of the neighbours with this address stand at a default route's end?
 */
struct router_search {
	struct next_hop hops[ROUTERS_MAX];
	size_t count;
	const uint8_t *mac;
	bool found;
};

static int take_route(const struct nlmsghdr *message, void *data)
{
	struct router_search *search = data;

	if (search->count < ROUTERS_MAX &&
	    !default_route_parse(message, &search->hops[search->count]))
		search->count++;
	return MNL_CB_OK;
}

static int take_router(const struct nlmsghdr *message, void *data)
{
	struct router_search *search = data;
	struct neighbour entry;

	if (peer_message_parse(message, &entry) || memcmp(entry.mac, search->mac, MAC_SIZE) != 0)
		return MNL_CB_OK;
	for (size_t i = 0; i < search->count; i++)
		search->found |= search->hops[i].ifindex == entry.ifindex &&
				 IN6_ARE_ADDR_EQUAL(&search->hops[i].address, &entry.address);
	return MNL_CB_OK;
}

bool neighbours_is_router(struct neighbours *neighbours, const uint8_t *mac)
{
	static const uint8_t families[] = {AF_INET, AF_INET6};
	struct router_search search = {.mac = mac};

	for (size_t i = 0; i < sizeof(families); i++) {
		search.count = 0;
		dump(neighbours, RTM_GETROUTE, families[i], take_route, &search);
		dump(neighbours, RTM_GETNEIGH, families[i], take_router, &search);
	}
	return search.found;
}
