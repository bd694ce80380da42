// SPDX-License-Identifier: GPL-2.0-or-later
/* The command table: what lhguard(1) can be asked to do. */
#include "commands.h"

#include "entries.h"
#include "output.h"
#include "prose.h"

#include "util/array.h"
#include "util/near.h"
#include "util/text.h"

#include <stdio.h>
#include <string.h>

static enum status verb_version(const struct options *options, int argc, char **argv);
static enum status verb_help(const struct options *options, int argc, char **argv);

#define EXCEPTION                                                                                  \
	(OPTION(FROM) | OPTION(FOR) | OPTION(UNTIL_STOP) | OPTION(COMMENT) | OPTION(DRY_RUN))

/* clang-format off */
static const struct option_text of_connections[] = {
	{OPTION_CUT, "end all that are shown, allowed or not"},
	{OPTION_YES, "no question before all of them are ended"},
	{OPTION_COUNT, NULL},
};

static const struct option_text of_edit[] = {
	{OPTION_FOR, "how long from now: 90s, 10m, 1h30m, 2d; unchanged when left out"},
	{OPTION_COUNT, NULL},
};

static const struct option_text of_mode[] = {
	{OPTION_FOR, "how long: 90s, 10m, 1h30m, 2d; until lhguardd ends when left out"},
	{OPTION_COUNT, NULL},
};

const struct command commands[] = {
	{"status", verb_status, "", "how the guard is doing (also without a command)", 0, 0, 0,
	 "Who can reach what, and why", NULL, NULL},
	{"guests", verb_guests, "[NAME]", "the VMs and containers known, or all about one", 0, 1, 0, NULL,
	 "lhguard guests devbox\n", NULL},
	{"ports", verb_ports, "[FILE]", "each port where somebody waits, and which guests reach it", 0, 1,
	 OPTION(MAP), NULL,
	 "lhguard ports\n"
	 "lhguard ports --map ports.svg\n", NULL},
	{"services", verb_services, "", "the names that may stand for a SERVICE's ports", 0, 0, 0, NULL, NULL, NULL},
	{"connections", verb_connections, "", "the open connections of guests to this host", 0, 0,
	 OPTION(FROM) | OPTION(REFUSED) | OPTION(CUT) | OPTION(YES), NULL,
	 "lhguard connections --from vm:devbox\n"
	 "lhguard connections --refused --cut     # end what would be refused now\n", of_connections},
	{"explain", verb_explain, "SOURCE SERVICE", "why it is refused or allowed (also: explain EVENT)", 1, 2,
	 0, NULL,
	 "lhguard explain vm:devbox 9222\n"
	 "lhguard explain any chrome-devtools     # every guest\n"
	 "lhguard explain 12                      # what lhguard watch and log call #12\n", NULL},
	{"watch", verb_watch, "", "each new attempt as it is made", 0, 0,
	 OPTION(PAST) | OPTION(EXEC) | FILTER_OPTIONS, NULL,
	 "lhguard watch --past 20\n"
	 "lhguard watch --from vm:devbox --verdict refused\n", NULL},
	{"log", verb_log, "", "the attempts of former times, from the journal", 0, 0,
	 OPTION(PAST) | ENTRIES_OPTIONS | FILTER_OPTIONS, NULL,
	 "lhguard log --since 1h\n"
	 "lhguard log --since yesterday --from container:web --verdict refused\n", NULL},

	{"allow", verb_allow, "SERVICE", "let guests reach a service of this host", 1, 1,
	 EXCEPTION | OPTION(ONCE) | OPTION(PIN) | OPTION(CUT_AT_END) | OPTION(YES), "Exceptions",
	 "lhguard allow 127.0.0.1:9222 --from vm:devbox --for 1h\n"
	 "lhguard allow chrome-devtools --from vm:devbox --until-stop\n"
	 "lhguard allow tcp/5432 --from container:web --comment 'test database'\n", NULL},
	{"suggest", verb_suggest, "", "the exceptions that what was refused would need", 0, 0,
	 OPTION(FROM) | OPTION(SERVICE) | ENTRIES_OPTIONS, NULL,
	 "lhguard suggest --since 10m --from vm:devbox\n", NULL},
	{"deny", verb_deny, "SERVICE", "refuse it, whatever is allowed", 1, 1, EXCEPTION, NULL,
	 "lhguard deny 5432 --from container:web\n"
	 "lhguard deny udp/53 --from 'podman:*'\n", NULL},
	{"list", verb_list, "", "the exceptions in force", 0, 0, 0, NULL, NULL, NULL},
	{"edit", verb_edit, "ID", "change an exception in place", 1, 1,
	 EXCEPTION | OPTION(SERVICE) | OPTION(FOREVER) | OPTION(PIN) | OPTION(CUT_AT_END) | OPTION(YES),
	 NULL,
	 "lhguard edit 3 --for 1h                 # from now on\n"
	 "lhguard edit 3 --service tcp/127.0.0.1:9222 --from vm:devbox\n", of_edit},
	{"remove", verb_remove, "[ID...]", "forget exceptions", 0, -1,
	 OPTION(FROM) | OPTION(EXPIRED) | OPTION(CUT), NULL,
	 "lhguard remove 3\n"
	 "lhguard remove --from vm:devbox --cut   # and end what they had allowed\n", NULL},
	{"export", verb_export, "[FILE|-]", "write exceptions down, for another host or another day", 0, 1, 0, NULL,
	 "lhguard export exceptions.conf\n", NULL},
	{"import", verb_import, "FILE|-", "take exceptions from such a file", 1, 1,
	 OPTION(REPLACE) | OPTION(YES) | OPTION(DRY_RUN), NULL,
	 "lhguard import exceptions.conf --dry-run\n", NULL},

	{"mode", verb_mode, "[enforce|monitor]", "the mode, or another one, also for a while", 0, 1,
	 OPTION(FOR), "The guard itself",
	 "lhguard mode monitor --for 10m          # let everything through meanwhile\n"
	 "lhguard mode enforce\n", of_mode},
	{"doctor", verb_doctor, "", "what keeps the guard from its work, and what it cannot see", 0, 0, 0, NULL, NULL, NULL},
	{"check", verb_check, "FILE", "the mistakes of a configuration file", 1, 1, OPTION(AS) | OPTION(CATALOGUE), NULL,
	 "lhguard check /etc/lhguard/lhguard.conf\n"
	 "lhguard check own.conf --as guests\n", NULL},
	{"reload", verb_reload, "", "read configuration, catalogue and exceptions again", 0, 0, 0, NULL, NULL, NULL},
	{"version", verb_version, "", "the version of this program", 0, 0, 0, NULL, NULL, NULL},
	{"help", verb_help, "[COMMAND]", "this text, or all about a command", 0, 1, 0, NULL, NULL, NULL},
};
/* clang-format on */

const size_t command_count = ARRAY_SIZE(commands);

static enum status verb_version(const struct options *options, int argc, char **argv)
{
	if (options->json)
		print_document("version", json_string(VERSION));
	else
		puts("lhguard " VERSION);
	return STATUS_DONE;
}

static const struct command *find(const char *name)
{
	for (size_t i = 0; i < command_count; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

/* What people type who know other programs: ls, docker rm, ufw reject, systemctl stop, ... */
static const char *const other_names[][2] = {
	{"ls", "list"},
	{"show", "list"},
	{"exceptions", "list"},
	{"rules", "list"},
	{"rm", "remove"},
	{"del", "remove"},
	{"delete", "remove"},
	{"revoke", "remove"},
	{"add", "allow"},
	{"grant", "allow"},
	{"permit", "allow"},
	{"accept", "allow"},
	{"block", "deny"},
	{"refuse", "deny"},
	{"reject", "deny"},
	{"drop", "deny"},
	{"why", "explain"},
	{"events", "watch"},
	{"follow", "watch"},
	{"tail", "watch"},
	{"history", "log"},
	{"journal", "log"},
	{"vms", "guests"},
	{"containers", "guests"},
	{"ps", "guests"},
	{"info", "status"},
	{"change", "edit"},
	{"set", "edit"},
	{"monitor", "mode monitor"},
	{"enforce", "mode enforce"},
	{"save", "export"},
	{"restore", "import"},
	{"load", "import"},
};

static const char *meant_by(const char *name)
{
	struct near near = near_start(name);

	for (size_t i = 0; i < ARRAY_SIZE(other_names); i++)
		if (!strcmp(other_names[i][0], name))
			return other_names[i][1];
	for (size_t i = 0; i < command_count; i++)
		near_offer(&near, commands[i].name);
	return near.best;
}

static enum status complain_unknown(const char *name)
{
	const char *meant = meant_by(name);

	if (!strcmp(name, "start") || !strcmp(name, "stop"))
		return complain(STATUS_USAGE,
				"there is no command \"%s\": lhguardd is what guards, write "
				"as root: " WHOLE("systemctl %s lhguardd") ", or " WHOLE("make %s"),
				name, name, name);
	if (meant)
		return complain(STATUS_USAGE,
				"there is no command \"%s\": do you mean " WHOLE("lhguard %s") "?",
				shown(name), meant);
	return complain(STATUS_USAGE, "there is no command \"%s\": try " WHOLE("lhguard help"),
			shown(name));
}

#define SUMMARY_COLUMN 40

#define SERVICES                                                                                   \
	"SERVICE is [tcp/|udp/|sctp/][ADDRESS:]PORT as this host sees it: 127.0.0.1:9222,\n"       \
	"'[::1]:9222', tcp/8000-8010, 10.0.0.0/8:53; or a name, as chrome-devtools\n"              \
	"(lhguard services shows them)."

static void print_commands(void)
{
	puts("usage: lhguard [COMMAND] [OPTION...]");
	for (size_t i = 0; i < command_count; i++) {
		if (commands[i].heading)
			printf("\n%s\n", commands[i].heading);
		prose("  lhguard %-11s %-17s %s", commands[i].name, commands[i].arguments,
		      commands[i].summary);
		prose_end(SUMMARY_COLUMN);
	}
	puts("\nOptions of all commands");
	options_print(OPTIONS_EVERYWHERE & ~OPTION(HELP) & ~OPTION(VERSION), NULL);
	puts("\n" SERVICES "\n\n"
	     "First steps, when the container web cannot reach port 9222\n"
	     "  lhguard explain web 9222     whether it is refused, why, and what would allow it\n"
	     "  lhguard allow tcp/9222 --from container:web --for 1h\n"
	     "                               just that, for an hour; it tells the ID\n"
	     "  lhguard list                 how often it was used (HITS), and when last\n"
	     "  lhguard remove ID            takes it back\n"
	     "lhguard guests shows who is called what, lhguard watch what is tried.\n"
	     "lhguard help COMMAND says all about a command, lhguard(1) the rest.");
}

/* Lines to copy: they are the terminal's to go on with. */
static void print_examples(const char *examples)
{
	puts("\nExamples");
	for (const char *line = examples; *line; line = strchr(line, '\n') + 1)
		printf("  %.*s\n", (int)strcspn(line, "\n"), line);
}

static enum status verb_help(const struct options *options, int argc, char **argv)
{
	const struct command *command;

	if (!argc) {
		print_commands();
		return STATUS_DONE;
	}
	command = find(argv[0]);
	if (!command)
		return complain_unknown(argv[0]);
	printf("usage: lhguard %s%s%s%s\n\n%s\n", command->name, *command->arguments ? " " : "",
	       command->arguments, command->options ? " [OPTION...]" : "", command->summary);
	if (command->options) {
		putchar('\n');
		options_print(command->options, command->texts);
	}
	if (command->examples)
		print_examples(command->examples);
	if (strstr(command->arguments, "SOURCE"))
		puts("\nSOURCE is vm:NAME, container:NAME, podman:NAME, guest:ID, "
		     "iface:virbr0, any\n"
		     "(lhguard guests shows who there is).");
	if (strstr(command->arguments, "SERVICE") || command->options & OPTION(SERVICE))
		puts("\n" SERVICES);
	puts("\nOptions of all commands");
	options_print(OPTIONS_EVERYWHERE, NULL);
	return STATUS_DONE;
}

/* ", e.g. lhguard deny 5432 --from container:web": the first example, where the words alone may not do. */
static const char *example_of(const struct command *command)
{
	static char text[256];
	size_t length = command->examples ? strcspn(command->examples, "#\n") : 0;

	while (length && command->examples[length - 1] == ' ')
		length--;
	text[0] = '\0';
	if (command->least)
		text_append(text, sizeof(text), ", e.g. " WHOLE("%.*s"), (int)length,
			    command->examples);
	return text;
}

static enum status run(const struct command *command, const struct options *options, int argc,
		       char **argv)
{
	const char *name = command->name;
	uint64_t strange = options->given & ~(OPTIONS_EVERYWHERE | command->options);

	for (int id = 0; id < OPTION_COUNT; id++)
		if (strange & UINT64_C(1) << id)
			return complain(STATUS_USAGE,
					"%s takes no --%s: try " WHOLE("lhguard help %s"), name,
					option_infos[id].name, name);
	if (argc < command->least)
		return complain(STATUS_USAGE, "write: " WHOLE("lhguard %s %s") "%s", name,
				command->arguments, example_of(command));
	if (command->most >= 0 && argc > command->most)
		return complain(STATUS_USAGE,
				"\"%s\" is too much: write " WHOLE("lhguard %s%s%s") "%s",
				shown(argv[command->most]), name, command->most ? " " : "",
				command->arguments, example_of(command));
	return command->run(options, argc, argv);
}

enum status commands_run(const struct options *options, int argc, char **argv)
{
	const struct command *command = find(argc ? argv[0] : "status");

	if (argc && !strcmp(argv[0], "__complete")) /* for shells; help does not show it */
		return verb_complete(options, argc - 1, argv + 1);
	if (has_option(options, OPTION_VERSION))
		return verb_version(options, 0, NULL);
	if (has_option(options, OPTION_HELP))
		return verb_help(options, argc ? 1 : 0, argv);
	if (!command)
		return complain_unknown(argv[0]);
	return run(command, options, argc ? argc - 1 : 0, argv + 1);
}
