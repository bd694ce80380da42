// SPDX-License-Identifier: GPL-2.0-or-later
/* The verb that shows each attempt as it is made. */
#include "filter.h"
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

#define PAST_MAX  1000000 /* more than the daemon keeps */
#define WORD_SIZE 320	  /* bytes of a service or a source as exceptions are written */

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

static void print_event(const json_t *event)
{
	if (!strcmp(text_of(event, "type"), "listener"))
		print_listener(event);
	else
		print_attempt(event);
}

static void print_answer(const json_t *event, bool as_json)
{
	if (as_json)
		print_members(json_copy((json_t *)event));
	else
		print_event(event);
}

/**
 * struct view - what of the stream of events is shown
 * @filter: only these
 * @newest: number of the newest event from before the stream, 0: none. With a filter, events up to
 *	it are held back until it has come: only then are the newest of those that match known
 * @past: how many of these are shown
 * @held: those that match, the oldest first
 */
struct view {
	const struct options *options;
	struct filter filter;
	json_int_t newest;
	unsigned int past;
	json_t *held;
};

static void show_held(struct view *view)
{
	for (size_t i = 0; i < json_array_size(view->held); i++)
		print_answer(json_array_get(view->held, i), view->options->json);
	json_array_clear(view->held);
	view->newest = 0;
}

static void take_event(struct view *view, json_t *event)
{
	bool matches = filter_matches(&view->filter, event);
	bool is_last = number_of(event, "id") >= view->newest;

	if (!view->newest) {
		if (matches)
			print_answer(event, view->options->json);
		return;
	}
	if (matches)
		json_array_append(view->held, event);
	if (json_array_size(view->held) > view->past)
		json_array_remove(view->held, 0);
	if (is_last)
		show_held(view);
}

static void take_answer(struct view *view, const json_t *answer)
{
	json_t *event = json_object_get(answer, "event");
	json_int_t lost = number_of(answer, "lost");

	if (lost)
		complain(STATUS_DONE,
			 "%" JSON_INTEGER_FORMAT " events were lost: they came faster than they "
			 "were read",
			 lost);
	if (json_is_object(event)) /* not in the first answer: from then on nothing is missed */
		take_event(view, event);
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
	if (errno || *end || end == text || *text == '-' || *text == '+' || value > PAST_MAX)
		return -EINVAL;
	*past = (unsigned int)value;
	return 0;
}

/* With a filter all that the daemon keeps is asked for: how far does that go? */
static enum status find_newest(struct view *view)
{
	json_t *answer = NULL;
	enum status status;

	if (!view->past || filter_is_empty(&view->filter))
		return STATUS_DONE;
	status = client_call(view->options->socket, "Watch", NULL, &answer);
	view->newest = number_of(json_object_get(answer, "event"), "id");
	json_decref(answer);
	return status;
}

static enum status follow(struct client *client, struct view *view)
{
	int past = view->newest ? PAST_MAX : (int)view->past;
	enum status status = client_send(client, "Watch", json_pack("{s:i}", "past", past), true);
	bool continues = true;

	while (!status && continues) {
		json_t *answer = NULL;

		status = client_receive(client, CLIENT_FOR_EVER, &answer, &continues);
		if (!answer)
			break;
		take_answer(view, answer);
		json_decref(answer);
		if (fflush(stdout))
			break; /* main() says so */
	}
	show_held(view); /* of a stream that ended before its time */
	return status;
}

static enum status watch(struct view *view)
{
	struct client client;
	enum status status = find_newest(view);

	if (!status)
		status = client_open(&client, view->options->socket);
	if (status)
		return status;
	client.stop_fd = open_stop_fd();
	status = follow(&client, view);
	if (client.stop_fd >= 0)
		close(client.stop_fd);
	client_close(&client);
	return status;
}

enum status verb_watch(const struct options *options, int argc, char **argv)
{
	const char *past = options->value[OPTION_PAST];
	struct view view = {.options = options};
	enum status status;

	if (past && parse_past(past, &view.past))
		return complain(STATUS_USAGE, "--past takes a number, not \"%s\"", shown(past));
	status = filter_parse(&view.filter, options);
	if (status)
		return status;
	view.held = json_array();
	status = watch(&view);
	json_decref(view.held);
	return status;
}
