// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/notify/viewer: what the user's manager is asked for, and who starts the viewer where it says no. */
#include "cli/notify/viewer.h"

#include <glib/gstdio.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#define WAIT_MS 30000

/* A person's folders, with a program beside which notes what it is started with. */
static char *folder, *noted, *program;

/**
 * struct talk - a session's bus of two, and a manager on it
 * @answer: the error that it answers with, NULL: none
 * @asked: the parameters of StartTransientUnit, owned
 */
struct talk {
	GDBusConnection *manager;
	GDBusConnection *bus;
	GDBusNodeInfo *node;
	const char *answer;
	unsigned int calls;
	GVariant *asked;
	char *failure;
	struct viewer *viewer;
};

static const char interface[] =
	"<node><interface name='org.freedesktop.systemd1.Manager'>"
	"<method name='StartTransientUnit'><arg type='s' direction='in'/>"
	"<arg type='s' direction='in'/><arg type='a(sv)' direction='in'/>"
	"<arg type='a(sa(sv))' direction='in'/><arg type='o' direction='out'/></method>"
	"</interface></node>";

static void on_call(GDBusConnection *bus, const char *sender, const char *path, const char *name,
		    const char *method, GVariant *parameters, GDBusMethodInvocation *invocation,
		    gpointer data)
{
	struct talk *talk = data;

	talk->calls++;
	talk->asked = g_variant_ref(parameters);
	if (talk->answer)
		g_dbus_method_invocation_return_dbus_error(invocation, talk->answer, "as it is");
	else
		g_dbus_method_invocation_return_value(
			invocation, g_variant_new("(o)", "/org/freedesktop/systemd1/job/1"));
}

static void take_manager(GObject *source, GAsyncResult *result, gpointer data)
{
	((struct talk *)data)->manager = g_dbus_connection_new_finish(result, NULL);
}

static void take_bus(GObject *source, GAsyncResult *result, gpointer data)
{
	((struct talk *)data)->bus = g_dbus_connection_new_finish(result, NULL);
}

static GIOStream *stream_of(int fd)
{
	GSocket *end = g_socket_new_from_fd(fd, NULL);
	GIOStream *stream = G_IO_STREAM(g_socket_connection_factory_create_connection(end));

	g_object_unref(end);
	return stream;
}

static void on_told(void *data, const char *reason)
{
	struct talk *talk = data;

	assert_null(talk->failure);
	talk->failure = g_strdup(reason);
}

static int start(void **state)
{
	static const GDBusInterfaceVTable table = {.method_call = on_call};
	struct talk *talk = g_new0(struct talk, 1);
	char *guid = g_dbus_generate_guid();
	GIOStream *ends[2];
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return -1;
	for (int i = 0; i < 2; i++)
		ends[i] = stream_of(fds[i]);
	g_dbus_connection_new(ends[0], guid, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_SERVER, NULL,
			      NULL, take_manager, talk);
	g_dbus_connection_new(ends[1], NULL, G_DBUS_CONNECTION_FLAGS_AUTHENTICATION_CLIENT, NULL,
			      NULL, take_bus, talk);
	while (!talk->manager || !talk->bus)
		g_main_context_iteration(NULL, TRUE);
	for (int i = 0; i < 2; i++)
		g_object_unref(ends[i]);
	g_free(guid);
	talk->node = g_dbus_node_info_new_for_xml(interface, NULL);
	g_dbus_connection_register_object(talk->manager, "/org/freedesktop/systemd1",
					  talk->node->interfaces[0], &table, talk, NULL, NULL);
	g_unlink(noted);
	talk->viewer = viewer_new(talk->bus, on_told, talk);
	*state = talk;
	return 0;
}

static int stop(void **state)
{
	struct talk *talk = *state;

	viewer_free(talk->viewer);
	g_dbus_connection_close_sync(talk->bus, NULL, NULL);
	g_object_unref(talk->bus);
	g_object_unref(talk->manager);
	g_dbus_node_info_unref(talk->node);
	if (talk->asked)
		g_variant_unref(talk->asked);
	g_free(talk->failure);
	g_free(talk);
	return 0;
}

static gboolean on_time(gpointer is_over)
{
	*(bool *)is_over = true;
	return G_SOURCE_REMOVE;
}

/* Return: what the viewer was started with, NULL where it was not in time; to be freed. */
static char *wait_started(const struct talk *talk, unsigned int wait_ms)
{
	bool is_over = false;
	guint timer = g_timeout_add(wait_ms, on_time, &is_over);
	char *text = NULL;

	while (!is_over && !(talk && talk->failure) &&
	       !g_file_get_contents(noted, &text, NULL, NULL)) {
		g_main_context_iteration(NULL, FALSE);
		g_usleep(1000);
	}
	if (!is_over)
		g_source_remove(timer);
	return text;
}

static void wait_called(const struct talk *talk)
{
	bool is_over = false;
	guint timer = g_timeout_add(WAIT_MS, on_time, &is_over);

	while (!talk->calls && !is_over)
		g_main_context_iteration(NULL, TRUE);
	assert_false(is_over);
	g_source_remove(timer);
}

static void assert_started_here(const struct talk *talk)
{
	char *path = viewer_path(), *said = wait_started(talk, WAIT_MS);

	assert_null(talk->failure);
	assert_non_null(said);
	assert_string_equal(g_strchomp(said), path);
	g_free(said);
	g_free(path);
}

static bool has(char **list, const char *text)
{
	return g_strv_contains((const char *const *)list, text);
}

static GVariant *property(GVariant *properties, const char *name)
{
	for (gsize i = 0; i < g_variant_n_children(properties); i++) {
		const char *key;
		GVariant *value;

		g_variant_get_child(properties, i, "(&sv)", &key, &value);
		if (!strcmp(key, name))
			return value;
		g_variant_unref(value);
	}
	fail_msg("no %s", name);
	return NULL;
}

static void assert_property(GVariant *properties, const char *name, const char *value)
{
	GVariant *found = property(properties, name);

	assert_string_equal(g_variant_get_string(found, NULL), value);
	g_variant_unref(found);
}

static void assert_command(GVariant *properties)
{
	GVariant *commands = property(properties, "ExecStart");
	gboolean ignores_failure;
	const char *path;
	char **argv;

	assert_int_equal(g_variant_n_children(commands), 1);
	g_variant_get_child(commands, 0, "(&s^asb)", &path, &argv, &ignores_failure);
	assert_string_equal(path, program);
	assert_int_equal(g_strv_length(argv), 2);
	assert_string_equal(argv[0], program);
	assert_string_equal(argv[1], "--details");
	assert_false(ignores_failure);
	g_strfreev(argv);
	g_variant_unref(commands);
}

/* The unit's argv is fixed, it gets the display, and nothing is started here. */
static void test_a_unit_of_the_manager(void **state)
{
	struct talk *talk = *state;
	GVariant *properties, *environment;
	const char *name, *mode;
	char **lines, *said;

	viewer_open(talk->viewer);
	wait_called(talk);
	said = wait_started(talk, 300);
	assert_null(said);
	assert_null(talk->failure);
	g_variant_get(talk->asked, "(&s&s@a(sv)@a(sa(sv)))", &name, &mode, &properties, NULL);
	assert_true(g_str_has_prefix(name, "lhguard-details-") &&
		    g_str_has_suffix(name, ".service"));
	assert_string_equal(mode, "fail");
	assert_property(properties, "Type", "notify");
	assert_property(properties, "ExitType", "cgroup");
	assert_property(properties, "CollectMode", "inactive-or-failed");
	assert_command(properties);
	environment = property(properties, "Environment");
	lines = g_variant_dup_strv(environment, NULL);
	assert_true(has(lines, "DISPLAY=:77"));
	assert_false(has(lines, "NOTIFY_SOCKET=/nowhere"));
	g_strfreev(lines);
	g_variant_unref(environment);
	g_variant_unref(properties);
	assert_int_equal(talk->calls, 1);
}

/* No manager on this bus, one before systemd 250, and one that is about to end. */
static void test_without_a_manager(void **state)
{
	static const char *const answers[] = {
		"org.freedesktop.DBus.Error.ServiceUnknown",
		"org.freedesktop.DBus.Error.NameHasNoOwner",
		"org.freedesktop.DBus.Error.PropertyReadOnly",
		"org.freedesktop.systemd1.ShuttingDown",
	};
	struct talk *talk = *state;

	for (size_t i = 0; i < G_N_ELEMENTS(answers); i++) {
		talk->answer = answers[i];
		g_clear_pointer(&talk->asked, g_variant_unref);
		viewer_open(talk->viewer);
		assert_started_here(talk);
		assert_int_equal(talk->calls, i + 1);
		g_unlink(noted);
	}
}

/* The manager's XDG_RUNTIME_DIR is not where the text is. */
static void test_without_a_runtime_folder(void **state)
{
	struct talk *talk = *state;
	char *path = viewer_path(); /* GLib has it from now on */

	g_unsetenv("XDG_RUNTIME_DIR");
	viewer_open(talk->viewer);
	assert_started_here(talk);
	assert_int_equal(talk->calls, 0);
	g_setenv("XDG_RUNTIME_DIR", folder, TRUE);
	g_free(path);
}

/* What the unit runs. */
static void test_in_the_unit(void **state)
{
	GError *error = NULL;

	assert_true(viewer_run(&error));
	assert_started_here(*state);
}

/* In a process of its own: GIO keeps in mind what is registered. */
static void test_nothing_is_registered(void **state)
{
	struct talk *talk = *state;
	GError *error = NULL;

	viewer_open(talk->viewer);
	assert_null(wait_started(talk, WAIT_MS));
	assert_non_null(talk->failure);
	assert_int_equal(talk->calls, 0);
	assert_false(viewer_run(&error));
	assert_non_null(error);
	g_error_free(error);
}

static void test_without_a_viewer(void **state)
{
	char *argv[] = {(char *)"/proc/self/exe", (char *)"none", NULL};
	int status = -1;

	argv[0] = g_file_read_link("/proc/self/exe", NULL);
	assert_true(g_spawn_sync(NULL, argv, NULL, G_SPAWN_DEFAULT, NULL, NULL, NULL, NULL, &status,
				 NULL));
	assert_int_equal(status, 0);
	g_free(argv[0]);
}

static void write_file(const char *name, int mode, const char *text)
{
	char *path = g_build_filename(folder, name, NULL), *parent = g_path_get_dirname(path);

	g_mkdir_with_parents(parent, 0700);
	if (!g_file_set_contents(path, text, -1, NULL) || g_chmod(path, mode))
		exit(1);
	g_free(parent);
	g_free(path);
}

static void prepare(bool has_viewer)
{
	char *text;

	folder = g_dir_make_tmp("lhg-viewer-XXXXXX", NULL);
	noted = g_build_filename(folder, "noted", NULL);
	program = g_build_filename(folder, "bin/lhguard-notify", NULL);
	for (const char *const *name =
		     (const char *const[]){"XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_DATA_DIRS",
					   "XDG_CONFIG_DIRS", "XDG_RUNTIME_DIR", NULL};
	     *name; name++)
		g_setenv(*name, folder, TRUE);
	g_setenv("DISPLAY", ":77", TRUE);
	g_setenv("NOTIFY_SOCKET", "/nowhere", TRUE);
	text = g_strconcat(folder, "/bin:", g_getenv("PATH"), NULL);
	g_setenv("PATH", text, TRUE);
	g_free(text);
	write_file("lhguard-details.txt", 0600, "why it was so\n");
	write_file("bin/lhguard-notify", 0700, "#!/bin/sh\n");
	text = g_strdup_printf("#!/bin/sh\necho \"$@\" > %s.new && mv %s.new %s\n", noted, noted,
			       noted);
	write_file("bin/viewer", 0700, text);
	g_free(text);
	if (!has_viewer)
		return;
	text = g_strdup_printf("[Desktop Entry]\nType=Application\nName=viewer\n"
			       "Exec=%s/bin/viewer %%f\nMimeType=text/plain;\n",
			       folder);
	write_file("applications/viewer.desktop", 0600, text);
	g_free(text);
	write_file("mimeapps.list", 0600, "[Default Applications]\ntext/plain=viewer.desktop\n");
}

static void clean_up(void)
{
	char *argv[] = {(char *)"rm", (char *)"-rf", folder, NULL};

	g_spawn_sync(NULL, argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL, NULL, NULL);
	g_free(folder);
	g_free(noted);
	g_free(program);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest none[] = {
		cmocka_unit_test_setup_teardown(test_nothing_is_registered, start, stop),
	};
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_unit_of_the_manager, start, stop),
		cmocka_unit_test_setup_teardown(test_without_a_manager, start, stop),
		cmocka_unit_test_setup_teardown(test_without_a_runtime_folder, start, stop),
		cmocka_unit_test_setup_teardown(test_in_the_unit, start, stop),
		cmocka_unit_test(test_without_a_viewer),
	};
	bool has_viewer = argc == 1;
	int failed;

	prepare(has_viewer);
	failed = has_viewer ? cmocka_run_group_tests(tests, NULL, NULL)
			    : cmocka_run_group_tests(none, NULL, NULL);
	clean_up();
	return failed;
}
