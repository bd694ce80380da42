// SPDX-License-Identifier: GPL-2.0-or-later
/* Which namespaces of its own a process has, and the guests that are known by one. */
#include "guests/state.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

bool namespaces_are_hosts(const struct registry *registry, const struct namespaces *theirs)
{
	return !namespace_is_foreign(theirs->pid, registry->host.pid) &&
	       !namespace_is_foreign(theirs->user, registry->host.user);
}

bool is_contained(const struct registry *registry, const struct process *process)
{
	return !namespaces_are_hosts(registry, &process->namespaces);
}

bool is_set_apart(const struct registry *registry, const struct process *process)
{
	return is_contained(registry, process) ||
	       namespace_is_foreign(process->namespaces.mount, registry->host.mount);
}

/*
 * The namespaces of its own that a process has, those first which are harder to leave unseen.
 * Return: how many.
 */
static size_t own_namespaces(const struct registry *registry, const struct process *process,
			     struct own_namespace own[3])
{
	const struct namespaces *theirs = &process->namespaces, *ours = &registry->host;
	size_t count = 0;

	if (namespace_is_foreign(theirs->pid, ours->pid))
		own[count++] = (struct own_namespace){
			"pidns", "its pid namespace is not the host's", theirs->pid};
	if (namespace_is_foreign(theirs->user, ours->user))
		own[count++] = (struct own_namespace){
			"userns", "its user namespace is not the host's", theirs->user};
	if (namespace_is_foreign(theirs->mount, ours->mount))
		own[count++] = (struct own_namespace){
			"mntns", "its mount namespace is not the host's", theirs->mount};
	return count;
}

/* The one that it is known by; of a process that is_set_apart(). */
struct own_namespace namespaces_first(const struct registry *registry,
				      const struct process *process)
{
	struct own_namespace own[3] = {0};
	size_t count = own_namespaces(registry, process, own);

	assert(count);
	return own[0];
}

/* The guest that a foreign namespace is known by, when the process's ancestors have ended. */
struct guest *namespaces_guest(struct registry *registry, const struct process *process)
{
	struct own_namespace own[3];
	size_t count = own_namespaces(registry, process, own);
	struct guest *guest = NULL;

	for (size_t i = 0; i < count && !guest; i++) {
		struct guest_key key;

		keys_by_namespace(&key, own[i].type, own[i].inode);
		guest = guests_find_key(registry, key.text);
	}
	return guest;
}

/* "pidns-4026532…": what a namespace is called that nobody has a name for. */
void namespaces_put_name(char *name, const struct own_namespace *own)
{
	snprintf(name, NAME_SIZE, "%s-%" PRIu64, own->type, own->inode);
}

/* The guest that stands for a namespace which nobody is known to have made. */
struct guest *namespaces_stand_in(struct registry *registry, const struct process *process)
{
	struct own_namespace own = namespaces_first(registry, process);
	struct guest_key key;
	char name[NAME_SIZE];
	struct guest *guest;

	keys_by_namespace(&key, own.type, own.inode);
	namespaces_put_name(name, &own);
	guest = guests_add(registry, KIND_CONTAINER, "contained", name, &key, own.why);
	if (guest)
		guest->is_numbered = true;
	return guest;
}

/* A namespace as such, of which more may be known by now. */
bool namespaces_is_stand_in(const struct guest *guest)
{
	return !strcmp(guest->runtime, "contained");
}
