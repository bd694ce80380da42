/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What notification servers are known to do that their capabilities do not tell. */
#ifndef LHGUARD_NOTIFY_HABITS_H
#define LHGUARD_NOTIFY_HABITS_H

#include <stdbool.h>

/**
 * struct habits - of one server
 * @draws_default: it draws a button for the default action, too
 * @hides_buttons: it takes actions, and offers them only in a menu that one has to know of
 * @loses_buttons: what is on the screen and brought up to date in place has no buttons any more
 * @hides_low: what is not urgent is not shown, but only kept in its list
 * @forgets_timeouts: what is not critical goes after some seconds, whatever we say
 * @closes_all: a click on what has no default action starts the program, and closes all that it showed
 * @closes_with_us: it closes what a program showed when that leaves the bus
 * @joins_lines: it shows a body as one line, however long
 * @lines: how many lines of a body it draws; 0: all
 * @summary: how many characters of a summary; 0: all
 * @room: how many alerts it keeps beside the summary; at most ALERTS_LIVE_MAX
 */
struct habits {
	bool draws_default;
	bool hides_buttons;
	bool loses_buttons;
	bool hides_low;
	bool forgets_timeouts;
	bool closes_all;
	bool closes_with_us;
	bool joins_lines;
	unsigned int lines;
	unsigned int summary;
	unsigned int room;
};

/** habits_of() - by what GetServerInformation answers */
struct habits habits_of(const char *name, const char *version);

#endif
