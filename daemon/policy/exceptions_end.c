// SPDX-License-Identifier: GPL-2.0-or-later
/* What makes exceptions end by themselves: their time, their one connection, and their guest. */
#include "policy/exceptions_private.h"
#include "policy/store.h"

#include <stdlib.h>

static bool goes_by_time(const struct exception *rule, const void *data)
{
	return exception_is_expired(rule, *(const uint64_t *)data);
}

static uint64_t next_expiry(const struct rules *rules)
{
	uint64_t earliest = 0;

	for (size_t i = 0; i < rules->count; i++) {
		uint64_t expires = rules->rule[i]->expires_us;

		if (expires && (!earliest || expires < earliest))
			earliest = expires;
	}
	return earliest;
}

/*
 * Puts those that @goes does not hold for in force, and writes the file.
 * Return: how many have gone, or -errno from writing (they are out of force all the same).
 */
static int end_rules(struct exceptions *exceptions,
		     bool (*goes)(const struct exception *rule, const void *data), const void *data)
{
	struct generation next = {.next = exceptions->now.next};
	struct rules going = {.rule = NULL};
	bool replaced;
	int ret = generation_part(&exceptions->now, goes, data, &next.rules, &going);

	if (ret == 0 && going.count)
		ret = generation_index(&next);
	if (ret < 0 || !going.count) {
		generation_release(&next);
		free(going.rule);
		return ret;
	}
	generation_replace(&exceptions->now, &next);
	ret = (int)going.count;
	if (going.rule[0]->id < ADMINISTRATOR_IDS) { /* sorted: one of the daemon's own at least */
		int written = store_write(exceptions->directory, &exceptions->now.rules,
					  exceptions->now.next, &replaced, NULL);

		if (written < 0)
			ret = written;
	}
	exceptions_tell_ends(exceptions, &going);
	rules_clear(&going);
	return ret;
}

int exceptions_expire(struct exceptions *exceptions, uint64_t now_us, uint64_t *next_us)
{
	int ret = end_rules(exceptions, goes_by_time, &now_us);

	*next_us = next_expiry(&exceptions->now.rules);
	return ret;
}

static bool goes_when_spent(const struct exception *rule, const void *data)
{
	return rule->is_spent;
}

int exceptions_forget_spent(struct exceptions *exceptions)
{
	struct generation next = {.next = exceptions->now.next};
	struct rules going = {.rule = NULL};
	int ret;

	if (!exceptions->spent)
		return 0;
	exceptions->spent =
		0; /* where this fails it is tried again with the next one that is spent */
	ret = generation_part(&exceptions->now, goes_when_spent, NULL, &next.rules, &going);
	/* What cannot be taken out of the file stays, so that a reload finds it spent. */
	if (ret == 0 && going.count)
		ret = exceptions_commit(exceptions, &next, NULL);
	generation_release(&next);
	if (ret == 0) {
		ret = (int)going.count;
		exceptions_tell_ends(exceptions, &going);
		rules_clear(&going);
	}
	free(going.rule);
	return ret;
}

static bool goes_with_guest(const struct exception *rule, const void *data)
{
	const struct guest_finder *finder = data;

	if (!rule->guest_key[0] || (!rule->guest && !finder->settled))
		return false;
	return !finder->find(finder->data, rule);
}

/* Puts what has found its guest by now into force; or all of that waits on. */
static int bind_found(struct exceptions *exceptions, const struct guest_finder *finder,
		      size_t *waiting)
{
	struct generation next = {.next = exceptions->now.next};
	struct rules found = {.rule = NULL};
	int ret = generation_bind(&exceptions->now, finder, &found, waiting);

	if (found.count && ret == 0)
		ret = rules_copy(&next.rules, &exceptions->now.rules);
	if (found.count && ret == 0)
		ret = generation_index(&next);
	if (found.count && ret == 0)
		generation_replace(&exceptions->now, &next);
	if (ret < 0) {
		generation_unbind(&found);
		*waiting += found.count;
	}
	generation_release(&next);
	free(found.rule);
	return ret;
}

int exceptions_follow_guests(struct exceptions *exceptions, const struct guest_finder *finder,
			     size_t *waiting)
{
	int ret = 0, gone;

	*waiting = 0;
	if (!exceptions->now.bound)
		return 0;
	gone = end_rules(exceptions, goes_with_guest, finder);
	if (exceptions->now.bound)
		ret = bind_found(exceptions, finder, waiting);
	return gone < 0 ? gone : ret < 0 ? ret : gone;
}
