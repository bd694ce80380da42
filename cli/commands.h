/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command table: what lhguard(1) can be asked to do. */
#ifndef LHGUARD_CLI_COMMANDS_H
#define LHGUARD_CLI_COMMANDS_H

#include "verbs.h"

#include <stddef.h>

/**
 * struct command - one verb
 * @arguments: for a person
 * @least: how many arguments at least
 * @most: how many at most, -1: any number
 * @options: the set that it takes beside OPTIONS_EVERYWHERE
 * @heading: of its group, where it is the first of one; else NULL
 * @examples: lines of a shell, each with a newline, for help; NULL: none
 * @texts: what options do with it and with no other, up to one without text; NULL: none
 */
struct command {
	const char *name;
	enum status (*run)(const struct options *options, int argc, char **argv);
	const char *arguments;
	const char *summary;
	int least, most;
	uint64_t options;
	const char *heading;
	const char *examples;
	const struct option_text *texts;
};

extern const struct command commands[];
extern const size_t command_count;

/** commands_run() - do what the words behind the options say; none: status */
enum status commands_run(const struct options *options, int argc, char **argv);

#endif
