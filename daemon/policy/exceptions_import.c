// SPDX-License-Identifier: GPL-2.0-or-later
/* Exceptions that come from elsewhere, many at a time: all of them, or none. */
#include "policy/exceptions_private.h"
#include "util/cleanup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/**
 * struct plan - what is to become of which rule
 * @is_claimed: for each rule in force: it is among the imported ones
 * @next: what is to be in force
 * @new: those of it that are made here
 * @going: those in force that are not in it
 */
struct plan {
	const struct import *import;
	bool *is_claimed;
	struct generation next;
	struct rules new;
	struct rules going;
};

static bool is_equal(const struct exception *a, const struct exception *b)
{
	return exception_is_same(a, b) && a->expires_us == b->expires_us && a->cut == b->cut &&
	       !strcmp(a->comment, b->comment);
}

/* Is it in force already? Each rule stands for one that is imported. */
static bool claim(struct plan *plan, const struct rules *now, const struct exception *rule)
{
	for (size_t i = 0; i < now->count; i++) {
		if (plan->is_claimed[i] || now->rule[i]->file[0] || !is_equal(now->rule[i], rule))
			continue;
		plan->is_claimed[i] = true;
		return true;
	}
	return false;
}

static int add(struct plan *plan, const struct exception *rule)
{
	_cleanup_free_ struct exception *new = malloc(sizeof(*new));
	int ret;

	if (!new)
		return -ENOMEM;
	*new = *rule;
	new->id = plan->next.next++;
	new->creator = plan->import->creator;
	if (!new->created_us)
		new->created_us = plan->import->now_us;
	new->file[0] = '\0';
	new->line = 0;
	ret = rules_append(&plan->new, new);
	if (ret < 0)
		return ret;
	ret = rules_append(&plan->next.rules, new);
	steal_pointer(&new); /* @plan->new has it */
	return ret;
}

static int take_imported(struct plan *plan, const struct rules *now, struct imported *imported)
{
	const struct rules *rules = plan->import->rules;
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < rules->count; i++) {
		if (exception_is_expired(rules->rule[i], plan->import->now_us)) {
			imported->expired++;
		} else if (claim(plan, now, rules->rule[i])) {
			imported->unchanged++;
		} else {
			imported->added++;
			ret = add(plan, rules->rule[i]);
		}
	}
	return ret;
}

static int take_present(struct plan *plan, const struct rules *now)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < now->count; i++) {
		bool goes = plan->import->is_replacing && !plan->is_claimed[i] &&
			    !now->rule[i]->file[0];

		ret = rules_append(goes ? &plan->going : &plan->next.rules, now->rule[i]);
	}
	return ret;
}

/* Puts the plan in force, or leaves all as it is. */
static int carry_out(struct exceptions *exceptions, struct plan *plan, struct error *error)
{
	int ret;

	if (plan->import->is_dry_run || (!plan->new.count && !plan->going.count))
		return 0;
	rules_sort(&plan->next.rules);
	ret = exceptions_commit(exceptions, &plan->next, error);
	if (ret < 0)
		return ret;
	plan->new.count = 0; /* they are the store's now */
	exceptions_tell_ends(exceptions, &plan->going);
	for (size_t i = 0; i < plan->going.count; i++)
		free(plan->going.rule[i]);
	return 0;
}

int exceptions_import(struct exceptions *exceptions, const struct import *import,
		      struct imported *imported, struct error *error)
{
	const struct rules now = exceptions->now.rules;
	struct plan plan = {.import = import, .next = {.next = exceptions->now.next}};
	int ret = exceptions_refuse_when_failed(exceptions, error);

	*imported = (struct imported){.added = 0};
	if (ret < 0)
		return ret;
	if (exceptions->now.next + import->rules->count >= ADMINISTRATOR_IDS)
		return error_set(error, -ENOSPC, "there are too many exceptions already");
	plan.is_claimed = calloc(now.count + 1, sizeof(*plan.is_claimed));
	ret = plan.is_claimed ? take_imported(&plan, &now, imported) : -ENOMEM;
	if (ret == 0)
		ret = take_present(&plan, &now);
	imported->removed = plan.going.count;
	if (ret < 0)
		error_set(error, ret,
			  ret == -ENOSPC ? "there are too many exceptions already"
					 : "out of memory");
	else
		ret = carry_out(exceptions, &plan, error);
	generation_release(&plan.next);
	rules_clear(&plan.new);
	free(plan.going.rule);
	free(plan.is_claimed);
	return ret;
}
