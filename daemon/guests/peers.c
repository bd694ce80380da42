// SPDX-License-Identifier: GPL-2.0-or-later
/* Which network namespace is at the other end of a veth? */
#include "guests/state.h"

#include "util/cleanup.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/**
 * DOC: Theory of Operation
 *
 * A link tells of its peer's namespace by a number that the guarded namespace gave to it
 * (IFLA_LINK_NETNSID), and the kernel tells the number of a namespace that it is shown
 * (RTM_GETNSID). So the guests' namespaces are shown to it, each once, and the numbers remembered
 * in guest_nsids[]; not each one for each new interface. A number may be given to another namespace
 * when the first has gone: what is remembered only proposes, and the namespace is shown once more.
 *
 * Namespaces that no guest is known in are found by their names and by a walk through /proc; one
 * such search serves all interfaces that wait for one.
 */

#define NSID_UNKNOWN 0	  /* in guest_nsids[]: a number is kept as itself plus one */
#define SEEN_SLOTS   4096 /* a power of two */

/* The number of a namespace seen at PATH (a file of nsfs), negative when it has none. */
static int32_t nsid_of(struct registry *registry, int folder, const char *path, uint64_t *netns)
{
	_cleanup_close_ int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
	struct stat info;

	if (fd < 0 || fstat(fd, &info))
		return -1;
	*netns = info.st_ino;
	return links_netnsid(registry->settings.links, fd);
}

static int32_t nsid_of_process(struct registry *registry, pid_t pid, uint64_t *netns)
{
	char path[32];

	snprintf(path, sizeof(path), "%d/ns/net", pid);
	return nsid_of(registry, registry->settings.proc, path, netns);
}

static int32_t nsid_of_guest(struct registry *registry, uint32_t index, uint64_t *netns)
{
	return nsid_of_process(registry, registry->guests[index].leader, netns);
}

/* Does the process live at the other end? */
bool peers_is_process(struct registry *registry, const struct link *link, pid_t pid,
		      uint64_t *netns)
{
	return nsid_of_process(registry, pid, netns) == link->peer_netnsid;
}

/* Show the kernel those that have had no number so far. */
void peers_ask_guests(struct registry *registry)
{
	for (uint32_t i = 0; i < registry->guests_high; i++) {
		uint64_t netns;
		int32_t nsid;

		if (!registry->guest_netns[i] || registry->guest_nsids[i] != NSID_UNKNOWN ||
		    !registry->guests[i].leader)
			continue;
		nsid = nsid_of_guest(registry, i, &netns);
		if (nsid >= 0)
			registry->guest_nsids[i] = nsid + 1;
	}
}

/* Is it the namespace of a guest whose number is known? */
bool peers_find_guest(struct registry *registry, const struct link *link, uint64_t *netns)
{
	for (uint32_t i = 0; i < registry->guests_high; i++) {
		if (registry->guest_nsids[i] != link->peer_netnsid + 1)
			continue;
		if (registry->guest_netns[i] && registry->guests[i].leader &&
		    nsid_of_guest(registry, i, netns) == link->peer_netnsid)
			return true;
		registry->guest_nsids[i] = NSID_UNKNOWN;
	}
	return false;
}

/**
 * struct peer_search - all namespaces of this machine, as they are met
 * @seen: hash of those that were met before; one that was pushed out is met again
 */
struct peer_search {
	struct registry *registry;
	void (*found)(struct registry *registry, int32_t nsid, uint64_t netns);
	uint64_t seen[SEEN_SLOTS];
};

static bool is_met_again(struct peer_search *search, uint64_t netns)
{
	uint64_t *slot = &search->seen[netns & (SEEN_SLOTS - 1)];

	if (*slot == netns)
		return true;
	*slot = netns;
	return false;
}

static int visit_process(void *data, pid_t pid)
{
	struct peer_search *search = data;
	struct registry *registry = search->registry;
	struct stat info;
	uint64_t netns;
	char path[32];
	int32_t nsid;

	snprintf(path, sizeof(path), "%d/ns/net", pid);
	if (fstatat(registry->settings.proc, path, &info, 0) || info.st_ino == registry->host.net ||
	    is_met_again(search, info.st_ino))
		return 0;
	nsid = nsid_of(registry, registry->settings.proc, path, &netns);
	if (nsid >= 0)
		search->found(registry, nsid, netns);
	return 0;
}

/* Look at every namespace that has a name or a process; tell of those that have a number. */
void peers_search(struct registry *registry,
		  void (*found)(struct registry *registry, int32_t nsid, uint64_t netns))
{
	static struct peer_search search;
	_cleanup_closedir_ DIR *dir = opendir(registry->settings.run_netns);
	const struct dirent *entry;

	memset(&search, 0, sizeof(search));
	search.registry = registry;
	search.found = found;
	while (dir && (entry = readdir(dir))) {
		uint64_t netns;
		int32_t nsid;

		if (entry->d_name[0] == '.')
			continue;
		nsid = nsid_of(registry, dirfd(dir), entry->d_name, &netns);
		if (nsid >= 0 && !is_met_again(&search, netns))
			found(registry, nsid, netns);
	}
	processes_each(registry->settings.proc, visit_process, &search);
}
