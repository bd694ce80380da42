// SPDX-License-Identifier: GPL-2.0-or-later
/* One call: from the message to the method, and its answer. */
#include "control/call.h"

#include "control/introspection.h"
#include "control/methods.h"
#include "control/permission.h"
#include "control/polkit.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

void call_fail(struct call *call, const char *name, const char *parameter, const char *text)
{
	json_decref(call->answer);
	call->answer = json_pack("{s:s, s:{s:s}}", "error", name, "parameters", parameter, text);
}

void call_fail_parameter(struct call *call, const char *name)
{
	call_fail(call, SERVICE("InvalidParameter"), "parameter", name);
}

void call_fail_reason(struct call *call, const char *name, const struct error *error, int result)
{
	call_fail(call, name, "reason", error->text[0] ? error->text : strerror(-result));
}

void call_expect_more(struct call *call)
{
	json_decref(call->answer);
	call->answer = json_pack("{s:s}", "error", SERVICE("ExpectedMore"));
}

void call_answer_with(struct call *call, json_t *parameters)
{
	call->answer = json_pack("{s:o}", "parameters", parameters);
}

const json_t *call_parameter(const struct call *call, const char *name)
{
	const json_t *value = json_object_get(call->parameters, name);

	return json_is_null(value) ? NULL : value;
}

const char *call_string(const struct call *call, const char *name)
{
	return json_string_value(call_parameter(call, name));
}

bool call_flag(const struct call *call, const char *name)
{
	return json_is_true(call_parameter(call, name));
}

static bool is_of_type(const json_t *value, enum parameter_type type)
{
	if (type == PARAMETER_STRING)
		return json_is_string(value);
	if (type == PARAMETER_INTEGER)
		return json_is_integer(value);
	if (type == PARAMETER_BOOLEAN)
		return json_is_boolean(value);
	if (!json_is_array(value))
		return false;
	for (size_t i = 0; i < json_array_size(value); i++)
		if (!json_is_integer(json_array_get(value, i)))
			return false;
	return true;
}

static const struct parameter *find_parameter(const struct method *method, const char *name)
{
	for (size_t i = 0; i < PARAMETERS_MAX && method->parameters[i].name; i++)
		if (!strcmp(method->parameters[i].name, name))
			return &method->parameters[i];
	return NULL;
}

/* Return: the name of a parameter that is unknown, missing or of a wrong type, else NULL. */
static const char *wrong_parameter(const struct call *call)
{
	const struct parameter *known = call->method->parameters;
	json_t *given = (json_t *)call->parameters; /* jansson's iterators are not const */

	for (void *i = json_object_iter(given); i; i = json_object_iter_next(given, i))
		if (!find_parameter(call->method, json_object_iter_key(i)))
			return json_object_iter_key(i);
	for (size_t i = 0; i < PARAMETERS_MAX && known[i].name; i++) {
		const json_t *value = call_parameter(call, known[i].name);

		if (value ? !is_of_type(value, known[i].type) : !known[i].is_optional)
			return known[i].name;
	}
	return NULL;
}

static bool is_flag(const char *name)
{
	return !strcmp(name, "oneway") || !strcmp(name, "more") || !strcmp(name, "upgrade");
}

/* Return: the name of a member that no Varlink call has in this form, else NULL. */
static const char *wrong_member(json_t *message)
{
	const json_t *parameters = json_object_get(message, "parameters");

	if (!json_is_string(json_object_get(message, "method")))
		return "method";
	if (parameters && !json_is_object(parameters) && !json_is_null(parameters))
		return "parameters";
	for (void *i = json_object_iter(message); i; i = json_object_iter_next(message, i)) {
		const char *name = json_object_iter_key(i);

		if (is_flag(name) ? !json_is_boolean(json_object_iter_value(i))
				  : strcmp(name, "method") && strcmp(name, "parameters"))
			return name;
	}
	if (json_is_true(json_object_get(message, "upgrade")))
		return "upgrade";
	if (json_is_true(json_object_get(message, "more")) &&
	    json_is_true(json_object_get(message, "oneway")))
		return "more";
	return NULL;
}

/* The part of a method's name before its last dot is the interface. */
static bool is_known_interface(const char *method)
{
	const char *dot = strrchr(method, '.');
	char name[sizeof(INTERFACE_SERVICE)];

	if (!dot || (size_t)(dot - method) >= sizeof(name))
		return false;
	memcpy(name, method, (size_t)(dot - method));
	name[dot - method] = '\0';
	return interface_text(name);
}

static void find_method(struct call *call, const char *name)
{
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; i < methods_count; i++)
		if (!strcmp(methods[i].name, name))
			call->method = &methods[i];
	if (call->method)
		return;
	if (is_known_interface(name)) {
		call_fail(call, SERVICE("MethodNotFound"), "method", name);
	} else {
		json_t *interface = json_stringn(name, dot ? (size_t)(dot - name) : strlen(name));

		call_fail(call, SERVICE("InterfaceNotFound"), "interface",
			  json_string_value(interface));
		json_decref(interface);
	}
}

/* Return: 0, or -EAGAIN: polkit has to be asked @question first. */
static int act(struct call *call, const struct permit *permit, struct polkit_question *question)
{
	const char *wrong = wrong_parameter(call);
	struct error reason = {.text = ""};
	struct peer peer = *call->peer;
	int result;

	if (wrong) {
		call_fail_parameter(call, wrong);
		return 0;
	}
	if (call->method->privilege == PRIVILEGE_CHANGE)
		peer_look_again(&peer, call->settings);
	result = permission_check(call->method, &peer, call->settings->access, permit, geteuid(),
				  &reason);
	if (result == -EAGAIN)
		return permission_question(call, &peer, question) ? 0 : result;
	if (result)
		call_fail(call, OWN("NotPermitted"), "reason", reason.text);
	else
		call->method->act(call);
	return 0;
}

int call_answer(const struct control_settings *settings, const struct peer *peer, json_t *message,
		const struct permit *permit, struct stream *stream, json_t **answer,
		struct polkit_question *question)
{
	const json_t *parameters = json_object_get(message, "parameters");
	const char *wrong = wrong_member(message);
	struct call call = {
		.settings = settings,
		.peer = peer,
		.parameters = json_is_object(parameters) ? parameters : NULL,
		.is_more = json_is_true(json_object_get(message, "more")),
		.subject = question ? question->subject : NULL,
		.stream = stream,
	};

	*answer = NULL;
	if (wrong)
		call_fail_parameter(&call, wrong);
	else
		find_method(&call, json_string_value(json_object_get(message, "method")));
	if (call.method && act(&call, permit, question))
		return -EAGAIN;
	if (json_is_true(json_object_get(message, "oneway"))) {
		stream->is_unanswered = true;
		json_decref(call.answer);
		return 0;
	}
	*answer = call.answer;
	return call.answer || stream_is_waiting(stream) ? 0 : -ENOMEM;
}
