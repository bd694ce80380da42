// SPDX-License-Identifier: GPL-2.0-or-later
/* policy/selector: selectors in words are understood, refused, and printed without a loss. */
#include "policy/selector.h"
#include "util/array.h"
#include "util/text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ROUNDS 20000

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

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
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

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(selector_is_understood),
		cmocka_unit_test(selector_is_refused),
		cmocka_unit_test(selector_survives_printing),
		cmocka_unit_test(selector_matches_what_it_says),
		cmocka_unit_test(ids_and_conduits_are_matched),
		cmocka_unit_test(selector_matches_odd_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
