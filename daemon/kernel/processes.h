/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Readers of /proc under an overridable root, and the proc connector's events. */
#ifndef LHGUARD_KERNEL_PROCESSES_H
#define LHGUARD_KERNEL_PROCESSES_H

#include "flow.h"

#include <linux/limits.h>

/**
 * struct namespaces - inode numbers that name a process's namespaces; 0 when not readable
 */
struct namespaces {
	uint64_t pid;
	uint64_t user;
	uint64_t net;
	uint64_t mount;
};

/**
 * struct process - what /proc tells of one process, without touching its memory
 * @pid: in our pid namespace
 * @parent: its parent's pid
 * @start: start time in clock ticks since boot (stat field 22): with @pid a name that is never reused
 * @comm: as in /proc/PID/comm, any bytes
 * @executable: target of /proc/PID/exe without " (deleted)", "" when not readable (kernel threads)
 * @namespaces: its namespaces
 *
 * exe, ns and stat take no lock that the process itself could hold; cmdline can hang on a process whose memory
 * does not answer, so it is a call of its own and never on the verdict path.
 */
struct process {
	pid_t pid;
	pid_t parent;
	uint64_t start;
	char comm[COMM_SIZE];
	char executable[256];
	struct namespaces namespaces;
};

/** processes_open_root() - a descriptor of "/proc" or of a test's copy; -errno. */
int processes_open_root(const char *path);

/** process_read() - 0, -ESRCH when there is no such process, or -errno. */
int process_read(int root, pid_t pid, struct process *process);

/** process_namespaces() - only the namespaces; fields that cannot be read are 0. */
int process_namespaces(int root, pid_t pid, struct namespaces *namespaces);

/**
 * process_arguments() - the command line, arguments separated and ended by NUL
 * @buffer: receives at most @size bytes; the last is always NUL
 * Return: bytes used, or -errno. Not for the verdict path: see struct process.
 */
ssize_t process_arguments(int root, pid_t pid, char *buffer, size_t size);

/** process_cgroup() - path in the cgroup2 hierarchy (the "0::" line); 0 or -errno. */
int process_cgroup(int root, pid_t pid, char *path, size_t size);

/** enum socket_search - what process_holds_socket() found */
enum socket_search {
	SOCKET_HELD,
	SOCKET_NOT_HELD,
	SOCKET_SEARCH_CUT, /* the budget was used up before the end */
};

/**
 * process_holds_socket() - does the process have a descriptor of this socket?
 * @inode: of struct socket_info
 * @hint: descriptor to try first, and where the socket was found; -1 for none
 * @budget: links that may be read, decreased by those that were
 */
enum socket_search process_holds_socket(int root, pid_t pid, uint32_t inode, int *hint,
					unsigned int *budget);

/**
 * process_holds_tap() - does it hold the tun/tap device of this name ("iff:" in fdinfo)?
 * Return: 1, 0 or -errno. Reads all descriptors: not for the verdict path.
 */
int process_holds_tap(int root, pid_t pid, const char *interface);

/**
 * process_tap_netns() - the network namespace of the first tun/tap device that the process holds
 * Takes the descriptor by pidfd_getfd(2) and asks TUNGETDEVNETNS (linux/if_tun.h).
 * Return: 0 with @inode, -ENODEV when it holds none, or -errno. Not for the verdict path.
 */
int process_tap_netns(int root, pid_t pid, uint64_t *inode);

/** process_holds_link() - does any descriptor's link equal @target, e.g. "anon_inode:kvm-vm"? 1, 0, -errno. */
int process_holds_link(int root, pid_t pid, const char *target);

/** processes_each() - call @visit for every pid in the root; stops when it returns non-zero. */
int processes_each(int root, int (*visit)(void *data, pid_t pid), void *data);

/* Events. */

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
 * Return: 1 when there may be more, 0 when drained, -ENOBUFS when events were lost (then scan /proc),
 * or -errno.
 */
int process_events_read(struct process_events *events,
			void (*handle)(void *data, const struct process_event *event), void *data);

#endif
