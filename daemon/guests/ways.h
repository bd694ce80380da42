/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ways by which a guest's connections can arrive, for those who ask before there is one. */
#ifndef LHGUARD_GUESTS_WAYS_H
#define LHGUARD_GUESTS_WAYS_H

#include "flow.h"

struct guest;
struct registry;

#define WAYS_MAX 32 /* of one guest; what is beyond is left out */

/**
 * struct way - one way from a guest to the host
 * @source: what registry_source() would say of a connection that arrives by it, but for what depends
 *	on the service: @own_service and @own_gateway
 * @ifindex: of the interface that it arrives by, 0 on lo
 * @is_own: on lo: a process of the guest itself opens it, which may listen here, too
 */
struct way {
	struct source source;
	uint32_t ifindex;
	bool is_own;
};

/**
 * registry_ways() - the ways of a guest
 *
 * Those on lo: its own processes in the guarded network namespace, and each conduit that serves it.
 * Those on wires: each interface that leads to it, by the bridge that it is a port of; a VM of a
 * runtime that bridges, by each interface that leads to the LAN. A way that the registry does not
 * know is not there: so no answer made from these proves that a guest reaches nothing.
 *
 * Reads /proc: for the control path only.
 * Return: how many were written to @ways, at most @size.
 */
size_t registry_ways(struct registry *registry, const struct guest *guest, struct way *ways,
		     size_t size);

/**
 * registry_way_source() - who a connection by this way is from
 * @flow: where its service address is unspecified (:: or ::ffff:0.0.0.0) it becomes the one that a
 *	guest would write: 127.0.0.1 or ::1 on lo, else the first address of the interface
 * Return: false when that interface has no address of this family.
 */
bool registry_way_source(struct registry *registry, const struct way *way, struct flow *flow,
			 struct source *source);

#endif
