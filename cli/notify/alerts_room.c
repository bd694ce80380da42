// SPDX-License-Identifier: GPL-2.0-or-later
/* How many alerts may be shown at a time, and which one goes where there are too many. */
#include "alerts_private.h"

#include <string.h>

void alerts_set_room(struct alerts *alerts, unsigned int room)
{
	alerts->room = room;
}

unsigned int rows_live(const struct alerts *alerts)
{
	unsigned int live = 0;

	for (unsigned int i = 0; i < ALERTS_MAX; i++)
		live += alerts->rows[i].state == ROW_LIVE;
	return live;
}

/* What matters less, or can no longer be decided and does not matter more. */
static bool gives_way(const struct row *shown, const struct row *row, uint64_t now_us)
{
	if (shown->state != ROW_LIVE || shown->is_busy || shown->is_sensitive > row->is_sensitive)
		return false;
	return shown->is_sensitive < row->is_sensitive || !row_is_actionable(shown, now_us);
}

/* Return: the slot of the alert that makes room for @row; ALERTS_MAX: none does. */
static unsigned int find_room(const struct alerts *alerts, const struct row *row, uint64_t now_us)
{
	unsigned int best = ALERTS_MAX;

	for (unsigned int i = 0; i < ALERTS_MAX; i++) {
		if (!gives_way(&alerts->rows[i], row, now_us))
			continue;
		if (best == ALERTS_MAX || alerts->rows[i].event_us < alerts->rows[best].event_us)
			best = i;
	}
	return best;
}

bool row_has_room(const struct alerts *alerts, const struct row *row, uint64_t now_us)
{
	return rows_live(alerts) < alerts->room || find_room(alerts, row, now_us) < ALERTS_MAX;
}

bool row_guest_has_its_share(const struct alerts *alerts, const struct row *row)
{
	unsigned int live = 0, plain = 0;

	for (unsigned int i = 0; i < ALERTS_MAX; i++) {
		const struct row *other = &alerts->rows[i];

		if (other->state != ROW_LIVE || strcmp(other->label, row->label) != 0)
			continue;
		live++;
		plain += !other->is_sensitive;
	}
	return live >= ALERTS_OF_GUEST || (!row->is_sensitive && plain >= ALERTS_PLAIN);
}

bool row_take_room(struct alerts *alerts, const struct row *row, uint64_t now_us,
		   struct alerts_next *next)
{
	if (row->is_insisted || rows_live(alerts) < alerts->room)
		return false;
	next->what = ALERTS_CLOSE;
	next->slot = find_room(alerts, row, now_us);
	row_gone(&alerts->rows[next->slot], now_us);
	return true;
}
