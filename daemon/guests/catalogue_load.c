// SPDX-License-Identifier: GPL-2.0-or-later
/* The catalogue's files: the installed one and the administrator's folder. */
#include "guests/catalogue_tables.h"

#include "util/array.h"
#include "util/folder.h"
#include "util/ini.h"
#include "util/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/**
 * struct loader - one run over all files
 * @path: of the file that is being read, number @file from 0
 * @runtime: whose section is being read, NULL for one that is left out
 * @in_section: a section has started
 * @is_first: its first key is still to come
 * @starts: file and line where each runtime was first named
 */
struct loader {
	struct catalogue *catalogue;
	const char *path;
	int file;
	struct runtime *runtime;
	bool in_section;
	bool is_first;
	struct {
		char file[128];
		unsigned int line;
	} starts[RUNTIMES_MAX];
};

static void take_mistake(void *data, const char *text)
{
	struct loader *loader = data;

	mistakes_add(&loader->catalogue->mistakes, text);
}

/* May a section be called so? What a selector reads otherwise may not (policy/selector.c). */
static int check_word(const char *word, struct error *error)
{
	static const char *const taken[] = {"any", "iface", "host", "guest", "conduit"};

	if (strlen(word) >= RUNTIME_SIZE || word[strspn(word, "abcdefghijklmnopqrstuvwxyz"
							      "0123456789.-")])
		return error_set(error, -EINVAL,
				 "[%s] is no runtime's name: write at most %d of a-z 0-9 . -", word,
				 RUNTIME_SIZE - 1);
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
		if (!strcmp(taken[i], word))
			return error_set(error, -EINVAL, "[%s] means something else", word);
	if (kind_parse(word) >= 0)
		return error_set(error, -EINVAL, "[%s] is a kind, no runtime", word);
	return 0;
}

static int start_section(struct loader *loader, const struct ini_entry *entry, struct error *error)
{
	struct catalogue *catalogue = loader->catalogue;
	struct runtime *found;
	int result;

	loader->in_section = loader->is_first = true;
	loader->runtime = NULL;
	if (!*entry->section) /* a mistake that has been told */
		return 0;
	result = check_word(entry->section, error);
	if (result)
		return result;
	found = (struct runtime *)catalogue_runtime(catalogue, entry->section);
	if (!found) {
		size_t index = catalogue->runtime_count;

		if (index == RUNTIMES_MAX)
			return error_set(error, -EINVAL, "there are more than %d runtimes",
					 RUNTIMES_MAX);
		found = &catalogue->runtimes[catalogue->runtime_count++];
		text_copy(found->word, sizeof(found->word), entry->section);
		found->rank = (int)index - loader->file * RUNTIMES_MAX;
		text_copy(loader->starts[index].file, sizeof(loader->starts[index].file),
			  loader->path);
		loader->starts[index].line = entry->line;
	}
	loader->runtime = found;
	return 0;
}

/* Forget what earlier files say of a runtime; its kind stays until another is given. */
static int reset(struct loader *loader, bool is_first, const char *value, struct error *error)
{
	struct runtime *runtime = loader->runtime;

	if (strcmp(value, "yes"))
		return error_set(error, -EINVAL, "reset = %s: write yes", value);
	if (!is_first)
		return error_set(error, -EINVAL, "reset has to be the first line of its section");
	tables_forget(loader->catalogue, runtime);
	free(runtime->names);
	runtime->names = NULL;
	runtime->name_count = 0;
	runtime->id_option[0] = '\0';
	runtime->keeper[0] = '\0';
	loader->catalogue->fresh_names[runtime - loader->catalogue->runtimes] = 0;
	return 0;
}

static int take_entry(void *data, const struct ini_entry *entry, struct error *error)
{
	struct loader *loader = data;
	bool is_first = loader->is_first;

	if (!entry->key)
		return start_section(loader, entry, error);
	if (!loader->in_section)
		return error_set(error, -EINVAL, "a key before the first section");
	if (!loader->runtime)
		return 0;
	loader->is_first = false;
	if (!strcmp(entry->key, "reset"))
		return reset(loader, is_first, entry->value, error);
	return catalogue_set(loader->catalogue, loader->runtime, entry->key, entry->value, error);
}

static int read_file(struct loader *loader, const char *path, struct error *error)
{
	loader->path = path;
	loader->runtime = NULL;
	loader->in_section = false;
	tables_start_file(loader->catalogue);
	return ini_read_file_on(path, take_entry, take_mistake, loader, error);
}

/* What cannot be read is a mistake like another. */
static void take_file(void *data, const char *path)
{
	struct error error = {.text = ""};
	struct loader *loader = data;

	loader->file++;
	if (read_file(loader, path, &error))
		take_mistake(loader, error.text);
}

static void read_folder(struct loader *loader, const char *folder)
{
	struct error error = {.text = ""};

	if (folder_each(folder, take_file, loader, &error))
		take_mistake(loader, error.text);
}

/* Only now is it known which kind each runtime is of. */
static void settle_kinds(struct loader *loader)
{
	struct catalogue *catalogue = loader->catalogue;

	for (size_t i = 0; i < catalogue->runtime_count; i++) {
		struct runtime *runtime = &catalogue->runtimes[i];
		struct error error = {.text = ""};

		if (catalogue->has_kind[i])
			continue;
		error_set(&error, 0, "%s:%u: [%s] has no kind: it is left out",
			  loader->starts[i].file, loader->starts[i].line, runtime->word);
		take_mistake(loader, error.text);
		tables_forget(catalogue, runtime);
	}
	for (int i = TABLE_PROGRAMS; i <= TABLE_COMMANDS; i++) {
		const struct table *table = &catalogue->tables[i];

		for (size_t k = 0; k < table->count; k++) {
			struct program *program = (void *)(table->entries + k * table->size);
			bool is_vm = program->description->has_both && program->role == PROGRAM_VMM;

			program->kind = is_vm ? KIND_VM : program->description->kind;
		}
	}
}

static int load(struct loader *loader, const char *installed, const char *folder,
		struct error *error)
{
	struct catalogue *catalogue = loader->catalogue;
	struct error reason = {.text = ""};
	int result = read_file(loader, installed, &reason);

	if (result)
		return error_set(error, result, "%s: without this file no guest is recognised",
				 reason.text);
	read_folder(loader, folder);
	settle_kinds(loader);
	if (catalogue->tables[TABLE_PROGRAMS].count || catalogue->tables[TABLE_CGROUPS].count)
		return 0;
	return catalogue->mistakes.count
		       ? error_set(error, -EINVAL, "%s", mistakes_summary(&catalogue->mistakes))
		       : error_set(error, -EINVAL, "%s: it describes no runtime", installed);
}

int catalogue_load(struct catalogue **catalogue, const char *installed, const char *folder,
		   struct error *error)
{
	struct loader *loader = calloc(1, sizeof(*loader));
	struct catalogue *new = calloc(1, sizeof(*new));
	int result = -ENOMEM;

	if (!loader || !new || tables_allocate(new)) {
		error_set(error, -ENOMEM, "out of memory");
	} else {
		loader->catalogue = new;
		result = load(loader, installed, folder, error);
	}
	free(loader);
	if (result)
		catalogue_free(new);
	else
		*catalogue = new;
	return result;
}

void catalogue_free(struct catalogue *catalogue)
{
	if (!catalogue)
		return;
	for (size_t i = 0; i < catalogue->runtime_count; i++)
		free(catalogue->runtimes[i].names);
	tables_free(catalogue);
	free(catalogue);
}
