// SPDX-License-Identifier: GPL-2.0-or-later
/* policy/services: the files of names, and names in the place of ports. */
#include "policy/services.h"
#include "util/array.h"
#include "util/mistakes.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define GOOD                                                                                       \
	"[chrome-devtools]\ntitle = Chrome DevTools\nports = tcp/9222\nsensitive = yes\n"          \
	"[dns]\ntitle = Name service\nports = 53\n"                                                \
	"[vnc]\nports = tcp/5900-5910\nsensitive = yes\n"

static char root[64], installed[128], folder[128];
static struct services *services;
static struct error error;

static int set_up(void **state)
{
	strcpy(root, "/tmp/lhguard-test-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	snprintf(installed, sizeof(installed), "%s/services.conf", root);
	snprintf(folder, sizeof(folder), "%s/services.d", root);
	services = services_new();
	return services ? 0 : -1;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
	return remove(path);
}

static int tear_down(void **state)
{
	services_free(services);
	return nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fputs(text, file) >= 0, 1);
	fclose(file);
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
	assert_int_equal(services_read(services, installed, folder), 0);
}

static void load_whole(void)
{
	load();
	if (services_failure(services))
		fail_msg("%s", services_failure(services));
}

static const char *at_port(uint8_t protocol, uint16_t port)
{
	const struct known_service *known = services_of_port(services, protocol, port);

	return known ? known->name : "none";
}

static const char *parsed(const char *text)
{
	static char result[SERVICE_TEXT_SIZE];
	struct service service;

	error.text[0] = '\0';
	if (services_parse(services, text, &service, &error))
		return "refused";
	return service_format(result, sizeof(result), &service);
}

static void what_the_file_says_is_known(void **state)
{
	const struct known_service *known;

	write_file(installed, GOOD);
	load_whole();
	known = services_named(services, "chrome-devtools");
	assert_non_null(known);
	assert_string_equal(known->title, "Chrome DevTools");
	assert_true(known->sensitive);
	known = services_at(services, 1);
	assert_string_equal(known->name, "dns");
	assert_false(known->sensitive);
	assert_string_equal(services_named(services, "vnc")->title, "");
	assert_null(services_at(services, 3));
	assert_null(services_named(services, "chrome"));
}

static void a_port_is_what_is_narrowest(void **state)
{
	write_file(installed, GOOD "[screen]\nports = tcp/5901\n[also]\nports = tcp/9222\n");
	load_whole();
	assert_string_equal(at_port(IPPROTO_TCP, 9222), "chrome-devtools");
	assert_string_equal(at_port(IPPROTO_UDP, 9222), "none");
	assert_string_equal(at_port(IPPROTO_UDP, 53), "dns");
	assert_string_equal(at_port(IPPROTO_TCP, 53), "dns");
	assert_string_equal(at_port(IPPROTO_TCP, 5900), "vnc");
	assert_string_equal(at_port(IPPROTO_TCP, 5901), "screen");
	assert_string_equal(at_port(IPPROTO_TCP, 5910), "vnc");
	assert_string_equal(at_port(IPPROTO_TCP, 5911), "none");
	add_file("own.conf", "[ours]\nports = tcp/9222\n[more]\nports = tcp/9222\n"
			     "[all]\nports = 1-65535\n");
	load_whole();
	assert_string_equal(at_port(IPPROTO_TCP, 9222), "ours");
	assert_string_equal(at_port(IPPROTO_TCP, 5911), "all");
	assert_string_equal(at_port(IPPROTO_ICMP, 0), "none");
}

static void a_later_file_changes_what_it_names(void **state)
{
	write_file(installed, GOOD);
	add_file("10.conf", "[chrome-devtools]\nports = tcp/9333\n[new]\nports = udp/7\n");
	add_file("20.conf", "[chrome-devtools]\nsensitive = no\n");
	add_file(".hidden.conf", "what");
	add_file("20.conf.old", "what");
	load_whole();
	assert_string_equal(parsed("chrome-devtools"), "tcp/9333");
	assert_string_equal(services_named(services, "chrome-devtools")->title, "Chrome DevTools");
	assert_false(services_named(services, "chrome-devtools")->sensitive);
	assert_string_equal(parsed("new"), "udp/7");
	assert_string_equal(at_port(IPPROTO_TCP, 9222), "none");
}

static void reading_again_forgets(void **state)
{
	write_file(installed, GOOD);
	add_file("10.conf", "[new]\nports = udp/7\nwrong\n");
	load();
	assert_non_null(services_failure(services));
	assert_non_null(services_named(services, "new"));
	add_file("10.conf", "");
	load_whole();
	assert_null(services_named(services, "new"));
	assert_non_null(services_named(services, "dns"));
}

static void a_mistake_is_named_and_the_rest_is_in_force(void **state)
{
	static const struct {
		const char *lines;
		const char *told;
	} cases[] = {
		{"[a]\nports = tcp/1-\n", ":12: \"\" is no port"},
		{"[a]\nports = *\n", ":12: ports = *: a service has ports of its own"},
		{"[a]\nports = tcp/*\n", ":12: ports = tcp/*: a service has ports of its own"},
		{"[a]\nports = 127.0.0.1:80\n", ":12: ports = 127.0.0.1:80: a service has no"},
		{"[a]\nports = [::]:80\n", ":12: ports = [::]:80: a service has no address"},
		{"[a]\nports = 80, 443\n", ":12: \"80, 443\" is no service"},
		{"[a]\nports = 80\nports = 443\n", ":13: [a] has ports already"},
		{"[a]\nports = 80\nsensitive = maybe\n", ":13: sensitive = maybe: write yes or no"},
		{"[a]\nports = 80\nport = 80\n", ":13: unknown key port: write title, ports or"},
		{"[a]\n[b]\nports = 80\n", ":11: [a] has no ports: it is left out"},
		{"[A]\nports = 80\n", ":11: [A] is no service's name"},
		{"[1a]\nports = 80\n", ":11: [1a] is no service's name"},
		{"[a:b]\nports = 80\n", ":11: [a:b] is no service's name"},
		{"[a b]\nports = 80\n", ":11: [a b] is no service's name"},
		{"[abcdefghijklmnopqrstuvwxyzabcdef]\nports = 80\n",
		 ":11: [abcdefghijklmnopqrstuv"},
		{"[b]\nports = 80\ntitle = "
		 "0123456789012345678901234567890123456789012345678"
		 "90123456789012345678901234567890123456789012345\n",
		 ""},
		{"[b]\nports = 80\ntitle = "
		 "0123456789012345678901234567890123456789012345678"
		 "901234567890123456789012345678901234567890123456\n",
		 ":13: the title is longer than 95 bytes"},
		{"nothing\n", ":11: the line is neither"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[1024];
		const char *failure;

		snprintf(text, sizeof(text), "%s%s", GOOD, cases[i].lines);
		write_file(installed, text);
		load();
		failure = services_failure(services);
		if (!*cases[i].told && !failure)
			continue;
		if (!failure || strncmp(failure, installed, strlen(installed)) ||
		    strncmp(failure + strlen(installed), cases[i].told, strlen(cases[i].told)))
			fail_msg("%s: %s", cases[i].lines, failure);
		assert_string_equal(services_mistake(services, 0), failure);
		assert_null(services_mistake(services, 1));
		assert_string_equal(parsed("chrome-devtools"), "tcp/9222");
		assert_string_equal(parsed("vnc"), "tcp/5900-5910");
	}
}

static void a_key_without_a_section_is_a_mistake(void **state)
{
	write_file(installed, "ports = 80\n" GOOD);
	load();
	assert_non_null(strstr(services_failure(services), ":1: a key before the first section"));
	assert_string_equal(parsed("dns"), "53");
}

/* What a section that is left out says must not go to the one above it. */
static void a_section_with_a_mistake_takes_its_lines_along(void **state)
{
	write_file(installed, GOOD "[Bad]\nsensitive = no\nports = tcp/1\n[x\nports = tcp/2\n");
	load();
	assert_string_equal(parsed("vnc"), "tcp/5900-5910");
	assert_true(services_named(services, "vnc")->sensitive);
	assert_string_equal(services_mistake(services, 1) + strlen(installed),
			    ":14: the section's name has no \"]\" at its end");
}

static void many_mistakes_are_counted(void **state)
{
	FILE *file;

	write_file(installed, GOOD);
	file = fopen(installed, "a");
	assert_non_null(file);
	for (int i = 0; i < 100; i++)
		fputs("wrong\n", file);
	fclose(file);
	load();
	assert_non_null(strstr(services_failure(services), "(and 99 more)"));
	assert_non_null(services_mistake(services, MISTAKES_MAX - 1));
	assert_null(services_mistake(services, MISTAKES_MAX));
}

static void too_many_are_told(void **state)
{
	FILE *file = fopen(installed, "w");

	assert_non_null(file);
	for (int i = 0; i <= SERVICES_MAX; i++)
		fprintf(file, "[s%d]\nports = tcp/%d\n", i, i + 1);
	fclose(file);
	load();
	assert_non_null(strstr(services_failure(services), "there are more than 512 services"));
	assert_string_equal(parsed("s511"), "tcp/512");
	assert_string_equal(parsed("s512"), "refused");
}

static void without_files_there_are_no_names(void **state)
{
	load();
	assert_non_null(strstr(services_failure(services), "services.conf: No such file"));
	assert_null(services_at(services, 0));
	assert_string_equal(parsed("dns"), "refused");
	assert_string_equal(parsed("tcp/53"), "tcp/53");
	add_file("own.conf", GOOD);
	load();
	assert_string_equal(parsed("dns"), "53");
}

/* Names in the place of ports. */

static void a_name_stands_for_protocol_and_ports(void **state)
{
	static const struct {
		const char *text;
		const char *service;
	} cases[] = {
		{"chrome-devtools", "tcp/9222"},
		{"127.0.0.1:chrome-devtools", "tcp/127.0.0.1:9222"},
		{"[::1]:chrome-devtools", "tcp/[::1]:9222"},
		{"10.0.0.0/8:dns", "10.0.0.0/8:53"},
		{"[fd00::/64]:vnc", "tcp/[fd00::/64]:5900-5910"},
		{"tcp/9222", "tcp/9222"},
		{"*", "*"},
		{"udp/127.0.0.1:53", "udp/127.0.0.1:53"},
		{"10.0.0.1/8:dns", "refused"},
		{"tcp/dns", "refused"},
		{"tcp/10.0.0.1:dns", "refused"},
		{"localhost:dns", "refused"},
		{"::1:dns", "refused"},
		{"[::1]dns", "refused"},
		{":dns", "refused"},
		{"dns ", "refused"},
		{"DNS", "refused"},
		{"fe80::a", "refused"},
		{"", "refused"},
	};

	write_file(installed, GOOD);
	load_whole();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (strcmp(parsed(cases[i].text), cases[i].service))
			fail_msg("%s is %s", cases[i].text, parsed(cases[i].text));
		assert_int_equal(!strcmp(cases[i].service, "refused"), *error.text != '\0');
	}
}

static void an_unknown_name_is_told_with_the_nearest(void **state)
{
	char long_name[400];

	write_file(installed, GOOD);
	load_whole();
	assert_string_equal(parsed("chrome-devtool"), "refused");
	assert_string_equal(error.text,
			    "no service is called \"chrome-devtool\": do you mean "
			    "chrome-devtools? Ports can be written, too, e.g. tcp/9222");
	assert_string_equal(parsed("127.0.0.1:chrom-devtools"), "refused");
	assert_non_null(strstr(error.text, "\"chrom-devtools\": do you mean chrome-devtools?"));
	assert_string_equal(parsed("zzzzzz"), "refused");
	assert_non_null(strstr(error.text, "see services.conf(5)"));
	memset(long_name, 'a', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	assert_string_equal(parsed(long_name), "refused");
	assert_int_equal(services_parse(NULL, "dns", &(struct service){0}, &error), -22);
}

/* No name means ports by itself, whatever the loader takes. */
static void names_and_ports_are_never_the_same_text(void **state)
{
	const struct known_service *known;

	write_file(installed, GOOD "[a]\nports = 1\n[abc]\nports = 2\n[f-0]\nports = 3\n");
	load_whole();
	for (size_t i = 0; (known = services_at(services, i)); i++) {
		struct service service;

		assert_true(service_parse(known->name, &service, &error) < 0);
		assert_ptr_equal(service_name_in(known->name), known->name);
	}
}

/* The installed file: no mistake, no port that two services of equal width have. */
static void the_installed_names_are_good(void **state)
{
	const struct known_service *known;
	size_t i;

	strcpy(installed, "conf/services.conf");
	load_whole();
	for (i = 0; (known = services_at(services, i)); i++) {
		uint8_t protocol = known->service.protocol;

		if (services_of_port(services, protocol ? protocol : IPPROTO_TCP,
				     known->service.last) != known)
			fail_msg("%s has the port of another one", known->name);
		assert_string_not_equal(known->title, "");
	}
	assert_true(i > 80);
	for (i = 0; i < 12; i++) {
		static const uint16_t ports[] = {9222, 9229, 2375, 2376, 11434, 8888,
						 6274, 6277, 5037, 6379, 5432,	22};

		known = services_of_port(services, IPPROTO_TCP, ports[i]);
		if (!known || !known->sensitive)
			fail_msg("%u is not sensitive", ports[i]);
	}
}

/* As lhguard check reads one that is not installed yet. */
static void one_file_stands_for_a_folder(void **state)
{
	char path[200];

	write_file(installed, GOOD);
	snprintf(path, sizeof(path), "%s/own.conf", root);
	write_file(path, "[dns]\ntitle = Our own\n[ours]\nports = tcp/99000\n");
	assert_int_equal(services_read(services, installed, path), 0);
	assert_string_equal(services_named(services, "dns")->title, "Our own");
	assert_non_null(services_named(services, "vnc"));
	assert_non_null(strstr(services_mistake(services, 0), "own.conf:4: "));
	assert_null(services_mistake(services, 1));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_the_file_says_is_known),
		TEST(one_file_stands_for_a_folder),
		TEST(a_port_is_what_is_narrowest),
		TEST(a_later_file_changes_what_it_names),
		TEST(reading_again_forgets),
		TEST(a_mistake_is_named_and_the_rest_is_in_force),
		TEST(a_key_without_a_section_is_a_mistake),
		TEST(a_section_with_a_mistake_takes_its_lines_along),
		TEST(many_mistakes_are_counted),
		TEST(too_many_are_told),
		TEST(without_files_there_are_no_names),
		TEST(a_name_stands_for_protocol_and_ports),
		TEST(an_unknown_name_is_told_with_the_nearest),
		TEST(names_and_ports_are_never_the_same_text),
		TEST(the_installed_names_are_good),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
