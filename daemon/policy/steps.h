/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps of the policy in words, for those who want to know what it considers. */
#ifndef LHGUARD_POLICY_STEPS_H
#define LHGUARD_POLICY_STEPS_H

#include "flow.h"

#define DECISION_STEPS 7

/**
 * struct decision_step - one step of decide()
 * @reason: the reason of a decision that it makes
 * @text: what it looks for, for a person
 */
struct decision_step {
	enum reason reason;
	const char *text;
};

/** decision_steps - in the order that decide() asks them */
extern const struct decision_step decision_steps[DECISION_STEPS];

#endif
