// SPDX-License-Identifier: GPL-2.0-or-later
/* Which program listens on a service: for people who read an event, never for a verdict. */
#include "kernel/listeners.h"

#include "kernel/cgroups.h"
#include "kernel/descriptors.h"
#include "kernel/processes.h"
#include "kernel/sockets.h"
#include "util/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CACHE_SIZE	128
#define CACHE_SECONDS	5
#define LOOKUPS_PER_SEC 5
#define PIDS_MAX	4096 /* processes of one cgroup */
#define LOOKUP_BUDGET	4096 /* descriptors read for one look-up */

struct entry {
	struct in6_addr address;
	uint16_t port;
	uint8_t protocol;
	time_t expires; /* CLOCK_MONOTONIC seconds, 0: free */
	char comm[COMM_SIZE];
};

struct listeners {
	struct sockets *sockets;
	int proc;
	int cgroup;
	time_t second;
	unsigned int lookups; /* in @second */
	struct entry cache[CACHE_SIZE];
	pid_t pids[PIDS_MAX];
};

struct listeners *listeners_new(struct sockets *sockets, int proc, int cgroup)
{
	struct listeners *listeners = calloc(1, sizeof(*listeners));

	if (listeners) {
		listeners->sockets = sockets;
		listeners->proc = proc;
		listeners->cgroup = cgroup;
	}
	return listeners;
}

void listeners_free(struct listeners *listeners)
{
	free(listeners);
}

int listeners_holder(struct listeners *listeners, const struct socket_info *socket,
		     unsigned int *budget, struct process *process)
{
	size_t count =
		cgroups_processes(listeners->cgroup, socket->cgroup, listeners->pids, PIDS_MAX);

	while (count--) {
		pid_t pid = listeners->pids[count];
		int hint = -1;

		switch (process_holds_socket(listeners->proc, pid, socket->inode, &hint, budget)) {
		case SOCKET_HELD:
			return process_read(listeners->proc, pid, process);
		case SOCKET_SEARCH_CUT:
			return -EAGAIN;
		case SOCKET_NOT_HELD:
		case SOCKET_HOLDER_ENDS:
			break;
		}
	}
	return -ENOENT;
}

static void look_up(struct listeners *listeners, const struct flow *flow, char *comm)
{
	unsigned int budget = LOOKUP_BUDGET;
	struct socket_info socket;
	struct process process;

	if (!sockets_listener(listeners->sockets, flow, &socket) && socket.inode &&
	    !listeners_holder(listeners, &socket, &budget, &process))
		text_copy(comm, COMM_SIZE, process.comm);
}

static struct entry *cache_slot(struct listeners *listeners, const struct flow *flow)
{
	uint32_t hash = flow->service_port * 2654435761u ^ flow->protocol;

	for (size_t i = 0; i < sizeof(flow->service.s6_addr32) / 4; i++)
		hash = (hash ^ flow->service.s6_addr32[i]) * 2654435761u;
	return &listeners->cache[hash >> 25];
}

static void find(struct listeners *listeners, const struct flow *flow, bool is_limited, char *comm,
		 size_t size)
{
	struct entry *entry = cache_slot(listeners, flow);
	struct timespec now;

	_Static_assert(CACHE_SIZE == 1u << (32 - 25), "the hash fills the cache");
	clock_gettime(CLOCK_MONOTONIC, &now);
	if (entry->expires > now.tv_sec && entry->port == flow->service_port &&
	    entry->protocol == flow->protocol &&
	    IN6_ARE_ADDR_EQUAL(&entry->address, &flow->service)) {
		text_copy(comm, size, entry->comm);
		return;
	}
	if (now.tv_sec != listeners->second) {
		listeners->second = now.tv_sec;
		listeners->lookups = 0;
	}
	comm[0] = '\0';
	if (is_limited && ++listeners->lookups > LOOKUPS_PER_SEC)
		return;
	*entry = (struct entry){
		.address = flow->service,
		.port = flow->service_port,
		.protocol = flow->protocol,
		.expires = now.tv_sec + CACHE_SECONDS,
	};
	look_up(listeners, flow, entry->comm);
	text_copy(comm, size, entry->comm);
}

void listeners_program(struct listeners *listeners, const struct flow *flow, char *comm,
		       size_t size)
{
	find(listeners, flow, true, comm, size);
}

void listeners_ask(struct listeners *listeners, const struct flow *flow, char *comm, size_t size)
{
	find(listeners, flow, false, comm, size);
}
