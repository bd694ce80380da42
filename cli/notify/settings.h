/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notify.conf: which alerts a person wants. */
#ifndef LHGUARD_NOTIFY_SETTINGS_H
#define LHGUARD_NOTIFY_SETTINGS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define MINUTES_A_DAY (24 * 60)

/**
 * struct settings - what notify.conf(5) says
 * @verdicts: bits, by the order of the words in settings.c
 * @kinds: the same
 * @listeners: guests that take a port of the host
 * @guard: the guard itself: down, table restored, configuration failed
 * @has_quiet: from @quiet_from to before @quiet_to nothing is shown; minutes of the local day
 * @timeout_ms: of alerts, or TIMEOUT_DEFAULT, TIMEOUT_NEVER
 * @repeat_us: see alerts_set_repeat()
 * @actions: buttons
 */
struct settings {
	unsigned int verdicts;
	unsigned int kinds;
	bool listeners;
	bool guard;
	bool has_quiet;
	unsigned int quiet_from;
	unsigned int quiet_to;
	int timeout_ms;
	uint64_t repeat_us;
	bool actions;
};

/** settings_mistake - takes "path:line: reason" of one mistake, printable */
typedef void (*settings_mistake)(void *data, const char *text);

/**
 * settings_load() - read the file; what it does not say is as it is without a file
 * A line with a mistake is left out, the rest is in force.
 * Return: 0, also where there is no file, or -errno, of which @mistake has been told.
 */
int settings_load(struct settings *settings, const char *path, settings_mistake mistake,
		  void *data);

/** settings_want() - is an alert wanted for such an event? */
bool settings_want(const struct settings *settings, const json_t *event);

/** settings_are_quiet() - at this minute of the local day */
bool settings_are_quiet(const struct settings *settings, unsigned int minute);

/** settings_quiet_left() - minutes from this one until the quiet hours end */
unsigned int settings_quiet_left(const struct settings *settings, unsigned int minute);

#endif
