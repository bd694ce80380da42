// SPDX-License-Identifier: GPL-2.0-or-later
/* The daemon's own file of exceptions: written whole or not at all. */
#include "policy/store.h"
#include "util/cleanup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPORARY_FILE "." STORE_FILE ".new"

/**
 * DOC: Theory of Operation
 *
 * The new text goes to a temporary file in the same folder, and to the disk (fsync), before it is
 * renamed to STORE_FILE; rename(2) replaces the old file in one step. Then the folder goes to the
 * disk, so that the new name survives a loss of power too. A crash at any point leaves the old file
 * or the new one, and at worst a temporary file beside it, which nobody reads.
 */

static int print_to_memory(const struct rules *rules, uint32_t next, char **text, size_t *length)
{
	FILE *file = open_memstream(text, length);
	int ret;

	if (!file)
		return -errno;
	ret = rules_print(file, rules, next);
	if (fclose(file) != 0 && ret == 0)
		ret = -ENOMEM;
	return ret;
}

static int write_all(int fd, const char *text, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, text, length);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -errno;
		text += written;
		length -= (size_t)written;
	}
	return 0;
}

static int write_temporary(int folder, const char *text, size_t length)
{
	_cleanup_close_ int fd = -1;
	int ret;

	if (unlinkat(folder, TEMPORARY_FILE, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(folder, TEMPORARY_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		    0600);
	if (fd < 0)
		return -errno;
	ret = write_all(fd, text, length);
	if (ret < 0)
		return ret;
	return fsync(fd) < 0 ? -errno : 0;
}

static int replace_file(int folder, bool *replaced)
{
	if (renameat(folder, TEMPORARY_FILE, folder, STORE_FILE) < 0)
		return -errno;
	*replaced = true;
	return fsync(folder) < 0 ? -errno : 0;
}

int store_write(const char *directory, const struct rules *rules, uint32_t next, bool *replaced,
		struct error *error)
{
	_cleanup_close_ int folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ char *text = NULL;
	size_t length = 0;
	int ret;

	*replaced = false;
	if (folder < 0)
		return error_set(error, -errno, "%s: %m", directory);
	ret = print_to_memory(rules, next, &text, &length);
	if (ret == 0)
		ret = write_temporary(folder, text, length);
	if (ret == 0)
		ret = replace_file(folder, replaced);
	if (ret < 0) {
		unlinkat(folder, TEMPORARY_FILE, 0);
		errno = -ret;
		return error_set(error, ret, "%s/%s: %m", directory, STORE_FILE);
	}
	return 0;
}

void store_clean(const char *directory)
{
	_cleanup_close_ int folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (folder >= 0)
		unlinkat(folder, TEMPORARY_FILE, 0);
}
