// SPDX-License-Identifier: GPL-2.0-or-later
/* The methods that say what the policy would do, and why. */
#include "control/explain_method.h"

#include "control/call.h"
#include "control/events.h"
#include "control/replies.h"
#include "control/whom.h"
#include "policy/services.h"

#include <errno.h>
#include <string.h>

/**
 * struct answers - the explanations so far
 * @list: an array, owned
 * @bytes: of JSON in it
 * @is_full: there are more, which it does not hold
 */
struct answers {
	json_t *list;
	size_t bytes;
	bool is_full;
};

static int add(void *data, const struct explanation *explanation)
{
	struct answers *answers = data;
	json_t *answer;

	if (answers->bytes >= PAGE_BYTES) {
		answers->is_full = true;
		return 1;
	}
	answer = reply_explanation(explanation);
	answers->bytes += json_dumpb(answer, NULL, 0, JSON_COMPACT);
	return json_array_append_new(answers->list, answer);
}

static int parse_source(struct call *call, struct explain_query *query)
{
	const char *source = call_string(call, "source");
	struct error error = {.text = ""};

	query->is_host = !strcmp(source, "host");
	if (query->is_host || !selector_parse(source, &query->selector, &error))
		return 0;
	call_fail_reason(call, OWN("InvalidSource"), &error, -EINVAL);
	return -EINVAL;
}

/* One port of one address, or of any; TCP, where no protocol is named. */
static int parse_service(struct call *call, struct explain_query *query)
{
	struct error error = {.text = ""};
	struct service service;
	int result = services_parse(call->settings->services, call_string(call, "service"),
				    &service, &error);

	if (!result && (service.first != service.last || (service.prefix && service.prefix != 128)))
		result = error_set(&error, -EINVAL,
				   "\"%s\" is more than one service: write one port, and one "
				   "address or none, e.g. 127.0.0.1:9222",
				   call_string(call, "service"));
	if (result) {
		call_fail_reason(call, OWN("InvalidService"), &error, result);
		return result;
	}
	query->has_address = service.prefix;
	query->flow = (struct flow){
		.service = service.address,
		.service_port = service.first,
		.family = service.family,
		.protocol = service.protocol ? service.protocol : IPPROTO_TCP,
	};
	return 0;
}

void explain_source(struct call *call)
{
	const struct control_settings *settings = call->settings;
	struct explain_query query = {.is_host = false};
	struct answers answers = {.bytes = 0};
	struct error error;

	if (parse_source(call, &query) || parse_service(call, &query))
		return;
	answers.list = json_array();
	if (settings->handler->explain(settings->data, &query, add, &answers))
		return call_answer_with(call, json_pack("{s:o, s:b}", "explanations", answers.list,
							"incomplete", answers.is_full));
	json_decref(answers.list);
	if (whom_check(settings, &query.selector, &error))
		return call_fail_reason(call, OWN("InvalidSource"), &error, -EINVAL);
	error_set(&error, -ESRCH,
		  "no way from \"%s\" to this host is known: lhguard guests shows who runs",
		  call_string(call, "source"));
	call_fail_reason(call, OWN("NoSuchGuest"), &error, -ESRCH);
}

void explain_event(struct call *call)
{
	const struct control_settings *settings = call->settings;
	json_int_t id = json_integer_value(call_parameter(call, "id"));
	const struct attempt *attempt;
	struct explanation explanation;
	struct error error;

	if (id < 1)
		return call_fail_parameter(call, "id");
	attempt = events_find(settings->events, (uint64_t)id);
	if (!attempt)
		error_set(&error, -ENOENT,
			  "there is no event %llu: the newest %d are kept, and of each guest its "
			  "last refusals; lhguard watch --past %d shows the newest",
			  (unsigned long long)id, EVENTS_RING, EVENTS_RING);
	else if (attempt->type != EVENT_ATTEMPT)
		error_set(&error, -ENOENT, "event %llu is no attempt: nothing was judged",
			  (unsigned long long)id);
	else
		error.text[0] = '\0';
	if (error.text[0])
		return call_fail_reason(call, OWN("NoSuchEvent"), &error, -ENOENT);
	settings->handler->explain_attempt(settings->data, attempt, &explanation);
	call_answer_with(call, json_pack("{s:o, s:o}", "event", reply_event(attempt), "explanation",
					 reply_explanation(&explanation)));
}
