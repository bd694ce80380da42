// SPDX-License-Identifier: GPL-2.0-or-later
/* Guests with names: which supervisor belongs to which cgroup. */
#include "guests/state.h"

#include "util/text.h"

#include <string.h>

/**
 * DOC: Theory of Operation
 *
 * A name is no container's own: root has an LXC container "web", and a user has one. What tells them
 * apart is where their cgroups are. So the key of a guest with a name has the hash of its node's
 * path, which is the same after a restart of the daemon: "lxc@0123456789abcdef:web". A supervisor's
 * command line has the name alone, "lxc@:web", and makes no cgroup before it has started. The two
 * meet by descent: the guest's processes are the supervisor's children.
 *
 *  - The cgroup comes after the supervisor: it takes over the guest that the supervisor told of,
 * if the process in it descends from one of that guest's, or nobody is in that guest yet.
 *  - The supervisor comes after the cgroup: its guest is the one whose leader descends from it. If
 * there is none it has a guest of its own, whose cgroup is still to come.
 *  - Supervisors that start at the same time have one guest until the cgroups are there; then each
 * is put where it belongs, see supervisors_work().
 *
 * The supervisor has the name from the guest's owner. A cgroup may have another: LXC adds a number where
 * it finds the cgroup taken. And several runtimes have cgroups of one form: Incus's are LXC's. Of the two
 * runtimes the one counts that stands higher in the catalogue.
 */

#define LOOKS_MAX 16 /* supervisors that are looked at again in one turn */

/* Can a cgroup of this name be that guest's? "web-1" can be that of "web". */
static bool can_be_called(const char *of_cgroup, const char *name)
{
	size_t length = strlen(name);

	if (strncmp(of_cgroup, name, length) != 0)
		return false;
	of_cgroup += length;
	return !*of_cgroup || (of_cgroup[0] == '-' && of_cgroup[1] &&
			       of_cgroup[1 + strspn(of_cgroup + 1, "0123456789")] == '\0');
}

static bool is_namesake(const struct guest *guest, const char *name)
{
	const char *of_cgroup = keys_rest(guest, KNOWN_BY_CGROUP);

	return of_cgroup && can_be_called(of_cgroup, name);
}

/* Take over what is told of its runtime, where that is the more special one. What is taken out of the
 * catalogue stays with those who are there already. */
static void refine(struct registry *registry, struct guest *guest, const struct runtime *told,
		   enum kind kind)
{
	const struct runtime *known =
		catalogue_runtime(registry->settings.catalogue, guest->runtime);

	if (known && known->rank <= told->rank)
		return;
	text_copy(guest->runtime, sizeof(guest->runtime), told->word);
	registry->vm_changes += guest->kind != kind;
	guest->kind = kind;
}

/* 0 when it cannot be told: then nobody is above it. */
static pid_t parent_of(const struct registry *registry, pid_t pid)
{
	struct process process;

	return process_read(registry->settings.proc, pid, &process) ? 0 : process.parent;
}

static bool descends_from(const struct registry *registry, pid_t pid, pid_t ancestor)
{
	for (int level = 0; level < ANCESTORS_MAX && pid > 1; level++) {
		if (pid == ancestor)
			return true;
		pid = parent_of(registry, pid);
	}
	return false;
}

/* It, or the nearest ancestor, that supervises a guest or is one. */
static const struct member *nearest_member(struct registry *registry, pid_t pid)
{
	for (int level = 0; level < ANCESTORS_MAX && pid > 1; level++) {
		const struct member *member = members_find(registry, pid);

		if (member && member->guest != NO_GUEST)
			return member;
		pid = parent_of(registry, pid);
	}
	return NULL;
}

/* Is this node the cgroup of the guest's leader? */
static bool is_leaders(const struct registry *registry, const struct guest *guest,
		       const struct cgroup_match *match)
{
	char cgroup[CGROUP_PATH_SIZE] = "";
	struct cgroup_match theirs;

	process_cgroup(registry->settings.proc, guest->leader, cgroup, sizeof(cgroup));
	return catalogue_cgroup(registry->settings.catalogue, cgroup, &theirs) &&
	       theirs.node_hash == match->node_hash;
}

/* The guest that the nearest supervisor above this process told of. */
static struct guest *told_above(struct registry *registry, const struct cgroup_match *match,
				const struct process *process)
{
	const struct member *member = nearest_member(registry, process->parent);
	struct guest *guest = member ? &registry->guests[member->guest] : NULL;
	const char *name = guest ? keys_rest(guest, KNOWN_BY_SUPERVISOR) : NULL;

	return name && can_be_called(match->id, name) ? guest : NULL;
}

/* One that a supervisor told of by this very name, and that is in no other cgroup. */
static struct guest *told_by_name(struct registry *registry, const struct cgroup_match *match,
				  const struct process *process)
{
	for (uint32_t i = 0; i < registry->guests_high; i++) {
		struct guest *guest = &registry->guests[i];
		const char *name =
			registry->guest_ids[i] ? keys_rest(guest, KNOWN_BY_SUPERVISOR) : NULL;

		if (!name || strcmp(name, match->id) != 0)
			continue;
		if (guest->leader ? (process && process->pid == guest->leader) ||
					    is_leaders(registry, guest, match)
				  : !strcmp(guest->runtime, match->runtime))
			return guest;
	}
	return NULL;
}

struct guest *supervisors_claim(struct registry *registry, const struct cgroup_match *match,
				const struct process *process)
{
	struct guest *guest = process ? told_above(registry, match, process) : NULL;
	struct guest_key key;

	if (!guest)
		guest = told_by_name(registry, match, process);
	if (!guest)
		return NULL;
	keys_by_cgroup(&key, match);
	guests_set_key(registry, guest, &key);
	refine(registry, guest, match->description, match->kind);
	return guest;
}

/* Does its leader descend from that supervisor? The leader's number may be another process's by now, or its
 * process another guest's. */
static bool is_below(struct registry *registry, const struct guest *guest, pid_t supervisor)
{
	const struct member *leader = guest->leader ? members_find(registry, guest->leader) : NULL;

	return (!leader || leader->guest == guests_index(registry, guest)) &&
	       descends_from(registry, guest->leader, supervisor);
}

/* Which guests have a supervisor other than this one? */
static void note_supervised(const struct registry *registry, pid_t but, bool *is_supervised)
{
	memset(is_supervised, 0, GUESTS_MAX * sizeof(*is_supervised));
	for (uint32_t i = 0; i < registry->member_count; i++) {
		const struct member *member = &registry->members[i];

		if (member->supervisor && member->guest != NO_GUEST && member->pid != but)
			is_supervised[member->guest] = true;
	}
}

/* One whose cgroup has a number more, and that no other supervisor has. */
static struct guest *find_numbered(struct registry *registry, pid_t supervisor, const char *name)
{
	static bool is_supervised[GUESTS_MAX];

	note_supervised(registry, supervisor, is_supervised);
	for (uint32_t i = 0; i < registry->guests_high; i++) {
		struct guest *guest = &registry->guests[i];

		if (registry->guest_ids[i] && is_namesake(guest, name) && !is_supervised[i] &&
		    is_below(registry, guest, supervisor))
			return guest;
	}
	return NULL;
}

static struct guest *find_below(struct registry *registry, pid_t supervisor, const char *name)
{
	bool has_numbered = false;

	for (uint32_t i = 0; i < registry->guests_high; i++) {
		struct guest *guest = &registry->guests[i];
		bool is_exact;

		if (!registry->guest_ids[i] || !is_namesake(guest, name))
			continue;
		is_exact = !strcmp(keys_rest(guest, KNOWN_BY_CGROUP), name);
		if (is_exact && is_below(registry, guest, supervisor))
			return guest;
		has_numbered |= !is_exact;
	}
	return has_numbered ? find_numbered(registry, supervisor, name) : NULL;
}

struct guest *supervisors_guest(struct registry *registry, pid_t supervisor,
				const struct program *program, const char *name, struct guest *kept)
{
	struct guest *guest = find_below(registry, supervisor, name);

	if (!guest && kept && is_namesake(kept, name))
		guest = kept;
	if (guest)
		refine(registry, guest, program->description, program->kind);
	return guest;
}

void supervisors_note_leader(struct registry *registry, struct guest *guest)
{
	guest->supervisor_due = keys_rest(guest, KNOWN_BY_CGROUP) != NULL;
	registry->supervisors_due |= guest->supervisor_due;
}

/* The supervisor of this process, by a name; 0 for none. */
static pid_t supervisor_above(struct registry *registry, pid_t pid)
{
	for (int level = 0; level < ANCESTORS_MAX && pid > 1; level++) {
		const struct member *member = members_find(registry, pid);

		if (member && member->supervisor)
			return member->program->description->id_option[0] ? 0 : pid;
		pid = parent_of(registry, pid);
	}
	return 0;
}

/* It and those above it, whose copy it may be. */
static void look_above(struct registry *registry, pid_t pid)
{
	struct process process;

	for (int level = 0; level < ANCESTORS_MAX && pid > 1; level++) {
		pid = supervisor_above(registry, pid);
		if (!pid || process_read(registry->settings.proc, pid, &process))
			return;
		members_look_at(registry, pid);
		pid = process.parent;
	}
}

/* What the supervisors of new leaders are called by now, and whose they are; true to come again at once. */
bool supervisors_work(struct registry *registry)
{
	int looks = 0;

	if (!registry->supervisors_due)
		return false;
	for (uint32_t i = 0; i < registry->guests_high; i++) {
		if (!registry->guest_ids[i] || !registry->guests[i].supervisor_due)
			continue;
		if (looks++ == LOOKS_MAX)
			return true;
		registry->guests[i].supervisor_due = false;
		look_above(registry, registry->guests[i].leader);
	}
	registry->supervisors_due = false;
	return false;
}
