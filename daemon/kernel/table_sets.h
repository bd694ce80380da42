/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The sets of the table "inet lhguard", shared by table.c and table_sets.c only. */
#ifndef LHGUARD_KERNEL_TABLE_SETS_H
#define LHGUARD_KERNEL_TABLE_SETS_H

#include "kernel/table.h"

#define SET_LAN	      "lan"
#define SET_PREFIXES  "vm_prefixes"
#define SET_MACS      "vm_macs"
#define SET_TRACKED   "tracked"
#define SET_UNASKED   "unasked"
#define SET_DISCOVERY "discovery"

/** table_guest_sets - names of the sets of guests' cgroups, by depth */
extern const char *const table_guest_sets[RULESET_LEVELS];

/** table_add_sets() - put into the batch: all sets with their elements */
void table_add_sets(struct nft_batch *batch, const struct table_plan *plan);

#endif
