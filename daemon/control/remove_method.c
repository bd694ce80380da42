// SPDX-License-Identifier: GPL-2.0-or-later
/* The method that forgets exceptions. */
#include "control/changes.h"

#include "control/call.h"
#include "control/walks.h"
#include "policy/overlap.h"
#include "util/clock.h"
#include "util/text.h"

#include <errno.h>
#include <stdlib.h>

#define LISTED_MAX 1000 /* ids in the answer, which is one message */

/* Return: @removal's ids, for free(); NULL when a parameter is wrong, or memory is short. */
static uint32_t *parse_ids(struct call *call, struct removal *removal)
{
	const json_t *list = call_parameter(call, "ids");
	size_t count = json_array_size(list);
	uint32_t *ids = calloc(count + 1, sizeof(*ids));

	for (size_t i = 0; ids && i < count; i++) {
		json_int_t id = json_integer_value(json_array_get(list, i));

		ids[i] = id < 1 || id > UINT32_MAX ? 0 : (uint32_t)id;
		if (ids[i])
			continue;
		free(ids);
		call_fail_parameter(call, "ids");
		return NULL;
	}
	if (!ids)
		call_fail_reason(call, OWN("Failed"), &(struct error){.text = ""}, -ENOMEM);
	removal->ids = ids;
	removal->count = count;
	return ids;
}

/* Just one of the three says which. */
static const char *wrong_choice(const struct call *call)
{
	const json_t *ids = call_parameter(call, "ids");
	const char *source = call_string(call, "source");
	bool expired = call_flag(call, "expired");

	if (!ids && !source)
		return expired ? NULL : "ids";
	if (ids && !json_array_size(ids))
		return "ids";
	if (ids && source)
		return "source";
	return expired ? "expired" : NULL;
}

static json_t *list_ids(const struct removed *removed)
{
	json_t *ids = json_array();

	for (size_t i = 0; i < removed->count && i < LISTED_MAX; i++)
		json_array_append_new(ids, json_integer(removed->rule[i].id));
	return ids;
}

/**
 * struct rest - what is left of what a removed exception did
 * @removed: the exception
 * @notes: at most NOTES_MAX
 */
struct rest {
	const struct exception *removed;
	json_t *notes;
};

static int visit_rest(void *data, const struct exception *other)
{
	struct rest *rest = data;
	const struct exception *removed = rest->removed;
	enum overlap overlap = overlap_of(removed, other);
	char what[64] = "";

	if (other->allow != removed->allow || other->is_spent || overlap == OVERLAP_NONE)
		return 0;
	text_append(what, sizeof(what), "still %s %s of what exception %u did",
		    other->allow ? "allows" : "denies", overlap == OVERLAP_WHOLE ? "all" : "a part",
		    removed->id);
	changes_note(rest->notes, other, what);
	return json_array_size(rest->notes) >= NOTES_MAX;
}

/* The first of many say enough: each is held against all that is left. */
static void note_rest(const struct exceptions *exceptions, const struct removed *removed,
		      json_t *notes)
{
	struct rest rest = {.notes = notes};

	for (size_t i = 0; i < removed->count && i < NOTES_MAX; i++) {
		rest.removed = &removed->rule[i];
		if (exceptions_each(exceptions, visit_rest, &rest))
			return;
	}
}

static json_t *list_notes(const struct call *call, const struct removed *removed)
{
	json_t *notes = json_array();
	char note[512] = "";

	if (!call_flag(call, "expired"))
		note_rest(call->settings->exceptions, removed, notes);
	if (!removed->kept)
		return notes;
	text_append(note, sizeof(note),
		    "exception %u is the administrator's and stays: remove it from %s",
		    removed->kept_rule->id, removed->kept_rule->file);
	if (removed->kept > 1)
		text_append(note, sizeof(note), " (and %zu more of the administrator's)",
			    removed->kept - 1);
	json_array_append_new(notes, json_string(note));
	return notes;
}

static void answer(struct call *call, struct removed *removed)
{
	struct walk_query ended = {
		.cut = true,
		.ended = removed->rule,
		.ended_count = removed->count,
	};
	json_t *parameters =
		json_pack("{s:o, s:I, s:o}", "removed", list_ids(removed), "count",
			  (json_int_t)removed->count, "notes", list_notes(call, removed));

	if (call_flag(call, "cut") && removed->count) {
		walk_cut_removed(call, &ended, parameters);
	} else {
		if (call_flag(call, "cut"))
			json_object_set_new(parameters, "cut", json_integer(0));
		call_answer_with(call, parameters);
	}
	free(ended.ended);
}

void changes_remove(struct call *call)
{
	const char *source = call_string(call, "source"), *wrong = wrong_choice(call);
	struct removal removal = {.ids = NULL};
	struct removed removed = {.rule = NULL};
	struct error error = {.text = ""};
	struct selector selector;
	uint32_t *ids = NULL;
	int result;

	if (wrong)
		return call_fail_parameter(call, wrong);
	if (source && selector_parse(source, &selector, &error))
		return call_fail_reason(call, OWN("InvalidSource"), &error, -EINVAL);
	if (call_parameter(call, "ids") && !(ids = parse_ids(call, &removal)))
		return;
	if (source)
		removal.source = &selector;
	if (call_flag(call, "expired"))
		removal.now_us = clock_realtime_us();
	result = call->settings->handler->remove(call->settings->data, &removal, &removed, &error);
	free(ids);
	if (result < 0)
		call_fail_reason(call, changes_error(result), &error, result);
	else
		answer(call, &removed);
}
