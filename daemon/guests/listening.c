// SPDX-License-Identifier: GPL-2.0-or-later
/* Who waits for connections on the host, and what of it is news: a guest that opens a port. */
#include "guests/listening.h"

#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/**
 * DOC: Theory of Operation
 *
 * The kernel tells nobody of listen(2), so two dumps are compared. A socket is the same as before
 * when inode, protocol, address and port are. What is done for a new one costs more than the dump,
 * and has a budget for each comparison: what is left over is done after the next dump.
 *
 * All memory is there from the start. When the table is full, sockets of the host that are gone
 * make room first, the longest gone before others; after that, new sockets are not seen.
 */

#define NONE	    UINT16_MAX
#define BUCKETS	    2048  /* a power of two */
#define OWNERS_MOST 256	  /* look-ups for one comparison */
#define OWNERS_US   20000 /* and how long they may take in one turn */
#define TRIES_MOST  4	  /* before the answer "unknown", or no name, counts */
#define TOLD_MOST   64	  /* sockets of one guest in a minute */
#define TOLD_GUESTS 1024
#define MINUTE_US   60000000u
#define LONG_AGO_US (12 * 3600 * 1000000ull)

_Static_assert(LISTENING_MAX < NONE, "entries are numbered by uint16_t");

/**
 * struct entry - one socket
 * @socket: protocol 0 in a free slot
 * @chain: next with the same hash
 * @sweep: number of the dump that it was last seen in
 * @gone_us: CLOCK_REALTIME at which it was missed, 0 while it is there
 * @class: whose it is, as far as is known
 * @guest: id in the registry, 0: none
 * @pending: to be asked whose it is, for the first time or again
 * @settled: that has been found out once
 * @unnamed: to be asked which program holds it
 * @helped: a helper of the guest holds it
 * @known: no news: it was there at the start, or has been told
 * @tries: answers that said nothing
 * @program: comm of its holder
 */
struct entry {
	struct waiting_socket socket;
	uint16_t chain;
	uint32_t sweep;
	uint64_t gone_us;
	enum source_class class;
	uint32_t guest;
	bool pending;
	bool settled;
	bool unnamed;
	bool helped;
	bool known;
	uint8_t tries;
	char program[COMM_SIZE];
};

/**
 * struct told - how much was told of a guest
 * @since_us: CLOCK_REALTIME
 */
struct told {
	uint32_t guest;
	uint32_t count;
	uint64_t since_us;
};

/* Whose sockets are asked for, so that many of one sort do not keep the others waiting. */
enum turn {
	TURN_NEW,
	TURN_GUESTS,
	TURN_HOST,
	TURNS,
};

struct listening {
	struct listening_handler handler;
	void *data;
	uint32_t sweep;
	uint32_t full_sweep; /* in which the table was full last */
	bool is_full;	     /* the last whole dump had more than are remembered */
	uint64_t now_us;
	uint16_t high; /* slots below this have been used */
	uint16_t used;
	uint16_t gone; /* of these, sockets that are not there any more */
	uint16_t cursors[TURNS];
	uint16_t buckets[BUCKETS];
	struct entry entries[LISTENING_MAX];
	struct told told[TOLD_GUESTS];
};

int listening_new(struct listening **listening, const struct listening_handler *handler, void *data)
{
	struct listening *made = calloc(1, sizeof(*made));

	if (!made)
		return -ENOMEM;
	made->handler = *handler;
	made->data = data;
	memset(made->buckets, 0xff, sizeof(made->buckets)); /* NONE */
	*listening = made;
	return 0;
}

void listening_free(struct listening *listening)
{
	free(listening);
}

/* Inodes of sockets are numbered in the order of their making. */
static uint16_t *bucket_of(struct listening *listening, uint32_t inode)
{
	return &listening->buckets[inode % BUCKETS];
}

static void unchain(struct listening *listening, const struct entry *entry)
{
	uint16_t *link = bucket_of(listening, entry->socket.socket.inode);

	while (&listening->entries[*link] != entry)
		link = &listening->entries[*link].chain;
	*link = entry->chain;
}

static struct entry *find(struct listening *listening, const struct waiting_socket *socket)
{
	uint16_t i = *bucket_of(listening, socket->socket.inode);

	for (; i != NONE; i = listening->entries[i].chain) {
		struct entry *entry = &listening->entries[i];

		if (entry->socket.socket.inode == socket->socket.inode &&
		    entry->socket.protocol == socket->protocol &&
		    entry->socket.port == socket->port &&
		    IN6_ARE_ADDR_EQUAL(&entry->socket.address, &socket->address))
			return entry;
	}
	return NULL;
}

static void forget(struct listening *listening, struct entry *entry)
{
	listening->gone -= entry->gone_us != 0;
	listening->used--;
	*entry = (struct entry){0};
}

/* A free slot, if need be that of the socket that is gone longest, else NULL. */
static struct entry *take_slot(struct listening *listening)
{
	struct entry *oldest = NULL;

	if (listening->used == listening->high && listening->high < LISTENING_MAX) {
		listening->used++;
		return &listening->entries[listening->high++];
	}
	for (uint16_t i = 0; i < listening->high; i++) {
		struct entry *entry = &listening->entries[i];

		if (!entry->socket.protocol) {
			listening->used++;
			return entry;
		}
		if (entry->gone_us && (!oldest || entry->gone_us < oldest->gone_us))
			oldest = entry;
	}
	listening->gone -= oldest != NULL;
	return oldest;
}

void listening_begin(struct listening *listening)
{
	listening->sweep++;
}

void listening_see(struct listening *listening, const struct waiting_socket *socket)
{
	struct entry *entry = find(listening, socket);
	uint16_t *bucket;

	if (!entry) {
		entry = listening->full_sweep == listening->sweep ? NULL : take_slot(listening);
		if (!entry) {
			listening->full_sweep = listening->sweep;
			return;
		}
		bucket = bucket_of(listening, socket->socket.inode);
		*entry = (struct entry){
			.socket = *socket,
			.chain = *bucket,
			.class = SOURCE_UNKNOWN,
			.pending = true,
			.unnamed = true,
			.known = listening->sweep == 1,
		};
		*bucket = (uint16_t)(entry - listening->entries);
	}
	entry->sweep = listening->sweep;
}

void listening_recheck(struct listening *listening)
{
	for (uint16_t i = 0; i < listening->high; i++) {
		struct entry *entry = &listening->entries[i];

		entry->pending = entry->socket.protocol && !entry->gone_us;
		entry->tries = 0;
	}
}

static void drop_gone(struct listening *listening)
{
	for (uint16_t i = 0; i < listening->high; i++) {
		struct entry *entry = &listening->entries[i];

		if (!entry->socket.protocol || entry->gone_us || entry->sweep == listening->sweep)
			continue;
		unchain(listening, entry);
		entry->pending = false;
		if (entry->class != SOURCE_HOST) {
			forget(listening, entry);
			continue;
		}
		entry->gone_us = listening->now_us;
		listening->gone++;
	}
}

/* Of a port that the host has again, the former holder is no matter. */
static void drop_replaced(struct listening *listening, const struct entry *by)
{
	for (uint16_t i = 0; listening->gone && i < listening->high; i++) {
		struct entry *entry = &listening->entries[i];

		if (entry->gone_us && entry->socket.protocol == by->socket.protocol &&
		    entry->socket.port == by->socket.port &&
		    IN6_ARE_ADDR_EQUAL(&entry->socket.address, &by->socket.address))
			forget(listening, entry);
	}
}

/* The program of the host that had this port: the latest, and rather one that still has it. */
static const struct entry *holder_before(const struct listening *listening,
					 const struct entry *taker)
{
	const struct entry *best = NULL;

	for (uint16_t i = 0; i < listening->high; i++) {
		const struct entry *entry = &listening->entries[i];

		if (entry->socket.protocol && entry->class == SOURCE_HOST && entry != taker &&
		    waiting_overlap(&entry->socket, &taker->socket) &&
		    (!best || !entry->gone_us || (best->gone_us && best->gone_us < entry->gone_us)))
			best = entry;
	}
	return best;
}

static void describe_holder(const struct listening *listening, const struct entry *before,
			    struct attempt *attempt)
{
	const char *program = before->program[0] ? before->program : "another program";
	time_t gone = (time_t)(before->gone_us / 1000000);
	bool is_old = listening->now_us - before->gone_us > LONG_AGO_US;
	char time[32];
	struct tm parts;

	text_copy(attempt->program, sizeof(attempt->program), program);
	attempt->rule[0] = '\0';
	if (!before->gone_us) {
		text_append(attempt->rule, sizeof(attempt->rule), "which %s has, too", program);
		return;
	}
	localtime_r(&gone, &parts);
	strftime(time, sizeof(time), is_old ? "%Y-%m-%d %H:%M:%S" : "%H:%M:%S", &parts);
	text_append(attempt->rule, sizeof(attempt->rule), "which %s had until %s", program, time);
}

/* Not more than people read, and than the ring holds beside what others do. */
static bool may_tell(struct listening *listening, const struct source *source)
{
	struct told *told = &listening->told[source->guest % TOLD_GUESTS];
	char label[NAME_SIZE + RUNTIME_SIZE];

	if (told->guest != source->guest || listening->now_us - told->since_us >= MINUTE_US)
		*told = (struct told){.guest = source->guest, .since_us = listening->now_us};
	if (++told->count == TOLD_MOST + 1)
		log_warning("%s opens more than %d ports in a minute: the rest are not told",
			    source_label(label, sizeof(label), source), TOLD_MOST);
	return told->count <= TOLD_MOST;
}

static void tell(struct listening *listening, const struct entry *entry,
		 const struct source *source)
{
	const struct entry *before = holder_before(listening, entry);
	struct attempt attempt = {
		.type = EVENT_LISTENER,
		.flow = {.service = entry->socket.address,
			 .service_port = entry->socket.port,
			 .protocol = entry->socket.protocol,
			 .family = address_family(&entry->socket.address)},
		.source = *source,
		.decision = {.verdict = VERDICT_ACCEPT,
			     .reason = before ? REASON_TAKES_PORT : REASON_LISTENS},
		.rule = "a guest waits for connections on the host",
	};

	if (!may_tell(listening, source))
		return;
	if (before)
		describe_holder(listening, before, &attempt);
	if (!attempt.source.comm[0])
		text_copy(attempt.source.comm, sizeof(attempt.source.comm), entry->program);
	attempt.decision.rule = attempt.rule;
	listening->handler.tell(listening->data, &attempt);
}

/* Whose it is has been found out. */
static void settle(struct listening *listening, struct entry *entry, const struct source *source)
{
	entry->pending = false;
	entry->settled = true;
	entry->class = source->class;
	entry->guest = source->class == SOURCE_GUEST ? source->guest : 0;
	if (source->comm[0])
		text_copy(entry->program, sizeof(entry->program), source->comm);
	if (source->class == SOURCE_HOST) {
		drop_replaced(listening, entry);
		return;
	}
	if (!entry->known)
		tell(listening, entry, source);
	entry->known = true;
}

static bool says_nothing(const struct source *source)
{
	return source->class == SOURCE_UNKNOWN ||
	       (source->class == SOURCE_GUEST && !source->guest && !source->shared);
}

/* Return: false when it has to be asked again. */
static bool find_owner(struct listening *listening, struct entry *entry)
{
	struct source source = {0};
	bool is_host;

	listening->handler.owner(listening->data, &entry->socket.socket, &source);
	if (says_nothing(&source) && ++entry->tries < TRIES_MOST)
		return false;
	is_host = source.class == SOURCE_HOST;
	if (is_host && !entry->settled) { /* should it be gone before its name is found */
		entry->class = SOURCE_HOST;
		entry->settled = true;
	}
	if (!source.comm[0] && (entry->unnamed || (is_host && entry->helped))) {
		if (!listening->handler.holder(listening->data, &entry->socket.socket, &source,
					       entry->program))
			return false;
		entry->helped = is_host && source.class == SOURCE_GUEST;
	}
	entry->unnamed = false;
	settle(listening, entry, &source);
	return true;
}

static enum turn turn_of(const struct entry *entry)
{
	if (!entry->settled)
		return TURN_NEW;
	return entry->class == SOURCE_HOST ? TURN_HOST : TURN_GUESTS;
}

/* Each turn goes on where it stopped. Return: true when something is left. */
static bool find_owners(struct listening *listening, enum turn turn)
{
	uint64_t began_us = clock_monotonic_us();
	unsigned int budget = OWNERS_MOST;
	uint16_t start = listening->cursors[turn];
	bool left = false;

	for (uint16_t n = 0; n < listening->high; n++) {
		uint16_t i = (uint16_t)((start + n) % listening->high);
		struct entry *entry = &listening->entries[i];

		if (!entry->socket.protocol || !entry->pending || turn_of(entry) != turn)
			continue;
		listening->cursors[turn] = i;
		if (!budget-- || clock_monotonic_us() - began_us > OWNERS_US)
			return true;
		left |= !find_owner(listening, entry);
	}
	return left;
}

bool listening_end(struct listening *listening, uint64_t now_us)
{
	bool left = false;

	listening->now_us = now_us;
	listening->is_full = listening->full_sweep == listening->sweep;
	drop_gone(listening);
	for (enum turn turn = TURN_NEW; turn < TURNS; turn++)
		left |= find_owners(listening, turn);
	return left;
}

bool listening_others_join(const struct listening *listening, const struct waiting_socket *at,
			   uint32_t guest)
{
	if (listening->is_full)
		return true;
	for (uint16_t i = 0; i < listening->high; i++) {
		const struct entry *entry = &listening->entries[i];

		if (entry->socket.protocol && !entry->gone_us &&
		    (entry->class != SOURCE_GUEST || entry->guest != guest) &&
		    entry->socket.socket.inode != at->socket.inode &&
		    waiting_overlap(&entry->socket, at))
			return true;
	}
	return false;
}

void listening_each(const struct listening *listening, uint32_t guest,
		    void (*visit)(void *data, const struct waiting_socket *socket,
				  const char *program),
		    void *data)
{
	for (uint16_t i = 0; guest && i < listening->high; i++) {
		const struct entry *entry = &listening->entries[i];

		if (entry->socket.protocol && entry->class == SOURCE_GUEST && entry->guest == guest)
			visit(data, &entry->socket, entry->program);
	}
}
