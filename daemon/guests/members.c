// SPDX-License-Identifier: GPL-2.0-or-later
/* Which processes are guests, work for guests or supervise them. */
#include "guests/state.h"

#include "util/clock.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CGROUP_NEW_US 5000000 /* a container's first process starts that soon after its cgroup */
#define SWEEP_US      1000000 /* between looks at processes whose end is not reported */

static struct member *add(struct registry *registry, const struct member *entry)
{
	struct member *member = members_append(registry, entry);

	if (!member) {
		registry->members_lost++;
		return NULL;
	}
	member->suspect = -1;
	registry->local_members += entry->local;
	if (entry->local && entry->guest != NO_GUEST && !registry->guest_members[entry->guest])
		registry->local_start_us = clock_monotonic_us();
	if (entry->guest != NO_GUEST) {
		registry->guest_members[entry->guest]++;
		registry->guests[entry->guest].last_us = clock_realtime_us();
	}
	return member;
}

/* The guest lost a process: if that was its leader another takes its place. */
static void leave_guest(struct registry *registry, uint16_t index, pid_t pid)
{
	struct guest *guest = &registry->guests[index];

	if (!--registry->guest_members[index]) {
		guests_release(registry, index);
	} else if (guest->leader == pid) {
		guest->leader = 0;
		registry->leaders_lost = true;
	}
}

void members_remove(struct registry *registry, pid_t pid)
{
	struct member *member = members_find(registry, pid);
	uint16_t guest;

	if (!member)
		return;
	registry->local_members -= member->local;
	registry->headless -= member->headless;
	if (member->suspect >= 0)
		suspects_remove(registry, member);
	guest = member->guest;
	members_take_out(registry, member);
	if (guest != NO_GUEST)
		leave_guest(registry, guest, pid);
}

/* Before everything is read anew. Of a headless process /proc tells nothing any more: it stays
 * lost. */
void members_clear(struct registry *registry)
{
	memset(registry->lost_cgroups, 0, sizeof(registry->lost_cgroups));
	for (uint32_t i = 0; registry->headless && i < registry->member_count; i++)
		if (registry->members[i].headless && registry->members[i].suspect >= 0)
			suspects_lose(registry, registry->members[i].suspect);
	past_keep(registry);
	members_take_out_all(registry);
	suspects_clear(registry);
	memset(registry->guest_members, 0, sizeof(registry->guest_members));
	registry->local_members = registry->members_lost = registry->headless = 0;
}

/* A VM lives where its VMM does by now: of `nsenter --net … qemu-system-…` the new words may have been
 * read with the old namespaces. */
static void note_process(struct registry *registry, struct guest *guest,
			 const struct process *process)
{
	uint64_t theirs = process->namespaces.net;
	uint64_t netns = theirs == registry->host.net ? 0 : theirs;

	if (!guest->leader) {
		guest->leader = process->pid;
		supervisors_note_leader(registry, guest);
	}
	if (guest->netns == netns || !theirs)
		return;
	if (guest->kind == KIND_VM ? guest->leader == process->pid : !guest->netns)
		guests_set_netns(registry, guest, netns);
}

/*
 * Some process came and went unseen. If it was the first of a new container, the kernel could not
 * be told of its cgroup, and a datagram that it left in the queue looks like the host's. But a
 * container brings a cgroup: where none came lately, it was none.
 */
void members_missed(struct registry *registry)
{
	uint64_t now = clock_monotonic_us(), fingerprint;

	if (registry->settings.cgroup < 0 ||
	    cgroups_fingerprint(registry->settings.cgroup, &fingerprint))
		return;
	if (fingerprint != registry->cgroups_fingerprint)
		registry->cgroups_changed_us = now;
	registry->cgroups_fingerprint = fingerprint;
	if (now - registry->cgroups_changed_us < CGROUP_NEW_US)
		registry->local_exit_us = now;
}

/*
 * Does it end? Its memory goes first, and with it what it has become; its sockets go later. So it is still
 * what it was.
 */
static bool is_ending(const struct member *before, const struct process *process)
{
	return before->program && !process->executable[0];
}

/*
 * False when the process has ended. One that only waits for its parent, and may wait for ever, is nobody's
 * either.
 * @was_local: it was a member in the guarded network namespace
 */
static bool read_living(struct registry *registry, pid_t pid, bool was_local,
			struct process *process)
{
	bool has_gone =
		process_read(registry->settings.proc, pid, process) || !process->namespaces.pid;

	if (!has_gone && !process->is_dead)
		return true;
	if (was_local)
		registry->local_exit_us = clock_monotonic_us();
	else if (has_gone)
		members_missed(registry);
	return false;
}

/*
 * Into the tables, as what it was found to be. A process of another network namespace opens no connection
 * here, unless it has come from here with its sockets: it has left by unshare(2), and what it made before is
 * still of here. What starts a container takes none along.
 */
static void enter(struct registry *registry, struct member *entry, const struct process *process,
		  const char *cgroup, bool was_searched)
{
	bool is_here = process->namespaces.net == registry->host.net;
	bool is_searched =
		entry->local &&
		(is_here ||
		 (was_searched && process_may_hold_inet(registry->settings.proc, entry->pid)));
	struct member *member;

	entry->started_by = process->start;
	entry->local = !entry->supervisor && (is_here || is_searched);
	entry->was_searched = is_searched;
	member = add(registry, entry);
	if (member && is_searched)
		suspects_add(registry, member, hash_text(cgroup));
	else if (is_searched)
		cgroup_lose(registry, hash_text(cgroup));
	if (entry->guest != NO_GUEST && !entry->supervisor)
		note_process(registry, &registry->guests[entry->guest], process);
}

/* The first process of a guest that opens connections here. */
static void settle_anew(struct registry *registry, const struct member *entry,
			const struct process *process)
{
	if (!entry->supervisor && entry->guest != NO_GUEST &&
	    process->namespaces.net == registry->host.net && !registry->guests[entry->guest].leader)
		registry->local_start_us = clock_monotonic_us();
}

static void look_at(struct registry *registry, pid_t pid)
{
	const struct member *known = members_find(registry, pid);
	struct member before = known ? *known : (struct member){.pid = 0}, entry;
	char cgroup[CGROUP_PATH_SIZE] = "";
	bool is_known = known;
	struct process process;

	members_remove(registry, pid);
	if (!read_living(registry, pid, before.local, &process))
		return;
	if (!is_known)
		past_find(registry, &process, &before);
	before.carried = registry->reads_anew;
	process_cgroup(registry->settings.proc, pid, cgroup, sizeof(cgroup));
	if (is_known && is_ending(&before, &process)) {
		entry = before;
		entry.headless = entry.carried = false;
	} else if (!members_classify(registry, &process, cgroup, before.pid ? &before : NULL,
				     &entry)) {
		return;
	}
	/* Its supervisor was there before; but the kernel may have to be told of its cgroup yet. */
	if (!is_known || before.supervisor)
		settle_anew(registry, &entry, &process);
	enter(registry, &entry, &process, cgroup, before.was_searched);
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
		guests_release(registry, guest);
}

/* The child of a guest's process: the same in all but its pid. */
static void copy_member(struct registry *registry, const struct member *from, pid_t child)
{
	struct member entry = *from, *member;
	struct suspect *suspect;
	int16_t parent = from->suspect;

	entry.pid = child;
	entry.headless = false;
	entry.is_copy = true;
	entry.started_by = past_now();
	member = add(registry, &entry);
	if (parent < 0)
		return;
	if (member)
		suspects_add(registry, member, (uint64_t)registry->suspect_seen[parent][0] << 32);
	if (!member || member->suspect < 0) {
		suspects_lose(registry, parent);
		return;
	}
	suspect = &registry->suspects[member->suspect];
	*suspect = registry->suspects[parent];
	suspect->pid = child;
	suspect->hint = -1;
	if (suspect->look_next_us)
		registry->conduits_next_us = 1;
	memcpy(registry->suspect_seen[member->suspect], registry->suspect_seen[parent],
	       sizeof(registry->suspect_seen[0]));
}

void members_fork(struct registry *registry, pid_t child, pid_t parent)
{
	const struct member *from;

	members_remove(registry, child); /* a pid that is used again */
	structure_forget(registry, child);
	from = members_find(registry, parent);
	/*
	 * CLONE_PARENT names the caller's own parent: a process of the host, or a supervisor. So
	 * the child of either is looked at, where a contained process could have made it.
	 */
	if (from ? from->supervisor : registry->loose_suspects > 0)
		members_look_at(registry, child);
	else if (from)
		copy_member(registry, from, child);
	if (!from || from->supervisor)
		structure_enlist(registry, child);
	else
		structure_inherit(registry, child, parent);
}

void members_exec(struct registry *registry, pid_t pid)
{
	bool was_found = structure_knows(registry, pid);

	structure_forget(registry, pid);
	members_look_at(registry, pid);
	if (was_found) /* descriptors may have passed into the new program */
		structure_examine(registry, pid);
	structure_enlist(registry, pid);
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

/*
 * With one thread left, is it the first, whose end was reported? The memory of that one has gone by
 * the time of the event (kernel/exit.c, do_exit()). One that has a program is another thread, which has
 * become the process by an exec (fs/exec.c, de_thread()): of that the next event tells.
 */
static bool has_program(const struct registry *registry, pid_t pid)
{
	char path[32], byte;

	snprintf(path, sizeof(path), "%d/exe", pid);
	return readlinkat(registry->settings.proc, path, &byte, 1) >= 0;
}

static bool has_ended(const struct registry *registry, pid_t pid)
{
	unsigned int threads = thread_count(registry, pid);

	return !threads || (threads == 1 && !has_program(registry, pid));
}

/* The end of the first thread is all that is reported; the process may live on in the others. */
void members_exit(struct registry *registry, pid_t pid)
{
	struct member *member = members_find(registry, pid);

	if (!member || has_ended(registry, pid)) {
		structure_forget(registry, pid);
		members_remove(registry, pid);
	} else if (!member->headless) {
		member->headless = true;
		registry->headless++;
	}
}

/* Remove the headless processes that have ended since. */
static void sweep_headless(struct registry *registry)
{
	for (uint32_t i = 0; i < registry->member_count; i++) {
		while (i < registry->member_count && registry->members[i].headless &&
		       has_ended(registry, registry->members[i].pid)) {
			structure_forget(registry, registry->members[i].pid);
			members_remove(registry, registry->members[i].pid);
		}
	}
}

/* Whom new conduits serve, and who has gone unseen; returns when to come again, 0: never. */
uint64_t members_work(struct registry *registry)
{
	uint64_t now = clock_monotonic_us(), next = registry->conduits_next_us;

	if ((next && next <= now) || registry->vm_changes != registry->vm_changes_seen)
		next = registry->conduits_next_us = conduits_work(registry, now);
	if (supervisors_work(registry))
		next = now;
	if (registry->headless && registry->sweep_us <= now) {
		sweep_headless(registry);
		registry->sweep_us = now + SWEEP_US;
	}
	if (registry->headless && (!next || next > registry->sweep_us))
		next = registry->sweep_us;
	return next;
}
