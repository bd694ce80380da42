// SPDX-License-Identifier: GPL-2.0-or-later
/* The words of an exception: understood, refused, and printed without a loss. */
#include "policy/language.h"
#include "util/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
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

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
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

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
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

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct flow flow = {.protocol = cases[i].protocol, .service_port = cases[i].port};
		struct service service;

		assert_int_equal(service_parse(cases[i].service, &service, NULL), 0);
		assert_int_equal(inet_pton(AF_INET6, cases[i].address, &flow.service), 1);
		if (service_matches(&service, &flow) != cases[i].matches)
			fail_msg("%s and %s port %u", cases[i].service, cases[i].address,
				 cases[i].port);
	}
}

static void selector_is_understood(void **state)
{
	static const struct {
		const char *text, *printed;
		enum selector_type type;
	} cases[] = {
		{"any", "any", SELECT_ANY},
		{"vm", "vm", SELECT_KIND},
		{"vm:*", "vm", SELECT_KIND},
		{"vm:devbox", "vm:devbox", SELECT_KIND},
		{"vm:build agent: 2", "vm:build agent: 2", SELECT_KIND},
		{"container:web", "container:web", SELECT_KIND},
		{"sandbox:org.mozilla.firefox", "sandbox:org.mozilla.firefox", SELECT_KIND},
		{"lan", "lan", SELECT_KIND},
		{"unknown", "unknown", SELECT_KIND},
		{"podman:web", "podman:web", SELECT_RUNTIME},
		{"docker:*", "docker", SELECT_RUNTIME},
		{"systemd-nspawn", "systemd-nspawn", SELECT_RUNTIME},
		{"iface:virbr0", "iface:virbr0", SELECT_INTERFACE},
		{"vm:\x1b[31m", "vm:\\x1b[31m", SELECT_KIND},
		{"conduit:pasta", "conduit:pasta", SELECT_CONDUIT},
		{"guest:7", "guest:7", SELECT_GUEST},
		{"guest:4294967295", "guest:4294967295", SELECT_GUEST},
		{"guests:7", "guests:7", SELECT_RUNTIME},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[SELECTOR_TEXT_SIZE];
		struct error error = {.text = ""};
		struct selector selector, again;

		if (selector_parse(cases[i].text, &selector, &error) < 0)
			fail_msg("%s: %s", cases[i].text, error.text);
		assert_int_equal(selector.type, cases[i].type);
		selector_format(text, sizeof(text), &selector);
		assert_string_equal(text, cases[i].printed);
		assert_int_equal(selector_parse(text, &again, NULL), 0);
		assert_true(selector_equal(&selector, &again));
	}
}

static void selector_is_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"host",
		"host:x",
		"any:x",
		"any:",
		"vm:",
		":web",
		"lan:x",
		"unknown:x",
		"Vm",
		"pod man",
		"iface",
		"iface:",
		"iface:a/b",
		"iface:..",
		"iface:sixteen-letters-",
		"iface:a b",
		"conduit",
		"conduit:",
		"conduit:*",
		"conduit:Pasta",
		"conduit:a-conduit-whose-word-is-longer-than-31",
		"guest",
		"guest:",
		"guest:0",
		"guest:07",
		"guest:-7",
		"guest:7 ",
		"guest:*",
		"guest:devbox",
		"guest:4294967296",
		"guest:18446744073709551623",
		"a-runtime-whose-word-is-longer-than-31",
		"a-runtime-whose-word-is-longer-than-31:x",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error error = {.text = ""};
		struct selector selector = {.kind = KIND_COUNT};

		if (selector_parse(cases[i], &selector, &error) != -EINVAL)
			fail_msg("\"%s\" was taken", cases[i]);
		assert_true(error.text[0]);
		assert_int_equal(selector.kind, KIND_COUNT);
	}
}

static void selector_survives_printing(void **state)
{
	srandom(2);
	for (int round = 0; round < ROUNDS; round++) {
		char text[SELECTOR_TEXT_SIZE], name[400], input[432];
		struct selector selector, again;
		size_t length = 1 + (size_t)random() % (sizeof(name) - 1);

		for (size_t i = 0; i < length; i++)
			name[i] = (char)(1 + random() % 255);
		name[length - 1] = '\0';
		snprintf(input, sizeof(input), "podman:a%s", name);
		assert_int_equal(selector_parse(input, &selector, NULL), 0);
		selector_format(text, sizeof(text), &selector);
		assert_int_equal(selector_parse(text, &again, NULL), 0);
		assert_true(selector_equal(&selector, &again));
	}
}

static struct source guest(enum kind kind, const char *runtime, const char *name)
{
	struct source source = {.class = SOURCE_GUEST, .kind = kind, .interface = "virbr0"};

	text_copy(source.runtime, sizeof(source.runtime), runtime);
	text_copy_name(source.name, sizeof(source.name), name, strlen(name));
	return source;
}

static bool matches(const char *text, const struct source *source)
{
	struct selector selector;

	assert_int_equal(selector_parse(text, &selector, NULL), 0);
	return selector_matches(&selector, source);
}

static void selector_matches_what_it_says(void **state)
{
	struct source devbox = guest(KIND_VM, "qemu", "devbox");
	struct source nameless = guest(KIND_VM, "qemu", "");
	struct source host = {.class = SOURCE_HOST, .interface = "lo"};
	struct source lan = {.class = SOURCE_LAN, .kind = KIND_LAN, .interface = "eth0"};
	struct source unknown = {.class = SOURCE_UNKNOWN, .interface = "lo"};
	struct source shared = devbox;

	shared.shared = true;
	assert_true(matches("any", &devbox));
	assert_true(matches("vm", &devbox));
	assert_true(matches("vm:devbox", &devbox));
	assert_true(matches("qemu:devbox", &devbox));
	assert_true(matches("qemu", &devbox));
	assert_true(matches("iface:virbr0", &devbox));
	assert_false(matches("vm:devbo", &devbox));
	assert_false(matches("vm:Devbox", &devbox));
	assert_false(matches("container:devbox", &devbox));
	assert_false(matches("container", &devbox));
	assert_false(matches("podman", &devbox));
	assert_false(matches("iface:virbr1", &devbox));
	assert_true(matches("vm", &shared));
	assert_false(matches("vm:devbox", &shared));
	assert_false(matches("qemu:devbox", &shared));
	assert_false(matches("vm:devbox", &nameless));
	assert_false(matches("any", &host));
	assert_false(matches("iface:lo", &host));
	assert_true(matches("any", &lan));
	assert_true(matches("lan", &lan));
	assert_false(matches("vm", &lan));
	assert_true(matches("any", &unknown));
	assert_true(matches("unknown", &unknown));
	assert_false(matches("vm", &unknown));
}

static void ids_and_conduits_are_matched(void **state)
{
	struct source one = guest(KIND_CONTAINER, "podman", "web"), other = one, shared = one;
	struct source nobody = guest(KIND_CONTAINER, "netns", "");

	one.guest = 7;
	other.guest = 8;
	strcpy(one.conduit, "pasta");
	shared.shared = true;
	strcpy(shared.conduit, "pasta");
	assert_true(matches("guest:7", &one));
	assert_false(matches("guest:7", &other));
	assert_false(matches("guest:7", &nobody));
	assert_true(matches("conduit:pasta", &one));
	assert_true(matches("conduit:pasta", &shared));
	assert_false(matches("conduit:slirp4netns", &shared));
	assert_false(matches("conduit:podman", &one));
	assert_false(matches("conduit:pasta", &other));
	assert_true(matches("container", &shared));
	assert_true(matches("podman:*", &shared));
	shared.guest = 7; /* which it has not, but if it had */
	assert_false(matches("guest:7", &shared));
	one.class = SOURCE_HOST;
	assert_false(matches("guest:7", &one));
	assert_false(matches("conduit:pasta", &one));
}

static void selector_matches_odd_names(void **state)
{
	char name[300], text[310];
	struct source odd;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	odd = guest(KIND_VM, "qemu", name);
	snprintf(text, sizeof(text), "vm:%s", name);
	assert_true(matches(text, &odd));
	snprintf(text, sizeof(text), "vm:%sy", name);
	assert_false(matches(text, &odd));
	snprintf(text, sizeof(text), "vm:%s", odd.name);
	assert_true(matches(text, &odd));
	odd = guest(KIND_VM, "qemu", "a\nb\xff");
	assert_true(matches("vm:a\nb\xff", &odd));
	snprintf(text, sizeof(text), "vm:%s", odd.name);
	assert_true(matches(text, &odd));
}

static void duration_is_understood(void **state)
{
	static const struct {
		const char *text;
		uint64_t seconds;
		const char *printed;
	} cases[] = {
		{"1s", 1, "1s"},	  {"90s", 90, "1m30s"},		 {"10m", 600, "10m"},
		{"1h30m", 5400, "1h30m"}, {"2d", 172800, "2d"},		 {"1d1s", 86401, "1d1s"},
		{"24h", 86400, "1d"},	  {"3650d", 315360000, "3650d"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[40];
		uint64_t seconds;

		assert_int_equal(duration_parse(cases[i].text, &seconds, NULL), 0);
		assert_int_equal(seconds, cases[i].seconds);
		assert_string_equal(duration_format(text, sizeof(text), seconds), cases[i].printed);
	}
	srandom(3);
	for (int round = 0; round < ROUNDS; round++) {
		uint64_t seconds = 1 + (uint64_t)random() % 315360000, again;
		char text[40];

		duration_format(text, sizeof(text), seconds);
		assert_int_equal(duration_parse(text, &again, NULL), 0);
		assert_int_equal(seconds, again);
	}
}

static void duration_is_refused(void **state)
{
	static const char *const cases[] = {
		"",
		"0",
		"90",
		"0s",
		"m",
		"10 m",
		"10M",
		"-1s",
		"1.5h",
		"01h",
		"1h1h",
		"30m1h",
		"1h30",
		"1w",
		"3651d",
		"1hm",
		"1s ",
		"+1s",
		"99999999999999999999s",
		"999999999d",
		"1d\n",
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct error error = {.text = ""};
		uint64_t seconds = 4711;

		if (duration_parse(cases[i], &seconds, &error) != -EINVAL)
			fail_msg("\"%s\" was taken", cases[i]);
		assert_true(error.text[0]);
		assert_int_equal(seconds, 4711);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(service_is_understood),
		cmocka_unit_test(service_is_refused),
		cmocka_unit_test(service_survives_printing),
		cmocka_unit_test(service_matches_what_it_says),
		cmocka_unit_test(selector_is_understood),
		cmocka_unit_test(selector_is_refused),
		cmocka_unit_test(selector_survives_printing),
		cmocka_unit_test(selector_matches_what_it_says),
		cmocka_unit_test(ids_and_conduits_are_matched),
		cmocka_unit_test(selector_matches_odd_names),
		cmocka_unit_test(duration_is_understood),
		cmocka_unit_test(duration_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
