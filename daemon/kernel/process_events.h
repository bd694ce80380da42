/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The proc connector's events: processes that start, become another program, or end. */
#ifndef LHGUARD_KERNEL_PROCESS_EVENTS_H
#define LHGUARD_KERNEL_PROCESS_EVENTS_H

#include <sys/types.h>

enum process_event_type {
	PROCESS_FORK,
	PROCESS_EXEC,
	PROCESS_EXIT,
};

/**
 * struct process_event - one event of the proc connector (linux/cn_proc.h), whole processes only
 * @pid: the process; for PROCESS_FORK the child
 * @parent: for PROCESS_FORK the parent's pid (tgid), else 0
 */
struct process_event {
	enum process_event_type type;
	pid_t pid;
	pid_t parent;
};

struct process_events;

/**
 * process_events_open() - subscribe to the proc connector
 * Works in the initial network namespace only, and goes on working after setns(2) into another:
 * open it first. Needs CAP_NET_ADMIN.
 * Return: 0 or -errno (-ECONNREFUSED outside the initial network namespace).
 */
int process_events_open(struct process_events **events);
void process_events_close(struct process_events *events);
int process_events_fd(const struct process_events *events);

/**
 * process_events_read() - read pending events without waiting, at most 1024 a call
 * @handle: called for each event in order; threads are left out
 * Return: 1 when there may be more, 0 when drained, -ENOBUFS when events were lost (then scan
 * /proc), or -errno.
 */
int process_events_read(struct process_events *events,
			void (*handle)(void *data, const struct process_event *event), void *data);

#endif
