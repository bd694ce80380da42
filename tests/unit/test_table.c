// SPDX-License-Identifier: GPL-2.0-or-later
/* The table, read back from the netlink messages that would be sent. */
#include "kernel/netlink.h"
#include "kernel/nft_private.h"
#include "kernel/table.h"
#include "util/array.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include <cmocka.h>

#include <libnftnl/batch.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_NFQUEUE.h>

#define RULES	 64
#define VECTORS	 64
#define LAN_MOST 300

/**
 * struct readback - what a batch says
 * @rules: "chain: expression; expression", in order
 * @types: how many messages there are of each NFT_MSG_* type
 */
struct readback {
	struct netlink netlink;
	struct nft_batch *batch;
	char *bytes;
	size_t length;
	char rules[RULES][512];
	size_t rule_count;
	unsigned int types[NFT_MSG_MAX];
	size_t lan_count;
	unsigned char prefixes[RULESET_PREFIXES_MAX][RULESET_PREFIX_SIZE];
	size_t prefix_count;
	unsigned char macs[RULESET_MACS_MAX][MAC_SIZE];
	size_t mac_count;
	struct xt_NFQ_info_v3 targets[RULES];
	size_t target_count;
};

static const struct ruleset_settings settings = {
	.loopback_queue = 27,
	.guests_queue = 28,
	.loopback_bypass = true,
	.reject = true,
	.neighbour_discovery = true,
};

static const struct ruleset_bridged bridged = {
	.prefixes = {{0x08, 0x00, 0x27}},
	.prefix_count = 1,
	.macs = {{0x08, 0x00, 0x27, 0x01, 0x02, 0x03}, {0x02, 0, 0, 0, 0, 0x09}},
	.mac_count = 2,
};

static int read_expression(struct nftnl_expr *expression, void *data)
{
	struct readback *back = data;
	char *rule = back->rules[back->rule_count];
	size_t used = strlen(rule);
	uint32_t size;

	if (strcmp(nftnl_expr_get_str(expression, NFTNL_EXPR_NAME), "target") == 0) {
		const void *info = nftnl_expr_get(expression, NFTNL_EXPR_TG_INFO, &size);

		assert_int_equal(size, 8); /* XT_ALIGN */
		memcpy(&back->targets[back->target_count++], info, sizeof(back->targets[0]));
	}
	nftnl_expr_snprintf(rule + used, sizeof(back->rules[0]) - used, expression,
			    NFTNL_OUTPUT_DEFAULT, 0);
	strcat(rule, "; ");
	return 0;
}

static void read_rule(struct readback *back, const struct nlmsghdr *message)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();

	assert_non_null(rule);
	assert_true(back->rule_count < RULES);
	assert_int_equal(nftnl_rule_nlmsg_parse(message, rule), 0);
	assert_string_equal(nftnl_rule_get_str(rule, NFTNL_RULE_TABLE), RULESET_TABLE);
	snprintf(back->rules[back->rule_count], sizeof(back->rules[0]),
		 "%s: ", nftnl_rule_get_str(rule, NFTNL_RULE_CHAIN));
	nftnl_expr_foreach(rule, read_expression, back);
	back->rule_count++;
	nftnl_rule_free(rule);
}

/* The key of one element: what the kernel compares. */
static void read_key(const struct nlattr *element, void *key, size_t size)
{
	const struct nlattr *in_element, *in_key;

	mnl_attr_for_each_nested(in_element, element)
	{
		if (mnl_attr_get_type(in_element) != NFTA_SET_ELEM_KEY)
			continue;
		mnl_attr_for_each_nested(in_key, in_element)
		{
			assert_int_equal(mnl_attr_get_type(in_key), NFTA_DATA_VALUE);
			assert_int_equal(mnl_attr_get_payload_len(in_key), size);
			memcpy(key, mnl_attr_get_payload(in_key), size);
			return;
		}
	}
	fail();
}

static void read_elements(struct readback *back, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[NFTA_SET_ELEM_LIST_MAX + 1], *element;
	const char *set;

	netlink_attributes(message, sizeof(struct nfgenmsg), attributes,
			   NFTA_SET_ELEM_LIST_MAX + 1);
	assert_non_null(attributes[NFTA_SET_ELEM_LIST_SET]);
	assert_non_null(attributes[NFTA_SET_ELEM_LIST_ELEMENTS]);
	set = mnl_attr_get_str(attributes[NFTA_SET_ELEM_LIST_SET]);
	mnl_attr_for_each_nested(element, attributes[NFTA_SET_ELEM_LIST_ELEMENTS])
	{
		if (!strcmp(set, "lan"))
			back->lan_count++;
		else if (!strcmp(set, "vm_prefixes"))
			read_key(element, back->prefixes[back->prefix_count++],
				 RULESET_PREFIX_SIZE);
		else if (!strcmp(set, "vm_macs"))
			read_key(element, back->macs[back->mac_count++], MAC_SIZE);
	}
}

static void read_message(struct readback *back, const struct nlmsghdr *message)
{
	unsigned int type = message->nlmsg_type & 0xff;

	assert_int_equal(message->nlmsg_type >> 8, NFNL_SUBSYS_NFTABLES);
	assert_true(message->nlmsg_flags & NLM_F_ACK);
	assert_true(type < NFT_MSG_MAX);
	back->types[type]++;
	if (type == NFT_MSG_NEWRULE)
		read_rule(back, message);
	if (type == NFT_MSG_NEWSETELEM)
		read_elements(back, message);
}

static void join_pages(struct readback *back)
{
	struct iovec vectors[VECTORS];
	int index, count = nftnl_batch_iovec_len(back->batch->pages);

	assert_true(count <= VECTORS);
	nftnl_batch_iovec(back->batch->pages, vectors, VECTORS);
	for (index = 0; index < count; index++) {
		back->bytes = realloc(back->bytes, back->length + vectors[index].iov_len);
		assert_non_null(back->bytes);
		memcpy(back->bytes + back->length, vectors[index].iov_base, vectors[index].iov_len);
		back->length += vectors[index].iov_len;
	}
}

static void begin(struct readback *back)
{
	*back = (struct readback){.netlink.sequence = 0xfffffff0}; /* it wraps on the way */
	back->batch = nft_batch_new(&back->netlink, RULESET_TABLE);
	assert_non_null(back->batch);
}

/* Sequence numbers go up by one, from the batch's head on. */
static void read_back(struct readback *back)
{
	const struct nlmsghdr *message;
	uint32_t sequence = back->batch->head;
	int left;

	assert_false(back->batch->failed);
	join_pages(back);
	left = (int)back->length;
	for (message = (const void *)back->bytes; mnl_nlmsg_ok(message, left);
	     message = mnl_nlmsg_next(message, &left), sequence++) {
		assert_int_equal(message->nlmsg_seq, sequence);
		if (message->nlmsg_type != NFNL_MSG_BATCH_BEGIN)
			read_message(back, message);
	}
	assert_int_equal(left, 0);
	assert_int_equal(sequence, back->batch->head + back->batch->count + 1);
}

static void end(struct readback *back)
{
	nft_batch_free(back->batch);
	free(back->bytes);
}

static void read_table(struct readback *back, enum ruleset_expression expression,
		       const struct ruleset_settings *wanted, size_t lan_count)
{
	uint32_t lan[LAN_MOST];
	const struct table_plan plan = {.settings = wanted,
					.expression = expression,
					.no_cgroups = true,
					.lan = lan,
					.bridged = &bridged,
					.lan_count = lan_count};
	size_t index;

	for (index = 0; index < lan_count; index++)
		lan[index] = (uint32_t)index + 2;
	begin(back);
	table_write(back->batch, &plan);
	read_back(back);
}

/* In the words of libnftnl, which leaves out the names of most expressions. */
#define ACCEPT		 "reg 0 accept ; "
#define QUEUE		 "num 28 ; "
#define IS_LO(key)	 "load " key " => reg 1 ; eq reg 1 0x00000001 ; "
#define PROTOCOL(number) "load l4proto => reg 1 ; eq reg 1 0x000000" number " ; "
#define CT(key, bits)                                                                              \
	"load " key " => reg 1 ; reg 1 = ( reg 1 & " bits                                          \
	" ) ^ 0x00000000 ; neq reg 1 0x00000000 ; "
#define REPLY	  "load direction => reg 1 ; eq reg 1 0x00000001 ; "
#define RELATED	  CT("state", "0x00000004")
#define CONFIRMED CT("status", "0x00000008")
#define TCP_NOT_SYN                                                                                \
	PROTOCOL("06")                                                                             \
	"load 1b @ transport header + 13 => reg 1 ; reg 1 = ( reg 1 & 0x00000016 ) ^ 0x00000000 "  \
	"; "                                                                                       \
	"neq reg 1 0x00000002 ; "
#define SCTP_NOT_INIT                                                                              \
	PROTOCOL("84") "load 1b @ transport header + 12 => reg 1 ; neq reg 1 0x00000001 ; "
#define TRACKED "load l4proto => reg 1 ; reg 1 set tracked ; "
#define IPV4_LOOPBACK                                                                              \
	"load nfproto => reg 1 ; eq reg 1 0x00000002 ; "                                           \
	"load 1b @ network header + 16 => reg 1 ; eq reg 1 0x0000007f ; "
#define IPV6_LOOPBACK                                                                              \
	"load nfproto => reg 1 ; eq reg 1 0x0000000a ; load 16b @ network header + 24 => reg 1 ; " \
	"eq reg 1 0x00000000 0x00000000 0x00000000 0x01000000 ; "
#define MARKED	  "load mark => reg 1 ; eq reg 1 0x6c686772 ; "
#define DISCOVERY PROTOCOL("3a") "load 1b @ transport header + 0 => reg 1 ; reg 1 set discovery ; "

static const char *const native_rules[] = {
	"lan_peers: load 3b @ link header + 6 => reg 1 ; reg 1 set vm_prefixes ; reg 0 return ; ",
	"lan_peers: load 6b @ link header + 6 => reg 1 ; reg 1 set vm_macs ; reg 0 return ; ",
	"lan_peers: " ACCEPT,
	"forged: " PROTOCOL("06") ACCEPT,
	"forged: " IS_LO("iif") ACCEPT,
	"forged: load iif => reg 1 ; reg 1 set lan ; reg 0 jump -> lan_peers ; ",
	"forged: saddr type => reg 1 ; eq reg 1 0x00000002 ; ; ", /* fib … local notrack */
	"output: " TCP_NOT_SYN ACCEPT,
	"output: " SCTP_NOT_INIT ACCEPT,
	"output: load oif => reg 1 ; neq reg 1 0x00000001 ; " ACCEPT,
	"output: " IS_LO("oif") PROTOCOL("01") ACCEPT,
	"output: " IS_LO("oif") PROTOCOL("3a") ACCEPT,
	"output: " TRACKED REPLY ACCEPT,
	"output: load l4proto => reg 1 ; reg 1 set unasked ; " CONFIRMED ACCEPT,
	"output: num 27 bypass ; ",
	"input: " TCP_NOT_SYN ACCEPT,
	"input: " SCTP_NOT_INIT ACCEPT,
	"input: " IS_LO("iif") CONFIRMED ACCEPT,
	"input: " IS_LO("iif") CT("state", "0x00000040") ACCEPT,
	"input: " IS_LO("iif") PROTOCOL("01") ACCEPT,
	"input: " IS_LO("iif") PROTOCOL("3a") ACCEPT,
	"input: " IS_LO("iif") QUEUE,
	"input: " IPV4_LOOPBACK QUEUE,
	"input: " IPV6_LOOPBACK QUEUE,
	"input: load pkttype => reg 1 ; neq reg 1 0x00000000 ; " PROTOCOL("11") CONFIRMED
	"saddr type => reg 1 ; eq reg 1 0x00000002 ; num 27 bypass ; ",
	"input: load iif => reg 1 ; reg 1 set lan ; reg 0 jump -> lan_peers ; ",
	"input: " TRACKED REPLY ACCEPT,
	"input: " PROTOCOL("01") RELATED ACCEPT,
	"input: " PROTOCOL("3a") RELATED ACCEPT,
	"input: " DISCOVERY ACCEPT,
	"input: " PROTOCOL("02") ACCEPT,
	"input: " QUEUE,
	"output_reject: " MARKED PROTOCOL("06") "type 1 code 0 ; ",
	"output_reject: " MARKED "type 2 code 1 ; ",
	"input_reject: " MARKED PROTOCOL("06") "type 1 code 0 ; ",
	"input_reject: " MARKED "type 2 code 1 ; ",
};

#define NATIVE_RULES ARRAY_SIZE(native_rules)

static void assert_bridged(const struct readback *back)
{
	assert_int_equal(back->prefix_count, 1);
	assert_memory_equal(back->prefixes[0], bridged.prefixes[0], RULESET_PREFIX_SIZE);
	assert_int_equal(back->mac_count, 2);
	assert_memory_equal(back->macs, bridged.macs, 2 * (size_t)MAC_SIZE);
}

static void test_native_table(void **state)
{
	struct readback back;
	size_t index;

	read_table(&back, RULESET_NATIVE, &settings, 2);
	assert_int_equal(back.rule_count, NATIVE_RULES);
	for (index = 0; index < NATIVE_RULES; index++)
		assert_string_equal(back.rules[index], native_rules[index]);
	assert_int_equal(back.target_count, 0);
	assert_int_equal(back.types[NFT_MSG_NEWTABLE], 2);
	assert_int_equal(back.types[NFT_MSG_DELTABLE], 1);
	assert_int_equal(back.types[NFT_MSG_NEWCHAIN], 6);
	assert_int_equal(back.types[NFT_MSG_NEWSET], 6);
	assert_int_equal(back.lan_count, 2);
	assert_bridged(&back);
	end(&back);
}

/* The same table, but that a target stands where `queue` stood. */
static void test_compat_table(void **state)
{
	const struct xt_NFQ_info_v3 loopback = {27, 1, NFQ_FLAG_BYPASS}, guests = {28, 1, 0};
	size_t index, queues = 0;
	struct readback back;

	read_table(&back, RULESET_COMPAT, &settings, 0);
	assert_int_equal(back.rule_count, NATIVE_RULES);
	for (index = 0; index < NATIVE_RULES; index++) {
		if (!strstr(native_rules[index], "num 2")) {
			assert_string_equal(back.rules[index], native_rules[index]);
			continue;
		}
		assert_non_null(strstr(back.rules[index], "name NFQUEUE rev 3"));
		assert_memory_equal(&back.targets[queues],
				    strstr(native_rules[index], "num 27") ? &loopback : &guests,
				    sizeof(loopback));
		queues++;
	}
	assert_int_equal(back.target_count, queues);
	end(&back);
}

static void test_settings(void **state)
{
	const struct ruleset_settings other = {
		.loopback_queue = 65535, .guests_queue = 0, .guests_bypass = true};
	struct readback back;
	size_t index;

	read_table(&back, RULESET_NATIVE, &other, 0);
	assert_int_equal(back.rule_count, NATIVE_RULES - 6); /* no discovery, no reject */
	assert_string_equal(back.rules[14], "output: num 65535 ; ");
	assert_string_equal(back.rules[22],
			    "input: " IPV4_LOOPBACK "num 0 ; "); /* never bypassed */
	assert_string_equal(back.rules[23], "input: " IPV6_LOOPBACK "num 0 ; ");
	assert_string_equal(back.rules[NATIVE_RULES - 7], "input: num 0 bypass ; ");
	for (index = 0; index < back.rule_count; index++)
		assert_null(strstr(back.rules[index], "discovery"));
	end(&back);
}

static void test_many_interfaces(void **state)
{
	struct readback back;

	read_table(&back, RULESET_NATIVE, &settings, LAN_MOST);
	assert_int_equal(back.lan_count, LAN_MOST);
	end(&back);
}

static void test_lan_is_replaced_in_place(void **state)
{
	const uint32_t lan[] = {2, 3};
	struct readback back;

	begin(&back);
	table_write_lan(back.batch, lan, 2);
	read_back(&back);
	assert_int_equal(back.types[NFT_MSG_DELSETELEM], 1);
	assert_int_equal(back.types[NFT_MSG_NEWSETELEM], 1);
	assert_int_equal(back.lan_count, 2);
	end(&back);

	begin(&back);
	table_write_lan(back.batch, NULL, 0);
	read_back(&back);
	assert_int_equal(back.types[NFT_MSG_DELSETELEM], 1);
	assert_int_equal(back.types[NFT_MSG_NEWSETELEM], 0);
	end(&back);
}

/* Only what changes is written, and many in one message. */
static void test_guests_cgroups(void **state)
{
	const struct ruleset_cgroup removed[] = {{7, 2}, {9, 2}};
	struct ruleset_cgroup added[100];
	struct table_cgroups change = {removed, 2, added, 100, false};
	struct readback back;

	for (size_t index = 0; index < 100; index++)
		added[index] = (struct ruleset_cgroup){100 + index, index % 2 ? 1 : 3};
	begin(&back);
	table_write_cgroups(back.batch, &change);
	read_back(&back);
	assert_int_equal(back.types[NFT_MSG_DELSETELEM], 1);
	assert_int_equal(back.types[NFT_MSG_NEWSETELEM], 2);
	end(&back);

	begin(&back);
	change = (struct table_cgroups){.added = added, .added_count = 1, .anew = true};
	table_write_cgroups(back.batch, &change);
	read_back(&back);
	assert_int_equal(back.types[NFT_MSG_DELSETELEM], RULESET_LEVELS);
	assert_int_equal(back.types[NFT_MSG_NEWSETELEM], 1);
	end(&back);
}

static void test_bridged_are_replaced_in_place(void **state)
{
	static const struct ruleset_bridged none;
	struct readback back;

	begin(&back);
	table_write_bridged(back.batch, &bridged);
	read_back(&back);
	assert_int_equal(back.types[NFT_MSG_DELSETELEM], 2);
	assert_int_equal(back.types[NFT_MSG_NEWSETELEM], 2);
	assert_bridged(&back);
	end(&back);

	begin(&back);
	table_write_bridged(back.batch, &none);
	read_back(&back);
	assert_int_equal(back.types[NFT_MSG_DELSETELEM], 2);
	assert_int_equal(back.types[NFT_MSG_NEWSETELEM], 0);
	end(&back);
}

static void test_erase(void **state)
{
	struct readback back;

	begin(&back);
	table_erase(back.batch);
	read_back(&back);
	assert_int_equal(back.types[NFT_MSG_NEWTABLE], 1);
	assert_int_equal(back.types[NFT_MSG_DELTABLE], 1);
	end(&back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_native_table),
		cmocka_unit_test(test_compat_table),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_many_interfaces),
		cmocka_unit_test(test_lan_is_replaced_in_place),
		cmocka_unit_test(test_guests_cgroups),
		cmocka_unit_test(test_bridged_are_replaced_in_place),
		cmocka_unit_test(test_erase),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
