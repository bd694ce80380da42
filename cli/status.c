// SPDX-License-Identifier: GPL-2.0-or-later
/* The verb that tells how the guard is doing, and what to do where it is not well. */
#include "mode.h"
#include "output.h"
#include "prose.h"
#include "verbs.h"

#include "util/array.h"
#include "util/cleanup.h"
#include "util/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER	    "%" JSON_INTEGER_FORMAT
#define LABEL_WIDTH 16

static void line(const char *label, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void line(const char *label, const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	prose("%-*s%s", LABEL_WIDTH, label, text);
	prose_end(LABEL_WIDTH);
}

/* What to do, below the line that says what is wrong. */
static void advise(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void advise(const char *format, ...)
{
	_cleanup_free_ char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		abort();
	va_end(args);
	prose("%*s%s %s", LABEL_WIDTH, "", arrow(), text);
	prose_end(LABEL_WIDTH + text_width(arrow()) + 1);
}

/* What was not told is not said to have failed. */
static bool is_ok(const json_t *status, const char *part)
{
	const json_t *told = json_object_get(status, part);

	return !is_told(told, "state") || !strcmp(text_of(told, "state"), "ok");
}

static const char *failure(const json_t *status, const char *part)
{
	return shown(text_of(json_object_get(status, part), "error"));
}

/* How many states there are that want somebody to look; each is told below, with what to do. */
static unsigned int count_troubles(const json_t *status)
{
	static const char *const parts[] = {"configuration", "catalogue", "services", "exceptions"};
	static const char *const counts[] = {"tableRestored", "processEventsLost",
					     "processesSilent", "journalLost", "eventsLost"};
	static const char *const of_queues[] = {"overflowed", "lost", "unsent"};
	const json_t *queues = json_object_get(status, "queues");
	unsigned int count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		count += !is_ok(status, parts[i]);
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		count += number_of(status, counts[i]) > 0;
	for (size_t i = 0; i < json_array_size(queues); i++)
		for (size_t k = 0; k < ARRAY_SIZE(of_queues); k++)
			count += number_of(json_array_get(queues, i), of_queues[k]) > 0;
	return count;
}

static const char *plural(json_int_t count)
{
	return count == 1 ? "" : "s";
}

/* ", 3 guests" */
static void print_count(const json_t *status, const char *member, const char *what)
{
	json_int_t count = number_of(status, member);

	if (is_told(status, member))
		prose(", " WHOLE(NUMBER " %s%s"), count, what, plural(count));
}

/* What most people read. */
static void print_summary(const json_t *status)
{
	bool is_enforced = !strcmp(text_of(status, "mode"), "enforce");
	unsigned int troubles = count_troubles(status);

	prose("%s" WHOLE("%s: %s%s%s") "%s", colour(is_enforced ? COLOUR_GREEN : COLOUR_YELLOW),
	      is_enforced ? "guarding" : "watching", shown(text_of(status, "mode")),
	      is_told(status, "modeSince") ? " since " : "",
	      is_told(status, "modeSince") ? local_time(text_of(status, "modeSince")) : "",
	      colour(COLOUR_NONE));
	print_count(status, "guestCount", "guest");
	print_count(status, "exceptionCount", "exception");
	if (is_told(status, "refusedLastHour"))
		prose(", " WHOLE(NUMBER "%s refused in the last hour"),
		      number_of(status, "refusedLastHour"), is_enforced ? "" : " would have been");
	if (troubles)
		prose("; " WHOLE("%s%u thing%s not well, see %s below%s"), colour(COLOUR_RED),
		      troubles, plural(troubles), arrow(), colour(COLOUR_NONE));
	prose_end(0);
	putchar('\n');
}

static void print_mode(const json_t *status)
{
	const char *refusal = text_of(status, "verdict"), *override = mode_override_text(status);
	bool is_enforced = !strcmp(text_of(status, "mode"), "enforce");

	if (is_enforced)
		line("mode", "enforce: what is refused is %s",
		     strcmp(refusal, "reject") ? "dropped" : "rejected");
	else
		line("mode", "MONITOR: everything is let through, and recorded as what it would "
			     "have been");
	if (override)
		line("", "%s", override);
	if (is_enforced)
		return;
	if (override)
		advise("to refuse in earnest: " WHOLE("lhguard mode enforce"));
	else
		advise("to refuse in earnest: mode = enforce in %s, then: " WHOLE("lhguard reload"),
		       shown(text_of(status, "configurationFile")));
}

static void print_files(const json_t *status)
{
	const char *path = shown(text_of(status, "configurationFile"));

	if (is_ok(status, "configuration")) {
		line("configuration", "%s", path);
	} else {
		line("configuration", "FAILED %s", failure(status, "configuration"));
		advise("the last good one is in force; mend it, then: " WHOLE("lhguard reload"));
	}
	if (!is_ok(status, "catalogue")) {
		line("catalogue", "FAILED %s", failure(status, "catalogue"));
		advise("the rest of it is in force; mend the file, then: " WHOLE("lhguard reload"));
	}
	if (!is_ok(status, "services")) {
		line("services", "FAILED %s", failure(status, "services"));
		advise("the other names are known; mend the file, then: " WHOLE("lhguard reload"));
	}
	if (is_ok(status, "exceptions")) {
		if (is_told(status, "exceptionCount"))
			line("exceptions", NUMBER, number_of(status, "exceptionCount"));
	} else {
		line("exceptions", "FAILED %s", failure(status, "exceptions"));
		advise("none is in force; mend the file, then: " WHOLE("lhguard reload"));
	}
}

static void print_queue(const json_t *queue, const char *configuration)
{
	const char *name = shown(text_of(queue, "name"));
	const char *overflow = shown(text_of(queue, "overflow"));
	json_int_t overflowed = number_of(queue, "overflowed"), lost = number_of(queue, "lost");
	json_int_t unsent = number_of(queue, "unsent");
	char label[64];

	snprintf(label, sizeof(label), "queue %s", name);
	line(label, "number " NUMBER ", length " NUMBER ", full: %s, no lhguardd: %s",
	     number_of(queue, "number"), number_of(queue, "length"), overflow,
	     shown(text_of(queue, "down")));
	if (overflowed) {
		line("", NUMBER " connections found it FULL: %s", overflowed, overflow);
		advise("raise length in [queue %s] of %s, then restart lhguardd", name,
		       configuration);
	}
	if (lost) {
		line("", NUMBER " times the kernel could not hand packets over", lost);
		advise("the machine is too busy for lhguardd; their clients try again");
	}
	if (unsent) {
		line("", NUMBER " verdicts were refused by the kernel", unsent);
		advise("look for another program that changes the queues; see the log of lhguardd");
	}
}

static void print_losses(const json_t *status)
{
	json_int_t restored = number_of(status, "tableRestored");
	json_int_t processes = number_of(status, "processEventsLost");
	json_int_t silent = number_of(status, "processesSilent");
	json_int_t journal = number_of(status, "journalLost");
	json_int_t events = number_of(status, "eventsLost");

	if (restored) {
		line("table", "RESTORED " NUMBER " times: somebody else changed or flushed it",
		     restored);
		advise("let other firewalls change their own tables only, not \"flush ruleset\"");
	}
	if (processes) {
		line("process events", "LOST " NUMBER " times; all processes were looked at anew",
		     processes);
		advise("nothing, unless it grows: then the machine starts processes faster than "
		       "lhguardd can follow");
	}
	if (silent) {
		line("processes", NUMBER " did NOT ANSWER when lhguardd read what they run",
		     silent);
		advise("the log of lhguardd names them; they are judged by what else is known of "
		       "them");
	}
	if (journal) {
		line("journal", "LOST " NUMBER " events: journald was too slow", journal);
		advise("the newest are kept, too: " WHOLE("lhguard watch --past 1000"));
	}
	if (events) {
		line("events", "LOST " NUMBER ": programs that watched were too slow for them",
		     events);
		advise("let what reads them read faster; the newest: %s",
		       WHOLE("lhguard watch --past 1000"));
	}
}

/* "attempts        1234, refused 1200, in the last hour 14, gone unjudged 3" */
static void print_attempts(const json_t *status)
{
	static const struct {
		const char *member, *words;
	} counts[] = {
		{"attempts", ""},
		{"refused", ", refused "},
		{"refusedLastHour", ", in the last hour "},
		{"vanished", ", gone unjudged "},
	};
	char text[256] = "";

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		if (is_told(status, counts[i].member))
			text_append(text, sizeof(text), "%s" NUMBER, counts[i].words,
				    number_of(status, counts[i].member));
	line("attempts", "%s", text);
}

static void print_status(const json_t *status)
{
	const char *netns = text_of(status, "netns");
	const json_t *queues = json_object_get(status, "queues");

	print_summary(status);
	line("lhguardd", "%s, since %s", shown(text_of(status, "version")),
	     local_time(text_of(status, "since")));
	line("guards", "%s", *netns ? shown(netns) : "this machine");
	print_mode(status);
	print_files(status);
	line("guests", NUMBER, number_of(status, "guestCount"));
	print_attempts(status);
	line("table", "inet lhguard, queue expression: %s", shown(text_of(status, "expression")));
	for (size_t i = 0; i < json_array_size(queues); i++)
		print_queue(json_array_get(queues, i), shown(text_of(status, "configurationFile")));
	print_losses(status);
}

enum status verb_status(const struct options *options, int argc, char **argv)
{
	json_t *answer = NULL;
	enum status status = client_call(options->socket, "GetStatus", NULL, &answer);

	if (status)
		return status;
	if (options->json)
		print_document("status", json_incref(json_object_get(answer, "status")));
	else
		print_status(json_object_get(answer, "status"));
	json_decref(answer);
	return STATUS_DONE;
}
