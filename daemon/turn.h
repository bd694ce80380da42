/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Long work in short turns of the loop, so that packets do not wait for it. */
#ifndef LHGUARD_TURN_H
#define LHGUARD_TURN_H

#include <stdbool.h>
#include <stdint.h>

struct daemon;

/**
 * struct turn - when the turn that is on began
 * @began_us: CLOCK_MONOTONIC, 0 between two turns
 * @used_us: CLOCK_THREAD_CPUTIME_ID
 */
struct turn {
	uint64_t began_us;
	uint64_t used_us;
};

/** turn_begin() - events that wait are read first; nothing, when a turn is on */
void turn_begin(struct turn *turn, struct daemon *daemon);

/** turn_is_over() - has it had its time? */
bool turn_is_over(const struct turn *turn);

void turn_end(struct turn *turn, struct daemon *daemon);

#endif
