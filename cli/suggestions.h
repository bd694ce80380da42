/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The smallest set of exceptions that allows what was seen, and nothing else. */
#ifndef LHGUARD_CLI_SUGGESTIONS_H
#define LHGUARD_CLI_SUGGESTIONS_H

#include "flow.h"
#include "policy/selector.h"
#include "policy/service.h"

/**
 * struct seen - one attempt, or several of the same source to the same service
 * @selector: the narrowest that stands for @source
 * @last_us: CLOCK_REALTIME microseconds of the latest
 * @program: that serves it, "" when not known
 * @stands_for_others: for suggestions_make(): attempts of other sources were merged into it
 */
struct seen {
	struct source source;
	struct flow flow;
	struct selector selector;
	uint64_t attempts;
	uint64_t last_us;
	char program[COMM_SIZE];
	bool stands_for_others;
};

/**
 * struct suggestion - an exception
 * @is_wide: @source is for other guests, too: those of the attempts have no name of their own
 * @program: "" when several serve it, or none that is known
 */
struct suggestion {
	struct service service;
	struct selector source;
	bool is_wide;
	uint64_t attempts;
	uint64_t last_us;
	char program[COMM_SIZE];
};

/**
 * suggestions_make() - find them
 * @seen: @count of them; their order is changed, and some are merged
 * @suggestions: receives an array to be freed, in order of source and service
 *
 * Ports become a range and addresses a network only where all of it was seen: all that was tried is
 * allowed, and to each source only what was tried by one with a selector that is for it.
 *
 * Return: how many suggestions there are, or -ENOMEM.
 */
ssize_t suggestions_make(struct seen *seen, size_t count, struct suggestion **suggestions);

#endif
