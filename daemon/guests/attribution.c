// SPDX-License-Identifier: GPL-2.0-or-later
/* Whose connection is this? The loopback half: from the client socket to a guest. */
#include "guests/state.h"

#include "util/clock.h"
#include "util/text.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* After a guest's process came or went, until a vanished socket can be the host's; microseconds. */
#define SETTLE_US 1000000u

void source_set_guest(struct source *source, const struct guest *guest)
{
	source->class = SOURCE_GUEST;
	source->kind = guest->kind;
	source->guest = guest->id;
	source->why = guest->why;
	text_copy(source->runtime, sizeof(source->runtime), guest->runtime);
	text_copy(source->name, sizeof(source->name), guest->name);
	source->is_numbered = guest->is_numbered;
}

/* It is one of the guests that are named, and of which cannot be told. */
void source_share(struct source *source)
{
	char name[NAME_SIZE];

	if (source->shared)
		return;
	source->shared = true;
	source->guest = 0;
	text_copy(name, sizeof(name), source->name);
	text_copy(source->name, sizeof(source->name), "one of: ");
	text_append(source->name, sizeof(source->name), "%s", name);
}

/* One more guest of which it may be: @source keeps what all of them have in common. */
void source_add_guest(struct source *source, const struct guest *guest)
{
	if (source->class != SOURCE_GUEST) {
		source_set_guest(source, guest);
		return;
	}
	source_share(source);
	text_append(source->name, sizeof(source->name), ", %s", guest->name);
	if (source->kind != guest->kind)
		source->kind = KIND_UNKNOWN;
	if (strcmp(source->runtime, guest->runtime) != 0)
		source->runtime[0] = '\0';
}

/*
 * Does it nothing but keep the namespaces of others? Its program is none that a guest's owner chose: so
 * what comes from there is another's. Who takes it over from inside is in the same pod.
 */
static bool is_keeper(const struct registry *registry, const struct guest *guest)
{
	const struct runtime *runtime =
		catalogue_runtime(registry->settings.catalogue, guest->runtime);

	return runtime && runtime->keeper[0] && !strcmp(runtime->keeper, guest->supervisor);
}

static void add_guests(const struct registry *registry, struct source *source, uint64_t netns,
		       bool are_keepers)
{
	for (uint32_t i = 0; i < registry->guests_high; i++)
		if (registry->guest_netns[i] == netns && registry->guests[i].id &&
		    is_keeper(registry, &registry->guests[i]) == are_keepers)
			source_add_guest(source, &registry->guests[i]);
}

/*
 * The guests that live in a network namespace. One is the source; several share a wire or a
 * conduit, and which of them it was cannot be told.
 */
void source_set_netns(const struct registry *registry, struct source *source, uint64_t netns)
{
	add_guests(registry, source, netns, false);
	if (source->class != SOURCE_GUEST)
		add_guests(registry, source, netns, true);
	if (source->class == SOURCE_GUEST)
		return;
	source->class = SOURCE_GUEST;
	source->kind = KIND_CONTAINER;
	source->why = "its network namespace, which no guest in the table lives in";
	text_copy(source->runtime, sizeof(source->runtime), "netns");
}

/* The VMs at the other ends of a conduit's sockets; false when none is known. */
static bool source_set_served(const struct registry *registry, struct source *source,
			      const struct suspect *suspect)
{
	for (int i = 0; i < SERVED_MAX && suspect->served[i].id; i++) {
		const struct guest *guest = &registry->guests[suspect->served[i].guest];

		if (guest->id == suspect->served[i].id)
			source_add_guest(source, guest);
	}
	if (source->class != SOURCE_GUEST)
		return false;
	if (suspect->serves_others) {
		source_share(source);
		text_append(source->name, sizeof(source->name), ", others");
	}
	return true;
}

static struct cgroup_entry *cgroup_lookup(struct registry *registry, uint64_t id)
{
	struct cgroup_entry *entry = &registry->cgroups[(id * 0x9e3779b97f4a7c15u) >> 53];
	char path[CGROUP_PATH_SIZE];

	static_assert(CGROUPS_MAX == 1u << (64 - 53), "the hash fills the cache");
	if (!id || registry->settings.cgroup < 0)
		return NULL;
	if (entry->id == id)
		return entry;
	if (cgroups_path(registry->settings.cgroup, id, path, sizeof(path)))
		return NULL;
	entry->id = id;
	entry->path_hash = hash_text(path);
	entry->is_guest = catalogue_cgroup(registry->settings.catalogue, path, &entry->match);
	entry->guest_id = 0;
	return entry;
}

static struct guest *guest_of_cgroup(struct registry *registry, struct cgroup_entry *entry)
{
	struct guest *guest;

	if (entry->guest_id && registry->guest_ids[entry->guest] == entry->guest_id)
		return &registry->guests[entry->guest];
	guest = guests_for_cgroup(registry, &entry->match, NULL);
	if (guest) {
		entry->guest_id = guest->id;
		entry->guest = guests_index(registry, guest);
	}
	return guest;
}

void source_set_suspect(struct registry *registry, struct source *source, struct suspect *suspect)
{
	const struct program *program = suspect->program;
	struct process process;

	source->pid = suspect->pid;
	if (!process_read(registry->settings.proc, suspect->pid, &process))
		text_copy(source->comm, sizeof(source->comm), process.comm);
	source->route = program ? ROUTE_USER_NET : ROUTE_HOST_NET;
	if (program && program->role == PROGRAM_CONDUIT)
		text_copy(source->conduit, sizeof(source->conduit), program->runtime);
	if (suspect->guest != NO_GUEST) {
		source_set_guest(source, &registry->guests[suspect->guest]);
		return;
	}
	if (suspect->netns) {
		source_set_netns(registry, source, suspect->netns);
		return;
	}
	if (source_set_served(registry, source, suspect))
		return;
	source->class = SOURCE_GUEST;
	source->kind = program ? program->kind : KIND_UNKNOWN;
	source->why = "a conduit of unknown guests";
	text_copy(source->runtime, sizeof(source->runtime), program ? program->runtime : "");
}

static int unknown(struct source *source, const char *why, int result)
{
	source->class = SOURCE_UNKNOWN;
	source->kind = KIND_UNKNOWN;
	source->why = why;
	return result;
}

static int host(struct source *source, const char *why)
{
	source->class = SOURCE_HOST;
	source->why = why;
	return 0;
}

/* Could a guest have sent it? It may have ended since: then only its packet is left. */
static bool may_be_a_guests(const struct registry *registry, const struct arrival *arrival)
{
	return arrival->guest_cgroup || registry_shares_lo(registry) ||
	       clock_monotonic_us() - registry->local_exit_us <= SETTLE_US;
}

/*
 * Of a socket that nobody can look up: can none of a guest's have sent it? The kernel did not find it in
 * a guest's cgroup when it was sent, none of the guests' processes started or ended just now, and there
 * is no contained process that has no cgroup of its own. (At input the kernel does not know any more what
 * sent it.)
 */
static bool is_no_guests(const struct registry *registry, const struct arrival *arrival)
{
	uint64_t now = clock_monotonic_us();
	bool settled = now - registry->local_start_us > SETTLE_US &&
		       now - registry->local_exit_us > SETTLE_US;

	return settled && !arrival->guest_cgroup && !arrival->looped &&
	       registry->kernel_knows_cgroups && !registry->loose_suspects &&
	       !registry->members_lost && !registry->suspects_lost && !registry->findings_lost;
}

/*
 * The client socket closed before its turn, as that of a program that sends one datagram and ends.
 * It was the host's if it was no contained process's: conduits and VMMs keep their sockets open for as
 * long as they live.
 */
static int vanished(struct registry *registry, const struct flow *flow,
		    const struct arrival *arrival, struct source *source)
{
	if (flow->protocol != IPPROTO_TCP && is_no_guests(registry, arrival))
		return host(source, "its socket has closed, and no guest's could have");
	return unknown(source, "its socket closed before it could be looked up", -ENOENT);
}

/* SCTP, say: conduits and VMMs have TCP and UDP for their guests, and ICMP. */
static int without_look_up(struct registry *registry, const struct arrival *arrival,
			   struct source *source)
{
	if (is_no_guests(registry, arrival))
		return host(source, "a protocol that no guest's process here has sockets of");
	return unknown(source, "its protocol has no socket look-up", 0);
}

static bool is_guests_socket(struct registry *registry, const struct socket_info *socket,
			     const struct guest *guest, unsigned int *budget)
{
	struct cgroup_entry *cgroup = cgroup_lookup(registry, socket->cgroup);

	if (cgroup && cgroup->is_guest)
		return guest_of_cgroup(registry, cgroup) == guest;
	if (!registry->guest_suspects[guests_index(registry, guest)])
		return false;
	for (uint32_t i = 0; i < registry->suspects_high; i++) {
		const struct suspect *suspect = &registry->suspects[i];
		int hint = -1;

		if (suspect->pid && suspect->guest == guests_index(registry, guest) &&
		    process_holds_socket(registry->settings.proc, suspect->pid, socket->inode,
					 &hint, budget) == SOCKET_HELD)
			return true;
	}
	return false;
}

/*
 * Does the guest itself listen there? A container may reach its own services, and they are not the
 * host's. But of several sockets that share a port the kernel chooses by what only it sees.
 */
bool is_own_service(struct registry *registry, const struct flow *flow, const struct guest *guest,
		    unsigned int *budget)
{
	const struct registry_settings *settings = &registry->settings;
	struct socket_info listener;

	return !sockets_listener(settings->sockets, flow, &listener) && listener.inode &&
	       is_guests_socket(registry, &listener, guest, budget) &&
	       !settings->others_join(settings->data, flow, &listener, guest->id);
}

/**
 * struct bound_search - a client socket that is bound to the interface of one of its addresses
 */
struct bound_search {
	struct registry *registry;
	const struct flow *flow;
	struct socket_info *socket;
	int result;
};

static void ask_on_link(void *data, const struct link *link)
{
	struct bound_search *search = data;
	const struct links *links = search->registry->settings.links;

	if (search->result && link->type != LINK_LOOPBACK &&
	    links_owns_address(links, link->ifindex, &search->flow->client))
		search->result = sockets_client_bound(search->registry->settings.sockets,
						      search->flow, link->ifindex, search->socket);
}

/* One that is bound to the group that it sends to bears an address of this host in its packets. */
static int find_member_of_group(struct registry *registry, const struct flow *flow,
				uint32_t ifindex, struct socket_info *socket)
{
	struct flow bound = *flow;

	bound.client = flow->service;
	return sockets_client_bound(registry->settings.sockets, &bound, ifindex, socket);
}

static int find_client(struct registry *registry, const struct flow *flow,
		       const struct arrival *arrival, struct socket_info *socket)
{
	struct bound_search search = {registry, flow, socket, 0};

	search.result = sockets_client(registry->settings.sockets, flow, socket);
	if (search.result == -ENOENT)
		links_each(registry->settings.links, ask_on_link, &search);
	if (search.result == -ENOENT && arrival->looped)
		search.result = find_member_of_group(registry, flow, arrival->ifindex, socket);
	return search.result;
}

/*
 * Is its sender's address none of this host's? Of the host only a transparent socket sends so, which is
 * found. Else it came from a container on an ipvlan in one of the modes l3 and l3s, whose datagrams the
 * kernel sends on here.
 */
static bool is_strangers(const struct registry *registry, const struct flow *flow)
{
	return !address_is_loopback(&flow->client) &&
	       !links_owns_address(registry->settings.links, 0, &flow->client);
}

static int source_of_socket(struct registry *registry, const struct flow *flow,
			    const struct arrival *arrival, unsigned int *budget,
			    struct source *source)
{
	struct cgroup_entry *cgroup;
	enum search_result search;
	struct suspect *suspect = NULL;
	struct socket_info socket, again;
	int result;

	source->route = ROUTE_LOCAL;
	text_copy(source->interface, sizeof(source->interface), "lo");
	result = find_client(registry, flow, arrival, &socket);
	if (result && is_strangers(registry, flow))
		return unknown(source, "its address is not this host's, and no socket here has it",
			       0);
	if (result && !may_be_a_guests(registry, arrival))
		return host(source, "no guest has a process in this namespace");
	if (result == -EPROTONOSUPPORT)
		return without_look_up(registry, arrival, source);
	if (result)
		return vanished(registry, flow, arrival, source);
	if (arrival->has_uid && arrival->uid != socket.uid) {
		if (!may_be_a_guests(registry, arrival))
			return host(source, "no guest has a process in this namespace");
		return unknown(source, "several sockets share its address", 0);
	}

	cgroup = cgroup_lookup(registry, socket.cgroup);
	if (cgroup && cgroup->is_guest) {
		const struct guest *guest = guest_of_cgroup(registry, cgroup);

		if (!guest)
			return unknown(source, "the table of guests is full", 0);
		source->route = guest->kind == KIND_VM ? ROUTE_USER_NET : ROUTE_HOST_NET;
		source_set_guest(source, guest);
		source->own_service = is_own_service(registry, flow, guest, budget);
		return 0;
	}
	if (arrival->guest_cgroup)
		return unknown(source, "a guest sent it in the name of another's socket", 0);
	search = search_suspects(registry, &socket, cgroup, budget, &suspect);
	if (suspect) {
		source_set_suspect(registry, source, suspect);
		if (suspect->guest != NO_GUEST)
			source->own_service = is_own_service(
				registry, flow, &registry->guests[suspect->guest], budget);
		return 0;
	}
	if (search == SEARCH_NOT_NEEDED)
		return host(source, "no guest's process shares its cgroup");
	if (search == SEARCH_UNSURE)
		return unknown(source, "a contained process may hold its socket", 0);
	/* A socket that closed while it was searched for was nobody's by the time of its turn. */
	if (find_client(registry, flow, arrival, &again) || again.inode != socket.inode)
		return vanished(registry, flow, arrival, source);
	return host(source, "no guest's process holds its socket");
}

int loopback_source(struct registry *registry, const struct flow *flow,
		    const struct arrival *arrival, struct source *source)
{
	unsigned int budget = arrival->listed ? SEARCH_BUDGET : search_begin(registry);
	int result;

	if (arrival->listed)
		registry->search_is_short = false;
	result = source_of_socket(registry, flow, arrival, &budget, source);
	/* What the host itself asks for keeps nobody else waiting. */
	if (!arrival->listed && source->class != SOURCE_HOST)
		search_end(registry, budget);
	if (arrival->looped) { /* all who listen get it, the host's programs too */
		const struct link *link = links_find(registry->settings.links, arrival->ifindex);

		source->own_service = false;
		if (link)
			text_copy(source->interface, sizeof(source->interface), link->name);
	}
	return result;
}

void registry_maker(struct registry *registry, const struct socket_info *socket,
		    struct source *source)
{
	const struct cgroup_entry *cgroup = cgroup_lookup(registry, socket->cgroup);
	unsigned int budget = SEARCH_BUDGET;
	struct suspect *suspect = NULL;
	enum search_result search;

	memset(source, 0, sizeof(*source));
	text_copy(source->interface, sizeof(source->interface), "lo");
	if (cgroup && cgroup->is_guest) {
		const struct guest *guest = guests_for_cgroup(registry, &cgroup->match, NULL);

		if (!guest) {
			unknown(source, "the table of guests is full", 0);
			return;
		}
		source->route = guest->kind == KIND_VM ? ROUTE_USER_NET : ROUTE_HOST_NET;
		source_set_guest(source, guest);
		return;
	}
	registry->search_is_short = false; /* nobody waits: listening.c has a time of its own */
	search = search_suspects(registry, socket, cgroup, &budget, &suspect);
	if (suspect)
		source_set_suspect(registry, source, suspect);
	else if (search == SEARCH_UNSURE)
		unknown(source, "a contained process may hold its socket", 0);
	else
		host(source, "no guest's process holds its socket");
}

bool registry_helps(struct registry *registry, pid_t pid, struct source *source)
{
	const struct member *member = members_find(registry, pid);

	if (!member || !member->supervisor)
		return false;
	source->route = ROUTE_HOST_NET;
	source->pid = pid;
	if (member->guest != NO_GUEST) {
		source_set_guest(source, &registry->guests[member->guest]);
		return true;
	}
	source->class = SOURCE_GUEST;
	source->kind = member->program->kind;
	source->why = "a helper of unknown guests";
	text_copy(source->runtime, sizeof(source->runtime), member->program->runtime);
	return true;
}
