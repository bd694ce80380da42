// SPDX-License-Identifier: GPL-2.0-or-later
/* The owner's exceptions: kept in a file, looked up in constant time. */
#include "policy/exceptions_private.h"
#include "policy/administrator.h"
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

static void tell_end(const struct exceptions *exceptions, const struct exception *rule)
{
	if (exceptions->ended)
		exceptions->ended(exceptions->ended_data, rule);
}

void exceptions_tell_ends(const struct exceptions *exceptions, const struct rules *gone)
{
	for (size_t i = 0; i < gone->count; i++)
		tell_end(exceptions, gone->rule[i]);
}

static void drop_expired(struct rules *rules, uint64_t now_us)
{
	size_t kept = 0;

	for (size_t i = 0; i < rules->count; i++) {
		if (exception_is_expired(rules->rule[i], now_us))
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

/* Of the rules before a reload, those that the files no longer have. */
static void tell_missing(const struct exceptions *exceptions, const struct rules *before)
{
	for (size_t i = 0; i < before->count; i++) {
		const struct exception *rule = before->rule[i];
		const struct exception *now = generation_find(&exceptions->now, rule->id);

		if (!now || !exception_is_same(rule, now))
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

void exceptions_on_end(struct exceptions *exceptions,
		       void (*ended)(void *data, const struct exception *exception), void *data)
{
	exceptions->ended = ended;
	exceptions->ended_data = data;
}

void exceptions_on_pin(struct exceptions *exceptions,
		       bool (*holds)(void *data, const struct exception *rule,
				     const struct flow *flow),
		       void *data)
{
	exceptions->pins = (struct pin_holder){holds, data};
}

const struct exception *exceptions_match(const struct exceptions *exceptions,
					 const struct flow *flow, const struct source *source,
					 uint64_t now_us)
{
	const struct exception *found = NULL;

	for (int sort = 0; !found && sort < RULE_SORT_COUNT; sort++)
		found = index_match(exceptions->now.index[sort], flow, source, now_us,
				    &exceptions->pins, NULL);
	return found;
}

/**
 * struct match_search - for all exceptions that say something of one connection
 */
struct match_search {
	const struct exceptions *exceptions;
	const struct flow *flow;
	const struct source *source;
	uint64_t now_us;
	int (*visit)(void *data, const struct exception *exception);
	void *data;
};

static int visit_match(void *data, const struct exception *exception)
{
	const struct match_search *search = data;

	if (!exception_decides(exception, search->flow, search->source, search->now_us,
			       &search->exceptions->pins))
		return 0;
	return search->visit(search->data, exception);
}

int exceptions_each_match(const struct exceptions *exceptions, const struct flow *flow,
			  const struct source *source, uint64_t now_us,
			  int (*visit)(void *data, const struct exception *exception), void *data)
{
	struct match_search search = {exceptions, flow, source, now_us, visit, data};

	return exceptions_each(exceptions, visit_match, &search);
}

void exceptions_spend(struct exceptions *exceptions, uint32_t id)
{
	struct exception *rule = generation_find(&exceptions->now, id);

	if (!rule || !rule->once || rule->is_spent)
		return;
	rule->is_spent = true;
	exceptions->spent++;
}

void exceptions_used(struct exceptions *exceptions, uint32_t id, bool is_new, uint64_t now_us)
{
	struct exception *rule = generation_find(&exceptions->now, id);

	if (!rule)
		return;
	rule->hits += is_new;
	rule->used_us = now_us;
}

size_t exceptions_count(const struct exceptions *exceptions)
{
	return exceptions->now.rules.count;
}

const struct exception *exceptions_find(const struct exceptions *exceptions, uint32_t id)
{
	return generation_find(&exceptions->now, id);
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
