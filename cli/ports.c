// SPDX-License-Identifier: GPL-2.0-or-later
/* The verb that shows who reaches what: ports. */
#include "ports.h"

#include "output.h"
#include "prose.h"
#include "verbs.h"
#include "words.h"

#include "util/array.h"
#include "util/cleanup.h"
#include "util/text.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define GUESTS_NAMED   6 /* in the table, of one port */
#define SERVICES_NAMED 4 /* in the words below it */
#define ADVICE_MOST    3 /* lines of the same kind */

bool reach_is_open(const json_t *reach, bool is_enforced)
{
	return !is_enforced || json_is_true(json_object_get(reach, "allowed"));
}

bool port_is_alarming(const json_t *port, bool is_enforced)
{
	const json_t *guests = json_object_get(port, "guests");

	if (!json_is_true(json_object_get(port, "sensitive")))
		return false;
	for (size_t i = 0; i < json_array_size(guests); i++) {
		const json_t *reach = json_array_get(guests, i);

		if (reach_is_open(reach, is_enforced) &&
		    strcmp(text_of(reach, "reason"), "own-service"))
			return true;
	}
	return false;
}

const char *reach_reason(char *target, size_t size, const json_t *reach)
{
	json_int_t exception = number_of(reach, "exception");

	target[0] = '\0';
	if (exception)
		text_append(target, size, "exception %" JSON_INTEGER_FORMAT, exception);
	else if (!strcmp(text_of(reach, "reason"), "own-service"))
		text_append(target, size, "its own");
	else
		text_append(target, size, "%s", text_of(reach, "rule"));
	return target;
}

/* How many guests reach it. */
static json_int_t count_reached(const json_t *port, bool is_enforced)
{
	return number_of(port, "reached") + (is_enforced ? 0 : number_of(port, "refused"));
}

/* "vm:devbox (exception 3), container:web (its own), vm:ci (monitor mode), LAN", "host only" */
static void describe_reach(char *target, size_t size, const json_t *port, bool is_enforced)
{
	const json_t *guests = json_object_get(port, "guests");
	json_int_t reached = count_reached(port, is_enforced), named = 0;
	char reason[WORD_SIZE];

	target[0] = '\0';
	for (; named < reached && named < GUESTS_NAMED; named++) {
		const json_t *reach = json_array_get(guests, (size_t)named);

		text_append(target, size, "%s%s (%s)", named ? ", " : "", text_of(reach, "label"),
			    reach_is_open(reach, true) ? reach_reason(reason, sizeof(reason), reach)
						       : "monitor mode");
	}
	if (named < reached)
		text_append(target, size, " and %" JSON_INTEGER_FORMAT " more guests",
			    reached - named);
	if (json_is_true(json_object_get(port, "lan")))
		text_append(target, size, "%sLAN", *target ? ", " : "");
	if (!*target)
		text_append(target, size, "host only");
}

static void add_program(struct table *table, const json_t *port)
{
	const char *program = text_of(json_object_get(port, "service"), "program");
	const char *owner = text_of(port, "owner");

	if (*owner)
		table_add(table, "%s%sof %s", program, *program ? " " : "", owner);
	else
		table_add(table, "%s", program);
}

static void print_ports(const json_t *list, bool is_enforced)
{
	static const struct column columns[] = {
		{.name = "PORT", .is_undivided = true},
		{.name = "PROGRAM"},
		{.name = "SERVICE"},
		{.name = "WHO REACHES IT", .is_text = true},
	};
	struct table table = {.columns = columns, .column_count = ARRAY_SIZE(columns)};

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *port = json_array_get(list, i);
		const json_t *service = json_object_get(port, "service");
		bool is_marked = port_is_alarming(port, is_enforced);
		char text[WORD_SIZE], who[1024];

		table_add(&table, "%s %s", text_of(service, "protocol"),
			  endpoint(text, sizeof(text), service));
		add_program(&table, port);
		/* Not by its colour alone, which not everybody sees. */
		table_add(&table, "%s%s", text_of(port, "name"), is_marked ? " !" : "");
		if (is_marked)
			table_paint(&table, COLOUR_ALARM);
		describe_reach(who, sizeof(who), port, is_enforced);
		table_add(&table, "%s", who);
		if (is_marked)
			table_paint(&table, COLOUR_ALARM);
		else if (count_reached(port, is_enforced))
			table_paint(&table, COLOUR_GREEN);
	}
	table_print(&table);
}

/* Which guests are to be told of: those that reach what is not theirs. */
static bool is_alarming(const json_t *port, const json_t *reach, bool is_enforced)
{
	return json_is_true(json_object_get(port, "sensitive")) &&
	       reach_is_open(reach, is_enforced) && strcmp(text_of(reach, "reason"), "own-service");
}

/* "chrome-devtools (tcp 127.0.0.1:9222), docker-api (tcp 127.0.0.1:2375) and 3 more" */
static size_t name_alarming(char *target, size_t size, const json_t *list, bool is_enforced)
{
	size_t count = 0;

	target[0] = '\0';
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *port = json_array_get(list, i);
		const json_t *service = json_object_get(port, "service");
		char text[WORD_SIZE];

		if (!port_is_alarming(port, is_enforced) || count++ >= SERVICES_NAMED)
			continue;
		text_append(target, size, "%s" WHOLE("%s (%s %s)"), count > 1 ? ", " : "",
			    shown(text_of(port, "name")), shown(text_of(service, "protocol")),
			    shown(endpoint(text, sizeof(text), service)));
	}
	if (count > SERVICES_NAMED)
		text_append(target, size, " and %zu more", count - SERVICES_NAMED);
	return count;
}

/* A deny, which goes before whatever allows it: the address of all addresses would match none. */
static void say_deny(const json_t *port, const json_t *reach)
{
	const json_t *service = json_object_get(port, "service");
	const char *address = text_of(service, "address"), *label = text_of(reach, "label");
	char word[WORD_SIZE] = "", source[WORD_SIZE] = "";

	if (strcmp(address, "0.0.0.0") != 0 && strcmp(address, "::") != 0)
		service_word(word, sizeof(word), service);
	else
		text_append(word, sizeof(word), "%s/%" JSON_INTEGER_FORMAT,
			    text_of(service, "protocol"), number_of(service, "port"));
	if (strchr(label, ':'))
		text_append(source, sizeof(source), "%s", label);
	else
		text_append(source, sizeof(source), "guest:%" JSON_INTEGER_FORMAT,
			    number_of(reach, "guest"));
	say("  %s is let in by \"%s\"; to refuse it: " WHOLE("lhguard deny %s --from %s"),
	    shown(label), shown(text_of(reach, "rule")), quoted(word), quoted(source));
}

/**
 * struct advice - how to take back what guests reach
 * @ids: " 1 3", the exceptions that let them in
 * @denies: how many guests something else lets in
 */
struct advice {
	char ids[256];
	size_t denies;
};

static void advise(struct advice *advice, const json_t *port, const json_t *reach)
{
	char id[32];

	if (!reach_is_open(reach, true))
		return; /* monitor mode has a line of its own */
	if (!number_of(reach, "exception")) {
		if (advice->denies++ < ADVICE_MOST)
			say_deny(port, reach);
		return;
	}
	snprintf(id, sizeof(id), " %" JSON_INTEGER_FORMAT " ", number_of(reach, "exception"));
	if (strstr(advice->ids, id) || strlen(advice->ids) + strlen(id) >= sizeof(advice->ids))
		return; /* no half number: lhguard list has them all */
	/* Each has a blank before and behind it, so that 1 is not found in 11. */
	text_append(advice->ids, sizeof(advice->ids), "%s", *advice->ids ? id + 1 : id);
}

static void say_advice(const json_t *list, bool is_enforced)
{
	struct advice advice = {.denies = 0};

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *port = json_array_get(list, i);
		const json_t *guests = json_object_get(port, "guests");

		for (size_t g = 0; g < json_array_size(guests); g++)
			if (is_alarming(port, json_array_get(guests, g), is_enforced))
				advise(&advice, port, json_array_get(guests, g));
	}
	if (advice.denies > ADVICE_MOST)
		say("  and %zu more such: see " WHOLE("lhguard explain SOURCE SERVICE"),
		    advice.denies - ADVICE_MOST);
	if (*advice.ids)
		say("  exceptions let them in (%s); "
		    "to take these back: " WHOLE("lhguard remove%.*s"),
		    WHOLE("lhguard list"), (int)strlen(advice.ids) - 1, advice.ids);
}

/* What the table does not say, or what must not be overlooked in it. */
static void say_more(const json_t *list, bool is_enforced)
{
	char names[1024];
	size_t alarming = name_alarming(names, sizeof(names), list, is_enforced);

	if (alarming) {
		say("! Guests reach %zu sensitive service%s: %s", alarming,
		    alarming == 1 ? "" : "s", names);
		say_advice(list, is_enforced);
	}
	if (!is_enforced)
		say("MONITOR mode: guests reach what enforce mode would refuse them; to refuse it: "
		    "see " WHOLE("lhguard status"));
}

/* Pictures. */

static const char *const formats[] = {"svg", "png", "pdf"};

/* Of "FILE.svg"; NULL: none that we draw. */
static const char *format_of(const char *file)
{
	const char *dot = strrchr(file, '.');

	for (size_t i = 0; dot && i < ARRAY_SIZE(formats); i++)
		if (!strcmp(dot + 1, formats[i]))
			return formats[i];
	return NULL;
}

/* dot(1) with @input as its standard input. Return: its exit status, or -errno. */
static int run_dot(const char *format, const char *file, FILE *input)
{
	_cleanup_free_ char *type = NULL, *output = NULL;
	char *argv[] = {"dot", NULL, NULL, NULL};
	posix_spawn_file_actions_t actions;
	int result, status;
	pid_t pid;

	/* One word each, so that a file that begins with "-" is no option. */
	if (asprintf(&type, "-T%s", format) < 0 || asprintf(&output, "-o%s", file) < 0)
		return -ENOMEM;
	argv[1] = type;
	argv[2] = output;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fileno(input), STDIN_FILENO);
	result = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (result)
		return -result;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}

static enum status draw(const char *file, const json_t *list, bool is_enforced)
{
	_cleanup_fclose_ FILE *graph = tmpfile();
	int result;

	if (!graph)
		return complain(STATUS_FAILED, "there is no room for a temporary file: %s",
				strerror(errno));
	result = ports_map(graph, list, is_enforced);
	if (!result && (fflush(graph) || fseek(graph, 0, SEEK_SET)))
		result = -errno;
	if (!result)
		result = run_dot(format_of(file), file, graph);
	if (result == -ENOENT || result == 127)
		return complain(STATUS_FAILED,
				"dot is not here to draw it: install graphviz, or keep the graph: "
				"" WHOLE("lhguard ports --map > ports.dot"));
	if (result < 0)
		return complain(STATUS_FAILED, "%s: %s", shown(file), strerror(-result));
	if (result)
		return complain(STATUS_FAILED, "%s was not drawn: see what dot said", shown(file));
	say("drawn: %s", shown(file));
	return STATUS_DONE;
}

/* The verb. */

static enum status ask(const struct options *options, json_t **ports, bool *is_enforced,
		       bool *is_incomplete)
{
	struct client client;
	bool continues = true;
	enum status status = client_open(&client, options->socket);

	if (status)
		return status;
	*ports = json_array();
	status = client_send(&client, "ListPorts", NULL, true);
	while (!status && continues) {
		json_t *answer = NULL;

		status = client_receive(&client, CLIENT_PATIENT_MS, &answer, &continues);
		json_array_extend(*ports, json_object_get(answer, "ports"));
		*is_enforced = json_is_true(json_object_get(answer, "enforced"));
		*is_incomplete = json_is_true(json_object_get(answer, "incomplete"));
		json_decref(answer);
	}
	client_close(&client);
	if (status)
		json_decref(*ports);
	return status;
}

static enum status check(const struct options *options, int argc, char **argv)
{
	if (argc && !has_option(options, OPTION_MAP) && !format_of(argv[0]))
		return complain(
			STATUS_USAGE,
			"\"%s\" is too much: " WHOLE(
				"lhguard ports") " shows all; who "
						 "reaches one: " WHOLE("lhguard explain any %s"),
			shown(argv[0]), quoted(argv[0]));
	if (argc && !has_option(options, OPTION_MAP))
		return complain(STATUS_USAGE,
				"\"%s\" is too much: write " WHOLE("lhguard ports") ", or " WHOLE(
					"lhguard ports --map %s"),
				shown(argv[0]), quoted(argv[0]));
	if (argc && !format_of(argv[0]))
		return complain(STATUS_USAGE, "\"%s\": a picture's name ends in .svg, .png or .pdf",
				shown(argv[0]));
	if (options->json && has_option(options, OPTION_MAP))
		return complain(STATUS_USAGE, "--map is no JSON: write one of --map and --json");
	return STATUS_DONE;
}

enum status verb_ports(const struct options *options, int argc, char **argv)
{
	bool is_enforced = true, is_incomplete = false;
	enum status status = check(options, argc, argv);
	json_t *list = NULL;

	if (!status)
		status = ask(options, &list, &is_enforced, &is_incomplete);
	if (status)
		return status;
	if (argc) {
		status = draw(argv[0], list, is_enforced);
	} else if (has_option(options, OPTION_MAP)) {
		if (ports_map(stdout, list, is_enforced))
			status = complain(STATUS_FAILED, "out of memory");
	} else if (options->json) {
		print_members(json_pack("{s:O, s:b, s:b}", "ports", list, "enforced",
					(int)is_enforced, "incomplete", (int)is_incomplete));
	} else if (json_array_size(list)) {
		print_ports(list, is_enforced);
		say_more(list, is_enforced);
	} else {
		say("No program of this host waits for connections.");
	}
	if (is_incomplete)
		complain(STATUS_DONE, "there are more ports or guests than these");
	json_decref(list);
	return status;
}
