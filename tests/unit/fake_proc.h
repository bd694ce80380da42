/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A /proc of our own making, and a registry that reads it. */
#ifndef LHGUARD_TESTS_FAKE_PROC_H
#define LHGUARD_TESTS_FAKE_PROC_H

#include "guests/state.h"
#include "kernel/process_events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

enum { HOST = 100, OTHER = 200 }; /* inodes of namespaces */

struct fake {
	char path[64];
	struct catalogue *catalogue; /* the one that is installed */
	struct registry *registry;
	bool others_join; /* somebody else waits wherever a guest does */
};

#define ROW_LINKS 4

/**
 * struct row - one process of the fake /proc
 * @arguments: NUL-separated
 * @pid_ns: its namespaces, 0 for the host's; so the next three
 * @has_own_root: its root folder is not the host's
 * @is_dead: a zombie
 * @links: what its descriptors 3, 4, … are links to
 * @maps: text of its /proc/PID/maps
 */
struct row {
	pid_t pid, parent;
	const char *executable;
	const char *arguments;
	size_t arguments_length;
	const char *cgroup;
	unsigned int pid_ns, user_ns, mount_ns, net_ns;
	bool has_own_root, is_dead;
	const char *links[ROW_LINKS];
	const char *maps;
};

#define ARGUMENTS(text) .arguments = (text), .arguments_length = sizeof(text)

/** fake_put() - make the process's files, or make them anew */
void fake_put(const struct fake *fake, const struct row *row);

/** fake_event() - tell the registry of an event */
void fake_event(const struct fake *fake, enum process_event_type type, pid_t pid, pid_t parent);

/** fake_start() - make a process that has just become its program */
void fake_start(const struct fake *fake, const struct row *row);

/** fake_guest() - whose process is this? NULL for nobody's */
const struct guest *fake_guest(const struct fake *fake, pid_t pid);

/** fake_is_suspect() - would its descriptors be searched for a socket? */
bool fake_is_suspect(const struct fake *fake, pid_t pid);

/* For cmocka; the state is a struct fake. */
int fake_set_up(void **state);
int fake_tear_down(void **state);

#endif
