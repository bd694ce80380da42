// SPDX-License-Identifier: GPL-2.0-or-later
/* Which programs and libraries a process runs code of. */
#include "kernel/mappings.h"

#include "kernel/processes.h"
#include "util/cleanup.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

/* "address perms offset device inode path", proc_pid_maps(5); a line holds a path and little else.
 */
#define LINE_MAX_SIZE (PATH_MAX + 128)
#define READ_SIZE     16384

/* The path of an executable mapping of a file, NULL when the line is another. */
static const char *executable_path(const char *line)
{
	const char *permissions = strchr(line, ' ');

	if (!permissions || strnlen(permissions, 5) < 5 || permissions[3] != 'x')
		return NULL;
	return strchr(permissions, '/');
}

/**
 * struct mappings_job - collects the paths of executable mappings
 * @directory: /proc/PID
 * @result: 0 or -errno
 * @line: the beginning of a line that is not complete
 * @overlong: that line is longer than @line: it is passed over
 * @paths: each ended by NUL, no two that follow each other alike; they are part of what is read,
 *	so that there is room for all
 */
struct mappings_job {
	struct patient_job job;
	int directory;
	int result;
	char line[LINE_MAX_SIZE];
	size_t line_used;
	bool overlong;
	size_t last;
	size_t used;
	char paths[MAPPINGS_BYTES_MAX + READ_SIZE];
};

static void add_path(struct mappings_job *mappings, const char *path)
{
	size_t size = strlen(path) + 1;

	if (mappings->used && !strcmp(mappings->paths + mappings->last, path))
		return;
	mappings->last = mappings->used;
	memcpy(mappings->paths + mappings->used, path, size);
	mappings->used += size;
}

static void take_byte(struct mappings_job *mappings, char byte)
{
	const char *path = NULL;

	if (byte != '\n') {
		if (mappings->line_used + 1 < sizeof(mappings->line))
			mappings->line[mappings->line_used++] = byte;
		else
			mappings->overlong = true;
		return;
	}
	mappings->line[mappings->line_used] = '\0';
	if (!mappings->overlong)
		path = executable_path(mappings->line);
	if (path)
		add_path(mappings, path);
	mappings->line_used = 0;
	mappings->overlong = false;
}

static int read_mappings(struct mappings_job *mappings)
{
	_cleanup_close_ int fd = openat(mappings->directory, "maps", O_RDONLY | O_CLOEXEC);
	char chunk[READ_SIZE];
	size_t left = MAPPINGS_BYTES_MAX;
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	while (left > 0 && (n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0)
			return -errno;
		for (ssize_t i = 0; i < n; i++)
			take_byte(mappings, chunk[i]);
		left -= (size_t)n < left ? (size_t)n : left;
	}
	return 0;
}

static void run_mappings(struct patient_job *job)
{
	struct mappings_job *mappings = (struct mappings_job *)job;

	mappings->result = read_mappings(mappings);
}

static void discard_mappings(struct patient_job *job)
{
	close(((struct mappings_job *)job)->directory);
	free(job);
}

static int ask_mappings(int root, pid_t pid, struct mappings_job **mappings)
{
	_cleanup_close_ int directory = process_open(root, pid);
	struct mappings_job *new;
	int result;

	if (directory < 0)
		return directory;
	new = malloc(sizeof(*new)); /* most of it is never touched */
	if (!new)
		return -ENOMEM;
	new->job = (struct patient_job){.run = run_mappings, .discard = discard_mappings};
	new->directory = steal_fd(&directory);
	new->line_used = new->last = new->used = 0;
	new->overlong = false;
	result = process_ask(root, pid, &new->job);
	if (!result)
		*mappings = new;
	return result;
}

int process_each_library(int root, pid_t pid, bool (*visit)(void *data, const char *path),
			 void *data)
{
	struct mappings_job *mappings;
	int result = ask_mappings(root, pid, &mappings);

	if (result)
		return result;
	result = mappings->result;
	for (size_t at = 0; !result && at < mappings->used; at += strlen(mappings->paths + at) + 1)
		result = visit(data, mappings->paths + at);
	discard_mappings(&mappings->job);
	return result;
}
