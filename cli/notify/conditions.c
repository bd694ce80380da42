// SPDX-License-Identifier: GPL-2.0-or-later
/* How the guard itself is, and what a person has to know of that. */
#include "conditions.h"

#include "wording.h"

#include "../output.h"

#include "util/array.h"
#include "util/text.h"

#include <stdio.h>
#include <string.h>

#define GRACE_US       (3 * UINT64_C(1000000))	/* a restart takes less, and nobody has to know */
#define START_GRACE_US (60 * UINT64_C(1000000)) /* a desktop may be there before the daemon is */

#define add(message, ...) text_append((message)->body, sizeof((message)->body), __VA_ARGS__)

static void start(struct message *message, enum urgency urgency, const char *summary)
{
	*message = (struct message){
		.urgency = urgency,
		.timeout_ms = urgency == URGENCY_LOW ? 6000 : TIMEOUT_DEFAULT,
	};
	text_copy(message->summary, sizeof(message->summary), summary);
}

/* What becomes of new connections while the table is there and the daemon is not. */
static void add_consequences(struct message *message, const struct conditions *conditions)
{
	if (!conditions->knows)
		return;
	if (conditions->loopback_open)
		add(message, "Until it is back guests with user-mode or host networking reach the "
			     "services of this host: it failed open\n");
	else
		add(message, "Until it is back new connections on loopback are refused, also "
			     "those of this host itself\n");
	if (conditions->guests_open)
		add(message, "What comes from networks of guests is let through\n");
	else
		add(message, "What comes from networks of guests is refused\n");
}

/* It failed to start, or is not meant to run: that cannot be told apart. */
static void word_missed(struct message *message)
{
	start(message, URGENCY_CRITICAL, "The guard is not running");
	add(message, "lhguardd was not there when this session began, and has not come since: "
		     "guests may reach the services of this host\n"
		     "To start it: sudo systemctl start lhguardd\n"
		     "To see why it is not there: journalctl -u lhguardd\n"
		     "Where that is meant, guard = no in notify.conf has it not told");
}

static void word_down(struct message *message, const struct conditions *conditions)
{
	if (!conditions->was_up && conditions->state != LINK_SILENT) {
		word_missed(message);
		return;
	}
	switch (conditions->state) {
	case LINK_STOPPED:
		start(message, URGENCY_CRITICAL, "The guard was stopped");
		add(message,
		    "lhguardd has ended and took its rules with it: every guest reaches the "
		    "services of this host\nTo start it: sudo systemctl start lhguardd");
		return;
	case LINK_DIED:
		start(message, URGENCY_CRITICAL, "The guard is down");
		add(message, "lhguardd has crashed, or was killed\n");
		add_consequences(message, conditions);
		add(message, "To start it: sudo systemctl restart lhguardd");
		return;
	default:
		start(message, URGENCY_CRITICAL, "The guard does not answer");
		add(message, "Whether guests are stopped cannot be told\n"
			     "To look: systemctl status lhguardd");
	}
}

static void link_forbidden(struct conditions *conditions, struct notices *notices)
{
	struct message message;

	conditions->lost_us = 0; /* somebody serves it */
	start(&message, URGENCY_NORMAL, "No alerts about guests: you may not read them");
	add(&message,
	    "The guard tells members of the group lhguard: sudo usermod -aG lhguard USER, "
	    "then log in again. Where polkit decides, it also tells whoever sits at the "
	    "machine");
	notices_set(notices, NOTICE_FORBIDDEN, &message);
}

static void tell_down(struct conditions *conditions, struct notices *notices)
{
	struct message message;

	word_down(&message, conditions);
	notices_set(notices, NOTICE_GUARD, &message);
	conditions->is_told = true;
}

static void link_up(struct conditions *conditions, struct notices *notices)
{
	bool was_up = conditions->was_up;
	struct message message;

	conditions->was_up = true;
	notices_clear(notices, NOTICE_FORBIDDEN);
	if (!conditions->is_told)
		return;
	conditions->is_told = false;
	if (notices_is_shown(notices, NOTICE_GUARD)) {
		start(&message, URGENCY_LOW,
		      was_up ? "The guard is back" : "The guard is running now");
	} else {
		start(&message, URGENCY_NORMAL,
		      was_up ? "The guard was down, and is back"
			     : "The guard is running now, and was not before");
		add(&message, "Meanwhile guests may not have been stopped\n"
			      "To see more: journalctl -u lhguardd");
	}
	notices_tell(notices, NOTICE_GUARD, &message);
}

void conditions_link(struct conditions *conditions, enum link_state state, uint64_t now_us,
		     struct notices *notices)
{
	bool was_up = conditions->was_up && conditions->state == LINK_UP;

	conditions->state = state;
	if (state == LINK_UP)
		link_up(conditions, notices);
	else if (state == LINK_FORBIDDEN)
		link_forbidden(conditions, notices);
	else if (was_up || !conditions->lost_us)
		conditions->lost_us = now_us;
	else if (conditions->is_told)
		tell_down(conditions, notices);
}

uint64_t conditions_due(const struct conditions *conditions)
{
	if (!conditions->lost_us || conditions->is_told || conditions->state == LINK_UP ||
	    conditions->state == LINK_FORBIDDEN)
		return CONDITIONS_NEVER;
	return conditions->lost_us + (conditions->was_up ? GRACE_US : START_GRACE_US);
}

void conditions_check(struct conditions *conditions, uint64_t now_us, struct notices *notices)
{
	if (conditions_due(conditions) <= now_us)
		tell_down(conditions, notices);
}

static const struct {
	const char *part;
	enum notice_id notice;
	const char *summary;
	const char *consequence;
} parts[] = {
	{"configuration", NOTICE_CONFIGURATION, "The guard's configuration has a mistake",
	 "The last good one is in force; mend it, then: lhguard reload"},
	{"catalogue", NOTICE_CATALOGUE, "The guard's list of runtimes has a mistake",
	 "The rest of it is in force; mend the file, then: lhguard reload"},
	{"services", NOTICE_SERVICES, "The guard's list of services has a mistake",
	 "The other names are known; mend the file, then: lhguard reload"},
	{"exceptions", NOTICE_EXCEPTIONS, "The guard's exceptions have a mistake",
	 "None of that file is in force; mend it, then: lhguard reload"},
};

static void check_parts(const json_t *status, struct notices *notices)
{
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		const json_t *part = json_object_get(status, parts[i].part);
		struct message message;
		char error[512];

		if (strcmp(text_of(part, "state"), "failed") != 0) {
			notices_clear(notices, parts[i].notice);
			continue;
		}
		start(&message, URGENCY_NORMAL, parts[i].summary);
		add(&message, "%s\n%s", clean(error, sizeof(error), text_of(part, "error")),
		    parts[i].consequence);
		notices_set(notices, parts[i].notice, &message);
	}
}

static void check_mode(const struct conditions *conditions, bool is_enforced,
		       struct notices *notices)
{
	struct message message;

	if (!conditions->knows || conditions->is_enforced == is_enforced)
		return;
	if (is_enforced) {
		if (notices_is_shown(notices, NOTICE_MODE))
			start(&message, URGENCY_LOW, "The guard stops guests again");
		else
			start(&message, URGENCY_NORMAL,
			      "The guard only watched for a while, and stops guests again");
		notices_tell(notices, NOTICE_MODE, &message);
		return;
	}
	start(&message, URGENCY_CRITICAL, "The guard only watches now: monitor mode");
	add(&message, "Guests reach the services of this host, and it is only recorded\n"
		      "To stop them again: sudo lhguard mode enforce");
	notices_set(notices, NOTICE_MODE, &message);
}

static void check_table(const struct conditions *conditions, const json_t *status,
			struct notices *notices)
{
	json_int_t restored = number_of(status, "tableRestored");
	struct message message;

	if (strcmp(conditions->since, text_of(status, "since")) != 0 ||
	    restored <= conditions->restored)
		return;
	start(&message, URGENCY_NORMAL, "The guard had to put its rules back");
	add(&message,
	    "Something removed them from the kernel, perhaps a firewall that was reloaded "
	    "(nft flush ruleset); for a moment guests were not stopped\n");
	if (restored > 1)
		add(&message, "%" JSON_INTEGER_FORMAT " times since the guard started\n", restored);
	add(&message, "To see more: journalctl -u lhguardd");
	notices_tell(notices, NOTICE_TABLE, &message);
}

static void take_queues(struct conditions *conditions, const json_t *queues)
{
	for (size_t i = 0; i < json_array_size(queues); i++) {
		const json_t *queue = json_array_get(queues, i);
		bool is_open = !strcmp(text_of(queue, "down"), "accept");

		if (!strcmp(text_of(queue, "name"), "loopback"))
			conditions->loopback_open = is_open;
		else
			conditions->guests_open = is_open;
	}
}

void conditions_status(struct conditions *conditions, const json_t *status, struct notices *notices)
{
	bool is_enforced = strcmp(text_of(status, "mode"), "monitor") != 0;

	if (!json_is_object(status))
		return;
	check_parts(status, notices);
	check_mode(conditions, is_enforced, notices);
	check_table(conditions, status, notices);
	take_queues(conditions, json_object_get(status, "queues"));
	conditions->is_enforced = is_enforced;
	conditions->restored = number_of(status, "tableRestored");
	text_copy(conditions->since, sizeof(conditions->since), text_of(status, "since"));
	conditions->knows = true;
}
