/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a cgroup2 id to its path, without a walk. */
#include "kernel/cgroups.h"

#include "util/cleanup.h"
#include "util/text.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/vfs.h>

#define HANDLE_TYPE_KERNFS 0xfe /* FILEID_KERNFS of include/linux/exportfs.h */

static const char deleted[] = " (deleted)";

/* The kernel writes space, tab, newline and backslash as \ooo (seq_path()). */
static void undo_escapes(char *text)
{
	char *target = text;

	while (*text) {
		if (text[0] == '\\' && text[1] >= '0' && text[1] <= '3' && text[2] >= '0' &&
		    text[2] <= '7' && text[3] >= '0' && text[3] <= '7') {
			*target++ = (char)((text[1] - '0') << 6 | (text[2] - '0') << 3 |
					   (text[3] - '0'));
			text += 4;
		} else {
			*target++ = *text++;
		}
	}
	*target = '\0';
}

/**
 * struct mount_line - one line of proc_pid_mountinfo(5)
 * @root: path within the file system that is the mount's root
 * @point: where it is mounted, escapes undone
 */
struct mount_line {
	const char *root;
	const char *point;
};

/* Cut a line in place. Return: true when it is a mount of cgroup2. */
static bool parse_mount(char *line, struct mount_line *mount)
{
	char *rest = NULL;
	const char *field;
	unsigned int number = 0;

	*mount = (struct mount_line){0};
	for (field = strtok_r(line, " \n", &rest); field; field = strtok_r(NULL, " \n", &rest)) {
		number++;
		if (number == 4)
			mount->root = field;
		else if (number == 5)
			mount->point = field;
		else if (number > 6 && strcmp(field, "-") == 0)
			break; /* optional fields end here, the type follows */
	}
	field = strtok_r(NULL, " \n", &rest);
	if (!field || !mount->point || strcmp(field, "cgroup2") != 0)
		return false;
	undo_escapes((char *)mount->point);
	return true;
}

int cgroups_find_mount(const char *mountinfo, char *path, size_t size)
{
	_cleanup_fclose_ FILE *file = fopen(mountinfo, "re");
	_cleanup_free_ char *line = NULL;
	size_t allocated = 0;
	int r = -ENOENT;

	if (!file)
		return -errno;
	while (getline(&line, &allocated, file) >= 0) {
		struct mount_line mount;
		bool whole;

		if (!parse_mount(line, &mount))
			continue;
		/* A mount of the whole hierarchy is better than one of a part. */
		whole = strcmp(mount.root, "/") == 0;
		if (r == 0 && !whole)
			continue;
		if (!text_copy(path, size, mount.point))
			return -ENAMETOOLONG;
		r = 0;
		if (whole)
			return 0;
	}
	return ferror(file) ? -EIO : r;
}

int cgroups_open(const char *mountinfo, int *fd)
{
	_cleanup_close_ int opened = -1;
	char path[PATH_MAX];
	struct statfs status;
	int r = cgroups_find_mount(mountinfo, path, sizeof(path));

	if (r < 0)
		return r;
	opened = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (opened < 0 || fstatfs(opened, &status) < 0)
		return -errno;
	if (status.f_type != CGROUP2_SUPER_MAGIC)
		return -ENODEV; /* something else is mounted over it */
	*fd = steal_fd(&opened);
	return 0;
}

union kernfs_handle {
	struct file_handle handle;
	char room[sizeof(struct file_handle) + sizeof(uint64_t)];
};

static int open_by_id(int mount, uint64_t id)
{
	union kernfs_handle kernfs = {
		.handle = {.handle_bytes = sizeof(id), .handle_type = HANDLE_TYPE_KERNFS},
	};
	int fd;

	memcpy(kernfs.handle.f_handle, &id, sizeof(id));
	fd = open_by_handle_at(mount, &kernfs.handle, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Return: length of the descriptor's path, without a NUL as readlink(2), or -errno. */
static ssize_t descriptor_path(int fd, char *path, size_t size)
{
	char link[sizeof("/proc/self/fd/2147483647")];
	ssize_t length;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, size);
	if (length < 0)
		return -errno;
	return (size_t)length < size ? length : -ENAMETOOLONG;
}

static bool ends_in_deleted(const char *path, size_t length)
{
	const size_t tail = sizeof(deleted) - 1;

	return length >= tail && memcmp(path + length - tail, deleted, tail) == 0;
}

int cgroups_path(int fd, uint64_t id, char *path, size_t size)
{
	_cleanup_close_ int cgroup = open_by_id(fd, id);
	_cleanup_close_ int again = -1;
	char mount[PATH_MAX];
	char whole[PATH_MAX];
	ssize_t prefix;
	ssize_t length;

	if (cgroup < 0)
		return cgroup;
	prefix = descriptor_path(fd, mount, sizeof(mount));
	if (prefix < 0)
		return prefix;
	length = descriptor_path(cgroup, whole, sizeof(whole));
	if (length < 0)
		return length;
	/* Either it went away just now, or its name really ends so. */
	if (ends_in_deleted(whole, length)) {
		again = open_by_id(fd, id);
		if (again < 0)
			return again;
	}
	if (length < prefix || memcmp(whole, mount, prefix) != 0 ||
	    (length > prefix && whole[prefix] != '/'))
		return -EXDEV;
	whole[length] = '\0';
	return text_copy(path, size, length > prefix ? whole + prefix : "/") ? 0 : -ENAMETOOLONG;
}

int cgroups_id(int fd, const char *path, uint64_t *id)
{
	union kernfs_handle kernfs = {.handle = {.handle_bytes = sizeof(*id)}};
	int mount_id;

	while (*path == '/')
		path++;
	/* A path that leaves our cgroup namespace: "/../other" (cgroup_namespaces(7)). */
	if (strncmp(path, "..", 2) == 0 && (path[2] == '/' || path[2] == '\0'))
		return -EXDEV;
	if (name_to_handle_at(fd, *path ? path : ".", &kernfs.handle, &mount_id, 0) < 0)
		return -errno;
	if (kernfs.handle.handle_type != HANDLE_TYPE_KERNFS ||
	    kernfs.handle.handle_bytes != sizeof(*id))
		return -EXDEV;
	memcpy(id, kernfs.handle.f_handle, sizeof(*id));
	return 0;
}

/* Both of those that live and those that sockets, say, still hold (cgroup-v2.rst, cgroup.stat). */
int cgroups_fingerprint(int fd, uint64_t *fingerprint)
{
	_cleanup_close_ int file = openat(fd, "cgroup.stat", O_RDONLY | O_CLOEXEC);
	unsigned long living, dying;
	char text[512];
	ssize_t length;

	if (file < 0)
		return -errno;
	length = read(file, text, sizeof(text) - 1);
	if (length < 0)
		return -errno;
	text[length] = '\0';
	if (sscanf(text, "nr_descendants %lu", &living) != 1)
		return -EBADMSG;
	dying = 0;
	if (strstr(text, "nr_dying_descendants "))
		sscanf(strstr(text, "nr_dying_descendants "), "nr_dying_descendants %lu", &dying);
	*fingerprint = (uint64_t)living << 32 | (uint32_t)dying;
	return 0;
}

/* Hand on the numbers of a file that has one on each line. */
static int each_number(int file, size_t most, int (*visit)(void *data, pid_t pid), void *data)
{
	char text[4096];
	size_t count = 0;
	ssize_t bytes;
	pid_t pid = 0;

	while ((bytes = read(file, text, sizeof(text))) > 0) {
		for (ssize_t i = 0; i < bytes; i++) {
			int result;

			if (text[i] != '\n') {
				pid = pid * 10 + (text[i] - '0');
				continue;
			}
			if (count++ == most)
				return -E2BIG;
			result = visit(data, pid);
			if (result)
				return result;
			pid = 0;
		}
	}
	return bytes < 0 ? -errno : 0;
}

int cgroups_each_process(int fd, uint64_t id, size_t most, int (*visit)(void *data, pid_t pid),
			 void *data)
{
	_cleanup_close_ int cgroup = open_by_id(fd, id);
	_cleanup_close_ int file = -1;

	if (cgroup < 0)
		return cgroup;
	file = openat(cgroup, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return errno == ENOENT ? -ESTALE : -errno;
	return each_number(file, most, visit, data);
}

/**
 * struct pid_list - an array as it is filled
 */
struct pid_list {
	pid_t *pids;
	size_t count;
};

static int append_pid(void *data, pid_t pid)
{
	struct pid_list *list = data;

	list->pids[list->count++] = pid;
	return 0;
}

size_t cgroups_processes(int fd, uint64_t id, pid_t *pids, size_t size)
{
	struct pid_list list = {.pids = pids};

	cgroups_each_process(fd, id, size, append_pid, &list);
	return list.count;
}
