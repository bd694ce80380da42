/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Readers of /proc under an overridable root. */
#include "kernel/processes.h"

#include "util/array.h"
#include "util/cleanup.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/* The files are opened below one descriptor of /proc/PID: the kernel ties it to the process and not
 * to the number, so that a pid which is used again in the middle gives ESRCH and never a mixture.
 */
#define PID_NAME_SIZE sizeof("2147483647")

/* For a process that has ended, /proc gives ENOENT on the folder and ESRCH inside it. */
int process_open(int root, pid_t pid)
{
	char name[PID_NAME_SIZE];
	int fd;

	if (pid <= 0)
		return -ESRCH;
	snprintf(name, sizeof(name), "%d", pid);
	fd = openat(root, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return fd;
}

/* Read a file to its end or until the buffer is full; the kernel may give less in one read(2). */
ssize_t process_read_file(int directory, const char *name, char *buffer, size_t size)
{
	_cleanup_close_ int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
	size_t used = 0;

	if (fd < 0)
		return -errno;
	while (used < size) {
		ssize_t n = read(fd, buffer + used, size - used);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += n;
	}
	return used;
}

static int read_comm(int directory, char comm[COMM_SIZE])
{
	char text[64];
	ssize_t length = process_read_file(directory, "comm", text, sizeof(text));

	if (length < 0)
		return length;
	/* A comm may hold newlines of its own; only the last one is the kernel's. */
	if (length > 0 && text[length - 1] == '\n')
		length--;
	if (length >= COMM_SIZE)
		length = COMM_SIZE - 1;
	memcpy(comm, text, length);
	memset(comm + length, 0, COMM_SIZE - length);
	return 0;
}

/* Field @number of proc_pid_stat(5), from 3 on; @rest begins behind the ")" of field 2. */
static int stat_field(const char *rest, unsigned int number, unsigned long long *value)
{
	char *end;

	for (unsigned int i = 2; i < number; i++) {
		rest = strchr(rest, ' ');
		if (!rest)
			return -EBADMSG;
		rest++;
	}
	if (*rest < '0' || *rest > '9')
		return -EBADMSG;
	errno = 0;
	*value = strtoull(rest, &end, 10);
	return errno || (*end != ' ' && *end != '\n' && *end != '\0') ? -EBADMSG : 0;
}

/*
 * Has it ended, and only its parent has not asked how? One whose first thread has ended while
 * others live on looks the same but for their number.
 */
static bool is_dead(const char *rest)
{
	unsigned long long threads;

	return (rest[2] == 'Z' || rest[2] == 'X') && !stat_field(rest, 20, &threads) && threads < 2;
}

static int read_stat(int directory, struct process *process)
{
	char text[1024];
	unsigned long long parent = 0;
	unsigned long long start = 0;
	ssize_t length = process_read_file(directory, "stat", text, sizeof(text) - 1);
	const char *rest;
	int r;

	if (length < 0)
		return length;
	text[length] = '\0';
	/* The comm in field 2 may hold any byte, ")" too; behind it stand numbers only. */
	rest = memrchr(text, ')', length);
	if (!rest)
		return -EBADMSG;
	r = stat_field(rest, 4, &parent);
	if (r == 0)
		r = stat_field(rest, 22, &start);
	if (r < 0)
		return r;
	if (parent > INT_MAX)
		return -EBADMSG;
	process->parent = (pid_t)parent;
	process->start = start;
	process->is_dead = is_dead(rest);
	return 0;
}

/* Keep the end of a path that is too long, and no "/" before it: it must not pass for another. */
static void copy_end(char *target, size_t size, const char *path, size_t length)
{
	static const char dots[] = "...";
	size_t room = size - sizeof(dots);

	if (length < size)
		memcpy(target, path, length + 1);
	else
		snprintf(target, size, "%s%s", dots, path + length - room);
}

static void read_executable(int directory, char *executable, size_t size)
{
	static const char deleted[] = " (deleted)";
	const size_t tail = sizeof(deleted) - 1;
	char path[PATH_MAX + sizeof(deleted)];
	ssize_t length = readlinkat(directory, "exe", path, sizeof(path) - 1);

	executable[0] = '\0';
	if (length < 0)
		return;
	if ((size_t)length > tail && memcmp(path + length - tail, deleted, tail) == 0)
		length -= tail;
	path[length] = '\0';
	copy_end(executable, size, path, length);
}

/* The inode number in a link like "net:[4026531840]", 0 when it is none. */
static uint64_t read_namespace(int directory, const char *link, const char *type)
{
	char text[64];
	ssize_t length = readlinkat(directory, link, text, sizeof(text) - 1);
	size_t prefix = strlen(type);
	char *end;
	uint64_t inode;

	if (length < 0)
		return 0;
	text[length] = '\0';
	if (strncmp(text, type, prefix) != 0 || strncmp(text + prefix, ":[", 2) != 0)
		return 0;
	errno = 0;
	inode = strtoull(text + prefix + 2, &end, 10);
	return errno || strcmp(end, "]") != 0 ? 0 : inode;
}

static void read_namespaces(int directory, struct namespaces *namespaces)
{
	*namespaces = (struct namespaces){
		.pid = read_namespace(directory, "ns/pid", "pid"),
		.user = read_namespace(directory, "ns/user", "user"),
		.net = read_namespace(directory, "ns/net", "net"),
		.mount = read_namespace(directory, "ns/mnt", "mnt"),
	};
}

int processes_open_root(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int process_read(int root, pid_t pid, struct process *process)
{
	_cleanup_close_ int directory = process_open(root, pid);
	int r;

	if (directory < 0)
		return directory;
	*process = (struct process){.pid = pid};
	r = read_stat(directory, process);
	if (r == 0)
		r = read_comm(directory, process->comm);
	if (r < 0)
		return r == -ENOENT ? -ESRCH : r;
	read_executable(directory, process->executable, sizeof(process->executable));
	read_namespaces(directory, &process->namespaces);
	return 0;
}

bool process_path_is_systems(const char *path)
{
	static const char *const folders[] = {"/usr/", "/bin/",	 "/sbin/",	"/lib/",
					      "/opt/", "/snap/", "/nix/store/", "/gnu/store/"};

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
		if (!strncmp(path, folders[i], strlen(folders[i])))
			return true;
	return false;
}

bool process_has_hosts_root(int root, pid_t pid)
{
	char name[PID_NAME_SIZE + sizeof("/root")];
	struct statx theirs, ours;

	snprintf(name, sizeof(name), "%d/root", pid);
	return !statx(root, name, AT_STATX_DONT_SYNC, STATX_INO, &theirs) &&
	       !statx(AT_FDCWD, "/", AT_STATX_DONT_SYNC, STATX_INO, &ours) &&
	       theirs.stx_ino == ours.stx_ino && theirs.stx_dev_major == ours.stx_dev_major &&
	       theirs.stx_dev_minor == ours.stx_dev_minor;
}

bool process_runs_hosts_file(int root, const struct process *process)
{
	const unsigned int wanted = STATX_INO | STATX_UID | STATX_MODE;
	char name[PID_NAME_SIZE + sizeof("/exe")];
	struct statx theirs, ours;

	snprintf(name, sizeof(name), "%d/exe", process->pid);
	if (!process_path_is_systems(process->executable) ||
	    statx(root, name, AT_STATX_DONT_SYNC, wanted, &theirs) < 0 ||
	    statx(AT_FDCWD, process->executable, AT_STATX_DONT_SYNC, wanted, &ours) < 0)
		return false;
	return theirs.stx_ino == ours.stx_ino && theirs.stx_dev_major == ours.stx_dev_major &&
	       theirs.stx_dev_minor == ours.stx_dev_minor && ours.stx_uid == 0 &&
	       !(ours.stx_mode & (S_IWGRP | S_IWOTH));
}

int process_namespaces(int root, pid_t pid, struct namespaces *namespaces)
{
	_cleanup_close_ int directory = process_open(root, pid);

	if (directory < 0)
		return directory;
	read_namespaces(directory, namespaces);
	return 0;
}

/**
 * struct line_search - state of the search for a line, one byte at a time
 * @prefix: what the line starts with
 * @matched: bytes of @prefix that the current line began with
 * @dismissed: the current line begins otherwise
 * @rest: receives what follows
 * @size: bytes of @rest
 * @used: of these
 */
struct line_search {
	const char *prefix;
	size_t matched;
	bool dismissed;
	char *rest;
	size_t size;
	size_t used;
};

/* Return: 1 when the line is complete, 0 to go on, -ENAMETOOLONG. */
static int line_byte(struct line_search *search, char byte)
{
	bool complete = !search->dismissed && search->prefix[search->matched] == '\0';

	if (byte == '\n') {
		if (complete)
			return 1;
		search->matched = 0;
		search->dismissed = false;
	} else if (complete) {
		if (search->used + 1 >= search->size)
			return -ENAMETOOLONG;
		search->rest[search->used++] = byte;
	} else if (!search->dismissed) {
		search->dismissed = search->prefix[search->matched++] != byte;
	}
	return 0;
}

static int find_line(int fd, struct line_search *search)
{
	char chunk[1024];
	ssize_t n;
	int r;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			r = line_byte(search, chunk[i]);
			if (r != 0)
				return r < 0 ? r : 0;
		}
	}
	if (n < 0)
		return -errno;
	/* The last line of a file may lack its newline. */
	return line_byte(search, '\n') == 1 ? 0 : -ENODATA;
}

int process_line(int root, pid_t pid, const char *file, const char *prefix, char *rest, size_t size)
{
	_cleanup_close_ int directory = process_open(root, pid);
	_cleanup_close_ int fd = -1;
	struct line_search search = {.prefix = prefix, .rest = rest, .size = size};
	int r;

	if (directory < 0)
		return directory;
	if (size == 0)
		return -EINVAL;
	fd = openat(directory, file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	r = find_line(fd, &search);
	rest[search.used] = '\0';
	return r;
}

int process_cgroup(int root, pid_t pid, char *path, size_t size)
{
	return process_line(root, pid, "cgroup", "0::", path, size);
}

bool process_exists(int root, pid_t pid)
{
	char name[PID_NAME_SIZE];

	snprintf(name, sizeof(name), "%d", pid);
	return faccessat(root, name, F_OK, 0) == 0;
}

DIR *processes_list(int root)
{
	int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *list = fd < 0 ? NULL : fdopendir(fd);

	if (fd >= 0 && !list)
		close(fd);
	return list;
}

pid_t processes_next(DIR *list)
{
	const struct dirent *entry;

	while ((entry = readdir(list))) {
		char *end;
		long pid = strtol(entry->d_name, &end, 10);

		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && *end == '\0' &&
		    pid <= INT_MAX)
			return (pid_t)pid;
	}
	return 0;
}

int processes_each(int root, int (*visit)(void *data, pid_t pid), void *data)
{
	_cleanup_closedir_ DIR *list = processes_list(root);
	pid_t pid;

	if (!list)
		return -errno;
	while ((pid = processes_next(list)))
		if (visit(data, pid) != 0)
			break;
	return 0;
}
