/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs the command of watch --exec for one event after the other. */
#ifndef LHGUARD_CLI_RUNNER_H
#define LHGUARD_CLI_RUNNER_H

#include <jansson.h>
#include <signal.h>
#include <stdbool.h>

struct runner;

#define RUNNER_BACKLOG 256 /* events that wait while the command runs */

/**
 * runner_new() - make one
 * @command: for /bin/sh -c; borrowed. It gets events in its environment only: guests choose names
 * @socket: of the guard, for the lhguard that the command may call
 * @mask: signals blocked in the command
 * Return: NULL when memory is short.
 */
struct runner *runner_new(const char *command, const char *socket, const sigset_t *mask);

/** runner_free() - end the command that runs, and all that it started; say what has not been run */
void runner_free(struct runner *runner);

/** runner_add() - run the command for this event, when it is its turn; what finds no room is counted */
void runner_add(struct runner *runner, json_t *event);

/** runner_reap() - after SIGCHLD: see what has ended, and go on with the next */
void runner_reap(struct runner *runner);

/** runner_is_busy() - does the command run? */
bool runner_is_busy(const struct runner *runner);

#endif
