/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections that an exception allowed once: their further packets are no second connection. */
#ifndef LHGUARD_SPENT_H
#define LHGUARD_SPENT_H

#include "flow.h"

#define SPENT_MAX 64
#define SPENT_US  60000000u /* a SYN is sent anew for so long, a flow of datagrams so long idle */

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
		uint64_t until_us;
	} entries[SPENT_MAX];
	uint32_t next;
};

/** spent_add() - remember the connection that @attempt's exception has allowed. */
void spent_add(struct spent *spent, const struct attempt *attempt, uint64_t now_us);

/**
 * spent_find() - is this packet one more of such a connection?
 * Of TCP the same SYN, by its sequence number: a second connection has another. Of the others a packet
 * between the same ends, which prolongs it.
 * Return: id of the exception that allowed it, 0 when it is none. Bounded by SPENT_MAX.
 */
uint32_t spent_find(struct spent *spent, const struct attempt *attempt, uint64_t now_us);

#endif
