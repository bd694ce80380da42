// SPDX-License-Identifier: GPL-2.0-or-later
/* The mute list: pairs of guest and service that a person wants no alerts about. It lasts. */
#include "mutes.h"

#include "util/cleanup.h"
#include "util/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINES_MAX                                                                                  \
	(4 * MUTES_MAX) /* that are read, of whatever stands for the file: it may have no end */
#define LINE_SIZE 1024	/* bytes of a line with its newline: labels are shorter */

/**
 * struct mutes - the list in memory
 * @lines: as in the file, without the newline, owned
 */
struct mutes {
	char *folder;
	char *lines[MUTES_MAX];
	size_t count;
};

struct mutes *mutes_new(const char *folder)
{
	struct mutes *mutes = calloc(1, sizeof(*mutes));

	if (!mutes)
		return NULL;
	mutes->folder = strdup(folder);
	if (mutes->folder)
		return mutes;
	free(mutes);
	return NULL;
}

static void clear(struct mutes *mutes)
{
	while (mutes->count)
		free(mutes->lines[--mutes->count]);
}

void mutes_free(struct mutes *mutes)
{
	if (!mutes)
		return;
	clear(mutes);
	free(mutes->folder);
	free(mutes);
}

size_t mutes_count(const struct mutes *mutes)
{
	return mutes->count;
}

const char *mutes_line(const struct mutes *mutes, size_t number)
{
	return mutes->lines[number - 1];
}

/* Return: its number, 0 when it is not there. */
static size_t find(const struct mutes *mutes, const char *line)
{
	for (size_t i = 0; i < mutes->count; i++)
		if (!strcmp(mutes->lines[i], line))
			return i + 1;
	return 0;
}

static bool line_of(char *line, const char *label, const char *service)
{
	size_t used;

	if (!text_escape(line, LINE_SIZE - 1, label, strlen(label)))
		return false;
	used = strlen(line);
	line[used++] = ' ';
	return text_escape(line + used, LINE_SIZE - 1 - used, service, strlen(service));
}

bool mutes_have(const struct mutes *mutes, const char *label, const char *service)
{
	char line[LINE_SIZE];

	return mutes->count && line_of(line, label, service) && find(mutes, line);
}

/* What a text editor, or a hand, may have made of the file is no reason to show it raw. */
static bool is_line(const char *line)
{
	char escaped[LINE_SIZE], plain[LINE_SIZE];
	const char *space = strrchr(line, ' ');

	if (!space || space == line || !space[1])
		return false;
	text_copy(plain, sizeof(plain), line);
	text_unescape(plain);
	return text_escape(escaped, sizeof(escaped), plain, strlen(plain)) &&
	       !strcmp(escaped, line);
}

static int add_line(struct mutes *mutes, const char *line)
{
	if (mutes->count == MUTES_MAX)
		return -ENOSPC;
	mutes->lines[mutes->count] = strdup(line);
	return mutes->lines[mutes->count] ? (int)++mutes->count : -ENOMEM;
}

static int read_at(struct mutes *mutes, int folder)
{
	_cleanup_close_ int fd = openat(folder, MUTES_FILE_NAME, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	_cleanup_fclose_ FILE *file = NULL;
	char line[LINE_SIZE];
	int result = 0;

	clear(mutes);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	file = fdopen(fd, "r");
	if (!file)
		return -errno;
	steal_fd(&fd);
	for (unsigned int lines = 0; result >= 0 && mutes->count < MUTES_MAX && lines < LINES_MAX &&
				     fgets(line, sizeof(line), file);
	     lines++) {
		line[strcspn(line, "\n")] = '\0';
		if (is_line(line) && !find(mutes, line))
			result = add_line(mutes, line);
	}
	if (ferror(file))
		return -EIO;
	return result < 0 ? result : 0;
}

static int fail(const struct mutes *mutes, int result, struct error *error)
{
	return error_set(error, result, "%s/" MUTES_FILE_NAME ": %s", mutes->folder,
			 strerror(-result));
}

int mutes_load(struct mutes *mutes, struct error *error)
{
	_cleanup_close_ int folder = open(mutes->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int result;

	if (folder < 0 && errno == ENOENT) {
		clear(mutes);
		return 0;
	}
	result = folder < 0 ? -errno : read_at(mutes, folder);
	return result ? fail(mutes, result, error) : 0;
}

static int make_folders(const char *path)
{
	char text[PATH_MAX];

	if (!text_copy(text, sizeof(text), path))
		return -ENAMETOOLONG;
	for (char *slash = strchr(text + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(text, 0700) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(text, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

static int write_lines(const struct mutes *mutes, int fd)
{
	_cleanup_fclose_ FILE *file = fdopen(fd, "w");

	if (!file) {
		close(fd);
		return -errno;
	}
	for (size_t i = 0; i < mutes->count; i++)
		fprintf(file, "%s\n", mutes->lines[i]);
	if (fflush(file) || ferror(file) || fsync(fileno(file)) < 0)
		return errno ? -errno : -EIO;
	return 0;
}

/* Whole or not at all: another file, which then takes its name. */
static int write_at(const struct mutes *mutes, int folder)
{
	static const char other[] = MUTES_FILE_NAME ".new";
	int fd = openat(folder, other, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int result;

	if (fd < 0)
		return -errno;
	result = write_lines(mutes, fd);
	if (!result && renameat(folder, other, folder, MUTES_FILE_NAME) < 0)
		result = -errno;
	if (result)
		unlinkat(folder, other, 0);
	else
		fsync(folder);
	return result;
}

/* Who holds it writes a few lines: a second is long. Return: 0 or -errno. */
static int lock(int folder)
{
	static const struct timespec while_another_writes = {.tv_nsec = 20000000};

	for (int tries = 0; tries < 50; tries++) {
		if (!flock(folder, LOCK_EX | LOCK_NB))
			return 0;
		if (errno != EWOULDBLOCK)
			break;
		nanosleep(&while_another_writes, NULL);
	}
	return -errno;
}

/* Return: the folder, locked until it is closed, and the list as it is now; or -errno. */
static int begin(struct mutes *mutes)
{
	int result = make_folders(mutes->folder), folder;

	if (result)
		return result;
	folder = open(mutes->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (folder < 0)
		return -errno;
	result = lock(folder);
	if (!result)
		result = read_at(mutes, folder);
	if (!result)
		return folder;
	close(folder);
	return result;
}

int mutes_add(struct mutes *mutes, const char *label, const char *service, struct error *error)
{
	char line[LINE_SIZE];
	_cleanup_close_ int folder = begin(mutes);
	int number, result;

	if (folder < 0)
		return fail(mutes, folder, error);
	if (!line_of(line, label, service))
		return fail(mutes, -ENAMETOOLONG, error);
	number = (int)find(mutes, line);
	if (number)
		return number;
	number = add_line(mutes, line);
	if (number == -ENOSPC)
		return error_set(error, number, "there are %d on it already", MUTES_MAX);
	result = number < 0 ? number : write_at(mutes, folder);
	if (!result)
		return number;
	if (number > 0)
		free(mutes->lines[--mutes->count]);
	return fail(mutes, result, error);
}

int mutes_remove(struct mutes *mutes, size_t number, struct error *error)
{
	_cleanup_close_ int folder = begin(mutes);
	int result;

	if (folder < 0)
		return fail(mutes, folder, error);
	if (number > mutes->count)
		return error_set(error, -ENOENT, "there is no number %zu: lhguard-notify --muted",
				 number);
	if (number == MUTES_ALL) {
		clear(mutes);
	} else {
		free(mutes->lines[number - 1]);
		memmove(&mutes->lines[number - 1], &mutes->lines[number],
			(mutes->count - number) * sizeof(mutes->lines[0]));
		mutes->count--;
	}
	result = write_at(mutes, folder);
	return result ? fail(mutes, result, error) : 0;
}
