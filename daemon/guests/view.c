// SPDX-License-Identifier: GPL-2.0-or-later
/* All that is known of one guest, collected when somebody looks. */
#include "guests/view.h"

#include "guests/state.h"
#include "kernel/neighbours.h"
#include "util/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void add_mac(struct guest_view *view, const uint8_t *mac)
{
	for (size_t i = 0; i < view->mac_count; i++)
		if (!memcmp(view->macs[i], mac, MAC_SIZE))
			return;
	if (view->mac_count < VIEW_MOST)
		memcpy(view->macs[view->mac_count++], mac, MAC_SIZE);
}

static int visit_mac(void *data, const uint8_t *mac)
{
	struct guest_view *view = data;

	add_mac(view, mac);
	return view->mac_count == VIEW_MOST;
}

/* IPv4 is what people know a guest by; a link-local address tells them least. */
static int rank(const struct in6_addr *address)
{
	return IN6_IS_ADDR_V4MAPPED(address) ? 0 : IN6_IS_ADDR_LINKLOCAL(address) ? 2 : 1;
}

static void add_address(struct guest_view *view, const struct in6_addr *address)
{
	size_t at = 0;

	for (size_t i = 0; i < view->address_count; i++)
		if (IN6_ARE_ADDR_EQUAL(&view->addresses[i], address))
			return;
	if (view->address_count == VIEW_MOST)
		return;
	while (at < view->address_count && rank(&view->addresses[at]) <= rank(address))
		at++;
	memmove(&view->addresses[at + 1], &view->addresses[at],
		(view->address_count - at) * sizeof(view->addresses[0]));
	view->addresses[at] = *address;
	view->address_count++;
}

static void visit_neighbour(void *data, const struct neighbour *entry)
{
	struct guest_view *view = data;

	add_mac(view, entry->mac);
	add_address(view, &entry->address);
}

static void add_interface(const struct registry *registry, const struct link *link,
			  struct guest_view *view)
{
	const struct link *bridge =
		link->master ? links_find(registry->settings.links, link->master) : NULL;
	size_t i = view->interface_count;

	if (i == VIEW_MOST)
		return;
	text_copy(view->interfaces[i].name, IF_NAMESIZE, link->name);
	text_copy(view->interfaces[i].bridge, IF_NAMESIZE, bridge ? bridge->name : "");
	view->interface_count++;
	links_each_mac(registry->settings.links, link->ifindex, visit_mac, view);
	if (registry->settings.neighbours)
		neighbours_each(registry->settings.neighbours, link->ifindex, visit_neighbour,
				view);
}

static void collect_wires(const struct registry *registry, const struct guest *guest,
			  struct guest_view *view)
{
	for (uint32_t i = 0; i < registry->wires_high; i++) {
		const struct wire_end *wire = &registry->wires[i];
		const struct link *link =
			wire_leads_to(wire, guest)
				? links_find(registry->settings.links, wire->ifindex)
				: NULL;

		if (link)
			add_interface(registry, link, view);
	}
}

static void collect_conduits(const struct registry *registry, const struct guest *guest,
			     struct guest_view *view)
{
	uint16_t index = guests_index(registry, guest);

	for (uint32_t i = 0; i < registry->suspects_high; i++) {
		const struct suspect *suspect = &registry->suspects[i];
		struct process process;

		if (!suspect->pid || !suspect->program || !suspect_serves(suspect, guest, index) ||
		    view->conduit_count == VIEW_MOST ||
		    process_read(registry->settings.proc, suspect->pid, &process))
			continue;
		view->conduits[view->conduit_count].pid = suspect->pid;
		text_copy(view->conduits[view->conduit_count].comm, COMM_SIZE, process.comm);
		text_copy(view->conduits[view->conduit_count].runtime, RUNTIME_SIZE,
			  suspect->program->runtime);
		view->conduit_count++;
	}
}

/* "Uid:	real	effective	saved	fs" of proc(5) */
static void find_user(const struct registry *registry, const struct guest *guest,
		      struct guest_view *view)
{
	char line[128], *end;
	unsigned long uid;

	if (!guest->leader || process_line(registry->settings.proc, guest->leader, "status",
					   "Uid:", line, sizeof(line)))
		return;
	errno = 0;
	uid = strtoul(line, &end, 10);
	if (errno || end == line || uid > UINT32_MAX)
		return;
	view->user = (uint32_t)uid;
	view->has_user = true;
}

void registry_view(const struct registry *registry, const struct guest *guest,
		   struct guest_view *view)
{
	memset(view, 0, sizeof(*view));
	view->processes = registry->guest_members[guests_index(registry, guest)];
	if (guest->cgroup && registry->settings.cgroup >= 0 &&
	    cgroups_path(registry->settings.cgroup, guest->cgroup, view->cgroup,
			 sizeof(view->cgroup)))
		view->cgroup[0] = '\0';
	if (registry->settings.neighbours)
		neighbours_refresh(registry->settings.neighbours);
	if (registry->settings.links)
		collect_wires(registry, guest, view);
	collect_conduits(registry, guest, view);
	find_user(registry, guest, view);
}
