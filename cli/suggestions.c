// SPDX-License-Identifier: GPL-2.0-or-later
/* The smallest set of exceptions that allows what was seen, and nothing else. */
#include "suggestions.h"

#include "util/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/*
 * DOC: Theory of Operation
 * Attempts are sorted four times, and what stands side by side then is merged:
 *	by service: what one source's selector allows another needs no exception for;
 *	by selector and address, ports last: ports in a row become a range;
 *	by selector and range, addresses last: two halves of a network become that network, and two
 *	such networks the next larger one;
 *	as people read them.
 */

#define FULL_PREFIX 128

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

static int compare_selectors(const struct selector *a, const struct selector *b)
{
	char text_a[SELECTOR_TEXT_SIZE], text_b[SELECTOR_TEXT_SIZE];

	return strcmp(selector_format(text_a, sizeof(text_a), a),
		      selector_format(text_b, sizeof(text_b), b));
}

static int compare_endpoints(const struct flow *a, const struct flow *b)
{
	int order = compare_numbers(a->protocol, b->protocol);

	if (!order)
		order = memcmp(&a->service, &b->service, sizeof(a->service));
	return order ? order : compare_numbers(a->service_port, b->service_port);
}

static int by_service(const void *a, const void *b)
{
	return compare_endpoints(&((const struct seen *)a)->flow, &((const struct seen *)b)->flow);
}

static int by_selector_and_port(const void *a, const void *b)
{
	const struct seen *seen_a = a, *seen_b = b;
	int order = compare_selectors(&seen_a->selector, &seen_b->selector);

	return order ? order : by_service(a, b);
}

static int by_selector_and_address(const void *a, const void *b)
{
	const struct suggestion *one = a, *other = b;
	int order = compare_selectors(&one->source, &other->source);

	if (!order)
		order = compare_numbers(one->service.protocol, other->service.protocol);
	if (!order)
		order = compare_numbers(one->service.first, other->service.first);
	if (!order)
		order = compare_numbers(one->service.last, other->service.last);
	return order ? order
		     : memcmp(&one->service.address, &other->service.address,
			      sizeof(one->service.address));
}

static int for_people(const void *a, const void *b)
{
	const struct suggestion *one = a, *other = b;
	int order = compare_selectors(&one->source, &other->source);

	if (!order)
		order = compare_numbers(one->service.protocol, other->service.protocol);
	if (!order)
		order = memcmp(&one->service.address, &other->service.address,
			       sizeof(one->service.address));
	return order ? order : compare_numbers(one->service.first, other->service.first);
}

static void add_seen(struct seen *to, struct seen *from)
{
	to->attempts += from->attempts;
	if (from->last_us > to->last_us)
		to->last_us = from->last_us;
	if (strcmp(to->program, from->program))
		to->program[0] = '\0';
	from->attempts = 0;
}

static bool is_wide(const struct selector *selector)
{
	return selector->type != SELECT_GUEST && !selector->name[0];
}

/* Does a selector that is for one of them match the other, too? */
static bool are_alike(const struct source *a, const struct source *b)
{
	return a->class == b->class && a->kind == b->kind && a->shared == b->shared &&
	       a->guest == b->guest && !strcmp(a->runtime, b->runtime) &&
	       !strcmp(a->name, b->name) && !strcmp(a->conduit, b->conduit) &&
	       !strcmp(a->interface, b->interface);
}

static void fold_into(struct seen *wide, struct seen *group, size_t count)
{
	for (size_t k = 0; k < count; k++) {
		if (&group[k] == wide || !group[k].attempts || group[k].stands_for_others ||
		    !selector_matches(&wide->selector, &group[k].source))
			continue;
		wide->stands_for_others |= !are_alike(&wide->source, &group[k].source);
		add_seen(wide, &group[k]);
	}
}

/*
 * All are to one service. First what a wide selector is for goes without an exception of its own; but
 * not one that stands for others already: of these the wide one need not be for all. Then each
 * selector is left once.
 */
static void fold_group(struct seen *group, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (group[i].attempts && is_wide(&group[i].selector))
			fold_into(&group[i], group, count);
	for (size_t i = 0; i < count; i++)
		for (size_t k = i + 1; k < count && group[i].attempts; k++)
			if (group[k].attempts &&
			    selector_equal(&group[i].selector, &group[k].selector))
				add_seen(&group[i], &group[k]);
}

/* Return: how many are left, at the front. */
static size_t fold(struct seen *seen, size_t count)
{
	size_t left = 0;

	for (size_t start = 0, end; start < count; start = end) {
		for (end = start + 1; end < count && !by_service(&seen[start], &seen[end]); end++)
			;
		fold_group(seen + start, end - start);
	}
	for (size_t i = 0; i < count; i++)
		if (seen[i].attempts)
			seen[left++] = seen[i];
	return left;
}

static struct suggestion suggestion_of(const struct seen *seen)
{
	struct suggestion suggestion = {
		.service = {.protocol = seen->flow.protocol,
			    .family = address_family(&seen->flow.service),
			    .address = seen->flow.service,
			    .prefix = FULL_PREFIX,
			    .first = seen->flow.service_port,
			    .last = seen->flow.service_port},
		.source = seen->selector,
		.is_wide = is_wide(&seen->selector),
		.attempts = seen->attempts,
		.last_us = seen->last_us,
	};

	text_copy(suggestion.program, sizeof(suggestion.program), seen->program);
	return suggestion;
}

static void add_counts(struct suggestion *to, const struct suggestion *from)
{
	to->attempts += from->attempts;
	if (from->last_us > to->last_us)
		to->last_us = from->last_us;
	if (strcmp(to->program, from->program))
		to->program[0] = '\0';
}

/* Is @next about the port behind @range, or about its last one? Of what else they say nothing differs. */
static bool continues(const struct suggestion *range, const struct suggestion *next)
{
	return !compare_selectors(&range->source, &next->source) &&
	       range->service.protocol == next->service.protocol &&
	       IN6_ARE_ADDR_EQUAL(&range->service.address, &next->service.address) &&
	       next->service.first <= range->service.last + 1;
}

/* @seen: by selector and port. Return: how many suggestions that makes. */
static size_t make_ranges(const struct seen *seen, size_t count, struct suggestion *suggestions)
{
	size_t made = 0;

	for (size_t i = 0; i < count; i++) {
		struct suggestion next = suggestion_of(&seen[i]);

		if (made && continues(&suggestions[made - 1], &next)) {
			suggestions[made - 1].service.last = next.service.last;
			add_counts(&suggestions[made - 1], &next);
		} else {
			suggestions[made++] = next;
		}
	}
	return made;
}

/* Are they the two halves of one network, and otherwise the same? */
static bool are_halves(const struct suggestion *a, const struct suggestion *b)
{
	struct in6_addr network_a = a->service.address, network_b = b->service.address;
	unsigned int shortest = a->service.family == AF_INET ? FULL_PREFIX - 32 : 0;

	if (a->service.prefix != b->service.prefix || a->service.prefix == shortest ||
	    a->service.protocol != b->service.protocol || a->service.family != b->service.family ||
	    a->service.first != b->service.first || a->service.last != b->service.last ||
	    compare_selectors(&a->source, &b->source))
		return false;
	address_mask(&network_a, a->service.prefix - 1U);
	address_mask(&network_b, a->service.prefix - 1U);
	return IN6_ARE_ADDR_EQUAL(&network_a, &network_b);
}

/* @suggestions: by selector and address. Return: how many are left, at the front. */
static size_t make_networks(struct suggestion *suggestions, size_t count)
{
	size_t left = 0;

	for (size_t i = 0; i < count; i++) {
		suggestions[left++] = suggestions[i];
		while (left > 1 && are_halves(&suggestions[left - 2], &suggestions[left - 1])) {
			left--;
			suggestions[left - 1].service.prefix--;
			address_mask(&suggestions[left - 1].service.address,
				     suggestions[left - 1].service.prefix);
			add_counts(&suggestions[left - 1], &suggestions[left]);
		}
	}
	return left;
}

ssize_t suggestions_make(struct seen *seen, size_t count, struct suggestion **suggestions)
{
	if (count) /* none is NULL, which qsort(3) does not take */
		qsort(seen, count, sizeof(*seen), by_service);
	count = fold(seen, count);
	*suggestions = calloc(count + 1, sizeof(**suggestions));
	if (!*suggestions)
		return -ENOMEM;
	if (count)
		qsort(seen, count, sizeof(*seen), by_selector_and_port);
	count = make_ranges(seen, count, *suggestions);
	qsort(*suggestions, count, sizeof(**suggestions), by_selector_and_address);
	count = make_networks(*suggestions, count);
	qsort(*suggestions, count, sizeof(**suggestions), for_people);
	return (ssize_t)count;
}
