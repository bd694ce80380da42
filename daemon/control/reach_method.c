// SPDX-License-Identifier: GPL-2.0-or-later
/* The method that says who reaches what, which takes more than one turn to answer. */
#include "control/reach_method.h"

#include "control/call.h"
#include "control/reach.h"
#include "control/replies.h"

#include <errno.h>

void reach_list(struct call *call)
{
	const struct control_settings *settings = call->settings;
	struct error error = {.text = ""};
	struct reach_walk *walk = NULL;
	int result = settings->handler->reach_start(settings->data, &walk, &error);

	if (result < 0) {
		call_fail_reason(call, OWN("Failed"), &error, result);
		return;
	}
	*call->stream =
		(struct stream){.type = STREAM_PORTS, .reach = walk, .is_single = !call->is_more};
	call->answer = stream_next(settings, call->stream);
}

/* What was found since the last answer. */
static json_t *page(const struct control_settings *settings, struct stream *stream, bool continues)
{
	json_t *items = stream->items ? stream->items : json_array();

	stream->items = NULL;
	stream->bytes = 0;
	return json_pack("{s:b, s:{s:o, s:b, s:b}}", "continues", continues, "parameters", "ports",
			 items, "enforced", settings->handler->is_enforcing(settings->data),
			 "incomplete", settings->handler->reach_is_incomplete(stream->reach));
}

static int add(struct stream *stream, const struct open_port *port)
{
	json_t *item = reply_port(port);

	if (!stream->items)
		stream->items = json_array();
	stream->bytes += json_dumpb(item, NULL, 0, JSON_COMPACT);
	return json_array_append_new(stream->items, item);
}

static json_t *fail(const struct error *error, int result)
{
	struct call failed = {.answer = NULL};

	call_fail_reason(&failed, OWN("Failed"), error, result);
	return failed.answer;
}

json_t *reach_answer(const struct control_settings *settings, struct stream *stream)
{
	const struct open_port *port = NULL;
	struct error error = {.text = ""};
	json_t *answer = NULL;
	int step;

	while (stream->bytes < PAGE_BYTES) {
		step = settings->handler->reach_next(stream->reach, &port, &error);
		if (step == WALK_LATER)
			return NULL;
		if (step == WALK_FOUND && add(stream, port))
			step = -ENOMEM;
		if (step == WALK_FOUND)
			continue;
		answer = step == WALK_END ? page(settings, stream, false) : fail(&error, step);
		stream_end(settings, stream);
		return answer;
	}
	if (!stream->is_single)
		return page(settings, stream, true);
	stream_end(settings, stream);
	return json_pack("{s:s}", "error", SERVICE("ExpectedMore"));
}
