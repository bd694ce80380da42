// SPDX-License-Identifier: GPL-2.0-or-later
/* Do two exceptions have something to do with each other? No state. */
#include "policy/overlap.h"

#include <string.h>

static enum overlap least(enum overlap a, enum overlap b)
{
	return a < b ? a : b;
}

static enum overlap of_protocols(const struct service *rule, const struct service *other)
{
	if (!other->protocol || other->protocol == rule->protocol)
		return OVERLAP_WHOLE;
	return rule->protocol ? OVERLAP_NONE : OVERLAP_PART;
}

static enum overlap of_ports(const struct service *rule, const struct service *other)
{
	if (other->first <= rule->first && rule->last <= other->last)
		return OVERLAP_WHOLE;
	return other->first <= rule->last && rule->first <= other->last ? OVERLAP_PART
									: OVERLAP_NONE;
}

/* Is @inner's network, or its address, inside @outer's? */
static bool is_inside(const struct service *inner, const struct service *outer)
{
	struct in6_addr network = inner->address;

	if (inner->prefix < outer->prefix)
		return false;
	address_mask(&network, outer->prefix);
	return IN6_ARE_ADDR_EQUAL(&network, &outer->address);
}

static enum overlap of_addresses(const struct service *rule, const struct service *other)
{
	if (other->family == AF_UNSPEC)
		return OVERLAP_WHOLE;
	if (rule->family == AF_UNSPEC)
		return OVERLAP_PART;
	if (rule->family != other->family)
		return OVERLAP_NONE;
	if (is_inside(rule, other))
		return OVERLAP_WHOLE;
	return is_inside(other, rule) ? OVERLAP_PART : OVERLAP_NONE;
}

/* Does @all stand for every guest of the kind or the runtime that @one names one of? */
static bool is_one_of(const struct selector *one, const struct selector *all)
{
	struct selector unnamed = *one;

	if (all->type == SELECT_ANY)
		return true;
	unnamed.name[0] = '\0';
	return (one->type == SELECT_KIND || one->type == SELECT_RUNTIME) &&
	       selector_equal(&unnamed, all);
}

static enum overlap of_selectors(const struct selector *rule, const struct selector *other)
{
	if (selector_equal(rule, other) || is_one_of(rule, other))
		return OVERLAP_WHOLE;
	return is_one_of(other, rule) ? OVERLAP_PART : OVERLAP_NONE;
}

/* An exception that is bound is about one guest, whatever others have its name. */
static enum overlap of_sources(const struct exception *rule, const struct exception *other)
{
	if (!other->guest_key[0])
		return of_selectors(&rule->source, &other->source);
	if (rule->guest_key[0])
		return strcmp(rule->guest_key, other->guest_key) ? OVERLAP_NONE : OVERLAP_WHOLE;
	return least(OVERLAP_PART, of_selectors(&rule->source, &other->source));
}

/* One that is pinned is about one program. */
static enum overlap of_programs(const struct exception *rule, const struct exception *other)
{
	if (!other->pin[0])
		return OVERLAP_WHOLE;
	if (!rule->pin[0])
		return OVERLAP_PART;
	return strcmp(rule->pin, other->pin) || rule->pin_user != other->pin_user ? OVERLAP_NONE
										  : OVERLAP_WHOLE;
}

enum overlap overlap_of(const struct exception *rule, const struct exception *other)
{
	enum overlap overlap = of_sources(rule, other);

	overlap = least(overlap, of_programs(rule, other));
	overlap = least(overlap, of_protocols(&rule->service, &other->service));
	overlap = least(overlap, of_addresses(&rule->service, &other->service));
	return least(overlap, of_ports(&rule->service, &other->service));
}
