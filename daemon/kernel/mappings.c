// SPDX-License-Identifier: GPL-2.0-or-later
/* Which programs and libraries a process runs code of. */
#include "kernel/mappings.h"

#include "util/cleanup.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

/* "address perms offset device inode path", proc_pid_maps(5); a line holds a path and little else.
 */
#define LINE_MAX_SIZE (PATH_MAX + 128)

/* The path of an executable mapping of a file, NULL when the line is another. */
static const char *executable_path(const char *line)
{
	const char *permissions = strchr(line, ' ');

	if (!permissions || strnlen(permissions, 5) < 5 || permissions[3] != 'x')
		return NULL;
	return strchr(permissions, '/');
}

/**
 * struct lines - the lines of a file, cut out of what was read
 * @text: the beginning of a line that is not complete
 * @overlong: that line is longer than @text: it is passed over
 */
struct lines {
	char text[LINE_MAX_SIZE];
	size_t used;
	bool overlong;
};

static bool take_byte(struct lines *lines, char byte, bool (*visit)(void *data, const char *path),
		      void *data)
{
	const char *path = NULL;

	if (byte != '\n') {
		if (lines->used + 1 < sizeof(lines->text))
			lines->text[lines->used++] = byte;
		else
			lines->overlong = true;
		return false;
	}
	lines->text[lines->used] = '\0';
	if (!lines->overlong)
		path = executable_path(lines->text);
	lines->used = 0;
	lines->overlong = false;
	return path && visit(data, path);
}

int process_each_library(int root, pid_t pid, bool (*visit)(void *data, const char *path),
			 void *data)
{
	struct lines lines = {.used = 0};
	_cleanup_close_ int fd = -1;
	char name[sizeof("2147483647/maps")], chunk[16384];
	size_t left = MAPPINGS_BYTES_MAX;
	ssize_t n;

	snprintf(name, sizeof(name), "%d/maps", pid);
	fd = openat(root, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	while (left > 0 && (n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0)
			return -errno;
		for (ssize_t i = 0; i < n; i++)
			if (take_byte(&lines, chunk[i], visit, data))
				return 1;
		left -= (size_t)n < left ? (size_t)n : left;
	}
	return 0;
}
