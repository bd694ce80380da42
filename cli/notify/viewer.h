/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The desktop's viewer of texts, which is none of the agent's: neither confined like it, nor ended with it. */
#ifndef LHGUARD_NOTIFY_VIEWER_H
#define LHGUARD_NOTIFY_VIEWER_H

#include <gio/gio.h>
#include <stdbool.h>

/** viewer_path() - of the one file that is shown. Return: a string for g_free(). */
char *viewer_path(void);

struct viewer;

/** viewer_told - called out of the main loop; @reason: why it is not shown, or not yet; NULL: it is */
typedef void (*viewer_told)(void *data, const char *reason);

/** viewer_new() - @bus: of the session; the user's manager is asked there to start a viewer */
struct viewer *viewer_new(GDBusConnection *bus, viewer_told told, void *data);
void viewer_free(struct viewer *viewer);

/** viewer_open() - have the file at viewer_path() shown, without waiting for it */
void viewer_open(struct viewer *viewer);

/** viewer_launch() - show it from this process; @then: g_app_info_launch_default_for_uri_finish() */
void viewer_launch(GAsyncReadyCallback then, void *data);

/**
 * viewer_run() - show it from this process, which waits until the viewer was started, and has not
 *	failed at once; who started this process with $NOTIFY_SOCKET is told then
 * Return: whether it was; else *@error is set.
 */
bool viewer_run(GError **error);

#endif
