/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One generation of the exceptions: the rules in force, their indexes and the next id. */
#ifndef LHGUARD_POLICY_GENERATION_H
#define LHGUARD_POLICY_GENERATION_H

#include "policy/index.h"
#include "policy/rules.h"

/**
 * struct generation - a set of rules and what is made from it
 * @rules: sorted by id, the daemon's own before the administrator's
 * @index: one for each sort of rules
 * @bound: how many are bound to a guest
 * @next: the daemon's next own id
 */
struct generation {
	struct rules rules;
	struct index *index[RULE_SORT_COUNT];
	size_t bound;
	uint32_t next;
};

/** generation_index() - make the indexes of what is in @rules. Return: 0 or -ENOMEM. */
int generation_index(struct generation *generation);

/** generation_release() - free all but the rules themselves, which another one may hold too. */
void generation_release(struct generation *generation);

/** generation_free() - free all. */
void generation_free(struct generation *generation);

/** generation_replace() - @next takes the place of @now, which is released; @next is empty then. */
void generation_replace(struct generation *now, struct generation *next);

/** generation_find() - the rule with this id, or NULL. */
struct exception *generation_find(const struct generation *generation, uint32_t id);

/** exception_is_same() - do both say the same of the same guests? */
bool exception_is_same(const struct exception *a, const struct exception *b);

/**
 * generation_adopt() - what is bound in @now is bound in @next too, if it is there; as long as it is
 * the same its use goes on to be counted, and what was spent stays so
 */
void generation_adopt(struct generation *next, const struct generation *now);

/**
 * generation_bind() - give the rules that wait for their guest its id
 * They stand in no index until the next one is made; if that fails, call generation_unbind().
 * @found: receives those that have found theirs, also when not all could be looked at
 * @waiting: receives how many wait on
 * Return: 0 or -errno from rules_append().
 */
int generation_bind(const struct generation *generation, const struct guest_finder *finder,
		    struct rules *found, size_t *waiting);

/** generation_unbind() - let these wait again */
void generation_unbind(const struct rules *found);

/**
 * generation_part() - part the rules into those that stay and those that go
 * @staying: receives the former; neither list owns them
 * Return: 0 or -errno from rules_append().
 */
int generation_part(const struct generation *generation,
		    bool (*goes)(const struct exception *rule, const void *data), const void *data,
		    struct rules *staying, struct rules *going);

#endif
