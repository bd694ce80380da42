// SPDX-License-Identifier: GPL-2.0-or-later
/* lhguard: looks at the guard and tells it what to allow. The command table. */
#include "output.h"
#include "verbs.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_SOCKET "/run/lhguard/org.lhguard"

static enum status verb_version(const struct options *options, int argc, char **argv);
static enum status verb_help(const struct options *options, int argc, char **argv);

enum {
	OPTION_JSON = 1,
	OPTION_SOCKET,
	OPTION_FROM,
	OPTION_FOR,
	OPTION_UNTIL_STOP,
	OPTION_CUT_AT_END,
	OPTION_COMMENT,
	OPTION_PAST,
	OPTION_REFUSED,
	OPTION_CUT,
	OPTION_HELP,
	OPTION_VERSION,
};

#define TAKES(option) (1u << (option))
#define EXCEPTION                                                                                  \
	(TAKES(OPTION_FROM) | TAKES(OPTION_FOR) | TAKES(OPTION_UNTIL_STOP) | TAKES(OPTION_COMMENT))

/* How many arguments: at least, at most (-1: any number). */
static const struct {
	const char *name;
	enum status (*run)(const struct options *options, int argc, char **argv);
	const char *arguments;
	const char *summary;
	int least, most;
	unsigned int options; /* beside --json and --socket */
} verbs[] = {
	{"status", verb_status, "", "how the guard is doing (also without a command)", 0, 0, 0},
	{"allow", verb_allow, "SERVICE", "let guests reach a service of this host", 1, 1,
	 EXCEPTION | TAKES(OPTION_CUT_AT_END)},
	{"deny", verb_deny, "SERVICE", "refuse it, whatever is allowed", 1, 1, EXCEPTION},
	{"remove", verb_remove, "ID…", "forget exceptions", 1, -1, TAKES(OPTION_CUT)},
	{"list", verb_list, "", "the exceptions in force", 0, 0, 0},
	{"guests", verb_guests, "[NAME]", "the VMs and containers known, or all about one", 0, 1,
	 0},
	{"connections", verb_connections, "", "the open connections of guests to this host", 0, 0,
	 TAKES(OPTION_FROM) | TAKES(OPTION_REFUSED) | TAKES(OPTION_CUT)},
	{"watch", verb_watch, "", "each new attempt as it is made", 0, 0, TAKES(OPTION_PAST)},
	{"doctor", verb_doctor, "", "what the guard cannot see, and what of it is here", 0, 0, 0},
	{"reload", verb_reload, "", "read configuration, catalogue and exceptions again", 0, 0, 0},
	{"version", verb_version, "", "the version of this program", 0, 0, 0},
	{"help", verb_help, "", "this text", 0, 0, 0},
};

#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static const struct option long_options[] = {
	{"json", no_argument, NULL, OPTION_JSON},
	{"socket", required_argument, NULL, OPTION_SOCKET},
	{"from", required_argument, NULL, OPTION_FROM},
	{"for", required_argument, NULL, OPTION_FOR},
	{"until-stop", no_argument, NULL, OPTION_UNTIL_STOP},
	{"cut-at-end", no_argument, NULL, OPTION_CUT_AT_END},
	{"comment", required_argument, NULL, OPTION_COMMENT},
	{"past", required_argument, NULL, OPTION_PAST},
	{"refused", no_argument, NULL, OPTION_REFUSED},
	{"cut", no_argument, NULL, OPTION_CUT},
	{"help", no_argument, NULL, OPTION_HELP},
	{"version", no_argument, NULL, OPTION_VERSION},
	{NULL, 0, NULL, 0},
};

static const char option_text[] =
	"\n"
	"allow and deny take:\n"
	"  --from SOURCE   who: vm:NAME, container:NAME, podman:NAME, qemu, guest:ID, "
	"conduit:pasta,\n"
	"                  iface:virbr0; any\n"
	"  --for DURATION  how long: 90s, 10m, 1h30m, 2d; for ever when left out\n"
	"  --until-stop    as long as the one guest of this name runs that runs now\n"
	"  --comment TEXT  why, for those who read the list\n"
	"allow takes:\n"
	"  --cut-at-end    when it ends, end the open connections that nothing else allows\n"
	"remove takes:\n"
	"  --cut           end the open connections, too, that nothing else allows\n"
	"connections takes:\n"
	"  --from SOURCE   only those from there\n"
	"  --refused       only those that would be refused now\n"
	"  --cut           end those that are shown\n"
	"watch takes:\n"
	"  --past N        begin with the newest N attempts\n"
	"all take:\n"
	"  --json          JSON for programs\n"
	"  --socket PATH   of the guard ($LHGUARD_SOCKET, " DEFAULT_SOCKET ")\n"
	"\n"
	"SERVICE is [tcp/|udp/|sctp/][ADDRESS:]PORT as this host sees it: 127.0.0.1:9222,\n"
	"'[::1]:9222', tcp/8000-8010, 10.0.0.0/8:53. More in lhguard(1).\n";

static enum status verb_version(const struct options *options, int argc, char **argv)
{
	if (options->json)
		puts("{\"version\":\"" VERSION "\"}");
	else
		puts("lhguard " VERSION);
	return STATUS_DONE;
}

static enum status verb_help(const struct options *options, int argc, char **argv)
{
	puts("usage: lhguard [COMMAND] [OPTION…]\n");
	for (size_t i = 0; i < VERB_COUNT; i++)
		printf("  lhguard %-11s %-8s%s\n", verbs[i].name, verbs[i].arguments,
		       verbs[i].summary);
	fputs(option_text, stdout);
	return STATUS_DONE;
}

static int parse_past(const char *text, unsigned int *past)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || end == text || *text == '-' || *text == '+' || value > 1000000)
		return -EINVAL;
	*past = (unsigned int)value;
	return 0;
}

static enum status complain_option(int option, const char *text)
{
	return complain(STATUS_USAGE,
			option == ':' ? "%s wants a value: try lhguard help"
				      : "there is no option \"%s\": try lhguard help",
			shown(text));
}

/* Takes one option. */
static enum status take_option(struct options *options, int option)
{
	switch (option) {
	case OPTION_JSON:
		options->json = true;
		break;
	case OPTION_SOCKET:
		options->socket = optarg;
		break;
	case OPTION_FROM:
		options->from = optarg;
		break;
	case OPTION_FOR:
		options->duration = optarg;
		break;
	case OPTION_UNTIL_STOP:
		options->until_stop = true;
		break;
	case OPTION_CUT_AT_END:
		options->cut_at_end = true;
		break;
	case OPTION_COMMENT:
		options->comment = optarg;
		break;
	case OPTION_PAST:
		if (parse_past(optarg, &options->past))
			return complain(STATUS_USAGE, "--past takes a number, not \"%s\"",
					shown(optarg));
		break;
	case OPTION_REFUSED:
		options->refused = true;
		break;
	case OPTION_CUT:
		options->cut = true;
		break;
	}
	return STATUS_DONE;
}

static enum status run(size_t verb, unsigned int given, const struct options *options, int argc,
		       char **argv)
{
	const char *name = verbs[verb].name;
	const unsigned int always = TAKES(OPTION_JSON) | TAKES(OPTION_SOCKET);

	for (const struct option *option = long_options; option->name; option++)
		if (given & TAKES(option->val) & ~(always | verbs[verb].options))
			return complain(STATUS_USAGE, "%s takes no --%s: try lhguard help", name,
					option->name);
	if (argc < verbs[verb].least)
		return complain(STATUS_USAGE, "write: lhguard %s %s", name, verbs[verb].arguments);
	if (verbs[verb].most >= 0 && argc > verbs[verb].most)
		return complain(STATUS_USAGE, "\"%s\" is too much: write lhguard %s%s%s",
				shown(argv[verbs[verb].most]), name, verbs[verb].most ? " " : "",
				verbs[verb].arguments);
	return verbs[verb].run(options, argc, argv);
}

static enum status find_and_run(unsigned int given, const struct options *options, int argc,
				char **argv)
{
	const char *name = argc ? argv[0] : "status";

	if (given & TAKES(OPTION_HELP))
		return verb_help(options, 0, NULL);
	if (given & TAKES(OPTION_VERSION))
		return verb_version(options, 0, NULL);
	for (size_t i = 0; i < VERB_COUNT; i++)
		if (!strcmp(verbs[i].name, name))
			return run(i, given, options, argc ? argc - 1 : 0, argv + 1);
	return complain(STATUS_USAGE, "there is no command \"%s\": try lhguard help", shown(name));
}

int main(int argc, char **argv)
{
	const char *environment = getenv("LHGUARD_SOCKET");
	struct options options = {.socket = environment ? environment : DEFAULT_SOCKET};
	unsigned int given = 0;
	enum status status;
	int option;

	while ((option = getopt_long(argc, argv, ":", long_options, NULL)) >= 0) {
		if (option == ':' || option == '?')
			return complain_option(option, argv[optind - 1]);
		status = take_option(&options, option);
		if (status)
			return status;
		given |= TAKES(option);
	}
	status = find_and_run(given, &options, argc - optind, argv + optind);
	if ((fflush(stdout) || ferror(stdout)) && status == STATUS_DONE)
		return complain(STATUS_FAILED, "the answer could not be written: %s",
				strerror(errno));
	return status;
}
