// SPDX-License-Identifier: GPL-2.0-or-later
/* Looks who waits for connections on the host, when a guest may have begun to. */
#include "ports.h"

#include "parts.h"

#include "control/events.h"
#include "guests/listening.h"
#include "guests/registry.h"
#include "guests/view.h"
#include "kernel/listeners.h"
#include "kernel/netlink.h"
#include "kernel/processes.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/**
 * DOC: Theory of Operation
 *
 * While no guest has a process in the guarded namespace nothing is done: no guest can open a port
 * there. When such a process starts we look at once, before it has opened any, then 100 ms and 1 s
 * later, and every 2 s from then on. A look that took long is followed by a pause of 20 times its
 * length, so that looking never takes more than a twentieth of our time.
 */

#define PERIOD_US	2000000u
#define SOON_US		100000u
#define ACCURACY_US	500000u /* of the period: the machine may do more than one thing at a wake-up */
#define EXACT_US	10000u
#define PAUSE_FACTOR	20
#define NAMES_BUDGET	4096  /* descriptors read in one look, to find the programs' names */
#define START_BUDGET	65536 /* in the first look of all */
#define FIRST_EPHEMERAL 32768 /* where the kernel does not tell */
#define LAST_EPHEMERAL	60999

static const uint64_t follow_us[] = {SOON_US, 1000000};

/**
 * struct ports - the snapshot, and when to make the next
 * @generation: registry_generation() of the latest look
 * @start_us: registry_local_start() that the follow-ups count from
 * @earliest_us: no look before that, CLOCK_MONOTONIC
 * @next_us: when the timer is set for, 0: it is off
 * @budget: descriptors that the names may still cost in this look
 * @full_budget: what that was at the beginning
 * @first: @last: net.ipv4.ip_local_port_range
 * @is_left: the last look did not find out all
 */
struct ports {
	struct daemon *daemon;
	struct netlink netlink;
	struct listening *listening;
	sd_event_source *timer;
	uint32_t generation;
	uint64_t start_us;
	uint64_t earliest_us;
	uint64_t next_us;
	unsigned int budget;
	unsigned int full_budget;
	uint16_t first;
	uint16_t last;
	bool is_left;
};

/* What the snapshot asks. */

static void find_owner(void *data, const struct socket_info *socket, struct source *source)
{
	struct ports *ports = data;

	registry_maker(ports->daemon->guard.registry, socket, source);
}

static bool find_holder(void *data, const struct socket_info *socket, struct source *source,
			char *comm)
{
	struct ports *ports = data;
	bool is_whole = ports->budget == ports->full_budget;
	struct process process;
	int result;

	if (!ports->budget)
		return false;
	result = listeners_holder(ports->daemon->listeners, socket, &ports->budget, &process);
	if (result == -EAGAIN)
		return is_whole; /* it can never be found */
	if (result)
		return true;
	text_copy(comm, COMM_SIZE, process.comm);
	text_copy(source->comm, sizeof(source->comm), process.comm);
	source->pid = process.pid;
	if (source->class == SOURCE_HOST)
		registry_helps(ports->daemon->guard.registry, process.pid, source);
	return true;
}

static void record(void *data, const struct attempt *attempt)
{
	struct ports *ports = data;
	struct attempt event = *attempt;

	event.enforced = ports->daemon->guard.enforce;
	event.decision.rule = event.rule;
	events_record(ports->daemon->guard.events, &event);
}

static const struct listening_handler handler = {
	.owner = find_owner,
	.holder = find_holder,
	.tell = record,
};

/* Looking. */

static void read_range(struct ports *ports)
{
	_cleanup_close_ int fd = openat(ports->daemon->proc, "sys/net/ipv4/ip_local_port_range",
					O_RDONLY | O_CLOEXEC);
	unsigned int first, last;
	char text[64] = "";

	ports->first = FIRST_EPHEMERAL;
	ports->last = LAST_EPHEMERAL;
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0 ||
	    sscanf(text, "%u %u", &first, &last) != 2 || first > last || last > UINT16_MAX)
		return;
	ports->first = (uint16_t)first;
	ports->last = (uint16_t)last;
}

static void see(void *data, const struct waiting_socket *socket)
{
	struct ports *ports = data;

	if (waiting_is_service(socket, ports->first, ports->last))
		listening_see(ports->listening, socket);
}

static void look(struct ports *ports, unsigned int budget)
{
	uint32_t generation = registry_generation(ports->daemon->guard.registry);
	uint64_t start_us = clock_monotonic_us(), end_us;
	int result;

	ports->budget = ports->full_budget = budget;
	read_range(ports);
	if (generation != ports->generation)
		listening_recheck(ports->listening);
	ports->generation = generation;
	listening_begin(ports->listening);
	result = waiting_each(&ports->netlink, see, ports);
	if (result)
		log_debug("who listens cannot be read: %s", strerror(-result));
	else
		ports->is_left = listening_end(ports->listening, clock_realtime_us());
	end_us = clock_monotonic_us();
	ports->earliest_us = end_us + (end_us - start_us) * PAUSE_FACTOR;
	if (ports->earliest_us < end_us + SOON_US)
		ports->earliest_us = end_us + SOON_US;
}

/* When. */

static void set_timer(struct ports *ports, uint64_t at_us)
{
	bool is_periodic = at_us > clock_monotonic_us() + PERIOD_US / 2;

	ports->next_us = at_us;
	sd_event_source_set_enabled(ports->timer, at_us ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
	if (!at_us)
		return;
	sd_event_source_set_time_accuracy(ports->timer, is_periodic ? ACCURACY_US : EXACT_US);
	sd_event_source_set_time(ports->timer, at_us);
}

static uint64_t next_look(const struct ports *ports, uint64_t now_us)
{
	uint64_t next_us = now_us + PERIOD_US;

	for (size_t i = 0; i < ARRAY_SIZE(follow_us); i++)
		if (ports->start_us + follow_us[i] > now_us &&
		    ports->start_us + follow_us[i] < next_us)
			next_us = ports->start_us + follow_us[i];
	if (ports->is_left)
		next_us = now_us;
	return next_us > ports->earliest_us ? next_us : ports->earliest_us;
}

static int on_timer(sd_event_source *source, uint64_t now, void *data)
{
	struct ports *ports = data;

	look(ports, NAMES_BUDGET);
	if (registry_shares_lo(ports->daemon->guard.registry) || ports->is_left)
		set_timer(ports, next_look(ports, clock_monotonic_us()));
	else
		set_timer(ports, 0);
	return 0;
}

void ports_update(struct ports *ports)
{
	const struct registry *registry = ports->daemon->guard.registry;
	uint64_t start_us = registry_local_start(registry), now_us;

	if (!ports->timer)
		return;
	if (!registry_shares_lo(registry)) {
		if (ports->next_us && !ports->is_left)
			set_timer(ports, 0);
		return;
	}
	if (ports->next_us && start_us == ports->start_us)
		return;
	ports->start_us = start_us;
	now_us = clock_monotonic_us();
	if (now_us < ports->earliest_us)
		now_us = ports->earliest_us;
	if (!ports->next_us || now_us < ports->next_us)
		set_timer(ports, now_us);
}

bool ports_others_join(void *data, const struct flow *flow, const struct socket_info *socket,
		       uint32_t guest)
{
	const struct ports *ports = data;
	const struct waiting_socket at = {.socket = *socket,
					  .protocol = flow->protocol,
					  .port = flow->service_port,
					  .address = flow->service};

	return listening_others_join(ports->listening, &at, guest);
}

static void visit_socket(void *data, const struct waiting_socket *socket, const char *program)
{
	struct guest_view *view = data;
	size_t i = view->listen_count;

	if (i == VIEW_LISTENS)
		return;
	view->listens[i].protocol = socket->protocol;
	view->listens[i].port = socket->port;
	view->listens[i].address = socket->address;
	text_copy(view->listens[i].program, COMM_SIZE, program);
	view->listen_count++;
}

void ports_view(const struct ports *ports, uint32_t guest, struct guest_view *view)
{
	listening_each(ports->listening, guest, visit_socket, view);
}

/* Start and stop. */

int ports_open(struct ports **ports, struct daemon *daemon)
{
	struct ports *made = calloc(1, sizeof(*made));
	int result;

	if (!made)
		return -ENOMEM;
	made->daemon = daemon;
	result = netlink_open(&made->netlink, NETLINK_SOCK_DIAG, 0);
	if (!result)
		result = listening_new(&made->listening, &handler, made);
	if (result) {
		ports_close(made);
		return result;
	}
	*ports = made;
	return 0;
}

int ports_start(struct ports *ports)
{
	int result = sd_event_add_time(ports->daemon->loop, &ports->timer, CLOCK_MONOTONIC, 0,
				       EXACT_US, on_timer, ports);

	if (result < 0)
		return result;
	look(ports, START_BUDGET);
	ports->start_us = registry_local_start(ports->daemon->guard.registry);
	set_timer(ports, ports->is_left ? ports->earliest_us : 0);
	ports_update(ports);
	return 0;
}

void ports_close(struct ports *ports)
{
	if (!ports)
		return;
	sd_event_source_unref(ports->timer);
	listening_free(ports->listening);
	netlink_close(&ports->netlink);
	free(ports);
}
