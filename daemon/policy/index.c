// SPDX-License-Identifier: GPL-2.0-or-later
/* Finds the exception for a connection at a cost that does not grow with their number. */
#include "policy/index.h"
#include "util/cleanup.h"
#include "util/hash.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/**
 * DOC: Theory of Operation
 *
 * Tuple space search (Srinivasan, Suri, Varghese: "Packet Classification using Tuple Space
 * Search", SIGCOMM 1999). A rule is cut into blocks: a port range becomes at most 30 blocks of
 * 2^n ports each, aligned to 2^n. What a block asks of a connection - how many bits of address and
 * of port, whether the protocol, and which field of the source - is its shape; the values
 * themselves are its key, and all keys stand in one hash table. A connection is looked up once for
 * each shape that occurs, with its own values cut to that shape.
 *
 * A key holds one rule only: of several with the same key the one that lasts longest, since as
 * long as any of them is in force that one is. So neither duplicates nor expired rules that
 * nobody has collected yet make a look-up longer. (A spent one hides those that allow once by the same
 * key until it is collected, at the end of the batch.) The index never changes: a change of the rules
 * builds a new one.
 *
 * A rule that is bound to one guest asks for that guest's id and nothing else, whatever name it was
 * made by; while its guest has not been found it stands in no index.
 */

#define PORT_BITS      16
#define PROTOCOL_COUNT 4   /* any, tcp, udp, sctp */
#define ADDRESS_SHAPES 163 /* any; /0 to /128 of IPv6; /0 to /32 of IPv4 */
#define SHAPE_COUNT    (ADDRESS_SHAPES * (PORT_BITS + 1) * PROTOCOL_COUNT * FIELDS_COUNT)

/* Which fields of the source a selector compares. */
enum fields {
	FIELDS_NONE,
	FIELDS_KIND,
	FIELDS_KIND_NAME,
	FIELDS_RUNTIME,
	FIELDS_RUNTIME_NAME,
	FIELDS_INTERFACE,
	FIELDS_CONDUIT,
	FIELDS_GUEST,
	FIELDS_COUNT,
};

/**
 * struct shape - which values of a connection a rule's block compares
 * @family: of the service's address, AF_UNSPEC for any
 * @prefix: bits of the address
 * @port_shift: low bits of the port that do not count
 * @protocol: 0: any that has ports
 * @fields: of the source
 */
struct shape {
	uint8_t family;
	uint8_t prefix;
	uint8_t port_shift;
	uint8_t protocol;
	uint8_t fields;
};
static_assert(sizeof(struct shape) == 5, "no padding: shapes are compared as bytes");

/**
 * struct block - 2^@shift ports, aligned
 * @value: their common high bits
 * @shift: how many low bits @value lacks
 */
struct block {
	uint16_t value;
	uint8_t shift;
};

/**
 * struct slot - one key of the hash table
 * @hash: of the key
 * @rule: that decides for this key; NULL in a free slot
 * @block: its ports
 */
struct slot {
	uint64_t hash;
	const struct exception *rule;
	struct block block;
};

/**
 * struct index - see above
 * @slots: open addressing, linear, at most half full
 * @mask: number of slots less one
 */
struct index {
	struct slot *slots;
	size_t mask;
	struct shape *shapes;
	size_t shape_count;
};

static uint64_t mix(uint64_t hash, uint64_t value)
{
	hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 32;
}

static uint64_t mix_text(uint64_t hash, const char *text)
{
	return mix(hash_add_text(hash, text), 0);
}

static uint64_t hash_fields(enum fields fields, enum kind kind, const char *word, const char *name)
{
	return mix_text(mix_text(mix(0, (uint64_t)fields << 8 | kind), word), name);
}

static uint64_t hash_key(const struct shape *shape, uint64_t fields, const struct in6_addr *address,
			 uint16_t block)
{
	uint64_t halves[2];

	static_assert(sizeof(halves) == sizeof(*address), "an address is two halves");
	memcpy(halves, address, sizeof(halves));
	fields = mix(fields, (uint64_t)shape->family << 32 | (uint32_t)shape->prefix << 16 |
				     (uint32_t)shape->port_shift << 8 | shape->protocol);
	return mix(mix(mix(fields, halves[0]), halves[1]), block);
}

static bool is_bound(const struct exception *rule)
{
	return rule->guest_key[0];
}

static enum fields rule_fields(const struct exception *rule)
{
	const struct selector *selector = &rule->source;

	if (is_bound(rule))
		return FIELDS_GUEST;
	switch (selector->type) {
	case SELECT_KIND:
		return selector->name[0] ? FIELDS_KIND_NAME : FIELDS_KIND;
	case SELECT_RUNTIME:
		return selector->name[0] ? FIELDS_RUNTIME_NAME : FIELDS_RUNTIME;
	case SELECT_INTERFACE:
		return FIELDS_INTERFACE;
	case SELECT_CONDUIT:
		return FIELDS_CONDUIT;
	case SELECT_GUEST: /* is bound, or never found */
	case SELECT_ANY:
		break;
	}
	return FIELDS_NONE;
}

static uint64_t hash_guest(uint32_t id)
{
	return mix(mix(0, FIELDS_GUEST), id);
}

static uint64_t hash_selector(const struct exception *rule)
{
	const struct selector *selector = &rule->source;

	if (is_bound(rule))
		return hash_guest(rule->guest);
	return hash_fields(rule_fields(rule),
			   selector->type == SELECT_KIND ? selector->kind : KIND_COUNT,
			   selector->word, selector->name);
}

/* The hashes that selectors for this source would have, one for each enum fields. */
static void hash_source(const struct source *source, uint64_t hashes[FIELDS_COUNT])
{
	enum kind kind = source_kind(source);

	hashes[FIELDS_NONE] = hash_fields(FIELDS_NONE, KIND_COUNT, "", "");
	hashes[FIELDS_KIND] = hash_fields(FIELDS_KIND, kind, "", "");
	hashes[FIELDS_KIND_NAME] = hash_fields(FIELDS_KIND_NAME, kind, "", source->name);
	hashes[FIELDS_RUNTIME] = hash_fields(FIELDS_RUNTIME, KIND_COUNT, source->runtime, "");
	hashes[FIELDS_RUNTIME_NAME] =
		hash_fields(FIELDS_RUNTIME_NAME, KIND_COUNT, source->runtime, source->name);
	hashes[FIELDS_INTERFACE] = hash_fields(FIELDS_INTERFACE, KIND_COUNT, source->interface, "");
	hashes[FIELDS_CONDUIT] = hash_fields(FIELDS_CONDUIT, KIND_COUNT, source->conduit, "");
	hashes[FIELDS_GUEST] = hash_guest(source->guest);
}

/* Cuts the next block off a service's ports; @from is where it begins, from service->first on. */
static bool next_block(const struct service *service, uint32_t *from, struct block *block)
{
	uint8_t shift = 0;

	if (*from > service->last)
		return false;
	while (shift < PORT_BITS && !(*from & ((2u << shift) - 1)) &&
	       *from + (2u << shift) - 1 <= service->last)
		shift++;
	*block = (struct block){(uint16_t)(*from >> shift), shift};
	*from += 1u << shift;
	return true;
}

static struct shape rule_shape(const struct exception *rule, uint8_t port_shift)
{
	return (struct shape){
		.family = rule->service.family,
		.prefix = rule->service.prefix,
		.port_shift = port_shift,
		.protocol = rule->service.protocol,
		.fields = (uint8_t)rule_fields(rule),
	};
}

/* A number below SHAPE_COUNT for each shape. */
static size_t shape_number(const struct shape *shape)
{
	size_t number = 0;

	if (shape->family == AF_INET6)
		number = 1u + shape->prefix;
	else if (shape->family == AF_INET)
		number = 1u + 129u + shape->prefix - 96u;
	number = number * (PORT_BITS + 1) + shape->port_shift;
	number *= PROTOCOL_COUNT;
	switch (shape->protocol) {
	case IPPROTO_SCTP:
		number++; /* fall through */
	case IPPROTO_UDP:
		number++; /* fall through */
	case IPPROTO_TCP:
		number++;
	}
	return number * FIELDS_COUNT + shape->fields;
}

static bool same_sources(const struct exception *a, const struct exception *b)
{
	if (is_bound(a) || is_bound(b))
		return a->guest == b->guest;
	return selector_equal(&a->source, &b->source);
}

bool exception_concerns(const struct exception *rule, const struct source *source)
{
	if (is_bound(rule))
		return rule->guest == source->guest && source->class == SOURCE_GUEST &&
		       !source->shared;
	return selector_matches(&rule->source, source);
}

static bool same_key(const struct slot *slot, const struct exception *rule, struct block block)
{
	const struct service *a = &slot->rule->service, *b = &rule->service;

	return slot->block.value == block.value && slot->block.shift == block.shift &&
	       a->protocol == b->protocol && a->family == b->family && a->prefix == b->prefix &&
	       !memcmp(&a->address, &b->address, sizeof(a->address)) &&
	       !strcmp(slot->rule->pin, rule->pin) && slot->rule->pin_user == rule->pin_user &&
	       same_sources(slot->rule, rule);
}

static bool is_better(const struct exception *rule, const struct exception *than)
{
	uint64_t end = rule->expires_us ? rule->expires_us : UINT64_MAX;
	uint64_t other = than->expires_us ? than->expires_us : UINT64_MAX;

	if (end != other)
		return end > other;
	if (is_bound(rule) != is_bound(than))
		return !is_bound(rule);
	return rule->id < than->id;
}

static struct slot *next_slot(const struct index *index, const struct slot *slot)
{
	return &index->slots[(size_t)(slot - index->slots + 1) & index->mask];
}

static void insert_block(struct index *index, const struct exception *rule, struct block block,
			 const struct shape *shape)
{
	uint64_t hash = hash_key(shape, hash_selector(rule), &rule->service.address, block.value);
	struct slot *slot = &index->slots[hash & index->mask];

	while (slot->rule && (slot->hash != hash || !same_key(slot, rule, block)))
		slot = next_slot(index, slot);
	if (!slot->rule || is_better(rule, slot->rule))
		*slot = (struct slot){hash, rule, block};
}

/* @known: the shapes that stand in index->shapes already, by shape_number() */
static void insert_rule(struct index *index, const struct exception *rule, bool *known)
{
	uint32_t from = rule->service.first;
	struct block block;

	while (next_block(&rule->service, &from, &block)) {
		struct shape shape = rule_shape(rule, block.shift);
		size_t number = shape_number(&shape);

		if (!known[number])
			index->shapes[index->shape_count++] = shape;
		known[number] = true;
		insert_block(index, rule, block, &shape);
	}
}

static enum rule_sort sort_of(const struct exception *rule)
{
	if (!rule->allow)
		return RULE_DENY;
	return rule->once ? RULE_ALLOW_ONCE : RULE_ALLOW;
}

/* Is it known whom it is about? */
static bool is_settled(const struct exception *rule)
{
	if (rule->source.type == SELECT_GUEST && !is_bound(rule))
		return false;
	return !is_bound(rule) || rule->guest;
}

static bool belongs(const struct exception *rule, enum rule_sort sort)
{
	return sort_of(rule) == sort && is_settled(rule);
}

static size_t count_blocks(struct exception *const *rules, size_t count, enum rule_sort sort)
{
	size_t blocks = 0;

	for (size_t i = 0; i < count; i++) {
		uint32_t from = rules[i]->service.first;
		struct block block;

		while (belongs(rules[i], sort) && next_block(&rules[i]->service, &from, &block))
			blocks++;
	}
	return blocks;
}

static struct index *index_allocate(size_t blocks)
{
	struct index *index = calloc(1, sizeof(*index));
	size_t slots = 2;

	while (slots < 2 * blocks)
		slots *= 2;
	if (!index)
		return NULL;
	index->mask = slots - 1;
	index->slots = calloc(slots, sizeof(*index->slots));
	index->shapes = calloc(blocks ? blocks : 1, sizeof(*index->shapes));
	if (index->slots && index->shapes)
		return index;
	index_free(index);
	return NULL;
}

int index_new(struct index **index, struct exception *const *rules, size_t count,
	      enum rule_sort sort)
{
	_cleanup_free_ bool *known = calloc(SHAPE_COUNT, sizeof(*known));
	struct index *new = known ? index_allocate(count_blocks(rules, count, sort)) : NULL;

	if (!new)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		if (belongs(rules[i], sort))
			insert_rule(new, rules[i], known);
	*index = new;
	return 0;
}

void index_free(struct index *index)
{
	if (!index)
		return;
	free(index->slots);
	free(index->shapes);
	free(index);
}

static bool same_shape(const struct slot *slot, const struct shape *shape)
{
	struct shape other = rule_shape(slot->rule, slot->block.shift);

	return !memcmp(&other, shape, sizeof(other));
}

/**
 * struct question - what a rule is looked up for
 */
struct question {
	const struct flow *flow;
	const struct source *source;
	uint64_t now_us;
	const struct pin_holder *pins;
};

/* The last to be asked of a rule: is it in force for this one now? */
static bool is_in_force(const struct exception *rule, const struct question *question)
{
	const struct pin_holder *pins = question->pins;

	if (rule->is_spent || (rule->expires_us && rule->expires_us <= question->now_us))
		return false;
	return !rule->pin[0] ||
	       (pins && pins->holds && pins->holds(pins->data, rule, question->flow));
}

bool exception_decides(const struct exception *rule, const struct flow *flow,
		       const struct source *source, uint64_t now_us, const struct pin_holder *pins)
{
	const struct question question = {flow, source, now_us, pins};

	return source->class != SOURCE_HOST && protocol_has_ports(flow->protocol) &&
	       is_settled(rule) && service_matches(&rule->service, flow) &&
	       exception_concerns(rule, source) && is_in_force(rule, &question);
}

/*
 * The rule of one key. Two keys may have one hash, so what is found is compared in full; rules for one
 * service and source that are pinned to different programs have different keys of one hash.
 */
static const struct exception *find_key(const struct index *index, uint64_t hash,
					const struct shape *shape, const struct question *question)
{
	const struct slot *slot = &index->slots[hash & index->mask];

	for (; slot->rule; slot = next_slot(index, slot))
		if (slot->hash == hash && same_shape(slot, shape) &&
		    service_matches(&slot->rule->service, question->flow) &&
		    exception_concerns(slot->rule, question->source) &&
		    is_in_force(slot->rule, question))
			return slot->rule;
	return NULL;
}

const struct exception *index_match(const struct index *index, const struct flow *flow,
				    const struct source *source, uint64_t now_us,
				    const struct pin_holder *pins, unsigned int *lookups)
{
	const struct question question = {flow, source, now_us, pins};
	uint8_t family = address_family(&flow->service);
	const struct exception *best = NULL;
	uint64_t fields[FIELDS_COUNT];

	if (source->class == SOURCE_HOST || !protocol_has_ports(flow->protocol))
		return NULL;
	hash_source(source, fields);
	for (size_t i = 0; i < index->shape_count; i++) {
		const struct shape *shape = &index->shapes[i];
		struct in6_addr address = flow->service;
		const struct exception *rule;

		if ((shape->family != AF_UNSPEC && shape->family != family) ||
		    (shape->protocol && shape->protocol != flow->protocol))
			continue;
		address_mask(&address, shape->prefix);
		rule = find_key(index,
				hash_key(shape, fields[shape->fields], &address,
					 (uint16_t)(flow->service_port >> shape->port_shift)),
				shape, &question);
		if (lookups)
			(*lookups)++;
		if (rule && (!best || is_better(rule, best)))
			best = rule;
	}
	return best;
}
