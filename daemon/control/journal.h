/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attempts to the journal, by a thread of its own: journald may be slow, the guard may not. */
#ifndef LHGUARD_CONTROL_JOURNAL_H
#define LHGUARD_CONTROL_JOURNAL_H

#include "flow.h"

struct journal;

#define JOURNAL_BACKLOG 256 /* attempts waiting for journald */

/** journal_start() - start the thread (all signals blocked in it). */
int journal_start(struct journal **journal);

/** journal_stop() - write at most what fits in one second, then end the thread. */
void journal_stop(struct journal *journal);

/**
 * journal_record() - hand one attempt over; never waits
 * When the backlog is full, or the thread holds the lock, it is counted as lost.
 * Structured fields: MESSAGE, MESSAGE_ID, PRIORITY, LHGUARD_SOURCE, LHGUARD_KIND, LHGUARD_RUNTIME,
 * LHGUARD_NAME, LHGUARD_ROUTE, LHGUARD_SERVICE, LHGUARD_VERDICT, LHGUARD_REASON, LHGUARD_EVENT, …
 */
void journal_record(struct journal *journal, const struct attempt *attempt);

uint64_t journal_lost(struct journal *journal);

#endif
