/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is shown beside the alerts: how the guard is, what came of a click. One of each, at most. */
#ifndef LHGUARD_NOTIFY_NOTICES_H
#define LHGUARD_NOTIFY_NOTICES_H

#include "message.h"

#include <stdbool.h>

#define NOTICE_OUTCOMES 4

enum notice_id {
	NOTICE_GUARD, /* down, and back */
	NOTICE_TABLE,
	NOTICE_CONFIGURATION,
	NOTICE_CATALOGUE,
	NOTICE_SERVICES,
	NOTICE_EXCEPTIONS,
	NOTICE_MODE,
	NOTICE_FORBIDDEN,
	NOTICE_SETTINGS,
	NOTICE_ANSWERS, /* from here on: somebody has asked for it */
	NOTICE_DETAILS = NOTICE_ANSWERS,
	NOTICE_VIEWER, /* what was opened is not */
	NOTICE_LATE,
	NOTICE_OUTCOME,
	NOTICE_COUNT = NOTICE_OUTCOME + NOTICE_OUTCOMES,
};

/**
 * struct notice - one of them
 * @binding: what its buttons are about
 * @slot: of the display
 * @is_new: to be shown
 * @is_over: to be closed
 * @is_live: shown, as far as is known
 * @is_held: the condition holds: a new server is to show it, too
 */
struct notice {
	struct message message;
	struct binding binding;
	unsigned int slot;
	bool is_new;
	bool is_over;
	bool is_live;
	bool is_held;
};

struct notices {
	struct notice of[NOTICE_COUNT];
};

/** notices_set() - show it, unless it is shown already in the same words */
void notices_set(struct notices *notices, enum notice_id id, const struct message *message);

/** notices_tell() - the same for news, which no condition holds up: it may go by itself */
void notices_tell(struct notices *notices, enum notice_id id, const struct message *message);

/** notices_clear() - it is not so any more */
void notices_clear(struct notices *notices, enum notice_id id);

/** notices_outcome() - what came of a click on the notification in @slot, in its place */
void notices_outcome(struct notices *notices, unsigned int slot, const struct message *message);

/**
 * notices_take() - the next to be shown, which is live then, or else closed
 * @only_answers: none but what somebody waits for
 */
bool notices_wait(const struct notices *notices, bool only_answers);
struct notice *notices_take(struct notices *notices, bool only_answers);

/** notices_is_shown() - has it come to be seen? Not yet in quiet hours, or where there is no server */
bool notices_is_shown(const struct notices *notices, enum notice_id id);

/** notices_standing() - how many are shown that stay until somebody closes them, as far as is known */
unsigned int notices_standing(const struct notices *notices);

/** notices_failed() - what was taken is to be tried again */
void notices_failed(struct notices *notices, unsigned int slot);
void notices_closed(struct notices *notices, unsigned int slot);

/** notices_renewed() - nothing is shown any more: what still holds is to be shown again */
void notices_renewed(struct notices *notices);

#endif
