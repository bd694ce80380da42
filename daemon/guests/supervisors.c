// SPDX-License-Identifier: GPL-2.0-or-later
/* Containers with names: which supervisor belongs to which cgroup. */
#include "guests/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/**
 * DOC: Theory of Operation
 *
 * A name is no container's own: root has an LXC container "web", and a user has one. What tells them
 * apart is where their cgroups are. So the key of a guest with a name has the hash of its node's
 * path, which is the same after a restart of the daemon: "lxc@0123456789abcdef:web". A supervisor's
 * command line has the name alone, "lxc:web", and makes no cgroup before it has started. The two
 * meet by descent: the container's processes are the supervisor's children.
 *
 *  - The cgroup comes after the supervisor: it takes over the guest that the supervisor told of,
 * if the process in it descends from one of that guest's, or nobody is in that guest yet.
 *  - The supervisor comes after the cgroup: its guest is the one whose leader descends from it. If
 * there is none it has a guest of its own, whose cgroup is still to come.
 *  - Supervisors that start at the same time have one guest until the cgroups are there; then each
 * is put where it belongs, see supervisors_work().
 */

#define ANCESTORS_MAX 16 /* levels walked up to find a supervisor */
#define HASH_DIGITS   16

void supervisors_key(char *key, size_t size, const char *runtime, const char *name)
{
	snprintf(key, size, "%s:%s", runtime, name);
}

void supervisors_cgroup_key(char *key, size_t size, const struct cgroup_match *match)
{
	snprintf(key, size, "%s@%0*" PRIx64 ":%s", match->runtime, HASH_DIGITS, match->node_hash,
		 match->id);
}

/* Is it known by a name and its cgroup? Words of runtimes have neither "@" nor ":". */
static bool has_named_cgroup(const struct guest *guest)
{
	return guest->key[strcspn(guest->key, "@:")] == '@';
}

/* … and is it this name? */
static bool is_namesake(const struct guest *guest, const char *runtime, const char *name)
{
	const char *at = strchr(guest->key, '@');

	return has_named_cgroup(guest) && strlen(runtime) == (size_t)(at - guest->key) &&
	       !strncmp(guest->key, runtime, strlen(runtime)) &&
	       !strcmp(at + 1 + HASH_DIGITS + 1, name);
}

static bool descends_from(const struct registry *registry, pid_t pid, pid_t ancestor)
{
	struct process process;

	for (int level = 0; level < ANCESTORS_MAX && pid > 1; level++) {
		if (pid == ancestor)
			return true;
		if (process_read(registry->settings.proc, pid, &process))
			return false;
		pid = process.parent;
	}
	return false;
}

/* Is an ancestor of this process a supervisor of that guest, or inside it? */
static bool descends_from_guest(struct registry *registry, const struct process *process,
				const struct guest *guest)
{
	pid_t pid = process->parent;
	struct process ancestor;

	for (int level = 0; level < ANCESTORS_MAX && pid > 1; level++) {
		const struct member *member = members_find(registry, pid);

		if (member && member->guest != NO_GUEST)
			return member->guest == guests_index(registry, guest);
		if (process_read(registry->settings.proc, pid, &ancestor))
			return false;
		pid = ancestor.parent;
	}
	return false;
}

struct guest *supervisors_claim(struct registry *registry, const struct cgroup_match *match,
				const struct process *process)
{
	char key[GUEST_KEY_SIZE];
	struct guest *guest;

	supervisors_key(key, sizeof(key), match->runtime, match->id);
	guest = guests_find_key(registry, key);
	if (!guest ||
	    (guest->leader && (!process || (process->pid != guest->leader &&
					    !descends_from_guest(registry, process, guest)))))
		return NULL;
	supervisors_cgroup_key(key, sizeof(key), match);
	guests_set_key(registry, guest, key);
	return guest;
}

static struct guest *find_below(struct registry *registry, pid_t supervisor, const char *runtime,
				const char *name)
{
	for (uint32_t i = 0; i < registry->guests_high; i++) {
		struct guest *guest = &registry->guests[i];

		if (registry->guest_ids[i] && is_namesake(guest, runtime, name) &&
		    descends_from(registry, guest->leader, supervisor))
			return guest;
	}
	return NULL;
}

struct guest *supervisors_guest(struct registry *registry, pid_t supervisor, const char *runtime,
				const char *name, struct guest *kept)
{
	struct guest *guest = find_below(registry, supervisor, runtime, name);
	char key[GUEST_KEY_SIZE];

	if (guest)
		return guest;
	if (kept && is_namesake(kept, runtime, name))
		return kept;
	supervisors_key(key, sizeof(key), runtime, name);
	return guests_find_key(registry, key);
}

void supervisors_note_leader(struct registry *registry, const struct guest *guest)
{
	registry->supervisors_due |= has_named_cgroup(guest);
}

static void move(struct registry *registry, struct member *member, const struct guest *guest)
{
	uint16_t before = member->guest;

	member->guest = guests_index(registry, guest);
	registry->guest_members[member->guest]++;
	if (!--registry->guest_members[before])
		guests_release(registry, before);
}

void supervisors_work(struct registry *registry)
{
	if (!registry->supervisors_due)
		return;
	registry->supervisors_due = false;
	for (uint32_t i = 0; i < MEMBERS_MAX; i++) {
		struct member *member = &registry->members[i];
		const struct guest *guest;

		if (!member->pid || !member->supervisor || member->guest == NO_GUEST ||
		    member->program->description->id_option[0])
			continue;
		guest = find_below(registry, member->pid, member->program->runtime,
				   registry->guests[member->guest].name);
		if (guest && guests_index(registry, guest) != member->guest)
			move(registry, member, guest);
	}
}
