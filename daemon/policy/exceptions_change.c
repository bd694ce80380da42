// SPDX-License-Identifier: GPL-2.0-or-later
/* What the owner changes among the exceptions: all of a change, or nothing. */
#include "policy/exceptions_private.h"
#include "policy/store.h"
#include "policy/timestamp.h"
#include "util/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

int exceptions_refuse_when_failed(const struct exceptions *exceptions, struct error *error)
{
	if (!exceptions_failure(exceptions))
		return 0;
	return error_set(error, -EUCLEAN, "no exception can be changed until this is mended: %s",
			 exceptions->failure.text);
}

int exceptions_commit(struct exceptions *exceptions, struct generation *next, struct error *error)
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

static int check_rule(const struct exception *rule, struct error *error)
{
	if (rule->expires_us >= TIMESTAMP_END_US || rule->created_us >= TIMESTAMP_END_US)
		return error_set(error, -EINVAL,
				 "an exception ends before the year 10000, or never");
	if (rule->source.type == SELECT_GUEST && !rule->guest_key[0])
		return error_set(error, -EINVAL, "guest:%u has no key", rule->source.guest);
	return 0;
}

static int check_room(const struct exceptions *exceptions, struct error *error)
{
	if (exceptions->now.rules.count < EXCEPTIONS_MAX &&
	    exceptions->now.next < ADMINISTRATOR_IDS)
		return 0;
	return error_set(error, -ENOSPC, "there are too many exceptions already");
}

/* The daemon's own, which has not been used yet. */
static struct exception *new_rule(const struct exception *exception, uint32_t id)
{
	struct exception *rule = malloc(sizeof(*rule));

	if (!rule)
		return NULL;
	*rule = *exception;
	rule->id = id;
	rule->file[0] = '\0';
	rule->line = 0;
	rule->hits = 0;
	rule->used_us = 0;
	return rule;
}

int exceptions_add(struct exceptions *exceptions, const struct exception *exception, uint32_t *id,
		   struct error *error)
{
	struct generation next = {.next = exceptions->now.next + 1};
	_cleanup_free_ struct exception *rule = NULL;
	int ret = exceptions_refuse_when_failed(exceptions, error);

	if (ret == 0)
		ret = check_room(exceptions, error);
	if (ret == 0)
		ret = check_rule(exception, error);
	if (ret < 0 || !id)
		return ret;
	rule = new_rule(exception, exceptions->now.next);
	if (!rule)
		return error_set(error, -ENOMEM, "out of memory");
	ret = rules_copy(&next.rules, &exceptions->now.rules);
	if (ret == 0)
		ret = rules_append(&next.rules, rule);
	if (ret < 0) {
		error_set(error, ret, "out of memory");
	} else {
		rules_sort(&next.rules);
		ret = exceptions_commit(exceptions, &next, error);
	}
	generation_release(&next);
	if (ret == 0)
		*id = steal_pointer(&rule)->id;
	return ret;
}

static int check_own(const struct generation *now, uint32_t id, struct error *error)
{
	const struct exception *found = generation_find(now, id);

	if (!found)
		return error_set(error, -ENOENT, "there is no exception %u", id);
	if (found->file[0])
		return error_set(error, -EROFS,
				 "exception %u is the administrator's: change it in %s", id,
				 found->file);
	return 0;
}

/* @rule: stands for the one with its id */
static int replace_rule(struct exceptions *exceptions, struct exception *rule, struct error *error)
{
	struct generation next = {.next = exceptions->now.next};
	int ret = rules_copy(&next.rules, &exceptions->now.rules);

	if (ret < 0)
		error_set(error, ret, "out of memory");
	for (size_t i = 0; ret == 0 && i < next.rules.count; i++)
		if (next.rules.rule[i]->id == rule->id)
			next.rules.rule[i] = rule;
	if (ret == 0)
		ret = exceptions_commit(exceptions, &next, error);
	generation_release(&next);
	return ret;
}

int exceptions_edit(struct exceptions *exceptions, const struct exception *exception,
		    bool is_dry_run, struct error *error)
{
	struct exception *old = generation_find(&exceptions->now, exception->id);
	_cleanup_free_ struct exception *rule = NULL;
	int ret = exceptions_refuse_when_failed(exceptions, error);

	if (ret == 0)
		ret = check_own(&exceptions->now, exception->id, error);
	if (ret == 0)
		ret = check_rule(exception, error);
	if (ret < 0 || is_dry_run)
		return ret;
	rule = new_rule(exception, exception->id);
	if (!rule)
		return error_set(error, -ENOMEM, "out of memory");
	if (exception_is_same(old, rule)) {
		rule->hits = old->hits;
		rule->used_us = old->used_us;
	}
	ret = replace_rule(exceptions, rule, error);
	if (ret < 0)
		return ret;
	if (!exception_is_same(old, steal_pointer(&rule)))
		exceptions_tell_ends(exceptions, &(struct rules){.rule = &old, .count = 1});
	free(old);
	return 0;
}

static bool is_among(uint32_t id, const uint32_t *ids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (ids[i] == id)
			return true;
	return false;
}

static bool is_meant(const struct exception *rule, const struct removal *removal)
{
	if (removal->ids)
		return is_among(rule->id, removal->ids, removal->count);
	if (removal->source)
		return selector_equal(&rule->source, removal->source);
	return exception_is_expired(rule, removal->now_us);
}

static bool goes(const struct exception *rule, const void *data)
{
	return !rule->file[0] && is_meant(rule, data);
}

static int check_ids(const struct generation *now, const struct removal *removal,
		     struct error *error)
{
	int ret = 0;

	for (size_t i = 0; removal->ids && ret == 0 && i < removal->count; i++)
		ret = check_own(now, removal->ids[i], error);
	return ret;
}

/* What has expired while no daemon ran is not in memory, but in the file until that is written. */
static int read_stale(const struct exceptions *exceptions, uint64_t now_us, struct rules *stale,
		      struct error *error)
{
	_cleanup_free_ char *path = NULL;
	struct rules file = {.rule = NULL};
	uint32_t next;
	int ret;

	if (asprintf(&path, "%s/%s", exceptions->directory, STORE_FILE) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	ret = rules_read(path, &file, &next, error);
	for (size_t i = 0; ret == 0 && i < file.count; i++) {
		if (!exception_is_expired(file.rule[i], now_us) ||
		    generation_find(&exceptions->now, file.rule[i]->id))
			continue;
		ret = rules_append(stale, file.rule[i]);
		if (ret == 0)
			file.rule[i] = NULL;
	}
	rules_clear(&file);
	return ret == -ENOENT ? 0 : ret;
}

static void copy_removed(struct removed *removed, const struct rules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		removed->rule[removed->count++] = *rules->rule[i];
}

static void count_kept(const struct rules *rules, const struct removal *removal,
		       struct removed *removed)
{
	for (size_t i = 0; i < rules->count; i++) {
		if (!is_meant(rules->rule[i], removal))
			continue;
		if (!removed->kept++)
			removed->kept_rule = rules->rule[i];
	}
}

/* @next: with those that stay */
static int remove_rules(struct exceptions *exceptions, struct generation *next,
			const struct rules *going, const struct rules *stale,
			struct removed *removed, struct error *error)
{
	int ret;

	if (!going->count && !stale->count)
		return 0;
	removed->rule = calloc(going->count + stale->count, sizeof(*removed->rule));
	if (!removed->rule)
		return error_set(error, -ENOMEM, "out of memory");
	copy_removed(removed, going);
	copy_removed(removed, stale);
	ret = exceptions_commit(exceptions, next, error);
	if (ret < 0) {
		free(removed->rule);
		*removed = (struct removed){.rule = NULL};
	}
	return ret;
}

int exceptions_remove(struct exceptions *exceptions, const struct removal *removal,
		      struct removed *removed, struct error *error)
{
	struct generation next = {.next = exceptions->now.next};
	struct rules going = {.rule = NULL}, stale = {.rule = NULL};
	int ret = exceptions_refuse_when_failed(exceptions, error);

	*removed = (struct removed){.rule = NULL};
	if (ret == 0)
		ret = check_ids(&exceptions->now, removal, error);
	if (ret == 0 && removal->now_us)
		ret = read_stale(exceptions, removal->now_us, &stale, error);
	if (ret < 0)
		goto out;
	ret = generation_part(&exceptions->now, goes, removal, &next.rules, &going);
	if (ret < 0)
		error_set(error, ret, "out of memory");
	else
		ret = remove_rules(exceptions, &next, &going, &stale, removed, error);
	if (ret == 0)
		count_kept(&exceptions->now.rules, removal, removed);
	if (ret == 0 && going.count) {
		exceptions_tell_ends(exceptions, &going);
		rules_clear(&going);
	}
out:
	generation_release(&next);
	free(going.rule);
	rules_clear(&stale);
	return ret;
}
