// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of suspects: processes that are searched for sockets, and where those may be that found no room. */
#include "guests/state.h"

#include "util/clock.h"

#include <string.h>

void suspect_remember(struct registry *registry, uint32_t suspect, uint64_t path_hash)
{
	uint8_t next = registry->suspects[suspect].seen_next;

	if (suspect_was_seen(registry, suspect, path_hash))
		return;
	registry->suspect_seen[suspect][next] = (uint32_t)(path_hash >> 32);
	registry->suspects[suspect].seen_next = (uint8_t)((next + 1) % CGROUPS_SEEN);
}

/*
 * A process that found no slot may make sockets in this cgroup. The bit stays until the next
 * rescan: whoever shares it is unknown rather than the host.
 */
void cgroup_lose(struct registry *registry, uint64_t path_hash)
{
	uint32_t bit = (uint32_t)(path_hash >> 32) & (LOST_BITS - 1);

	registry->lost_cgroups[bit / 64] |= 1ull << bit % 64;
}

bool cgroup_is_lost(const struct registry *registry, uint64_t path_hash)
{
	uint32_t bit = (uint32_t)(path_hash >> 32) & (LOST_BITS - 1);

	return registry->lost_cgroups[bit / 64] >> bit % 64 & 1;
}

/* Give the member a slot among those that are searched for sockets. */
void suspects_add(struct registry *registry, struct member *member, uint64_t path_hash)
{
	struct suspect *suspect;
	uint32_t i = 0;

	if (registry->suspects_count == registry->suspects_high)
		i = registry->suspects_high;
	while (i < registry->suspects_high && registry->suspects[i].pid)
		i++;
	if (i == SUSPECTS_MAX) {
		registry->suspects_lost++;
		cgroup_lose(registry, path_hash);
		return;
	}
	if (i == registry->suspects_high)
		registry->suspects_high++;
	suspect = &registry->suspects[i];
	memset(suspect, 0, sizeof(*suspect));
	suspect->pid = member->pid;
	suspect->guest = member->guest;
	suspect->program = member->program;
	suspect->loose = member->loose;
	suspect->hint = -1;
	if (member->program && member->program->role == PROGRAM_CONDUIT)
		suspect->look_next_us = clock_monotonic_us() + CONDUIT_WAIT_US;
	if (suspect->look_next_us)
		registry->conduits_next_us = 1; /* members_work() finds out when */
	suspect_remember(registry, i, path_hash);
	registry->suspects_count++;
	if (member->guest != NO_GUEST)
		registry->guest_suspects[member->guest]++;
	member->suspect = (int16_t)i;
	registry->loose_suspects += member->loose;
	if (!member->is_copy)
		registry->local_start_us = clock_monotonic_us();
}

/* Its sockets are not searched for any more. */
void suspects_remove(struct registry *registry, const struct member *member)
{
	struct suspect *suspect = &registry->suspects[member->suspect];

	if (!member->is_copy)
		registry->local_exit_us = clock_monotonic_us();
	registry->loose_suspects -= member->loose;
	if (suspect->netns || conduit_is_pending(suspect))
		registry->prune_us = 1; /* nobody else may serve its namespace */
	suspect->pid = 0;
	memset(registry->suspect_seen[member->suspect], 0, sizeof(registry->suspect_seen[0]));
	registry->suspects_count--;
	if (member->guest != NO_GUEST)
		registry->guest_suspects[member->guest]--;
	while (registry->suspects_high && !registry->suspects[registry->suspects_high - 1].pid)
		registry->suspects_high--;
}

/* Before everything is read anew. Behind the highest there is nothing, and nothing is to be written. */
void suspects_clear(struct registry *registry)
{
	uint32_t high = registry->suspects_high;

	memset(registry->suspects, 0, high * sizeof(registry->suspects[0]));
	memset(registry->suspect_seen, 0, high * sizeof(registry->suspect_seen[0]));
	memset(registry->guest_suspects, 0, sizeof(registry->guest_suspects));
	registry->suspects_high = registry->suspects_count = registry->suspects_lost = 0;
	registry->loose_suspects = 0;
}

/* Its slot is not there after everything is read anew, but its sockets are. */
void suspects_lose(struct registry *registry, int16_t suspect)
{
	for (int i = 0; i < CGROUPS_SEEN; i++)
		if (registry->suspect_seen[suspect][i])
			cgroup_lose(registry, (uint64_t)registry->suspect_seen[suspect][i] << 32);
}
