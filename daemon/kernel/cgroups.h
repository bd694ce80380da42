/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a cgroup2 id to its path, without a walk. */
#ifndef LHGUARD_KERNEL_CGROUPS_H
#define LHGUARD_KERNEL_CGROUPS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CGROUP_PATH_SIZE 4096 /* PATH_MAX: a guest may nest its own cgroups deep */

/**
 * cgroups_open() - find the cgroup2 mount (also in a hybrid hierarchy) from a mountinfo file
 * @mountinfo: "/proc/self/mountinfo", or a test's
 * @fd: receives an O_PATH-less directory descriptor of the mount, for cgroups_path()
 * Return: 0 or -errno, -ENOENT when no cgroup2 is mounted.
 */
int cgroups_open(const char *mountinfo, int *fd);

/**
 * cgroups_find_mount() - the mount point of cgroup2 in a mountinfo file; pure but for reading it
 * Return: 0 or -errno. Octal escapes (\040) are undone.
 */
int cgroups_find_mount(const char *mountinfo, char *path, size_t size);

/**
 * cgroups_path() - the path of a cgroup below the mount, e.g. "/machine.slice/libpod-….scope"
 * @fd: of cgroups_open()
 * @id: inode number of its directory (INET_DIAG_CGROUP_ID)
 *
 * open_by_handle_at(2) with a kernfs handle: constant cost, needs CAP_DAC_READ_SEARCH.
 *
 * Return: 0, -ESTALE when the cgroup is gone, -EXDEV when it lies outside what is mounted (a cgroup
 * namespace, or a mount of a part of the hierarchy), or -errno.
 */
int cgroups_path(int fd, uint64_t id, char *path, size_t size);

/**
 * cgroups_id() - the id of a path below the mount
 * Return: 0, -EXDEV when the path leaves the mount, or -errno.
 */
int cgroups_id(int fd, const char *path, uint64_t *id);

/**
 * cgroups_fingerprint() - a number that changes when cgroups come or go
 * Not for certain: one that goes while another comes may hide it.
 * Return: 0 or -errno.
 */
int cgroups_fingerprint(int fd, uint64_t *fingerprint);

/**
 * cgroups_each_process() - visit the processes of one cgroup, in the kernel's order: the newest last
 * @most: visited; then it ends
 * @visit: returns non-zero to end it
 * Return: 0, what @visit returned, -E2BIG when there are more than @most, -ESTALE when the cgroup is
 * gone, -EOPNOTSUPP when it is threaded, or -errno. Constant memory; no allocation.
 */
int cgroups_each_process(int fd, uint64_t id, size_t most, int (*visit)(void *data, pid_t pid),
			 void *data);

/**
 * cgroups_processes() - the same as an array
 * @pids: receives at most @size of them
 * Return: how many, 0 also when it cannot be read.
 */
size_t cgroups_processes(int fd, uint64_t id, pid_t *pids, size_t size);

#endif
