// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whose the contained processes were before everything is read anew.
 *
 * Of an orphan under another name /proc does not tell any more whose it was, and a guest can make the
 * queue of events overflow. So whoever is still the same process is remembered over the scan.
 */
#include "guests/state.h"

#include "util/clock.h"

#include <stdlib.h>
#include <unistd.h>

uint64_t past_now(void)
{
	return clock_us(CLOCK_BOOTTIME) / (1000000u / (uint64_t)sysconf(_SC_CLK_TCK));
}

static void keep(struct registry *registry, const struct member *member)
{
	registry->past[registry->past_count++] = (struct past){
		.pid = member->pid,
		.guest = member->guest,
		.guest_id = registry->guest_ids[member->guest],
		.started_by = member->started_by,
		.was_searched = member->was_searched,
		.program = member->program,
	};
}

static int compare(const void *left, const void *right)
{
	const struct past *a = left, *b = right;

	return (a->pid > b->pid) - (a->pid < b->pid);
}

void past_keep(struct registry *registry)
{
	past_forget(registry);
	for (uint32_t i = 0; i < registry->member_count; i++) {
		const struct member *member = &registry->members[i];

		if (member->guest != NO_GUEST && !member->supervisor &&
		    (!member->program || member->program->role == PROGRAM_VMM))
			keep(registry, member);
	}
	qsort(registry->past, registry->past_count, sizeof(registry->past[0]), compare);
}

bool past_find(const struct registry *registry, const struct process *process,
	       struct member *member)
{
	const struct past key = {.pid = process->pid};
	const struct past *past = bsearch(&key, registry->past, registry->past_count,
					  sizeof(registry->past[0]), compare);

	if (!past || process->start > past->started_by ||
	    registry->guest_ids[past->guest] != past->guest_id)
		return false;
	*member = (struct member){
		.pid = process->pid,
		.guest = past->guest,
		.suspect = -1,
		.was_searched = past->was_searched,
		.program = past->program,
	};
	return true;
}

void past_forget(struct registry *registry)
{
	registry->past_count = 0;
}
