// SPDX-License-Identifier: GPL-2.0-or-later
/* The verb that shows who reaches what: ports. */
#include "ports.h"

#include "output.h"
#include "verbs.h"

#include "util/array.h"
#include "util/cleanup.h"
#include "util/text.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define GUESTS_NAMED 6 /* in the table, of one port */
#define WORD_SIZE    320

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
		{.name = "PORT"},
		{.name = "PROGRAM", .is_optional = true},
		{.name = "SERVICE"},
		{.name = "WHO REACHES IT"},
	};
	struct table table = {.columns = columns, .column_count = ARRAY_SIZE(columns)};

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *port = json_array_get(list, i);
		const json_t *service = json_object_get(port, "service");
		bool is_alarming = port_is_alarming(port, is_enforced);
		char text[WORD_SIZE], who[1024];

		table_add(&table, "%s %s", text_of(service, "protocol"),
			  endpoint(text, sizeof(text), service));
		add_program(&table, port);
		table_add(&table, "%s", text_of(port, "name"));
		if (is_alarming)
			table_paint(&table, COLOUR_ALARM);
		describe_reach(who, sizeof(who), port, is_enforced);
		table_add(&table, "%s", who);
		if (is_alarming)
			table_paint(&table, COLOUR_ALARM);
		else if (count_reached(port, is_enforced))
			table_paint(&table, COLOUR_GREEN);
	}
	table_print(&table);
}

/* What the table does not say, or what must not be overlooked in it. */
static void say_more(const json_t *list, bool is_enforced)
{
	size_t alarming = 0;

	for (size_t i = 0; i < json_array_size(list); i++)
		alarming += port_is_alarming(json_array_get(list, i), is_enforced);
	if (alarming)
		say("Guests reach %zu sensitive service%s: see lhguard list, and lhguard remove ID "
		    "to take it back.",
		    alarming, alarming == 1 ? "" : "s");
	if (!is_enforced)
		say("MONITOR mode: guests reach what enforce mode would refuse them; see lhguard "
		    "status.");
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
				"lhguard ports --map > ports.dot");
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
	if (argc && !has_option(options, OPTION_MAP))
		return complain(
			STATUS_USAGE,
			"\"%s\" is too much: write lhguard ports, or lhguard ports --map %s",
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
