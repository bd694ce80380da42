/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections that an exception allowed once: their further packets are no second connection. */
#ifndef LHGUARD_SPENT_H
#define LHGUARD_SPENT_H

#include "flow.h"

#define SPENT_MAX 64
#define SPENT_US  60000000u /* a flow of datagrams may be so long idle */

/*
 * A SYN is sent again a second after the first, and later. A guest on a wire can send the same one for a
 * second connection once the first has ended, so a repeat is let through twice and no more.
 */
#define SPENT_REPEATS	2
#define SPENT_REPEAT_US 900000u

/**
 * struct spent - the latest SPENT_MAX of them
 * @next: the one that is written over next
 */
struct spent {
	struct spent_entry {
		struct flow flow;
		enum source_class class;
		uint32_t guest;
		uint32_t exception;
		unsigned int repeats;
		uint64_t last_us; /* CLOCK_MONOTONIC */
	} entries[SPENT_MAX];
	uint32_t next;
};

/** spent_add() - remember the connection that @attempt's exception has allowed; @now_us: CLOCK_MONOTONIC */
void spent_add(struct spent *spent, const struct attempt *attempt, uint64_t now_us);

/**
 * spent_find() - is this packet one more of such a connection?
 * Of TCP the same SYN, by its sequence number, SPENT_REPEATS times: a second connection has another. Of
 * the others a packet between the same ends, which prolongs it.
 * Return: id of the exception that allowed it, 0 when it is none. Bounded by SPENT_MAX.
 */
uint32_t spent_find(struct spent *spent, const struct attempt *attempt, uint64_t now_us);

#endif
