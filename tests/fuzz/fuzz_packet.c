// SPDX-License-Identifier: GPL-2.0-or-later
/* Fuzz the packet parser: no byte too many, the same answer twice, and what a flow promises. */
#include "flow.h"
#include "kernel/packet.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static bool has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
	       protocol == IPPROTO_SCTP || protocol == IPPROTO_DCCP;
}

static void check_flow(const struct flow *flow)
{
	bool mapped = IN6_IS_ADDR_V4MAPPED(&flow->client);

	require(flow->family == AF_INET || flow->family == AF_INET6);
	require(mapped == (flow->family == AF_INET));
	require(mapped == (bool)IN6_IS_ADDR_V4MAPPED(&flow->service));
	require(has_ports(flow->protocol) || (flow->client_port == 0 && flow->service_port == 0));
	if (flow->family == AF_INET6)
		require(flow->protocol != IPPROTO_FRAGMENT && flow->protocol != IPPROTO_HOPOPTS &&
			flow->protocol != IPPROTO_ROUTING && flow->protocol != IPPROTO_DSTOPTS &&
			flow->protocol != IPPROTO_AH);
	if (flow->icmp_type)
		require(flow->protocol ==
			(flow->family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct flow first, second, untouched;
	int result;

	memset(&first, 0xa5, sizeof(first));
	untouched = first;
	memset(&second, 0x5a, sizeof(second));

	result = packet_parse(bytes, length, &first);
	require(packet_parse(bytes, length, &second) == result);
	if (result < 0) {
		require(result == -EBADMSG);
		require(memcmp(&first, &untouched, sizeof(first)) == 0);
		return 0;
	}
	require(memcmp(&first.client, &second.client, sizeof(first.client)) == 0);
	require(memcmp(&first.service, &second.service, sizeof(first.service)) == 0);
	require(first.client_port == second.client_port);
	require(first.service_port == second.service_port);
	require(first.family == second.family && first.protocol == second.protocol);
	require(first.icmp_type == second.icmp_type);
	check_flow(&first);
	return 0;
}
