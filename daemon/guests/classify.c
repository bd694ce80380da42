// SPDX-License-Identifier: GPL-2.0-or-later
/* What one process is: of the host, a guest's, a VMM, a conduit or a supervisor. */
#include "guests/state.h"

#include "guests/names.h"
#include "kernel/ruleset.h"
#include "util/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ARGUMENTS_MAX 8192 /* bytes of a command line that are read */

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
 * @kept: whose supervisor it was when it was looked at before, or its parent is; of a VMM, the VM that its
 * parent supervises; NULL for none
 */
struct guest *classify_program(struct registry *registry, const struct program *program,
			       const struct process *process, const char *outer, struct guest *kept)
{
	char arguments[ARGUMENTS_MAX], key[sizeof(registry->guests->key)], name[NAME_SIZE] = "";
	const struct finding *finding = structure_find(registry, process);
	const char *id = NULL;
	struct guest *guest;
	ssize_t length;

	length = process_arguments(registry->settings.proc, process->pid, arguments,
				   sizeof(arguments));
	if (length < 0)
		length = 0;
	if (program->role == PROGRAM_VMM && kept) {
		kept->leader = process->pid;
		return kept;
	}
	names_from_arguments(program->description, process->comm, arguments, (size_t)length, name);
	if (outer)
		put_inside(name, outer);
	if (program->description->id_option[0])
		id = names_option(arguments, (size_t)length, program->description->id_option);
	if (id)
		snprintf(key, sizeof(key), "container:%.200s", id);
	else if (program->role == PROGRAM_SUPERVISOR && name[0])
		supervisors_key(key, sizeof(key), program->runtime, name);
	else if (program->role == PROGRAM_SUPERVISOR)
		return NULL; /* its children tell */
	else
		snprintf(key, sizeof(key), "%s:%d:%" PRIu64, program->runtime, process->pid,
			 process->start);
	if (program->role == PROGRAM_SUPERVISOR && !id)
		guest = supervisors_guest(registry, process->pid, program, name, kept);
	else
		guest = guests_find_key(registry, key);
	if (guest && name[0]) {
		guests_set_name(guest, name);
	} else if (!guest) {
		bool is_named = name[0] != '\0', is_numbered;

		if (!is_named && id)
			text_copy_name(name, sizeof(name), id, strnlen(id, 12));
		if (!name[0] && finding)
			text_copy_name(name, sizeof(name), process->comm, strlen(process->comm));
		is_numbered = !name[0];
		if (is_numbered)
			snprintf(name, sizeof(name), "%s-%d", program->runtime, process->pid);
		guest = guests_add(registry, program->kind, program->runtime, name, key,
				   finding ? finding->why
				   : program->role == PROGRAM_VMM
					   ? "its VMM's command line"
					   : "its supervisor's command line");
		if (guest)
			guest->is_numbered = is_numbered;
		if (!is_named)
			guests_want_name(registry, guest);
	}
	if (guest && program->role == PROGRAM_VMM)
		guest->leader = process->pid;
	return guest;
}

/* A VMM inside a cgroup that libvirt made: the cgroup's name is lossy, its own is not. */
static void improve_name(struct registry *registry, struct guest *guest,
			 const struct program *program, const struct process *process)
{
	char arguments[ARGUMENTS_MAX], name[NAME_SIZE];
	ssize_t length = process_arguments(registry->settings.proc, process->pid, arguments,
					   sizeof(arguments));

	if (length > 0 && names_from_arguments(program->description, process->comm, arguments,
					       (size_t)length, name))
		guests_set_name(guest, name);
}

/*
 * A VMM in a guest's cgroup. systemd gives its VMs scopes like those of its containers: but a process
 * in the host's own namespaces is contained by nobody, so the guest is the VM.
 */
static void note_vmm(struct registry *registry, struct guest *guest,
		     const struct cgroup_match *match, const struct program *program,
		     const struct process *process)
{
	if (match->kind == KIND_VM) {
		improve_name(registry, guest, program, process);
	} else if (guest->kind != KIND_VM && !is_set_apart(registry, process)) {
		registry->vm_changes++;
		guest->kind = KIND_VM;
		text_copy(guest->runtime, sizeof(guest->runtime), program->runtime);
	}
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

bool works_for_guests(const struct program *program)
{
	return program && (program->role == PROGRAM_VMM || program->role == PROGRAM_CONDUIT);
}

/*
 * Who it is by name. What a process calls itself is asked for where neither executable nor cgroup say
 * what it is, and its arguments where they tell which of several an executable is; neither of a contained
 * one, which would make a VMM or a conduit of itself.
 */
static const struct program *named_program(const struct registry *registry,
					   const struct process *process, bool is_guest)
{
	const struct catalogue *catalogue = registry->settings.catalogue;
	const struct program *program = catalogue_program(catalogue, process->executable, "", "");
	const struct program *command;
	char arguments[ARGUMENTS_MAX];
	ssize_t length = 0;

	if (is_guest || is_contained(registry, process) ||
	    (program && !catalogue_has_command(catalogue, process->executable)))
		return program;
	length = process_arguments(registry->settings.proc, process->pid, arguments,
				   sizeof(arguments));
	command = catalogue_command(catalogue, process->executable, arguments,
				    length > 0 ? (size_t)length : 0);
	if (command || program)
		return command ? command : program;
	return catalogue_program(catalogue, process->executable, length > 0 ? arguments : "",
				 process->comm);
}

/* Or by what it holds, which counts more than a name that says less. */
static const struct program *program_of(const struct registry *registry,
					const struct process *process, bool is_guest)
{
	const struct program *named = named_program(registry, process, is_guest);
	const struct finding *finding;

	if (works_for_guests(named))
		return named;
	finding = structure_find(registry, process);
	return finding ? finding->program : named;
}

/*
 * A supervisor's own child that has not become another program: it stays a supervisor, where the guest
 * that its parent keeps would be the answer for any other child. A contained process that names the
 * supervisor as its child's parent (CLONE_PARENT) has namespaces of its own. What the parent was is
 * remembered: conmon ends right after its fork.
 */
static bool is_copy_of_supervisor(struct registry *registry, const struct process *process,
				  const struct program *program)
{
	const struct member *parent = members_find(registry, process->parent);
	const struct namespaces *theirs = &process->namespaces;

	return program && parent && parent->supervisor && parent->program == program &&
	       parent->namespaces.pid == theirs->pid && parent->namespaces.user == theirs->user &&
	       parent->namespaces.mount == theirs->mount;
}

static struct guest *supervised_by(struct registry *registry, const struct member *member)
{
	return member && member->supervisor && member->guest != NO_GUEST
		       ? &registry->guests[member->guest]
		       : NULL;
}

/* Another VM has the name, and no cgroup tells them apart. */
static bool has_other_vmm(struct registry *registry, const struct guest *guest, pid_t pid)
{
	const struct member *leader = guest->leader && guest->leader != pid
					      ? members_find(registry, guest->leader)
					      : NULL;

	return leader && leader->guest == guests_index(registry, guest) && leader->program &&
	       leader->program->role == PROGRAM_VMM;
}

/* A VM with a supervisor or a cgroup of its own is not known by the number of its VMM. */
static bool is_told_by_others(const struct guest *guest)
{
	return strchr(guest->key, '@') || !strncmp(guest->key, "container:", 10);
}

/* The guest of this program by what is known already: its own past, or its parent. */
static struct guest *kept_guest(struct registry *registry, const struct process *process,
				const struct program *program, const struct member *before,
				bool is_copy)
{
	const struct member *parent = members_find(registry, process->parent);
	struct guest *guest = supervised_by(registry, parent);

	/* What gVisor's program starts anew is of the same container. */
	if (program->role == PROGRAM_VMM && program->kind == KIND_CONTAINER && parent &&
	    parent->program && parent->program->description == program->description &&
	    parent->guest != NO_GUEST)
		return &registry->guests[parent->guest];
	/* Whom a VMM belonged to when its supervisor was there, which may have ended since. */
	if (program->role == PROGRAM_VMM && !guest && before && before->program &&
	    before->program->role == PROGRAM_VMM && before->guest != NO_GUEST &&
	    is_told_by_others(&registry->guests[before->guest]))
		guest = &registry->guests[before->guest];
	if (program->role == PROGRAM_VMM)
		return guest && guest->kind == KIND_VM &&
				       !has_other_vmm(registry, guest, process->pid)
			       ? guest
			       : NULL;
	return is_copy ? guest : supervised_by(registry, before);
}

/* An application of the desktop that has mounts of its own and no more, as Snap's. */
static bool is_in_sandbox(const struct registry *registry, const struct process *process,
			  const char *cgroup)
{
	struct cgroup_match match;

	return namespace_is_foreign(process->namespaces.mount, registry->host.mount) &&
	       catalogue_sandbox(registry->settings.catalogue, cgroup, &match);
}

/* What is this process? Fills @member and returns true when it has to do with a guest. */
bool members_classify(struct registry *registry, const struct process *process, const char *cgroup,
		      const struct member *before, struct member *member)
{
	struct cgroup_match match;
	bool in_cgroup = catalogue_cgroup(registry->settings.catalogue, cgroup, &match);
	const struct program *program = program_of(registry, process, in_cgroup);
	bool is_copy = is_copy_of_supervisor(registry, process, program);
	struct guest *guest = NULL;

	*member = (struct member){.pid = process->pid, .guest = NO_GUEST, .suspect = -1};
	if (in_cgroup) {
		guest = guests_for_cgroup(registry, &match, process);
		note_cgroup(registry, guest, cgroup, &match);
		if (guest && program && program->role == PROGRAM_VMM)
			note_vmm(registry, guest, &match, program, process);
		/* The kernel cannot be told of this cgroup: then its processes are searched. */
		member->local = !guest || !guest->cgroup || guest->cgroup_level > RULESET_LEVELS;
		member->loose = member->local && may_hide(registry, guest);
	} else if (!is_copy && is_set_apart(registry, process) &&
		   contained_classify(registry, process, program, cgroup, before, member, &guest)) {
		;
	} else if (!works_for_guests(program) && is_in_sandbox(registry, process, cgroup)) {
		guest = contained_sandbox(registry, process, NULL); /* NULL: the table is full */
		member->local = true;
		member->loose = may_hide(registry, guest);
	} else if (program && program->role != PROGRAM_SANDBOX && program->role != PROGRAM_HOST) {
		member->program = program;
		member->supervisor = program->role == PROGRAM_SUPERVISOR;
		member->namespaces = process->namespaces;
		member->local = !member->supervisor;
		if (program->role != PROGRAM_CONDUIT)
			guest = classify_program(
				registry, program, process, NULL,
				kept_guest(registry, process, program, before, is_copy));
	}
	member->guest = guests_index(registry, guest);
	return guest || member->program || member->local;
}
