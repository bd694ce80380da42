// SPDX-License-Identifier: GPL-2.0-or-later
/* Flows that were accepted and have no end of their own: forgotten when the policy changes. */
#include "kernel/flows.h"

#include "kernel/links.h"
#include "kernel/netlink.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define TUPLE_SIZE    128	/* bytes of CTA_TUPLE_ORIG with its header: at most 84 */
#define MESSAGE_SIZE  256	/* bytes of a request */
#define FORGOTTEN_MAX (1 << 20) /* flows forgotten for one change */

/**
 * struct collection - entries to delete; they cannot be deleted while they are listed
 * @tuples: their CTA_TUPLE_ORIG attributes, as they came
 * @families: AF_INET or AF_INET6 of each
 */
struct collection {
	const struct links *links;
	char (*tuples)[TUPLE_SIZE];
	uint8_t *families;
	size_t count;
	size_t size;
};

/* The ends of one direction: addresses in struct flow's form. */
struct ends {
	struct in6_addr source;
	struct in6_addr target;
	uint8_t protocol;
};

static bool read_address(const struct nlattr *v4, const struct nlattr *v6, struct in6_addr *address)
{
	*address = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
	if (v4 && mnl_attr_get_payload_len(v4) == sizeof(struct in_addr))
		memcpy(&address->s6_addr[12], mnl_attr_get_payload(v4), sizeof(struct in_addr));
	else if (v6 && mnl_attr_get_payload_len(v6) == sizeof(*address))
		memcpy(address, mnl_attr_get_payload(v6), sizeof(*address));
	else
		return false;
	return true;
}

static bool read_ends(const struct nlattr *tuple, struct ends *ends)
{
	const struct nlattr *parts[CTA_TUPLE_MAX + 1], *ip[CTA_IP_MAX + 1];
	const struct nlattr *protocol[CTA_PROTO_MAX + 1];

	if (!tuple)
		return false;
	netlink_nested(tuple, parts, CTA_TUPLE_MAX + 1);
	if (!parts[CTA_TUPLE_IP] || !parts[CTA_TUPLE_PROTO])
		return false;
	netlink_nested(parts[CTA_TUPLE_IP], ip, CTA_IP_MAX + 1);
	netlink_nested(parts[CTA_TUPLE_PROTO], protocol, CTA_PROTO_MAX + 1);
	if (!protocol[CTA_PROTO_NUM] || mnl_attr_get_payload_len(protocol[CTA_PROTO_NUM]) != 1)
		return false;
	ends->protocol = mnl_attr_get_u8(protocol[CTA_PROTO_NUM]);
	return read_address(ip[CTA_IP_V4_SRC], ip[CTA_IP_V6_SRC], &ends->source) &&
	       read_address(ip[CTA_IP_V4_DST], ip[CTA_IP_V6_DST], &ends->target);
}

static bool is_local(const struct links *links, const struct in6_addr *address)
{
	const uint8_t *bytes = address->s6_addr;

	if (!IN6_IS_ADDR_V4MAPPED(address))
		return IN6_IS_ADDR_LOOPBACK(address) || IN6_IS_ADDR_MULTICAST(address) ||
		       links_owns_address(links, 0, address);
	/* 127/8, multicast and the limited broadcast; a subnet's broadcast ends in 255 as a rule.
	 */
	return bytes[12] == 127 || bytes[12] >= 224 || bytes[15] == 255 ||
	       links_owns_address(links, 0, address);
}

static bool is_to_forget(const struct collection *collection, const struct ends *there,
			 const struct ends *back)
{
	bool is_datagram = there->protocol == IPPROTO_UDP || there->protocol == IPPROTO_ICMP ||
			   there->protocol == IPPROTO_ICMPV6;

	return is_datagram && IN6_ARE_ADDR_EQUAL(&there->source, &back->target) &&
	       IN6_ARE_ADDR_EQUAL(&there->target, &back->source) &&
	       is_local(collection->links, &there->target);
}

static bool grow(struct collection *collection)
{
	size_t size = collection->size ? collection->size * 2 : 64;
	void *tuples, *families;

	if (collection->count < collection->size)
		return true;
	if (size > FORGOTTEN_MAX)
		return false;
	tuples = realloc(collection->tuples, size * sizeof(*collection->tuples));
	if (tuples)
		collection->tuples = tuples;
	families = realloc(collection->families, size);
	if (families)
		collection->families = families;
	if (!tuples || !families)
		return false;
	collection->size = size;
	return true;
}

static int collect(const struct nlmsghdr *message, void *data)
{
	const struct nlattr *attributes[CTA_TUPLE_REPLY + 1];
	const struct nlattr *tuple;
	struct collection *collection = data;
	struct ends there, back;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(struct nfgenmsg))
		return MNL_CB_OK;
	netlink_attributes(message, sizeof(struct nfgenmsg), attributes, CTA_TUPLE_REPLY + 1);
	tuple = attributes[CTA_TUPLE_ORIG];
	if (!read_ends(tuple, &there) || !read_ends(attributes[CTA_TUPLE_REPLY], &back) ||
	    !is_to_forget(collection, &there, &back) || mnl_attr_get_len(tuple) > TUPLE_SIZE ||
	    !grow(collection))
		return MNL_CB_OK;
	memcpy(collection->tuples[collection->count], tuple, mnl_attr_get_len(tuple));
	collection->families[collection->count++] =
		((const struct nfgenmsg *)mnl_nlmsg_get_payload(message))->nfgen_family;
	return MNL_CB_OK;
}

static struct nlmsghdr *put_request(char *buffer, uint16_t type, uint16_t flags, uint8_t family)
{
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct nfgenmsg *general;

	message->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | type);
	message->nlmsg_flags = flags;
	general = mnl_nlmsg_put_extra_header(message, sizeof(*general));
	general->nfgen_family = family;
	general->version = NFNETLINK_V0;
	return message;
}

static int delete (struct netlink *netlink, const struct collection *collection, size_t index)
{
	_Alignas(struct nlmsghdr) char buffer[MESSAGE_SIZE];
	const struct nlattr *tuple = (const void *)collection->tuples[index];
	struct nlmsghdr *message =
		put_request(buffer, IPCTNL_MSG_CT_DELETE, 0, collection->families[index]);

	mnl_attr_put(message, CTA_TUPLE_ORIG | NLA_F_NESTED, mnl_attr_get_payload_len(tuple),
		     mnl_attr_get_payload(tuple));
	return netlink_request(netlink, message, NULL, NULL);
}

int flows_forget(const struct links *links)
{
	_Alignas(struct nlmsghdr) char buffer[MESSAGE_SIZE];
	struct collection collection = {.links = links};
	struct netlink netlink = {0};
	int result, forgotten = 0;

	result = netlink_open(&netlink, NETLINK_NETFILTER, 0);
	if (result)
		return result;
	result = netlink_request(&netlink,
				 put_request(buffer, IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC),
				 collect, &collection);
	for (size_t i = 0; !result && i < collection.count; i++)
		forgotten += delete (&netlink, &collection, i) == 0; /* or it ended by itself */
	netlink_close(&netlink);
	free(collection.tuples);
	free(collection.families);
	return result ? result : forgotten;
}
