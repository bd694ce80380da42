// SPDX-License-Identifier: GPL-2.0-or-later
/* The verbs that change something: allow, deny, remove, reload. */
#include "output.h"
#include "verbs.h"

#include "policy/exceptions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* "tcp 127.0.0.1:9222" for a person, where exceptions are written "tcp/127.0.0.1:9222" */
static void print_service(const char *service)
{
	size_t protocol = strspn(service, "abcdefghijklmnopqrstuvwxyz");

	if (service[protocol] == '/')
		printf("%.*s %s", (int)protocol, service, shown(service + protocol + 1));
	else
		fputs(shown(service), stdout);
}

static void print_made(const json_t *exception, const char *duration)
{
	const char *source = text_of(exception, "source");
	bool allows = !strcmp(text_of(exception, "action"), "allow");
	json_int_t id = number_of(exception, "id");

	fputs(allows ? "allowed " : "denied ", stdout);
	print_service(text_of(exception, "service"));
	printf(allows ? " from %s" : " to %s",
	       strcmp(source, "any") ? shown(source) : "every guest (any)");
	if (duration)
		printf(" for %s", duration);
	if (json_is_true(json_object_get(exception, "untilStop")))
		printf("%s until it stops", duration ? " or" : "");
	printf(" (id %" JSON_INTEGER_FORMAT "); undo: lhguard remove %" JSON_INTEGER_FORMAT "\n",
	       id, id);
}

/* Everything that can be wrong is found before the daemon is asked. */
static enum status check(const struct options *options, const char *text, uint64_t *seconds)
{
	struct error error = {.text = ""};
	struct selector selector;
	struct service service;

	if (service_parse(text, &service, &error) ||
	    (options->from && selector_parse(options->from, &selector, &error)) ||
	    (options->duration && duration_parse(options->duration, seconds, &error)))
		return complain(STATUS_USAGE, "%s", shown(error.text));
	if (options->comment && strlen(options->comment) >= COMMENT_SIZE)
		return complain(STATUS_USAGE, "the comment is longer than %d bytes",
				COMMENT_SIZE - 1);
	return STATUS_DONE;
}

/* The parameters of AddException; NULL when some text is no UTF-8. */
static json_t *exception_parameters(const struct options *options, const char *action,
				    const char *service, uint64_t seconds)
{
	json_t *parameters = json_pack("{s:s}", "action", action);
	int result = json_object_set_new(parameters, "service", json_string(service));

	if (options->from)
		result |= json_object_set_new(parameters, "source", json_string(options->from));
	if (seconds)
		result |= json_object_set_new(parameters, "seconds",
					      json_integer((json_int_t)seconds));
	if (options->until_stop)
		result |= json_object_set_new(parameters, "untilStop", json_true());
	if (options->cut_at_end)
		result |= json_object_set_new(parameters, "cutAtEnd", json_true());
	if (options->comment)
		result |= json_object_set_new(parameters, "comment", json_string(options->comment));
	if (!result)
		return parameters;
	json_decref(parameters);
	return NULL;
}

/* What the daemon has to say beside the answer. */
static void print_notes(const json_t *notes)
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
	status = client_call(options->socket, "AddException", parameters, &answer);
	if (status)
		return status;
	duration_format(duration, sizeof(duration), seconds);
	if (options->json)
		print_json(json_object_get(answer, "exception"));
	else
		print_made(json_object_get(answer, "exception"), seconds ? duration : NULL);
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

static json_t *parse_id(const char *text)
{
	char *end;
	unsigned long id;

	errno = 0;
	id = strtoul(text, &end, 10);
	if (errno || *end || *text < '1' || *text > '9' || id > UINT32_MAX)
		return NULL;
	return json_integer((json_int_t)id);
}

enum status verb_remove(const struct options *options, int argc, char **argv)
{
	json_t *ids = json_array(), *answer = NULL;
	enum status status = STATUS_DONE;

	for (int i = 0; i < argc && !status; i++)
		if (json_array_append_new(ids, parse_id(argv[i])))
			status = complain(STATUS_USAGE,
					  "\"%s\" is no exception's number: see lhguard list",
					  shown(argv[i]));
	if (!status)
		status = (options->cut ? client_call_patiently : client_call)(
			options->socket, "RemoveExceptions",
			options->cut ? json_pack("{s:O, s:b}", "ids", ids, "cut", true)
				     : json_pack("{s:O}", "ids", ids),
			&answer);
	if (!status && options->json) {
		json_t *removed = json_pack("{s:O, s:O*}", "removed", ids, "cut",
					    json_object_get(answer, "cut"));

		print_json(removed);
		json_decref(removed);
	} else if (!status) {
		printf(argc > 1 ? "removed exceptions" : "removed exception");
		for (int i = 0; i < argc; i++)
			printf("%s %s", i ? "," : "", argv[i]);
		putchar('\n');
		if (options->cut)
			print_cut(number_of(answer, "cut"));
	}
	json_decref(ids);
	json_decref(answer);
	return status;
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
		printf("reloaded: %s mode, %" JSON_INTEGER_FORMAT " exceptions\n",
		       shown(text_of(guard, "mode")), number_of(guard, "exceptionCount"));
	if (options->json)
		print_json(guard);
	json_decref(answer);
	return status;
}
