/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a process holds open: sockets and files. */
#ifndef LHGUARD_KERNEL_DESCRIPTORS_H
#define LHGUARD_KERNEL_DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/** enum socket_search - what process_holds_socket() found */
enum socket_search {
	SOCKET_HELD,
	SOCKET_NOT_HELD,
	SOCKET_SEARCH_CUT, /* the budget was used up before the end */
	SOCKET_HOLDER_ENDS, /* it has no descriptor, or no more: it ends, and its sockets may outlive these */
};

/**
 * process_holds_socket() - does the process have a descriptor of this socket?
 * @inode: of struct socket_info
 * @hint: descriptor to try first, and where the socket was found; -1 for none
 * @budget: links that may be read, decreased by those that were
 */
enum socket_search process_holds_socket(int root, pid_t pid, uint32_t inode, int *hint,
					unsigned int *budget);

/**
 * process_may_hold_inet() - does the process have sockets that packets come from?
 * Not of the families that have none (AF_UNIX, AF_NETLINK). Whoever shows no descriptor at all, or very many,
 * may have one; who has ended has none.
 */
bool process_may_hold_inet(int root, pid_t pid);

/**
 * process_open_path() - the path of a file that the process has open, by how it ends
 * @path: as the process sees it, whole
 * Return: 0, -ENOENT when there is none, or -errno. Reads all descriptors: not for the verdict path.
 */
int process_open_path(int root, pid_t pid, const char *end, char *path, size_t size);

/**
 * process_sockets() - the sockets that a process holds
 * @first: descriptors below this number are left out
 * @inodes: receives at most @size of them, in no order
 * Return: how many there are, which may be more than @size, or -errno. Not for the verdict path.
 */
ssize_t process_sockets(int root, pid_t pid, int first, uint32_t *inodes, size_t size);

#endif
