// SPDX-License-Identifier: GPL-2.0-or-later
/* policy/service: services in words are understood, refused, and printed without a loss. */
#include "policy/service.h"
#include "util/array.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 20000

static void service_is_understood(void **state)
{
	static const struct {
		const char *text, *printed;
	} cases[] = {
		{"127.0.0.1:9222", "127.0.0.1:9222"},
		{"[::1]:9222", "[::1]:9222"},
		{"9222", "9222"},
		{"tcp/9222", "tcp/9222"},
		{"udp/5000-5010", "udp/5000-5010"},
		{"80-80", "80"},
		{"1-65535", "1-65535"},
		{"*", "*"},
		{"sctp/*", "sctp/*"},
		{"10.0.0.0/8:53", "10.0.0.0/8:53"},
		{"tcp/10.0.0.0/8:53", "tcp/10.0.0.0/8:53"},
		{"0.0.0.0/0:*", "0.0.0.0/0:*"},
		{"0.0.0.0:1", "0.0.0.0:1"},
		{"192.168.1.1/32:22", "192.168.1.1:22"},
		{"[fd00::/64]:80", "[fd00::/64]:80"},
		{"[FD00:0::/64]:80", "[fd00::/64]:80"},
		{"[::/0]:*", "[::/0]:*"},
		{"[::]:5", "[::]:5"},
		{"[::ffff:127.0.0.1]:80", "127.0.0.1:80"},
		{"[::ffff:10.0.0.0/104]:80", "10.0.0.0/8:80"},
		{"sctp/[ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0/124]:10000-65535",
		 "sctp/[ffff:ffff:ffff:ffff:ffff:ffff:ffff:fff0/124]:10000-65535"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[SERVICE_TEXT_SIZE];
		struct error error = {.text = ""};
		struct service service;

		if (service_parse(cases[i].text, &service, &error) < 0)
			fail_msg("%s: %s", cases[i].text, error.text);
		assert_string_equal(service_format(text, sizeof(text), &service), cases[i].printed);
	}
}

static void service_is_refused(void **state)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
		{"", "write e.g. 127.0.0.1:9222"},
		{"127.0.0.1", "127.0.0.1:*"},
		{"10.0.0.0/8", "10.0.0.0/8:9222"},
		{"127.1:80", "four numbers"},
		{"127.0.0.01:80", "without leading zeros"},
		{"256.0.0.1:80", "four numbers"},
		{"0x7f.0.0.1:80", "no service"},
		{"127.0.0.1:0", "1 to 65535"},
		{"0", "1 to 65535"},
		{"0-65535", "*"},
		{"65536", "1 to 65535"},
		{"99999999999999999999", "1 to 65535"},
		{"080", "1 to 65535"},
		{"80-", "1 to 65535"},
		{"-80", "1 to 65535"},
		{"80-79", "write 79-80"},
		{"80-90-100", "1 to 65535"},
		{"80 ", "no service"},
		{" 80", "no service"},
		{"+80", "no service"},
		{":80", "no IPv4 address"},
		{"127.0.0.1:", "1 to 65535"},
		{"10.0.0.0/33:1", "from 0 to 32"},
		{"10.0.0.0/08:1", "from 0 to 32"},
		{"10.0.0.0/:1", "from 0 to 32"},
		{"10.0.0.1/8:1", "write 10.0.0.0/8"},
		{"[fd00::/129]:1", "from 0 to 128"},
		{"[fd00::1/64]:1", "write fd00::/64"},
		{"[::ffff:10.0.0.1/104]:80", "write ::ffff:10.0.0.0/104"},
		{"[::ffff:0:0/90]:80", "write ::ffc0:0:0/90"},
		{"::1:80", "brackets"},
		{"fd00::/64:80", "brackets"},
		{"[::1]", "[::1]:9222"},
		{"[::1]80", "[::1]:9222"},
		{"[::1", "[::1]:9222"},
		{"[]:80", "no IPv6 address"},
		{"[127.0.0.1]:80", "no IPv6 address"},
		{"[fe80::1%eth0]:80", "no service"},
		{"[fe80::1%1]:80", "no zone"},
		{"icmp/8", "tcp, udp or sctp"},
		{"http/80", "tcp, udp or sctp"},
		{"TCP/80", "tcp, udp or sctp"},
		{"tcp/", "no service"},
		{"tcp/udp/80", "no service"},
		{"localhost:80", "no service"},
		{"127.0.0.1:80\n", "no service"},
		{"1111111111111111111111111111111111111111111111111111111111111111111111111111111"
		 "1111111111111111111111111111",
		 "such a long text"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct service service = {.first = 4711};
		struct error error = {.text = ""};

		assert_int_equal(service_parse(cases[i].text, &service, &error), -EINVAL);
		if (!strstr(error.text, cases[i].reason))
			fail_msg("\"%s\": \"%s\" does not say \"%s\"", cases[i].text, error.text,
				 cases[i].reason);
		assert_int_equal(service.first, 4711);
		assert_int_equal(service_parse(cases[i].text, &service, NULL), -EINVAL);
	}
}

static void random_service(struct service *service)
{
	static const uint8_t protocols[] = {0, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};
	unsigned int choice = (unsigned int)random() % 3;

	memset(service, 0, sizeof(*service));
	service->protocol = protocols[random() % 4];
	for (size_t i = 0; choice && i < sizeof(service->address); i++)
		service->address.s6_addr[i] = (uint8_t)random();
	if (choice == 1) {
		service->prefix = (uint8_t)(96 + random() % 33);
		memset(&service->address, 0, 10);
		memset(&service->address.s6_addr[10], 0xff, 2);
	} else if (choice == 2) {
		service->prefix = (uint8_t)(random() % 129);
	}
	address_mask(&service->address, service->prefix);
	if (choice)
		service->family = address_family(&service->address);
	service->first = (uint16_t)(1 + random() % 65535);
	service->last = (uint16_t)(service->first + random() % (65536 - service->first));
	if (random() % 4 == 0) {
		service->first = 0;
		service->last = 65535;
	}
}

static void service_survives_printing(void **state)
{
	srandom(1);
	for (int round = 0; round < ROUNDS; round++) {
		char text[SERVICE_TEXT_SIZE];
		struct service service, again;
		struct error error = {.text = ""};

		memset(&again, 0, sizeof(again));
		random_service(&service);
		service_format(text, sizeof(text), &service);
		if (service_parse(text, &again, &error) < 0)
			fail_msg("%s: %s", text, error.text);
		assert_memory_equal(&service, &again, sizeof(service));
	}
}

static void service_matches_what_it_says(void **state)
{
	static const struct {
		const char *service, *address;
		uint8_t protocol;
		uint16_t port;
		bool matches;
	} cases[] = {
		{"127.0.0.1:9222", "::ffff:127.0.0.1", IPPROTO_TCP, 9222, true},
		{"127.0.0.1:9222", "::ffff:127.0.0.1", IPPROTO_UDP, 9222, true},
		{"127.0.0.1:9222", "::ffff:127.0.0.1", IPPROTO_ICMP, 0, false},
		{"127.0.0.1:9222", "::ffff:127.0.0.2", IPPROTO_TCP, 9222, false},
		{"127.0.0.1:9222", "::ffff:127.0.0.1", IPPROTO_TCP, 9223, false},
		{"tcp/9222", "::1", IPPROTO_TCP, 9222, true},
		{"tcp/9222", "::1", IPPROTO_UDP, 9222, false},
		{"127.0.0.0/8:*", "::ffff:127.255.0.1", IPPROTO_TCP, 1, true},
		{"127.0.0.0/8:*", "::ffff:128.0.0.1", IPPROTO_TCP, 1, false},
		{"127.0.0.0/8:*", "::ffff:127.0.0.1", IPPROTO_ICMP, 0, false},
		{"0.0.0.0/0:53", "::1", IPPROTO_TCP, 53, false},
		{"[::/0]:53", "::ffff:127.0.0.1", IPPROTO_TCP, 53, false},
		{"[::/0]:53", "fe80::1", IPPROTO_TCP, 53, true},
		{"[fd00::/63]:53", "fd00:0:0:1::7", IPPROTO_TCP, 53, true},
		{"[fd00::/63]:53", "fd00:0:0:2::7", IPPROTO_TCP, 53, false},
		{"*", "::1", IPPROTO_DCCP, 65535, true},
		{"*", "::1", 47, 0, false},
		{"100-200", "::1", IPPROTO_TCP, 100, true},
		{"100-200", "::1", IPPROTO_TCP, 200, true},
		{"100-200", "::1", IPPROTO_TCP, 201, false},
		{"100-200", "::1", IPPROTO_TCP, 99, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct flow flow = {.protocol = cases[i].protocol, .service_port = cases[i].port};
		struct service service;

		assert_int_equal(service_parse(cases[i].service, &service, NULL), 0);
		assert_int_equal(inet_pton(AF_INET6, cases[i].address, &flow.service), 1);
		if (service_matches(&service, &flow) != cases[i].matches)
			fail_msg("%s and %s port %u", cases[i].service, cases[i].address,
				 cases[i].port);
	}
}

static void addresses_know_their_family(void **state)
{
	static const struct {
		const char *text;
		uint8_t family;
		bool is_any;
	} cases[] = {
		{"::", AF_INET6, true},		 {"::ffff:0.0.0.0", AF_INET, true},
		{"::1", AF_INET6, false},	 {"::ffff:0.0.0.1", AF_INET, false},
		{"::fffe:0:0", AF_INET6, false}, {"1::ffff:0:0", AF_INET6, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct in6_addr address;

		assert_int_equal(inet_pton(AF_INET6, cases[i].text, &address), 1);
		assert_int_equal(address_family(&address), cases[i].family);
		assert_int_equal(address_is_any(&address), cases[i].is_any);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(service_is_understood),
		cmocka_unit_test(service_is_refused),
		cmocka_unit_test(service_survives_printing),
		cmocka_unit_test(service_matches_what_it_says),
		cmocka_unit_test(addresses_know_their_family),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
