// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of members: entries close together, and a hash by pid that leads to them. */
#include "guests/state.h"

#include <assert.h>
#include <string.h>

static uint32_t home_of(pid_t pid)
{
	return ((uint32_t)pid * 2654435761u) & (MEMBER_SLOTS - 1);
}

static uint32_t next_slot(uint32_t slot)
{
	return (slot + 1) & (MEMBER_SLOTS - 1);
}

/* The slot that leads to the member, or the free one where it would be. */
static uint32_t find_slot(const struct registry *registry, pid_t pid)
{
	uint32_t slot = home_of(pid);

	while (registry->member_slots[slot] &&
	       registry->members[registry->member_slots[slot] - 1].pid != pid)
		slot = next_slot(slot);
	return slot;
}

struct member *members_find(struct registry *registry, pid_t pid)
{
	uint16_t place = registry->member_slots[find_slot(registry, pid)];

	return place ? &registry->members[place - 1] : NULL;
}

/* NULL when there is no room. */
struct member *members_append(struct registry *registry, const struct member *entry)
{
	uint32_t slot = find_slot(registry, entry->pid);
	struct member *member;

	static_assert(MEMBERS_MAX <= UINT16_MAX, "a slot holds an index plus one");
	assert(!registry->member_slots[slot]);
	if (registry->member_count == MEMBERS_MAX)
		return NULL;
	member = &registry->members[registry->member_count++];
	*member = *entry;
	registry->member_slots[slot] = (uint16_t)registry->member_count;
	return member;
}

/* Close the gap that it leaves in the open addressing (Knuth, TAOCP 6.4, algorithm R). */
static void free_slot(struct registry *registry, uint32_t hole)
{
	uint16_t *slots = registry->member_slots;

	for (uint32_t i = next_slot(hole); slots[i]; i = next_slot(i)) {
		uint32_t home = home_of(registry->members[slots[i] - 1].pid);

		if (((i - home) & (MEMBER_SLOTS - 1)) >= ((i - hole) & (MEMBER_SLOTS - 1))) {
			slots[hole] = slots[i];
			hole = i;
		}
	}
	slots[hole] = 0;
}

/* It leaves the table; the last one takes its place. */
void members_take_out(struct registry *registry, struct member *member)
{
	const struct member *last = &registry->members[registry->member_count - 1];

	free_slot(registry, find_slot(registry, member->pid));
	if (member != last) {
		registry->member_slots[find_slot(registry, last->pid)] =
			(uint16_t)(member - registry->members + 1);
		*member = *last;
	}
	registry->member_count--;
}

void members_take_out_all(struct registry *registry)
{
	memset(registry->member_slots, 0, sizeof(registry->member_slots));
	registry->member_count = 0;
}
