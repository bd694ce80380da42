/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Folders of configuration files. */
#ifndef LHGUARD_UTIL_FOLDER_H
#define LHGUARD_UTIL_FOLDER_H

#include <dirent.h>

/**
 * folder_list() - the names of a folder's files *.conf, but hidden ones, in their order
 * @names: receives them, as scandir(3) does: each of them and the array is the caller's to free
 * Return: how many there are, 0 also where there is no such folder, or -errno.
 */
int folder_list(const char *folder, struct dirent ***names);

#endif
