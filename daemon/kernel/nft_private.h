/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What nft.c and nft_rule.c share: the batch itself. */
#ifndef LHGUARD_KERNEL_NFT_PRIVATE_H
#define LHGUARD_KERNEL_NFT_PRIVATE_H

#include "kernel/nft.h"

#include <stdbool.h>
#include <stdint.h>

struct nftnl_batch;
struct nftnl_rule;
struct nlmsghdr;

#define NFT_MESSAGES 128 /* that errors can name */

/**
 * struct nft_batch - a batch that is being built
 * @first: sequence number of the first message after the batch's head
 * @count: messages so far
 * @labels: for each message, what to call it in an error
 * @rule: between nft_begin_rule() and nft_end_rule(), else NULL
 * @failed: memory ran out
 */
struct nft_batch {
	struct netlink *netlink;
	const char *table;
	struct nftnl_batch *pages;
	uint32_t head;
	uint32_t count;
	const char *labels[NFT_MESSAGES];
	struct nftnl_rule *rule;
	const char *rule_label;
	bool failed;
};

/**
 * nft_message_begin() - begin a message; the caller puts its payload, and calls nft_message_end()
 * @type: NFT_MSG_*
 * @flags: NLM_F_*; an ACK is always asked for
 * @label: what to call it in an error; has to outlive the batch
 */
struct nlmsghdr *nft_message_begin(struct nft_batch *batch, uint16_t type, uint16_t flags,
				   const char *label);
void nft_message_end(struct nft_batch *batch);

#endif
