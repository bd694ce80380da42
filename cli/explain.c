// SPDX-License-Identifier: GPL-2.0-or-later
/* The verb that says what becomes of a connection, and why: explain. */
#include "output.h"
#include "prose.h"
#include "verbs.h"
#include "words.h"

#include "util/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INDENT	    4 /* of what goes on in the next line */
#define STEP_INDENT 7 /* the same, of "    1. " */

static bool is_accepted(const json_t *told)
{
	return !strcmp(text_of(told, "verdict"), "accept");
}

/* "allowed", "refused (drop)" */
static void print_verdict(const json_t *told)
{
	if (is_accepted(told))
		prose("%sallowed%s", colour(COLOUR_GREEN), colour(COLOUR_NONE));
	else
		prose(WHOLE("%srefused%s (%s)"), colour(COLOUR_RED), colour(COLOUR_NONE),
		      shown(text_of(told, "verdict")));
}

/* "container:web → tcp 10.88.0.1:9222 (chrome) by bridge, podman0" */
static void print_connection(const json_t *told)
{
	const json_t *service = json_object_get(told, "service");
	const json_t *source = json_object_get(told, "source");
	const char *label = text_of(source, "label"), *program = text_of(service, "program");
	char text[WORD_SIZE];

	prose("%s %s %s %s", *label ? shown(label) : shown(text_of(source, "class")), arrow(),
	      shown(text_of(service, "protocol")), shown(endpoint(text, sizeof(text), service)));
	if (*program)
		prose(" (%s)", shown(program));
	prose(" by %s", shown(text_of(told, "route")));
	if (*text_of(source, "conduit"))
		prose(" behind %s", shown(text_of(source, "conduit")));
	if (*text_of(told, "interface"))
		prose(", %s", shown(text_of(told, "interface")));
}

/* The line that decided: an exception in the words of `lhguard list`, or a rule. */
static void print_rule(const json_t *explanation)
{
	const json_t *exception = json_object_get(explanation, "exception");
	const char *place = text_of(explanation, "place"), *rule = text_of(explanation, "rule");
	char text[512] = "";

	if (json_is_object(exception)) {
		prose("exception %" JSON_INTEGER_FORMAT ", %s %s from %s",
		      number_of(exception, "id"), shown(text_of(exception, "action")),
		      shown(text_of(exception, "service")), shown(text_of(exception, "source")));
		if (*text_of(exception, "expires"))
			prose(", for another %s", time_left(text_of(exception, "expires")));
	} else {
		text_append(text, sizeof(text), "%s", rule);
		if (*place && strrchr(text, '('))
			strrchr(text, '(')[-1] = '\0'; /* the file alone; the place is its path */
		prose("%s", shown(text));
	}
	if (*place)
		prose(" (%s)", shown(place));
}

static void print_steps(const json_t *explanation)
{
	const json_t *steps = json_object_get(explanation, "steps");

	for (size_t i = 0; i < json_array_size(steps); i++) {
		const json_t *step = json_array_get(steps, i);

		if (!strcmp(text_of(step, "result"), "decides")) {
			prose("  %s %s%zu. %s: ", arrow(), colour(COLOUR_BOLD), i + 1,
			      shown(text_of(step, "text")));
			print_rule(explanation);
			prose("%s", colour(COLOUR_NONE));
			prose_end(STEP_INDENT);
			return; /* nothing behind it is considered */
		}
		prose("    %zu. %s? no", i + 1, shown(text_of(step, "text")));
		prose_end(STEP_INDENT);
	}
}

/* "lhguard remove 16 17", all that are next to each other. Return: the last of them. */
static size_t print_removal(const json_t *changes, size_t i)
{
	prose(WHOLE("lhguard remove"));
	for (;; i++) {
		const json_t *next = json_array_get(changes, i + 1);

		prose(WHOLE(" %" JSON_INTEGER_FORMAT),
		      number_of(json_array_get(changes, i), "exception"));
		if (strcmp(text_of(next, "action"), "remove") != 0)
			return i;
	}
}

/* Commands for a shell, one after the other; a file to edit is no command. */
static void print_changes(const json_t *explanation, const json_t *changes)
{
	bool is_shell = true;

	for (size_t i = 0; i < json_array_size(changes); i++)
		is_shell &= !*text_of(json_array_get(changes, i), "place");
	for (size_t i = 0; i < json_array_size(changes); i++) {
		const json_t *change = json_array_get(changes, i);
		const char *action = text_of(change, "action");

		if (i)
			prose("%s", is_shell ? WHOLE(" && ") : ", then ");
		if (!strcmp(action, "remove"))
			i = print_removal(changes, i);
		else if (!strcmp(action, "edit"))
			prose("edit %s, then " WHOLE("lhguard reload"),
			      shown(text_of(change, "place")));
		else
			print_command(action, explanation);
	}
}

/* What would make it the other way round. */
static void print_change(const json_t *explanation)
{
	const json_t *changes = json_object_get(explanation, "changes");
	const char *reason = text_of(explanation, "reason");
	bool accepted = is_accepted(explanation);

	if (!strcmp(reason, "martian")) {
		prose("  no exception can allow it: loopback addresses are for the host alone; the "
		      "guest has to use an address of its wire");
		return;
	}
	if (!strcmp(reason, "host") || !strcmp(reason, "own-service")) {
		prose("  nothing to change: no guest reaches a service of the host here");
		return;
	}
	if (!number_of(json_object_get(explanation, "service"), "port")) {
		prose("  no exception can change it: they are about ports");
		return;
	}
	if (!is_told(explanation, "changes")) {
		prose("  lhguardd is older than this program, and does not say what would change "
		      "it");
		return;
	}
	prose("  to %s it: ", accepted ? "refuse" : "allow");
	if (json_array_size(changes))
		print_changes(explanation, changes);
	else
		prose("too many exceptions would have to go: see " WHOLE("lhguard list"));
}

static void print_explanation(const json_t *explanation)
{
	print_connection(explanation);
	prose(": ");
	print_verdict(explanation);
	prose_end(INDENT);
	print_steps(explanation);
	if (!is_accepted(explanation) && !strcmp(text_of(explanation, "mode"), "monitor")) {
		prose("  let through all the same: the guard is in monitor mode");
		prose_end(INDENT);
	}
	print_change(explanation);
	prose_end(INDENT);
}

static void print_explanations(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (i)
			putchar('\n');
		print_explanation(json_array_get(list, i));
	}
}

/* Why it was so then, where the steps do not say it: the packet, not the policy, decided. */
static void print_event(const json_t *event)
{
	const char *reason = text_of(event, "reason");

	prose("event %" JSON_INTEGER_FORMAT " at %s: ", number_of(event, "id"),
	      local_time(text_of(event, "last")));
	print_connection(event);
	prose(" was ");
	print_verdict(event);
	if (!strcmp(reason, "vanished"))
		prose(", because its socket had closed before it could be looked up");
	else
		prose(": %s", shown(text_of(event, "rule")));
	prose_end(INDENT);
	puts("\nas the policy is now:");
}

static enum status explain_event(const struct options *options, json_int_t id)
{
	json_t *answer = NULL;
	enum status status =
		client_call(options->socket, "ExplainEvent", json_pack("{s:I}", "id", id), &answer);

	if (status)
		return status;
	if (options->json) {
		print_members(json_pack("{s:O, s:[O]}", "event", json_object_get(answer, "event"),
					"explanations", json_object_get(answer, "explanation")));
	} else {
		print_event(json_object_get(answer, "event"));
		print_explanation(json_object_get(answer, "explanation"));
	}
	json_decref(answer);
	return STATUS_DONE;
}

static enum status explain_service(const struct options *options, const char *source,
				   const char *service)
{
	json_t *answer = NULL;
	json_t *parameters = json_pack("{s:s, s:s}", "source", source, "service", service);
	enum status status;

	if (!parameters)
		return complain(STATUS_USAGE, "what you wrote is no UTF-8 text");
	status = client_call(options->socket, "Explain", parameters, &answer);
	if (status)
		return status;
	if (options->json)
		print_members(json_incref(answer));
	else
		print_explanations(json_object_get(answer, "explanations"));
	if (json_is_true(json_object_get(answer, "incomplete")))
		complain(STATUS_DONE, "there are more: name one guest");
	json_decref(answer);
	return STATUS_DONE;
}

enum status verb_explain(const struct options *options, int argc, char **argv)
{
	char *end;
	unsigned long id;

	if (argc == 2)
		return explain_service(options, argv[0], argv[1]);
	errno = 0;
	id = strtoul(argv[0] + (argv[0][0] == '#'), &end, 10); /* as watch shows it, or bare */
	if (errno || *end || end == argv[0] || !id || argv[0][0] == '-' || id > INT32_MAX)
		return complain(STATUS_USAGE, "\"%s\" is no event's number: write %s, e.g. %s",
				shown(argv[0]), WHOLE("lhguard explain SOURCE SERVICE"),
				WHOLE("lhguard explain vm:devbox 9222"));
	return explain_event(options, (json_int_t)id);
}
