// SPDX-License-Identifier: GPL-2.0-or-later
/* How much may be shown: a window over all, a bucket for each guest, a pace for each notification. */
#include "restraint.h"

#define MINUTE_US    (60 * RESTRAINT_SECOND)
#define REFILL_US    (10 * RESTRAINT_SECOND)
#define STEP_MOST_US (120 * RESTRAINT_SECOND)

/* Of the @back latest, the earliest. */
static uint64_t shown_before(const struct window *window, unsigned int back)
{
	return window->shown_us[(window->count - back) % NEW_MINUTE];
}

uint64_t window_time(const struct window *window, unsigned int reserve)
{
	unsigned int limit = NEW_MINUTE - reserve;
	uint64_t second = 0, minute = 0;

	if (window->count)
		second = shown_before(window, 1) + RESTRAINT_SECOND;
	if (window->count >= limit)
		minute = shown_before(window, limit) + MINUTE_US;
	return second > minute ? second : minute;
}

void window_take(struct window *window, uint64_t now_us)
{
	window->shown_us[window->count++ % NEW_MINUTE] = now_us;
}

uint64_t bucket_time(const struct bucket *bucket)
{
	return bucket->taken < GUEST_BURST ? 0 : bucket->back_us;
}

uint64_t bucket_full_time(const struct bucket *bucket)
{
	return bucket->taken ? bucket->back_us + (bucket->taken - 1) * REFILL_US : 0;
}

void bucket_take(struct bucket *bucket, uint64_t now_us)
{
	while (bucket->taken && now_us >= bucket->back_us) {
		bucket->taken--;
		bucket->back_us += REFILL_US;
	}
	if (!bucket->taken++)
		bucket->back_us = now_us + REFILL_US;
}

void pace_start(struct pace *pace, uint64_t first_us, uint64_t now_us)
{
	pace->first_us = pace->step_us = first_us;
	pace->next_us = now_us + pace->step_us;
}

void pace_take(struct pace *pace, uint64_t now_us)
{
	if (now_us >= pace->next_us + MINUTE_US)
		pace->step_us = pace->first_us;
	else
		pace->step_us = pace->step_us * 2 < STEP_MOST_US ? pace->step_us * 2 : STEP_MOST_US;
	pace->next_us = now_us + pace->step_us;
}
