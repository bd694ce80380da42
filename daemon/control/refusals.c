// SPDX-License-Identifier: GPL-2.0-or-later
/* The latest refusal of each guest at each service, a share for each guest: for decisions of the owner. */
#include "control/refusals.h"

static bool is_kept(const struct attempt *attempt)
{
	return attempt->type == EVENT_ATTEMPT && attempt->decision.verdict != VERDICT_ACCEPT &&
	       attempt->source.class == SOURCE_GUEST && attempt->source.guest;
}

static bool is_same_service(const struct attempt *a, const struct attempt *b)
{
	return a->flow.protocol == b->flow.protocol &&
	       a->flow.service_port == b->flow.service_port &&
	       a->flow.icmp_type == b->flow.icmp_type &&
	       IN6_ARE_ADDR_EQUAL(&a->flow.service, &b->flow.service);
}

static uint64_t newest_of(const struct attempt *share)
{
	uint64_t newest = 0;

	for (unsigned int i = 0; i < REFUSALS_OF_GUEST; i++)
		if (share[i].id > newest)
			newest = share[i].id;
	return newest;
}

/* The guest's own, or that of the guest which was refused nothing for the longest. */
static struct attempt *share_of(struct refusals *refusals, uint32_t guest)
{
	struct attempt *oldest = refusals->kept[0];

	for (unsigned int i = 0; i < REFUSALS_GUESTS; i++) {
		struct attempt *share = refusals->kept[i];

		if (share[0].id && share[0].source.guest == guest)
			return share;
		if (newest_of(share) < newest_of(oldest))
			oldest = share;
	}
	for (unsigned int i = 0; i < REFUSALS_OF_GUEST; i++)
		oldest[i].id = 0;
	return oldest;
}

/* The first place of a share is taken first: its guest is whose the share is. */
static struct attempt *place_of(struct attempt *share, const struct attempt *attempt)
{
	struct attempt *oldest = share;

	for (unsigned int i = 0; i < REFUSALS_OF_GUEST; i++) {
		if (!share[i].id || is_same_service(&share[i], attempt))
			return &share[i];
		if (share[i].id < oldest->id)
			oldest = &share[i];
	}
	return oldest;
}

void refusals_keep(struct refusals *refusals, const struct attempt *attempt)
{
	if (is_kept(attempt))
		attempt_copy(place_of(share_of(refusals, attempt->source.guest), attempt), attempt);
}

const struct attempt *refusals_find(const struct refusals *refusals, uint64_t id)
{
	for (unsigned int i = 0; id && i < REFUSALS_GUESTS; i++)
		for (unsigned int k = 0; k < REFUSALS_OF_GUEST; k++)
			if (refusals->kept[i][k].id == id)
				return &refusals->kept[i][k];
	return NULL;
}
