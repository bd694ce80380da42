// SPDX-License-Identifier: GPL-2.0-or-later
/* The methods about open connections, which take more than one turn to answer. */
#include "control/walks.h"

#include "control/call.h"
#include "control/replies.h"
#include "control/whom.h"
#include "policy/services.h"

#include <errno.h>

#define LISTED_MAX 10000 /* connections in one list */

static void fail(json_t **answer, const char *name, const struct error *error, int result)
{
	struct call failed = {.answer = *answer};

	call_fail_reason(&failed, name, error, result);
	*answer = failed.answer;
}

static int parse_query(struct call *call, struct walk_query *query)
{
	const char *source = call_string(call, "source"), *service = call_string(call, "service");
	struct error error = {.text = ""};

	query->refused = call_flag(call, "refusedOnly");
	query->has_source = source;
	query->has_service = service;
	if (source && (selector_parse(source, &query->source, &error) ||
		       whom_check(call->settings, &query->source, &error))) {
		call_fail_reason(call, OWN("InvalidSource"), &error, -EINVAL);
		return -EINVAL;
	}
	if (service && services_parse(call->settings->services, service, &query->service, &error)) {
		call_fail_reason(call, OWN("InvalidService"), &error, -EINVAL);
		return -EINVAL;
	}
	return 0;
}

/* @items: for the stream, which takes them over */
static void start(struct call *call, enum stream_type type, struct walk_query *query, json_t *items)
{
	const struct control_settings *settings = call->settings;
	struct error error = {.text = ""};
	struct walk *walk = NULL;
	int result = settings->handler->walk_start(settings->data, query, &walk, &error);

	query->ended = NULL;
	if (result < 0) {
		json_decref(items);
		call_fail_reason(call, OWN("Failed"), &error, result);
		return;
	}
	*call->stream = (struct stream){
		.type = type,
		.walk = walk,
		.is_single = !call->is_more,
		.items = items,
	};
	call->answer = stream_next(settings, call->stream);
}

void walk_list(struct call *call)
{
	struct walk_query query = {.cut = false};

	if (!parse_query(call, &query))
		start(call, STREAM_CONNECTIONS, &query, NULL);
}

void walk_cut(struct call *call)
{
	struct walk_query query = {.cut = true};

	if (!parse_query(call, &query))
		start(call, STREAM_CUT, &query, NULL);
}

void walk_cut_removed(struct call *call, struct walk_query *query, json_t *parameters)
{
	start(call, STREAM_CUT, query, parameters);
}

/* What was found since the last answer. */
static json_t *page(struct stream *stream, bool continues, bool incomplete)
{
	json_t *items = stream->items ? stream->items : json_array();

	stream->items = NULL;
	stream->bytes = 0;
	return json_pack("{s:b, s:{s:o, s:b}}", "continues", continues, "parameters", "connections",
			 items, "incomplete", incomplete);
}

static int add(struct stream *stream, const struct open_connection *connection)
{
	json_t *item;

	stream->count++;
	if (stream->type == STREAM_CUT)
		return 0;
	item = reply_connection(connection);
	if (!stream->items)
		stream->items = json_array();
	stream->bytes += json_dumpb(item, NULL, 0, JSON_COMPACT);
	return json_array_append_new(stream->items, item);
}

static json_t *last_answer(struct stream *stream, bool incomplete)
{
	json_t *parameters;

	if (stream->type == STREAM_CONNECTIONS)
		return page(stream, false, incomplete);
	parameters = stream->items ? stream->items : json_object();
	stream->items = NULL;
	json_object_set_new(parameters, "cut", json_integer((json_int_t)stream->count));
	return json_pack("{s:o}", "parameters", parameters);
}

json_t *walk_answer(const struct control_settings *settings, struct stream *stream)
{
	struct open_connection connection;
	struct error error = {.text = ""};
	json_t *answer = NULL;
	int step;

	while (stream->bytes < PAGE_BYTES) {
		bool is_full = stream->type == STREAM_CONNECTIONS && stream->count == LISTED_MAX;

		step = is_full ? WALK_END
			       : settings->handler->walk_next(stream->walk, &connection, &error);
		if (step == WALK_LATER)
			return NULL;
		if (step == WALK_FOUND && !add(stream, &connection))
			continue;
		if (step == WALK_END)
			answer = last_answer(stream, is_full);
		else if (step < 0)
			fail(&answer, OWN("Failed"), &error, step);
		stream_end(settings, stream);
		return answer;
	}
	if (!stream->is_single)
		return page(stream, true, false);
	stream_end(settings, stream);
	return json_pack("{s:s}", "error", SERVICE("ExpectedMore"));
}
