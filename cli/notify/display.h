/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The notification server, which may be absent, hang, refuse or change: one thing at a time. */
#ifndef LHGUARD_NOTIFY_DISPLAY_H
#define LHGUARD_NOTIFY_DISPLAY_H

#include "habits.h"
#include "message.h"

#include <gio/gio.h>
#include <stdbool.h>

#define DISPLAY_SLOTS 160

struct display;

/** enum display_how - @DISPLAY_UPDATE: only if it is still there; @DISPLAY_REPLACE: or else anew */
enum display_how { DISPLAY_NEW, DISPLAY_UPDATE, DISPLAY_REPLACE };

/**
 * struct display_handler - what is told, always out of the main loop
 * @ready: the next thing may be shown, or display_is_ready() has changed
 * @done: what was given to the server is shown, or not: then it is to be tried again
 * @closed: by the person or the server, not by us
 * @action: a button of a notification that we showed
 * @late: it took the server long to answer: what waits has waited for it
 * @renewed: the server went, and all that was shown with it
 */
struct display_handler {
	void (*ready)(void *data);
	void (*done)(void *data, unsigned int slot, bool is_shown);
	void (*closed)(void *data, unsigned int slot);
	void (*action)(void *data, unsigned int slot, const struct binding *binding,
		       enum action action);
	void (*late)(void *data);
	void (*renewed)(void *data);
};

struct display *display_new(GDBusConnection *bus, const struct display_handler *handler,
			    void *data);

/** display_free() - close all that is shown, without waiting for it; the thread is left alone */
void display_free(struct display *display);

/**
 * display_is_ready() - may something be shown now?
 * Where the server's capabilities are not known it begins to ask for them; @ready follows.
 */
bool display_is_ready(struct display *display);

/** display_is_usable() - is there a server, as far as is known, that takes what it is given? */
bool display_is_usable(const struct display *display);
bool display_has_actions(const struct display *display);

/** display_habits() - of the server whose capabilities were asked for last */
const struct habits *display_habits(const struct display *display);

/** display_show() - only when display_is_ready(); @done follows. @binding: may be NULL */
void display_show(struct display *display, unsigned int slot, enum display_how how,
		  const struct message *message, const struct binding *binding);

/** display_close() - only when display_is_ready(); @done follows */
void display_close(struct display *display, unsigned int slot);

#endif
