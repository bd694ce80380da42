/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers that come in many messages: long lists, and events as they happen. */
#ifndef LHGUARD_CONTROL_STREAMS_H
#define LHGUARD_CONTROL_STREAMS_H

#include "control/control.h"

#include <jansson.h>

enum stream_type {
	STREAM_NONE,
	STREAM_EXCEPTIONS,
	STREAM_GUESTS,
	STREAM_SERVICES,
	STREAM_EVENTS,
	STREAM_CONNECTIONS,
	STREAM_CUT,
	STREAM_PORTS,
	STREAM_STATUS,
};

/**
 * struct stream - what is left to answer to a call with "more"
 * @type: STREAM_NONE: nothing
 * @cursor: id of the latest item that was answered
 * @is_started: something was answered
 * @is_live: all there is to tell is answered; each new event, or a change of the status, is to be
 *	answered as it comes
 * @lost: events that the caller was too slow for and has not been told of
 * @is_single: the caller takes one answer only
 * @is_unanswered: the caller takes none
 * @walk: of STREAM_CONNECTIONS and STREAM_CUT
 * @items: of the next answer, NULL: none so far; of STREAM_CUT what it says beside "cut"
 * @reach: of STREAM_PORTS
 * @bytes: of JSON in @items
 * @count: connections found or cut so far
 */
struct stream {
	enum stream_type type;
	uint64_t cursor;
	bool is_started;
	bool is_live;
	uint64_t lost;
	bool is_single;
	bool is_unanswered;
	struct walk *walk;
	struct reach_walk *reach;
	json_t *items;
	size_t bytes;
	uint64_t count;
};

#define PAGE_BYTES (32 * 1024) /* of JSON: well below a message of the wire, and a short turn */

/**
 * stream_next() - the next answer of a stream, a page of a list or one event
 * The first answer of STREAM_EVENTS has no event: it says that nothing from now on is missed.
 * @stream: its @type becomes STREAM_NONE with the last answer
 * Return: the answer, or NULL when there is none now: stream_is_waiting(), or memory is short.
 */
json_t *stream_next(const struct control_settings *settings, struct stream *stream);

/** stream_is_waiting() - is there no answer yet, for an event or for another turn's work? */
static inline bool stream_is_waiting(const struct stream *stream)
{
	return stream->is_live || stream->walk || stream->reach;
}

/** stream_end() - nothing more of it will be answered */
void stream_end(const struct control_settings *settings, struct stream *stream);

/** stream_newest_event() - the answer to a Watch without "more": the newest event, if any. */
json_t *stream_newest_event(const struct control_settings *settings);

/**
 * stream_start_events() - events from the newest @past on
 */
void stream_start_events(const struct control_settings *settings, struct stream *stream,
			 uint64_t past);

/**
 * stream_event_text() - an answer with one event, as JSON text
 * @event: json_dumps() of reply_event(), so that it is made once for all subscribers
 * @lost: how many the subscriber has missed before it
 * Return: bytes written to @text, or 0 when they did not fit.
 */
size_t stream_event_text(char *text, size_t size, const char *event, uint64_t lost);

#endif
