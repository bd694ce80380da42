// SPDX-License-Identifier: GPL-2.0-or-later
/* Recorded attempts: a bounded ring, one event for all packets of an attempt, told to listeners. */
#include "control/events.h"

#include "control/refusals.h"
#include "util/clock.h"
#include "util/last_hour.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define LISTENERS_MAX	 4
#define BUCKETS		 2048 /* a power of two */
#define SAME_ATTEMPT_US	 (60 * 1000000ULL)
#define TOLD_EACH_REPEAT 8 /* repeats up to this count are told one by one */
#define NO_SLOT		 UINT16_MAX

/**
 * struct slot - one attempt of the ring
 * @attempt: id 0 in a slot not used yet
 * @seen_us: CLOCK_MONOTONIC of its latest packet
 * @bucket: where it hangs
 * @next: slot of the next older attempt of this bucket
 */
struct slot {
	struct attempt attempt;
	uint64_t seen_us;
	uint16_t bucket;
	uint16_t next;
};

/**
 * struct events - the ring: the attempt of id N is in slot (N - 1) % EVENTS_RING
 * @seed: of the hash, so that nobody outside can aim at one bucket
 */
struct events {
	struct slot ring[EVENTS_RING];
	struct refusals forgotten;
	uint16_t buckets[BUCKETS];
	uint64_t seed;
	struct events_totals totals;
	struct last_hour refused;
	struct {
		events_listener listener;
		void *data;
	} listeners[LISTENERS_MAX];
	size_t listener_count;
};

struct events *events_new(void)
{
	struct events *events = calloc(1, sizeof(*events));

	if (!events)
		return NULL;
	memset(events->buckets, 0xff, sizeof(events->buckets)); /* NO_SLOT */
	if (getrandom(&events->seed, sizeof(events->seed), GRND_NONBLOCK) < 0)
		events->seed = clock_monotonic_us(); /* early at boot */
	return events;
}

void events_free(struct events *events)
{
	free(events);
}

int events_listen(struct events *events, events_listener listener, void *data)
{
	if (events->listener_count == LISTENERS_MAX)
		return -ENOSPC;
	events->listeners[events->listener_count].listener = listener;
	events->listeners[events->listener_count].data = data;
	events->listener_count++;
	return 0;
}

/* The 64-bit finalizer of MurmurHash3, over one word after the other. */
static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash ^= word;
	hash = (hash ^ hash >> 33) * 0xff51afd7ed558ccdu;
	hash = (hash ^ hash >> 33) * 0xc4ceb9fe1a85ec53u;
	return hash ^ hash >> 33;
}

static uint64_t mix_address(uint64_t hash, const struct in6_addr *address)
{
	uint64_t words[2];

	memcpy(words, address, sizeof(words));
	return mix(mix(hash, words[0]), words[1]);
}

static uint16_t bucket_of(const struct events *events, const struct attempt *attempt)
{
	const struct flow *flow = &attempt->flow;
	uint64_t hash = mix_address(events->seed, &flow->client);

	hash = mix_address(hash, &flow->service);
	hash = mix(hash, (uint64_t)flow->client_port << 32 | (uint64_t)flow->service_port << 16 |
				 flow->protocol);
	return (uint16_t)(mix(hash, attempt->source.guest) % BUCKETS);
}

/* A packet that is judged in another way is news, also when it belongs to the same connection. */
static bool is_same_attempt(const struct attempt *a, const struct attempt *b)
{
	return a->type == b->type && a->flow.protocol == b->flow.protocol &&
	       a->flow.client_port == b->flow.client_port &&
	       a->flow.service_port == b->flow.service_port &&
	       a->flow.icmp_type == b->flow.icmp_type &&
	       IN6_ARE_ADDR_EQUAL(&a->flow.client, &b->flow.client) &&
	       IN6_ARE_ADDR_EQUAL(&a->flow.service, &b->flow.service) &&
	       a->source.class == b->source.class && a->source.guest == b->source.guest &&
	       a->arrival.ifindex == b->arrival.ifindex && a->enforced == b->enforced &&
	       a->decision.verdict == b->decision.verdict &&
	       a->decision.reason == b->decision.reason &&
	       a->decision.exception == b->decision.exception;
}

static struct slot *find_recent(struct events *events, uint16_t bucket,
				const struct attempt *attempt, uint64_t now_us)
{
	for (uint16_t i = events->buckets[bucket]; i != NO_SLOT; i = events->ring[i].next) {
		struct slot *slot = &events->ring[i];

		if (now_us - slot->seen_us < SAME_ATTEMPT_US &&
		    is_same_attempt(&slot->attempt, attempt))
			return slot;
	}
	return NULL;
}

static void forget(struct events *events, struct slot *slot)
{
	uint16_t *link = &events->buckets[slot->bucket];

	while (&events->ring[*link] != slot)
		link = &events->ring[*link].next;
	*link = slot->next;
	refusals_keep(&events->forgotten, &slot->attempt);
	events->totals.forgotten++;
}

static struct slot *take_slot(struct events *events, uint16_t bucket)
{
	uint16_t i = (uint16_t)(events->totals.attempts % EVENTS_RING);
	struct slot *slot = &events->ring[i];

	if (slot->attempt.id)
		forget(events, slot);
	slot->bucket = bucket;
	slot->next = events->buckets[bucket];
	events->buckets[bucket] = i;
	return slot;
}

static void tell(const struct events *events, const struct attempt *attempt, bool is_new)
{
	for (size_t i = 0; i < events->listener_count; i++)
		events->listeners[i].listener(events->listeners[i].data, attempt, is_new);
}

static bool is_worth_telling(uint32_t count)
{
	return count <= TOLD_EACH_REPEAT || (count & (count - 1)) == 0;
}

bool events_record(struct events *events, const struct attempt *attempt)
{
	uint64_t now_us = clock_monotonic_us(), time_us = clock_realtime_us();
	uint16_t bucket = bucket_of(events, attempt);
	struct slot *slot = find_recent(events, bucket, attempt, now_us);
	bool is_new = !slot;

	if (is_new) {
		slot = take_slot(events, bucket);
		attempt_copy(&slot->attempt, attempt);
		slot->attempt.id = ++events->totals.attempts;
		slot->attempt.first_us = time_us;
		slot->attempt.count = 0;
		events->totals.listeners += attempt->type == EVENT_LISTENER;
		if (attempt->decision.verdict != VERDICT_ACCEPT) {
			events->totals.refused++;
			last_hour_add(&events->refused, now_us);
		}
	}
	slot->seen_us = now_us;
	slot->attempt.last_us = time_us;
	if (slot->attempt.count < UINT32_MAX)
		slot->attempt.count++;
	if (is_worth_telling(slot->attempt.count))
		tell(events, &slot->attempt, is_new);
	return is_new;
}

int events_each(const struct events *events, size_t limit,
		int (*visit)(void *data, const struct attempt *attempt), void *data)
{
	uint64_t kept = events->totals.attempts - events->totals.forgotten;
	uint64_t first = events->totals.attempts - (limit < kept ? limit : kept);

	for (uint64_t id = first; id < events->totals.attempts; id++) {
		int result = visit(data, &events->ring[id % EVENTS_RING].attempt);

		if (result)
			return result;
	}
	return 0;
}

const struct attempt *events_find(const struct events *events, uint64_t id)
{
	uint64_t newest = events->totals.attempts;

	if (id < 1 || id > newest)
		return NULL;
	if (id <= events->totals.forgotten)
		return refusals_find(&events->forgotten, id);
	return &events->ring[(id - 1) % EVENTS_RING].attempt;
}

void events_note_untold(struct events *events, uint64_t count)
{
	events->totals.untold += count;
}

void events_totals(const struct events *events, struct events_totals *totals)
{
	*totals = events->totals;
	totals->refused_last_hour = last_hour_sum(&events->refused, clock_monotonic_us());
}
