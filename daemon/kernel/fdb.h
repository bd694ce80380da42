/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which MAC address is behind which bridge port, and where that cannot be trusted. Pure data. */
#ifndef LHGUARD_KERNEL_FDB_H
#define LHGUARD_KERNEL_FDB_H

#include "kernel/links.h"

#define FDB_ENTRIES	 8192  /* learned addresses on all bridges together */
#define FDB_AMBIGUOUS_MS 30000 /* after a move between ports */

struct fdb;

/**
 * struct fdb_entry - what one message says
 * @bridge: ifindex
 * @port: ifindex
 * @vlan: 0 for none
 * @mac: the address
 */
struct fdb_entry {
	uint32_t bridge;
	uint32_t port;
	uint16_t vlan;
	uint8_t mac[MAC_SIZE];
};

int fdb_new(struct fdb **fdb);
void fdb_free(struct fdb *fdb);

/**
 * fdb_learn() - the bridge has seen the address at the port
 * @now_ms: CLOCK_MONOTONIC
 *
 * When the table is full, the port that has most entries loses its oldest: a guest that floods its
 * port with addresses loses its own. Allocates nothing.
 */
void fdb_learn(struct fdb *fdb, const struct fdb_entry *entry, uint64_t now_ms);

/** fdb_forget() - the bridge has dropped the address; a move is still recognised afterwards. */
void fdb_forget(struct fdb *fdb, const struct fdb_entry *entry, uint64_t now_ms);

/** fdb_forget_port() - the port is gone: its addresses may come back elsewhere without suspicion.
 */
void fdb_forget_port(struct fdb *fdb, uint32_t port, uint64_t now_ms);

/** fdb_begin_sync() - a dump begins; fdb_end_sync() drops what was not learned since. */
void fdb_begin_sync(struct fdb *fdb);
void fdb_end_sync(struct fdb *fdb, uint64_t now_ms);

/** fdb_find() - as links_port(). */
enum links_port fdb_find(const struct fdb *fdb, uint32_t bridge, const uint8_t *mac,
			 uint64_t now_ms, uint32_t *port);

/**
 * fdb_each() - the addresses behind one port that fdb_find() finds there, the newest first
 * @visit: returns non-zero to end
 */
void fdb_each(const struct fdb *fdb, uint32_t port, uint64_t now_ms,
	      int (*visit)(void *data, const uint8_t *mac), void *data);

#endif
