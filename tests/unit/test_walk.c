/* SPDX-License-Identifier: GPL-2.0-or-later */
/* daemon/connections: which end is the client, and which connections a query means. */
#include "parts.h"

#include "guests/registry.h"
#include "kernel/links.h"
#include "kernel/listeners.h"
#include "kernel/sockets.h"
#include "policy/config.h"
#include "util/cleanup.h"
#include "util/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

/* What a walk asks, as small as it can be: clients from these ports are guests, all others hosts.
 */
static uint16_t guest_port, gone_port;
static bool is_allowed;

int registry_source(struct registry *registry, const struct flow *flow,
		    const struct arrival *arrival, struct source *source)
{
	*source = (struct source){.class = SOURCE_HOST};
	if (flow->client_port == gone_port)
		return -ENOENT;
	assert_true(arrival->loopback || arrival->ifindex);
	if (flow->client_port != guest_port)
		return 0;
	*source = (struct source){
		.class = SOURCE_GUEST, .kind = KIND_VM, .guest = 7, .route = ROUTE_USER_NET};
	text_copy(source->name, sizeof(source->name), "devbox");
	return 0;
}

void decide_patiently(struct daemon *daemon, const struct flow *flow, const struct source *source,
		      struct decision *decision)
{
	*decision = (struct decision){.verdict = is_allowed ? VERDICT_ACCEPT : VERDICT_DROP};
}

bool links_owns_address(const struct links *links, uint32_t ifindex, const struct in6_addr *address)
{
	return false;
}

void listeners_ask(struct listeners *listeners, const struct flow *flow, char *comm, size_t size)
{
	text_copy(comm, size, "python3");
}

static unsigned int turns;

static void begin(void *data)
{
	turns++;
}

static void done(void *data)
{
}

const struct guard_handler loop_guard_handler = {.catch_up = begin, .judged = done};

/* Two ends on loopback. */

static struct daemon daemon_parts;
static int service = -1, client = -1;
static uint16_t port;

static uint16_t own_port(int fd)
{
	struct sockaddr_in address;
	socklen_t length = sizeof(address);

	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	return ntohs(address.sin_port);
}

static int start(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	is_allowed = false;
	gone_port = 0;
	turns = 0;
	service = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(service, (struct sockaddr *)&address, sizeof(address)) || listen(service, 8))
		return -1;
	port = own_port(service);
	address.sin_port = htons(port);
	if (connect(client, (struct sockaddr *)&address, sizeof(address)))
		return -1;
	guest_port = own_port(client);
	return sockets_open(&daemon_parts.sockets);
}

static int stop(void **state)
{
	sockets_close(daemon_parts.sockets);
	close(client);
	if (service >= 0)
		close(service);
	return 0;
}

static unsigned int count(const struct walk_query *query, struct open_connection *last)
{
	struct error error = {.text = ""};
	struct open_connection found;
	unsigned int number = 0;
	struct walk *walk;
	int step;

	assert_int_equal(connections_walk_start(&daemon_parts, query, &walk, &error), 0);
	while ((step = connections_walk_next(walk, &found, &error)) != WALK_END) {
		assert_true(step >= 0);
		if (step != WALK_FOUND)
			continue;
		*last = found;
		number++;
	}
	connections_walk_end(walk);
	return number;
}

static const struct walk_query all;
static struct open_connection found;

static void a_guests_connection_is_told_once(void **state)
{
	assert_int_equal(count(&all, &found), 1);
	assert_int_equal(found.flow.client_port, guest_port);
	assert_int_equal(found.flow.service_port, port);
	assert_int_equal(found.flow.family, AF_INET);
	assert_int_equal(found.state, TCP_ESTABLISHED);
	assert_string_equal(found.source.name, "devbox");
	assert_string_equal(found.program, "python3");
	assert_int_equal(found.decision.verdict, VERDICT_DROP);
	assert_true(turns >= 1);
}

/* The host's client, though the service may be a guest's. */
static void the_hosts_own_is_not(void **state)
{
	guest_port = port; /* the other end of it */
	assert_int_equal(count(&all, &found), 0);
	guest_port = 0;
	assert_int_equal(count(&all, &found), 0);
}

static void what_closed_meanwhile_is_not(void **state)
{
	gone_port = guest_port;
	assert_int_equal(count(&all, &found), 0);
}

static void a_service_that_stopped_listening_is_not_told_from_a_client(void **state)
{
	int accepted = accept4(service, NULL, NULL, SOCK_CLOEXEC);

	close(service);
	service = accepted;
	assert_int_equal(count(&all, &found), 0);
}

/* A guest that listens where its own client is bound gains nothing: either end is looked at. */
static void a_client_whose_port_serves_is_a_client(void **state)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	_cleanup_close_ int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	_cleanup_close_ int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int on = 1;

	setsockopt(other, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(other, (struct sockaddr *)&address, sizeof(address)), 0);
	address.sin_port = htons(own_port(other));
	assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(listener, 1), 0);
	guest_port = own_port(other);
	address.sin_port = htons(port);
	assert_int_equal(connect(other, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(count(&all, &found), 1);
	assert_int_equal(found.flow.service_port, port);
}

static void a_query_leaves_out(void **state)
{
	struct walk_query query = {.refused = true};

	assert_int_equal(count(&query, &found), 1);
	is_allowed = true;
	assert_int_equal(count(&query, &found), 0);
	query = (struct walk_query){.has_source = true};
	assert_int_equal(selector_parse("vm:devbox", &query.source, NULL), 0);
	assert_int_equal(count(&query, &found), 1);
	assert_int_equal(selector_parse("vm:other", &query.source, NULL), 0);
	assert_int_equal(count(&query, &found), 0);
	query = (struct walk_query){.has_service = true};
	query.service = (struct service){.first = port, .last = port};
	assert_int_equal(count(&query, &found), 1);
	query.service = (struct service){.first = port, .last = port, .protocol = IPPROTO_UDP};
	assert_int_equal(count(&query, &found), 0);
}

static struct walk_query after(bool allow, uint16_t first, const char *source)
{
	struct exception *ended = calloc(1, sizeof(*ended));

	ended->allow = allow;
	ended->service = (struct service){.first = first, .last = first};
	assert_int_equal(selector_parse(source, &ended->source, NULL), 0);
	return (struct walk_query){.ended = ended, .ended_count = 1};
}

static void after_an_exception_only_what_it_allowed(void **state)
{
	struct walk_query query = after(true, port, "vm:devbox");

	assert_int_equal(count(&query, &found), 1);
	query = after(true, port, "vm:other");
	assert_int_equal(count(&query, &found), 0);
	query = after(true, port == 1 ? 2 : port - 1, "vm:devbox");
	assert_int_equal(count(&query, &found), 0);
	query = after(false, port, "vm:devbox");
	assert_int_equal(count(&query, &found), 0);
	is_allowed = true; /* by something else */
	query = after(true, port, "any");
	assert_int_equal(count(&query, &found), 0);
	is_allowed = false;
	query = after(true, port, "vm:devbox");
	query.ended->guest = 8; /* bound to a namesake */
	strcpy(query.ended->guest_key, "pid:1:2");
	assert_int_equal(count(&query, &found), 0);
	query = after(true, port, "vm:devbox");
	query.ended->guest = 7;
	strcpy(query.ended->guest_key, "pid:1:1");
	assert_int_equal(count(&query, &found), 1);
	query = after(true, port, "vm:devbox");
	query.ended_count = 0;
	assert_int_equal(count(&query, &found), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_guests_connection_is_told_once, start, stop),
		cmocka_unit_test_setup_teardown(the_hosts_own_is_not, start, stop),
		cmocka_unit_test_setup_teardown(what_closed_meanwhile_is_not, start, stop),
		cmocka_unit_test_setup_teardown(
			a_service_that_stopped_listening_is_not_told_from_a_client, start, stop),
		cmocka_unit_test_setup_teardown(a_client_whose_port_serves_is_a_client, start,
						stop),
		cmocka_unit_test_setup_teardown(a_query_leaves_out, start, stop),
		cmocka_unit_test_setup_teardown(after_an_exception_only_what_it_allowed, start,
						stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
