/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The set of addresses that this machine has, by interface. Pure data. */
#include "kernel/addresses.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 1024

struct node {
	struct interface_address address;
	uint32_t sync;
	struct node *next;
};

struct addresses {
	uint32_t sync;
	struct node *buckets[BUCKETS];
};

int addresses_new(struct addresses **addresses)
{
	*addresses = calloc(1, sizeof(**addresses));
	return *addresses ? 0 : -ENOMEM;
}

/* Guests do not choose the host's addresses: a plain hash will do. */
static size_t bucket_of(const struct in6_addr *address)
{
	const uint32_t *words = address->s6_addr32;
	uint32_t value = words[0] ^ words[1] ^ words[2] ^ words[3];

	return (value * UINT32_C(0x9e3779b1) >> 16) % BUCKETS;
}

static bool is_same(const struct interface_address *one, const struct interface_address *other)
{
	return one->ifindex == other->ifindex && one->prefix == other->prefix &&
	       IN6_ARE_ADDR_EQUAL(&one->address, &other->address);
}

/* The pointer that leads to the node, or to NULL at the end of its chain. */
static struct node **find(struct addresses *addresses, const struct interface_address *address)
{
	struct node **at = &addresses->buckets[bucket_of(&address->address)];

	while (*at && !is_same(&(*at)->address, address))
		at = &(*at)->next;
	return at;
}

static void unlink_node(struct node **at)
{
	struct node *node = *at;

	*at = node->next;
	free(node);
}

int addresses_add(struct addresses *addresses, const struct interface_address *address)
{
	struct node **at = find(addresses, address);

	if (!*at)
		*at = calloc(1, sizeof(**at));
	if (!*at)
		return -ENOMEM;
	(*at)->address = *address;
	(*at)->sync = addresses->sync;
	return 0;
}

void addresses_remove(struct addresses *addresses, const struct interface_address *address)
{
	struct node **at = find(addresses, address);

	if (*at)
		unlink_node(at);
}

static bool is_on_link(const struct node *node, uint32_t ifindex)
{
	return node->address.ifindex == ifindex;
}

static bool is_unseen(const struct node *node, uint32_t sync)
{
	return node->sync != sync;
}

static bool is_any(const struct node *node, uint32_t unused)
{
	return true;
}

static void remove_if(struct addresses *addresses,
		      bool (*test)(const struct node *node, uint32_t value), uint32_t value)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		struct node **at = &addresses->buckets[i];

		while (*at) {
			if (test(*at, value))
				unlink_node(at);
			else
				at = &(*at)->next;
		}
	}
}

void addresses_remove_link(struct addresses *addresses, uint32_t ifindex)
{
	remove_if(addresses, is_on_link, ifindex);
}

void addresses_begin_sync(struct addresses *addresses)
{
	addresses->sync++;
}

void addresses_end_sync(struct addresses *addresses)
{
	remove_if(addresses, is_unseen, addresses->sync);
}

void addresses_free(struct addresses *addresses)
{
	if (!addresses)
		return;
	remove_if(addresses, is_any, 0);
	free(addresses);
}

bool addresses_contain(const struct addresses *addresses, uint32_t ifindex,
		       const struct in6_addr *address)
{
	const struct node *at = addresses->buckets[bucket_of(address)];

	for (; at; at = at->next) {
		if ((ifindex == 0 || at->address.ifindex == ifindex) &&
		    IN6_ARE_ADDR_EQUAL(&at->address.address, address))
			return true;
	}
	return false;
}

static bool is_better(const struct in6_addr *one, const struct in6_addr *other)
{
	bool is_local = IN6_IS_ADDR_LINKLOCAL(one);

	if (is_local != (bool)IN6_IS_ADDR_LINKLOCAL(other))
		return !is_local;
	return memcmp(one, other, sizeof(*one)) < 0;
}

bool addresses_first(const struct addresses *addresses, uint32_t ifindex, uint8_t family,
		     struct in6_addr *address)
{
	const struct in6_addr *best = NULL;

	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct node *at = addresses->buckets[i]; at; at = at->next) {
			const struct in6_addr *found = &at->address.address;

			if (at->address.ifindex == ifindex &&
			    (bool)IN6_IS_ADDR_V4MAPPED(found) == (family == AF_INET) &&
			    (!best || is_better(found, best)))
				best = found;
		}
	if (best)
		*address = *best;
	return best;
}

void addresses_each(const struct addresses *addresses,
		    int (*visit)(void *data, const struct interface_address *address), void *data)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (const struct node *node = addresses->buckets[i]; node; node = node->next)
			if (visit(data, &node->address))
				return;
}
