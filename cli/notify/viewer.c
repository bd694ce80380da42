// SPDX-License-Identifier: GPL-2.0-or-later
/* The desktop's viewer of texts, which is none of the agent's: neither confined like it, nor ended with it. */
#include "viewer.h"

#include "installed.h"
#include "wording.h"

/**
 * DOC: Theory of Operation
 *
 * What the agent starts itself is a process of its unit: it inherits NoNewPrivileges=, the filter of
 * system calls and the umask, and is killed when the agent is started again. So the user's manager is
 * asked, on the session's bus, for a transient unit whose program is this one with --details; it has
 * GIO start what the desktop has for texts. Only these fixed words are in its argv, and no shell.
 *
 * The unit lasts as long as a process of it does (ExitType=cgroup, systemd 250): what was started first
 * has mostly ended when the viewer opens its window. A manager that does not know that would kill the
 * viewer then; it says no, as one that is not there does, and GIO starts the viewer here. Where no
 * manager is on this bus, there is no unit either that the agent could be confined by.
 */

#define FILE_NAME  "lhguard-details.txt"
#define TYPE	   "text/plain"
#define TIMEOUT_MS 5000

#define MANAGER	  "org.freedesktop.systemd1"
#define PATH	  "/org/freedesktop/systemd1"
#define INTERFACE "org.freedesktop.systemd1.Manager"

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

struct opening {
	viewer_failed failed;
	void *data;
};

char *viewer_path(void)
{
	return g_build_filename(g_get_user_runtime_dir(), FILE_NAME, NULL);
}

static void launch(GAsyncReadyCallback then, void *data)
{
	char *path = viewer_path();
	char *uri = g_filename_to_uri(path, NULL, NULL);

	g_app_info_launch_default_for_uri_async(uri, NULL, NULL, then, data);
	g_free(path);
	g_free(uri);
}

static void fail(struct opening *opening, const char *reason)
{
	opening->failed(opening->data, reason);
	g_free(opening);
}

static void on_launched(GObject *source, GAsyncResult *result, gpointer data)
{
	struct opening *opening = data;
	GError *error = NULL;

	if (g_app_info_launch_default_for_uri_finish(result, &error)) {
		g_free(opening);
		return;
	}
	fail(opening, error->message);
	g_error_free(error);
}

static void complain(const char *reason)
{
	char text[256];

	g_printerr("lhguard-notify: a unit for the viewer: %s\n",
		   clean(text, sizeof(text), reason));
}

static void on_started(GObject *bus, GAsyncResult *result, gpointer data)
{
	GError *error = NULL;
	GVariant *reply = g_dbus_connection_call_finish(G_DBUS_CONNECTION(bus), result, &error);

	if (reply) {
		g_variant_unref(reply);
		g_free(data);
		return;
	}
	if (!g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_SERVICE_UNKNOWN) &&
	    !g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_NAME_HAS_NO_OWNER))
		complain(error->message);
	g_error_free(error);
	launch(on_launched, data);
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
static GVariant *unit(void)
{
	char *number = g_uuid_string_random();
	char *name = g_strdup_printf("lhguard-details-%s.service", number);
	GVariantBuilder properties;
	GVariant *parameters;

	g_variant_builder_init(&properties, G_VARIANT_TYPE("a(sv)"));
	add_text(&properties, "Description", "Viewer of what lhguard explain said");
	add_text(&properties, "CollectMode", "inactive-or-failed");
	add_text(&properties, "ExitType", "cgroup");
	add_environment(&properties);
	add_command(&properties);
	parameters = g_variant_new("(ss@a(sv)@a(sa(sv)))", name, "fail",
				   g_variant_builder_end(&properties),
				   g_variant_new_array(G_VARIANT_TYPE("(sa(sv))"), NULL, 0));
	g_free(name);
	g_free(number);
	return parameters;
}

/* Where nothing is registered for texts, a unit would only fail, and nobody would see why. */
static bool is_there_a_viewer(void)
{
	GAppInfo *app = g_app_info_get_default_for_type(TYPE, FALSE);

	if (!app)
		return false;
	g_object_unref(app);
	return true;
}

void viewer_open(GDBusConnection *bus, viewer_failed failed, void *data)
{
	struct opening *opening = g_new(struct opening, 1);

	*opening = (struct opening){failed, data};
	/* The manager has a folder for what is of this session; without one, the text is not there. */
	if (!is_there_a_viewer() || !g_getenv("XDG_RUNTIME_DIR")) {
		launch(on_launched, opening);
		return;
	}
	g_dbus_connection_call(bus, MANAGER, PATH, INTERFACE, "StartTransientUnit", unit(),
			       G_VARIANT_TYPE("(o)"), G_DBUS_CALL_FLAGS_NO_AUTO_START, TIMEOUT_MS,
			       NULL, on_started, opening);
}

/**
 * struct run - viewer_run()'s wait for GIO
 */
struct run {
	GMainLoop *loop;
	GError **error;
	bool is_done;
};

static void on_run(GObject *source, GAsyncResult *result, gpointer data)
{
	struct run *run = data;

	run->is_done = g_app_info_launch_default_for_uri_finish(result, run->error);
	g_main_loop_quit(run->loop);
}

bool viewer_run(GError **error)
{
	struct run run = {.loop = g_main_loop_new(NULL, FALSE), .error = error};

	launch(on_run, &run);
	g_main_loop_run(run.loop);
	g_main_loop_unref(run.loop);
	return run.is_done;
}
