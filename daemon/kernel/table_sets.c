// SPDX-License-Identifier: GPL-2.0-or-later
/* The sets of the table "inet lhguard": made with it, and changed in place. */
#include "kernel/table_sets.h"

#include "kernel/nft.h"

#include <netinet/in.h>

#define CGROUPS_AT_ONCE 64

/* One set for each depth: the expression names the depth of the ancestor that it looks up. */
const char *const table_guest_sets[RULESET_LEVELS] = {
	"guests1", "guests2", "guests3", "guests4", "guests5", "guests6", "guests7", "guests8",
};

/* Protocols whose flows connection tracking tells apart as sockets do, and that need it. */
static const uint8_t tracked_protocols[] = {IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6};

/* RFC 4861, RFC 2710, RFC 3810. Not router advertisement and redirect: no guest is our router. */
static const uint8_t discovery_types[] = {
	130, /* multicast listener query */
	131, /* multicast listener report */
	132, /* multicast listener done */
	133, /* router solicitation */
	135, /* neighbour solicitation */
	136, /* neighbour advertisement */
	143, /* multicast listener report, version 2 */
};

typedef void (*change_elements)(struct nft_batch *batch, const char *set, const void *keys,
				size_t size, size_t count);

/* Those of @cgroups that lie at this depth, many in one message. */
static void change_cgroups(struct nft_batch *batch, change_elements change, uint8_t level,
			   const struct ruleset_cgroup *cgroups, size_t count)
{
	const char *set = table_guest_sets[level - 1];
	uint64_t ids[CGROUPS_AT_ONCE];
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		if (cgroups[i].level != level)
			continue;
		ids[used++] = cgroups[i].id;
		if (used == CGROUPS_AT_ONCE) {
			change(batch, set, ids, sizeof(ids[0]), used);
			used = 0;
		}
	}
	change(batch, set, ids, sizeof(ids[0]), used);
}

static void add_unasked(struct nft_batch *batch, bool trust_flows)
{
	static const uint8_t udp = IPPROTO_UDP;

	nft_add_elements(batch, SET_UNASKED, &udp, sizeof(udp), trust_flows);
}

static void add_bridged(struct nft_batch *batch, const struct ruleset_bridged *bridged)
{
	nft_add_elements(batch, SET_PREFIXES, bridged->prefixes, RULESET_PREFIX_SIZE,
			 bridged->prefix_count);
	nft_add_elements(batch, SET_MACS, bridged->macs, MAC_SIZE, bridged->mac_count);
}

void table_add_sets(struct nft_batch *batch, const struct table_plan *plan)
{
	uint8_t level;

	nft_add_set(batch, SET_LAN, NFT_KEY_INTERFACE, sizeof(uint32_t));
	nft_add_elements(batch, SET_LAN, plan->lan, sizeof(uint32_t), plan->lan_count);
	nft_add_set(batch, SET_PREFIXES, NFT_KEY_LINK_ADDRESS, RULESET_PREFIX_SIZE);
	nft_add_set(batch, SET_MACS, NFT_KEY_ETHER, MAC_SIZE);
	add_bridged(batch, plan->bridged);
	for (level = 1; !plan->no_cgroups && level <= RULESET_LEVELS; level++) {
		nft_add_set(batch, table_guest_sets[level - 1], NFT_KEY_CGROUP, sizeof(uint64_t));
		change_cgroups(batch, nft_add_elements, level, plan->cgroups, plan->cgroup_count);
	}
	nft_add_set(batch, SET_TRACKED, NFT_KEY_PROTOCOL, 1);
	nft_add_elements(batch, SET_TRACKED, tracked_protocols, 1, sizeof(tracked_protocols));
	nft_add_set(batch, SET_UNASKED, NFT_KEY_PROTOCOL, 1);
	add_unasked(batch, plan->trust_flows);
	if (plan->settings->neighbour_discovery) {
		nft_add_set(batch, SET_DISCOVERY, NFT_KEY_ICMPV6_TYPE, 1);
		nft_add_elements(batch, SET_DISCOVERY, discovery_types, 1, sizeof(discovery_types));
	}
}

void table_write_lan(struct nft_batch *batch, const uint32_t *lan, size_t count)
{
	nft_flush_set(batch, SET_LAN);
	nft_add_elements(batch, SET_LAN, lan, sizeof(uint32_t), count);
}

void table_write_bridged(struct nft_batch *batch, const struct ruleset_bridged *bridged)
{
	nft_flush_set(batch, SET_PREFIXES);
	nft_flush_set(batch, SET_MACS);
	add_bridged(batch, bridged);
}

void table_write_cgroups(struct nft_batch *batch, const struct table_cgroups *change)
{
	uint8_t level;

	for (level = 1; level <= RULESET_LEVELS; level++) {
		if (change->anew)
			nft_flush_set(batch, table_guest_sets[level - 1]);
		change_cgroups(batch, nft_delete_elements, level, change->removed,
			       change->removed_count);
		change_cgroups(batch, nft_add_elements, level, change->added, change->added_count);
	}
}

void table_write_trust(struct nft_batch *batch, bool trust_flows)
{
	nft_flush_set(batch, SET_UNASKED);
	add_unasked(batch, trust_flows);
}
