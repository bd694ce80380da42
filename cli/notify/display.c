// SPDX-License-Identifier: GPL-2.0-or-later
/* The notification server, which may be absent, hang, refuse or change: one thing at a time. */
#include "display.h"

#include "orphans.h"
#include "server.h"
#include "wording.h"

#include <string.h>

/**
 * DOC: Theory of Operation
 *
 * At most one request is out; whoever wants to show something waits for it to come back, and then
 * shows what is so by then. A server that hangs costs nothing but time. Its capabilities and its name
 * are asked for before the first thing is shown, again after each failure (so that nothing is sent to
 * a server that does not answer) and of each new owner of its name. After a failure it is left alone for a
 * while, which grows from one failure to the next; where there is no server, until one appears.
 */

#define NAME		"org.freedesktop.Notifications"
#define PATH		"/org/freedesktop/Notifications"
#define CAPABILITIES_MS 25000 /* it may have to be started */
#define LATE_US		1000000
#define REST_FIRST_S	2
#define REST_EXCESS_S	10
#define REST_MOST_S	60

/**
 * struct display - the main loop's side
 * @generation: grows with each server that goes
 * @is_asking: for the capabilities, or then for its name, of the server of @asked_generation
 * @is_known: both are
 * @is_absent: there is no server, and none could be started
 * @is_busy: a request is out
 * @asked_us: since when we wait for it
 * @rest_s: seconds that it is left alone after the next failure
 * @timer: ends the rest
 * @ids: of what is shown, 0: nothing
 */
struct display {
	GDBusConnection *bus;
	const struct display_handler *handler;
	void *data;
	struct server *server;
	guint watch;
	guint timer;
	unsigned int generation;
	unsigned int asked_generation;
	gint64 asked_us;
	unsigned int rest_s;
	bool had_owner;
	bool is_asking;
	bool is_known;
	bool is_absent;
	bool is_busy;
	bool has_actions;
	bool has_markup;
	struct habits habits;
	guint32 ids[DISPLAY_SLOTS];
};

bool display_is_usable(const struct display *display)
{
	return !display->timer && !display->is_absent;
}

bool display_has_actions(const struct display *display)
{
	return display->has_actions;
}

const struct habits *display_habits(const struct display *display)
{
	return &display->habits;
}

static gboolean on_rested(gpointer data)
{
	struct display *display = data;

	display->timer = 0;
	display->is_absent = false;
	display->handler->ready(display->data);
	return G_SOURCE_REMOVE;
}

static void rest(struct display *display, enum request_result result)
{
	unsigned int seconds = display->rest_s;

	if (result == RESULT_EXCESS && seconds < REST_EXCESS_S)
		seconds = REST_EXCESS_S;
	if (result == RESULT_ABSENT)
		seconds = REST_MOST_S;
	display->is_known = false;
	display->is_absent = result == RESULT_ABSENT;
	display->rest_s = MIN(seconds * 2, REST_MOST_S);
	if (!display->timer)
		display->timer = g_timeout_add_seconds(seconds, on_rested, display);
}

/*
 * One that went says nothing of the one that is there now. Where none is, the next call starts one, which
 * may end as soon as that did.
 */
static bool is_to_rest(const struct display *display, bool is_past)
{
	return !is_past || !display->had_owner;
}

static void check_late(const struct display *display)
{
	if (g_get_monotonic_time() - display->asked_us > LATE_US)
		display->handler->late(display->data);
}

static void take_capabilities(struct display *display, GVariant *reply)
{
	GVariantIter *list = NULL;
	const char *word;

	display->has_actions = display->has_markup = false;
	if (!g_variant_is_of_type(reply, G_VARIANT_TYPE("(as)")))
		return;
	g_variant_get(reply, "(as)", &list);
	while (g_variant_iter_next(list, "&s", &word)) {
		display->has_actions |= !strcmp(word, "actions");
		display->has_markup |= !strcmp(word, "body-markup");
	}
	g_variant_iter_free(list);
}

static void take_information(struct display *display, GVariant *reply)
{
	const char *name, *version;

	display->habits = habits_of("", "");
	if (!g_variant_is_of_type(reply, G_VARIANT_TYPE("(ssss)")))
		return;
	g_variant_get(reply, "(&s&s&s&s)", &name, NULL, &version, NULL);
	display->habits = habits_of(name, version);
}

static void answered(struct display *display)
{
	display->is_asking = false;
	check_late(display);
	display->handler->ready(display->data);
}

/* Return: what the server answered, or NULL, and then all is done: another's has to be asked again. */
static GVariant *answer_of(struct display *display, GObject *bus, GAsyncResult *result)
{
	GError *error = NULL;
	GVariant *reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(bus), result, &error);
	bool is_past = display->asked_generation != display->generation;

	if (reply && !is_past)
		return reply;
	if (is_to_rest(display, is_past))
		rest(display, error && error_is_absence(error) ? RESULT_ABSENT : RESULT_FAILED);
	g_clear_error(&error);
	g_clear_pointer(&reply, g_variant_unref);
	answered(display);
	return NULL;
}

static void ask(struct display *display, const char *method, GAsyncReadyCallback then)
{
	g_dbus_connection_call(display->bus, NAME, PATH, NAME, method, NULL, NULL,
			       G_DBUS_CALL_FLAGS_NONE, CAPABILITIES_MS, NULL, then, display);
}

static void on_information(GObject *bus, GAsyncResult *result, gpointer data)
{
	struct display *display = data;
	GVariant *reply = answer_of(display, bus, result);

	if (!reply)
		return;
	take_information(display, reply);
	g_variant_unref(reply);
	display->is_known = true;
	answered(display);
}

static void on_capabilities(GObject *bus, GAsyncResult *result, gpointer data)
{
	struct display *display = data;
	GVariant *reply = answer_of(display, bus, result);

	if (!reply)
		return;
	take_capabilities(display, reply);
	g_variant_unref(reply);
	ask(display, "GetServerInformation", on_information);
}

bool display_is_ready(struct display *display)
{
	if (display->is_busy || display->is_asking || !display_is_usable(display))
		return false;
	if (display->is_known)
		return true;
	display->is_asking = true;
	display->asked_generation = display->generation;
	display->asked_us = g_get_monotonic_time();
	ask(display, "GetCapabilities", on_capabilities);
	return false;
}

static void complain(const char *reason)
{
	char text[256];

	g_printerr("lhguard-notify: the notification server: %s\n",
		   clean(text, sizeof(text), reason));
}

static void on_done(void *data, struct request *request)
{
	struct display *display = data;
	bool is_past = request->generation != display->generation;
	bool is_shown = request->result == RESULT_DONE && !is_past;

	display->is_busy = false;
	if (request->type == REQUEST_SHOW && is_shown)
		display->ids[request->slot] = request->id;
	if (is_shown || request->result == RESULT_GONE)
		display->rest_s = REST_FIRST_S;
	else if (is_to_rest(display, is_past))
		rest(display, request->result == RESULT_DONE ? RESULT_FAILED : request->result);
	if (request->error)
		complain(request->error);
	/* Of what was closed meanwhile nothing is to be tried again. */
	display->handler->done(display->data, request->slot,
			       is_shown || request->result == RESULT_GONE);
	request_free(request);
	check_late(display);
	display->handler->ready(display->data);
}

static void on_closed(void *data, unsigned int slot, unsigned int generation)
{
	struct display *display = data;

	if (generation != display->generation)
		return;
	display->ids[slot] = 0;
	display->handler->closed(display->data, slot);
}

/* Another server has the same numbers for what others show. */
static void on_action(void *data, unsigned int slot, unsigned int generation,
		      const struct binding *binding, enum action action)
{
	struct display *display = data;

	if (generation != display->generation)
		return;
	display->handler->action(display->data, slot, binding, action);
}

static struct request *request_new(struct display *display, enum request_type type,
				   unsigned int slot)
{
	struct request *request = g_new0(struct request, 1);

	request->type = type;
	request->slot = slot;
	request->generation = display->generation;
	return request;
}

static void submit(struct display *display, struct request *request)
{
	display->is_busy = true;
	display->asked_us = g_get_monotonic_time();
	server_submit(display->server, request);
}

void display_show(struct display *display, unsigned int slot, enum display_how how,
		  const struct message *message, const struct binding *binding)
{
	struct request *request = request_new(display, REQUEST_SHOW, slot);

	request->how = how;
	request->summary = g_malloc(ESCAPED_SUMMARY_SIZE);
	request->body = g_malloc(ESCAPED_BODY_SIZE);
	message_escape(message, display->has_markup, request->summary, request->body);
	if (display->habits.joins_lines)
		message_join_lines(request->body);
	request->urgency = message->urgency;
	if (request->urgency == URGENCY_LOW && display->habits.hides_low)
		request->urgency = URGENCY_NORMAL;
	request->is_transient = message->urgency == URGENCY_LOW;
	request->actions = display->has_actions ? message->actions : 0;
	request->habits = display->habits;
	request->timeout_ms = message->timeout_ms;
	if (binding)
		request->binding = *binding;
	submit(display, request);
}

void display_close(struct display *display, unsigned int slot)
{
	display->ids[slot] = 0;
	submit(display, request_new(display, REQUEST_CLOSE, slot));
}

static void on_appeared(GDBusConnection *bus, const char *name, const char *owner, gpointer data)
{
	struct display *display = data;

	display->had_owner = true;
	display->is_known = false;
	display->is_absent = false;
	display->rest_s = REST_FIRST_S;
	if (display->timer)
		g_source_remove(display->timer);
	display->timer = 0;
	display_is_ready(display); /* so that the first alert need not wait for its capabilities */
	display->handler->ready(display->data);
}

static void on_vanished(GDBusConnection *bus, const char *name, gpointer data)
{
	struct display *display = data;

	display->is_known = false;
	if (!display->had_owner)
		return; /* whether one can be started is seen when there is something to show */
	display->had_owner = false;
	display->generation++;
	memset(display->ids, 0, sizeof(display->ids));
	display->handler->renewed(display->data);
	display->handler->ready(display->data);
}

struct display *display_new(GDBusConnection *bus, const struct display_handler *handler, void *data)
{
	static const struct server_handler of_server = {on_done, on_closed, on_action};
	struct display *display = g_new0(struct display, 1);

	display->bus = g_object_ref(bus);
	display->handler = handler;
	display->data = data;
	display->rest_s = REST_FIRST_S;
	display->habits = habits_of("", "");
	orphans_watch(bus);
	display->server = server_new(&of_server, display);
	display->watch = g_bus_watch_name_on_connection(bus, NAME, G_BUS_NAME_WATCHER_FLAGS_NONE,
							on_appeared, on_vanished, display, NULL);
	return display;
}

void display_free(struct display *display)
{
	for (unsigned int i = 0; i < DISPLAY_SLOTS; i++)
		if (display->ids[i])
			g_dbus_connection_call(display->bus, NAME, PATH, NAME, "CloseNotification",
					       g_variant_new("(u)", display->ids[i]), NULL,
					       G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, NULL, NULL,
					       NULL);
	g_bus_unwatch_name(display->watch);
	if (display->timer)
		g_source_remove(display->timer);
	g_dbus_connection_flush_sync(display->bus, NULL, NULL);
	g_object_unref(display->bus);
	/* Its thread may be waiting for the server: it ends with the process. */
}
