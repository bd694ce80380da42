/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How much may be shown: a window over all, a bucket for each guest, a pace for each notification. */
#ifndef LHGUARD_NOTIFY_RESTRAINT_H
#define LHGUARD_NOTIFY_RESTRAINT_H

#include <stdint.h>

#define RESTRAINT_SECOND 1000000ull
#define NEW_MINUTE	 6 /* new notifications in any minute; one in any second */
#define GUEST_BURST	 2 /* new ones of one guest at once; then one in ten seconds */

/**
 * struct window - when new notifications were shown, or those that are no news any more were updated
 * @shown_us: a ring; @count of them so far
 */
struct window {
	uint64_t shown_us[NEW_MINUTE];
	uint64_t count;
};

/** window_time() - when the next may be shown, with @reserve of a minute's kept free; 0: now */
uint64_t window_time(const struct window *window, unsigned int reserve);
void window_take(struct window *window, uint64_t now_us);

/**
 * struct bucket - what one guest may still show
 * @taken: how many are out
 * @back_us: when the first of these comes back
 */
struct bucket {
	unsigned int taken;
	uint64_t back_us;
};

uint64_t bucket_time(const struct bucket *bucket);

/** bucket_full_time() - when all that was taken is back; 0: it is */
uint64_t bucket_full_time(const struct bucket *bucket);
void bucket_take(struct bucket *bucket, uint64_t now_us);

/**
 * struct pace - when a notification that is shown may be updated
 * @next_us: not before
 * @step_us: what passes between two: @first_us, twice that … 120 s; @first_us again after a minute without any
 * @first_us: 1 s, or more where an update is a disturbance
 */
struct pace {
	uint64_t next_us;
	uint64_t step_us;
	uint64_t first_us;
};

void pace_start(struct pace *pace, uint64_t first_us, uint64_t now_us);
void pace_take(struct pace *pace, uint64_t now_us);

#endif
