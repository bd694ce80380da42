// SPDX-License-Identifier: GPL-2.0-or-later
/* Folders of configuration files. */
#include "util/folder.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int is_configuration(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return entry->d_name[0] != '.' && length > strlen(".conf") &&
	       !strcmp(entry->d_name + length - strlen(".conf"), ".conf");
}

/* Not alphasort(3), whose order is the locale's. */
static int compare_names(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

int folder_list(const char *folder, struct dirent ***names)
{
	int count;

	*names = NULL;
	count = scandir(folder, names, is_configuration, compare_names);
	if (count >= 0)
		return count;
	return errno == ENOENT ? 0 : -errno;
}

int folder_each(const char *folder, void (*take)(void *data, const char *path), void *data,
		struct error *error)
{
	struct dirent **names;
	int count = folder_list(folder, &names);

	if (count == -ENOTDIR) {
		take(data, folder);
		return 0;
	}
	if (count < 0)
		return error_set(error, count, "%s: %s", folder, strerror(-count));
	for (int i = 0; i < count; i++) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		take(data, path);
		free(names[i]);
	}
	free(names);
	return 0;
}
