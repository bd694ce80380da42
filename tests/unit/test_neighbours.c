/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kernel/neighbours: which addresses are behind a port; a flood crowds out nobody else. */
#include "kernel/neighbours.h"
#include "util/array.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PORT = 10, FLOODER = 10 + NEIGHBOURS_PORTS }; /* the same slot */

static struct neighbours *neighbours;

static int make(void **state)
{
	return neighbours_new(&neighbours, NULL);
}

static int destroy(void **state)
{
	neighbours_free(neighbours);
	return 0;
}

static void add(uint32_t port, uint32_t number)
{
	struct neighbour entry = {.ifindex = 3, .mac = {2}};

	memcpy(&entry.address, &number, sizeof(number));
	neighbours_add(neighbours, port, &entry);
}

static void count_entry(void *data, const struct neighbour *entry)
{
	++*(unsigned int *)data;
	assert_int_equal(entry->mac[0], 2);
}

static unsigned int count(uint32_t port)
{
	unsigned int found = 0;

	neighbours_each(neighbours, port, count_entry, &found);
	return found;
}

static void each_port_has_its_own(void **state)
{
	add(PORT, 1);
	add(PORT, 2);
	add(PORT, 2); /* a dump that was interrupted */
	add(FLOODER, 1);
	assert_int_equal(count(PORT), 2);
	assert_int_equal(count(FLOODER), 1);
	assert_int_equal(count(PORT + 1), 0);
	neighbours_clear(neighbours);
	assert_int_equal(count(PORT), 0);
	add(PORT, 3);
	assert_int_equal(count(PORT), 1);
}

static void a_flood_crowds_out_nobody(void **state)
{
	for (uint32_t i = 0; i < 100000; i++)
		add(FLOODER, i);
	add(PORT, 1);
	assert_int_equal(count(FLOODER), NEIGHBOURS_PER_PORT);
	assert_int_equal(count(PORT), 1);
}

static void too_many_ports_are_left_out(void **state)
{
	unsigned int known = 0;

	for (uint32_t port = 1; port < 3 * NEIGHBOURS_PORTS; port++)
		add(port, 1);
	for (uint32_t port = 1; port < 3 * NEIGHBOURS_PORTS; port++)
		known += count(port);
	assert_int_equal(known, NEIGHBOURS_PORTS / 4 * 3);
}

static char buffer[512] __attribute__((aligned(8)));

static struct nlmsghdr *peer(uint8_t family, uint16_t state)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct ndmsg *header = mnl_nlmsg_put_extra_header(message, sizeof(*header));

	message->nlmsg_type = RTM_NEWNEIGH;
	header->ndm_family = family;
	header->ndm_ifindex = 3;
	header->ndm_state = state;
	mnl_attr_put(message, NDA_DST, family == AF_INET ? 4 : 16,
		     "\x0a\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\1");
	mnl_attr_put(message, NDA_LLADDR, MAC_SIZE, "\x02\0\0\0\xab\x01");
	return message;
}

static void reads_resolved_peers(void **state)
{
	static const uint16_t unresolved[] = {NUD_INCOMPLETE, NUD_FAILED, NUD_NOARP, NUD_NONE};
	struct neighbour entry;

	assert_int_equal(peer_message_parse(peer(AF_INET, NUD_STALE), &entry), 0);
	assert_int_equal(entry.ifindex, 3);
	assert_memory_equal(&entry.address, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\x02", 16);
	assert_memory_equal(entry.mac, "\x02\0\0\0\xab\x01", MAC_SIZE);
	assert_int_equal(peer_message_parse(peer(AF_INET6, NUD_REACHABLE), &entry), 0);
	assert_memory_equal(&entry.address, "\x0a\0\0\x02\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	for (size_t i = 0; i < ARRAY_SIZE(unresolved); i++)
		assert_int_equal(peer_message_parse(peer(AF_INET, unresolved[i]), &entry), -ENOMSG);
	assert_int_equal(peer_message_parse(peer(AF_BRIDGE, NUD_REACHABLE), &entry), -ENOMSG);
}

static void reads_routers(void **state)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct rtmsg *route;
	struct next_hop hop;

	route = mnl_nlmsg_put_extra_header(message, sizeof(*route));
	route->rtm_family = AF_INET;
	route->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(message, RTA_OIF, 3);
	assert_int_equal(default_route_parse(message, &hop), -ENOMSG); /* a tunnel */
	mnl_attr_put(message, RTA_GATEWAY, 4, "\x0a\0\0\x02");
	assert_int_equal(default_route_parse(message, &hop), 0);
	assert_int_equal(hop.ifindex, 3);
	assert_memory_equal(&hop.address, "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\x02", 16);
	route->rtm_dst_len = 8;
	assert_int_equal(default_route_parse(message, &hop), -ENOMSG);
	route->rtm_dst_len = 0;
	route->rtm_type = RTN_UNREACHABLE;
	assert_int_equal(default_route_parse(message, &hop), -ENOMSG);
	route->rtm_type = RTN_UNICAST;
	route->rtm_family = AF_INET6;
	assert_int_equal(default_route_parse(message, &hop), -EBADMSG); /* four bytes */
}

static void survives_cut_messages(void **state)
{
	struct nlmsghdr *message = peer(AF_INET6, NUD_REACHABLE);
	struct neighbour entry;

	for (size_t length = sizeof(*message); length < message->nlmsg_len; length++) {
		struct nlmsghdr *cut = calloc(1, MNL_ALIGN(length));

		memcpy(cut, message, length);
		cut->nlmsg_len = (uint32_t)length;
		peer_message_parse(cut, &entry); /* the sanitizers watch */
		free(cut);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_port_has_its_own),
		TEST(a_flood_crowds_out_nobody),
		TEST(too_many_ports_are_left_out),
		TEST(reads_resolved_peers),
		TEST(reads_routers),
		TEST(survives_cut_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
