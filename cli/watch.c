// SPDX-License-Identifier: GPL-2.0-or-later
/* The verb that shows each attempt as it is made. */
#include "events.h"
#include "filter.h"
#include "output.h"
#include "ring.h"
#include "runner.h"
#include "verbs.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/**
 * struct view - what of the stream of events is shown
 * @filter: only these
 * @newest: number of the newest event from before the stream, 0: none. With a filter, events up to
 *	it are held back until it has come: only then are the newest of those that match known
 * @past: how many of these are shown
 * @held: those that match, the oldest first
 * @stop_fd: tells of signals: one that ends watch, or that the command of --exec has ended
 * @runner: of --exec, else NULL
 */
struct view {
	const struct options *options;
	struct filter filter;
	json_int_t newest;
	unsigned int past;
	json_t *held;
	int stop_fd;
	struct runner *runner;
};

static void show(struct view *view, json_t *event)
{
	event_print(event, view->options->json);
	if (view->runner)
		runner_add(view->runner, event);
}

static void show_held(struct view *view)
{
	for (size_t i = 0; i < json_array_size(view->held); i++)
		show(view, json_array_get(view->held, i));
	json_array_clear(view->held);
	view->newest = 0;
}

static void take_event(struct view *view, json_t *event)
{
	bool matches = filter_matches(&view->filter, event);
	bool is_last = number_of(event, "id") >= view->newest;

	if (!view->newest) {
		if (matches)
			show(view, event);
		return;
	}
	if (matches)
		json_array_append(view->held, event);
	if (json_array_size(view->held) > view->past)
		json_array_remove(view->held, 0);
	if (is_last)
		show_held(view);
}

/* A program reads standard output alone. */
static void tell_lost(const struct view *view, json_int_t lost)
{
	if (view->options->json)
		print_members(json_pack("{s:s, s:I}", "type", "lost", "count", lost));
	complain(STATUS_DONE,
		 "%" JSON_INTEGER_FORMAT " events were lost: they came faster than they were read",
		 lost);
}

static void take_answer(struct view *view, const json_t *answer)
{
	json_t *event = json_object_get(answer, "event");
	json_int_t lost = number_of(answer, "lost");

	if (lost)
		tell_lost(view, lost);
	if (json_is_object(event)) /* not in the first answer: from then on nothing is missed */
		take_event(view, event);
}

/* Signals are read from a descriptor from now on. */
static enum status take_signals(struct view *view)
{
	const char *command = view->options->value[OPTION_EXEC];
	sigset_t signals, before;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGCHLD);
	signal(SIGCHLD, SIG_DFL); /* whoever started us may have had it ignored */
	sigprocmask(SIG_BLOCK, &signals, &before);
	view->stop_fd = signalfd(-1, &signals, SFD_CLOEXEC);
	if (view->stop_fd < 0)
		return complain(STATUS_FAILED, "no signals: %s", strerror(errno));
	if (!command)
		return STATUS_DONE;
	view->runner = runner_new(command, view->options->socket, &before);
	return view->runner ? STATUS_DONE : complain(STATUS_FAILED, "out of memory");
}

/* Return: whether watch goes on. */
static bool attend_signal(struct view *view)
{
	struct signalfd_siginfo info = {.ssi_signo = SIGINT};

	if (read(view->stop_fd, &info, sizeof(info)) < 0 && errno == EINTR)
		return true;
	if (info.ssi_signo != SIGCHLD)
		return false;
	if (view->runner)
		runner_reap(view->runner);
	return true;
}

/* Return: STATUS_DONE also where a signal has ended it; then @stopped is set. */
static enum status follow(struct client *client, struct view *view, bool *stopped)
{
	int past = view->newest ? PAST_MAX : (int)view->past;
	enum status status = client_send(client, "Watch", json_pack("{s:i}", "past", past), true);
	bool continues = true;

	while (!status && continues) {
		json_t *answer = NULL;

		status = client_receive(client, CLIENT_FOR_EVER, &answer, &continues);
		if (!answer && !status && attend_signal(view))
			continue;
		*stopped = !answer && !status;
		if (!answer)
			break;
		take_answer(view, answer);
		json_decref(answer);
		if (fflush(stdout))
			break; /* main() says so */
	}
	show_held(view); /* of a stream that ended before its time */
	return status;
}

static enum status watch(struct view *view)
{
	struct client client;
	bool stopped = false;
	enum status status = STATUS_DONE;

	/* With a filter all that the daemon keeps is asked for: how far does that go? */
	if (view->past && !filter_is_empty(&view->filter))
		status = ring_newest(view->options->socket, &view->newest);
	if (!status)
		status = client_open(&client, view->options->socket);
	if (status)
		return status;
	status = take_signals(view);
	client.stop_fd = view->stop_fd;
	if (!status)
		status = follow(&client, view, &stopped);
	client_close(&client);
	/* The daemon has ended, but what it told is not done yet. */
	while (!stopped && view->runner && runner_is_busy(view->runner))
		stopped = !attend_signal(view);
	return status;
}

enum status verb_watch(const struct options *options, int argc, char **argv)
{
	const char *past = options->value[OPTION_PAST];
	struct view view = {.options = options, .stop_fd = -1};
	enum status status;

	if (past && past_parse(past, &view.past))
		return STATUS_USAGE;
	if (has_option(options, OPTION_EXEC) && !*options->value[OPTION_EXEC])
		return complain(STATUS_USAGE, "--exec takes a command, not nothing");
	status = filter_parse(&view.filter, options);
	if (status)
		return status;
	view.held = json_array();
	status = watch(&view);
	runner_free(view.runner);
	if (view.stop_fd >= 0)
		close(view.stop_fd);
	json_decref(view.held);
	return status;
}
