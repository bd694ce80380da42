// SPDX-License-Identifier: GPL-2.0-or-later
/* What no list names: a process is known by what it holds, not by what it is called. */
#include "guests/state.h"

#include "kernel/mappings.h"
#include "util/clock.h"
#include "util/log.h"

#include <stdlib.h>
#include <string.h>

/*
 * DOC: Theory of Operation
 *
 * A process becomes a VMM or a conduit when it opens the device or maps the library, which no event
 * tells but for KVM's virtual machines. So each process that started or became another program is
 * looked at a few times while it is young, and all of them are looked at in turn once a minute while
 * the machine is busy. What was found is remembered until the process ends or becomes another
 * program, also while the members are read anew; classify.c asks for it.
 */

#define SWEEP_PIDS     16	 /* processes that a sweep looks at in one turn of the loop */
#define SWEEP_EVERY_US 60000000u /* between two sweeps, while there is something to do */

static const uint64_t young_us[YOUNG_STAGES] = {30000, 300000, 3000000, 30000000};

/* Runtimes of no list, and their one program. */
static const struct runtime kvm_runtime = {.word = "kvm",
					   .kind = KIND_VM,
					   .names = {{.style = NAME_QEMU, .option = "-name"}},
					   .name_count = 1};
static const struct runtime virtualbox_runtime = {.word = "virtualbox", .kind = KIND_VM};
static const struct runtime vmware_runtime = {.word = "vmware", .kind = KIND_VM};
static const struct runtime tap_runtime = {.word = "conduit", .kind = KIND_CONTAINER};

#define PROGRAM(its_runtime, its_kind, its_role)                                                   \
	{                                                                                          \
		.description = &(its_runtime), .runtime = (its_runtime).word, .kind = (its_kind),  \
		.role = (its_role),                                                                \
	}

static const struct program kvm = PROGRAM(kvm_runtime, KIND_VM, PROGRAM_VMM);
static const struct program virtualbox = PROGRAM(virtualbox_runtime, KIND_VM, PROGRAM_VMM);
static const struct program vmware = PROGRAM(vmware_runtime, KIND_VM, PROGRAM_VMM);
static const struct program tap_holder = PROGRAM(tap_runtime, KIND_CONTAINER, PROGRAM_CONDUIT);

/* Findings. */

const struct finding *structure_find(const struct registry *registry, pid_t pid)
{
	for (uint32_t i = 0; i < registry->findings_high; i++)
		if (registry->findings[i].pid == pid)
			return &registry->findings[i];
	return NULL;
}

void structure_forget(struct registry *registry, pid_t pid)
{
	for (uint32_t i = 0; i < registry->findings_high; i++)
		if (registry->findings[i].pid == pid)
			registry->findings[i] = registry->findings[--registry->findings_high];
}

/* The child has all that its parent holds. Its own entry counts when the members are read anew. */
void structure_inherit(struct registry *registry, pid_t child, pid_t parent)
{
	const struct finding *from = structure_find(registry, parent);
	struct process process;

	structure_forget(registry, child);
	if (!from || registry->findings_high == FINDINGS_MAX ||
	    process_read(registry->settings.proc, child, &process))
		return;
	registry->findings[registry->findings_high] = *from;
	registry->findings[registry->findings_high].pid = child;
	registry->findings[registry->findings_high++].start = process.start;
}

/* After events were lost: forget those whose process has ended since. */
void structure_recheck(struct registry *registry)
{
	struct process process;

	for (uint32_t i = 0; i < registry->findings_high;) {
		const struct finding *finding = &registry->findings[i];

		if (process_read(registry->settings.proc, finding->pid, &process) ||
		    process.start != finding->start)
			structure_forget(registry, finding->pid);
		else
			i++;
	}
	registry->sweep_due = true;
}

static void add_finding(struct registry *registry, const struct process *process,
			const struct program *program, const char *why)
{
	structure_forget(registry, process->pid);
	if (registry->findings_high == FINDINGS_MAX) {
		char cgroup[CGROUP_PATH_SIZE] = "";

		process_cgroup(registry->settings.proc, process->pid, cgroup, sizeof(cgroup));
		registry->members_lost++;
		cgroup_lose(registry, hash_text(cgroup));
		return;
	}
	registry->findings[registry->findings_high++] = (struct finding){
		.pid = process->pid, .start = process->start, .program = program, .why = why};
	members_look_at(registry, process->pid);
}

/**
 * struct library_search - the first mapped file that the catalogue knows
 */
struct library_search {
	const struct registry *registry;
	const struct program *program;
};

static bool visit_library(void *data, const char *path)
{
	struct library_search *search = data;

	search->program = catalogue_library(search->registry->settings.catalogue, path);
	return search->program;
}

/* What it holds. The tap comes first: it says whom a conduit serves. */
static void look_at_holdings(struct registry *registry, const struct process *process,
			     bool with_libraries)
{
	struct library_search search = {.registry = registry};
	struct holdings holdings;

	if (process_holdings(registry->settings.proc, process->pid, process->namespaces.net,
			     &holdings))
		return;
	if (holdings.tap_netns)
		return add_finding(registry, process, &tap_holder,
				   "it holds a tap of another network namespace");
	if (holdings.kvm_vm)
		return add_finding(registry, process, &kvm, "it holds a virtual machine of KVM");
	if (holdings.virtualbox)
		return add_finding(registry, process, &virtualbox, "it holds /dev/vboxdrv");
	if (holdings.vmware)
		return add_finding(registry, process, &vmware, "it holds /dev/vmmon");
	if (with_libraries && process_each_library(registry->settings.proc, process->pid,
						   visit_library, &search) == 1)
		add_finding(registry, process, search.program,
			    "it runs a library that networks for guests");
}

static bool is_known(const struct registry *registry, const struct member *member, pid_t pid)
{
	const struct finding *finding = structure_find(registry, pid);

	if (finding) /* a library says less than the tap that comes later */
		return finding->program == &tap_holder;
	return member && !member->supervisor;
}

static void examine(struct registry *registry, pid_t pid, bool with_libraries)
{
	const struct namespaces *host = &registry->host;
	const struct member *member = members_find(registry, pid);
	struct process process;

	if (is_known(registry, member, pid) ||
	    process_read(registry->settings.proc, pid, &process) || !process.namespaces.pid)
		return;
	/* It moved into namespaces of its own, or was put there, without becoming another program.
	 */
	if (!member && (namespace_is_foreign(process.namespaces.pid, host->pid) ||
			namespace_is_foreign(process.namespaces.user, host->user)))
		members_look_at(registry, pid);
	else if (process.namespaces.net == host->net)
		look_at_holdings(registry, &process, with_libraries);
}

void structure_examine(struct registry *registry, pid_t pid)
{
	examine(registry, pid, true);
}

/* A thread made a virtual machine: the kernel says so itself (kernel/kvm_events.h). */
void registry_kvm_made(struct registry *registry, pid_t thread)
{
	struct process process;
	char text[16] = "";

	if (process_line(registry->settings.proc, thread, "status", "Tgid:\t", text,
			 sizeof(text)) ||
	    process_read(registry->settings.proc, (pid_t)strtol(text, NULL, 10), &process))
		return; /* it has ended */
	if (structure_find(registry, process.pid))
		return;
	add_finding(registry, &process, &kvm, "it made a virtual machine of KVM");
}

/* Young processes. */

static void enlist(struct registry *registry, unsigned int stage, pid_t pid, uint64_t now)
{
	struct young_queue *queue = &registry->young[stage];

	if (queue->count == YOUNG_MAX) { /* so many at once: look at all of them later */
		registry->sweep_due = true;
		return;
	}
	queue->entries[(queue->first + queue->count++) % YOUNG_MAX] =
		(struct young){pid, now + young_us[stage]};
}

void structure_enlist(struct registry *registry, pid_t pid)
{
	enlist(registry, 0, pid, clock_monotonic_us());
}

static void examine_young(struct registry *registry, unsigned int stage, uint64_t now)
{
	struct young_queue *queue = &registry->young[stage];

	while (queue->count && queue->entries[queue->first].due_us <= now) {
		pid_t pid = queue->entries[queue->first].pid;
		bool lives = process_exists(registry->settings.proc, pid);

		queue->first = (queue->first + 1) % YOUNG_MAX;
		queue->count--;
		if (!lives)
			continue;
		examine(registry, pid, true);
		if (stage + 1 < YOUNG_STAGES)
			enlist(registry, stage + 1, pid, now);
	}
}

/* Sweeps. */

/* Return: whether there is more to do. */
static bool sweep_on(struct registry *registry, bool with_libraries)
{
	pid_t pid = 0;

	if (!registry->sweep)
		registry->sweep = processes_list(registry->settings.proc);
	for (int i = 0; registry->sweep && i < SWEEP_PIDS; i++) {
		pid = processes_next(registry->sweep);
		if (!pid)
			break;
		examine(registry, pid, with_libraries);
	}
	if (!pid)
		structure_end_sweep(registry);
	return pid;
}

void structure_end_sweep(struct registry *registry)
{
	if (registry->sweep)
		closedir(registry->sweep);
	registry->sweep = NULL;
	registry->sweep_due = false;
	registry->sweep_next_us = clock_monotonic_us() + SWEEP_EVERY_US;
}

void structure_sweep_all(struct registry *registry)
{
	while (sweep_on(registry, true))
		;
}

static uint64_t earliest_young(const struct registry *registry)
{
	uint64_t next = 0;

	for (unsigned int stage = 0; stage < YOUNG_STAGES; stage++) {
		const struct young_queue *queue = &registry->young[stage];

		if (queue->count && (!next || queue->entries[queue->first].due_us < next))
			next = queue->entries[queue->first].due_us;
	}
	return next;
}

uint64_t structure_work(struct registry *registry)
{
	uint64_t now = clock_monotonic_us();

	for (unsigned int stage = 0; stage < YOUNG_STAGES; stage++)
		examine_young(registry, stage, now);
	/* No timer of its own: a machine that sleeps starts no VMM. */
	if (now >= registry->sweep_next_us)
		registry->sweep_due = true;
	if (registry->sweep_due && sweep_on(registry, false))
		return now;
	return earliest_young(registry);
}
