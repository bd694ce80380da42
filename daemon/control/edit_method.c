// SPDX-License-Identifier: GPL-2.0-or-later
/* The method that changes an exception in place. */
#include "control/changes.h"

#include "control/call.h"
#include "control/whom.h"
#include "util/clock.h"

#include <errno.h>

/* An id that no exception can have must not be cut to one that an exception has. */
static const struct exception *find(const struct call *call, json_int_t id)
{
	return id < 0 || id > UINT32_MAX
		       ? NULL
		       : exceptions_find(call->settings->exceptions, (uint32_t)id);
}

/* The end of an exception is a time, a guest's end, both or neither. */
static int change_end(struct call *call, const struct exception *before,
		      struct exception *exception, struct error *error)
{
	const json_t *until_stop = call_parameter(call, "untilStop");
	bool is_forever = call_flag(call, "forever"), was_bound = before->guest_key[0];
	bool is_bound = until_stop ? json_is_true(until_stop) : was_bound && !is_forever;

	if (is_forever)
		exception->expires_us = 0;
	is_bound |= exception->source.type == SELECT_GUEST;
	if (is_bound && was_bound && selector_equal(&before->source, &exception->source))
		return 0;
	exception->guest = 0;
	exception->guest_key[0] = '\0';
	if (!is_bound)
		return 0;
	/* A guest that is older than its exception is the one that it was made for. */
	exception->created_us = clock_realtime_us();
	return whom_bind(call->settings->registry, exception, error);
}

/* Another service is another program's: where it was pinned, it is pinned anew. */
static int change_pin(struct call *call, const struct exception *before,
		      struct exception *exception, struct error *error)
{
	const struct control_settings *settings = call->settings;
	const json_t *pin = call_parameter(call, "pin");
	bool moves = before->pin[0] && !service_equal(&before->service, &exception->service);

	if (json_is_true(pin) || (moves && !pin))
		return settings->handler->pin(settings->data, exception, error);
	if (pin) {
		exception->pin[0] = '\0';
		exception->pin_user = 0;
	}
	return 0;
}

void changes_edit(struct call *call)
{
	const struct control_settings *settings = call->settings;
	json_int_t id = json_integer_value(call_parameter(call, "id"));
	const struct exception *found = find(call, id);
	const json_t *cut = call_parameter(call, "cutAtEnd");
	struct error error = {.text = ""};
	struct exception before, exception;
	int result;

	if (!found) {
		error_set(&error, -ENOENT, "there is no exception %" JSON_INTEGER_FORMAT, id);
		return call_fail_reason(call, OWN("NoSuchException"), &error, -ENOENT);
	}
	if (call_flag(call, "forever") && call_parameter(call, "seconds"))
		return call_fail_parameter(call, "forever");
	before = exception = *found;
	if (!exception.allow && call_flag(call, "pin"))
		return call_fail_parameter(call, "pin");
	if (exception.once && json_is_true(cut))
		return call_fail_parameter(call, "cutAtEnd");
	if (cut)
		exception.cut = json_is_true(cut);
	if (changes_parse_words(call, &exception) ||
	    changes_parse_seconds(call, clock_realtime_us(), &exception.expires_us))
		return;
	if (call_parameter(call, "source") && changes_check_source(call, &exception.source))
		return;
	result = change_end(call, &before, &exception, &error);
	if (result == 0)
		result = change_pin(call, &before, &exception, &error);
	if (result == 0)
		result = settings->handler->edit(settings->data, &exception,
						 call_flag(call, "dryRun"), &error);
	if (result < 0)
		call_fail_reason(call, changes_error(result), &error, result);
	else
		changes_answer(call, &exception);
}
