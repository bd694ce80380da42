// SPDX-License-Identifier: GPL-2.0-or-later
/* One generation of the exceptions: the rules in force, their indexes and the next id. */
#include "policy/generation.h"

#include <stdlib.h>
#include <string.h>

int generation_index(struct generation *generation)
{
	const struct rules *rules = &generation->rules;
	int ret = 0;

	generation->bound = 0;
	for (size_t i = 0; i < rules->count; i++)
		generation->bound += rules->rule[i]->guest_key[0] != '\0';
	for (int sort = 0; ret == 0 && sort < RULE_SORT_COUNT; sort++)
		ret = index_new(&generation->index[sort], rules->rule, rules->count,
				(enum rule_sort)sort);
	return ret;
}

void generation_release(struct generation *generation)
{
	for (int sort = 0; sort < RULE_SORT_COUNT; sort++)
		index_free(generation->index[sort]);
	free(generation->rules.rule);
	*generation = (struct generation){.next = 0};
}

void generation_free(struct generation *generation)
{
	struct rules rules = generation->rules;

	generation->rules = (struct rules){.rule = NULL};
	generation_release(generation);
	rules_clear(&rules);
}

void generation_replace(struct generation *now, struct generation *next)
{
	generation_release(now);
	*now = *next;
	*next = (struct generation){.next = 0};
}

static int compare_id(const void *key, const void *element)
{
	uint32_t id = *(const uint32_t *)key, other = (*(struct exception *const *)element)->id;

	return (id > other) - (id < other);
}

struct exception *generation_find(const struct generation *generation, uint32_t id)
{
	const struct rules *rules = &generation->rules;
	struct exception **found = NULL;

	if (rules->count)
		found = bsearch(&id, rules->rule, rules->count, sizeof(*found), compare_id);
	return found ? *found : NULL;
}

bool exception_is_same(const struct exception *a, const struct exception *b)
{
	return a->allow == b->allow && a->once == b->once && !strcmp(a->pin, b->pin) &&
	       a->pin_user == b->pin_user && service_equal(&a->service, &b->service) &&
	       !strcmp(a->guest_key, b->guest_key) && selector_equal(&a->source, &b->source);
}

static void bind_rule(struct exception *rule, uint32_t guest)
{
	rule->guest = guest;
	if (guest && rule->source.type == SELECT_GUEST)
		rule->source.guest = guest;
}

void generation_adopt(struct generation *next, const struct generation *now)
{
	for (size_t i = 0; i < next->rules.count; i++) {
		struct exception *rule = next->rules.rule[i];
		const struct exception *old = generation_find(now, rule->id);

		if (!old)
			continue;
		if (rule->guest_key[0] && !strcmp(old->guest_key, rule->guest_key))
			bind_rule(rule, old->guest);
		if (!exception_is_same(old, rule))
			continue;
		rule->hits = old->hits;
		rule->used_us = old->used_us;
		rule->is_spent = old->is_spent;
	}
}

int generation_bind(const struct generation *generation, const struct guest_finder *finder,
		    struct rules *found, size_t *waiting)
{
	*waiting = 0;
	for (size_t i = 0; i < generation->rules.count; i++) {
		struct exception *rule = generation->rules.rule[i];
		uint32_t guest;
		int ret;

		if (!rule->guest_key[0] || rule->guest)
			continue;
		guest = finder->find(finder->data, rule);
		*waiting += guest == 0;
		ret = guest ? rules_append(found, rule) : 0;
		if (ret < 0)
			return ret;
		bind_rule(rule, guest);
	}
	return 0;
}

void generation_unbind(const struct rules *found)
{
	for (size_t i = 0; i < found->count; i++)
		found->rule[i]->guest = 0;
}

int generation_part(const struct generation *generation,
		    bool (*goes)(const struct exception *rule, const void *data), const void *data,
		    struct rules *staying, struct rules *going)
{
	const struct rules *rules = &generation->rules;

	for (size_t i = 0; i < rules->count; i++) {
		int ret =
			rules_append(goes(rules->rule[i], data) ? going : staying, rules->rule[i]);

		if (ret < 0)
			return ret;
	}
	return 0;
}
