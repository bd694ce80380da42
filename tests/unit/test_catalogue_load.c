// SPDX-License-Identifier: GPL-2.0-or-later
/* The catalogue's files: mistakes are named and left out, the folder adds and overrides. */
#include "guests/catalogue.h"
#include "util/array.h"
#include "util/error.h"

#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define GOOD                                                                                       \
	"[qemu]\nkind = vm\nprogram = vmm qemu-system-*\nname = qemu -name\nmac = 52:54:00\n"      \
	"[docker]\nkind = container\ncgroup = docker-{id}.scope\ninterface = docker*\n"
#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static char root[64], installed[128], folder[128];
static struct catalogue *catalogue;
static struct error error;

static int set_up(void **state)
{
	strcpy(root, "/tmp/lhguard-test-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	snprintf(installed, sizeof(installed), "%s/guests.conf", root);
	snprintf(folder, sizeof(folder), "%s/guests.d", root);
	catalogue = NULL;
	return 0;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
	return remove(path);
}

static int tear_down(void **state)
{
	catalogue_free(catalogue);
	return nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void write_bytes(const char *path, const char *text, size_t length)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	fclose(file);
}

static void write_file(const char *path, const char *text)
{
	write_bytes(path, text, strlen(text));
}

static void add_file(const char *name, const char *text)
{
	char path[256];

	mkdir(folder, 0755);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	write_file(path, text);
}

static void load(void)
{
	catalogue_free(catalogue);
	catalogue = NULL;
	error.text[0] = '\0';
	if (catalogue_load(&catalogue, installed, folder, &error))
		fail_msg("%s", error.text);
}

static const char *program(const char *path)
{
	const struct program *found = catalogue_program(catalogue, path, "", "");

	return found ? found->runtime : "none";
}

static const char *cgroup(const char *path)
{
	struct cgroup_match match;

	return catalogue_cgroup(catalogue, path, &match) ? match.runtime : "none";
}

static void assert_good_is_in_force(void)
{
	assert_string_equal(program("/usr/bin/qemu-system-x86_64"), "qemu");
	assert_string_equal(cgroup("/docker-" HEX64 ".scope"), "docker");
}

static void without_a_folder_nothing_is_wrong(void **state)
{
	write_file(installed, GOOD);
	load();
	assert_null(catalogue_failure(catalogue));
	assert_null(catalogue_mistake(catalogue, 0));
	assert_good_is_in_force();
	assert_string_equal(catalogue_interface(catalogue, "docker0")->word, "docker");
}

/* Each mistake is named with its line; the line before and the line after it hold. */
static void mistakes_are_named_and_left_out(void **state)
{
	static const struct {
		const char *lines, *told;
	} cases[] = {
		{"kind = host", ":11: kind = host: write vm, container, container vm or sandbox"},
		{"kind = lan", ":11: kind = lan"},
		{"kind =", ":11: kind has no value"},
		{"knid = vm", ":11: unknown key \"knid\": there are kind, program"},
		{"program = guest x", ":11: \"guest\" is no role: write vmm, conduit"},
		{"program = vmm", ":11: there is no program behind \"vmm\""},
		{"program = vmm *", ":11: \"*\" is every program"},
		{"program = host ?*", ":11: \"?*\" is every program"},
		{"kind = vm container", ":11: kind = vm container: write vm, container, "},
		{"command = vm x y", ":11: \"vm\" is no role: write vmm"},
		{"command = vmm x", ":11: write a role, a program and an argument"},
		{"command = vmm", ":11: write a role, a program and an argument"},
		{"command = vmm * y", ":11: \"*\" is every program"},
		{"command = vmm x y *", ":11: \"*\" is no argument that tells anything"},
		{"cgroup = *", ":11: \"*\" is every cgroup"},
		{"cgroup = a/b/{id}", ":11: cgroup = a/b/{id}: write the guest's own node"},
		{"cgroup = /{id}", ":11: a part of the pattern is empty"},
		{"cgroup = {id}/x", ":11: a placeholder stands above"},
		{"cgroup = x-{nmae}", ":11: \"{nmae}\" is no placeholder: there are {id}"},
		{"cgroup = *a*{name}x", ":11: \"*a*{name}x\" has more than 2 parts"},
		{"cgroup = a b", ":11: cgroup = a b: write ? for a blank"},
		{"interface = *", ":11: \"*\" is no pattern of an interface's name"},
		{"interface = sixteen-letters-x", ":11: \"sixteen-letters-x\" is no pattern"},
		{"mac = 08:00:2", ":11: \"08:00:2\" is no start of a MAC address"},
		{"mac = 08:00:27:", ":11: \"08:00:27:\" is no start"},
		{"mac = 1:2", ":11: \"1:2\" is no start"},
		{"mac = 01:02:03:04:05:06:07", ":11: \"01:02:03:04:05:06:07\" is no start"},
		{"name = whim x", ":11: \"whim\" is no way to find a name: write argument"},
		{"name = argument", ":11: name = argument: behind it stands one option"},
		{"name = last word", ":11: name = last: nothing stands behind it"},
		{"name = comm {nmae}", ":11: name = comm: \"{nmae}\" is no placeholder"},
		{"name = json /x", ":11: name = json: behind it stand a path and one or two keys"},
		{"name = json x y", ":11: name = json: \"x\" is no path from / or {home}/ on"},
		{"name = json {home}x y", ":11: name = json: \"{home}x\" is no path"},
		{"name = json /a*/x y", ":11: name = json: a * stands for the whole name"},
		{"name = json /*/*/*/x y", ":11: name = json: a * stands for the whole name"},
		{"name = json /x/* y", ":11: name = json: a * stands for the whole name"},
		{"name = json /x/{uid} y",
		 ":11: name = json: {uid} stands at the end of a folder's"},
		{"name = json /*/{uid}/x y", ":11: name = json: {uid} stands at the end"},
		{"name = json {home}/{uid}/x y", ":11: name = json: {uid} stands at the end"},
		{"name = annotations /x name", ":11: name = annotations: behind it stand a path"},
		{"name = annotations /x {a", ":11: name = annotations: behind it stand a path"},
		{"name = annotations /x {}", ":11: name = annotations: behind it stand a path"},
		{"name = annotations /x {a}}", ":11: name = annotations: behind it stand a path"},
		{"name = annotations x {a}", ":11: name = annotations: \"x\" is no path"},
		{"name = folder /*/x {name}-{id}", ":11: name = folder: behind it stand a path"},
		{"name = json-list /x id", ":11: name = json-list: behind it stand a path"},
		{"name = folder /x {name}", ":11: name = folder: there is no {id}"},
		{"id = -c", ":11: write argument and the option"},
		{"keeper = containerd moby", ":11: write the runtime of its supervisors"},
		{"reset = yes", ":11: reset has to be the first line"},
		{"what is this", ":11: the line is neither"},
		{" kind = vm", ":11: the line starts with white space"},
		{"kind = v\x01m", ":11: the line holds a control character"},
		{"= vm", ":11: there is no key"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[1024];

		snprintf(text, sizeof(text),
			 GOOD "program = conduit before\n%s\nprogram = conduit after\n",
			 cases[i].lines);
		write_file(installed, text);
		load();
		if (!catalogue_failure(catalogue))
			fail_msg("%s: no mistake", cases[i].lines);
		if (strncmp(catalogue_failure(catalogue), installed, strlen(installed)) ||
		    strncmp(catalogue_failure(catalogue) + strlen(installed), cases[i].told,
			    strlen(cases[i].told)))
			fail_msg("%s: %s", cases[i].lines, catalogue_failure(catalogue));
		assert_string_equal(catalogue_mistake(catalogue, 0), catalogue_failure(catalogue));
		assert_null(catalogue_mistake(catalogue, 1));
		assert_good_is_in_force();
		assert_string_equal(program("/x/before"), "docker");
		assert_string_equal(program("/x/after"), "docker");
	}
}

/* Of a line with a mistake no word holds, not even those before it; lines of earlier files do. */
static void a_line_holds_as_a_whole(void **state)
{
	static const uint8_t mac[] = {0x00, 0x0c, 0x29, 1, 2, 3};

	write_file(installed, GOOD "program = vmm before\n"
				   "program = vmm first **\n"
				   "interface = first* */x\n"
				   "mac = 00:0c:29 00:0c:2\n");
	load();
	assert_non_null(strstr(catalogue_mistake(catalogue, 0), ":11: "));
	assert_non_null(strstr(catalogue_mistake(catalogue, 2), ":13: "));
	assert_good_is_in_force();
	assert_string_equal(program("/x/before"), "docker");
	assert_string_equal(program("/x/first"), "none");
	assert_null(catalogue_interface(catalogue, "first0"));
	assert_string_equal(catalogue_interface(catalogue, "docker0")->word, "docker");
	assert_null(catalogue_mac(catalogue, mac));

	write_file(installed, GOOD);
	add_file("a.conf", "[docker]\nprogram = vmm added ?\nprogram = vmm other\n");
	load();
	assert_good_is_in_force();
	assert_string_equal(program("/x/added"), "none");
	assert_string_equal(program("/x/other"), "docker");
}

/* What follows a broken section line is not taken for the section before. */
static void mistakes_in_section_lines(void **state)
{
	static const char *const lines[] = {
		"[docker",  "[]",
		"[Docker]", "[vm]",
		"[host]",   "[iface]",
		"[any]",    "[a]b",
		"[a b]",    "[xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx]",
	};

	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		char text[1024];

		snprintf(text, sizeof(text),
			 GOOD "%s\nkind = vm\nreset = no\nprogram = vmm lost\n"
			      "[last]\nkind = vm\nprogram = vmm last\n",
			 lines[i]);
		write_file(installed, text);
		load();
		if (!catalogue_failure(catalogue))
			fail_msg("%s: no mistake", lines[i]);
		assert_non_null(strstr(catalogue_failure(catalogue), "guests.conf:10: "));
		assert_null(catalogue_mistake(catalogue, 1)); /* and told once */
		assert_good_is_in_force();
		assert_string_equal(program("/x/lost"), "none");
		assert_string_equal(program("/x/last"), "last");
		assert_int_equal(catalogue_runtime(catalogue, "docker")->kind, KIND_CONTAINER);
	}
}

static void mistakes_in_bytes(void **state)
{
	char text[2048] = GOOD "program = conduit ";
	size_t length = strlen(text);

	memset(text + length, 'x', 500);
	memcpy(text + length + 500, "\nprogram = conduit after\n", 26);
	write_file(installed, text);
	load();
	assert_non_null(strstr(catalogue_failure(catalogue), ":10: the line is longer than 198"));
	assert_null(catalogue_mistake(catalogue, 1));
	assert_string_equal(program("/x/after"), "docker");

	memcpy(text + length, "a\0b\nprogram = conduit after\n", 29);
	write_bytes(installed, text, length + 28);
	load();
	assert_non_null(strstr(catalogue_failure(catalogue), ":10: the line holds a NUL byte"));
	assert_string_equal(program("/x/after"), "docker");
	assert_string_equal(program("/x/a"), "none");
}

static void a_runtime_without_a_kind_is_left_out(void **state)
{
	write_file(installed, GOOD "[nothing]\nprogram = vmm nothing\ncgroup = nothing-{id}\n");
	load();
	assert_non_null(strstr(catalogue_failure(catalogue), ":10: [nothing] has no kind"));
	assert_string_equal(program("/x/nothing"), "none");
	assert_string_equal(cgroup("/nothing-" HEX64), "none");
	assert_good_is_in_force();
}

static void many_mistakes_are_counted(void **state)
{
	char text[8192] = GOOD;

	for (int i = 0; i < 100; i++)
		strcat(text, "nonsense\n");
	write_file(installed, text);
	load();
	assert_non_null(strstr(catalogue_failure(catalogue), ":10: "));
	assert_non_null(strstr(catalogue_failure(catalogue), "(and 99 more)"));
	assert_non_null(catalogue_mistake(catalogue, 15));
	assert_null(catalogue_mistake(catalogue, 16));
	assert_good_is_in_force();
}

static void a_full_table_is_told(void **state)
{
	char *text = calloc(1, 65536);

	strcpy(text, GOOD);
	for (int i = 0; i < 600; i++)
		sprintf(text + strlen(text), "program = conduit many-%d\n", i);
	write_file(installed, text);
	load();
	free(text);
	assert_non_null(strstr(catalogue_failure(catalogue), "there are more than 512 programs"));
	assert_good_is_in_force();
	assert_string_equal(program("/x/many-510"), "docker");
	assert_string_equal(program("/x/many-511"), "none");
}

/* A runtime needs no C. */
static void the_folder_adds(void **state)
{
	const struct program *found;

	write_file(installed, GOOD);
	add_file("own.conf",
		 "[ourvm]\nkind = vm\nprogram = vmm ourvm\ncgroup = ourvm-{name}.scope\n"
		 "name = argument --vm-name\nmac = 02:aa\n"
		 "[docker]\ncgroup = our-{id}.scope\n");
	add_file("ignored.txt", "[qemu]\nreset = yes\n");
	add_file(".hidden.conf", "[qemu]\nreset = yes\n");
	load();
	assert_null(catalogue_failure(catalogue));
	assert_good_is_in_force();
	found = catalogue_program(catalogue, "/opt/ourvm", "", "");
	assert_non_null(found);
	assert_int_equal(found->kind, KIND_VM);
	assert_string_equal(found->description->names[0].option, "--vm-name");
	assert_string_equal(cgroup("/ourvm-a.scope"), "ourvm");
	assert_string_equal(cgroup("/our-" HEX64 ".scope"), "docker");
	assert_true(catalogue_knows_runtime(catalogue, "ourvm"));
}

static void later_files_go_first(void **state)
{
	static const uint8_t mac[MAC_SIZE] = {0x52, 0x54, 0x00, 1, 2, 3};

	write_file(installed, GOOD);
	add_file("10.conf", "[ten]\nkind = vm\nprogram = vmm qemu-system-*\nname = last\n"
			    "[qemu]\nname = argument --first\nname = argument --second\n");
	load();
	assert_string_equal(program("/usr/bin/qemu-system-x86_64"), "ten");
	assert_string_equal(catalogue_runtime(catalogue, "qemu")->names[0].option, "--first");
	assert_string_equal(catalogue_runtime(catalogue, "qemu")->names[1].option, "--second");
	assert_int_equal(catalogue_runtime(catalogue, "qemu")->names[2].style, NAME_QEMU);
	add_file("20.conf", "[twenty]\nkind = container\nprogram = conduit qemu-system-x86_64\n"
			    "mac = 52:54\n[qemu]\nkind = container\n");
	load();
	assert_string_equal(program("/usr/bin/qemu-system-x86_64"), "twenty");
	assert_string_equal(program("/usr/bin/qemu-system-arm"), "ten");
	assert_int_equal(catalogue_runtime(catalogue, "qemu")->kind, KIND_CONTAINER);
	/* … but of MAC prefixes the longest. */
	assert_string_equal(catalogue_mac(catalogue, mac)->word, "qemu");
}

static void reset_forgets_what_was_before(void **state)
{
	write_file(installed, GOOD "id = argument -x\nkeeper = containerd\n");
	load();
	assert_string_equal(catalogue_runtime(catalogue, "docker")->keeper, "containerd");
	add_file("own.conf", "[docker]\nreset = yes\ncgroup = mine-{id}.scope\n"
			     "[qemu]\nreset = yes\n");
	load();
	assert_null(catalogue_failure(catalogue));
	assert_string_equal(cgroup("/docker-" HEX64 ".scope"), "none");
	assert_string_equal(cgroup("/mine-" HEX64 ".scope"), "docker");
	assert_null(catalogue_interface(catalogue, "docker0"));
	assert_string_equal(catalogue_runtime(catalogue, "docker")->id_option, "");
	assert_string_equal(catalogue_runtime(catalogue, "docker")->keeper, "");
	assert_string_equal(program("/usr/bin/qemu-system-x86_64"), "none");
	assert_int_equal(catalogue_runtime(catalogue, "qemu")->name_count, 0);
	assert_true(catalogue_knows_runtime(catalogue, "qemu"));
}

/* A mistake in one file takes nothing away from the others. */
static void mistakes_in_the_folder(void **state)
{
	char path[256];

	write_file(installed, GOOD);
	add_file("a.conf", "[a\nkind = vm\n[b]\nkind = vm\nprogram = vmm b\nprogram = vmm\n");
	add_file("c.conf", "[c]\nkind = vm\nprogram = vmm c\n");
	snprintf(path, sizeof(path), "%s/d.conf", folder);
	assert_int_equal(mkdir(path, 0755), 0);
	load();
	assert_non_null(strstr(catalogue_mistake(catalogue, 0), "guests.d/a.conf:1: "));
	assert_non_null(strstr(catalogue_mistake(catalogue, 1), "guests.d/a.conf:6: "));
	assert_non_null(strstr(catalogue_mistake(catalogue, 2), "guests.d/d.conf: not a regular"));
	assert_null(catalogue_mistake(catalogue, 3));
	assert_good_is_in_force();
	assert_string_equal(program("/x/b"), "b");
	assert_string_equal(program("/x/c"), "c");
}

static void without_the_installed_file_nothing_is_recognised(void **state)
{
	add_file("own.conf", GOOD);
	assert_int_equal(catalogue_load(&catalogue, installed, folder, &error), -ENOENT);
	assert_non_null(strstr(error.text, "guests.conf: No such file"));
	assert_null(catalogue);
	write_file(installed, "");
	assert_int_equal(catalogue_load(&catalogue, installed, "/nowhere", &error), -EINVAL);
	assert_non_null(strstr(error.text, "describes no runtime"));
	write_file(installed, "nonsense\n");
	assert_int_equal(catalogue_load(&catalogue, installed, "/nowhere", &error), -EINVAL);
	assert_non_null(strstr(error.text, "guests.conf:1: "));
	assert_null(catalogue);
	catalogue_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_a_folder_nothing_is_wrong),
		TEST(mistakes_are_named_and_left_out),
		TEST(a_line_holds_as_a_whole),
		TEST(mistakes_in_section_lines),
		TEST(mistakes_in_bytes),
		TEST(a_runtime_without_a_kind_is_left_out),
		TEST(many_mistakes_are_counted),
		TEST(a_full_table_is_told),
		TEST(the_folder_adds),
		TEST(later_files_go_first),
		TEST(reset_forgets_what_was_before),
		TEST(mistakes_in_the_folder),
		TEST(without_the_installed_file_nothing_is_recognised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
