// SPDX-License-Identifier: GPL-2.0-or-later
/* What one process is: of the host, a guest's, a VMM, a conduit or a supervisor. */
#include "guests/state.h"

#include "guests/names.h"
#include "kernel/ruleset.h"
#include "util/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ANCESTORS_MAX 16   /* levels walked up to find a supervisor */
#define ARGUMENTS_MAX 8192 /* bytes of a command line that are read */

/* A sandbox is called after its program; but what made it is inside before that one is. */
static struct guest *name_sandbox(const struct registry *registry, struct guest *guest,
				  const struct process *process)
{
	const struct catalogue *catalogue = registry->settings.catalogue;
	const struct program *named = catalogue_program(catalogue, guest->name, "", "");
	const struct program *program = catalogue_program(catalogue, process->executable, "", "");

	if (guest->kind == KIND_SANDBOX && named && named->role == PROGRAM_SANDBOX &&
	    !(program && program->role == PROGRAM_SANDBOX))
		text_copy_name(guest->name, sizeof(guest->name), process->comm,
			       strlen(process->comm));
	return guest;
}

/*
 * A sandboxed application: its cgroup tells which, where a desktop put it into one.
 * @program: that made the sandbox, NULL when only the cgroup tells of one, as of Snap's
 */
static struct guest *guest_of_sandbox(struct registry *registry, const struct process *process,
				      const struct program *program)
{
	char key[64], name[NAME_SIZE], cgroup[CGROUP_PATH_SIZE] = "";
	struct cgroup_match match;
	struct guest *guest;

	if (namespace_is_foreign(process->namespaces.pid, registry->host.pid))
		snprintf(key, sizeof(key), "pidns:%" PRIu64, process->namespaces.pid);
	else
		snprintf(key, sizeof(key), "mntns:%" PRIu64, process->namespaces.mount);
	guest = guests_find_key(registry, key);
	if (guest)
		return name_sandbox(registry, guest, process);
	process_cgroup(registry->settings.proc, process->pid, cgroup, sizeof(cgroup));
	if (catalogue_sandbox(registry->settings.catalogue, cgroup, &match))
		return guests_add(registry, match.kind, match.runtime, match.id, key,
				  program ? "a sandbox among its ancestors, and its cgroup"
					  : "its mounts and the cgroup of a sandbox");
	if (!program)
		return NULL;
	text_copy_name(name, sizeof(name), process->comm, strlen(process->comm));
	return guests_add(registry, program->kind, program->runtime, name, key,
			  "a sandbox among its ancestors");
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
			return name_sandbox(registry, &registry->guests[member->guest], process);
		if (process_read(registry->settings.proc, pid, &ancestor))
			return NULL;
		program = catalogue_program(registry->settings.catalogue, ancestor.executable, "",
					    ancestor.comm);
		if (program && program->role == PROGRAM_SANDBOX)
			return guest_of_sandbox(registry, process, program);
		pid = ancestor.parent;
	}
	return NULL;
}

/* The guest that stands for a namespace which nobody is known to have made. */
static struct guest *guest_of_namespace(struct registry *registry, const char *type, uint64_t inode,
					const char *why)
{
	char key[64], name[NAME_SIZE];
	struct guest *guest;

	snprintf(key, sizeof(key), "%s:%" PRIu64, type, inode);
	guest = guests_find_key(registry, key);
	if (guest)
		return guest;
	snprintf(name, sizeof(name), "%s-%" PRIu64, type, inode);
	return guests_add(registry, KIND_CONTAINER, "contained", name, key, why);
}

static struct guest *guest_of_pid_namespace(struct registry *registry,
					    const struct process *process)
{
	return guest_of_namespace(registry, "pidns", process->namespaces.pid,
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
	const struct finding *finding = structure_find(registry, process->pid);
	const char *id = NULL;
	struct guest *guest;
	ssize_t length;

	length = process_arguments(registry->settings.proc, process->pid, arguments,
				   sizeof(arguments));
	if (length < 0)
		length = 0;
	names_from_arguments(program->description, process->comm, arguments, (size_t)length, name);
	if (outer)
		put_inside(name, outer);
	if (program->description->id_option[0])
		id = names_option(arguments, (size_t)length, program->description->id_option);
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
		bool is_named = name[0] != '\0';

		if (!is_named && id)
			text_copy_name(name, sizeof(name), id, strnlen(id, 12));
		if (!name[0] && finding)
			text_copy_name(name, sizeof(name), process->comm, strlen(process->comm));
		if (!name[0])
			snprintf(name, sizeof(name), "%s-%d", program->runtime, process->pid);
		guest = guests_add(registry, program->kind, program->runtime, name, key,
				   finding ? finding->why
				   : program->role == PROGRAM_VMM
					   ? "its VMM's command line"
					   : "its supervisor's command line");
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

/*
 * A browser's own sandbox: a program of the catalogue's role "host" that made it for a copy of
 * itself. The name alone is no proof, since whoever is contained may choose it: the nearest ancestor
 * in the host's namespaces has to be the same file, seen in the same mounts.
 */
static bool is_own_sandbox(const struct registry *registry, const struct process *process,
			   const struct program *program)
{
	const struct namespaces *host = &registry->host;
	pid_t pid = process->parent;

	if (!program || program->role != PROGRAM_HOST || process->namespaces.mount != host->mount)
		return false;
	for (int level = 0; level < ANCESTORS_MAX && pid > 1; level++) {
		struct process ancestor;

		if (process_read(registry->settings.proc, pid, &ancestor))
			return false;
		if (ancestor.namespaces.pid == host->pid && ancestor.namespaces.user == host->user)
			return ancestor.executable[0] &&
			       !strcmp(ancestor.executable, process->executable);
		pid = ancestor.parent;
	}
	return false;
}

/* A unit with PrivateUsers= and the like: what systemd sets apart is the host's all the same. */
static bool is_service(const char *cgroup)
{
	static const char suffix[] = ".service";
	const char *leaf = strrchr(cgroup, '/');
	size_t length = leaf ? strlen(leaf) : 0;

	return length > sizeof(suffix) && !strcmp(leaf + length - (sizeof(suffix) - 1), suffix) &&
	       strncmp(leaf, "/user@", 6) != 0;
}

/* One that hides its sockets puts its neighbours under suspicion, unless it wins nothing by it. */
static bool may_hide(const struct registry *registry, const struct guest *guest)
{
	return !guest || guest->kind != KIND_SANDBOX || !registry->sandboxes_trusted;
}

/*
 * In a foreign pid or user namespace, without a cgroup that says so.
 * Return: false when it is the host's all the same.
 */
static bool classify_contained(struct registry *registry, const struct process *process,
			       const struct program *program, const char *cgroup,
			       struct member *member, struct guest **guest)
{
	const struct namespaces *theirs = &process->namespaces, *ours = &registry->host;
	bool by_pid = namespace_is_foreign(theirs->pid, ours->pid);

	if (is_own_sandbox(registry, process, program))
		return false;
	*guest = guest_of_ancestors(registry, process);
	/*
	 * A helper that shares the host's files and has another network, as a browser's: it reaches
	 * nothing here, and a wire or a conduit that leads to it is told by its network namespace.
	 */
	if (!*guest && theirs->mount == ours->mount && namespace_is_foreign(theirs->net, ours->net))
		return false;
	if (!*guest && !by_pid && (program || is_service(cgroup)))
		return false;
	member->local = true;
	if (works_for_guests(program) && (!*guest || (*guest)->kind == KIND_SANDBOX)) {
		member->loose = true;
		member->program = program;
		*guest = guest_of_inner_program(registry, *guest, program, process);
		return true;
	}
	if (!*guest && by_pid)
		*guest = guest_of_pid_namespace(registry, process);
	else if (!*guest)
		*guest = guest_of_namespace(registry, "userns", theirs->user,
					    "its user namespace is not the host's");
	member->loose = may_hide(registry, *guest);
	return true;
}

static bool is_contained(const struct registry *registry, const struct namespaces *theirs)
{
	return namespace_is_foreign(theirs->pid, registry->host.pid) ||
	       namespace_is_foreign(theirs->user, registry->host.user);
}

/*
 * Who it is by name. What a process calls itself is asked for where neither executable nor cgroup say
 * what it is; and not of a contained one, which could answer as slowly as it likes.
 */
static const struct program *named_program(const struct registry *registry,
					   const struct process *process, bool is_guest)
{
	const struct catalogue *catalogue = registry->settings.catalogue;
	const struct program *program = catalogue_program(catalogue, process->executable, "", "");
	char arguments[ARGUMENTS_MAX];
	ssize_t length = 0;

	if (program || is_guest)
		return program;
	if (!is_contained(registry, &process->namespaces))
		length = process_arguments(registry->settings.proc, process->pid, arguments,
					   sizeof(arguments));
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
	finding = structure_find(registry, process->pid);
	return finding ? finding->program : named;
}

/*
 * A supervisor's own child that has not become another program: it stays a supervisor, where the guest
 * that its parent keeps would be the answer for any other child. A contained process that names the
 * supervisor as its child's parent (CLONE_PARENT) has namespaces of its own.
 */
static bool is_copy_of_supervisor(struct registry *registry, const struct process *process,
				  const struct program *program)
{
	const struct member *parent = members_find(registry, process->parent);
	const struct namespaces *theirs = &process->namespaces;
	struct process original;

	return program && program->role == PROGRAM_SUPERVISOR && parent && parent->supervisor &&
	       !process_read(registry->settings.proc, process->parent, &original) &&
	       !strcmp(original.executable, process->executable) &&
	       original.namespaces.pid == theirs->pid && original.namespaces.user == theirs->user &&
	       original.namespaces.mount == theirs->mount;
}

/* What is this process? Fills @member and returns true when it has to do with a guest. */
bool members_classify(struct registry *registry, const struct process *process, const char *cgroup,
		      struct member *member)
{
	struct cgroup_match match;
	bool in_cgroup = catalogue_cgroup(registry->settings.catalogue, cgroup, &match);
	const struct program *program = program_of(registry, process, in_cgroup);
	bool is_copy = is_copy_of_supervisor(registry, process, program);
	struct guest *guest = NULL;

	*member = (struct member){.pid = process->pid, .guest = NO_GUEST, .suspect = -1};
	if (in_cgroup) {
		guest = guests_for_cgroup(registry, &match);
		note_cgroup(registry, guest, cgroup, &match);
		if (guest && match.kind == KIND_VM && program && program->role == PROGRAM_VMM)
			improve_name(registry, guest, program, process);
		/* The kernel cannot be told of this cgroup: then its processes are searched. */
		member->local = !guest || !guest->cgroup || guest->cgroup_level > RULESET_LEVELS;
		member->loose = member->local && may_hide(registry, guest);
	} else if (!is_copy && is_contained(registry, &process->namespaces) &&
		   classify_contained(registry, process, program, cgroup, member, &guest)) {
		;
	} else if (!is_copy &&
		   namespace_is_foreign(process->namespaces.mount, registry->host.mount) &&
		   (guest = guest_of_ancestors(registry, process))) {
		member->local = true;
		member->loose = may_hide(registry, guest);
	} else if (program && program->role != PROGRAM_SANDBOX && program->role != PROGRAM_HOST) {
		member->program = program;
		member->supervisor = program->role == PROGRAM_SUPERVISOR;
		member->local = !member->supervisor;
		if (program->role != PROGRAM_CONDUIT)
			guest = guest_of_program(registry, program, process, NULL);
	} else if (namespace_is_foreign(process->namespaces.mount, registry->host.mount) &&
		   (guest = guest_of_sandbox(registry, process, NULL))) {
		member->local = true;
		member->loose = may_hide(registry, guest);
	}
	member->guest = guests_index(registry, guest);
	return guest || member->program || member->local;
}
