// SPDX-License-Identifier: GPL-2.0-or-later
/* Who reaches what: each port on which somebody waits, and what the policy says of each guest. */
#include "parts.h"
#include "turn.h"

#include "control/reach.h"
#include "guests/registry.h"
#include "guests/ways.h"
#include "kernel/addresses.h"
#include "kernel/links.h"
#include "kernel/listeners.h"
#include "kernel/netlink.h"
#include "kernel/processes.h"
#include "kernel/waiting.h"
#include "policy/services.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/text.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * DOC: Theory of Operation
 *
 * A walk has the sockets of the guarded namespace from one dump, and the guests of that moment. It
 * first collects the ways of each guest (guests/ways.h), then asks of each port and each way what
 * the guard would say of a connection: decide(), as for verdicts. A port of all addresses is asked
 * about at the address that a guest would write, and where that is refused at each other one that
 * the host has, since exceptions may be for one of them. A guest is told of by the best of its ways.
 *
 * All of this is done in turns of the loop (turn.h), and nothing that a reload replaces is kept
 * from one to the next.
 */

#define SOCKETS_MAX   4096
#define GUESTS_MAX    2048 /* as the registry */
#define WAYS_MOST     8	   /* of one guest */
#define ADDRESSES_MAX 32   /* of the host, beside loopback */
#define WALKS_MAX     16   /* at a time: each takes up to some megabytes */
#define NAME_BUDGET   4096 /* descriptors read to find a program */

/**
 * struct guest_way - a way of a guest
 * @guest: its id
 * @label: as source_label() would have it, also where the way is shared
 */
struct guest_way {
	uint32_t guest;
	char label[REACH_LABEL_SIZE];
	struct way way;
};

/**
 * struct reach_walk - one walk over all ports
 * @turn: that is on
 * @sockets: @socket_count of them, by port; @next_socket is told of next
 * @guests: ids, @guest_count of them; from @next_guest on their ways are not collected
 * @ways: @way_count of them, guest by guest; @next_way is asked about next
 * @addresses: @address_count of the host's
 * @port: that is being asked about, if @in_port
 * @reaches: of that port, room for @guest_count
 * @is_incomplete: there were more sockets or guests
 * @is_short: of memory
 */
struct reach_walk {
	struct daemon *daemon;
	struct turn turn;
	struct waiting_socket *sockets;
	size_t socket_count, next_socket;
	uint32_t *guests;
	size_t guest_count, next_guest;
	struct guest_way *ways;
	size_t way_count, next_way;
	struct in6_addr addresses[ADDRESSES_MAX];
	size_t address_count;
	struct open_port port;
	struct reach *reaches;
	bool in_port;
	bool is_incomplete;
	bool is_short;
};

/* What there is. */

static void add_socket(void *data, const struct waiting_socket *socket)
{
	struct reach_walk *walk = data;

	if (walk->socket_count == SOCKETS_MAX)
		walk->is_incomplete = true;
	else
		walk->sockets[walk->socket_count++] = *socket;
}

/* Sockets that share a port for speed, or are seen twice, are one port. */
static int compare_sockets(const void *a, const void *b)
{
	const struct waiting_socket *one = a, *other = b;

	if (one->port != other->port)
		return one->port < other->port ? -1 : 1;
	if (one->protocol != other->protocol)
		return one->protocol < other->protocol ? -1 : 1;
	return memcmp(&one->address, &other->address, sizeof(one->address));
}

static void drop_doubles(struct reach_walk *walk)
{
	size_t kept = 0;

	qsort(walk->sockets, walk->socket_count, sizeof(*walk->sockets), compare_sockets);
	for (size_t i = 0; i < walk->socket_count; i++)
		if (!kept || compare_sockets(&walk->sockets[kept - 1], &walk->sockets[i]))
			walk->sockets[kept++] = walk->sockets[i];
	walk->socket_count = kept;
}

static int add_address(void *data, const struct interface_address *address)
{
	const struct flow flow = {.service = address->address};
	struct reach_walk *walk = data;

	if (flow_is_martian_target(&flow) || IN6_IS_ADDR_LINKLOCAL(&address->address))
		return 0;
	walk->addresses[walk->address_count++] = address->address;
	return walk->address_count == ADDRESSES_MAX;
}

static int add_guest(void *data, const struct guest *guest)
{
	struct reach_walk *walk = data;

	walk->is_incomplete |= walk->guest_count == GUESTS_MAX;
	if (walk->guest_count < GUESTS_MAX)
		walk->guests[walk->guest_count++] = guest->id;
	return 0;
}

static int collect(struct reach_walk *walk, struct error *error)
{
	struct netlink netlink = {.socket = NULL};
	int result = netlink_open(&netlink, NETLINK_SOCK_DIAG, 0);

	if (!result)
		result = waiting_every(&netlink, add_socket, walk);
	netlink_close(&netlink);
	if (result)
		return error_set(error, result, "who listens cannot be read: %s",
				 strerror(-result));
	drop_doubles(walk);
	links_each_address(walk->daemon->links, add_address, walk);
	registry_each(walk->daemon->guard.registry, add_guest, walk);
	return 0;
}

void reach_end(struct reach_walk *walk)
{
	walk->daemon->reach_walks--;
	free(walk->sockets);
	free(walk->guests);
	free(walk->ways);
	free(walk->reaches);
	free(walk);
}

int reach_start(void *data, struct reach_walk **walk, struct error *error)
{
	struct daemon *daemon = data;
	struct reach_walk *new = NULL;
	int result;

	if (daemon->reach_walks == WALKS_MAX)
		return error_set(error, -EBUSY, "%d others ask the same just now: try again",
				 WALKS_MAX);
	new = calloc(1, sizeof(*new));
	if (!new)
		return error_set(error, -ENOMEM, "out of memory");
	daemon->reach_walks++;
	new->daemon = daemon;
	new->sockets = calloc(SOCKETS_MAX, sizeof(*new->sockets));
	new->guests = calloc(GUESTS_MAX, sizeof(*new->guests));
	if (!new->sockets || !new->guests)
		result = error_set(error, -ENOMEM, "out of memory");
	else
		result = collect(new, error);
	if (!result && new->guest_count) {
		new->reaches = calloc(new->guest_count, sizeof(*new->reaches));
		if (!new->reaches)
			result = error_set(error, -ENOMEM, "out of memory");
	}
	if (result)
		reach_end(new);
	else
		*walk = new;
	return result;
}

/* A guest's ways. */

static void label_of(const struct guest *guest, char *label)
{
	struct source source = {.class = SOURCE_GUEST, .kind = guest->kind};

	text_copy(source.name, sizeof(source.name), guest->name);
	source_label(label, REACH_LABEL_SIZE, &source);
}

static void collect_ways(struct reach_walk *walk, uint32_t id)
{
	struct registry *registry = walk->daemon->guard.registry;
	const struct guest *guest = registry_find_id(registry, id);
	struct way ways[WAYS_MOST];
	struct guest_way *grown;
	size_t count;

	if (!guest) /* it has gone since */
		return;
	count = registry_ways(registry, guest, ways, WAYS_MOST);
	if (!count)
		return;
	grown = reallocarray(walk->ways, walk->way_count + count, sizeof(*grown));
	if (!grown) {
		walk->is_short = true;
		return;
	}
	walk->ways = grown;
	for (size_t i = 0; i < count; i++) {
		struct guest_way *way = &walk->ways[walk->way_count++];

		way->guest = id;
		way->way = ways[i];
		label_of(guest, way->label);
	}
}

/* One port and one way. */

/* Return: is it let through? */
static bool ask(struct reach_walk *walk, const struct way *way, struct flow *flow,
		struct decision *decision)
{
	struct source source;

	flow->family = address_family(&flow->service);
	if (!registry_way_source(walk->daemon->guard.registry, way, flow, &source))
		return false;
	decide_patiently(walk->daemon, flow, &source, decision);
	return decision->verdict == VERDICT_ACCEPT;
}

/* At all addresses of the family that @any, unspecified, is of. */
static bool ask_everywhere(struct reach_walk *walk, const struct way *way, struct flow *flow,
			   const struct in6_addr *any, struct decision *decision)
{
	flow->service = *any;
	if (ask(walk, way, flow, decision))
		return true;
	for (size_t i = 0; i < walk->address_count; i++) {
		struct decision other;

		if (address_family(&walk->addresses[i]) != address_family(any))
			continue;
		flow->service = walk->addresses[i];
		if (ask(walk, way, flow, &other)) {
			*decision = other;
			return true;
		}
	}
	return false;
}

/*
 * Return: is there an answer at all? No interface may have an address of the family. A refusal is
 * told of as that of the address that a guest would write.
 */
static bool ask_about(struct reach_walk *walk, const struct way *way, struct decision *decision)
{
	const struct waiting_socket *socket = &walk->sockets[walk->next_socket];
	struct flow flow = {.service_port = socket->port, .protocol = socket->protocol};
	struct decision six = {.rule = NULL};

	decision->rule = NULL;
	if (!address_is_any(&socket->address)) {
		flow.service = socket->address;
		ask(walk, way, &flow, decision);
	} else if (IN6_IS_ADDR_V4MAPPED(&socket->address)) {
		ask_everywhere(walk, way, &flow, &address_any_four, decision);
	} else if (socket->only_six ||
		   !ask_everywhere(walk, way, &flow, &address_any_four, decision)) {
		if (ask_everywhere(walk, way, &flow, &in6addr_any, &six) || !decision->rule)
			*decision = six;
	}
	return decision->rule;
}

static void judge(struct reach_walk *walk, const struct guest_way *way)
{
	struct open_port *port = &walk->port;
	struct reach *last = port->reach_count ? &walk->reaches[port->reach_count - 1] : NULL;
	struct reach *reach = last && last->guest == way->guest ? last : NULL;
	struct decision decision;

	assert(walk->reaches); /* there is a guest */
	if (reach && reach->decision.verdict == VERDICT_ACCEPT)
		return;
	if (!ask_about(walk, &way->way, &decision) || (reach && decision.verdict != VERDICT_ACCEPT))
		return;
	if (!reach)
		reach = &walk->reaches[port->reach_count++];
	*reach = (struct reach){
		.guest = way->guest, .route = way->way.source.route, .decision = decision};
	text_copy(reach->label, sizeof(reach->label), way->label);
	text_copy(reach->interface, sizeof(reach->interface), way->way.source.interface);
	text_copy(reach->rule, sizeof(reach->rule), decision.rule);
}

/* One port. */

static void find_owner(struct reach_walk *walk, const struct waiting_socket *socket)
{
	struct registry *registry = walk->daemon->guard.registry;
	struct open_port *port = &walk->port;
	unsigned int budget = NAME_BUDGET;
	struct process process;

	registry_maker(registry, &socket->socket, &port->owner);
	if (listeners_holder(walk->daemon->listeners, &socket->socket, &budget, &process))
		return;
	port->pid = process.pid;
	text_copy(port->program, sizeof(port->program), process.comm);
	if (port->owner.class == SOURCE_HOST)
		registry_helps(registry, process.pid, &port->owner);
}

static void begin_port(struct reach_walk *walk)
{
	const struct waiting_socket *socket = &walk->sockets[walk->next_socket];
	const struct flow flow = {.service = socket->address};

	walk->port = (struct open_port){
		.protocol = socket->protocol,
		.port = socket->port,
		.address = socket->address,
		.lan = !flow_is_martian_target(&flow),
		.reaches = walk->reaches,
	};
	walk->next_way = 0;
	walk->in_port = true;
	find_owner(walk, socket);
}

/* Those that reach it first; else by their ids. */
static int compare_reaches(const void *a, const void *b)
{
	const struct reach *one = a, *other = b;
	bool is_one = one->decision.verdict == VERDICT_ACCEPT;
	bool is_other = other->decision.verdict == VERDICT_ACCEPT;

	if (is_one != is_other)
		return is_one ? -1 : 1;
	return one->guest < other->guest ? -1 : one->guest > other->guest;
}

static void end_port(struct reach_walk *walk)
{
	struct open_port *port = &walk->port;

	if (port->reach_count)
		qsort(walk->reaches, port->reach_count, sizeof(*walk->reaches), compare_reaches);
	for (size_t i = 0; i < port->reach_count; i++) {
		walk->reaches[i].decision.rule = walk->reaches[i].rule;
		port->reached += walk->reaches[i].decision.verdict == VERDICT_ACCEPT;
	}
	port->known = services_of_port(walk->daemon->services, port->protocol, port->port);
	walk->in_port = false;
	walk->next_socket++;
}

int reach_next(struct reach_walk *walk, const struct open_port **port, struct error *error)
{
	turn_begin(&walk->turn, walk->daemon);
	while (!turn_is_over(&walk->turn)) {
		if (walk->is_short)
			return error_set(error, -ENOMEM, "out of memory");
		if (walk->next_guest < walk->guest_count) {
			collect_ways(walk, walk->guests[walk->next_guest++]);
		} else if (walk->next_socket == walk->socket_count) {
			turn_end(&walk->turn, walk->daemon);
			return WALK_END;
		} else if (!walk->in_port) {
			begin_port(walk);
		} else if (walk->next_way < walk->way_count) {
			judge(walk, &walk->ways[walk->next_way++]);
		} else {
			end_port(walk);
			*port = &walk->port;
			return WALK_FOUND;
		}
	}
	turn_end(&walk->turn, walk->daemon);
	return WALK_LATER;
}

bool reach_is_incomplete(const struct reach_walk *walk)
{
	return walk->is_incomplete;
}
