// SPDX-License-Identifier: GPL-2.0-or-later
/* The desktop's viewer of texts, which is none of the agent's: neither confined like it, nor ended with it. */
#include "viewer.h"

#include "installed.h"
#include "wording.h"

#include <string.h>

/**
 * DOC: Theory of Operation
 *
 * What the agent starts itself is a process of its unit: it inherits NoNewPrivileges=, the filter of
 * system calls and the umask, and is killed when the agent is started again. So the user's manager is
 * asked, on the session's bus, for a transient unit whose program is this one with --details; it has
 * GIO start what the desktop has for texts. Only these fixed words are in its argv, and no shell.
 *
 * The unit is started once --details has said so, which it does when what it started has not failed at
 * once; so the manager tells whoever asked for the unit whether there is a viewer (JobRemoved, which goes
 * to the asker without a subscription of its own).
 *
 * A manager that takes its time is waited for, however long, and nothing is started in its place: it may
 * start the unit all the same. What is asked for meanwhile is the same file. So a text has one viewer.
 *
 * The unit lasts as long as a process of it does (ExitType=cgroup, systemd 250): what was started first
 * has mostly ended when the viewer opens its window. A manager that does not know that would kill the
 * viewer then; it says no, as one that is not there does, and GIO starts the viewer here. Where no
 * manager is on this bus, there is no unit either that the agent could be confined by.
 */

#define PATIENCE_S 5
#define GIVE_UP_S  120 /* longer than a start may take: DefaultTimeoutStartSec= */

#define MANAGER	    "org.freedesktop.systemd1"
#define PATH	    "/org/freedesktop/systemd1"
#define INTERFACE   "org.freedesktop.systemd1.Manager"
#define UNIT_PREFIX "lhguard-details-"

/* What a window needs; a session that the manager was not told of has it in our environment alone. */
static const char *const variables[] = {
	"DISPLAY",
	"WAYLAND_DISPLAY",
	"XAUTHORITY",
	"XDG_CURRENT_DESKTOP",
	"XDG_SESSION_TYPE",
	"XDG_RUNTIME_DIR",
	"DBUS_SESSION_BUS_ADDRESS",
	"XDG_CONFIG_HOME",
	"XDG_CONFIG_DIRS",
	"XDG_DATA_HOME",
	"XDG_DATA_DIRS",
	"PATH",
	"LANG",
	"LANGUAGE",
	"LC_ALL",
	"LC_MESSAGES",
};

/**
 * struct viewer - of one agent
 * @openings: of struct opening, all that are not over
 * @waiting: of these, for the manager to say that it takes it on, NULL: none
 */
struct viewer {
	GDBusConnection *bus;
	viewer_told told;
	void *data;
	GList *openings;
	struct opening *waiting;
};

/**
 * struct opening - one text that is being opened
 * @unit: that was asked for, NULL: none was
 * @subscription: to what becomes of its start
 * @timer: ends the patience with the manager
 */
struct opening {
	struct viewer *viewer;
	char *unit;
	guint subscription;
	guint timer;
};

static void unwatch(struct opening *opening)
{
	if (opening->subscription)
		g_dbus_connection_signal_unsubscribe(opening->viewer->bus, opening->subscription);
	opening->subscription = 0;
}

static void finish(struct opening *opening)
{
	unwatch(opening);
	if (opening->timer)
		g_source_remove(opening->timer);
	opening->viewer->openings = g_list_remove(opening->viewer->openings, opening);
	g_free(opening->unit);
	g_free(opening);
}

/* @reason: why it is not shown, NULL: it is */
static void end(struct opening *opening, const char *reason)
{
	struct viewer *viewer = opening->viewer;

	finish(opening);
	viewer->told(viewer->data, reason);
}

static void on_launched(GObject *source, GAsyncResult *result, gpointer data)
{
	struct opening *opening = data;
	GError *error = NULL;

	if (g_app_info_launch_default_for_uri_finish(result, &error)) {
		end(opening, NULL);
		return;
	}
	end(opening, error->message);
	g_error_free(error);
}

static void complain(const char *reason)
{
	char text[256];

	g_printerr("lhguard-notify: a unit for the viewer: %s\n",
		   clean(text, sizeof(text), reason));
}

/* The start of the unit is over: "done", "failed", "timeout", … (org.freedesktop.systemd1(5)) */
static void on_job_removed(GDBusConnection *bus, const char *sender, const char *path,
			   const char *interface, const char *signal, GVariant *parameters,
			   gpointer data)
{
	struct opening *opening = data;
	const char *unit, *result;

	if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(uoss)")))
		return;
	g_variant_get(parameters, "(uo&s&s)", NULL, NULL, &unit, &result);
	if (strcmp(unit, opening->unit) != 0 || opening->viewer->waiting == opening)
		return; /* another's; or said before there was an answer, which the manager never does */
	if (!strcmp(result, "done"))
		end(opening, NULL);
	else
		end(opening, "What was started to show it has failed; to see why: "
			     "journalctl --user -n 20 -u '" UNIT_PREFIX "*'");
}

/* Is it certain that there is no unit? Not where the manager, or its answer, was lost. */
static bool is_refusal(const GError *error)
{
	return g_dbus_error_is_remote_error(error) &&
	       !g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_NO_REPLY) &&
	       !g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_TIMEOUT) &&
	       !g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_TIMED_OUT);
}

static gboolean on_lost(gpointer data)
{
	struct opening *opening = data;

	opening->timer = 0;
	end(opening, "systemd --user has not said what became of it");
	return G_SOURCE_REMOVE;
}

static void on_started(GObject *bus, GAsyncResult *result, gpointer data)
{
	struct opening *opening = data;
	GError *error = NULL;
	GVariant *reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(bus), result, &error);

	opening->viewer->waiting = NULL;
	if (opening->timer)
		g_source_remove(opening->timer);
	opening->timer = 0;
	if (reply) {
		g_variant_unref(reply);
		opening->timer = g_timeout_add_seconds(GIVE_UP_S, on_lost, opening);
		return;
	}
	if (!is_refusal(error)) {
		end(opening, error->message);
		g_error_free(error);
		return;
	}
	if (!g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN) &&
	    !g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER))
		complain(error->message);
	g_error_free(error);
	unwatch(opening);
	viewer_launch(on_launched, opening);
}

static void tell_waiting(const struct viewer *viewer)
{
	viewer->told(viewer->data, "systemd --user does not answer: it may yet open it");
}

static gboolean on_late(gpointer data)
{
	struct opening *opening = data;

	opening->timer = 0;
	tell_waiting(opening->viewer);
	return G_SOURCE_REMOVE;
}

static void add_text(GVariantBuilder *properties, const char *name, const char *value)
{
	g_variant_builder_add(properties, "(sv)", name, g_variant_new_string(value));
}

static void add_command(GVariantBuilder *properties)
{
	char *program = installed_program("lhguard-notify");
	const char *const argv[] = {program, "--details"};
	GVariantBuilder commands;

	g_variant_builder_init(&commands, G_VARIANT_TYPE("a(sasb)"));
	g_variant_builder_add(&commands, "(s@asb)", program,
			      g_variant_new_strv(argv, G_N_ELEMENTS(argv)), FALSE);
	g_variant_builder_add(properties, "(sv)", "ExecStart", g_variant_builder_end(&commands));
	g_free(program);
}

static void add_environment(GVariantBuilder *properties)
{
	GVariantBuilder list;

	g_variant_builder_init(&list, G_VARIANT_TYPE("as"));
	for (size_t i = 0; i < G_N_ELEMENTS(variables); i++) {
		const char *value = g_getenv(variables[i]);
		char *line;

		if (!value || !g_utf8_validate(value, -1, NULL))
			continue;
		line = g_strconcat(variables[i], "=", value, NULL);
		g_variant_builder_add(&list, "s", line);
		g_free(line);
	}
	g_variant_builder_add(properties, "(sv)", "Environment", g_variant_builder_end(&list));
}

/* StartTransientUnit's, see org.freedesktop.systemd1(5). */
static GVariant *unit(const char *name)
{
	GVariantBuilder properties;

	g_variant_builder_init(&properties, G_VARIANT_TYPE("a(sv)"));
	add_text(&properties, "Description", "Viewer of what lhguard explain said");
	add_text(&properties, "CollectMode", "inactive-or-failed");
	add_text(&properties, "Type", "notify");
	add_text(&properties, "ExitType", "cgroup");
	add_environment(&properties);
	add_command(&properties);
	return g_variant_new("(ss@a(sv)@a(sa(sv)))", name, "fail",
			     g_variant_builder_end(&properties),
			     g_variant_new_array(G_VARIANT_TYPE("(sa(sv))"), NULL, 0));
}

static char *new_unit_name(void)
{
	char *number = g_uuid_string_random();
	char *name = g_strconcat(UNIT_PREFIX, number, ".service", NULL);

	g_free(number);
	return name;
}

/* Where nothing is registered for texts, a unit would only fail, and nobody would see why. */
static bool is_there_a_viewer(void)
{
	GAppInfo *app = g_app_info_get_default_for_type("text/plain", FALSE);

	if (!app)
		return false;
	g_object_unref(app);
	return true;
}

struct viewer *viewer_new(GDBusConnection *bus, viewer_told told, void *data)
{
	struct viewer *viewer = g_new(struct viewer, 1);

	*viewer = (struct viewer){.bus = g_object_ref(bus), .told = told, .data = data};
	return viewer;
}

void viewer_free(struct viewer *viewer)
{
	if (!viewer)
		return;
	while (viewer->openings) /* the main loop has ended: what is being opened tells nobody */
		finish(viewer->openings->data);
	g_object_unref(viewer->bus);
	g_free(viewer);
}

void viewer_open(struct viewer *viewer)
{
	struct opening *opening;

	if (viewer->waiting) {
		if (!viewer->waiting->timer) /* else that tells */
			tell_waiting(viewer);
		return;
	}
	opening = g_new0(struct opening, 1);
	opening->viewer = viewer;
	viewer->openings = g_list_prepend(viewer->openings, opening);
	/* The manager has a folder for what is of this session; without one, the text is not there. */
	if (!is_there_a_viewer() || !g_getenv("XDG_RUNTIME_DIR")) {
		viewer_launch(on_launched, opening);
		return;
	}
	viewer->waiting = opening;
	opening->timer = g_timeout_add_seconds(PATIENCE_S, on_late, opening);
	opening->unit = new_unit_name();
	opening->subscription = g_dbus_connection_signal_subscribe(
		viewer->bus, MANAGER, INTERFACE, "JobRemoved", PATH, NULL, G_DBUS_SIGNAL_FLAGS_NONE,
		on_job_removed, opening, NULL);
	g_dbus_connection_call(viewer->bus, MANAGER, PATH, INTERFACE, "StartTransientUnit",
			       unit(opening->unit), G_VARIANT_TYPE("(o)"),
			       G_DBUS_CALL_FLAGS_NO_AUTO_START, G_MAXINT, NULL, on_started,
			       opening);
}
