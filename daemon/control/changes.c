// SPDX-License-Identifier: GPL-2.0-or-later
/* The methods that change something: exceptions, and what is read from files. */
#include "control/changes.h"

#include "control/call.h"
#include "control/permission.h"
#include "control/replies.h"
#include "control/whom.h"
#include "policy/duration.h"
#include "policy/overlap.h"
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

int changes_parse_seconds(struct call *call, uint64_t now_us, uint64_t *expires_us)
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

int changes_parse_words(struct call *call, struct exception *exception)
{
	const char *service = call_string(call, "service"), *source = call_string(call, "source");
	const char *comment = call_string(call, "comment");
	struct error error = {.text = ""};

	if (comment && !text_copy(exception->comment, sizeof(exception->comment), comment)) {
		call_fail_parameter(call, "comment");
		return -EINVAL;
	}
	if (service &&
	    services_parse(call->settings->services, service, &exception->service, &error)) {
		call_fail_reason(call, OWN("InvalidService"), &error, -EINVAL);
		return -EINVAL;
	}
	if (source && selector_parse(source, &exception->source, &error)) {
		call_fail_reason(call, OWN("InvalidSource"), &error, -EINVAL);
		return -EINVAL;
	}
	return 0;
}

int changes_check_source(struct call *call, const struct selector *source)
{
	struct error error = {.text = ""};
	int result = whom_check(call->settings, source, &error);

	if (result)
		call_fail_reason(call, OWN("InvalidSource"), &error, result);
	return result;
}

static int parse_exception(struct call *call, struct exception *exception)
{
	*exception = (struct exception){
		.source = {.type = SELECT_ANY},
		.created_us = clock_realtime_us(),
		.creator = call->peer->uid,
		.cut = call_flag(call, "cutAtEnd"),
		.once = call_flag(call, "once"),
	};
	if (parse_action(call, &exception->allow) ||
	    changes_parse_seconds(call, exception->created_us, &exception->expires_us))
		return -EINVAL;
	if (call_flag(call, "pin") && !exception->allow) {
		call_fail_parameter(call, "pin");
		return -EINVAL;
	}
	/* A connection that is refused comes again; one that is cut at once was no use. */
	if (exception->once && (!exception->allow || exception->cut)) {
		call_fail_parameter(call, "once");
		return -EINVAL;
	}
	return changes_parse_words(call, exception);
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

/**
 * struct look - at what other exceptions have to do with one
 * @is_dry_run: whoever asks wants to know all
 * @left: notes that there is room for
 */
struct look {
	const struct exception *exception;
	bool is_dry_run;
	size_t left;
	json_t *notes;
};

static bool lasts_as_long(const struct exception *other, const struct exception *exception)
{
	return !other->expires_us ||
	       (exception->expires_us && exception->expires_us <= other->expires_us);
}

/* Is the exception of no use, as @other does all of it? Asked for good, also for as long? */
static bool is_there_already(const struct look *look, const struct exception *other,
			     enum overlap overlap)
{
	return look->exception->allow == other->allow && overlap == OVERLAP_WHOLE && !other->once &&
	       !other->pin[0] && (look->is_dry_run || lasts_as_long(other, look->exception));
}

/* What is said of @other, NULL: nothing. Everything but the first two is for who only wants to know. */
static const char *say_overlap(const struct look *look, const struct exception *other)
{
	const struct exception *exception = look->exception;
	enum overlap overlap = overlap_of(exception, other);

	if (exception->allow && !other->allow && overlap == OVERLAP_WHOLE)
		return look->is_dry_run ? "would still refuse all of it"
					: "still refuses all of it";
	if (is_there_already(look, other, overlap))
		return exception->allow ? "allows all of it already" : "denies all of it already";
	if (!look->is_dry_run)
		return NULL;
	if (exception->allow && !other->allow && overlap == OVERLAP_PART)
		return "would still refuse a part of it";
	if (exception->allow || !other->allow)
		return NULL;
	overlap = overlap_of(other, exception);
	if (overlap == OVERLAP_WHOLE)
		return "would have nothing left to allow";
	return overlap == OVERLAP_PART ? "would lose a part of what it allows" : NULL;
}

void changes_note(json_t *notes, const struct exception *other, const char *what)
{
	char service[SERVICE_TEXT_SIZE], source[SELECTOR_TEXT_SIZE];
	char note[SERVICE_TEXT_SIZE + SELECTOR_TEXT_SIZE + 128] = "";

	text_append(note, sizeof(note), "%s exception %u (%s %s %s) %s",
		    other->allow ? "allow" : "deny", other->id,
		    service_format(service, sizeof(service), &other->service),
		    other->allow ? "from" : "to",
		    selector_format(source, sizeof(source), &other->source), what);
	json_array_append_new(notes, json_string(note));
}

static int look_at(void *data, const struct exception *other)
{
	struct look *look = data;
	const char *what;

	if (other->id == look->exception->id)
		return 0;
	what = say_overlap(look, other);
	if (!what)
		return 0;
	changes_note(look->notes, other, what);
	return --look->left == 0;
}

void changes_answer(struct call *call, const struct exception *exception)
{
	const struct control_settings *settings = call->settings;
	char note[WHOM_TEXT_SIZE + SELECTOR_TEXT_SIZE + 128];
	struct look look = {
		.exception = exception,
		.is_dry_run = call_flag(call, "dryRun"),
		.left = NOTES_MAX,
		.notes = json_array(),
	};

	if (whom_note(settings, exception, note, sizeof(note)))
		json_array_append_new(look.notes, json_string(note));
	exceptions_each(settings->exceptions, look_at, &look);
	call_answer_with(call, json_pack("{s:o, s:o}", "exception", reply_exception(exception),
					 "notes", look.notes));
}

void changes_add(struct call *call)
{
	const struct control_settings *settings = call->settings;
	struct error error = {.text = ""};
	struct exception exception;
	int result = 0;

	if (parse_exception(call, &exception) || changes_check_source(call, &exception.source))
		return;
	if (ends_with_guest(call, &exception))
		result = whom_bind(settings->registry, &exception, &error);
	if (result == 0 && call_flag(call, "pin"))
		result = settings->handler->pin(settings->data, &exception, &error);
	if (result == 0)
		result = settings->handler->add(settings->data, &exception,
						call_flag(call, "dryRun") ? NULL : &exception.id,
						&error);
	if (result < 0)
		call_fail_reason(call, changes_error(result), &error, result);
	else
		changes_answer(call, &exception);
}

void changes_describe_end(const struct call *call, char *text, size_t size)
{
	json_int_t seconds = json_integer_value(call_parameter(call, "seconds"));
	char duration[32];

	if (call_flag(call, "once"))
		text_append(text, size, " once");
	if (seconds > 0)
		text_append(text, size, " for %s",
			    duration_format(duration, sizeof(duration), (uint64_t)seconds));
	else if (call_flag(call, "untilStop"))
		text_append(text, size, " until it stops");
	else if (!call_flag(call, "once"))
		text_append(text, size, " always");
}

int changes_describe(struct call *call, char *text, size_t size)
{
	char service[SERVICE_TEXT_SIZE], source[SELECTOR_TEXT_SIZE];
	struct exception exception;

	if (parse_exception(call, &exception))
		return -EINVAL;
	text_append(text, size, "%s %s %s ", exception.allow ? "allow" : "deny",
		    service_format(service, sizeof(service), &exception.service),
		    exception.allow ? "from" : "to");
	selector_format(source, sizeof(source), &exception.source);
	if (exception.source.type == SELECT_ANY)
		text_append(text, size, "every guest");
	else
		permission_quote(text, size, source);
	changes_describe_end(call, text, size);
	return 0;
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
