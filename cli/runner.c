// SPDX-License-Identifier: GPL-2.0-or-later
/* Runs the command of watch --exec for one event after the other. */
#include "runner.h"

#include "client.h"
#include "events.h"
#include "output.h"
#include "words.h"

#include "util/text.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define VALUE_SIZE    2048
#define GRACE_SECONDS 2 /* that the command has to end by itself */
#define NOT_FOUND     127

/*
 * DOC: Theory of Operation
 * The command runs in a process group of its own, and is reaped only after that group was killed:
 * until then no other group can have its number. So nothing of it outlives its turn, or watch, but
 * what made itself a session (setsid).
 */

/**
 * struct runner - the command, and the events that wait for it
 * @pid: of the command that runs, and number of its group; 0: none
 * @event: number of the event that it runs for
 * @waiting: events, the oldest first
 * @missed: how many found no room since that was said last
 */
struct runner {
	const char *command;
	const char *socket;
	sigset_t mask;
	pid_t pid;
	json_int_t event;
	json_t *waiting;
	uint64_t missed;
};

struct runner *runner_new(const char *command, const char *socket, const sigset_t *mask)
{
	struct runner *runner = calloc(1, sizeof(*runner));

	if (!runner)
		return NULL;
	*runner = (struct runner){.command = command, .socket = socket, .mask = *mask};
	runner->waiting = json_array();
	return runner;
}

/* Printable, and a source so that --from takes it: names are treated alike everywhere. */
static void set(const char *name, const char *value)
{
	char printable[VALUE_SIZE];

	text_copy_name(printable, sizeof(printable), value, strlen(value));
	setenv(name, printable, 1);
}

static void set_number(const char *name, json_int_t value)
{
	char text[32] = "";

	if (value)
		snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, value);
	setenv(name, text, 1);
}

static void set_service(const json_t *service)
{
	char text[WORD_SIZE];

	snprintf(text, sizeof(text), "%s/", text_of(service, "protocol"));
	endpoint(text + strlen(text), sizeof(text) - strlen(text), service);
	set("LHGUARD_SERVICE", text);
}

static void set_whole(const json_t *event)
{
	json_t *document = json_pack("{s:i}", "schema", OUTPUT_SCHEMA);
	char *text;

	json_object_update(document, (json_t *)event);
	text = json_dumps(document, JSON_COMPACT | JSON_ENSURE_ASCII);
	setenv("LHGUARD_EVENT", text ? text : "", 1);
	free(text);
	json_decref(document);
}

static void fill_environment(const struct runner *runner, const json_t *event)
{
	const json_t *source = json_object_get(event, "source");
	const json_t *service = json_object_get(event, "service");
	char word[WORD_SIZE], command[COMMAND_SIZE] = "";

	set_whole(event);
	set_number("LHGUARD_ID", number_of(event, "id"));
	set_number("LHGUARD_COUNT", number_of(event, "count"));
	set("LHGUARD_TYPE", text_of(event, "type"));
	set("LHGUARD_VERDICT", text_of(event, "verdict"));
	set("LHGUARD_MODE", text_of(event, "mode"));
	set("LHGUARD_REASON", text_of(event, "reason"));
	source_word(word, sizeof(word), source);
	set("LHGUARD_SOURCE", word);
	set_number("LHGUARD_GUEST", number_of(source, "guest"));
	set("LHGUARD_NAME", text_of(source, "label"));
	set_service(service);
	set("LHGUARD_PROGRAM", text_of(service, "program"));
	if (event_is_allowable(event))
		command_text(command, sizeof(command), "allow", event);
	setenv("LHGUARD_ALLOW", command, 1); /* quoted already */
	setenv("LHGUARD_SOCKET", runner->socket, 1);
}

/* In the new process. */
static void become_command(const struct runner *runner, const json_t *event, pid_t parent)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM); /* should watch be killed */
	if (getppid() != parent)
		_exit(NOT_FOUND);
	dup2(null, STDIN_FILENO);
	fill_environment(runner, event);
	sigprocmask(SIG_SETMASK, &runner->mask, NULL);
	execl("/bin/sh", "sh", "-c", runner->command, NULL);
	_exit(NOT_FOUND);
}

static void say_missed(struct runner *runner)
{
	if (runner->missed)
		complain(STATUS_DONE, "--exec: the command was not run for %" PRIu64 " event%s",
			 runner->missed, runner->missed == 1 ? "" : "s");
	runner->missed = 0;
}

static void start(struct runner *runner, const json_t *event)
{
	pid_t parent = getpid(), pid;

	fflush(stdout); /* else the new process has it, too */
	pid = fork();
	if (pid < 0) {
		complain(STATUS_DONE, "--exec: no process for event #%" JSON_INTEGER_FORMAT ": %s",
			 number_of(event, "id"), strerror(errno));
		return;
	}
	if (!pid)
		become_command(runner, event, parent);
	setpgid(pid, pid); /* whoever of both comes first */
	runner->pid = pid;
	runner->event = number_of(event, "id");
}

static void start_next(struct runner *runner)
{
	while (!runner->pid && json_array_size(runner->waiting)) {
		start(runner, json_array_get(runner->waiting, 0));
		json_array_remove(runner->waiting, 0);
	}
}

void runner_add(struct runner *runner, json_t *event)
{
	if (json_array_size(runner->waiting) >= RUNNER_BACKLOG) {
		if (!runner->missed++)
			complain(STATUS_DONE,
				 "--exec: the command still runs for event #%" JSON_INTEGER_FORMAT
				 ", and %d wait: it is not run for those that come now",
				 runner->event, RUNNER_BACKLOG);
		return;
	}
	json_array_append(runner->waiting, event);
	start_next(runner);
}

static void say_ended(const struct runner *runner, const siginfo_t *info)
{
	if (info->si_code != CLD_EXITED)
		say("--exec: the command for event #%" JSON_INTEGER_FORMAT
		    " was ended by signal %d",
		    runner->event, info->si_status);
	else if (info->si_status)
		say("--exec: the command for event #%" JSON_INTEGER_FORMAT " ended with status %d",
		    runner->event, info->si_status);
}

/* Return: whether the command has ended; then all of its group has. */
static bool reap(struct runner *runner, siginfo_t *info)
{
	info->si_pid = 0;
	if (waitid(P_PID, (id_t)runner->pid, info, WEXITED | WNOHANG | WNOWAIT) || !info->si_pid)
		return false;
	kill(-runner->pid, SIGKILL);
	waitpid(runner->pid, NULL, 0);
	runner->pid = 0;
	return true;
}

void runner_reap(struct runner *runner)
{
	siginfo_t info;

	if (!runner->pid || !reap(runner, &info))
		return;
	say_ended(runner, &info);
	say_missed(runner);
	start_next(runner);
}

bool runner_is_busy(const struct runner *runner)
{
	return runner->pid != 0;
}

/* SIGCHLD is blocked, so it can be waited for. */
static void end_command(struct runner *runner)
{
	struct timespec left = {.tv_sec = GRACE_SECONDS};
	sigset_t child;
	siginfo_t info;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	kill(-runner->pid, SIGTERM);
	while (!reap(runner, &info) && sigtimedwait(&child, NULL, &left) > 0)
		;
	if (!runner->pid)
		return;
	kill(-runner->pid, SIGKILL);
	waitpid(runner->pid, NULL, 0);
	runner->pid = 0;
}

void runner_free(struct runner *runner)
{
	if (!runner)
		return;
	if (runner->pid)
		end_command(runner);
	runner->missed += json_array_size(runner->waiting);
	say_missed(runner);
	json_decref(runner->waiting);
	free(runner);
}
