// SPDX-License-Identifier: GPL-2.0-or-later
/* Who is at the other end of an interface: looked for when it comes, and remembered. */
#include "guests/state.h"

#include "guests/machines.h"
#include "util/array.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* All of /proc is read at most this often, microseconds; doubled each time up to the second. */
#define SCAN_WAIT_US	  500000u
#define SCAN_WAIT_MOST_US 16000000u

/* After each, and be it that something new has come, so many times as long as it took. */
#define SCAN_PAUSES 4u

/* Kinds of interface that carry LAN or VPN traffic, never a guest's own wire. */
static const char *const lan_kinds[] = {
	"wireguard", "vlan",   "bond", "team",	 "dummy",   "sit",    "gre",	  "gretap",
	"ip6gre",    "ipip",   "vti",  "vti6",	 "ip6tnl",  "xfrm",   "ppp",	  "wwan",
	"vxlan",     "geneve", "vrf",  "macsec", "macvlan", "ipvlan", "ip6gretap"};

/* The slot that leads to the wire, or the free one where it would be. */
static uint16_t *wire_slot(struct registry *registry, uint32_t ifindex)
{
	uint32_t at = ifindex * 2654435761u >> 20;

	static_assert(WIRE_SLOTS == 1u << (32 - 20), "the hash fills the slots");
	for (;; at = (at + 1) & (WIRE_SLOTS - 1)) {
		uint16_t *slot = &registry->wire_slots[at];

		if (!*slot || registry->wires[*slot - 1].ifindex == ifindex)
			return slot;
	}
}

struct wire_end *wires_find(struct registry *registry, uint32_t ifindex)
{
	const uint16_t *slot = wire_slot(registry, ifindex);

	return *slot ? &registry->wires[*slot - 1] : NULL;
}

/* NULL when the table is full. */
static struct wire_end *wire_add(struct registry *registry, uint32_t ifindex)
{
	uint16_t *slot = wire_slot(registry, ifindex);
	struct wire_end *wire;

	if (registry->wires_high == WIRES_MAX)
		return NULL;
	wire = &registry->wires[registry->wires_high++];
	*wire = (struct wire_end){.ifindex = ifindex};
	*slot = (uint16_t)registry->wires_high;
	return wire;
}

static void forget_removed_wires(struct registry *registry)
{
	uint32_t kept = 0;

	memset(registry->wire_slots, 0, sizeof(registry->wire_slots));
	for (uint32_t i = 0; i < registry->wires_high; i++) {
		if (!links_find(registry->settings.links, registry->wires[i].ifindex))
			continue;
		registry->wires[kept++] = registry->wires[i];
		*wire_slot(registry, registry->wires[kept - 1].ifindex) = (uint16_t)kept;
	}
	registry->wires_high = kept;
}

bool wire_leads_to(const struct wire_end *wire, const struct guest *guest)
{
	return (wire->state == WIRE_NETNS && guest->netns && wire->netns == guest->netns) ||
	       (wire->state == WIRE_MEMBER && wire->guest_id == guest->id);
}

/* What leads into a namespace, or to the LAN, does so whatever the catalogue says. */
void wires_forget_runtimes(struct registry *registry)
{
	for (uint32_t i = 0; i < registry->wires_high; i++)
		if (registry->wires[i].state != WIRE_NETNS && registry->wires[i].state != WIRE_LAN)
			registry->wires[i].state = WIRE_UNRESOLVED;
}

void wires_keep_netns(struct registry *registry)
{
	for (uint32_t i = 0; i < registry->wires_high; i++)
		if (registry->wires[i].state == WIRE_NETNS)
			guests_for_netns(registry, registry->wires[i].netns);
}

static bool is_declared(const struct link *link, const char (*declared)[IF_NAMESIZE], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(link->name, declared[i]))
			return true;
	return false;
}

static bool is_lan(const struct registry *registry, const struct link *link, unsigned int depth)
{
	if (link->type == LINK_PHYSICAL || link->type == LINK_TUN)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(lan_kinds); i++) {
		const struct link *lower;

		if (link->type != LINK_OTHER || strcmp(link->kind_name, lan_kinds[i]))
			continue;
		/* A vlan on a guest's wire is the guest's. */
		if (!link->lower)
			return true;
		lower = links_find(registry->settings.links, link->lower);
		return lower && depth < 4 && is_lan(registry, lower, depth + 1);
	}
	return false;
}

static bool holds(const struct registry *registry, pid_t pid, const struct link *link)
{
	if (link->type == LINK_MACVTAP)
		return process_holds_macvtap(registry->settings.proc, pid, link->ifindex,
					     link->name, link->mac) == 1;
	return process_holds_tap(registry->settings.proc, pid, link->name, registry->host.net) == 1;
}

/* The VM that holds the device; of two that do, which is asked for cannot be told. */
static void resolve_device(struct registry *registry, const struct link *link,
			   struct wire_end *wire)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < registry->member_count; i++) {
		const struct member *member = &registry->members[i];
		bool is_vmm = member->guest != NO_GUEST && !member->supervisor &&
			      registry->guests[member->guest].kind == KIND_VM;

		if (!is_vmm || !holds(registry, member->pid, link))
			continue;
		if (found && found != registry->guests[member->guest].id)
			return;
		found = registry->guests[member->guest].id;
	}
	if (!found)
		return;
	wire->state = WIRE_MEMBER;
	wire->guest_id = found;
}

/* Modules of their own make these, and the kernel knows no kind of them: their name is all. */
static void resolve_host_only(const struct registry *registry, const struct link *link,
			      struct wire_end *wire)
{
	const struct runtime *runtime =
		catalogue_interface(registry->settings.catalogue, link->name);

	if (!runtime || runtime->kind != KIND_VM)
		return;
	text_copy(wire->runtime, sizeof(wire->runtime), runtime->word);
	wire->state = WIRE_VMM;
}

static bool leads_elsewhere(const struct link *link)
{
	return link->type == LINK_VETH && link->peer_netnsid >= 0;
}

/* The machine that registered the interface as its own is the first to be asked. */
static void resolve_veth(struct registry *registry, const struct link *link, struct wire_end *wire)
{
	pid_t leader = machines_leader(registry->settings.files, link->ifindex);

	if (leader && peers_is_process(registry, link, leader, &wire->netns))
		guests_for_netns(registry, wire->netns);
	else if (!peers_find_guest(registry, link, &wire->netns))
		return;
	wire->state = WIRE_NETNS;
}

static void resolve(struct registry *registry, const struct link *link, struct wire_end *wire)
{
	if (is_lan(registry, link, 0))
		wire->state = WIRE_LAN;
	else if (link->type == LINK_TAP || link->type == LINK_MACVTAP)
		resolve_device(registry, link, wire);
	else if (link->type == LINK_OTHER && !link->kind_name[0])
		resolve_host_only(registry, link, wire);
	else if (leads_elsewhere(link))
		resolve_veth(registry, link, wire);
}

/* Has nothing changed that its other end depends on? */
static bool is_same(const struct link *a, const struct link *b)
{
	return a->type == b->type && a->lower == b->lower && a->master == b->master &&
	       a->peer_netnsid == b->peer_netnsid && a->up == b->up &&
	       a->default_route == b->default_route && !strcmp(a->name, b->name) &&
	       !memcmp(a->mac, b->mac, MAC_SIZE);
}

static void update_wire(void *data, const struct link *link)
{
	struct registry *registry = data;
	struct wire_end *wire;

	assert(registry); /* or the analyser takes "no wire" for "no registry" */
	wire = wires_find(registry, link->ifindex);
	if (link->type == LINK_LOOPBACK || link->type == LINK_BRIDGE)
		return;
	if (!wire) {
		wire = wire_add(registry, link->ifindex);
		if (!wire)
			return; /* its packets are from unknown */
	} else if (wire->state != WIRE_UNRESOLVED && is_same(&wire->seen, link)) {
		return;
	}
	wire->seen = *link;
	wire->state = WIRE_UNRESOLVED;
	resolve(registry, link, wire);
	if (wire->state == WIRE_UNRESOLVED)
		registry->wires_pending = true;
}

void registry_links_changed(struct registry *registry)
{
	forget_removed_wires(registry);
	registry->wires_wait_us = 0;
	registry->generation++;
	links_each(registry->settings.links, update_wire, registry);
	guests_prune(registry);
}

/* All wires to the namespace with this number, which peers_search() has met. */
static void join_netns(struct registry *registry, int32_t nsid, uint64_t netns)
{
	bool leads_there = false;

	for (uint32_t i = 0; i < registry->wires_high; i++) {
		struct wire_end *wire = &registry->wires[i];

		if (wire->state != WIRE_UNRESOLVED || !leads_elsewhere(&wire->seen) ||
		    wire->seen.peer_netnsid != nsid)
			continue;
		wire->state = WIRE_NETNS;
		wire->netns = netns;
		leads_there = true;
	}
	if (leads_there)
		guests_for_netns(registry, netns);
}

/*
 * A veth whose other end is out of sight and that the IPv4 default route leaves by is the uplink of
 * a machine that is a container itself: its peers are the LAN.
 */
static void settle_uplinks(struct registry *registry)
{
	for (uint32_t i = 0; i < registry->wires_high; i++) {
		struct wire_end *wire = &registry->wires[i];

		if (wire->state == WIRE_UNRESOLVED && leads_elsewhere(&wire->seen) &&
		    wire->seen.default_route)
			wire->state = WIRE_LAN;
	}
}

/* Return: whether a veth is still waiting. */
static bool resolve_all(struct registry *registry)
{
	bool waiting = false;

	for (uint32_t i = 0; i < registry->wires_high; i++) {
		struct wire_end *wire = &registry->wires[i];
		const struct link *link = links_find(registry->settings.links, wire->ifindex);

		if (!link || wire->state != WIRE_UNRESOLVED)
			continue;
		wire->seen = *link;
		resolve(registry, link, wire);
		waiting |= wire->state == WIRE_UNRESOLVED && leads_elsewhere(link);
	}
	return waiting;
}

static void resolve_waiting(struct registry *registry)
{
	peers_ask_guests(registry);
	if (!resolve_all(registry))
		return;
	peers_search(registry, join_netns);
	settle_uplinks(registry);
}

/*
 * Who is at an end that nobody is found at is looked for again and again, but ever more seldom, and
 * never for more than a part of the time.
 */
uint64_t wires_work(struct registry *registry)
{
	uint64_t now = clock_monotonic_us(), wait = registry->wires_wait_us;

	if (!registry->wires_pending)
		return 0;
	if (wait < SCAN_PAUSES * registry->wires_took_us)
		wait = SCAN_PAUSES * registry->wires_took_us;
	if (now < registry->wires_scanned_us + wait)
		return registry->wires_scanned_us + wait;
	registry->generation++;
	registry->wires_pending = false;
	resolve_waiting(registry);
	registry->wires_scanned_us = clock_monotonic_us();
	registry->wires_took_us = registry->wires_scanned_us - now;
	registry->wires_wait_us =
		registry->wires_wait_us ? registry->wires_wait_us * 2 : SCAN_WAIT_US;
	if (registry->wires_wait_us > SCAN_WAIT_MOST_US)
		registry->wires_wait_us = SCAN_WAIT_MOST_US;
	return 0;
}

/**
 * struct lan_search - interfaces of the LAN, as they are collected
 */
struct lan_search {
	struct registry *registry;
	const char (*declared)[IF_NAMESIZE];
	size_t declared_count;
	uint32_t *ifindexes;
	size_t size;
	size_t count;
};

static void visit_lan(void *data, const struct link *link)
{
	struct lan_search *search = data;
	struct wire_end *wire = wires_find(search->registry, link->ifindex);
	bool declared = is_declared(link, search->declared, search->declared_count);

	if (declared && wire)
		wire->state = WIRE_LAN;
	if ((declared || (wire && wire->state == WIRE_LAN)) && !link->master &&
	    search->count < search->size)
		search->ifindexes[search->count++] = link->ifindex;
}

size_t registry_lan(struct registry *registry, const char (*declared)[IF_NAMESIZE],
		    size_t declared_count, uint32_t *ifindexes, size_t size)
{
	struct lan_search search = {registry, declared, declared_count, ifindexes, size, 0};

	links_each(registry->settings.links, visit_lan, &search);
	return search.count;
}
