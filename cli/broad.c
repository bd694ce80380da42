// SPDX-License-Identifier: GPL-2.0-or-later
/* Exceptions that allow more than their maker may have meant: said in words, and asked about. */
#include "broad.h"

#include "confirm.h"
#include "output.h"

#include "policy/selector.h"
#include "policy/service.h"
#include "util/text.h"

#include <stdio.h>
#include <string.h>

#define MANY_PORTS 1000
#define NAMED_MOST 3
#define TOLD_MOST  10 /* broad ones of a file that are told of each */
#define WORDS_SIZE 1024

/**
 * struct grant - what is to be allowed
 * @text: the service as it was written
 * @from: to whom, in words
 * @is_wide: that is all guests, or all of a kind or a runtime
 * @service: its ports; no protocol stands for any
 */
struct grant {
	const char *text;
	char from[SELECTOR_TEXT_SIZE + 32];
	bool is_wide;
	struct service service;
};

static void read_source(struct grant *grant, const char *from)
{
	struct selector selector = {.type = SELECT_ANY};

	if (from)
		selector_parse(from, &selector, NULL);
	grant->is_wide =
		!selector.name[0] && (selector.type == SELECT_ANY || selector.type == SELECT_KIND ||
				      selector.type == SELECT_RUNTIME);
	if (selector.type == SELECT_ANY)
		text_append(grant->from, sizeof(grant->from), "every guest (any)");
	else if (grant->is_wide && selector.type == SELECT_KIND && selector.kind == KIND_LAN)
		text_append(grant->from, sizeof(grant->from), "every host of the LAN");
	else if (grant->is_wide && selector.type == SELECT_KIND && selector.kind == KIND_UNKNOWN)
		text_append(grant->from, sizeof(grant->from), "whoever cannot be told (unknown)");
	else if (grant->is_wide && selector.type == SELECT_KIND)
		text_append(grant->from, sizeof(grant->from), "every %s", kind_text(selector.kind));
	else if (grant->is_wide)
		text_append(grant->from, sizeof(grant->from), "every guest of %s",
			    shown(selector.word));
	else
		text_append(grant->from, sizeof(grant->from), "%s", shown(from));
}

/* The ports of one of the daemon's names. */
static bool known_ports(const json_t *known, struct service *ports)
{
	return !service_parse(text_of(known, "ports"), ports, NULL);
}

static bool read_service(struct grant *grant, const json_t *names)
{
	const char *name = service_name_in(grant->text);

	if (!name)
		return !service_parse(grant->text, &grant->service, NULL);
	for (size_t i = 0; i < json_array_size(names); i++)
		if (!strcmp(text_of(json_array_get(names, i), "name"), name))
			return known_ports(json_array_get(names, i), &grant->service);
	return false; /* the daemon will say so */
}

static bool overlap(const struct service *a, const struct service *b)
{
	return (!a->protocol || !b->protocol || a->protocol == b->protocol) &&
	       a->first <= b->last && b->first <= a->last;
}

static bool is_inside(const struct service *a, const struct service *b)
{
	return a->first >= b->first && a->last <= b->last;
}

static unsigned int ports_of(const struct service *service)
{
	return service->last - service->first + 1u;
}

/**
 * struct sensitive - which sensitive services a grant covers
 * @names: "chrome-devtools, docker-api, ollama and 50 more"
 * @first: of them
 * @is_one: the grant is for nothing but ports of @first
 */
struct sensitive {
	size_t count;
	char names[WORDS_SIZE];
	const json_t *first;
	bool is_one;
};

static void find_sensitive(const struct grant *grant, const json_t *names, struct sensitive *found)
{
	*found = (struct sensitive){.count = 0};
	for (size_t i = 0; i < json_array_size(names); i++) {
		const json_t *known = json_array_get(names, i);
		struct service ports;

		if (!json_is_true(json_object_get(known, "sensitive")) ||
		    !known_ports(known, &ports) || !overlap(&grant->service, &ports))
			continue;
		if (!found->first)
			found->first = known;
		found->is_one |= is_inside(&grant->service, &ports);
		if (found->count++ < NAMED_MOST)
			text_append(found->names, sizeof(found->names), "%s%s",
				    found->count > 1 ? ", " : "", shown(text_of(known, "name")));
	}
	if (found->count > NAMED_MOST)
		text_append(found->names, sizeof(found->names), " and %zu more",
			    found->count - NAMED_MOST);
}

/* Return: is it broad? Then @words says how. */
static bool describe(const struct grant *grant, const struct sensitive *sensitive, char *words)
{
	unsigned int ports = ports_of(&grant->service);
	const char *service = shown(grant->text);

	words[0] = '\0';
	if (!grant->service.first)
		text_append(words, WORDS_SIZE,
			    "%s is every port: %s may reach whatever listens there, now and later",
			    service, grant->from);
	else if (ports >= MANY_PORTS || (sensitive->count && !sensitive->is_one))
		text_append(words, WORDS_SIZE,
			    "%s is %u ports: %s may reach whatever listens there, now and later",
			    service, ports, grant->from);
	else if (sensitive->count && grant->is_wide)
		text_append(words, WORDS_SIZE,
			    "%s is sensitive (%s): this gives %s power over this host or its data",
			    service, shown(text_of(sensitive->first, "title")), grant->from);
	else
		return false;
	if (sensitive->count && !sensitive->is_one)
		text_append(words, WORDS_SIZE, " (sensitive: %s)", sensitive->names);
	return true;
}

static enum status ask(const struct options *options)
{
	return confirm(options, "allow it all the same?", "nothing was allowed");
}

/* Could it be broad at all? What cannot costs no second call. */
static bool may_be_broad(const struct grant *grant)
{
	struct service service;

	return grant->is_wide || service_name_in(grant->text) ||
	       (!service_parse(grant->text, &service, NULL) && ports_of(&service) > 1);
}

/* Return: is it broad? Then @words says how. */
static bool find_words(struct grant *grant, const json_t *names, char *words)
{
	struct sensitive sensitive;

	if (!read_service(grant, names))
		return false;
	find_sensitive(grant, names, &sensitive);
	return describe(grant, &sensitive, words);
}

enum status broad_confirm(const struct options *options, const char *service)
{
	struct grant grant = {.text = service};
	char words[WORDS_SIZE];
	enum status status;
	json_t *names = NULL;

	read_source(&grant, options->value[OPTION_FROM]);
	if (!may_be_broad(&grant))
		return STATUS_DONE;
	status = client_list(options->socket, "ListServices", "services", &names);
	if (!status && find_words(&grant, names, words)) {
		confirm_tell(options, words);
		status = ask(options);
	}
	json_decref(names);
	return status;
}

/* Return: may it be broad? Then @grant is for it, with its service written to @text. */
static bool grant_of_rule(const struct exception *rule, char *text, struct grant *grant)
{
	char from[SELECTOR_TEXT_SIZE];

	*grant = (struct grant){.text = service_format(text, SERVICE_TEXT_SIZE, &rule->service)};
	read_source(grant, selector_format(from, sizeof(from), &rule->source));
	return rule->allow && may_be_broad(grant);
}

static void tell_of_rule(const struct options *options, const char *path, unsigned int line,
			 const char *words)
{
	char whole[WORDS_SIZE + 512] = "";

	text_append(whole, sizeof(whole), "%s:%u: %s",
		    strcmp(path, "-") != 0 ? shown(path) : "standard input", line, words);
	confirm_tell(options, whole);
}

/* Return: how many are broad. */
static size_t tell_of_rules(const struct options *options, const char *path,
			    const struct rules *rules, const json_t *names)
{
	char words[WORDS_SIZE], text[SERVICE_TEXT_SIZE];
	struct grant grant;
	size_t count = 0;

	for (size_t i = 0; i < rules->count; i++)
		if (grant_of_rule(rules->rule[i], text, &grant) &&
		    find_words(&grant, names, words) && count++ < TOLD_MOST)
			tell_of_rule(options, path, rules->rule[i]->line, words);
	if (count > TOLD_MOST) {
		snprintf(words, sizeof(words), "and %zu more that are as broad", count - TOLD_MOST);
		confirm_tell(options, words);
	}
	return count;
}

enum status broad_confirm_rules(const struct options *options, const char *path,
				const struct rules *rules)
{
	char text[SERVICE_TEXT_SIZE];
	struct grant grant;
	json_t *names = NULL;
	enum status status;
	size_t i = 0;

	while (i < rules->count && !grant_of_rule(rules->rule[i], text, &grant))
		i++;
	if (i == rules->count)
		return STATUS_DONE;
	status = client_list(options->socket, "ListServices", "services", &names);
	if (!status && tell_of_rules(options, path, rules, names))
		status = ask(options);
	json_decref(names);
	return status;
}
