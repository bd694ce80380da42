// SPDX-License-Identifier: GPL-2.0-or-later
/* What the person clicks. To allow is a request: the daemon, or polkit for it, says yes or no. */
#include "agent.h"
#include "wording.h"

#include "../output.h"

#include "util/text.h"

#include <string.h>

#define TIMEOUT_S 200 /* a dialog may be open for three minutes */

static struct ask *find(struct agent *agent, unsigned int slot)
{
	struct ask *unused = NULL;

	for (size_t i = 0; i < ASKS_MAX; i++) {
		struct ask *ask = &agent->asks[i];

		if (ask->channel && ask->slot == slot)
			return ask;
		if (!ask->channel)
			unused = ask;
	}
	return unused;
}

static void join_notes(char *target, size_t size, const json_t *notes)
{
	target[0] = '\0';
	for (size_t i = 0; i < json_array_size(notes); i++) {
		const char *note = json_string_value(json_array_get(notes, i));
		char text[256];

		if (note)
			text_append(target, size, "%s%s", *target ? "\n" : "",
				    clean(text, sizeof(text), note));
	}
}

static void on_answer(void *data, const json_t *parameters, bool continues)
{
	struct ask *ask = data;
	struct agent *agent = ask->agent;
	uint64_t now = agent_now();
	struct message message;
	struct alert alert;
	char notes[1024];
	bool sensitive;

	join_notes(notes, sizeof(notes), json_object_get(parameters, "notes"));
	if (alerts_get(agent->alerts, ask->slot, now, &alert)) {
		word_allowed(&message, &alert, agent_title(agent, alert.event, &sensitive),
			     ask->seconds, notes);
		notices_outcome(&agent->notices, ask->slot, &message);
	}
	alerts_settle(agent->alerts, ask->slot, now);
	agent_wake(agent);
}

static const char *words_of(enum channel_end end, const char *error, const char *reason)
{
	if (*reason)
		return reason;
	switch (end) {
	case CHANNEL_TIMEOUT:
		return "nobody answered in time";
	case CHANNEL_FORBIDDEN:
		return "the socket of the guard is not open to you";
	case CHANNEL_ERROR:
		return !strcmp(error, "org.varlink.service.MethodNotFound")
			       ? "this guard is of an earlier version"
			       : error;
	default:
		return "the guard cannot be reached";
	}
}

static void on_end(void *data, enum channel_end end, const char *error, const char *reason)
{
	struct ask *ask = data;

	ask->channel = NULL;
	if (end == CHANNEL_DONE)
		return;
	alerts_refused(ask->agent->alerts, ask->slot, words_of(end, error, reason));
	agent_wake(ask->agent);
}

/* The daemon would say no, too; but whoever has to give a password first need not do so for that. */
static bool refuse_late(struct agent *agent, unsigned int slot)
{
	struct alert alert;

	if (!alerts_get(agent->alerts, slot, agent_now(), &alert) || alert.is_actionable)
		return false;
	alerts_refused(agent->alerts, slot,
		       alert.is_current ? "it was more than ten minutes ago"
					: "the guard has been started again since");
	return true;
}

/* For the alert's latest event: guest and service are the same, and the daemon may have forgotten others. */
static void ask_allow(struct agent *agent, unsigned int slot, const struct alert *alert,
		      unsigned int seconds)
{
	struct binding binding = binding_of(alert);
	static const struct channel_handler handler = {on_answer, on_end};
	struct ask *ask = find(agent, slot);
	json_t *parameters;

	if (ask && ask->channel)
		return; /* a second click */
	if (refuse_late(agent, slot))
		return;
	if (!ask) {
		alerts_refused(agent->alerts, slot, "other questions are open: answer them first");
		return;
	}
	parameters = json_pack("{s:I, s:s, s:b}", "id", binding.id, "time", binding.time,
			       "allowInteractiveAuthentication", true);
	if (seconds)
		json_object_set_new(parameters, "seconds", json_integer(seconds));
	alerts_hold(agent->alerts, slot, true);
	*ask = (struct ask){.agent = agent, .slot = slot, .seconds = seconds};
	ask->channel = channel_open(agent->socket, "AllowEvent", parameters, false, TIMEOUT_S,
				    &handler, ask);
}

/* Whoever says now that it stays blocked has thought better of it: the dialog for a password goes. */
static void withdraw(struct agent *agent, unsigned int slot)
{
	struct ask *ask = find(agent, slot);

	if (!ask || !ask->channel)
		return;
	channel_close(ask->channel);
	ask->channel = NULL;
}

static void keep_blocking(struct agent *agent, unsigned int slot, const struct alert *alert)
{
	uint64_t now = agent_now();
	struct error error = {.text = ""};
	struct message message;
	bool sensitive;
	int number = mutes_add(agent->mutes, alert->label, alert->service, &error);

	withdraw(agent, slot);
	if (number > 0) {
		word_muted(&message, alert, agent_title(agent, alert->event, &sensitive),
			   (size_t)number);
	} else {
		message = (struct message){.urgency = URGENCY_NORMAL,
					   .timeout_ms = TIMEOUT_DEFAULT,
					   .summary = "The mute list could not be kept"};
		clean(message.body, sizeof(message.body), error.text);
	}
	notices_outcome(&agent->notices, slot, &message);
	alerts_settle(agent->alerts, slot, now);
}

/* Its notification is still there, as the server has had enough, say; but it is allowed, or muted, by now. */
static void tell_decided(struct agent *agent)
{
	struct message message = {
		.summary = "That was decided before",
		.body = "What is allowed is in lhguard list, and taken back by lhguard remove; "
			"what there are no more alerts about is in lhguard-notify --muted",
		.urgency = URGENCY_NORMAL,
		.timeout_ms = TIMEOUT_DEFAULT,
	};

	notices_tell(&agent->notices, NOTICE_LATE, &message);
}

/* Its place was needed for others: a flood, or many days. */
static void tell_too_late(struct agent *agent)
{
	struct message message = {
		.summary = "It is too late for that",
		.body = "What the button was about is forgotten here: lhguard log has it",
		.urgency = URGENCY_NORMAL,
		.timeout_ms = TIMEOUT_DEFAULT,
	};

	notices_tell(&agent->notices, NOTICE_LATE, &message);
}

void clicks_take(void *data, unsigned int slot, const struct binding *binding, enum action action)
{
	uint64_t now = agent_now();
	struct agent *agent = data;
	struct alert alert;

	agent_wake(agent);
	if (action == ACTION_OPEN && slot == SLOT_NOTICES + NOTICE_DETAILS) {
		details_open(agent);
		return;
	}
	if (!binding->incarnation)
		return;
	slot = alerts_find(agent->alerts, binding->incarnation);
	if (slot == ALERTS_MAX || !alerts_get(agent->alerts, slot, now, &alert)) {
		tell_too_late(agent);
		return;
	}
	switch (action) {
	case ACTION_ALLOW_10M:
		ask_allow(agent, slot, &alert, 600);
		break;
	case ACTION_ALLOW_ALWAYS:
		ask_allow(agent, slot, &alert, 0);
		break;
	case ACTION_KEEP_BLOCKING:
		if (alert.is_decided)
			tell_decided(agent);
		else
			keep_blocking(agent, slot, &alert);
		break;
	default:
		details_show(agent, &alert);
	}
}

void clicks_close(struct agent *agent)
{
	for (size_t i = 0; i < ASKS_MAX; i++)
		channel_close(agent->asks[i].channel);
}
