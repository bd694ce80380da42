// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of guests: found by key, id or network namespace; never allocated from. */
#include "guests/state.h"

#include "guests/names.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

uint64_t hash_text(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325u; /* FNV-1a */

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
	return hash ? hash : 1;
}

uint16_t guests_index(const struct registry *registry, const struct guest *guest)
{
	return guest ? (uint16_t)(guest - registry->guests) : NO_GUEST;
}

struct guest *guests_find_key(struct registry *registry, const char *key)
{
	uint64_t hash = hash_text(key);

	for (uint32_t i = 0; i < registry->guests_high; i++)
		if (registry->guest_keys[i] == hash && !strcmp(registry->guests[i].key, key))
			return &registry->guests[i];
	return NULL;
}

struct guest *guests_find_id(struct registry *registry, uint32_t id)
{
	for (uint32_t i = 0; id && i < registry->guests_high; i++)
		if (registry->guests[i].id == id)
			return &registry->guests[i];
	return NULL;
}

struct guest *guests_add(struct registry *registry, enum kind kind, const char *runtime,
			 const char *name, const char *key, const char *why)
{
	struct guest *guest;
	uint32_t i = 0;

	while (i < registry->guests_high && registry->guests[i].id)
		i++;
	if (i == GUESTS_MAX)
		return NULL;
	if (i == registry->guests_high)
		registry->guests_high++;
	guest = &registry->guests[i];
	memset(guest, 0, sizeof(*guest));
	guest->id = ++registry->next_id;
	registry->generation++;
	registry->wires_wait_us = 0; /* it may be what an interface waits for */
	guest->kind = kind;
	text_copy(guest->runtime, sizeof(guest->runtime), runtime);
	text_copy(guest->name, sizeof(guest->name), name);
	text_copy(guest->key, sizeof(guest->key), key);
	guest->why = why;
	guest->first_us = clock_realtime_us();
	registry->guest_keys[i] = hash_text(key);
	registry->guest_netns[i] = 0;
	registry->guest_members[i] = 0;
	log_debug("guest %u: %s:%s (%s, %s)", guest->id, kind_text(kind), guest->name,
		  guest->runtime, why);
	return guest;
}

struct guest *guests_for_cgroup(struct registry *registry, const struct cgroup_match *match)
{
	char key[sizeof(registry->guests->key)], name[NAME_SIZE];
	struct guest *guest;

	/* An opaque id is the container's own, whoever tells it: conmon, containerd's shim or the
	 * cgroup. */
	snprintf(key, sizeof(key), "%s:%s",
		 match->is_name || match->kind == KIND_VM ? match->runtime : "container",
		 match->id);
	guest = guests_find_key(registry, key);
	if (guest) {
		text_copy(guest->runtime, sizeof(guest->runtime), match->runtime);
		return guest;
	}
	text_copy(name, sizeof(name), match->id);
	if (!match->is_name && strlen(name) == 64)
		name[12] = '\0'; /* the short id, as the container runtimes print it */
	guest = guests_add(registry, match->kind, match->runtime, name, key, "its cgroup");
	if (!match->is_name)
		guests_want_name(registry, guest);
	return guest;
}

/*
 * The guest that stands for a network namespace as such, when no guest is known to live in it.
 * Reads the folder of named namespaces, so it is called when a wire or a conduit is looked up, not
 * for a verdict.
 */
struct guest *guests_for_netns(struct registry *registry, uint64_t netns)
{
	char key[64], name[NAME_SIZE];
	struct guest *guest;

	for (uint32_t i = 0; i < registry->guests_high; i++)
		if (registry->guest_netns[i] == netns && registry->guests[i].id)
			return &registry->guests[i];
	snprintf(key, sizeof(key), "netns:%" PRIu64, netns);
	if (!names_netns(registry->settings.run_netns, netns, name))
		snprintf(name, sizeof(name), "netns-%" PRIu64, netns);
	guest = guests_add(registry, KIND_CONTAINER, "netns", name, key, "its network namespace");
	if (guest)
		guests_set_netns(registry, guest, netns);
	return guest;
}

static bool stands_for_netns(const struct guest *guest)
{
	return !strncmp(guest->key, "netns:", 6);
}

static void forget(struct registry *registry, uint32_t index)
{
	log_debug("guest %u: %s has gone", registry->guests[index].id,
		  registry->guests[index].name);
	registry->guests[index].id = 0;
	registry->generation++;
	registry->guest_keys[index] = 0;
	registry->guest_netns[index] = 0;
}

void guests_set_netns(struct registry *registry, struct guest *guest, uint64_t netns)
{
	/* A container that turns out to live there takes the place of the namespace as such. */
	for (uint32_t i = 0; i < registry->guests_high; i++)
		if (registry->guest_netns[i] == netns && &registry->guests[i] != guest &&
		    stands_for_netns(&registry->guests[i]))
			forget(registry, i);
	guest->netns = netns;
	registry->guest_netns[guests_index(registry, guest)] = netns;
}

static bool wire_leads_to(const struct registry *registry, const struct guest *guest)
{
	for (uint32_t i = 0; i < registry->wires_high; i++)
		if (registry->wires[i].state == WIRE_NETNS && guest->netns &&
		    registry->wires[i].netns == guest->netns)
			return true;
	/* A conduit whose namespace is still looked for, as after a rescan, may be its own. */
	for (uint32_t i = 0; i < registry->suspects_high; i++) {
		const struct suspect *suspect = &registry->suspects[i];

		if (suspect->pid && guest->netns &&
		    (suspect->netns == guest->netns || suspect->netns_next_us))
			return true;
	}
	return false;
}

/* Forget the guests that nothing refers to any more. */
void guests_prune(struct registry *registry)
{
	for (uint32_t i = 0; i < registry->guests_high; i++) {
		struct guest *guest = &registry->guests[i];

		if (!guest->id || registry->guest_members[i])
			continue;
		if (!stands_for_netns(guest) || !wire_leads_to(registry, guest))
			forget(registry, i);
	}
	while (registry->guests_high && !registry->guests[registry->guests_high - 1].id)
		registry->guests_high--;
}
