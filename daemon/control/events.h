/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Recorded attempts: a bounded ring, one event for all packets of an attempt, told to listeners. */
#ifndef LHGUARD_CONTROL_EVENTS_H
#define LHGUARD_CONTROL_EVENTS_H

#include "flow.h"

struct events;

#define EVENTS_RING 1024 /* attempts kept */

/** events_listener - told of a new attempt, and of one whose count grew; must not block. */
typedef void (*events_listener)(void *data, const struct attempt *attempt, bool is_new);

struct events *events_new(void);
void events_free(struct events *events);

/** events_listen() - set a listener; at most 4. */
int events_listen(struct events *events, events_listener listener, void *data);

/**
 * events_record() - record one judged connection; no allocation
 * @attempt: its @id, @first_us, @last_us and @count are set here
 *
 * A packet with the same protocol, client, service and guest as an attempt of the last 60 s is
 * counted there. Listeners are told of a repeat at once while its count is small, then at each
 * power of two.
 * Return: is it an attempt of its own, and no repeat?
 */
bool events_record(struct events *events, const struct attempt *attempt);

/** events_each() - the newest @limit attempts, oldest first. */
int events_each(const struct events *events, size_t limit,
		int (*visit)(void *data, const struct attempt *attempt), void *data);

/**
 * events_find() - the attempt with this id, NULL where it was never recorded or is forgotten
 * Beyond those of events_each() there are each guest's latest refusals (control/refusals.h).
 */
const struct attempt *events_find(const struct events *events, uint64_t id);

/** events_note_untold() - a client that watches was too slow for so many */
void events_note_untold(struct events *events, uint64_t count);

/** struct events_totals - since the daemon's start */
struct events_totals {
	uint64_t attempts;  /* also the id of the newest */
	uint64_t listeners; /* of these, such as are no attempts: EVENT_LISTENER */
	uint64_t refused;
	uint64_t refused_last_hour;
	uint64_t forgotten; /* fell out of the ring */
	uint64_t untold;    /* once for each client that watched and was too slow for one */
};
void events_totals(const struct events *events, struct events_totals *totals);

#endif
