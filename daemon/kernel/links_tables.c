/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cache behind links.h, fed with messages; knows no sockets. */
#include "kernel/links_tables.h"

#include "kernel/addresses.h"
#include "kernel/fdb.h"
#include "kernel/links_message.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#define BUCKETS 1024

/**
 * struct node - one interface
 * @sync: number of the dump that it was last seen in, or after
 * @deaf: a bridge port that learns no addresses
 * @deaf_ports: of a bridge: how many such it has
 * @routed: found in the dump of routes that is going on
 */
struct node {
	struct link link;
	uint32_t sync;
	bool deaf;
	unsigned int deaf_ports;
	bool routed;
	struct node *next;
};

/**
 * struct links_tables - the cache
 * @sync: number of the latest dump of links
 * @routes_stale: see links_tables_routes_stale()
 * @routes_dumped: a dump of routes is going on: what comes is no event
 * @tells_parent: kernel_tells_parent()
 */
struct links_tables {
	struct links_handler handler;
	void *data;
	uint32_t sync;
	bool routes_stale;
	bool routes_dumped;
	bool tells_parent;
	struct addresses *addresses;
	struct fdb *fdb;
	struct node *links[BUCKETS];
};

/* Since Linux 5.14 a missing parent in the message means that there is none. */
static bool kernel_tells_parent(void)
{
	struct utsname name;
	unsigned int major;
	unsigned int minor;

	if (uname(&name) < 0 || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return true;
	return major > 5 || (major == 5 && minor >= 14);
}

int links_tables_new(struct links_tables **tables, const struct links_handler *handler, void *data)
{
	struct links_tables *made = calloc(1, sizeof(*made));
	int r;

	if (!made)
		return -ENOMEM;
	r = fdb_new(&made->fdb);
	if (r == 0)
		r = addresses_new(&made->addresses);
	if (r < 0) {
		links_tables_free(made);
		return r;
	}
	if (handler)
		made->handler = *handler;
	made->data = data;
	made->tells_parent = kernel_tells_parent();
	*tables = made;
	return 0;
}

void links_tables_free(struct links_tables *tables)
{
	if (!tables)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct node *node = tables->links[i], *next; node; node = next) {
			next = node->next;
			free(node);
		}
	}
	addresses_free(tables->addresses);
	fdb_free(tables->fdb);
	free(tables);
}

/* Links. */

/* The pointer that leads to the node, or to NULL at the end of its chain. */
static struct node **find_node(struct links_tables *tables, uint32_t ifindex)
{
	struct node **at = &tables->links[ifindex % BUCKETS];

	while (*at && (*at)->link.ifindex != ifindex)
		at = &(*at)->next;
	return at;
}

const struct link *links_tables_find(const struct links_tables *tables, uint32_t ifindex)
{
	const struct node *node = *find_node((struct links_tables *)tables, ifindex);

	return node ? &node->link : NULL;
}

void links_tables_each(const struct links_tables *tables,
		       void (*visit)(void *data, const struct link *link), void *data)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		for (const struct node *node = tables->links[i]; node; node = node->next)
			visit(data, &node->link);
	}
}

static void tell_changed(const struct links_tables *tables, const struct link *link)
{
	if (tables->handler.changed)
		tables->handler.changed(tables->data, link);
}

/* Rare: ports without learning exist where somebody manages the table by hand. */
static void count_deaf_ports(struct links_tables *tables)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct node *node = tables->links[i]; node; node = node->next)
			node->deaf_ports = 0;
	}
	for (size_t i = 0; i < BUCKETS; i++) {
		for (const struct node *node = tables->links[i]; node; node = node->next) {
			struct node *bridge =
				node->deaf ? *find_node(tables, node->link.master) : NULL;

			if (bridge)
				bridge->deaf_ports++;
		}
	}
}

static bool has_device_folder(const char *name)
{
	char path[sizeof("/sys/class/net//device") + IF_NAMESIZE];

	if (strchr(name, '/') || name[0] == '.')
		return false;
	snprintf(path, sizeof(path), "/sys/class/net/%s/device", name);
	return access(path, F_OK) == 0;
}

static int change_port(struct links_tables *tables, const struct nlmsghdr *message)
{
	struct node *node;
	uint32_t ifindex;
	bool deaf;
	int r = port_message_parse(message, &ifindex, &deaf);

	if (r < 0)
		return r;
	node = *find_node(tables, ifindex);
	if (!node || node->deaf == deaf)
		return 0;
	node->deaf = deaf;
	count_deaf_ports(tables);
	return 0;
}

static int new_link(struct links_tables *tables, const struct nlmsghdr *message)
{
	struct link_message parsed;
	struct node **at;
	struct node *node;
	bool was_deaf;
	bool same;
	int r = link_message_parse(message, &parsed);

	if (r == -ENOMSG)
		return change_port(tables, message);
	if (r < 0)
		return r;
	if (!tables->tells_parent && parsed.link.type == LINK_OTHER &&
	    parsed.link.kind_name[0] == '\0' && has_device_folder(parsed.link.name))
		parsed.link.type = LINK_PHYSICAL;
	at = find_node(tables, parsed.link.ifindex);
	if (!*at)
		*at = calloc(1, sizeof(**at));
	node = *at;
	if (!node)
		return -ENOMEM;
	node->sync = tables->sync;
	parsed.link.default_route = node->link.default_route;
	if (node->link.up && !parsed.link.up)
		tables->routes_stale = true;
	was_deaf = node->deaf;
	same = memcmp(&node->link, &parsed.link, sizeof(parsed.link)) == 0;
	node->link = parsed.link;
	node->deaf = parsed.deaf;
	if (was_deaf || node->deaf)
		count_deaf_ports(tables);
	if (!same)
		tell_changed(tables, &node->link);
	return 0;
}

static void remove_node(struct links_tables *tables, struct node **at, uint64_t now_ms)
{
	struct node *node = *at;

	*at = node->next;
	fdb_forget_port(tables->fdb, node->link.ifindex, now_ms);
	addresses_remove_link(tables->addresses, node->link.ifindex);
	if (node->deaf)
		count_deaf_ports(tables);
	if (node->link.default_route)
		tables->routes_stale = true;
	if (tables->handler.removed)
		tables->handler.removed(tables->data, &node->link);
	free(node);
}

static int delete_link(struct links_tables *tables, const struct nlmsghdr *message, uint64_t now_ms)
{
	struct link_message parsed;
	struct node **at;
	int r = link_message_parse(message, &parsed);

	if (r < 0)
		return r;
	at = find_node(tables, parsed.link.ifindex);
	if (*at)
		remove_node(tables, at, now_ms);
	return 0;
}

static void drop_unseen_links(struct links_tables *tables, uint64_t now_ms)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		struct node **at = &tables->links[i];

		while (*at) {
			if ((*at)->sync == tables->sync)
				at = &(*at)->next;
			else
				remove_node(tables, at, now_ms);
		}
	}
}

bool links_tables_owns_address(const struct links_tables *tables, uint32_t ifindex,
			       const struct in6_addr *address)
{
	return addresses_contain(tables->addresses, ifindex, address);
}

void links_tables_each_address(const struct links_tables *tables,
			       int (*visit)(void *data, const struct interface_address *address),
			       void *data)
{
	addresses_each(tables->addresses, visit, data);
}

bool links_tables_first_address(const struct links_tables *tables, uint32_t ifindex, uint8_t family,
				struct in6_addr *address)
{
	return addresses_first(tables->addresses, ifindex, family, address);
}

static int change_address(struct links_tables *tables, const struct nlmsghdr *message)
{
	struct interface_address address;
	int r = address_message_parse(message, &address);

	if (r < 0)
		return r;
	if (message->nlmsg_type == RTM_NEWADDR)
		return addresses_add(tables->addresses, &address);
	addresses_remove(tables->addresses, &address);
	return 0;
}

/* Default routes. */

static void mark_routed(void *data, uint32_t ifindex)
{
	struct node *node = *find_node(data, ifindex);

	if (node)
		node->routed = true;
}

static void ignore_hop(void *data, uint32_t ifindex)
{
}

static void settle_routes(struct links_tables *tables)
{
	tables->routes_stale = false;
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct node *node = tables->links[i]; node; node = node->next) {
			if (node->link.default_route == node->routed)
				continue;
			node->link.default_route = node->routed;
			tell_changed(tables, &node->link);
		}
	}
}

static void clear_routed(struct links_tables *tables)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		for (struct node *node = tables->links[i]; node; node = node->next)
			node->routed = false;
	}
}

bool links_tables_routes_stale(const struct links_tables *tables)
{
	return tables->routes_stale;
}

static int change_route(struct links_tables *tables, const struct nlmsghdr *message)
{
	int r;

	if (tables->routes_dumped)
		return route_message_each(message, mark_routed, tables);
	r = route_message_each(message, ignore_hop, NULL);
	if (r == 0)
		tables->routes_stale = true;
	return r;
}

/* Bridge ports. */

static int change_neighbour(struct links_tables *tables, const struct nlmsghdr *message,
			    uint64_t now_ms)
{
	struct fdb_entry entry;
	int r = neighbour_message_parse(message, &entry);

	if (r < 0)
		return r;
	if (message->nlmsg_type == RTM_NEWNEIGH)
		fdb_learn(tables->fdb, &entry, now_ms);
	else
		fdb_forget(tables->fdb, &entry, now_ms);
	return 0;
}

enum links_port links_tables_port(const struct links_tables *tables, uint32_t bridge,
				  const uint8_t *mac, uint64_t now_ms, uint32_t *port)
{
	const struct node *node = *find_node((struct links_tables *)tables, bridge);

	if (node && node->deaf_ports > 0)
		return LINKS_PORT_AMBIGUOUS;
	return fdb_find(tables->fdb, bridge, mac, now_ms, port);
}

void links_tables_each_mac(const struct links_tables *tables, uint32_t port, uint64_t now_ms,
			   int (*visit)(void *data, const uint8_t *mac), void *data)
{
	fdb_each(tables->fdb, port, now_ms, visit, data);
}

static int apply(struct links_tables *tables, const struct nlmsghdr *message, uint64_t now_ms)
{
	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
		return new_link(tables, message);
	case RTM_DELLINK:
		return delete_link(tables, message, now_ms);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return change_address(tables, message);
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return change_route(tables, message);
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		return change_neighbour(tables, message, now_ms);
	default:
		return 0;
	}
}

int links_tables_apply(struct links_tables *tables, const struct nlmsghdr *message, uint64_t now_ms)
{
	int r = apply(tables, message, now_ms);

	return r == -ENOMSG ? 0 : r;
}

void links_tables_begin_sync(struct links_tables *tables, enum links_part part)
{
	switch (part) {
	case LINKS_PART_LINKS:
		tables->sync++;
		break;
	case LINKS_PART_ADDRESSES:
		addresses_begin_sync(tables->addresses);
		break;
	case LINKS_PART_ROUTES:
		tables->routes_dumped = true;
		clear_routed(tables);
		break;
	case LINKS_PART_NEIGHBOURS:
		fdb_begin_sync(tables->fdb);
		break;
	}
}

void links_tables_end_sync(struct links_tables *tables, enum links_part part, uint64_t now_ms)
{
	switch (part) {
	case LINKS_PART_LINKS:
		drop_unseen_links(tables, now_ms);
		break;
	case LINKS_PART_ADDRESSES:
		addresses_end_sync(tables->addresses);
		break;
	case LINKS_PART_ROUTES:
		tables->routes_dumped = false;
		settle_routes(tables);
		break;
	case LINKS_PART_NEIGHBOURS:
		fdb_end_sync(tables->fdb, now_ms);
		break;
	}
}
