/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Services in words: parsed, printed, and compared with a flow; no state. */
#ifndef LHGUARD_POLICY_SERVICE_H
#define LHGUARD_POLICY_SERVICE_H

#include "flow.h"
#include "util/error.h"

/**
 * struct service - which services an exception is about
 * @protocol: IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP; 0: any that has ports
 * @family: AF_INET, AF_INET6; AF_UNSPEC when no address was given
 * @address: network address in struct flow's form, host bits clear
 * @prefix: bits of @address that count, in the 128-bit form; 0: any address
 * @first: lowest port, 0 with @last 65535 for any
 * @last: highest port
 *
 * Written [PROTOCOL/]ADDRESS:PORTS, [PROTOCOL/]PORTS or [PROTOCOL/]ADDRESS:*; ADDRESS is
 * a.b.c.d[/len] or v6[/len] in square brackets, as in "[::1]:9222", "[fd00::/64]:80",
 * "10.0.0.0/8:53"; PORTS is N, N-M or "*". IPv4-mapped IPv6 addresses are the IPv4 addresses that
 * they stand for.
 */
struct service {
	uint8_t protocol;
	uint8_t family;
	struct in6_addr address;
	uint8_t prefix;
	uint16_t first;
	uint16_t last;
};

#define SERVICE_TEXT_SIZE 80

/** service_parse() - 0, or -EINVAL with what is wrong and an example of what is right. */
int service_parse(const char *text, struct service *service, struct error *error);
const char *service_format(char *target, size_t size, const struct service *service);
bool service_matches(const struct service *service, const struct flow *flow);

/**
 * service_name_in() - the name in a service (services.h), "chrome-devtools" or "127.0.0.1:chrome-devtools"
 * Return: where in @text it begins, or NULL when @text says ports and no name.
 */
const char *service_name_in(const char *text);

/**
 * service_with_ports() - what a service with a name means
 * @text: with a name, by service_name_in(); what stands before it is an address or nothing
 * @ports: protocol and ports that the name stands for
 */
int service_with_ports(const char *text, const struct service *ports, struct service *service,
		       struct error *error);

/** address_mask() - clear all but the first @prefix bits (0 to 128). */
void address_mask(struct in6_addr *address, unsigned int prefix);

/** protocol_has_ports() - is it one of those whose ports packet_parse() reads? */
bool protocol_has_ports(uint8_t protocol);

/** service_equal() - do both stand for the same ports of the same addresses? */
bool service_equal(const struct service *a, const struct service *b);

#endif
