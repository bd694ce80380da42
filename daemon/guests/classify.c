// SPDX-License-Identifier: GPL-2.0-or-later
/* What one process is: of the host, a guest's, a VMM, a conduit or a supervisor. */
#include "guests/state.h"

#include "guests/names.h"
#include "kernel/ruleset.h"
#include "util/text.h"

#include <stdio.h>
#include <string.h>

#define ID_DIGITS     64
#define SHORT_DIGITS  12
#define ARGUMENTS_MAX 8192 /* bytes of a command line that are read */

/**
 * struct told - what a program's command line tells of its guest
 * @name: as its owner calls it, "" when it does not say
 * @id: of its container, in @arguments; NULL when it does not say
 */
struct told {
	char name[NAME_SIZE];
	const char *id;
	char arguments[ARGUMENTS_MAX];
};

/* "boxes/devbox": a name that was chosen inside a sandbox. */
static void put_inside(char *name, const char *outer)
{
	char whole[2 * NAME_SIZE];

	snprintf(whole, sizeof(whole), "%s/%s", outer, name);
	text_copy_name(name, NAME_SIZE, whole, strlen(whole));
}

/* The short id, as the container runtimes print it; one that is a name is shown whole. */
static size_t shown_digits(const char *id)
{
	size_t length = strlen(id);

	return length == ID_DIGITS && strspn(id, "0123456789abcdef") == length ? SHORT_DIGITS
									       : length;
}

static void read_command_line(const struct registry *registry, const struct program *program,
			      const struct process *process, struct told *told)
{
	const struct runtime *runtime = program->description;
	ssize_t length = process_arguments(registry->settings.proc, process->pid, told->arguments,
					   sizeof(told->arguments));

	if (length < 0)
		length = 0;
	told->name[0] = '\0';
	names_from_arguments(runtime, process->comm, told->arguments, (size_t)length, told->name);
	told->id = runtime->id_option[0]
			   ? names_option(told->arguments, (size_t)length, runtime->id_option)
			   : NULL;
}

/* What it calls the guest, or what comes nearest to that. Return: whether that is a number only. */
static bool put_name(const struct program *program, const struct process *process,
		     const struct told *told, const struct finding *finding, char *name)
{
	text_copy(name, NAME_SIZE, told->name);
	if (!name[0] && told->id)
		text_copy_name(name, NAME_SIZE, told->id, shown_digits(told->id));
	if (!name[0] && finding)
		text_copy_name(name, NAME_SIZE, process->comm, strlen(process->comm));
	if (name[0])
		return false;
	snprintf(name, NAME_SIZE, "%s-%d", program->runtime, process->pid);
	return true;
}

static struct guest *add_told(struct registry *registry, const struct program *program,
			      const struct process *process, const struct told *told,
			      const struct guest_key *key)
{
	const struct finding *finding = structure_find(registry, process);
	const char *why = program->role == PROGRAM_VMM ? "its VMM's command line"
						       : "its supervisor's command line";
	char name[NAME_SIZE];
	bool is_numbered = put_name(program, process, told, finding, name);
	struct guest *guest = guests_add(registry, program->kind, program->runtime, name, key,
					 finding ? finding->why : why);

	if (guest)
		guest->is_numbered = is_numbered;
	if (!told->name[0])
		guests_want_name(registry, guest);
	return guest;
}

/* The guest that the command line tells of; NULL when it tells of none, or there is no room. */
static struct guest *guest_told(struct registry *registry, const struct program *program,
				const struct process *process, const struct told *told,
				struct guest *kept)
{
	struct guest *guest = NULL;
	struct guest_key key;

	if (told->id) {
		keys_by_id(&key, told->id);
	} else if (program->role == PROGRAM_VMM) {
		keys_by_vmm(&key, program->runtime, process);
	} else if (told->name[0]) {
		keys_by_supervisor(&key, program->runtime, told->name);
		guest = supervisors_guest(registry, process->pid, program, told->name, kept);
	} else {
		return NULL; /* its children tell */
	}
	if (!guest)
		guest = guests_find_key(registry, key.text);
	if (!guest)
		return add_told(registry, program, process, told, &key);
	if (told->name[0])
		guests_set_name(guest, told->name);
	return guest;
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
	bool is_vmm = program->role == PROGRAM_VMM;
	struct guest *guest = is_vmm ? kept : NULL;

	if (!guest) {
		struct told told;

		read_command_line(registry, program, process, &told);
		if (outer)
			put_inside(told.name, outer);
		guest = guest_told(registry, program, process, &told, kept);
		if (guest && program->role == PROGRAM_SUPERVISOR && told.id)
			text_copy(guest->supervisor, sizeof(guest->supervisor), program->runtime);
	}
	if (guest && is_vmm)
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

/* Of gVisor, which is what a container runs on: what its program starts anew is of the same container. */
static struct guest *started_anew(struct registry *registry, const struct program *program,
				  const struct member *parent)
{
	if (program->kind != KIND_CONTAINER || !parent || parent->guest == NO_GUEST ||
	    !parent->program || parent->program->description != program->description)
		return NULL;
	return &registry->guests[parent->guest];
}

/* Whose VMM it was when its supervisor was there, which may have ended since. */
static struct guest *supervised_before(struct registry *registry, const struct member *before)
{
	if (!before || before->guest == NO_GUEST || !before->program ||
	    before->program->role != PROGRAM_VMM ||
	    registry->guests[before->guest].known_by == KNOWN_BY_VMM)
		return NULL;
	return &registry->guests[before->guest];
}

/* The VM that a VMM is by what is known already: NULL when it is one of its own. */
static struct guest *kept_vm(struct registry *registry, const struct process *process,
			     const struct program *program, const struct member *before)
{
	const struct member *parent = members_find(registry, process->parent);
	struct guest *guest = started_anew(registry, program, parent);

	if (guest)
		return guest;
	guest = supervised_by(registry, parent);
	if (!guest)
		guest = supervised_before(registry, before);
	return guest && guest->kind == KIND_VM && !has_other_vmm(registry, guest, process->pid)
		       ? guest
		       : NULL;
}

/* The guest of this program by what is known already: its own past, or its parent. */
static struct guest *kept_guest(struct registry *registry, const struct process *process,
				const struct program *program, const struct member *before,
				bool is_copy)
{
	if (program->role == PROGRAM_VMM)
		return kept_vm(registry, process, program, before);
	return supervised_by(registry, is_copy ? members_find(registry, process->parent) : before);
}

/* An application of the desktop that has mounts of its own and no more, as Snap's. */
static bool is_in_sandbox(const struct registry *registry, const struct process *process,
			  const char *cgroup)
{
	struct cgroup_match match;

	return namespace_is_foreign(process->namespaces.mount, registry->host.mount) &&
	       catalogue_sandbox(registry->settings.catalogue, cgroup, &match);
}

/* In a cgroup that says whose it is. */
static struct guest *classify_in_cgroup(struct registry *registry, const struct process *process,
					const struct program *program, const char *cgroup,
					const struct cgroup_match *match, struct member *member)
{
	struct guest *guest = guests_for_cgroup(registry, match, process);

	note_cgroup(registry, guest, cgroup, match);
	if (guest && match->is_unique)
		guests_note_user(registry, guest, cgroup);
	if (guest && program && program->role == PROGRAM_VMM)
		note_vmm(registry, guest, match, program, process);
	/* The kernel cannot be told of this cgroup: then its processes are searched. */
	member->local = !guest || !guest->cgroup || guest->cgroup_level > RULESET_LEVELS;
	member->loose = member->local && may_hide(registry, guest);
	return guest;
}

/* A program that works for guests, or keeps one; a conduit's guests are found later. */
static struct guest *classify_worker(struct registry *registry, const struct process *process,
				     const struct program *program, const struct member *before,
				     bool is_copy, struct member *member)
{
	member->program = program;
	member->supervisor = program->role == PROGRAM_SUPERVISOR;
	member->namespaces = process->namespaces;
	member->local = !member->supervisor;
	if (program->role == PROGRAM_CONDUIT)
		return NULL;
	return classify_program(registry, program, process, NULL,
				kept_guest(registry, process, program, before, is_copy));
}

/*
 * What is this process? Fills @member and returns true when it has to do with a guest. Who is asked first
 * is whom the process can forge least: its cgroup, its namespaces, its mounts, the name of its program.
 */
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
		guest = classify_in_cgroup(registry, process, program, cgroup, &match, member);
	} else if (!is_copy && is_set_apart(registry, process) &&
		   contained_classify(registry, process, program, cgroup, before, member, &guest)) {
		;
	} else if (!works_for_guests(program) && is_in_sandbox(registry, process, cgroup)) {
		guest = contained_sandbox(registry, process, NULL); /* NULL: the table is full */
		member->local = true;
		member->loose = may_hide(registry, guest);
	} else if (works_for_guests(program) || (program && program->role == PROGRAM_SUPERVISOR)) {
		guest = classify_worker(registry, process, program, before, is_copy, member);
	}
	member->guest = guests_index(registry, guest);
	return guest || member->program || member->local;
}
