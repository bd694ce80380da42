// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One connection to the control socket, driven by the event loop in short turns.
 *
 * DOC: Theory of Operation
 *
 * A turn sends what waits, does one thing if nothing waits any more - the next answer of a stream,
 * or one message of the client - and sends again. While more can be done at once, a deferred source
 * asks for the next turn, so that the loop looks at the packet queues in between. While an answer
 * waits for a slow client, nothing more is read from it: its backlog is one answer, and for a
 * subscriber EVENTS_BACKLOG. While polkit is asked about a call, nothing more is read either, and a
 * client that goes takes the question with it. A client that is neither read from nor written to is
 * only watched for its end.
 */
#include "control/client.h"

#include "control/events.h"
#include "control/polkit.h"
#include "control/wire.h"
#include "util/log.h"
#include "util/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS_BACKLOG (64 * 1024) /* bytes of events that wait for a slow subscriber */
#define EVENT_SIZE     8192	   /* bytes of one event's answer */

/**
 * struct client - one connection
 * @stream: what it is being answered, beyond one message
 * @message: the call that polkit is asked about, NULL: none
 * @asked: the question, NULL once it is answered
 * @permit: that answer
 * @subject: the event that it is about; its id is 0 for none
 * @asks_to_read: the question is whether it may look
 * @io: its descriptor in the event loop
 * @turn: asks for a turn at once
 * @has_ended: it will send no more
 * @is_dismissed: it is no longer for this client that the socket is open
 */
struct client {
	struct wire wire;
	struct peer peer;
	const struct control_settings *settings;
	struct stream stream;
	json_t *message;
	struct polkit_asked *asked;
	struct permit permit;
	struct attempt subject;
	bool asks_to_read;
	sd_event_source *io;
	sd_event_source *turn;
	bool has_ended;
	bool is_dismissed;
	client_closed closed;
	void *data;
};

static bool is_streaming(const struct client *client)
{
	return client->stream.type != STREAM_NONE;
}

/* Can something be done without waiting for the client? */
static bool has_work(const struct client *client)
{
	if (client->wire.out_length)
		return false;
	if (client->message)
		return !client->asked;
	if (is_streaming(client))
		return !client->stream.is_live;
	return wire_has_message(&client->wire);
}

static int receive(struct client *client)
{
	ssize_t length = wire_receive(&client->wire);

	if (length == 0)
		client->has_ended = true;
	else if (length > 0)
		peer_sent(&client->peer, client->wire.sender, client->settings);
	return length < 0 && length != -EAGAIN ? (int)length : 0;
}

static int queue_answer(struct client *client, json_t *answer)
{
	int result = wire_queue(&client->wire, answer);

	json_decref(answer);
	return result;
}

static int continue_stream(struct client *client)
{
	bool is_unanswered = client->stream.is_unanswered;
	json_t *answer = stream_next(client->settings, &client->stream);

	if (answer && is_unanswered)
		json_decref(answer);
	else if (answer)
		return queue_answer(client, answer);
	return answer || stream_is_waiting(&client->stream) ? 0 : -ENOMEM;
}

static void on_permit(void *data, const struct permit *permit)
{
	struct client *client = data;

	client->asked = NULL;
	client->permit = *permit;
	sd_event_source_set_enabled(client->turn, SD_EVENT_ONESHOT);
}

/* Where nobody can be asked, that is the answer. */
static void ask_polkit(struct client *client, const struct polkit_question *question)
{
	int result =
		polkit_ask(client->settings->polkit, question, on_permit, client, &client->asked);

	client->asks_to_read = !strcmp(question->action, POLKIT_WATCH);
	client->permit = (struct permit){.result = result};
	if (result == -EBUSY)
		text_copy(client->permit.why, sizeof(client->permit.why),
			  "too many questions of this user are open already");
}

/* @message: taken over */
static int answer_call(struct client *client, json_t *message, const struct permit *permit)
{
	struct polkit_question question = {.subject = &client->subject};
	json_t *answer = NULL;
	int result = call_answer(client->settings, &client->peer, message, permit, &client->stream,
				 &answer, &question);

	if (result == -EAGAIN) {
		client->message = message;
		ask_polkit(client, &question);
		return 0;
	}
	client->subject.id = 0;
	json_decref(message);
	return answer ? queue_answer(client, answer) : result;
}

static int answer_message(struct client *client)
{
	struct error error = {.text = ""};
	json_t *message = NULL;
	int result = wire_next(&client->wire, &message, &error);

	if (result <= 0) {
		log_debug("control: process %d sent %s", client->peer.pid, error.text);
		return result;
	}
	return answer_call(client, message, NULL);
}

/* Polkit has answered. */
static int resume_call(struct client *client)
{
	json_t *message = client->message;

	client->message = NULL;
	client->peer.is_reader |= client->asks_to_read && !client->permit.result;
	return answer_call(client, message, &client->permit);
}

static int take_turn(struct client *client)
{
	int result = wire_flush(&client->wire);

	if (result)
		return result == -EAGAIN ? 0 : result;
	if (!has_work(client))
		return 0;
	if (client->message)
		result = resume_call(client);
	else
		result = is_streaming(client) ? continue_stream(client) : answer_message(client);
	if (result)
		return result;
	result = wire_flush(&client->wire);
	return result == -EAGAIN ? 0 : result;
}

/* What the next turn waits for. */
static int arm(struct client *client)
{
	bool reads = !is_streaming(client) && !client->message && !client->wire.out_length &&
		     !has_work(client);
	uint32_t events = (reads ? EPOLLIN : 0u) | (client->wire.out_length ? EPOLLOUT : 0u);
	int result = sd_event_source_set_io_events(client->io, events);

	if (result < 0)
		return result;
	return sd_event_source_set_enabled(client->turn,
					   has_work(client) ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
}

static bool is_done(const struct client *client)
{
	if (client->is_dismissed)
		return true;
	return client->has_ended && !client->wire.out_length && !is_streaming(client) &&
	       !client->message && !has_work(client);
}

static void end_turn(struct client *client, int result)
{
	if (result >= 0 && !is_done(client))
		result = arm(client);
	else if (result >= 0)
		result = -ESHUTDOWN;
	if (result >= 0)
		return;
	client->closed(client->data, client);
	client_free(client);
}

static int on_io(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct client *client = data;
	int result = 0;

	if ((is_streaming(client) || client->message) && (events & (EPOLLHUP | EPOLLERR)))
		result = -EPIPE;
	else if (events & EPOLLIN)
		result = receive(client);
	end_turn(client, result ? result : take_turn(client));
	return 0;
}

static int on_turn(sd_event_source *source, void *data)
{
	struct client *client = data;

	end_turn(client, take_turn(client));
	return 0;
}

static int add_sources(struct client *client, int64_t priority)
{
	sd_event *loop = client->settings->loop;
	int result = sd_event_add_io(loop, &client->io, client->wire.fd, EPOLLIN, on_io, client);

	if (result >= 0)
		result = sd_event_add_defer(loop, &client->turn, on_turn, client);
	if (result >= 0)
		result = sd_event_source_set_enabled(client->turn, SD_EVENT_OFF);
	if (result >= 0)
		result = sd_event_source_set_priority(client->io, priority);
	if (result >= 0)
		result = sd_event_source_set_priority(client->turn, priority);
	return result;
}

int client_new(struct client **client, int fd, const struct peer *peer,
	       const struct control_settings *settings, int64_t priority, client_closed closed,
	       void *data)
{
	struct client *new = calloc(1, sizeof(*new));
	int result;

	if (!new) {
		close(fd);
		return -ENOMEM;
	}
	new->wire.fd = fd;
	new->peer = *peer;
	new->settings = settings;
	new->closed = closed;
	new->data = data;
	result = add_sources(new, priority);
	if (result < 0) {
		client_free(new);
		return result;
	}
	*client = new;
	return 0;
}

void client_free(struct client *client)
{
	sd_event_source_disable_unref(client->turn);
	sd_event_source_disable_unref(client->io);
	polkit_cancel(client->asked);
	json_decref(client->message);
	stream_end(client->settings, &client->stream);
	close(client->wire.fd);
	wire_clear(&client->wire);
	free(client);
}

const struct peer *client_peer(const struct client *client)
{
	return &client->peer;
}

void client_dismiss(struct client *client)
{
	client->is_dismissed = true;
	sd_event_source_set_enabled(client->turn, SD_EVENT_ONESHOT);
}

void client_status_changed(struct client *client)
{
	if (client->stream.type != STREAM_STATUS)
		return;
	client->stream.is_live = false;
	sd_event_source_set_enabled(client->turn, SD_EVENT_ONESHOT);
}

/* An event behind the cursor of a stream that is not live yet will be found in the ring. */
bool client_wants_event(const struct client *client, uint64_t id)
{
	return client->stream.type == STREAM_EVENTS &&
	       (client->stream.is_live || id <= client->stream.cursor);
}

void client_event(struct client *client, const char *event)
{
	char text[EVENT_SIZE];
	size_t length = stream_event_text(text, sizeof(text), event, client->stream.lost);

	if (!length || client->wire.out_length + length > EVENTS_BACKLOG ||
	    wire_queue_text(&client->wire, text, length)) {
		client->stream.lost++;
		events_note_untold(client->settings->events, 1);
		return;
	}
	client->stream.lost = 0;
	sd_event_source_set_enabled(client->turn, SD_EVENT_ONESHOT);
}
