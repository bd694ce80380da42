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

	for (const char *at = arguments; at < end; at += strlen(at) + 1) {
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

bool names_from_arguments(const struct program *program, const char *arguments, size_t length,
			  char *name)
{
	const char *value;

	if (program->style == NAME_NONE)
		return false;
	value = names_option(arguments, length, program->name_option);
	if (!value || !*value)
		return false;
	if (program->style == NAME_QEMU)
		qemu_name(name, value);
	else
		text_copy_name(name, NAME_SIZE, value, strlen(value));
	return name[0] != '\0';
}

bool names_netns(const char *folder, uint64_t inode, char *name)
{
	_cleanup_closedir_ DIR *dir = opendir(folder);
	struct dirent *entry;

	if (!dir)
		return false;
	while ((entry = readdir(dir))) {
		struct stat info;

		if (entry->d_name[0] == '.' || fstatat(dirfd(dir), entry->d_name, &info, 0))
			continue;
		if (info.st_ino == inode) {
			text_copy_name(name, NAME_SIZE, entry->d_name, strlen(entry->d_name));
			return true;
		}
	}
	return false;
}
