/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which program listens on a service: for people who read an event, never for a verdict. */
#ifndef LHGUARD_KERNEL_LISTENERS_H
#define LHGUARD_KERNEL_LISTENERS_H

#include "flow.h"

struct listeners;
struct process;
struct socket_info;
struct sockets;

/**
 * listeners_new() - a cache over sock_diag and /proc
 * @sockets: of the guarded namespace, borrowed
 * @proc: descriptor of /proc, borrowed
 * @cgroup: descriptor of the cgroup2 mount, borrowed; -1 when there is none
 */
struct listeners *listeners_new(struct sockets *sockets, int proc, int cgroup);
void listeners_free(struct listeners *listeners);

/**
 * listeners_holder() - the process that holds a socket
 * @budget: descriptors that may be read, decreased by those that were
 * @process: receives it
 *
 * Looks through the processes of the cgroup that the socket was made in, the newest first. Not for
 * the verdict path.
 *
 * Return: 0, -ENOENT when none of them holds it, -EAGAIN when the budget was used up.
 */
int listeners_holder(struct listeners *listeners, const struct socket_info *socket,
		     unsigned int *budget, struct process *process);

/**
 * listeners_program() - the comm of the process that a flow is for
 * @comm: receives it, "" when nobody listens or it could not be found
 *
 * Looks through the processes of the listening socket's cgroup, at most a fixed number of
 * descriptors, and at most a few times a second; remembers each answer for some seconds.
 */
void listeners_program(struct listeners *listeners, const struct flow *flow, char *comm,
		       size_t size);

/** listeners_ask() - the same, however often: for somebody of the host who asked */
void listeners_ask(struct listeners *listeners, const struct flow *flow, char *comm, size_t size);

#endif
