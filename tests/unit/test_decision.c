// SPDX-License-Identifier: GPL-2.0-or-later
/* The decision: every class and route with every reason, and the exact scope of infrastructure. */
#include "policy/config.h"
#include "policy/decision.h"
#include "policy/exceptions.h"
#include "policy/steps.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define NOW	1700000000000000u
#define LAN_IP	"::ffff:192.168.1.7"
#define GATEWAY "::ffff:192.168.122.1"
#define STUB	"::ffff:127.0.0.53"

static struct {
	char directory[64];
	struct config *config;
	struct exceptions *exceptions;
	struct resolvers resolvers;
	struct policy policy;
} world;

static struct in6_addr address(const char *text)
{
	struct in6_addr parsed;

	assert_int_equal(inet_pton(AF_INET6, text, &parsed), 1);
	return parsed;
}

static int make_world(void **state)
{
	memset(&world, 0, sizeof(world));
	strcpy(world.directory, "/tmp/lhguard-test-XXXXXX");
	if (!mkdtemp(world.directory))
		return -1;
	world.config = config_new_default();
	world.resolvers.address[0] = address(STUB);
	world.resolvers.address[1] = address("::1");
	world.resolvers.count = 2;
	if (exceptions_open(&world.exceptions, world.directory, NULL, NOW) < 0)
		return -1;
	world.policy = (struct policy){world.config, world.exceptions, &world.resolvers};
	return 0;
}

static int remove_world(void **state)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/exceptions.conf", world.directory);
	unlink(path);
	rmdir(world.directory);
	exceptions_close(world.exceptions);
	config_free(world.config);
	return 0;
}

static uint32_t except(bool allow, const char *service, const char *source)
{
	struct exception rule = {.allow = allow};
	uint32_t id = 0;

	assert_int_equal(service_parse(service, &rule.service, NULL), 0);
	assert_int_equal(selector_parse(source, &rule.source, NULL), 0);
	assert_int_equal(exceptions_add(world.exceptions, &rule, &id, NULL), 0);
	return id;
}

static struct flow make_flow(const char *service, uint8_t protocol, uint16_t port, uint8_t type)
{
	struct flow flow = {.service = address(service),
			    .client = address("::ffff:10.0.2.15"),
			    .client_port = port ? 40000 : 0,
			    .service_port = port,
			    .protocol = protocol,
			    .icmp_type = type};

	flow.family = address_family(&flow.service);
	return flow;
}

static struct source make_source(enum source_class class, enum route route)
{
	struct source source = {.class = class, .kind = KIND_VM, .route = route};

	if (class == SOURCE_LAN)
		source.kind = KIND_LAN;
	if (class == SOURCE_UNKNOWN)
		source.kind = KIND_UNKNOWN;
	if (class == SOURCE_GUEST) {
		strcpy(source.runtime, "qemu");
		strcpy(source.name, "devbox");
	}
	return source;
}

static bool is_step(enum reason reason)
{
	size_t found = 0;

	for (size_t i = 0; i < DECISION_STEPS; i++)
		found += decision_steps[i].reason == reason;
	return found == 1;
}

static struct decision judge(const struct flow *flow, const struct source *source)
{
	struct decision decision = {.verdict = VERDICT_COUNT};

	decide(&world.policy, flow, source, NOW, &decision);
	assert_non_null(decision.rule);
	assert_true(decision.rule[0]);
	assert_true(is_step(decision.reason));
	return decision;
}

static void assert_decision(struct decision decision, enum verdict verdict, enum reason reason,
			    uint32_t exception, enum source_class class, enum route route)
{
	if (decision.verdict != verdict || decision.reason != reason ||
	    decision.exception != exception)
		fail_msg("%s by %s: %s, %s (%u) in place of %s, %s (%u)", source_class_text(class),
			 route_text(route), verdict_text(decision.verdict),
			 reason_text(decision.reason), decision.exception, verdict_text(verdict),
			 reason_text(reason), exception);
}

static void every_class_and_route(void **state)
{
	struct flow flow = make_flow(LAN_IP, IPPROTO_TCP, 9222, 0);
	uint32_t allow, deny;

	for (int step = 0; step < 3; step++) {
		if (step == 1)
			allow = except(true, "192.168.1.7:9222", "any");
		if (step == 2)
			deny = except(false, "192.168.1.0/24:9000-9999", "any");
		for (int i = 0; i < SOURCE_CLASS_COUNT * ROUTE_COUNT * 2; i++) {
			enum source_class class = (enum source_class)(i % SOURCE_CLASS_COUNT);
			enum route route = (enum route)(i / SOURCE_CLASS_COUNT % ROUTE_COUNT);
			enum verdict refusal = i / SOURCE_CLASS_COUNT / ROUTE_COUNT ? VERDICT_REJECT
										    : VERDICT_DROP;
			struct source source = make_source(class, route);
			struct decision decision;

			world.config->refusal = refusal;
			decision = judge(&flow, &source);
			if (class == SOURCE_HOST)
				assert_decision(decision, VERDICT_ACCEPT, REASON_HOST, 0, class,
						route);
			else if (route == ROUTE_MARTIAN)
				assert_decision(decision, refusal, REASON_MARTIAN, 0, class, route);
			else if (step == 2)
				assert_decision(decision, refusal, REASON_DENY_EXCEPTION, deny,
						class, route);
			else if (step == 1)
				assert_decision(decision, VERDICT_ACCEPT, REASON_ALLOW_EXCEPTION,
						allow, class, route);
			else
				assert_decision(decision,
						class == SOURCE_LAN ? VERDICT_ACCEPT : refusal,
						REASON_DEFAULT, 0, class, route);
		}
	}
}

static void loopback_addresses_are_the_hosts(void **state)
{
	static const char *const services[] = {"::1", "::ffff:127.0.0.1", STUB,
					       "::ffff:127.255.255.254"};

	except(true, "*", "any");
	for (size_t i = 0; i < ARRAY_SIZE(services); i++) {
		struct flow flow = make_flow(services[i], IPPROTO_UDP, 53, 0);

		for (int route = 0; route < ROUTE_COUNT; route++) {
			struct source source = make_source(SOURCE_LAN, (enum route)route);
			bool on_loopback = route == ROUTE_LOCAL || route == ROUTE_USER_NET ||
					   route == ROUTE_HOST_NET;

			source.own_gateway = true;
			assert_int_equal(judge(&flow, &source).reason,
					 on_loopback ? REASON_ALLOW_EXCEPTION : REASON_MARTIAN);
		}
	}
}

static void defaults_depend_on_the_source(void **state)
{
	struct flow flow = make_flow("::ffff:127.0.0.1", IPPROTO_TCP, 80, 0);
	struct source source = make_source(SOURCE_GUEST, ROUTE_USER_NET);
	struct decision decision;

	assert_int_equal(judge(&flow, &source).verdict, VERDICT_DROP);
	assert_string_equal(judge(&flow, &source).rule, "default for vm");
	source.kind = KIND_CONTAINER;
	assert_int_equal(judge(&flow, &source).verdict, VERDICT_DROP);
	source.kind = KIND_SANDBOX;
	decision = judge(&flow, &source);
	assert_int_equal(decision.verdict, VERDICT_ACCEPT);
	assert_int_equal(decision.reason, REASON_DEFAULT);
	world.config->defaults[KIND_LAN].allow = false;
	flow = make_flow(LAN_IP, IPPROTO_TCP, 80, 0);
	source = make_source(SOURCE_LAN, ROUTE_LAN);
	assert_int_equal(judge(&flow, &source).verdict, VERDICT_DROP);
	world.config->defaults[KIND_UNKNOWN].allow = true;
	source = make_source(SOURCE_UNKNOWN, ROUTE_LOCAL);
	assert_int_equal(judge(&flow, &source).verdict, VERDICT_ACCEPT);
}

static void exceptions_depend_on_the_guest(void **state)
{
	struct flow flow = make_flow("::ffff:127.0.0.1", IPPROTO_TCP, 9222, 0);
	struct source devbox = make_source(SOURCE_GUEST, ROUTE_USER_NET), other = devbox;
	struct source shared = devbox;

	except(true, "127.0.0.1:9222", "vm:devbox");
	strcpy(other.name, "other");
	shared.shared = true;
	assert_int_equal(judge(&flow, &devbox).verdict, VERDICT_ACCEPT);
	assert_int_equal(judge(&flow, &other).verdict, VERDICT_DROP);
	assert_int_equal(judge(&flow, &shared).verdict, VERDICT_DROP);
	flow.service_port = 9223;
	assert_int_equal(judge(&flow, &devbox).verdict, VERDICT_DROP);
}

/* One of several guests: the conduit may be named, and what all of them are. */
static void exceptions_for_one_of_several(void **state)
{
	struct flow flow = make_flow("::ffff:127.0.0.1", IPPROTO_TCP, 9222, 0);
	struct source shared = make_source(SOURCE_GUEST, ROUTE_USER_NET);

	strcpy(shared.name, "one of: devbox, other");
	strcpy(shared.conduit, "gvproxy");
	shared.shared = true;
	except(true, "127.0.0.1:9222", "vm:devbox");
	except(true, "127.0.0.1:9222", "vm:one of: devbox, other");
	except(true, "127.0.0.1:9222", "conduit:pasta");
	assert_int_equal(judge(&flow, &shared).verdict, VERDICT_DROP);
	except(true, "127.0.0.1:9222", "conduit:gvproxy");
	assert_int_equal(judge(&flow, &shared).verdict, VERDICT_ACCEPT);
	except(false, "127.0.0.1:9222", "vm");
	assert_int_equal(judge(&flow, &shared).verdict, VERDICT_DROP);
}

enum { ELSEWHERE, OWN };

static const struct {
	const char *service;
	uint8_t protocol;
	uint16_t port;
	uint8_t icmp_type;
	bool own_gateway;
	const char *rule; /* NULL: not infrastructure */
} scope[] = {
	{GATEWAY, IPPROTO_UDP, 67, 0, OWN, "infrastructure: dhcp"},
	{"::ffff:255.255.255.255", IPPROTO_UDP, 67, 0, ELSEWHERE, "infrastructure: dhcp"},
	{"fe80::1", IPPROTO_UDP, 547, 0, OWN, "infrastructure: dhcp"},
	{"ff02::1:2", IPPROTO_UDP, 547, 0, ELSEWHERE, "infrastructure: dhcp"},
	{GATEWAY, IPPROTO_UDP, 67, 0, ELSEWHERE, NULL},
	{GATEWAY, IPPROTO_TCP, 67, 0, OWN, NULL},
	{GATEWAY, IPPROTO_UDP, 68, 0, OWN, NULL},
	{GATEWAY, IPPROTO_UDP, 547, 0, OWN, NULL},
	{"fe80::1", IPPROTO_UDP, 67, 0, OWN, NULL},
	{"::ffff:255.255.255.255", IPPROTO_UDP, 53, 0, ELSEWHERE, NULL},
	{"::ffff:192.168.122.255", IPPROTO_UDP, 67, 0, ELSEWHERE, NULL},
	{"ff02::1", IPPROTO_UDP, 547, 0, ELSEWHERE, NULL},
	{"ff05::1:3", IPPROTO_UDP, 547, 0, ELSEWHERE, NULL},
	{GATEWAY, IPPROTO_UDP, 53, 0, OWN, "infrastructure: dns"},
	{GATEWAY, IPPROTO_TCP, 53, 0, OWN, "infrastructure: dns"},
	{"fe80::1", IPPROTO_UDP, 53, 0, OWN, "infrastructure: dns"},
	{GATEWAY, IPPROTO_SCTP, 53, 0, OWN, NULL},
	{GATEWAY, IPPROTO_UDP, 5353, 0, OWN, NULL},
	{GATEWAY, IPPROTO_TCP, 853, 0, OWN, NULL},
	{LAN_IP, IPPROTO_UDP, 53, 0, ELSEWHERE, NULL},
	{GATEWAY, IPPROTO_ICMP, 0, 8, OWN, "infrastructure: ping"},
	{"fe80::1", IPPROTO_ICMPV6, 0, 128, OWN, "infrastructure: ping"},
	{LAN_IP, IPPROTO_ICMP, 0, 8, ELSEWHERE, NULL},
	{"fe80::1", IPPROTO_ICMPV6, 0, 128, ELSEWHERE, NULL},
	{GATEWAY, IPPROTO_ICMP, 0, 13, OWN, NULL},
	{GATEWAY, IPPROTO_ICMP, 0, 128, OWN, NULL},
	{GATEWAY, IPPROTO_ICMPV6, 0, 128, OWN, NULL},
	{"fe80::1", IPPROTO_ICMPV6, 0, 8, OWN, NULL},
	{"fe80::1", IPPROTO_ICMPV6, 0, 135, OWN, "infrastructure: neighbour-discovery"},
	{"ff02::1:ff00:1", IPPROTO_ICMPV6, 0, 135, ELSEWHERE,
	 "infrastructure: neighbour-discovery"},
	{"fe80::1", IPPROTO_ICMPV6, 0, 136, OWN, "infrastructure: neighbour-discovery"},
	{"ff02::1", IPPROTO_ICMPV6, 0, 136, ELSEWHERE, "infrastructure: neighbour-discovery"},
	{"ff02::2", IPPROTO_ICMPV6, 0, 133, ELSEWHERE, "infrastructure: neighbour-discovery"},
	{"fd00::7", IPPROTO_ICMPV6, 0, 135, ELSEWHERE, NULL},
	{"ff02::1", IPPROTO_ICMPV6, 0, 134, ELSEWHERE, NULL}, /* a guest is no router */
	{"fe80::1", IPPROTO_ICMPV6, 0, 137, OWN, NULL},	      /* and redirects nobody */
	{GATEWAY, IPPROTO_ICMP, 0, 135, OWN, NULL},
	{GATEWAY, IPPROTO_TCP, 22, 0, OWN, NULL},
	{STUB, IPPROTO_UDP, 53, 0, ELSEWHERE, NULL},
};

static void infrastructure_has_its_scope(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(scope); i++) {
		struct flow flow = make_flow(scope[i].service, scope[i].protocol, scope[i].port,
					     scope[i].icmp_type);

		for (int k = 0; k < ROUTE_COUNT * SOURCE_CLASS_COUNT; k++) {
			enum source_class class = (enum source_class)(k % SOURCE_CLASS_COUNT);
			enum route route = (enum route)(k / SOURCE_CLASS_COUNT);
			bool wire = route >= ROUTE_BRIDGE && route <= ROUTE_LAN;
			bool served = class == SOURCE_GUEST || class == SOURCE_UNKNOWN;
			struct source source = make_source(class, route);
			struct decision decision;
			bool resolver = class == SOURCE_GUEST &&
					(route == ROUTE_USER_NET || route == ROUTE_HOST_NET) &&
					!strcmp(scope[i].service, STUB);

			source.own_gateway = scope[i].own_gateway == OWN;
			decision = judge(&flow, &source);
			if ((decision.reason == REASON_INFRASTRUCTURE) !=
			    ((wire && served && scope[i].rule) || resolver))
				fail_msg("case %zu, %s by %s: %s", i, source_class_text(class),
					 route_text(route), decision.rule);
			if (wire && served && scope[i].rule) {
				assert_string_equal(decision.rule, scope[i].rule);
				assert_int_equal(decision.verdict, VERDICT_ACCEPT);
			}
		}
	}
}

static void infrastructure_can_be_turned_off(void **state)
{
	bool *const switches[] = {&world.config->dhcp, &world.config->dns, &world.config->ping,
				  &world.config->neighbour_discovery};
	static const char *const words[] = {"dhcp", "dns", "ping", "neighbour-discovery"};

	for (size_t off = 0; off < 4; off++) {
		*switches[off] = false;
		for (size_t i = 0; i < ARRAY_SIZE(scope); i++) {
			struct flow flow = make_flow(scope[i].service, scope[i].protocol,
						     scope[i].port, scope[i].icmp_type);
			struct source source = make_source(SOURCE_GUEST, ROUTE_BRIDGE);
			bool expected = scope[i].rule && !strstr(scope[i].rule, words[off]);

			source.own_gateway = scope[i].own_gateway == OWN;
			assert_int_equal(judge(&flow, &source).reason == REASON_INFRASTRUCTURE,
					 expected);
		}
		*switches[off] = true;
	}
}

static void own_services_are_no_business_of_the_host(void **state)
{
	struct flow flow = make_flow("::ffff:127.0.0.1", IPPROTO_TCP, 5432, 0);
	struct source container = make_source(SOURCE_GUEST, ROUTE_HOST_NET);

	assert_int_equal(judge(&flow, &container).verdict, VERDICT_DROP);
	container.own_service = true;
	assert_int_equal(judge(&flow, &container).verdict, VERDICT_ACCEPT);
	assert_int_equal(judge(&flow, &container).reason, REASON_OWN_SERVICE);
	except(false, "*", "any");
	assert_int_equal(judge(&flow, &container).reason, REASON_DENY_EXCEPTION);
}

static void resolver_is_for_guests_on_lo(void **state)
{
	struct flow udp = make_flow(STUB, IPPROTO_UDP, 53, 0);
	struct flow tcp = make_flow("::1", IPPROTO_TCP, 53, 0);
	struct source guest = make_source(SOURCE_GUEST, ROUTE_USER_NET);
	struct source unknown = make_source(SOURCE_UNKNOWN, ROUTE_USER_NET);
	struct source container = make_source(SOURCE_GUEST, ROUTE_HOST_NET);
	struct flow other = udp;

	assert_string_equal(judge(&udp, &guest).rule, "infrastructure: resolver");
	assert_int_equal(judge(&tcp, &guest).verdict, VERDICT_ACCEPT);
	assert_int_equal(judge(&udp, &unknown).verdict, VERDICT_DROP);
	assert_int_equal(judge(&udp, &container).verdict, VERDICT_ACCEPT);
	container.route = ROUTE_BRIDGE;
	assert_int_equal(judge(&udp, &container).verdict, VERDICT_DROP);
	other.service_port = 5353;
	assert_int_equal(judge(&other, &guest).verdict, VERDICT_DROP);
	other = udp;
	other.protocol = IPPROTO_SCTP;
	assert_int_equal(judge(&other, &guest).verdict, VERDICT_DROP);
	other = make_flow("::ffff:127.0.0.54", IPPROTO_UDP, 53, 0);
	assert_int_equal(judge(&other, &guest).verdict, VERDICT_DROP);
	except(false, "udp/127.0.0.53:53", "vm");
	assert_int_equal(judge(&udp, &guest).reason, REASON_DENY_EXCEPTION);
	assert_int_equal(judge(&tcp, &guest).verdict, VERDICT_ACCEPT);
	world.config->resolver = false;
	assert_int_equal(judge(&tcp, &guest).verdict, VERDICT_DROP);
}

static void resolvers_are_read(void **state)
{
	static const char text[] =
		"# nameserver 1.1.1.1\n"
		"nameserver 127.0.0.53\n"
		"nameserver\t::1  # comment\r\n"
		" nameserver 2.2.2.2\n"
		"nameservers 3.3.3.3\n"
		"nameserver fe80::1%eth0\n"
		"nameserver nonsense\n"
		"nameserver\n"
		"nameserver 127.1\n"
		"nameserver 1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb\n"
		"options edns0\n"
		"search example.org\n"
		"nameserver ::ffff:10.0.0.1";
	struct in6_addr resolver = address(STUB);
	struct resolvers resolvers;
	char path[96];
	FILE *file;

	snprintf(path, sizeof(path), "%s/exceptions.conf", world.directory);
	file = fopen(path, "w");
	fputs(text, file);
	fclose(file);
	assert_int_equal(resolvers_read(path, &resolvers), 0);
	assert_int_equal(resolvers.count, 4);
	assert_memory_equal(&resolvers.address[0], &resolver, sizeof(resolver));
	assert_true(IN6_IS_ADDR_LOOPBACK(&resolvers.address[1]));
	assert_true(IN6_IS_ADDR_LINKLOCAL(&resolvers.address[2]));
	assert_true(IN6_IS_ADDR_V4MAPPED(&resolvers.address[3]));
	file = fopen(path, "w");
	for (int i = 0; i < 100; i++)
		fprintf(file, "nameserver 10.0.0.%d\n", i);
	fclose(file);
	assert_int_equal(resolvers_read(path, &resolvers), 0);
	assert_int_equal(resolvers.count, RESOLVERS_MAX);
	unlink(path);
	assert_int_equal(resolvers_read(path, &resolvers), -ENOENT);
	assert_int_equal(resolvers.count, 0);
	assert_int_equal(resolvers_read(world.directory, &resolvers), -EIO);
	assert_int_equal(resolvers.count, 0);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, make_world, remove_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(every_class_and_route),
		IN_WORLD(loopback_addresses_are_the_hosts),
		IN_WORLD(defaults_depend_on_the_source),
		IN_WORLD(exceptions_depend_on_the_guest),
		IN_WORLD(exceptions_for_one_of_several),
		IN_WORLD(infrastructure_has_its_scope),
		IN_WORLD(infrastructure_can_be_turned_off),
		IN_WORLD(own_services_are_no_business_of_the_host),
		IN_WORLD(resolver_is_for_guests_on_lo),
		IN_WORLD(resolvers_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
