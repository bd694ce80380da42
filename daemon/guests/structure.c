// SPDX-License-Identifier: GPL-2.0-or-later
/* What no list names: a process is known by what it holds, not by what it is called. */
#include "guests/state.h"

#include "kernel/mappings.h"
#include "util/array.h"
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

#define LOOKS_A_TURN   1	 /* of the loop, and as many of a sweep: a verdict waits for them */
#define SWEEP_EVERY_US 60000000u /* between two sweeps, while there is something to do */

static const uint64_t young_us[YOUNG_STAGES] = {30000, 300000, 3000000, 30000000};

/* Runtimes of no list, and their one program. */
static struct name_source kvm_name = {.style = NAME_QEMU, .option = "-name"};
static const struct runtime kvm_runtime = {
	.word = "kvm", .kind = KIND_VM, .names = &kvm_name, .name_count = 1};
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

static struct finding *find(struct registry *registry, pid_t pid)
{
	for (uint32_t i = 0; i < registry->findings_high; i++)
		if (registry->findings[i].pid == pid)
			return &registry->findings[i];
	return NULL;
}

const struct finding *structure_find(const struct registry *registry, const struct process *process)
{
	const struct finding *finding = find((struct registry *)registry, process->pid);

	return finding && finding->start == process->start ? finding : NULL;
}

bool structure_knows(const struct registry *registry, pid_t pid)
{
	return find((struct registry *)registry, pid);
}

/* Of a program's library the catalogue tells; all else is known without it. */
static bool is_by_library(const struct finding *finding)
{
	return finding->program->pattern[0] != '\0';
}

static void remove_finding(struct registry *registry, struct finding *finding)
{
	*finding = registry->findings[--registry->findings_high];
	if (!registry->findings_lost || registry->findings_high > FINDINGS_MAX / 2)
		return;
	registry->findings_lost = 0; /* there is room for those now */
	registry->sweep_due = true;
}

void structure_forget(struct registry *registry, pid_t pid)
{
	struct finding *finding = find(registry, pid);

	if (finding)
		remove_finding(registry, finding);
}

/* Another catalogue: what its libraries tell is looked for anew. */
void structure_forget_libraries(struct registry *registry)
{
	for (uint32_t i = registry->findings_high; i-- > 0;)
		if (is_by_library(&registry->findings[i]))
			remove_finding(registry, &registry->findings[i]);
	structure_end_sweep(registry);
}

/* Where there is no room, any socket of the host may be that of a VMM: see doubt(). */
static bool put_finding(struct registry *registry, const struct process *process,
			const struct program *program, const char *why)
{
	structure_forget(registry, process->pid);
	if (registry->findings_high == FINDINGS_MAX) {
		registry->findings_lost++;
		return false;
	}
	registry->findings[registry->findings_high++] = (struct finding){
		.pid = process->pid, .start = process->start, .program = program, .why = why};
	return true;
}

/* The child has all that its parent holds. Its own entry counts when the members are read anew. */
void structure_inherit(struct registry *registry, pid_t child, pid_t parent)
{
	const struct finding *from = find(registry, parent);
	struct process process;

	if (from && !process_read(registry->settings.proc, child, &process))
		put_finding(registry, &process, from->program, from->why);
}

/* After events were lost: forget those whose process has ended since, and look at all others. */
void structure_recheck(struct registry *registry)
{
	struct process process;

	for (uint32_t i = registry->findings_high; i-- > 0;) {
		struct finding *finding = &registry->findings[i];

		if (process_read(registry->settings.proc, finding->pid, &process) ||
		    process.start != finding->start)
			remove_finding(registry, finding);
	}
	structure_end_sweep(registry);
	registry->sweep_due = true;
}

static void add_finding(struct registry *registry, const struct process *process,
			const struct program *program, const char *why)
{
	const struct finding *known = structure_find(registry, process);

	if (known && known->program == program)
		return;
	if (put_finding(registry, process, program, why))
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

/* By a device. The tap comes first: it says whom a conduit serves. */
static bool find_by_device(struct registry *registry, const struct process *process,
			   const struct holdings *holdings)
{
	const struct {
		bool is_held;
		const struct program *program;
		const char *why;
	} devices[] = {
		{holdings->tap_netns, &tap_holder, "it holds a tap of another network namespace"},
		{holdings->kvm_vm, &kvm, "it holds a virtual machine of KVM"},
		{holdings->virtualbox, &virtualbox, "it holds /dev/vboxdrv"},
		{holdings->vmware, &vmware, "it holds /dev/vmmon"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		if (!devices[i].is_held)
			continue;
		add_finding(registry, process, devices[i].program, devices[i].why);
		return true;
	}
	return false;
}

static void look_at_holdings(struct registry *registry, const struct process *process,
			     bool with_libraries)
{
	struct library_search search = {.registry = registry};
	struct holdings holdings;

	if (process_holdings(registry->settings.proc, process->pid, process->namespaces.net,
			     &holdings) ||
	    find_by_device(registry, process, &holdings))
		return;
	if (with_libraries && process_each_library(registry->settings.proc, process->pid,
						   visit_library, &search) == 1)
		add_finding(registry, process, search.program,
			    "it runs a library that networks for guests");
}

/* A library says less than the device that comes later. */
static bool is_known(const struct registry *registry, const struct member *member, pid_t pid)
{
	const struct finding *finding = find((struct registry *)registry, pid);

	if (finding)
		return !is_by_library(finding);
	return member && !member->supervisor;
}

static void examine(struct registry *registry, pid_t pid, bool with_libraries)
{
	const struct member *member = members_find(registry, pid);
	struct process process;

	if (is_known(registry, member, pid) ||
	    process_read(registry->settings.proc, pid, &process) || !process.namespaces.pid)
		return;
	/* It moved into namespaces of its own, or was put there, without becoming another program.
	 */
	if (!member && is_contained(registry, &process))
		members_look_at(registry, pid);
	else if (process.namespaces.net == registry->host.net)
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
	    process_read(registry->settings.proc, (pid_t)strtol(text, NULL, 10), &process) ||
	    !process.namespaces.pid)
		return; /* it has ended */
	add_finding(registry, &process, &kvm, "it made a virtual machine of KVM");
}

/* Young processes. */

static void enlist(struct registry *registry, unsigned int stage, pid_t pid, uint64_t now)
{
	struct young_queue *queue = &registry->young[stage];

	if (!queue->count)
		queue->first =
			0; /* from the front: what is behind costs no memory until it is used */
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

/* @left: how many may still be looked at in this turn */
static void examine_young(struct registry *registry, unsigned int stage, uint64_t now,
			  unsigned int *left)
{
	struct young_queue *queue = &registry->young[stage];

	while (queue->count && queue->entries[queue->first].due_us <= now && *left) {
		pid_t pid = queue->entries[queue->first].pid;
		bool lives = process_exists(registry->settings.proc, pid);

		queue->first = (queue->first + 1) % YOUNG_MAX;
		queue->count--;
		if (!lives)
			continue;
		(*left)--;
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
	for (int i = 0; registry->sweep && i < LOOKS_A_TURN; i++) {
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
	unsigned int left = LOOKS_A_TURN;

	for (unsigned int stage = 0; stage < YOUNG_STAGES; stage++)
		examine_young(registry, stage, now, &left);
	/* No timer of its own: a machine that sleeps starts no VMM. */
	if (now >= registry->sweep_next_us)
		registry->sweep_due = true;
	if (registry->sweep_due && sweep_on(registry, false))
		return now;
	return earliest_young(registry);
}
