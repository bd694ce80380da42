// SPDX-License-Identifier: GPL-2.0-or-later
/* Which suspect holds a socket? The search of their descriptors, kept short. */
#include "guests/state.h"

#include "util/clock.h"

#include <errno.h>

/**
 * DOC: Theory of Operation
 *
 * Most sockets are the host's, in cgroups where no suspect ever was. That answer may not cost more
 * when there are many suspects. First those are searched that were seen in the socket's cgroup
 * before: their cgroups lie close together. Then come those that are in it now. A process is moved
 * without any event, so that is read anew for each question: from the list of the cgroup's
 * processes, which costs the same however many suspects there are; or, where that list is longer
 * than to read it is worth, from each suspect's own /proc/PID/cgroup.
 *
 * A search for one socket reads up to SEARCH_BUDGET descriptors, which takes milliseconds, and whoever has
 * so many can have it made for each of his packets. So searches of more than SEARCH_SHORT are made for half
 * of the time at most; others are cut there until time has been saved again.
 */

#define HOLDERS_MAX 4096 /* processes of one cgroup that are looked through */

#define SEARCH_SHORT	     256    /* descriptors that may always be read */
#define SEARCH_SHARE	     2	    /* long searches get this part of the time */
#define SEARCH_SAVED_MOST_US 200000 /* … and are as much in debt at most */

/* To read one process's cgroup takes as long as to list so many of a cgroup's processes. */
#define LISTED_PER_READ 128

/**
 * struct search - the search for one socket
 * @cgroup: what its cgroup means, NULL when that is gone or not told: nobody can be left out
 * @budget: what may still be read
 * @found: the suspect that holds it
 * @searched: somebody was searched
 * @loose: one of them may hide a socket, or ends and shows none any more
 * @cut: the budget did not suffice for one of them
 */
struct search {
	struct registry *registry;
	const struct socket_info *socket;
	const struct cgroup_entry *cgroup;
	unsigned int *budget;
	struct suspect *found;
	bool searched;
	bool loose;
	bool cut;
};

/* Return: non-zero when the search is over. */
static int search_one(struct search *search, struct suspect *suspect)
{
	search->searched = true;
	search->loose |= suspect->loose;
	switch (process_holds_socket(search->registry->settings.proc, suspect->pid,
				     search->socket->inode, &suspect->hint, search->budget)) {
	case SOCKET_HELD:
		search->found = suspect;
		return 1;
	case SOCKET_SEARCH_CUT:
		search->cut = true;
		return 1;
	case SOCKET_HOLDER_ENDS:
		search->loose = true;
		break;
	case SOCKET_NOT_HELD:
		break;
	}
	return 0;
}

static int search_all(struct search *search)
{
	struct registry *registry = search->registry;

	for (uint32_t i = 0; i < registry->suspects_high; i++)
		if (registry->suspects[i].pid && search_one(search, &registry->suspects[i]))
			return 1;
	return 0;
}

static int search_seen(struct search *search)
{
	struct registry *registry = search->registry;

	for (uint32_t i = 0; i < registry->suspects_high; i++)
		if (suspect_was_seen(registry, i, search->cgroup->path_hash) &&
		    registry->suspects[i].pid && search_one(search, &registry->suspects[i]))
			return 1;
	return 0;
}

static int search_newcomer(struct search *search, struct suspect *suspect)
{
	struct registry *registry = search->registry;
	uint32_t index = (uint32_t)(suspect - registry->suspects);

	if (suspect_was_seen(registry, index, search->cgroup->path_hash))
		return 0; /* searched already */
	suspect_remember(registry, index, search->cgroup->path_hash);
	return search_one(search, suspect);
}

static int visit_process(void *data, pid_t pid)
{
	struct search *search = data;
	struct registry *registry = search->registry;
	const struct member *member = members_find(registry, pid);

	if (!member || member->suspect < 0)
		return 0;
	return search_newcomer(search, &registry->suspects[member->suspect]);
}

/* One by one; each costs one of the budget, and who is left when that is used up is searched. */
static int search_by_reading(struct search *search)
{
	struct registry *registry = search->registry;
	char path[CGROUP_PATH_SIZE];

	for (uint32_t i = 0; i < registry->suspects_high; i++) {
		struct suspect *suspect = &registry->suspects[i];
		uint64_t now;

		if (!suspect->pid || suspect_was_seen(registry, i, search->cgroup->path_hash))
			continue;
		if (*search->budget) {
			(*search->budget)--;
			if (process_cgroup(registry->settings.proc, suspect->pid, path,
					   sizeof(path)))
				continue; /* it has ended */
			now = hash_text(path);
			if (now != search->cgroup->path_hash) {
				suspect_remember(registry, i, now);
				continue;
			}
		}
		if (search_newcomer(search, suspect))
			return 1;
	}
	return 0;
}

static int search_newcomers(struct search *search)
{
	struct registry *registry = search->registry;
	int result = -ENODATA;

	if (!registry->suspects_count)
		return 0;
	if (registry->suspects_count > 1)
		result = cgroups_each_process(registry->settings.cgroup, search->cgroup->id,
					      (size_t)registry->suspects_count * LISTED_PER_READ,
					      visit_process, search);
	if (result >= 0)
		return result;
	return result == -ESTALE ? 0 : search_by_reading(search);
}

/* Does a process of the host in this cgroup hold the socket? The newest are asked first. */
static bool held_by_host(struct search *search)
{
	static pid_t pids[HOLDERS_MAX];
	struct registry *registry = search->registry;
	size_t count = cgroups_processes(registry->settings.cgroup, search->socket->cgroup, pids,
					 HOLDERS_MAX);

	while (count--) {
		const struct member *member = members_find(registry, pids[count]);
		int hint = -1;

		if (member && !member->supervisor)
			continue;
		switch (process_holds_socket(registry->settings.proc, pids[count],
					     search->socket->inode, &hint, search->budget)) {
		case SOCKET_HELD:
			return true;
		case SOCKET_NOT_HELD:
		case SOCKET_HOLDER_ENDS:
			break;
		case SOCKET_SEARCH_CUT:
			return false;
		}
	}
	return false;
}

/* Nobody among the suspects shows the socket. Is that a proof? */
static enum search_result doubt(struct search *search)
{
	struct registry *registry = search->registry;
	const struct cgroup_entry *cgroup = search->cgroup;
	bool lost = registry->suspects_lost || registry->members_lost;
	bool may_be_lost = registry->findings_lost ||
			   (lost && cgroup && cgroup_is_lost(registry, cgroup->path_hash));
	enum search_result nobody = search->searched ? SEARCH_NOBODY : SEARCH_NOT_NEEDED;

	if (!registry_shares_lo(registry))
		return SEARCH_NOT_NEEDED;
	/* Where the kernel tells of no cgroup at all, every suspect has been searched. */
	if (cgroup && !search->loose && !may_be_lost)
		return nobody;
	if (!cgroup && !search->loose && !lost && !may_be_lost &&
	    (registry->settings.cgroup < 0 || !search->socket->cgroup))
		return nobody;
	/*
	 * A contained process can hide a socket from its descriptors: in a thread with a table of
	 * its own, in a message that nobody receives, in an io_uring. And the descriptors of one that
	 * ends go before its sockets (kernel/exit.c, do_exit()). So the host has to show it.
	 */
	return cgroup && held_by_host(search) ? SEARCH_NOBODY : SEARCH_UNSURE;
}

unsigned int search_begin(struct registry *registry)
{
	uint64_t now = clock_monotonic_us();
	uint64_t earned = (now - registry->search_began_us) / SEARCH_SHARE;

	if (earned >= 2 * SEARCH_SAVED_MOST_US)
		registry->search_saved_us = SEARCH_SAVED_MOST_US;
	else
		registry->search_saved_us += (int64_t)earned;
	if (registry->search_saved_us > SEARCH_SAVED_MOST_US)
		registry->search_saved_us = SEARCH_SAVED_MOST_US;
	registry->search_began_us = now;
	registry->search_is_short = registry->search_saved_us <= 0;
	return registry->search_is_short ? SEARCH_SHORT : SEARCH_BUDGET;
}

void search_end(struct registry *registry, unsigned int budget)
{
	if (registry->search_is_short || SEARCH_BUDGET - budget <= SEARCH_SHORT)
		return;
	registry->search_saved_us -= (int64_t)(clock_monotonic_us() - registry->search_began_us);
	if (registry->search_saved_us < -SEARCH_SAVED_MOST_US)
		registry->search_saved_us = -SEARCH_SAVED_MOST_US;
}

enum search_result search_suspects(struct registry *registry, const struct socket_info *socket,
				   const struct cgroup_entry *cgroup, unsigned int *budget,
				   struct suspect **found)
{
	struct search search = {
		.registry = registry, .socket = socket, .cgroup = cgroup, .budget = budget};

	if (!cgroup)
		search_all(&search);
	else if (!search_seen(&search))
		search_newcomers(&search);
	*found = search.found;
	if (search.found)
		return SEARCH_FOUND;
	/* Whoever has so many descriptors does not make his neighbours suspects by it. */
	if (search.cut) {
		unsigned int rest = registry->search_is_short ? SEARCH_SHORT : SEARCH_BUDGET / 2;

		search.budget = &rest;
		return cgroup && held_by_host(&search) ? SEARCH_NOBODY : SEARCH_UNSURE;
	}
	return doubt(&search);
}
