// SPDX-License-Identifier: GPL-2.0-or-later
/* Exceptions that hold only while one program listens: who does. */
#include "pins.h"

#include "guests/registry.h"
#include "kernel/listeners.h"
#include "kernel/processes.h"
#include "kernel/sockets.h"
#include "policy/exceptions.h"
#include "util/clock.h"
#include "util/hash.h"
#include "util/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * DOC: Theory of Operation
 *
 * A verdict may ask the kernel which socket listens, one request of constant cost, but not whose it is:
 * that takes a search through processes. So what is known of a listening socket is remembered by its
 * inode. A socket that is not known yet is nobody's: the connection is refused, the socket is looked up
 * after the verdict, and the SYN that the client sends again a second later finds the answer; not so where
 * the configured refusal is reject, which ends that connection. What is
 * known is looked up anew when it was used and is older than FRESH_US: the program may have become
 * another one.
 *
 * The program is an executable and the user of its socket. It has to be a process of the host, which no
 * guest is; an executable of the system's folders has to be the host's own file.
 */

#define KNOWN_MAX   64
#define PENDING_MAX 16
#define FRESH_US    1000000u
#define BUDGET	    16384 /* descriptors that are read in one turn */

/**
 * struct known - does this socket belong to the program of this exception?
 * @exception: its id, 0 in a free slot
 * @program: hash of what it is pinned to
 * @looked_us: CLOCK_MONOTONIC
 */
struct known {
	uint32_t exception;
	uint64_t program;
	uint32_t inode;
	bool holds;
	uint64_t looked_us;
};

struct pending {
	uint32_t exception;
	struct flow flow;
};

struct pins {
	struct exceptions *exceptions;
	struct registry *registry;
	struct sockets *sockets;
	struct listeners *listeners;
	int proc;
	struct known known[KNOWN_MAX];
	size_t known_next;
	struct pending pending[PENDING_MAX];
	size_t pending_count;
};

/* A rule may be pinned to another program under the same number. */
static uint64_t hash_program(const struct exception *rule)
{
	return hash_add_text(hash_add(HASH_START, rule->pin_user), rule->pin);
}

static struct known *find(struct pins *pins, const struct exception *rule, uint32_t inode)
{
	uint64_t program = hash_program(rule);

	for (size_t i = 0; i < KNOWN_MAX; i++)
		if (pins->known[i].exception == rule->id && pins->known[i].program == program &&
		    pins->known[i].inode == inode)
			return &pins->known[i];
	return NULL;
}

static void ask_later(struct pins *pins, uint32_t exception, const struct flow *flow)
{
	if (pins->pending_count < PENDING_MAX)
		pins->pending[pins->pending_count++] = (struct pending){exception, *flow};
}

static bool holds(void *data, const struct exception *rule, const struct flow *flow)
{
	struct pins *pins = data;
	struct socket_info socket;
	const struct known *known;

	if (sockets_listener(pins->sockets, flow, &socket) || !socket.inode ||
	    socket.uid != rule->pin_user)
		return false;
	known = find(pins, rule, socket.inode);
	if (!known || clock_monotonic_us() - known->looked_us > FRESH_US)
		ask_later(pins, rule->id, flow);
	return known && known->holds;
}

struct pins *pins_new(struct exceptions *exceptions, struct registry *registry,
		      struct sockets *sockets, struct listeners *listeners, int proc)
{
	struct pins *pins = calloc(1, sizeof(*pins));

	if (!pins)
		return NULL;
	pins->exceptions = exceptions;
	pins->registry = registry;
	pins->sockets = sockets;
	pins->listeners = listeners;
	pins->proc = proc;
	exceptions_on_pin(exceptions, holds, pins);
	return pins;
}

void pins_free(struct pins *pins)
{
	free(pins);
}

/* Return: 0, or -errno when no program of the host is known to listen there. */
static int find_program(struct pins *pins, const struct flow *flow, unsigned int *budget,
			struct socket_info *socket, struct process *process)
{
	struct source maker;
	int result = sockets_listener(pins->sockets, flow, socket);

	if (result || !socket->inode)
		return result ? result : -ENOENT;
	registry_maker(pins->registry, socket, &maker);
	if (maker.class != SOURCE_HOST)
		return -EPERM;
	result = listeners_holder(pins->listeners, socket, budget, process);
	if (result)
		return result;
	/* A socket that process 1 made for a unit is that unit's only once it has taken it. */
	if (process->pid == 1 || process->executable[0] != '/')
		return -ENOENT;
	/* In the folders of the system a path can be shown to stand for the host's own file. */
	return process_path_is_systems(process->executable) &&
			       !process_runs_hosts_file(pins->proc, process)
		       ? -EPERM
		       : 0;
}

static void look_up(struct pins *pins, const struct pending *pending, unsigned int *budget)
{
	const struct exception *rule = exceptions_find(pins->exceptions, pending->exception);
	struct socket_info socket;
	struct process process;
	struct known *known;
	int result;

	if (!rule || sockets_listener(pins->sockets, &pending->flow, &socket))
		return; /* one of the two has ended */
	known = find(pins, rule, socket.inode);
	if (known && clock_monotonic_us() - known->looked_us <= FRESH_US)
		return; /* another packet asked as well */
	result = find_program(pins, &pending->flow, budget, &socket, &process);
	known = find(pins, rule, socket.inode);
	if (!known) {
		known = &pins->known[pins->known_next];
		pins->known_next = (pins->known_next + 1) % KNOWN_MAX;
	}
	*known = (struct known){
		.exception = rule->id,
		.program = hash_program(rule),
		.inode = socket.inode,
		.holds = !result && !strcmp(process.executable, rule->pin) &&
			 socket.uid == rule->pin_user,
		.looked_us = clock_monotonic_us(),
	};
}

bool pins_work(struct pins *pins)
{
	size_t count = pins->pending_count;
	unsigned int budget = BUDGET;

	/* What the budget does not suffice for is asked for again by the next packet. */
	pins->pending_count = 0;
	for (size_t i = 0; i < count && budget; i++)
		look_up(pins, &pins->pending[i], &budget);
	return count;
}

/* The flows whose listener may be meant: to the one address, or by lo. */
static size_t candidates(const struct service *service, struct flow flows[2])
{
	struct flow flow = {
		.protocol = service->protocol ? service->protocol : IPPROTO_TCP,
		.service_port = service->first,
		.family = service->family,
		.service = service->address,
	};

	flows[0] = flows[1] = flow;
	if (service->prefix)
		return 1;
	flows[0].family = AF_INET;
	flows[0].service =
		(struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff, [12] = 127, [15] = 1}};
	flows[1].family = AF_INET6;
	flows[1].service = in6addr_loopback;
	return 2;
}

int pins_make(struct pins *pins, struct exception *exception, struct error *error)
{
	const struct service *service = &exception->service;
	struct socket_info socket;
	struct process process;
	struct flow flows[2];
	size_t count;
	char text[SERVICE_TEXT_SIZE];
	unsigned int budget = BUDGET;
	int result = -ENOENT;

	service_format(text, sizeof(text), service);
	if (service->first != service->last || (service->prefix && service->prefix != 128))
		return error_set(
			error, -EINVAL,
			"%s is more than one service: a program can be pinned to one port, "
			"of one address or of any",
			text);
	count = candidates(service, flows);
	for (size_t i = 0; result && i < count; i++)
		result = find_program(pins, &flows[i], &budget, &socket, &process);
	if (result == -EPERM)
		return error_set(error, -ENOENT,
				 "what listens on %s is a guest's, or no program of this host",
				 text);
	if (result)
		return error_set(error, -ENOENT,
				 "no program is found that listens on %s: start it first", text);
	text_copy(exception->pin, sizeof(exception->pin), process.executable);
	exception->pin_user = socket.uid;
	return 0;
}
