/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Scope-bound release of descriptors and memory. */
#ifndef LHGUARD_UTIL_CLEANUP_H
#define LHGUARD_UTIL_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *pointer)
{
	int saved = errno;

	free(*(void **)pointer);
	errno = saved;
}

static inline void cleanup_close(const int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

static inline void cleanup_fclose(FILE **file)
{
	int saved = errno;

	if (*file)
		fclose(*file);
	errno = saved;
}

static inline void cleanup_closedir(DIR **dir)
{
	int saved = errno;

	if (*dir)
		closedir(*dir);
	errno = saved;
}

#define _cleanup_(function) __attribute__((cleanup(function)))
#define _cleanup_free_	    _cleanup_(cleanup_free)
#define _cleanup_close_	    _cleanup_(cleanup_close)
#define _cleanup_fclose_    _cleanup_(cleanup_fclose)
#define _cleanup_closedir_  _cleanup_(cleanup_closedir)

static inline void *steal_pointer_impl(void *pointer)
{
	void **from = pointer;
	void *value = *from;

	*from = NULL;
	return value;
}

/** steal_pointer() - take the value out of a _cleanup_ variable; the variable becomes NULL. */
#define steal_pointer(variable) ((__typeof__(*(variable)))steal_pointer_impl(variable))

/** steal_fd() - take the descriptor out of a _cleanup_close_ variable; it becomes -1. */
static inline int steal_fd(int *fd)
{
	int value = *fd;

	*fd = -1;
	return value;
}

#endif
