/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The catalogue's tables, shared by the files catalogue*.c only.
 *
 * DOC: Theory of Operation
 *
 * Every table has a fixed size and is allocated when the catalogue is read, so that entries stay
 * where they are and others may point to them. The entries of a table are in the order of search:
 * those of a file read later before those of the files before it, for what the administrator adds
 * goes before what was installed; within a file in the order of the lines.
 */
#ifndef LHGUARD_GUESTS_CATALOGUE_TABLES_H
#define LHGUARD_GUESTS_CATALOGUE_TABLES_H

#include "guests/catalogue.h"
#include "util/mistakes.h"

#define RUNTIMES_MAX	    128
#define PROGRAMS_MAX	    512
#define LIBRARIES_MAX	    64
#define COMMANDS_MAX	    128
#define CGROUP_PATTERNS_MAX 256
#define INTERFACES_MAX	    256
#define MACS_MAX	    128

/**
 * struct cgroup_pattern - one form of a guest's node
 * @description: the runtime; the first member of each table's entry
 * @has_parent: the component above must match @parent
 */
struct cgroup_pattern {
	const struct runtime *description;
	bool has_parent;
	struct pattern parent;
	struct pattern node;
};

struct interface_pattern {
	const struct runtime *description;
	char pattern[IF_NAMESIZE];
};

struct mac_prefix {
	const struct runtime *description;
	uint8_t bytes[MAC_SIZE];
	size_t length;
};

/** enum catalogue_table - the tables whose entries belong to a runtime */
enum catalogue_table {
	TABLE_PROGRAMS,
	TABLE_LIBRARIES,
	TABLE_COMMANDS, /* the last of those whose entries begin with a struct program */
	TABLE_CGROUPS,
	TABLE_INTERFACES,
	TABLE_MACS,
	TABLE_COUNT,
};

/**
 * struct table - entries of one type
 * @entries: @count of them are used, each of @size bytes
 * @fresh: the first so many are from the file that is being read
 */
struct table {
	char *entries;
	size_t size;
	size_t count;
	size_t max;
	size_t fresh;
};

/**
 * struct catalogue - all of it
 * @has_kind: of @runtimes
 * @fresh_names: so many of a runtime's name sources are from the file that is being read
 */
struct catalogue {
	struct runtime runtimes[RUNTIMES_MAX];
	bool has_kind[RUNTIMES_MAX];
	size_t fresh_names[RUNTIMES_MAX];
	size_t runtime_count;
	struct table tables[TABLE_COUNT];
	struct mistakes mistakes;
};

/* catalogue_tables.c */
int tables_allocate(struct catalogue *catalogue);
void tables_free(struct catalogue *catalogue);
void tables_start_file(struct catalogue *catalogue);
void tables_forget(struct catalogue *catalogue, const struct runtime *runtime);

/** tables_add() - a zeroed entry in its place, or NULL with @error when the table is full */
void *tables_add(struct catalogue *catalogue, enum catalogue_table table,
		 const struct runtime *runtime, struct error *error);

/** tables_mark() - where each table stands before a line, for tables_take_back() */
void tables_mark(const struct catalogue *catalogue, size_t fresh[TABLE_COUNT]);

/** tables_take_back() - drop what was added since */
void tables_take_back(struct catalogue *catalogue, const size_t fresh[TABLE_COUNT]);

/** catalogue_set() - take one line over; -EINVAL with @error (catalogue_keys.c) */
int catalogue_set(struct catalogue *catalogue, struct runtime *runtime, const char *key,
		  const char *value, struct error *error);

#endif
