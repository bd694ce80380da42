// SPDX-License-Identifier: GPL-2.0-or-later
/* Events of the interface, as watch and log show them. */
#include "events.h"

#include "output.h"
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
	fputs("; allow: ", stdout);
	print_command("allow", event);
}

/* Why, and what can be done about it. */
static void print_reason(const json_t *event)
{
	const char *reason = text_of(event, "reason");
	json_int_t exception = number_of(event, "exception");
	bool is_accepted = !strcmp(text_of(event, "verdict"), "accept");

	if (exception)
		printf("; %s by exception %" JSON_INTEGER_FORMAT ", see lhguard list",
		       is_accepted ? "allowed" : "denied", exception);
	else if (!strcmp(reason, "martian"))
		printf("; never allowed: loopback addresses are for the host alone");
	else if (event_is_allowable(event))
		print_allow(event);
	else
		printf("; %s", shown(text_of(event, "rule")));
}

static const char *verdict_colour(const char *verdict)
{
	return colour(strcmp(verdict, "accept") ? COLOUR_RED : COLOUR_GREEN);
}

/* When, and the number by which explain knows it. */
static void print_start(const json_t *event)
{
	char number[32];

	snprintf(number, sizeof(number), "#%" JSON_INTEGER_FORMAT, number_of(event, "id"));
	printf("%s %-5s ", local_time(text_of(event, "last")), number);
}

/* "listen vm:devbox (qemu-system-x86) takes tcp 127.0.0.1:9222, which python3 had until 12:00:03" */
static void print_listener(const json_t *event)
{
	const json_t *service = json_object_get(event, "service");
	bool takes = !strcmp(text_of(event, "reason"), "takes-port");
	const char *program = text_of(event, "program");
	char text[WORD_SIZE];

	print_start(event);
	printf("%slisten%s %s", colour(takes ? COLOUR_RED : COLOUR_GREEN), colour(COLOUR_NONE),
	       shown(text_of(json_object_get(event, "source"), "label")));
	if (*program)
		printf(" (%s)", shown(program));
	printf(" %s %s %s", takes ? "takes" : "listens on", shown(text_of(service, "protocol")),
	       shown(endpoint(text, sizeof(text), service)));
	if (takes)
		printf(", %s", shown(text_of(event, "rule")));
	if (number_of(event, "count") > 1)
		printf(", %" JSON_INTEGER_FORMAT " times", number_of(event, "count"));
	putchar('\n');
}

static void print_attempt(const json_t *event)
{
	const json_t *service = json_object_get(event, "service");
	const json_t *source = json_object_get(event, "source");
	const char *verdict = text_of(event, "verdict"), *program = text_of(event, "program");
	const char *listener = text_of(service, "program"), *conduit = text_of(source, "conduit");
	bool is_enforced = strcmp(text_of(event, "mode"), "monitor") != 0;
	char text[WORD_SIZE];

	print_start(event);
	printf("%s%-6s%s ", verdict_colour(verdict), shown(verdict), colour(COLOUR_NONE));
	fputs(shown(text_of(source, "label")), stdout);
	if (*conduit && json_is_true(json_object_get(source, "shared")))
		printf(" behind %s", shown(conduit));
	printf(" %s %s %s", arrow(), shown(text_of(service, "protocol")),
	       shown(endpoint(text, sizeof(text), service)));
	if (*listener)
		printf(" (%s)", shown(listener));
	printf(" by %s", shown(text_of(event, "route")));
	if (*program)
		printf(" via %s", shown(program));
	printf(", %s", shown(text_of(event, "interface")));
	if (number_of(event, "count") > 1)
		printf(", %" JSON_INTEGER_FORMAT " times", number_of(event, "count"));
	if (!is_enforced)
		fputs("; let through: monitor mode", stdout);
	print_reason(event);
	putchar('\n');
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
