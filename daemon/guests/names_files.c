// SPDX-License-Identifier: GPL-2.0-or-later
/* What a guest is called, from the files that its runtime keeps. Not for the verdict path. */
#include "guests/names.h"

#include "kernel/files.h"
#include "util/cleanup.h"
#include "util/text.h"

#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <string.h>

#define JSON_FILE_MAX	(4 * 1024 * 1024) /* bytes of a runtime's file that is read at all */
#define MACHINE_FILE	4096		  /* bytes of a file of systemd-machined */
#define FOLDER_MAX	65536		  /* entries of a folder that are looked at */
#define MACHINES_FOLDER "/run/systemd/machines"

/* The template with the guest's id in the place of "{id}", below the root of all files. */
static bool expand(char *path, size_t size, const char *root, const char *template, const char *id)
{
	const char *place = strstr(template, "{id}");

	path[0] = '\0';
	if (!place)
		return text_append(path, size, "%s%s", root, template);
	if (!id[0] || strpbrk(id, "/*?{") || !strcmp(id, "..") || !strcmp(id, "."))
		return false; /* it is neither a path nor a pattern of somebody's choice */
	return text_append(path, size, "%s%.*s%s%s", root, (int)(place - template), template, id,
			   place + 4);
}

static json_t *read_json(const char *path)
{
	_cleanup_free_ char *text = NULL;
	ssize_t length = file_read(NULL, AT_FDCWD, path, JSON_FILE_MAX, &text);

	return length < 0 ? NULL : json_loadb(text, (size_t)length, JSON_ALLOW_NUL, NULL);
}

/* A string, or the first of several; Docker writes a "/" before its names. */
static bool take_string(const json_t *value, char *name)
{
	const char *text;

	if (json_is_array(value))
		value = json_array_get(value, 0);
	text = json_string_value(value);
	if (!text)
		return false;
	text += *text == '/';
	text_copy_name(name, NAME_SIZE, text, strlen(text));
	return name[0] != '\0';
}

/* { "Name": "/web" }, or { "annotations": { "name": "web" } } */
static bool name_in_object(const struct name_source *source, const char *path, char *name)
{
	json_t *root = read_json(path);
	const json_t *value = json_object_get(root, source->option);
	bool found;

	if (source->second[0])
		value = json_object_get(value, source->second);
	found = take_string(value, name);
	json_decref(root);
	return found;
}

/* [ { "id": "…", "names": [ "web" ] }, … ] */
static bool name_in_list(const struct name_source *source, const char *path, const char *id,
			 char *name)
{
	json_t *root = read_json(path);
	bool found = false;

	for (size_t i = 0; !found && i < json_array_size(root); i++) {
		const json_t *entry = json_array_get(root, i);
		const char *theirs = json_string_value(json_object_get(entry, source->option));

		if (theirs && !strcmp(theirs, id))
			found = take_string(json_object_get(entry, source->second), name);
	}
	json_decref(root);
	return found;
}

/* A folder with an entry for each guest, whose name tells both id and name. */
static bool name_of_entry(const struct name_source *source, const char *path, const char *id,
			  char *name)
{
	_cleanup_closedir_ DIR *folder = opendir(path);
	char text[PATH_MAX];
	struct pattern pattern;
	struct dirent *entry;

	if (!folder || !expand(text, sizeof(text), "", source->pattern.text, id) ||
	    pattern_parse(&pattern, text, strlen(text), NULL))
		return false;
	for (int i = 0; i < FOLDER_MAX && (entry = readdir(folder)); i++) {
		struct span captured;

		if (!pattern_match(&pattern, entry->d_name, strlen(entry->d_name), &captured))
			continue;
		text_copy_name(name, NAME_SIZE, captured.start, captured.length);
		return true;
	}
	return false;
}

/* The value of "KEY=" in the lines of a file; NULL when there is none. It stays in @text. */
static char *line_value(char *text, const char *key)
{
	size_t length = strlen(key);

	for (char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, key, length) && line[length] == '=')
			return line + length + 1;
	}
	return NULL;
}

/*
 * systemd-machined keeps a file for each machine, with LEADER= and NAME= (src/machine/machine.c);
 * names with a colon are links beside them.
 */
static bool name_of_machine(const char *root, const pid_t *leaders, char *name)
{
	_cleanup_closedir_ DIR *folder = NULL;
	char path[PATH_MAX] = "";
	struct dirent *entry;

	text_append(path, sizeof(path), "%s" MACHINES_FOLDER, root);
	folder = opendir(path);
	for (int i = 0; folder && i < FOLDER_MAX && (entry = readdir(folder)); i++) {
		_cleanup_free_ char *text = NULL;
		const char *leader;
		long pid;

		if (entry->d_name[0] == '.' || strchr(entry->d_name, ':'))
			continue;
		if (file_read(NULL, dirfd(folder), entry->d_name, MACHINE_FILE, &text) < 0)
			continue;
		leader = line_value(text, "LEADER");
		pid = leader ? strtol(leader, NULL, 10) : 0;
		if (pid <= 1 || (pid != leaders[0] && pid != leaders[1]))
			continue;
		text_copy_name(name, NAME_SIZE, entry->d_name, strlen(entry->d_name));
		return true;
	}
	return false;
}

static bool take_source(const struct name_source *source, const struct names_question *question,
			char *name)
{
	char path[PATH_MAX];

	if (source->style == NAME_MACHINED)
		return name_of_machine(question->root, question->leaders, name);
	if (!names_is_file(source->style) ||
	    !expand(path, sizeof(path), question->root, source->path, question->id))
		return false;
	switch (source->style) {
	case NAME_JSON:
		return name_in_object(source, path, name);
	case NAME_JSON_LIST:
		return name_in_list(source, path, question->id, name);
	case NAME_FOLDER:
		return name_of_entry(source, path, question->id, name);
	default:
		return false;
	}
}

bool names_from_files(const struct runtime *runtime, const struct names_question *question,
		      char *name)
{
	name[0] = '\0';
	for (size_t i = 0; i < runtime->name_count; i++)
		if (take_source(&runtime->names[i], question, name))
			return true;
	return false;
}
