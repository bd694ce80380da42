/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files and folders that may lie in a file system which does not answer. */
#ifndef LHGUARD_KERNEL_FILES_H
#define LHGUARD_KERNEL_FILES_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/**
 * struct file_owner - the process that chose the file, for process_ask()
 * @proc: the root of its /proc; -1 when @pid is no process's, but a number for whoever else chose it
 */
struct file_owner {
	int proc;
	pid_t pid;
};

/*
 * All of these wait as long as patient_call() does: not for the verdict path. @owner is NULL for a
 * file that no process chose; @folder may be AT_FDCWD; @path is of at most PATH_MAX bytes.
 */

/**
 * file_read() - a regular file, whole, with a NUL behind it
 * @path: its last part is no symlink
 * @most: bytes that it may have
 * @text: receives the text, which the caller frees
 * Return: its length; -EINVAL when it is no such file; or -errno.
 */
ssize_t file_read(const struct file_owner *owner, int folder, const char *path, size_t most,
		  char **text);

/**
 * file_read_below() - the same without any symlink on the way from @folder to it
 * @path: does not lead out of @folder
 * @user: whose file it has to be, NULL for anybody's
 * Return: as above; -EPERM when it is somebody else's.
 */
ssize_t file_read_below(const struct file_owner *owner, int folder, const char *path, size_t most,
			const uid_t *user, char **text);

/**
 * file_folder() - open a folder
 * @resolve: RESOLVE_… of openat2(2)
 * Return: descriptor, or -errno.
 */
int file_folder(const struct file_owner *owner, int folder, const char *path, uint64_t resolve);

/**
 * file_names() - the first entries of a folder, in its own order
 * @folder: as file_folder() gives it
 * @most: entries
 * @names: receives them, each ended by NUL; the caller frees it
 * Return: bytes of @names, or -errno.
 */
ssize_t file_names(const struct file_owner *owner, int folder, size_t most, char **names);

#endif
