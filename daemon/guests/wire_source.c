// SPDX-License-Identifier: GPL-2.0-or-later
/* Whose connection is this? The other half: from the interface it came in by to a guest. */
#include "guests/state.h"

#include "util/text.h"

#include <string.h>

static void set_unknown(struct source *source, const char *why)
{
	source->class = SOURCE_UNKNOWN;
	source->kind = KIND_UNKNOWN;
	source->why = why;
}

enum route wire_route(const struct link *link)
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
			   const struct flow *flow, const struct arrival *arrival,
			   struct source *source)
{
	struct wire_end *wire = wires_find(registry, link->ifindex);
	const struct guest *guest;

	switch (wire ? wire->state : WIRE_UNRESOLVED) {
	case WIRE_VMM:
		if (!host_only_source(registry, wire->runtime, arrival, source))
			set_unknown(source, "no VM that may be on this host-only network is known");
		return;
	case WIRE_LAN:
		if (bridged_source(registry, link, flow, arrival, source))
			return;
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

/* The bridge that it came over: the interface itself, or what it is a VLAN of; NULL for none. */
static const struct link *bridge_of(const struct links *links, const struct link *link)
{
	if (link->type == LINK_OTHER && !strcmp(link->kind_name, "vlan") && link->lower)
		link = links_find(links, link->lower);
	return link && link->type == LINK_BRIDGE ? link : NULL;
}

void wire_source(struct registry *registry, const struct flow *flow, const struct arrival *arrival,
		 struct source *source)
{
	const struct links *links = registry->settings.links;
	const struct link *link = links_find(links, arrival->ifindex);
	const struct link *bridge;
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
	source->route = wire_route(link);
	bridge = bridge_of(links, link);
	if (bridge) {
		enum links_port found = LINKS_PORT_NONE;

		source->route = ROUTE_BRIDGE;
		if (port)
			found = LINKS_PORT_FOUND;
		else if (arrival->has_mac)
			found = links_port(links, bridge->ifindex, arrival->mac, &port);
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
	source_of_wire(registry, link, flow, arrival, source);
}
