// SPDX-License-Identifier: GPL-2.0-or-later
/* What a guest is called: from command lines and from the folder of named network namespaces. */
#include "guests/names.h"

#include "util/cleanup.h"
#include "util/text.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

const char *names_option(const char *arguments, size_t length, const char *option)
{
	size_t option_length = strlen(option);
	const char *end = arguments + length;

	/* Behind "--" stand the arguments of another program (getopt(3)). */
	for (const char *at = arguments; at < end && strcmp(at, "--") != 0; at += strlen(at) + 1) {
		if (strncmp(at, option, option_length))
			continue;
		if (at[option_length] == '=')
			return &at[option_length + 1];
		if (!at[option_length]) {
			at += option_length + 1;
			return at < end ? at : NULL;
		}
	}
	return NULL;
}

/*
 * "-name devbox,process=x" and "-name guest=devbox,debug-threads=on"; a comma inside the name is
 * written twice (qemu(1), "keyval" options).
 */
static void qemu_name(char *name, const char *value)
{
	char plain[1024];
	size_t used = 0;
	const char *at = value;

	if (!strncmp(at, "guest=", 6)) {
		at += 6;
	} else {
		const char *guest = strstr(at, ",guest=");

		if (guest)
			at = guest + 7;
	}
	for (; *at && used + 1 < sizeof(plain); at++) {
		if (*at == ',') {
			if (at[1] != ',')
				break;
			at++;
		}
		plain[used++] = *at;
	}
	text_copy_name(name, NAME_SIZE, plain, used);
}

static bool take_match(const struct pattern *pattern, const char *text, char *name)
{
	struct span captured;

	if (!pattern_match(pattern, text, strlen(text), &captured))
		return false;
	text_copy_name(name, NAME_SIZE, captured.start, captured.length);
	return true;
}

/* The first argument is the program's own name. */
static void argument_that_matches(const struct pattern *pattern, const char *arguments,
				  size_t length, char *name)
{
	const char *end = arguments + length, *at = arguments;

	if (length)
		at += strlen(at) + 1;
	for (; at < end; at += strlen(at) + 1)
		if (take_match(pattern, at, name))
			return;
}

static void last_argument(const char *arguments, size_t length, char *name)
{
	const char *end = arguments + length, *last = NULL;

	for (const char *at = arguments; at < end; at += strlen(at) + 1)
		if (at != arguments)
			last = at;
	if (last)
		text_copy_name(name, NAME_SIZE, last, strlen(last));
}

static void last_component(char *name, const char *path)
{
	size_t length = strlen(path), start;

	while (length && path[length - 1] == '/')
		length--;
	for (start = length; start && path[start - 1] != '/';)
		start--;
	text_copy_name(name, NAME_SIZE, &path[start], length - start);
}

static void take_source(const struct name_source *source, const char *comm, const char *arguments,
			size_t length, char *name)
{
	const char *value;

	switch (source->style) {
	case NAME_ARGUMENT:
	case NAME_QEMU:
		value = names_option(arguments, length, source->option);
		if (value && source->style == NAME_QEMU)
			qemu_name(name, value);
		else if (value)
			text_copy_name(name, NAME_SIZE, value, strlen(value));
		break;
	case NAME_MATCH:
		argument_that_matches(&source->pattern, arguments, length, name);
		break;
	case NAME_TITLE:
		if (length)
			take_match(&source->pattern, arguments, name);
		break;
	case NAME_LAST:
		last_argument(arguments, length, name);
		break;
	case NAME_COMM:
		take_match(&source->pattern, comm, name);
		break;
	case NAME_BASE:
		value = names_option(arguments, length, source->option);
		if (value)
			last_component(name, value);
		break;
	default: /* names_from_files() */
		break;
	}
}

bool names_from_arguments(const struct runtime *runtime, const char *comm, const char *arguments,
			  size_t length, char *name)
{
	name[0] = '\0';
	for (size_t i = 0; i < runtime->name_count && !name[0]; i++)
		take_source(&runtime->names[i], comm, arguments, length, name);
	return name[0] != '\0';
}

bool names_netns(const char *folder, uint64_t inode, char *name, uint64_t *made_us)
{
	_cleanup_closedir_ DIR *dir = opendir(folder);
	struct dirent *entry;

	if (!dir)
		return false;
	while ((entry = readdir(dir))) {
		struct stat info;

		if (entry->d_name[0] == '.' || fstatat(dirfd(dir), entry->d_name, &info, 0) ||
		    info.st_ino != inode)
			continue;
		text_copy_name(name, NAME_SIZE, entry->d_name, strlen(entry->d_name));
		*made_us = (uint64_t)info.st_ctim.tv_sec * 1000000u +
			   (uint64_t)info.st_ctim.tv_nsec / 1000u;
		return true;
	}
	return false;
}
