/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which IP addresses the host has seen at an interface or bridge port: shown, never believed. */
#ifndef LHGUARD_KERNEL_NEIGHBOURS_H
#define LHGUARD_KERNEL_NEIGHBOURS_H

#include "kernel/links_message.h"

#define NEIGHBOURS_PORTS    1024 /* a power of two; at most 3/4 are used */
#define NEIGHBOURS_PER_PORT 16

struct neighbours;

/**
 * neighbours_new() - opens a socket in the current network namespace; reads nothing yet
 * @links: of the same namespace, borrowed; NULL in a test that only adds
 */
int neighbours_new(struct neighbours **neighbours, const struct links *links);
void neighbours_free(struct neighbours *neighbours);

/**
 * neighbours_refresh() - read the kernel's tables anew, unless that was done within the last second
 * Two dumps, of at most net.ipv4/ipv6.neigh.default.gc_thresh3 entries each: for the control path
 * only.
 */
void neighbours_refresh(struct neighbours *neighbours);

/**
 * neighbours_is_router() - is this the MAC address of a router of the host's?
 * Of one that a default route leads to, and that the host has resolved. Who merely says of itself
 * that it is one (NTF_ROUTER) is none. Reads the kernel's tables anew: not for the verdict path.
 */
bool neighbours_is_router(struct neighbours *neighbours, const uint8_t *mac);

/** neighbours_clear() - forget all; neighbours_refresh() begins so. */
void neighbours_clear(struct neighbours *neighbours);

/**
 * neighbours_add() - one peer that is behind this port, or alone behind this interface
 * The first NEIGHBOURS_PER_PORT of each port are kept, so a guest that floods the table crowds out
 * nobody but itself.
 */
void neighbours_add(struct neighbours *neighbours, uint32_t port, const struct neighbour *entry);

/** neighbours_each() - the peers behind a port. */
void neighbours_each(const struct neighbours *neighbours, uint32_t port,
		     void (*visit)(void *data, const struct neighbour *entry), void *data);

#endif
