/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which programs and libraries a process runs code of. */
#ifndef LHGUARD_KERNEL_MAPPINGS_H
#define LHGUARD_KERNEL_MAPPINGS_H

#include <stdbool.h>
#include <sys/types.h>

/**
 * process_each_library() - the files that a process has mapped to run them
 * @visit: called with the path of each executable mapping of a file, as proc_pid_maps(5) writes it,
 *	and once for those of one file in a row; returns true to end the search
 *
 * Reads at most MAPPINGS_BYTES_MAX bytes of /proc/PID/maps, and waits for whoever changes the
 * process's memory map, as long as patient_call() does: not for the verdict path.
 *
 * Return: 1 when @visit ended it, 0, or -errno.
 */
int process_each_library(int root, pid_t pid, bool (*visit)(void *data, const char *path),
			 void *data);

#define MAPPINGS_BYTES_MAX (4 * 1024 * 1024)

#endif
