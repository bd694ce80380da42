/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Do two exceptions have something to do with each other? No state. */
#ifndef LHGUARD_POLICY_OVERLAP_H
#define LHGUARD_POLICY_OVERLAP_H

#include "policy/exceptions.h"

enum overlap {
	OVERLAP_NONE, /* or it cannot be told: whether a VM comes in by an interface, say */
	OVERLAP_PART,
	OVERLAP_WHOLE,
};

/**
 * overlap_of() - how much of what @rule is about is @other about, too?
 * By their words alone, whoever runs now.
 */
enum overlap overlap_of(const struct exception *rule, const struct exception *other);

#endif
