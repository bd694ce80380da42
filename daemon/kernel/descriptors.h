/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a process holds open: sockets, tun/tap devices, virtual machines. */
#ifndef LHGUARD_KERNEL_DESCRIPTORS_H
#define LHGUARD_KERNEL_DESCRIPTORS_H

#include <stdint.h>
#include <sys/types.h>

/** enum socket_search - what process_holds_socket() found */
enum socket_search {
	SOCKET_HELD,
	SOCKET_NOT_HELD,
	SOCKET_SEARCH_CUT, /* the budget was used up before the end */
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
 * process_holds_tap() - does it hold the tun/tap device of this name ("iff:" in fdinfo)?
 * @netns: inode of the network namespace that the device has to be in, 0 for any
 * Return: 1, 0 or -errno. Reads all descriptors: not for the verdict path.
 */
int process_holds_tap(int root, pid_t pid, const char *interface, uint64_t netns);

/**
 * process_tap_netns() - the network namespace of the first tun/tap device that the process holds
 * Takes the descriptor by pidfd_getfd(2) and asks TUNGETDEVNETNS (linux/if_tun.h).
 * Return: 0 with @inode, -ENODEV when it holds none, or -errno. Not for the verdict path.
 */
int process_tap_netns(int root, pid_t pid, uint64_t *inode);

#endif
