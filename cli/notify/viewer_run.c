// SPDX-License-Identifier: GPL-2.0-or-later
/* The desktop's viewer of texts, started from this process; and whether it came. */
#include "viewer.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <systemd/sd-daemon.h>

#define FILE_NAME "lhguard-details.txt"
#define FAILS_MS  1500 /* who cannot show the text has ended by then */
#define STEP_MS	  20

char *viewer_path(void)
{
	return g_build_filename(g_get_user_runtime_dir(), FILE_NAME, NULL);
}

void viewer_launch(GAsyncReadyCallback then, void *data)
{
	char *path = viewer_path();
	char *uri = g_filename_to_uri(path, NULL, NULL);

	g_app_info_launch_default_for_uri_async(uri, NULL, NULL, then, data);
	g_free(path);
	g_free(uri);
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

static void set_failure(int status, GError **error)
{
	if (WIFEXITED(status))
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
			    "the program for texts ended at once, with status %d",
			    WEXITSTATUS(status));
	else
		g_set_error(error, G_IO_ERROR, G_IO_ERROR_FAILED,
			    "the program for texts ended at once, by signal %d", WTERMSIG(status));
}

/* Return: whether something that was started goes on for a while, or has ended well; or was none of ours. */
static bool is_well(GError **error)
{
	int failure = 0;

	for (int waited_ms = 0; waited_ms < FAILS_MS; waited_ms += STEP_MS) {
		int status = 0;
		pid_t pid = waitpid(-1, &status, WNOHANG);

		if (pid > 0 && !status)
			return true;
		if (pid > 0) {
			failure = status;
			continue;
		}
		if (pid < 0 && errno == ECHILD) {
			if (failure)
				set_failure(failure, error);
			return !failure;
		}
		g_usleep(STEP_MS * 1000);
	}
	return true;
}

bool viewer_run(GError **error)
{
	struct run run = {.loop = g_main_loop_new(NULL, FALSE), .error = error};

	/* GIO leaves what it starts to who takes orphans: let that be us for a while. */
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	viewer_launch(on_run, &run);
	g_main_loop_run(run.loop);
	g_main_loop_unref(run.loop);
	if (!run.is_done || !is_well(error))
		return false;
	sd_notify(1, "READY=1");
	return true;
}
