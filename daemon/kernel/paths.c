// SPDX-License-Identifier: GPL-2.0-or-later
/* Where a peer is: by which interface and to which MAC address the host answers it. */
#include "kernel/paths.h"

#include "kernel/netlink.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_SIZE   256 /* a power of two */
#define REQUEST_SIZE 128

/* struct rtmsg and struct ndmsg are followed by attributes; no table here is larger. */
#define TABLE_SIZE(last) ((size_t)(last) + 1)

/**
 * struct entry - a path that was found
 * @result: of paths_find()
 */
struct entry {
	bool is_used;
	struct in6_addr local;
	struct in6_addr remote;
	uint32_t bound_ifindex;
	int result;
	struct path path;
};

struct paths {
	struct netlink netlink;
	struct entry cache[CACHE_SIZE];
};

/**
 * struct hop - the route's answer
 * @gateway: next hop, the peer itself where it is on the link
 */
struct hop {
	bool is_local;
	uint32_t ifindex;
	struct in6_addr gateway;
};

int paths_open(struct paths **paths)
{
	struct paths *new = calloc(1, sizeof(*new));
	int result;

	if (!new)
		return -ENOMEM;
	result = netlink_open(&new->netlink, NETLINK_ROUTE, 0);
	if (result) {
		free(new);
		return result;
	}
	*paths = new;
	return 0;
}

void paths_close(struct paths *paths)
{
	if (!paths)
		return;
	netlink_close(&paths->netlink);
	free(paths);
}

static void put_address(struct nlmsghdr *message, uint16_t type, const struct in6_addr *address)
{
	if (address_family(address) == AF_INET)
		mnl_attr_put(message, type, 4, &address->s6_addr[12]);
	else
		mnl_attr_put(message, type, sizeof(*address), address);
}

static void take_address(const struct nlattr *attribute, struct in6_addr *address)
{
	const uint8_t *bytes = mnl_attr_get_payload(attribute);

	if (mnl_attr_get_payload_len(attribute) == 4) {
		*address = address_any_four;
		memcpy(&address->s6_addr[12], bytes, 4);
	} else if (mnl_attr_get_payload_len(attribute) == sizeof(*address)) {
		memcpy(address, bytes, sizeof(*address));
	}
}

static int take_route(const struct nlmsghdr *message, void *data)
{
	const struct nlattr *table[TABLE_SIZE(RTA_VIA)];
	const struct rtmsg *route = mnl_nlmsg_get_payload(message);
	struct hop *hop = data;
	const struct nlattr *via;

	if (message->nlmsg_type != RTM_NEWROUTE ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(*route))
		return MNL_CB_OK;
	hop->is_local = route->rtm_type == RTN_LOCAL;
	netlink_attributes(message, sizeof(*route), table, TABLE_SIZE(RTA_VIA));
	if (table[RTA_OIF] && mnl_attr_validate(table[RTA_OIF], MNL_TYPE_U32) >= 0)
		hop->ifindex = mnl_attr_get_u32(table[RTA_OIF]);
	if (table[RTA_GATEWAY])
		take_address(table[RTA_GATEWAY], &hop->gateway);
	via = table[RTA_VIA]; /* struct rtvia: a family and an address of it */
	if (via && mnl_attr_get_payload_len(via) == sizeof(struct rtvia) + sizeof(struct in6_addr))
		memcpy(&hop->gateway,
		       (const uint8_t *)mnl_attr_get_payload(via) + sizeof(struct rtvia),
		       sizeof(struct in6_addr));
	return MNL_CB_OK;
}

static int find_hop(struct paths *paths, const struct in6_addr *local,
		    const struct in6_addr *remote, uint32_t bound_ifindex, struct hop *hop)
{
	_Alignas(struct nlmsghdr) char buffer[REQUEST_SIZE];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct rtmsg *route;

	message->nlmsg_type = RTM_GETROUTE;
	route = mnl_nlmsg_put_extra_header(message, sizeof(*route));
	route->rtm_family = address_family(remote);
	route->rtm_dst_len = route->rtm_family == AF_INET ? 32 : 128;
	route->rtm_src_len = route->rtm_dst_len;
	put_address(message, RTA_DST, remote);
	put_address(message, RTA_SRC, local);
	if (bound_ifindex)
		mnl_attr_put_u32(message, RTA_OIF, bound_ifindex);
	*hop = (struct hop){.gateway = *remote};
	return netlink_request(&paths->netlink, message, take_route, hop);
}

static int take_neighbour(const struct nlmsghdr *message, void *data)
{
	const struct nlattr *table[TABLE_SIZE(NDA_LLADDR)];
	struct path *path = data;

	if (message->nlmsg_type != RTM_NEWNEIGH ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(struct ndmsg))
		return MNL_CB_OK;
	netlink_attributes(message, sizeof(struct ndmsg), table, TABLE_SIZE(NDA_LLADDR));
	if (!table[NDA_LLADDR] || mnl_attr_get_payload_len(table[NDA_LLADDR]) != MAC_SIZE)
		return MNL_CB_OK;
	path->has_mac = true;
	memcpy(path->mac, mnl_attr_get_payload(table[NDA_LLADDR]), MAC_SIZE);
	return MNL_CB_OK;
}

/* An interface without MAC addresses has no neighbours (ENOENT), and the path is known all the
 * same. */
static void find_mac(struct paths *paths, const struct hop *hop, struct path *path)
{
	_Alignas(struct nlmsghdr) char buffer[REQUEST_SIZE];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ndmsg *neighbour;

	message->nlmsg_type = RTM_GETNEIGH;
	neighbour = mnl_nlmsg_put_extra_header(message, sizeof(*neighbour));
	neighbour->ndm_family = address_family(&hop->gateway);
	neighbour->ndm_ifindex = (int32_t)hop->ifindex;
	put_address(message, NDA_DST, &hop->gateway);
	if (netlink_request(&paths->netlink, message, take_neighbour, path))
		path->has_mac = false;
}

static int find(struct paths *paths, const struct in6_addr *local, const struct in6_addr *remote,
		uint32_t bound_ifindex, struct path *path)
{
	struct hop hop;
	int result = find_hop(paths, local, remote, bound_ifindex, &hop);

	*path = (struct path){.is_local = hop.is_local, .ifindex = hop.ifindex};
	if (result)
		return result;
	if (!hop.ifindex)
		return -ENETUNREACH;
	if (!hop.is_local)
		find_mac(paths, &hop, path);
	return 0;
}

static struct entry *cache_slot(struct paths *paths, const struct in6_addr *remote)
{
	uint32_t hash = 0;

	for (size_t i = 0; i < 4; i++)
		hash = (hash ^ remote->s6_addr32[i]) * 2654435761u;
	return &paths->cache[hash >> 24];
}

int paths_find(struct paths *paths, const struct in6_addr *local, const struct in6_addr *remote,
	       uint32_t bound_ifindex, struct path *path)
{
	struct entry *entry = cache_slot(paths, remote);

	_Static_assert(CACHE_SIZE == 1u << (32 - 24), "the hash fills the cache");
	if (!entry->is_used || entry->bound_ifindex != bound_ifindex ||
	    !IN6_ARE_ADDR_EQUAL(&entry->local, local) ||
	    !IN6_ARE_ADDR_EQUAL(&entry->remote, remote)) {
		*entry = (struct entry){
			.is_used = true,
			.local = *local,
			.remote = *remote,
			.bound_ifindex = bound_ifindex,
		};
		entry->result = find(paths, local, remote, bound_ifindex, &entry->path);
	}
	*path = entry->path;
	return entry->result;
}
