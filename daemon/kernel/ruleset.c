// SPDX-License-Identifier: GPL-2.0-or-later
/* The table "inet lhguard": what is queued, what happens when nobody answers. */
#include "kernel/ruleset.h"

#include "kernel/netlink.h"
#include "kernel/nft.h"
#include "kernel/table.h"
#include "util/cleanup.h"
#include "util/error.h"

#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

/**
 * DOC: Theory of Operation
 *
 * The table belongs to nobody (no NFT_TABLE_F_OWNER) because it has to outlive a crash: then
 * the queues without `bypass` drop. It is replaced as a whole, in one batch (add, delete,
 * add), so there is no moment without it. Its sets alone are changed in place; kernel sets of the
 * later fast path (trusted cgroups, hushed pairs) belong beside them.
 */

#define ANSWER_SOCKET_BYTES (4 * 1024 * 1024) /* an answer to each message of the largest batch */
#define EVENT_DATAGRAM_SIZE 32768
#define EVENT_SOCKET_BYTES  (1024 * 1024)
#define EVENT_DATAGRAMS	    256 /* read in one call */

struct ruleset {
	struct netlink netlink;
	struct netlink events;
	enum ruleset_expression expression;
	bool installed;
	bool no_cgroups; /* the kernel cannot match a socket's cgroup */
	bool no_fib;	 /* … nor whether an address is the host's */
	bool trust_flows;
	uint32_t *lan;
	size_t lan_count;
	struct ruleset_bridged bridged;
	struct ruleset_cgroup cgroups[RULESET_CGROUPS_MAX];
	size_t cgroup_count;
	bool cgroups_unsure; /* the kernel may not have @cgroups */
};

static int try_install(struct ruleset *ruleset, const struct ruleset_settings *settings,
		       enum ruleset_expression expression, bool no_cgroups, bool no_fib,
		       struct error *error)
{
	struct nft_batch *batch = nft_batch_new(&ruleset->netlink, RULESET_TABLE);
	const struct table_plan plan = {
		.settings = settings,
		.expression = expression,
		.no_cgroups = no_cgroups,
		.no_fib = no_fib,
		.trust_flows = ruleset->trust_flows,
		.lan = ruleset->lan,
		.lan_count = ruleset->lan_count,
		.bridged = &ruleset->bridged,
		.cgroups = ruleset->cgroups,
		.cgroup_count = ruleset->cgroup_count,
	};
	int result;

	if (!batch)
		return error_set(error, -ENOMEM, "no memory for the table inet " RULESET_TABLE);
	table_write(batch, &plan);
	result = nft_batch_commit(batch, error);
	nft_batch_free(batch);
	if (result < 0)
		return result;
	ruleset->expression = expression;
	ruleset->no_cgroups = no_cgroups;
	ruleset->no_fib = no_fib;
	ruleset->installed = true;
	ruleset->cgroups_unsure = false;
	return 0;
}

/* Say what to do about what the kernel said. */
static int explain_install(int result, struct error *error)
{
	const char *advice = NULL;
	struct error reason;

	if (result == -EPERM)
		advice = "CAP_NET_ADMIN is needed";
	else if (result == -ENOENT || result == -EOPNOTSUPP || result == -EPROTONOSUPPORT)
		advice = "the kernel needs nf_tables, nft_ct, nft_reject_inet, nfnetlink_queue, "
			 "and nft_queue or nft_compat with xt_NFQUEUE";
	if (!advice || !error)
		return result;
	reason = *error;
	return error_set(error, result, "%.300s (%s)", reason.text, advice);
}

int ruleset_install(struct ruleset *ruleset, const struct ruleset_settings *settings,
		    struct error *error)
{
	int result = -ENOENT;

	/* The kernel answers ENOENT for an expression that it does not have, whichever it is. */
	for (int lack = 0; result == -ENOENT && lack < 8; lack++)
		result = try_install(ruleset, settings, lack & 1 ? RULESET_COMPAT : RULESET_NATIVE,
				     lack & 2, lack & 4, error);
	return result < 0 ? explain_install(result, error) : 0;
}

int ruleset_remove(struct ruleset *ruleset)
{
	struct nft_batch *batch = nft_batch_new(&ruleset->netlink, RULESET_TABLE);
	int result;

	if (!batch)
		return -ENOMEM;
	table_erase(batch);
	result = nft_batch_commit(batch, NULL);
	nft_batch_free(batch);
	if (result == 0)
		ruleset->installed = false;
	return result;
}

static int write_lan(struct ruleset *ruleset)
{
	struct nft_batch *batch = nft_batch_new(&ruleset->netlink, RULESET_TABLE);
	int result;

	if (!batch)
		return -ENOMEM;
	table_write_lan(batch, ruleset->lan, ruleset->lan_count);
	result = nft_batch_commit(batch, NULL);
	nft_batch_free(batch);
	/* Somebody removed the table: who puts it back, puts the set back with it. */
	return result == -ENOENT ? 0 : result;
}

int ruleset_set_lan(struct ruleset *ruleset, const uint32_t *ifindexes, size_t count)
{
	uint32_t *copy = calloc(count + 1, sizeof(*copy));

	if (!copy)
		return -ENOMEM;
	if (count > 0)
		memcpy(copy, ifindexes, count * sizeof(*copy));
	free(ruleset->lan);
	ruleset->lan = copy;
	ruleset->lan_count = count;
	return ruleset->installed ? write_lan(ruleset) : 0;
}

int ruleset_set_bridged(struct ruleset *ruleset, const struct ruleset_bridged *bridged)
{
	struct nft_batch *batch;
	int result;

	ruleset->bridged = *bridged;
	if (!ruleset->installed)
		return 0;
	batch = nft_batch_new(&ruleset->netlink, RULESET_TABLE);
	if (!batch)
		return -ENOMEM;
	table_write_bridged(batch, bridged);
	result = nft_batch_commit(batch, NULL);
	nft_batch_free(batch);
	return result == -ENOENT ? 0 : result; /* as in write_lan() */
}

static int write_cgroups(struct ruleset *ruleset, const struct table_cgroups *change)
{
	struct nft_batch *batch = nft_batch_new(&ruleset->netlink, RULESET_TABLE);
	int result;

	if (!batch)
		return -ENOMEM;
	table_write_cgroups(batch, change);
	result = nft_batch_commit(batch, NULL);
	nft_batch_free(batch);
	return result;
}

static int compare_cgroups(const void *left, const void *right)
{
	const struct ruleset_cgroup *a = left, *b = right;

	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return (a->level > b->level) - (a->level < b->level);
}

/* What is in @from and not in @in, both in order; how many. */
static size_t subtract(const struct ruleset_cgroup *from, size_t from_count,
		       const struct ruleset_cgroup *in, size_t in_count,
		       struct ruleset_cgroup *difference)
{
	size_t count = 0, at = 0;

	for (size_t i = 0; i < from_count; i++) {
		while (at < in_count && compare_cgroups(&in[at], &from[i]) < 0)
			at++;
		if (at == in_count || compare_cgroups(&in[at], &from[i]) != 0)
			difference[count++] = from[i];
	}
	return count;
}

/*
 * Containers come and go by the hundred: only what has changed is written. Where the kernel did not
 * take that, the whole is.
 */
int ruleset_set_guest_cgroups(struct ruleset *ruleset, const struct ruleset_cgroup *cgroups,
			      size_t count)
{
	static struct ruleset_cgroup wanted[RULESET_CGROUPS_MAX], removed[RULESET_CGROUPS_MAX],
		added[RULESET_CGROUPS_MAX];
	struct table_cgroups change = {.removed = removed, .added = added};
	int result;

	count = count < RULESET_CGROUPS_MAX ? count : RULESET_CGROUPS_MAX;
	memcpy(wanted, cgroups, count * sizeof(cgroups[0]));
	qsort(wanted, count, sizeof(wanted[0]), compare_cgroups);
	change.removed_count =
		subtract(ruleset->cgroups, ruleset->cgroup_count, wanted, count, removed);
	change.added_count =
		subtract(wanted, count, ruleset->cgroups, ruleset->cgroup_count, added);
	memcpy(ruleset->cgroups, wanted, count * sizeof(wanted[0]));
	ruleset->cgroup_count = count;
	if (!ruleset->installed || ruleset->no_cgroups ||
	    (!change.removed_count && !change.added_count && !ruleset->cgroups_unsure))
		return 0;
	result = ruleset->cgroups_unsure ? -EAGAIN : write_cgroups(ruleset, &change);
	if (result < 0) {
		change =
			(struct table_cgroups){.added = wanted, .added_count = count, .anew = true};
		result = write_cgroups(ruleset, &change);
	}
	ruleset->cgroups_unsure = result < 0;
	return result == -ENOENT ? 0 : result; /* as in write_lan() */
}

int ruleset_trust_flows(struct ruleset *ruleset, bool trust)
{
	struct nft_batch *batch;
	int result;

	ruleset->trust_flows = trust;
	if (!ruleset->installed)
		return 0;
	batch = nft_batch_new(&ruleset->netlink, RULESET_TABLE);
	if (!batch)
		return -ENOMEM;
	table_write_trust(batch, trust);
	result = nft_batch_commit(batch, NULL);
	nft_batch_free(batch);
	return result == -ENOENT ? 0 : result; /* as in write_lan() */
}

bool ruleset_knows_cgroups(const struct ruleset *ruleset)
{
	return ruleset->installed && !ruleset->no_cgroups && !ruleset->cgroups_unsure;
}

bool ruleset_sees_forged(const struct ruleset *ruleset)
{
	return ruleset->installed && !ruleset->no_fib;
}

enum ruleset_expression ruleset_expression(const struct ruleset *ruleset)
{
	return ruleset->expression;
}

int ruleset_new(struct ruleset **ruleset, struct error *error)
{
	struct ruleset *opened = calloc(1, sizeof(*opened));
	int result;

	if (!opened)
		return error_set(error, -ENOMEM, "no memory for the table inet " RULESET_TABLE);
	result = netlink_open(&opened->netlink, NETLINK_NETFILTER, ANSWER_SOCKET_BYTES);
	if (result == 0)
		result = netlink_open(&opened->events, NETLINK_NETFILTER, EVENT_SOCKET_BYTES);
	if (result == 0)
		result = netlink_join(&opened->events, NFNLGRP_NFTABLES);
	if (result < 0) {
		ruleset_free(opened);
		return error_set(error, result, "cannot open an nftables socket: %s",
				 strerror(-result));
	}
	*ruleset = opened;
	return 0;
}

void ruleset_free(struct ruleset *ruleset)
{
	if (!ruleset)
		return;
	netlink_close(&ruleset->netlink);
	netlink_close(&ruleset->events);
	free(ruleset->lan);
	free(ruleset);
}

/* Changes by others. */

int ruleset_fd(const struct ruleset *ruleset)
{
	return netlink_fd(&ruleset->events);
}

/*
 * Is it about our table, and not by us? The first attribute of all these messages is the table's
 * name (NFTA_TABLE_NAME, NFTA_CHAIN_TABLE, …), but for NFT_MSG_NEWGEN, which ends a batch. Removing
 * all tables tells of each.
 */
static bool is_foreign_change(const struct ruleset *ruleset, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[NFTA_TABLE_NAME + 1];
	const struct nlattr *name;

	if (message->nlmsg_pid == ruleset->netlink.port ||
	    message->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES ||
	    (message->nlmsg_type & 0xff) == NFT_MSG_NEWGEN ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(struct nfgenmsg) ||
	    ((const struct nfgenmsg *)mnl_nlmsg_get_payload(message))->nfgen_family != NFPROTO_INET)
		return false;
	netlink_attributes(message, sizeof(struct nfgenmsg), attributes, NFTA_TABLE_NAME + 1);
	name = attributes[NFTA_TABLE_NAME];
	return name && mnl_attr_get_payload_len(name) == sizeof(RULESET_TABLE) &&
	       memcmp(mnl_attr_get_payload(name), RULESET_TABLE, sizeof(RULESET_TABLE)) == 0;
}

int ruleset_dispatch(struct ruleset *ruleset)
{
	_Alignas(struct nlmsghdr) char buffer[EVENT_DATAGRAM_SIZE];
	const struct nlmsghdr *message;
	int round, left, changed = 0;
	ssize_t bytes;

	for (round = 0; round < EVENT_DATAGRAMS; round++) {
		bytes = netlink_receive(&ruleset->events, buffer, sizeof(buffer));
		if (bytes == -ENOBUFS) {
			changed = 1;
			continue;
		}
		if (bytes < 0)
			return (int)bytes;
		if (bytes == 0)
			break;
		left = (int)bytes;
		for (message = (const void *)buffer; mnl_nlmsg_ok(message, left);
		     message = mnl_nlmsg_next(message, &left))
			changed |= is_foreign_change(ruleset, message);
	}
	return changed;
}
