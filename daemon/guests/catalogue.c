// SPDX-License-Identifier: GPL-2.0-or-later
/* Look-ups in the catalogue: programs, cgroups, interfaces and MAC addresses of runtimes. */
#include "guests/catalogue_tables.h"

#include "util/array.h"
#include "util/hash.h"
#include "util/text.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#define COMPONENT_SIZE 256 /* NAME_MAX and a NUL */

/* Runtimes of guests that no section describes: registry words. */
static const char *const other_runtimes[] = {"netns", "contained", "kvm", "conduit"};

#define OTHERS ARRAY_SIZE(other_runtimes)

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

const struct runtime *catalogue_runtime(const struct catalogue *catalogue, const char *word)
{
	for (size_t i = 0; i < catalogue->runtime_count; i++)
		if (!strcmp(catalogue->runtimes[i].word, word))
			return &catalogue->runtimes[i];
	return NULL;
}

bool catalogue_knows_runtime(const struct catalogue *catalogue, const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(other_runtimes); i++)
		if (!strcmp(other_runtimes[i], word))
			return true;
	return catalogue_runtime(catalogue, word) != NULL;
}

const char *catalogue_runtime_word(const struct catalogue *catalogue, size_t index)
{
	if (index < OTHERS)
		return other_runtimes[index];
	index -= OTHERS;
	return index < catalogue->runtime_count ? catalogue->runtimes[index].word : NULL;
}

/* A pattern with a "/" is one of a whole path. */
static bool is_program(const struct program *program, const char *path)
{
	const char *base = base_name(path);

	return *base && !fnmatch(program->pattern, strchr(program->pattern, '/') ? path : base, 0);
}

static const struct program *find_path(const struct table *table, const char *path)
{
	const struct program *programs = (const void *)table->entries;

	for (size_t i = 0; i < table->count; i++)
		if (is_program(&programs[i], path))
			return &programs[i];
	return NULL;
}

static bool opens_connections(const struct program *program)
{
	return program->role == PROGRAM_VMM || program->role == PROGRAM_CONDUIT;
}

/* A name that is as long as a comm can be may be the start of a longer one. */
static bool comm_matches(const char *pattern, const char *comm)
{
	if (!fnmatch(pattern, comm, 0))
		return true;
	return strlen(comm) == COMM_SIZE - 1 && strcspn(pattern, "*?[\\") >= COMM_SIZE - 1 &&
	       !strncmp(pattern, comm, COMM_SIZE - 1);
}

/* By a name that the process chose itself. */
static const struct program *find_claim(const struct table *table, const char *name, bool is_comm)
{
	const struct program *programs = (const void *)table->entries;

	for (size_t i = 0; *name && i < table->count; i++) {
		const char *pattern = programs[i].pattern;

		if (!opens_connections(&programs[i]) || strchr(pattern, '/'))
			continue;
		if (is_comm ? comm_matches(pattern, name) : !fnmatch(pattern, name, 0))
			return &programs[i];
	}
	return NULL;
}

const struct program *catalogue_program(const struct catalogue *catalogue, const char *executable,
					const char *argv0, const char *comm)
{
	const struct table *table = &catalogue->tables[TABLE_PROGRAMS];
	const struct program *found = find_path(table, executable);

	if (!found)
		found = find_claim(table, base_name(argv0), false);
	return found ? found : find_claim(table, comm, true);
}

/* The first one too: what a program wrote there that renames itself. */
static bool has_argument(const char *pattern, const char *arguments, size_t length)
{
	const char *end = arguments + length;

	for (const char *at = arguments; at < end; at += strlen(at) + 1)
		if (!fnmatch(pattern, at, 0))
			return true;
	return false;
}

bool catalogue_has_command(const struct catalogue *catalogue, const char *executable)
{
	const struct table *table = &catalogue->tables[TABLE_COMMANDS];
	const struct command *commands = (const void *)table->entries;

	for (size_t i = 0; i < table->count; i++)
		if (is_program(&commands[i].program, executable))
			return true;
	return false;
}

const struct program *catalogue_command(const struct catalogue *catalogue, const char *executable,
					const char *arguments, size_t length)
{
	const struct table *table = &catalogue->tables[TABLE_COMMANDS];
	const struct command *commands = (const void *)table->entries;

	for (size_t i = 0; i < table->count; i++)
		if (is_program(&commands[i].program, executable) &&
		    has_argument(commands[i].argument, arguments, length))
			return &commands[i].program;
	return NULL;
}

const struct program *catalogue_library(const struct catalogue *catalogue, const char *path)
{
	return find_path(&catalogue->tables[TABLE_LIBRARIES], path);
}

const struct runtime *catalogue_interface(const struct catalogue *catalogue, const char *name)
{
	const struct table *table = &catalogue->tables[TABLE_INTERFACES];
	const struct interface_pattern *patterns = (const void *)table->entries;

	for (size_t i = 0; i < table->count; i++)
		if (!fnmatch(patterns[i].pattern, name, 0))
			return patterns[i].description;
	return NULL;
}

const struct runtime *catalogue_mac(const struct catalogue *catalogue, const uint8_t *mac)
{
	const struct table *table = &catalogue->tables[TABLE_MACS];
	const struct mac_prefix *prefixes = (const void *)table->entries, *best = NULL;

	for (size_t i = 0; i < table->count; i++)
		if (!memcmp(prefixes[i].bytes, mac, prefixes[i].length) &&
		    (!best || prefixes[i].length > best->length))
			best = &prefixes[i];
	return best ? best->description : NULL;
}

const struct runtime *catalogue_mac_prefix(const struct catalogue *catalogue, size_t index,
					   const uint8_t **bytes, size_t *length)
{
	const struct table *table = &catalogue->tables[TABLE_MACS];
	const struct mac_prefix *prefixes = (const void *)table->entries;

	if (index >= table->count)
		return NULL;
	*bytes = prefixes[index].bytes;
	*length = prefixes[index].length;
	return prefixes[index].description;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What "\xHH" stands for; 0 when it stands for itself. Reads four bytes. */
static int escaped_byte(const char *text)
{
	int high = hex_digit(text[2]), low = hex_digit(text[3]);

	if (text[0] != '\\' || text[1] != 'x' || high < 0 || low < 0 || high * 16 + low == '/')
		return 0;
	return high * 16 + low;
}

/*
 * Undo the \xHH of systemd's unit names (systemd.unit(5), "String Escaping"). A "/" is never written
 * so: it stays as it is, and no component ever holds one.
 */
static size_t unescape_unit(char *target, size_t size, const char *source, size_t length)
{
	size_t used = 0;

	for (size_t i = 0; i < length && used + 1 < size; i++) {
		int byte = length - i >= 4 ? escaped_byte(&source[i]) : 0;

		target[used++] = byte ? (char)byte : source[i];
		i += byte ? 3 : 0;
	}
	target[used] = '\0';
	return used;
}

static void fill_match(struct cgroup_match *match, const struct cgroup_pattern *pattern,
		       const struct span *captured)
{
	const struct runtime *runtime = pattern->description;

	match->description = runtime;
	match->runtime = runtime->word;
	match->kind = runtime->kind;
	match->is_name =
		pattern->node.capture == CAPTURE_NAME || pattern->node.capture == CAPTURE_NONE;
	match->is_unique =
		pattern->node.capture == CAPTURE_ID || pattern->node.capture == CAPTURE_BUILD;
	if (pattern->node.capture == CAPTURE_NONE) /* the only guest of this runtime */
		text_copy(match->id, sizeof(match->id), runtime->word);
	else
		text_copy_name(match->id, sizeof(match->id), captured->start, captured->length);
}

static bool node_matches(const struct catalogue *catalogue, bool sandbox, const char *parent,
			 const struct span *node, struct cgroup_match *match)
{
	const struct table *table = &catalogue->tables[TABLE_CGROUPS];
	const struct cgroup_pattern *patterns = (const void *)table->entries;

	for (size_t i = 0; i < table->count; i++) {
		const struct cgroup_pattern *pattern = &patterns[i];
		struct span captured, whole;

		if ((pattern->description->kind == KIND_SANDBOX) != sandbox ||
		    !pattern_match(&pattern->node, node->start, node->length, &captured))
			continue;
		if (pattern->has_parent &&
		    !pattern_match(&pattern->parent, parent, strlen(parent), &whole))
			continue;
		fill_match(match, pattern, &captured);
		return true;
	}
	return false;
}

static bool find_node(const struct catalogue *catalogue, bool sandbox, const char *path,
		      struct cgroup_match *match)
{
	char parent[COMPONENT_SIZE] = "", text[COMPONENT_SIZE];
	const char *start = path;
	uint8_t level = 0;

	while (*path) {
		size_t length = strcspn(path, "/");
		struct span node = {text, 0};

		if (length) {
			level += level < UINT8_MAX;
			node.length = unescape_unit(text, sizeof(text), path, length);
			if (node_matches(catalogue, sandbox, parent, &node, match)) {
				match->node_length = (size_t)(path - start) + length;
				match->node_hash =
					hash_add_bytes(HASH_START, start, match->node_length);
				match->level = level;
				return true;
			}
			memcpy(parent, text, node.length + 1);
		}
		path += length;
		path += *path == '/';
	}
	return false;
}

bool catalogue_cgroup(const struct catalogue *catalogue, const char *path,
		      struct cgroup_match *match)
{
	return find_node(catalogue, false, path, match);
}

bool catalogue_sandbox(const struct catalogue *catalogue, const char *path,
		       struct cgroup_match *match)
{
	return find_node(catalogue, true, path, match);
}

const char *catalogue_failure(const struct catalogue *catalogue)
{
	return mistakes_summary(&catalogue->mistakes);
}

const char *catalogue_mistake(const struct catalogue *catalogue, size_t index)
{
	return mistakes_at(&catalogue->mistakes, index);
}
