// SPDX-License-Identifier: GPL-2.0-or-later
/* What notification servers are known to do that their capabilities do not tell. */
#include "habits.h"

#include "alerts.h"

#include <stdlib.h>
#include <string.h>

/*
 * GNOME Shell keeps so many of one program's, and throws the oldest of more away, however urgent it is
 * (js/ui/messageTray.js: MAX_NOTIFICATIONS_PER_SOURCE).
 */
static unsigned int room_of(const char *name, const char *version)
{
	if (strcmp(name, "gnome-shell") != 0)
		return ALERTS_LIVE_MAX;
	return (strtoul(version, NULL, 10) < 48 ? 3 : 10) - 1;
}

struct habits habits_of(const char *name, const char *version)
{
	return (struct habits){
		.draws_default = !strncmp(name, "Xfce", strlen("Xfce")),
		.hides_buttons = !strcmp(name, "dunst") || !strcmp(name, "mako"),
		.room = room_of(name, version),
	};
}
