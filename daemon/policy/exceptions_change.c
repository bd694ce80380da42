// SPDX-License-Identifier: GPL-2.0-or-later
/* What the owner changes among the exceptions: all of a change, or nothing. */
#include "policy/exceptions_private.h"
#include "policy/store.h"
#include "policy/timestamp.h"
#include "util/cleanup.h"

#include <errno.h>

static int refuse_when_failed(const struct exceptions *exceptions, struct error *error)
{
	if (!exceptions_failure(exceptions))
		return 0;
	return error_set(error, -EUCLEAN, "no exception can be changed until this is mended: %s",
			 exceptions->failure.text);
}

/* Writes the file and puts @next in force, or leaves both as they were. */
static int commit(struct exceptions *exceptions, struct generation *next, struct error *error)
{
	bool replaced = false;
	int ret = generation_index(next);

	if (ret < 0)
		return error_set(error, ret, "out of memory");
	ret = store_write(exceptions->directory, &next->rules, next->next, &replaced, error);
	if (ret < 0) {
		if (replaced) /* the folder would not go to the disk: put the old text back */
			store_write(exceptions->directory, &exceptions->now.rules,
				    exceptions->now.next, &replaced, NULL);
		return ret;
	}
	generation_replace(&exceptions->now, next);
	return 0;
}

int exceptions_add(struct exceptions *exceptions, const struct exception *exception, uint32_t *id,
		   struct error *error)
{
	struct generation next = {.next = exceptions->now.next + 1};
	_cleanup_free_ struct exception *rule = NULL;
	int ret = refuse_when_failed(exceptions, error);

	if (ret < 0)
		return ret;
	if (exceptions->now.rules.count >= EXCEPTIONS_MAX ||
	    exceptions->now.next >= ADMINISTRATOR_IDS)
		return error_set(error, -ENOSPC, "there are too many exceptions already");
	if (exception->expires_us >= TIMESTAMP_END_US || exception->created_us >= TIMESTAMP_END_US)
		return error_set(error, -EINVAL,
				 "an exception ends before the year 10000, or never");
	if (exception->source.type == SELECT_GUEST && !exception->guest_key[0])
		return error_set(error, -EINVAL, "guest:%u has no key", exception->source.guest);
	rule = malloc(sizeof(*rule));
	if (!rule)
		return error_set(error, -ENOMEM, "out of memory");
	*rule = *exception;
	rule->id = exceptions->now.next;
	rule->file[0] = '\0';
	rule->line = 0;
	rule->hits = 0;
	rule->used_us = 0;
	ret = rules_copy(&next.rules, &exceptions->now.rules);
	if (ret == 0)
		ret = rules_append(&next.rules, rule);
	if (ret < 0) {
		error_set(error, ret, "out of memory");
	} else {
		rules_sort(&next.rules);
		ret = commit(exceptions, &next, error);
	}
	generation_release(&next);
	if (ret == 0)
		*id = steal_pointer(&rule)->id;
	return ret;
}

static int check_removable(const struct generation *now, uint32_t id, struct error *error)
{
	const struct exception *found = generation_find(now, id);

	if (!found)
		return error_set(error, -ENOENT, "there is no exception %u", id);
	if (found->file[0])
		return error_set(error, -EROFS,
				 "exception %u is the administrator's: remove it from %s", id,
				 found->file);
	return 0;
}

static bool is_among(uint32_t id, const uint32_t *ids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (ids[i] == id)
			return true;
	return false;
}

struct id_list {
	const uint32_t *ids;
	size_t count;
};

static bool goes_by_id(const struct exception *rule, const void *data)
{
	const struct id_list *list = data;

	return is_among(rule->id, list->ids, list->count);
}

int exceptions_remove(struct exceptions *exceptions, const uint32_t *ids, size_t count,
		      struct error *error)
{
	struct generation next = {.next = exceptions->now.next};
	struct id_list list = {ids, count};
	struct rules going = {.rule = NULL};
	int ret = refuse_when_failed(exceptions, error);

	for (size_t i = 0; ret == 0 && i < count; i++)
		ret = check_removable(&exceptions->now, ids[i], error);
	if (ret < 0)
		return ret;
	ret = generation_part(&exceptions->now, goes_by_id, &list, &next.rules, &going);
	if (ret < 0)
		error_set(error, ret, "out of memory");
	else
		ret = commit(exceptions, &next, error);
	generation_release(&next);
	if (ret == 0) {
		exceptions_tell_ends(exceptions, &going);
		rules_clear(&going);
	}
	free(going.rule);
	return ret;
}
