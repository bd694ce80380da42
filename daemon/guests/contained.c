// SPDX-License-Identifier: GPL-2.0-or-later
/* Processes in namespaces of their own that no cgroup tells of: whose are they? */
#include "guests/state.h"

#include "util/text.h"

#include <assert.h>
#include <string.h>

/**
 * DOC: Theory of Operation
 *
 * What a contained process is called, which file it runs and who its parent is are chosen inside. So
 * a name makes nothing of the host's out of it: that takes an ancestor in the host's own namespaces,
 * the service manager as the maker of its namespaces, or the very file that the host runs under this
 * name. And whoever was a guest's once stays that guest's, whatever it becomes later: parents end,
 * and namespaces can be left for others, but not for the host's. Only a new line of the catalogue can make
 * one the host's that was taken for a guest for want of a better answer.
 */

/* One that hides its sockets puts its neighbours under suspicion, unless it wins nothing by it. */
bool may_hide(const struct registry *registry, const struct guest *guest)
{
	return !guest || guest->kind != KIND_SANDBOX || !registry->sandboxes_trusted;
}

/* Sandboxes. */

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
struct guest *contained_sandbox(struct registry *registry, const struct process *process,
				const struct program *program)
{
	struct own_namespace own = namespaces_first(registry, process);
	char name[NAME_SIZE], cgroup[CGROUP_PATH_SIZE] = "";
	struct cgroup_match match;
	struct guest_key key;
	struct guest *guest;

	keys_by_namespace(&key, own.type, own.inode);
	guest = guests_find_key(registry, key.text);
	if (guest)
		return name_sandbox(registry, guest, process);
	process_cgroup(registry->settings.proc, process->pid, cgroup, sizeof(cgroup));
	if (catalogue_sandbox(registry->settings.catalogue, cgroup, &match))
		return guests_add(registry, match.kind, match.runtime, match.id, &key,
				  program ? "a sandbox among its ancestors, and its cgroup"
					  : "its mounts and the cgroup of a sandbox");
	if (!program)
		return NULL;
	text_copy_name(name, sizeof(name), process->comm, strlen(process->comm));
	return guests_add(registry, program->kind, program->runtime, name, &key,
			  "a sandbox among its ancestors");
}

/* Whose guest it is. */

/*
 * Are its children in namespaces of their own its guest's? Not those of a conduit, nor of a VM, in which
 * there are none; but of gVisor, which is what a container runs on, and starts itself anew in there.
 */
static bool has_guests_children(const struct member *member)
{
	const struct program *program = member->program;

	return member->guest != NO_GUEST &&
	       (member->supervisor || !program ||
		(program->role == PROGRAM_VMM && program->kind == KIND_CONTAINER));
}

/*
 * Known from the nearest ancestor that supervises a guest or is one, or that made a sandbox: such a
 * one is a program in the host's own namespaces, where nobody contained can be.
 */
static struct guest *guest_of_ancestors(struct registry *registry, const struct process *process)
{
	pid_t pid = process->parent;

	for (int level = 0; level < ANCESTORS_MAX && pid > 1; level++) {
		const struct member *member = members_find(registry, pid);
		const struct program *program;
		struct process ancestor;

		if (member && has_guests_children(member))
			return name_sandbox(registry, &registry->guests[member->guest], process);
		if (process_read(registry->settings.proc, pid, &ancestor))
			return NULL;
		program = catalogue_program(registry->settings.catalogue, ancestor.executable, "",
					    "");
		if (program && program->role == PROGRAM_SANDBOX &&
		    namespaces_are_hosts(registry, &ancestor.namespaces))
			return contained_sandbox(registry, process, program);
		pid = ancestor.parent;
	}
	return NULL;
}

/*
 * One in the namespaces of a known sandbox, whose mounts and users are nobody else's; of other user
 * namespaces the host's own programs may have one in common with a guest.
 */
static struct guest *sandbox_of_namespaces(struct registry *registry, const struct process *process)
{
	struct guest *guest = namespaces_guest(registry, process);
	bool by_pid = namespace_is_foreign(process->namespaces.pid, registry->host.pid);

	return guest && (by_pid || guest->kind == KIND_SANDBOX) ? guest : NULL;
}

/* Whom it belonged to before it became this program; supervisors' and conduits' forks are nobody's. */
static struct guest *guest_before(struct registry *registry, const struct member *before)
{
	if (!before || before->guest == NO_GUEST || before->supervisor || before->program)
		return NULL;
	return &registry->guests[before->guest];
}

/* The host's all the same. */

/* The nearest ancestor outside the process's own pid and user namespaces. */
static bool find_maker(const struct registry *registry, const struct process *process,
		       struct process *maker)
{
	pid_t pid = process->parent;

	for (int level = 0; level < ANCESTORS_MAX && pid > 0; level++) {
		if (process_read(registry->settings.proc, pid, maker))
			return false;
		if (namespaces_are_hosts(registry, &maker->namespaces))
			return true;
		pid = maker->parent;
	}
	return false;
}

/*
 * A browser's own sandbox: a program of the catalogue's role "host" that made it for a copy of
 * itself, the same file, seen in the same mounts.
 */
static bool is_own_sandbox(const struct registry *registry, const struct process *process,
			   const struct program *program)
{
	struct process maker;

	return program && program->role == PROGRAM_HOST &&
	       process->namespaces.mount == registry->host.mount &&
	       find_maker(registry, process, &maker) && maker.executable[0] &&
	       !strcmp(maker.executable, process->executable);
}

/*
 * A unit with PrivateUsers=, PrivatePIDs= and the like: its namespaces were made by systemd, and it has
 * the host's files. A container that its unit has left behind, as "crun run -d" does, has the same cgroup
 * and the same ancestors; but its root is another. So is that of a unit with RootDirectory= or
 * RootImage=: with a pid or user namespace of its own it is contained for all that can be seen, a guest,
 * which its owner can make an exception for.
 */
static bool is_service(const struct registry *registry, const struct process *process,
		       const char *cgroup)
{
	static const char suffix[] = ".service";
	const char *leaf = strrchr(cgroup, '/');
	size_t length = leaf ? strlen(leaf) : 0;
	struct process maker;

	if (length <= sizeof(suffix) || strcmp(leaf + length - (sizeof(suffix) - 1), suffix) != 0 ||
	    !strncmp(leaf, "/user@", 6))
		return false;
	return find_maker(registry, process, &maker) && !strcmp(maker.comm, "systemd") &&
	       registry->settings.is_hosts_file(registry->settings.proc, &maker) &&
	       process_has_hosts_root(registry->settings.proc, process->pid);
}

/* Rootless podman, rootlesskit and their like live in a user namespace of their own making. */
static bool is_hosts_helper(const struct registry *registry, const struct process *process,
			    const struct program *program)
{
	return program && program->role != PROGRAM_HOST &&
	       !namespace_is_foreign(process->namespaces.pid, registry->host.pid) &&
	       registry->settings.is_hosts_file(registry->settings.proc, process);
}

/*
 * A VMM or a conduit in there is believed when the kernel proves it or when it is the host's own
 * program, as pasta, which makes namespaces for itself. In a sandbox of the desktop a VMM is believed
 * as well: a VM may do less than a sandbox.
 */
static bool is_believed(const struct registry *registry, const struct process *process,
			const struct program *program, const struct guest *guest)
{
	if (guest && guest->kind != KIND_SANDBOX)
		return false;
	return structure_find(registry, process) ||
	       registry->settings.is_hosts_file(registry->settings.proc, process) ||
	       (guest && program->role == PROGRAM_VMM);
}

/*
 * A VMM or a conduit in somebody's namespaces: GNOME Boxes in a Flatpak, pasta. It is what it says,
 * but under a name that no VM of the host can have.
 */
static struct guest *guest_of_inner_program(struct registry *registry, const struct guest *outer,
					    const struct program *program,
					    const struct process *process)
{
	struct own_namespace own = namespaces_first(registry, process);
	bool is_numbered = !outer || outer->is_numbered;
	struct guest *guest;
	char prefix[NAME_SIZE];

	if (program->role == PROGRAM_CONDUIT)
		return NULL;
	if (outer)
		text_copy(prefix, sizeof(prefix), outer->name);
	else
		namespaces_put_name(prefix, &own);
	guest = classify_program(registry, program, process, prefix, NULL);
	if (guest)
		guest->is_numbered |= is_numbered;
	return guest;
}

static bool is_hosts(const struct registry *registry, const struct process *process,
		     const struct program *program, const char *cgroup)
{
	const struct namespaces *theirs = &process->namespaces, *ours = &registry->host;

	/*
	 * A helper that shares the host's files and has another network, as a browser's: it reaches
	 * nothing here, and a wire or a conduit that leads to it is told by its network namespace.
	 */
	if (theirs->mount == ours->mount && namespace_is_foreign(theirs->net, ours->net))
		return true;
	return namespaces_are_hosts(registry, theirs) || is_service(registry, process, cgroup) ||
	       is_hosts_helper(registry, process, program);
}

/*
 * A namespace as such was somebody for want of a better answer. Its owner may have given one since, by a
 * line of the catalogue: then it is looked at as if it had just come.
 */
static bool may_have_been_taken_wrongly(const struct registry *registry,
					const struct process *process,
					const struct program *program, const struct guest *past)
{
	const struct program *was;

	if (!registry->catalogue_before || !program || !namespaces_is_stand_in(past))
		return false;
	was = catalogue_program(registry->catalogue_before, process->executable, "", "");
	return !was || was->role != program->role;
}

/*
 * The guest that it is known to be of; NULL for none.
 * @past: guest_before()
 * @is_sure: @past is from no time before everything was read anew
 */
static struct guest *known_guest(struct registry *registry, const struct process *process,
				 const struct program *program, struct guest *past, bool is_sure)
{
	struct guest *guest;

	if (past && is_sure && !namespaces_is_stand_in(past))
		return past;
	guest = guest_of_ancestors(registry, process);
	if (!guest && past && !may_have_been_taken_wrongly(registry, process, program, past))
		guest = past;
	return guest ? guest : sandbox_of_namespaces(registry, process);
}

bool contained_classify(struct registry *registry, const struct process *process,
			const struct program *program, const char *cgroup,
			const struct member *before, struct member *member, struct guest **guest)
{
	struct guest *past = guest_before(registry, before);
	bool is_sure = past && !before->carried;

	assert(registry); /* or the analyser takes "no guest" for "no registry" */
	if (!is_sure && is_own_sandbox(registry, process, program))
		return false;
	*guest = known_guest(registry, process, program, past, is_sure);
	if (!*guest && is_hosts(registry, process, program, cgroup))
		return false;
	if (!*guest)
		*guest = namespaces_guest(registry, process);
	member->local = true;
	if (works_for_guests(program) && is_believed(registry, process, program, *guest)) {
		member->loose = true;
		member->program = program;
		*guest = guest_of_inner_program(registry, *guest, program, process);
		return true;
	}
	if (!*guest)
		*guest = namespaces_stand_in(registry, process);
	member->loose = may_hide(registry, *guest);
	return true;
}
