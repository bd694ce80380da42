/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which alerts there are, and when each may be shown: no clock, no server, constant memory. */
#ifndef LHGUARD_NOTIFY_ALERTS_H
#define LHGUARD_NOTIFY_ALERTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define ALERTS_MAX	128 /* pairs of guest and service that are remembered */
#define ALERTS_LIVE_MAX 12  /* shown at a time: some servers refuse more than 20 of everybody's */
#define ALERTS_OF_GUEST 4   /* of these: what one guest has on the screen hides no other's */
#define ALERTS_PLAIN	3   /* of a guest's: the last is kept for what is sensitive */
#define ALERTS_NEVER	UINT64_MAX
#define ALERTS_SECOND	1000000u
#define ALERT_LABEL	168 /* bytes of a source's label with its NUL */
#define ALERT_FAILURE	256
#define ALERT_SERVICE	96 /* "tcp/127.0.0.1:9222" with its NUL */

/* How long the daemon takes AllowEvent for an event after it was last seen. */
#define ALERTS_ACTIONABLE_US (600ull * ALERTS_SECOND)

struct alerts;

/**
 * enum alerts_do - what is to be shown next
 * @ALERTS_SHOW: alert @slot for the first time, or again
 * @ALERTS_UPDATE: alert @slot, which is shown, says something new
 * @ALERTS_CLOSE: alert @slot makes room for another
 * @ALERTS_SUMMARY: the summary, as @is_update says
 * @ALERTS_SUMMARY_CLOSE: all that it counted is shown by itself now
 */
enum alerts_do { ALERTS_SHOW, ALERTS_UPDATE, ALERTS_CLOSE, ALERTS_SUMMARY, ALERTS_SUMMARY_CLOSE };

struct alerts_next {
	enum alerts_do what;
	unsigned int slot;
	bool is_update;
	bool is_insisted; /* somebody waits for it: see alerts_refused() */
};

/**
 * struct alert - one pair, as it is to be worded
 * @event: the latest of its events; borrowed
 * @label: of the source
 * @service: with its protocol, as in the mute list
 * @count: packets, also those of before it was shown
 * @since_us: of the first, by the clock that alerts_event() was given
 * @incarnation: never the same for two pairs, also where they had the same slot
 * @is_sensitive: as alerts_event() was told
 * @is_current: the event is of the daemon that runs now
 * @is_actionable: the event may still be allowed
 * @is_decided: see alerts_settle(); until there is news of it
 * @failure: why the latest Allow failed, "": it did not
 */
struct alert {
	const json_t *event;
	const char *label;
	const char *service;
	uint64_t count;
	uint64_t since_us;
	uint64_t incarnation;
	bool is_sensitive;
	bool is_current;
	bool is_actionable;
	bool is_decided;
	const char *failure;
};

/**
 * struct alerts_summary - what had to be summarised
 * @attempts: packets of pairs that are not shown by themselves
 * @guests: how many guests they are from; @more_guests: or more
 * @label: of the guest, where it is one
 * @lost: events that came faster than they could be read
 * @was_quiet: they were held back by quiet hours
 * @sensitive: the latest event of that pair of them whose service is sensitive, of the busiest where
 *	they are several; borrowed, NULL: none is
 * @more_sensitive: how many such pairs there are beside it
 */
struct alerts_summary {
	uint64_t attempts;
	unsigned int guests;
	bool more_guests;
	const char *label;
	uint64_t lost;
	bool was_quiet;
	const json_t *sensitive;
	unsigned int more_sensitive;
};

struct alerts *alerts_new(void);
void alerts_free(struct alerts *alerts);

/** alerts_set_repeat() - a pair whose alert is gone is not shown again before so long */
void alerts_set_repeat(struct alerts *alerts, uint64_t repeat_us);

/**
 * alerts_set_moving() - does an update close what is shown, and show it anew?
 * Then there are fewer, and none while another alert would come to its place, and get the click meant for it.
 * @is_beside: there is something else with buttons on the screen
 */
void alerts_set_moving(struct alerts *alerts, bool is_moving, bool is_beside);

/** alerts_set_room() - how many may be shown at a time, beside the summary */
void alerts_set_room(struct alerts *alerts, unsigned int room);

/** alerts_set_quiet() - begin or end hours in which nothing is shown but all is counted */
void alerts_set_quiet(struct alerts *alerts, bool is_quiet, uint64_t now_us);

/** alerts_set_server() - whether there is a server that takes anything */
void alerts_set_server(struct alerts *alerts, bool is_there, uint64_t now_us);

/** alerts_new_server() - what is shown is not any more: it is to be shown again, as if it were new */
void alerts_new_server(struct alerts *alerts, uint64_t now_us);

/** alerts_new_daemon() - events of the one before cannot be allowed any more; numbers begin anew */
void alerts_new_daemon(struct alerts *alerts);

/** alerts_event() - an event that a person should know of; mutes and settings are asked before */
void alerts_event(struct alerts *alerts, const json_t *event, bool is_sensitive, uint64_t now_us);

/** alerts_named() - what is known of its service has changed; @is_news: so that it reads otherwise */
void alerts_named(struct alerts *alerts, unsigned int slot, bool is_sensitive, bool is_news);
void alerts_lost(struct alerts *alerts, uint64_t count, uint64_t now_us);

/**
 * alerts_take() - what is to be shown now, if anything
 * What is taken counts as shown; say so with alerts_failed() where it was not.
 */
bool alerts_take(struct alerts *alerts, uint64_t now_us, struct alerts_next *next);

/** alerts_due() - when alerts_take() has to be asked again; ALERTS_NEVER: not before something happens */
uint64_t alerts_due(const struct alerts *alerts, uint64_t now_us);

bool alerts_get(const struct alerts *alerts, unsigned int slot, uint64_t now_us,
		struct alert *alert);

/** alerts_find() - the slot of the alert that had this incarnation; ALERTS_MAX: it is forgotten */
unsigned int alerts_find(const struct alerts *alerts, uint64_t incarnation);
void alerts_get_summary(const struct alerts *alerts, struct alerts_summary *summary);

/** alerts_failed() - what alerts_take() gave could not be shown */
void alerts_failed(struct alerts *alerts, const struct alerts_next *next, uint64_t now_us);

/** alerts_closed() - the person or the server closed an alert */
void alerts_closed(struct alerts *alerts, unsigned int slot, uint64_t now_us);
void alerts_summary_closed(struct alerts *alerts, uint64_t now_us);

/** alerts_hold() - an alert that something is being done about: its slot stays its own */
void alerts_hold(struct alerts *alerts, unsigned int slot, bool is_held);

/** alerts_refused() - an Allow of it failed: show that as soon as can be, the person waits for it */
void alerts_refused(struct alerts *alerts, unsigned int slot, const char *failure);

/** alerts_settle() - the person has decided: it is gone, as if closed */
void alerts_settle(struct alerts *alerts, unsigned int slot, uint64_t now_us);

/** alert_service() - "tcp/127.0.0.1:9222", "listen/tcp/…", "icmp/10.0.0.1" for an event */
void alert_service(char *target, const json_t *event);

#endif
