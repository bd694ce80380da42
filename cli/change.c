// SPDX-License-Identifier: GPL-2.0-or-later
/* The verbs that make exceptions, and reload: allow, deny, reload. */
#include "change.h"

#include "broad.h"
#include "output.h"
#include "prose.h"
#include "verbs.h"

#include "policy/duration.h"
#include "policy/exceptions.h"
#include "util/array.h"
#include "util/text.h"

#include <string.h>

/* "tcp 127.0.0.1:9222" for a person, where exceptions are written "tcp/127.0.0.1:9222" */
static const char *service_of(const char *service)
{
	size_t protocol = strspn(service, "abcdefghijklmnopqrstuvwxyz");
	static char text[SERVICE_TEXT_SIZE + 16];

	text[0] = '\0';
	if (service[protocol] == '/')
		text_append(text, sizeof(text), "%.*s %s", (int)protocol, service,
			    shown(service + protocol + 1));
	else
		text_append(text, sizeof(text), "%s", shown(service));
	return text;
}

const char *change_text(const json_t *exception, uint64_t seconds)
{
	const char *source = text_of(exception, "source");
	bool allows = !strcmp(text_of(exception, "action"), "allow");
	bool until_stop = json_is_true(json_object_get(exception, "untilStop"));
	static char text[SERVICE_TEXT_SIZE + 4 * SELECTOR_TEXT_SIZE + 4 * PIN_SIZE + 128];
	const char *pin = text_of(json_object_get(exception, "pin"), "executable");
	char duration[32];

	duration_format(duration, sizeof(duration), seconds);
	text[0] = '\0';
	text_append(text, sizeof(text), "%s %s %s", service_of(text_of(exception, "service")),
		    allows ? "from" : "to",
		    strcmp(source, "any") ? shown(source) : "every guest (any)");
	if (seconds)
		text_append(text, sizeof(text), " for %s", duration);
	if (until_stop)
		text_append(text, sizeof(text), "%s until it stops", seconds ? " or" : "");
	if (json_is_true(json_object_get(exception, "once")))
		text_append(text, sizeof(text), ", one connection");
	if (*pin)
		text_append(text, sizeof(text), ", while this listens: %s", shown(pin));
	return text;
}

static void say_made(const struct options *options, const json_t *answer, bool allows,
		     uint64_t seconds)
{
	const json_t *exception = json_object_get(answer, "exception");
	const char *what = change_text(exception, seconds);
	json_int_t id = number_of(exception, "id");
	char words[4096] = "";

	if (has_option(options, OPTION_DRY_RUN))
		text_append(words, sizeof(words), "would %s %s; nothing was changed",
			    allows ? "allow" : "deny", what);
	else
		text_append(words, sizeof(words),
			    "%s %s (id %" JSON_INTEGER_FORMAT
			    "); undo: " WHOLE("lhguard remove %" JSON_INTEGER_FORMAT),
			    allows ? "allowed" : "denied", what, id, id);
	change_print(options, answer, words);
}

enum status change_check(const struct options *options, const char *text, uint64_t *seconds)
{
	const char *from = options->value[OPTION_FROM], *duration = options->value[OPTION_FOR];
	const char *comment = options->value[OPTION_COMMENT];
	struct error error = {.text = ""};
	struct selector selector;
	struct service service;

	/* Names are the daemon's to know. */
	if ((text && !service_name_in(text) && service_parse(text, &service, &error)) ||
	    (from && selector_parse(from, &selector, &error)) ||
	    (duration && duration_parse(duration, seconds, &error)))
		return complain(STATUS_USAGE, "%s", shown(error.text));
	if (has_option(options, OPTION_ONCE) && has_option(options, OPTION_CUT_AT_END))
		return complain(STATUS_USAGE,
				"--once ends with its connection: it cannot be cut at "
				"the end (--cut-at-end)");
	if (comment && strlen(comment) >= COMMENT_SIZE)
		return complain(STATUS_USAGE, "the comment is longer than %d bytes",
				COMMENT_SIZE - 1);
	return STATUS_DONE;
}

int change_parameters(const struct options *options, const char *service, uint64_t seconds,
		      json_t *parameters)
{
	static const struct {
		enum option_id option;
		const char *member;
	} flags[] = {
		{OPTION_FOREVER, "forever"},	 {OPTION_UNTIL_STOP, "untilStop"},
		{OPTION_ONCE, "once"},		 {OPTION_PIN, "pin"},
		{OPTION_CUT_AT_END, "cutAtEnd"}, {OPTION_DRY_RUN, "dryRun"},
	};
	const char *from = options->value[OPTION_FROM], *comment = options->value[OPTION_COMMENT];
	int result = 0;

	if (service)
		result |= json_object_set_new(parameters, "service", json_string(service));
	if (from)
		result |= json_object_set_new(parameters, "source", json_string(from));
	if (seconds)
		result |= json_object_set_new(parameters, "seconds",
					      json_integer((json_int_t)seconds));
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (has_option(options, flags[i].option))
			result |= json_object_set_new(parameters, flags[i].member, json_true());
	if (comment)
		result |= json_object_set_new(parameters, "comment", json_string(comment));
	return result;
}

void print_notes(const json_t *notes)
{
	for (size_t i = 0; i < json_array_size(notes); i++) {
		const char *note = json_string_value(json_array_get(notes, i));

		complain(STATUS_DONE, "%s", shown(note ? note : ""));
	}
}

void change_print(const struct options *options, const json_t *answer, const char *words)
{
	json_t *notes = json_object_get(answer, "notes");

	if (options->json)
		print_members(json_pack("{s:O, s:O*}", "exception",
					json_object_get(answer, "exception"), "notes", notes));
	else
		say("%s", words);
	print_notes(notes);
}

static enum status add(const struct options *options, const char *action, const char *service)
{
	bool allows = !strcmp(action, "allow");
	json_t *answer = NULL, *parameters;
	uint64_t seconds = 0;
	enum status status = change_check(options, service, &seconds);

	if (status)
		return status;
	parameters = json_pack("{s:s}", "action", action);
	if (change_parameters(options, service, seconds, parameters))
		status = complain(STATUS_USAGE, "what you wrote is no UTF-8 text");
	else if (allows)
		status = broad_confirm(options, service);
	if (status) {
		json_decref(parameters);
		return status;
	}
	status = client_change(options->socket, "AddException", parameters, CLIENT_TIMEOUT_MS,
			       &answer);
	if (status)
		return status;
	say_made(options, answer, allows, seconds);
	json_decref(answer);
	return STATUS_DONE;
}

enum status verb_allow(const struct options *options, int argc, char **argv)
{
	return add(options, "allow", argv[0]);
}

enum status verb_deny(const struct options *options, int argc, char **argv)
{
	return add(options, "deny", argv[0]);
}

/* A reload that leaves the exceptions broken has failed too, though the configuration is good. */
enum status verb_reload(const struct options *options, int argc, char **argv)
{
	json_t *answer = NULL;
	const json_t *guard, *exceptions;
	enum status status =
		client_change(options->socket, "Reload", NULL, CLIENT_TIMEOUT_MS, &answer);

	json_decref(answer);
	if (!status)
		status = client_call(options->socket, "GetStatus", NULL, &answer);
	if (status)
		return status;
	guard = json_object_get(answer, "status");
	exceptions = json_object_get(guard, "exceptions");
	if (is_told(exceptions, "state") && strcmp(text_of(exceptions, "state"), "ok"))
		status = complain(STATUS_FAILED, "no exception is in force: %s",
				  shown(text_of(exceptions, "error")));
	else if (!options->json)
		say("reloaded: %s mode, %" JSON_INTEGER_FORMAT " exception%s",
		    shown(text_of(guard, "mode")), number_of(guard, "exceptionCount"),
		    number_of(guard, "exceptionCount") == 1 ? "" : "s");
	if (options->json)
		print_document("status", json_incref((json_t *)guard));
	json_decref(answer);
	return status;
}
