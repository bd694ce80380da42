// SPDX-License-Identifier: GPL-2.0-or-later
/* The link to the daemon: events, status and the names of services, found again whenever it is lost. */
#include "link.h"

#include "../output.h"

#include <glib.h>
#include <string.h>

/**
 * DOC: Theory of Operation
 *
 * Three connections: Watch carries the link, its first answer says that it is up; then GetStatus
 * (a stream, too, where the daemon knows how) and ListServices follow. Whatever ends Watch ends the
 * link: the others are closed, and Watch is tried again, at first after half a second, then ever
 * less often. What happened in between is not asked for: the journal has it. A status is followed by
 * ListServices, since a reload may have changed the names. Events may come before it is answered: until
 * then services have no names, and what was shown so is named then.
 */

#define RETRY_FIRST_MS	   500
#define RETRY_MOST_MS	   10000
#define RETRY_FORBIDDEN_MS 60000
#define TIMEOUT_S	   10
#define SERVICES_MAX	   4096

struct link {
	const char *path;
	const struct link_handler *handler;
	void *data;
	struct channel *watch;
	struct channel *status;
	struct channel *services;
	json_t *list;
	guint timer;
	unsigned int retry_ms;
	bool is_up;
};

static void ask_services(struct link *link);

static gboolean connect_again(gpointer data);

static void retry_in(struct link *link, unsigned int ms)
{
	if (!link->timer)
		link->timer = g_timeout_add(ms, connect_again, link);
}

static void close_others(struct link *link)
{
	channel_close(link->status);
	channel_close(link->services);
	link->status = link->services = NULL;
	json_decref(link->list);
	link->list = NULL;
}

static void services_answer(void *data, const json_t *parameters, bool continues)
{
	struct link *link = data;
	json_t *page = json_object_get(parameters, "services");

	for (size_t i = 0; i < json_array_size(page); i++)
		if (json_array_size(link->list) < SERVICES_MAX)
			json_array_append(link->list, json_array_get(page, i));
	if (!continues)
		link->handler->services(link->data, link->list);
}

static void services_end(void *data, enum channel_end end, const char *error, const char *reason)
{
	struct link *link = data;

	link->services = NULL;
	json_decref(link->list);
	link->list = NULL;
	if (end ==
	    CHANNEL_TIMEOUT) /* until there is an answer, nothing has a name, and nothing is urgent */
		ask_services(link);
}

static void ask_services(struct link *link)
{
	static const struct channel_handler handler = {services_answer, services_end};

	if (link->services)
		return;
	link->list = json_array();
	link->services =
		channel_open(link->path, "ListServices", NULL, true, TIMEOUT_S, &handler, link);
}

static void status_answer(void *data, const json_t *parameters, bool continues)
{
	struct link *link = data;

	link->handler->status(link->data, json_object_get(parameters, "status"));
	ask_services(link);
}

/* A daemon that tells its status once, and not what changes, has said all. */
static void status_end(void *data, enum channel_end end, const char *error, const char *reason)
{
	((struct link *)data)->status = NULL;
}

static void link_is_up(struct link *link)
{
	static const struct channel_handler handler = {status_answer, status_end};

	link->is_up = true;
	link->retry_ms = RETRY_FIRST_MS;
	link->handler->state(link->data, LINK_UP);
	link->status = channel_open(link->path, "GetStatus", NULL, true, TIMEOUT_S, &handler, link);
}

static void watch_answer(void *data, const json_t *parameters, bool continues)
{
	struct link *link = data;
	const json_t *event = json_object_get(parameters, "event");
	json_int_t lost = number_of(parameters, "lost");

	if (!link->is_up)
		link_is_up(link);
	if (lost > 0)
		link->handler->lost(link->data, lost);
	if (json_is_object(event))
		link->handler->event(link->data, event);
}

static enum link_state state_after(enum channel_end end, const char *error, const char *path)
{
	if (end == CHANNEL_FORBIDDEN || (end == CHANNEL_ERROR && !strcmp(error, "NotPermitted")))
		return LINK_FORBIDDEN;
	if (end == CHANNEL_ABSENT || !g_file_test(path, G_FILE_TEST_EXISTS))
		return LINK_STOPPED;
	return end == CHANNEL_REFUSED ? LINK_DIED : LINK_SILENT;
}

static void watch_end(void *data, enum channel_end end, const char *error, const char *reason)
{
	struct link *link = data;
	enum link_state state = state_after(end, error, link->path);

	link->watch = NULL;
	link->is_up = false;
	close_others(link);
	link->handler->state(link->data, state);
	if (state == LINK_FORBIDDEN) {
		retry_in(link, RETRY_FORBIDDEN_MS);
		return;
	}
	retry_in(link, link->retry_ms);
	link->retry_ms = MIN(link->retry_ms * 2, RETRY_MOST_MS);
}

static gboolean connect_again(gpointer data)
{
	static const struct channel_handler handler = {watch_answer, watch_end};
	struct link *link = data;

	link->timer = 0;
	link->watch = channel_open(link->path, "Watch", json_pack("{s:i}", "past", 0), true,
				   TIMEOUT_S, &handler, link);
	return G_SOURCE_REMOVE;
}

struct link *link_new(const char *path, const struct link_handler *handler, void *data)
{
	struct link *link = g_new0(struct link, 1);

	link->path = path;
	link->handler = handler;
	link->data = data;
	link->retry_ms = RETRY_FIRST_MS;
	link->timer = g_idle_add(connect_again, link);
	return link;
}

void link_free(struct link *link)
{
	if (!link)
		return;
	if (link->timer)
		g_source_remove(link->timer);
	channel_close(link->watch);
	close_others(link);
	g_free(link);
}
