// SPDX-License-Identifier: GPL-2.0-or-later
/* The verb that shows each attempt as it is made. */
#include "output.h"
#include "verbs.h"

#include "util/text.h"

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define WORD_SIZE 320 /* bytes of a service or a source as exceptions are written */

/* The service as --allow takes it; tcp, the usual one, goes without saying. */
static bool service_word(char *target, size_t size, const json_t *service)
{
	const char *protocol = text_of(service, "protocol");

	target[0] = '\0';
	if (strcmp(protocol, "tcp"))
		text_append(target, size, "%s/", protocol);
	endpoint(target + strlen(target), size - strlen(target), service);
	return number_of(service, "port") != 0;
}

/*
 * The narrowest source that an exception for this attempt can name: the guest; where it has no name
 * of its own or is one of several, the conduit that they share, their runtime or their kind.
 */
static void source_word(char *target, size_t size, const json_t *source)
{
	const char *name = text_of(source, "name"), *runtime = text_of(source, "runtime");
	const char *kind = text_of(source, "kind"), *conduit = text_of(source, "conduit");
	bool is_shared = json_is_true(json_object_get(source, "shared"));

	target[0] = '\0';
	if (*name && !is_shared)
		text_append(target, size, "%s:%s", kind, name);
	else if (*conduit)
		text_append(target, size, "conduit:%s", conduit);
	else
		text_append(target, size, "%s", *runtime ? runtime : kind);
}

static void print_allow(const json_t *event)
{
	char service[WORD_SIZE], source[WORD_SIZE];

	if (!service_word(service, sizeof(service), json_object_get(event, "service")))
		return; /* exceptions are about ports */
	source_word(source, sizeof(source), json_object_get(event, "source"));
	printf("; allow: lhguard allow %s --from %s", quoted(service), quoted(source));
}

/* Why, and what can be done about it. */
static void print_reason(const json_t *event)
{
	const char *reason = text_of(event, "reason");
	json_int_t exception = number_of(event, "exception");
	bool is_accepted = !strcmp(text_of(event, "verdict"), "accept");

	if (exception)
		printf("; %s by exception %" JSON_INTEGER_FORMAT
		       ": lhguard remove %" JSON_INTEGER_FORMAT " takes it back",
		       is_accepted ? "allowed" : "denied", exception, exception);
	else if (!strcmp(reason, "martian"))
		printf("; never allowed: loopback addresses are for the host alone");
	else if (!is_accepted && (!strcmp(reason, "default") || !strcmp(reason, "vanished")))
		print_allow(event);
	else
		printf("; %s", shown(text_of(event, "rule")));
}

static const char *verdict_colour(const char *verdict)
{
	return colour(strcmp(verdict, "accept") ? COLOUR_RED : COLOUR_GREEN);
}

/* "listen vm:devbox (qemu-system-x86) takes tcp 127.0.0.1:9222, which python3 had until 12:00:03" */
static void print_listener(const json_t *event)
{
	const json_t *service = json_object_get(event, "service");
	bool takes = !strcmp(text_of(event, "reason"), "takes-port");
	const char *program = text_of(event, "program");
	char text[WORD_SIZE];

	printf("%s %slisten%s %s", local_time(text_of(event, "last")),
	       colour(takes ? COLOUR_RED : COLOUR_GREEN), colour(COLOUR_NONE),
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

	printf("%s %s%-6s%s ", local_time(text_of(event, "last")), verdict_colour(verdict),
	       shown(verdict), colour(COLOUR_NONE));
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

static void print_event(const json_t *event)
{
	if (!strcmp(text_of(event, "type"), "listener"))
		print_listener(event);
	else
		print_attempt(event);
}

static void print_answer(const json_t *answer, bool as_json)
{
	const json_t *event = json_object_get(answer, "event");
	json_int_t lost = number_of(answer, "lost");

	if (lost)
		complain(STATUS_DONE,
			 "%" JSON_INTEGER_FORMAT " events were lost: they came faster than they "
			 "were read",
			 lost);
	if (!json_is_object(event))
		return; /* the first answer: from now on nothing is missed */
	if (as_json)
		print_members(json_copy((json_t *)event));
	else
		print_event(event);
}

/* A descriptor that becomes readable when the user or the system asks to end. */
static int open_stop_fd(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	return signalfd(-1, &signals, SFD_CLOEXEC);
}

static int parse_past(const char *text, unsigned int *past)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || end == text || *text == '-' || *text == '+' || value > 1000000)
		return -EINVAL;
	*past = (unsigned int)value;
	return 0;
}

enum status verb_watch(const struct options *options, int argc, char **argv)
{
	const char *past_text = options->value[OPTION_PAST];
	unsigned int past = 0;
	struct client client;
	bool continues = true;
	enum status status;

	if (past_text && parse_past(past_text, &past))
		return complain(STATUS_USAGE, "--past takes a number, not \"%s\"",
				shown(past_text));
	status = client_open(&client, options->socket);
	if (status)
		return status;
	client.stop_fd = open_stop_fd();
	status = client_send(&client, "Watch", json_pack("{s:i}", "past", (int)past), true);
	while (!status && continues) {
		json_t *answer = NULL;

		status = client_receive(&client, CLIENT_FOR_EVER, &answer, &continues);
		if (!answer)
			break;
		print_answer(answer, options->json);
		json_decref(answer);
		if (fflush(stdout))
			break; /* main() says so */
	}
	if (client.stop_fd >= 0)
		close(client.stop_fd);
	client_close(&client);
	return status;
}
