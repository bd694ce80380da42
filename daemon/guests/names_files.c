// SPDX-License-Identifier: GPL-2.0-or-later
/* What a guest is called, from the files that its runtime keeps. Not for the verdict path. */
#include "guests/names.h"

#include "guests/places.h"
#include "kernel/files.h"
#include "util/cleanup.h"
#include "util/text.h"

#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <string.h>

#define ANNOTATED_MAX	1024  /* bytes of a name that is made of annotations, with its NUL */
#define MACHINE_FILE	4096  /* bytes of a file of systemd-machined */
#define FOLDER_MAX	65536 /* entries of a folder that are looked at */
#define MACHINES_FOLDER "/run/systemd/machines"

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
static bool name_in_object(const struct name_source *source, const json_t *root, char *name)
{
	const json_t *value = json_object_get(root, source->option);

	if (source->second[0])
		value = json_object_get(value, source->second);
	return take_string(value, name);
}

/* [ { "id": "…", "names": [ "web" ] }, … ] */
static bool name_in_list(const struct name_source *source, const json_t *root, const char *id,
			 char *name)
{
	for (size_t i = 0; i < json_array_size(root); i++) {
		const json_t *entry = json_array_get(root, i);
		const char *theirs = json_string_value(json_object_get(entry, source->option));

		if (theirs && !strcmp(theirs, id) &&
		    take_string(json_object_get(entry, source->second), name))
			return true;
	}
	return false;
}

/* Annotations in the places of their keys; all of them have to be there. */
static bool name_in_annotations(const struct name_source *source, const json_t *root, char *name)
{
	const json_t *annotations = json_object_get(root, "annotations");
	const char *at = source->pattern.text;
	char whole[ANNOTATED_MAX] = "";

	while (*at) {
		size_t plain = strcspn(at, "{"), key = strcspn(at + plain, "}");
		const char *value = "";
		char word[PATTERN_SIZE];

		if (key) {
			snprintf(word, sizeof(word), "%.*s", (int)key - 1, at + plain + 1);
			value = json_string_value(json_object_get(annotations, word));
		}
		if (!value || (key && !*value) ||
		    !text_append(whole, sizeof(whole), "%.*s%s", (int)plain, at, value))
			return false;
		at += plain + key + (key > 0);
	}
	text_copy_name(name, NAME_SIZE, whole, strlen(whole));
	return true;
}

/**
 * struct reading - what the files of one source say
 * @name: the first name
 * @differs: another has another name
 */
struct reading {
	const struct name_source *source;
	const char *id;
	char name[NAME_SIZE];
	bool differs;
};

static void read_json(void *data, const char *text, size_t length)
{
	struct reading *reading = data;
	const struct name_source *source = reading->source;
	json_t *root = json_loadb(text, length, JSON_ALLOW_NUL, NULL);
	char name[NAME_SIZE];
	bool found;

	if (source->style == NAME_JSON)
		found = name_in_object(source, root, name);
	else if (source->style == NAME_JSON_LIST)
		found = name_in_list(source, root, reading->id, name);
	else
		found = name_in_annotations(source, root, name);
	json_decref(root);
	if (!found)
		return;
	if (!reading->name[0])
		text_copy(reading->name, sizeof(reading->name), name);
	reading->differs |= strcmp(reading->name, name) != 0;
}

static bool name_in_json(const struct name_source *source, const struct names_question *question,
			 char *name)
{
	struct reading reading = {.source = source, .id = question->id};
	const struct place_reader reader = {.take = read_json, .data = &reading};

	if (!places_read(source->path, question, &reader) || reading.differs)
		return false; /* whose name it is nobody can tell */
	text_copy(name, NAME_SIZE, reading.name);
	return name[0] != '\0';
}

/* A folder with an entry for each guest, whose name tells both id and name. */
static bool name_of_entry(const struct name_source *source, const struct names_question *question,
			  char *name)
{
	_cleanup_closedir_ DIR *folder = NULL;
	char path[PATH_MAX] = "", text[PATH_MAX];
	struct pattern pattern;
	struct dirent *entry;

	if (text_append(path, sizeof(path), "%s%s", question->root, source->path))
		folder = opendir(path);
	if (!folder || !places_put_id(text, sizeof(text), source->pattern.text, question->id) ||
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
	switch (source->style) {
	case NAME_JSON:
	case NAME_JSON_LIST:
	case NAME_ANNOTATIONS:
		return name_in_json(source, question, name);
	case NAME_FOLDER:
		return name_of_entry(source, question, name);
	case NAME_MACHINED:
		return name_of_machine(question->root, question->leaders, name);
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
