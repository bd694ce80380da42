/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The mute list: pairs of guest and service that a person wants no alerts about. It lasts. */
#ifndef LHGUARD_NOTIFY_MUTES_H
#define LHGUARD_NOTIFY_MUTES_H

#include "util/error.h"

#include <stdbool.h>
#include <stddef.h>

#define MUTES_MAX	1000
#define MUTES_ALL	0
#define MUTES_FILE_NAME "muted"

struct mutes;

/**
 * mutes_new() - the list that is kept in a folder, which need not be there
 * Return: NULL when memory is short. Nothing is read yet.
 */
struct mutes *mutes_new(const char *folder);
void mutes_free(struct mutes *mutes);

/** mutes_load() - read the list; lines that are none are left out. Return: 0, also without a file. */
int mutes_load(struct mutes *mutes, struct error *error);

bool mutes_have(const struct mutes *mutes, const char *label, const char *service);

/**
 * mutes_add() - put a pair on the list, as it is in the file now, and keep it
 * Return: its number, from 1, or -errno; -ENOSPC with MUTES_MAX on it.
 */
int mutes_add(struct mutes *mutes, const char *label, const char *service, struct error *error);

/** mutes_remove() - take one, or MUTES_ALL, off it. Return: 0, -ENOENT where there is no such one. */
int mutes_remove(struct mutes *mutes, size_t number, struct error *error);

size_t mutes_count(const struct mutes *mutes);

/** mutes_line() - number @number, from 1, as it is in the file: printable */
const char *mutes_line(const struct mutes *mutes, size_t number);

#endif
