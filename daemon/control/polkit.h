/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks polkit, on the system bus, without ever waiting for it. */
#ifndef LHGUARD_CONTROL_POLKIT_H
#define LHGUARD_CONTROL_POLKIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <systemd/sd-event.h>

struct polkit;
struct polkit_asked;

/* The actions of conf/org.lhguard.policy */
#define POLKIT_WATCH  "org.lhguard.watch"
#define POLKIT_MANAGE "org.lhguard.manage"

#define POLKIT_WHAT_SIZE 1024 /* for the longest of names, all of it escaped */

/**
 * struct polkit_question - may this process do that?
 * @action: POLKIT_WATCH or POLKIT_MANAGE
 * @is_interactive: a person may be asked for a password
 * @pid: the process, @start: when it started (proc_pid_stat(5), field 22), @uid: whose it is
 * @what: printable: what it wants, behind "Authentication is required to "
 * @subject: where the event is kept that it is about; the caller's, NULL where nothing is asked
 */
struct polkit_question {
	const char *action;
	bool is_interactive;
	pid_t pid;
	uint64_t start;
	uid_t uid;
	char what[POLKIT_WHAT_SIZE];
	struct attempt *subject;
};

/**
 * struct permit - what polkit said
 * @result: 0: it may; -EACCES: it may not; else nobody could be asked
 * @why: why not, "" where there is nothing to say
 */
struct permit {
	int result;
	char why[256];
};

/** polkit_answered - called once from the event loop, unless the question was cancelled */
typedef void (*polkit_answered)(void *data, const struct permit *permit);

/**
 * polkit_new() - connects to nothing yet
 * @priority: of the bus in the event loop
 * Return: 0 or -ENOMEM.
 */
int polkit_new(struct polkit **polkit, sd_event *loop, int64_t priority);

/** polkit_free() - forgets what was asked, without calling anybody */
void polkit_free(struct polkit *polkit);

/**
 * polkit_ask() - put a question; the answer comes later
 * @asked: receives what polkit_cancel() takes, valid until the answer
 * Return: 0, -ENOENT where there is no system bus, -EBUSY when too many questions are open already
 * (of this user, or at all), or another -errno: then nobody is called.
 */
int polkit_ask(struct polkit *polkit, const struct polkit_question *question,
	       polkit_answered answered, void *data, struct polkit_asked **asked);

/** polkit_cancel() - nobody waits for the answer any more: the dialog goes, too */
void polkit_cancel(struct polkit_asked *asked);

#endif
