// SPDX-License-Identifier: GPL-2.0-or-later
/* The keys of guests.conf(5), and what may stand behind each. */
#include "guests/catalogue_tables.h"

#include "guests/places.h"
#include "util/array.h"
#include "util/ini.h"
#include "util/text.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const roles[PROGRAM_ROLES] = {
	[PROGRAM_VMM] = "vmm",
	[PROGRAM_CONDUIT] = "conduit",
	[PROGRAM_SUPERVISOR] = "supervisor",
	[PROGRAM_SANDBOX] = "sandbox",
	[PROGRAM_HOST] = "host",
};

/* The next word of a value; NULL behind the last. */
static char *next_word(char **rest)
{
	char *word;

	while ((word = strsep(rest, " \t")))
		if (*word)
			return word;
	return NULL;
}

static int set_kind(struct catalogue *catalogue, struct runtime *runtime, char *value,
		    struct error *error)
{
	bool has_both = !strcmp(value, "container vm");
	int kind = has_both ? KIND_CONTAINER : kind_parse(value);

	if (kind != KIND_VM && kind != KIND_CONTAINER && kind != KIND_SANDBOX)
		return error_set(error, -EINVAL,
				 "kind = %s: write vm, container, container vm or sandbox", value);
	runtime->kind = (enum kind)kind;
	runtime->has_both = has_both;
	catalogue->has_kind[runtime - catalogue->runtimes] = true;
	return 0;
}

static int parse_role(const char *word, struct error *error)
{
	for (int i = 0; i < PROGRAM_ROLES; i++)
		if (word && !strcmp(word, roles[i]))
			return i;
	return error_set(error, -EINVAL,
			 "\"%s\" is no role: write vmm, conduit, supervisor, sandbox or host, and "
			 "then names of programs",
			 word ? word : "");
}

static int check_program(const char *pattern, struct error *error)
{
	if (strlen(pattern) >= PATTERN_SIZE)
		return error_set(error, -EINVAL, "\"%s\" is longer than %d bytes", pattern,
				 PATTERN_SIZE - 1);
	if (!pattern[strspn(pattern, "*?/")])
		return error_set(error, -EINVAL, "\"%s\" is every program", pattern);
	return 0;
}

static int add_program(struct catalogue *catalogue, enum catalogue_table table,
		       struct runtime *runtime, char *value, struct error *error)
{
	const char *pattern = NULL;
	struct program *program;
	int role = parse_role(next_word(&value), error), count = 0;

	if (role < 0)
		return role;
	for (; (pattern = next_word(&value)); count++) {
		if (check_program(pattern, error))
			return -EINVAL;
		program = tables_add(catalogue, table, runtime, error);
		if (!program)
			return -EINVAL;
		program->runtime = runtime->word;
		program->role = (enum program_role)role;
		text_copy(program->pattern, sizeof(program->pattern), pattern);
	}
	return count ? 0
		     : error_set(error, -EINVAL, "there is no program behind \"%s\"", roles[role]);
}

static int set_program(struct catalogue *catalogue, struct runtime *runtime, char *value,
		       struct error *error)
{
	return add_program(catalogue, TABLE_PROGRAMS, runtime, value, error);
}

static int set_library(struct catalogue *catalogue, struct runtime *runtime, char *value,
		       struct error *error)
{
	return add_program(catalogue, TABLE_LIBRARIES, runtime, value, error);
}

/* ROLE PROGRAM ARGUMENT...: one entry for each argument that tells it */
static int set_command(struct catalogue *catalogue, struct runtime *runtime, char *value,
		       struct error *error)
{
	int role = parse_role(next_word(&value), error), count = 0;
	const char *pattern = role < 0 ? NULL : next_word(&value), *argument;
	struct command *command;

	if (role < 0)
		return role;
	if (pattern && check_program(pattern, error))
		return -EINVAL;
	for (; (argument = next_word(&value)); count++) {
		if (strlen(argument) >= sizeof(command->argument) ||
		    !argument[strspn(argument, "*?")])
			return error_set(error, -EINVAL,
					 "\"%s\" is no argument that tells anything", argument);
		command = tables_add(catalogue, TABLE_COMMANDS, runtime, error);
		if (!command)
			return -EINVAL;
		command->program.runtime = runtime->word;
		command->program.role = (enum program_role)role;
		text_copy(command->program.pattern, sizeof(command->program.pattern), pattern);
		text_copy(command->argument, sizeof(command->argument), argument);
	}
	return count ? 0
		     : error_set(error, -EINVAL,
				 "write a role, a program and an argument that tells it");
}

static int set_cgroup(struct catalogue *catalogue, struct runtime *runtime, char *value,
		      struct error *error)
{
	struct cgroup_pattern parsed = {.description = runtime}, *entry;
	char *node = strchr(value, '/');
	int result = 0;

	if (strpbrk(value, " \t"))
		return error_set(error, -EINVAL, "cgroup = %s: write ? for a blank", value);
	if (node && strchr(node + 1, '/'))
		return error_set(error, -EINVAL,
				 "cgroup = %s: write the guest's own node, with the one above it "
				 "at most",
				 value);
	if (node) {
		parsed.has_parent = true;
		result = pattern_parse(&parsed.parent, value, (size_t)(node - value), error);
		value = node + 1;
	}
	if (!result)
		result = pattern_parse(&parsed.node, value, strlen(value), error);
	if (!result && parsed.parent.capture)
		result = error_set(error, -EINVAL,
				   "a placeholder stands above the guest's own node");
	if (!result && !value[strspn(value, "*?")])
		result = error_set(error, -EINVAL, "\"%s\" is every cgroup", value);
	if (result)
		return result;
	entry = tables_add(catalogue, TABLE_CGROUPS, runtime, error);
	if (!entry)
		return -EINVAL;
	*entry = parsed;
	return 0;
}

static int set_interface(struct catalogue *catalogue, struct runtime *runtime, char *value,
			 struct error *error)
{
	struct interface_pattern *entry;
	const char *pattern;

	while ((pattern = next_word(&value))) {
		if (strlen(pattern) >= sizeof(entry->pattern) || strchr(pattern, '/') ||
		    !pattern[strspn(pattern, "*?")])
			return error_set(error, -EINVAL,
					 "\"%s\" is no pattern of an interface's name: write e.g. "
					 "vnet*",
					 pattern);
		entry = tables_add(catalogue, TABLE_INTERFACES, runtime, error);
		if (!entry)
			return -EINVAL;
		text_copy(entry->pattern, sizeof(entry->pattern), pattern);
	}
	return 0;
}

/* "08:00:27": one to six bytes. Return: how many, or -EINVAL. */
static int parse_mac(const char *text, uint8_t *bytes)
{
	int count = 0;

	while (count < MAC_SIZE) {
		unsigned int byte;
		int used = 0;

		if (strspn(text, "0123456789abcdefABCDEF") != 2 ||
		    sscanf(text, "%2x%n", &byte, &used) != 1)
			return -EINVAL;
		bytes[count++] = (uint8_t)byte;
		text += used;
		if (!*text)
			return count;
		if (*text++ != ':')
			return -EINVAL;
	}
	return -EINVAL;
}

static int set_mac(struct catalogue *catalogue, struct runtime *runtime, char *value,
		   struct error *error)
{
	const char *prefix;

	while ((prefix = next_word(&value))) {
		uint8_t bytes[MAC_SIZE] = {0};
		int length = parse_mac(prefix, bytes);
		struct mac_prefix *entry;

		if (length < 0)
			return error_set(error, -EINVAL,
					 "\"%s\" is no start of a MAC address: write e.g. 08:00:27",
					 prefix);
		entry = tables_add(catalogue, TABLE_MACS, runtime, error);
		if (!entry)
			return -EINVAL;
		memcpy(entry->bytes, bytes, sizeof(bytes));
		entry->length = (size_t)length;
	}
	return 0;
}

static int take_option(struct name_source *source, char *rest, struct error *error)
{
	const char *option = next_word(&rest);

	if (!option || next_word(&rest) || !text_copy(source->option, OPTION_SIZE, option))
		return error_set(error, -EINVAL, "behind it stands one option, e.g. --name");
	return 0;
}

/* With blanks in it, as the command line may have them. */
static int take_pattern(struct name_source *source, char *rest, struct error *error)
{
	const char *pattern = rest + strspn(rest, " \t");

	if (!*pattern)
		return error_set(error, -EINVAL, "behind it stands a pattern, e.g. VM:{name}");
	return pattern_parse(&source->pattern, pattern, strlen(pattern), error);
}

/* json FILE KEY [KEY] */
static int take_json(struct name_source *source, char *rest, struct error *error)
{
	const char *path = next_word(&rest), *key = next_word(&rest), *second = next_word(&rest);

	if (!key || next_word(&rest) || !text_copy(source->path, sizeof(source->path), path) ||
	    !text_copy(source->option, OPTION_SIZE, key) ||
	    !text_copy(source->second, OPTION_SIZE, second ? second : ""))
		return error_set(error, -EINVAL, "behind it stand a path and one or two keys");
	return places_check(path, error);
}

/* json-list FILE KEY-OF-ID KEY-OF-NAME */
static int take_json_list(struct name_source *source, char *rest, struct error *error)
{
	int result = take_json(source, rest, error);

	if (!result && !source->second[0])
		return error_set(error, -EINVAL,
				 "behind it stand a path, the key of the id and that of the name");
	return result;
}

/* "{io.kubernetes.pod.name}_x": text, and at least one key in braces */
static bool is_text_with_keys(const char *text)
{
	int keys = 0;

	while (*(text += strcspn(text, "{}"))) {
		const char *end = strpbrk(text + 1, "{}");

		if (*text != '{' || !end || *end != '}' || end == text + 1)
			return false;
		keys++;
		text = end + 1;
	}
	return keys > 0;
}

/* annotations FILE TEXT */
static int take_annotations(struct name_source *source, char *rest, struct error *error)
{
	const char *path = next_word(&rest), *text = next_word(&rest);

	if (!text || next_word(&rest) || !text_copy(source->path, sizeof(source->path), path) ||
	    !text_copy(source->pattern.text, sizeof(source->pattern.text), text) ||
	    !is_text_with_keys(text))
		return error_set(error, -EINVAL,
				 "behind it stand a path and a text with keys of annotations, each "
				 "in braces, e.g. {nerdctl/name}");
	return places_check(path, error);
}

/* folder PATH PATTERN: with a {id} in it beside its {name} */
static int take_folder(struct name_source *source, char *rest, struct error *error)
{
	const char *path = next_word(&rest), *pattern = next_word(&rest), *id;
	struct pattern checked;
	char text[2 * PATTERN_SIZE] = "";

	if (!pattern || next_word(&rest) || path[0] != '/' || strpbrk(path, "*{") ||
	    !text_copy(source->path, sizeof(source->path), path) ||
	    !text_copy(source->pattern.text, sizeof(source->pattern.text), pattern))
		return error_set(error, -EINVAL,
				 "behind it stand a path from / on and the pattern of its entries");
	id = strstr(pattern, "{id}");
	if (!id)
		return error_set(error, -EINVAL, "there is no {id} in its pattern");
	text_append(text, sizeof(text), "%.*s%s", (int)(id - pattern), pattern, id + 4);
	return pattern_parse(&checked, text, strlen(text), error);
}

static int take_nothing(struct name_source *source, char *rest, struct error *error)
{
	const char *word = next_word(&rest);

	return word ? error_set(error, -EINVAL, "nothing stands behind it, but \"%s\" does", word)
		    : 0;
}

/* How a guest's name is found, and what has to be told for that. */
static const struct {
	const char *word;
	int (*take)(struct name_source *source, char *rest, struct error *error);
} styles[] = {
	[NAME_ARGUMENT] = {"argument", take_option},
	[NAME_QEMU] = {"qemu", take_option},
	[NAME_MATCH] = {"match", take_pattern},
	[NAME_TITLE] = {"title", take_pattern},
	[NAME_LAST] = {"last", take_nothing},
	[NAME_COMM] = {"comm", take_pattern},
	[NAME_BASE] = {"base", take_option},
	[NAME_JSON] = {"json", take_json},
	[NAME_JSON_LIST] = {"json-list", take_json_list},
	[NAME_ANNOTATIONS] = {"annotations", take_annotations},
	[NAME_FOLDER] = {"folder", take_folder},
	[NAME_MACHINED] = {"machined", take_nothing},
};
static_assert(ARRAY_SIZE(styles) == NAME_STYLES, "a word for each style");

static int parse_name(struct name_source *source, char *value, struct error *error)
{
	const char *word = next_word(&value);

	for (int i = 0; word && i < NAME_STYLES; i++) {
		char nothing[1] = "";
		struct error reason = {.text = ""};
		int result;

		if (strcmp(word, styles[i].word))
			continue;
		source->style = (enum name_style)i;
		result = styles[i].take(source, value ? value : nothing, &reason);
		return result ? error_set(error, result, "name = %s: %s", word, reason.text) : 0;
	}
	return error_set(
		error, -EINVAL,
		"\"%s\" is no way to find a name: write argument, qemu, match, title, last, "
		"comm, base, json, json-list, annotations, folder or machined",
		word ? word : "");
}

static int set_name(struct catalogue *catalogue, struct runtime *runtime, char *value,
		    struct error *error)
{
	size_t *fresh = &catalogue->fresh_names[runtime - catalogue->runtimes];
	struct name_source source = {0}, *names;
	int result = parse_name(&source, value, error);

	if (result)
		return result;
	if (runtime->name_count == NAME_SOURCES_MAX)
		return error_set(error, -EINVAL, "there are more than %d ways to find the name",
				 NAME_SOURCES_MAX);
	names = reallocarray(runtime->names, runtime->name_count + 1, sizeof(*names));
	if (!names)
		return error_set(error, -ENOMEM, "out of memory");
	memmove(&names[*fresh + 1], &names[*fresh],
		(runtime->name_count - *fresh) * sizeof(*names));
	names[(*fresh)++] = source;
	runtime->names = names;
	runtime->name_count++;
	return 0;
}

static int set_id(struct catalogue *catalogue, struct runtime *runtime, char *value,
		  struct error *error)
{
	const char *word = next_word(&value), *option = next_word(&value);

	if (!option || strcmp(word, "argument") || next_word(&value) ||
	    strlen(option) >= OPTION_SIZE)
		return error_set(error, -EINVAL,
				 "write argument and the option before the container's id, e.g. "
				 "argument -id");
	text_copy(runtime->id_option, OPTION_SIZE, option);
	return 0;
}

static int set_keeper(struct catalogue *catalogue, struct runtime *runtime, char *value,
		      struct error *error)
{
	const char *word = next_word(&value);

	if (next_word(&value) || strlen(word) >= sizeof(runtime->keeper))
		return error_set(error, -EINVAL,
				 "write the runtime of its supervisors, e.g. containerd");
	text_copy(runtime->keeper, sizeof(runtime->keeper), word);
	return 0;
}

static const struct {
	const char *word;
	int (*set)(struct catalogue *catalogue, struct runtime *runtime, char *value,
		   struct error *error);
} keys[] = {
	{"kind", set_kind},	  {"program", set_program}, {"library", set_library},
	{"command", set_command}, {"cgroup", set_cgroup},   {"interface", set_interface},
	{"mac", set_mac},	  {"name", set_name},	    {"id", set_id},
	{"keeper", set_keeper},
};

int catalogue_set(struct catalogue *catalogue, struct runtime *runtime, const char *key,
		  const char *value, struct error *error)
{
	struct error list = {.text = ""};
	size_t fresh[TABLE_COUNT];

	tables_mark(catalogue, fresh);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		char copy[INI_LINE_SIZE];
		int result;

		text_append(list.text, sizeof(list.text), "%s, ", keys[i].word);
		if (strcmp(key, keys[i].word))
			continue;
		text_copy(copy, sizeof(copy), value);
		if (!*copy)
			return error_set(error, -EINVAL, "%s has no value", key);
		result = keys[i].set(catalogue, runtime, copy, error);
		if (result) /* the words before the bad one were good */
			tables_take_back(catalogue, fresh);
		return result;
	}
	return error_set(error, -EINVAL, "unknown key \"%s\": there are %sreset", key, list.text);
}
