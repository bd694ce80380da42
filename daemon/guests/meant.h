/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Is a source's runtime one that there is, and if not, which is meant? No state. */
#ifndef LHGUARD_GUESTS_MEANT_H
#define LHGUARD_GUESTS_MEANT_H

struct catalogue;
struct error;

/**
 * meant_check() - does the catalogue know a runtime?
 * @runtime: its word
 * @name: what stands behind it, "" for nothing
 * Return: 0, or -EINVAL with @error, which says the nearest word.
 */
int meant_check(const struct catalogue *catalogue, const char *runtime, const char *name,
		struct error *error);

/**
 * meant_refuse() - -EINVAL with @error for a runtime that there is not
 * @instead: what to write, as "vm:devbox"; "" where that is not known
 */
int meant_refuse(const char *runtime, const char *instead, struct error *error);

#endif
