/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The namespace's interfaces, addresses and bridge ports, kept current by rtnetlink events. */
#ifndef LHGUARD_KERNEL_LINKS_H
#define LHGUARD_KERNEL_LINKS_H

#include "flow.h"

struct interface_address;
struct links;

enum link_type {
	LINK_LOOPBACK,
	LINK_PHYSICAL, /* has a parent device on a bus (IFLA_PARENT_DEV_NAME) */
	LINK_BRIDGE,
	LINK_VETH,
	LINK_TAP,
	LINK_TUN,
	LINK_MACVTAP,
	LINK_OTHER, /* see @kind_name */
};

/**
 * struct link - one interface
 * @ifindex: its index
 * @name: its name
 * @type: what it is
 * @kind_name: IFLA_INFO_KIND ("wireguard", "vlan", "dummy", …), "" when there is none
 * @master: ifindex of the bridge or bond it is a port of, 0 for none
 * @lower: IFLA_LINK: peer of a veth, lower device of a vlan or macvtap; 0 for none
 * @peer_netnsid: IFLA_LINK_NETNSID, the namespace that @lower lives in; -1: this one
 * @mac: its own address
 * @up: IFF_UP and carrier (IFF_LOWER_UP)
 * @default_route: an IPv4 default route of the main table leaves by it, one that was not learned
 *	from a router advertisement
 */
struct link {
	uint32_t ifindex;
	char name[IF_NAMESIZE];
	enum link_type type;
	char kind_name[16];
	uint32_t master;
	uint32_t lower;
	int32_t peer_netnsid;
	uint8_t mac[MAC_SIZE];
	bool up;
	bool default_route;
};

/** struct links_handler - told after the cache has changed; each may be NULL */
struct links_handler {
	void (*changed)(void *data, const struct link *link);
	void (*removed)(void *data, const struct link *link);
};

/**
 * links_new() - open the sockets in the current network namespace and read what is there
 * @handler: copied; called for what is read here, too, and may only look up, not ask the kernel
 */
int links_new(struct links **links, const struct links_handler *handler, void *data);
void links_free(struct links *links);
int links_fd(const struct links *links);

/**
 * links_dispatch() - read pending events without waiting; after ENOBUFS everything is read anew
 * Bounded: at most 512 datagrams a call; where there are more, links_port() does not know until
 * they are read.
 *
 * Return: 0 or -errno.
 */
int links_dispatch(struct links *links);

/** links_find() - by index, O(1); NULL when there is none. */
const struct link *links_find(const struct links *links, uint32_t ifindex);

/** links_each() - call @visit for every link. */
void links_each(const struct links *links, void (*visit)(void *data, const struct link *link),
		void *data);

/** links_owns_address() - is @address assigned to @ifindex (0: to any interface)? O(1). */
bool links_owns_address(const struct links *links, uint32_t ifindex,
			const struct in6_addr *address);

/** links_each_address() - all of them, in no order; stops when @visit returns non-zero */
void links_each_address(const struct links *links,
			int (*visit)(void *data, const struct interface_address *address),
			void *data);

/** links_first_address() - the one that people would name (addresses_first()) */
bool links_first_address(const struct links *links, uint32_t ifindex, uint8_t family,
			 struct in6_addr *address);

enum links_port {
	LINKS_PORT_FOUND,
	LINKS_PORT_NONE, /* the bridge does not know it, or events were lost and we are not sure */
	LINKS_PORT_AMBIGUOUS, /* no proof: it moved between ports within the last 30 s (somebody
			       * forges it), is at two ports in two VLANs, or the bridge has a port
			       * that learns nothing */
};

/**
 * links_port() - behind which port of a bridge is this MAC address? O(1).
 * @bridge: ifindex of the bridge
 * @port: receives the port's ifindex when LINKS_PORT_FOUND
 *
 * Source: RTM_NEWNEIGH of AF_BRIDGE. The kernel learns before it passes the frame up, so the entry
 * is in our socket before the packet is in the queue: dispatch the links before asking.
 */
enum links_port links_port(const struct links *links, uint32_t bridge, const uint8_t *mac,
			   uint32_t *port);

/**
 * links_each_mac() - the MAC addresses behind a bridge port, the newest first, for people to read
 * @visit: returns non-zero to end
 */
void links_each_mac(const struct links *links, uint32_t port,
		    int (*visit)(void *data, const uint8_t *mac), void *data);

/**
 * links_netnsid() - the id by which this namespace knows another (RTM_GETNSID)
 * @netns_fd: descriptor of the other namespace
 * Return: the id, -1 when it has none, or another -errno. May take the rtnl lock: not for the
 * verdict path.
 */
int links_netnsid(struct links *links, int netns_fd);

#endif
