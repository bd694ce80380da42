// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whose the contained processes were before everything is read anew.
 *
 * Of an orphan under another name /proc does not tell any more whose it was, and a guest can make the
 * queue of events overflow. So whoever is still the same process is remembered over the scan.
 */
#include "guests/state.h"

#include "util/clock.h"

#include <string.h>
#include <unistd.h>

uint64_t past_now(void)
{
	return clock_us(CLOCK_BOOTTIME) / (1000000u / (uint64_t)sysconf(_SC_CLK_TCK));
}

static uint32_t slot_of(pid_t pid)
{
	return ((uint32_t)pid * 2654435761u) & (MEMBERS_MAX - 1);
}

static void keep(struct registry *registry, const struct member *member)
{
	uint32_t i = slot_of(member->pid);

	while (registry->past[i].pid)
		i = (i + 1) & (MEMBERS_MAX - 1);
	registry->past[i] = (struct past){
		.pid = member->pid,
		.guest = member->guest,
		.guest_id = registry->guest_ids[member->guest],
		.started_by = member->started_by,
		.program = member->program,
	};
}

void past_keep(struct registry *registry)
{
	past_forget(registry);
	for (uint32_t i = 0; i < MEMBERS_MAX; i++) {
		const struct member *member = &registry->members[i];

		if (member->pid && member->guest != NO_GUEST && !member->supervisor &&
		    (!member->program || member->program->role == PROGRAM_VMM))
			keep(registry, member);
	}
}

bool past_find(const struct registry *registry, const struct process *process,
	       struct member *member)
{
	uint32_t i = slot_of(process->pid);
	const struct past *past;

	while (registry->past[i].pid && registry->past[i].pid != process->pid)
		i = (i + 1) & (MEMBERS_MAX - 1);
	past = &registry->past[i];
	if (!past->pid || process->start > past->started_by ||
	    registry->guest_ids[past->guest] != past->guest_id)
		return false;
	*member = (struct member){
		.pid = process->pid, .guest = past->guest, .suspect = -1, .program = past->program};
	return true;
}

void past_forget(struct registry *registry)
{
	memset(registry->past, 0, sizeof(registry->past));
}
