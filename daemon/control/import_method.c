// SPDX-License-Identifier: GPL-2.0-or-later
/* The method that takes many exceptions at a time, as text. */
#include "control/changes.h"

#include "control/call.h"
#include "control/whom.h"
#include "policy/rules.h"
#include "util/clock.h"

#include <errno.h>
#include <string.h>

static int check_sources(const struct call *call, const struct rules *rules, struct error *error)
{
	struct error reason;

	for (size_t i = 0; i < rules->count; i++) {
		const struct exception *rule = rules->rule[i];
		int result = whom_check(call->settings, &rule->source, &reason);

		if (result)
			return error_set(error, result, "text:%u: %s", rule->line, reason.text);
	}
	return 0;
}

void changes_import(struct call *call)
{
	const struct control_settings *settings = call->settings;
	const char *text = call_string(call, "text");
	struct rules rules = {.rule = NULL};
	struct imported imported = {.added = 0};
	struct error error = {.text = ""};
	struct import import = {
		.rules = &rules,
		.creator = call->peer->uid,
		.now_us = clock_realtime_us(),
		.is_replacing = call_flag(call, "replace"),
		.is_dry_run = call_flag(call, "dryRun"),
	};
	int result = rules_read_text("text", text, strlen(text), &rules, &error);

	if (result == 0)
		result = check_sources(call, &rules, &error);
	if (result == -EINVAL || result == -EFBIG) {
		call_fail_reason(call, OWN("InvalidExceptions"), &error, result);
		goto out;
	}
	if (result == 0)
		result = settings->handler->import(settings->data, &import, &imported, &error);
	if (result < 0)
		call_fail_reason(call, changes_error(result), &error, result);
	else
		call_answer_with(call, json_pack("{s:I, s:I, s:I, s:I}", "added",
						 (json_int_t)imported.added, "unchanged",
						 (json_int_t)imported.unchanged, "removed",
						 (json_int_t)imported.removed, "expired",
						 (json_int_t)imported.expired));
out:
	rules_clear(&rules);
}
