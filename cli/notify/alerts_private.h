/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tables of the alerts, for the files that keep and show them. */
#ifndef LHGUARD_NOTIFY_ALERTS_PRIVATE_H
#define LHGUARD_NOTIFY_ALERTS_PRIVATE_H

#include "alerts.h"
#include "restraint.h"

#define GUESTS_MAX 32
#define SEEN_MAX   16 /* a browser has six connections at a time, for each of two addresses */

enum row_state { ROW_FREE, ROW_HELD, ROW_LIVE, ROW_GONE };

/* Of one event: how many packets it had when it came last. */
struct seen {
	json_int_t id;
	json_int_t count;
};

/**
 * struct row - a pair of guest and service
 * @hash: of the key: @guest_id, @label, @service
 * @event: the latest, owned
 * @is_counted: HELD: the summary has @counted of its packets
 * @is_dirty: LIVE: it says less than is known
 * @is_sensitive: goes before others
 * @is_ours: the event is of the daemon that runs now
 * @is_busy: something is being done about it
 * @is_insisted: to be shown in any case
 * @is_decided: the person has, of what is in it
 * @held_us: since when it is HELD
 * @fresh_us: HELD: of what makes it worth showing, its latest event or a new server
 * @event_us: of its latest event
 * @shown_us: when it was shown
 * @gone_us: when it was closed
 */
struct row {
	enum row_state state;
	uint64_t hash;
	json_int_t guest_id;
	char label[ALERT_LABEL];
	char service[ALERT_SERVICE];
	json_t *event;
	struct seen seen[SEEN_MAX];
	unsigned int next_seen;
	json_int_t newest_seen;
	uint64_t count;
	uint64_t counted;
	uint64_t since_us;
	uint64_t held_us;
	uint64_t fresh_us;
	uint64_t event_us;
	uint64_t shown_us;
	uint64_t gone_us;
	uint64_t incarnation;
	struct pace pace;
	char failure[ALERT_FAILURE];
	bool is_counted;
	bool is_dirty;
	bool is_sensitive;
	bool is_ours;
	bool is_busy;
	bool is_insisted;
	bool is_decided;
};

/**
 * struct guest_row - what all rows of one label have in common
 * @used_us: when it was looked for last, 0: never
 * @counted: packets that are in the summary now
 * @overflow: packets that went there since the last quiet minute, the latest at @overflow_us
 */
struct guest_row {
	char label[ALERT_LABEL];
	uint64_t used_us;
	struct bucket bucket;
	uint64_t counted;
	uint64_t overflow;
	uint64_t overflow_us;
};

/**
 * struct summary - of what is not shown by itself
 * @last_us: when the latest was added
 * @closed_us: when the person closed it, 0: it is not closed
 */
struct summary {
	uint64_t attempts;
	uint64_t lost;
	bool more_guests;
	bool was_quiet;
	bool is_live;
	bool is_dirty;
	uint64_t last_us;
	uint64_t closed_us;
	struct pace pace;
};

/**
 * struct alerts - all of it
 * @window: of what is shown anew
 * @updates: of what is no news any more
 * @room: how many may be LIVE
 * @is_moving: an update closes what is shown, and shows it anew
 * @is_beside: no alert, but with buttons, and on the screen
 */
struct alerts {
	struct row rows[ALERTS_MAX];
	struct guest_row guests[GUESTS_MAX];
	struct summary summary;
	struct window window;
	struct window updates;
	uint64_t repeat_us;
	unsigned int room;
	uint64_t incarnations;
	bool is_quiet;
	bool is_moving;
	bool is_beside;
	bool has_server;
};

/** guest_find() - the guest's row; where it has none, that of the one longest unheard of */
struct guest_row *guest_find(struct alerts *alerts, const char *label, uint64_t now_us);

/** guest_floods() - does so much of it go into the summary that all of it has to? */
bool guest_floods(const struct guest_row *guest, uint64_t now_us);

/** guest_count_in() - @count more packets of @guest are in the summary */
void guest_count_in(struct alerts *alerts, struct guest_row *guest, uint64_t count,
		    uint64_t now_us);

/** summary_is_past() - is what it says of before a quiet minute, or of quiet hours that are over? */
bool summary_is_past(const struct alerts *alerts, uint64_t now_us);

/** row_count_in() - the summary has it from now on */
void row_count_in(struct alerts *alerts, struct row *row, uint64_t now_us);

/** row_count_out() - what the summary counted of it is shown by itself now */
void row_count_out(struct alerts *alerts, struct row *row, uint64_t now_us);

/** row_free() - of no pair any more */
void row_free(struct row *row);
void row_show(struct alerts *alerts, struct row *row, uint64_t now_us);
void row_gone(struct row *row, uint64_t now_us);

/** row_guest_has_its_share() - has its guest as many alerts on the screen as it may have? */
bool row_guest_has_its_share(const struct alerts *alerts, const struct row *row);

/** rows_live() - how many alerts are on the screen */
unsigned int rows_live(const struct alerts *alerts);

/** row_has_room() - may it be shown beside what is, or in the place of something that gives way? */
bool row_has_room(const struct alerts *alerts, const struct row *row, uint64_t now_us);

/** row_take_room() - whether another alert has to go before @row may be shown: @next, then */
bool row_take_room(struct alerts *alerts, const struct row *row, uint64_t now_us,
		   struct alerts_next *next);

/** row_is_actionable() - would the daemon still let its event be allowed? */
bool row_is_actionable(const struct row *row, uint64_t now_us);

#endif
