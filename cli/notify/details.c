// SPDX-License-Identifier: GPL-2.0-or-later
/* What `lhguard explain` says of an event: in a notification, or in the desktop's viewer of texts. */
#include "agent.h"
#include "installed.h"
#include "wording.h"

#include "../output.h"

#include "util/text.h"

#include <string.h>
#include <unistd.h>

#define OUTPUT_MAX (32 * 1024)
#define SHOWN_MAX  1200 /* bytes in a notification; the rest is for the viewer */
#define LINE_SHOWN 50	/* characters of a line, where there is room for few lines */
#define TIMEOUT_S  15

/**
 * struct details - one run of `lhguard explain`
 * @binding: of the alert
 * @actions: what could be done about the alert
 * @process: its output is being read
 * @timer: ends it
 */
struct details {
	struct agent *agent;
	struct binding binding;
	unsigned int actions;
	GSubprocess *process;
	GCancellable *cancellable;
	guint timer;
	char output[OUTPUT_MAX + 1];
};

/* @lines: that are drawn; 0: all */
static bool fits(const char *text, unsigned int lines)
{
	unsigned int drawn = 0;

	for (const char *line = text; lines && *line;) {
		size_t length = strcspn(line, "\n");

		drawn += 1 + (unsigned int)(length / LINE_SHOWN);
		line += length + (line[length] != '\0');
	}
	return drawn <= lines;
}

/* With the alert's buttons: most servers close the alert when one of them is clicked, also this one. */
static void tell_with(struct agent *agent, const char *summary, const char *text,
		      unsigned int actions, const struct binding *binding)
{
	struct message message = {
		.urgency = URGENCY_NORMAL,
		.timeout_ms = TIMEOUT_NEVER,
		.actions = actions,
	};
	const struct habits *habits = display_habits(agent->display);
	bool is_whole = strlen(text) <= SHOWN_MAX && fits(text, habits->lines);

	if (habits->forgets_timeouts) /* it was asked for, and would be gone before it is read */
		message.urgency = URGENCY_CRITICAL;
	text_copy(message.summary, sizeof(message.summary), summary);
	text_copy(message.body, is_whole ? sizeof(message.body) : SHOWN_MAX, text);
	if (!is_whole) {
		text_append(message.body, sizeof(message.body), "\xe2\x80\xa6");
		message.actions |= ACTION_BIT(ACTION_OPEN);
	}
	g_free(agent->details_text);
	agent->details_text = is_whole ? NULL : g_strdup(text);
	agent->is_opening = false;
	notices_tell(&agent->notices, NOTICE_DETAILS, &message);
	agent->notices.of[NOTICE_DETAILS].binding = *binding;
	agent_wake(agent);
}

static void tell(struct agent *agent, const char *summary, const char *text)
{
	tell_with(agent, summary, text, 0, &(struct binding){.incarnation = 0});
}

void details_close(struct agent *agent)
{
	struct details *details = agent->details;

	agent->details = NULL;
	if (!details)
		return;
	g_subprocess_force_exit(details->process);
	g_cancellable_cancel(details->cancellable);
}

static gboolean on_timeout(gpointer data)
{
	struct details *details = data;

	details->timer = 0;
	g_subprocess_force_exit(details->process);
	return G_SOURCE_REMOVE;
}

static void on_read(GObject *stream, GAsyncResult *result, gpointer data)
{
	struct details *details = data;
	gsize length = 0;
	char *text;

	g_input_stream_read_all_finish(G_INPUT_STREAM(stream), result, &length, NULL);
	details->output[length] = '\0';
	g_strchomp(details->output);
	if (details->timer)
		g_source_remove(details->timer);
	if (details->agent->details == details) {
		details->agent->details = NULL;
		text = g_utf8_make_valid(details->output, -1);
		tell_with(details->agent, "Why it was so",
			  *text ? text : "lhguard explain did not say anything", details->actions,
			  &details->binding);
		g_free(text);
	}
	g_subprocess_force_exit(details->process); /* where it has more to say than we read */
	g_object_unref(details->process);
	g_object_unref(details->cancellable);
	g_free(details);
}

static void start(struct agent *agent, const struct alert *alert, GSubprocess *process)
{
	struct details *details = g_new0(struct details, 1);

	details->agent = agent;
	details->binding = binding_of(alert);
	if (agent->settings.actions && alert->is_actionable && alert_is_allowable(alert->event))
		details->actions = ACTION_BIT(ACTION_ALLOW_10M) | ACTION_BIT(ACTION_ALLOW_ALWAYS);
	details->process = process;
	details->cancellable = g_cancellable_new();
	details->timer = g_timeout_add_seconds(TIMEOUT_S, on_timeout, details);
	agent->details = details;
	g_input_stream_read_all_async(g_subprocess_get_stdout_pipe(process), details->output,
				      OUTPUT_MAX, G_PRIORITY_DEFAULT, details->cancellable, on_read,
				      details);
}

void details_show(struct agent *agent, const struct alert *alert)
{
	g_autofree char *number =
		g_strdup_printf("%" JSON_INTEGER_FORMAT, number_of(alert->event, "id"));
	g_autofree char *path = installed_program("lhguard");
	const char *const argv[] = {path, "--socket", agent->socket, "explain", number, NULL};
	GSubprocess *process;
	GError *error = NULL;

	if (!alert->is_current) { /* the number is of another event now */
		tell(agent, "It is too late to ask why",
		     "The guard was started anew since: lhguard log has it");
		return;
	}
	if (agent->details && agent->details->binding.incarnation == alert->incarnation)
		return; /* it is being asked */
	details_close(agent);
	process = g_subprocess_newv(
		argv, G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_MERGE, &error);
	if (process) {
		start(agent, alert, process);
		return;
	}
	tell(agent, "lhguard explain cannot be run", error->message);
	g_error_free(error);
}

static void tell_unopened(struct agent *agent, const char *reason, const char *command)
{
	struct message message = {
		.summary = "The text was not opened",
		.urgency = URGENCY_NORMAL,
		.timeout_ms = TIMEOUT_NEVER,
	};
	char text[1024];

	text_append(message.body, sizeof(message.body), "%s\nTo read it: %s",
		    clean(text, sizeof(text), reason), command);
	notices_tell(&agent->notices, NOTICE_VIEWER, &message);
	agent_wake(agent);
}

void details_told(void *data, const char *reason)
{
	struct agent *agent = data;
	char *path, *command;

	agent->is_opening = false;
	if (!reason) {
		notices_clear(&agent->notices, NOTICE_VIEWER);
		agent_wake(agent);
		return;
	}
	path = viewer_path();
	command = g_strconcat("less ", quoted(path), NULL);
	tell_unopened(agent, reason, command);
	g_free(command);
	g_free(path);
}

/* It has no file: of the daemon that runs now, the number says the same. */
static void tell_unwritten(struct agent *agent, const char *reason)
{
	const struct binding *binding = &agent->notices.of[NOTICE_DETAILS].binding;
	unsigned int slot = alerts_find(agent->alerts, binding->incarnation);
	char command[64] = "lhguard log";
	struct alert alert;

	if (alerts_get(agent->alerts, slot, agent_now(), &alert) && alert.is_current)
		snprintf(command, sizeof(command), "lhguard explain %" JSON_INTEGER_FORMAT,
			 binding->id);
	tell_unopened(agent, reason, command);
}

void details_open(struct agent *agent)
{
	GError *error = NULL;
	char *path;

	if (!agent->details_text || agent->is_opening)
		return;
	path = viewer_path();
	if (g_file_set_contents_full(path, agent->details_text, -1, G_FILE_SET_CONTENTS_CONSISTENT,
				     0600, &error)) {
		agent->is_opening = true;
		viewer_open(agent->viewer);
	} else {
		tell_unwritten(agent, error->message);
		g_error_free(error);
	}
	g_free(path);
}
