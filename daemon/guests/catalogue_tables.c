// SPDX-License-Identifier: GPL-2.0-or-later
/* The catalogue's tables: entries come in their place, and go with their runtime. */
#include "guests/catalogue_tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	size_t size;
	size_t max;
	const char *content;
} layout[TABLE_COUNT] = {
	[TABLE_PROGRAMS] = {sizeof(struct program), PROGRAMS_MAX, "programs"},
	[TABLE_LIBRARIES] = {sizeof(struct program), LIBRARIES_MAX, "libraries"},
	[TABLE_COMMANDS] = {sizeof(struct command), COMMANDS_MAX, "commands"},
	[TABLE_CGROUPS] = {sizeof(struct cgroup_pattern), CGROUP_PATTERNS_MAX, "cgroups"},
	[TABLE_INTERFACES] = {sizeof(struct interface_pattern), INTERFACES_MAX, "interfaces"},
	[TABLE_MACS] = {sizeof(struct mac_prefix), MACS_MAX, "MAC prefixes"},
};

int tables_allocate(struct catalogue *catalogue)
{
	for (int i = 0; i < TABLE_COUNT; i++) {
		struct table *table = &catalogue->tables[i];

		*table = (struct table){.size = layout[i].size, .max = layout[i].max};
		table->entries = calloc(table->max, table->size);
		if (!table->entries)
			return -ENOMEM;
	}
	return 0;
}

void tables_free(struct catalogue *catalogue)
{
	for (int i = 0; i < TABLE_COUNT; i++)
		free(catalogue->tables[i].entries);
}

void tables_start_file(struct catalogue *catalogue)
{
	for (int i = 0; i < TABLE_COUNT; i++)
		catalogue->tables[i].fresh = 0;
	memset(catalogue->fresh_names, 0, sizeof(catalogue->fresh_names));
}

void *tables_add(struct catalogue *catalogue, enum catalogue_table index,
		 const struct runtime *runtime, struct error *error)
{
	struct table *table = &catalogue->tables[index];
	char *entry = table->entries + table->fresh * table->size;

	if (table->count == table->max) {
		error_set(error, -EINVAL, "there are more than %zu %s", table->max,
			  layout[index].content);
		return NULL;
	}
	memmove(entry + table->size, entry, (table->count - table->fresh) * table->size);
	memset(entry, 0, table->size);
	memcpy(entry, &runtime, sizeof(runtime)); /* its first member */
	table->fresh++;
	table->count++;
	return entry;
}

void tables_mark(const struct catalogue *catalogue, size_t fresh[TABLE_COUNT])
{
	for (int i = 0; i < TABLE_COUNT; i++)
		fresh[i] = catalogue->tables[i].fresh;
}

void tables_take_back(struct catalogue *catalogue, const size_t fresh[TABLE_COUNT])
{
	for (int i = 0; i < TABLE_COUNT; i++) {
		struct table *table = &catalogue->tables[i];

		memmove(table->entries + fresh[i] * table->size,
			table->entries + table->fresh * table->size,
			(table->count - table->fresh) * table->size);
		table->count -= table->fresh - fresh[i];
		table->fresh = fresh[i];
	}
}

void tables_forget(struct catalogue *catalogue, const struct runtime *runtime)
{
	for (int i = 0; i < TABLE_COUNT; i++) {
		struct table *table = &catalogue->tables[i];
		size_t kept = 0, fresh = 0;

		for (size_t k = 0; k < table->count; k++) {
			char *entry = table->entries + k * table->size;
			const struct runtime *owner;

			memcpy(&owner, entry, sizeof(owner));
			if (owner == runtime)
				continue;
			fresh += k < table->fresh;
			memmove(table->entries + kept++ * table->size, entry, table->size);
		}
		table->count = kept;
		table->fresh = fresh;
	}
}
