/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From rtnetlink's messages to plain data; every attribute's type and length is checked. Pure. */
#include "kernel/links_message.h"

#include "flow.h"
#include "kernel/netlink.h"
#include "util/text.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_tun.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>

#define ATTRIBUTE_PARENT_DEV_NAME 56 /* IFLA_PARENT_DEV_NAME, not in headers before Linux 5.14 */
#define TABLE_SIZE(last)	  ((size_t)(last) + 1)

static bool read_u32(const struct nlattr *attribute, uint32_t *value)
{
	if (!attribute || mnl_attr_validate(attribute, MNL_TYPE_U32) < 0)
		return false;
	*value = mnl_attr_get_u32(attribute);
	return true;
}

static bool read_u8(const struct nlattr *attribute, uint8_t *value)
{
	if (!attribute || mnl_attr_validate(attribute, MNL_TYPE_U8) < 0)
		return false;
	*value = mnl_attr_get_u8(attribute);
	return true;
}

static bool read_bytes(const struct nlattr *attribute, void *target, size_t size)
{
	if (!attribute || mnl_attr_get_payload_len(attribute) != size)
		return false;
	memcpy(target, mnl_attr_get_payload(attribute), size);
	return true;
}

/* A text that does not fit is not taken: cut, it would be another's. */
static bool read_text(const struct nlattr *attribute, char *target, size_t size)
{
	if (!attribute || mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) < 0 ||
	    mnl_attr_get_payload_len(attribute) > size)
		return false;
	return text_copy(target, size, mnl_attr_get_str(attribute));
}

static bool read_nest(const struct nlattr *attribute, const struct nlattr **table, size_t count)
{
	if (!attribute)
		return false;
	netlink_nested(attribute, table, count);
	return true;
}

static const void *message_header(const struct nlmsghdr *message, size_t size)
{
	return mnl_nlmsg_get_payload_len(message) < size ? NULL : mnl_nlmsg_get_payload(message);
}

/* A kernel that does not tell which of both it is leaves the one that guests use. */
static enum link_type tun_type(const struct nlattr *data)
{
	const struct nlattr *table[TABLE_SIZE(IFLA_TUN_TYPE)];
	uint8_t type;

	if (read_nest(data, table, TABLE_SIZE(IFLA_TUN_TYPE)) &&
	    read_u8(table[IFLA_TUN_TYPE], &type) && type == IFF_TUN)
		return LINK_TUN;
	return LINK_TAP;
}

static enum link_type type_of_kind(const char *kind, const struct nlattr *data)
{
	if (strcmp(kind, "bridge") == 0)
		return LINK_BRIDGE;
	if (strcmp(kind, "veth") == 0)
		return LINK_VETH;
	if (strcmp(kind, "tun") == 0)
		return tun_type(data);
	if (strcmp(kind, "macvtap") == 0)
		return LINK_MACVTAP;
	return LINK_OTHER;
}

/* @settings: a nest of IFLA_BRPORT_* */
static bool is_deaf(const struct nlattr *settings)
{
	const struct nlattr *table[TABLE_SIZE(IFLA_BRPORT_LEARNING)];
	uint8_t learning;

	return read_nest(settings, table, TABLE_SIZE(IFLA_BRPORT_LEARNING)) &&
	       read_u8(table[IFLA_BRPORT_LEARNING], &learning) && learning == 0;
}

static void read_link_info(const struct nlattr *nest, struct link_message *result)
{
	const struct nlattr *info[TABLE_SIZE(IFLA_INFO_SLAVE_DATA)];
	struct link *link = &result->link;
	char kind[16];

	if (!read_nest(nest, info, TABLE_SIZE(IFLA_INFO_SLAVE_DATA)))
		return;
	if (read_text(info[IFLA_INFO_KIND], link->kind_name, sizeof(link->kind_name)))
		link->type = type_of_kind(link->kind_name, info[IFLA_INFO_DATA]);
	result->deaf = read_text(info[IFLA_INFO_SLAVE_KIND], kind, sizeof(kind)) &&
		       strcmp(kind, "bridge") == 0 && is_deaf(info[IFLA_INFO_SLAVE_DATA]);
}

int link_message_parse(const struct nlmsghdr *message, struct link_message *result)
{
	const struct nlattr *table[TABLE_SIZE(ATTRIBUTE_PARENT_DEV_NAME)];
	const struct ifinfomsg *header = message_header(message, sizeof(*header));
	struct link *link = &result->link;
	uint32_t netnsid;

	if (!header || header->ifi_index <= 0)
		return -EBADMSG;
	/* A bridge speaks of its ports too, and its RTM_DELLINK only means that one has left it. */
	if (header->ifi_family != AF_UNSPEC)
		return -ENOMSG;
	netlink_attributes(message, sizeof(*header), table, TABLE_SIZE(ATTRIBUTE_PARENT_DEV_NAME));
	memset(result, 0, sizeof(*result));
	link->ifindex = (uint32_t)header->ifi_index;
	link->type = LINK_OTHER;
	link->up = (header->ifi_flags & IFF_UP) && (header->ifi_flags & IFF_LOWER_UP);
	if (!read_text(table[IFLA_IFNAME], link->name, sizeof(link->name)))
		return -EBADMSG;
	read_bytes(table[IFLA_ADDRESS], link->mac, sizeof(link->mac));
	read_u32(table[IFLA_MASTER], &link->master);
	read_u32(table[IFLA_LINK], &link->lower);
	link->peer_netnsid = read_u32(table[IFLA_LINK_NETNSID], &netnsid) ? (int32_t)netnsid : -1;
	read_link_info(table[IFLA_LINKINFO], result);
	result->has_parent = table[ATTRIBUTE_PARENT_DEV_NAME] != NULL;
	if (header->ifi_type == ARPHRD_LOOPBACK)
		link->type = LINK_LOOPBACK;
	else if (link->type == LINK_OTHER && link->kind_name[0] == '\0' && result->has_parent)
		link->type = LINK_PHYSICAL;
	return 0;
}

int port_message_parse(const struct nlmsghdr *message, uint32_t *ifindex, bool *deaf)
{
	const struct nlattr *table[TABLE_SIZE(IFLA_PROTINFO)];
	const struct ifinfomsg *header = message_header(message, sizeof(*header));

	if (!header || header->ifi_index <= 0)
		return -EBADMSG;
	if (header->ifi_family != AF_BRIDGE)
		return -ENOMSG;
	netlink_attributes(message, sizeof(*header), table, TABLE_SIZE(IFLA_PROTINFO));
	if (!table[IFLA_PROTINFO] || !(table[IFLA_PROTINFO]->nla_type & NLA_F_NESTED))
		return -ENOMSG; /* of the bridge itself */
	*ifindex = (uint32_t)header->ifi_index;
	*deaf = is_deaf(table[IFLA_PROTINFO]);
	return 0;
}

int address_message_parse(const struct nlmsghdr *message, struct interface_address *result)
{
	const struct nlattr *table[TABLE_SIZE(IFA_LOCAL)];
	const struct ifaddrmsg *header = message_header(message, sizeof(*header));
	const struct nlattr *address;

	if (!header)
		return -EBADMSG;
	if (header->ifa_family != AF_INET && header->ifa_family != AF_INET6)
		return -ENOMSG;
	netlink_attributes(message, sizeof(*header), table, TABLE_SIZE(IFA_LOCAL));
	/* With a peer, IFA_ADDRESS is the peer's. */
	address = table[IFA_LOCAL] ? table[IFA_LOCAL] : table[IFA_ADDRESS];
	*result = (struct interface_address){
		.ifindex = header->ifa_index,
		.prefix = header->ifa_prefixlen,
		.address = address_any_four,
	};
	if (header->ifa_family == AF_INET)
		return read_bytes(address, &result->address.s6_addr[12], 4) ? 0 : -EBADMSG;
	return read_bytes(address, &result->address, 16) ? 0 : -EBADMSG;
}

int neighbour_message_parse(const struct nlmsghdr *message, struct fdb_entry *result)
{
	const struct nlattr *table[TABLE_SIZE(NDA_MASTER)];
	const struct ndmsg *header = message_header(message, sizeof(*header));

	if (!header)
		return -EBADMSG;
	if (header->ndm_family != AF_BRIDGE)
		return -ENOMSG;
	netlink_attributes(message, sizeof(*header), table, TABLE_SIZE(NDA_MASTER));
	/* A device's own filter list and a vxlan's table come without a bridge. */
	if ((header->ndm_flags & NTF_SELF) || !table[NDA_MASTER])
		return -ENOMSG;
	memset(result, 0, sizeof(*result));
	if (header->ndm_ifindex <= 0 || !read_u32(table[NDA_MASTER], &result->bridge) ||
	    !read_bytes(table[NDA_LLADDR], result->mac, sizeof(result->mac)))
		return -EBADMSG;
	if (table[NDA_VLAN] && mnl_attr_validate(table[NDA_VLAN], MNL_TYPE_U16) >= 0)
		result->vlan = mnl_attr_get_u16(table[NDA_VLAN]);
	result->port = (uint32_t)header->ndm_ifindex;
	/* The bridge's own and its ports' own: a frame from such a source is not learned. */
	if ((header->ndm_state & NUD_PERMANENT) || result->port == result->bridge)
		return -ENOMSG;
	return 0;
}

int peer_message_parse(const struct nlmsghdr *message, struct neighbour *result)
{
	const struct nlattr *table[TABLE_SIZE(NDA_LLADDR)];
	const struct ndmsg *header = message_header(message, sizeof(*header));
	const uint16_t resolved = NUD_PERMANENT | NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE;

	if (!header)
		return -EBADMSG;
	if ((header->ndm_family != AF_INET && header->ndm_family != AF_INET6) ||
	    !(header->ndm_state & resolved) || (header->ndm_flags & NTF_PROXY))
		return -ENOMSG;
	netlink_attributes(message, sizeof(*header), table, TABLE_SIZE(NDA_LLADDR));
	*result = (struct neighbour){
		.ifindex = (uint32_t)header->ndm_ifindex,
		.address = address_any_four,
	};
	if (header->ndm_ifindex <= 0 ||
	    !read_bytes(table[NDA_LLADDR], result->mac, sizeof(result->mac)))
		return -EBADMSG;
	if (header->ndm_family == AF_INET)
		return read_bytes(table[NDA_DST], &result->address.s6_addr[12], 4) ? 0 : -EBADMSG;
	return read_bytes(table[NDA_DST], &result->address, 16) ? 0 : -EBADMSG;
}

int default_route_parse(const struct nlmsghdr *message, struct next_hop *result)
{
	const struct nlattr *table[TABLE_SIZE(RTA_GATEWAY)];
	const struct rtmsg *header = message_header(message, sizeof(*header));

	if (!header)
		return -EBADMSG;
	if ((header->rtm_family != AF_INET && header->rtm_family != AF_INET6) ||
	    header->rtm_dst_len != 0 || header->rtm_type != RTN_UNICAST)
		return -ENOMSG;
	netlink_attributes(message, sizeof(*header), table, TABLE_SIZE(RTA_GATEWAY));
	*result = (struct next_hop){.address = address_any_four};
	if (!table[RTA_GATEWAY] || !read_u32(table[RTA_OIF], &result->ifindex))
		return -ENOMSG; /* a tunnel, or several routers */
	if (header->rtm_family == AF_INET)
		return read_bytes(table[RTA_GATEWAY], &result->address.s6_addr[12], 4) ? 0
										       : -EBADMSG;
	return read_bytes(table[RTA_GATEWAY], &result->address, 16) ? 0 : -EBADMSG;
}

static void each_next_hop(const struct nlattr *hops, void (*visit)(void *data, uint32_t ifindex),
			  void *data)
{
	const char *bytes = mnl_attr_get_payload(hops);
	size_t left = mnl_attr_get_payload_len(hops);
	struct rtnexthop hop;
	size_t step;

	while (left >= sizeof(hop)) {
		memcpy(&hop, bytes, sizeof(hop));
		if (hop.rtnh_len < sizeof(hop) || hop.rtnh_len > left)
			return;
		if (hop.rtnh_ifindex > 0)
			visit(data, (uint32_t)hop.rtnh_ifindex);
		step = RTNH_ALIGN((size_t)hop.rtnh_len);
		if (step >= left)
			return;
		bytes += step;
		left -= step;
	}
}

int route_message_each(const struct nlmsghdr *message, void (*visit)(void *data, uint32_t ifindex),
		       void *data)
{
	const struct nlattr *table[TABLE_SIZE(RTA_TABLE)];
	const struct rtmsg *header = message_header(message, sizeof(*header));
	uint32_t number;

	if (!header)
		return -EBADMSG;
	netlink_attributes(message, sizeof(*header), table, TABLE_SIZE(RTA_TABLE));
	if (!read_u32(table[RTA_TABLE], &number))
		number = header->rtm_table;
	if (header->rtm_family != AF_INET || header->rtm_dst_len != 0 ||
	    header->rtm_type != RTN_UNICAST || header->rtm_protocol == RTPROT_RA ||
	    number != RT_TABLE_MAIN || (header->rtm_flags & RTM_F_CLONED))
		return -ENOMSG;
	if (read_u32(table[RTA_OIF], &number))
		visit(data, number);
	if (table[RTA_MULTIPATH])
		each_next_hop(table[RTA_MULTIPATH], visit, data);
	return 0;
}
