// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/notify/known: an alert names a port as the daemon does, whatever files say so. */
#include "cli/notify/known.h"
#include "control/control.h"
#include "control/streams.h"
#include "policy/services.h"
#include "util/array.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define INSTALLED                                                                                  \
	"[wide]\nports = tcp/9000-9100\nsensitive = yes\n"                                         \
	"[devtools]\ntitle = Installed\nports = tcp/9222\n"                                        \
	"[upper]\ntitle = Upper\nports = tcp/7000\nsensitive = yes\n"                              \
	"[lower]\ntitle = Lower\nports = tcp/7000\n"                                               \
	"[named-again]\ntitle = Named again\nports = tcp/8000\n"                                   \
	"[narrow]\ntitle = Narrow\nports = tcp/9050\n"

static char root[64], path[3][128];
static struct services *services;
static struct known *known;

static void write_file(size_t i, const char *name, const char *text)
{
	FILE *file;

	snprintf(path[i], sizeof(path[i]), "%s/%s", root, name);
	file = fopen(path[i], "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	fclose(file);
}

/* The agent has what ListServices answers. */
static int set_up(void **state)
{
	struct stream stream = {.type = STREAM_SERVICES};
	char folder[128];
	json_t *answer;

	strcpy(root, "/tmp/lhguard-test-XXXXXX");
	assert_non_null(mkdtemp(root));
	snprintf(folder, sizeof(folder), "%s/services.d", root);
	assert_int_equal(mkdir(folder, 0755), 0);
	write_file(0, "services.conf", INSTALLED);
	write_file(1, "services.d/10.conf",
		   "[ours]\ntitle = Ours\nports = tcp/9222\nsensitive = yes\n"
		   "[other]\ntitle = Other\nports = tcp/8000\n");
	write_file(2, "services.d/20.conf", "[named-again]\nsensitive = yes\n");
	services = services_new();
	assert_non_null(services);
	assert_int_equal(services_read(services, path[0], folder), 0);
	assert_null(services_failure(services));
	answer = stream_next(&(struct control_settings){.services = services}, &stream);
	known = known_new(json_object_get(json_object_get(answer, "parameters"), "services"));
	assert_non_null(known);
	json_decref(answer);
	for (size_t i = 0; i < ARRAY_SIZE(path); i++)
		unlink(path[i]);
	rmdir(folder);
	return rmdir(root);
}

static int tear_down(void **state)
{
	known_free(known);
	services_free(services);
	return 0;
}

static void check(uint16_t port, const char *title, bool sensitive)
{
	const struct known_service *daemons = services_of_port(services, IPPROTO_TCP, port);
	json_t *service = json_pack("{s:s, s:i}", "protocol", "tcp", "port", port);
	bool is_sensitive;
	const char *text = known_title(known, service, &is_sensitive);

	json_decref(service);
	assert_non_null(daemons);
	assert_non_null(text);
	assert_string_equal(text, *daemons->title ? daemons->title : daemons->name);
	assert_int_equal(is_sensitive, daemons->sensitive);
	assert_string_equal(text, title);
	assert_int_equal(is_sensitive, sensitive);
}

static void of_two_files_the_later_one_counts(void **state)
{
	check(9222, "Ours", true);
	check(8000, "Named again", true); /* what a file changes is that file's, too */
}

static void in_one_file_the_upper_one_counts(void **state)
{
	check(7000, "Upper", true);
}

static void the_fewest_ports_say_most(void **state)
{
	check(9050, "Narrow", false);
	check(9051, "wide", true);
}

static void what_nobody_knows_has_no_title(void **state)
{
	json_t *service = json_pack("{s:s, s:i}", "protocol", "udp", "port", 9222);
	bool is_sensitive = true;

	assert_null(services_of_port(services, IPPROTO_UDP, 9222));
	assert_null(known_title(known, service, &is_sensitive));
	assert_false(is_sensitive);
	assert_null(known_title(NULL, service, &is_sensitive));
	json_decref(service);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(of_two_files_the_later_one_counts),
		TEST(in_one_file_the_upper_one_counts),
		TEST(the_fewest_ports_say_most),
		TEST(what_nobody_knows_has_no_title),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
