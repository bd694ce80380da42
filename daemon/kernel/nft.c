// SPDX-License-Identifier: GPL-2.0-or-later
/* One atomic batch of nftables messages, and rules as lists of matches and a verdict. */
#include "kernel/nft.h"

#include "kernel/netlink.h"
#include "util/cleanup.h"
#include "util/error.h"

#include <libnftnl/batch.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_NFQUEUE.h>
#include <string.h>
#include <sys/socket.h>

/* xtables hands its targets' data to the kernel in multiples of this (XT_ALIGN). */
struct compat_queue {
	_Alignas(8) struct xt_NFQ_info_v3 info;
};

#define NFT_PAGE_SIZE	  16384
#define NFT_MESSAGE_SIZE  4096 /* more than the longest message */
#define NFT_MESSAGES	  128  /* that errors can name */
#define NFT_ELEMENTS	  64   /* of a set in one message */
#define NFT_SET_DATA_SIZE 64
#define NFT_HOST_ENDIAN	  1 /* nftables, include/datatype.h: BYTEORDER_HOST_ENDIAN */
#define NFT_VECTORS	  64
#define NFT_DATAGRAM_SIZE 8192 /* of an answer: an error repeats the message it is about */

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

struct nft_batch *nft_batch_new(struct netlink *netlink, const char *table)
{
	struct nft_batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		return NULL;
	batch->pages = nftnl_batch_alloc(NFT_PAGE_SIZE, NFT_MESSAGE_SIZE);
	if (!batch->pages) {
		free(batch);
		return NULL;
	}
	batch->netlink = netlink;
	batch->table = table;
	batch->head = ++netlink->sequence;
	nftnl_batch_begin(nftnl_batch_buffer(batch->pages), batch->head);
	batch->failed = nftnl_batch_update(batch->pages) < 0;
	return batch;
}

void nft_batch_free(struct nft_batch *batch)
{
	if (!batch)
		return;
	if (batch->rule)
		nftnl_rule_free(batch->rule);
	nftnl_batch_free(batch->pages);
	free(batch);
}

/* Begin a message; the caller puts its payload into it and calls message_end(). */
static struct nlmsghdr *message_begin(struct nft_batch *batch, uint16_t type, uint16_t flags,
				      const char *label)
{
	if (batch->count < NFT_MESSAGES)
		batch->labels[batch->count] = label;
	batch->count++;
	return nftnl_nlmsg_build_hdr(nftnl_batch_buffer(batch->pages), type, NFPROTO_INET,
				     flags | NLM_F_ACK, ++batch->netlink->sequence);
}

static void message_end(struct nft_batch *batch)
{
	if (nftnl_batch_update(batch->pages) < 0)
		batch->failed = true;
}

/* Tables, chains, sets. */

static void put_table(struct nft_batch *batch, uint16_t type, uint16_t flags)
{
	struct nftnl_table *table = nftnl_table_alloc();

	if (!table) {
		batch->failed = true;
		return;
	}
	nftnl_table_set_str(table, NFTNL_TABLE_NAME, batch->table);
	nftnl_table_nlmsg_build_payload(message_begin(batch, type, flags, "the table"), table);
	message_end(batch);
	nftnl_table_free(table);
}

void nft_add_table(struct nft_batch *batch)
{
	put_table(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE);
}

void nft_delete_table(struct nft_batch *batch)
{
	put_table(batch, NFT_MSG_DELTABLE, 0);
}

void nft_add_chain(struct nft_batch *batch, const char *name, uint32_t hook, int32_t priority)
{
	struct nftnl_chain *chain = nftnl_chain_alloc();

	if (!chain) {
		batch->failed = true;
		return;
	}
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, batch->table);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, name);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, "filter");
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, hook);
	nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, priority);
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	nftnl_chain_nlmsg_build_payload(message_begin(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE, name),
					chain);
	message_end(batch);
	nftnl_chain_free(chain);
}

static struct nftnl_set *set_new(struct nft_batch *batch, const char *name)
{
	struct nftnl_set *set = nftnl_set_alloc();

	if (!set) {
		batch->failed = true;
		return NULL;
	}
	nftnl_set_set_str(set, NFTNL_SET_TABLE, batch->table);
	nftnl_set_set_str(set, NFTNL_SET_NAME, name);
	return set;
}

/* For `nft list` only: the kernel does not look into keys. */
static void put_key_order(struct nft_batch *batch, struct nftnl_set *set)
{
	struct nftnl_udata_buf *data = nftnl_udata_buf_alloc(NFT_SET_DATA_SIZE);

	if (!data) {
		batch->failed = true;
		return;
	}
	nftnl_udata_put_u32(data, NFTNL_UDATA_SET_KEYBYTEORDER, NFT_HOST_ENDIAN);
	nftnl_set_set_data(set, NFTNL_SET_USERDATA, nftnl_udata_buf_data(data),
			   nftnl_udata_buf_len(data));
	nftnl_udata_buf_free(data);
}

void nft_add_set(struct nft_batch *batch, const char *name, enum nft_key_type type, size_t size)
{
	struct nftnl_set *set = set_new(batch, name);

	if (!set)
		return;
	put_key_order(batch, set);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, type);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, (uint32_t)size);
	nftnl_set_set_u32(set, NFTNL_SET_ID, batch->count + 1);
	nftnl_set_nlmsg_build_payload(message_begin(batch, NFT_MSG_NEWSET, NLM_F_CREATE, name),
				      set);
	message_end(batch);
	nftnl_set_free(set);
}

/* Without an element, DELSETELEM means all of them. */
void nft_flush_set(struct nft_batch *batch, const char *name)
{
	struct nftnl_set *set = set_new(batch, name);

	if (!set)
		return;
	nftnl_set_elems_nlmsg_build_payload(message_begin(batch, NFT_MSG_DELSETELEM, 0, name), set);
	message_end(batch);
	nftnl_set_free(set);
}

static void put_elements(struct nft_batch *batch, const char *name, const char *keys, size_t size,
			 size_t count)
{
	struct nftnl_set *set = set_new(batch, name);
	size_t index;

	if (!set)
		return;
	for (index = 0; index < count; index++) {
		struct nftnl_set_elem *element = nftnl_set_elem_alloc();

		if (!element || nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, keys + index * size,
						   (uint32_t)size) < 0) {
			if (element)
				nftnl_set_elem_free(element);
			batch->failed = true;
			break;
		}
		nftnl_set_elem_add(set, element);
	}
	nftnl_set_elems_nlmsg_build_payload(
		message_begin(batch, NFT_MSG_NEWSETELEM, NLM_F_CREATE, name), set);
	message_end(batch);
	nftnl_set_free(set);
}

void nft_add_elements(struct nft_batch *batch, const char *set, const void *keys, size_t size,
		      size_t count)
{
	const char *next = keys;
	size_t part;

	for (; count > 0; count -= part, next += part * size) {
		part = count < NFT_ELEMENTS ? count : NFT_ELEMENTS;
		put_elements(batch, set, next, size, part);
	}
}

/* Rules. */

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
	nftnl_rule_nlmsg_build_payload(message_begin(batch, NFT_MSG_NEWRULE,
						     NLM_F_CREATE | NLM_F_APPEND,
						     batch->rule_label),
				       batch->rule);
	message_end(batch);
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
			   const char *set)
{
	load_payload(batch, base, offset, sizeof(uint8_t));
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

void nft_accept(struct nft_batch *batch)
{
	struct nftnl_expr *expression = expression_add(batch, "immediate");

	if (!expression)
		return;
	nftnl_expr_set_u32(expression, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(expression, NFTNL_EXPR_IMM_VERDICT, NF_ACCEPT);
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

/* Sending. */

/**
 * struct answers - what the kernel says to a batch
 * @acknowledged: messages that it took
 * @refused: sequence number of the first that it did not
 * @result: why, 0 if it took all
 */
struct answers {
	uint32_t acknowledged;
	uint32_t refused;
	int result;
};

static void take_answer(const struct nft_batch *batch, const struct nlmsghdr *message,
			struct answers *answers)
{
	const struct nlmsgerr *answer = mnl_nlmsg_get_payload(message);

	if (message->nlmsg_type != NLMSG_ERROR ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(*answer) ||
	    message->nlmsg_seq - batch->head > batch->count)
		return;
	if (answer->error == 0) {
		answers->acknowledged++;
	} else if (answers->result == 0) {
		answers->result = answer->error;
		answers->refused = message->nlmsg_seq;
	}
}

/* The kernel answers within sendmsg(2), so all answers are there, and nothing more than they. */
static int read_answers(struct nft_batch *batch, struct answers *answers)
{
	_Alignas(struct nlmsghdr) char buffer[NFT_DATAGRAM_SIZE];
	const struct nlmsghdr *message;
	ssize_t bytes;
	int left;

	for (;;) {
		bytes = netlink_receive(batch->netlink, buffer, sizeof(buffer));
		if (bytes <= 0)
			return (int)bytes;
		left = (int)bytes;
		for (message = (const void *)buffer; mnl_nlmsg_ok(message, left);
		     message = mnl_nlmsg_next(message, &left))
			take_answer(batch, message, answers);
	}
}

static int send_pages(struct nft_batch *batch)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct iovec vectors[NFT_VECTORS];
	struct msghdr header = {
		.msg_name = &kernel,
		.msg_namelen = sizeof(kernel),
		.msg_iov = vectors,
		.msg_iovlen = (size_t)nftnl_batch_iovec_len(batch->pages),
	};

	if (header.msg_iovlen > NFT_VECTORS)
		return -E2BIG;
	nftnl_batch_iovec(batch->pages, vectors, NFT_VECTORS);
	return sendmsg(netlink_fd(batch->netlink), &header, 0) < 0 ? -errno : 0;
}

static const char *label_of(const struct nft_batch *batch, uint32_t sequence)
{
	uint32_t index = sequence - batch->head - 1;

	return index < batch->count && index < NFT_MESSAGES ? batch->labels[index] : "the batch";
}

int nft_batch_commit(struct nft_batch *batch, struct error *error)
{
	struct answers answers = {0};
	int result;

	nftnl_batch_end(nftnl_batch_buffer(batch->pages), ++batch->netlink->sequence);
	if (nftnl_batch_update(batch->pages) < 0 || batch->failed)
		return error_set(error, -ENOMEM, "no memory for the table inet %s", batch->table);
	result = send_pages(batch);
	if (result == 0)
		result = read_answers(batch, &answers);
	if (result == 0 && answers.result == 0 && answers.acknowledged != batch->count)
		result = -EPROTO;
	if (result < 0)
		return error_set(error, result, "cannot send the table inet %s to the kernel: %s",
				 batch->table, strerror(-result));
	if (answers.result < 0)
		return error_set(
			error, answers.result, "the kernel refused \"%s\" in the table inet %s: %s",
			label_of(batch, answers.refused), batch->table, strerror(-answers.result));
	return 0;
}
