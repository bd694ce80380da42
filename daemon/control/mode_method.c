// SPDX-License-Identifier: GPL-2.0-or-later
/* The method that changes the mode. */
#include "control/mode_method.h"

#include "control/call.h"
#include "control/replies.h"
#include "policy/duration.h"
#include "util/array.h"
#include "util/text.h"

#include <errno.h>
#include <string.h>

#define SECONDS_MAX (10LL * 365 * 86400) /* as in duration_parse() */

static int parse_mode(const char *text, enum guard_mode *mode)
{
	static const enum guard_mode modes[] = {MODE_ENFORCE, MODE_MONITOR};

	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (!strcmp(text, mode_text(modes[i]))) {
			*mode = modes[i];
			return 0;
		}
	return -EINVAL;
}

/* Return: 0, or -EINVAL with the answer. */
static int parse(struct call *call, struct mode_change *change)
{
	const json_t *seconds = call_parameter(call, "seconds");

	*change = (struct mode_change){.creator = call->peer->uid};
	if (parse_mode(call_string(call, "mode"), &change->mode)) {
		call_fail_parameter(call, "mode");
		return -EINVAL;
	}
	if (seconds &&
	    (json_integer_value(seconds) < 1 || json_integer_value(seconds) > SECONDS_MAX)) {
		call_fail_parameter(call, "seconds");
		return -EINVAL;
	}
	change->seconds = seconds ? (uint64_t)json_integer_value(seconds) : 0;
	return 0;
}

int mode_method_describe(struct call *call, char *text, size_t size)
{
	struct mode_change change;
	char duration[32];

	if (parse(call, &change))
		return -EINVAL;
	text_append(text, size, "%s",
		    change.mode == MODE_MONITOR
			    ? "let every guest reach everything (monitor mode)"
			    : "refuse guests what is not allowed (enforce mode)");
	if (change.seconds)
		text_append(text, size, " for %s",
			    duration_format(duration, sizeof(duration), change.seconds));
	return 0;
}

void mode_method_set(struct call *call)
{
	const struct control_settings *settings = call->settings;
	struct error error = {.text = ""};
	struct mode_change change;
	struct status status;
	int result;

	if (parse(call, &change))
		return;
	result = settings->handler->set_mode(settings->data, &change, &error);
	if (result < 0)
		return call_fail_reason(call, OWN("Failed"), &error, result);
	settings->handler->status(settings->data, &status);
	call_answer_with(call, reply_mode(&status));
}
