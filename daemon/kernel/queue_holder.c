// SPDX-License-Identifier: GPL-2.0-or-later
/* Who holds an NFQUEUE: for the error at start, and for the queue's own statistics. */
#include "kernel/queue_holder.h"

#include "kernel/descriptors.h"
#include "kernel/processes.h"
#include "util/cleanup.h"
#include "util/text.h"

#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <string.h>

#define LINE_SIZE      256
#define PROC_TEXT_STEP 16384
#define PROC_TEXT_MOST (16 * 1024 * 1024)

/* Copy the next line, cut at @size, without its newline; false at the end of @text. */
static bool take_line(const char **text, char *line, size_t size)
{
	size_t length = strcspn(*text, "\n");

	if (!**text)
		return false;
	snprintf(line, size, "%.*s", (int)length, *text);
	*text += length + ((*text)[length] == '\n');
	return true;
}

/*
 * Columns (net/netfilter/nfnetlink_queue.c, seq_show): number, port, waiting, copy mode, copy
 * range, dropped, undelivered, last id, 1.
 */
int queue_entry_find(const char *text, uint16_t number, struct queue_entry *entry)
{
	struct queue_entry found;
	unsigned int candidate;
	char line[LINE_SIZE];

	while (take_line(&text, line, sizeof(line))) {
		if (sscanf(line, "%u %" SCNu32 " %*u %*u %*u %" SCNu32, &candidate, &found.port,
			   &found.dropped) == 3 &&
		    candidate == number) {
			*entry = found;
			return 0;
		}
	}
	return -ENOENT;
}

/*
 * Columns (net/netlink/af_netlink.c, netlink_native_seq_show): sk, Eth (the protocol), Pid (the
 * port), Groups, Rmem, Wmem, Dump, Locks, Drops, Inode.
 */
int netlink_inode_find(const char *text, uint32_t port, uint32_t *inode)
{
	uint32_t candidate, number;
	unsigned int protocol;
	char line[LINE_SIZE];

	while (take_line(&text, line, sizeof(line))) {
		if (sscanf(line, "%*s %u %" SCNu32 " %*x %*d %*d %*d %*u %*u %" SCNu32, &protocol,
			   &candidate, &number) == 3 &&
		    protocol == NETLINK_NETFILTER && candidate == port) {
			*inode = number;
			return 0;
		}
	}
	return -ENOENT;
}

static int read_text(int root, const char *path, char **text)
{
	_cleanup_close_ int fd = openat(root, path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *buffer = NULL;
	size_t size = 0, used = 0;
	ssize_t bytes;

	if (fd < 0)
		return -errno;
	do {
		if (size - used < PROC_TEXT_STEP) {
			char *larger = realloc(buffer, size + PROC_TEXT_STEP);

			if (!larger)
				return -ENOMEM;
			buffer = larger;
			size += PROC_TEXT_STEP;
		}
		bytes = read(fd, buffer + used, size - used - 1);
		if (bytes < 0)
			return -errno;
		used += (size_t)bytes;
	} while (bytes > 0 && used < PROC_TEXT_MOST);
	buffer[used] = '\0';
	*text = buffer;
	buffer = NULL;
	return 0;
}

/**
 * struct search - a walk over the processes
 * @inode: of the socket that is looked for
 * @holder: pid, 0 while not found
 */
struct search {
	int root;
	uint32_t inode;
	pid_t holder;
};

static int search_process(void *data, pid_t pid)
{
	struct search *search = data;
	unsigned int budget = UINT_MAX;
	int hint = -1;

	if (process_holds_socket(search->root, pid, search->inode, &hint, &budget) != SOCKET_HELD)
		return 0;
	search->holder = pid;
	return 1;
}

static pid_t find_process(int root, uint32_t port)
{
	struct search search = {.root = root};
	_cleanup_free_ char *sockets = NULL;

	if (read_text(root, QUEUE_HOLDER_SOCKETS, &sockets) < 0 || !sockets ||
	    netlink_inode_find(sockets, port, &search.inode) < 0)
		return 0;
	/* The kernel gives a process's first netlink socket the pid as its port. */
	if (port <= INT_MAX && search_process(&search, (pid_t)port))
		return search.holder;
	processes_each(root, search_process, &search);
	return search.holder;
}

int queue_holder_describe(uint16_t number, char *target, size_t size)
{
	_cleanup_close_ int root = processes_open_root("/proc");
	_cleanup_free_ char *queues = NULL;
	struct queue_entry entry;
	struct process process;
	pid_t pid;
	int result;

	if (root < 0)
		return root;
	result = read_text(root, QUEUE_HOLDER_QUEUES, &queues);
	if (result || !queues)
		return result;
	result = queue_entry_find(queues, number, &entry);
	if (result < 0)
		return result;

	pid = find_process(root, entry.port);
	if (pid > 0 && process_read(root, pid, &process) == 0) {
		text_escape(target, size, process.comm, strnlen(process.comm, COMM_SIZE));
		text_append(target, size, " (pid %d)", (int)pid);
	} else {
		target[0] = '\0';
		text_append(target, size, "the owner of netlink port %" PRIu32, entry.port);
	}
	return 0;
}
