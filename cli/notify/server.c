// SPDX-License-Identifier: GPL-2.0-or-later
/* The thread in which libnotify may wait for the server as long as it likes. */
#include "server.h"

#include "orphans.h"

#include <libnotify/notify.h>
#include <string.h>

/**
 * DOC: Theory of Operation
 *
 * libnotify's calls wait for the server's answer, up to 25 s from one that is stopped. So all of
 * libnotify lives in one thread with a main context of its own, which also gets the server's signals.
 * Requests come in and go back as sources of the two contexts; nothing else is shared. A button is
 * offered with what it is about (struct binding), which comes back with the click, so that a click
 * can never be about anything else.
 */

struct server {
	const struct server_handler *handler;
	void *data;
	GMainContext *context;
	NotifyNotification *shown[DISPLAY_SLOTS];
	struct offer *offers[DISPLAY_SLOTS];
	unsigned int generation;
};

/* What a notification in @slot offers; its actions' data. */
struct offer {
	struct server *server;
	unsigned int slot;
	struct binding binding;
	unsigned int actions;
	bool is_clicked;
	bool is_asked; /* to allow it: what comes of that is shown anew, or in its place */
	bool is_closed;
};

/* A message to the main loop. */
struct told {
	struct server *server;
	struct request *request;
	unsigned int slot;
	unsigned int generation;
	bool is_click;
	struct binding binding;
	enum action action;
};

/* clang-format off */
static const struct {
	const char *key;
	const char *label;
} actions[ACTION_COUNT] = {
	[ACTION_ALLOW_10M] = {"allow-10m", "Allow 10 minutes"},
	[ACTION_ALLOW_ALWAYS] = {"allow-always", "Always allow"},
	[ACTION_KEEP_BLOCKING] = {"keep-blocking", "Keep blocking"},
	[ACTION_DETAILS] = {"details", "Details"},
	[ACTION_OPEN] = {"open", "Open"},
};
/* clang-format on */

void request_free(struct request *request)
{
	g_free(request->summary);
	g_free(request->body);
	g_free(request->error);
	g_free(request);
}

static gboolean deliver(gpointer data)
{
	struct told *told = data;
	struct server *server = told->server;

	if (told->request)
		server->handler->done(server->data, told->request);
	else if (told->is_click)
		server->handler->action(server->data, told->slot, told->generation, &told->binding,
					told->action);
	else
		server->handler->closed(server->data, told->slot, told->generation);
	return G_SOURCE_REMOVE;
}

/* To the main loop, in the order of the calls. */
static void tell(const struct told *told)
{
	GSource *source = g_idle_source_new();

	g_source_set_priority(source, G_PRIORITY_DEFAULT);
	g_source_set_callback(source, deliver, g_memdup2(told, sizeof(*told)), g_free);
	g_source_attach(source, NULL);
	g_source_unref(source);
}

/* What a click on the text does; ACTION_COUNT: nothing */
static enum action default_of(unsigned int offered)
{
	if (offered & ACTION_BIT(ACTION_OPEN))
		return ACTION_OPEN;
	return offered & ACTION_BIT(ACTION_DETAILS) ? ACTION_DETAILS : ACTION_COUNT;
}

static void on_action(NotifyNotification *notification, char *key, gpointer data)
{
	struct offer *offer = data;
	struct told told = {
		.server = offer->server,
		.slot = offer->slot,
		.generation = offer->server->generation,
		.is_click = true,
		.binding = offer->binding,
		.action = ACTION_COUNT,
	};

	if (offer->is_closed)
		return; /* libnotify gives it the number 0, which a server may send */
	for (unsigned int i = 0; i < ACTION_COUNT; i++)
		if (!strcmp(key, actions[i].key))
			told.action = i;
	if (told.action == ACTION_COUNT)
		told.action = default_of(offer->actions);
	if (told.action == ACTION_ALLOW_10M || told.action == ACTION_ALLOW_ALWAYS) {
		if (offer->is_asked)
			return; /* a second click, however fast the daemon has answered the first */
		offer->is_asked = true;
	}
	offer->is_clicked = true;
	if (told.action < ACTION_COUNT)
		tell(&told);
}

static void forget(struct server *server, unsigned int slot)
{
	NotifyNotification *notification = server->shown[slot];

	server->shown[slot] = NULL;
	if (!notification)
		return;
	g_signal_handlers_disconnect_by_data(notification, server->offers[slot]);
	notify_notification_clear_actions(notification);
	g_object_unref(notification);
	g_clear_pointer(&server->offers[slot], g_free);
}

static void on_closed(NotifyNotification *notification, gpointer data)
{
	struct offer *offer = data;
	struct told told = {
		.server = offer->server,
		.slot = offer->slot,
		.generation = offer->server->generation,
	};

	offer->is_closed = true; /* libnotify has it in its hands now */
	tell(&told);
}

bool error_is_absence(const GError *error)
{
	return error->domain == G_DBUS_ERROR && (error->code == G_DBUS_ERROR_SERVICE_UNKNOWN ||
						 error->code == G_DBUS_ERROR_NAME_HAS_NO_OWNER ||
						 (error->code >= G_DBUS_ERROR_SPAWN_EXEC_FAILED &&
						  error->code <= G_DBUS_ERROR_SPAWN_NO_MEMORY));
}

static enum request_result result_of(const GError *error)
{
	char *name;
	bool is_excess;

	if (error_is_absence(error))
		return RESULT_ABSENT;
	if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT) ||
	    g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY) ||
	    g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_TIMEOUT))
		return RESULT_SILENT;
	name = g_dbus_error_get_remote_error(error);
	is_excess = name && strstr(name, "Excess");
	g_free(name);
	return is_excess ? RESULT_EXCESS : RESULT_FAILED;
}

static void fail(struct request *request, GError *error)
{
	request->result = result_of(error);
	request->error = g_strdup(error->message);
	g_error_free(error);
}

/* A click that is on its way was meant for what is shown now: it must not meet another's buttons. */
static bool is_about_another(const struct offer *offer, const struct request *request)
{
	return offer->binding.incarnation && request->binding.incarnation &&
	       offer->binding.incarnation != request->binding.incarnation;
}

static guint32 number_in(const struct server *server, unsigned int slot)
{
	guint32 id = 0;

	if (server->shown[slot])
		g_object_get(server->shown[slot], "id", &id, NULL);
	return id;
}

/*
 * Numbers tell notifications apart, and a click has nothing else. One that is given to another is not the
 * first one's any more, and what has none (0) can be neither clicked nor closed nor brought up to date.
 */
static void take_number(struct server *server, struct request *request)
{
	request->id = number_in(server, request->slot);
	if (!request->id)
		on_closed(server->shown[request->slot], server->offers[request->slot]);
	for (unsigned int i = 0; request->id && i < DISPLAY_SLOTS; i++) {
		if (i == request->slot || number_in(server, i) != request->id)
			continue;
		on_closed(server->shown[i], server->offers[i]);
		forget(server, i);
	}
}

/* What is to be brought up to date there, and would lose its buttons, is closed and shown anew. */
static bool is_to_move(const struct server *server, const struct request *request)
{
	const struct offer *offer = server->offers[request->slot];

	return offer && request->habits.loses_buttons && request->actions &&
	       request->how != DISPLAY_NEW && !offer->is_clicked && !offer->is_closed;
}

static NotifyNotification *notification_for(struct server *server, const struct request *request)
{
	NotifyNotification *notification = server->shown[request->slot];
	struct offer *offer = server->offers[request->slot];
	bool is_moved = is_to_move(server, request);

	/* A server closes what was clicked a moment later, and what is put in its place goes with it. */
	if (notification && (is_moved || (offer->is_clicked && !offer->is_closed) ||
			     is_about_another(offer, request))) {
		notify_notification_close(notification, NULL);
		forget(server, request->slot);
	}
	if (server->shown[request->slot] &&
	    (request->how == DISPLAY_NEW || server->offers[request->slot]->is_closed))
		forget(server, request->slot);
	notification = server->shown[request->slot];
	if (notification) {
		notify_notification_update(notification, request->summary, request->body,
					   "lhguard");
		notify_notification_clear_actions(notification);
		return notification;
	}
	if (request->how == DISPLAY_UPDATE && !is_moved)
		return NULL;
	notification = notify_notification_new(request->summary, request->body, "lhguard");
	server->offers[request->slot] = g_new0(struct offer, 1);
	server->offers[request->slot]->server = server;
	server->offers[request->slot]->slot = request->slot;
	g_signal_connect(notification, "closed", G_CALLBACK(on_closed),
			 server->offers[request->slot]);
	server->shown[request->slot] = notification;
	return notification;
}

static bool has_default(const struct request *request)
{
	return (request->habits.closes_all || request->actions & ACTION_BIT(ACTION_DETAILS)) &&
	       !request->habits.draws_default;
}

static void show(struct server *server, struct request *request)
{
	NotifyNotification *notification = notification_for(server, request);
	struct offer *offer = server->offers[request->slot];
	GError *error = NULL;
	bool is_new;

	if (!notification) {
		request->result = RESULT_GONE;
		return;
	}
	offer->binding = request->binding;
	offer->actions = request->actions;
	is_new = !number_in(server, request->slot);
	notify_notification_set_urgency(notification, (NotifyUrgency)request->urgency);
	notify_notification_set_timeout(notification, request->timeout_ms);
	notify_notification_set_category(notification, "network.error");
	notify_notification_set_hint(notification, "desktop-entry",
				     g_variant_new_string("lhguard-notify"));
	notify_notification_set_hint(notification, "transient",
				     request->is_transient ? g_variant_new_boolean(TRUE) : NULL);
	for (unsigned int i = 0; i < ACTION_COUNT; i++)
		if (request->actions & ACTION_BIT(i))
			notify_notification_add_action(notification, actions[i].key,
						       actions[i].label, on_action, offer, NULL);
	if (has_default(request))
		notify_notification_add_action(notification, "default", "Details", on_action, offer,
					       NULL);
	if (notify_notification_show(notification, &error)) {
		take_number(server, request);
		return;
	}
	fail(request, error);
	if (is_new && request->result == RESULT_SILENT)
		orphans_lost();
	if (is_new)
		forget(server, request->slot);
}

static void close_shown(struct server *server, struct request *request)
{
	NotifyNotification *notification = server->shown[request->slot];
	GError *error = NULL;

	if (!notification)
		return;
	g_signal_handlers_disconnect_by_data(notification, server->offers[request->slot]);
	/* Some servers have an error for what is closed already. */
	if (!server->offers[request->slot]->is_closed &&
	    !notify_notification_close(notification, &error))
		fail(request, error);
	forget(server, request->slot);
}

/**
 * struct job - a request on its way into the thread
 */
struct job {
	struct server *server;
	struct request *request;
};

static gboolean work(gpointer data)
{
	struct job *job = data;
	struct server *server = job->server;
	struct request *request = job->request;
	struct told told = {.server = server, .request = request};

	for (unsigned int i = 0; request->generation != server->generation && i < DISPLAY_SLOTS;
	     i++)
		forget(server, i);
	server->generation = request->generation;
	if (request->type == REQUEST_SHOW)
		show(server, request);
	else
		close_shown(server, request);
	tell(&told);
	return G_SOURCE_REMOVE;
}

void server_submit(struct server *server, struct request *request)
{
	GSource *source = g_idle_source_new();
	struct job *job = g_new(struct job, 1);

	*job = (struct job){server, request};
	g_source_set_callback(source, work, job, g_free);
	g_source_attach(source, server->context);
	g_source_unref(source);
}

static gpointer run(gpointer data)
{
	struct server *server = data;
	GMainLoop *loop = g_main_loop_new(server->context, FALSE);

	g_main_context_push_thread_default(server->context);
	notify_init("lhguard");
	g_main_loop_run(loop);
	return NULL;
}

struct server *server_new(const struct server_handler *handler, void *data)
{
	struct server *server = g_new0(struct server, 1);

	server->handler = handler;
	server->data = data;
	server->context = g_main_context_new();
	g_thread_unref(g_thread_new("display", run, server));
	return server;
}
