/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The link to the daemon: events, status and the names of services, found again whenever it is lost. */
#ifndef LHGUARD_NOTIFY_LINK_H
#define LHGUARD_NOTIFY_LINK_H

#include "channel.h"

struct link;

/**
 * enum link_state - how it is with the daemon
 * @LINK_UP: its events come
 * @LINK_STOPPED: it has gone and taken its socket with it, or was never there
 * @LINK_DIED: its socket is there, and nobody serves it
 * @LINK_SILENT: somebody serves it, but does not answer
 * @LINK_FORBIDDEN: we may not read
 */
enum link_state { LINK_UP, LINK_STOPPED, LINK_DIED, LINK_SILENT, LINK_FORBIDDEN };

/**
 * struct link_handler - what is told of the link
 * @state: after each try to connect, and when the link is lost; the same one may come again
 * @event: one attempt or listener as it happens; nothing from before the link was up
 * @lost: so many events came too fast for us
 * @status: of GetStatus, once the link is up and whenever something changed
 * @services: the whole list of ListServices
 */
struct link_handler {
	void (*state)(void *data, enum link_state state);
	void (*event)(void *data, const json_t *event);
	void (*lost)(void *data, json_int_t count);
	void (*status)(void *data, const json_t *status);
	void (*services)(void *data, const json_t *list);
};

/** link_new() - connect to the socket at @path (borrowed), now and for ever again */
struct link *link_new(const char *path, const struct link_handler *handler, void *data);
void link_free(struct link *link);

#endif
