// SPDX-License-Identifier: GPL-2.0-or-later
/* The verb that shows the attempts of former times, from the journal. */
#include "entries.h"
#include "events.h"
#include "output.h"
#include "verbs.h"

struct shown {
	bool as_json;
	size_t count;
};

static void show(void *data, json_t *event)
{
	struct shown *shown = data;

	event_print(event, shown->as_json);
	shown->count++;
}

enum status verb_log(const struct options *options, int argc, char **argv)
{
	struct shown so_far = {.as_json = options->json};
	struct query query = {.newest = 0};
	enum status status = query_parse(&query, options);
	size_t found = 0;

	if (!status)
		status = entries_each(options, &query, show, &so_far, &found);
	if (!status && !found)
		say("In that time the journal has nothing of lhguardd.");
	else if (!status && !so_far.count)
		say("None of the %zu events in the journal is such a one.", found);
	return status;
}
