// SPDX-License-Identifier: GPL-2.0-or-later
/* The MAC addresses of the VMs that run: kept current off the verdict path. */
#include "guests/state.h"

#include "util/clock.h"
#include "util/log.h"

#include <string.h>

#define MACS_OF_ONE   64      /* addresses of one VM */
#define TRIES	      8	      /* to read a configuration, before it counts as one that cannot be */
#define FIRST_WAIT_US 30000   /* before the second of them; doubled for each further one */
#define AGAIN_US      5000000 /* between looks for a new adapter of a VM that runs */

static void drop_unused(struct registry *registry)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < registry->mac_count; i++)
		if (registry->macs[i].is_configured || registry->macs[i].is_macvtap)
			registry->macs[kept++] = registry->macs[i];
	registry->mac_count = kept;
}

static void forget_configuration(struct registry *registry, uint32_t guest_id)
{
	for (uint32_t i = 0; i < registry->mac_count; i++)
		if (registry->macs[i].guest_id == guest_id)
			registry->macs[i].is_configured = registry->macs[i].is_injected = false;
	drop_unused(registry);
}

/* The entry of this address of the guest, an unused one when it is new; NULL when all are used. */
static struct mac_entry *entry_for(struct registry *registry, uint32_t guest_id, const uint8_t *mac)
{
	struct mac_entry *entry;

	for (uint32_t i = 0; i < registry->mac_count; i++) {
		entry = &registry->macs[i];
		if (entry->guest_id == guest_id && !memcmp(entry->mac, mac, MAC_SIZE))
			return entry;
	}
	if (registry->mac_count == GUEST_MACS_MAX)
		return NULL;
	entry = &registry->macs[registry->mac_count++];
	*entry = (struct mac_entry){.guest_id = guest_id};
	memcpy(entry->mac, mac, MAC_SIZE);
	return entry;
}

/* Of a configuration that cannot be read the addresses stay that are known of it. */
static void read_guest(struct registry *registry, const struct guest *guest,
		       struct mac_reading *reading, uint64_t now)
{
	uint8_t macs[MACS_OF_ONE][MAC_SIZE];
	int count = configuration_macs(registry, guest, macs, MACS_OF_ONE);
	bool injects = is_bridging(guest->runtime);

	reading->read_us = now;
	reading->next_us = 0;
	reading->is_read = count >= 0;
	if (count >= 0)
		forget_configuration(registry, guest->id);
	for (int i = 0; i < count; i++) {
		struct mac_entry *entry = entry_for(registry, guest->id, macs[i]);

		if (!entry) {
			reading->is_read = false;
			break;
		}
		entry->is_configured = true;
		entry->is_injected = injects;
	}
	if (reading->is_read)
		reading->tries = 0;
	else if (++reading->tries < TRIES)
		reading->next_us = now + ((uint64_t)FIRST_WAIT_US << reading->tries);
	else
		log_debug("guest %u: its MAC addresses cannot be read", guest->id);
}

/* The address of a macvtap is its guest's. Those of guests that have gone go here, too. */
static void take_wires(struct registry *registry)
{
	for (uint32_t i = 0; i < registry->mac_count; i++) {
		registry->macs[i].is_macvtap = false;
		if (!guests_find_id(registry, registry->macs[i].guest_id))
			registry->macs[i].is_configured = registry->macs[i].is_injected = false;
	}
	for (uint32_t i = 0; i < registry->wires_high; i++) {
		const struct wire_end *wire = &registry->wires[i];
		struct mac_entry *entry = NULL;

		if (wire->state == WIRE_MEMBER && wire->seen.type == LINK_MACVTAP &&
		    guests_find_id(registry, wire->guest_id))
			entry = entry_for(registry, wire->guest_id, wire->seen.mac);
		if (entry)
			entry->is_macvtap = true;
	}
	drop_unused(registry);
}

/* Looks at all guests when one of them has changed, or is to be read. */
uint64_t macs_work(struct registry *registry)
{
	bool changed = registry->macs_generation != registry->generation;
	uint64_t now = clock_monotonic_us(), next = 0;
	bool stale = registry->macs_stale;

	if (!changed && !stale && (!registry->macs_next_us || registry->macs_next_us > now))
		return registry->macs_next_us;
	registry->macs_stale = false;
	if (changed)
		take_wires(registry);
	for (uint32_t i = 0; i < registry->guests_high; i++) {
		const struct guest *guest = &registry->guests[i];
		struct mac_reading *reading = &registry->mac_readings[i];

		if (!guest->id || guest->kind != KIND_VM || !guest->leader)
			continue;
		if (reading->guest_id != guest->id)
			*reading = (struct mac_reading){.guest_id = guest->id, .next_us = now};
		else if (stale && !reading->next_us && is_bridging(guest->runtime))
			reading->next_us = reading->read_us + AGAIN_US;
		if (reading->next_us && reading->next_us <= now) {
			read_guest(registry, guest, reading, now);
			changed = true;
		}
		next = earlier(next, reading->next_us);
	}
	if (changed)
		registry->macs_generation = ++registry->generation;
	return registry->macs_next_us = next;
}
