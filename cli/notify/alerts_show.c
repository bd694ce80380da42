// SPDX-License-Identifier: GPL-2.0-or-later
/* What is to be shown next, and what has become of what was shown. */
#include "alerts_private.h"

#include "util/text.h"

#include <stddef.h>
#include <string.h>

#define WAIT_US (2 * RESTRAINT_SECOND)	/* a pair waits so long for its turn to be shown */
#define NEWS_US (60 * RESTRAINT_SECOND) /* how long an alert is news, and its updates are free */

static uint64_t later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

bool row_is_actionable(const struct row *row, uint64_t now_us)
{
	return row->is_ours && now_us - row->event_us < ALERTS_ACTIONABLE_US;
}

static const struct guest_row *guest_of(const struct alerts *alerts, const struct row *row)
{
	for (unsigned int i = 0; i < GUESTS_MAX; i++)
		if (alerts->guests[i].used_us && !strcmp(alerts->guests[i].label, row->label))
			return &alerts->guests[i];
	return NULL;
}

/*
 * When the guest may have one more: while it floods us only what is sensitive, and that only once it
 * has had none for a while.
 */
static uint64_t guest_time(const struct guest_row *guest, const struct row *row, uint64_t now_us)
{
	if (!guest_floods(guest, now_us))
		return bucket_time(&guest->bucket);
	return row->is_sensitive ? bucket_full_time(&guest->bucket) : ALERTS_NEVER;
}

/* When a row that is HELD may be shown by itself; one in the minute is left to the summary. */
static uint64_t show_time(const struct alerts *alerts, const struct row *row, uint64_t now_us)
{
	const struct guest_row *guest = guest_of(alerts, row);
	uint64_t time = window_time(&alerts->window, alerts->summary.is_live ? 0 : 1);

	if (row->is_insisted)
		return 0;
	if (row->state != ROW_HELD || !row->event || row_guest_has_its_share(alerts, row))
		return ALERTS_NEVER;
	if (guest)
		time = later(time, guest_time(guest, row, now_us));
	if (later(time, now_us) > row->fresh_us + WAIT_US)
		return ALERTS_NEVER; /* it is not what the person sees happen any more */
	return time;
}

static bool is_news(const struct row *row, uint64_t now_us)
{
	return now_us - row->shown_us < NEWS_US;
}

static uint64_t update_time(const struct alerts *alerts, const struct row *row, uint64_t now_us)
{
	if (row->state != ROW_LIVE || !row->is_dirty ||
	    (alerts->is_moving && (alerts->is_beside || rows_live(alerts) > 1)))
		return ALERTS_NEVER;
	if (is_news(row, now_us))
		return row->pace.next_us;
	return later(row->pace.next_us, window_time(&alerts->updates, 0));
}

static struct row *take_update(struct alerts *alerts, uint64_t now_us)
{
	for (unsigned int i = 0; i < ALERTS_MAX; i++) {
		struct row *row = &alerts->rows[i];

		if (update_time(alerts, row, now_us) > now_us)
			continue;
		if (!is_news(row, now_us))
			window_take(&alerts->updates, now_us);
		row->is_dirty = false;
		pace_take(&row->pace, now_us);
		return row;
	}
	return NULL;
}

static bool summary_is_empty(const struct summary *summary)
{
	return !summary->attempts && !summary->lost;
}

static uint64_t summary_time(const struct alerts *alerts)
{
	const struct summary *summary = &alerts->summary;

	if (!summary->is_dirty)
		return ALERTS_NEVER;
	if (summary->is_live)
		return summary->pace.next_us;
	if (summary_is_empty(summary))
		return ALERTS_NEVER;
	return later(window_time(&alerts->window, 0),
		     summary->closed_us ? summary->closed_us + alerts->repeat_us : 0);
}

/* Those that have waited for long enough go into the summary. */
static void count_waiting(struct alerts *alerts, uint64_t now_us)
{
	for (unsigned int i = 0; i < ALERTS_MAX; i++) {
		struct row *row = &alerts->rows[i];

		if (row->state == ROW_HELD && !row->is_counted && row->held_us + WAIT_US <= now_us)
			row_count_in(alerts, row, now_us);
	}
}

static struct row *choose(struct alerts *alerts, uint64_t now_us)
{
	struct row *best = NULL;

	for (unsigned int i = 0; i < ALERTS_MAX; i++) {
		struct row *row = &alerts->rows[i];

		if (row->is_insisted)
			return row;
		if (alerts->is_quiet || show_time(alerts, row, now_us) > now_us ||
		    !row_has_room(alerts, row, now_us))
			continue;
		if (!best || row->is_sensitive > best->is_sensitive ||
		    (row->is_sensitive == best->is_sensitive && row->held_us < best->held_us))
			best = row;
	}
	return best;
}

static void spend(struct alerts *alerts, const struct row *row, uint64_t now_us)
{
	bucket_take(&guest_find(alerts, row->label, now_us)->bucket, now_us);
	window_take(&alerts->window, now_us);
}

static bool take_row(struct alerts *alerts, uint64_t now_us, struct alerts_next *next)
{
	struct row *row = choose(alerts, now_us);

	if (row && row_take_room(alerts, row, now_us, next))
		return true;
	if (row) {
		next->is_insisted = row->is_insisted;
		row_show(alerts, row, now_us);
		if (!next->is_insisted)
			spend(alerts, row, now_us);
		/* Also what is live: it was clicked, and the server is about to close it. */
		next->what = ALERTS_SHOW;
	}
	if (!row && !alerts->is_quiet) {
		row = take_update(alerts, now_us);
		next->what = ALERTS_UPDATE;
	}
	if (!row)
		return false;
	next->slot = (unsigned int)(row - alerts->rows);
	return true;
}

static bool take_summary(struct alerts *alerts, uint64_t now_us, struct alerts_next *next)
{
	struct summary *summary = &alerts->summary;

	if (alerts->is_quiet || summary_time(alerts) > now_us)
		return false;
	summary->is_dirty = false;
	summary->closed_us = 0;
	next->is_update = summary->is_live;
	if (summary_is_empty(summary)) {
		summary->is_live = false;
		next->what = ALERTS_SUMMARY_CLOSE;
		return true;
	}
	if (summary->is_live) {
		pace_take(&summary->pace, now_us);
	} else {
		pace_start(&summary->pace, RESTRAINT_SECOND, now_us);
		window_take(&alerts->window, now_us);
	}
	summary->is_live = true;
	next->what = ALERTS_SUMMARY;
	return true;
}

bool alerts_take(struct alerts *alerts, uint64_t now_us, struct alerts_next *next)
{
	*next = (struct alerts_next){.slot = 0};
	if (!alerts->has_server)
		return false;
	if (take_row(alerts, now_us, next))
		return true;
	if (!alerts->is_quiet)
		count_waiting(alerts, now_us);
	return take_summary(alerts, now_us, next);
}

uint64_t alerts_due(const struct alerts *alerts, uint64_t now_us)
{
	uint64_t due = ALERTS_NEVER;

	if (!alerts->has_server)
		return due;
	for (unsigned int i = 0; i < ALERTS_MAX; i++) {
		const struct row *row = &alerts->rows[i];

		if (row->is_insisted)
			return now_us;
		if (row->state == ROW_FREE || row->state == ROW_GONE || alerts->is_quiet)
			continue;
		due = earlier(due, update_time(alerts, row, now_us));
		if (row_has_room(alerts, row, now_us))
			due = earlier(due, show_time(alerts, row, now_us));
		if (row->state == ROW_HELD && !row->is_counted)
			due = earlier(due, row->held_us + WAIT_US);
	}
	return alerts->is_quiet ? due : earlier(due, summary_time(alerts));
}

void alerts_set_quiet(struct alerts *alerts, bool is_quiet, uint64_t now_us)
{
	struct summary *summary = &alerts->summary;

	if (alerts->is_quiet == is_quiet)
		return;
	alerts->is_quiet = is_quiet;
	if (!is_quiet) {
		summary->closed_us = 0;
		return;
	}
	/* What waits for its turn has waited in vain. */
	for (unsigned int i = 0; i < ALERTS_MAX; i++)
		if (alerts->rows[i].state == ROW_HELD && !alerts->rows[i].is_counted)
			row_count_in(alerts, &alerts->rows[i], now_us);
	summary->was_quiet = true;
}

/* What waited for the server waits for its turn from now on. */
void alerts_set_server(struct alerts *alerts, bool is_there, uint64_t now_us)
{
	for (unsigned int i = 0; is_there && !alerts->has_server && i < ALERTS_MAX; i++) {
		struct row *row = &alerts->rows[i];

		if (row->state == ROW_HELD && !row->is_counted)
			row->held_us = row->fresh_us = now_us;
	}
	alerts->has_server = is_there;
}

void alerts_new_server(struct alerts *alerts, uint64_t now_us)
{
	for (unsigned int i = 0; i < ALERTS_MAX; i++) {
		struct row *row = &alerts->rows[i];

		if (row->state != ROW_LIVE)
			continue;
		if (!row_is_actionable(row, now_us)) {
			row_gone(row, now_us);
			continue;
		}
		row->state = ROW_HELD;
		row->held_us = row->fresh_us = now_us;
	}
	if (alerts->summary.is_live)
		alerts->summary.is_dirty = true;
	alerts->summary.is_live = false;
}

void alerts_new_daemon(struct alerts *alerts)
{
	for (unsigned int i = 0; i < ALERTS_MAX; i++) {
		alerts->rows[i].is_ours = false;
		memset(alerts->rows[i].seen, 0, sizeof(alerts->rows[i].seen));
		alerts->rows[i].newest_seen = 0;
	}
}

void alerts_failed(struct alerts *alerts, const struct alerts_next *next, uint64_t now_us)
{
	struct row *row = &alerts->rows[next->slot];

	/* Nobody has decided or closed it since. */
	if (next->is_insisted && (row->state == ROW_LIVE || row->state == ROW_HELD))
		row->is_insisted = *row->failure;
	switch (next->what) {
	case ALERTS_SHOW:
		if (row->state == ROW_LIVE)
			row->state = ROW_HELD;
		row->held_us = now_us;
		break;
	case ALERTS_UPDATE:
		if (alerts->is_moving && row->state == ROW_LIVE) { /* closed, and not shown anew */
			row->state = ROW_HELD;
			row->held_us = row->fresh_us = now_us;
		}
		row->is_dirty = row->state == ROW_LIVE;
		break;
	case ALERTS_SUMMARY:
		/* Unless it was closed, or went with its server, while it was being updated. */
		alerts->summary.is_live &= next->is_update;
		alerts->summary.is_dirty = true;
		break;
	case ALERTS_CLOSE:
	case ALERTS_SUMMARY_CLOSE:
		break;
	}
}

void alerts_closed(struct alerts *alerts, unsigned int slot, uint64_t now_us)
{
	struct row *row = &alerts->rows[slot];

	if (slot < ALERTS_MAX && row->state == ROW_LIVE)
		row_gone(row, now_us);
}

void alerts_summary_closed(struct alerts *alerts, uint64_t now_us)
{
	alerts->summary.is_live = false;
	alerts->summary.closed_us = now_us;
}

void alerts_hold(struct alerts *alerts, unsigned int slot, bool is_held)
{
	alerts->rows[slot].is_busy = is_held;
}

void alerts_refused(struct alerts *alerts, unsigned int slot, const char *failure)
{
	struct row *row = &alerts->rows[slot];

	row->is_busy = false;
	if (!row->event)
		return;
	text_copy(row->failure, sizeof(row->failure), failure);
	row->is_insisted = true;
}

void alerts_settle(struct alerts *alerts, unsigned int slot, uint64_t now_us)
{
	struct row *row = &alerts->rows[slot];

	if (row->state != ROW_FREE)
		row_gone(row, now_us);
	row->is_busy = row->is_insisted = false;
	row->is_decided = true;
}
