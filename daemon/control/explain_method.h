/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The methods that say what the policy would do, and why. */
#ifndef LHGUARD_CONTROL_EXPLAIN_METHOD_H
#define LHGUARD_CONTROL_EXPLAIN_METHOD_H

struct call;

/* Explain and ExplainEvent */
void explain_source(struct call *call);
void explain_event(struct call *call);

#endif
