// SPDX-License-Identifier: GPL-2.0-or-later
/* The options of the command line: one table that parsing, help and completions share. */
#include "options.h"

#include "client.h"
#include "output.h"
#include "prose.h"

#include "util/near.h"
#include "util/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_COLUMN 22
#define LONG_BASE   256 /* of getopt_long()'s values, above every letter */

/* clang-format off */
const struct option_info option_infos[OPTION_COUNT] = {
	[OPTION_JSON] = {"json", 0, NULL, "JSON for programs: one object, or one a line of a stream"},
	[OPTION_SOCKET] = {"socket", 0, "PATH", "of the guard ($LHGUARD_SOCKET, " DEFAULT_SOCKET ")"},
	[OPTION_QUIET] = {"quiet", 'q', NULL, "no words but complaints"},
	[OPTION_NO_LEGEND] = {"no-legend", 0, NULL, "no headings above tables"},
	[OPTION_HELP] = {"help", 'h', NULL, "this text"},
	[OPTION_VERSION] = {"version", 0, NULL, "the version of this program"},
	[OPTION_FROM] = {"from", 0, "SOURCE", "who: vm:NAME, container:NAME, podman:NAME, qemu, guest:ID, "
					      "iface:virbr0, any"},
	[OPTION_FOR] = {"for", 0, "DURATION", "how long: 90s, 10m, 1h30m, 2d; for ever when left out"},
	[OPTION_UNTIL_STOP] = {"until-stop", 0, NULL, "as long as the one guest of this name runs that runs now"},
	[OPTION_ONCE] = {"once", 0, NULL, "for one connection; then the exception is forgotten"},
	[OPTION_PIN] = {"pin", 0, NULL, "only while the program listens there that listens there now"},
	[OPTION_CUT_AT_END] = {"cut-at-end", 0, NULL, "when it ends, end the open connections that nothing else allows"},
	[OPTION_COMMENT] = {"comment", 0, "TEXT", "why, for those who read the list"},
	[OPTION_YES] = {"yes", 'y', NULL, "no question where it allows much"},
	[OPTION_MAP] = {"map", 0, NULL, "as a graph for dot, or drawn to a FILE.svg, .png or .pdf"},
	[OPTION_PAST] = {"past", 0, "N", "begin with the newest N attempts"},
	[OPTION_REFUSED] = {"refused", 0, NULL, "only what would be refused now"},
	[OPTION_EXEC] = {"exec", 0, "CMD", "run this for each, with the event in its environment"},
	[OPTION_SINCE] = {"since", 0, "TIME", "10m or 2h ago, today, yesterday, 10:14, 2026-11-26, RFC 3339"},
	[OPTION_FILE] = {"file", 0, "FILE", "a journal file, and not this host's journal"},
	[OPTION_DIRECTORY] = {"directory", 0, "PATH", "a directory of journal files, and not this host's journal"},
	[OPTION_UNIT] = {"unit", 0, "UNIT", "that lhguardd ran as: lhguardd.service when left out"},
	[OPTION_SERVICE] = {"service", 0, "SERVICE", "which service of this host"},
	[OPTION_VERDICT] = {"verdict", 0, "accept|drop|reject|refused", "only with this verdict; refused: drop or reject"},
	[OPTION_CUT] = {"cut", 0, NULL, "end the open connections, too, that nothing else allows"},
	[OPTION_DRY_RUN] = {"dry-run", 0, NULL, "only say what would come of it"},
	[OPTION_REPLACE] = {"replace", 0, NULL, "remove those that the file does not hold"},
	[OPTION_FOREVER] = {"forever", 0, NULL, "no time ends it, and no guest's end"},
	[OPTION_EXPIRED] = {"expired", 0, NULL, "those past their time that are still there"},
	[OPTION_AS] = {"as", 0, "config|guests|exceptions|services|notify", "what the file is for"},
	[OPTION_CATALOGUE] = {"catalogue", 0, "FILE", "that guests.conf adds to, and that knows the runtimes"},
};
/* clang-format on */

static const char letters[] = ":qhy";

/* With one more name, as people write it who look for attempts. */
static void fill_long_options(struct option *options)
{
	options[OPTION_COUNT] = (struct option){
		.name = "guest",
		.has_arg = required_argument,
		.val = LONG_BASE + OPTION_FROM,
	};
	for (int id = 0; id < OPTION_COUNT; id++)
		options[id] = (struct option){
			.name = option_infos[id].name,
			.has_arg = option_infos[id].value ? required_argument : no_argument,
			.val = LONG_BASE + id,
		};
}

static int option_of_letter(int letter)
{
	for (int id = 0; id < OPTION_COUNT; id++)
		if (option_infos[id].letter && option_infos[id].letter == letter)
			return id;
	return -1;
}

/* @id: short options have no values */
static void complain_no_value(int id)
{
	complain(STATUS_USAGE, "--%s wants a value, %s: %s", option_infos[id].name,
		 option_infos[id].value, option_infos[id].text);
}

static void complain_unknown(const char *word)
{
	const char *name = word + strspn(word, "-");
	struct near near = near_start(name);
	bool is_long = strlen(name) > 1; /* -json, too */

	for (int id = 0; id < OPTION_COUNT && is_long; id++)
		near_offer(&near, option_infos[id].name);
	if (is_long)
		near_offer(&near, "guest"); /* another word for --from */
	if (near.best)
		complain(STATUS_USAGE, "there is no option \"%s\": do you mean --%s?", shown(word),
			 near.best);
	else
		complain(STATUS_USAGE, "there is no option \"%s\": try " WHOLE("lhguard help"),
			 shown(word));
}

/* Of letters behind one dash getopt_long() goes on to the next word only after the last. */
static const char *unknown_word(char **argv)
{
	const char *word = argv[optind];
	bool is_letter = optopt > 0 && optopt < LONG_BASE;

	return is_letter && word && word[0] == '-' && word[1] != '-' && strchr(word, optopt)
		       ? word
		       : argv[optind - 1];
}

int options_parse(struct options *options, int argc, char **argv, int *rest)
{
	struct option long_options[OPTION_COUNT + 2] = {{.name = NULL}};
	const char *environment = getenv("LHGUARD_SOCKET");
	int found;

	*options = (struct options){.socket = environment && *environment ? environment
									  : DEFAULT_SOCKET};
	fill_long_options(long_options);
	while ((found = getopt_long(argc, argv, letters, long_options, NULL)) >= 0) {
		int id = found >= LONG_BASE ? found - LONG_BASE : option_of_letter(found);

		if (id < 0) {
			if (found == ':')
				complain_no_value(optopt - LONG_BASE);
			else
				complain_unknown(unknown_word(argv));
			return -EINVAL;
		}
		options->given |= UINT64_C(1) << id;
		options->value[id] = optarg;
	}
	if (options->value[OPTION_SOCKET])
		options->socket = options->value[OPTION_SOCKET];
	options->json = has_option(options, OPTION_JSON);
	options->quiet = has_option(options, OPTION_QUIET);
	options->no_legend = has_option(options, OPTION_NO_LEGEND);
	*rest = optind;
	return 0;
}

const char *option_text(const struct option_text *own, enum option_id id)
{
	for (; own && own->text; own++)
		if (own->id == id)
			return own->text;
	return option_infos[id].text;
}

void options_print(uint64_t set, const struct option_text *own)
{
	for (int id = 0; id < OPTION_COUNT; id++) {
		const struct option_info *info = &option_infos[id];
		char name[64] = "";

		if (!(set & UINT64_C(1) << id))
			continue;
		if (info->letter)
			text_append(name, sizeof(name), "-%c, ", info->letter);
		text_append(name, sizeof(name), "--%s%s%s", info->name, info->value ? " " : "",
			    info->value ? info->value : "");
		prose("  %-*s  %s", TEXT_COLUMN - 4, name, option_text(own, (enum option_id)id));
		prose_end(TEXT_COLUMN);
	}
}
