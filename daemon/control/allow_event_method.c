// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The method behind the buttons of a desktop alert: allow what one event was refused.
 *
 * Whoever calls names an event and says nothing of guest and service: these are taken from our own
 * record. The event is named by its number and its time, since numbers begin anew with each start,
 * and it is one of the last minutes: a button that is pressed late, or again, opens nothing else.
 */
#include "control/allow_event_method.h"

#include "control/call.h"
#include "control/changes.h"
#include "control/events.h"
#include "control/permission.h"
#include "control/whom.h"
#include "policy/timestamp.h"
#include "util/clock.h"
#include "util/text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define EVENT_MINUTES 10 /* that an event may be allowed after its last packet */

/* Return: NULL with @error where there is no such event. */
static const struct attempt *find_event(const struct call *call, struct error *error)
{
	json_int_t id = json_integer_value(call_parameter(call, "id"));
	const char *time = call_string(call, "time");
	uint64_t now_us = clock_realtime_us();
	const struct attempt *attempt = NULL;
	char first[TIMESTAMP_SIZE];

	if (call->subject && call->subject->id)
		attempt = call->subject; /* of that id: polkit has been asked about it */
	else if (id > 0)
		attempt = events_find(call->settings->events, (uint64_t)id);
	if (attempt)
		timestamp_format(first, sizeof(first), attempt->first_us);
	if (!attempt || strcmp(first, time)) {
		error_set(error, -ENOENT, "there is no event %lld of %s: lhguard watch shows them",
			  (long long)id, time);
		return NULL;
	}
	if (now_us > attempt->last_us + EVENT_MINUTES * 60000000ull) {
		error_set(error, -ENOENT,
			  "event %lld is more than %d minutes old: use lhguard allow",
			  (long long)id, EVENT_MINUTES);
		return NULL;
	}
	return attempt;
}

static bool is_allowable(const struct attempt *attempt)
{
	const struct decision *decision = &attempt->decision;

	return attempt->type == EVENT_ATTEMPT && decision->verdict != VERDICT_ACCEPT &&
	       decision->reason == REASON_DEFAULT && attempt->flow.service_port;
}

/*
 * For a while: the running guest itself, whatever it is called. For ever: its name, which is all
 * that will be left of it. Return: 0 or -EINVAL with @error.
 */
static int select_guest(const struct attempt *attempt, bool for_ever, struct selector *selector,
			struct error *error)
{
	const struct source *source = &attempt->source;
	char text[SELECTOR_TEXT_SIZE];

	if (source->class != SOURCE_GUEST || !source->guest || source->shared)
		return error_set(error, -EINVAL,
				 "which guest event %llu is from could not be told: use lhguard "
				 "allow, and think of whom else it lets in",
				 (unsigned long long)attempt->id);
	if (for_ever && (!source->name[0] || source->is_numbered))
		return error_set(error, -EINVAL,
				 "the guest of event %llu has no name by which it could be known "
				 "again: allow it for a while",
				 (unsigned long long)attempt->id);
	if (for_ever)
		snprintf(text, sizeof(text), "%s:%s", kind_text(source->kind), source->name);
	else
		snprintf(text, sizeof(text), "guest:%u", source->guest);
	return selector_parse(text, selector, error);
}

static int parse_attempt(const struct attempt *attempt, bool for_ever, struct exception *exception,
			 struct error *error)
{
	const struct flow *flow = &attempt->flow;
	struct service service = {
		.protocol = flow->protocol,
		.family = address_family(&flow->service),
		.address = flow->service,
		.prefix = 128,
		.first = flow->service_port,
		.last = flow->service_port,
	};
	char text[SERVICE_TEXT_SIZE];

	if (!is_allowable(attempt))
		return error_set(error, -EINVAL, "event %llu is nothing that an exception changes",
				 (unsigned long long)attempt->id);
	*exception = (struct exception){.allow = true, .created_us = clock_realtime_us()};
	/* By way of the words, which is how it is kept: what cannot be written is not made. */
	if (service_parse(service_format(text, sizeof(text), &service), &exception->service, error))
		return -EINVAL;
	return select_guest(attempt, for_ever, &exception->source, error);
}

void allow_event(struct call *call)
{
	const struct control_settings *settings = call->settings;
	bool for_ever = !call_parameter(call, "seconds");
	struct error error = {.text = ""};
	const struct attempt *attempt = find_event(call, &error);
	struct exception exception = {.allow = true};
	int result;

	if (!attempt)
		return call_fail_reason(call, OWN("NoSuchEvent"), &error, -ENOENT);
	result = parse_attempt(attempt, for_ever, &exception, &error);
	if (result)
		return call_fail_reason(call, OWN("InvalidSource"), &error, result);
	if (changes_parse_seconds(call, exception.created_us, &exception.expires_us))
		return;
	exception.creator = call->peer->uid;
	text_copy(exception.comment, sizeof(exception.comment), "allowed from an alert");
	if (!for_ever)
		result = whom_bind(settings->registry, &exception, &error);
	if (!result)
		result = settings->handler->add(settings->data, &exception, &exception.id, &error);
	if (result < 0)
		call_fail_reason(call, changes_error(result), &error, result);
	else
		changes_answer(call, &exception);
}

/* Whether there is such an event, and of what kind, is for those who may: they are told by the call. */
int allow_event_describe(struct call *call, char *text, size_t size)
{
	char service[SERVICE_TEXT_SIZE], source[NAME_SIZE + RUNTIME_SIZE];
	bool for_ever = !call_parameter(call, "seconds");
	struct error error = {.text = ""};
	const struct attempt *attempt = find_event(call, &error);
	struct exception exception = {.allow = true};

	if (changes_parse_seconds(call, 0, &exception.expires_us))
		return -EINVAL;
	if (!attempt || parse_attempt(attempt, for_ever, &exception, &error))
		return 0;
	if (call->subject)
		attempt_copy(call->subject, attempt);
	text_append(text, size, "let ");
	permission_quote(text, size, source_label(source, sizeof(source), &attempt->source));
	text_append(text, size, " reach %s",
		    service_format(service, sizeof(service), &exception.service));
	changes_describe_end(call, text, size);
	return 0;
}
