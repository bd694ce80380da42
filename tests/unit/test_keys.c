// SPDX-License-Identifier: GPL-2.0-or-later
/* Guests' keys: exceptions that are stored have them, so that their text stays what it is. */
#include "guests/state.h"

#include "util/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct guest_key key;

static void assert_key(enum known_by known_by, const char *text)
{
	assert_int_equal(key.known_by, known_by);
	assert_string_equal(key.text, text);
}

static void an_id_is_its_own_whoever_tells_it(void **state)
{
	struct cgroup_match match = {
		.runtime = "docker", .kind = KIND_CONTAINER, .id = "0123abcd", .is_unique = true};

	keys_by_id(&key, "0123abcd");
	assert_key(KNOWN_BY_ID, "container:0123abcd");
	keys_by_cgroup(&key, &match);
	assert_key(KNOWN_BY_ID, "container:0123abcd");
	match.kind = KIND_VM;
	match.runtime = "kata";
	keys_by_cgroup(&key, &match);
	assert_key(KNOWN_BY_VM_ID, "kata:0123abcd");
}

static void a_name_is_not(void **state)
{
	const struct cgroup_match match = {
		.runtime = "lxc", .kind = KIND_CONTAINER, .id = "a:b@c", .node_hash = 0xabc};

	keys_by_cgroup(&key, &match);
	assert_key(KNOWN_BY_CGROUP, "lxc@0000000000000abc:a:b@c");
	keys_by_supervisor(&key, "lxc", "a:b@c");
	assert_key(KNOWN_BY_SUPERVISOR, "lxc@:a:b@c");
}

static void processes_and_namespaces(void **state)
{
	const struct process vmm = {.pid = 123, .start = 9876543210};

	keys_by_vmm(&key, "qemu", &vmm);
	assert_key(KNOWN_BY_VMM, "qemu:123:9876543210");
	keys_by_namespace(&key, "pidns", 4026532000);
	assert_key(KNOWN_BY_NAMESPACE, "pidns:4026532000");
	keys_by_namespace(&key, "mntns", 4026532001);
	assert_key(KNOWN_BY_NAMESPACE, "mntns:4026532001");
	keys_by_namespace(&key, "netns", 4026532002);
	assert_key(KNOWN_BY_NETNS, "netns:4026532002");
}

static void what_a_key_says_is_asked_for_by_its_form(void **state)
{
	const struct cgroup_match match = {.runtime = "lxc", .id = "a:b@c"};
	struct guest guest;

	keys_by_cgroup(&key, &match);
	guest.known_by = key.known_by;
	text_copy(guest.key, sizeof(guest.key), key.text);
	assert_string_equal(keys_rest(&guest, KNOWN_BY_CGROUP), "a:b@c");
	assert_null(keys_rest(&guest, KNOWN_BY_SUPERVISOR));
	assert_null(keys_rest(&guest, KNOWN_BY_ID));
	keys_by_supervisor(&key, "lxc", "a:b@c");
	guest.known_by = key.known_by;
	text_copy(guest.key, sizeof(guest.key), key.text);
	assert_string_equal(keys_rest(&guest, KNOWN_BY_SUPERVISOR), "a:b@c");
	assert_null(keys_rest(&guest, KNOWN_BY_CGROUP));
}

/* Whatever comes: a runtime's word, a name and an id of any length fit, or are cut. */
static void long_ones_fit(void **state)
{
	char runtime[RUNTIME_SIZE] = "", id[1000] = "";
	struct cgroup_match match = {.runtime = runtime, .node_hash = UINT64_MAX};

	memset(runtime, 'r', sizeof(runtime) - 1);
	memset(match.id, 'n', sizeof(match.id) - 1);
	memset(id, 'i', sizeof(id) - 1);
	keys_by_cgroup(&key, &match);
	assert_int_equal(strlen(key.text), RUNTIME_SIZE - 1 + 18 + NAME_SIZE - 1);
	keys_by_id(&key, id);
	assert_int_equal(strlen(key.text), strlen("container:") + 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_id_is_its_own_whoever_tells_it),
		cmocka_unit_test(a_name_is_not),
		cmocka_unit_test(processes_and_namespaces),
		cmocka_unit_test(what_a_key_says_is_asked_for_by_its_form),
		cmocka_unit_test(long_ones_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
