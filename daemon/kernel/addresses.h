/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The set of addresses that this machine has, by interface. Pure data. */
#ifndef LHGUARD_KERNEL_ADDRESSES_H
#define LHGUARD_KERNEL_ADDRESSES_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct addresses;

/**
 * struct interface_address - one address of one interface
 * @ifindex: of the interface
 * @prefix: bits; IPv4 may have one address twice on an interface, with different prefixes
 * @address: IPv4 as ::ffff:a.b.c.d
 */
struct interface_address {
	uint32_t ifindex;
	uint8_t prefix;
	struct in6_addr address;
};

int addresses_new(struct addresses **addresses);
void addresses_free(struct addresses *addresses);

/** addresses_add() - 0 also when it is there already; -ENOMEM. */
int addresses_add(struct addresses *addresses, const struct interface_address *address);
void addresses_remove(struct addresses *addresses, const struct interface_address *address);

/** addresses_remove_link() - the interface is gone with all it had. */
void addresses_remove_link(struct addresses *addresses, uint32_t ifindex);

/** addresses_begin_sync() - a dump begins; addresses_end_sync() drops what was not added since. */
void addresses_begin_sync(struct addresses *addresses);
void addresses_end_sync(struct addresses *addresses);

/** addresses_each() - in no order; stops when @visit returns non-zero */
void addresses_each(const struct addresses *addresses,
		    int (*visit)(void *data, const struct interface_address *address), void *data);

/** addresses_contain() - is it assigned to @ifindex (0: to any interface)? */
bool addresses_contain(const struct addresses *addresses, uint32_t ifindex,
		       const struct in6_addr *address);

/**
 * addresses_first() - the address of an interface that people would name
 * A global one before a link-local one; of several the lowest.
 * @family: AF_INET or AF_INET6
 * Looks at all: not for the verdict path. Return: false when it has none.
 */
bool addresses_first(const struct addresses *addresses, uint32_t ifindex, uint8_t family,
		     struct in6_addr *address);

#endif
