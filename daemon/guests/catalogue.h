/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the guard knows of each runtime: its programs and its cgroups. */
#ifndef LHGUARD_GUESTS_CATALOGUE_H
#define LHGUARD_GUESTS_CATALOGUE_H

#include "flow.h"

enum program_role {
	PROGRAM_VMM,	    /* is a VM, and opens connections for it */
	PROGRAM_CONDUIT,    /* opens connections for the guests of a network namespace or a VM */
	PROGRAM_SUPERVISOR, /* a host process whose children are a container */
	PROGRAM_SANDBOX,    /* the same for a sandboxed application of the desktop */
};

enum name_style {
	NAME_NONE,
	NAME_VALUE, /* the argument after the option, or after "OPTION=" */
	NAME_QEMU,  /* "-name NAME", "-name guest=NAME,…" with ",," for a comma */
};

/**
 * struct program - one host program of a runtime
 * @pattern: fnmatch(3) pattern of the executable's base name
 * @role: what it does
 * @runtime: word of its runtime
 * @kind: of the guests behind it
 * @style: how its arguments carry the guest's name
 * @name_option: the option before the name
 * @id_option: the option before the container's id, NULL when it has none
 */
struct program {
	const char *pattern;
	enum program_role role;
	const char *runtime;
	enum kind kind;
	enum name_style style;
	const char *name_option;
	const char *id_option;
};

/**
 * catalogue_program() - which runtime's program is this?
 * @executable: path of /proc/PID/exe, "" when not readable
 * @comm: its comm, used only when @executable is ""
 * Return: an entry, or NULL.
 */
const struct program *catalogue_program(const char *executable, const char *comm);

/**
 * struct cgroup_match - what a cgroup's path says
 * @runtime: word of the runtime
 * @kind: of the guest
 * @id: container id or name as the node carries it, \xHH of systemd units undone
 * @is_name: @id is the name that its owner gave, not an opaque id
 * @node_length: bytes of the path up to the end of the guest's own node
 * @level: components up to there
 */
struct cgroup_match {
	const char *runtime;
	enum kind kind;
	char id[NAME_SIZE];
	bool is_name;
	size_t node_length;
	uint8_t level;
};

/**
 * catalogue_cgroup() - is this cgroup a guest's?
 * @path: below the cgroup2 mount
 *
 * Matched from the root downward, the first node wins: a container may make any name below its own
 * node, but not above it.
 */
bool catalogue_cgroup(const char *path, struct cgroup_match *match);

/** catalogue_knows_runtime() - is @word a runtime of the catalogue? */
bool catalogue_knows_runtime(const char *word);

#endif
