/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon's own file of exceptions: written whole or not at all. */
#ifndef LHGUARD_POLICY_STORE_H
#define LHGUARD_POLICY_STORE_H

#include "policy/rules.h"

#define STORE_FILE "exceptions.conf"

/**
 * store_write() - replace STORE_FILE in @directory
 * @rules: those that are not the administrator's are written
 * @replaced: the new file stands in the old one's place, though it may not survive a loss of power
 *	when there was an error
 *
 * Temporary file, fsync, rename, fsync of the folder; a file left behind by a crash is replaced.
 * Return: 0 or -errno with @error.
 */
int store_write(const char *directory, const struct rules *rules, uint32_t next, bool *replaced,
		struct error *error);

/** store_clean() - remove what a crash while writing left behind. */
void store_clean(const char *directory);

#endif
