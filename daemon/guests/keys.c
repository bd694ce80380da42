// SPDX-License-Identifier: GPL-2.0-or-later
/* Keys: what makes a guest this one and no other. Nobody else writes or reads their text. */
#include "guests/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HASH_DIGITS 16

void keys_by_id(struct guest_key *key, const char *id)
{
	key->known_by = KNOWN_BY_ID;
	snprintf(key->text, sizeof(key->text), "container:%.200s", id);
}

/* An opaque id is the container's own, whoever tells it: conmon, containerd's shim or the cgroup. A
 * name is not. */
void keys_by_cgroup(struct guest_key *key, const struct cgroup_match *match)
{
	if (match->is_unique && match->kind != KIND_VM) {
		keys_by_id(key, match->id);
	} else if (match->is_unique) {
		key->known_by = KNOWN_BY_VM_ID;
		snprintf(key->text, sizeof(key->text), "%s:%s", match->runtime, match->id);
	} else {
		key->known_by = KNOWN_BY_CGROUP;
		snprintf(key->text, sizeof(key->text), "%s@%0*" PRIx64 ":%s", match->runtime,
			 HASH_DIGITS, match->node_hash, match->id);
	}
}

void keys_by_supervisor(struct guest_key *key, const char *runtime, const char *name)
{
	key->known_by = KNOWN_BY_SUPERVISOR;
	snprintf(key->text, sizeof(key->text), "%s@:%s", runtime, name);
}

void keys_by_vmm(struct guest_key *key, const char *runtime, const struct process *vmm)
{
	key->known_by = KNOWN_BY_VMM;
	snprintf(key->text, sizeof(key->text), "%s:%d:%" PRIu64, runtime, vmm->pid, vmm->start);
}

void keys_by_namespace(struct guest_key *key, const char *type, uint64_t inode)
{
	key->known_by = strcmp(type, "netns") ? KNOWN_BY_NAMESPACE : KNOWN_BY_NETNS;
	snprintf(key->text, sizeof(key->text), "%s:%" PRIu64, type, inode);
}

const char *keys_rest(const struct guest *guest, enum known_by known_by)
{
	if (guest->known_by != known_by)
		return NULL;
	return strchr(guest->key, ':') + 1; /* words of runtimes have no ":" */
}
