// SPDX-License-Identifier: GPL-2.0-or-later
/* What is not shown by itself: counted for each guest, and told in one notification, the summary. */
#include "alerts_private.h"

#include "util/text.h"

#include <string.h>

#define FLOOD	 20 /* packets of a guest in the summary, and it gets no alerts of its own */
#define QUIET_US (60 * RESTRAINT_SECOND)

struct guest_row *guest_find(struct alerts *alerts, const char *label, uint64_t now_us)
{
	struct guest_row *oldest = &alerts->guests[0];

	for (unsigned int i = 0; i < GUESTS_MAX; i++) {
		struct guest_row *guest = &alerts->guests[i];

		if (guest->used_us && !strcmp(guest->label, label)) {
			guest->used_us = now_us;
			return guest;
		}
		if (guest->used_us < oldest->used_us)
			oldest = guest;
	}
	if (oldest->used_us && oldest->counted)
		alerts->summary.more_guests = true;
	*oldest = (struct guest_row){.used_us = now_us};
	text_copy(oldest->label, sizeof(oldest->label), label);
	return oldest;
}

/* After a quiet minute, or quiet hours, what was summarised and shown is of yesterday. */
static void start_anew(struct alerts *alerts)
{
	struct summary *summary = &alerts->summary;

	for (unsigned int i = 0; i < ALERTS_MAX; i++) {
		struct row *row = &alerts->rows[i];

		if (row->state != ROW_HELD || !row->is_counted)
			continue;
		if (row->is_busy || row->is_insisted)
			row->counted = 0;
		else
			row_free(row);
	}
	for (unsigned int i = 0; i < GUESTS_MAX; i++)
		alerts->guests[i].counted = 0;
	*summary = (struct summary){
		.is_live = summary->is_live,
		.pace = summary->pace,
		.was_quiet = alerts->is_quiet,
	};
}

bool summary_is_past(const struct alerts *alerts, uint64_t now_us)
{
	const struct summary *summary = &alerts->summary;

	return !summary->is_dirty && !alerts->is_quiet &&
	       (summary->was_quiet || now_us - summary->last_us >= QUIET_US);
}

static void touch_summary(struct alerts *alerts, uint64_t now_us)
{
	if (summary_is_past(alerts, now_us))
		start_anew(alerts);
	alerts->summary.last_us = now_us;
	alerts->summary.is_dirty = true;
}

void guest_count_in(struct alerts *alerts, struct guest_row *guest, uint64_t count, uint64_t now_us)
{
	touch_summary(alerts, now_us);
	alerts->summary.attempts += count;
	guest->counted += count;
	if (now_us - guest->overflow_us >= QUIET_US)
		guest->overflow = 0;
	guest->overflow += count;
	guest->overflow_us = now_us;
}

bool guest_floods(const struct guest_row *guest, uint64_t now_us)
{
	return guest->overflow >= FLOOD && now_us - guest->overflow_us < QUIET_US;
}

void row_count_in(struct alerts *alerts, struct row *row, uint64_t now_us)
{
	guest_count_in(alerts, guest_find(alerts, row->label, now_us), row->count, now_us);
	row->is_counted = true;
	row->counted = row->count;
}

void row_count_out(struct alerts *alerts, struct row *row, uint64_t now_us)
{
	struct guest_row *guest = guest_find(alerts, row->label, now_us);
	struct summary *summary = &alerts->summary;

	if (!row->is_counted)
		return;
	summary->attempts -= row->counted < summary->attempts ? row->counted : summary->attempts;
	guest->counted -= row->counted < guest->counted ? row->counted : guest->counted;
	row->is_counted = false;
	row->counted = 0;
	summary->is_dirty = summary->is_live || summary->attempts || summary->lost;
}

void alerts_lost(struct alerts *alerts, uint64_t count, uint64_t now_us)
{
	touch_summary(alerts, now_us);
	alerts->summary.lost += count;
}

static void get_sensitive(const struct alerts *alerts, struct alerts_summary *summary)
{
	const struct row *best = NULL;

	for (unsigned int i = 0; i < ALERTS_MAX; i++) {
		const struct row *row = &alerts->rows[i];

		if (row->state != ROW_HELD || !row->counted || !row->is_sensitive)
			continue;
		summary->more_sensitive += best != NULL;
		if (!best || row->counted > best->counted)
			best = row;
	}
	if (best)
		summary->sensitive = best->event;
}

void alerts_get_summary(const struct alerts *alerts, struct alerts_summary *summary)
{
	*summary = (struct alerts_summary){
		.attempts = alerts->summary.attempts,
		.more_guests = alerts->summary.more_guests,
		.lost = alerts->summary.lost,
		.was_quiet = alerts->summary.was_quiet,
	};
	get_sensitive(alerts, summary);
	for (unsigned int i = 0; i < GUESTS_MAX; i++) {
		if (!alerts->guests[i].counted)
			continue;
		summary->guests++;
		summary->label = alerts->guests[i].label;
	}
}
