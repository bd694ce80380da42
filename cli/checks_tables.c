// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Check of the other tables of nf_tables, iptables and ip6tables included: who has base chains that packets
 * pass before the guard's, and what there could be in its way.
 */
#include "checks.h"

#include "kernel/netlink.h"
#include "kernel/ruleset.h"
#include "util/array.h"
#include "util/cleanup.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/xt_CT.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define TABLES_MAX	64
#define OUTPUT_PRIORITY (-110) /* of the guard's chains (kernel/table.c) */
#define INPUT_PRIORITY	10

/**
 * struct foreign - somebody else's table
 * @chains: its base chains before the guard's, in words
 * @queue: a queue that a rule of it leads to, -1: none
 * @takes_ours: one of the guard's
 */
struct foreign {
	uint32_t family;
	char name[64];
	const char *owner;
	char chains[160];
	int queue;
	bool takes_ours;
	bool has_notrack;
};

struct survey {
	const struct examination *examination;
	struct foreign tables[TABLES_MAX];
	size_t count;
};

/* Whose it is, by the names that they all use. */
static const struct {
	const char *start;
	const char *owner;
} owners[] = {
	{"firewalld", "firewalld"},	{"ufw-", "ufw"},	{"ufw6-", "ufw"},
	{"libvirt_network", "libvirt"}, {"LIBVIRT", "libvirt"}, {"DOCKER", "docker"},
	{"netavark", "podman"},		{"NETAVARK", "podman"}, {"CNI-", "CNI"},
	{"KUBE-", "kubernetes"},	{"f2b-", "fail2ban"},
};

static const char *owner_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(owners); i++)
		if (!strncmp(name, owners[i].start, strlen(owners[i].start)))
			return owners[i].owner;
	return NULL;
}

static const char *family_word(uint32_t family)
{
	switch (family) {
	case NFPROTO_INET:
		return "inet";
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	default:
		return "";
	}
}

/* NULL: the guard's own, one of a family that the guard's packets do not pass, or too many. */
static struct foreign *find_table(struct survey *survey, uint32_t family, const char *name)
{
	struct foreign *table;

	if (!*family_word(family) || (family == NFPROTO_INET && !strcmp(name, RULESET_TABLE)))
		return NULL;
	for (size_t i = 0; i < survey->count; i++)
		if (survey->tables[i].family == family && !strcmp(survey->tables[i].name, name))
			return &survey->tables[i];
	if (survey->count == TABLES_MAX)
		return NULL;
	table = &survey->tables[survey->count++];
	table->family = family;
	table->owner = owner_of(name);
	table->queue = -1;
	snprintf(table->name, sizeof(table->name), "%s", name);
	return table;
}

static bool is_before_ours(uint32_t hook, int32_t priority)
{
	switch (hook) {
	case NF_INET_PRE_ROUTING:
		return true;
	case NF_INET_LOCAL_IN:
		return priority <= INPUT_PRIORITY;
	case NF_INET_LOCAL_OUT:
		return priority <= OUTPUT_PRIORITY;
	default:
		return false;
	}
}

static int take_chain(const struct nlmsghdr *message, void *data)
{
	struct nftnl_chain *chain = nftnl_chain_alloc();
	struct survey *survey = data;
	struct foreign *table;

	if (!chain || nftnl_chain_nlmsg_parse(message, chain) < 0) {
		nftnl_chain_free(chain);
		return MNL_CB_OK;
	}
	const char *name = nftnl_chain_get_str(chain, NFTNL_CHAIN_NAME);

	table = find_table(survey, nftnl_chain_get_u32(chain, NFTNL_CHAIN_FAMILY),
			   nftnl_chain_get_str(chain, NFTNL_CHAIN_TABLE));
	if (table && !table->owner)
		table->owner = owner_of(name);
	if (table && nftnl_chain_is_set(chain, NFTNL_CHAIN_HOOKNUM)) {
		int32_t priority = nftnl_chain_get_s32(chain, NFTNL_CHAIN_PRIO);
		size_t used = strlen(table->chains);

		if (is_before_ours(nftnl_chain_get_u32(chain, NFTNL_CHAIN_HOOKNUM), priority))
			snprintf(table->chains + used, sizeof(table->chains) - used,
				 "%s%.32s at %d", used ? ", " : "", name, priority);
	}
	nftnl_chain_free(chain);
	return MNL_CB_OK;
}

static bool is_guards_queue(const struct survey *survey, int number)
{
	const json_t *queues = json_object_get(survey->examination->status, "queues"), *queue;
	size_t i;

	json_array_foreach(queues, i, queue) if (json_integer_value(json_object_get(
							 queue, "number")) == number) return true;
	return false;
}

/**
 * struct judged - a rule of a table, expression by expression
 */
struct judged {
	struct survey *survey;
	struct foreign *table;
};

static void judge_queue(const struct judged *judged, int number)
{
	judged->table->queue = number;
	judged->table->takes_ours |= is_guards_queue(judged->survey, number);
}

/* xt_NFQ_info and its later versions begin with the number, xt_ct_target_info with flags. */
static void judge_target(const struct judged *judged, const struct nftnl_expr *expression)
{
	const char *target = nftnl_expr_get_str(expression, NFTNL_EXPR_TG_NAME);
	uint32_t length = 0;
	const void *info = nftnl_expr_get(expression, NFTNL_EXPR_TG_INFO, &length);
	uint16_t first = 0;

	if (info && length >= sizeof(first))
		memcpy(&first, info, sizeof(first));
	if (!strcmp(target, "NFQUEUE"))
		judge_queue(judged, first);
	else if (!strcmp(target, "NOTRACK") || (!strcmp(target, "CT") && first & XT_CT_NOTRACK))
		judged->table->has_notrack = true;
}

static int judge_expression(struct nftnl_expr *expression, void *data)
{
	const char *name = nftnl_expr_get_str(expression, NFTNL_EXPR_NAME);
	const struct judged *judged = data;

	if (!strcmp(name, "queue"))
		judge_queue(judged, nftnl_expr_get_u16(expression, NFTNL_EXPR_QUEUE_NUM));
	else if (!strcmp(name, "notrack"))
		judged->table->has_notrack = true;
	else if (!strcmp(name, "target"))
		judge_target(judged, expression);
	return 0;
}

static int take_rule(const struct nlmsghdr *message, void *data)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();
	struct judged judged = {.survey = data};

	if (rule && nftnl_rule_nlmsg_parse(message, rule) >= 0)
		judged.table = find_table(data, nftnl_rule_get_u32(rule, NFTNL_RULE_FAMILY),
					  nftnl_rule_get_str(rule, NFTNL_RULE_TABLE));
	if (judged.table)
		nftnl_expr_foreach(rule, judge_expression, &judged);
	nftnl_rule_free(rule);
	return MNL_CB_OK;
}

static int dump(struct netlink *netlink, uint16_t type, mnl_cb_t take, struct survey *survey)
{
	_Alignas(struct nlmsghdr) char buffer[64];
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *header;

	message->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	message->nlmsg_flags = NLM_F_DUMP;
	header = mnl_nlmsg_put_extra_header(message, sizeof(*header));
	header->nfgen_family = NFPROTO_UNSPEC;
	header->version = NFNETLINK_V0;
	return netlink_request(netlink, message, take, survey);
}

static void tell_table(const struct foreign *table, struct diagnosis *diagnosis)
{
	enum health health = HEALTH_OK;
	char text[400];
	int used;

	if (!table->chains[0] && table->queue < 0 && !table->has_notrack)
		return;
	used = snprintf(text, sizeof(text), "table %s %s%s%s%s", family_word(table->family),
			table->name, table->owner ? " (" : "", table->owner ? table->owner : "",
			table->owner ? ")" : "");
	if (table->chains[0])
		used += snprintf(text + used, sizeof(text) - (size_t)used, ": %s", table->chains);
	if (table->queue >= 0) {
		health = table->takes_ours ? HEALTH_PROBLEM : HEALTH_WARNING;
		used += snprintf(text + used, sizeof(text) - (size_t)used,
				 "; it QUEUES packets to %d%s", table->queue,
				 table->takes_ours ? ", which is the guard's" : "");
	}
	if (table->has_notrack) {
		health = health == HEALTH_PROBLEM ? health : HEALTH_WARNING;
		snprintf(text + used, sizeof(text) - (size_t)used, "; it has NOTRACK rules");
	}
	diagnosis_add(diagnosis, health, "%s", text);
}

/* Those of the older kernel interface, which nf_tables does not show. */
static void tell_legacy(const char *program, const char *path, struct diagnosis *diagnosis)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char line[64];

	while (file && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		diagnosis_add(diagnosis, HEALTH_OK, "table %s of %s-legacy: see %s-legacy-save",
			      line, program, program);
	}
}

void check_tables(const struct examination *examination, struct diagnosis *diagnosis)
{
	static struct survey survey;
	struct netlink netlink = {.socket = NULL};
	int result;

	if (!examination->is_inside)
		return diagnosis_add(diagnosis, HEALTH_UNKNOWN,
				     "they are in another network namespace");
	survey = (struct survey){.examination = examination};
	result = netlink_open(&netlink, NETLINK_NETFILTER, 0);
	if (!result) {
		result = dump(&netlink, NFT_MSG_GETCHAIN, take_chain, &survey);
		if (!result)
			result = dump(&netlink, NFT_MSG_GETRULE, take_rule, &survey);
		netlink_close(&netlink);
	}
	if (result)
		return diagnosis_add(diagnosis, HEALTH_UNKNOWN, "%s",
				     result == -EPERM ? "only root can look" : strerror(-result));
	for (size_t i = 0; i < survey.count; i++)
		tell_table(&survey.tables[i], diagnosis);
	tell_legacy("iptables", "/proc/self/net/ip_tables_names", diagnosis);
	tell_legacy("ip6tables", "/proc/self/net/ip6_tables_names", diagnosis);
}
