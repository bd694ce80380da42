// SPDX-License-Identifier: GPL-2.0-or-later
/* The method that changes the mode. */
#include "control/mode_method.h"

#include "control/call.h"
#include "control/replies.h"

#include <errno.h>
#include <string.h>

#define SECONDS_MAX (10LL * 365 * 86400) /* as in duration_parse() */

static int parse_mode(const char *text, enum guard_mode *mode)
{
	static const enum guard_mode modes[] = {MODE_ENFORCE, MODE_MONITOR};

	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!strcmp(text, mode_text(modes[i]))) {
			*mode = modes[i];
			return 0;
		}
	return -EINVAL;
}

void mode_method_set(struct call *call)
{
	const struct control_settings *settings = call->settings;
	const json_t *seconds = call_parameter(call, "seconds");
	struct mode_change change = {.creator = call->peer->uid};
	struct error error = {.text = ""};
	struct status status;
	int result;

	if (parse_mode(call_string(call, "mode"), &change.mode))
		return call_fail_parameter(call, "mode");
	if (seconds &&
	    (json_integer_value(seconds) < 1 || json_integer_value(seconds) > SECONDS_MAX))
		return call_fail_parameter(call, "seconds");
	change.seconds = seconds ? (uint64_t)json_integer_value(seconds) : 0;
	result = settings->handler->set_mode(settings->data, &change, &error);
	if (result < 0)
		return call_fail_reason(call, OWN("Failed"), &error, result);
	settings->handler->status(settings->data, &status);
	call_answer_with(call, reply_mode(&status));
}
