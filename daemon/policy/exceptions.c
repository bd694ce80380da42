// SPDX-License-Identifier: GPL-2.0-or-later
/* The owner's exceptions: kept in a file, looked up in constant time. */
#include "policy/exceptions.h"
#include "policy/administrator.h"
#include "policy/index.h"
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
 */

/**
 * struct generation - a set of rules and what is made from it
 * @rules: sorted by id, the daemon's own before the administrator's
 * @deny: index of those that deny
 * @allow: index of those that allow
 * @next: the daemon's next own id
 */
struct generation {
	struct rules rules;
	struct index *deny;
	struct index *allow;
	uint32_t next;
};

/**
 * struct exceptions - the store
 * @directory: of the daemon's own file
 * @administrator: folder of *.conf, "" for none
 * @failure: why the store is in the failed state, "" when it is not
 */
struct exceptions {
	char *directory;
	char *administrator;
	struct generation now;
	struct error failure;
};

static int generation_index(struct generation *generation)
{
	const struct rules *rules = &generation->rules;
	int ret = index_new(&generation->deny, rules->rule, rules->count, false);

	return ret < 0 ? ret : index_new(&generation->allow, rules->rule, rules->count, true);
}

/* Frees all but the rules themselves, which another generation may hold too. */
static void generation_release(struct generation *generation)
{
	index_free(generation->deny);
	index_free(generation->allow);
	free(generation->rules.rule);
	*generation = (struct generation){.next = 0};
}

static void generation_free(struct generation *generation)
{
	struct rules rules = generation->rules;

	generation->rules = (struct rules){.rule = NULL};
	generation_release(generation);
	rules_clear(&rules);
}

static void generation_replace(struct exceptions *exceptions, struct generation *next)
{
	generation_release(&exceptions->now);
	exceptions->now = *next;
	*next = (struct generation){.next = 0};
}

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

int exceptions_reload(struct exceptions *exceptions, uint64_t now_us)
{
	struct generation next = {.next = exceptions->now.next};
	struct error error = {.text = ""};
	int ret = read_files(exceptions, &next, now_us, &error);
	bool failed = ret < 0;

	if (failed && ret != -ENOMEM) /* no rule is in force */
		rules_clear(&next.rules);
	if (ret != -ENOMEM)
		ret = generation_index(&next);
	if (ret < 0) {
		generation_free(&next);
		return ret;
	}
	rules_clear(&exceptions->now.rules);
	generation_replace(exceptions, &next);
	exceptions->failure = failed ? error : (struct error){.text = ""};
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
	generation_replace(exceptions, next);
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

static int compare_id(const void *key, const void *element)
{
	uint32_t id = *(const uint32_t *)key, other = (*(struct exception *const *)element)->id;

	return (id > other) - (id < other);
}

static int check_removable(const struct rules *rules, uint32_t id, struct error *error)
{
	struct exception **found = NULL;

	if (rules->count)
		found = bsearch(&id, rules->rule, rules->count, sizeof(*found), compare_id);
	if (!found)
		return error_set(error, -ENOENT, "there is no exception %u", id);
	if ((*found)->file[0])
		return error_set(error, -EROFS,
				 "exception %u is the administrator's: remove it from %s", id,
				 (*found)->file);
	return 0;
}

static bool is_among(uint32_t id, const uint32_t *ids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (ids[i] == id)
			return true;
	return false;
}

/* Parts the present rules into those that stay and those that go; neither list owns them. */
static int part_rules(const struct rules *rules,
		      bool (*goes)(const struct exception *, const void *), const void *data,
		      struct rules *staying, struct rules *going)
{
	for (size_t i = 0; i < rules->count; i++) {
		int ret =
			rules_append(goes(rules->rule[i], data) ? going : staying, rules->rule[i]);

		if (ret < 0)
			return ret;
	}
	return 0;
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
		ret = check_removable(&exceptions->now.rules, ids[i], error);
	if (ret < 0)
		return ret;
	ret = part_rules(&exceptions->now.rules, goes_by_id, &list, &next.rules, &going);
	if (ret < 0)
		error_set(error, ret, "out of memory");
	else
		ret = commit(exceptions, &next, error);
	generation_release(&next);
	if (ret == 0)
		rules_clear(&going);
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

int exceptions_expire(struct exceptions *exceptions, uint64_t now_us, uint64_t *next_us)
{
	struct generation next = {.next = exceptions->now.next};
	struct rules going = {.rule = NULL};
	bool replaced;
	int ret;

	*next_us = 0;
	ret = part_rules(&exceptions->now.rules, goes_by_time, &now_us, &next.rules, &going);
	if (ret == 0 && going.count)
		ret = generation_index(&next);
	if (ret < 0 || !going.count) {
		*next_us = next_expiry(&exceptions->now.rules);
		generation_release(&next);
		free(going.rule);
		return ret;
	}
	generation_replace(exceptions, &next);
	*next_us = next_expiry(&exceptions->now.rules);
	ret = (int)going.count;
	if (going.rule[0]->id < ADMINISTRATOR_IDS) { /* sorted: one of the daemon's own at least */
		int written = store_write(exceptions->directory, &exceptions->now.rules,
					  exceptions->now.next, &replaced, NULL);

		if (written < 0)
			ret = written;
	}
	rules_clear(&going);
	return ret;
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
