/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which MAC address is behind which bridge port, and where that cannot be trusted. Pure data. */
#include "kernel/fdb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/**
 * DOC: Theory of Operation
 *
 * A guest may send with its neighbour's MAC address: the bridge moves the entry to the guest's
 * port, and back with the neighbour's next frame. By the time a packet is judged the entry may name
 * either. So an entry that has moved between two ports names neither for FDB_AMBIGUOUS_MS. An entry
 * that was dropped stays as "gone", since a guest can make the bridge drop it by taking its link
 * down; only when the port itself is removed is an address free to appear elsewhere (a container
 * that was restarted).
 *
 * An address that is at two ports in two VLANs is ambiguous as long as it is known: the packet's
 * VLAN is not.
 *
 * All memory is there from the start. Entries hang in hash chains (the hash is keyed: guests choose
 * addresses) and in one list for each port, oldest first.
 */

#define NONE	   UINT16_MAX /* no entry, the end of a list */
#define HASH_SIZE  8192
#define HASH_SHIFT (64 - 13)

_Static_assert(FDB_ENTRIES < NONE, "entries are numbered by uint16_t");
_Static_assert(HASH_SIZE == 1 << 13, "HASH_SHIFT");

/**
 * struct slot - one address
 * @entry: where it is, or was last
 * @changed_ms: when it was last learned or dropped
 * @moved_ms: when it last moved between ports, valid when @moved
 * @sync: number of the dump that it was last learned in, or after
 * @moved: it has moved
 * @gone: the bridge has dropped it
 * @in_vlans: it was at two ports in two VLANs at the same time
 * @chain: next with the same hash, or next free
 * @older: in the port's list
 * @newer: in the port's list
 */
struct slot {
	struct fdb_entry entry;
	uint64_t changed_ms;
	uint64_t moved_ms;
	uint32_t sync;
	bool moved;
	bool gone;
	bool in_vlans;
	uint16_t chain;
	uint16_t older;
	uint16_t newer;
};

/**
 * struct port - one port's list
 * @ifindex: of the port
 * @count: entries in the list; a port without any is removed, so that there are never more ports
 * than entries
 * @oldest: first to be evicted
 * @newest: learned last
 */
struct port {
	uint32_t ifindex;
	uint16_t count;
	uint16_t oldest;
	uint16_t newest;
};

struct fdb {
	uint64_t key;
	uint32_t sync;
	uint16_t free; /* the first of those in use once and free again */
	uint16_t used; /* so many were in use once; what is behind costs no memory */
	size_t port_count;
	uint16_t hash[HASH_SIZE];
	struct port ports[FDB_ENTRIES];
	struct slot slots[FDB_ENTRIES];
};

static size_t hash_of(const struct fdb *fdb, uint32_t bridge, const uint8_t *mac)
{
	uint64_t value = 0;

	memcpy(&value, mac, MAC_SIZE);
	value = (value ^ fdb->key) * UINT64_C(0x9e3779b97f4a7c15);
	value = (value ^ (value >> 32) ^ bridge) * UINT64_C(0xd6e8feb86659fd93);
	return (value ^ (value >> 32)) * UINT64_C(0x9e3779b97f4a7c15) >> HASH_SHIFT;
}

int fdb_new(struct fdb **fdb)
{
	struct fdb *made = calloc(1, sizeof(*made));

	if (!made)
		return -ENOMEM;
	if (getrandom(&made->key, sizeof(made->key), 0) != sizeof(made->key)) {
		free(made);
		return -EIO;
	}
	memset(made->hash, 0xff, sizeof(made->hash));
	made->free = NONE;
	*fdb = made;
	return 0;
}

void fdb_free(struct fdb *fdb)
{
	free(fdb);
}

/* The link in the hash chain that leads to the address, or to NONE at its end. */
static uint16_t *find_link(struct fdb *fdb, uint32_t bridge, const uint8_t *mac)
{
	uint16_t *link = &fdb->hash[hash_of(fdb, bridge, mac)];

	while (*link != NONE) {
		struct slot *slot = &fdb->slots[*link];

		if (slot->entry.bridge == bridge && memcmp(slot->entry.mac, mac, MAC_SIZE) == 0)
			break;
		link = &slot->chain;
	}
	return link;
}

static struct port *find_port(struct fdb *fdb, uint32_t ifindex)
{
	for (size_t i = 0; i < fdb->port_count; i++) {
		if (fdb->ports[i].ifindex == ifindex)
			return &fdb->ports[i];
	}
	return NULL;
}

static struct port *need_port(struct fdb *fdb, uint32_t ifindex)
{
	struct port *port = find_port(fdb, ifindex);

	if (port)
		return port;
	port = &fdb->ports[fdb->port_count++];
	*port = (struct port){.ifindex = ifindex, .oldest = NONE, .newest = NONE};
	return port;
}

static struct port *largest_port(struct fdb *fdb)
{
	struct port *largest = &fdb->ports[0];

	for (size_t i = 1; i < fdb->port_count; i++) {
		if (fdb->ports[i].count > largest->count)
			largest = &fdb->ports[i];
	}
	return largest;
}

static void list_append(struct fdb *fdb, struct port *port, uint16_t index)
{
	struct slot *slot = &fdb->slots[index];

	slot->older = port->newest;
	slot->newer = NONE;
	if (port->newest == NONE)
		port->oldest = index;
	else
		fdb->slots[port->newest].newer = index;
	port->newest = index;
	port->count++;
}

static void list_remove(struct fdb *fdb, uint16_t index)
{
	const struct slot *slot = &fdb->slots[index];
	struct port *port = find_port(fdb, slot->entry.port);

	if (slot->older == NONE)
		port->oldest = slot->newer;
	else
		fdb->slots[slot->older].newer = slot->newer;
	if (slot->newer == NONE)
		port->newest = slot->older;
	else
		fdb->slots[slot->newer].older = slot->older;
	if (--port->count == 0)
		*port = fdb->ports[--fdb->port_count];
}

static void release(struct fdb *fdb, uint16_t index)
{
	struct slot *slot = &fdb->slots[index];
	uint16_t *link = find_link(fdb, slot->entry.bridge, slot->entry.mac);

	*link = slot->chain;
	list_remove(fdb, index);
	slot->chain = fdb->free;
	fdb->free = index;
}

static bool is_ambiguous(const struct slot *slot, uint64_t now_ms)
{
	return slot->in_vlans || (slot->moved && now_ms - slot->moved_ms < FDB_AMBIGUOUS_MS);
}

/* For a new entry; when there is none left, that of the largest port's oldest. */
static uint16_t take_slot(struct fdb *fdb)
{
	uint16_t index;

	if (fdb->free == NONE && fdb->used < FDB_ENTRIES)
		return fdb->used++;
	if (fdb->free == NONE)
		release(fdb, largest_port(fdb)->oldest);
	index = fdb->free;
	fdb->free = fdb->slots[index].chain;
	return index;
}

/* Return: the new entry, without a port yet. */
static uint16_t insert(struct fdb *fdb, const struct fdb_entry *entry)
{
	uint16_t index = take_slot(fdb);

	fdb->slots[index] = (struct slot){.entry = *entry, .chain = NONE};
	*find_link(fdb, entry->bridge, entry->mac) = index;
	return index;
}

/* A known address is learned again, perhaps at another port. */
static void note_move(struct slot *slot, const struct fdb_entry *entry, uint64_t now_ms)
{
	if (slot->gone && now_ms - slot->changed_ms >= FDB_AMBIGUOUS_MS) {
		slot->moved = false;
		slot->in_vlans = false;
		return;
	}
	if (slot->entry.port == entry->port)
		return;
	slot->moved = true;
	slot->moved_ms = now_ms;
	if (!slot->gone && slot->entry.vlan != entry->vlan)
		slot->in_vlans = true;
}

void fdb_learn(struct fdb *fdb, const struct fdb_entry *entry, uint64_t now_ms)
{
	uint16_t index = *find_link(fdb, entry->bridge, entry->mac);
	struct slot *slot;

	if (index != NONE) {
		note_move(&fdb->slots[index], entry, now_ms);
		list_remove(fdb, index);
	} else {
		index = insert(fdb, entry);
	}
	slot = &fdb->slots[index];
	slot->entry = *entry;
	slot->gone = false;
	slot->changed_ms = now_ms;
	slot->sync = fdb->sync;
	list_append(fdb, need_port(fdb, entry->port), index);
}

static void mark_gone(struct slot *slot, uint64_t now_ms)
{
	if (slot->gone)
		return;
	slot->gone = true;
	slot->changed_ms = now_ms;
}

void fdb_forget(struct fdb *fdb, const struct fdb_entry *entry, uint64_t now_ms)
{
	uint16_t index = *find_link(fdb, entry->bridge, entry->mac);

	/* Of an address in two VLANs, or one that has moved since, this may be the other entry. */
	if (index != NONE && fdb->slots[index].entry.port == entry->port)
		mark_gone(&fdb->slots[index], now_ms);
}

void fdb_forget_port(struct fdb *fdb, uint32_t ifindex, uint64_t now_ms)
{
	const struct port *port = find_port(fdb, ifindex);
	uint16_t index = port ? port->oldest : NONE;

	while (index != NONE) {
		uint16_t newer = fdb->slots[index].newer;

		if (is_ambiguous(&fdb->slots[index], now_ms))
			mark_gone(&fdb->slots[index], now_ms);
		else
			release(fdb, index);
		index = newer;
	}
}

void fdb_begin_sync(struct fdb *fdb)
{
	fdb->sync++;
}

void fdb_end_sync(struct fdb *fdb, uint64_t now_ms)
{
	for (size_t i = 0; i < fdb->port_count; i++) {
		for (uint16_t at = fdb->ports[i].oldest; at != NONE; at = fdb->slots[at].newer) {
			if (fdb->slots[at].sync != fdb->sync)
				mark_gone(&fdb->slots[at], now_ms);
		}
	}
}

enum links_port fdb_find(const struct fdb *fdb, uint32_t bridge, const uint8_t *mac,
			 uint64_t now_ms, uint32_t *port)
{
	const struct slot *slot;
	uint16_t index = *find_link((struct fdb *)fdb, bridge, mac);

	if (index == NONE)
		return LINKS_PORT_NONE;
	slot = &fdb->slots[index];
	if (is_ambiguous(slot, now_ms))
		return LINKS_PORT_AMBIGUOUS;
	if (slot->gone)
		return LINKS_PORT_NONE;
	*port = slot->entry.port;
	return LINKS_PORT_FOUND;
}

void fdb_each(const struct fdb *fdb, uint32_t port, uint64_t now_ms,
	      int (*visit)(void *data, const uint8_t *mac), void *data)
{
	const struct port *list = find_port((struct fdb *)fdb, port);
	uint16_t index = list ? list->newest : NONE;

	for (; index != NONE; index = fdb->slots[index].older) {
		const struct slot *slot = &fdb->slots[index];

		if (!slot->gone && !is_ambiguous(slot, now_ms) && visit(data, slot->entry.mac))
			return;
	}
}
