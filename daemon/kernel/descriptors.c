/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a process holds open: the walk through its descriptors, and its sockets. */
#include "kernel/descriptors.h"

#include "kernel/descriptors_walk.h"
#include "util/cleanup.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

/* An entry of /proc/PID/fd with a number of at most four digits takes 24 bytes in getdents64(2). */
#define ENTRY_SIZE 24
#define CHUNK_SIZE (1024 * ENTRY_SIZE)

#define INET_MOST 256 /* descriptors that process_may_hold_inet() looks at */

struct linux_dirent64 {
	uint64_t inode;
	int64_t offset;
	uint16_t length;
	uint8_t type;
	char name[];
};

int descriptors_open(int root, pid_t pid)
{
	char name[NAME_LENGTH + sizeof("/fd")];
	int fd;

	if (pid <= 0)
		return -ESRCH;
	snprintf(name, sizeof(name), "%d/fd", pid);
	fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return fd;
}

/* The number that a name stands for, -1 when it is none ("." and ".."). */
static int parse_number(const char *name)
{
	long number = 0;

	if (*name == '\0')
		return -1;
	for (; *name; name++) {
		if (*name < '0' || *name > '9')
			return -1;
		number = number * 10 + (*name - '0');
		if (number > INT_MAX)
			return -1;
	}
	return (int)number;
}

static size_t collect_numbers(const char *chunk, size_t length, int *numbers)
{
	size_t count = 0;

	for (size_t at = 0; at < length;) {
		const struct linux_dirent64 *entry = (const void *)(chunk + at);
		int number = parse_number(entry->name);

		if (number >= 0)
			numbers[count++] = number;
		at += entry->length;
	}
	return count;
}

/* Visit all descriptors without allocating: the newest of each chunk first, since the kernel lists
 * them upwards and what is searched for is mostly young. Return: what @visit returned, or -errno.
 */
int descriptors_walk(int directory, descriptor_visit visit, void *data)
{
	_Alignas(struct linux_dirent64) char chunk[CHUNK_SIZE];
	int numbers[CHUNK_SIZE / ENTRY_SIZE];
	unsigned int left = WALK_MAX;
	ssize_t length;

	while ((length = syscall(SYS_getdents64, directory, chunk, sizeof(chunk))) > 0) {
		size_t count = collect_numbers(chunk, length, numbers);

		while (count > 0) {
			int r = left-- ? visit(data, directory, numbers[--count]) : WALK_CUT;

			if (r != 0)
				return r;
		}
	}
	if (length < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return 0;
}

/* Return: bytes of the link, without a NUL, at most @size: then there may be more. */
size_t descriptors_link(int directory, int number, char *link, size_t size)
{
	char name[NAME_LENGTH];
	ssize_t length;

	snprintf(name, sizeof(name), "%d", number);
	length = readlinkat(directory, name, link, size);
	return length < 0 ? 0 : (size_t)length;
}

static bool is_link(const char *link, size_t length, const char *target)
{
	return length == strlen(target) && memcmp(link, target, length) == 0;
}

bool descriptors_link_equals(int directory, int number, const char *target)
{
	char link[64];

	return is_link(link, descriptors_link(directory, number, link, sizeof(link)), target);
}

/**
 * struct socket_query - the search for one socket
 * @listed: descriptors that were there
 * @has_gone: one of them was not any more when it was looked at
 */
struct socket_query {
	char link[sizeof("socket:[4294967295]")];
	unsigned int *budget;
	int *hint;
	unsigned int listed;
	bool has_gone;
};

static int visit_socket(void *data, int directory, int number)
{
	struct socket_query *query = data;
	char link[sizeof(query->link)];
	size_t length;

	if (*query->budget == 0)
		return WALK_CUT;
	(*query->budget)--;
	query->listed++;
	length = descriptors_link(directory, number, link, sizeof(link));
	query->has_gone |= !length;
	if (!is_link(link, length, query->link))
		return 0;
	*query->hint = number;
	return WALK_FOUND;
}

static int visit_any(void *data, int directory, int number)
{
	return WALK_FOUND;
}

/* Has it no descriptor, or has it lost them under our eyes? All go at once: kernel/exit.c, exit_files(). */
static bool is_ending(const struct socket_query *query, int directory)
{
	if (!query->listed)
		return true;
	return query->has_gone && (lseek(directory, 0, SEEK_SET) != 0 ||
				   descriptors_walk(directory, visit_any, NULL) != WALK_FOUND);
}

enum socket_search process_holds_socket(int root, pid_t pid, uint32_t inode, int *hint,
					unsigned int *budget)
{
	_cleanup_close_ int directory = -1;
	struct socket_query query = {.budget = budget, .hint = hint};
	int r = 0;

	if (*budget == 0)
		return SOCKET_SEARCH_CUT;
	directory = descriptors_open(root, pid);
	if (directory < 0)
		return SOCKET_NOT_HELD;
	snprintf(query.link, sizeof(query.link), "socket:[%u]", inode);
	if (*hint >= 0)
		r = visit_socket(&query, directory, *hint);
	query.listed = 0;
	query.has_gone = false; /* what the hint stood for may have been closed long ago */
	if (r == 0)
		r = descriptors_walk(directory, visit_socket, &query);
	if (r == WALK_FOUND)
		return SOCKET_HELD;
	if (r == WALK_CUT)
		return SOCKET_SEARCH_CUT;
	return is_ending(&query, directory) ? SOCKET_HOLDER_ENDS : SOCKET_NOT_HELD;
}

struct inet_query {
	unsigned int left;
	bool has_any;
};

/* The name of its protocol: net/socket.c, sockfs_xattr_get(). */
static bool is_without_packets(int directory, int number)
{
	char path[sizeof("/proc/self/fd/") + 2 * NAME_LENGTH], name[32] = "";

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%d", directory, number);
	return getxattr(path, "system.sockprotoname", name, sizeof(name) - 1) > 0 &&
	       (!strncmp(name, "UNIX", 4) || !strncmp(name, "NETLINK", 7));
}

static int visit_inet(void *data, int directory, int number)
{
	static const char start[] = "socket:[";
	struct inet_query *query = data;
	char link[sizeof(start) - 1];

	query->has_any = true;
	if (!query->left--)
		return WALK_CUT;
	if (descriptors_link(directory, number, link, sizeof(link)) != sizeof(link) ||
	    memcmp(link, start, sizeof(link)) != 0)
		return 0;
	return is_without_packets(directory, number) ? 0 : WALK_FOUND;
}

bool process_may_hold_inet(int root, pid_t pid)
{
	_cleanup_close_ int directory = descriptors_open(root, pid);
	struct inet_query query = {.left = INET_MOST};

	if (directory < 0)
		return false;
	return descriptors_walk(directory, visit_inet, &query) != 0 || !query.has_any;
}

struct sockets_query {
	int first;
	uint32_t *inodes;
	size_t size;
	size_t count;
};

static int visit_sockets(void *data, int directory, int number)
{
	static const char start[] = "socket:[";
	struct sockets_query *query = data;
	char link[32];
	size_t length;

	if (number < query->first)
		return 0;
	length = descriptors_link(directory, number, link, sizeof(link) - 1);
	link[length] = '\0';
	if (strncmp(link, start, sizeof(start) - 1) != 0)
		return 0;
	if (query->count < query->size)
		query->inodes[query->count] = (uint32_t)strtoul(link + sizeof(start) - 1, NULL, 10);
	query->count++;
	return 0;
}

ssize_t process_sockets(int root, pid_t pid, int first, uint32_t *inodes, size_t size)
{
	_cleanup_close_ int directory = descriptors_open(root, pid);
	struct sockets_query query = {.first = first, .inodes = inodes, .size = size};
	int r;

	if (directory < 0)
		return directory;
	r = descriptors_walk(directory, visit_sockets, &query);
	if (r == WALK_CUT && query.count < size) { /* there may be more than fit */
		memset(&inodes[query.count], 0, (size - query.count) * sizeof(*inodes));
		query.count = size;
	}
	return r < 0 ? r : (ssize_t)query.count;
}

struct path_query {
	const char *end;
	char *path;
	size_t size;
};

static int visit_path(void *data, int directory, int number)
{
	const struct path_query *query = data;
	size_t length = descriptors_link(directory, number, query->path, query->size);
	size_t end = strlen(query->end);

	if (length == query->size || length <= end || query->path[0] != '/' ||
	    memcmp(query->path + length - end, query->end, end) != 0)
		return 0;
	query->path[length] = '\0';
	return WALK_FOUND;
}

int process_open_path(int root, pid_t pid, const char *end, char *path, size_t size)
{
	_cleanup_close_ int directory = descriptors_open(root, pid);
	struct path_query query = {.end = end, .path = path, .size = size};
	int r;

	if (directory < 0)
		return directory;
	r = descriptors_walk(directory, visit_path, &query);
	if (r < 0)
		return r;
	return r == WALK_FOUND ? 0 : -ENOENT;
}
