// SPDX-License-Identifier: GPL-2.0-or-later
/* Processes that talk to the guard: are they inside a guest? Whoever cannot be told is. */
#include "guests/state.h"

#include "util/text.h"

/*
 * The guest whose network namespace it is in. One without other namespaces, as of `ip netns exec`,
 * is as much a guest here as it is on its wire. But where another network is guarded, the machine's
 * own is nobody's.
 */
static const struct guest *guest_of_netns(const struct registry *registry, uint64_t netns)
{
	if (!namespace_is_foreign(netns, registry->host.net) ||
	    netns == registry->settings.machine_netns)
		return NULL;
	for (uint32_t i = 0; i < registry->guests_high; i++)
		if (registry->guests[i].id && registry->guest_netns[i] == netns)
			return &registry->guests[i];
	return NULL;
}

static bool has_all_namespaces(const struct namespaces *theirs)
{
	return theirs->pid && theirs->user && theirs->net;
}

static void put_label(char *label, size_t size, const struct guest *guest)
{
	struct source source = {0};

	source_set_guest(&source, guest);
	source_label(label, size, &source);
}

bool registry_peer_guest(struct registry *registry, pid_t pid, char *label, size_t size)
{
	char cgroup[CGROUP_PATH_SIZE] = "";
	const struct guest *guest = NULL;
	struct cgroup_match match;
	const struct member *member;
	struct process process;
	bool is_inside;

	label[0] = '\0';
	if (process_read(registry->settings.proc, pid, &process) ||
	    !has_all_namespaces(&process.namespaces))
		return true; /* a process that we cannot look at is not trusted */
	text_copy(label, size, "unnamed");
	member = members_find(registry, pid);
	if (member && !member->supervisor) { /* a conduit speaks for its guests */
		if (member->guest != NO_GUEST)
			put_label(label, size, &registry->guests[member->guest]);
		return true;
	}
	process_cgroup(registry->settings.proc, pid, cgroup, sizeof(cgroup));
	is_inside = catalogue_cgroup(registry->settings.catalogue, cgroup, &match);
	if (is_inside)
		guest = guests_for_cgroup(registry, &match, &process);
	if (!guest)
		guest = guest_of_netns(registry, process.namespaces.net);
	if (guest)
		put_label(label, size, guest);
	return is_inside || guest || is_contained(registry, &process);
}
