// SPDX-License-Identifier: GPL-2.0-or-later
/* The MAC addresses of the VMs that run: kept current off the verdict path. */
#include "guests/state.h"

#include "kernel/neighbours.h"
#include "util/clock.h"
#include "util/log.h"

#include <string.h>

#define MACS_OF_ONE   64      /* addresses of one VM */
#define TRIES	      8	      /* to read a configuration, before it counts as one that cannot be */
#define FIRST_WAIT_US 30000   /* before the second of them; doubled for each further one */
#define AGAIN_US      5000000 /* between looks for a new adapter of a VM that runs */
#define LOOKS_TELL    8	      /* looks for a driver before somebody is warned */
#define LOOKS	      12      /* … before it is given up, minutes after the VM's start */
#define LOOKS_AT_ONCE 4	      /* VMs that are looked at in one turn of the loop */
#define OF_ONE	      8	      /* processes of a VM that are looked at */

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

/* Contained processes may have been handed anything; theirs is no VM of this host. */
static bool holds_driver(const struct registry *registry, pid_t pid, const char *driver)
{
	struct namespaces its;

	return !process_namespaces(registry->settings.proc, pid, &its) &&
	       its.pid == registry->host.pid && its.user == registry->host.user &&
	       process_holds_driver(registry->settings.proc, pid, driver) == 1;
}

/* The driver is there some time after the process, and stays while the VM runs. */
static void look_for_driver(struct registry *registry, const struct guest *guest,
			    struct mac_reading *reading, uint64_t now)
{
	const char *driver = bridging_driver(guest->runtime);
	uint16_t index = guests_index(registry, guest);
	int count = 0;

	for (uint32_t i = 0; i < registry->member_count && count < OF_ONE && !reading->holds_driver;
	     i++) {
		const struct member *member = &registry->members[i];

		if (member->guest != index || member->supervisor)
			continue;
		reading->holds_driver = holds_driver(registry, member->pid, driver);
		count++;
	}
	reading->look_us = 0;
	if (reading->holds_driver)
		return;
	if (++reading->looks < LOOKS)
		reading->look_us = now + ((uint64_t)FIRST_WAIT_US << reading->looks);
	if (reading->looks != LOOKS_TELL || registry->claims_told)
		return;
	registry->claims_told = true; /* once: whoever likes can start any number of them */
	log_warning("process %d is called as a VMM of %s, but does not hold /dev/%s: its MAC "
		    "addresses are not believed, nor are those of others like it",
		    guest->leader, guest->runtime, driver);
}

/* What comes through a router bears its address, and would all be the VM's. */
static bool is_a_routers(struct registry *registry, const struct guest *guest, const uint8_t *mac)
{
	if (!registry->settings.neighbours ||
	    !neighbours_is_router(registry->settings.neighbours, mac))
		return false;
	if (!registry->routers_told)
		log_warning("guest %u: %s:%s has the MAC address of a router of this host: it is "
			    "not known by that, nor is any other",
			    guest->id, kind_text(guest->kind), guest->name);
	registry->routers_told = true;
	return true;
}

/* Of a configuration that cannot be read the addresses stay that are known of it. */
static void read_guest(struct registry *registry, const struct guest *guest,
		       struct mac_reading *reading, uint64_t now)
{
	uint8_t macs[MACS_OF_ONE][MAC_SIZE];
	int count = configuration_macs(registry, guest, macs, MACS_OF_ONE);
	bool injects = bridging_is_proven(registry, guests_index(registry, guest));

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
		entry->is_injected = injects && !is_a_routers(registry, guest, macs[i]);
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
	int looks = 0;

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
			*reading = (struct mac_reading){
				.guest_id = guest->id, .next_us = now, .look_us = now};
		else if (stale && !reading->next_us && reading->holds_driver)
			reading->next_us = reading->read_us + AGAIN_US;
		if (bridging_driver(guest->runtime) && !reading->holds_driver) {
			if (reading->look_us && reading->look_us <= now && looks++ < LOOKS_AT_ONCE)
				look_for_driver(registry, guest, reading, now);
			if (!reading->holds_driver) {
				next = earlier(next, reading->look_us);
				continue;
			}
		}
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
