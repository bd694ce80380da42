// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of guests: found by key, id or network namespace; never allocated from. */
#include "guests/state.h"

#include "guests/names.h"
#include "util/clock.h"
#include "util/hash.h"
#include "util/log.h"
#include "util/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define UNCLAIMED_US 2000000 /* until a guest that no process is known of is forgotten */

uint64_t hash_text(const char *text)
{
	uint64_t hash = hash_add_text(HASH_START, text);

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
		if (registry->guest_ids[i] == id)
			return &registry->guests[i];
	return NULL;
}

static void prune_after(struct registry *registry, uint64_t wait_us)
{
	uint64_t due = clock_monotonic_us() + wait_us;

	if (!registry->prune_us || registry->prune_us > due)
		registry->prune_us = due;
}

struct guest *guests_add(struct registry *registry, enum kind kind, const char *runtime,
			 const char *name, const struct guest_key *key, const char *why)
{
	struct guest *guest;
	uint32_t i = 0;

	while (i < registry->guests_high && registry->guest_ids[i])
		i++;
	if (i == GUESTS_MAX)
		return NULL;
	if (i == registry->guests_high)
		registry->guests_high++;
	guest = &registry->guests[i];
	memset(guest, 0, sizeof(*guest));
	guest->id = ++registry->next_id;
	registry->guest_ids[i] = guest->id;
	registry->generation++;
	prune_after(registry, UNCLAIMED_US);
	registry->vm_changes += kind == KIND_VM;
	registry->wires_wait_us = 0; /* it may be what an interface waits for */
	guest->kind = kind;
	text_copy(guest->runtime, sizeof(guest->runtime), runtime);
	text_copy(guest->name, sizeof(guest->name), name);
	guest->known_by = key->known_by;
	text_copy(guest->key, sizeof(guest->key), key->text);
	guest->why = why;
	guest->first_us = guest->last_us = clock_realtime_us();
	registry->guest_keys[i] = hash_text(key->text);
	registry->guest_netns[i] = 0;
	registry->guest_nsids[i] = 0;
	registry->guest_members[i] = 0;
	log_debug("guest %u: %s:%s (%s, %s)", guest->id, kind_text(kind), guest->name,
		  guest->runtime, why);
	return guest;
}

/*
 * The cgroup says more of the runtime than containerd's shim, which is there before: of Docker and of
 * Kubernetes there are files with names.
 */
static void set_runtime(struct registry *registry, struct guest *guest,
			const struct cgroup_match *match)
{
	if (guest->kind != match->kind || !strcmp(guest->runtime, match->runtime))
		return; /* for the first see note_vmm() */
	text_copy(guest->runtime, sizeof(guest->runtime), match->runtime);
	if (match->is_name || strncmp(match->id, guest->name, strlen(guest->name)) != 0)
		return; /* it has a name already */
	guest->name_tries = 0;
	guests_want_name(registry, guest);
}

/* The guest in this cgroup; @process is in it, NULL when only a socket tells of it. */
struct guest *guests_for_cgroup(struct registry *registry, const struct cgroup_match *match,
				const struct process *process)
{
	char name[NAME_SIZE];
	struct guest_key key;
	struct guest *guest;

	keys_by_cgroup(&key, match);
	guest = guests_find_key(registry, key.text);
	if (guest && match->is_unique)
		set_runtime(registry, guest, match);
	else if (!guest && !match->is_unique)
		guest = supervisors_claim(registry, match, process);
	if (guest)
		return guest;
	text_copy(name, sizeof(name), match->id);
	if (!match->is_name && strlen(name) == 64)
		name[12] = '\0'; /* the short id, as the container runtimes print it */
	guest = guests_add(registry, match->kind, match->runtime, name, &key, "its cgroup");
	if (!match->is_name)
		guests_want_name(registry, guest);
	return guest;
}

/* What its owner calls it, in the place of what it was called until it was known. */
void guests_set_name(struct guest *guest, const char *name)
{
	text_copy(guest->name, sizeof(guest->name), name);
	guest->is_numbered = false;
}

/* It is the same guest, of which more is known. */
void guests_set_key(struct registry *registry, struct guest *guest, const struct guest_key *key)
{
	guest->known_by = key->known_by;
	text_copy(guest->key, sizeof(guest->key), key->text);
	registry->guest_keys[guests_index(registry, guest)] = hash_text(key->text);
	registry->generation++;
}

static void forget(struct registry *registry, uint32_t index)
{
	log_debug("guest %u: %s has gone", registry->guests[index].id,
		  registry->guests[index].name);
	registry->guests[index].id = registry->guest_ids[index] = 0;
	registry->generation++;
	registry->vm_changes += registry->guests[index].kind == KIND_VM;
	registry->guest_keys[index] = 0;
	registry->guest_netns[index] = 0;
	registry->guest_nsids[index] = 0;
}

/*
 * The guest that stands for a network namespace as such, when no guest is known to live in it. The
 * number of a namespace is given to another as soon as it is gone: so one of another name, or one that
 * was made since, is another.
 * Reads the folder of named namespaces, so it is called when a wire or a conduit is looked up, not
 * for a verdict.
 */
struct guest *guests_for_netns(struct registry *registry, uint64_t netns)
{
	char name[NAME_SIZE];
	struct guest_key key;
	struct guest *guest;
	uint64_t made_us = 0;
	bool is_named = names_netns(registry->settings.run_netns, netns, name, &made_us);

	if (!is_named)
		snprintf(name, sizeof(name), "netns-%" PRIu64, netns);
	for (uint32_t i = 0; i < registry->guests_high; i++) {
		guest = &registry->guests[i];
		if (registry->guest_netns[i] != netns || !guest->id)
			continue;
		if (guest->known_by != KNOWN_BY_NETNS ||
		    (!strcmp(guest->name, name) && made_us <= guest->first_us))
			return guest;
		forget(registry, i);
	}
	keys_by_namespace(&key, "netns", netns);
	guest = guests_add(registry, KIND_CONTAINER, "netns", name, &key, "its network namespace");
	if (guest) {
		guest->is_numbered = !is_named;
		guests_set_netns(registry, guest, netns);
	}
	return guest;
}

void guests_set_netns(struct registry *registry, struct guest *guest, uint64_t netns)
{
	uint16_t index = guests_index(registry, guest);

	/* A container that turns out to live there takes the place of the namespace as such. */
	for (uint32_t i = 0; i < registry->guests_high; i++)
		if (registry->guest_netns[i] == netns && &registry->guests[i] != guest &&
		    registry->guests[i].known_by == KNOWN_BY_NETNS)
			forget(registry, i);
	guest->netns = netns;
	registry->guest_netns[index] = netns;
	registry->guest_nsids[index] = 0;
}

static bool is_referred_to(const struct registry *registry, const struct guest *guest)
{
	if (guest->known_by != KNOWN_BY_NETNS || !guest->netns)
		return false;
	for (uint32_t i = 0; i < registry->wires_high; i++)
		if (registry->wires[i].state == WIRE_NETNS &&
		    registry->wires[i].netns == guest->netns)
			return true;
	/* A conduit whose namespace is still looked for, as after a rescan, may be its own. */
	for (uint32_t i = 0; i < registry->suspects_high; i++) {
		const struct suspect *suspect = &registry->suspects[i];

		if (suspect->pid && (suspect->netns == guest->netns || conduit_is_pending(suspect)))
			return true;
	}
	return false;
}

static void forget_unless_referred_to(struct registry *registry, uint32_t index)
{
	if (registry->prune_held)
		return;
	if (registry->guest_ids[index] && !registry->guest_members[index] &&
	    !is_referred_to(registry, &registry->guests[index]))
		forget(registry, index);
	while (registry->guests_high && !registry->guest_ids[registry->guests_high - 1])
		registry->guests_high--;
}

/* Its last process has ended. */
void guests_release(struct registry *registry, uint16_t index)
{
	forget_unless_referred_to(registry, index);
}

/* Forget the guests that nothing refers to any more. */
void guests_prune(struct registry *registry)
{
	registry->prune_us = 0;
	for (uint32_t i = registry->guests_high; i-- > 0;)
		forget_unless_referred_to(registry, i);
}

/* A guest whose leader has ended lives where the next one does. */
static void follow_leader(struct registry *registry, struct guest *guest)
{
	struct namespaces namespaces;

	if (!guest->leader)
		guests_set_netns(registry, guest, 0);
	else if (!process_namespaces(registry->settings.proc, guest->leader, &namespaces))
		guests_set_netns(registry, guest,
				 namespaces.net == registry->host.net ? 0 : namespaces.net);
}

/* For all guests whose leader has ended, in one walk: the process of the lowest number takes its place. */
static void find_leaders(struct registry *registry)
{
	static bool lost[GUESTS_MAX];

	registry->leaders_lost = false;
	for (uint32_t i = 0; i < registry->guests_high; i++)
		lost[i] = registry->guest_members[i] && !registry->guests[i].leader;
	for (uint32_t i = 0; i < registry->member_count; i++) {
		const struct member *member = &registry->members[i];
		struct guest *guest;

		if (member->guest == NO_GUEST || member->supervisor || !lost[member->guest])
			continue;
		guest = &registry->guests[member->guest];
		if (!guest->leader || member->pid < guest->leader)
			guest->leader = member->pid;
	}
	for (uint32_t i = 0; i < registry->guests_high; i++)
		if (lost[i] && registry->guest_netns[i])
			follow_leader(registry, &registry->guests[i]);
}

/* After everything was read anew: leaders that ended unseen. */
void guests_check_leaders(struct registry *registry)
{
	for (uint32_t i = 0; i < registry->guests_high; i++) {
		struct guest *guest = &registry->guests[i];
		const struct member *leader =
			guest->leader ? members_find(registry, guest->leader) : NULL;

		if (!registry->guest_ids[i] || !guest->leader || (leader && leader->guest == i))
			continue;
		guest->leader = 0;
		registry->leaders_lost = true;
	}
}

/* What was put off; returns when to come again, 0: never. */
uint64_t guests_work(struct registry *registry)
{
	if (registry->leaders_lost)
		find_leaders(registry);
	if (registry->prune_us && registry->prune_us <= clock_monotonic_us())
		guests_prune(registry);
	return registry->prune_us;
}
