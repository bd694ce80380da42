// SPDX-License-Identifier: GPL-2.0-or-later
/* Long work in short turns of the loop, so that packets do not wait for it. */
#include "turn.h"

#include "parts.h"

#include "util/clock.h"

#include <time.h>

#define TURN_US	     1000 /* of processor time in one turn */
#define TURN_MOST_US 5000 /* … and of any: to wait for the kernel's locks, too */

static uint64_t clock_used_us(void)
{
	struct timespec used;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	return (uint64_t)used.tv_sec * 1000000u + (uint64_t)used.tv_nsec / 1000u;
}

void turn_begin(struct turn *turn, struct daemon *daemon)
{
	if (turn->began_us)
		return;
	loop_guard_handler.catch_up(daemon);
	turn->began_us = clock_monotonic_us();
	turn->used_us = clock_used_us();
}

bool turn_is_over(const struct turn *turn)
{
	return clock_used_us() - turn->used_us > TURN_US ||
	       clock_monotonic_us() - turn->began_us > TURN_MOST_US;
}

void turn_end(struct turn *turn, struct daemon *daemon)
{
	turn->began_us = 0;
	loop_guard_handler.judged(daemon);
}
