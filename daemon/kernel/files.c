// SPDX-License-Identifier: GPL-2.0-or-later
/* Files and folders that may lie in a file system which does not answer. */
#include "kernel/files.h"

#include "kernel/processes.h"
#include "util/cleanup.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/**
 * struct file_job - one call
 * @folder: the job's own copy, or AT_FDCWD
 * @most: bytes of the file, or entries of the folder
 * @has_user: it has to be @user's
 * @result: length or descriptor, or -errno
 * @text: what was read
 */
struct file_job {
	struct patient_job job;
	int folder;
	char path[PATH_MAX];
	uint64_t resolve;
	size_t most;
	bool has_user;
	uid_t user;
	ssize_t result;
	char *text;
};

static void discard(struct patient_job *job)
{
	struct file_job *file = (struct file_job *)job;

	if (file->folder >= 0)
		close(file->folder);
	free(file->text);
	free(file);
}

/* NULL with errno. */
static struct file_job *make(int folder, const char *path, void (*run)(struct patient_job *job))
{
	_cleanup_free_ struct file_job *new = NULL;
	size_t length = strlen(path);

	if (length >= PATH_MAX) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	new = malloc(sizeof(*new));
	if (!new)
		return NULL;
	new->job = (struct patient_job){.run = run, .discard = discard};
	memcpy(new->path, path, length + 1);
	new->resolve = 0;
	new->most = 0;
	new->has_user = false;
	new->result = 0;
	new->text = NULL;
	new->folder = folder == AT_FDCWD ? folder : fcntl(folder, F_DUPFD_CLOEXEC, 0);
	return new->folder == -1 ? NULL : steal_pointer(&new);
}

static int ask(const struct file_owner *owner, struct file_job *file)
{
	if (owner && owner->proc >= 0)
		return process_ask(owner->proc, owner->pid, &file->job);
	return patient_call(&file->job, owner ? owner->pid : 0);
}

/* Hand over what was read, and end the job. */
static ssize_t take_text(struct file_job *file, char **text)
{
	ssize_t result = file->result;

	if (result >= 0)
		*text = steal_pointer(&file->text);
	discard(&file->job);
	return result;
}

static ssize_t read_all(int fd, char *text, size_t size)
{
	size_t used = 0;
	ssize_t got;

	while (used < size && (got = read(fd, text + used, size - used)) != 0) {
		if (got < 0)
			return -errno;
		used += (size_t)got;
	}
	text[used] = '\0';
	return (ssize_t)used;
}

/* One that says to be empty, as those of /proc do, may have something in it all the same. */
static void run_read(struct patient_job *job)
{
	struct file_job *file = (struct file_job *)job;
	const struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
		.resolve = file->resolve,
	};
	_cleanup_close_ int fd =
		(int)syscall(SYS_openat2, file->folder, file->path, &how, sizeof(how));
	struct stat info;
	size_t size;

	file->result = -EINVAL;
	if (fd < 0 || fstat(fd, &info)) {
		file->result = -errno;
		return;
	}
	if (file->has_user && info.st_uid != file->user) {
		file->result = -EPERM;
		return;
	}
	if (!S_ISREG(info.st_mode) || info.st_size < 0 || (size_t)info.st_size > file->most)
		return;
	size = info.st_size ? (size_t)info.st_size : file->most;
	file->text = malloc(size + 1);
	file->result = file->text ? read_all(fd, file->text, size) : -ENOMEM;
}

ssize_t file_read(const struct file_owner *owner, int folder, const char *path, size_t most,
		  char **text)
{
	struct file_job *file = make(folder, path, run_read);
	int result;

	if (!file)
		return -errno;
	file->most = most;
	result = ask(owner, file);
	return result ? result : take_text(file, text);
}

ssize_t file_read_below(const struct file_owner *owner, int folder, const char *path, size_t most,
			const uid_t *user, char **text)
{
	struct file_job *file = make(folder, path, run_read);
	int result;

	if (!file)
		return -errno;
	file->most = most;
	file->resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
	file->has_user = user != NULL;
	file->user = user ? *user : 0;
	result = ask(owner, file);
	return result ? result : take_text(file, text);
}

/* A job that is abandoned meanwhile does not keep the descriptor. */
static void discard_folder(struct patient_job *job)
{
	struct file_job *file = (struct file_job *)job;

	if (file->result >= 0)
		close((int)file->result);
	discard(job);
}

static void run_folder(struct patient_job *job)
{
	struct file_job *file = (struct file_job *)job;
	const struct open_how how = {
		.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
		.resolve = file->resolve,
	};

	file->result = syscall(SYS_openat2, file->folder, file->path, &how, sizeof(how));
	if (file->result < 0)
		file->result = -errno;
}

int file_folder(const struct file_owner *owner, int folder, const char *path, uint64_t resolve)
{
	struct file_job *file = make(folder, path, run_folder);
	int result;

	if (!file)
		return -errno;
	file->job.discard = discard_folder;
	file->result = -EINVAL;
	file->resolve = resolve;
	result = ask(owner, file);
	if (result)
		return result;
	result = (int)file->result;
	discard(&file->job);
	return result;
}

static void run_names(struct patient_job *job)
{
	struct file_job *file = (struct file_job *)job;
	int fd = openat(file->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_closedir_ DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	char *end;

	file->result = -errno;
	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	file->result = -ENOMEM;
	file->text = malloc(file->most * sizeof(entry->d_name));
	if (!file->text)
		return;
	end = file->text;
	for (size_t i = 0; i < file->most && (entry = readdir(dir)); i++)
		end = stpcpy(end, entry->d_name) + 1;
	file->result = end - file->text;
}

ssize_t file_names(const struct file_owner *owner, int folder, size_t most, char **names)
{
	struct file_job *file = make(folder, ".", run_names);
	int result;

	if (!file)
		return -errno;
	file->most = most;
	result = ask(owner, file);
	return result ? result : take_text(file, names);
}
