/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Folders of configuration files. */
#ifndef LHGUARD_UTIL_FOLDER_H
#define LHGUARD_UTIL_FOLDER_H

#include "util/error.h"

#include <dirent.h>

/**
 * folder_list() - the names of a folder's files *.conf, but hidden ones, in their order
 * @names: receives them, as scandir(3) does: each of them and the array is the caller's to free
 * Return: how many there are, 0 also where there is no such folder, or -errno.
 */
int folder_list(const char *folder, struct dirent ***names);

/**
 * folder_each() - the files that folder_list() names, or a single file in the place of a folder
 * @take: called with the path of each, valid for the call
 * Return: 0, also where there is no such folder, or -errno with @error when it cannot be listed.
 */
int folder_each(const char *folder, void (*take)(void *data, const char *path), void *data,
		struct error *error);

#endif
