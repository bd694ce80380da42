// SPDX-License-Identifier: GPL-2.0-or-later
/* The files that the agent reads: settings and mute list, read again when they change. */
#include "agent.h"
#include "wording.h"

#include "util/text.h"

#include <string.h>

#define RELOAD_MS 200 /* an editor does several things to a file */

static void add_mistake(struct message *message, const char *summary, const char *text)
{
	g_printerr("lhguard-notify: %s\n", text);
	if (!*message->summary)
		text_copy(message->summary, sizeof(message->summary), summary);
	text_append(message->body, sizeof(message->body), "%s%s", *message->body ? "\n" : "", text);
}

static void on_mistake(void *message, const char *text)
{
	add_mistake(message, "notify.conf has a mistake", text);
}

static void load(struct agent *agent)
{
	struct message message = {.urgency = URGENCY_NORMAL, .timeout_ms = TIMEOUT_DEFAULT};
	struct error error = {.text = ""};
	char text[2 * sizeof(error.text)];

	settings_load(&agent->settings, agent->config, on_mistake, &message);
	alerts_set_repeat(agent->alerts, agent->settings.repeat_us);
	if (mutes_load(agent->mutes, &error))
		add_mistake(&message, "The mute list cannot be read",
			    clean(text, sizeof(text), error.text));
	if (*message.summary)
		notices_set(&agent->notices, NOTICE_SETTINGS, &message);
	else
		notices_clear(&agent->notices, NOTICE_SETTINGS);
}

static char *nearest_folder(const char *path)
{
	char *folder = g_path_get_dirname(path);

	while (!g_file_test(folder, G_FILE_TEST_IS_DIR) && strchr(folder, '/')) {
		char *parent = g_path_get_dirname(folder);

		g_free(folder);
		folder = parent;
	}
	return folder;
}

static bool is_watched_well(const struct watched *watched)
{
	char *folder = nearest_folder(watched->path);
	bool is_same = !g_strcmp0(folder, watched->folder);

	g_free(folder);
	return is_same;
}

static gboolean reload(gpointer data);

static void on_changed(GFileMonitor *monitor, GFile *file, GFile *other, GFileMonitorEvent event,
		       gpointer data)
{
	struct watched *watched = data;
	struct agent *agent = watched->agent;

	if (watched->is_for_folder && is_watched_well(watched))
		return; /* something else was made there */
	if (!agent->reload)
		agent->reload = g_timeout_add(RELOAD_MS, reload, agent);
}

static void unwatch(struct watched *watched)
{
	if (watched->monitor) /* somebody else may still have it */
		g_signal_handlers_disconnect_by_data(watched->monitor, watched);
	g_clear_object(&watched->monitor);
	g_clear_pointer(&watched->folder, g_free);
}

/* For a file whose folder is not there GIO would look every four seconds: so wait for the folder. */
static void watch(struct watched *watched)
{
	while (!is_watched_well(watched)) {
		char *parent = g_path_get_dirname(watched->path);
		GFile *file;

		unwatch(watched);
		watched->folder = nearest_folder(watched->path);
		watched->is_for_folder = strcmp(watched->folder, parent) != 0;
		file = g_file_new_for_path(watched->is_for_folder ? watched->folder
								  : watched->path);
		watched->monitor = g_file_monitor(file, G_FILE_MONITOR_WATCH_MOVES, NULL, NULL);
		if (watched->monitor)
			g_signal_connect(watched->monitor, "changed", G_CALLBACK(on_changed),
					 watched);
		g_object_unref(file);
		g_free(parent);
	}
}

static gboolean reload(gpointer data)
{
	struct agent *agent = data;

	agent->reload = 0;
	for (size_t i = 0; i < G_N_ELEMENTS(agent->watched); i++)
		watch(&agent->watched[i]);
	load(agent);
	agent_wake(agent);
	return G_SOURCE_REMOVE;
}

void files_watch(struct agent *agent, const char *folder)
{
	agent->watched[0] = (struct watched){.agent = agent, .path = g_strdup(agent->config)};
	agent->watched[1] = (struct watched){
		.agent = agent,
		.path = g_build_filename(folder, MUTES_FILE_NAME, NULL),
	};
	reload(agent);
}

void files_unwatch(struct agent *agent)
{
	for (size_t i = 0; i < G_N_ELEMENTS(agent->watched); i++) {
		unwatch(&agent->watched[i]);
		g_clear_pointer(&agent->watched[i].path, g_free);
	}
}
