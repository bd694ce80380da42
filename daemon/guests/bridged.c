// SPDX-License-Identifier: GPL-2.0-or-later
/* Whose frame is this on a wire that guests share with others? By the MAC address alone. */
#include "guests/state.h"

#include "kernel/ruleset.h"
#include "util/array.h"

#include <string.h>

/**
 * DOC: Theory of Operation
 *
 * VirtualBox and VMware put a bridged guest's frames into the host's adapter as if its wire had
 * brought them, and a host-only network has no interface for each guest. Nothing is there to tell
 * the guest by but its source address, which a guest may change: so this names guests for the
 * owner's sake, and holds back those that bear the address that their owner gave them.
 *
 * A process may call itself as it likes and write any address into a file, and with it a claim to
 * what another machine sends. So a VM counts here only when it was seen to hold its runtime's
 * driver, which the runtime opens for those whom it lets run VMs.
 *
 * The addresses come from the configurations of the VMs that run (macs.c). An address with the
 * prefix of a runtime that has VMs here, and that none of them has, is a LAN peer's; but as long as
 * the configuration of one of them has not been read, it may be that one's. Where it could be
 * several VMs' it is "one of" them, and no exception by name opens it.
 */

/*
 * VirtualBox, VBoxNetFlt-linux.c, and VMware, vmnet-only/bridge.c: netif_rx() in the name of the
 * adapter. Others have prefixes of their own, too, but each guest has an interface of its own. The
 * drivers' devices are in SUPDrv-linux.c and vmmon-only/linux/driver.c.
 */
static const struct {
	const char *runtime, *driver;
} bridging[] = {{"virtualbox", "vboxdrv"}, {"vmware", "vmmon"}};

/* VMware on Wi-Fi: smac.c of its vmnet module puts the adapter's own address into the frames. */
#define SHARES_MAC "vmware"

const char *bridging_driver(const char *runtime)
{
	for (size_t i = 0; i < ARRAY_SIZE(bridging); i++)
		if (!strcmp(bridging[i].runtime, runtime))
			return bridging[i].driver;
	return NULL;
}

bool bridging_is_proven(const struct registry *registry, uint32_t index)
{
	const struct mac_reading *reading = &registry->mac_readings[index];

	return reading->guest_id && reading->guest_id == registry->guests[index].id &&
	       reading->holds_driver;
}

static bool is_of(const struct guest *guest, const char *runtime)
{
	return guest->id && guest->kind == KIND_VM && !strcmp(guest->runtime, runtime);
}

static bool is_read(const struct registry *registry, uint32_t index)
{
	return registry->mac_readings[index].guest_id == registry->guests[index].id &&
	       registry->mac_readings[index].is_read;
}

/* What by_address() looks for; @runtime: NULL for any */
struct address_query {
	const uint8_t *mac;
	const char *runtime;
	bool on_macvtap;
};

/* All that have the address; of clones it is several. */
static bool find_address(struct registry *registry, const struct address_query *query,
			 struct source *source)
{
	bool found = false;

	for (uint32_t i = 0; i < registry->mac_count; i++) {
		const struct mac_entry *entry = &registry->macs[i];
		const struct guest *guest;

		if (memcmp(entry->mac, query->mac, MAC_SIZE) ||
		    !(query->on_macvtap ? entry->is_macvtap : entry->is_injected))
			continue;
		guest = guests_find_id(registry, entry->guest_id);
		if (!guest || (query->runtime && !is_of(guest, query->runtime)))
			continue;
		source_add_guest(source, guest);
		found = true;
	}
	return found;
}

/* A macvtap is there for sure, a bridged adapter only if the owner set it up so. */
static bool by_address(struct registry *registry, const uint8_t *mac, const char *runtime,
		       struct source *source)
{
	struct address_query query = {mac, runtime, true};

	if (find_address(registry, &query, source)) {
		source->route = ROUTE_MACVTAP;
		source->why = "its MAC address, which is that of its macvtap";
		return true;
	}
	query.on_macvtap = false;
	if (!find_address(registry, &query, source))
		return false;
	source->route = ROUTE_LAN;
	source->why = "its MAC address, as its configuration has it";
	return true;
}

/* One of the runtime's VMs; @unread: only of those that may have any address. */
static bool by_runtime(struct registry *registry, const char *runtime, bool unread,
		       struct source *source)
{
	bool found = false;

	for (uint32_t i = 0; i < registry->guests_high; i++) {
		if (!is_of(&registry->guests[i], runtime) || !bridging_is_proven(registry, i))
			continue;
		registry->macs_stale = true; /* after the verdict: has it a new adapter? */
		if (unread && is_read(registry, i))
			continue;
		source_add_guest(source, &registry->guests[i]);
		found = true;
	}
	if (found)
		source_share(source);
	return found;
}

bool bridged_source(struct registry *registry, const struct link *link, const struct flow *flow,
		    const struct arrival *arrival, struct source *source)
{
	const struct runtime *runtime;

	if (!arrival->has_mac)
		return false;
	if (by_address(registry, arrival->mac, NULL, source))
		return true;
	if (!memcmp(arrival->mac, link->mac, MAC_SIZE)) {
		if (links_owns_address(registry->settings.links, 0, &flow->client) ||
		    !by_runtime(registry, SHARES_MAC, false, source))
			return false;
		source->why = "its interface's own MAC address with a foreign IP address";
	} else {
		runtime = catalogue_mac(registry->settings.catalogue, arrival->mac);
		if (!runtime || !bridging_driver(runtime->word) ||
		    !by_runtime(registry, runtime->word, true, source))
			return false;
		source->why = "the prefix of its MAC address; whose it is could not be read";
	}
	source->route = ROUTE_LAN;
	return true;
}

bool host_only_source(struct registry *registry, const char *runtime, const struct arrival *arrival,
		      struct source *source)
{
	bool found = arrival->has_mac && by_address(registry, arrival->mac, runtime, source);

	if (!found && by_runtime(registry, runtime, false, source)) {
		found = true;
		source->why = "on a host-only network, by a MAC address that none is known to have";
	}
	source->route = ROUTE_TAP; /* an interface of the VMM's own, whichever driver makes it */
	return found;
}

/* What of this the kernel has to queue. */

static bool runs(const struct registry *registry, const char *runtime)
{
	for (uint32_t i = 0; i < registry->guests_high; i++)
		if (is_of(&registry->guests[i], runtime) && bridging_is_proven(registry, i))
			return true;
	return false;
}

/* The kernel compares three bytes, as makers have them; a longer one is looked at again here. */
static void put_prefixes(const struct registry *registry, struct ruleset_bridged *bridged)
{
	const struct runtime *runtime;
	const uint8_t *bytes;
	size_t length;

	for (size_t i = 0; bridged->prefix_count < RULESET_PREFIXES_MAX; i++) {
		runtime = catalogue_mac_prefix(registry->settings.catalogue, i, &bytes, &length);
		if (!runtime)
			return;
		if (length >= RULESET_PREFIX_SIZE && bridging_driver(runtime->word) &&
		    runs(registry, runtime->word))
			memcpy(bridged->prefixes[bridged->prefix_count++], bytes,
			       RULESET_PREFIX_SIZE);
	}
}

static void put_mac(struct ruleset_bridged *bridged, const uint8_t *mac)
{
	static const uint8_t none[MAC_SIZE];

	if (memcmp(mac, none, MAC_SIZE) && bridged->mac_count < RULESET_MACS_MAX)
		memcpy(bridged->macs[bridged->mac_count++], mac, MAC_SIZE);
}

void registry_bridged(const struct registry *registry, struct ruleset_bridged *bridged)
{
	bool shares_mac = runs(registry, SHARES_MAC);

	memset(bridged, 0, sizeof(*bridged));
	put_prefixes(registry, bridged);
	for (uint32_t i = 0; shares_mac && i < registry->wires_high; i++) {
		const struct wire_end *wire = &registry->wires[i];
		const struct link *link = links_find(registry->settings.links, wire->ifindex);

		if (link && wire->state == WIRE_LAN)
			put_mac(bridged, link->mac);
	}
	for (uint32_t i = 0; i < registry->mac_count; i++)
		if (registry->macs[i].is_injected || registry->macs[i].is_macvtap)
			put_mac(bridged, registry->macs[i].mac);
}
