// SPDX-License-Identifier: GPL-2.0-or-later
/* A sample alert, for people who want to see one before they need it. */
#include "sample.h"

#include "habits.h"
#include "wording.h"

#include <libnotify/notify.h>
#include <string.h>
#include <time.h>

#define SEEN_S 10

static json_t *sample_event(void)
{
	return json_pack("{s:i, s:s, s:s, s:i, s:s, s:s, s:s, s:s, s:s, s:s,"
			 " s:{s:s, s:s, s:s, s:s, s:s, s:b, s:s}, s:{s:s, s:s, s:i, s:s}}",
			 "id", 1, "type", "attempt", "time", "", "count", 1, "verdict", "drop",
			 "mode", "enforce", "reason", "default", "rule", "", "route", "user-net",
			 "interface", "lo", "source", "class", "guest", "kind", "vm", "runtime",
			 "qemu", "name", "sample", "label", "vm:sample", "shared", 0, "conduit",
			 "qemu", "service", "protocol", "tcp", "address", "127.0.0.1", "port", 9222,
			 "program", "chrome");
}

static void word_sample(struct message *message, const struct habits *habits)
{
	json_t *event = sample_event();
	struct alert alert = {.event = event, .label = "vm:sample", .count = 1, .failure = ""};
	time_t now = time(NULL);
	char since[16];
	struct tm parts;

	localtime_r(&now, &parts);
	strftime(since, sizeof(since), "%H:%M:%S", &parts);
	word_alert(message, &alert,
		   &(struct wording){.title = "Chrome DevTools",
				     .since = since,
				     .is_cut = habits->lines != 0,
				     .summary_room = habits->summary});
	strncat(message->body, "\nThis is a sample: nothing has happened",
		sizeof(message->body) - strlen(message->body) - 1);
	json_decref(event);
}

static struct habits habits_here(void)
{
	char *name = NULL, *vendor = NULL, *version = NULL, *of_specification = NULL;
	struct habits habits = habits_of("", "");

	if (!notify_get_server_info(&name, &vendor, &version, &of_specification))
		return habits;
	habits = habits_of(name, version);
	g_free(name);
	g_free(vendor);
	g_free(version);
	g_free(of_specification);
	return habits;
}

static gboolean on_seen(gpointer loop)
{
	g_main_loop_quit(loop);
	return G_SOURCE_CONTINUE;
}

/* Until it has been seen, or is closed: it would go with us. */
static void stay(NotifyNotification *notification)
{
	GMainLoop *loop = g_main_loop_new(NULL, FALSE);
	guint timer = g_timeout_add_seconds(SEEN_S, on_seen, loop);

	g_signal_connect_swapped(notification, "closed", G_CALLBACK(g_main_loop_quit), loop);
	g_main_loop_run(loop);
	g_source_remove(timer);
	g_signal_handlers_disconnect_by_data(notification, loop);
	g_main_loop_unref(loop);
}

/* The server closes it; of what has no default action it would start the program. */
static void on_click(NotifyNotification *notification, char *key, gpointer data)
{
}

bool sample_show(void)
{
	static char summary[ESCAPED_SUMMARY_SIZE], body[ESCAPED_BODY_SIZE];
	NotifyNotification *notification;
	GError *error = NULL;
	struct message message;
	struct habits habits;
	bool has_markup = false;
	GList *words;

	notify_init("lhguard");
	words = notify_get_server_caps();
	for (GList *word = words; word; word = word->next)
		has_markup |= !strcmp(word->data, "body-markup");
	g_list_free_full(words, g_free);
	habits = habits_here();
	word_sample(&message, &habits);
	message_escape(&message, has_markup, summary, body);
	if (habits.joins_lines)
		message_join_lines(body);
	notification = notify_notification_new(summary, body, "lhguard");
	notify_notification_set_category(notification, "network.error");
	notify_notification_set_hint(notification, "desktop-entry",
				     g_variant_new_string("lhguard-notify"));
	if (habits.closes_all)
		notify_notification_add_action(notification, "default", "Close", on_click, NULL,
					       NULL);
	if (notify_notification_show(notification, &error)) {
		if (habits.closes_with_us)
			stay(notification);
		return true;
	}
	g_printerr("lhguard-notify: no notification can be shown: %s\n", error->message);
	return false;
}
