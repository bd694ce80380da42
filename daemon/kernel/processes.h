/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Readers of /proc under an overridable root. */
#ifndef LHGUARD_KERNEL_PROCESSES_H
#define LHGUARD_KERNEL_PROCESSES_H

#include "flow.h"
#include "kernel/patient.h"

#include <dirent.h>

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
 * @start: start time in clock ticks since boot (stat field 22): with @pid a name that is never
 * reused
 * @is_dead: it has ended, and its parent has not asked how: it has no network namespace any more
 * @comm: as in /proc/PID/comm, any bytes
 * @executable: target of /proc/PID/exe without " (deleted)", "" when not readable (kernel threads);
 * of a longer path the end behind "...", so that its last component is always whole
 * @namespaces: its namespaces
 *
 * exe, ns and stat take no lock that the process itself could hold; cmdline can hang on a process
 * whose memory does not answer, so it is a call of its own, and a patient one.
 */
struct process {
	pid_t pid;
	pid_t parent;
	uint64_t start;
	bool is_dead;
	char comm[COMM_SIZE];
	char executable[256];
	struct namespaces namespaces;
};

/** processes_open_root() - a descriptor of "/proc" or of a test's copy; -errno. */
int processes_open_root(const char *path);

/** process_open() - a descriptor (O_PATH) of /proc/PID, tied to this process; -ESRCH or -errno. */
int process_open(int root, pid_t pid);

/** process_read_file() - a file below that descriptor, to its end or until @buffer is full
 * Return: bytes read, or -errno.
 */
ssize_t process_read_file(int directory, const char *name, char *buffer, size_t size);

/**
 * process_ask() - patient_call() for a job that the process can keep waiting
 * Tells of each process that did so, and counts them.
 */
int process_ask(int root, pid_t pid, struct patient_job *job);

/** processes_silent() - how many processes did not answer in time */
uint64_t processes_silent(void);

/** process_read() - 0, -ESRCH when there is no such process, or -errno. */
int process_read(int root, pid_t pid, struct process *process);

/** process_namespaces() - only the namespaces; fields that cannot be read are 0. */
int process_namespaces(int root, pid_t pid, struct namespaces *namespaces);

/**
 * process_runs_hosts_file() - does it run the very file that the host has under this path?
 * A file of the system's own folders, root's, and nobody else's to write: whoever is contained can
 * show another one under the same path, but not this one. Touches no path outside those folders,
 * and no server of a user's file system.
 */
bool process_runs_hosts_file(int root, const struct process *process);

/** process_has_hosts_root() - is its root folder ours? Asks no server of a user's file system. */
bool process_has_hosts_root(int root, pid_t pid);

/** process_path_is_systems() - is this path in those folders? */
bool process_path_is_systems(const char *path);

/**
 * process_arguments() - the command line, arguments separated and ended by NUL
 * @buffer: receives at most @size bytes; the last is always NUL
 * Return: bytes used, or -errno; see patient_call(). Not for the verdict path.
 */
ssize_t process_arguments(int root, pid_t pid, char *buffer, size_t size);

/** process_cgroup() - path in the cgroup2 hierarchy (the "0::" line); 0 or as process_line(). */
int process_cgroup(int root, pid_t pid, char *path, size_t size);

/**
 * process_line() - the first line of a file of the process that starts with @prefix
 * @file: below /proc/PID, e.g. "fdinfo/7"
 * @rest: receives what follows the prefix, without the newline
 * Return: 0, -ENODATA when no line starts so, -ENAMETOOLONG when it does not fit, -ESRCH, or
 * -errno.
 */
int process_line(int root, pid_t pid, const char *file, const char *prefix, char *rest,
		 size_t size);

/** process_exists() - is there one of this number now? */
bool process_exists(int root, pid_t pid);

/** processes_list() - a list of all processes for processes_next(); NULL with errno. */
DIR *processes_list(int root);

/**
 * processes_next() - the next process of a list, as it is by now
 * Return: its pid, 0 at the end.
 */
pid_t processes_next(DIR *list);

/** processes_each() - call @visit for every pid in the root; stops when it returns non-zero. */
int processes_each(int root, int (*visit)(void *data, pid_t pid), void *data);

#endif
