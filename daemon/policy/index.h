/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the exception for a connection at a cost that does not grow with their number. */
#ifndef LHGUARD_POLICY_INDEX_H
#define LHGUARD_POLICY_INDEX_H

#include "policy/exceptions.h"

struct index;

/** enum rule_sort - the sorts of rules, of which each has an index of its own */
enum rule_sort {
	RULE_DENY,
	RULE_ALLOW,
	RULE_ALLOW_ONCE,
	RULE_SORT_COUNT,
};

/**
 * index_new() - build the index of the rules with one action
 * @index: receives it; index_free()
 * @rules: @count rules, borrowed until index_free()
 * @sort: of those the rules of this sort are indexed, the others left out, as are those bound to a
 *	guest that has not been found
 * Return: 0 or -ENOMEM.
 */
int index_new(struct index **index, struct exception *const *rules, size_t count,
	      enum rule_sort sort);
void index_free(struct index *index);

/**
 * struct pin_holder - who knows which program listens, see exceptions_on_pin()
 */
struct pin_holder {
	bool (*holds)(void *data, const struct exception *rule, const struct flow *flow);
	void *data;
};

/**
 * index_match() - the rule for this connection; among several the one that lasts longest, a bound
 * one less long than one without an end; among those the one with the lowest id
 * @now_us: a rule past its time does not match
 * @pins: for rules that are pinned to a program; NULL: none of these matches
 * @lookups: raised by the number of look-ups; may be NULL
 * No allocation; one hash look-up for each shape of a rule (see index.c), however many rules there
 * are. Return: the rule, or NULL.
 */
const struct exception *index_match(const struct index *index, const struct flow *flow,
				    const struct source *source, uint64_t now_us,
				    const struct pin_holder *pins, unsigned int *lookups);

/** exception_decides() - as index_match() of this one rule: does it say anything of the connection? */
bool exception_decides(const struct exception *rule, const struct flow *flow,
		       const struct source *source, uint64_t now_us, const struct pin_holder *pins);

/** exception_concerns() - is this source the one that the rule is about? */
bool exception_concerns(const struct exception *rule, const struct source *source);

#endif
