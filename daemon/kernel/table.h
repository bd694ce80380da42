/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the table "inet lhguard" says: its sets, chains and rules. */
#ifndef LHGUARD_KERNEL_TABLE_H
#define LHGUARD_KERNEL_TABLE_H

#include "kernel/ruleset.h"

struct nft_batch;

/**
 * struct table_plan - everything that the table is made from
 * @expression: how packets get into a queue
 * @no_cgroups: the kernel cannot match a socket's cgroup
 * @no_fib: nor whether an address is the host's
 * @trust_flows: see ruleset_trust_flows()
 * @lan: ifindexes that are not queued
 * @bridged: MAC addresses on those that are queued all the same
 * @cgroups: of guests, at depths up to RULESET_LEVELS
 */
struct table_plan {
	const struct ruleset_settings *settings;
	enum ruleset_expression expression;
	bool no_cgroups;
	bool no_fib;
	bool trust_flows;
	const uint32_t *lan;
	size_t lan_count;
	const struct ruleset_bridged *bridged;
	const struct ruleset_cgroup *cgroups;
	size_t cgroup_count;
};

/** table_write() - put into the batch: the table, replaced as a whole */
void table_write(struct nft_batch *batch, const struct table_plan *plan);

/** table_erase() - put into the batch: no table, whether there is one or not */
void table_erase(struct nft_batch *batch);

/** table_write_lan() - put into the batch: the new elements of the set of LAN interfaces */
void table_write_lan(struct nft_batch *batch, const uint32_t *lan, size_t count);

/** table_write_bridged() - put into the batch: the new elements of the sets of VMs' MAC addresses */
void table_write_bridged(struct nft_batch *batch, const struct ruleset_bridged *bridged);

/** table_write_trust() - put into the batch: the new elements of the set of protocols not asked
 * about */
void table_write_trust(struct nft_batch *batch, bool trust_flows);

/**
 * struct table_cgroups - what changes in the sets of guests' cgroups
 * @removed: are in the sets, and shall not be
 * @added: the other way round
 * @anew: the sets hold nothing but @added afterwards, whatever was in them
 */
struct table_cgroups {
	const struct ruleset_cgroup *removed;
	size_t removed_count;
	const struct ruleset_cgroup *added;
	size_t added_count;
	bool anew;
};

/** table_write_cgroups() - put into the batch: that change */
void table_write_cgroups(struct nft_batch *batch, const struct table_cgroups *change);

#endif
