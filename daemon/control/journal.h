/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attempts to the journal, by a thread of its own: journald may be slow, the guard may not. */
#ifndef LHGUARD_CONTROL_JOURNAL_H
#define LHGUARD_CONTROL_JOURNAL_H

#include "flow.h"

struct journal;

#define JOURNAL_BACKLOG 256 /* attempts waiting for journald */

/* The MESSAGE_ID of every attempt and of every listener (sd-id128(3)) */
#define JOURNAL_ATTEMPT_ID  "cb0d0915b5544e38a093f4b2df03b490"
#define JOURNAL_LISTENER_ID "29480d7bb0524a97acac04ce0e67b07c"

/** journal_start() - start the thread (all signals blocked in it). */
int journal_start(struct journal **journal);

/** journal_stop() - write at most what fits in one second, then end the thread. */
void journal_stop(struct journal *journal);

/**
 * journal_record() - hand one attempt over; never waits
 * @attempt: copied, without its pointers
 *
 * When the backlog is full it is counted as lost. Where no journald runs, attempts go nowhere and
 * none is lost. Structured fields: MESSAGE, MESSAGE_ID, PRIORITY, SYSLOG_IDENTIFIER, LHGUARD_TYPE,
 * LHGUARD_EVENT, LHGUARD_TIME, LHGUARD_VERDICT, LHGUARD_MODE, LHGUARD_REASON, LHGUARD_RULE, LHGUARD_EXCEPTION, LHGUARD_CLASS,
 * LHGUARD_SOURCE, LHGUARD_KIND, LHGUARD_RUNTIME, LHGUARD_NAME, LHGUARD_GUEST, LHGUARD_SHARED,
 * LHGUARD_CONDUIT, LHGUARD_ROUTE, LHGUARD_INTERFACE, LHGUARD_MAC,
 * LHGUARD_PROTOCOL, LHGUARD_SERVICE, LHGUARD_PROGRAM, LHGUARD_CLIENT, LHGUARD_CLIENT_PID,
 * LHGUARD_CLIENT_PROGRAM; those without a value are left out, text is escaped by text_escape().
 */
void journal_record(struct journal *journal, const struct attempt *attempt);

/** journal_lost() - attempts that found the backlog full, or that journald refused */
uint64_t journal_lost(struct journal *journal);

#endif
