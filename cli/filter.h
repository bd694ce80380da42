/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which events are meant: --from, --service and --verdict, with the meaning that exceptions have. */
#ifndef LHGUARD_CLI_FILTER_H
#define LHGUARD_CLI_FILTER_H

#include "client.h"
#include "options.h"

#include "flow.h"
#include "policy/selector.h"
#include "policy/service.h"

#include <jansson.h>

/** FILTER_OPTIONS - a command that filters takes these */
#define FILTER_OPTIONS (OPTION(FROM) | OPTION(SERVICE) | OPTION(VERDICT))

/**
 * struct filter - which events are meant
 * @has_source: only those from @source
 * @has_service: only those to @service
 * @verdicts: only those with one of these, a sum of 1 << enum verdict; 0: any, and listeners too
 */
struct filter {
	bool has_source;
	bool has_service;
	struct selector source;
	struct service service;
	unsigned int verdicts;
};

/**
 * filter_parse() - what the command line asks for
 * Return: STATUS_DONE; a mistake has been complained about.
 */
enum status filter_parse(struct filter *filter, const struct options *options);

/**
 * filter_check_source() - would a filter match nothing, as no runtime is called so?
 * The catalogue of this machine knows; where there is none, nothing is known of it.
 * Return: 0, or -EINVAL with @error.
 */
int filter_check_source(const struct filter *filter, const char *catalogue, const char *folder,
			struct error *error);

#define PAST_MAX 1000000 /* more than the daemon keeps */

/** past_parse() - the number of --past; a mistake has been complained about. Return: 0 or -EINVAL. */
int past_parse(const char *text, unsigned int *past);

/** filter_is_empty() - does it let all events through? */
bool filter_is_empty(const struct filter *filter);

/** filter_matches() - is the event meant? What event_read() refuses only an empty filter means. */
bool filter_matches(const struct filter *filter, const json_t *event);

/**
 * event_read() - an event of the interface as the plain data that it was made from
 * @attempt: receives all that policy/ compares, what was decided, the program, times and count
 * Return: false when it is none that this version knows.
 */
bool event_read(struct attempt *attempt, const json_t *event);

#endif
