/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files exceptions*.c share, and nobody else. */
#ifndef LHGUARD_POLICY_EXCEPTIONS_PRIVATE_H
#define LHGUARD_POLICY_EXCEPTIONS_PRIVATE_H

#include "policy/exceptions.h"
#include "policy/generation.h"

/**
 * struct exceptions - the store
 * @directory: of the daemon's own file
 * @administrator: folder of *.conf, "" for none
 * @failure: why the store is in the failed state, "" when it is not
 * @spent: how many rules wait for exceptions_forget_spent()
 * @pins: for pinned rules
 * @ended: told of each exception that ended, may be NULL
 * @ended_data: for @ended
 */
struct exceptions {
	char *directory;
	char *administrator;
	struct generation now;
	struct error failure;
	size_t spent;
	struct pin_holder pins;
	void (*ended)(void *data, const struct exception *exception);
	void *ended_data;
};

/** exception_is_expired() - is it past its time? */
static inline bool exception_is_expired(const struct exception *rule, uint64_t now_us)
{
	return rule->expires_us && rule->expires_us <= now_us;
}

/* Of exceptions_change.c */
int exceptions_refuse_when_failed(const struct exceptions *exceptions, struct error *error);

/**
 * exceptions_commit() - write the file and put @next in force, or leave both as they were
 * Return: 0 or -errno with @error.
 */
int exceptions_commit(struct exceptions *exceptions, struct generation *next, struct error *error);

/** exceptions_tell_ends() - tell whoever wants to know that these have ended */
void exceptions_tell_ends(const struct exceptions *exceptions, const struct rules *gone);

#endif
