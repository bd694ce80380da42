/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The desktop agent: what the daemon tells, shown; what the person clicks, asked for. */
#ifndef LHGUARD_NOTIFY_AGENT_H
#define LHGUARD_NOTIFY_AGENT_H

#include "alerts.h"
#include "conditions.h"
#include "display.h"
#include "known.h"
#include "link.h"
#include "mutes.h"
#include "notices.h"
#include "settings.h"
#include "viewer.h"

#include <assert.h>
#include <gio/gio.h>

/* Slots of the display: the alerts' own, then these. */
#define SLOT_SUMMARY ALERTS_MAX
#define SLOT_NOTICES (ALERTS_MAX + 1)

#define ASKS_MAX NOTICE_OUTCOMES

static_assert(SLOT_NOTICES + NOTICE_COUNT <= DISPLAY_SLOTS, "each notice has a slot");

/**
 * struct ask - an AllowEvent that is not answered yet
 * @channel: NULL: this one is free
 * @slot: of the alert, whose row is held for it
 * @seconds: 0: for ever
 */
struct ask {
	struct agent *agent;
	struct channel *channel;
	unsigned int slot;
	unsigned int seconds;
};

/**
 * struct watched - a file that is read again when it changes
 * @folder: the nearest to it that is there
 * @is_for_folder: it is not the file's own, which is waited for
 */
struct watched {
	struct agent *agent;
	char *path;
	char *folder;
	GFileMonitor *monitor;
	bool is_for_folder;
};

/**
 * struct agent - all of it
 * @bus: of the session
 * @socket: of the daemon
 * @config: notify.conf
 * @showing: what the display was given is an alert, or the summary: @next
 * @naming: of the services of the alerts, by slot, as they were shown last
 * @details: is being asked for, NULL: nothing is
 * @details_text: what was too long for a notification, NULL: nothing was
 * @viewer: opens that
 * @is_opening: it is doing so
 */
struct agent {
	GDBusConnection *bus;
	const char *socket;
	const char *config;
	struct settings settings;
	struct alerts *alerts;
	struct conditions conditions;
	struct notices notices;
	struct mutes *mutes;
	struct known *known;
	struct link *link;
	struct display *display;
	bool is_quiet;
	bool showing;
	struct alerts_next next;
	uint64_t naming[ALERTS_MAX];
	struct ask asks[ASKS_MAX];
	struct details *details;
	char *details_text;
	struct viewer *viewer;
	bool is_opening;
	struct watched watched[2];
	guint reload;
	guint timer;
	guint pump;
};

/** agent_new() - start it. @folder: where the mute list is kept. Strings are borrowed */
struct agent *agent_new(GDBusConnection *bus, const char *socket, const char *config,
			const char *folder);
void agent_free(struct agent *agent);

/** agent_wake() - something has happened: show what there is to show, soon */
void agent_wake(struct agent *agent);

/** agent_title() - of an event's service, NULL: it has none */
const char *agent_title(const struct agent *agent, const json_t *event, bool *sensitive);

/** agent_now() - microseconds, of the clock that the alerts are told: it counts sleep, too */
uint64_t agent_now(void);

/** binding_of() - what a click on an alert is about, as it is now */
struct binding binding_of(const struct alert *alert);

/** clicks_take() - display_handler's @action */
void clicks_take(void *data, unsigned int slot, const struct binding *binding, enum action action);

/** clicks_close() - give up what is being asked */
void clicks_close(struct agent *agent);

/** files_watch() - read settings and mute list, now and whenever they change */
void files_watch(struct agent *agent, const char *folder);
void files_unwatch(struct agent *agent);

/** details_show() - what `lhguard explain` says of its event, in a notification of its own */
void details_show(struct agent *agent, const struct alert *alert);

/** details_open() - all of it, in the desktop's viewer of texts */
void details_open(struct agent *agent);

/** details_told() - viewer_told: what has come of details_open() */
void details_told(void *data, const char *reason);
void details_close(struct agent *agent);

#endif
