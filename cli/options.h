/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The options of the command line: one table that parsing, help and completions share. */
#ifndef LHGUARD_CLI_OPTIONS_H
#define LHGUARD_CLI_OPTIONS_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#define DEFAULT_SOCKET "/run/lhguard/org.lhguard"

enum option_id {
	OPTION_JSON,
	OPTION_SOCKET,
	OPTION_QUIET,
	OPTION_NO_LEGEND,
	OPTION_HELP,
	OPTION_VERSION,
	OPTION_FROM,
	OPTION_FOR,
	OPTION_UNTIL_STOP,
	OPTION_ONCE,
	OPTION_PIN,
	OPTION_CUT_AT_END,
	OPTION_COMMENT,
	OPTION_YES,
	OPTION_MAP,
	OPTION_PAST,
	OPTION_REFUSED,
	OPTION_CUT,
	OPTION_EXEC,
	OPTION_SINCE,
	OPTION_FILE,
	OPTION_DIRECTORY,
	OPTION_UNIT,
	OPTION_SERVICE,
	OPTION_VERDICT,
	OPTION_EXPIRED,
	OPTION_DRY_RUN,
	OPTION_FOREVER,
	OPTION_AS,
	OPTION_CATALOGUE,
	OPTION_REPLACE,
	OPTION_COUNT,
};

/** OPTION() - a set of options is a sum of these */
#define OPTION(name) (UINT64_C(1) << OPTION_##name)

/** OPTIONS_EVERYWHERE - every command takes them */
#define OPTIONS_EVERYWHERE                                                                         \
	(OPTION(JSON) | OPTION(SOCKET) | OPTION(QUIET) | OPTION(NO_LEGEND) | OPTION(HELP) |        \
	 OPTION(VERSION))

/**
 * struct option_info - what there is to know of an option
 * @name: without its dashes
 * @letter: of its short form, 0: none
 * @value: what it takes, for a person; NULL: nothing
 * @text: what it does
 */
struct option_info {
	const char *name;
	char letter;
	const char *value;
	const char *text;
};

extern const struct option_info option_infos[OPTION_COUNT];

/** struct option_text - what an option does with one command, where that is something of its own */
struct option_text {
	enum option_id id;
	const char *text;
};

/**
 * struct options - of this call
 * @given: the set of those that stand on the command line
 * @value: of each that takes one, else NULL
 * @socket: path of the control socket, also where --socket does not stand there
 * @json: @quiet: @no_legend: whether these stand there
 */
struct options {
	uint64_t given;
	const char *value[OPTION_COUNT];
	const char *socket;
	bool json;
	bool quiet;
	bool no_legend;
};

static inline bool has_option(const struct options *options, enum option_id id)
{
	return options->given & (UINT64_C(1) << id);
}

/**
 * options_parse() - take the options off the command line
 * @rest: receives the index in @argv of the first word that is none; the words before it are moved
 * Return: 0, or -EINVAL; that has been complained about.
 */
int options_parse(struct options *options, int argc, char **argv, int *rest);

/** option_text() - what an option does; @own: what goes before the table's, up to a NULL, or NULL */
const char *option_text(const struct option_text *own, enum option_id id);

/** options_print() - what these options do, a line each, to stdout; @own: as in option_text() */
void options_print(uint64_t set, const struct option_text *own);

#endif
