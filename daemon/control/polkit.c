// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Asks polkit, on the system bus, without ever waiting for it.
 *
 * DOC: Theory of Operation
 *
 * The bus is opened with the first question, so that a daemon of which nobody asks anything needs
 * none, and again when it was lost; what was open on the one before is answered then, as nobody else
 * does that. sd-bus connects, says hello and waits for answers in the event loop, and the end of the
 * loop waits for none of it. A question names the process by pid and start time and the user by
 * SO_PEERCRED, so that no other process can take its place; polkit compares them. The message that a
 * person reads comes from us: polkit takes "polkit.message" from root alone.
 */
#include "control/polkit.h"

#include "util/log.h"
#include "util/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#define NAME	  "org.freedesktop.PolicyKit1"
#define PATH	  "/org/freedesktop/PolicyKit1/Authority"
#define INTERFACE "org.freedesktop.PolicyKit1.Authority"

#define ASKED_MAX	   32 /* questions that are open at a time */
#define ASKED_MAX_OF_USER  4
#define PERSON_TIMEOUT_US  (180 * 1000000ull) /* for a person with a password */
#define MACHINE_TIMEOUT_US (10 * 1000000ull)
#define FLAG_INTERACTION   1u /* AllowUserInteraction of CheckAuthorization() */

/**
 * struct polkit_asked - a question that is open
 * @slot: of the call, NULL: this one is free
 * @number: makes it known by @polkit's side, where it is cancelled
 */
struct polkit_asked {
	struct polkit *polkit;
	sd_bus_slot *slot;
	uint64_t number;
	uid_t uid;
	polkit_answered answered;
	void *data;
};

struct polkit {
	sd_event *loop;
	int64_t priority;
	sd_bus *bus;
	uint64_t last_number;
	struct polkit_asked asked[ASKED_MAX];
};

int polkit_new(struct polkit **polkit, sd_event *loop, int64_t priority)
{
	*polkit = calloc(1, sizeof(**polkit));
	if (!*polkit)
		return -ENOMEM;
	(*polkit)->loop = loop;
	(*polkit)->priority = priority;
	return 0;
}

void polkit_free(struct polkit *polkit)
{
	if (!polkit)
		return;
	for (size_t i = 0; i < ASKED_MAX; i++)
		sd_bus_slot_unref(polkit->asked[i].slot);
	sd_bus_close_unref(polkit->bus);
	free(polkit);
}

static void answer(struct polkit_asked *asked, const struct permit *permit)
{
	asked->slot = sd_bus_slot_unref(asked->slot);
	asked->answered(asked->data, permit);
}

/* The bus is lost; sd-bus would say so of one question after the other, if it were kept for that. */
static void close_bus(struct polkit *polkit)
{
	static const struct permit nobody = {.result = -ENOENT};

	for (size_t i = 0; i < ASKED_MAX; i++)
		if (polkit->asked[i].slot)
			answer(&polkit->asked[i], &nobody);
	polkit->bus = sd_bus_close_unref(polkit->bus);
}

static int open_bus(struct polkit *polkit)
{
	int result;

	if (polkit->bus && sd_bus_is_open(polkit->bus) > 0)
		return 0;
	close_bus(polkit);
	result = sd_bus_open_system(&polkit->bus);
	if (result < 0)
		return result;
	/* Else the end of the loop waits for a bus that hangs. */
	result = sd_bus_set_close_on_exit(polkit->bus, false);
	if (result >= 0)
		result = sd_bus_attach_event(polkit->bus, polkit->loop, polkit->priority);
	if (result < 0)
		polkit->bus = sd_bus_close_unref(polkit->bus);
	return result < 0 ? result : 0;
}

static struct polkit_asked *find_free(struct polkit *polkit, uid_t uid)
{
	struct polkit_asked *found = NULL;
	size_t of_user = 0;

	for (size_t i = 0; i < ASKED_MAX; i++) {
		struct polkit_asked *asked = &polkit->asked[i];

		if (!asked->slot)
			found = asked;
		else if (asked->uid == uid)
			of_user++;
	}
	return of_user < ASKED_MAX_OF_USER ? found : NULL;
}

/* Where no polkit is installed, or no bus is left, what holds without it says enough. */
static bool is_absent(const sd_bus_error *error)
{
	return sd_bus_error_has_name(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
	       sd_bus_error_has_name(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER) ||
	       sd_bus_error_has_name(error, SD_BUS_ERROR_DISCONNECTED);
}

static void refuse(struct permit *permit, int result, const char *why, const char *detail)
{
	permit->result = result;
	permit->why[0] = '\0';
	text_append(permit->why, sizeof(permit->why), "%s%s", why, detail);
}

/* The reply: (bba{ss}): authorised, whether a password could change that, and details. */
static int read_reply(sd_bus_message *reply, struct permit *permit)
{
	const char *key, *value;
	int authorised = false, challenge = false, result;
	bool is_dismissed = false;

	result = sd_bus_message_enter_container(reply, 'r', "bba{ss}");
	if (result > 0)
		result = sd_bus_message_read(reply, "bb", &authorised, &challenge);
	if (result > 0)
		result = sd_bus_message_enter_container(reply, 'a', "{ss}");
	while (result > 0 && (result = sd_bus_message_read(reply, "{ss}", &key, &value)) > 0)
		is_dismissed |= !strcmp(key, "polkit.dismissed");
	if (result < 0)
		return result;
	if (authorised)
		permit->result = 0;
	else if (is_dismissed)
		refuse(permit, -EACCES, "the question for a password was dismissed", "");
	else if (challenge)
		refuse(permit, -EACCES, "polkit wants a password, and had nobody to ask", "");
	else
		refuse(permit, -EACCES, "polkit says no", "");
	return 0;
}

static void name_cancellation(char *text, size_t size, uint64_t number)
{
	snprintf(text, size, "lhguard-%" PRIu64, number);
}

/* No reply is wanted; where it cannot be sent, the answer is ignored all the same. */
static void take_back(const struct polkit_asked *asked)
{
	char cancellation[32];

	name_cancellation(cancellation, sizeof(cancellation), asked->number);
	(void)sd_bus_call_method_async(asked->polkit->bus, NULL, NAME, PATH, INTERFACE,
				       "CancelCheckAuthorization", NULL, NULL, "s", cancellation);
}

static int on_reply(sd_bus_message *reply, void *data, sd_bus_error *ignored)
{
	struct polkit_asked *asked = data;
	const sd_bus_error *error = sd_bus_message_get_error(reply);
	struct permit permit = {.result = -EACCES};

	/* Too late: a dialog that is still there would take a password that opens nothing. */
	if (error && sd_bus_error_has_name(error, SD_BUS_ERROR_NO_REPLY))
		take_back(asked);
	if (error && is_absent(error))
		permit.result = -ENOENT;
	else if (error)
		refuse(&permit, -EIO, "polkit could not be asked: ",
		       error->message ? error->message : error->name);
	else if (read_reply(reply, &permit) < 0)
		refuse(&permit, -EIO, "polkit answers nonsense", "");
	answer(asked, &permit);
	return 0;
}

static int fill(sd_bus_message *message, const struct polkit_question *question,
		const char *cancellation)
{
	int result =
		sd_bus_message_append(message, "(sa{sv})s", "unix-process", 3, "pid", "u",
				      (uint32_t)question->pid, "start-time", "t", question->start,
				      "uid", "i", (int32_t)question->uid, question->action);

	if (result < 0)
		return result;
	return sd_bus_message_append(
		message, "a{ss}us", 2, "polkit.message", "Authentication is required to $(what)",
		"what", question->what, question->is_interactive ? FLAG_INTERACTION : 0u,
		cancellation);
}

int polkit_ask(struct polkit *polkit, const struct polkit_question *question,
	       polkit_answered answered, void *data, struct polkit_asked **asked)
{
	struct polkit_asked *new;
	sd_bus_message *message = NULL;
	char cancellation[32];
	int result;

	if (!polkit)
		return -ENOENT;
	new = find_free(polkit, question->uid);
	if (!new)
		return -EBUSY;
	result = open_bus(polkit);
	if (result < 0) {
		log_debug("polkit: no system bus: %s", strerror(-result));
		return -ENOENT;
	}
	*new = (struct polkit_asked){
		.polkit = polkit,
		.number = ++polkit->last_number,
		.uid = question->uid,
		.answered = answered,
		.data = data,
	};
	name_cancellation(cancellation, sizeof(cancellation), new->number);
	result = sd_bus_message_new_method_call(polkit->bus, &message, NAME, PATH, INTERFACE,
						"CheckAuthorization");
	if (result >= 0)
		result = fill(message, question, cancellation);
	if (result >= 0)
		result = sd_bus_call_async(polkit->bus, &new->slot, message, on_reply, new,
					   question->is_interactive ? PERSON_TIMEOUT_US
								    : MACHINE_TIMEOUT_US);
	sd_bus_message_unref(message);
	if (result < 0)
		return result;
	*asked = new;
	return 0;
}

void polkit_cancel(struct polkit_asked *asked)
{
	if (!asked)
		return;
	asked->slot = sd_bus_slot_unref(asked->slot);
	take_back(asked);
}
