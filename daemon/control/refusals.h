/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The latest refusal of each guest at each service, a share for each guest: for decisions of the owner. */
#ifndef LHGUARD_CONTROL_REFUSALS_H
#define LHGUARD_CONTROL_REFUSALS_H

#include "flow.h"

/*
 * An alert about one guest can be answered whatever the others send: a guest that tries ten thousand
 * ports turns the ring of events over in a second, but fills no more than its own share here.
 */
#define REFUSALS_GUESTS	  64
#define REFUSALS_OF_GUEST 8

/**
 * struct refusals - what the ring of events has forgotten and may still be asked about
 * All zero at first.
 */
struct refusals {
	struct attempt kept[REFUSALS_GUESTS][REFUSALS_OF_GUEST];
};

/**
 * refusals_keep() - keep a copy of what is about to be forgotten; no allocation
 * Only what an owner can decide about is kept, a refusal of a guest that is known; it takes the place of
 * an earlier one of this guest at this service, or else of the guest's oldest.
 */
void refusals_keep(struct refusals *refusals, const struct attempt *attempt);

/** refusals_find() - the attempt with this id, NULL where it is not kept */
const struct attempt *refusals_find(const struct refusals *refusals, uint64_t id);

#endif
