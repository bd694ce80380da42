// SPDX-License-Identifier: GPL-2.0-or-later
/* The store of exceptions: what is kept, what a crash leaves, and how rules are found. */
#include "policy/exceptions.h"
#include "policy/index.h"
#include "policy/store.h"
#include "policy/timestamp.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/text.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <cmocka.h>

#define NOW	     1700000000000000u
#define SECOND	     1000000u
#define TEMPORARY    "." STORE_FILE ".new"
#define MANY	     10000
#define RANDOM_RULES 300

/*
 * The steps of writing, in front of libc's: each call made while armed is one step. At the step
 * that is due it fails with an error, or the process dies; a write dies half done.
 */
static struct {
	bool armed;
	int step;	/* calls so far */
	int due;	/* the call that goes wrong, from 1 */
	int error;	/* 0: die */
	char trace[32]; /* first letters of the calls, of a row of equal ones the first */
} steps;

static bool goes_wrong(char letter)
{
	size_t length = strlen(steps.trace);

	if (!steps.armed)
		return false;
	if (length + 1 < sizeof(steps.trace) && (!length || steps.trace[length - 1] != letter))
		steps.trace[length] = letter;
	if (++steps.step != steps.due)
		return false;
	if (!steps.error)
		return true;
	errno = steps.error;
	return true;
}

ssize_t write(int fd, const void *bytes, size_t length)
{
	ssize_t (*real)(int, const void *, size_t);

	*(void **)&real = dlsym(RTLD_NEXT, "write");
	if (goes_wrong('w')) {
		if (steps.error)
			return -1;
		real(fd, bytes, length / 2);
		_exit(0);
	}
	if (steps.armed && length > 100) /* a short write, as on a full disk */
		length = 100;
	return real(fd, bytes, length);
}

int fsync(int fd)
{
	int (*real)(int);

	*(void **)&real = dlsym(RTLD_NEXT, "fsync");
	if (!goes_wrong('f'))
		return real(fd);
	if (!steps.error)
		_exit(0);
	return -1;
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
	int (*real)(int, const char *, int, const char *);

	*(void **)&real = dlsym(RTLD_NEXT, "renameat");
	if (!goes_wrong('r'))
		return real(from_folder, from, to_folder, to);
	if (!steps.error)
		_exit(0);
	return -1;
}

int openat(int folder, const char *path, int flags, ...)
{
	int (*real)(int, const char *, int, ...);
	mode_t mode = 0;

	if (flags & O_CREAT) {
		va_list args;

		va_start(args, flags);
		mode = va_arg(args, mode_t);
		va_end(args);
	}
	*(void **)&real = dlsym(RTLD_NEXT, "openat");
	if (!goes_wrong('o'))
		return real(folder, path, flags, mode);
	if (!steps.error)
		_exit(0);
	return -1;
}

/**
 * struct places - the folders of one test
 */
struct places {
	char base[64];
	char own[80];
	char administrator[80];
	char file[128];
};

static int make_places(void **state)
{
	struct places *places = calloc(1, sizeof(*places));

	strcpy(places->base, "/tmp/lhguard-test-XXXXXX");
	if (!mkdtemp(places->base))
		return -1;
	snprintf(places->own, sizeof(places->own), "%s/own", places->base);
	snprintf(places->administrator, sizeof(places->administrator), "%s/exceptions.d",
		 places->base);
	snprintf(places->file, sizeof(places->file), "%s/" STORE_FILE, places->own);
	*state = places;
	return 0;
}

static void remove_folder(const char *path)
{
	DIR *folder = opendir(path);

	for (struct dirent *entry; folder && (entry = readdir(folder));)
		unlinkat(dirfd(folder), entry->d_name, 0);
	if (folder)
		closedir(folder);
	rmdir(path);
}

static int remove_places(void **state)
{
	struct places *places = *state;

	remove_folder(places->own);
	remove_folder(places->administrator);
	remove_folder(places->base);
	free(places);
	return 0;
}

static void put_file(const char *folder, const char *name, const char *text)
{
	char path[256];
	FILE *file;

	mkdir(folder, 0700);
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void unlink_file(const char *folder, const char *name)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	assert_int_equal(unlink(path), 0);
}

static char *get_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;

	if (!file)
		return strdup("");
	if (getdelim(&text, &size, '\0', file) < 0) {
		free(text);
		text = strdup("");
	}
	fclose(file);
	return text;
}

static struct exceptions *open_store(const struct places *places, uint64_t now)
{
	struct exceptions *exceptions;

	assert_int_equal(exceptions_open(&exceptions, places->own, places->administrator, now), 0);
	return exceptions;
}

static struct exception make_rule(bool allow, const char *service, const char *source)
{
	struct exception rule = {.allow = allow, .created_us = NOW, .creator = 1000};

	assert_int_equal(service_parse(service, &rule.service, NULL), 0);
	assert_int_equal(selector_parse(source, &rule.source, NULL), 0);
	return rule;
}

static uint32_t add(struct exceptions *exceptions, bool allow, const char *service,
		    const char *source, uint64_t expires)
{
	struct exception rule = make_rule(allow, service, source);
	struct error error = {.text = ""};
	uint32_t id = 0;

	rule.expires_us = expires;
	if (exceptions_add(exceptions, &rule, &id, &error) < 0)
		fail_msg("%s", error.text);
	return id;
}

static int remove_ids(struct exceptions *exceptions, const uint32_t *ids, size_t count,
		      struct error *error)
{
	struct removal removal = {.ids = ids, .count = count};
	struct removed removed;
	int ret = exceptions_remove(exceptions, &removal, &removed, error);

	if (ret == 0)
		assert_int_equal(removed.count, count);
	free(removed.rule);
	return ret;
}

static struct flow make_flow(uint8_t protocol, const char *address, uint16_t port)
{
	struct flow flow = {.protocol = protocol, .service_port = port, .client_port = 40000};

	assert_int_equal(inet_pton(AF_INET6, address, &flow.service), 1);
	flow.family = address_family(&flow.service);
	return flow;
}

static struct source make_guest(enum kind kind, const char *runtime, const char *name)
{
	struct source source = {.class = SOURCE_GUEST, .kind = kind, .interface = "lo"};

	text_copy(source.runtime, sizeof(source.runtime), runtime);
	text_copy_name(source.name, sizeof(source.name), name, strlen(name));
	return source;
}

/* The id of the rule that decides for devbox and 127.0.0.1:@port, 0 for none. */
static uint32_t match_port(const struct exceptions *exceptions, uint16_t port, uint64_t now)
{
	struct flow flow = make_flow(IPPROTO_TCP, "::ffff:127.0.0.1", port);
	struct source source = make_guest(KIND_VM, "qemu", "devbox");
	const struct exception *rule = exceptions_match(exceptions, &flow, &source, now);

	return rule ? rule->id : 0;
}

static int last_rule(void *data, const struct exception *rule)
{
	*(const struct exception **)data = rule;
	return 0;
}

static void store_survives_reopening(void **state)
{
	struct places *places = *state;
	struct exceptions *exceptions = open_store(places, NOW);
	struct stat status;

	assert_null(exceptions_failure(exceptions));
	assert_int_equal(stat(places->own, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0700);
	assert_int_equal(add(exceptions, true, "127.0.0.1:9222", "vm:devbox", 0), 1);
	assert_int_equal(add(exceptions, false, "tcp/[::1]:1-100", "iface:virbr0", NOW + 5), 2);
	assert_int_equal(stat(places->file, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	exceptions_close(exceptions);

	exceptions = open_store(places, NOW);
	assert_null(exceptions_failure(exceptions));
	assert_int_equal(exceptions_count(exceptions), 2);
	assert_int_equal(match_port(exceptions, 9222, NOW), 1);
	assert_int_equal(match_port(exceptions, 9223, NOW), 0);
	assert_int_equal(remove_ids(exceptions, (uint32_t[]){2, 1}, 2, NULL), 0);
	assert_int_equal(exceptions_count(exceptions), 0);
	exceptions_close(exceptions);

	exceptions = open_store(places, NOW); /* an id is never used again */
	assert_int_equal(add(exceptions, true, "127.0.0.1:9222", "vm:devbox", 0), 3);
	assert_int_equal(exceptions_reload(exceptions, NOW), 0);
	assert_int_equal(match_port(exceptions, 9222, NOW), 3);
	assert_int_equal(unlink(places->file), 0);
	assert_int_equal(exceptions_reload(exceptions, NOW), 0);
	assert_int_equal(exceptions_count(exceptions), 0);
	assert_int_equal(add(exceptions, true, "127.0.0.1:9222", "vm:devbox", 0), 4);
	exceptions_close(exceptions);
}

static void random_text(char *text, size_t size)
{
	static const char nasty[] = " \t\n\r\\;#=[]:\"x\x01\x1b\x7f\xff\xc3\xa9\xe2\x80\xae";
	size_t length = (size_t)random() % size;

	for (size_t i = 0; i < length; i++)
		text[i] = random() % 2 ? nasty[(size_t)random() % (sizeof(nasty) - 1)]
				       : (char)(1 + random() % 255);
	text[length] = '\0';
}

static void every_text_survives(void **state)
{
	struct places *places = *state;
	struct exceptions *exceptions = open_store(places, NOW);

	srandom(4);
	for (int round = 0; round < RANDOM_RULES; round++) {
		char name[200], source[220];
		struct exception rule;
		const struct exception *read = NULL;
		uint32_t id;

		random_text(name, sizeof(name));
		snprintf(source, sizeof(source), "container:n%s", name);
		rule = make_rule(random() % 2, "tcp/[fd00::/64]:1-9", source);
		random_text(rule.comment, sizeof(rule.comment));
		rule.created_us = (uint64_t)random() * 1000 + (uint64_t)random() % 3;
		rule.expires_us = random() % 2 ? 0 : NOW + (uint64_t)random();
		rule.creator = (uint32_t)random() * 2u;
		rule.cut = random() % 2;
		random_text(rule.guest_key, sizeof(rule.guest_key));
		if (random() % 4 == 0) {
			assert_int_equal(selector_parse("guest:7", &rule.source, NULL), 0);
			rule.guest_key[0] = 'q';
		}
		rule.guest = rule.guest_key[0] ? 7 : 0;
		assert_int_equal(exceptions_add(exceptions, &rule, &id, NULL), 0);
		assert_int_equal(exceptions_reload(exceptions, NOW), 0);
		if (exceptions_failure(exceptions))
			fail_msg("%s", exceptions_failure(exceptions));
		exceptions_each(exceptions, last_rule, &read);
		assert_int_equal(read->id, id);
		assert_int_equal(read->allow, rule.allow);
		assert_string_equal(read->comment, rule.comment);
		assert_true(selector_equal(&read->source, &rule.source));
		assert_string_equal(read->guest_key, rule.guest_key);
		assert_int_equal(read->guest, rule.guest);
		assert_int_equal(read->cut, rule.cut);
		assert_memory_equal(&read->service, &rule.service, sizeof(rule.service));
		assert_int_equal(read->created_us, rule.created_us);
		assert_int_equal(read->expires_us, rule.expires_us);
		assert_int_equal(read->creator, rule.creator);
	}
	exceptions_close(exceptions);
}

static void changes_are_whole(void **state)
{
	struct places *places = *state;
	struct exceptions *exceptions = open_store(places, NOW);
	struct exception rule = make_rule(true, "80", "vm");
	struct error error = {.text = ""};
	uint32_t id = 0;

	add(exceptions, true, "127.0.0.1:1", "vm", 0);
	assert_int_equal(remove_ids(exceptions, (uint32_t[]){1, 7}, 2, &error), -ENOENT);
	assert_non_null(strstr(error.text, "7"));
	assert_int_equal(exceptions_count(exceptions), 1);
	assert_int_equal(match_port(exceptions, 1, NOW), 1);
	rule.expires_us = TIMESTAMP_END_US;
	assert_int_equal(exceptions_add(exceptions, &rule, &id, &error), -EINVAL);
	assert_int_equal(exceptions_count(exceptions), 1);
	exceptions_close(exceptions);
}

static void expired_ones_vanish(void **state)
{
	struct places *places = *state;
	struct exceptions *exceptions = open_store(places, NOW);
	uint64_t next;

	add(exceptions, true, "127.0.0.1:1", "vm", NOW + 10 * SECOND);
	add(exceptions, true, "127.0.0.1:2", "vm", NOW + 20 * SECOND);
	add(exceptions, true, "127.0.0.1:3", "vm", 0);
	assert_int_equal(exceptions_expire(exceptions, NOW, &next), 0);
	assert_int_equal(next, NOW + 10 * SECOND);
	assert_int_equal(match_port(exceptions, 1, NOW + 10 * SECOND - 1), 1);
	assert_int_equal(match_port(exceptions, 1, NOW + 10 * SECOND), 0);
	assert_int_equal(exceptions_expire(exceptions, NOW + 10 * SECOND, &next), 1);
	assert_int_equal(next, NOW + 20 * SECOND);
	assert_int_equal(exceptions_count(exceptions), 2);

	/* What cannot be written is out of force all the same, and stays so. */
	steps.armed = true;
	steps.step = 0;
	steps.due = 1;
	steps.error = EROFS;
	assert_int_equal(exceptions_expire(exceptions, NOW + 30 * SECOND, &next), -EROFS);
	steps.armed = false;
	assert_int_equal(next, 0);
	assert_int_equal(exceptions_count(exceptions), 1);
	exceptions_close(exceptions);
	exceptions = open_store(places, NOW + 30 * SECOND);
	assert_int_equal(exceptions_count(exceptions), 1);
	assert_int_equal(match_port(exceptions, 3, NOW + 30 * SECOND), 3);
	exceptions_close(exceptions);
}

static void broken_files_are_named(void **state)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
		{"nonsense\n", ":1: the line is neither"},
		{"a = b\n", ":1: a key before the first section"},
		{"[guard]\n", ":1: unknown section [guard]"},
		{"[exception]\n", ":1: unknown section"},
		{"[exception 0]\n", ":1: unknown section"},
		{"[exception 01]\n", ":1: unknown section"},
		{"[exception 1000000000]\n", ":1: unknown section"},
		{"[exception 99999999999999999999]\n", ":1: unknown section"},
		{"[store]\nnext = 0\n", ":2: next = 0"},
		{"[store]\nnext = -1\n", ":2: next = -1"},
		{"[store]\nnext = 1\nnext = 2\n", ":3: next stands here a second time"},
		{"[store]\nlast = 1\n", ":2: unknown key \"last\""},
		{"[store]\n[store]\n", ":2: [store] stands here a second time"},
		{"[exception 1]\n", ":1: [exception 1] has no action"},
		{"\n[exception 1]\naction = allow\n[exception 2]\n",
		 ":2: [exception 1] has no service"},
		{"[exception 1]\naction = allow\nservice = 80\n[store]\n",
		 ":1: [exception 1] has no source"},
		{"[exception 1]\naction = maybe\n", ":2: action = maybe: write allow or deny"},
		{"[exception 1]\naction = allow\naction = deny\n",
		 ":3: action stands here a second"},
		{"[exception 1]\nservice = 0\n", ":2: \"0\" is no port"},
		{"[exception 1]\nsource = vm:a\nsource = vm:b\n",
		 ":3: source stands here a second"},
		{"[exception 1]\nsource+ = vm:a\n", ":2: source goes before source+"},
		{"[exception 1]\nsource = host\n", ":2: the host's own processes"},
		{"[exception 1]\ncreated = yesterday\n", ":2: \"yesterday\" is no time"},
		{"[exception 1]\ncreated = 2024-02-31T00:00:00Z\n", ":2: "},
		{"[exception 1]\ncreated = 2024-02-01T00:00:00\n", ":2: "},
		{"[exception 1]\ncreated = 2024-02-01T00:00:00.Z\n", ":2: "},
		{"[exception 1]\ncreated = 2024-02-01T00:00:00.1234567Z\n", ":2: "},
		{"[exception 1]\ncreated = 1969-12-31T23:59:59Z\n", ":2: "},
		{"[exception 1]\ncreator = root\n", ":2: creator = root"},
		{"[exception 1]\ncomment = a\\b\n", ":2: a backslash is written"},
		{"[exception 1]\ncomment = a\\x0\n", ":2: a backslash is written"},
		{"[exception 1]\ncomment = a\\\n", ":2: a backslash is written"},
		{"[exception 1]\ncomment = a\\x00\n", ":2: \\x00 cannot"},
		{"[exception 1]\ncolour = red\n", ":2: unknown key \"colour\""},
		{"[exception 1]\ncut = maybe\n", ":2: cut = maybe: write yes or no"},
		{"[exception 1]\nguest =\n", ":2: guest = is empty"},
		{"[exception 1]\nguest+ = qemu:1:2\n", ":2: guest goes before guest+"},
		{"[exception 1]\naction = allow\nservice = 80\nsource = guest:7\n",
		 ":1: [exception 1] has no guest"},
		{"[exception 1]\naction = allow\nservice = 80\nsource = any\n"
		 "[exception 1]\naction = allow\nservice = 80\nsource = any\n",
		 ":5: [exception 1] stands in line 1 already"},
	};
	struct places *places = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct exceptions *exceptions;
		const char *failure;

		put_file(places->own, STORE_FILE, cases[i].text);
		exceptions = open_store(places, NOW);
		failure = exceptions_failure(exceptions);
		if (!failure || strncmp(failure, places->file, strlen(places->file)) ||
		    !strstr(failure, cases[i].reason))
			fail_msg("case %zu: \"%s\" does not say \"%s\"", i, failure,
				 cases[i].reason);
		exceptions_close(exceptions);
	}
}

static void broken_file_is_kept(void **state)
{
	static const char broken[] = "[exception 1]\naction = allow\nservice = 80\nsource = any\n"
				     "[exception 2]\nacti";
	struct places *places = *state;
	struct exceptions *exceptions = open_store(places, NOW);
	struct exception rule = make_rule(true, "80", "any");
	struct error error = {.text = ""};
	uint64_t next;
	uint32_t id;
	char *text;

	add(exceptions, true, "127.0.0.1:80", "any", NOW + SECOND);
	put_file(places->own, STORE_FILE, broken);
	assert_int_equal(exceptions_reload(exceptions, NOW), 0);
	assert_non_null(strstr(exceptions_failure(exceptions), STORE_FILE ":6: "));
	assert_int_equal(match_port(exceptions, 80, NOW), 0);
	assert_int_equal(exceptions_count(exceptions), 0);
	assert_int_equal(exceptions_add(exceptions, &rule, &id, &error), -EUCLEAN);
	assert_non_null(strstr(error.text, STORE_FILE ":6: "));
	assert_int_equal(remove_ids(exceptions, (uint32_t[]){1}, 1, NULL), -EUCLEAN);
	assert_int_equal(exceptions_expire(exceptions, NOW + 2 * SECOND, &next), 0);
	text = get_file(places->file);
	assert_string_equal(text, broken);
	free(text);

	put_file(places->own, STORE_FILE,
		 "[exception 5]\naction = deny\nservice = 80\nsource = any\n");
	assert_int_equal(exceptions_reload(exceptions, NOW), 0);
	assert_null(exceptions_failure(exceptions));
	assert_int_equal(match_port(exceptions, 80, NOW), 5);
	assert_int_equal(add(exceptions, true, "81", "any", 0), 6);
	exceptions_close(exceptions);
}

static void unreadable_places_fail(void **state)
{
	struct places *places = *state;
	struct exceptions *exceptions;
	struct exception rule = make_rule(true, "80", "any");
	uint32_t id;

	put_file(places->base, "own", "a file in the folder's place");
	exceptions = open_store(places, NOW);
	assert_non_null(exceptions_failure(exceptions));
	assert_int_equal(exceptions_add(exceptions, &rule, &id, NULL), -EUCLEAN);
	unlink(places->own);
	assert_int_equal(exceptions_reload(exceptions, NOW), 0);
	assert_null(exceptions_failure(exceptions));
	put_file(places->base, "exceptions.d", "a file in the folder's place");
	assert_int_equal(exceptions_reload(exceptions, NOW), 0);
	assert_non_null(strstr(exceptions_failure(exceptions), "exceptions.d"));
	unlink(places->administrator);
	exceptions_close(exceptions);
}

static void administrator_has_a_folder(void **state)
{
	struct places *places = *state;
	struct exceptions *exceptions;
	struct error error = {.text = ""};
	const struct exception *rule = NULL;
	uint32_t id, first;
	char *text;

	put_file(places->administrator, "b.conf",
		 "[exception 1]\naction = allow\nservice = 127.0.0.1:80\nsource = vm\n");
	put_file(places->administrator, ".hidden.conf", "nonsense");
	put_file(places->administrator, "notes.txt", "nonsense");
	exceptions = open_store(places, NOW);
	assert_null(exceptions_failure(exceptions));
	id = match_port(exceptions, 80, NOW);
	assert_true(id >= ADMINISTRATOR_IDS);
	exceptions_each(exceptions, last_rule, &rule);
	assert_int_equal(id, 1760608906u); /* whoever wrote it down finds it after any update */
	assert_ptr_equal(exceptions_find(exceptions, id), rule);
	assert_null(exceptions_find(exceptions, 0));
	assert_null(exceptions_find(exceptions, id + 1));
	assert_non_null(strstr(rule->file, "/exceptions.d/b.conf"));
	assert_int_equal(rule->line, 1);
	assert_int_equal(remove_ids(exceptions, &id, 1, &error), -EROFS);
	assert_non_null(strstr(error.text, "b.conf"));

	/* The id is the same beside other files, and another in another file. */
	first = id;
	put_file(places->administrator, "a.conf",
		 "[exception 1]\naction = deny\nservice = 127.0.0.1:81\nsource = vm\n");
	assert_int_equal(exceptions_reload(exceptions, NOW), 0);
	assert_int_equal(match_port(exceptions, 80, NOW), first);
	assert_int_not_equal(match_port(exceptions, 81, NOW), first);

	/* The daemon's own stand beside them and never in their file, nor they in its. */
	assert_int_equal(add(exceptions, false, "127.0.0.1:80", "vm", 0), 1);
	assert_int_equal(match_port(exceptions, 80, NOW), 1);
	text = get_file(places->file);
	assert_null(strstr(text, "[exception 2]"));
	assert_null(strstr(text, ":81"));
	free(text);

	/* A conduit is there after a restart, a guest's id and key are not. */
	put_file(places->administrator, "a.conf",
		 "[exception 1]\naction = deny\nservice = 127.0.0.1:81\nsource = conduit:pasta\n"
		 "cut = yes\n");
	assert_int_equal(exceptions_reload(exceptions, NOW), 0);
	assert_null(exceptions_failure(exceptions));
	put_file(places->administrator, "a.conf",
		 "[exception 1]\naction = deny\nservice = 127.0.0.1:81\nsource = guest:7\n");
	assert_int_equal(exceptions_reload(exceptions, NOW), 0);
	assert_non_null(strstr(exceptions_failure(exceptions), "a.conf:4: guest:7 ends with that"));
	put_file(places->administrator, "a.conf",
		 "[exception 1]\naction = deny\nservice = 127.0.0.1:81\nguest = qemu:1:2\n");
	assert_int_equal(exceptions_reload(exceptions, NOW), 0);
	assert_non_null(strstr(exceptions_failure(exceptions), "a.conf:4: guest belongs into"));
	unlink_file(places->administrator, "a.conf");

	put_file(places->administrator, "c.conf", "[store]\nnext = 5\n");
	assert_int_equal(exceptions_reload(exceptions, NOW), 0);
	assert_non_null(strstr(exceptions_failure(exceptions), "c.conf:1: "));
	assert_int_equal(exceptions_count(exceptions), 0);
	exceptions_close(exceptions);
}

static int files_in(const char *path)
{
	DIR *folder = opendir(path);
	int count = 0;

	while (readdir(folder))
		count++;
	closedir(folder);
	return count - 2;
}

/*
 * For each step of writing: die there, or fail there. The file is the old one or the new one,
 * whole; a store opened later reads it and cleans up. Return: false when there was no such step.
 */
static bool change_with_trouble(struct places *places, int due, int error)
{
	struct exceptions *exceptions = open_store(places, NOW);
	struct exception rule = make_rule(true, "127.0.0.1:2", "vm:devbox");
	char *old = get_file(places->file), *new;
	bool done, changed;
	pid_t child;
	uint32_t id;
	int status;

	memset(rule.comment, 'c', 200);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		int ret;

		steps.step = 0;
		steps.due = due;
		steps.error = error;
		steps.armed = true;
		ret = exceptions_add(exceptions, &rule, &id, NULL);
		steps.armed = false;
		if (ret == 0)
			_exit(steps.step < due ? 10 : 11);
		/* On an error memory stays as it was, and goes on working. */
		if (ret != -error || exceptions_count(exceptions) != 1 ||
		    match_port(exceptions, 2, NOW) != 0 || match_port(exceptions, 1, NOW) != 1)
			_exit(12);
		_exit(20);
	}
	exceptions_close(exceptions);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	done = WEXITSTATUS(status) == 10;
	assert_int_equal(WEXITSTATUS(status), done ? 10 : error ? 20 : 0);

	new = get_file(places->file);
	changed = strcmp(old, new) != 0;
	if (error && !done) {
		assert_false(changed);
		assert_int_equal(files_in(places->own), 1);
	}
	exceptions = open_store(places, NOW);
	assert_null(exceptions_failure(exceptions));
	assert_int_equal(exceptions_count(exceptions), changed ? 2 : 1);
	assert_int_equal(match_port(exceptions, 1, NOW), 1);
	assert_int_equal(match_port(exceptions, 2, NOW), changed ? 2 : 0);
	assert_int_equal(files_in(places->own), 1);
	exceptions_close(exceptions);
	put_file(places->own, STORE_FILE, old);
	free(old);
	free(new);
	return !done;
}

static void trouble_leaves_old_or_new(void **state)
{
	struct places *places = *state;
	struct exceptions *exceptions = open_store(places, NOW);
	int due = 1;

	add(exceptions, true, "127.0.0.1:1", "vm:devbox", 0);
	exceptions_close(exceptions);
	while (change_with_trouble(places, due, 0))
		due++;
	assert_true(due > 5); /* openat, some writes, fsync, renameat, fsync */
	due = 1;
	while (change_with_trouble(places, due, ENOSPC))
		due++;
	assert_true(due > 5);
}

static void the_disk_has_it_before_its_name(void **state)
{
	struct places *places = *state;
	struct exceptions *exceptions = open_store(places, NOW);

	memset(&steps, 0, sizeof(steps));
	steps.armed = true;
	add(exceptions, true, "127.0.0.1:1", "vm", 0);
	steps.armed = false;
	assert_string_equal(steps.trace, "owfrf");
	exceptions_close(exceptions);
}

static void left_over_file_is_no_obstacle(void **state)
{
	struct places *places = *state;
	struct exceptions *exceptions = open_store(places, NOW);

	put_file(places->own, TEMPORARY, "[exception 1]\nhalf");
	add(exceptions, true, "127.0.0.1:1", "vm", 0);
	assert_int_equal(files_in(places->own), 1);
	put_file(places->own, TEMPORARY, "[exception 1]\nhalf");
	assert_int_equal(exceptions_reload(exceptions, NOW), 0);
	assert_int_equal(files_in(places->own), 1);
	assert_int_equal(match_port(exceptions, 1, NOW), 1);
	exceptions_close(exceptions);
}

static void deny_goes_before_allow(void **state)
{
	struct places *places = *state;
	struct exceptions *exceptions = open_store(places, NOW);
	uint64_t next;

	assert_int_equal(add(exceptions, true, "127.0.0.1:80", "vm:devbox", 0), 1);
	assert_int_equal(add(exceptions, true, "127.0.0.1:80", "vm:devbox", 0), 2);
	assert_int_equal(match_port(exceptions, 80, NOW), 1);
	assert_int_equal(add(exceptions, false, "*", "any", NOW + SECOND), 3);
	assert_int_equal(match_port(exceptions, 80, NOW), 3);
	assert_int_equal(match_port(exceptions, 80, NOW + SECOND), 1);
	assert_int_equal(exceptions_expire(exceptions, NOW + SECOND, &next), 1);
	assert_int_equal(remove_ids(exceptions, (uint32_t[]){1}, 1, NULL), 0);
	assert_int_equal(match_port(exceptions, 80, NOW), 2);
	exceptions_close(exceptions);
}

/* The running guests, as the registry would tell. */
static struct {
	const char *key;
	uint32_t id;
} running[4];

static uint32_t find_running(void *data, const struct exception *exception)
{
	for (size_t i = 0; i < 4; i++)
		if (running[i].id &&
		    (exception->guest ? running[i].id == exception->guest
				      : !strcmp(running[i].key, exception->guest_key)))
			return running[i].id;
	return 0;
}

static void run_guest(size_t slot, const char *key, uint32_t id)
{
	running[slot].key = key;
	running[slot].id = id;
}

static int follow(struct exceptions *exceptions, bool settled, size_t *waiting)
{
	const struct guest_finder finder = {find_running, NULL, settled};

	return exceptions_follow_guests(exceptions, &finder, waiting);
}

/* The ids of the exceptions that ended, in order, each followed by a blank. */
static char ends[256];

static void note_end(void *data, const struct exception *exception)
{
	const struct exceptions *exceptions = *(struct exceptions **)data;
	const struct exception *still = NULL;

	exceptions_each(exceptions, last_rule, &still);
	assert_ptr_not_equal(still, exception); /* it is out of force by now */
	text_append(ends, sizeof(ends), "%u ", exception->id);
}

static uint32_t add_bound(struct exceptions *exceptions, uint16_t port, const char *source,
			  const char *key, uint32_t guest)
{
	char service[32];
	struct exception rule;
	struct error error = {.text = ""};
	uint32_t id = 0;

	snprintf(service, sizeof(service), "127.0.0.1:%u", port);
	rule = make_rule(true, service, source);
	text_copy(rule.guest_key, sizeof(rule.guest_key), key);
	rule.guest = guest;
	if (exceptions_add(exceptions, &rule, &id, &error) < 0)
		fail_msg("%s", error.text);
	return id;
}

/* The rule that decides for the guest with this id, called devbox like all of them. */
static uint32_t match_guest(const struct exceptions *exceptions, uint16_t port, uint32_t guest)
{
	struct flow flow = make_flow(IPPROTO_TCP, "::ffff:127.0.0.1", port);
	struct source source = make_guest(KIND_VM, "qemu", "devbox");
	const struct exception *rule;

	source.guest = guest;
	rule = exceptions_match(exceptions, &flow, &source, NOW);
	return rule ? rule->id : 0;
}

static void bound_ones_end_with_their_guest(void **state)
{
	struct places *places = *state;
	struct exceptions *exceptions = open_store(places, NOW);
	struct exception rule = make_rule(true, "80", "guest:7");
	size_t waiting = 9;
	uint32_t id;

	memset(running, 0, sizeof(running));
	ends[0] = '\0';
	exceptions_on_end(exceptions, note_end, &exceptions);
	assert_int_equal(exceptions_add(exceptions, &rule, &id, NULL), -EINVAL); /* no key */
	assert_int_equal(follow(exceptions, true, &waiting), 0);
	run_guest(0, "qemu:10:1", 7);
	run_guest(1, "qemu:11:1", 8);
	assert_int_equal(add_bound(exceptions, 1, "vm:devbox", "qemu:10:1", 7), 1);
	assert_int_equal(add_bound(exceptions, 2, "guest:7", "qemu:10:1", 7), 2);
	assert_int_equal(add_bound(exceptions, 3, "guest:8", "qemu:11:1", 8), 3);
	assert_int_equal(add(exceptions, true, "127.0.0.1:4", "vm:devbox", 0), 4);
	assert_int_equal(follow(exceptions, true, &waiting), 0);
	assert_int_equal(waiting, 0);
	for (uint16_t port = 1; port <= 2; port++) {
		assert_int_equal(match_guest(exceptions, port, 7), port);
		assert_int_equal(match_guest(exceptions, port, 8), 0);
		assert_int_equal(match_guest(exceptions, port, 0), 0);
	}
	assert_int_equal(match_guest(exceptions, 3, 8), 3);
	assert_int_equal(match_guest(exceptions, 3, 7), 0);

	/* The guest stops, and one of its name and even its key starts: it is another. */
	run_guest(0, "qemu:10:1", 9);
	assert_int_equal(follow(exceptions, false, &waiting), 2);
	assert_string_equal(ends, "1 2 ");
	assert_int_equal(exceptions_count(exceptions), 2);
	for (uint16_t port = 1; port <= 3; port++)
		assert_int_equal(match_guest(exceptions, port, 9), 0);
	assert_int_equal(match_guest(exceptions, 4, 9), 4); /* the permanent one holds again */
	exceptions_close(exceptions);
	exceptions = open_store(places, NOW);
	assert_int_equal(exceptions_count(exceptions), 2);
	exceptions_close(exceptions);
}

static void bound_ones_survive_a_restart(void **state)
{
	struct places *places = *state;
	struct exceptions *exceptions = open_store(places, NOW);
	const struct exception *last = NULL;
	size_t waiting;

	memset(running, 0, sizeof(running));
	ends[0] = '\0';
	add_bound(exceptions, 1, "vm:devbox", "container:a\\b\n", 7);
	add_bound(exceptions, 2, "guest:8", "qemu:11:1", 8);
	add_bound(exceptions, 3, "guest:9", "qemu:12:1", 9);
	exceptions_close(exceptions);

	/* Before their guests are found they match nobody, least of all by an old number. */
	exceptions = open_store(places, NOW);
	exceptions_on_end(exceptions, note_end, &exceptions);
	assert_int_equal(exceptions_count(exceptions), 3);
	assert_int_equal(follow(exceptions, false, &waiting), 0);
	assert_int_equal(waiting, 3);
	for (uint16_t port = 1; port <= 3; port++)
		for (uint32_t guest = 0; guest < 10; guest++)
			assert_int_equal(match_guest(exceptions, port, guest), 0);

	run_guest(0, "container:a\\b\n", 1);
	run_guest(1, "qemu:12:1", 2);
	assert_int_equal(follow(exceptions, false, &waiting), 0);
	assert_int_equal(waiting, 1);
	assert_int_equal(match_guest(exceptions, 1, 1), 1);
	assert_int_equal(match_guest(exceptions, 3, 2), 3);
	assert_int_equal(match_guest(exceptions, 3, 9), 0);
	exceptions_each(exceptions, last_rule, &last);
	assert_int_equal(last->source.guest, 2); /* guest:2, as lhguard guests has it now */

	/* A reload keeps what is bound, also when the key has another guest meanwhile. */
	run_guest(0, "container:a\\b\n", 5);
	assert_int_equal(exceptions_reload(exceptions, NOW), 0);
	assert_int_equal(match_guest(exceptions, 1, 1), 1);
	assert_int_equal(match_guest(exceptions, 1, 5), 0);
	assert_string_equal(ends, "");
	assert_int_equal(follow(exceptions, true, &waiting), 2);
	assert_int_equal(waiting, 0);
	assert_string_equal(ends, "1 2 "); /* and one whose guest never came */
	assert_int_equal(match_guest(exceptions, 3, 2), 3);
	exceptions_close(exceptions);
}

static bool out_of_memory;

int __real_index_new(struct index **index, struct exception *const *rules, size_t count,
		     enum rule_sort sort);
int __wrap_index_new(struct index **index, struct exception *const *rules, size_t count,
		     enum rule_sort sort);

int __wrap_index_new(struct index **index, struct exception *const *rules, size_t count,
		     enum rule_sort sort)
{
	return out_of_memory && sort == RULE_ALLOW ? -ENOMEM
						   : __real_index_new(index, rules, count, sort);
}

/* What could not be put into force is not taken for what is, and comes the next time. */
static void bound_ones_wait_for_memory(void **state)
{
	struct places *places = *state;
	struct exceptions *exceptions = open_store(places, NOW);
	size_t waiting;

	memset(running, 0, sizeof(running));
	add_bound(exceptions, 1, "vm:devbox", "qemu:10:1", 7);
	add_bound(exceptions, 2, "guest:7", "qemu:10:1", 7);
	add_bound(exceptions, 3, "vm:devbox", "qemu:11:1", 8);
	exceptions_close(exceptions);

	exceptions = open_store(places, NOW);
	run_guest(0, "qemu:10:1", 1);
	out_of_memory = true;
	assert_int_equal(follow(exceptions, false, &waiting), -ENOMEM);
	assert_int_equal(waiting, 3);
	assert_int_equal(match_guest(exceptions, 1, 1), 0);
	out_of_memory = false;
	assert_int_equal(follow(exceptions, false, &waiting), 0);
	assert_int_equal(waiting, 1);
	assert_int_equal(match_guest(exceptions, 1, 1), 1);
	assert_int_equal(match_guest(exceptions, 2, 1), 2);
	exceptions_close(exceptions);
}

static void each_end_is_told_once(void **state)
{
	struct places *places = *state;
	struct exceptions *exceptions = open_store(places, NOW);
	uint64_t next;
	char *text;

	ends[0] = '\0';
	exceptions_on_end(exceptions, note_end, &exceptions);
	for (uint16_t i = 1; i <= 6; i++)
		add(exceptions, true, "127.0.0.1:1", "vm", i == 2 ? NOW + 1 : 0);
	assert_int_equal(remove_ids(exceptions, (uint32_t[]){5, 99}, 2, NULL), -ENOENT);
	assert_string_equal(ends, "");
	assert_int_equal(remove_ids(exceptions, (uint32_t[]){5, 1}, 2, NULL), 0);
	assert_string_equal(ends, "1 5 ");
	assert_int_equal(exceptions_expire(exceptions, NOW + 1, &next), 1);
	assert_string_equal(ends, "1 5 2 ");

	/* A broken file ends nothing, its mending neither; what it lacks then has ended. */
	text = get_file(places->file);
	put_file(places->own, STORE_FILE, "nonsense");
	assert_int_equal(exceptions_reload(exceptions, NOW), 0);
	put_file(places->own, STORE_FILE, text);
	assert_int_equal(exceptions_reload(exceptions, NOW), 0);
	free(text);
	assert_string_equal(ends, "1 5 2 ");
	put_file(places->own, STORE_FILE,
		 "[exception 3]\naction = allow\nservice = 127.0.0.1:1\nsource = vm\n"
		 "comment = another\n"
		 "[exception 4]\naction = deny\nservice = 127.0.0.1:1\nsource = vm\n");
	assert_int_equal(exceptions_reload(exceptions, NOW), 0);
	assert_string_equal(ends, "1 5 2 4 6 ");
	exceptions_close(exceptions);
}

/* What index_match() must answer, by looking at each rule. */
static bool is_about(const struct exception *rule, const struct source *source)
{
	if (!rule->guest_key[0])
		return selector_matches(&rule->source, source);
	return rule->guest && source->class == SOURCE_GUEST && !source->shared &&
	       source->guest == rule->guest;
}

static uint64_t end_of(const struct exception *rule)
{
	return rule->expires_us ? rule->expires_us : UINT64_MAX;
}

static const struct exception *scan(struct exception *const *rules, size_t count,
				    const struct flow *flow, const struct source *source)
{
	const struct exception *best = NULL;

	for (size_t i = 0; i < count; i++) {
		const struct exception *rule = rules[i];
		uint64_t end = end_of(rule);

		if (end <= NOW || !service_matches(&rule->service, flow) || !is_about(rule, source))
			continue;
		if (!best || end > end_of(best) ||
		    (end == end_of(best) && best->guest_key[0] && !rule->guest_key[0]))
			best = rule;
	}
	return best;
}

static const char *pick(const char *const *from, size_t count)
{
	return from[(size_t)random() % count];
}

static void index_agrees_with_scan(void **state)
{
	static const char *const services[] = {"*",
					       "tcp/*",
					       "127.0.0.1:80",
					       "127.0.0.0/8:1-1000",
					       "udp/53",
					       "[::1]:80",
					       "[::/0]:*",
					       "0.0.0.0/0:3-65535",
					       "1-65535",
					       "tcp/1-65534",
					       "sctp/80-81",
					       "10.0.0.0/9:80",
					       "[fe80::/10]:5-80",
					       "127.0.0.1/32:443",
					       "127.0.0.1:65535"};
	static const char *const sources[] = {"any",	     "vm",	     "vm:a",   "container",
					      "container:b", "qemu",	     "qemu:a", "podman:b",
					      "iface:lo",    "iface:virbr0", "lan",    "unknown",
					      "conduit:c",   "conduit:d"};
	static const char *const addresses[] = {"::ffff:127.0.0.1", "::ffff:127.9.0.1", "::1",
						"::ffff:10.1.2.3",  "fe80::7",		"::"};
	static const uint16_t ports[] = {0, 1, 2, 3, 53, 80, 81, 443, 1000, 1001, 65534, 65535};
	static const uint8_t protocols[] = {IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_DCCP,
					    IPPROTO_ICMP};
	const char *const names[] = {"a", "b", ""}, *const runtimes[] = {"qemu", "podman"};
	struct exception *rules[40];

	srandom(5);
	for (int round = 0; round < 500; round++) {
		size_t count = (size_t)random() % 40;
		struct index *index;

		for (size_t i = 0; i < count; i++) {
			rules[i] = malloc(sizeof(*rules[i]));
			*rules[i] = make_rule(true, pick(services, 15), pick(sources, 14));
			if (random() % 4 == 0) { /* bound, or not yet */
				strcpy(rules[i]->guest_key, "key");
				rules[i]->guest = (uint32_t)random() % 4;
			}
			rules[i]->id = (uint32_t)i + 1;
			rules[i]->expires_us = random() % 2 ? 0 : NOW - 5 + (uint64_t)random() % 10;
		}
		assert_int_equal(index_new(&index, rules, count, RULE_ALLOW), 0);
		for (int probe = 0; probe < 100; probe++) {
			struct flow flow = make_flow(protocols[random() % 5], pick(addresses, 6),
						     ports[random() % 12]);
			struct source source = make_guest((enum kind)(random() % 3),
							  pick(runtimes, 2), pick(names, 3));

			source.class = (enum source_class)(random() % SOURCE_CLASS_COUNT);
			source.shared = random() % 4 == 0;
			source.guest = (uint32_t)random() % 4;
			text_copy(source.conduit, sizeof(source.conduit), random() % 2 ? "c" : "");
			text_copy(source.interface, sizeof(source.interface),
				  random() % 2 ? "lo" : "virbr0");
			assert_ptr_equal(index_match(index, &flow, &source, NOW, NULL, NULL),
					 scan(rules, count, &flow, &source));
		}
		index_free(index);
		for (size_t i = 0; i < count; i++)
			free(rules[i]);
	}
}

/* Look-ups for one connection among @count exceptions of the same four shapes. */
static unsigned int count_lookups(size_t count)
{
	struct flow flow = make_flow(IPPROTO_TCP, "::ffff:127.0.0.1", 80);
	struct source source = make_guest(KIND_VM, "qemu", "guest5");
	struct exception **rules = calloc(count, sizeof(struct exception *));
	const struct exception *rule;
	unsigned int lookups = 0;
	struct index *index;

	for (size_t i = 0; i < count; i++) {
		static const char *const places[] = {
			"tcp/127.0.0.1:", "127.0.0.0/8:", "tcp/[::1]:", ""};
		char service[64], name[32];

		snprintf(service, sizeof(service), "%s%zu", places[i % 4], i == 5 ? 80 : 1000 + i);
		snprintf(name, sizeof(name), "vm:guest%zu", i);
		rules[i] = malloc(sizeof(*rules[i]));
		*rules[i] = make_rule(true, service, name);
		rules[i]->id = (uint32_t)i + 1;
	}
	assert_int_equal(index_new(&index, rules, count, RULE_ALLOW), 0);
	rule = index_match(index, &flow, &source, NOW, NULL, &lookups);
	assert_non_null(rule);
	assert_int_equal(rule->id, 6);
	index_free(index);
	for (size_t i = 0; i < count; i++)
		free(rules[i]);
	free(rules);
	return lookups;
}

static void lookups_do_not_grow(void **state)
{
	unsigned int few = count_lookups(10);

	assert_int_equal(few, 3); /* the fourth shape is of the other family */
	assert_int_equal(count_lookups(MANY), few);
}

/* As many guests by id or conduit as there may be: one look-up for each. */
static void ids_and_conduits_cost_one_lookup_each(void **state)
{
	struct flow flow = make_flow(IPPROTO_TCP, "::ffff:127.0.0.1", 80);
	struct source source = make_guest(KIND_VM, "qemu", "devbox");
	struct exception **rules = calloc(MANY, sizeof(struct exception *));
	unsigned int lookups = 0;
	struct index *index;

	for (size_t i = 0; i < MANY; i++) {
		char text[40];

		rules[i] = malloc(sizeof(*rules[i]));
		snprintf(text, sizeof(text), i % 2 ? "conduit:c%zu" : "guest:%zu",
			 i % 2 ? i : i + 1);
		*rules[i] = make_rule(true, "127.0.0.1:80", text);
		rules[i]->id = (uint32_t)i + 1;
		if (i % 2)
			continue;
		strcpy(rules[i]->guest_key, "key");
		rules[i]->guest = (uint32_t)i + 1;
	}
	assert_int_equal(index_new(&index, rules, MANY, RULE_ALLOW), 0);
	source.guest = 4711;
	assert_int_equal(index_match(index, &flow, &source, NOW, NULL, &lookups)->id, 4711);
	assert_int_equal(lookups, 2);
	strcpy(source.conduit, "c4711");
	source.shared = true;
	assert_int_equal(index_match(index, &flow, &source, NOW, NULL, NULL)->id, 4712);
	index_free(index);
	for (size_t i = 0; i < MANY; i++)
		free(rules[i]);
	free(rules);
}

/* Rules with one key, each lasting longer than the one before it, must not make a chain. */
static void duplicates_cost_nothing(void **state)
{
	struct flow flow = make_flow(IPPROTO_TCP, "::ffff:127.0.0.1", 80);
	struct source source = make_guest(KIND_VM, "qemu", "devbox");
	struct exception **rules = calloc(MANY, sizeof(struct exception *));
	unsigned int lookups = 0;
	struct index *index;

	for (size_t i = 0; i < MANY; i++) {
		rules[i] = malloc(sizeof(*rules[i]));
		*rules[i] = make_rule(false, "127.0.0.1:80", "vm:devbox");
		rules[i]->id = (uint32_t)i + 1;
		rules[i]->expires_us = NOW - MANY / 2 + i;
	}
	assert_int_equal(index_new(&index, rules, MANY, RULE_DENY), 0);
	assert_int_equal(index_match(index, &flow, &source, NOW, NULL, &lookups)->id, MANY);
	assert_int_equal(lookups, 1);
	assert_null(index_match(index, &flow, &source, NOW + MANY, NULL, NULL));
	index_free(index);
	for (size_t i = 0; i < MANY; i++)
		free(rules[i]);
	free(rules);
}

static const struct exception *rule_of(const struct exceptions *exceptions, uint16_t port)
{
	struct flow flow = make_flow(IPPROTO_TCP, "::ffff:127.0.0.1", port);
	struct source source = make_guest(KIND_VM, "qemu", "devbox");

	return exceptions_match(exceptions, &flow, &source, NOW);
}

static void assert_used(const struct exceptions *exceptions, uint16_t port, uint64_t hits,
			uint64_t used)
{
	const struct exception *rule = rule_of(exceptions, port);

	assert_non_null(rule);
	assert_int_equal(rule->hits, hits);
	assert_int_equal(rule->used_us, used);
}

static void uses_are_counted(void **state)
{
	struct places *places = *state;
	struct exceptions *exceptions;
	uint32_t allow, deny, other;

	put_file(places->administrator, "a.conf",
		 "[exception 1]\naction = deny\nservice = 9999\nsource = any\n");
	exceptions = open_store(places, NOW);
	allow = add(exceptions, true, "127.0.0.1:9222", "vm:devbox", 0);
	deny = add(exceptions, false, "5432", "vm", 0);
	assert_used(exceptions, 9222, 0, 0);
	exceptions_used(exceptions, allow, true, NOW + 1);
	exceptions_used(exceptions, allow, false, NOW + 2); /* the same attempt's second packet */
	exceptions_used(exceptions, deny, true, NOW + 3);
	exceptions_used(exceptions, rule_of(exceptions, 9999)->id, true, NOW + 4);
	exceptions_used(exceptions, 4711, true, NOW); /* one that has ended */

	/* Other rules come and go; the files are read again. */
	other = add(exceptions, true, "127.0.0.1:1", "any", NOW + 5);
	assert_int_equal(remove_ids(exceptions, &other, 1, NULL), 0);
	assert_int_equal(exceptions_reload(exceptions, NOW), 0);
	assert_used(exceptions, 9222, 1, NOW + 2);
	assert_used(exceptions, 5432, 1, NOW + 3);
	assert_used(exceptions, 9999, 1, NOW + 4);

	/* Another rule under the administrator's number is another rule. */
	put_file(places->administrator, "a.conf",
		 "[exception 1]\naction = deny\nservice = 9998\nsource = any\n");
	assert_int_equal(exceptions_reload(exceptions, NOW), 0);
	assert_used(exceptions, 9998, 0, 0);
	exceptions_close(exceptions);

	exceptions = open_store(places, NOW); /* a restart */
	assert_used(exceptions, 9222, 0, 0);
	exceptions_close(exceptions);
}

/* The ids in words: "3 5". */
static char *removed_ids(const struct removed *removed)
{
	static char text[128];

	text[0] = '\0';
	for (size_t i = 0; i < removed->count; i++)
		text_append(text, sizeof(text), "%s%u", i ? " " : "", removed->rule[i].id);
	free(removed->rule);
	return text;
}

static void those_of_one_source_are_removed(void **state)
{
	struct places *places = *state;
	struct removal removal = {.source = &(struct selector){.type = SELECT_ANY}};
	struct removed removed;
	struct selector devbox;
	struct exceptions *exceptions;
	char *before, *after;

	put_file(places->administrator, "a.conf",
		 "[exception 1]\naction = deny\nservice = 9999\nsource = vm:devbox\n"
		 "[exception 2]\naction = deny\nservice = 9998\nsource = vm:devbox\n");
	exceptions = open_store(places, NOW);
	add(exceptions, true, "127.0.0.1:9222", "vm:devbox", 0);
	add(exceptions, true, "127.0.0.1:9222", "vm", 0);
	add(exceptions, false, "127.0.0.1:1", "vm:devbox", NOW + 5);
	add(exceptions, true, "127.0.0.1:9222", "vm:devbox2", 0);
	before = get_file(places->file);
	assert_int_equal(exceptions_remove(exceptions, &removal, &removed, NULL), 0);
	assert_int_equal(removed.count + removed.kept, 0); /* "any" is not each */
	after = get_file(places->file);
	assert_string_equal(before, after);
	assert_int_equal(selector_parse("vm:devbox", &devbox, NULL), 0);
	removal.source = &devbox;
	assert_int_equal(exceptions_remove(exceptions, &removal, &removed, NULL), 0);
	assert_int_equal(removed.kept, 2);
	assert_int_equal(removed.kept_rule->service.first, 9999);
	assert_string_equal(removed_ids(&removed), "1 3");
	assert_int_equal(exceptions_count(exceptions), 4);
	exceptions_close(exceptions);
	exceptions = open_store(places, NOW);
	assert_int_equal(exceptions_count(exceptions), 4);
	exceptions_close(exceptions);
	free(before);
	free(after);
}

/* In memory before their time's turn has come, and in the file after a start. */
static void what_has_expired_is_removed(void **state)
{
	struct places *places = *state;
	struct exceptions *exceptions = open_store(places, NOW);
	struct removal removal = {.now_us = NOW + 7};
	struct removed removed;
	char *text;

	add(exceptions, true, "127.0.0.1:1", "any", NOW + 5);
	add(exceptions, true, "127.0.0.1:2", "any", NOW + 7);
	add(exceptions, true, "127.0.0.1:3", "any", NOW + 8);
	add(exceptions, true, "127.0.0.1:4", "any", 0);
	exceptions_close(exceptions);
	exceptions =
		open_store(places, NOW + 6); /* the first is left out, and stands in the file */
	assert_int_equal(exceptions_count(exceptions), 3);
	assert_int_equal(exceptions_remove(exceptions, &removal, &removed, NULL), 0);
	assert_string_equal(removed_ids(&removed), "2 1");
	assert_int_equal(exceptions_count(exceptions), 2);
	text = get_file(places->file);
	assert_null(strstr(text, "[exception 1]"));
	assert_null(strstr(text, "[exception 2]"));
	assert_non_null(strstr(text, "[exception 3]"));
	assert_int_equal(exceptions_remove(exceptions, &removal, &removed, NULL), 0);
	assert_string_equal(removed_ids(&removed), "");
	free(text);
	put_file(places->own, STORE_FILE, "nonsense");
	assert_int_equal(exceptions_remove(exceptions, &removal, &removed, NULL), -EINVAL);
	exceptions_close(exceptions);
}

static uint32_t add_once(struct exceptions *exceptions, const char *service)
{
	struct exception rule = make_rule(true, service, "vm:devbox");
	uint32_t id = 0;

	rule.once = true;
	assert_int_equal(exceptions_add(exceptions, &rule, &id, NULL), 0);
	return id;
}

static void once_is_once(void **state)
{
	struct places *places = *state;
	struct exceptions *exceptions = open_store(places, NOW);
	uint32_t once = add_once(exceptions, "9222"), wide, other;

	exceptions_spend(exceptions, once + 1); /* there is none */
	assert_int_equal(exceptions_reload(exceptions, NOW), 0);
	assert_int_equal(match_port(exceptions, 9222, NOW), once);

	/* What allows for good goes before it, wherever that stands: it is not spent in vain. */
	wide = add(exceptions, true, "9000-9999", "vm", NOW + 5);
	assert_int_equal(match_port(exceptions, 9222, NOW), wide);
	assert_int_equal(match_port(exceptions, 9222, NOW + 5), once);
	exceptions_spend(exceptions, wide); /* is not for once */
	assert_int_equal(exceptions_forget_spent(exceptions), 0);
	assert_int_equal(match_port(exceptions, 9222, NOW), wide);
	assert_int_equal(remove_ids(exceptions, &wide, 1, NULL), 0);

	other = add_once(exceptions, "9222");
	exceptions_spend(exceptions, once);
	exceptions_spend(exceptions, once);
	assert_int_equal(match_port(exceptions, 9222, NOW), 0); /* it hides the other one so long */
	assert_int_equal(exceptions_forget_spent(exceptions), 1);
	assert_int_equal(exceptions_forget_spent(exceptions), 0);
	assert_int_equal(match_port(exceptions, 9222, NOW), other);
	exceptions_close(exceptions);

	exceptions = open_store(places, NOW); /* the file knows, too */
	assert_int_equal(exceptions_count(exceptions), 1);
	assert_int_equal(match_port(exceptions, 9222, NOW), other);
	exceptions_spend(exceptions, other);
	assert_int_equal(match_port(exceptions, 9222, NOW), 0);
	exceptions_close(exceptions);

	/* What cannot be taken out of the file is not in force again after a reload. */
	exceptions = open_store(places, NOW);
	exceptions_spend(exceptions, other);
	assert_int_equal(chmod(places->own, 0500), 0);
	if (geteuid()) /* root may write everywhere */
		assert_true(exceptions_forget_spent(exceptions) < 0);
	assert_int_equal(exceptions_reload(exceptions, NOW), 0);
	assert_int_equal(match_port(exceptions, 9222, NOW), 0);
	assert_int_equal(chmod(places->own, 0700), 0);
	exceptions_close(exceptions);

	put_file(places->administrator, "a.conf",
		 "[exception 1]\naction = allow\nservice = 1\nsource = any\nonce = yes\n");
	exceptions = open_store(places, NOW);
	assert_non_null(strstr(exceptions_failure(exceptions), "a.conf:5: once belongs"));
	exceptions_close(exceptions);

	put_file(places->administrator, "a.conf",
		 "[exception 1]\naction = deny\nservice = 1\nsource = any\npin = /bin/a\npin-user "
		 "= 0\n");
	exceptions = open_store(places, NOW);
	assert_non_null(
		strstr(exceptions_failure(exceptions), "a.conf:1: [exception 1] denies: pin"));
	exceptions_close(exceptions);
	put_file(places->administrator, "a.conf",
		 "[exception 1]\naction = allow\nservice = 1\nsource = any\npin = /bin/a\n");
	exceptions = open_store(places, NOW);
	assert_non_null(strstr(exceptions_failure(exceptions), "has no pin-user"));
	exceptions_close(exceptions);
}

static struct exception edited(const struct exceptions *exceptions, uint32_t id)
{
	const struct exception *rule = NULL;
	struct exception copy = {.id = 0};

	for (uint16_t port = 1; port < 10 && copy.id != id; port++) {
		rule = rule_of(exceptions, port);
		if (rule)
			copy = *rule;
	}
	assert_int_equal(copy.id, id);
	return copy;
}

static void note_ended(void *data, const struct exception *rule)
{
	*(uint32_t *)data = rule->id;
}

static void an_exception_is_edited_in_place(void **state)
{
	struct places *places = *state;
	struct error error = {.text = ""};
	struct exceptions *exceptions;
	struct exception rule;
	uint32_t ended = 0;
	char *before, *after;

	put_file(places->administrator, "a.conf",
		 "[exception 1]\naction = deny\nservice = 9\nsource = any\n");
	exceptions = open_store(places, NOW);
	add(exceptions, true, "127.0.0.1:1", "vm:devbox", NOW + 5);
	add(exceptions, true, "127.0.0.1:2", "vm:devbox", 0);
	exceptions_on_end(exceptions, note_ended, &ended);
	exceptions_used(exceptions, 1, true, NOW);

	/* Its end and its comment only: the same rule. */
	rule = edited(exceptions, 1);
	rule.expires_us = 0;
	strcpy(rule.comment, "new");
	before = get_file(places->file);
	assert_int_equal(exceptions_edit(exceptions, &rule, true, NULL), 0);
	after = get_file(places->file);
	assert_string_equal(before, after);
	free(after);
	assert_int_equal(edited(exceptions, 1).expires_us, NOW + 5);
	assert_int_equal(exceptions_edit(exceptions, &rule, false, NULL), 0);
	assert_int_equal(ended, 0);
	rule = edited(exceptions, 1);
	assert_int_equal(rule.expires_us, 0);
	assert_int_equal(rule.hits, 1);
	assert_int_equal(rule.created_us, NOW);

	/* What it is about: what was is over. */
	assert_int_equal(service_parse("127.0.0.1:3", &rule.service, NULL), 0);
	assert_int_equal(exceptions_edit(exceptions, &rule, false, NULL), 0);
	assert_int_equal(ended, 1);
	assert_int_equal(match_port(exceptions, 1, NOW), 0);
	assert_int_equal(match_port(exceptions, 3, NOW), 1);
	assert_used(exceptions, 3, 0, 0);
	assert_int_equal(exceptions_count(exceptions), 3);

	rule.id = 99;
	assert_int_equal(exceptions_edit(exceptions, &rule, true, &error), -ENOENT);
	assert_string_equal(error.text, "there is no exception 99");
	rule.id = rule_of(exceptions, 9)->id;
	assert_int_equal(exceptions_edit(exceptions, &rule, true, &error), -EROFS);
	rule.id = 1;
	rule.expires_us = TIMESTAMP_END_US;
	assert_int_equal(exceptions_edit(exceptions, &rule, true, &error), -EINVAL);
	exceptions_close(exceptions);

	exceptions = open_store(places, NOW);
	assert_int_equal(match_port(exceptions, 3, NOW), 1);
	assert_string_equal(edited(exceptions, 1).comment, "new");
	exceptions_close(exceptions);
	free(before);
}

/* Whatever goes wrong while it is written: the old rule is in force, and in the file. */
static void an_edit_that_fails_changes_nothing(void **state)
{
	struct places *places = *state;
	struct exceptions *exceptions = open_store(places, NOW);
	struct exception rule;
	char *before, *after;

	add(exceptions, true, "127.0.0.1:1", "vm:devbox", 0);
	before = get_file(places->file);
	rule = edited(exceptions, 1);
	assert_int_equal(service_parse("127.0.0.1:3", &rule.service, NULL), 0);
	steps.armed = true;
	steps.step = 0;
	steps.due = 3;
	steps.error = ENOSPC;
	assert_int_equal(exceptions_edit(exceptions, &rule, false, NULL), -ENOSPC);
	steps.armed = false;
	after = get_file(places->file);
	assert_string_equal(before, after);
	assert_int_equal(match_port(exceptions, 1, NOW), 1);
	assert_int_equal(match_port(exceptions, 3, NOW), 0);
	exceptions_close(exceptions);
	free(before);
	free(after);
}

#define IN_PLACES(test) cmocka_unit_test_setup_teardown(test, make_places, remove_places)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_PLACES(store_survives_reopening),
		IN_PLACES(every_text_survives),
		IN_PLACES(changes_are_whole),
		IN_PLACES(expired_ones_vanish),
		IN_PLACES(broken_files_are_named),
		IN_PLACES(broken_file_is_kept),
		IN_PLACES(unreadable_places_fail),
		IN_PLACES(administrator_has_a_folder),
		IN_PLACES(trouble_leaves_old_or_new),
		IN_PLACES(the_disk_has_it_before_its_name),
		IN_PLACES(left_over_file_is_no_obstacle),
		IN_PLACES(deny_goes_before_allow),
		IN_PLACES(bound_ones_end_with_their_guest),
		IN_PLACES(bound_ones_survive_a_restart),
		IN_PLACES(bound_ones_wait_for_memory),
		IN_PLACES(each_end_is_told_once),
		IN_PLACES(uses_are_counted),
		IN_PLACES(once_is_once),
		IN_PLACES(an_exception_is_edited_in_place),
		IN_PLACES(an_edit_that_fails_changes_nothing),
		IN_PLACES(those_of_one_source_are_removed),
		IN_PLACES(what_has_expired_is_removed),
		cmocka_unit_test(index_agrees_with_scan),
		cmocka_unit_test(lookups_do_not_grow),
		cmocka_unit_test(ids_and_conduits_cost_one_lookup_each),
		cmocka_unit_test(duplicates_cost_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
