/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One connection to the control socket, driven by the event loop in short turns. */
#ifndef LHGUARD_CONTROL_CLIENT_H
#define LHGUARD_CONTROL_CLIENT_H

#include "control/call.h"

struct client;

/** client_closed - the connection has ended; @client is freed when this returns. */
typedef void (*client_closed)(void *data, struct client *client);

/**
 * client_new() - serve a connection
 * @fd: taken over, also on failure
 * @peer: who it is
 * @priority: of its sources in the event loop
 * @closed: called once, from the event loop, with @data
 */
int client_new(struct client **client, int fd, const struct peer *peer,
	       const struct control_settings *settings, int64_t priority, client_closed closed,
	       void *data);

/** client_free() - close the connection without calling @closed. */
void client_free(struct client *client);

/** client_peer() - who it is */
const struct peer *client_peer(const struct client *client);

/** client_dismiss() - it is answered what was done for it by now, and ends in a later turn */
void client_dismiss(struct client *client);

/** client_status_changed() - if it follows the status, it is told in a later turn */
void client_status_changed(struct client *client);

/** client_wants_event() - does it watch, and has its stream come as far as this event? */
bool client_wants_event(const struct client *client, uint64_t id);

/**
 * client_event() - answer with an event that client_wants_event()
 * Sent in a later turn. When the client is too slow for it, it is counted as lost.
 * @event: JSON text of the event, made once for all clients
 */
void client_event(struct client *client, const char *event);

#endif
