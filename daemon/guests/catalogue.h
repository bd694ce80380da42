/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the guard knows of each runtime, out of guests.conf(5). */
#ifndef LHGUARD_GUESTS_CATALOGUE_H
#define LHGUARD_GUESTS_CATALOGUE_H

#include "flow.h"
#include "guests/pattern.h"

struct catalogue;
struct error;

#define CATALOGUE_PATH	 "/usr/share/lhguard/guests.conf"
#define CATALOGUE_FOLDER "/etc/lhguard/guests.d"

#define NAME_SOURCES_MAX 12 /* of one runtime */
#define OPTION_SIZE	 64 /* bytes of an option or a key with its NUL */

/** enum program_role - what a program does for guests */
enum program_role {
	PROGRAM_VMM,	    /* is a VM, and opens connections for it */
	PROGRAM_CONDUIT,    /* opens connections for the guests of a network namespace or a VM */
	PROGRAM_SUPERVISOR, /* a host process whose children are a container */
	PROGRAM_SANDBOX,    /* the same for a sandboxed application of the desktop */
	PROGRAM_HOST,	    /* keeps its own children in sandboxes that are the host's */
	PROGRAM_ROLES,
};

/** enum name_style - where a guest's name stands */
enum name_style {
	NAME_ARGUMENT,	  /* the argument after an option, or after "OPTION=" */
	NAME_QEMU,	  /* "-name NAME", "-name guest=NAME,…" with ",," for a comma */
	NAME_MATCH,	  /* an argument that matches a pattern */
	NAME_TITLE,	  /* the first argument, which its program wrote anew, matches a pattern */
	NAME_LAST,	  /* the last argument */
	NAME_COMM,	  /* a comm that matches a pattern */
	NAME_BASE,	  /* the last component of the path after an option */
	NAME_JSON,	  /* a file of the guest, in JSON */
	NAME_JSON_LIST,	  /* a file of all guests, in JSON */
	NAME_ANNOTATIONS, /* an OCI bundle's config.json */
	NAME_FOLDER,	  /* the name of a folder's entry */
	NAME_MACHINED,	  /* what systemd-machined calls it */
	NAME_STYLES,
};

/**
 * struct name_source - one place to look for a guest's name
 * @option: the option of NAME_ARGUMENT, NAME_BASE and NAME_QEMU, the first key of JSON
 * @second: the second key of JSON
 * @path: of the file, as places_check() has it, or of the folder, with {id} for the container's id
 * @pattern: of NAME_MATCH, NAME_TITLE, NAME_COMM and, with {id} too, of NAME_FOLDER; the text of
 *	NAME_ANNOTATIONS, with a {KEY} for each annotation
 */
struct name_source {
	enum name_style style;
	char option[OPTION_SIZE];
	char second[OPTION_SIZE];
	char path[PATTERN_SIZE];
	struct pattern pattern;
};

/**
 * struct runtime - one section of the catalogue
 * @word: its name
 * @kind: of its guests
 * @has_both: containers, as @kind says, and VMs, which are those of its VMMs
 * @names: where their names stand, @name_count of them, tried in this order; NULL for none
 * @id_option: the option before a container's id, "" when it has none
 * @keeper: runtime of the supervisors whose own container does nothing but keep the namespaces of
 * others, as of each pod; "" when there is none
 * @rank: the lower, the more special: the order of the sections, and of the files from the last to the first
 */
struct runtime {
	char word[RUNTIME_SIZE];
	enum kind kind;
	bool has_both;
	struct name_source *names;
	size_t name_count;
	char id_option[OPTION_SIZE];
	char keeper[RUNTIME_SIZE];
	int rank;
};

/**
 * struct program - one host program of a runtime
 * @description: its runtime
 * @runtime: word of its runtime
 * @kind: of the guests behind it
 * @role: what it does
 * @pattern: fnmatch(3) pattern of its base name, or of its path when it holds a "/"
 */
struct program {
	const struct runtime *description;
	const char *runtime;
	enum kind kind;
	enum program_role role;
	char pattern[PATTERN_SIZE];
};

/**
 * struct command - a program that is told from others of its name by an argument
 * @program: what it is; its pattern is of the executable
 * @argument: fnmatch(3) pattern of one of its arguments
 */
struct command {
	struct program program;
	char argument[PATTERN_SIZE];
};

/**
 * catalogue_load() - read the catalogue
 * @catalogue: receives it, immutable from then on; freed by catalogue_free()
 * @installed: the installed file
 * @folder: whose files "*.conf" add to it and override it, in the order of their names; or one such file
 *
 * A line with a mistake is left out; all else is in force, and catalogue_failure() tells.
 * Return: 0, or -errno with @error when @installed cannot be read or says nothing of any guest.
 */
int catalogue_load(struct catalogue **catalogue, const char *installed, const char *folder,
		   struct error *error);
void catalogue_free(struct catalogue *catalogue);

/** catalogue_failure() - "file:line: reason" of its mistakes in one line, NULL without any. */
const char *catalogue_failure(const struct catalogue *catalogue);

/** catalogue_mistake() - "file:line: reason" number @index, NULL behind the last. */
const char *catalogue_mistake(const struct catalogue *catalogue, size_t index);

/*
 * The look-ups allocate nothing and read nothing. What they return lives as long as the catalogue.
 */

/**
 * catalogue_program() - which runtime's program is this?
 * @executable: path of /proc/PID/exe, "" when not readable
 * @argv0: its first argument, "" when not read: needed only when the executable says nothing
 * @comm: its comm
 *
 * A process chooses the last two as it likes. So they count only where the executable is in no
 * list, and can make a VMM or a conduit of it, nothing harmless.
 * Return: an entry, or NULL.
 */
const struct program *catalogue_program(const struct catalogue *catalogue, const char *executable,
					const char *argv0, const char *comm);

/** catalogue_has_command() - do arguments tell what a program of this path is? */
bool catalogue_has_command(const struct catalogue *catalogue, const char *executable);

/**
 * catalogue_command() - which runtime's program is this by its arguments?
 * @executable: path of /proc/PID/exe
 * @arguments: NUL-separated and NUL-ended, as process_arguments() gives them
 * @length: bytes of @arguments
 * Return: an entry, which goes before that of catalogue_program(), or NULL.
 */
const struct program *catalogue_command(const struct catalogue *catalogue, const char *executable,
					const char *arguments, size_t length);

/** catalogue_library() - which runtime's program maps a library of this path? NULL: none that tells
 */
const struct program *catalogue_library(const struct catalogue *catalogue, const char *path);

/**
 * struct cgroup_match - what a cgroup's path says
 * @description: the runtime
 * @runtime: word of the runtime
 * @kind: of the guest
 * @id: container id or name as the node carries it, \xHH of systemd units undone
 * @is_name: @id is the name that its owner gave, not an opaque id
 * @is_unique: @id is an opaque one, which no two guests have
 * @node_length: bytes of the path up to the end of the guest's own node
 * @node_hash: hash of the path up to there
 * @level: components up to there
 */
struct cgroup_match {
	const struct runtime *description;
	const char *runtime;
	enum kind kind;
	char id[NAME_SIZE];
	bool is_name;
	bool is_unique;
	size_t node_length;
	uint64_t node_hash;
	uint8_t level;
};

/**
 * catalogue_cgroup() - is this cgroup a guest's?
 * @path: below the cgroup2 mount
 *
 * Matched from the root downward, the first node wins: a container may make any name below its own
 * node, but not above it. The cgroup of a sandbox is no answer here, for VMs and containers may be
 * started from a sandboxed application, in its cgroup.
 */
bool catalogue_cgroup(const struct catalogue *catalogue, const char *path,
		      struct cgroup_match *match);

/** catalogue_sandbox() - the same for the cgroup of a sandboxed application only. */
bool catalogue_sandbox(const struct catalogue *catalogue, const char *path,
		       struct cgroup_match *match);

/** catalogue_interface() - whose guests are behind an interface of this name? NULL: not told */
const struct runtime *catalogue_interface(const struct catalogue *catalogue, const char *name);

/** catalogue_mac() - whose guests have such MAC addresses? A hint only: the longest prefix wins. */
const struct runtime *catalogue_mac(const struct catalogue *catalogue, const uint8_t *mac);

/**
 * catalogue_mac_prefix() - the prefixes one by one
 * @bytes: receives @length bytes
 * Return: whose prefix number @index it is, NULL behind the last.
 */
const struct runtime *catalogue_mac_prefix(const struct catalogue *catalogue, size_t index,
					   const uint8_t **bytes, size_t *length);

/** catalogue_runtime() - a section by its name, or NULL */
const struct runtime *catalogue_runtime(const struct catalogue *catalogue, const char *word);

/** catalogue_knows_runtime() - is @word a runtime that a guest can have? */
bool catalogue_knows_runtime(const struct catalogue *catalogue, const char *word);

/** catalogue_runtime_word() - number @index of the words that it knows so, NULL behind the last */
const char *catalogue_runtime_word(const struct catalogue *catalogue, size_t index);

#endif
