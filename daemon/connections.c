// SPDX-License-Identifier: GPL-2.0-or-later
/* Connections that are open already: whose they are, what the policy says of them now, their end. */
#include "parts.h"
#include "turn.h"

#include "guests/registry.h"
#include "kernel/connections.h"
#include "kernel/links.h"
#include "kernel/listeners.h"
#include "kernel/paths.h"
#include "kernel/sockets.h"
#include "policy/index.h"
#include "util/clock.h"
#include "util/log.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>

/*
 * DOC: Theory of Operation
 *
 * The guard judges first packets, so what is open is not judged any more. A walk goes through the
 * sockets of the guarded namespace and asks of each what the guard would ask of its first packet
 * now: the registry, who it is from, and decide(), what the policy says. Which end is the service
 * is told by who listens:
 *
 *  - Both ends are here: the client is the end whose remote end listens, and its socket is the one
 *    that the registry finds on lo. It also is the one to destroy: the reset ends the other.
 *  - The peer is elsewhere: the service is here if it listens here. The interface and MAC address
 *    that the host answers the peer by stand for those of its first packet (kernel/paths.h).
 *
 * A service that has stopped listening cannot be told from a client, and its connections are not
 * seen. A walk works for one turn of the loop at a time (turn.h), so that packets wait no longer than
 * that and one search for a socket (SEARCH_BUDGET) for it.
 */

/**
 * struct walk - one walk through the open connections
 * @query: which are meant; its exceptions are owned
 * @cut_count: connections cut
 * @next: in the daemon's list of those that nobody waits for
 */
struct walk {
	struct daemon *daemon;
	struct walk_query query;
	struct connections *connections;
	struct paths *paths;
	struct turn turn;
	uint64_t cut_count;
	bool is_over;
	struct walk *next;
};

static void walk_free(struct walk *walk)
{
	if (walk->cut_count)
		log_notice("%llu open connections cut", (unsigned long long)walk->cut_count);
	connections_close(walk->connections);
	paths_close(walk->paths);
	free(walk->query.ended);
	free(walk);
}

static int walk_open(struct walk *walk, struct error *error)
{
	int result = connections_open(&walk->connections);

	if (!result)
		result = paths_open(&walk->paths);
	return result ? error_set(error, result, "the open connections cannot be read: %s",
				  strerror(-result))
		      : 0;
}

int connections_walk_start(void *data, const struct walk_query *query, struct walk **walk,
			   struct error *error)
{
	struct walk *new = calloc(1, sizeof(*new));
	int result;

	if (!new) {
		free(query->ended);
		return error_set(error, -ENOMEM, "out of memory");
	}
	new->daemon = data;
	new->query = *query;
	result = walk_open(new, error);
	if (result)
		walk_free(new);
	else
		*walk = new;
	return result;
}

/* From a socket to the flow that its first packet was. */

static bool is_own(const struct walk *walk, const struct in6_addr *address)
{
	const struct flow flow = {.service = *address};

	return flow_is_martian_target(&flow) || links_owns_address(walk->daemon->links, 0, address);
}

static void set_flow(struct flow *flow, const struct connection *connection, bool is_client)
{
	*flow = (struct flow){
		.client = is_client ? connection->local : connection->remote,
		.service = is_client ? connection->remote : connection->local,
		.client_port = is_client ? connection->local_port : connection->remote_port,
		.service_port = is_client ? connection->remote_port : connection->local_port,
		.family = address_family(&connection->local),
		.protocol = connection->protocol,
	};
}

/* Does anybody wait there for clients, not for this one alone? */
static bool is_served(const struct walk *walk, const struct connection *connection,
		      const struct flow *flow)
{
	struct flow any = *flow;
	struct socket_info listener;

	if (!connections_may_serve(walk->connections, flow->protocol, flow->service_port))
		return false;
	any.client = (struct in6_addr){0};
	any.client_port = 0;
	if (connection->bound_ifindex &&
	    !sockets_listener_bound(walk->daemon->sockets, &any, connection->bound_ifindex,
				    &listener))
		return true;
	return !sockets_listener(walk->daemon->sockets, &any, &listener);
}

static bool may_be_meant(const struct walk *walk, const struct connection *connection,
			 const struct flow *flow)
{
	if (walk->query.has_service && !service_matches(&walk->query.service, flow))
		return false;
	for (size_t i = 0; i < walk->query.ended_count; i++)
		if (service_matches(&walk->query.ended[i].service, flow))
			return is_served(walk, connection, flow);
	return !walk->query.ended && is_served(walk, connection, flow);
}

/*
 * Nothing can go to or come from a FIN_WAIT socket that its owner has closed. A request socket is
 * no connection yet: nobody has proved to be at its other end.
 */
static bool is_open(const struct connection *connection)
{
	switch (connection->state) {
	case TCP_FIN_WAIT1:
	case TCP_FIN_WAIT2:
		return connection->inode;
	default:
		return connection->state != TCP_SYN_RECV;
	}
}

/* Return: is it a connection to a service of this host, as far as @query wants to know? */
static bool read_flow(struct walk *walk, const struct connection *connection, struct flow *flow,
		      struct arrival *arrival)
{
	bool is_local = is_own(walk, &connection->remote);
	struct path path = {0};

	*arrival = (struct arrival){0};
	if (!is_local) {
		if (!connections_may_serve(walk->connections, connection->protocol,
					   connection->local_port) &&
		    !connections_may_serve(walk->connections, connection->protocol,
					   connection->remote_port))
			return false;
		if (paths_find(walk->paths, &connection->local, &connection->remote,
			       connection->bound_ifindex, &path))
			return false;
	}
	arrival->loopback = is_local || path.is_local;
	arrival->listed = true;
	arrival->ifindex = path.ifindex;
	arrival->has_mac = path.has_mac;
	memcpy(arrival->mac, path.mac, MAC_SIZE);
	set_flow(flow, connection, arrival->loopback);
	return may_be_meant(walk, connection, flow);
}

/* From the flow to what the policy says of it. */

static bool has_ended(const struct walk_query *query, const struct open_connection *connection)
{
	if (!query->ended)
		return true;
	if (connection->decision.verdict == VERDICT_ACCEPT)
		return false;
	for (size_t i = 0; i < query->ended_count; i++)
		if (query->ended[i].allow &&
		    service_matches(&query->ended[i].service, &connection->flow) &&
		    exception_concerns(&query->ended[i], &connection->source))
			return true;
	return false;
}

static bool is_meant(const struct walk_query *query, const struct open_connection *connection)
{
	if (query->has_source && !selector_matches(&query->source, &connection->source))
		return false;
	if (query->refused && connection->decision.verdict == VERDICT_ACCEPT)
		return false;
	return has_ended(query, connection);
}

/* Return: whether it is one of those that are walked for. */
static bool judge(struct walk *walk, const struct connection *connection,
		  struct open_connection *open)
{
	struct guard *guard = &walk->daemon->guard;
	struct arrival arrival;

	memset(open, 0, sizeof(*open));
	open->state = connection->state;
	if (!read_flow(walk, connection, &open->flow, &arrival))
		return false;
	if (registry_source(guard->registry, &open->flow, &arrival, &open->source))
		return false; /* it has closed by now */
	if (open->source.class == SOURCE_HOST || open->source.class == SOURCE_LAN)
		return false;
	decide_patiently(walk->daemon, &open->flow, &open->source, &open->decision);
	return is_meant(&walk->query, open);
}

/* Return: an enum walk_step, or -errno. */
static int take(struct walk *walk, const struct connection *connection,
		struct open_connection *open, struct error *error)
{
	int result;

	if (!walk->query.cut && !is_open(connection))
		return WALK_LATER;
	if (!judge(walk, connection, open))
		return WALK_LATER;
	if (!walk->query.cut) {
		listeners_ask(walk->daemon->listeners, &open->flow, open->program,
			      sizeof(open->program));
		return WALK_FOUND;
	}
	result = connections_destroy(walk->connections, connection);
	if (result == -EOPNOTSUPP)
		return error_set(error, result,
				 "this kernel cannot cut connections: it was built without "
				 "CONFIG_INET_DIAG_DESTROY");
	if (result && result != -ENOENT)
		return error_set(error, result, "a connection cannot be cut: %s",
				 strerror(-result));
	/* Half-open ones go as well, but nobody has called them connections. */
	if (result || !is_open(connection))
		return WALK_LATER;
	walk->cut_count++;
	return WALK_FOUND;
}

int connections_walk_next(struct walk *walk, struct open_connection *open, struct error *error)
{
	turn_begin(&walk->turn, walk->daemon);
	while (!turn_is_over(&walk->turn)) {
		struct connection connection;
		int result = connections_next(walk->connections, &connection);

		if (result <= 0) {
			walk->is_over = true;
			turn_end(&walk->turn, walk->daemon);
			return result ? error_set(error, result,
						  "the open connections cannot be read: %s",
						  strerror(-result))
				      : WALK_END;
		}
		result = take(walk, &connection, open, error);
		if (result < 0)
			walk->is_over = true;
		if (result != WALK_LATER)
			return result;
	}
	turn_end(&walk->turn, walk->daemon);
	return WALK_LATER;
}

/* Cuts that nobody waits for. */

static void go_on_alone(struct walk *walk)
{
	struct walk **last = &walk->daemon->cuts;

	while (*last)
		last = &(*last)->next;
	*last = walk;
	sd_event_source_set_enabled(walk->daemon->cut_turn, SD_EVENT_ON);
}

void connections_walk_end(struct walk *walk)
{
	if (walk->query.cut && !walk->is_over)
		go_on_alone(walk);
	else
		walk_free(walk);
}

static int on_cut_turn(sd_event_source *source, void *data)
{
	struct daemon *daemon = data;
	struct walk *walk = daemon->cuts;
	struct error error = {.text = ""};
	struct open_connection connection;
	int result = walk ? WALK_FOUND : WALK_END;

	if (walk && !walk->connections)
		result = walk_open(walk, &error) ?: WALK_FOUND;
	while (result == WALK_FOUND)
		result = connections_walk_next(walk, &connection, &error);
	if (result == WALK_LATER)
		return 0;
	if (result < 0)
		log_error("%s", error.text);
	if (walk) {
		daemon->cuts = walk->next;
		walk_free(walk);
	}
	if (!daemon->cuts)
		sd_event_source_set_enabled(source, SD_EVENT_OFF);
	return 0;
}

/* Those that end together are looked for together, once the loop comes to it. */
static struct walk *walk_to_begin(struct daemon *daemon)
{
	struct walk *walk = daemon->cuts;

	while (walk && walk->connections)
		walk = walk->next;
	if (walk)
		return walk;
	walk = calloc(1, sizeof(*walk));
	if (!walk)
		return NULL;
	walk->daemon = daemon;
	walk->query.cut = true;
	walk->query.ended = calloc(1, sizeof(*walk->query.ended)); /* NULL would mean all */
	if (!walk->query.ended) {
		free(walk);
		return NULL;
	}
	go_on_alone(walk);
	return walk;
}

/* In monitor mode nothing is refused, and nothing that goes on by itself is cut. */
void connections_exception_ended(void *data, const struct exception *exception)
{
	struct daemon *daemon = data;
	struct walk *walk;
	struct exception *ended;

	if (!exception->allow || !exception->cut || !daemon->guard.enforce)
		return;
	walk = walk_to_begin(daemon);
	ended = walk ? reallocarray(walk->query.ended, walk->query.ended_count + 1, sizeof(*ended))
		     : NULL;
	if (!ended) {
		log_error("what exception %u allowed is not cut: out of memory", exception->id);
		return;
	}
	ended[walk->query.ended_count++] = *exception;
	walk->query.ended = ended;
}

int connections_add_source(struct daemon *daemon)
{
	int result = sd_event_add_defer(daemon->loop, &daemon->cut_turn, on_cut_turn, daemon);

	if (result >= 0)
		result = sd_event_source_set_enabled(daemon->cut_turn, SD_EVENT_OFF);
	if (result >= 0)
		result = sd_event_source_set_priority(daemon->cut_turn, PRIORITY_CONTROL);
	return result;
}

void connections_stop(struct daemon *daemon)
{
	while (daemon->cuts) {
		struct walk *walk = daemon->cuts;

		daemon->cuts = walk->next;
		walk_free(walk);
	}
	sd_event_source_unref(daemon->cut_turn);
}
