// SPDX-License-Identifier: GPL-2.0-or-later
/* Exceptions written down and taken elsewhere: nothing is lost on the way, and all come or none. */
#include "policy/exceptions.h"
#include "policy/rules.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define NOW    1700000000000000u
#define SEED   20261126
#define ROUNDS 60
#define MOST   40

/**
 * struct host - a store in a folder of its own
 */
struct host {
	char folder[64];
	struct exceptions *exceptions;
};

static void open_host(struct host *host, const char *administrator)
{
	strcpy(host->folder, "/tmp/lhguard-test-XXXXXX");
	assert_non_null(mkdtemp(host->folder));
	assert_int_equal(exceptions_open(&host->exceptions, host->folder, administrator, NOW), 0);
	assert_null(exceptions_failure(host->exceptions));
}

static void close_host(struct host *host)
{
	char path[128];

	exceptions_close(host->exceptions);
	snprintf(path, sizeof(path), "%s/exceptions.conf", host->folder);
	unlink(path);
	rmdir(host->folder);
}

/* Any bytes but NUL, those that an INI file or an escape could stumble over more often. */
static void random_text(char *text, size_t size)
{
	static const char nasty[] = " \t\n\r\\;#=[]:\"x\x01\x1b\x7f\xff\xc3\xa9\xe2\x80\xae";
	size_t length = (size_t)random() % size;

	for (size_t i = 0; i < length; i++)
		text[i] = random() % 2 ? nasty[(size_t)random() % (sizeof(nasty) - 1)]
				       : (char)(1 + random() % 255);
	text[length] = '\0';
}

static void random_service(struct service *service)
{
	static const char *const words[] = {
		"tcp/127.0.0.1:9222",	   "9222",	  "udp/10.0.0.0/8:53",
		"[::1]:8000-8010",	   "*",		  "sctp/1",
		"tcp/[fd00::/64]:1-65535", "127.0.0.1:*",
	};

	assert_int_equal(service_parse(words[random() % 8], service, NULL), 0);
}

static void random_source(struct selector *selector)
{
	static const char *const words[] = {
		"any", "vm", "container", "lan", "unknown", "podman", "iface:br0", "conduit:pasta",
	};
	char name[200], text[260];

	if (random() % 3 == 0) {
		assert_int_equal(selector_parse(words[random() % 8], selector, NULL), 0);
		return;
	}
	random_text(name, sizeof(name));
	snprintf(text, sizeof(text), "%s:n%s", random() % 2 ? "vm" : "docker", name);
	assert_int_equal(selector_parse(text, selector, NULL), 0);
}

static struct exception random_rule(void)
{
	struct exception rule = {
		.allow = random() % 2,
		.created_us = 1 + (uint64_t)random() * 1000 + (uint64_t)random() % 3,
		.expires_us = random() % 2 ? 0 : NOW + 1 + (uint64_t)random(),
		.cut = random() % 2,
		.creator = (uint32_t)random(),
	};

	random_service(&rule.service);
	random_source(&rule.source);
	random_text(rule.comment, sizeof(rule.comment));
	if (rule.allow && random() % 3 == 0) {
		rule.pin[0] = '/';
		random_text(rule.pin + 1, 100);
		rule.pin_user = (uint32_t)random() * 2u;
	}
	return rule;
}

static int collect(void *data, const struct exception *rule)
{
	return rules_append(data, (struct exception *)rule);
}

/* The rules in force; they stay the store's. */
static struct rules rules_of(const struct host *host)
{
	struct rules rules = {.rule = NULL};

	assert_int_equal(exceptions_each(host->exceptions, collect, &rules), 0);
	return rules;
}

static char *export(const struct host *host, size_t *length)
{
	struct rules rules = rules_of(host);
	char *text = NULL;
	FILE *file = open_memstream(&text, length);

	assert_int_equal(rules_print_portable(file, &rules), 0);
	fclose(file);
	free(rules.rule);
	return text;
}

static struct imported import(struct host *host, const char *text, bool is_replacing,
			      bool is_dry_run)
{
	struct error error = {.text = ""};
	struct rules rules = {.rule = NULL};
	struct import import = {&rules, 1234, NOW, is_replacing, is_dry_run};
	struct imported imported;

	if (rules_read_text("text", text, strlen(text), &rules, &error) ||
	    exceptions_import(host->exceptions, &import, &imported, &error))
		fail_msg("%s\n%s", error.text, text);
	rules_clear(&rules);
	return imported;
}

static void assert_counts(const struct imported *imported, size_t added, size_t unchanged,
			  size_t removed)
{
	assert_int_equal(imported->added, added);
	assert_int_equal(imported->unchanged, unchanged);
	assert_int_equal(imported->removed, removed);
}

/* The same in the same order, but for who made it. */
static void assert_same(const struct rules *a, const struct rules *b)
{
	assert_int_equal(a->count, b->count);
	for (size_t i = 0; i < a->count; i++) {
		const struct exception *x = a->rule[i], *y = b->rule[i];

		assert_int_equal(x->allow, y->allow);
		assert_true(service_equal(&x->service, &y->service));
		assert_true(selector_equal(&x->source, &y->source));
		assert_string_equal(x->comment, y->comment);
		assert_int_equal(x->created_us, y->created_us);
		assert_int_equal(x->expires_us, y->expires_us);
		assert_int_equal(x->cut, y->cut);
		assert_string_equal(x->pin, y->pin);
		assert_int_equal(x->pin_user, y->pin_user);
	}
}

static void assert_same_hosts(const struct host *a, const struct host *b)
{
	struct rules of_a = rules_of(a), of_b = rules_of(b);

	assert_same(&of_a, &of_b);
	free(of_a.rule);
	free(of_b.rule);
}

static void fill(struct host *host, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct exception rule = random_rule();
		uint32_t id;

		assert_int_equal(exceptions_add(host->exceptions, &rule, &id, NULL), 0);
	}
}

/* From one host to another one, and back: the same; and once more: nothing changes. */
static void what_is_exported_is_imported(void **state)
{
	printf("random sets of exceptions, seed %d\n", SEED);
	srandom(SEED);
	for (int round = 0; round < ROUNDS; round++) {
		size_t count = (size_t)random() % MOST, before = (size_t)random() % 5, length;
		struct host from, to;
		struct imported imported;
		_cleanup_free_ char *text = NULL, *again = NULL;

		open_host(&from, NULL);
		open_host(&to, NULL);
		fill(&from, count);
		fill(&to, before);
		text = export(&from, &length);
		assert_int_equal(strlen(text), length);
		imported = import(&to, text, true, true);
		assert_counts(&imported, count, 0, before);
		assert_int_equal(exceptions_count(to.exceptions), before);
		imported = import(&to, text, true, false);
		assert_counts(&imported, count, 0, before);
		assert_same_hosts(&from, &to);
		again = export(&to, &length);
		assert_string_equal(again, text);
		imported = import(&to, text, round % 2, false);
		assert_counts(&imported, 0, count, 0);
		imported = import(&from, again, true, false);
		assert_counts(&imported, 0, count, 0);
		assert_int_equal(exceptions_reload(to.exceptions, NOW), 0);
		assert_same_hosts(&from, &to); /* the file has them, too */
		close_host(&from);
		close_host(&to);
	}
}

static void an_exported_file_is_one_of_the_administrator(void **state)
{
	char folder[] = "/tmp/lhguard-test-XXXXXX", path[64];
	struct host from, to;
	size_t length;
	_cleanup_free_ char *text = NULL;
	FILE *file;

	srandom(SEED);
	open_host(&from, NULL);
	fill(&from, MOST);
	text = export(&from, &length);
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/a.conf", folder);
	file = fopen(path, "w");
	fputs(text, file);
	fclose(file);
	open_host(&to, folder);
	assert_int_equal(exceptions_count(to.exceptions), MOST);
	close_host(&to);
	close_host(&from);
	unlink(path);
	rmdir(folder);
}

#define RULE(number, service, more)                                                                \
	"[exception " number "]\naction = allow\nservice = " service "\nsource = vm:a\n" more

static void what_is_there_stays(void **state)
{
	struct host host;
	struct imported imported;
	struct rules rules;

	open_host(&host, NULL);
	imported = import(&host, RULE("7", "80", "") RULE("9", "81", ""), false, false);
	assert_counts(&imported, 2, 0, 0);
	exceptions_used(host.exceptions, 1, true, NOW);
	/* A comment makes another one, and so does a cut; twice the same is two. */
	imported = import(&host,
			  RULE("1", "80", "") RULE("2", "81", "comment = new\n") RULE("3", "80", "")
				  RULE("5", "80", "cut = yes\n")
					  RULE("4", "82", "expires = 2001-01-01T00:00:00Z\n"),
			  false, false);
	assert_counts(&imported, 3, 1, 0);
	assert_int_equal(imported.expired, 1);
	imported = import(&host, RULE("1", "81", "cut = yes\n"), false, false);
	assert_counts(&imported, 1, 0, 0);
	imported = import(&host, RULE("1", "80", ""), true, false);
	assert_counts(&imported, 0, 1, 5);
	rules = rules_of(&host);
	assert_int_equal(rules.count, 1);
	assert_int_equal(rules.rule[0]->id, 1);
	assert_int_equal(rules.rule[0]->hits, 1);
	assert_int_equal(rules.rule[0]->creator, 1234);
	assert_int_equal(rules.rule[0]->created_us, NOW);
	free(rules.rule);
	imported = import(&host, "", true, false);
	assert_counts(&imported, 0, 0, 1);
	close_host(&host);
}

static void mistakes_have_a_line(void **state)
{
	static const struct {
		const char *text, *error;
	} rows[] = {
		{RULE("1", "80", "") RULE("2", "nonsense", ""), "text:7: "},
		{RULE("1", "80", "") RULE("1", "81", ""), "text:5: [exception 1] stands"},
		{RULE("1", "80", "guest = x\n"), "text:5: guest belongs"},
		{RULE("1", "80", "once = yes\n"), "text:5: once belongs"},
		{"[store]\nnext = 3\n", "text:1: [store] belongs"},
		{"[exception 1]\naction = allow\n", "text:1: [exception 1] has no service"},
		{"action = allow\n", "text:1: a key before"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct rules rules = {.rule = NULL};
		struct error error = {.text = ""};

		assert_int_equal(
			rules_read_text("text", rows[i].text, strlen(rows[i].text), &rules, &error),
			-EINVAL);
		assert_int_equal(rules.count, 0);
		if (strncmp(error.text, rows[i].error, strlen(rows[i].error)) != 0)
			fail_msg("%s: %s", rows[i].error, error.text);
	}
}

static void all_come_or_none(void **state)
{
	struct host host;
	struct rules rules = {.rule = NULL};
	struct import import = {.rules = &rules, .now_us = NOW, .is_replacing = true};
	struct imported imported;
	struct error error = {.text = ""};

	open_host(&host, NULL);
	srandom(SEED);
	fill(&host, 3);
	assert_int_equal(rules_read_text("text", RULE("1", "80", ""), strlen(RULE("1", "80", "")),
					 &rules, NULL),
			 0);
	assert_int_equal(chmod(host.folder, 0500), 0);
	if (geteuid() == 0) { /* whom no mode holds back: a folder of the new file's name does */
		char path[128];

		snprintf(path, sizeof(path), "%s/.exceptions.conf.new", host.folder);
		assert_int_equal(mkdir(path, 0700), 0);
		assert_true(exceptions_import(host.exceptions, &import, &imported, &error) < 0);
		rmdir(path);
	} else {
		assert_int_equal(exceptions_import(host.exceptions, &import, &imported, &error),
				 -EACCES);
	}
	assert_int_equal(exceptions_count(host.exceptions), 3);
	chmod(host.folder, 0700);
	assert_int_equal(exceptions_import(host.exceptions, &import, &imported, &error), 0);
	assert_int_equal(exceptions_count(host.exceptions), 1);
	rules_clear(&rules);
	close_host(&host);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_exported_is_imported),
		cmocka_unit_test(an_exported_file_is_one_of_the_administrator),
		cmocka_unit_test(what_is_there_stays),
		cmocka_unit_test(mistakes_have_a_line),
		cmocka_unit_test(all_come_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
