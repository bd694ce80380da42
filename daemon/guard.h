/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guard: the pipeline that every new connection takes. */
#ifndef LHGUARD_GUARD_H
#define LHGUARD_GUARD_H

#include "flow.h"
#include "kernel/queue.h"
#include "policy/decision.h"
#include "spent.h"

struct events;
struct exceptions;
struct registry;

/**
 * struct guard_handler - what the guard asks of the daemon around it
 * @catch_up: take in what the kernel reported before this batch: processes and interfaces
 * @program: comm of the process that listens on a flow's service, for an event; after the verdict
 * @judged: a batch is done and recorded: time for the slow look-ups
 */
struct guard_handler {
	void (*catch_up)(void *data);
	void (*program)(void *data, const struct flow *flow, char *comm, size_t size);
	void (*judged)(void *data);
};

/**
 * struct guard - the pipeline's state
 * @policy: configuration, exceptions and resolvers in force
 * @enforce: false in monitor mode: everything is accepted
 * @registry: who is who
 * @exceptions: those of @policy, where it is counted which are used
 * @events: where attempts are recorded
 * @handler: the daemon's callbacks, with @data
 * @guests_queue: the batch is from the guests' queue, not from that of loopback
 * @now_us: CLOCK_REALTIME of the batch
 * @batch: attempts of the batch, recorded once its verdicts are sent
 * @batch_count: how many of them there are
 * @spent: connections that an exception allowed once
 * @vanished: connections whose client socket closed before its turn
 */
struct guard {
	struct policy policy;
	bool enforce;
	struct registry *registry;
	struct exceptions *exceptions;
	struct events *events;
	const struct guard_handler *handler;
	void *data;
	bool guests_queue;
	uint64_t now_us;
	struct attempt batch[QUEUE_BATCH];
	size_t batch_count;
	struct spent spent;
	uint64_t vanished;
};

/** guard_queue_handler - for queue_dispatch(), with a struct guard as its data */
extern const struct queue_handler guard_queue_handler;

#endif
