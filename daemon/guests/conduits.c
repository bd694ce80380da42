// SPDX-License-Identifier: GPL-2.0-or-later
/* Whom the conduits serve. */
#include "guests/state.h"

#include "kernel/unix_peers.h"
#include "util/hash.h"
#include "util/log.h"

#include <stdlib.h>
#include <string.h>

/**
 * DOC: Theory of Operation
 *
 * A conduit serves the network namespace whose tap it holds, or the VMs whose VMMs hold the other
 * ends of its Unix sockets: passt, gvproxy and their like. Either comes some time after its exec,
 * so it is looked for several times. A conduit of VMs is looked at again whenever a VM comes or
 * goes, and now and then, since a running VM can be given another network: until then a connection
 * counts as that of the VMs that are known.
 *
 * The other ends of one listener are all of one sort. So where one of them is a VM's, those that no
 * VM is known to hold are VMs too, and which one it was cannot be told. Whoever came by another
 * listener (a control socket) does not count, nor whoever the conduit itself called (the journal).
 */

#define LOOK_US	    5000000 /* between further ones, at a conduit that holds no tap */
#define FIRST_FD    3	    /* below are standard streams, which a service manager holds too */
#define SOCKETS_MAX 4096    /* of one process */
#define ENDS_MAX    512	    /* looked for in one round */

/**
 * struct end - the other end of a conduit's socket
 * @peer: its inode
 * @group: the same for all that came by one listener
 * @called: the conduit called it
 * @suspect: index of the conduit
 * @holder: index of the VM that holds it, NO_GUEST when none is known
 */
struct end {
	uint32_t peer;
	uint32_t group;
	bool called;
	uint16_t suspect;
	uint16_t holder;
};

struct round {
	struct registry *registry;
	struct end ends[ENDS_MAX];
	size_t count;
};

static bool is_tapless_conduit(const struct suspect *suspect)
{
	return suspect->pid && suspect->program && suspect->program->role == PROGRAM_CONDUIT &&
	       suspect->guest == NO_GUEST && !suspect->netns;
}

static bool find_netns(struct registry *registry, struct suspect *suspect)
{
	struct holdings holdings;

	if (process_holdings(registry->settings.proc, suspect->pid, registry->host.net,
			     &holdings) ||
	    !holdings.tap_netns)
		return false;
	suspect->netns = holdings.tap_netns;
	guests_for_netns(registry, suspect->netns);
	return true;
}

static int compare_sockets(const void *one, const void *other)
{
	const struct unix_socket *a = one, *b = other;

	return a->inode < b->inode ? -1 : a->inode > b->inode;
}

static int compare_ends(const void *one, const void *other)
{
	const struct end *a = one, *b = other;

	return a->peer < b->peer ? -1 : a->peer > b->peer;
}

/* The sockets of a conduit with their other ends, in ascending order; how many there are. */
static size_t read_sockets(const struct registry *registry, const struct suspect *suspect,
			   struct unix_socket *sockets)
{
	static uint32_t inodes[SOCKETS_MAX];
	ssize_t count = process_sockets(registry->settings.proc, suspect->pid, FIRST_FD, inodes,
					SOCKETS_MAX);
	int result;

	if (count <= 0 || !registry->settings.unix_peers)
		return 0;
	if (count > SOCKETS_MAX)
		count = SOCKETS_MAX;
	for (ssize_t i = 0; i < count; i++)
		sockets[i].inode = inodes[i];
	qsort(sockets, (size_t)count, sizeof(*sockets), compare_sockets);
	result = unix_peers_find(registry->settings.unix_peers, sockets, (size_t)count);
	if (result)
		log_debug("unix_diag: %s", strerror(-result));
	return (size_t)count;
}

static uint64_t hash_ends(const struct registry *registry, const struct unix_socket *sockets,
			  size_t count)
{
	uint64_t hash = HASH_START ^ registry->vm_changes;

	for (size_t i = 0; i < count; i++)
		if (sockets[i].peer)
			hash = hash_add(hash, sockets[i].peer);
	return hash ? hash : 1;
}

/* Put the other ends of a conduit's sockets into the round, unless they are known. */
static void collect(struct round *round, struct suspect *suspect)
{
	static struct unix_socket sockets[SOCKETS_MAX];
	size_t count = read_sockets(round->registry, suspect, sockets);
	uint64_t hash = hash_ends(round->registry, sockets, count);
	size_t before = round->count;

	if (hash == suspect->peers_hash)
		return;
	for (size_t i = 0; i < count; i++) {
		if (!sockets[i].peer)
			continue;
		if (round->count == ENDS_MAX) {
			round->count = before; /* in the next round; hopeless if it is alone */
			suspect->serves_others = true;
			return;
		}
		round->ends[round->count++] = (struct end){
			.peer = sockets[i].peer,
			.group = sockets[i].name,
			.called = !sockets[i].name && sockets[i].peer_has_name,
			.suspect = (uint16_t)(suspect - round->registry->suspects),
			.holder = NO_GUEST,
		};
	}
	suspect->peers_hash = hash;
	memset(suspect->served, 0, sizeof(suspect->served));
	suspect->serves_others = count == SOCKETS_MAX;
}

static void note_holder(struct round *round, uint32_t inode, uint16_t guest)
{
	const struct end key = {.peer = inode};
	struct end *end = bsearch(&key, round->ends, round->count, sizeof(key), compare_ends);

	if (!end)
		return;
	while (end > round->ends && end[-1].peer == inode) /* a conduit's child has them too */
		end--;
	for (; end < &round->ends[round->count] && end->peer == inode; end++)
		end->holder = guest;
}

/* Which VMs hold the other ends? */
static void find_holders(struct round *round)
{
	static uint32_t inodes[SOCKETS_MAX];
	const struct registry *registry = round->registry;

	qsort(round->ends, round->count, sizeof(round->ends[0]), compare_ends);
	for (uint32_t i = 0; i < registry->member_count; i++) {
		const struct member *member = &registry->members[i];
		ssize_t count;

		if (member->supervisor || member->guest == NO_GUEST ||
		    registry->guests[member->guest].kind != KIND_VM)
			continue;
		count = process_sockets(registry->settings.proc, member->pid, 0, inodes,
					SOCKETS_MAX);
		if (count > SOCKETS_MAX)
			count = SOCKETS_MAX;
		while (count-- > 0)
			note_holder(round, inodes[count], member->guest);
	}
}

static void serve(const struct registry *registry, struct suspect *suspect, uint16_t guest)
{
	uint32_t id = registry->guests[guest].id;
	int i = 0;

	while (i < SERVED_MAX && suspect->served[i].id && suspect->served[i].id != id)
		i++;
	if (i == SERVED_MAX) {
		suspect->serves_others = true;
		return;
	}
	if (!suspect->served[i].id)
		log_debug("pid %d serves %s", suspect->pid, registry->guests[guest].name);
	suspect->served[i] = (struct served){.guest = guest, .id = id};
}

static bool is_listener_of_vms(const struct round *round, const struct end *end)
{
	for (size_t i = 0; i < round->count; i++)
		if (round->ends[i].suspect == end->suspect && !round->ends[i].called &&
		    round->ends[i].group == end->group && round->ends[i].holder != NO_GUEST)
			return true;
	return false;
}

static void settle(struct round *round)
{
	for (size_t i = 0; i < round->count; i++) {
		const struct end *end = &round->ends[i];
		struct suspect *suspect = &round->registry->suspects[end->suspect];

		if (end->holder != NO_GUEST)
			serve(round->registry, suspect, end->holder);
		else if (!end->called && is_listener_of_vms(round, end))
			suspect->serves_others = true;
	}
}

/* The VMs are others now than those that the conduits were compared with. */
static void look_again(struct registry *registry, uint64_t now)
{
	if (registry->vm_changes == registry->vm_changes_seen)
		return;
	registry->vm_changes_seen = registry->vm_changes;
	for (uint32_t i = 0; i < registry->suspects_high; i++) {
		struct suspect *suspect = &registry->suspects[i];

		if (!is_tapless_conduit(suspect))
			continue;
		suspect->looks = 0;
		if (!suspect->look_next_us || suspect->look_next_us > now + CONDUIT_WAIT_US)
			suspect->look_next_us = now + CONDUIT_WAIT_US;
	}
}

static void look(struct round *round, struct suspect *suspect, uint64_t now)
{
	if (find_netns(round->registry, suspect)) {
		suspect->look_next_us = 0;
		return;
	}
	collect(round, suspect);
	if (suspect->looks < CONDUIT_LOOKS)
		suspect->look_next_us = now + ((uint64_t)CONDUIT_WAIT_US << ++suspect->looks);
	else
		suspect->look_next_us = now + LOOK_US;
	suspect->is_settled |= suspect->looks == CONDUIT_LOOKS;
}

uint64_t conduits_work(struct registry *registry, uint64_t now)
{
	static struct round round;
	bool was_pending = false, is_pending = false;
	uint64_t next = 0;

	round.registry = registry;
	round.count = 0;
	look_again(registry, now);
	for (uint32_t i = 0; i < registry->suspects_high; i++) {
		struct suspect *suspect = &registry->suspects[i];

		if (!is_tapless_conduit(suspect) || !suspect->look_next_us)
			continue;
		was_pending |= conduit_is_pending(suspect);
		if (suspect->look_next_us <= now)
			look(&round, suspect, now);
		is_pending |= conduit_is_pending(suspect);
		if (suspect->look_next_us && (!next || suspect->look_next_us < next))
			next = suspect->look_next_us;
	}
	if (round.count) {
		find_holders(&round);
		settle(&round);
	}
	if (was_pending && !is_pending)
		guests_prune(registry); /* whom none of them serves; see wire_leads_to() */
	return next;
}

bool suspect_serves(const struct suspect *suspect, const struct guest *guest, uint16_t index)
{
	if (suspect->guest == index || (suspect->netns && suspect->netns == guest->netns))
		return true;
	for (int i = 0; i < SERVED_MAX && suspect->served[i].id; i++)
		if (suspect->served[i].id == guest->id)
			return true;
	return false;
}
