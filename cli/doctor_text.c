// SPDX-License-Identifier: GPL-2.0-or-later
/* What lhguard doctor found, in words: a report of checks and blind spots, for people and for programs. */
#include "doctor_text.h"

#include "output.h"
#include "prose.h"

#include "util/array.h"
#include "util/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NAME_WIDTH  17
#define STATE_WIDTH 15
#define TEXT_COLUMN (NAME_WIDTH + 1 + STATE_WIDTH + 1)

#define PROBLEM "problem"
#define WARNING "warning"

/* What both the daemon and root can tell, and who was asked now could not. */
#define LOOK_AGAIN "look again as root, while lhguardd runs"

static const char *const healths[] = {
	[HEALTH_OK] = "ok",
	[HEALTH_UNKNOWN] = "unknown",
	[HEALTH_WARNING] = WARNING,
	[HEALTH_PROBLEM] = PROBLEM,
};

/* Where there is something to say, there is something to do. */
static const struct {
	const char *word;
	enum colour colour;
	bool wants_advice;
} states[] = {
	{"ok", COLOUR_GREEN, false},	      {"unknown", COLOUR_NONE, true},
	{WARNING, COLOUR_YELLOW, true},	      {PROBLEM, COLOUR_RED, true},
	{"none", COLOUR_NONE, false},	      {"found", COLOUR_NONE, true},
	{"not looked at", COLOUR_NONE, true}, {"cannot be told", COLOUR_NONE, true},
};

/* Items */

static json_t *item(const char *name, const char *title, const char *state, const char *advice,
		    json_t *found)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:o}", "name", name, "title", title, "state", state,
			 "advice", advice, "found", found);
}

json_t *doctor_check(const struct check *check, enum health health, json_t *found)
{
	return item(check->name, check->title, healths[health],
		    health == HEALTH_UNKNOWN ? LOOK_AGAIN : check->advice, found);
}

static const char *state_of(const struct blind_spot *spot, int result, const json_t *found)
{
	if (!spot->find)
		return "cannot be told";
	if (result)
		return "not looked at";
	return json_array_size(found) ? "found" : "none";
}

/* Nobody is left to guess why. */
static void add_reason(json_t *found, int result)
{
	if (json_array_size(found))
		return;
	json_array_append_new(found,
			      json_string(result == -ENOTCONN
						  ? "lhguardd knows the guests, but cannot be asked"
						  : strerror(-result)));
}

json_t *doctor_spot(const struct blind_spot *spot, int result, json_t *found)
{
	const char *advice = spot->advice;

	if (result)
		add_reason(found, result);
	if (result)
		advice = spot->look && result != -ENOTCONN ? spot->look : LOOK_AGAIN;
	return item(spot->name, spot->title, state_of(spot, result, found), advice, found);
}

unsigned int doctor_count(const json_t *list, const char *state)
{
	unsigned int count = 0;

	for (size_t i = 0; i < json_array_size(list); i++)
		count += !strcmp(text_of(json_array_get(list, i), "state"), state);
	return count;
}

/* For people */

static void print_head(const json_t *told, size_t state)
{
	enum colour paint = states[state].colour;
	const char *word = states[state].word;

	prose("%-*s %s%s%s%*s %s", NAME_WIDTH, text_of(told, "name"),
	      paint == COLOUR_NONE ? "" : colour(paint), word,
	      paint == COLOUR_NONE ? "" : colour(COLOUR_NONE), STATE_WIDTH - (int)strlen(word), "",
	      text_of(told, "title"));
	prose_end(TEXT_COLUMN);
}

static void print_item(const json_t *told)
{
	const json_t *found = json_object_get(told, "found");
	const char *advice = text_of(told, "advice");
	size_t state = 0;

	while (strcmp(states[state].word, text_of(told, "state")) != 0)
		state++;
	print_head(told, state);
	for (size_t i = 0; i < json_array_size(found); i++) {
		prose("%*s%s", TEXT_COLUMN, "", shown(json_string_value(json_array_get(found, i))));
		prose_end(TEXT_COLUMN);
	}
	if (!states[state].wants_advice || !*advice)
		return;
	prose("%*s%s %s", TEXT_COLUMN, "", arrow(), advice);
	prose_end(TEXT_COLUMN + text_width(arrow()) + 1);
}

void doctor_print(const json_t *list, const json_t *spots)
{
	unsigned int problems = doctor_count(list, PROBLEM), warnings = doctor_count(list, WARNING);

	for (size_t i = 0; i < json_array_size(list); i++)
		print_item(json_array_get(list, i));
	putchar('\n');
	prose("What the guard cannot see, since it is no IP packet or bears no mark, and what "
	      "of it is here:");
	prose_end(0);
	putchar('\n');
	for (size_t i = 0; i < json_array_size(spots); i++)
		print_item(json_array_get(spots, i));
	say("%s", "");
	say("%u problem%s, %u warning%s", problems, problems == 1 ? "" : "s", warnings,
	    warnings == 1 ? "" : "s");
}

/* For programs */

/* Nothing stays together there. */
static json_t *plain(const json_t *list)
{
	json_t *copy = json_deep_copy(list);

	for (size_t i = 0; i < json_array_size(copy); i++) {
		json_t *told = json_array_get(copy, i);
		_cleanup_free_ char *text = prose_wrap(text_of(told, "advice"), 0, 0);

		json_object_set_new(told, "advice", json_stringn(text, strlen(text) - 1));
	}
	return copy;
}

json_t *doctor_document(const json_t *list, const json_t *spots)
{
	return json_pack("{s:o, s:o}", "checks", plain(list), "blindSpots", plain(spots));
}
