/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An NFQUEUE: packets in, exactly one verdict for each out. */
#ifndef LHGUARD_KERNEL_QUEUE_H
#define LHGUARD_KERNEL_QUEUE_H

#include "flow.h"

struct error;
struct queue;

#define QUEUE_BATCH 32 /* packets read before verdicts are sent */

/**
 * struct queue_settings - how one queue behaves
 * @number: NFQUEUE number
 * @length: packets the kernel holds for us before @overflow_accept decides
 * @overflow_accept: accept what does not fit (NFQA_CFG_F_FAIL_OPEN), else drop it
 */
struct queue_settings {
	uint16_t number;
	uint32_t length;
	bool overflow_accept;
};

/**
 * struct queue_packet - one queued packet, borrowed for the time of the call
 * @arrival: facts beside the bytes; @arrival.loopback is true when the kernel's hook is output
 * @bytes: from the IP header on, cut at the copy range
 * @length: bytes of @bytes
 */
struct queue_packet {
	struct arrival arrival;
	const uint8_t *bytes;
	size_t length;
};

/**
 * struct queue_handler - what the guard does with a batch
 * @before: a batch has been read from the kernel and nothing of it judged; may be NULL
 * @judge: the verdict for one packet; called once for each, in order; must not block or allocate
 * @after: all verdicts of the batch have been sent; may be NULL
 */
struct queue_handler {
	void (*before)(void *data);
	enum verdict (*judge)(void *data, const struct queue_packet *packet);
	void (*after)(void *data);
};

/**
 * struct queue_counters - since the queue was opened
 * @packets: judged
 * @lost: times the kernel said ENOBUFS: packets that it could not hand over
 * @overflowed: packets beyond the queue's length (from /proc/net/netfilter/nfnetlink_queue)
 * @unsent: verdicts that the kernel refused
 */
struct queue_counters {
	uint64_t packets;
	uint64_t lost;
	uint64_t overflowed;
	uint64_t unsent;
};

/**
 * queue_open() - bind a queue in the current network namespace
 * @reject_mark: packet mark that goes with VERDICT_REJECT (ruleset.h), accepted by us and
 *	rejected by the ruleset's next chain
 * @error: when the number is taken, names it and its holder's pid and comm
 *
 * Return: 0, -EBUSY when somebody else holds the number, or -errno.
 */
int queue_open(struct queue **queue, const struct queue_settings *settings, uint32_t reject_mark,
	       struct error *error);
void queue_close(struct queue *queue);
int queue_fd(const struct queue *queue);

/**
 * queue_dispatch() - read one batch, judge it, send its verdicts
 *
 * Reads what is there, at most QUEUE_BATCH packets, without waiting. ENOBUFS is counted, never an
 * error.
 *
 * Return: packets handled (0: nothing was there), or -errno when the socket is broken.
 */
int queue_dispatch(struct queue *queue, const struct queue_handler *handler, void *data);

/** queue_counters() - copy the counters; reads /proc, so not for the verdict path. */
void queue_counters(struct queue *queue, struct queue_counters *counters);

#endif
