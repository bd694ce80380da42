// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The guard: the way that every new connection takes, from the queue to the event.
 *
 * DOC: Theory of Operation
 *
 *	queue → packet → flow → source → decision → verdict → event → journal, subscribers, desktop
 *
 * The kernel queues the first packet of a connection (kernel/table.c) and we read a batch of them
 * (kernel/queue.c). Before the first is judged, the registry takes in every process and link event
 * that the kernel had reported by then: a packet can only come from a process that has started, and
 * the kernel reported the start first. Then each packet is judged on its own, without allocating,
 * blocking or asking anybody but the kernel. Only when all verdicts of the batch are sent are the
 * attempts recorded.
 */
#include "guard.h"

#include "control/events.h"
#include "guests/registry.h"
#include "kernel/packet.h"
#include "policy/config.h"
#include "policy/exceptions.h"
#include "spent.h"
#include "util/clock.h"
#include "util/text.h"

#include <errno.h>
#include <string.h>

static void before_batch(void *data)
{
	struct guard *guard = data;

	guard->handler->catch_up(guard->data);
	guard->now_us = clock_realtime_us();
	guard->batch_count = 0;
}

/* A packet that cannot be read is refused: from whom it is can only be told by its interface. */
static void judge_malformed(struct guard *guard, struct attempt *attempt)
{
	registry_source(guard->registry, &attempt->flow, &attempt->arrival, &attempt->source);
	attempt->decision = (struct decision){
		.verdict = guard->policy.config->refusal,
		.reason = REASON_MALFORMED,
		.rule = "a first packet that cannot be read",
	};
}

/*
 * The client socket closed before its turn. For TCP nothing is lost by a drop: nobody is left to
 * take the answer. A datagram is judged as what it is, one from an unknown source.
 */
static void judge_vanished(struct guard *guard, struct attempt *attempt)
{
	guard->vanished++;
	decide(&guard->policy, &attempt->flow, &attempt->source, guard->now_us, &attempt->decision);
	if (attempt->flow.protocol == IPPROTO_TCP)
		attempt->decision.verdict = VERDICT_DROP;
	if (attempt->decision.reason == REASON_DEFAULT)
		attempt->decision.reason = REASON_VANISHED;
}

/* An exception for one connection is spent by it, but not by what is sent again of that one. */
static void judge_once(struct guard *guard, struct attempt *attempt)
{
	struct decision *decision = &attempt->decision;
	uint32_t exception;

	if (!decision->once && decision->reason != REASON_DEFAULT)
		return;
	exception = spent_find(&guard->spent, attempt, clock_monotonic_us());
	if (exception) {
		*decision = (struct decision){
			.verdict = VERDICT_ACCEPT,
			.reason = REASON_ALLOW_EXCEPTION,
			.exception = exception,
			.rule = "the connection that an exception allowed once",
		};
	} else if (decision->once && decision->verdict == VERDICT_ACCEPT && guard->enforce) {
		exceptions_spend(guard->exceptions, decision->exception);
		spent_add(&guard->spent, attempt, clock_monotonic_us());
	}
}

static bool is_worth_an_event(const struct attempt *attempt)
{
	switch (attempt->source.class) {
	case SOURCE_HOST:
		return false;
	case SOURCE_LAN:
		return attempt->decision.verdict != VERDICT_ACCEPT;
	default:
		return attempt->decision.reason != REASON_VANISHED ||
		       attempt->flow.protocol != IPPROTO_TCP;
	}
}

static enum verdict judge(void *data, const struct queue_packet *packet)
{
	struct guard *guard = data;
	struct attempt *attempt = &guard->batch[guard->batch_count];

	memset(attempt, 0, sizeof(*attempt));
	attempt->arrival = packet->arrival;
	/* The table puts what comes from a guest's cgroup into the guests' queue, on lo too. */
	attempt->arrival.guest_cgroup = guard->guests_queue && packet->arrival.loopback;
	/* Of what arrives, only copies of what was sent here go to loopback's; a frame has an address. */
	attempt->arrival.looped =
		!guard->guests_queue && !packet->arrival.loopback && !packet->arrival.has_mac;
	attempt->enforced = guard->enforce;

	if (packet_parse(packet->bytes, packet->length, &attempt->flow))
		judge_malformed(guard, attempt);
	else if (registry_source(guard->registry, &attempt->flow, &attempt->arrival,
				 &attempt->source) == -ENOENT)
		judge_vanished(guard, attempt);
	else
		decide(&guard->policy, &attempt->flow, &attempt->source, guard->now_us,
		       &attempt->decision);
	judge_once(guard, attempt);

	if (is_worth_an_event(attempt) || attempt->decision.exception)
		guard->batch_count++;
	return guard->enforce ? attempt->decision.verdict : VERDICT_ACCEPT;
}

/* Return: is it an attempt of its own, and no other packet of one? */
static bool record(struct guard *guard, struct attempt *attempt)
{
	registry_judged(guard->registry, &attempt->source,
			attempt->decision.verdict != VERDICT_ACCEPT);
	if (attempt->decision.reason != REASON_MALFORMED)
		guard->handler->program(guard->data, &attempt->flow, attempt->program,
					sizeof(attempt->program));
	text_copy(attempt->rule, sizeof(attempt->rule), attempt->decision.rule);
	return events_record(guard->events, attempt);
}

static void after_batch(void *data)
{
	struct guard *guard = data;

	for (size_t i = 0; i < guard->batch_count; i++) {
		struct attempt *attempt = &guard->batch[i];
		uint32_t exception = attempt->decision.exception;
		/* Of a peer of the LAN that is let through there is no event to count with. */
		bool is_new = !is_worth_an_event(attempt) || record(guard, attempt);

		if (exception)
			exceptions_used(guard->exceptions, exception, is_new, guard->now_us);
	}
	guard->batch_count = 0;
	guard->handler->judged(guard->data);
}

const struct queue_handler guard_queue_handler = {
	.before = before_batch,
	.judge = judge,
	.after = after_batch,
};
