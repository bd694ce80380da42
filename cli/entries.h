/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lhguardd has written to the journal, as the events that it was. */
#ifndef LHGUARD_CLI_ENTRIES_H
#define LHGUARD_CLI_ENTRIES_H

#include "filter.h"

#include <stdint.h>

/** ENTRIES_OPTIONS - a command that reads the journal takes these */
#define ENTRIES_OPTIONS (OPTION(SINCE) | OPTION(DIRECTORY) | OPTION(FILE) | OPTION(UNIT))

/**
 * struct query - what is wanted of the journal
 * @filter: only these
 * @since_us: CLOCK_REALTIME microseconds; only what was written at this time or later
 * @newest: at most so many, the newest of them; 0: all
 * @is_optional: nobody complains where there is no journal that can be read
 */
struct query {
	struct filter filter;
	uint64_t since_us;
	unsigned int newest;
	bool is_optional;
};

/**
 * query_parse() - what the command line asks for
 * Return: STATUS_DONE; a mistake has been complained about.
 */
enum status query_parse(struct query *query, const struct options *options);

/**
 * entries_each() - visit events, the oldest first
 * @take: called for each; the event is borrowed
 * @found: receives how many entries of the daemon since @since_us were seen at all, whether they
 *	matched or not; 0 with STATUS_FAILED or STATUS_NOT_PERMITTED: there is nothing to read
 *
 * Only entries are taken of which journald itself says that they came from root in the daemon's unit
 * (systemd.journal-fields(7): nobody but journald can write fields that begin with "_"). All other
 * fields are what the sender says: any user may send an entry like those of the daemon.
 *
 * Return: STATUS_DONE; all else has been complained about.
 */
enum status entries_each(const struct options *options, const struct query *query,
			 void (*take)(void *data, json_t *event), void *data, size_t *found);

#endif
