/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long an array is. */
#ifndef LHGUARD_UTIL_ARRAY_H
#define LHGUARD_UTIL_ARRAY_H

#include <assert.h>

/* 0, or no compilation: of a pointer the division below would be any number. */
#define ARRAY_CHECK(array)                                                                         \
	(0 * sizeof(struct {                                                                       \
		 static_assert(!__builtin_types_compatible_p(__typeof__(array),                    \
							     __typeof__(&(array)[0])),             \
			       "an array, no pointer");                                            \
		 char unused;                                                                      \
	 }))

/** ARRAY_SIZE() - the number of an array's elements, a constant */
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]) + ARRAY_CHECK(array))

#endif
