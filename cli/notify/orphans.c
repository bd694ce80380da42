// SPDX-License-Identifier: GPL-2.0-or-later
/* Notifications whose number came too late: nobody could do anything with them any more. */
#include "orphans.h"

#include <stdbool.h>

/**
 * DOC: Theory of Operation
 *
 * libnotify waits 25 s for the server. One that was stopped for longer still gets the call when it
 * goes on, and shows a notification whose buttons nobody listens to, beside the one that is shown when
 * the same is tried again. So the serial of each Notify is remembered, and where an answer comes to
 * one that was given up, its notification is closed. GLib calls filters in a thread of its own.
 */

#define NAME	 "org.freedesktop.Notifications"
#define PATH	 "/org/freedesktop/Notifications"
#define LOST_MAX 8

static struct {
	GMutex lock;
	guint32 latest;
	guint32 lost[LOST_MAX];
	unsigned int count;
} orphans;

static bool is_lost(guint32 serial)
{
	bool found = false;

	g_mutex_lock(&orphans.lock);
	for (unsigned int i = 0; serial && i < LOST_MAX; i++) {
		if (orphans.lost[i] != serial)
			continue;
		orphans.lost[i] = 0;
		found = true;
	}
	g_mutex_unlock(&orphans.lock);
	return found;
}

static void take_call(GDBusMessage *message)
{
	if (g_strcmp0(g_dbus_message_get_member(message), "Notify") != 0 ||
	    g_strcmp0(g_dbus_message_get_interface(message), NAME) != 0)
		return;
	g_mutex_lock(&orphans.lock);
	orphans.latest = g_dbus_message_get_serial(message);
	g_mutex_unlock(&orphans.lock);
}

static void take_answer(GDBusConnection *bus, GDBusMessage *message)
{
	GVariant *body = g_dbus_message_get_body(message);
	guint32 id;

	if (!body || !g_variant_is_of_type(body, G_VARIANT_TYPE("(u)")) ||
	    !is_lost(g_dbus_message_get_reply_serial(message)))
		return;
	g_variant_get(body, "(u)", &id);
	g_dbus_connection_call(bus, NAME, PATH, NAME, "CloseNotification", g_variant_new("(u)", id),
			       NULL, G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, NULL, NULL, NULL);
}

static GDBusMessage *filter(GDBusConnection *bus, GDBusMessage *message, gboolean incoming,
			    gpointer data)
{
	GDBusMessageType type = g_dbus_message_get_message_type(message);

	if (!incoming && type == G_DBUS_MESSAGE_TYPE_METHOD_CALL)
		take_call(message);
	else if (incoming && type == G_DBUS_MESSAGE_TYPE_METHOD_RETURN)
		take_answer(bus, message);
	return message;
}

void orphans_watch(GDBusConnection *bus)
{
	g_dbus_connection_add_filter(bus, filter, NULL, NULL);
}

void orphans_lost(void)
{
	g_mutex_lock(&orphans.lock);
	orphans.lost[orphans.count++ % LOST_MAX] = orphans.latest;
	g_mutex_unlock(&orphans.lock);
}
