// SPDX-License-Identifier: GPL-2.0-or-later
/* The owner's exceptions: kept in a file, looked up in constant time. */
#include "policy/exceptions.h"
#include "policy/administrator.h"
#include "policy/generation.h"
#include "policy/store.h"
#include "policy/timestamp.h"
#include "util/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/**
 * DOC: Theory of Operation
 *
 * The rules in force, their indexes and the next id are one generation. A change builds the
 * generation that is to follow out of the present one's rules, writes the file, and only then puts
 * the new one in the old one's place; so whatever fails on the way leaves memory as it was. Readers
 * (exceptions_match()) only ever see whole generations.
 *
 * An exception that ends with its guest is bound to it. In memory that is the guest's id, which the
 * registry never uses again; the file keeps the guest's key, from which the id is found after a
 * start. Once bound it is followed by id alone: a guest that comes back under the same key has
 * another id, and the exception has ended.
 */

/**
 * struct exceptions - the store
 * @directory: of the daemon's own file
 * @administrator: folder of *.conf, "" for none
 * @failure: why the store is in the failed state, "" when it is not
 * @ended: told of each exception that ended, may be NULL
 * @ended_data: for @ended
 */
struct exceptions {
	char *directory;
	char *administrator;
	struct generation now;
	struct error failure;
	void (*ended)(void *data, const struct exception *exception);
	void *ended_data;
};

static bool is_expired(const struct exception *rule, uint64_t now_us)
{
	return rule->expires_us && rule->expires_us <= now_us;
}

static void drop_expired(struct rules *rules, uint64_t now_us)
{
	size_t kept = 0;

	for (size_t i = 0; i < rules->count; i++) {
		if (is_expired(rules->rule[i], now_us))
			free(rules->rule[i]);
		else
			rules->rule[kept++] = rules->rule[i];
	}
	rules->count = kept;
}

/* @generation: empty, with the lowest next id that will do */
static int read_files(const struct exceptions *exceptions, struct generation *generation,
		      uint64_t now_us, struct error *error)
{
	_cleanup_free_ char *path = NULL;
	uint32_t next = 1;
	int ret;

	if (mkdir(exceptions->directory, 0700) < 0 && errno != EEXIST)
		return error_set(error, -errno, "%s: %m", exceptions->directory);
	store_clean(exceptions->directory);
	if (asprintf(&path, "%s/%s", exceptions->directory, STORE_FILE) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	ret = rules_read(path, &generation->rules, &next, error);
	if (ret < 0 && ret != -ENOENT)
		return ret;
	if (next > generation->next)
		generation->next = next;
	ret = 0;
	if (exceptions->administrator[0])
		ret = administrator_read(exceptions->administrator, &generation->rules, error);
	if (ret == 0)
		drop_expired(&generation->rules, now_us);
	return ret;
}

static void tell_end(const struct exceptions *exceptions, const struct exception *rule)
{
	if (exceptions->ended)
		exceptions->ended(exceptions->ended_data, rule);
}

static void tell_ends(const struct exceptions *exceptions, const struct rules *gone)
{
	for (size_t i = 0; i < gone->count; i++)
		tell_end(exceptions, gone->rule[i]);
}

/* Does the rule still say what it said? */
static bool is_same(const struct exception *a, const struct exception *b)
{
	return a->allow == b->allow && service_equal(&a->service, &b->service) &&
	       !strcmp(a->guest_key, b->guest_key) && selector_equal(&a->source, &b->source);
}

/* Of the rules before a reload, those that the files no longer have. */
static void tell_missing(const struct exceptions *exceptions, const struct rules *before)
{
	for (size_t i = 0; i < before->count; i++) {
		const struct exception *rule = before->rule[i];
		const struct exception *now = generation_find(&exceptions->now, rule->id);

		if (!now || !is_same(rule, now))
			tell_end(exceptions, rule);
	}
}

int exceptions_reload(struct exceptions *exceptions, uint64_t now_us)
{
	struct generation next = {.next = exceptions->now.next};
	struct rules before = exceptions->now.rules;
	struct error error = {.text = ""};
	int ret = read_files(exceptions, &next, now_us, &error);
	bool failed = ret < 0;

	if (failed && ret != -ENOMEM) /* no rule is in force */
		rules_clear(&next.rules);
	generation_adopt(&next, &exceptions->now);
	if (ret != -ENOMEM)
		ret = generation_index(&next);
	if (ret < 0) {
		generation_free(&next);
		return ret;
	}
	exceptions->now.rules = (struct rules){.rule = NULL};
	generation_replace(&exceptions->now, &next);
	exceptions->failure = failed ? error : (struct error){.text = ""};
	if (!failed)
		tell_missing(exceptions, &before);
	rules_clear(&before);
	return 0;
}

int exceptions_open(struct exceptions **exceptions, const char *directory,
		    const char *administrator, uint64_t now_us)
{
	struct exceptions *new = calloc(1, sizeof(*new));

	if (!new)
		return -ENOMEM;
	new->now.next = 1;
	new->directory = strdup(directory);
	new->administrator = strdup(administrator ? administrator : "");
	if (!new->directory || !new->administrator || exceptions_reload(new, now_us) < 0) {
		exceptions_close(new);
		return -ENOMEM;
	}
	*exceptions = new;
	return 0;
}

void exceptions_close(struct exceptions *exceptions)
{
	if (!exceptions)
		return;
	generation_free(&exceptions->now);
	free(exceptions->directory);
	free(exceptions->administrator);
	free(exceptions);
}

const char *exceptions_failure(const struct exceptions *exceptions)
{
	return exceptions->failure.text[0] ? exceptions->failure.text : NULL;
}

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

static int copy_rules(struct rules *target, const struct rules *source)
{
	for (size_t i = 0; i < source->count; i++) {
		int ret = rules_append(target, source->rule[i]);

		if (ret < 0)
			return ret;
	}
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
	ret = copy_rules(&next.rules, &exceptions->now.rules);
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

static bool goes_by_time(const struct exception *rule, const void *data)
{
	return is_expired(rule, *(const uint64_t *)data);
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
		tell_ends(exceptions, &going);
		rules_clear(&going);
	}
	free(going.rule);
	return ret;
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
	tell_ends(exceptions, &going);
	rules_clear(&going);
	return ret;
}

int exceptions_expire(struct exceptions *exceptions, uint64_t now_us, uint64_t *next_us)
{
	int ret = end_rules(exceptions, goes_by_time, &now_us);

	*next_us = next_expiry(&exceptions->now.rules);
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
		ret = copy_rules(&next.rules, &exceptions->now.rules);
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

void exceptions_on_end(struct exceptions *exceptions,
		       void (*ended)(void *data, const struct exception *exception), void *data)
{
	exceptions->ended = ended;
	exceptions->ended_data = data;
}

const struct exception *exceptions_match(const struct exceptions *exceptions,
					 const struct flow *flow, const struct source *source,
					 uint64_t now_us)
{
	const struct exception *deny =
		index_match(exceptions->now.deny, flow, source, now_us, NULL);

	return deny ? deny : index_match(exceptions->now.allow, flow, source, now_us, NULL);
}

size_t exceptions_count(const struct exceptions *exceptions)
{
	return exceptions->now.rules.count;
}

int exceptions_each(const struct exceptions *exceptions,
		    int (*visit)(void *data, const struct exception *exception), void *data)
{
	for (size_t i = 0; i < exceptions->now.rules.count; i++) {
		int ret = visit(data, exceptions->now.rules.rule[i]);

		if (ret)
			return ret;
	}
	return 0;
}
