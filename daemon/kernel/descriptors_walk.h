/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The walk through a process's descriptors; for descriptors.c and devices.c only. */
#ifndef LHGUARD_KERNEL_DESCRIPTORS_WALK_H
#define LHGUARD_KERNEL_DESCRIPTORS_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define NAME_LENGTH sizeof("2147483647")
#define WALK_MAX    65536 /* descriptors of one process that are looked at */

/* The walk's end: found, or no budget left. */
enum { WALK_FOUND = 1, WALK_CUT };

/* visit() looks at one link and returns non-zero to end the walk. */
typedef int (*descriptor_visit)(void *data, int directory, int number);

/** descriptors_open() - the folder of a process's descriptors; -ESRCH, or -errno. */
int descriptors_open(int root, pid_t pid);

/**
 * descriptors_walk() - visit all descriptors, at most WALK_MAX of them
 * Return: what @visit returned to end it, WALK_CUT when there were more, 0, or -errno.
 */
int descriptors_walk(int directory, descriptor_visit visit, void *data);

/** descriptors_link() - bytes of the link, without a NUL; @size of them: then there may be more. */
size_t descriptors_link(int directory, int number, char *link, size_t size);
bool descriptors_link_equals(int directory, int number, const char *target);

#endif
