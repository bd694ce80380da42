/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of an exception: service, source and duration, parsed and printed; no state. */
#ifndef LHGUARD_POLICY_LANGUAGE_H
#define LHGUARD_POLICY_LANGUAGE_H

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
 * Written [PROTOCOL/]ADDRESS:PORTS, [PROTOCOL/]PORTS or [PROTOCOL/]ADDRESS:*; ADDRESS is a.b.c.d[/len] or
 * [v6][/len] as in "[::1]:9222", "[fd00::/64]:80", "10.0.0.0/8:53"; PORTS is N, N-M or "*".
 */
struct service {
	uint8_t protocol;
	uint8_t family;
	struct in6_addr address;
	uint8_t prefix;
	uint16_t first;
	uint16_t last;
};

enum selector_type {
	SELECT_ANY,	  /* "any": every guest, lan and unknown */
	SELECT_KIND,	  /* "vm:devbox", "container:*", "vm" */
	SELECT_RUNTIME,	  /* "podman:web", "qemu:*", "docker" */
	SELECT_INTERFACE, /* "iface:virbr0" */
};

/**
 * struct selector - which sources an exception is about
 * @type: which field of the source @word is compared with
 * @kind: for SELECT_KIND
 * @word: runtime or interface; "" otherwise
 * @name: the guest's name, compared byte by byte; "" for any
 */
struct selector {
	enum selector_type type;
	enum kind kind;
	char word[RUNTIME_SIZE];
	char name[NAME_SIZE];
};

#define SERVICE_TEXT_SIZE  80
#define SELECTOR_TEXT_SIZE (RUNTIME_SIZE + NAME_SIZE + 2)

/** service_parse() - 0, or -EINVAL with what is wrong and an example of what is right. */
int service_parse(const char *text, struct service *service, struct error *error);
const char *service_format(char *target, size_t size, const struct service *service);
bool service_matches(const struct service *service, const struct flow *flow);

/**
 * selector_parse() - 0 or -EINVAL
 * A word before ":" that is neither "iface" nor a kind is taken as a runtime ([a-z0-9.-]+).
 */
int selector_parse(const char *text, struct selector *selector, struct error *error);
const char *selector_format(char *target, size_t size, const struct selector *selector);

/** selector_matches() - never by name for a source whose name is shared or empty. */
bool selector_matches(const struct selector *selector, const struct source *source);

/** duration_parse() - "90s", "10m", "1h30m", "2d" to seconds; at most 10 years. */
int duration_parse(const char *text, uint64_t *seconds, struct error *error);
const char *duration_format(char *target, size_t size, uint64_t seconds);

#endif
