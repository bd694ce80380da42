// SPDX-License-Identifier: GPL-2.0-or-later
/* The ways by which a guest's connections can arrive, for those who ask before there is one. */
#include "guests/ways.h"

#include "guests/state.h"
#include "util/text.h"

#include <string.h>

/**
 * struct ways - the ways found so far
 */
struct ways {
	struct registry *registry;
	const struct guest *guest;
	uint16_t index;
	struct way *way;
	size_t count;
	size_t size;
};

static bool is_same(const struct way *one, const struct way *other)
{
	return one->ifindex == other->ifindex && one->source.route == other->source.route &&
	       one->source.shared == other->source.shared &&
	       !strcmp(one->source.conduit, other->source.conduit) &&
	       !strcmp(one->source.name, other->source.name);
}

/* Two processes or two ports of a bridge are one way. */
static void add(struct ways *ways, const struct way *way)
{
	for (size_t i = 0; i < ways->count; i++)
		if (is_same(&ways->way[i], way))
			return;
	if (ways->count < ways->size)
		ways->way[ways->count++] = *way;
}

/* Processes that their cgroup gives away. */
static void add_members(struct ways *ways)
{
	struct way way = {.is_own = true};

	text_copy(way.source.interface, sizeof(way.source.interface), "lo");
	way.source.route = ways->guest->kind == KIND_VM ? ROUTE_USER_NET : ROUTE_HOST_NET;
	source_set_guest(&way.source, ways->guest);
	for (uint32_t i = 0; i < ways->registry->member_count; i++) {
		const struct member *member = &ways->registry->members[i];

		if (member->local && member->guest == ways->index && member->suspect < 0) {
			add(ways, &way);
			return;
		}
	}
}

/* Processes that do not, and conduits. */
static void add_suspects(struct ways *ways)
{
	struct registry *registry = ways->registry;

	for (uint32_t i = 0; i < registry->suspects_high; i++) {
		struct suspect *suspect = &registry->suspects[i];
		struct way way = {.is_own = suspect->guest != NO_GUEST};

		if (!suspect->pid || !suspect_serves(suspect, ways->guest, ways->index))
			continue;
		text_copy(way.source.interface, sizeof(way.source.interface), "lo");
		source_set_suspect(registry, &way.source, suspect);
		add(ways, &way);
	}
}

static void add_wire(struct ways *ways, const struct wire_end *wire, const struct link *link)
{
	struct way way = {.ifindex = link->ifindex};
	const struct link *bridge =
		link->master ? links_find(ways->registry->settings.links, link->master) : NULL;

	way.source.route = wire_route(link);
	if (bridge && bridge->type == LINK_BRIDGE) {
		way.source.route = ROUTE_BRIDGE;
		way.ifindex = bridge->ifindex;
	}
	/* As host_only_source() and bridged_source() have it. */
	if (wire->state == WIRE_VMM)
		way.source.route = ROUTE_TAP;
	else if (wire->state == WIRE_LAN)
		way.source.route = ROUTE_LAN;
	text_copy(way.source.interface, sizeof(way.source.interface),
		  way.ifindex == link->ifindex ? link->name : bridge->name);
	if (wire->state == WIRE_NETNS)
		source_set_netns(ways->registry, &way.source, wire->netns);
	else
		source_set_guest(&way.source, ways->guest);
	add(ways, &way);
}

static bool leads_to(const struct ways *ways, const struct wire_end *wire)
{
	switch (wire->state) {
	case WIRE_VMM:
		return !strcmp(wire->runtime, ways->guest->runtime);
	case WIRE_LAN:
		return bridging_is_proven(ways->registry, ways->index);
	default:
		return wire_leads_to(wire, ways->guest);
	}
}

static void add_wires(struct ways *ways)
{
	struct registry *registry = ways->registry;

	for (uint32_t i = 0; i < registry->wires_high; i++) {
		const struct wire_end *wire = &registry->wires[i];
		const struct link *link =
			leads_to(ways, wire) ? links_find(registry->settings.links, wire->ifindex)
					     : NULL;

		if (link)
			add_wire(ways, wire, link);
	}
}

size_t registry_ways(struct registry *registry, const struct guest *guest, struct way *ways,
		     size_t size)
{
	struct ways found = {
		.registry = registry,
		.guest = guest,
		.index = guests_index(registry, guest),
		.way = ways,
		.size = size,
	};

	add_members(&found);
	add_suspects(&found);
	add_wires(&found);
	return found.count;
}

static bool choose_address(const struct registry *registry, uint32_t ifindex, struct flow *flow)
{
	static const struct in6_addr localhost = {
		.s6_addr = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}};

	if (ifindex)
		return links_first_address(registry->settings.links, ifindex, flow->family,
					   &flow->service);
	flow->service = flow->family == AF_INET ? localhost : in6addr_loopback;
	return true;
}

bool registry_way_source(struct registry *registry, const struct way *way, struct flow *flow,
			 struct source *source)
{
	unsigned int budget = SEARCH_BUDGET;
	const struct guest *guest;

	if (address_is_any(&flow->service) && !choose_address(registry, way->ifindex, flow))
		return false;
	*source = way->source;
	if (way->ifindex) {
		source->own_gateway =
			links_owns_address(registry->settings.links, way->ifindex, &flow->service);
		return true;
	}
	guest = way->is_own ? guests_find_id(registry, source->guest) : NULL;
	if (guest)
		source->own_service = is_own_service(registry, flow, guest, &budget);
	return true;
}
