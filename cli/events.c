// SPDX-License-Identifier: GPL-2.0-or-later
/* Events of the interface, as watch and log show them. */
#include "events.h"

#include "output.h"
#include "prose.h"
#include "words.h"

#include <stdio.h>
#include <string.h>

bool event_is_allowable(const json_t *event)
{
	const char *reason = text_of(event, "reason");

	if (!number_of(json_object_get(event, "service"), "port"))
		return false; /* exceptions are about ports */
	return strcmp(text_of(event, "verdict"), "accept") &&
	       (!strcmp(reason, "default") || !strcmp(reason, "vanished"));
}

static void print_allow(const json_t *event)
{
	prose("; allow: ");
	print_command("allow", event);
}

/* Why, and what can be done about it. */
static void print_reason(const json_t *event)
{
	const char *reason = text_of(event, "reason");
	json_int_t exception = number_of(event, "exception");
	bool is_accepted = !strcmp(text_of(event, "verdict"), "accept");

	if (exception)
		prose("; %s by exception %" JSON_INTEGER_FORMAT ", see " WHOLE("lhguard list"),
		      is_accepted ? "allowed" : "denied", exception);
	else if (!strcmp(reason, "martian"))
		prose("; never allowed: loopback addresses are for the host alone");
	else if (event_is_allowable(event))
		print_allow(event);
	else
		prose("; %s", shown(text_of(event, "rule")));
}

static const char *verdict_colour(const char *verdict)
{
	return colour(strcmp(verdict, "accept") ? COLOUR_RED : COLOUR_GREEN);
}

/* When, and the number by which explain knows it. Return: where its next line is to begin. */
static int print_start(const json_t *event)
{
	const char *time = local_time(text_of(event, "last"));
	char number[32];

	snprintf(number, sizeof(number), "#%" JSON_INTEGER_FORMAT, number_of(event, "id"));
	prose("%s %-5s ", time, number);
	return (int)strlen(time) + 1;
}

/* "listen vm:devbox (qemu-system-x86) takes tcp 127.0.0.1:9222, which python3 had until 12:00:03" */
static void print_listener(const json_t *event)
{
	const json_t *service = json_object_get(event, "service");
	bool takes = !strcmp(text_of(event, "reason"), "takes-port");
	const char *program = text_of(event, "program");
	char text[WORD_SIZE];
	int indent = print_start(event);

	prose("%slisten%s %s", colour(takes ? COLOUR_RED : COLOUR_GREEN), colour(COLOUR_NONE),
	      shown(text_of(json_object_get(event, "source"), "label")));
	if (*program)
		prose(" (%s)", shown(program));
	prose(" %s %s %s", takes ? "takes" : "listens on", shown(text_of(service, "protocol")),
	      shown(endpoint(text, sizeof(text), service)));
	if (takes)
		prose(", %s", shown(text_of(event, "rule")));
	if (number_of(event, "count") > 1)
		prose(", %" JSON_INTEGER_FORMAT " times", number_of(event, "count"));
	prose_end(indent);
}

static void print_attempt(const json_t *event)
{
	const json_t *service = json_object_get(event, "service");
	const json_t *source = json_object_get(event, "source");
	const char *verdict = text_of(event, "verdict"), *program = text_of(event, "program");
	const char *listener = text_of(service, "program"), *conduit = text_of(source, "conduit");
	bool is_enforced = strcmp(text_of(event, "mode"), "monitor") != 0;
	char text[WORD_SIZE];
	int indent = print_start(event);

	prose("%s%-6s%s ", verdict_colour(verdict), shown(verdict), colour(COLOUR_NONE));
	prose("%s", shown(text_of(source, "label")));
	if (*conduit && json_is_true(json_object_get(source, "shared")))
		prose(" behind %s", shown(conduit));
	prose(" %s %s %s", arrow(), shown(text_of(service, "protocol")),
	      shown(endpoint(text, sizeof(text), service)));
	if (*listener)
		prose(" (%s)", shown(listener));
	prose(" by %s", shown(text_of(event, "route")));
	if (*program)
		prose(" via %s", shown(program));
	prose(", %s", shown(text_of(event, "interface")));
	if (number_of(event, "count") > 1)
		prose(", %" JSON_INTEGER_FORMAT " times", number_of(event, "count"));
	if (!is_enforced)
		prose("; let through: monitor mode");
	print_reason(event);
	prose_end(indent);
}

void event_print(const json_t *event, bool as_json)
{
	if (as_json)
		print_members(json_copy((json_t *)event));
	else if (!strcmp(text_of(event, "type"), "listener"))
		print_listener(event);
	else
		print_attempt(event);
}
