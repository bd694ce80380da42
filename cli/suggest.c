// SPDX-License-Identifier: GPL-2.0-or-later
/* The verb that suggests exceptions: what guests tried, and what would have let just that through. */
#include "entries.h"
#include "events.h"
#include "excepted.h"
#include "output.h"
#include "prose.h"
#include "ring.h"
#include "suggestions.h"
#include "verbs.h"
#include "words.h"

#include "policy/exceptions.h"
#include "policy/timestamp.h"
#include "util/clock.h"
#include "util/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEFAULT_AGE_US (86400 * 1000000ULL)
#define KEY_SIZE       1024

/**
 * struct collection - what has been seen
 * @seen: @count of them, @room for more; attempts of one source to one service are one
 * @index: number in @seen by key_of()
 * @allowed: @denied: attempts that an exception is about already
 */
struct collection {
	const struct query *query;
	struct excepted *excepted;
	struct seen *seen;
	size_t count, room;
	json_t *index;
	uint64_t allowed, denied;
};

/* All by which attempts of different sources can be told apart, and the service. */
static const char *key_of(char *key, const struct attempt *attempt)
{
	const struct source *source = &attempt->source;
	char address[INET6_ADDRSTRLEN];

	snprintf(key, KEY_SIZE, "%d %d %d %u %s %s %s %d %s %u %s", source->class, source->kind,
		 source->shared, source->guest, source->runtime, source->conduit, source->interface,
		 attempt->flow.protocol,
		 address_format(address, sizeof(address), &attempt->flow.service),
		 attempt->flow.service_port, source->name);
	return key;
}

/* Return: the one with this key, or NULL. */
static struct seen *find(struct collection *collection, const char *key)
{
	json_t *number = json_object_get(collection->index, key);

	return number ? &collection->seen[json_integer_value(number)] : NULL;
}

static struct seen *add(struct collection *collection, const char *key)
{
	if (collection->count == collection->room) {
		collection->room = collection->room ? 2 * collection->room : 64;
		collection->seen =
			realloc(collection->seen, collection->room * sizeof(*collection->seen));
		if (!collection->seen)
			abort();
	}
	json_object_set_new(collection->index, key, json_integer((json_int_t)collection->count));
	return &collection->seen[collection->count++];
}

/* Of a source that no exception can name, or not yet: a later version's. */
static bool has_selector(struct selector *selector, const json_t *event,
			 const struct source *source)
{
	char word[WORD_SIZE];

	source_word(word, sizeof(word), json_object_get(event, "source"));
	return !selector_parse(word, selector, NULL) && selector_matches(selector, source);
}

static void count_seen(struct collection *collection, const struct attempt *attempt,
		       const struct selector *selector)
{
	char key[KEY_SIZE];
	struct seen *seen = find(collection, key_of(key, attempt));

	if (!seen) {
		seen = add(collection, key);
		*seen = (struct seen){
			.source = attempt->source, .flow = attempt->flow, .selector = *selector};
		text_copy(seen->program, sizeof(seen->program), attempt->program);
	}
	seen->attempts++;
	if (attempt->last_us > seen->last_us)
		seen->last_us = attempt->last_us;
	if (strcmp(seen->program, attempt->program))
		seen->program[0] = '\0';
}

static void collect(void *data, json_t *event)
{
	struct collection *collection = data;
	struct attempt attempt;
	struct selector selector;

	if (!event_is_allowable(event) || !event_read(&attempt, event) ||
	    attempt.last_us < collection->query->since_us ||
	    !filter_matches(&collection->query->filter, event) ||
	    !has_selector(&selector, event, &attempt.source))
		return;
	switch (excepted_match(collection->excepted, &attempt.flow, &attempt.source)) {
	case EXCEPTED_ALLOWED:
		collection->allowed++;
		break;
	case EXCEPTED_DENIED:
		collection->denied++;
		break;
	case EXCEPTED_NOT:
		count_seen(collection, &attempt, &selector);
		break;
	}
}

/* "chrome: 12 attempts, last 2026-11-26 10:14", for those who read the list of exceptions */
static void format_comment(char *target, size_t size, const struct suggestion *suggestion)
{
	time_t seconds = (time_t)(suggestion->last_us / 1000000);
	char program[4 * COMM_SIZE], last[32];
	struct tm tm;

	target[0] = '\0';
	text_escape(program, sizeof(program), suggestion->program, strlen(suggestion->program));
	localtime_r(&seconds, &tm);
	strftime(last, sizeof(last), "%Y-%m-%d %H:%M", &tm);
	if (*program)
		text_append(target, size, "%s: ", program);
	text_append(target, size, "%" PRIu64 " attempt%s, last %s", suggestion->attempts,
		    suggestion->attempts == 1 ? "" : "s", last);
	if (suggestion->is_wide)
		text_append(target, size, "; also for guests that did not try it");
}

static void print_suggestion(const struct suggestion *suggestion)
{
	char service[SERVICE_TEXT_SIZE], source[SELECTOR_TEXT_SIZE], comment[COMMENT_SIZE];

	service_format(service, sizeof(service), &suggestion->service);
	selector_format(source, sizeof(source), &suggestion->source);
	format_comment(comment, sizeof(comment), suggestion);
	printf("lhguard allow %s --from %s --comment %s\n", quoted(service), quoted(source),
	       quoted(comment));
}

static json_t *suggestion_json(const struct suggestion *suggestion)
{
	char service[SERVICE_TEXT_SIZE], source[SELECTOR_TEXT_SIZE], program[4 * COMM_SIZE];
	char last[TIMESTAMP_SIZE];

	text_escape(program, sizeof(program), suggestion->program, strlen(suggestion->program));
	timestamp_format(last, sizeof(last), suggestion->last_us);
	return json_pack("{s:s, s:s, s:s, s:b, s:I, s:s, s:s}", "action", "allow", "service",
			 service_format(service, sizeof(service), &suggestion->service), "source",
			 selector_format(source, sizeof(source), &suggestion->source), "wide",
			 suggestion->is_wide, "attempts", (json_int_t)suggestion->attempts, "last",
			 last, "program", program);
}

static void print_json(const struct suggestion *suggestions, size_t count)
{
	json_t *list = json_array();

	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, suggestion_json(&suggestions[i]));
	print_document("suggestions", list);
}

/* Once for each source. */
static void say_wide(const struct suggestion *suggestions, size_t count)
{
	char source[SELECTOR_TEXT_SIZE];

	for (size_t i = 0; i < count; i++)
		if (suggestions[i].is_wide &&
		    (!i || !selector_equal(&suggestions[i - 1].source, &suggestions[i].source)))
			say("--from %s is for others, too: who tried it has no name of its own.",
			    shown(selector_format(source, sizeof(source), &suggestions[i].source)));
}

/* What was left out. */
static void say_excepted(const struct collection *collection)
{
	if (collection->allowed)
		say("Of the attempts %" PRIu64 " would be allowed now.", collection->allowed);
	if (collection->denied)
		say("Of the attempts %" PRIu64
		    " met an exception that denies, so no other one would "
		    "let them through: " WHOLE("lhguard list"),
		    collection->denied);
}

static void say_result(const struct collection *collection, const struct suggestion *suggestions,
		       size_t count, const char *origin)
{
	uint64_t attempts = 0;

	say_excepted(collection);
	for (size_t i = 0; i < count; i++)
		attempts += suggestions[i].attempts;
	if (!count) {
		say("Nothing to suggest: in %s nothing was refused, or let through by monitor mode "
		    "only, that an exception would have to allow.",
		    origin);
		return;
	}
	say_wide(suggestions, count);
	say("%zu exception%s for %" PRIu64 " attempt%s, of %s. Read before you take them: a guest "
	    "may have tried what it should not. All are made by appending: " WHOLE("| sh"),
	    count, count == 1 ? "" : "s", attempts, attempts == 1 ? "" : "s", origin);
}

/*
 * From the journal; where there is none, or nothing in it, from what the daemon itself keeps. Who has named
 * a journal wants that one.
 */
static enum status collect_all(struct collection *collection, struct query *query,
			       const struct options *options, const char **origin)
{
	size_t found = 0;
	enum status status;

	query->is_optional = !(options->given & (ENTRIES_OPTIONS & ~OPTION(SINCE)));
	status = entries_each(options, query, collect, collection, &found);
	*origin = "the journal";
	if (!query->is_optional || found)
		return status;
	*origin = "the newest 1024 attempts, which lhguardd keeps itself";
	return ring_each(options->socket, collect, collection);
}

static enum status suggest(struct collection *collection, const struct options *options,
			   const char *origin)
{
	struct suggestion *suggestions;
	ssize_t count = suggestions_make(collection->seen, collection->count, &suggestions);

	if (count < 0)
		return complain(STATUS_FAILED, "%s", strerror((int)-count));
	if (options->json)
		print_json(suggestions, (size_t)count);
	for (ssize_t i = 0; i < count && !options->json; i++)
		print_suggestion(&suggestions[i]);
	fflush(stdout);
	if (!options->json)
		say_result(collection, suggestions, (size_t)count, origin);
	free(suggestions);
	return STATUS_DONE;
}

enum status verb_suggest(const struct options *options, int argc, char **argv)
{
	struct query query;
	struct collection collection = {.query = &query};
	const char *origin;
	enum status status = query_parse(&query, options);

	if (status)
		return status;
	if (!has_option(options, OPTION_SINCE))
		query.since_us = clock_realtime_us() - DEFAULT_AGE_US;
	if (excepted_read(&collection.excepted, options->socket))
		complain(STATUS_DONE, "so what is allowed or denied by now is not left out");
	collection.index = json_object();
	status = collect_all(&collection, &query, options, &origin);
	if (!status)
		status = suggest(&collection, options, origin);
	excepted_free(collection.excepted);
	json_decref(collection.index);
	free(collection.seen);
	return status;
}
