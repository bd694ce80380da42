// SPDX-License-Identifier: GPL-2.0-or-later
/* One atomic batch of nftables messages: table, chains, sets, and how it is sent. */
#include "kernel/nft_private.h"

#include "kernel/netlink.h"
#include "util/cleanup.h"
#include "util/error.h"

#include <libnftnl/batch.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>

#define NFT_PAGE_SIZE	  16384
#define NFT_MESSAGE_SIZE  4096 /* more than the longest message */
#define NFT_ELEMENTS	  64   /* of a set in one message */
#define NFT_SET_DATA_SIZE 64
#define NFT_HOST_ENDIAN	  1 /* nftables, include/datatype.h: BYTEORDER_HOST_ENDIAN */
#define NFT_BIG_ENDIAN	  2
#define NFT_VECTORS	  64
#define NFT_DATAGRAM_SIZE 8192 /* of an answer: an error repeats the message it is about */

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

struct nlmsghdr *nft_message_begin(struct nft_batch *batch, uint16_t type, uint16_t flags,
				   const char *label)
{
	if (batch->count < NFT_MESSAGES)
		batch->labels[batch->count] = label;
	batch->count++;
	return nftnl_nlmsg_build_hdr(nftnl_batch_buffer(batch->pages), type, NFPROTO_INET,
				     flags | NLM_F_ACK, ++batch->netlink->sequence);
}

void nft_message_end(struct nft_batch *batch)
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
	nftnl_table_nlmsg_build_payload(nft_message_begin(batch, type, flags, "the table"), table);
	nft_message_end(batch);
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

static struct nftnl_chain *chain_new(struct nft_batch *batch, const char *name)
{
	struct nftnl_chain *chain = nftnl_chain_alloc();

	if (!chain) {
		batch->failed = true;
		return NULL;
	}
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, batch->table);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, name);
	return chain;
}

static void put_chain(struct nft_batch *batch, const char *name, struct nftnl_chain *chain)
{
	nftnl_chain_nlmsg_build_payload(
		nft_message_begin(batch, NFT_MSG_NEWCHAIN, NLM_F_CREATE, name), chain);
	nft_message_end(batch);
	nftnl_chain_free(chain);
}

void nft_add_hook(struct nft_batch *batch, const char *name, uint32_t hook, int32_t priority)
{
	struct nftnl_chain *chain = chain_new(batch, name);

	if (!chain)
		return;
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, "filter");
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, hook);
	nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, priority);
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	put_chain(batch, name, chain);
}

void nft_add_chain(struct nft_batch *batch, const char *name)
{
	struct nftnl_chain *chain = chain_new(batch, name);

	if (chain)
		put_chain(batch, name, chain);
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
static void put_key_order(struct nft_batch *batch, struct nftnl_set *set, enum nft_key_type type)
{
	bool is_address = type == NFT_KEY_LINK_ADDRESS || type == NFT_KEY_ETHER;
	struct nftnl_udata_buf *data = nftnl_udata_buf_alloc(NFT_SET_DATA_SIZE);

	if (!data) {
		batch->failed = true;
		return;
	}
	nftnl_udata_put_u32(data, NFTNL_UDATA_SET_KEYBYTEORDER,
			    is_address ? NFT_BIG_ENDIAN : NFT_HOST_ENDIAN);
	nftnl_set_set_data(set, NFTNL_SET_USERDATA, nftnl_udata_buf_data(data),
			   nftnl_udata_buf_len(data));
	nftnl_udata_buf_free(data);
}

void nft_add_set(struct nft_batch *batch, const char *name, enum nft_key_type type, size_t size)
{
	struct nftnl_set *set = set_new(batch, name);

	if (!set)
		return;
	put_key_order(batch, set, type);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, type);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, (uint32_t)size);
	nftnl_set_set_u32(set, NFTNL_SET_ID, batch->count + 1);
	nftnl_set_nlmsg_build_payload(nft_message_begin(batch, NFT_MSG_NEWSET, NLM_F_CREATE, name),
				      set);
	nft_message_end(batch);
	nftnl_set_free(set);
}

/* Without an element, DELSETELEM means all of them. */
void nft_flush_set(struct nft_batch *batch, const char *name)
{
	struct nftnl_set *set = set_new(batch, name);

	if (!set)
		return;
	nftnl_set_elems_nlmsg_build_payload(nft_message_begin(batch, NFT_MSG_DELSETELEM, 0, name),
					    set);
	nft_message_end(batch);
	nftnl_set_free(set);
}

static void put_elements(struct nft_batch *batch, uint16_t type, const char *name, const char *keys,
			 size_t size, size_t count)
{
	struct nftnl_set *set = set_new(batch, name);
	uint16_t flags = type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0;
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
	nftnl_set_elems_nlmsg_build_payload(nft_message_begin(batch, type, flags, name), set);
	nft_message_end(batch);
	nftnl_set_free(set);
}

static void change_elements(struct nft_batch *batch, uint16_t type, const char *set,
			    const void *keys, size_t size, size_t count)
{
	const char *next = keys;
	size_t part;

	for (; count > 0; count -= part, next += part * size) {
		part = count < NFT_ELEMENTS ? count : NFT_ELEMENTS;
		put_elements(batch, type, set, next, size, part);
	}
}

void nft_add_elements(struct nft_batch *batch, const char *set, const void *keys, size_t size,
		      size_t count)
{
	change_elements(batch, NFT_MSG_NEWSETELEM, set, keys, size, count);
}

void nft_delete_elements(struct nft_batch *batch, const char *set, const void *keys, size_t size,
			 size_t count)
{
	change_elements(batch, NFT_MSG_DELSETELEM, set, keys, size, count);
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
