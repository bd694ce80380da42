/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What notification servers are known to do that their capabilities do not tell. */
#ifndef LHGUARD_NOTIFY_HABITS_H
#define LHGUARD_NOTIFY_HABITS_H

#include <stdbool.h>

/**
 * struct habits - of one server
 * @draws_default: it draws a button for the default action, too
 * @hides_buttons: it takes actions, and offers them only in a menu that one has to know of
 * @room: how many alerts it keeps beside the summary; at most ALERTS_LIVE_MAX
 */
struct habits {
	bool draws_default;
	bool hides_buttons;
	unsigned int room;
};

/** habits_of() - by what GetServerInformation answers */
struct habits habits_of(const char *name, const char *version);

#endif
