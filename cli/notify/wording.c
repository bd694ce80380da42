// SPDX-License-Identifier: GPL-2.0-or-later
/* The words of alerts about guests, for people who have read no manual. */
#include "wording.h"

#include "words_of.h"

#include "../events.h"
#include "../output.h"
#include "../words.h"

#include "util/text.h"

#include <stdio.h>
#include <string.h>

#define add(message, ...) text_append((message)->body, sizeof((message)->body), __VA_ARGS__)

static bool is_listener(const json_t *event)
{
	return !strcmp(text_of(event, "type"), "listener");
}

static bool is_monitored(const json_t *event)
{
	return !strcmp(text_of(event, "mode"), "monitor");
}

bool alert_is_allowable(const json_t *event)
{
	const json_t *source = json_object_get(event, "source");

	return event_is_allowable(event) && !is_listener(event) &&
	       !strcmp(text_of(source, "class"), "guest") && *text_of(source, "name") &&
	       !json_is_true(json_object_get(source, "shared"));
}

/* "127.0.0.1:9222 over TCP, where chrome listens" */
static void add_place(struct message *message, const json_t *event)
{
	const json_t *service = json_object_get(event, "service");
	const char *program = text_of(service, "program");
	char place[WORD_SIZE], text[WORD_SIZE], protocol[16];

	endpoint(place, sizeof(place), service);
	add(message, "%s over %s", clean(text, sizeof(text), place),
	    protocol_words(protocol, sizeof(protocol), service));
	if (*program && !is_listener(event))
		add(message, ", where %s listens", clean(text, sizeof(text), program));
	add(message, "\n");
}

/* Where the first line had no room for it. */
static void add_whole_name(struct message *message, const json_t *event)
{
	const char *name = text_of(json_object_get(event, "source"), "name");
	char text[1024];

	clean(text, sizeof(text), name);
	if (strlen(text) >= NAME_SHOWN)
		add(message, "The whole name: %s\n", text);
}

static void add_times(struct message *message, const struct alert *alert,
		      const struct wording *wording)
{
	if (alert->count > 1)
		add(message, "%" PRIu64 " times since %s\n", alert->count, wording->since);
	else
		add(message, "Once, at %s\n", wording->since);
}

/* What to type, where there is no button for it. */
static void add_command(struct message *message, const json_t *event, const char *before)
{
	char command[COMMAND_SIZE];

	if (event_is_allowable(event) && !is_listener(event))
		add(message, "%s%s\n", before,
		    command_text(command, sizeof(command), "allow", event));
}

static void add_reason(struct message *message, const json_t *event)
{
	const char *reason = text_of(event, "reason");

	if (!strcmp(reason, "martian"))
		add(message, "This can never be allowed: loopback addresses are for the host "
			     "alone\n");
	else if (!strcmp(reason, "deny-exception"))
		add(message, "By exception %" JSON_INTEGER_FORMAT ": lhguard list\n",
		    number_of(event, "exception"));
}

static unsigned int actions_of(const struct alert *alert, const struct wording *wording)
{
	unsigned int actions = ACTION_BIT(ACTION_KEEP_BLOCKING) | ACTION_BIT(ACTION_DETAILS);

	if (!wording->has_actions)
		return 0;
	if (alert->is_actionable && alert_is_allowable(alert->event))
		actions |= ACTION_BIT(ACTION_ALLOW_10M) | ACTION_BIT(ACTION_ALLOW_ALWAYS);
	if (is_listener(alert->event))
		actions &= ~ACTION_BIT(ACTION_DETAILS);
	return actions;
}

static void word_listener(struct message *message, const struct alert *alert,
			  const struct wording *wording)
{
	const json_t *service = json_object_get(alert->event, "service");
	char who[NAME_WORDS], before[64];

	snprintf(message->summary, sizeof(message->summary),
		 "%s took port %" JSON_INTEGER_FORMAT ", which %s had",
		 source_words(who, sizeof(who), json_object_get(alert->event, "source")),
		 number_of(service, "port"),
		 clean(before, sizeof(before), text_of(service, "program")));
	add_place(message, alert->event);
	if (wording->title)
		add(message, "Programs of this host that look for %s there reach the guest\n",
		    wording->title);
	else
		add(message, "Programs of this host that look for it there reach the guest\n");
}

static void word_attempt(struct message *message, const struct alert *alert,
			 const struct wording *wording)
{
	const json_t *event = alert->event, *source = json_object_get(event, "source");
	char who[NAME_WORDS], what[NAME_WORDS], way[NAME_WORDS], failure[ALERT_FAILURE];
	bool has_button = actions_of(alert, wording) & ACTION_BIT(ACTION_ALLOW_10M) &&
			  !wording->hides_buttons;

	snprintf(message->summary, sizeof(message->summary),
		 is_monitored(event) ? "%s reached %s" : "%s was stopped from reaching %s",
		 source_words(who, sizeof(who), source),
		 service_words(what, sizeof(what), json_object_get(event, "service"),
			       wording->title));
	if (*alert->failure) {
		add(message, "Not allowed: %s\n", clean(failure, sizeof(failure), alert->failure));
		add_command(message, event, "To allow it: sudo ");
	}
	if (wording->summary_room && strlen(message->summary) > wording->summary_room)
		add(message, is_monitored(event) ? "Reached %s\n" : "Stopped from reaching %s\n",
		    what);
	if (!*alert->failure && !has_button && wording->is_cut)
		add_command(message, event, "To allow it: ");
	add_place(message, event);
	add(message, "%s\n", route_words(way, sizeof(way), event));
	if (is_monitored(event))
		add(message, "Let through: the guard is in monitor mode, and would stop it "
			     "otherwise\n");
	add_reason(message, event);
	if (!*alert->failure && !has_button && !wording->is_cut)
		add_command(message, event, "To allow it: ");
}

/* The newline behind the last line is none of a notification. */
static void finish(struct message *message)
{
	size_t length = strlen(message->body);

	while (length && message->body[length - 1] == '\n')
		message->body[--length] = '\0';
}

void word_alert(struct message *message, const struct alert *alert, const struct wording *wording)
{
	*message = (struct message){
		.urgency = alert->is_sensitive ? URGENCY_CRITICAL : URGENCY_NORMAL,
		.timeout_ms = TIMEOUT_DEFAULT,
		.actions = actions_of(alert, wording),
	};
	if (is_listener(alert->event))
		word_listener(message, alert, wording);
	else
		word_attempt(message, alert, wording);
	add_times(message, alert, wording);
	add_whole_name(message, alert->event); /* the last: it may be longer than there is room */
	finish(message);
}

static void add_sensitive(struct message *message, const struct alerts_summary *summary,
			  const char *title)
{
	const json_t *service = json_object_get(summary->sensitive, "service");
	const json_t *source = json_object_get(summary->sensitive, "source");
	char who[NAME_WORDS], what[NAME_WORDS], place[WORD_SIZE], text[WORD_SIZE];

	if (!summary->sensitive)
		return;
	message->urgency = URGENCY_CRITICAL;
	add(message, "Among them: %s at %s, %s", source_words(who, sizeof(who), source),
	    service_words(what, sizeof(what), service, title),
	    clean(text, sizeof(text), endpoint(place, sizeof(place), service)));
	if (summary->more_sensitive)
		add(message, ", and %u more that are sensitive", summary->more_sensitive);
	add(message, "\n");
}

void word_summary(struct message *message, const struct alerts_summary *summary, const char *title)
{
	char who[NAME_WORDS];

	*message = (struct message){.urgency = URGENCY_NORMAL, .timeout_ms = TIMEOUT_DEFAULT};
	snprintf(message->summary, sizeof(message->summary),
		 summary->was_quiet ? "Guests were busy during the quiet hours"
				    : "More attempts of guests than can be shown");
	if (summary->attempts && summary->guests == 1 && !summary->more_guests)
		add(message, "And %" PRIu64 " more from %s: lhguard log\n", summary->attempts,
		    label_words(who, sizeof(who), summary->label));
	else if (summary->attempts)
		add(message, "And %" PRIu64 " more from %s%u guests: lhguard log\n",
		    summary->attempts, summary->more_guests ? "more than " : "", summary->guests);
	add_sensitive(message, summary, title);
	if (summary->lost)
		add(message, "%" PRIu64 " came too fast to be told apart\n", summary->lost);
	finish(message);
}

void word_allowed(struct message *message, const struct alert *alert, const char *title,
		  unsigned int seconds, const char *notes)
{
	char who[NAME_WORDS], what[NAME_WORDS];

	*message = (struct message){.urgency = URGENCY_LOW, .timeout_ms = 6000};
	source_words(who, sizeof(who), json_object_get(alert->event, "source"));
	service_words(what, sizeof(what), json_object_get(alert->event, "service"), title);
	if (seconds)
		snprintf(message->summary, sizeof(message->summary),
			 "%s may reach %s for %u minutes", who, what, seconds / 60);
	else
		snprintf(message->summary, sizeof(message->summary), "%s may reach %s from now on",
			 who, what);
	if (*notes)
		add(message, "%s\n", notes);
	add(message, "To see and to undo it: lhguard list");
}

void word_muted(struct message *message, const struct alert *alert, const char *title,
		size_t number)
{
	char who[NAME_WORDS], what[NAME_WORDS];

	*message = (struct message){.urgency = URGENCY_LOW, .timeout_ms = 6000};
	snprintf(
		message->summary, sizeof(message->summary), "No more alerts about %s and %s",
		source_words(who, sizeof(who), json_object_get(alert->event, "source")),
		service_words(what, sizeof(what), json_object_get(alert->event, "service"), title));
	add(message, "It stays blocked, and in lhguard log. To undo: lhguard-notify --unmute %zu",
	    number);
}
