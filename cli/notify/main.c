// SPDX-License-Identifier: GPL-2.0-or-later
/* lhguard-notify: tells on the desktop which guest was stopped, and lets its owner decide. */
#include "agent.h"
#include "sample.h"
#include "viewer.h"

#include "../options.h"

#include "util/text.h"

#include <errno.h>
#include <getopt.h>
#include <glib-unix.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#define BUS_NAME "org.lhguard.Notify"

enum { DONE = 0, FAILED = 1, USAGE = 2 };

enum option_value {
	SOCKET = 256,
	CONFIG,
	STATE_DIR,
	TEST,
	MUTED,
	UNMUTE,
	DETAILS,
	SHOW_VERSION,
	HELP
};

/**
 * struct settled - the command line, with what goes without saying
 * @what: TEST, MUTED, UNMUTE, DETAILS, or 0: be the agent
 */
struct settled {
	const char *socket;
	char *config;
	char *state_dir;
	int what;
	const char *number;
};

static const struct option long_options[] = {
	{"socket", required_argument, NULL, SOCKET},
	{"config", required_argument, NULL, CONFIG},
	{"state-dir", required_argument, NULL, STATE_DIR},
	{"test", no_argument, NULL, TEST},
	{"muted", no_argument, NULL, MUTED},
	{"unmute", required_argument, NULL, UNMUTE},
	{"details", no_argument, NULL, DETAILS},
	{"version", no_argument, NULL, SHOW_VERSION},
	{"help", no_argument, NULL, HELP},
	{NULL, 0, NULL, 0},
};

static const char help[] =
	"usage: lhguard-notify [OPTION…]\n"
	"Tells on the desktop which guest was stopped, and lets its owner decide. Runs for as "
	"long\n"
	"as the session; a session has one of it.\n\n"
	"  --socket PATH     of the guard (" DEFAULT_SOCKET ")\n"
	"  --config PATH     settings (~/.config/lhguard/notify.conf)\n"
	"  --state-dir DIR   where the mute list is kept (~/.local/state/lhguard)\n"
	"  --test            show a sample alert, and end\n"
	"  --muted           list what no alerts are shown about\n"
	"  --unmute N|all    take number N of that list, or all, off it\n"
	"  --details         open the text that Open on an alert opened last\n"
	"  --version         the version of this program\n"
	"  -h, --help        this text\n";

static int complain(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int complain(int status, const char *format, ...)
{
	char text[1024], escaped[4 * sizeof(text)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_escape(escaped, sizeof(escaped), text, strlen(text));
	fprintf(stderr, "lhguard-notify: %s\n", escaped);
	return status;
}

/* Return: whether the program goes on; else *@status is what it ends with. */
static bool take_option(struct settled *settled, int found, int *status)
{
	switch (found) {
	case SOCKET:
		settled->socket = optarg;
		return true;
	case CONFIG:
		settled->config = optarg;
		return true;
	case STATE_DIR:
		settled->state_dir = optarg;
		return true;
	case UNMUTE:
		settled->number = optarg;
		settled->what = UNMUTE;
		return true;
	case TEST:
	case MUTED:
	case DETAILS:
		settled->what = found;
		return true;
	case SHOW_VERSION:
		puts("lhguard-notify " VERSION);
		*status = DONE;
		return false;
	case 'h':
	case HELP:
		fputs(help, stdout);
		*status = DONE;
		return false;
	default:
		*status = complain(USAGE, "try lhguard-notify --help");
		return false;
	}
}

static bool take_options(struct settled *settled, int argc, char **argv, int *status)
{
	int found;

	while ((found = getopt_long(argc, argv, "h", long_options, NULL)) >= 0)
		if (!take_option(settled, found, status))
			return false;
	if (optind < argc) {
		*status = complain(USAGE, "it takes options only, not \"%s\": try --help",
				   argv[optind]);
		return false;
	}
	if (!settled->socket)
		settled->socket = DEFAULT_SOCKET;
	if (!settled->config)
		settled->config =
			g_build_filename(g_get_user_config_dir(), "lhguard", "notify.conf", NULL);
	if (!settled->state_dir)
		settled->state_dir = g_build_filename(g_get_user_state_dir(), "lhguard", NULL);
	return true;
}

static int print_muted(const struct mutes *mutes)
{
	if (!mutes_count(mutes))
		puts("nothing is muted");
	for (size_t i = 1; i <= mutes_count(mutes); i++)
		printf("%zu %s\n", i, mutes_line(mutes, i));
	return DONE;
}

static int unmute(struct mutes *mutes, const char *word)
{
	struct error error = {.text = ""};
	unsigned long number = MUTES_ALL;
	char *end = NULL;

	if (strcmp(word, "all")) {
		errno = 0;
		number = strtoul(word, &end, 10);
		if (errno || *end || end == word || !number || word[0] == '-')
			return complain(USAGE, "\"%s\" is neither a number of --muted nor all",
					word);
	}
	if (mutes_remove(mutes, number, &error))
		return complain(FAILED, "%s", error.text);
	return DONE;
}

static int with_mutes(const struct settled *settled)
{
	struct mutes *mutes = mutes_new(settled->state_dir);
	struct error error = {.text = ""};
	int status;

	if (!mutes)
		return complain(FAILED, "out of memory");
	if (settled->what == UNMUTE)
		status = unmute(mutes, settled->number);
	else if (mutes_load(mutes, &error))
		status = complain(FAILED, "%s", error.text);
	else
		status = print_muted(mutes);
	mutes_free(mutes);
	return status;
}

static int show_details(void)
{
	char *path = viewer_path();
	bool is_there = g_file_test(path, G_FILE_TEST_EXISTS);
	GError *error = NULL;

	g_free(path);
	if (!is_there)
		return complain(FAILED, "no text of an alert was opened in this session yet");
	if (!viewer_run(&error))
		return complain(FAILED, "the text cannot be opened: %s", error->message);
	return DONE;
}

/* Return: 1 where it is ours now, 0 where another of us has it, -1 on failure, with @error. */
static int take_name(GDBusConnection *bus, GError **error)
{
	GVariant *reply = g_dbus_connection_call_sync(
		bus, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
		"RequestName", g_variant_new("(su)", BUS_NAME, 4u /* do not wait for it */),
		G_VARIANT_TYPE("(u)"), G_DBUS_CALL_FLAGS_NONE, -1, NULL, error);
	guint32 answer = 0;

	if (!reply)
		return -1;
	g_variant_get(reply, "(u)", &answer);
	g_variant_unref(reply);
	return answer == 1 || answer == 4;
}

static gboolean on_signal(gpointer loop)
{
	g_main_loop_quit(loop);
	return G_SOURCE_CONTINUE;
}

static void on_bus_closed(GDBusConnection *bus, gboolean vanished, GError *error, gpointer loop)
{
	g_main_loop_quit(loop);
}

static int be_agent(const struct settled *settled)
{
	GError *error = NULL;
	GDBusConnection *bus = g_bus_get_sync(G_BUS_TYPE_SESSION, NULL, &error);
	GMainLoop *loop;
	struct agent *agent;
	int name, status = DONE;

	if (!bus)
		return complain(FAILED, "there is no session bus: %s", error->message);
	g_dbus_connection_set_exit_on_close(bus, FALSE);
	name = take_name(bus, &error);
	if (name < 0)
		return complain(FAILED, "%s: %s", BUS_NAME, error->message);
	if (!name)
		return complain(DONE, "it runs in this session already");
	loop = g_main_loop_new(NULL, FALSE);
	g_signal_connect(bus, "closed", G_CALLBACK(on_bus_closed), loop);
	g_unix_signal_add(SIGTERM, on_signal, loop);
	g_unix_signal_add(SIGINT, on_signal, loop);
	g_unix_signal_add(SIGHUP, on_signal, loop);
	agent = agent_new(bus, settled->socket, settled->config, settled->state_dir);
	g_main_loop_run(loop);
	if (g_dbus_connection_is_closed(
		    bus)) /* systemd starts us again, where there is a new one */
		status = complain(FAILED, "the session's bus is gone");
	agent_free(agent);
	return status;
}

int main(int argc, char **argv)
{
	struct settled settled = {.what = 0};
	int status = DONE;

	/* polkit trusts us for some minutes: what else runs as this user must not get hold of us. */
	prctl(PR_SET_DUMPABLE, 0);
	setlocale(LC_ALL, "");
	if (!take_options(&settled, argc, argv, &status))
		return status;
	switch (settled.what) {
	case MUTED:
	case UNMUTE:
		return with_mutes(&settled);
	case TEST:
		return sample_show() ? DONE : FAILED;
	case DETAILS:
		return show_details();
	default:
		return be_agent(&settled);
	}
}
