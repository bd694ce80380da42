// SPDX-License-Identifier: GPL-2.0-or-later
/* Which alerts there are, and when each may be shown: no clock, no server, constant memory. */
#include "alerts.h"

#include "alerts_private.h"

#include "../output.h"

#include "util/hash.h"
#include "util/text.h"

#include <stdlib.h>
#include <string.h>

#define MOVE_US (15 * RESTRAINT_SECOND)

/**
 * DOC: Theory of Operation
 *
 * Each pair of guest and service has one row. It is HELD until the restraint lets it be shown; then it
 * is LIVE, and what else happens is an update; when its notification is closed it is GONE, and
 * remembered for as long as it must not come again. A row that was HELD for two seconds is counted in
 * the summary. It may leave that again, when its guest comes back to it at a time when it may be shown;
 * but not while its guest floods us: then all of the guest's goes into the summary, until a minute has
 * passed without any. What is sensitive is shown even then, if rarely, and the summary names it: a scan
 * of many ports would else hide the one that it is about.
 *
 * Nothing is put in line for the server: whoever shows asks for the next thing when the last one is
 * done, and gets what is so at that time. A server that hangs costs delay, not memory.
 */

struct alerts *alerts_new(void)
{
	struct alerts *alerts = calloc(1, sizeof(*alerts));

	if (alerts) {
		alerts->repeat_us = 300 * RESTRAINT_SECOND;
		alerts->room = ALERTS_LIVE_MAX;
		alerts->has_server = true;
	}
	return alerts;
}

void row_free(struct row *row)
{
	json_decref(row->event);
	*row = (struct row){.state = ROW_FREE};
}

void alerts_free(struct alerts *alerts)
{
	for (unsigned int i = 0; alerts && i < ALERTS_MAX; i++)
		json_decref(alerts->rows[i].event);
	free(alerts);
}

void alerts_set_repeat(struct alerts *alerts, uint64_t repeat_us)
{
	alerts->repeat_us = repeat_us;
}

void alerts_set_moving(struct alerts *alerts, bool is_moving, bool is_beside)
{
	alerts->is_moving = is_moving;
	alerts->is_beside = is_beside;
}

void alert_service(char *target, const json_t *event)
{
	const json_t *service = json_object_get(event, "service");
	bool is_listener = !strcmp(text_of(event, "type"), "listener");
	char place[ALERT_SERVICE];

	target[0] = '\0';
	text_append(target, ALERT_SERVICE, "%s%s/%s", is_listener ? "listen/" : "",
		    text_of(service, "protocol"), endpoint(place, sizeof(place), service));
}

/*
 * How well a row can be done without: the higher, the better. 0: it stays. What was just
 * closed is kept before what only waits: its details may be on the screen, and it would come again
 * too soon.
 */
static unsigned int spare(const struct row *row, uint64_t now_us)
{
	if (row->is_busy || row->is_insisted)
		return 0;
	switch (row->state) {
	case ROW_FREE:
		return 7;
	case ROW_GONE:
		return now_us - row->gone_us < ALERTS_ACTIONABLE_US ? 3 : 6;
	case ROW_HELD:
		if (row->is_sensitive)
			return row->is_counted ? 2 : 1;
		return row->is_counted ? 5 : 4;
	default:
		return 0;
	}
}

/* A row for a new pair: what was held in it is counted, and can never be shown by itself. */
static struct row *take_row(struct alerts *alerts, uint64_t now_us)
{
	struct row *best = NULL;
	unsigned int best_spare = 0;

	for (unsigned int i = 0; i < ALERTS_MAX; i++) {
		struct row *row = &alerts->rows[i];
		unsigned int found = spare(row, now_us);

		if (found > best_spare ||
		    (best && found == best_spare && row->fresh_us < best->fresh_us)) {
			best = row;
			best_spare = found;
		}
	}
	if (best && best->state == ROW_HELD && !best->is_counted)
		row_count_in(alerts, best, now_us);
	if (best)
		row_free(best);
	return best;
}

static struct row *find_row(struct alerts *alerts, const struct row *key)
{
	for (unsigned int i = 0; i < ALERTS_MAX; i++) {
		struct row *row = &alerts->rows[i];

		if (row->state != ROW_FREE && row->hash == key->hash &&
		    row->guest_id == key->guest_id && !strcmp(row->label, key->label) &&
		    !strcmp(row->service, key->service))
			return row;
	}
	return NULL;
}

static void fill_key(struct row *key, const json_t *event)
{
	const json_t *source = json_object_get(event, "source");
	const char *label = text_of(source, "label");

	text_copy_name(key->label, sizeof(key->label), label, strlen(label));
	alert_service(key->service, event);
	key->guest_id = number_of(source, "guest");
	key->hash = hash_add_text(hash_add(HASH_START, (uint64_t)key->guest_id), key->label);
	key->hash = hash_add_text(key->hash, key->service);
}

/* Of an event whose count is not known any more: that it was told before is seen by its number, which grow. */
static json_int_t count_before(const struct row *row, json_int_t id, json_int_t count)
{
	for (unsigned int i = 0; i < SEEN_MAX; i++)
		if (row->seen[i].id == id)
			return row->seen[i].count;
	return id <= row->newest_seen ? count - 1 : 0;
}

static void remember(struct row *row, json_int_t id, json_int_t count)
{
	struct seen *seen = NULL;

	for (unsigned int i = 0; i < SEEN_MAX && !seen; i++)
		if (row->seen[i].id == id)
			seen = &row->seen[i];
	if (!seen)
		seen = &row->seen[row->next_seen++ % SEEN_MAX];
	*seen = (struct seen){.id = id, .count = count};
	row->newest_seen = id > row->newest_seen ? id : row->newest_seen;
}

/* How many packets an event tells of that were not told before: it comes again as its count grows. */
static uint64_t news_of(struct row *row, const json_t *event)
{
	json_int_t id = number_of(event, "id"), count = number_of(event, "count"), before;

	count = count > 0 ? count : 0;
	before = count_before(row, id, count);
	remember(row, id, count);
	return count > before ? (uint64_t)(count - before) : 0;
}

static void hold_anew(struct row *row, uint64_t now_us)
{
	row->state = ROW_HELD;
	row->is_counted = row->is_decided = false;
	row->counted = row->count = 0;
	row->failure[0] = '\0';
	row->held_us = row->since_us = now_us;
}

static void row_event(struct alerts *alerts, struct row *row, const json_t *event, uint64_t now_us)
{
	uint64_t news = news_of(row, event);

	if (!news)
		return;
	if (row->state == ROW_GONE && (row->is_busy || now_us - row->gone_us < alerts->repeat_us))
		return;
	if (row->state == ROW_GONE ||
	    (row->is_counted && !row->is_busy && summary_is_past(alerts, now_us)))
		hold_anew(row, now_us);
	row->count += news;
	row->fresh_us = row->event_us = now_us;
	row->is_ours = true;
	json_decref(row->event);
	row->event = json_incref((json_t *)event);
	if (row->state == ROW_LIVE) {
		row->is_dirty = true;
	} else if (row->is_counted) {
		row->counted += news;
		guest_count_in(alerts, guest_find(alerts, row->label, now_us), news, now_us);
	} else if (alerts->is_quiet) {
		row_count_in(alerts, row, now_us);
	}
}

void alerts_event(struct alerts *alerts, const json_t *event, bool is_sensitive, uint64_t now_us)
{
	struct row key = {.state = ROW_FREE}, *row;

	fill_key(&key, event);
	row = find_row(alerts, &key);
	if (!row) {
		row = take_row(alerts, now_us);
		if (!row) { /* all are shown, or being dealt with */
			guest_count_in(alerts, guest_find(alerts, key.label, now_us), 1, now_us);
			return;
		}
		*row = key;
		row->incarnation = ++alerts->incarnations;
		hold_anew(row, now_us);
	}
	row->is_sensitive = is_sensitive;
	row_event(alerts, row, event, now_us);
}

void alerts_named(struct alerts *alerts, unsigned int slot, bool is_sensitive, bool is_news)
{
	struct row *row = &alerts->rows[slot];

	row->is_dirty |= is_news && row->state == ROW_LIVE;
	if (row->state == ROW_HELD && row->is_counted && row->is_sensitive != is_sensitive)
		alerts->summary.is_dirty = true;
	row->is_sensitive = is_sensitive;
}

void row_show(struct alerts *alerts, struct row *row, uint64_t now_us)
{
	row_count_out(alerts, row, now_us);
	row->state = ROW_LIVE;
	row->is_insisted = false;
	row->is_dirty = false;
	row->shown_us = now_us;
	pace_start(&row->pace, alerts->is_moving ? MOVE_US : RESTRAINT_SECOND, now_us);
}

void row_gone(struct row *row, uint64_t now_us)
{
	row->state = ROW_GONE;
	row->gone_us = now_us;
	row->is_dirty = false;
}

bool alerts_get(const struct alerts *alerts, unsigned int slot, uint64_t now_us,
		struct alert *alert)
{
	const struct row *row = &alerts->rows[slot];

	if (slot >= ALERTS_MAX || row->state == ROW_FREE || !row->event)
		return false;
	*alert = (struct alert){
		.event = row->event,
		.label = row->label,
		.service = row->service,
		.count = row->count,
		.since_us = row->since_us,
		.incarnation = row->incarnation,
		.is_sensitive = row->is_sensitive,
		.is_current = row->is_ours,
		.is_actionable = row_is_actionable(row, now_us),
		.is_decided = row->is_decided,
		.failure = row->failure,
	};
	return true;
}

unsigned int alerts_find(const struct alerts *alerts, uint64_t incarnation)
{
	unsigned int slot = 0;

	while (slot < ALERTS_MAX && (alerts->rows[slot].state == ROW_FREE ||
				     alerts->rows[slot].incarnation != incarnation))
		slot++;
	return slot;
}
