// SPDX-License-Identifier: GPL-2.0-or-later
/* The files that the agent reads: settings and mute list, read again when they change. */
#include "agent.h"

#include "util/text.h"

#define RELOAD_MS 200 /* an editor does several things to a file */

static void on_mistake(void *data, const char *text)
{
	struct agent *agent = data;
	struct message message = {
		.summary = "notify.conf has a mistake",
		.urgency = URGENCY_NORMAL,
		.timeout_ms = TIMEOUT_DEFAULT,
	};
	struct notice *notice = &agent->notices.of[NOTICE_SETTINGS];

	g_printerr("lhguard-notify: %s\n", text);
	if (notice->is_new && notice->is_held) {
		text_append(notice->message.body, sizeof(notice->message.body), "\n%s", text);
		return;
	}
	text_copy(message.body, sizeof(message.body), text);
	notices_tell(&agent->notices, NOTICE_SETTINGS, &message);
	notice->is_held = true;
}

static gboolean load_files(gpointer data)
{
	struct agent *agent = data;
	struct error error = {.text = ""};
	struct settings settings;

	agent->reload = 0;
	notices_clear(&agent->notices, NOTICE_SETTINGS);
	settings_load(&settings, agent->config, on_mistake, agent);
	agent->settings = settings;
	alerts_set_repeat(agent->alerts, settings.repeat_us);
	if (mutes_load(agent->mutes, &error))
		on_mistake(agent, error.text);
	agent_wake(agent);
	return G_SOURCE_REMOVE;
}

static void on_changed(GFileMonitor *monitor, GFile *file, GFile *other, GFileMonitorEvent event,
		       gpointer data)
{
	struct agent *agent = data;

	if (!agent->reload)
		agent->reload = g_timeout_add(RELOAD_MS, load_files, agent);
}

static GFileMonitor *watch(struct agent *agent, const char *path)
{
	GFile *file = g_file_new_for_path(path);
	GFileMonitor *monitor = g_file_monitor_file(file, G_FILE_MONITOR_WATCH_MOVES, NULL, NULL);

	g_object_unref(file);
	if (monitor)
		g_signal_connect(monitor, "changed", G_CALLBACK(on_changed), agent);
	return monitor;
}

void files_watch(struct agent *agent, const char *folder)
{
	char *muted = g_build_filename(folder, MUTES_FILE_NAME, NULL);

	load_files(agent);
	agent->monitors[0] = watch(agent, agent->config);
	agent->monitors[1] = watch(agent, muted);
	g_free(muted);
}

void files_unwatch(struct agent *agent)
{
	for (size_t i = 0; i < G_N_ELEMENTS(agent->monitors); i++)
		g_clear_object(&agent->monitors[i]);
}
