// SPDX-License-Identifier: GPL-2.0-or-later
/* nftables rules: matches and a verdict, put together from libnftnl's expressions. */
#include "kernel/nft_private.h"

#include <stdio.h> /* libnftnl/expr.h forgets it */
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/xt_NFQUEUE.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>

/* xtables hands its targets' data to the kernel in multiples of this (XT_ALIGN). */
struct compat_queue {
	_Alignas(8) struct xt_NFQ_info_v3 info;
};

void nft_begin_rule(struct nft_batch *batch, const char *chain, const char *comment)
{
	struct nftnl_udata_buf *data = nftnl_udata_buf_alloc(NFTNL_UDATA_COMMENT_MAXLEN * 2);

	batch->rule_label = comment;
	batch->rule = nftnl_rule_alloc();
	if (!data || !batch->rule) {
		batch->failed = true;
	} else {
		nftnl_rule_set_str(batch->rule, NFTNL_RULE_TABLE, batch->table);
		nftnl_rule_set_str(batch->rule, NFTNL_RULE_CHAIN, chain);
		nftnl_udata_put_strz(data, NFTNL_UDATA_RULE_COMMENT, comment);
		nftnl_rule_set_data(batch->rule, NFTNL_RULE_USERDATA, nftnl_udata_buf_data(data),
				    nftnl_udata_buf_len(data));
	}
	if (data)
		nftnl_udata_buf_free(data);
}

void nft_end_rule(struct nft_batch *batch)
{
	if (!batch->rule)
		return;
	nftnl_rule_nlmsg_build_payload(nft_message_begin(batch, NFT_MSG_NEWRULE,
							 NLM_F_CREATE | NLM_F_APPEND,
							 batch->rule_label),
				       batch->rule);
	nft_message_end(batch);
	nftnl_rule_free(batch->rule);
	batch->rule = NULL;
}

/* Put an expression at the end of the rule; NULL without memory. */
static struct nftnl_expr *expression_add(struct nft_batch *batch, const char *name)
{
	struct nftnl_expr *expression = batch->rule ? nftnl_expr_alloc(name) : NULL;

	if (!expression) {
		batch->failed = true;
		return NULL;
	}
	nftnl_rule_add_expr(batch->rule, expression);
	return expression;
}

static void put_compare(struct nft_batch *batch, enum nft_cmp_ops operation, const void *value,
			size_t size)
{
	struct nftnl_expr *expression = expression_add(batch, "cmp");

	if (!expression)
		return;
	nftnl_expr_set_u32(expression, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_CMP_OP, operation);
	if (nftnl_expr_set(expression, NFTNL_EXPR_CMP_DATA, value, (uint32_t)size) < 0)
		batch->failed = true;
}

static void put_mask(struct nft_batch *batch, const void *mask, size_t size)
{
	struct nftnl_expr *expression = expression_add(batch, "bitwise");
	const uint32_t zero = 0;

	if (!expression)
		return;
	nftnl_expr_set_u32(expression, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_BITWISE_LEN, (uint32_t)size);
	if (nftnl_expr_set(expression, NFTNL_EXPR_BITWISE_MASK, mask, (uint32_t)size) < 0 ||
	    nftnl_expr_set(expression, NFTNL_EXPR_BITWISE_XOR, &zero, (uint32_t)size) < 0)
		batch->failed = true;
}

static void put_lookup(struct nft_batch *batch, const char *set)
{
	struct nftnl_expr *expression = expression_add(batch, "lookup");

	if (!expression)
		return;
	nftnl_expr_set_u32(expression, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	if (nftnl_expr_set_str(expression, NFTNL_EXPR_LOOKUP_SET, set) < 0)
		batch->failed = true;
}

static void load_meta(struct nft_batch *batch, enum nft_meta_keys key)
{
	struct nftnl_expr *expression = expression_add(batch, "meta");

	if (!expression)
		return;
	nftnl_expr_set_u32(expression, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_META_DREG, NFT_REG_1);
}

static void load_payload(struct nft_batch *batch, enum nft_payload_bases base, uint32_t offset,
			 size_t size)
{
	struct nftnl_expr *expression = expression_add(batch, "payload");

	if (!expression)
		return;
	nftnl_expr_set_u32(expression, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_PAYLOAD_LEN, (uint32_t)size);
}

void nft_match_meta(struct nft_batch *batch, enum nft_meta_keys key, enum nft_cmp_ops operation,
		    const void *value, size_t size)
{
	load_meta(batch, key);
	put_compare(batch, operation, value, size);
}

void nft_match_meta_u32(struct nft_batch *batch, enum nft_meta_keys key, enum nft_cmp_ops operation,
			uint32_t value)
{
	nft_match_meta(batch, key, operation, &value, sizeof(value));
}

void nft_match_protocol(struct nft_batch *batch, uint8_t protocol)
{
	nft_match_meta(batch, NFT_META_L4PROTO, NFT_CMP_EQ, &protocol, sizeof(protocol));
}

void nft_match_meta_set(struct nft_batch *batch, enum nft_meta_keys key, const char *set)
{
	load_meta(batch, key);
	put_lookup(batch, set);
}

void nft_match_cgroup_set(struct nft_batch *batch, uint32_t level, const char *set)
{
	struct nftnl_expr *expression = expression_add(batch, "socket");

	if (!expression)
		return;
	nftnl_expr_set_u32(expression, NFTNL_EXPR_SOCKET_KEY, NFT_SOCKET_CGROUPV2);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_SOCKET_DREG, NFT_REG_1);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_SOCKET_LEVEL, level);
	put_lookup(batch, set);
}

void nft_match_payload(struct nft_batch *batch, enum nft_payload_bases base, uint32_t offset,
		       enum nft_cmp_ops operation, const void *value, size_t size)
{
	load_payload(batch, base, offset, size);
	put_compare(batch, operation, value, size);
}

void nft_match_payload_bits(struct nft_batch *batch, enum nft_payload_bases base, uint32_t offset,
			    uint8_t mask, enum nft_cmp_ops operation, uint8_t value)
{
	load_payload(batch, base, offset, sizeof(mask));
	put_mask(batch, &mask, sizeof(mask));
	put_compare(batch, operation, &value, sizeof(value));
}

void nft_match_payload_set(struct nft_batch *batch, enum nft_payload_bases base, uint32_t offset,
			   size_t size, const char *set)
{
	load_payload(batch, base, offset, size);
	put_lookup(batch, set);
}

void nft_match_ct(struct nft_batch *batch, enum nft_ct_keys key, uint32_t bits)
{
	struct nftnl_expr *expression = expression_add(batch, "ct");
	const uint32_t none = 0;

	if (!expression)
		return;
	nftnl_expr_set_u32(expression, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_CT_DREG, NFT_REG_1);
	put_mask(batch, &bits, sizeof(bits));
	put_compare(batch, NFT_CMP_NEQ, &none, sizeof(none));
}

void nft_match_ct_reply(struct nft_batch *batch)
{
	struct nftnl_expr *expression = expression_add(batch, "ct");
	const uint8_t reply = IP_CT_DIR_REPLY;

	if (!expression)
		return;
	nftnl_expr_set_u32(expression, NFTNL_EXPR_CT_KEY, NFT_CT_DIRECTION);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_CT_DREG, NFT_REG_1);
	put_compare(batch, NFT_CMP_EQ, &reply, sizeof(reply));
}

void nft_match_local_source(struct nft_batch *batch)
{
	struct nftnl_expr *expression = expression_add(batch, "fib");
	const uint32_t local = RTN_LOCAL;

	if (!expression)
		return;
	nftnl_expr_set_u32(expression, NFTNL_EXPR_FIB_DREG, NFT_REG_1);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_SADDR);
	put_compare(batch, NFT_CMP_EQ, &local, sizeof(local));
}

void nft_notrack(struct nft_batch *batch)
{
	expression_add(batch, "notrack");
}

/* @chain: NULL for a verdict that names none */
static void put_verdict(struct nft_batch *batch, int verdict, const char *chain)
{
	struct nftnl_expr *expression = expression_add(batch, "immediate");

	if (!expression)
		return;
	nftnl_expr_set_u32(expression, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_IMM_VERDICT, (uint32_t)verdict);
	if (chain && nftnl_expr_set_str(expression, NFTNL_EXPR_IMM_CHAIN, chain) < 0)
		batch->failed = true;
}

void nft_accept(struct nft_batch *batch)
{
	put_verdict(batch, NF_ACCEPT, NULL);
}

void nft_jump(struct nft_batch *batch, const char *chain)
{
	put_verdict(batch, NFT_JUMP, chain);
}

void nft_return(struct nft_batch *batch)
{
	put_verdict(batch, NFT_RETURN, NULL);
}

void nft_queue(struct nft_batch *batch, uint16_t number, bool bypass)
{
	struct nftnl_expr *expression = expression_add(batch, "queue");

	if (!expression)
		return;
	nftnl_expr_set_u16(expression, NFTNL_EXPR_QUEUE_NUM, number);
	nftnl_expr_set_u16(expression, NFTNL_EXPR_QUEUE_TOTAL, 1);
	if (bypass)
		nftnl_expr_set_u16(expression, NFTNL_EXPR_QUEUE_FLAGS, NFT_QUEUE_FLAG_BYPASS);
}

void nft_queue_compat(struct nft_batch *batch, uint16_t number, bool bypass)
{
	struct nftnl_expr *expression = expression_add(batch, "target");
	struct compat_queue *queue = calloc(1, sizeof(*queue));

	if (!expression || !queue) {
		batch->failed = true;
		free(queue);
		return;
	}
	queue->info = (struct xt_NFQ_info_v3){
		.queuenum = number,
		.queues_total = 1,
		.flags = bypass ? NFQ_FLAG_BYPASS : 0,
	};
	nftnl_expr_set_str(expression, NFTNL_EXPR_TG_NAME, "NFQUEUE");
	nftnl_expr_set_u32(expression, NFTNL_EXPR_TG_REV, 3);
	/* The expression owns the data from here on. */
	nftnl_expr_set(expression, NFTNL_EXPR_TG_INFO, queue, sizeof(*queue));
}

void nft_reject(struct nft_batch *batch, enum nft_reject_types type, uint8_t code)
{
	struct nftnl_expr *expression = expression_add(batch, "reject");

	if (!expression)
		return;
	nftnl_expr_set_u32(expression, NFTNL_EXPR_REJECT_TYPE, type);
	nftnl_expr_set_u8(expression, NFTNL_EXPR_REJECT_CODE, code);
}
