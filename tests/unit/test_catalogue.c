// SPDX-License-Identifier: GPL-2.0-or-later
/* The shipped catalogue: what each runtime's processes, cgroups, interfaces and MACs are told by. */
#include "tests/unit/catalogue_rows.h"
#include "guests/catalogue_tables.h"
#include "guests/names.h"
#include "util/array.h"
#include "util/text.h"

#include <fnmatch.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ROWS ARRAY_SIZE(rows)

static struct catalogue *catalogue;

static int set_up(void **state)
{
	struct error error = {.text = ""};

	if (catalogue_load(&catalogue, "conf/guests.conf", "/nowhere", &error))
		fail_msg("%s", error.text);
	if (catalogue_failure(catalogue))
		fail_msg("%s", catalogue_failure(catalogue));
	return 0;
}

static int tear_down(void **state)
{
	catalogue_free(catalogue);
	return 0;
}

static const struct program *program_of(const struct row *row)
{
	const struct program *command =
		row->executable && row->arguments
			? catalogue_command(catalogue, row->executable, row->arguments, row->length)
			: NULL;

	if (command)
		return command;
	return row->executable
		       ? catalogue_program(catalogue, row->executable, row->argv0, row->comm)
		       : NULL;
}

static void check_program(const struct row *row)
{
	const struct program *program = program_of(row);
	char name[NAME_SIZE];

	if (!program)
		fail_msg("%s: no program", row->stack);
	if (strcmp(program->runtime, row->runtime) || program->role != row->role ||
	    program->kind != row->kind)
		fail_msg("%s: it is a %s of role %d", row->stack, program->runtime, program->role);
	if (!row->name)
		return;
	if (!names_from_arguments(program->description, row->comm, row->arguments, row->length,
				  name))
		fail_msg("%s: no name", row->stack);
	assert_string_equal(name, row->name);
}

static void check_cgroup(const struct row *row)
{
	bool sandbox = row->kind == KIND_SANDBOX;
	struct cgroup_match match, other;

	if (!(sandbox ? catalogue_sandbox : catalogue_cgroup)(catalogue, row->cgroup, &match))
		fail_msg("%s: its cgroup says nothing", row->stack);
	assert_false(
		(sandbox ? catalogue_cgroup : catalogue_sandbox)(catalogue, row->cgroup, &other));
	if (strcmp(match.runtime, row->runtime))
		fail_msg("%s: its cgroup says %s", row->stack, match.runtime);
	assert_string_equal(match.id, row->id);
	assert_int_equal(match.kind, row->kind);
	assert_int_equal(match.is_name, row->is_name);
}

static bool has_mac(const struct row *row)
{
	static const uint8_t none[MAC_SIZE];

	return memcmp(row->mac, none, sizeof(none)) != 0;
}

static void check_wire(const struct row *row)
{
	const struct runtime *found;

	if (row->interface) {
		found = catalogue_interface(catalogue, row->interface);
		if (!found || strcmp(found->word, row->runtime))
			fail_msg("%s: %s is %s", row->stack, row->interface,
				 found ? found->word : "nobody's");
	}
	if (has_mac(row)) {
		found = catalogue_mac(catalogue, row->mac);
		if (!found || strcmp(found->word, row->runtime))
			fail_msg("%s: its MAC is %s", row->stack, found ? found->word : "nobody's");
	}
}

static void test_each_row(void **state)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (rows[i].executable)
			check_program(&rows[i]);
		if (rows[i].cgroup)
			check_cgroup(&rows[i]);
		check_wire(&rows[i]);
	}
}

/* Nothing stands in the file that no row shows to work. */

static void test_each_section_has_a_row(void **state)
{
	for (size_t i = 0; i < catalogue->runtime_count; i++) {
		size_t k = 0;

		while (k < ROWS && strcmp(rows[k].runtime, catalogue->runtimes[i].word))
			k++;
		if (k == ROWS)
			fail_msg("[%s] has no row here", catalogue->runtimes[i].word);
	}
}

static void test_each_program_has_a_row(void **state)
{
	const struct table *table = &catalogue->tables[TABLE_PROGRAMS];
	const struct program *programs = (const void *)table->entries;

	for (size_t i = 0; i < table->count; i++) {
		size_t k = 0;

		if (programs[i].role == PROGRAM_HOST) /* names of one sort */
			continue;
		while (k < ROWS && program_of(&rows[k]) != &programs[i])
			k++;
		if (k == ROWS)
			fail_msg("program %s of [%s] has no row here", programs[i].pattern,
				 programs[i].runtime);
	}
}

static void test_each_command_has_a_row(void **state)
{
	const struct table *table = &catalogue->tables[TABLE_COMMANDS];
	const struct command *commands = (const void *)table->entries;

	for (size_t i = 0; i < table->count; i++) {
		size_t k = 0;

		while (k < ROWS && program_of(&rows[k]) != &commands[i].program)
			k++;
		if (k == ROWS)
			fail_msg("command %s %s has no row here", commands[i].program.pattern,
				 commands[i].argument);
	}
}

static bool cgroup_shows(const struct cgroup_pattern *pattern, const char *path)
{
	const char *parent = "";
	size_t parent_length = 0;

	while (*path) {
		size_t length = strcspn(path, "/");
		struct span span;

		if (pattern_match(&pattern->node, path, length, &span) &&
		    (!pattern->has_parent ||
		     pattern_match(&pattern->parent, parent, parent_length, &span)))
			return true;
		parent = path;
		parent_length = length;
		path += length;
		path += *path == '/';
	}
	return false;
}

static void test_each_cgroup_has_a_row(void **state)
{
	const struct table *table = &catalogue->tables[TABLE_CGROUPS];
	const struct cgroup_pattern *patterns = (const void *)table->entries;

	for (size_t i = 0; i < table->count; i++) {
		size_t k = 0;

		while (k < ROWS &&
		       (!rows[k].cgroup || strcmp(rows[k].runtime, patterns[i].description->word) ||
			!cgroup_shows(&patterns[i], rows[k].cgroup)))
			k++;
		if (k == ROWS)
			fail_msg("cgroup %s of [%s] has no row here", patterns[i].node.text,
				 patterns[i].description->word);
	}
}

static void test_each_wire_has_a_row(void **state)
{
	const struct table *names = &catalogue->tables[TABLE_INTERFACES];
	const struct table *macs = &catalogue->tables[TABLE_MACS];
	const struct interface_pattern *patterns = (const void *)names->entries;
	const struct mac_prefix *prefixes = (const void *)macs->entries;
	size_t k;

	for (size_t i = 0; i < names->count; i++) {
		for (k = 0; k < ROWS; k++)
			if (rows[k].interface &&
			    !fnmatch(patterns[i].pattern, rows[k].interface, 0))
				break;
		if (k == ROWS)
			fail_msg("interface %s has no row here", patterns[i].pattern);
	}
	for (size_t i = 0; i < macs->count; i++) {
		for (k = 0; k < ROWS; k++)
			if (has_mac(&rows[k]) &&
			    !memcmp(rows[k].mac, prefixes[i].bytes, prefixes[i].length))
				break;
		if (k == ROWS)
			fail_msg("a MAC of [%s] has no row here", prefixes[i].description->word);
	}
}

/* What is no guest's, however much it looks like one's. */

static void test_programs_of_the_host(void **state)
{
	static const struct {
		const char *executable, *argv0, *comm;
	} others[] = {
		{"/usr/bin/qemu-img", "qemu-img", "qemu-img"},
		{"/usr/bin/curl", "curl", "curl"},
		{"/usr/bin/sshd", "sshd: u@pts/0", "sshd"},
		{"", "", ""},
		/* A process's own names make nothing harmless of it. */
		{"/tmp/x", "conmon", "conmon"},
		{"/tmp/x", "chrome", "chrome"},
		{"/tmp/x", "bwrap", "bwrap"},
		{"", "", "systemd-nspawn"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (catalogue_program(catalogue, others[i].executable, others[i].argv0,
				      others[i].comm))
			fail_msg("%s %s %s", others[i].executable, others[i].argv0, others[i].comm);
}

/* … nor do they take a listed executable's role away. */
static void test_the_executable_goes_first(void **state)
{
	const struct program *program =
		catalogue_program(catalogue, "/usr/bin/qemu-system-x86_64", "chrome", "conmon");

	assert_int_equal(program->role, PROGRAM_VMM);
	assert_string_equal(program->runtime, "qemu");
	program = catalogue_program(catalogue, "/tmp/x", "slirp4netns", "qemu-system-x86");
	assert_string_equal(program->runtime, "slirp4netns");
}

static void test_libraries(void **state)
{
	const struct program *program =
		catalogue_library(catalogue, "/usr/lib/x86_64-linux-gnu/libslirp.so.0.4.0");

	assert_non_null(program);
	assert_int_equal(program->role, PROGRAM_VMM);
	program = catalogue_library(catalogue, "/usr/lib64/libkrun.so.1");
	assert_non_null(program);
	assert_string_equal(program->runtime, "libkrun");
	assert_null(catalogue_library(catalogue, "/usr/lib/libc.so.6"));
	assert_null(catalogue_library(catalogue, ""));
}

static void test_cgroups_of_the_host(void **state)
{
	static const char *const others[] = {
		"",
		"/",
		"//",
		USER "/app.slice/app-gnome-chrome-1.scope",
		"/machine.slice/libpod-conmon-" HEX64 ".scope",
		"/libpod_parent/conmon",
		"/lxc.monitor.web",
		"/lxc.payload.",
		"/lxc.pivot",
		"/system.slice/docker.service",
		"/system.slice/docker-0123.scope",
		"/system.slice/docker-" HEX64 "0.scope",
		"/docker/not-an-id",
		"/docker/buildkit",
		"/docker/buildkit/short",
		"/kubepods/burstable/" HEX64,
		"/kubepods/burstable/pod1",
		"/system.slice/crio-conmon-" HEX64 ".scope",
		"/system.slice/machine-qemu\\x2d1\\x2dx.scope",
		"/system.slice/systemd-nspawn@x.service",
		"/kata_overhead",
		"/snap.multipass.multipassd.service",
	};
	struct cgroup_match match;

	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		if (catalogue_cgroup(catalogue, others[i], &match) ||
		    catalogue_sandbox(catalogue, others[i], &match))
			fail_msg("%s is %s's", others[i], match.runtime);
}

/* Of "\\xHH" only two hexadecimal digits stand for a byte. */
static void test_escapes(void **state)
{
	static const struct {
		const char *escaped, *plain;
	} names[] = {
		{"a\\x2db", "a-b"},	{"a\\x2Db", "a-b"},	{"a\\x 1b", "a\\x 1b"},
		{"a\\x+1b", "a\\x+1b"}, {"a\\x-1b", "a\\x-1b"}, {"a\\x2", "a\\x2"},
		{"a\\x2g", "a\\x2g"},	{"a\\x2fb", "a\\x2fb"}, {"a\\x00b", "a\\x00b"},
		{"a\\y2db", "a\\y2db"}, {"a\\\\x2d", "a\\-"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[128], name[NAME_SIZE];
		struct cgroup_match match;

		snprintf(path, sizeof(path), "/machine.slice/systemd-nspawn@%s.service",
			 names[i].escaped);
		text_copy_name(name, sizeof(name), names[i].plain, strlen(names[i].plain));
		assert_true(catalogue_cgroup(catalogue, path, &match));
		assert_string_equal(match.id, name);
	}
}

/* A container may invent names below its own node; the node from the root on is what counts. */
static void test_nested_names(void **state)
{
	static const struct {
		const char *path, *runtime, *id, *node;
	} nested[] = {
		{"/lxc.payload.real/docker/" HEX64, "lxc", "real", "/lxc.payload.real"},
		{"/docker/" HEX64 "/lxc.payload.web", "docker", HEX64, "/docker/" HEX64},
		{"/system.slice/docker-" HEX64 ".scope/machine.slice/systemd-nspawn@x.service",
		 "docker", HEX64, "/system.slice/docker-" HEX64 ".scope"},
		{"/machine.slice/systemd-nspawn@a.service/payload/machine.slice/"
		 "systemd-nspawn@b.service",
		 "nspawn", "a", "/machine.slice/systemd-nspawn@a.service"},
		{"/lxc.payload.a/lxc.payload.b", "lxc", "a", "/lxc.payload.a"},
		/* An escaped slash makes no new component. */
		{"/lxc.payload.a\\x2fdocker\\x2f" HEX64, "lxc", "a\\x2fdocker\\x2f" HEX64,
		 "/lxc.payload.a\\x2fdocker\\x2f" HEX64},
		/* A container that was started in a sandboxed application's cgroup is no sandbox. */
		{"/app.slice/app-flatpak-com.visualstudio.code-1.scope/libpod-" HEX64, "podman",
		 HEX64, "/app.slice/app-flatpak-com.visualstudio.code-1.scope/libpod-" HEX64},
	};

	for (size_t i = 0; i < ARRAY_SIZE(nested); i++) {
		struct cgroup_match match;

		assert_true(catalogue_cgroup(catalogue, nested[i].path, &match));
		assert_string_equal(match.runtime, nested[i].runtime);
		assert_string_equal(match.id, nested[i].id);
		assert_int_equal(match.node_length, strlen(nested[i].node));
	}
}

static void test_long_cgroups(void **state)
{
	char path[4096] = "";
	struct cgroup_match match;

	memset(path, 'a', 2047);
	path[0] = '/';
	assert_false(catalogue_cgroup(catalogue, path, &match));
	memcpy(path, "/lxc.payload.", 13);
	assert_true(catalogue_cgroup(catalogue, path, &match));
	assert_true(strlen(match.id) < NAME_SIZE);
	path[0] = '\0';
	for (int i = 0; i < 300; i++)
		text_append(path, sizeof(path), "/n");
	text_append(path, sizeof(path), "/docker/" HEX64);
	assert_true(catalogue_cgroup(catalogue, path, &match));
	assert_int_equal(match.level, UINT8_MAX); /* too deep for the kernel, not wrapped around */
}

static void test_wires_of_the_host(void **state)
{
	static const uint8_t random_mac[MAC_SIZE] = {0x1e, 1, 2, 3, 4, 5};

	assert_null(catalogue_interface(catalogue, "eth0"));
	assert_null(catalogue_interface(catalogue, "br0"));
	assert_null(catalogue_interface(catalogue, "tap0"));
	assert_null(catalogue_interface(catalogue, ""));
	assert_null(catalogue_mac(catalogue, random_mac));
}

static void test_words(void **state)
{
	assert_true(catalogue_knows_runtime(catalogue, "docker"));
	assert_true(catalogue_knows_runtime(catalogue, "netns"));
	assert_true(catalogue_knows_runtime(catalogue, "contained"));
	assert_false(catalogue_knows_runtime(catalogue, "dokcer"));
	assert_false(catalogue_knows_runtime(catalogue, ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_row),
		cmocka_unit_test(test_each_section_has_a_row),
		cmocka_unit_test(test_each_program_has_a_row),
		cmocka_unit_test(test_each_command_has_a_row),
		cmocka_unit_test(test_each_cgroup_has_a_row),
		cmocka_unit_test(test_each_wire_has_a_row),
		cmocka_unit_test(test_programs_of_the_host),
		cmocka_unit_test(test_the_executable_goes_first),
		cmocka_unit_test(test_libraries),
		cmocka_unit_test(test_cgroups_of_the_host),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_nested_names),
		cmocka_unit_test(test_long_cgroups),
		cmocka_unit_test(test_wires_of_the_host),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
