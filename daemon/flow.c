// SPDX-License-Identifier: GPL-2.0-or-later
/* The words for the pipeline's plain data. */
#include "flow.h"

#include "util/array.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const source_classes[] = {
	[SOURCE_HOST] = "host",
	[SOURCE_GUEST] = "guest",
	[SOURCE_LAN] = "lan",
	[SOURCE_UNKNOWN] = "unknown",
};
static_assert(ARRAY_SIZE(source_classes) == SOURCE_CLASS_COUNT, "a word for each class");

static const char *const kinds[] = {
	[KIND_VM] = "vm",   [KIND_CONTAINER] = "container", [KIND_SANDBOX] = "sandbox",
	[KIND_LAN] = "lan", [KIND_UNKNOWN] = "unknown",
};
static_assert(ARRAY_SIZE(kinds) == KIND_COUNT, "a word for each kind");

static const char *const routes[] = {
	[ROUTE_LOCAL] = "local",     [ROUTE_USER_NET] = "user-net", [ROUTE_HOST_NET] = "host-net",
	[ROUTE_BRIDGE] = "bridge",   [ROUTE_VETH] = "veth",	    [ROUTE_TAP] = "tap",
	[ROUTE_MACVTAP] = "macvtap", [ROUTE_LAN] = "lan",	    [ROUTE_MARTIAN] = "martian",
};
static_assert(ARRAY_SIZE(routes) == ROUTE_COUNT, "a word for each route");

static const char *const verdicts[] = {
	[VERDICT_ACCEPT] = "accept",
	[VERDICT_DROP] = "drop",
	[VERDICT_REJECT] = "reject",
};
static_assert(ARRAY_SIZE(verdicts) == VERDICT_COUNT, "a word for each verdict");

static const char *const reasons[] = {
	[REASON_HOST] = "host",
	[REASON_MALFORMED] = "malformed",
	[REASON_MARTIAN] = "martian",
	[REASON_VANISHED] = "vanished",
	[REASON_DENY_EXCEPTION] = "deny-exception",
	[REASON_ALLOW_EXCEPTION] = "allow-exception",
	[REASON_OWN_SERVICE] = "own-service",
	[REASON_INFRASTRUCTURE] = "infrastructure",
	[REASON_DEFAULT] = "default",
	[REASON_LISTENS] = "listens",
	[REASON_TAKES_PORT] = "takes-port",
};
static_assert(ARRAY_SIZE(reasons) == REASON_COUNT, "a word for each reason");

static const char *const event_types[] = {
	[EVENT_ATTEMPT] = "attempt",
	[EVENT_LISTENER] = "listener",
};
static_assert(ARRAY_SIZE(event_types) == EVENT_TYPE_COUNT, "a word for each type");

const char *source_class_text(enum source_class class)
{
	return source_classes[class];
}

const char *kind_text(enum kind kind)
{
	return kinds[kind];
}

const char *route_text(enum route route)
{
	return routes[route];
}

const char *verdict_text(enum verdict verdict)
{
	return verdicts[verdict];
}

const char *reason_text(enum reason reason)
{
	return reasons[reason];
}

const char *event_type_text(enum event_type type)
{
	return event_types[type];
}

int kind_parse(const char *text)
{
	for (int kind = 0; kind < KIND_COUNT; kind++)
		if (!strcmp(text, kinds[kind]))
			return kind;
	return -EINVAL;
}

bool address_is_loopback(const struct in6_addr *address)
{
	if (IN6_IS_ADDR_V4MAPPED(address))
		return address->s6_addr[12] == 127;
	return IN6_IS_ADDR_LOOPBACK(address);
}

bool flow_is_martian_target(const struct flow *flow)
{
	return address_is_loopback(&flow->service);
}

const struct in6_addr address_any_four = {.s6_addr = {[10] = 0xff, [11] = 0xff}};

uint8_t address_family(const struct in6_addr *address)
{
	return IN6_IS_ADDR_V4MAPPED(address) ? AF_INET : AF_INET6;
}

bool address_is_any(const struct in6_addr *address)
{
	return IN6_IS_ADDR_UNSPECIFIED(address) || IN6_ARE_ADDR_EQUAL(address, &address_any_four);
}

const char *address_format(char *target, size_t size, const struct in6_addr *address)
{
	const char *text;

	if (IN6_IS_ADDR_V4MAPPED(address))
		text = inet_ntop(AF_INET, &address->s6_addr[12], target, (socklen_t)size);
	else
		text = inet_ntop(AF_INET6, address, target, (socklen_t)size);
	assert(text);
	return text;
}

const char *protocol_format(char *target, size_t size, uint8_t protocol)
{
	static const struct {
		uint8_t protocol;
		const char *text;
	} known[] = {
		{IPPROTO_TCP, "tcp"},	{IPPROTO_UDP, "udp"},	    {IPPROTO_SCTP, "sctp"},
		{IPPROTO_ICMP, "icmp"}, {IPPROTO_ICMPV6, "icmpv6"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (known[i].protocol == protocol) {
			snprintf(target, size, "%s", known[i].text);
			return target;
		}
	}
	snprintf(target, size, "%u", protocol);
	return target;
}

void attempt_copy(struct attempt *target, const struct attempt *source)
{
	*target = *source;
	target->decision.rule = target->rule;
}

const char *source_label(char *target, size_t size, const struct source *source)
{
	if (source->class != SOURCE_GUEST)
		snprintf(target, size, "%s", source_class_text(source->class));
	else
		snprintf(target, size, "%s:%s", kind_text(source->kind),
			 source->name[0] ? source->name : "?");
	return target;
}
