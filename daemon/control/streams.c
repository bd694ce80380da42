// SPDX-License-Identifier: GPL-2.0-or-later
/* Answers that come in many messages: long lists, and events as they happen. */
#include "control/streams.h"

#include "control/events.h"
#include "control/reach_method.h"
#include "control/replies.h"
#include "control/walks.h"
#include "guests/registry.h"
#include "guests/view.h"
#include "policy/services.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/**
 * struct page - the part of a list that one answer carries
 * @settings: of the control socket
 * @items: what it carries
 * @after: id of the last item of the page before
 * @last: id of its own last item
 * @bytes: of JSON so far
 * @is_cut: there are more items behind it
 */
struct page {
	const struct control_settings *settings;
	json_t *items;
	uint64_t after;
	uint64_t last;
	size_t bytes;
	bool is_cut;
};

static int add_item(struct page *page, uint64_t id, json_t *item)
{
	page->bytes += json_dumpb(item, NULL, 0, JSON_COMPACT);
	page->last = id;
	return json_array_append_new(page->items, item);
}

static bool is_on_page(struct page *page, uint64_t id)
{
	if (id <= page->after)
		return false;
	page->is_cut = page->bytes >= PAGE_BYTES;
	return !page->is_cut;
}

static int add_exception(void *data, const struct exception *exception)
{
	struct page *page = data;

	if (!is_on_page(page, exception->id))
		return page->is_cut;
	return add_item(page, exception->id, reply_exception(exception));
}

static int add_guest(void *data, const struct guest *guest)
{
	struct page *page = data;
	struct guest_view view;

	if (!is_on_page(page, guest->id))
		return page->is_cut;
	page->settings->handler->view(page->settings->data, guest, &view);
	return add_item(page, guest->id, reply_guest(guest, &view));
}

static int add_services(struct page *page)
{
	const struct known_service *known;
	int result = 0;

	for (size_t i = 0; !result && (known = services_at(page->settings->services, i)); i++)
		if (is_on_page(page, i + 1))
			result = add_item(page, i + 1, reply_known_service(known));
		else if (page->is_cut)
			break;
	return result;
}

static json_t *next_page(const struct control_settings *settings, struct stream *stream)
{
	struct page page = {.settings = settings, .items = json_array(), .after = stream->cursor};
	const char *name;
	int result;

	if (stream->type == STREAM_EXCEPTIONS) {
		name = "exceptions";
		result = exceptions_each(settings->exceptions, add_exception, &page);
	} else if (stream->type == STREAM_SERVICES) {
		name = "services";
		result = add_services(&page);
	} else {
		name = "guests";
		result = registry_each(settings->registry, add_guest, &page);
	}
	if (result < 0) { /* short of memory */
		json_decref(page.items);
		return NULL;
	}
	stream->cursor = page.last;
	if (!page.is_cut) {
		stream->type = STREAM_NONE;
		return json_pack("{s:{s:o}}", "parameters", name, page.items);
	}
	return json_pack("{s:b, s:{s:o}}", "continues", 1, "parameters", name, page.items);
}

/* For events_each(): the first of what it visits. */
static int take_first(void *data, const struct attempt *attempt)
{
	const struct attempt **first = data;

	*first = attempt;
	return 1;
}

static uint64_t newest_event(const struct control_settings *settings)
{
	struct events_totals totals;

	events_totals(settings->events, &totals);
	return totals.attempts;
}

static json_t *event_answer(const struct attempt *attempt, bool continues, uint64_t lost)
{
	return json_pack("{s:b, s:{s:o, s:I}}", "continues", continues, "parameters", "event",
			 attempt ? reply_event(attempt) : json_null(), "lost", (json_int_t)lost);
}

static json_t *next_event(const struct control_settings *settings, struct stream *stream)
{
	const struct attempt *attempt = NULL;
	json_t *answer;

	if (!stream->is_started) {
		stream->is_started = true;
		return event_answer(NULL, true, 0);
	}
	events_each(settings->events, newest_event(settings) - stream->cursor, take_first,
		    &attempt);
	if (!attempt) {
		stream->is_live = true;
		return NULL;
	}
	stream->lost += attempt->id - stream->cursor - 1; /* the ring was faster */
	events_note_untold(settings->events, attempt->id - stream->cursor - 1);
	answer = event_answer(attempt, true, stream->lost);
	if (answer) {
		stream->cursor = attempt->id;
		stream->lost = 0;
	}
	return answer;
}

static json_t *next_status(const struct control_settings *settings, struct stream *stream)
{
	struct status status;

	if (stream->is_live)
		return NULL;
	stream->is_live = true;
	settings->handler->status(settings->data, &status);
	return json_pack("{s:b, s:{s:o}}", "continues", true, "parameters", "status",
			 reply_status(&status));
}

json_t *stream_next(const struct control_settings *settings, struct stream *stream)
{
	switch (stream->type) {
	case STREAM_EVENTS:
		return next_event(settings, stream);
	case STREAM_CONNECTIONS:
	case STREAM_CUT:
		return walk_answer(settings, stream);
	case STREAM_STATUS:
		return next_status(settings, stream);
	case STREAM_PORTS:
		return reach_answer(settings, stream);
	default:
		return next_page(settings, stream);
	}
}

void stream_end(const struct control_settings *settings, struct stream *stream)
{
	if (stream->walk)
		settings->handler->walk_end(stream->walk);
	if (stream->reach)
		settings->handler->reach_end(stream->reach);
	json_decref(stream->items);
	*stream = (struct stream){.type = STREAM_NONE};
}

json_t *stream_newest_event(const struct control_settings *settings)
{
	const struct attempt *attempt = NULL;

	events_each(settings->events, 1, take_first, &attempt);
	return event_answer(attempt, false, 0);
}

void stream_start_events(const struct control_settings *settings, struct stream *stream,
			 uint64_t past)
{
	struct events_totals totals;
	uint64_t kept;

	events_totals(settings->events, &totals);
	kept = totals.attempts - totals.forgotten;
	*stream = (struct stream){
		.type = STREAM_EVENTS,
		.cursor = totals.attempts - (past < kept ? past : kept),
	};
}

size_t stream_event_text(char *text, size_t size, const char *event, uint64_t lost)
{
	int length =
		snprintf(text, size,
			 "{\"continues\":true,\"parameters\":{\"lost\":%" PRIu64 ",\"event\":%s}}",
			 lost, event);

	return length < 0 || (size_t)length >= size ? 0 : (size_t)length;
}
