// SPDX-License-Identifier: GPL-2.0-or-later
/* The configuration: what the installed file says, what is understood, and what is refused. */
#include "policy/config.h"
#include "policy/defaults.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define INSTALLED_FILE "conf/lhguard.conf"

static bool known_runtime(const void *data, const char *word)
{
	return !strcmp(word, "kubernetes") || !strcmp(word, "podman") || !strcmp(word, "qemu");
}

/* Loads @text from a file "…/lhguard-test-XXXXXX.conf". */
static int load(const char *text, struct config **config, struct error *error)
{
	char path[] = "/tmp/lhguard-test-XXXXXX.conf";
	int fd = mkstemps(path, strlen(".conf"));
	int ret;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	ret = config_load(path, known_runtime, NULL, config, error);
	unlink(path);
	return ret;
}

static struct config *load_good(const char *text)
{
	struct error error = {.text = ""};
	struct config *config = NULL;

	if (load(text, &config, &error) < 0)
		fail_msg("%s", error.text);
	return config;
}

/* But for where it was read from. */
static void assert_built_in(struct config *config)
{
	struct config *built_in = config_new_default();

	assert_int_equal(config->default_count, built_in->default_count);
	for (size_t i = 0; i < config->default_count; i++) {
		assert_true(selector_equal(&config->defaults[i].selector,
					   &built_in->defaults[i].selector));
		assert_int_equal(config->defaults[i].allow, built_in->defaults[i].allow);
	}
	assert_int_equal(config->mode, built_in->mode);
	assert_int_equal(config->refusal, built_in->refusal);
	assert_memory_equal(&config->loopback, &built_in->loopback, sizeof(config->loopback));
	assert_memory_equal(&config->guests, &built_in->guests, sizeof(config->guests));
	assert_int_equal(config->dhcp, built_in->dhcp);
	assert_int_equal(config->dns, built_in->dns);
	assert_int_equal(config->ping, built_in->ping);
	assert_int_equal(config->neighbour_discovery, built_in->neighbour_discovery);
	assert_int_equal(config->resolver, built_in->resolver);
	assert_string_equal(config->resolv_conf, built_in->resolv_conf);
	assert_int_equal(config->lan_count, built_in->lan_count);
	config_free(built_in);
}

static void built_in_is_what_it_should_be(void **state)
{
	struct config *config = config_new_default();

	assert_int_equal(config->mode, MODE_ENFORCE);
	assert_int_equal(config->refusal, VERDICT_DROP);
	assert_int_equal(config->loopback.settings.number, 27701);
	assert_int_equal(config->guests.settings.number, 27702);
	assert_int_equal(config->loopback.settings.length, 4096);
	assert_int_equal(config->guests.settings.length, 4096);
	assert_false(config->loopback.settings.overflow_accept);
	assert_false(config->guests.settings.overflow_accept);
	assert_true(config->loopback.down_accept);
	assert_false(config->guests.down_accept);
	assert_true(config->dhcp && config->dns && config->ping && config->resolver);
	assert_true(config->neighbour_discovery);
	assert_string_equal(config->resolv_conf, "/etc/resolv.conf");
	assert_int_equal(config->default_count, KIND_COUNT);
	assert_false(config->defaults[KIND_VM].allow);
	assert_false(config->defaults[KIND_CONTAINER].allow);
	assert_true(config->defaults[KIND_SANDBOX].allow);
	assert_true(config->defaults[KIND_LAN].allow);
	assert_false(config->defaults[KIND_UNKNOWN].allow);
	assert_string_equal(config->defaults[KIND_VM].rule, "default for vm");
	assert_string_equal(config->path, "");
	config_free(config);
	config_free(NULL);
}

static void installed_file_changes_nothing(void **state)
{
	struct error error = {.text = ""};
	struct config *config;

	if (config_load(INSTALLED_FILE, known_runtime, NULL, &config, &error) < 0)
		fail_msg("%s", error.text);
	assert_built_in(config);
	assert_string_equal(config->path, INSTALLED_FILE);
	config_free(config);
}

/* An option is "#key = value", prose is "# text". */
static void installed_file_names_each_default(void **state)
{
	static const char *const keys[] = {
		"mode",	     "verdict",
		"number",    "length",
		"overflow",  "down",
		"dhcp",	     "dns",
		"ping",	     "neighbour-discovery",
		"resolver",  "resolv-conf",
		"polkit",    "members-may-change",
		"lan",	     "vm",
		"container", "sandbox",
		"unknown",
	};
	FILE *file = fopen(INSTALLED_FILE, "r");
	char line[256], text[16384] = "\n";
	struct config *config;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		bool option = line[0] == '#' && line[1] != ' ' && line[1] != '\n';

		assert_true(text_append(text, sizeof(text), "%s", line + option));
	}
	fclose(file);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		snprintf(line, sizeof(line), "\n%s =", keys[i]);
		if (!strstr(text, line))
			fail_msg("%s does not name %s", INSTALLED_FILE, keys[i]);
	}
	config = load_good(text);
	assert_built_in(config);
	for (size_t i = 0; i < config->default_count; i++)
		assert_int_not_equal(config->defaults[i].line, 0);
	config_free(config);
}

static void every_option_is_understood(void **state)
{
	struct config *config = load_good("[guard]\nmode = monitor\nverdict = reject\n"
					  "[queue guests]\nnumber = 0\nlength = 1\n"
					  "overflow = accept\ndown = accept\n"
					  "[queue loopback]\nnumber = 65535\nlength = 1048576\n"
					  "overflow = accept\ndown = drop\n"
					  "[infrastructure]\ndhcp = no\ndns = no\nping = no\n"
					  "neighbour-discovery = no\nresolver = no\n"
					  "resolv-conf = /run/resolv ; conf\n"
					  "[control]\npolkit = no\nmembers-may-change = yes\n"
					  "[interfaces]\nlan =  eth0\t wlan0 \n");

	assert_false(config->access.polkit);
	assert_true(config->access.members_change);
	assert_int_equal(config->mode, MODE_MONITOR);
	assert_int_equal(config->refusal, VERDICT_REJECT);
	assert_int_equal(config->guests.settings.number, 0);
	assert_int_equal(config->guests.settings.length, 1);
	assert_true(config->guests.settings.overflow_accept);
	assert_true(config->guests.down_accept);
	assert_int_equal(config->loopback.settings.number, 65535);
	assert_int_equal(config->loopback.settings.length, 1048576);
	assert_true(config->loopback.settings.overflow_accept);
	assert_false(config->loopback.down_accept);
	assert_false(config->dhcp || config->dns || config->ping || config->resolver);
	assert_false(config->neighbour_discovery);
	assert_string_equal(config->resolv_conf, "/run/resolv ; conf");
	assert_int_equal(config->lan_count, 2);
	assert_string_equal(config->lan[0], "eth0");
	assert_string_equal(config->lan[1], "wlan0");
	config_free(config);
}

static bool allows(const struct config *config, enum kind kind, const char *runtime,
		   const char *name)
{
	struct source source = {.class = SOURCE_GUEST, .kind = kind};

	text_copy(source.runtime, sizeof(source.runtime), runtime);
	text_copy(source.name, sizeof(source.name), name);
	return defaults_find(config, &source)->allow;
}

static void narrowest_default_wins(void **state)
{
	struct config *config = load_good("[defaults]\n"
					  "container = allow\n"
					  "vm:devbox = allow\n"
					  "vm:build agent: 2 = allow\n"
					  "podman = deny\n"
					  "podman:web = allow\n"
					  "container:web = deny\n"
					  "kubernetes:* = allow\n"
					  "lan = deny\n");
	struct source lan = {.class = SOURCE_LAN}, shared = {.class = SOURCE_GUEST};

	assert_false(allows(config, KIND_VM, "qemu", "other"));
	assert_true(allows(config, KIND_VM, "qemu", "devbox"));
	assert_true(allows(config, KIND_VM, "qemu", "build agent: 2"));
	assert_true(allows(config, KIND_CONTAINER, "docker", "x"));
	assert_false(allows(config, KIND_CONTAINER, "podman", "x"));
	assert_true(allows(config, KIND_CONTAINER, "podman", "web"));
	assert_false(allows(config, KIND_CONTAINER, "docker", "web"));
	assert_true(allows(config, KIND_VM, "kubernetes", "x"));
	assert_false(defaults_find(config, &lan)->allow);
	shared.kind = KIND_VM;
	shared.shared = true;
	strcpy(shared.name, "devbox");
	assert_false(defaults_find(config, &shared)->allow);
	assert_non_null(
		strstr(defaults_find(config, &lan)->rule, "default for lan (lhguard-test-"));
	assert_non_null(strstr(defaults_find(config, &lan)->rule, ".conf:9)"));
	config_free(config);
}

static void mistakes_are_named(void **state)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
		{"mode = enforce\n", ":1: a key before the first section"},
		{"[gaurd]\n",
		 ":1: unknown section [gaurd]: there are [guard], [queue loopback], "
		 "[queue guests], [infrastructure], [control], [interfaces], [defaults]"},
		{"[guard]\n[guard]\n", ":2: [guard] stands in line 1 already"},
		{"[guard]\nmod = enforce\n", ":2: unknown key \"mod\" in [guard]: there are mode, "
					     "verdict"},
		{"[guard]\nnumber = 1\n", ":2: unknown key \"number\" in [guard]"},
		{"[guard]\nmode = enforce\n\nmode = monitor\n",
		 ":4: mode stands in line 2 already"},
		{"[guard]\nmode =\n", ":2: mode = : write enforce or monitor"},
		{"[guard]\nmode = Enforce\n", ":2: mode = Enforce: write enforce or monitor"},
		{"[guard]\nmode = enforce ; for now\n", ":2: mode = enforce ; for now: write"},
		{"[guard]\nverdict = accept\n", ":2: verdict = accept: write drop or reject"},
		{"[guard]\nmode: enforce\n", ":2: the line is neither"},
		{"[queue guests]\nnumber = 65536\n", ":2: number = 65536: write a number from 0"},
		{"[queue guests]\nnumber = -1\n", ":2: number = -1"},
		{"[queue guests]\nnumber = 0x10\n", ":2: number = 0x10"},
		{"[queue guests]\nnumber = 010\n", ":2: number = 010"},
		{"[queue guests]\nnumber = 99999999999999999999\n", ":2: number = 9"},
		{"[queue guests]\nlength = 0\n", ":2: length = 0: write a number from 1"},
		{"[queue guests]\nlength = 1048577\n", ":2: length = 1048577"},
		{"[queue guests]\noverflow = reject\n",
		 ":2: overflow = reject: write drop or accept"},
		{"[queue guests]\nnumber = 27701\n", ":2: [queue loopback] and [queue guests] both "
						     "have number 27701"},
		{"[queue guests]\nnumber = 5\n[queue loopback]\nnumber = 5\n",
		 ":4: [queue loopback]"},
		{"[infrastructure]\ndns = true\n", ":2: dns = true: write no or yes"},
		{"[infrastructure]\nresolv-conf = etc\n", ":2: resolv-conf = etc: write a path"},
		{"[interfaces]\nlan = eth0 eth0\n", ":2: lan names eth0 twice"},
		{"[interfaces]\nlan = sixteen-letters-\n",
		 ":2: lan = sixteen-letters-: write names"},
		{"[interfaces]\nlan = a b c d e f g h i j k l m n o p q\n",
		 ":2: lan names more than"},
		{"[defaults]\nvm = maybe\n", ":2: vm = maybe: write allow or deny"},
		{"[defaults]\nvm = deny\nvm:* = allow\n", ":3: vm:* stands in line 2 already"},
		{"[defaults]\nvm:a = deny\nvm:a = deny\n", ":3: vm:a stands in line 2 already"},
		{"[defaults]\nkubernets = allow\n", ":2: \"kubernets\" is no kind (vm, container, "
						    "sandbox, lan, unknown) and no runtime"},
		{"[defaults]\ncri:x = allow\n", ":2: \"cri\" is no kind"},
		{"[defaults]\nhost = allow\n", ":2: the host's own processes"},
		{"[defaults]\nany = allow\n", ":2: \"any\" has no default"},
		{"[defaults]\niface:lo = allow\n", ":2: \"iface:lo\" has no default"},
		{"[defaults]\nguest:7 = allow\n", ":2: \"guest:7\" has no default"},
		{"[defaults]\nconduit:pasta = allow\n", ":2: \"conduit:pasta\" has no default"},
		{"[defaults]\nvm: = allow\n", ":2: there is no name"},
		{"[defaults]\nvm\n", ":2: the line is neither"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct error error = {.text = ""};
		struct config *config = NULL;

		if (load(cases[i].text, &config, &error) != -EINVAL)
			fail_msg("case %zu was taken", i);
		if (!strstr(error.text, cases[i].reason))
			fail_msg("case %zu: \"%s\" does not say \"%s\"", i, error.text,
				 cases[i].reason);
		assert_null(config);
		assert_int_equal(strncmp(error.text, "/tmp/lhguard-test-", 18), 0);
	}
}

static void odd_paths_are_refused(void **state)
{
	struct error error = {.text = ""};
	struct config *config = NULL;
	char path[400] = "/tmp/";

	assert_int_equal(config_load("/nowhere/lhguard.conf", NULL, NULL, &config, &error),
			 -ENOENT);
	assert_non_null(strstr(error.text, "/nowhere/lhguard.conf: No such file"));
	assert_int_equal(config_load("/tmp", NULL, NULL, &config, &error), -EINVAL);
	memset(path + 5, 'x', sizeof(path) - 6);
	assert_int_equal(config_load(path, NULL, NULL, &config, &error), -ENAMETOOLONG);
	assert_null(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(built_in_is_what_it_should_be),
		cmocka_unit_test(installed_file_changes_nothing),
		cmocka_unit_test(installed_file_names_each_default),
		cmocka_unit_test(every_option_is_understood),
		cmocka_unit_test(narrowest_default_wins),
		cmocka_unit_test(mistakes_are_named),
		cmocka_unit_test(odd_paths_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
