// SPDX-License-Identifier: GPL-2.0-or-later
/* Services in words: parsed, printed, and compared with a flow; no state. */
#include "policy/service.h"
#include "util/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORT_MAX    65535U
#define MAPPED_BITS 96U /* of ::ffff:0:0/96 (RFC 4291, 2.5.5.2) */
#define SERVICE_EXAMPLES                                                                           \
	"write e.g. 127.0.0.1:9222, [::1]:9222, 8080, tcp/10.0.0.0/8:53 or udp/5000-5010"

/*
 * A decimal number without sign, leading zeros or anything behind it, at most @max. inet_pton(3)
 * and strtoul(3) disagree about "010"; nobody should have to know which of them is at work here.
 */
static int parse_number(const char *text, unsigned long max, unsigned long *value)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 9 || text[digits] || (text[0] == '0' && digits > 1))
		return -EINVAL;
	*value = strtoul(text, NULL, 10);
	return *value <= max ? 0 : -ERANGE;
}

void address_mask(struct in6_addr *address, unsigned int prefix)
{
	for (unsigned int i = 0; i < sizeof(address->s6_addr); i++) {
		unsigned int bits = prefix > 8 * i ? prefix - 8 * i : 0;

		if (bits < 8)
			address->s6_addr[i] &= (uint8_t)(0xff00U >> bits);
	}
}

bool protocol_has_ports(uint8_t protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_UDPLITE:
	case IPPROTO_SCTP:
	case IPPROTO_DCCP:
		return true;
	default:
		return false;
	}
}

static int parse_protocol(const char *word, uint8_t *protocol, struct error *error)
{
	static const uint8_t known[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};
	char text[16];

	for (size_t i = 0; i < sizeof(known); i++) {
		if (!strcmp(word, protocol_format(text, sizeof(text), known[i]))) {
			*protocol = known[i];
			return 0;
		}
	}
	return error_set(
		error, -EINVAL,
		"\"%s\" is no protocol that has ports: write tcp, udp or sctp, e.g. tcp/9222",
		word);
}

static int parse_port(const char *text, uint16_t *port, struct error *error)
{
	unsigned long value;

	if (parse_number(text, PORT_MAX, &value) < 0 || value == 0)
		return error_set(error, -EINVAL,
				 "\"%s\" is no port: write a number from 1 to 65535, a range such "
				 "as 5000-5010, or * for all ports",
				 text);
	*port = (uint16_t)value;
	return 0;
}

static int parse_ports(char *text, struct service *service, struct error *error)
{
	char *dash = strchr(text, '-');
	int ret;

	if (!strcmp(text, "*")) {
		service->first = 0;
		service->last = PORT_MAX;
		return 0;
	}
	if (dash)
		*dash++ = '\0';
	ret = parse_port(text, &service->first, error);
	if (ret < 0)
		return ret;
	ret = parse_port(dash ? dash : text, &service->last, error);
	if (ret < 0)
		return ret;
	if (service->first > service->last)
		return error_set(error, -EINVAL,
				 "the range %s-%s is the wrong way round: write %s-%s", text, dash,
				 dash, text);
	return 0;
}

/* @length: what follows "/", or NULL; @bits: 32 or 128 */
static int parse_prefix(const char *length, unsigned int bits, unsigned int *prefix,
			struct error *error)
{
	unsigned long value = bits;

	if (length && parse_number(length, bits, &value) < 0)
		return error_set(error, -EINVAL,
				 "\"/%s\" is no prefix length: write a number from 0 to %u", length,
				 bits);
	*prefix = (unsigned int)value;
	return 0;
}

static int refuse_host_bits(const struct in6_addr *network, unsigned int prefix, bool v4,
			    struct error *error)
{
	char text[INET6_ADDRSTRLEN];

	inet_ntop(v4 ? AF_INET : AF_INET6, &network->s6_addr[v4 ? 12 : 0], text, sizeof(text));
	return error_set(error, -EINVAL,
			 "the address has bits set behind its prefix length: write %s/%u", text,
			 v4 ? prefix - MAPPED_BITS : prefix);
}

/* @text: the address, with "/length" when there is one; of IPv6 what stands between the brackets */
static int parse_address(char *text, bool v4, struct service *service, struct error *error)
{
	char *length = strchr(text, '/');
	struct in6_addr network;
	unsigned int prefix = 0;
	int ret;

	if (length)
		*length++ = '\0';
	if (v4) {
		service->address = address_any_four;
		if (inet_pton(AF_INET, text, &service->address.s6_addr[12]) != 1)
			return error_set(
				error, -EINVAL,
				"\"%s\" is no IPv4 address: write four numbers from 0 to 255, "
				"without leading zeros, e.g. 127.0.0.1:9222",
				text);
	} else if (strchr(text, '%')) {
		return error_set(
			error, -EINVAL,
			"an address has no zone here: write [fe80::1]:80, and the interface "
			"as the source, e.g. iface:virbr0");
	} else if (inet_pton(AF_INET6, text, &service->address) != 1) {
		return error_set(error, -EINVAL, "\"%s\" is no IPv6 address: write e.g. [::1]:9222",
				 text);
	}
	ret = parse_prefix(length, v4 ? 32 : 128, &prefix, error);
	if (ret < 0)
		return ret;
	if (v4)
		prefix += MAPPED_BITS;
	network = service->address;
	address_mask(&network, prefix);
	if (memcmp(&network, &service->address, sizeof(network)))
		return refuse_host_bits(&network, prefix, v4, error);
	service->family = address_family(&network);
	service->prefix = (uint8_t)prefix;
	return 0;
}

/* "ADDRESS:" or "[v6]:" before the ports. Return: the ports, or NULL with @error. */
static char *split_address(char *text, char **address, bool *v4, struct error *error)
{
	char *end = strrchr(text, ':');
	char *bracket = strchr(text, ']');

	*address = NULL;
	*v4 = true;
	if (text[0] == '[') {
		if (!bracket || bracket[1] != ':') {
			error_set(error, -EINVAL,
				  "\"%s\": an IPv6 address ends in \"]:\" and ports, e.g. "
				  "[::1]:9222 or "
				  "[fd00::/64]:*",
				  text);
			return NULL;
		}
		*bracket = '\0';
		*address = text + 1;
		*v4 = false;
		return bracket + 2;
	}
	if (!end && !strpbrk(text, "./"))
		return text;
	if (!end) {
		error_set(error, -EINVAL,
			  "\"%s\" has no port: write %s:9222, or %s:* for all ports", text, text,
			  text);
		return NULL;
	}
	if (strchr(text, ':') != end) {
		error_set(error, -EINVAL,
			  "\"%s\": an IPv6 address stands in brackets, e.g. [::1]:9222", text);
		return NULL;
	}
	*end = '\0';
	*address = text;
	return end + 1;
}

int service_parse(const char *text, struct service *service, struct error *error)
{
	struct service parsed = {.family = AF_UNSPEC};
	char copy[SERVICE_TEXT_SIZE], *rest = copy, *address, *ports;
	size_t word;
	bool v4;
	int ret;

	if (!*text || !text_copy(copy, sizeof(copy), text))
		return error_set(error, -EINVAL, "%s is no service: %s",
				 *text ? "such a long text" : "nothing", SERVICE_EXAMPLES);
	word = strspn(rest, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
	if (word > 0 && rest[word] == '/') {
		rest[word] = '\0';
		ret = parse_protocol(rest, &parsed.protocol, error);
		if (ret < 0)
			return ret;
		rest += word + 1;
	}
	if (!*rest || strspn(rest, "0123456789abcdefABCDEF.:/[]%-*") != strlen(rest))
		return error_set(error, -EINVAL, "\"%s\" is no service: %s", text,
				 SERVICE_EXAMPLES);
	ports = split_address(rest, &address, &v4, error);
	if (!ports)
		return -EINVAL;
	ret = address ? parse_address(address, v4, &parsed, error) : 0;
	if (ret < 0)
		return ret;
	ret = parse_ports(ports, &parsed, error);
	if (ret < 0)
		return ret;
	*service = parsed;
	return 0;
}

const char *service_name_in(const char *text)
{
	const char *colon = strrchr(text, ':'), *name = colon ? colon + 1 : text;

	/* "fe80::a" is an address that lacks its brackets. */
	if (colon && text[0] != '[' && memchr(text, ':', (size_t)(colon - text)))
		return NULL;
	if (*name < 'a' || *name > 'z' ||
	    name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")])
		return NULL;
	return name;
}

static void format_address(char *target, size_t size, const struct service *service)
{
	bool v4 = service->family == AF_INET;
	unsigned int bits = v4 ? service->prefix - MAPPED_BITS : service->prefix;
	char text[INET6_ADDRSTRLEN];

	inet_ntop(service->family, &service->address.s6_addr[v4 ? 12 : 0], text, sizeof(text));
	text_append(target, size, "%s%s", v4 ? "" : "[", text);
	if (bits < (v4 ? 32 : 128))
		text_append(target, size, "/%u", bits);
	text_append(target, size, "%s:", v4 ? "" : "]");
}

const char *service_format(char *target, size_t size, const struct service *service)
{
	char protocol[16];

	target[0] = '\0';
	if (service->protocol)
		text_append(target, size, "%s/",
			    protocol_format(protocol, sizeof(protocol), service->protocol));
	if (service->family != AF_UNSPEC)
		format_address(target, size, service);
	if (service->first == 0 && service->last == PORT_MAX)
		text_append(target, size, "*");
	else if (service->first == service->last)
		text_append(target, size, "%u", service->first);
	else
		text_append(target, size, "%u-%u", service->first, service->last);
	return target;
}

int service_with_ports(const char *text, const struct service *ports, struct service *service,
		       struct error *error)
{
	const char *name = service_name_in(text);
	char numbers[SERVICE_TEXT_SIZE], whole[2 * SERVICE_TEXT_SIZE], *slash;
	int before = name - text < SERVICE_TEXT_SIZE ? (int)(name - text) : SERVICE_TEXT_SIZE;

	if (*text >= 'a' && *text <= 'z' && name != text)
		return error_set(error, -EINVAL,
				 "\"%.64s\": before a service's name stands an address or nothing: "
				 "write e.g. 127.0.0.1:%s or %s",
				 text, name, name);
	service_format(numbers, sizeof(numbers), ports);
	slash = strchr(numbers, '/');
	snprintf(whole, sizeof(whole), "%.*s%.*s%s", slash ? (int)(slash - numbers) + 1 : 0,
		 numbers, before, text, slash ? slash + 1 : numbers);
	return service_parse(whole, service, error);
}

bool service_matches(const struct service *service, const struct flow *flow)
{
	struct in6_addr network = flow->service;

	if (service->protocol ? service->protocol != flow->protocol
			      : !protocol_has_ports(flow->protocol))
		return false;
	if (flow->service_port < service->first || flow->service_port > service->last)
		return false;
	if (service->family == AF_UNSPEC)
		return true;
	if (service->family != address_family(&flow->service))
		return false;
	address_mask(&network, service->prefix);
	return !memcmp(&network, &service->address, sizeof(network));
}

bool service_equal(const struct service *a, const struct service *b)
{
	return a->protocol == b->protocol && a->family == b->family && a->prefix == b->prefix &&
	       a->first == b->first && a->last == b->last &&
	       IN6_ARE_ADDR_EQUAL(&a->address, &b->address);
}
