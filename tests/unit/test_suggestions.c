// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cli/suggestions: what was seen is allowed by the suggested set, by the policy's own matching, and nothing
 * else is; and the set is small.
 */
#include "cli/filter.h"
#include "cli/suggestions.h"

#include "util/array.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SEEN_MAX 400

/* Who: each differs from another one in as little as can be. */
static const struct source sources[] = {
	{.class = SOURCE_GUEST, .kind = KIND_VM, .runtime = "qemu", .name = "box", .guest = 1},
	{.class = SOURCE_GUEST,
	 .kind = KIND_VM,
	 .runtime = "virtualbox",
	 .name = "box",
	 .guest = 2},
	{.class = SOURCE_GUEST, .kind = KIND_VM, .runtime = "qemu", .name = "other", .guest = 3},
	{.class = SOURCE_GUEST,
	 .kind = KIND_CONTAINER,
	 .runtime = "podman",
	 .name = "box",
	 .guest = 4},
	{.class = SOURCE_GUEST, .kind = KIND_CONTAINER, .runtime = "podman", .guest = 5},
	{.class = SOURCE_GUEST, .kind = KIND_CONTAINER, .runtime = "docker", .guest = 6},
	{.class = SOURCE_GUEST, .kind = KIND_VM, .guest = 7},
	{.class = SOURCE_GUEST,
	 .kind = KIND_CONTAINER,
	 .runtime = "podman",
	 .name = "a, b",
	 .shared = true,
	 .conduit = "pasta"},
	{.class = SOURCE_GUEST,
	 .kind = KIND_CONTAINER,
	 .name = "b, c",
	 .shared = true,
	 .conduit = "pasta"},
	{.class = SOURCE_GUEST,
	 .kind = KIND_CONTAINER,
	 .runtime = "podman",
	 .name = "named",
	 .guest = 8,
	 .conduit = "pasta"},
	{.class = SOURCE_GUEST,
	 .kind = KIND_CONTAINER,
	 .runtime = "lxc",
	 .name = "named",
	 .guest = 9,
	 .conduit = "pasta"},
	{.class = SOURCE_UNKNOWN},
	{.class = SOURCE_LAN},
};

static const char *const addresses[] = {"127.0.0.1", "127.0.0.2", "127.0.0.3", "10.0.0.0",
					"10.0.0.1",  "10.0.0.2",  "10.0.0.3",  "::1",
					"fd00::",    "fd00::1"};

static uint32_t draw(uint32_t below)
{
	static uint32_t random = 1;

	random = random * 1664525 + 1013904223;
	return (random >> 8) % below;
}

/* As cli/words.c has it. */
static struct selector narrowest(const struct source *source)
{
	struct selector selector = {.type = SELECT_KIND, .kind = source_kind(source)};

	if (source->name[0] && !source->shared) {
		strcpy(selector.name, source->name);
	} else if (source->conduit[0]) {
		selector = (struct selector){.type = SELECT_CONDUIT};
		strcpy(selector.word, source->conduit);
	} else if (source->runtime[0]) {
		selector = (struct selector){.type = SELECT_RUNTIME};
		strcpy(selector.word, source->runtime);
	}
	return selector;
}

static struct flow flow_to(const char *address, uint8_t protocol, uint16_t port)
{
	struct flow flow = {.protocol = protocol, .service_port = port};

	if (inet_pton(AF_INET6, address, &flow.service) != 1) {
		flow.service = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
		assert_int_equal(inet_pton(AF_INET, address, &flow.service.s6_addr[12]), 1);
	}
	flow.family = address_family(&flow.service);
	return flow;
}

static struct seen seen_of(const struct source *source, const char *address, uint8_t protocol,
			   uint16_t port)
{
	struct seen seen = {
		.source = *source, .flow = flow_to(address, protocol, port), .attempts = 1};

	seen.selector = narrowest(source);
	assert_true(selector_matches(&seen.selector, source));
	return seen;
}

static struct seen seen_at_random(uint16_t ports)
{
	return seen_of(&sources[draw(ARRAY_SIZE(sources))], addresses[draw(ARRAY_SIZE(addresses))],
		       draw(3) ? IPPROTO_TCP : IPPROTO_UDP, (uint16_t)(65535 - draw(ports)));
}

static bool allows(const struct suggestion *set, ssize_t count, const struct source *source,
		   const struct flow *flow)
{
	for (ssize_t i = 0; i < count; i++)
		if (service_matches(&set[i].service, flow) &&
		    selector_matches(&set[i].source, source))
			return true;
	return false;
}

/* May this source reach this service at most? Yes, if the selector of one that tried it is for it. */
static bool is_wanted(const struct seen *seen, size_t count, const struct source *source,
		      const struct flow *flow)
{
	for (size_t i = 0; i < count; i++)
		if (seen[i].flow.protocol == flow->protocol &&
		    seen[i].flow.service_port == flow->service_port &&
		    IN6_ARE_ADDR_EQUAL(&seen[i].flow.service, &flow->service) &&
		    selector_matches(&seen[i].selector, source))
			return true;
	return false;
}

static void check(const struct seen *seen, size_t count, const struct suggestion *set, ssize_t made,
		  uint16_t ports)
{
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP};
	uint64_t attempts = 0;

	for (size_t s = 0; s < ARRAY_SIZE(sources); s++)
		for (size_t a = 0; a < ARRAY_SIZE(addresses); a++)
			for (size_t p = 0; p < ARRAY_SIZE(protocols); p++)
				for (int port = 65535 - ports - 1; port <= 65535; port++) {
					struct flow flow =
						flow_to(addresses[a], protocols[p], (uint16_t)port);

					if (allows(set, made, &sources[s], &flow))
						assert_true(
							is_wanted(seen, count, &sources[s], &flow));
				}
	for (size_t i = 0; i < count; i++)
		assert_true(allows(set, made, &seen[i].source, &seen[i].flow));
	for (ssize_t i = 0; i < made; i++)
		attempts += set[i].attempts;
	assert_int_equal(attempts, count); /* each is counted once */
	/* None can be left out. */
	for (ssize_t out = 0; out < made; out++) {
		struct suggestion rest[SEEN_MAX];
		bool is_needed = false;

		memcpy(rest, set, (size_t)made * sizeof(*rest));
		rest[out] = rest[made - 1];
		for (size_t i = 0; i < count && !is_needed; i++)
			is_needed = !allows(rest, made - 1, &seen[i].source, &seen[i].flow);
		assert_true(is_needed || set[out].is_wide);
	}
}

static void all_that_was_seen_and_nothing_else(void **state)
{
	for (unsigned int run = 0; run < 300; run++) {
		struct seen seen[SEEN_MAX], copy[SEEN_MAX];
		uint16_t ports = (uint16_t)(1 + draw(6));
		size_t count = draw(run % 10 ? 60 : SEEN_MAX);
		struct suggestion *set;
		ssize_t made;

		for (size_t i = 0; i < count; i++)
			seen[i] = seen_at_random(ports);
		memcpy(copy, seen, sizeof(copy));
		made = suggestions_make(copy, count, &set);
		assert_in_range(made, count ? 1 : 0, count);
		check(seen, count, set, made, ports);
		free(set);
	}
}

/* The exceptions in words: "SERVICE SOURCE", a line each. */
static char *words_of(struct seen *seen, size_t count)
{
	static char text[4096];
	struct suggestion *set;
	ssize_t made = suggestions_make(seen, count, &set);
	char *end = text;

	*end = '\0';
	for (ssize_t i = 0; i < made; i++) {
		char service[SERVICE_TEXT_SIZE], source[SELECTOR_TEXT_SIZE];

		end += sprintf(end, "%s %s\n",
			       service_format(service, sizeof(service), &set[i].service),
			       selector_format(source, sizeof(source), &set[i].source));
	}
	free(set);
	return text;
}

static void ports_in_a_row_become_a_range(void **state)
{
	static const uint16_t ports[] = {8003, 8001, 65535, 8002, 8001, 8005, 65534};
	struct seen seen[ARRAY_SIZE(ports) + 2];

	for (size_t i = 0; i < ARRAY_SIZE(ports); i++)
		seen[i] = seen_of(&sources[0], "127.0.0.1", IPPROTO_TCP, ports[i]);
	seen[ARRAY_SIZE(ports)] = seen_of(&sources[0], "127.0.0.1", IPPROTO_UDP, 8004);
	seen[ARRAY_SIZE(ports) + 1] = seen_of(&sources[0], "::1", IPPROTO_TCP, 8004);
	assert_string_equal(words_of(seen, ARRAY_SIZE(seen)), "tcp/[::1]:8004 vm:box\n"
							      "tcp/127.0.0.1:8001-8003 vm:box\n"
							      "tcp/127.0.0.1:8005 vm:box\n"
							      "tcp/127.0.0.1:65534-65535 vm:box\n"
							      "udp/127.0.0.1:8004 vm:box\n");
}

static void a_network_only_where_all_of_it_was_seen(void **state)
{
	static const char *const tried[] = {"10.0.0.3",	 "10.0.0.0",  "10.0.0.2",
					    "10.0.0.1",	 "127.0.0.1", "127.0.0.2",
					    "127.0.0.3", "fd00::1",   "fd00::"};
	struct seen seen[ARRAY_SIZE(tried)];

	for (size_t i = 0; i < ARRAY_SIZE(tried); i++)
		seen[i] = seen_of(&sources[0], tried[i], IPPROTO_TCP, 80);
	assert_string_equal(words_of(seen, ARRAY_SIZE(seen)), "tcp/10.0.0.0/30:80 vm:box\n"
							      "tcp/127.0.0.1:80 vm:box\n"
							      "tcp/127.0.0.2/31:80 vm:box\n"
							      "tcp/[fd00::/127]:80 vm:box\n");
}

static void two_guests_of_one_name_are_one_exception(void **state)
{
	struct seen seen[] = {seen_of(&sources[0], "::1", IPPROTO_TCP, 80),
			      seen_of(&sources[1], "::1", IPPROTO_TCP, 80),
			      seen_of(&sources[3], "::1", IPPROTO_TCP, 80)};

	assert_string_equal(words_of(seen, 3), "tcp/[::1]:80 container:box\ntcp/[::1]:80 vm:box\n");
}

/* A nameless guest cannot be told from the others of its runtime: they need none of their own. */
static void what_a_wide_one_is_for_needs_none_of_its_own(void **state)
{
	struct seen seen[] = {seen_of(&sources[3], "::1", IPPROTO_TCP, 80),
			      seen_of(&sources[4], "::1", IPPROTO_TCP, 80),
			      seen_of(&sources[3], "::1", IPPROTO_TCP, 81)};

	assert_string_equal(words_of(seen, 3), "tcp/[::1]:81 container:box\ntcp/[::1]:80 podman\n");
}

static void counts_times_and_programs_are_those_of_all(void **state)
{
	struct seen seen[] = {seen_of(&sources[0], "::1", IPPROTO_TCP, 80),
			      seen_of(&sources[0], "::1", IPPROTO_TCP, 81),
			      seen_of(&sources[0], "::1", IPPROTO_TCP, 90),
			      seen_of(&sources[0], "::1", IPPROTO_TCP, 91)};
	struct suggestion *set;

	seen[0].attempts = 5;
	for (size_t i = 0; i < 4; i++) {
		seen[i].last_us = 100 + (i ^ 1);
		strcpy(seen[i].program, i == 3 ? "redis" : "nginx");
	}
	assert_int_equal(suggestions_make(seen, 4, &set), 2);
	assert_int_equal(set[0].attempts, 6);
	assert_int_equal(set[0].last_us, 101);
	assert_string_equal(set[0].program, "nginx");
	assert_int_equal(set[1].last_us, 103);
	assert_string_equal(set[1].program, "");
	assert_false(set[0].is_wide);
	free(set);
}

static void a_filter_by_no_runtime_is_told(void **state)
{
	struct filter filter = {.has_source = true};
	struct error error = {.text = ""};

	assert_int_equal(selector_parse("contaner", &filter.source, NULL), 0);
	assert_int_equal(filter_check_source(&filter, "conf/guests.conf", "/nowhere", &error),
			 -EINVAL);
	assert_string_equal(error.text,
			    "no runtime is called \"contaner\": do you mean container?");
	assert_int_equal(filter_check_source(&filter, "/nowhere", "/nowhere", &error), 0);
	assert_int_equal(selector_parse("podman:web", &filter.source, NULL), 0);
	assert_int_equal(filter_check_source(&filter, "conf/guests.conf", "/nowhere", &error), 0);
	assert_int_equal(selector_parse("vm:web", &filter.source, NULL), 0);
	assert_int_equal(filter_check_source(&filter, "conf/guests.conf", "/nowhere", &error), 0);
}

static void of_nothing_comes_nothing(void **state)
{
	struct suggestion *set = NULL;

	assert_int_equal(suggestions_make(NULL, 0, &set), 0);
	free(set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_nothing_comes_nothing),
		cmocka_unit_test(a_filter_by_no_runtime_is_told),
		cmocka_unit_test(all_that_was_seen_and_nothing_else),
		cmocka_unit_test(ports_in_a_row_become_a_range),
		cmocka_unit_test(a_network_only_where_all_of_it_was_seen),
		cmocka_unit_test(two_guests_of_one_name_are_one_exception),
		cmocka_unit_test(what_a_wide_one_is_for_needs_none_of_its_own),
		cmocka_unit_test(counts_times_and_programs_are_those_of_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
