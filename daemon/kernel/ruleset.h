/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table "inet lhguard": what is queued, what happens when nobody answers. */
#ifndef LHGUARD_KERNEL_RULESET_H
#define LHGUARD_KERNEL_RULESET_H

#include "flow.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct ruleset;

#define RULESET_TABLE	    "lhguard"
#define RULESET_REJECT_MARK 0x6c686772u /* "lhgr": a packet that our reject chain answers */

#define RULESET_LEVELS	    8 /* depths of cgroups that the table looks at */
#define RULESET_CGROUPS_MAX 2048

#define RULESET_PREFIX_SIZE  3 /* bytes of a maker's prefix of MAC addresses */
#define RULESET_PREFIXES_MAX 32
#define RULESET_MACS_MAX     2048

/** enum ruleset_expression - how packets get into a queue on this kernel */
enum ruleset_expression {
	RULESET_NATIVE, /* nft's own "queue" expression */
	RULESET_COMPAT, /* the xtables target NFQUEUE through nft_compat */
};

/**
 * struct ruleset_settings - everything the table depends on
 * @loopback_queue: queue number for new connections at output on lo
 * @guests_queue: queue number for new connections at input from elsewhere, and injected frames
 * @loopback_bypass: accept on loopback when no daemon listens
 * @guests_bypass: accept from elsewhere when no daemon listens
 * @reject: refusals are answered: the chains that do so are needed
 * @neighbour_discovery: accept ND, router solicitation, MLD and IGMP from guests in the kernel
 */
struct ruleset_settings {
	uint16_t loopback_queue;
	uint16_t guests_queue;
	bool loopback_bypass;
	bool guests_bypass;
	bool reject;
	bool neighbour_discovery;
};

/** ruleset_new() - open the sockets in the current network namespace; installs nothing yet. */
int ruleset_new(struct ruleset **ruleset, struct error *error);

/** ruleset_free() - close the sockets; leaves the table as it is. */
void ruleset_free(struct ruleset *ruleset);

/**
 * ruleset_install() - put the table in place, replacing any earlier one in one atomic batch
 * Tries the native expression first, and the compat one when the kernel answers ENOENT.
 * Return: 0 or -errno with @error saying what the kernel lacks.
 */
int ruleset_install(struct ruleset *ruleset, const struct ruleset_settings *settings,
		    struct error *error);

/** ruleset_remove() - delete the table; 0 also when it is gone already. */
int ruleset_remove(struct ruleset *ruleset);

/**
 * ruleset_set_lan() - which interfaces are not queued (but for 127/8 and ::1)
 * @ifindexes: the whole set, replaces the earlier one; kept for ruleset_install() too
 */
int ruleset_set_lan(struct ruleset *ruleset, const uint32_t *ifindexes, size_t count);

/**
 * struct ruleset_bridged - source addresses on LAN interfaces that may be those of VMs of this host
 * @prefixes: of the makers whose VMs run here
 * @macs: whole addresses
 */
struct ruleset_bridged {
	uint8_t prefixes[RULESET_PREFIXES_MAX][RULESET_PREFIX_SIZE];
	size_t prefix_count;
	uint8_t macs[RULESET_MACS_MAX][MAC_SIZE];
	size_t mac_count;
};

/**
 * ruleset_set_bridged() - which packets on LAN interfaces are queued after all
 * @bridged: replaces the earlier ones; kept for ruleset_install() too
 */
int ruleset_set_bridged(struct ruleset *ruleset, const struct ruleset_bridged *bridged);

/**
 * struct ruleset_cgroup - a cgroup2 directory
 * @id: its inode number
 * @level: how deep it lies, the root's children being 1
 */
struct ruleset_cgroup {
	uint64_t id;
	uint8_t level;
};

/**
 * ruleset_set_guest_cgroups() - which cgroups are guests' and nobody else's
 * @cgroups: the whole set, in any order, replaces the earlier one; kept for ruleset_install() too.
 * Only the difference is written to the kernel.
 * @count: at most RULESET_CGROUPS_MAX; deeper ones than RULESET_LEVELS are left out
 *
 * What their sockets send on lo goes to the guests' queue, with its policies, also when the socket
 * has closed by the time somebody looks.
 */
int ruleset_set_guest_cgroups(struct ruleset *ruleset, const struct ruleset_cgroup *cgroups,
			      size_t count);

/**
 * ruleset_trust_flows() - may later datagrams on lo pass by their connection tracking entry?
 * @trust: yes, as long as no guest has a process in this network namespace; at first it is no
 */
int ruleset_trust_flows(struct ruleset *ruleset, bool trust);

/** ruleset_knows_cgroups() - does the kernel tell these apart? Not where it cannot, or took no set. */
bool ruleset_knows_cgroups(const struct ruleset *ruleset);

/** ruleset_sees_forged() - are datagrams in the host's name kept out of connection tracking? */
bool ruleset_sees_forged(const struct ruleset *ruleset);

enum ruleset_expression ruleset_expression(const struct ruleset *ruleset);

/** ruleset_fd() - readable when somebody changed nftables; then call ruleset_dispatch(). */
int ruleset_fd(const struct ruleset *ruleset);

/**
 * ruleset_dispatch() - read the change notifications
 * Return: 1 when our table was changed or removed by somebody else, or notifications were lost (the
 * caller installs it again), 0 when it was not, -errno when the socket is broken.
 */
int ruleset_dispatch(struct ruleset *ruleset);

#endif
