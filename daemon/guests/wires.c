// SPDX-License-Identifier: GPL-2.0-or-later
/* Whose connection is this? The other half: from an interface to the guest at its other end. */
#include "guests/state.h"

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

static struct wire_end *wire_find(struct registry *registry, uint32_t ifindex)
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
	for (size_t i = 0; i < sizeof(lan_kinds) / sizeof(lan_kinds[0]); i++) {
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

/* The VM that holds the tap; of two that do, which is asked for cannot be told. */
static void resolve_tap(struct registry *registry, const struct link *link, struct wire_end *wire)
{
	uint32_t found = 0;

	for (uint32_t i = 0; i < MEMBERS_MAX; i++) {
		const struct member *member = &registry->members[i];
		bool is_vmm = member->pid && member->guest != NO_GUEST && !member->supervisor &&
			      registry->guests[member->guest].kind == KIND_VM;

		if (!is_vmm || process_holds_tap(registry->settings.proc, member->pid, link->name,
						 registry->host.net) != 1)
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

static bool leads_elsewhere(const struct link *link)
{
	return link->type == LINK_VETH && link->peer_netnsid >= 0;
}

static void resolve(struct registry *registry, const struct link *link, struct wire_end *wire)
{
	if (is_lan(registry, link, 0))
		wire->state = WIRE_LAN;
	else if (link->type == LINK_TAP)
		resolve_tap(registry, link, wire);
	else if (leads_elsewhere(link) && peers_find_guest(registry, link, &wire->netns))
		wire->state = WIRE_NETNS;
}

/* Has nothing changed that its other end depends on? */
static bool is_same(const struct link *a, const struct link *b)
{
	return a->type == b->type && a->lower == b->lower && a->master == b->master &&
	       a->peer_netnsid == b->peer_netnsid && a->up == b->up &&
	       a->default_route == b->default_route && !strcmp(a->name, b->name);
}

static void update_wire(void *data, const struct link *link)
{
	struct registry *registry = data;
	struct wire_end *wire = wire_find(registry, link->ifindex);

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
	struct wire_end *wire = wire_find(search->registry, link->ifindex);
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

static void set_unknown(struct source *source, const char *why)
{
	source->class = SOURCE_UNKNOWN;
	source->kind = KIND_UNKNOWN;
	source->why = why;
}

static enum route route_of(const struct link *link)
{
	switch (link->type) {
	case LINK_VETH:
		return ROUTE_VETH;
	case LINK_TAP:
	case LINK_TUN:
		return ROUTE_TAP;
	case LINK_MACVTAP:
		return ROUTE_MACVTAP;
	default:
		return ROUTE_LAN;
	}
}

static void source_of_wire(struct registry *registry, const struct link *link,
			   struct source *source)
{
	struct wire_end *wire = wire_find(registry, link->ifindex);
	const struct guest *guest;

	switch (wire ? wire->state : WIRE_UNRESOLVED) {
	case WIRE_LAN:
		source->class = SOURCE_LAN;
		source->kind = KIND_LAN;
		source->why = "its interface leads to the LAN";
		return;
	case WIRE_NETNS:
		source_set_netns(registry, source, wire->netns);
		return;
	case WIRE_MEMBER:
		guest = guests_find_id(registry, wire->guest_id);
		if (guest) {
			source_set_guest(source, guest);
			return;
		}
		wire->state = WIRE_UNRESOLVED; /* the VM has ended, and left the tap behind */
		break;
	case WIRE_UNRESOLVED:
		break;
	}
	registry->wires_pending = true; /* look again after the verdict */
	set_unknown(source, "nobody known is at the other end of its interface");
}

void wire_source(struct registry *registry, const struct flow *flow, const struct arrival *arrival,
		 struct source *source)
{
	const struct links *links = registry->settings.links;
	const struct link *link = links_find(links, arrival->ifindex);
	uint32_t port = arrival->port_ifindex;

	source->route = ROUTE_LAN;
	if (!link) {
		set_unknown(source, "its interface is not known");
		return;
	}
	text_copy(source->interface, sizeof(source->interface), link->name);
	source->own_gateway = links_owns_address(links, link->ifindex, &flow->service);
	if (arrival->injected) {
		source->route = ROUTE_HOST_NET;
		set_unknown(source, "a raw frame that was put on lo");
		return;
	}
	source->route = route_of(link);
	if (link->type == LINK_BRIDGE) {
		enum links_port found = LINKS_PORT_NONE;

		source->route = ROUTE_BRIDGE;
		if (port)
			found = LINKS_PORT_FOUND;
		else if (arrival->has_mac)
			found = links_port(links, link->ifindex, arrival->mac, &port);
		if (found == LINKS_PORT_AMBIGUOUS) {
			set_unknown(source, "its MAC address is claimed behind several ports");
			return;
		}
		link = found == LINKS_PORT_FOUND ? links_find(links, port) : NULL;
		if (!link) {
			set_unknown(source, "no bridge port is known for its MAC address");
			return;
		}
	}
	source_of_wire(registry, link, source);
}
