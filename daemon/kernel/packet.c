// SPDX-License-Identifier: GPL-2.0-or-later
/* The packet parser: one pure function from bytes to a flow. */
#include "kernel/packet.h"

#include "flow.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define IPV4_HEADER_SIZE 20
#define IPV6_HEADER_SIZE 40
#define TCP_HEADER_SIZE	 20
#define UDP_HEADER_SIZE	 8
#define SCTP_HEADER_SIZE 12 /* RFC 9260, 3.1 */
#define DCCP_HEADER_SIZE 12 /* RFC 4340, 5.1, with the short sequence number */
#define ICMP_HEADER_SIZE 8  /* RFC 792; the kernel wants 8 of ICMPv6 too */
#define IPV4_FRAGMENT	 0x3fff
#define IPV6_EXTENSIONS	 8

/**
 * struct packet - the bytes that are there, and how many the IP header says there should be
 * @bytes: the packet
 * @length: bytes that may be read: what was copied to us, without what follows the packet's end
 * @total: bytes of the whole packet by its own length field, at least @length
 */
struct packet {
	const uint8_t *bytes;
	size_t length;
	size_t total;
};

/* Every byte that is read comes through here: NULL unless all @size bytes are there. */
static const uint8_t *packet_at(const struct packet *packet, size_t offset, size_t size)
{
	if (size > packet->length || offset > packet->length - size)
		return NULL;
	return packet->bytes + offset;
}

static uint16_t read_u16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

/* What follows the end that the length field names is padding. */
static void packet_limit(struct packet *packet, size_t total)
{
	packet->total = total;
	if (packet->length > total)
		packet->length = total;
}

static int packet_ports(const struct packet *packet, size_t offset, size_t header,
			struct flow *flow)
{
	const uint8_t *bytes = packet_at(packet, offset, header);

	if (!bytes)
		return -EBADMSG;
	flow->client_port = read_u16(bytes);
	flow->service_port = read_u16(bytes + 2);
	return 0;
}

static int packet_tcp(const struct packet *packet, size_t offset, struct flow *flow)
{
	const uint8_t *bytes = packet_at(packet, offset, TCP_HEADER_SIZE);
	size_t header;

	if (!bytes)
		return -EBADMSG;
	header = (size_t)(bytes[12] >> 4) * 4;
	if (header < TCP_HEADER_SIZE || header > packet->total - offset)
		return -EBADMSG;
	flow->sequence = (uint32_t)read_u16(bytes + 4) << 16 | read_u16(bytes + 6);
	return packet_ports(packet, offset, TCP_HEADER_SIZE, flow);
}

static int packet_udp(const struct packet *packet, size_t offset, struct flow *flow)
{
	const uint8_t *bytes = packet_at(packet, offset, UDP_HEADER_SIZE);
	size_t datagram;

	if (!bytes)
		return -EBADMSG;
	datagram = read_u16(bytes + 4);
	if (datagram < UDP_HEADER_SIZE || datagram > packet->total - offset)
		return -EBADMSG;
	return packet_ports(packet, offset, UDP_HEADER_SIZE, flow);
}

static int packet_icmp(const struct packet *packet, size_t offset, struct flow *flow)
{
	const uint8_t *bytes = packet_at(packet, offset, ICMP_HEADER_SIZE);

	if (!bytes)
		return -EBADMSG;
	flow->icmp_type = bytes[0];
	return 0;
}

static int packet_transport(const struct packet *packet, size_t offset, struct flow *flow)
{
	switch (flow->protocol) {
	case IPPROTO_TCP:
		return packet_tcp(packet, offset, flow);
	case IPPROTO_UDP:
		return packet_udp(packet, offset, flow);
	case IPPROTO_UDPLITE: /* its length field is the checksum's coverage (RFC 3828) */
		return packet_ports(packet, offset, UDP_HEADER_SIZE, flow);
	case IPPROTO_SCTP:
		return packet_ports(packet, offset, SCTP_HEADER_SIZE, flow);
	case IPPROTO_DCCP:
		return packet_ports(packet, offset, DCCP_HEADER_SIZE, flow);
	case IPPROTO_ICMP:
		return flow->family == AF_INET ? packet_icmp(packet, offset, flow) : 0;
	case IPPROTO_ICMPV6:
		return flow->family == AF_INET6 ? packet_icmp(packet, offset, flow) : 0;
	default:
		return 0;
	}
}

static void map_ipv4(struct in6_addr *target, const uint8_t *address)
{
	*target = address_any_four;
	memcpy(&target->s6_addr[12], address, 4);
}

static int packet_ipv4(struct packet *packet, struct flow *flow)
{
	const uint8_t *bytes = packet_at(packet, 0, IPV4_HEADER_SIZE);
	size_t header;

	if (!bytes)
		return -EBADMSG;
	header = (size_t)(bytes[0] & 0x0f) * 4;
	packet_limit(packet, read_u16(bytes + 2));
	if (header < IPV4_HEADER_SIZE || !packet_at(packet, 0, header))
		return -EBADMSG;
	if (read_u16(bytes + 6) & IPV4_FRAGMENT)
		return -EBADMSG;

	flow->family = AF_INET;
	flow->protocol = bytes[9];
	map_ipv4(&flow->client, bytes + 12);
	map_ipv4(&flow->service, bytes + 16);
	return packet_transport(packet, header, flow);
}

static bool is_extension(uint8_t protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING ||
	       protocol == IPPROTO_FRAGMENT || protocol == IPPROTO_AH ||
	       protocol == IPPROTO_DSTOPTS;
}

/*
 * The size of one extension header, 0 when it makes the packet unfit: a fragment, hop-by-hop
 * options that do not come first (RFC 8200, 4.1), or a route that goes on, so that the destination
 * which the flow would name is not the one that gets the packet.
 */
static size_t extension_size(const uint8_t *bytes, uint8_t protocol, bool first)
{
	switch (protocol) {
	case IPPROTO_HOPOPTS:
		return first ? (bytes[1] + 1U) * 8 : 0;
	case IPPROTO_ROUTING:
		return bytes[3] == 0 ? (bytes[1] + 1U) * 8 : 0;
	case IPPROTO_DSTOPTS:
		return (bytes[1] + 1U) * 8;
	case IPPROTO_AH:
		return (bytes[1] + 2U) * 4; /* RFC 4302, 2.2 */
	default:
		return 0;
	}
}

/* Walk to the transport header: sets flow->protocol, and @offset to where it begins. */
static int packet_extensions(const struct packet *packet, uint8_t protocol, size_t *offset,
			     struct flow *flow)
{
	const uint8_t *bytes;
	unsigned int count;
	size_t size;

	for (count = 0; is_extension(protocol); count++) {
		bytes = packet_at(packet, *offset, 8);
		if (!bytes || count == IPV6_EXTENSIONS)
			return -EBADMSG;
		size = extension_size(bytes, protocol, count == 0);
		if (size == 0 || !packet_at(packet, *offset, size))
			return -EBADMSG;
		protocol = bytes[0];
		*offset += size;
	}
	flow->protocol = protocol;
	return 0;
}

/* IPv4 in disguise; the unspecified address and ::1 are not (RFC 4291, 2.5.5). */
static bool is_embedded_ipv4(const struct in6_addr *address)
{
	return IN6_IS_ADDR_V4MAPPED(address) || IN6_IS_ADDR_V4COMPAT(address);
}

static int packet_ipv6(struct packet *packet, struct flow *flow)
{
	const uint8_t *bytes = packet_at(packet, 0, IPV6_HEADER_SIZE);
	size_t offset = IPV6_HEADER_SIZE;
	int result;

	if (!bytes)
		return -EBADMSG;
	packet_limit(packet, IPV6_HEADER_SIZE + read_u16(bytes + 4));

	flow->family = AF_INET6;
	memcpy(&flow->client, bytes + 8, sizeof(flow->client));
	memcpy(&flow->service, bytes + 24, sizeof(flow->service));
	if (is_embedded_ipv4(&flow->client) || is_embedded_ipv4(&flow->service))
		return -EBADMSG;

	result = packet_extensions(packet, bytes[6], &offset, flow);
	if (result < 0)
		return result;
	return packet_transport(packet, offset, flow);
}

int packet_parse(const uint8_t *bytes, size_t length, struct flow *flow)
{
	struct packet packet = {.bytes = bytes, .length = length};
	struct flow parsed = {0};
	const uint8_t *first = packet_at(&packet, 0, 1);
	int result = -EBADMSG;

	if (!first)
		return -EBADMSG;
	switch (*first >> 4) {
	case 4:
		result = packet_ipv4(&packet, &parsed);
		break;
	case 6:
		result = packet_ipv6(&packet, &parsed);
		break;
	}
	if (result < 0)
		return result;
	*flow = parsed;
	return 0;
}
