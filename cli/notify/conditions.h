/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the guard itself is, and what a person has to know of that. */
#ifndef LHGUARD_NOTIFY_CONDITIONS_H
#define LHGUARD_NOTIFY_CONDITIONS_H

#include "link.h"
#include "notices.h"

#include <jansson.h>
#include <stdint.h>

#define CONDITIONS_NEVER UINT64_MAX

/**
 * struct conditions - what is known; zero it
 * @state: of the link
 * @was_up: it was up once
 * @is_told: that the guard is down is shown
 * @lost_us: when it was lost, or was first looked for in vain, 0: not yet
 * @knows: there was a status
 * @is_enforced: of the latest status
 * @loopback_open: without a daemon connections on loopback are let through
 * @guests_open: the same for what comes from guests' own networks
 * @restored: how often the table was
 * @since: when that daemon started
 */
struct conditions {
	enum link_state state;
	bool was_up;
	bool is_told;
	uint64_t lost_us;
	bool knows;
	bool is_enforced;
	bool loopback_open;
	bool guests_open;
	json_int_t restored;
	char since[48];
};

void conditions_link(struct conditions *conditions, enum link_state state, uint64_t now_us,
		     struct notices *notices);
void conditions_status(struct conditions *conditions, const json_t *status,
		       struct notices *notices);

/** conditions_due() - when conditions_check() has to be asked */
uint64_t conditions_due(const struct conditions *conditions);
void conditions_check(struct conditions *conditions, uint64_t now_us, struct notices *notices);

#endif
