/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One atomic batch of nftables messages, and rules as lists of matches and a verdict. */
#ifndef LHGUARD_KERNEL_NFT_H
#define LHGUARD_KERNEL_NFT_H

#include <linux/netfilter/nf_tables.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;
struct netlink;
struct nft_batch;

/* Key types that `nft list` knows by number (nftables, include/datatype.h). */
enum nft_key_type {
	NFT_KEY_LINK_ADDRESS = 6,
	NFT_KEY_ETHER = 9,
	NFT_KEY_PROTOCOL = 12,
	NFT_KEY_INTERFACE = 20,
	NFT_KEY_ICMPV6_TYPE = 29,
	NFT_KEY_CGROUP = 46,
};

/**
 * nft_batch_new() - begin a batch on one table of the inet family
 * @netlink: NETLINK_NETFILTER socket that will send it, its sequence numbers are taken here
 * @table: name; the string has to outlive the batch
 *
 * No call below but nft_batch_commit() fails: a lack of memory is remembered and told there.
 *
 * Return: the batch, or NULL without memory.
 */
struct nft_batch *nft_batch_new(struct netlink *netlink, const char *table);
void nft_batch_free(struct nft_batch *batch);

/**
 * nft_batch_commit() - send the batch and read the answer to each of its messages
 * @error: names what the kernel refused
 * Return: 0 when all of it is in force, or -errno and nothing of it is.
 */
int nft_batch_commit(struct nft_batch *batch, struct error *error);

void nft_add_table(struct nft_batch *batch);
void nft_delete_table(struct nft_batch *batch);

/** nft_add_hook() - a base chain of type filter with policy accept */
void nft_add_hook(struct nft_batch *batch, const char *name, uint32_t hook, int32_t priority);

/** nft_add_chain() - a chain that other chains jump to */
void nft_add_chain(struct nft_batch *batch, const char *name);

/** nft_add_set() - a named set; elements are added with nft_add_elements() */
void nft_add_set(struct nft_batch *batch, const char *name, enum nft_key_type type, size_t size);
void nft_flush_set(struct nft_batch *batch, const char *name);

/**
 * nft_add_elements() - put keys into a set
 * @keys: @count keys of @size bytes each, as the kernel has them in its registers
 */
void nft_add_elements(struct nft_batch *batch, const char *set, const void *keys, size_t size,
		      size_t count);

/** nft_delete_elements() - take keys out of a set, as nft_add_elements(); each has to be there */
void nft_delete_elements(struct nft_batch *batch, const char *set, const void *keys, size_t size,
			 size_t count);

/**
 * nft_begin_rule() - begin a rule at the end of a chain; what follows is put into it
 * @comment: shown by `nft list` and in errors, less than 128 bytes; has to outlive the batch
 */
void nft_begin_rule(struct nft_batch *batch, const char *chain, const char *comment);
void nft_end_rule(struct nft_batch *batch);

/* Matches. */

/** nft_match_meta() - compare a value of the packet's circumstances (enum nft_meta_keys) */
void nft_match_meta(struct nft_batch *batch, enum nft_meta_keys key, enum nft_cmp_ops operation,
		    const void *value, size_t size);
void nft_match_meta_u32(struct nft_batch *batch, enum nft_meta_keys key, enum nft_cmp_ops operation,
			uint32_t value);

/** nft_match_protocol() - `meta l4proto @protocol` */
void nft_match_protocol(struct nft_batch *batch, uint8_t protocol);

/** nft_match_meta_set() - is the value in a named set of this batch? */
void nft_match_meta_set(struct nft_batch *batch, enum nft_meta_keys key, const char *set);

/** nft_match_payload() - compare bytes of the packet */
void nft_match_payload(struct nft_batch *batch, enum nft_payload_bases base, uint32_t offset,
		       enum nft_cmp_ops operation, const void *value, size_t size);

/** nft_match_payload_bits() - compare the bits @mask of one byte of the packet with @value */
void nft_match_payload_bits(struct nft_batch *batch, enum nft_payload_bases base, uint32_t offset,
			    uint8_t mask, enum nft_cmp_ops operation, uint8_t value);

/** nft_match_payload_set() - are @size bytes of the packet in a named set of this batch? */
void nft_match_payload_set(struct nft_batch *batch, enum nft_payload_bases base, uint32_t offset,
			   size_t size, const char *set);

/**
 * nft_match_cgroup_set() - is the socket's cgroup below one of a named set of this batch?
 * @level: how deep those lie, the root's children being 1; needs nft_socket and Linux 5.13
 */
void nft_match_cgroup_set(struct nft_batch *batch, uint32_t level, const char *set);

/** nft_match_ct() - does the packet's connection have any of these bits? No connection: no match.
 */
void nft_match_ct(struct nft_batch *batch, enum nft_ct_keys key, uint32_t bits);

/** nft_match_ct_reply() - does the packet go in its connection's reply direction? */
void nft_match_ct_reply(struct nft_batch *batch);

/**
 * nft_match_local_source() - `fib saddr type local`: is the source an address of this host?
 * A link-local one only where it is one of the interface's; needs nft_fib_inet.
 */
void nft_match_local_source(struct nft_batch *batch);

/* Verdicts. */

void nft_accept(struct nft_batch *batch);

/** nft_notrack() - connection tracking shall not see this packet; before it, at -300 (raw) */
void nft_notrack(struct nft_batch *batch);

/** nft_jump() - go on in another chain of this batch, and come back at its end or nft_return() */
void nft_jump(struct nft_batch *batch, const char *chain);
void nft_return(struct nft_batch *batch);

/** nft_queue() - nft's own `queue num @number`, needs nft_queue in the kernel */
void nft_queue(struct nft_batch *batch, uint16_t number, bool bypass);

/** nft_queue_compat() - the same by the xtables target NFQUEUE, needs nft_compat and xt_NFQUEUE */
void nft_queue_compat(struct nft_batch *batch, uint16_t number, bool bypass);

/** nft_reject() - answer with an error (enum nft_reject_types, and its code) and drop */
void nft_reject(struct nft_batch *batch, enum nft_reject_types type, uint8_t code);

#endif
