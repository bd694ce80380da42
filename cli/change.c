// SPDX-License-Identifier: GPL-2.0-or-later
/* The verbs that make exceptions, and reload: allow, deny, reload. */
#include "broad.h"
#include "output.h"
#include "verbs.h"

#include "policy/exceptions.h"
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

static void say_made(const json_t *exception, const char *duration)
{
	const char *source = text_of(exception, "source");
	bool allows = !strcmp(text_of(exception, "action"), "allow");
	bool until_stop = json_is_true(json_object_get(exception, "untilStop"));
	json_int_t id = number_of(exception, "id");

	say("%s %s %s %s%s%s%s%s (id %" JSON_INTEGER_FORMAT
	    "); undo: lhguard remove %" JSON_INTEGER_FORMAT,
	    allows ? "allowed" : "denied", service_of(text_of(exception, "service")),
	    allows ? "from" : "to", strcmp(source, "any") ? shown(source) : "every guest (any)",
	    duration ? " for " : "", duration ? duration : "",
	    !until_stop ? ""
	    : duration	? " or until it stops"
			: " until it stops",
	    json_is_true(json_object_get(exception, "once")) ? ", one connection" : "", id, id);
}

/* Everything that can be wrong is found before the daemon is asked. */
static enum status check(const struct options *options, const char *text, uint64_t *seconds)
{
	const char *from = options->value[OPTION_FROM], *duration = options->value[OPTION_FOR];
	const char *comment = options->value[OPTION_COMMENT];
	struct error error = {.text = ""};
	struct selector selector;
	struct service service;

	/* Names are the daemon's to know. */
	if ((!service_name_in(text) && service_parse(text, &service, &error)) ||
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

/* The parameters of AddException; NULL when some text is no UTF-8. */
static json_t *exception_parameters(const struct options *options, const char *action,
				    const char *service, uint64_t seconds)
{
	const char *from = options->value[OPTION_FROM], *comment = options->value[OPTION_COMMENT];
	json_t *parameters = json_pack("{s:s}", "action", action);
	int result = json_object_set_new(parameters, "service", json_string(service));

	if (from)
		result |= json_object_set_new(parameters, "source", json_string(from));
	if (seconds)
		result |= json_object_set_new(parameters, "seconds",
					      json_integer((json_int_t)seconds));
	if (has_option(options, OPTION_UNTIL_STOP))
		result |= json_object_set_new(parameters, "untilStop", json_true());
	if (has_option(options, OPTION_ONCE))
		result |= json_object_set_new(parameters, "once", json_true());
	if (has_option(options, OPTION_CUT_AT_END))
		result |= json_object_set_new(parameters, "cutAtEnd", json_true());
	if (comment)
		result |= json_object_set_new(parameters, "comment", json_string(comment));
	if (!result)
		return parameters;
	json_decref(parameters);
	return NULL;
}

void print_notes(const json_t *notes)
{
	for (size_t i = 0; i < json_array_size(notes); i++) {
		const char *note = json_string_value(json_array_get(notes, i));

		complain(STATUS_DONE, "%s", shown(note ? note : ""));
	}
}

static enum status add(const struct options *options, const char *action, const char *service)
{
	json_t *answer = NULL, *parameters;
	uint64_t seconds = 0;
	enum status status = check(options, service, &seconds);
	char duration[32];

	if (status)
		return status;
	parameters = exception_parameters(options, action, service, seconds);
	if (!parameters)
		return complain(STATUS_USAGE, "what you wrote is no UTF-8 text");
	if (!strcmp(action, "allow"))
		status = broad_confirm(options, service);
	if (status) {
		json_decref(parameters);
		return status;
	}
	status = client_call(options->socket, "AddException", parameters, &answer);
	if (status)
		return status;
	duration_format(duration, sizeof(duration), seconds);
	if (options->json)
		print_document("exception", json_incref(json_object_get(answer, "exception")));
	else
		say_made(json_object_get(answer, "exception"), seconds ? duration : NULL);
	print_notes(json_object_get(answer, "notes"));
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
	enum status status = client_call(options->socket, "Reload", NULL, &answer);

	json_decref(answer);
	if (!status)
		status = client_call(options->socket, "GetStatus", NULL, &answer);
	if (status)
		return status;
	guard = json_object_get(answer, "status");
	exceptions = json_object_get(guard, "exceptions");
	if (strcmp(text_of(exceptions, "state"), "ok"))
		status = complain(STATUS_FAILED, "no exception is in force: %s",
				  shown(text_of(exceptions, "error")));
	else if (!options->json)
		say("reloaded: %s mode, %" JSON_INTEGER_FORMAT " exceptions",
		    shown(text_of(guard, "mode")), number_of(guard, "exceptionCount"));
	if (options->json)
		print_document("status", json_incref((json_t *)guard));
	json_decref(answer);
	return status;
}
