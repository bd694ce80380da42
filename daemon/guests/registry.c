// SPDX-License-Identifier: GPL-2.0-or-later
/* The registry's outside: what the guard asks it and tells it. */
#include "guests/state.h"

#include "guests/names.h"
#include "kernel/process_events.h"
#include "kernel/ruleset.h"
#include "util/clock.h"
#include "util/error.h"
#include "util/text.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int visit_pid(void *data, pid_t pid)
{
	members_look_at(data, pid);
	return 0;
}

void registry_rescan(struct registry *registry)
{
	structure_recheck(registry);
	members_clear(registry);
	members_missed(registry);
	registry->reads_anew = true;
	/* Twice: a container's process may be read before the supervisor that knows its name. */
	processes_each(registry->settings.proc, visit_pid, registry);
	processes_each(registry->settings.proc, visit_pid, registry);
	registry->reads_anew = false;
	past_forget(registry);
	guests_check_leaders(registry);
	guests_prune(registry);
	registry_links_changed(registry);
}

/*
 * The host's namespaces are those of process 1: a service manager may have given us a mount
 * namespace of our own. Where process 1 has more privilege than we, ours have to do.
 */
static int read_host(int proc, struct namespaces *host)
{
	int result = process_namespaces(proc, 1, host);

	if (result || !host->pid)
		result = process_namespaces(proc, getpid(), host);
	return result ? result : host->pid ? 0 : -EACCES;
}

int registry_new(struct registry **registry, const struct registry_settings *settings,
		 struct error *error)
{
	struct registry *new = calloc(1, sizeof(*new));
	int result;

	if (!new)
		return error_set(error, -ENOMEM, "out of memory");
	new->settings = *settings;
	result = read_host(settings->proc, &new->host);
	if (result) {
		free(new);
		return error_set(error, result,
				 "cannot read /proc/self/ns: is /proc mounted, are we root?");
	}
	new->host.net = settings->netns;
	registry_rescan(new);
	structure_sweep_all(new);
	*registry = new;
	return 0;
}

void registry_set_catalogue(struct registry *registry, const struct catalogue *catalogue)
{
	registry->catalogue_before = registry->settings.catalogue;
	registry->settings.catalogue = catalogue;
	memset(registry->cgroups, 0, sizeof(registry->cgroups));
	memset(registry->mac_readings, 0, sizeof(registry->mac_readings));
	structure_forget_libraries(registry);
	wires_forget_runtimes(registry);
	registry->prune_held = true; /* those who are found last are still the same guests */
	registry_rescan(registry);
	registry->catalogue_before = NULL;
	structure_sweep_all(registry);
	wires_keep_netns(registry);
	registry->prune_held = false;
	guests_prune(registry);
}

void registry_free(struct registry *registry)
{
	structure_end_sweep(registry);
	free(registry);
}

/* Interfaces and conduits whose guests are not known yet; see registry.h. */
uint64_t registry_work(struct registry *registry)
{
	uint64_t next;

	if ((registry->suspects_lost && registry->suspects_high < SUSPECTS_MAX / 2) ||
	    (registry->members_lost && registry->member_count < MEMBERS_MAX / 3 * 2))
		registry_rescan(registry);
	next = earlier(guests_work(registry), structure_work(registry));
	next = earlier(next, wires_work(registry));
	next = earlier(next, members_work(registry));
	next = earlier(next, guests_name_work(registry));
	return earlier(next, macs_work(registry));
}

void registry_process_event(struct registry *registry, const struct process_event *event)
{
	switch (event->type) {
	case PROCESS_FORK:
		members_fork(registry, event->pid, event->parent);
		break;
	case PROCESS_EXEC:
		members_exec(registry, event->pid);
		break;
	case PROCESS_EXIT:
		members_exit(registry, event->pid);
		break;
	}
}

int registry_source(struct registry *registry, const struct flow *flow,
		    const struct arrival *arrival, struct source *source)
{
	int result = 0;

	memset(source, 0, sizeof(*source));
	if (arrival->loopback || arrival->looped)
		result = loopback_source(registry, flow, arrival, source);
	else
		wire_source(registry, flow, arrival, source);
	if (!arrival->loopback && flow_is_martian_target(flow))
		source->route = ROUTE_MARTIAN;
	return result;
}

uint32_t registry_generation(const struct registry *registry)
{
	return registry->generation;
}

size_t registry_cgroups(const struct registry *registry, struct ruleset_cgroup *cgroups,
			size_t size)
{
	size_t count = 0;

	static_assert(RULESET_CGROUPS_MAX >= GUESTS_MAX, "the kernel is told of each guest");
	for (uint32_t i = 0; i < registry->guests_high && count < size; i++) {
		const struct guest *guest = &registry->guests[i];

		if (guest->id && guest->cgroup &&
		    !(guest->kind == KIND_SANDBOX && registry->sandboxes_trusted))
			cgroups[count++] =
				(struct ruleset_cgroup){guest->cgroup, guest->cgroup_level};
	}
	return count;
}

bool registry_shares_lo(const struct registry *registry)
{
	return registry->local_members || registry->members_lost || registry->suspects_lost ||
	       registry->findings_lost;
}

void registry_trust_sandboxes(struct registry *registry, bool trust)
{
	if (registry->sandboxes_trusted == trust)
		return;
	registry->sandboxes_trusted = trust;
	registry->generation++;
	registry_rescan(registry);
}

uint64_t registry_local_start(const struct registry *registry)
{
	return registry->local_start_us;
}

void registry_kernel_knows(struct registry *registry, bool knows)
{
	registry->kernel_knows_cgroups = knows;
}

void registry_judged(struct registry *registry, const struct source *source, bool refused)
{
	struct guest *guest = guests_find_id(registry, source->guest);

	if (!guest)
		return;
	guest->last_us = clock_realtime_us();
	guest->attempts++;
	guest->refused += refused;
}

int registry_each(const struct registry *registry,
		  int (*visit)(void *data, const struct guest *guest), void *data)
{
	uint32_t last = 0;

	for (;;) { /* by id; slots are used again */
		const struct guest *next = NULL;
		int result;

		for (uint32_t i = 0; i < registry->guests_high; i++) {
			const struct guest *guest = &registry->guests[i];

			if (guest->id > last && (!next || guest->id < next->id))
				next = guest;
		}
		if (!next)
			return 0;
		last = next->id;
		result = visit(data, next);
		if (result)
			return result;
	}
}

size_t registry_count(const struct registry *registry)
{
	size_t count = 0;

	for (uint32_t i = 0; i < registry->guests_high; i++)
		count += registry->guests[i].id != 0;
	return count;
}

const struct guest *registry_find_id(struct registry *registry, uint32_t id)
{
	return guests_find_id(registry, id);
}

const struct guest *registry_find_key(struct registry *registry, const char *key)
{
	return guests_find_key(registry, key);
}

static void take_older(const struct registry *registry, pid_t pid, uint64_t *oldest_us)
{
	uint64_t ticks_per_second = (uint64_t)sysconf(_SC_CLK_TCK), started_us;
	struct process process;

	if (process_read(registry->settings.proc, pid, &process))
		return;
	started_us = clock_realtime_us() - clock_us(CLOCK_BOOTTIME) +
		     process.start * 1000000u / ticks_per_second;
	if (started_us < *oldest_us)
		*oldest_us = started_us;
}

/*
 * A network namespace without a process is as old as its name, or as the conduit that serves it. By
 * its inode it could be another: the kernel gives that to the next one.
 */
static uint64_t namespace_made_us(const struct registry *registry, const struct guest *guest)
{
	uint64_t made_us = clock_realtime_us();
	char name[NAME_SIZE];

	if (!guest->netns ||
	    names_netns(registry->settings.run_netns, guest->netns, name, &made_us))
		return made_us;
	for (uint32_t i = 0; i < registry->suspects_high; i++)
		if (registry->suspects[i].pid && registry->suspects[i].netns == guest->netns)
			take_older(registry, registry->suspects[i].pid, &made_us);
	return made_us;
}

uint64_t registry_started_us(const struct registry *registry, const struct guest *guest)
{
	uint64_t oldest_us = clock_realtime_us();
	uint16_t index = guests_index(registry, guest);

	if (!guest->leader)
		return namespace_made_us(registry, guest);
	for (uint32_t i = 0; i < registry->member_count; i++) {
		const struct member *member = &registry->members[i];

		if (member->guest == index && !member->supervisor)
			take_older(registry, member->pid, &oldest_us);
	}
	return oldest_us;
}
