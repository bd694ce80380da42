// SPDX-License-Identifier: GPL-2.0-or-later
/* Connections that an exception allowed once: their further packets are no second connection. */
#include "spent.h"

static bool is_same_flow(const struct flow *one, const struct flow *other)
{
	return one->protocol == other->protocol && one->client_port == other->client_port &&
	       one->service_port == other->service_port && one->sequence == other->sequence &&
	       IN6_ARE_ADDR_EQUAL(&one->client, &other->client) &&
	       IN6_ARE_ADDR_EQUAL(&one->service, &other->service);
}

void spent_add(struct spent *spent, const struct attempt *attempt, uint64_t now_us)
{
	spent->entries[spent->next] = (struct spent_entry){
		.flow = attempt->flow,
		.class = attempt->source.class,
		.guest = attempt->source.guest,
		.exception = attempt->decision.exception,
		.last_us = now_us,
	};
	spent->next = (spent->next + 1) % SPENT_MAX;
}

/* A SYN comes again, not too soon and not too often. */
static bool may_repeat(struct spent_entry *entry, uint64_t now_us)
{
	if (entry->flow.protocol == IPPROTO_TCP &&
	    (entry->repeats == SPENT_REPEATS || now_us - entry->last_us < SPENT_REPEAT_US))
		return false;
	entry->repeats++;
	entry->last_us = now_us;
	return true;
}

uint32_t spent_find(struct spent *spent, const struct attempt *attempt, uint64_t now_us)
{
	for (size_t i = 0; i < SPENT_MAX; i++) {
		struct spent_entry *entry = &spent->entries[i];

		if (entry->exception && now_us - entry->last_us < SPENT_US &&
		    entry->class == attempt->source.class &&
		    entry->guest == attempt->source.guest &&
		    is_same_flow(&entry->flow, &attempt->flow))
			return may_repeat(entry, now_us) ? entry->exception : 0;
	}
	return 0;
}
