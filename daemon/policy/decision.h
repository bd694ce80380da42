/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The decision: a pure function of flow, source, configuration and exceptions. */
#ifndef LHGUARD_POLICY_DECISION_H
#define LHGUARD_POLICY_DECISION_H

#include "flow.h"

struct config;
struct exceptions;

#define RESOLVERS_MAX 8

/**
 * struct resolvers - the host's resolver addresses
 * @address: in struct flow's form; one that is not the host's own does no harm, since no
 *	connection on lo goes there
 * @count: at most RESOLVERS_MAX
 */
struct resolvers {
	struct in6_addr address[RESOLVERS_MAX];
	size_t count;
};

/**
 * resolvers_read() - the nameserver lines of a resolv.conf(5)
 * Lines beyond RESOLVERS_MAX, and those without an address, are passed over.
 * Return: 0, or -errno (@resolvers is empty then).
 */
int resolvers_read(const char *path, struct resolvers *resolvers);

/**
 * struct policy - what the decision depends on
 * @exceptions: NULL: as if there were none
 */
struct policy {
	const struct config *config;
	const struct exceptions *exceptions;
	const struct resolvers *resolvers;
};

/**
 * decide() - the verdict for one new connection
 * @now_us: CLOCK_REALTIME, for exceptions with an end
 *
 * The first of the steps that has an answer decides: host processes are accepted; 127/8 and ::1
 * from outside lo are refused whatever the exceptions say; a deny exception; an allow exception;
 * what the guest itself listens on; infrastructure, for guests and unknown sources (DHCP, DNS, ping
 * and neighbour discovery on the gateway's address of the interface that they came in by, port 53 of
 * the host's resolvers for user-net and host-net guests); the narrowest default, which there is for
 * every source. No allocation, no system call.
 */
void decide(const struct policy *policy, const struct flow *flow, const struct source *source,
	    uint64_t now_us, struct decision *decision);

#endif
