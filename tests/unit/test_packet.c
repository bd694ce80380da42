// SPDX-License-Identifier: GPL-2.0-or-later
/* The packet parser on hand-made packets, each at every length it can be cut to. */
#include "flow.h"
#include "kernel/packet.h"
#include "util/array.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PACKET_SIZE 2400

/**
 * struct builder - a packet under construction; IP length fields are written by finish()
 */
struct builder {
	uint8_t bytes[PACKET_SIZE];
	size_t length;
	size_t next; /* offset of the byte that names the next header */
};

static void put(struct builder *builder, const void *bytes, size_t length)
{
	assert_true(builder->length + length <= sizeof(builder->bytes));
	memcpy(builder->bytes + builder->length, bytes, length);
	builder->length += length;
}

static void put_zeros(struct builder *builder, size_t length)
{
	static const uint8_t zeros[PACKET_SIZE];

	put(builder, zeros, length);
}

static void begin_ipv4(struct builder *builder, const char *client, const char *service,
		       unsigned int options)
{
	uint8_t header[20] = {0x45, [8] = 64};

	memset(builder, 0, sizeof(*builder));
	header[0] = (uint8_t)(0x40 | (5 + options / 4));
	assert_int_equal(inet_pton(AF_INET, client, header + 12), 1);
	assert_int_equal(inet_pton(AF_INET, service, header + 16), 1);
	put(builder, header, sizeof(header));
	put_zeros(builder, options);
	builder->next = 9;
}

static void begin_ipv6(struct builder *builder, const char *client, const char *service)
{
	uint8_t header[40] = {0x60, [7] = 64};

	memset(builder, 0, sizeof(*builder));
	assert_int_equal(inet_pton(AF_INET6, client, header + 8), 1);
	assert_int_equal(inet_pton(AF_INET6, service, header + 24), 1);
	put(builder, header, sizeof(header));
	builder->next = 6;
}

/* @units: the header's own length byte; @third: routing's segments left, a fragment's offset */
static void put_extension(struct builder *builder, uint8_t protocol, uint8_t units, uint8_t third)
{
	uint8_t start[4] = {0, units, 0, third};
	size_t size = protocol == IPPROTO_AH ? (units + 2U) * 4 : (units + 1U) * 8;

	builder->bytes[builder->next] = protocol;
	builder->next = builder->length;
	put(builder, start, sizeof(start));
	put_zeros(builder, size - sizeof(start));
}

static void put_transport(struct builder *builder, uint8_t protocol, const void *header,
			  size_t length)
{
	builder->bytes[builder->next] = protocol;
	put(builder, header, length);
}

static void put_tcp(struct builder *builder)
{
	static const uint8_t syn[20] = {0x9c, 0x40, 0x24, 0x06,	       0xa1,
					0xb2, 0xc3, 0xd4, [12] = 0x50, 0x02};

	put_transport(builder, IPPROTO_TCP, syn, sizeof(syn));
}

static void put_udp(struct builder *builder, uint16_t length)
{
	const uint8_t header[8] = {0x9c, 0x40, 0x00, 0x35, (uint8_t)(length >> 8), (uint8_t)length};

	put_transport(builder, IPPROTO_UDP, header, sizeof(header));
}

static void finish(struct builder *builder)
{
	size_t total = builder->length;

	if (builder->bytes[0] >> 4 == 6) {
		total -= 40;
		builder->bytes[4] = (uint8_t)(total >> 8);
		builder->bytes[5] = (uint8_t)total;
	} else {
		builder->bytes[2] = (uint8_t)(total >> 8);
		builder->bytes[3] = (uint8_t)total;
	}
}

/* Parse from memory of exactly @length bytes, so that the sanitizer sees one byte too many. */
static int parse(const struct builder *builder, size_t length, struct flow *flow)
{
	uint8_t *copy = malloc(length ? length : 1);
	int result;

	assert_non_null(copy);
	memcpy(copy, builder->bytes, length);
	result = packet_parse(copy, length, flow);
	free(copy);
	return result;
}

static void assert_refused_at(const struct builder *builder, size_t length)
{
	struct flow flow, untouched;

	memset(&flow, 0xa5, sizeof(flow));
	untouched = flow;
	assert_int_equal(parse(builder, length, &flow), -EBADMSG);
	assert_memory_equal(&flow, &untouched, sizeof(flow));
}

static void assert_refused(struct builder *builder)
{
	size_t length;

	finish(builder);
	for (length = 0; length <= builder->length; length++)
		assert_refused_at(builder, length);
}

/**
 * struct expected - the flow that a packet should give
 * @needed: bytes from which on the packet can be read
 */
struct expected {
	const char *client, *service;
	uint16_t client_port, service_port;
	uint8_t family, protocol, icmp_type;
	size_t needed;
};

static void assert_flow(const struct flow *flow, const struct expected *expected)
{
	char client[INET6_ADDRSTRLEN], service[INET6_ADDRSTRLEN];

	inet_ntop(AF_INET6, &flow->client, client, sizeof(client));
	inet_ntop(AF_INET6, &flow->service, service, sizeof(service));
	assert_string_equal(client, expected->client);
	assert_string_equal(service, expected->service);
	assert_int_equal(flow->client_port, expected->client_port);
	assert_int_equal(flow->service_port, expected->service_port);
	assert_int_equal(flow->family, expected->family);
	assert_int_equal(flow->protocol, expected->protocol);
	assert_int_equal(flow->icmp_type, expected->icmp_type);
	assert_int_equal(flow->sequence, expected->protocol == IPPROTO_TCP ? 0xa1b2c3d4 : 0);
}

/* Refused at every length below what is needed; the same flow at every length from there on. */
static void assert_parsed(struct builder *builder, const struct expected *expected)
{
	struct flow flow;
	size_t length;

	finish(builder);
	put_zeros(builder, 3); /* padding after the packet's end */
	for (length = 0; length <= builder->length; length++) {
		if (length < expected->needed) {
			assert_refused_at(builder, length);
			continue;
		}
		assert_int_equal(parse(builder, length, &flow), 0);
		assert_flow(&flow, expected);
	}
}

static void test_tcp_over_ipv4(void **state)
{
	struct expected expected = {
		"::ffff:10.0.2.15", "::ffff:127.0.0.1", 40000, 9222, AF_INET, IPPROTO_TCP, 0, 40};
	struct builder builder;

	begin_ipv4(&builder, "10.0.2.15", "127.0.0.1", 0);
	put_tcp(&builder);
	put_zeros(&builder, 7);
	assert_parsed(&builder, &expected);

	begin_ipv4(&builder, "10.0.2.15", "127.0.0.1", 40);
	put_tcp(&builder);
	expected.needed = 80;
	assert_parsed(&builder, &expected);
}

static void test_tcp_over_ipv6(void **state)
{
	const struct expected expected = {"fe80::1", "::1",	  40000, 9222,
					  AF_INET6,  IPPROTO_TCP, 0,	 60};
	struct builder builder;

	begin_ipv6(&builder, "fe80::1", "::1");
	put_tcp(&builder);
	assert_parsed(&builder, &expected);
}

static void test_tcp_header_longer_than_the_copy(void **state)
{
	const struct expected expected = {
		"::ffff:127.0.0.1", "::ffff:127.0.0.1", 40000, 9222, AF_INET, IPPROTO_TCP, 0, 40};
	struct builder builder;

	begin_ipv4(&builder, "127.0.0.1", "127.0.0.1", 0);
	put_tcp(&builder);
	builder.bytes[32] = 0xf0;
	put_zeros(&builder, 40);
	assert_parsed(&builder, &expected);
}

static void test_tcp_header_that_cannot_be(void **state)
{
	struct builder builder;
	uint8_t words;

	for (words = 0; words < 16; words++) {
		if (words == 5)
			continue;
		begin_ipv4(&builder, "127.0.0.1", "127.0.0.1", 0);
		put_tcp(&builder);
		builder.bytes[32] = (uint8_t)(words << 4);
		assert_refused(&builder);
	}
}

static void test_udp(void **state)
{
	struct expected expected = {
		"::ffff:10.0.2.15", "::ffff:10.0.2.2", 40000, 53, AF_INET, IPPROTO_UDP, 0, 28};
	struct builder builder;

	begin_ipv4(&builder, "10.0.2.15", "10.0.2.2", 0);
	put_udp(&builder, 12);
	put_zeros(&builder, 4);
	assert_parsed(&builder, &expected);

	begin_ipv6(&builder, "fd00::2", "fd00::1");
	put_udp(&builder, 8);
	expected = (struct expected){.client = "fd00::2",
				     .service = "fd00::1",
				     .client_port = 40000,
				     .service_port = 53,
				     .family = AF_INET6,
				     .protocol = IPPROTO_UDP,
				     .needed = 48};
	assert_parsed(&builder, &expected);
}

static void test_udp_length_that_cannot_be(void **state)
{
	static const uint16_t lengths[] = {0, 7, 13, 0xffff};
	struct builder builder;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		begin_ipv4(&builder, "10.0.2.15", "10.0.2.2", 0);
		put_udp(&builder, lengths[i]);
		put_zeros(&builder, 4);
		assert_refused(&builder);
	}
}

static void test_other_transports(void **state)
{
	static const struct {
		uint8_t protocol;
		uint8_t header;
		bool ports;
		uint8_t icmp_type;
	} cases[] = {
		{IPPROTO_UDPLITE, 8, true, 0}, {IPPROTO_SCTP, 12, true, 0},
		{IPPROTO_DCCP, 12, true, 0},   {IPPROTO_ICMP, 8, false, 0x9c},
		{IPPROTO_GRE, 0, false, 0},    {IPPROTO_ESP, 0, false, 0},
		{IPPROTO_AH, 0, false, 0},     {IPPROTO_ICMPV6, 0, false, 0},
		{IPPROTO_RAW, 0, false, 0},    {IPPROTO_HOPOPTS, 0, false, 0},
	};
	static const uint8_t header[12] = {0x9c, 0x40, 0x00, 0x35};
	struct builder builder;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct expected expected = {
			.client = "::ffff:192.0.2.1",
			.service = "::ffff:192.0.2.2",
			.client_port = cases[i].ports ? 40000 : 0,
			.service_port = cases[i].ports ? 53 : 0,
			.family = AF_INET,
			.protocol = cases[i].protocol,
			.icmp_type = cases[i].icmp_type,
			.needed = 20U + cases[i].header,
		};

		begin_ipv4(&builder, "192.0.2.1", "192.0.2.2", 0);
		put_transport(&builder, cases[i].protocol, header, cases[i].header);
		assert_parsed(&builder, &expected);
	}
}

static void test_icmpv6(void **state)
{
	static const uint8_t echo[8] = {128};
	const struct expected expected = {.client = "::", /* duplicate address detection */
					  .service = "ff02::1",
					  .family = AF_INET6,
					  .protocol = IPPROTO_ICMPV6,
					  .icmp_type = 128,
					  .needed = 48};
	struct builder builder;

	begin_ipv6(&builder, "::", "ff02::1");
	put_transport(&builder, IPPROTO_ICMPV6, echo, sizeof(echo));
	assert_parsed(&builder, &expected);
}

static void test_icmp_of_the_other_family_has_no_type(void **state)
{
	static const uint8_t echo[8] = {8};
	const struct expected expected = {.client = "fd00::2",
					  .service = "fd00::1",
					  .family = AF_INET6,
					  .protocol = IPPROTO_ICMP,
					  .needed = 40};
	struct builder builder;

	begin_ipv6(&builder, "fd00::2", "fd00::1");
	put_transport(&builder, IPPROTO_ICMP, echo, sizeof(echo));
	assert_parsed(&builder, &expected);
}

static void test_extension_headers(void **state)
{
	struct expected expected = {"fd00::2", "fd00::1", 40000, 9222, AF_INET6, IPPROTO_TCP, 0, 0};
	struct builder builder;

	begin_ipv6(&builder, "fd00::2", "fd00::1");
	put_extension(&builder, IPPROTO_HOPOPTS, 0, 0);
	put_extension(&builder, IPPROTO_DSTOPTS, 1, 0);
	put_extension(&builder, IPPROTO_ROUTING, 2, 0);
	put_extension(&builder, IPPROTO_AH, 4, 0);
	put_tcp(&builder);
	expected.needed = 40 + 8 + 16 + 24 + 24 + 20;
	assert_parsed(&builder, &expected);

	begin_ipv6(&builder, "fd00::2", "fd00::1");
	put_extension(&builder, IPPROTO_DSTOPTS, 255, 0);
	put_tcp(&builder);
	expected.needed = 40 + 2048 + 20;
	assert_parsed(&builder, &expected);

	begin_ipv6(&builder, "fd00::2", "fd00::1");
	put_extension(&builder, IPPROTO_DSTOPTS, 0, 0);
	put_transport(&builder, IPPROTO_NONE, "", 0);
	expected = (struct expected){.client = "fd00::2",
				     .service = "fd00::1",
				     .family = AF_INET6,
				     .protocol = IPPROTO_NONE,
				     .needed = 48};
	assert_parsed(&builder, &expected);
}

static void test_eight_extension_headers_and_no_more(void **state)
{
	const struct expected expected = {"fd00::2", "fd00::1",	  40000, 9222,
					  AF_INET6,  IPPROTO_TCP, 0,	 40 + 8 * 8 + 20};
	struct builder builder;
	int count;

	begin_ipv6(&builder, "fd00::2", "fd00::1");
	for (count = 0; count < 8; count++)
		put_extension(&builder, IPPROTO_DSTOPTS, 0, 0);
	put_tcp(&builder);
	assert_parsed(&builder, &expected);

	begin_ipv6(&builder, "fd00::2", "fd00::1");
	for (count = 0; count < 9; count++)
		put_extension(&builder, IPPROTO_DSTOPTS, 0, 0);
	put_tcp(&builder);
	assert_refused(&builder);
}

static void test_extension_headers_that_are_refused(void **state)
{
	static const struct {
		uint8_t first, protocol, third;
	} cases[] = {
		{IPPROTO_DSTOPTS, IPPROTO_HOPOPTS, 0},	/* not first */
		{IPPROTO_HOPOPTS, IPPROTO_HOPOPTS, 0},	/* twice */
		{IPPROTO_DSTOPTS, IPPROTO_ROUTING, 1},	/* goes on to somebody else */
		{IPPROTO_DSTOPTS, IPPROTO_FRAGMENT, 1}, /* a first fragment */
		{IPPROTO_DSTOPTS, IPPROTO_FRAGMENT, 0}, /* an atomic one (RFC 6946) */
	};
	struct builder builder;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		begin_ipv6(&builder, "fd00::2", "fd00::1");
		put_extension(&builder, cases[i].first, 0, 0);
		put_extension(&builder, cases[i].protocol, 0, cases[i].third);
		put_tcp(&builder);
		assert_refused(&builder);
	}
}

static void test_ipv4_fragments(void **state)
{
	static const uint8_t flags[][2] = {{0x20, 0}, {0, 1}, {0x1f, 0xff}, {0x3f, 0xff}};
	const struct expected whole = {
		"::ffff:192.0.2.1", "::ffff:192.0.2.2", 40000, 9222, AF_INET, IPPROTO_TCP, 0, 40};
	struct builder builder;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		begin_ipv4(&builder, "192.0.2.1", "192.0.2.2", 0);
		put_tcp(&builder);
		memcpy(builder.bytes + 6, flags[i], 2);
		assert_refused(&builder);
	}
	begin_ipv4(&builder, "192.0.2.1", "192.0.2.2", 0);
	put_tcp(&builder);
	builder.bytes[6] = 0x40; /* don't fragment */
	assert_parsed(&builder, &whole);
}

static void test_embedded_ipv4_addresses(void **state)
{
	static const char *const addresses[] = {"::ffff:127.0.0.1", "::127.0.0.1", "::2"};
	struct builder builder;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(addresses); i++) {
		begin_ipv6(&builder, "fd00::2", addresses[i]);
		put_tcp(&builder);
		assert_refused(&builder);
		begin_ipv6(&builder, addresses[i], "fd00::1");
		put_tcp(&builder);
		assert_refused(&builder);
	}
}

static void test_lengths_that_contradict(void **state)
{
	struct builder builder;

	begin_ipv4(&builder, "192.0.2.1", "192.0.2.2", 0);
	put_tcp(&builder);
	finish(&builder);
	builder.bytes[3] = 39; /* ends inside the TCP header */
	assert_refused_at(&builder, 40);
	builder.bytes[3] = 0; /* BIG TCP: no connection starts so */
	assert_refused_at(&builder, 40);
	builder.bytes[3] = 40;
	builder.bytes[0] = 0x44;
	assert_refused_at(&builder, 40);
	builder.bytes[0] = 0x4f;
	assert_refused_at(&builder, 40);

	begin_ipv6(&builder, "fd00::2", "fd00::1");
	put_tcp(&builder);
	finish(&builder);
	builder.bytes[5] = 19;
	assert_refused_at(&builder, 60);
	builder.bytes[5] = 0;
	assert_refused_at(&builder, 60);
}

static void test_other_versions(void **state)
{
	struct builder builder;
	uint8_t version;

	for (version = 0; version < 16; version++) {
		if (version == 4 || version == 6)
			continue;
		begin_ipv4(&builder, "192.0.2.1", "192.0.2.2", 0);
		put_tcp(&builder);
		finish(&builder);
		builder.bytes[0] = (uint8_t)(version << 4 | 5);
		assert_refused_at(&builder, builder.length);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp_over_ipv4),
		cmocka_unit_test(test_tcp_over_ipv6),
		cmocka_unit_test(test_tcp_header_longer_than_the_copy),
		cmocka_unit_test(test_tcp_header_that_cannot_be),
		cmocka_unit_test(test_udp),
		cmocka_unit_test(test_udp_length_that_cannot_be),
		cmocka_unit_test(test_other_transports),
		cmocka_unit_test(test_icmpv6),
		cmocka_unit_test(test_icmp_of_the_other_family_has_no_type),
		cmocka_unit_test(test_extension_headers),
		cmocka_unit_test(test_eight_extension_headers_and_no_more),
		cmocka_unit_test(test_extension_headers_that_are_refused),
		cmocka_unit_test(test_ipv4_fragments),
		cmocka_unit_test(test_embedded_ipv4_addresses),
		cmocka_unit_test(test_lengths_that_contradict),
		cmocka_unit_test(test_other_versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
