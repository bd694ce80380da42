// SPDX-License-Identifier: GPL-2.0-or-later
/* Which processes are guests, work for guests or supervise them. */
#include "guests/state.h"

#include "guests/names.h"
#include "kernel/ruleset.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define ANCESTORS_MAX 16    /* levels walked up to find a supervisor */
#define NETNS_TRIES   8	    /* look-ups of a conduit's namespace before it counts as having none */
#define NETNS_WAIT_US 30000 /* before the first of them; doubled for each further one */
#define ARGUMENTS_MAX 8192
#define SWEEP_US      1000000 /* between looks at processes whose end is not reported */

static bool is_foreign(uint64_t namespace, uint64_t host)
{
	return namespace && namespace != host;
}

static uint32_t slot_of(pid_t pid)
{
	return ((uint32_t)pid * 2654435761u) & (MEMBERS_MAX - 1);
}

struct member *members_find(struct registry *registry, pid_t pid)
{
	for (uint32_t i = slot_of(pid); registry->members[i].pid; i = (i + 1) & (MEMBERS_MAX - 1))
		if (registry->members[i].pid == pid)
			return &registry->members[i];
	return NULL;
}

void suspect_remember(struct suspect *suspect, uint64_t path_hash)
{
	for (int i = 0; i < CGROUPS_SEEN; i++)
		if (suspect->seen[i] == path_hash)
			return;
	suspect->seen[suspect->seen_next++ % CGROUPS_SEEN] = path_hash;
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
static void make_suspect(struct registry *registry, struct member *member, uint64_t path_hash)
{
	struct suspect *suspect;
	uint32_t i = 0;

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
		suspect->netns_next_us = clock_monotonic_us() + NETNS_WAIT_US;
	suspect_remember(suspect, path_hash);
	member->suspect = (int16_t)i;
	registry->loose_suspects += member->loose;
	if (!member->is_copy)
		registry->local_start_us = clock_monotonic_us();
}

static struct member *add(struct registry *registry, const struct member *entry)
{
	uint32_t i = slot_of(entry->pid);

	if (registry->member_count >= MEMBERS_MAX / 4 * 3) {
		registry->members_lost++;
		return NULL;
	}
	while (registry->members[i].pid)
		i = (i + 1) & (MEMBERS_MAX - 1);
	registry->members[i] = *entry;
	registry->members[i].suspect = -1;
	registry->member_count++;
	registry->local_members += entry->local;
	if (entry->local && entry->guest != NO_GUEST && !registry->guest_members[entry->guest])
		registry->local_start_us = clock_monotonic_us();
	if (entry->guest != NO_GUEST)
		registry->guest_members[entry->guest]++;
	return &registry->members[i];
}

/* The guest lost a process: if that was its leader another takes its place. */
static void leave_guest(struct registry *registry, uint16_t index, pid_t pid)
{
	struct guest *guest = &registry->guests[index];
	struct namespaces namespaces;

	if (!--registry->guest_members[index]) {
		guests_prune(registry);
		return;
	}
	if (guest->leader != pid)
		return;
	guest->leader = 0;
	for (uint32_t i = 0; i < MEMBERS_MAX && !guest->leader; i++)
		if (registry->members[i].pid && registry->members[i].guest == index &&
		    !registry->members[i].supervisor)
			guest->leader = registry->members[i].pid;
	if (guest->netns && guest->leader &&
	    !process_namespaces(registry->settings.proc, guest->leader, &namespaces))
		guests_set_netns(registry, guest,
				 namespaces.net == registry->host.net ? 0 : namespaces.net);
	else if (!guest->leader)
		guests_set_netns(registry, guest, 0);
}

void members_remove(struct registry *registry, pid_t pid)
{
	struct member *member = members_find(registry, pid);
	uint32_t hole, i;
	uint16_t guest;

	if (!member)
		return;
	registry->local_members -= member->local;
	registry->member_count--;
	registry->headless -= member->headless;
	if (member->suspect >= 0) {
		if (!member->is_copy)
			registry->local_exit_us = clock_monotonic_us();
		registry->loose_suspects -= member->loose;
		registry->suspects[member->suspect].pid = 0;
	}
	while (registry->suspects_high && !registry->suspects[registry->suspects_high - 1].pid)
		registry->suspects_high--;
	guest = member->guest;

	/* Close the gap of the open addressing (Knuth, TAOCP 6.4, algorithm R). */
	hole = (uint32_t)(member - registry->members);
	for (i = (hole + 1) & (MEMBERS_MAX - 1); registry->members[i].pid;
	     i = (i + 1) & (MEMBERS_MAX - 1)) {
		uint32_t home = slot_of(registry->members[i].pid);

		if (((i - home) & (MEMBERS_MAX - 1)) >= ((i - hole) & (MEMBERS_MAX - 1))) {
			registry->members[hole] = registry->members[i];
			hole = i;
		}
	}
	memset(&registry->members[hole], 0, sizeof(registry->members[hole]));
	if (guest != NO_GUEST)
		leave_guest(registry, guest, pid);
}

static void lose_suspect(struct registry *registry, const struct suspect *suspect)
{
	for (int i = 0; i < CGROUPS_SEEN; i++)
		if (suspect->seen[i])
			cgroup_lose(registry, suspect->seen[i]);
}

/* Before everything is read anew. Of a headless process /proc tells nothing any more: it stays
 * lost. */
void members_clear(struct registry *registry)
{
	memset(registry->lost_cgroups, 0, sizeof(registry->lost_cgroups));
	for (uint32_t i = 0; registry->headless && i < MEMBERS_MAX; i++)
		if (registry->members[i].headless && registry->members[i].suspect >= 0)
			lose_suspect(registry, &registry->suspects[registry->members[i].suspect]);
	memset(registry->members, 0, sizeof(registry->members));
	memset(registry->suspects, 0, sizeof(registry->suspects));
	memset(registry->guest_members, 0, sizeof(registry->guest_members));
	registry->member_count = registry->local_members = 0;
	registry->suspects_high = registry->suspects_lost = registry->members_lost = 0;
	registry->loose_suspects = registry->headless = 0;
}

/*
 * The guest of a process that a host process keeps in namespaces of its own: known from the nearest
 * ancestor that supervises a guest or is one, or else a guest by its pid namespace alone.
 */
static struct guest *guest_of_ancestors(struct registry *registry, const struct process *process)
{
	pid_t pid = process->parent;

	for (int level = 0; level < ANCESTORS_MAX && pid > 1; level++) {
		const struct member *member = members_find(registry, pid);
		const struct program *program;
		struct process ancestor;

		if (member && member->guest != NO_GUEST && (member->supervisor || !member->program))
			return &registry->guests[member->guest];
		if (process_read(registry->settings.proc, pid, &ancestor))
			return NULL;
		program = catalogue_program(ancestor.executable, ancestor.comm);
		if (program && program->role == PROGRAM_SANDBOX) {
			char key[64], name[NAME_SIZE];
			struct guest *guest;

			if (is_foreign(process->namespaces.pid, registry->host.pid))
				snprintf(key, sizeof(key), "pidns:%" PRIu64,
					 process->namespaces.pid);
			else
				snprintf(key, sizeof(key), "mntns:%" PRIu64,
					 process->namespaces.mount);
			guest = guests_find_key(registry, key);
			if (guest)
				return guest;
			text_copy_name(name, sizeof(name), process->comm, strlen(process->comm));
			return guests_add(registry, program->kind, program->runtime, name, key,
					  "a sandbox among its ancestors");
		}
		pid = ancestor.parent;
	}
	return NULL;
}

static struct guest *guest_of_pid_namespace(struct registry *registry,
					    const struct process *process)
{
	char key[64], name[NAME_SIZE];
	struct guest *guest;

	snprintf(key, sizeof(key), "pidns:%" PRIu64, process->namespaces.pid);
	guest = guests_find_key(registry, key);
	if (guest)
		return guest;
	snprintf(name, sizeof(name), "pidns-%" PRIu64, process->namespaces.pid);
	return guests_add(registry, KIND_CONTAINER, "contained", name, key,
			  "its pid namespace is not the host's");
}

/* "boxes/devbox": a name that was chosen inside a sandbox. */
static void put_inside(char *name, const char *outer)
{
	char whole[2 * NAME_SIZE];

	snprintf(whole, sizeof(whole), "%s/%s", outer, name);
	text_copy_name(name, NAME_SIZE, whole, strlen(whole));
}

/*
 * The guest that a VMM is, or that a supervisor keeps: by its command line.
 * @outer: name of the sandbox that it runs in, NULL for none
 */
static struct guest *guest_of_program(struct registry *registry, const struct program *program,
				      const struct process *process, const char *outer)
{
	char arguments[ARGUMENTS_MAX], key[sizeof(registry->guests->key)], name[NAME_SIZE] = "";
	const char *id = NULL;
	struct guest *guest;
	ssize_t length;

	length = process_arguments(registry->settings.proc, process->pid, arguments,
				   sizeof(arguments));
	if (length < 0)
		length = 0;
	names_from_arguments(program, arguments, (size_t)length, name);
	if (outer)
		put_inside(name, outer);
	if (program->id_option)
		id = names_option(arguments, (size_t)length, program->id_option);
	if (id)
		snprintf(key, sizeof(key), "container:%.200s", id);
	else if (program->role == PROGRAM_SUPERVISOR && name[0])
		snprintf(key, sizeof(key), "%s:%s", program->runtime, name);
	else if (program->role == PROGRAM_SUPERVISOR)
		return NULL; /* its children tell */
	else
		snprintf(key, sizeof(key), "%s:%d:%" PRIu64, program->runtime, process->pid,
			 process->start);
	guest = guests_find_key(registry, key);
	if (guest && name[0]) {
		text_copy(guest->name, sizeof(guest->name), name);
	} else if (!guest) {
		if (!name[0] && id)
			text_copy_name(name, sizeof(name), id, strnlen(id, 12));
		if (!name[0])
			snprintf(name, sizeof(name), "%s-%d", program->runtime, process->pid);
		guest = guests_add(registry, program->kind, program->runtime, name, key,
				   program->role == PROGRAM_VMM ? "its VMM's command line"
								: "its supervisor's command line");
	}
	if (guest && program->role == PROGRAM_VMM)
		guest->leader = process->pid;
	return guest;
}

/* A VMM inside a cgroup that libvirt made: the cgroup's name is lossy, its own is not. */
static void improve_name(struct registry *registry, struct guest *guest,
			 const struct program *program, pid_t pid)
{
	char arguments[ARGUMENTS_MAX], name[NAME_SIZE];
	ssize_t length =
		process_arguments(registry->settings.proc, pid, arguments, sizeof(arguments));

	if (length > 0 && names_from_arguments(program, arguments, (size_t)length, name))
		text_copy(guest->name, sizeof(guest->name), name);
}

/* Remember the guest's own cgroup, for the kernel to know its sockets by. */
static void note_cgroup(struct registry *registry, struct guest *guest, const char *path,
			const struct cgroup_match *match)
{
	char node[CGROUP_PATH_SIZE];
	uint64_t id;

	if (!guest || registry->settings.cgroup < 0 || match->node_length >= sizeof(node))
		return;
	memcpy(node, path, match->node_length);
	node[match->node_length] = '\0';
	if (cgroups_id(registry->settings.cgroup, node, &id) || id == guest->cgroup)
		return;
	guest->cgroup = id;
	guest->cgroup_level = match->level;
	registry->generation++;
}

static bool works_for_guests(const struct program *program)
{
	return program && (program->role == PROGRAM_VMM || program->role == PROGRAM_CONDUIT);
}

/*
 * A VMM or a conduit inside somebody's pid namespace: GNOME Boxes in a Flatpak, pasta, which makes
 * one for itself, or a contained program that calls itself so. It is what it says, but under a name
 * that no VM of the host can have.
 */
static struct guest *guest_of_inner_program(struct registry *registry, const struct guest *outer,
					    const struct program *program,
					    const struct process *process)
{
	char prefix[NAME_SIZE];

	if (program->role == PROGRAM_CONDUIT)
		return NULL;
	if (outer)
		text_copy(prefix, sizeof(prefix), outer->name);
	else
		snprintf(prefix, sizeof(prefix), "pidns-%" PRIu64, process->namespaces.pid);
	return guest_of_program(registry, program, process, prefix);
}

/* Contained, without a cgroup that says so. */
static struct guest *classify_contained(struct registry *registry, const struct process *process,
					const struct program *program, struct member *member)
{
	struct guest *guest = guest_of_ancestors(registry, process);

	member->local = member->loose = true;
	if (works_for_guests(program) && (!guest || guest->kind == KIND_SANDBOX)) {
		member->program = program;
		return guest_of_inner_program(registry, guest, program, process);
	}
	return guest ? guest : guest_of_pid_namespace(registry, process);
}

/* What is this process? Fills @member and returns true when it has to do with a guest. */
static bool classify(struct registry *registry, const struct process *process, const char *cgroup,
		     struct member *member)
{
	const struct namespaces *theirs = &process->namespaces, *ours = &registry->host;
	const struct program *program = catalogue_program(process->executable, process->comm);
	bool set_apart =
		is_foreign(theirs->mount, ours->mount) || is_foreign(theirs->user, ours->user);
	struct cgroup_match match;
	struct guest *guest = NULL;

	*member = (struct member){.pid = process->pid, .guest = NO_GUEST, .suspect = -1};
	if (catalogue_cgroup(cgroup, &match)) {
		guest = guests_for_cgroup(registry, &match);
		note_cgroup(registry, guest, cgroup, &match);
		if (guest && match.kind == KIND_VM && program && program->role == PROGRAM_VMM)
			improve_name(registry, guest, program, process->pid);
		/* The kernel cannot be told of this cgroup: then its processes are searched. */
		member->local = member->loose =
			!guest || !guest->cgroup || guest->cgroup_level > RULESET_LEVELS;
	} else if (is_foreign(theirs->pid, ours->pid)) {
		guest = classify_contained(registry, process, program, member);
	} else if (set_apart && (guest = guest_of_ancestors(registry, process))) {
		member->local = member->loose = true;
	} else if (program && program->role != PROGRAM_SANDBOX) {
		member->program = program;
		member->supervisor = program->role == PROGRAM_SUPERVISOR;
		member->local = !member->supervisor;
		if (program->role != PROGRAM_CONDUIT)
			guest = guest_of_program(registry, program, process, NULL);
	}
	member->guest = guests_index(registry, guest);
	return guest || member->program || member->local;
}

static void note_process(struct registry *registry, struct guest *guest,
			 const struct process *process)
{
	if (!guest->leader)
		guest->leader = process->pid;
	if (!guest->netns && is_foreign(process->namespaces.net, registry->host.net))
		guests_set_netns(registry, guest, process->namespaces.net);
}

static void look_at(struct registry *registry, pid_t pid)
{
	char cgroup[CGROUP_PATH_SIZE] = "";
	struct member entry, *member;
	struct process process;
	bool searched;

	members_remove(registry, pid);
	if (process_read(registry->settings.proc, pid, &process) || !process.namespaces.pid)
		return; /* ended, or a zombie */
	process_cgroup(registry->settings.proc, pid, cgroup, sizeof(cgroup));
	if (!classify(registry, &process, cgroup, &entry))
		return;

	/* A process of another network namespace opens no connection here. */
	searched = entry.local && process.namespaces.net == registry->host.net;
	entry.local = !entry.supervisor && process.namespaces.net == registry->host.net;
	member = add(registry, &entry);
	if (member && searched)
		make_suspect(registry, member, hash_text(cgroup));
	else if (searched)
		cgroup_lose(registry, hash_text(cgroup));
	if (entry.guest != NO_GUEST && !entry.supervisor)
		note_process(registry, &registry->guests[entry.guest], &process);
}

void members_look_at(struct registry *registry, pid_t pid)
{
	const struct member *member = members_find(registry, pid);
	uint16_t guest = member ? member->guest : NO_GUEST;

	/* A guest whose only process becomes another program is still the same guest. */
	if (guest != NO_GUEST)
		registry->guest_members[guest]++;
	look_at(registry, pid);
	if (guest != NO_GUEST && !--registry->guest_members[guest])
		guests_prune(registry);
}

/* The child of a guest's process: the same in all but its pid. */
static void copy_member(struct registry *registry, const struct member *from, pid_t child)
{
	struct member entry = *from, *member;
	struct suspect inherited = {0};

	if (from->suspect >= 0)
		inherited = registry->suspects[from->suspect];
	entry.pid = child;
	entry.headless = false;
	entry.is_copy = true;
	member = add(registry, &entry);
	if (!inherited.pid)
		return;
	if (member)
		make_suspect(registry, member, inherited.seen[0]);
	if (!member || member->suspect < 0) {
		lose_suspect(registry, &inherited);
		return;
	}
	inherited.pid = child;
	inherited.hint = -1;
	registry->suspects[member->suspect] = inherited;
}

void members_fork(struct registry *registry, pid_t child, pid_t parent)
{
	const struct member *from;

	members_remove(registry, child); /* a pid that is used again */
	from = members_find(registry, parent);
	/*
	 * CLONE_PARENT names the caller's own parent: a process of the host, or a supervisor. So
	 * the child of either is looked at, where a contained process could have made it.
	 */
	if (from ? from->supervisor : registry->loose_suspects > 0)
		members_look_at(registry, child);
	else if (from)
		copy_member(registry, from, child);
}

static unsigned int thread_count(const struct registry *registry, pid_t pid)
{
	struct stat info;
	char path[32];

	snprintf(path, sizeof(path), "%d/task", pid);
	if (fstatat(registry->settings.proc, path, &info, 0) || info.st_nlink < 2)
		return 0;
	return (unsigned int)info.st_nlink - 2; /* fs/proc/base.c, proc_task_getattr() */
}

/* The end of the first thread is all that is reported; the process may live on in the others. */
void members_exit(struct registry *registry, pid_t pid)
{
	struct member *member = members_find(registry, pid);

	if (!member)
		return;
	if (thread_count(registry, pid) <= 1) {
		members_remove(registry, pid);
	} else if (!member->headless) {
		member->headless = true;
		registry->headless++;
	}
}

/* Remove the headless processes that have ended since. */
static void sweep_headless(struct registry *registry)
{
	for (uint32_t i = 0; i < MEMBERS_MAX; i++)
		while (registry->members[i].headless &&
		       thread_count(registry, registry->members[i].pid) <= 1)
			members_remove(registry, registry->members[i].pid);
}

/* A conduit serves the namespace whose tap it holds; it opens the tap some time after its exec. */
static void find_netns(struct registry *registry, struct suspect *suspect, uint64_t now)
{
	uint64_t netns;

	if (!process_tap_netns(registry->settings.proc, suspect->pid, &netns) &&
	    netns != registry->host.net) {
		suspect->netns = netns;
		suspect->netns_next_us = 0;
		guests_for_netns(registry, netns);
	} else if (++suspect->netns_tries < NETNS_TRIES) {
		suspect->netns_next_us = now + ((uint64_t)NETNS_WAIT_US << suspect->netns_tries);
	} else {
		suspect->netns_next_us = 0;
	}
}

/* Look for the namespaces of new conduits; returns when to come again, 0: never. */
uint64_t members_work(struct registry *registry)
{
	uint64_t now = clock_monotonic_us(), next = 0;

	for (uint32_t i = 0; i < registry->suspects_high; i++) {
		struct suspect *suspect = &registry->suspects[i];

		if (!suspect->pid || !suspect->netns_next_us)
			continue;
		if (suspect->netns_next_us <= now)
			find_netns(registry, suspect, now);
		if (suspect->netns_next_us && (!next || suspect->netns_next_us < next))
			next = suspect->netns_next_us;
	}
	if (registry->headless)
		sweep_headless(registry);
	if (registry->headless && (!next || next > now + SWEEP_US))
		next = now + SWEEP_US;
	return next;
}
