// SPDX-License-Identifier: GPL-2.0-or-later
/* The methods that change something: exceptions, and what is read from files. */
#include "control/changes.h"

#include "control/call.h"
#include "control/replies.h"
#include "control/whom.h"
#include "policy/services.h"
#include "util/clock.h"
#include "util/text.h"

#include <errno.h>
#include <string.h>

#define SECONDS_MAX (10LL * 365 * 86400) /* as in duration_parse() */

static int parse_action(struct call *call, bool *allow)
{
	const char *action = call_string(call, "action");

	*allow = !strcmp(action, "allow");
	if (*allow || !strcmp(action, "deny"))
		return 0;
	call_fail_parameter(call, "action");
	return -EINVAL;
}

static int parse_seconds(struct call *call, uint64_t now_us, uint64_t *expires_us)
{
	const json_t *seconds = call_parameter(call, "seconds");

	if (!seconds)
		return 0;
	if (json_integer_value(seconds) < 1 || json_integer_value(seconds) > SECONDS_MAX) {
		call_fail_parameter(call, "seconds");
		return -EINVAL;
	}
	*expires_us = now_us + (uint64_t)json_integer_value(seconds) * 1000000u;
	return 0;
}

static int parse_exception(struct call *call, struct exception *exception)
{
	const char *source = call_string(call, "source");
	const char *comment = call_string(call, "comment");
	struct error error = {.text = ""};

	*exception = (struct exception){
		.created_us = clock_realtime_us(),
		.creator = call->peer->uid,
		.cut = json_is_true(call_parameter(call, "cutAtEnd")),
		.once = json_is_true(call_parameter(call, "once")),
	};
	if (parse_action(call, &exception->allow) ||
	    parse_seconds(call, exception->created_us, &exception->expires_us))
		return -EINVAL;
	/* A connection that is refused comes again; one that is cut at once was no use. */
	if (exception->once && (!exception->allow || exception->cut)) {
		call_fail_parameter(call, "once");
		return -EINVAL;
	}
	if (comment && !text_copy(exception->comment, sizeof(exception->comment), comment)) {
		call_fail_parameter(call, "comment");
		return -EINVAL;
	}
	if (services_parse(call->settings->services, call_string(call, "service"),
			   &exception->service, &error)) {
		call_fail_reason(call, OWN("InvalidService"), &error, -EINVAL);
		return -EINVAL;
	}
	if (selector_parse(source ? source : "any", &exception->source, &error)) {
		call_fail_reason(call, OWN("InvalidSource"), &error, -EINVAL);
		return -EINVAL;
	}
	return 0;
}

const char *changes_error(int result)
{
	switch (result) {
	case -ENOENT:
		return OWN("NoSuchException");
	case -EUCLEAN:
		return OWN("ExceptionsFailed");
	case -ESRCH:
		return OWN("NoSuchGuest");
	case -ENOTUNIQ:
		return OWN("AmbiguousSource");
	case -EINVAL:
		return OWN("InvalidSource");
	default:
		return OWN("Failed");
	}
}

/* An exception by id always ends with its guest; one by name when that is asked for. */
static bool ends_with_guest(const struct call *call, const struct exception *exception)
{
	return exception->source.type == SELECT_GUEST ||
	       json_is_true(call_parameter(call, "untilStop"));
}

void changes_add(struct call *call)
{
	const struct control_settings *settings = call->settings;
	char note[WHOM_TEXT_SIZE + SELECTOR_TEXT_SIZE + 128];
	struct error error = {.text = ""};
	json_t *notes = json_array();
	struct exception exception;
	int result = 0;

	if (parse_exception(call, &exception)) {
		json_decref(notes);
		return;
	}
	if (ends_with_guest(call, &exception))
		result = whom_bind(settings->registry, &exception, &error);
	if (result == 0)
		result = settings->handler->add(settings->data, &exception, &exception.id, &error);
	if (result < 0) {
		json_decref(notes);
		return call_fail_reason(call, changes_error(result), &error, result);
	}
	if (whom_note(settings->registry, &exception, note, sizeof(note)))
		json_array_append_new(notes, json_string(note));
	call_answer_with(call, json_pack("{s:o, s:o}", "exception", reply_exception(&exception),
					 "notes", notes));
}

void changes_reload(struct call *call)
{
	struct error error = {.text = ""};
	int result = call->settings->handler->reload(call->settings->data, &error);

	if (result < 0)
		call_fail_reason(call, OWN("ReloadFailed"), &error, result);
	else
		call_answer_with(call, json_object());
}
