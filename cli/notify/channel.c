// SPDX-License-Identifier: GPL-2.0-or-later
/* One call to the daemon in GLib's main loop: connected, sent and heard without ever waiting. */
#include "channel.h"

#include "../output.h"

#include "control/wire.h"
#include "util/error.h"

#include <errno.h>
#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define INTERFACE "org.lhguard."

/**
 * struct channel - one connection with one call on it
 * @source: of the socket, 0: none
 * @timer: ends the wait for the first answer, 0: none
 * @more: many answers were asked for; else the first is the last, whatever it says
 * @failure: why it will end, told by an idle source
 * @dispatching: its handler is being called, so that closing only marks it
 * @is_closed: to be freed once the handler has returned
 */
struct channel {
	struct wire wire;
	const struct channel_handler *handler;
	void *data;
	guint source;
	guint timer;
	bool more;
	enum channel_end failure;
	bool dispatching;
	bool is_closed;
};

static void release(struct channel *channel)
{
	if (channel->source)
		g_source_remove(channel->source);
	if (channel->timer)
		g_source_remove(channel->timer);
	if (channel->wire.fd >= 0)
		close(channel->wire.fd);
	wire_clear(&channel->wire);
	g_free(channel);
}

void channel_close(struct channel *channel)
{
	if (channel && channel->dispatching)
		channel->is_closed = true;
	else if (channel)
		release(channel);
}

static void finish(struct channel *channel, enum channel_end end, const char *error,
		   const char *reason)
{
	channel->dispatching = true;
	if (!channel->is_closed)
		channel->handler->end(channel->data, end, error, reason);
	release(channel);
}

static gboolean on_failure(gpointer data)
{
	struct channel *channel = data;

	channel->source = 0;
	finish(channel, channel->failure, "", "");
	return G_SOURCE_REMOVE;
}

static gboolean on_timeout(gpointer data)
{
	struct channel *channel = data;

	channel->timer = 0;
	finish(channel, CHANNEL_TIMEOUT, "", "");
	return G_SOURCE_REMOVE;
}

/* Return: whether more will come. The channel may be closed then, but it is still there. */
static bool take_message(struct channel *channel, const json_t *message)
{
	const json_t *parameters = json_object_get(message, "parameters");
	const char *error = text_of(message, "error");
	bool continues = channel->more && json_is_true(json_object_get(message, "continues"));

	if (channel->timer)
		g_source_remove(channel->timer);
	channel->timer = 0;
	if (*error) {
		if (g_str_has_prefix(error, INTERFACE))
			error += strlen(INTERFACE);
		channel->handler->end(channel->data, CHANNEL_ERROR, error,
				      text_of(parameters, "reason"));
		channel->is_closed = true;
		return false;
	}
	channel->handler->answer(channel->data, parameters, continues);
	return continues && !channel->is_closed;
}

/* Return: false when the channel has ended, and is gone. */
static bool take_messages(struct channel *channel)
{
	struct error error = {.text = ""};
	json_t *message = NULL;
	int result;

	while ((result = wire_next(&channel->wire, &message, &error)) == 1) {
		bool goes_on;

		channel->dispatching = true;
		goes_on = take_message(channel, message);
		channel->dispatching = false;
		json_decref(message);
		if (!goes_on) {
			finish(channel, CHANNEL_DONE, "", "");
			return false;
		}
	}
	if (result < 0) {
		finish(channel, CHANNEL_LOST, "", error.text);
		return false;
	}
	return true;
}

static gboolean on_socket(gint fd, GIOCondition condition, gpointer data);

static void watch_socket(struct channel *channel, GIOCondition condition)
{
	channel->source = g_unix_fd_add(channel->wire.fd, condition, on_socket, channel);
}

/* Where finish() is called the source goes with the channel. */
static gboolean on_socket(gint fd, GIOCondition condition, gpointer data)
{
	struct channel *channel = data;
	ssize_t length;

	if ((condition & G_IO_OUT) && wire_flush(&channel->wire) != -EAGAIN) {
		/* When the daemon has hung up, what it said before is still to be read. */
		watch_socket(channel, G_IO_IN);
		return G_SOURCE_REMOVE;
	}
	if (!(condition & (G_IO_IN | G_IO_HUP | G_IO_ERR)))
		return G_SOURCE_CONTINUE;
	length = wire_receive(&channel->wire);
	if (length > 0)
		return take_messages(channel) ? G_SOURCE_CONTINUE : G_SOURCE_REMOVE;
	if (length == -EAGAIN)
		return G_SOURCE_CONTINUE;
	finish(channel, CHANNEL_LOST, "",
	       length < 0 && length != -ECONNRESET ? strerror((int)-length) : "");
	return G_SOURCE_REMOVE;
}

/* Return: 0 or -errno. A connect(2) on a unix socket never takes time: what is full says EAGAIN. */
static int connect_to(struct channel *channel, const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	channel->wire.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (channel->wire.fd < 0)
		return -errno;
	if (connect(channel->wire.fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	return 0;
}

static enum channel_end end_of(int result)
{
	switch (result) {
	case -ENOENT:
	case -ENOTDIR:
	case -ENAMETOOLONG:
		return CHANNEL_ABSENT;
	case -ECONNREFUSED:
		return CHANNEL_REFUSED;
	case -EACCES:
	case -EPERM:
		return CHANNEL_FORBIDDEN;
	default:
		return CHANNEL_LOST;
	}
}

struct channel *channel_open(const char *path, const char *method, json_t *parameters, bool more,
			     unsigned int timeout_s, const struct channel_handler *handler,
			     void *data)
{
	struct channel *channel = g_new0(struct channel, 1);
	char *name = g_strconcat(INTERFACE, method, NULL);
	json_t *call = json_pack("{s:s, s:o*, s:b}", "method", name, "parameters", parameters,
				 "more", more);
	int result;

	channel->handler = handler;
	channel->data = data;
	channel->more = more;
	channel->wire.fd = -1;
	result = connect_to(channel, path);
	if (!result)
		result = call ? wire_queue(&channel->wire, call) : -ENOMEM;
	json_decref(call);
	g_free(name);
	if (result) {
		channel->failure = end_of(result);
		channel->source = g_idle_add(on_failure, channel);
		return channel;
	}
	watch_socket(channel, G_IO_IN | G_IO_OUT);
	channel->timer = g_timeout_add_seconds(timeout_s, on_timeout, channel);
	return channel;
}
