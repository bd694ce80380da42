/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The cache of interfaces, addresses, routes and bridge ports, fed with messages made here. */
#include "kernel/links_tables.h"
#include "util/array.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PARENT_DEV_NAME 56

enum { LO = 1, BRIDGE = 2, PORT_A = 3, PORT_B = 4, ETH = 5 };

static struct links_tables *tables;
static unsigned int changed_count;
static unsigned int removed_count;
static struct link last;

static void changed(void *data, const struct link *link)
{
	changed_count++;
	last = *link;
}

static void removed(void *data, const struct link *link)
{
	removed_count++;
	last = *link;
}

static int make(void **state)
{
	const struct links_handler handler = {changed, removed};

	changed_count = 0;
	removed_count = 0;
	return links_tables_new(&tables, &handler, NULL);
}

static int destroy(void **state)
{
	links_tables_free(tables);
	return 0;
}

/* One message at a time is made here. */
static _Alignas(struct nlmsghdr) char buffer[1024];
static struct nlmsghdr *message;

static void *begin(uint16_t type, size_t header_size)
{
	memset(buffer, 0, sizeof(buffer));
	message = mnl_nlmsg_put_header(buffer);
	message->nlmsg_type = type;
	return mnl_nlmsg_put_extra_header(message, header_size);
}

static int apply(uint64_t now_ms)
{
	return links_tables_apply(tables, message, now_ms);
}

static void begin_link(uint16_t type, int ifindex, const char *name)
{
	struct ifinfomsg *header = begin(type, sizeof(*header));

	header->ifi_index = ifindex;
	header->ifi_type = ARPHRD_ETHER;
	header->ifi_flags = IFF_UP | IFF_LOWER_UP;
	mnl_attr_put_strz(message, IFLA_IFNAME, name);
}

static void put_kind(const char *kind)
{
	struct nlattr *info = mnl_attr_nest_start(message, IFLA_LINKINFO);

	mnl_attr_put_strz(message, IFLA_INFO_KIND, kind);
	mnl_attr_nest_end(message, info);
}

static void put_tun(uint8_t type)
{
	struct nlattr *info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	struct nlattr *data;

	mnl_attr_put_strz(message, IFLA_INFO_KIND, "tun");
	data = mnl_attr_nest_start(message, IFLA_INFO_DATA);
	mnl_attr_put_u8(message, IFLA_TUN_TYPE, type);
	mnl_attr_nest_end(message, data);
	mnl_attr_nest_end(message, info);
}

static void add_link(int ifindex, const char *name, const char *kind, uint32_t master)
{
	begin_link(RTM_NEWLINK, ifindex, name);
	if (kind)
		put_kind(kind);
	if (master)
		mnl_attr_put_u32(message, IFLA_MASTER, master);
	assert_int_equal(apply(0), 0);
}

static void add_bridge_with_ports(void)
{
	add_link(BRIDGE, "br0", "bridge", 0);
	add_link(PORT_A, "va", "veth", BRIDGE);
	add_link(PORT_B, "vb", "veth", BRIDGE);
}

static const struct link *find(uint32_t ifindex)
{
	const struct link *link = links_tables_find(tables, ifindex);

	assert_non_null(link);
	return link;
}

static void knows_the_types(void **state)
{
	begin_link(RTM_NEWLINK, LO, "lo");
	((struct ifinfomsg *)mnl_nlmsg_get_payload(message))->ifi_type = ARPHRD_LOOPBACK;
	assert_int_equal(apply(0), 0);
	add_link(BRIDGE, "br0", "bridge", 0);
	add_link(PORT_A, "veth1", "veth", BRIDGE);
	add_link(PORT_B, "macvtap0", "macvtap", 0);
	add_link(20, "wg0", "wireguard", 0);
	add_link(21, "vboxnet0", NULL, 0);
	begin_link(RTM_NEWLINK, ETH, "eth0");
	mnl_attr_put_strz(message, PARENT_DEV_NAME, "0000:00:03.0");
	assert_int_equal(apply(0), 0);
	begin_link(RTM_NEWLINK, 22, "tap0");
	put_tun(IFF_TAP);
	assert_int_equal(apply(0), 0);
	begin_link(RTM_NEWLINK, 23, "tun0");
	put_tun(IFF_TUN);
	assert_int_equal(apply(0), 0);
	add_link(24, "tun1", "tun", 0); /* an old kernel, which does not tell */

	assert_int_equal(find(LO)->type, LINK_LOOPBACK);
	assert_int_equal(find(BRIDGE)->type, LINK_BRIDGE);
	assert_int_equal(find(PORT_A)->type, LINK_VETH);
	assert_int_equal(find(PORT_A)->master, BRIDGE);
	assert_int_equal(find(PORT_B)->type, LINK_MACVTAP);
	assert_int_equal(find(20)->type, LINK_OTHER);
	assert_string_equal(find(20)->kind_name, "wireguard");
	assert_int_equal(find(21)->type, LINK_OTHER);
	assert_int_equal(find(ETH)->type, LINK_PHYSICAL);
	assert_int_equal(find(22)->type, LINK_TAP);
	assert_int_equal(find(23)->type, LINK_TUN);
	assert_int_equal(find(24)->type, LINK_TAP);
	assert_null(links_tables_find(tables, 99));
}

static void reads_a_veth(void **state)
{
	static const uint8_t mac[] = {2, 4, 6, 8, 10, 12};

	begin_link(RTM_NEWLINK, PORT_A, "va");
	put_kind("veth");
	mnl_attr_put_u32(message, IFLA_LINK, 7);
	mnl_attr_put_u32(message, IFLA_LINK_NETNSID, 3);
	mnl_attr_put(message, IFLA_ADDRESS, sizeof(mac), mac);
	assert_int_equal(apply(0), 0);
	assert_int_equal(find(PORT_A)->lower, 7);
	assert_int_equal(find(PORT_A)->peer_netnsid, 3);
	assert_memory_equal(find(PORT_A)->mac, mac, sizeof(mac));
	assert_string_equal(find(PORT_A)->name, "va");
	assert_true(find(PORT_A)->up);
	assert_int_equal(changed_count, 1);
	assert_int_equal(apply(0), 0);
	assert_int_equal(changed_count, 1); /* the same once more */
	((struct ifinfomsg *)mnl_nlmsg_get_payload(message))->ifi_flags = IFF_UP;
	assert_int_equal(apply(0), 0);
	assert_int_equal(changed_count, 2);
	assert_false(last.up);
	message->nlmsg_type = RTM_DELLINK;
	assert_int_equal(apply(0), 0);
	assert_int_equal(apply(0), 0);
	assert_int_equal(removed_count, 1);
	assert_null(links_tables_find(tables, PORT_A));
}

/* A bridge tells that a port has left it with RTM_DELLINK of its own family. */
static void ignores_a_bridges_farewell(void **state)
{
	add_bridge_with_ports();
	begin_link(RTM_DELLINK, PORT_A, "va");
	((struct ifinfomsg *)mnl_nlmsg_get_payload(message))->ifi_family = AF_BRIDGE;
	assert_int_equal(apply(0), 0);
	assert_non_null(links_tables_find(tables, PORT_A));
}

static void a_dump_of_links_drops_the_rest(void **state)
{
	add_bridge_with_ports();
	links_tables_begin_sync(tables, LINKS_PART_LINKS);
	add_link(BRIDGE, "br0", "bridge", 0);
	add_link(PORT_B, "vb", "veth", BRIDGE);
	links_tables_end_sync(tables, LINKS_PART_LINKS, 0);
	assert_int_equal(removed_count, 1);
	assert_int_equal(last.ifindex, PORT_A);
	assert_null(links_tables_find(tables, PORT_A));
	find(PORT_B);
}

static void put_address(uint16_t type, uint32_t ifindex, const char *local, const char *peer,
			uint8_t prefix)
{
	struct ifaddrmsg *header = begin(type, sizeof(*header));
	uint8_t bytes[16];
	bool v6 = strchr(local, ':') != NULL;

	header->ifa_family = v6 ? AF_INET6 : AF_INET;
	header->ifa_index = ifindex;
	header->ifa_prefixlen = prefix;
	if (peer) {
		assert_int_equal(inet_pton(header->ifa_family, peer, bytes), 1);
		mnl_attr_put(message, IFA_ADDRESS, v6 ? 16 : 4, bytes);
	}
	assert_int_equal(inet_pton(header->ifa_family, local, bytes), 1);
	mnl_attr_put(message, peer || !v6 ? IFA_LOCAL : IFA_ADDRESS, v6 ? 16 : 4, bytes);
	assert_int_equal(apply(0), 0);
}

static bool owns(uint32_t ifindex, const char *text)
{
	struct in6_addr address;

	assert_int_equal(inet_pton(AF_INET6, text, &address), 1);
	return links_tables_owns_address(tables, ifindex, &address);
}

static void knows_addresses(void **state)
{
	add_link(BRIDGE, "br0", "bridge", 0);
	put_address(RTM_NEWADDR, BRIDGE, "192.168.122.1", NULL, 24);
	put_address(RTM_NEWADDR, BRIDGE, "192.168.122.1", NULL, 32);
	put_address(RTM_NEWADDR, BRIDGE, "fe80::1", NULL, 64);
	put_address(RTM_NEWADDR, ETH, "fe80::1", NULL, 64);
	put_address(RTM_NEWADDR, ETH, "10.0.0.1", "10.0.0.2", 32);
	put_address(RTM_NEWADDR, ETH, "fd00::1", "fd00::2", 128);
	assert_true(owns(BRIDGE, "::ffff:192.168.122.1"));
	assert_true(owns(0, "::ffff:192.168.122.1"));
	assert_false(owns(ETH, "::ffff:192.168.122.1"));
	assert_false(owns(0, "::ffff:192.168.122.2"));
	assert_true(owns(ETH, "::ffff:10.0.0.1"));
	assert_false(owns(ETH, "::ffff:10.0.0.2")); /* the peer's */
	assert_true(owns(ETH, "fd00::1"));
	assert_false(owns(ETH, "fd00::2"));

	put_address(RTM_DELADDR, BRIDGE, "192.168.122.1", NULL, 24);
	assert_true(owns(BRIDGE, "::ffff:192.168.122.1")); /* it has the other one */
	put_address(RTM_DELADDR, BRIDGE, "192.168.122.1", NULL, 32);
	assert_false(owns(BRIDGE, "::ffff:192.168.122.1"));
	put_address(RTM_DELADDR, BRIDGE, "192.168.122.9", NULL, 32);

	begin_link(RTM_DELLINK, BRIDGE, "br0");
	assert_int_equal(apply(0), 0);
	assert_false(owns(BRIDGE, "fe80::1"));
	assert_true(owns(ETH, "fe80::1"));

	links_tables_begin_sync(tables, LINKS_PART_ADDRESSES);
	put_address(RTM_NEWADDR, ETH, "fd00::1", "fd00::2", 128);
	links_tables_end_sync(tables, LINKS_PART_ADDRESSES, 0);
	assert_true(owns(0, "fd00::1"));
	assert_false(owns(0, "fe80::1"));
}

static struct rtmsg *begin_route(uint32_t ifindex)
{
	struct rtmsg *header = begin(RTM_NEWROUTE, sizeof(*header));

	header->rtm_family = AF_INET;
	header->rtm_type = RTN_UNICAST;
	header->rtm_table = RT_TABLE_MAIN;
	header->rtm_protocol = RTPROT_BOOT;
	if (ifindex)
		mnl_attr_put_u32(message, RTA_OIF, ifindex);
	return header;
}

static void put_next_hops(uint16_t length)
{
	struct rtnexthop hops[2] = {
		{.rtnh_len = length, .rtnh_ifindex = PORT_A},
		{.rtnh_len = sizeof(hops[0]), .rtnh_ifindex = PORT_B},
	};

	mnl_attr_put(message, RTA_MULTIPATH, sizeof(hops), hops);
}

static void knows_default_routes(void **state)
{
	add_bridge_with_ports();
	add_link(ETH, "eth0", NULL, 0);
	assert_false(links_tables_routes_stale(tables));

	begin_route(ETH)->rtm_dst_len = 24;
	assert_int_equal(apply(0), 0);
	begin_route(ETH)->rtm_protocol = RTPROT_RA;
	assert_int_equal(apply(0), 0);
	begin_route(ETH)->rtm_table = 77;
	assert_int_equal(apply(0), 0);
	begin_route(ETH);
	mnl_attr_put_u32(message, RTA_TABLE, 1000);
	assert_int_equal(apply(0), 0);
	begin_route(ETH)->rtm_type = RTN_UNREACHABLE;
	assert_int_equal(apply(0), 0);
	assert_false(links_tables_routes_stale(tables));

	begin_route(ETH);
	assert_int_equal(apply(0), 0);
	assert_true(links_tables_routes_stale(tables));
	assert_false(find(ETH)->default_route); /* only a dump shows what was replaced */

	links_tables_begin_sync(tables, LINKS_PART_ROUTES);
	assert_int_equal(apply(0), 0);
	begin_route(0);
	put_next_hops(sizeof(struct rtnexthop));
	assert_int_equal(apply(0), 0);
	links_tables_end_sync(tables, LINKS_PART_ROUTES, 0);
	assert_false(links_tables_routes_stale(tables));
	assert_true(find(ETH)->default_route);
	assert_true(find(PORT_A)->default_route);
	assert_true(find(PORT_B)->default_route);
	assert_false(find(BRIDGE)->default_route);
	assert_true(last.default_route);

	begin_link(RTM_NEWLINK, ETH, "eth0"); /* down: its routes go in silence */
	((struct ifinfomsg *)mnl_nlmsg_get_payload(message))->ifi_flags = 0;
	assert_int_equal(apply(0), 0);
	assert_true(links_tables_routes_stale(tables));
	links_tables_begin_sync(tables, LINKS_PART_ROUTES);
	links_tables_end_sync(tables, LINKS_PART_ROUTES, 0);
	assert_false(find(ETH)->default_route);

	links_tables_begin_sync(tables, LINKS_PART_ROUTES);
	begin_route(0);
	put_next_hops(2); /* shorter than itself: would never end */
	assert_int_equal(apply(0), 0);
	begin_route(0);
	put_next_hops(UINT16_MAX);
	assert_int_equal(apply(0), 0);
	links_tables_end_sync(tables, LINKS_PART_ROUTES, 0);
	assert_false(find(PORT_B)->default_route);
}

static const uint8_t guest[] = {0x52, 0x54, 0, 0, 0, 0x0a};

static struct ndmsg *begin_neighbour(uint16_t type, int port)
{
	struct ndmsg *header = begin(type, sizeof(*header));

	header->ndm_family = AF_BRIDGE;
	header->ndm_ifindex = port;
	header->ndm_state = NUD_REACHABLE;
	mnl_attr_put(message, NDA_LLADDR, sizeof(guest), guest);
	mnl_attr_put_u32(message, NDA_MASTER, BRIDGE);
	return header;
}

static enum links_port port_of(uint64_t now_ms, uint32_t *port)
{
	return links_tables_port(tables, BRIDGE, guest, now_ms, port);
}

static void finds_bridge_ports(void **state)
{
	uint32_t port = 0;

	add_bridge_with_ports();
	begin_neighbour(RTM_NEWNEIGH, PORT_A);
	assert_int_equal(apply(0), 0);
	assert_int_equal(port_of(10, &port), LINKS_PORT_FOUND);
	assert_int_equal(port, PORT_A);
	begin_neighbour(RTM_NEWNEIGH, PORT_B);
	assert_int_equal(apply(20), 0);
	assert_int_equal(port_of(20, &port), LINKS_PORT_AMBIGUOUS);
	assert_int_equal(port_of(40000, &port), LINKS_PORT_FOUND);
	assert_int_equal(port, PORT_B);
	begin_neighbour(RTM_DELNEIGH, PORT_B);
	assert_int_equal(apply(50000), 0);
	assert_int_equal(port_of(50000, &port), LINKS_PORT_NONE);
}

static void takes_only_learned_neighbours(void **state)
{
	uint32_t port;
	struct ndmsg *header;

	add_bridge_with_ports();
	begin_neighbour(RTM_NEWNEIGH, PORT_A)->ndm_state = NUD_PERMANENT;
	assert_int_equal(apply(0), 0);
	begin_neighbour(RTM_NEWNEIGH, PORT_A)->ndm_flags = NTF_SELF;
	assert_int_equal(apply(0), 0);
	begin_neighbour(RTM_NEWNEIGH, PORT_A)->ndm_family = AF_INET;
	assert_int_equal(apply(0), 0);
	begin_neighbour(RTM_NEWNEIGH, BRIDGE);
	assert_int_equal(apply(0), 0);
	header = begin(RTM_NEWNEIGH, sizeof(*header)); /* no bridge: a vxlan's own */
	header->ndm_family = AF_BRIDGE;
	header->ndm_ifindex = PORT_A;
	mnl_attr_put(message, NDA_LLADDR, sizeof(guest), guest);
	assert_int_equal(apply(0), 0);
	header = begin(RTM_NEWNEIGH, sizeof(*header));
	header->ndm_family = AF_BRIDGE;
	header->ndm_ifindex = PORT_A;
	mnl_attr_put(message, NDA_LLADDR, 4, guest);
	mnl_attr_put_u32(message, NDA_MASTER, BRIDGE);
	assert_int_equal(apply(0), -EBADMSG);
	assert_int_equal(port_of(0, &port), LINKS_PORT_NONE);
}

static void put_learning(uint8_t learning)
{
	struct ifinfomsg *header = begin(RTM_NEWLINK, sizeof(*header));
	struct nlattr *settings;

	header->ifi_family = AF_BRIDGE;
	header->ifi_index = PORT_B;
	settings = mnl_attr_nest_start(message, IFLA_PROTINFO);
	mnl_attr_put_u8(message, IFLA_BRPORT_LEARNING, learning);
	mnl_attr_nest_end(message, settings);
	assert_int_equal(apply(0), 0);
}

static void put_deaf_port(void)
{
	struct nlattr *info;
	struct nlattr *settings;

	begin_link(RTM_NEWLINK, PORT_B, "vb");
	mnl_attr_put_u32(message, IFLA_MASTER, BRIDGE);
	info = mnl_attr_nest_start(message, IFLA_LINKINFO);
	mnl_attr_put_strz(message, IFLA_INFO_SLAVE_KIND, "bridge");
	settings = mnl_attr_nest_start(message, IFLA_INFO_SLAVE_DATA);
	mnl_attr_put_u8(message, IFLA_BRPORT_LEARNING, 0);
	mnl_attr_nest_end(message, settings);
	mnl_attr_nest_end(message, info);
	assert_int_equal(apply(0), 0);
}

/* What a guest behind a port without learning sends is in no table: the table proves nothing. */
static void trusts_no_bridge_with_a_deaf_port(void **state)
{
	uint32_t port;

	add_bridge_with_ports();
	begin_neighbour(RTM_NEWNEIGH, PORT_A);
	assert_int_equal(apply(0), 0);
	put_learning(0);
	assert_int_equal(port_of(0, &port), LINKS_PORT_AMBIGUOUS);
	put_learning(1);
	assert_int_equal(port_of(0, &port), LINKS_PORT_FOUND);
	put_deaf_port();
	assert_int_equal(port_of(0, &port), LINKS_PORT_AMBIGUOUS);
	begin_link(RTM_DELLINK, PORT_B, "vb");
	assert_int_equal(apply(0), 0);
	assert_int_equal(port_of(0, &port), LINKS_PORT_FOUND);
}

static void refuses_broken_attributes(void **state)
{
	static const char long_name[] = "a-name-of-16-byt";
	const uint16_t types[] = {IFLA_MASTER, IFLA_LINK, IFLA_LINK_NETNSID, IFLA_ADDRESS,
				  IFLA_LINKINFO};

	begin_link(RTM_NEWLINK, 30, long_name);
	assert_int_equal(apply(0), -EBADMSG);
	begin(RTM_NEWLINK, sizeof(struct ifinfomsg));
	assert_int_equal(apply(0), -EBADMSG);
	begin_link(RTM_NEWLINK, -1, "x");
	assert_int_equal(apply(0), -EBADMSG);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		begin_link(RTM_NEWLINK, 31, "x");
		mnl_attr_put(message, types[i], 3, "abc");
		assert_int_equal(apply(0), 0);
		assert_int_equal(find(31)->master, 0);
		assert_int_equal(find(31)->lower, 0);
		assert_int_equal(find(31)->peer_netnsid, -1);
	}
	begin_link(RTM_NEWLINK, 32, "y");
	put_kind("a-kind-that-is-much-too-long");
	assert_int_equal(apply(0), 0);
	assert_string_equal(find(32)->kind_name, "");
}

static void make_link(void)
{
	put_deaf_port();
}

static void make_address(void)
{
	put_address(RTM_NEWADDR, ETH, "fd00::1", "fd00::2", 128);
}

static void make_route(void)
{
	begin_route(ETH);
	put_next_hops(sizeof(struct rtnexthop));
}

static void make_neighbour(void)
{
	begin_neighbour(RTM_NEWNEIGH, PORT_A);
}

static void make_port(void)
{
	put_learning(0);
}

/* Each message cut after each byte, in memory that ends there: the sanitizers watch. libmnl reads
 * up to the alignment, as all netlink messages are padded. */
static void survives_cut_messages(void **state)
{
	static void (*const makers[])(void) = {
		make_link, make_address, make_route, make_neighbour, make_port,
	};

	for (size_t i = 0; i < ARRAY_SIZE(makers); i++) {
		makers[i]();
		for (size_t length = sizeof(*message); length < message->nlmsg_len; length++) {
			struct nlmsghdr *cut = calloc(1, MNL_ALIGN(length));

			assert_non_null(cut);
			memcpy(cut, message, length);
			cut->nlmsg_len = (uint32_t)length;
			links_tables_apply(tables, cut, 0);
			free(cut);
		}
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(knows_the_types),
		TEST(reads_a_veth),
		TEST(ignores_a_bridges_farewell),
		TEST(a_dump_of_links_drops_the_rest),
		TEST(knows_addresses),
		TEST(knows_default_routes),
		TEST(finds_bridge_ports),
		TEST(takes_only_learned_neighbours),
		TEST(trusts_no_bridge_with_a_deaf_port),
		TEST(refuses_broken_attributes),
		TEST(survives_cut_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
