// SPDX-License-Identifier: GPL-2.0-or-later
/* policy/overlap: what two exceptions have to do with each other. */
#include "policy/overlap.h"
#include "util/array.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NONE  OVERLAP_NONE
#define PART  OVERLAP_PART
#define WHOLE OVERLAP_WHOLE

static struct exception make_rule(const char *service, const char *source, const char *key)
{
	struct exception rule = {.allow = true};

	assert_int_equal(service_parse(service, &rule.service, NULL), 0);
	assert_int_equal(selector_parse(source, &rule.source, NULL), 0);
	snprintf(rule.guest_key, sizeof(rule.guest_key), "%s", key);
	return rule;
}

static void assert_overlap(const struct exception *rule, const struct exception *other,
			   enum overlap expected, const char *what)
{
	enum overlap found = overlap_of(rule, other);

	if (found != expected)
		fail_msg("%s: %d, not %d", what, found, expected);
}

/* How much of the first is the second about, and the other way round? */
static void services_overlap(void **state)
{
	static const struct {
		const char *a, *b;
		enum overlap of_a, of_b;
	} rows[] = {
		{"tcp/127.0.0.1:9222", "tcp/127.0.0.1:9222", WHOLE, WHOLE},
		{"tcp/127.0.0.1:9222", "127.0.0.1:9222", WHOLE, PART},
		{"tcp/127.0.0.1:9222", "udp/127.0.0.1:9222", NONE, NONE},
		{"127.0.0.1:9222", "9222", WHOLE, PART},
		{"[::1]:9222", "127.0.0.1:9222", NONE, NONE},
		{"[::1]:9222", "9222", WHOLE, PART},
		{"127.0.0.1:9222", "127.0.0.0/8:9222", WHOLE, PART},
		{"10.0.0.1:9222", "127.0.0.0/8:9222", NONE, NONE},
		{"[fd00::/64]:80", "[fd00::/48]:80", WHOLE, PART},
		{"0.0.0.0/0:80", "[::/0]:80", NONE, NONE},
		{"80", "81", NONE, NONE},
		{"80", "80-90", WHOLE, PART},
		{"70-80", "80-90", PART, PART},
		{"80", "*", WHOLE, PART},
		{"tcp/10.0.0.0/8:1-100", "10.1.0.0/16:50-200", PART, PART},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct exception a = make_rule(rows[i].a, "vm:devbox", "");
		struct exception b = make_rule(rows[i].b, "vm:devbox", "");

		assert_overlap(&a, &b, rows[i].of_a, rows[i].a);
		assert_overlap(&b, &a, rows[i].of_b, rows[i].b);
	}
}

static void sources_overlap(void **state)
{
	static const struct {
		const char *a, *key_a, *b, *key_b;
		enum overlap of_a, of_b;
	} rows[] = {
		{"vm:devbox", "", "vm:devbox", "", WHOLE, WHOLE},
		{"vm:devbox", "", "vm", "", WHOLE, PART},
		{"vm:devbox", "", "any", "", WHOLE, PART},
		{"vm:devbox", "", "vm:other", "", NONE, NONE},
		{"vm:devbox", "", "container:devbox", "", NONE, NONE},
		{"vm:devbox", "", "qemu:devbox", "", NONE, NONE}, /* cannot be told */
		{"podman:web", "", "podman", "", WHOLE, PART},
		{"podman", "", "docker", "", NONE, NONE},
		{"iface:br0", "", "any", "", WHOLE, PART},
		{"iface:br0", "", "iface:br1", "", NONE, NONE},
		{"conduit:pasta", "", "pasta", "", NONE, NONE},
		{"any", "", "any", "", WHOLE, WHOLE},
		{"vm:devbox", "k1", "vm:devbox", "", WHOLE, PART},
		{"vm:devbox", "k1", "vm:devbox", "k1", WHOLE, WHOLE},
		{"vm:devbox", "k1", "vm:devbox", "k2", NONE, NONE},
		{"guest:7", "k1", "vm:devbox", "k1", WHOLE, WHOLE},
		{"guest:7", "k1", "any", "", WHOLE, PART},
		{"guest:7", "k1", "vm", "", NONE, NONE}, /* cannot be told */
		{"vm", "", "vm:devbox", "k1", PART, WHOLE},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct exception a = make_rule("80", rows[i].a, rows[i].key_a);
		struct exception b = make_rule("80", rows[i].b, rows[i].key_b);

		assert_overlap(&a, &b, rows[i].of_a, rows[i].a);
		assert_overlap(&b, &a, rows[i].of_b, rows[i].b);
	}
}

static void both_have_to_overlap(void **state)
{
	struct exception a = make_rule("80", "vm:devbox", "");
	struct exception other_source = make_rule("*", "vm:other", "");
	struct exception other_port = make_rule("81", "any", "");
	struct exception part = make_rule("127.0.0.1:*", "any", "");

	assert_overlap(&a, &other_source, NONE, "source");
	assert_overlap(&a, &other_port, NONE, "port");
	assert_overlap(&a, &part, PART, "address");
}

static void one_program_is_a_part(void **state)
{
	struct exception any = make_rule("80", "vm", ""), one = any, other = any;

	strcpy(one.pin, "/usr/bin/one");
	strcpy(other.pin, "/usr/bin/other");
	assert_overlap(&any, &one, PART, "one program");
	assert_overlap(&one, &any, WHOLE, "any program");
	assert_overlap(&one, &one, WHOLE, "the same program");
	assert_overlap(&one, &other, NONE, "another program");
	other = one;
	other.pin_user = 7;
	assert_overlap(&one, &other, NONE, "another user's program");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(services_overlap),
		cmocka_unit_test(sources_overlap),
		cmocka_unit_test(both_have_to_overlap),
		cmocka_unit_test(one_program_is_a_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
