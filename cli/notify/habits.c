// SPDX-License-Identifier: GPL-2.0-or-later
/* What notification servers are known to do that their capabilities do not tell. */
#include "habits.h"

#include "alerts.h"

#include <stdlib.h>
#include <string.h>

#define GNOME_LINES    6  /* js/ui/messageList.js: DEFAULT_EXPAND_LINES */
#define MAKO_LINES     3  /* beside a summary of two, unless its configuration gives it more room */
#define GNOME_SUMMARY  36 /* about as many characters as it has room for in its font */
#define PLASMA_SUMMARY 80 /* the same, in three lines */

static bool is_gnome(const char *name)
{
	return !strcmp(name, "gnome-shell");
}

static bool is_mako(const char *name)
{
	return !strcmp(name, "mako");
}

/*
 * GNOME Shell keeps so many of one program's, and throws the oldest of more away, however urgent it is
 * (js/ui/messageTray.js: MAX_NOTIFICATIONS_PER_SOURCE).
 */
static unsigned int room_of(const char *name, const char *version)
{
	if (!is_gnome(name))
		return ALERTS_LIVE_MAX;
	return (strtoul(version, NULL, 10) < 48 ? 3 : 10) - 1;
}

/*
 * GNOME Shell before 46 draws what is brought up to date before it has its buttons again
 * (js/ui/notificationDaemon.js: _notifyForSource; js/ui/messageTray.js: NotificationBanner._onUpdated). Since then it
 * makes blanks of all newlines (js/ui/messageList.js: body), and before only where it shows one line.
 */
static bool is_before_46(const char *version)
{
	return strtoul(version, NULL, 10) < 46;
}

struct habits habits_of(const char *name, const char *version)
{
	return (struct habits){
		.draws_default = !strncmp(name, "Xfce", strlen("Xfce")),
		.hides_buttons = !strcmp(name, "dunst") || is_mako(name),
		.loses_buttons = is_gnome(name) && is_before_46(version),
		.hides_low = is_gnome(name),
		.forgets_timeouts = is_gnome(name),
		.closes_all = is_gnome(name),
		.closes_with_us = is_gnome(name),
		.joins_lines = is_gnome(name) && !is_before_46(version),
		.lines = is_gnome(name)	 ? GNOME_LINES
			 : is_mako(name) ? MAKO_LINES
					 : 0,
		.summary = is_gnome(name)	     ? GNOME_SUMMARY
			   : !strcmp(name, "Plasma") ? PLASMA_SUMMARY
						     : 0,
		.room = room_of(name, version),
	};
}
