/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The namespace's interfaces, addresses and bridge ports, kept current by rtnetlink events. */
#include "kernel/links.h"

#include "kernel/links_tables.h"
#include "kernel/netlink.h"
#include "util/array.h"
#include "util/cleanup.h"

#include <linux/filter.h>
#include <linux/neighbour.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

/**
 * DOC: Theory of Operation
 *
 * Three sockets: one for changes of interfaces, addresses and routes, one for changes of bridge
 * tables, one to ask. The second is apart since guests decide how much it gets: one that floods its
 * bridge with addresses must not make us miss an interface. An epoll descriptor stands for both.
 *
 * First the subscriptions, then the dumps: a change in between comes twice and never not at all.
 * Whatever was lost (ENOBUFS) is read anew by a dump. For the bridge tables that is not enough: an
 * address may have moved to another port and back unseen. So after a loss, and as long as there are
 * more events than one dispatch reads, links_port() does not know; and since a bridge may hold a
 * million addresses, their dumps take at most a tenth of our time.
 */

#define EVENTS_RECEIVE_BYTES	 (1024 * 1024)
#define NEIGHBOURS_RECEIVE_BYTES (8 * 1024 * 1024) /* about 10,000 changes */
#define DATAGRAM_SIZE		 32768
#define DATAGRAMS_PER_DISPATCH	 256
#define UNSURE_MS		 1000 /* after a loss: no older packet is waiting then */
#define DUMP_INTERVAL_FACTOR	 10

/**
 * struct links - the cache and its sockets
 * @lost: changes of interfaces, addresses or routes were lost
 * @neighbours_lost: changes of a bridge table were lost
 * @neighbours_behind: not all of them have been read
 * @unsure_until_ms: links_port() does not know, CLOCK_MONOTONIC
 * @next_dump_ms: earliest time for the next dump of bridge tables
 */
struct links {
	struct links_tables *tables;
	struct netlink events;
	struct netlink neighbours;
	struct netlink requests;
	int epoll;
	bool lost;
	bool neighbours_lost;
	bool neighbours_behind;
	uint64_t unsure_until_ms;
	uint64_t next_dump_ms;
};

static uint64_t monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Dumps. */

static int take_message(const struct nlmsghdr *message, void *data)
{
	struct links *links = data;
	int r = links_tables_apply(links->tables, message, monotonic_ms());

	if (r == -ENOMEM) {
		errno = ENOMEM;
		return MNL_CB_ERROR;
	}
	return MNL_CB_OK; /* a broken message spoils no other */
}

static void put_dump_header(struct nlmsghdr *message, enum links_part part)
{
	switch (part) {
	case LINKS_PART_LINKS:
		message->nlmsg_type = RTM_GETLINK;
		mnl_nlmsg_put_extra_header(message, sizeof(struct ifinfomsg));
		mnl_attr_put_u32(message, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
		break;
	case LINKS_PART_ADDRESSES:
		message->nlmsg_type = RTM_GETADDR;
		mnl_nlmsg_put_extra_header(message, sizeof(struct ifaddrmsg));
		break;
	case LINKS_PART_ROUTES: {
		struct rtmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

		message->nlmsg_type = RTM_GETROUTE;
		header->rtm_family = AF_INET;
		break;
	}
	case LINKS_PART_NEIGHBOURS: {
		struct ndmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

		message->nlmsg_type = RTM_GETNEIGH;
		header->ndm_family = AF_BRIDGE;
		break;
	}
	}
}

static int read_part(struct links *links, enum links_part part)
{
	_Alignas(struct nlmsghdr) char buffer[256];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	int r;

	message->nlmsg_flags = NLM_F_DUMP;
	put_dump_header(message, part);
	links_tables_begin_sync(links->tables, part);
	r = netlink_request(&links->requests, message, take_message, links);
	if (r == 0)
		links_tables_end_sync(links->tables, part, monotonic_ms());
	return r;
}

static int read_lost(struct links *links)
{
	int r = 0;

	if (links->lost) {
		r = read_part(links, LINKS_PART_LINKS);
		if (r == 0)
			r = read_part(links, LINKS_PART_ADDRESSES);
	}
	if (r == 0 && (links->lost || links_tables_routes_stale(links->tables)))
		r = read_part(links, LINKS_PART_ROUTES);
	if (r == 0)
		links->lost = false;
	return r;
}

static int read_lost_neighbours(struct links *links)
{
	uint64_t start_ms = monotonic_ms();
	uint64_t end_ms;
	int r;

	if (!links->neighbours_lost || start_ms < links->next_dump_ms)
		return 0;
	r = read_part(links, LINKS_PART_NEIGHBOURS);
	end_ms = monotonic_ms();
	links->next_dump_ms = end_ms + (end_ms - start_ms + 1) * DUMP_INTERVAL_FACTOR;
	if (r < 0)
		return r;
	links->neighbours_lost = false;
	links->unsure_until_ms = end_ms + UNSURE_MS;
	return 0;
}

/* Events. */

static void apply_datagram(struct links *links, const void *datagram, size_t size)
{
	const struct nlmsghdr *message = datagram;
	uint64_t now_ms = monotonic_ms();
	int left = (int)size;

	for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
		if (links_tables_apply(links->tables, message, now_ms) == -ENOMEM)
			links->lost = true;
	}
}

/* Return: 1 when there may be more, 0 when all has been read, -errno; @lost is set or left. */
static int drain(struct links *links, struct netlink *netlink, bool *lost)
{
	_Alignas(struct nlmsghdr) char datagram[DATAGRAM_SIZE];

	for (unsigned int i = 0; i < DATAGRAMS_PER_DISPATCH; i++) {
		ssize_t n = netlink_receive(netlink, datagram, sizeof(datagram));

		if (n == -ENOBUFS) {
			*lost = true;
			continue;
		}
		if (n <= 0)
			return (int)n;
		apply_datagram(links, datagram, (size_t)n);
	}
	return 1;
}

int links_dispatch(struct links *links)
{
	int r = drain(links, &links->events, &links->lost);

	if (r >= 0)
		r = read_lost(links);
	if (r < 0)
		return r;
	r = drain(links, &links->neighbours, &links->neighbours_lost);
	if (r < 0)
		return r;
	links->neighbours_behind = r > 0;
	return read_lost_neighbours(links);
}

/* Opening. */

/* The group tells of ARP and neighbour discovery too; be woken by bridge tables only. */
static int filter_bridges(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_B | BPF_ABS,
			 NLMSG_HDRLEN + offsetof(struct ndmsg, ndm_family)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_BRIDGE, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	struct sock_fprog program = {.len = ARRAY_SIZE(code), .filter = code};

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		return -errno;
	return 0;
}

static int subscribe(struct links *links)
{
	static const unsigned int groups[] = {
		RTNLGRP_LINK,
		RTNLGRP_IPV4_IFADDR,
		RTNLGRP_IPV6_IFADDR,
		RTNLGRP_IPV4_ROUTE,
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(groups); i++)
		r = netlink_join(&links->events, groups[i]);
	if (r == 0)
		r = filter_bridges(netlink_fd(&links->neighbours));
	if (r == 0)
		r = netlink_join(&links->neighbours, RTNLGRP_NEIGH);
	return r;
}

static int watch(struct links *links, const struct netlink *netlink)
{
	struct epoll_event event = {.events = EPOLLIN};

	if (epoll_ctl(links->epoll, EPOLL_CTL_ADD, netlink_fd(netlink), &event) < 0)
		return -errno;
	return 0;
}

static int open_sockets(struct links *links)
{
	int r = netlink_open(&links->events, NETLINK_ROUTE, EVENTS_RECEIVE_BYTES);

	if (r == 0)
		r = netlink_open(&links->neighbours, NETLINK_ROUTE, NEIGHBOURS_RECEIVE_BYTES);
	if (r == 0)
		r = netlink_open(&links->requests, NETLINK_ROUTE, 0);
	if (r < 0)
		return r;
	links->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (links->epoll < 0)
		return -errno;
	r = watch(links, &links->events);
	if (r == 0)
		r = watch(links, &links->neighbours);
	return r;
}

static int start(struct links *links, const struct links_handler *handler, void *data)
{
	int r = links_tables_new(&links->tables, handler, data);

	if (r == 0)
		r = open_sockets(links);
	if (r == 0)
		r = subscribe(links);
	if (r < 0)
		return r;
	links->lost = true;
	r = read_lost(links);
	return r == 0 ? read_part(links, LINKS_PART_NEIGHBOURS) : r;
}

int links_new(struct links **links, const struct links_handler *handler, void *data)
{
	struct links *made = calloc(1, sizeof(*made));
	int r;

	if (!made)
		return -ENOMEM;
	made->epoll = -1;
	r = start(made, handler, data);
	if (r < 0) {
		links_free(made);
		return r;
	}
	*links = made;
	return 0;
}

void links_free(struct links *links)
{
	if (!links)
		return;
	cleanup_close(&links->epoll);
	netlink_close(&links->requests);
	netlink_close(&links->neighbours);
	netlink_close(&links->events);
	links_tables_free(links->tables);
	free(links);
}

int links_fd(const struct links *links)
{
	return links->epoll;
}

/* Questions. */

const struct link *links_find(const struct links *links, uint32_t ifindex)
{
	return links_tables_find(links->tables, ifindex);
}

void links_each(const struct links *links, void (*visit)(void *data, const struct link *link),
		void *data)
{
	links_tables_each(links->tables, visit, data);
}

bool links_owns_address(const struct links *links, uint32_t ifindex, const struct in6_addr *address)
{
	return links_tables_owns_address(links->tables, ifindex, address);
}

void links_each_address(const struct links *links,
			int (*visit)(void *data, const struct interface_address *address),
			void *data)
{
	links_tables_each_address(links->tables, visit, data);
}

bool links_first_address(const struct links *links, uint32_t ifindex, uint8_t family,
			 struct in6_addr *address)
{
	return links_tables_first_address(links->tables, ifindex, family, address);
}

enum links_port links_port(const struct links *links, uint32_t bridge, const uint8_t *mac,
			   uint32_t *port)
{
	uint64_t now_ms = monotonic_ms();

	if (links->neighbours_lost || links->neighbours_behind || now_ms < links->unsure_until_ms)
		return LINKS_PORT_NONE;
	return links_tables_port(links->tables, bridge, mac, now_ms, port);
}

void links_each_mac(const struct links *links, uint32_t port,
		    int (*visit)(void *data, const uint8_t *mac), void *data)
{
	links_tables_each_mac(links->tables, port, monotonic_ms(), visit, data);
}

static int read_netnsid(const struct nlmsghdr *message, void *data)
{
	const struct nlattr *table[NETNSA_NSID + 1];
	int32_t *id = data;

	netlink_attributes(message, sizeof(struct rtgenmsg), table, NETNSA_NSID + 1);
	if (table[NETNSA_NSID] && mnl_attr_validate(table[NETNSA_NSID], MNL_TYPE_U32) >= 0)
		*id = (int32_t)mnl_attr_get_u32(table[NETNSA_NSID]);
	return MNL_CB_OK;
}

int links_netnsid(struct links *links, int netns_fd)
{
	_Alignas(struct nlmsghdr) char buffer[256];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	int32_t id = NETNSA_NSID_NOT_ASSIGNED;
	int r;

	message->nlmsg_type = RTM_GETNSID;
	mnl_nlmsg_put_extra_header(message, sizeof(struct rtgenmsg));
	mnl_attr_put_u32(message, NETNSA_FD, (uint32_t)netns_fd);
	r = netlink_request(&links->requests, message, read_netnsid, &id);
	if (r < 0)
		return r == -EPERM ? -EACCES : r; /* -1 means "none" here */
	return id;
}
