/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One call to the daemon in GLib's main loop: connected, sent and heard without ever waiting. */
#ifndef LHGUARD_NOTIFY_CHANNEL_H
#define LHGUARD_NOTIFY_CHANNEL_H

#include <jansson.h>
#include <stdbool.h>

struct channel;

/**
 * enum channel_end - why a channel ended
 * @CHANNEL_DONE: the last answer has come
 * @CHANNEL_ERROR: the daemon answered with an error
 * @CHANNEL_ABSENT: there is no socket
 * @CHANNEL_REFUSED: there is one, and nobody serves it
 * @CHANNEL_FORBIDDEN: the socket is not open to us
 * @CHANNEL_LOST: the daemon hung up, or cannot be understood
 * @CHANNEL_TIMEOUT: no answer in time
 */
enum channel_end {
	CHANNEL_DONE,
	CHANNEL_ERROR,
	CHANNEL_ABSENT,
	CHANNEL_REFUSED,
	CHANNEL_FORBIDDEN,
	CHANNEL_LOST,
	CHANNEL_TIMEOUT,
};

/**
 * struct channel_handler - what is told of a channel, always out of the main loop
 * @answer: the parameters of one answer; @continues: more will come. It may close the channel
 * @end: the channel is gone when this returns; @error: of CHANNEL_ERROR without its interface,
 *	"NotPermitted", else ""; @reason: for a person, not escaped, may be ""
 */
struct channel_handler {
	void (*answer)(void *data, const json_t *parameters, bool continues);
	void (*end)(void *data, enum channel_end end, const char *error, const char *reason);
};

/**
 * channel_open() - connect and call
 * @method: without its interface, "Watch"
 * @parameters: taken over; NULL: none
 * @more: many answers are welcome
 * @timeout_s: seconds until the first answer has to be there
 * Return: never NULL. A failure to connect is told by the handler, too.
 */
struct channel *channel_open(const char *path, const char *method, json_t *parameters, bool more,
			     unsigned int timeout_s, const struct channel_handler *handler,
			     void *data);

/** channel_close() - hang up; the handler is not called any more. NULL is fine. */
void channel_close(struct channel *channel);

#endif
