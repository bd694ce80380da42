// SPDX-License-Identifier: GPL-2.0-or-later
/* What is shown beside the alerts: how the guard is, what came of a click. One of each, at most. */
#include "notices.h"

#include <stddef.h>
#include <string.h>

static bool is_same(const struct message *a, const struct message *b)
{
	return !strcmp(a->summary, b->summary) && !strcmp(a->body, b->body);
}

void notices_tell(struct notices *notices, enum notice_id id, const struct message *message)
{
	struct notice *notice = &notices->of[id];

	notice->message = *message;
	notice->is_new = true;
	notice->is_over = notice->is_held = false;
}

void notices_set(struct notices *notices, enum notice_id id, const struct message *message)
{
	struct notice *notice = &notices->of[id];

	if (notice->is_held && is_same(&notice->message, message))
		return;
	notices_tell(notices, id, message);
	notice->is_held = true;
}

void notices_clear(struct notices *notices, enum notice_id id)
{
	struct notice *notice = &notices->of[id];

	notice->is_over = notice->is_live;
	notice->is_new = notice->is_held = false;
}

void notices_outcome(struct notices *notices, unsigned int slot, const struct message *message)
{
	struct notice *best = &notices->of[NOTICE_OUTCOME];

	for (unsigned int i = 0; i < NOTICE_OUTCOMES; i++) {
		struct notice *notice = &notices->of[NOTICE_OUTCOME + i];

		if (notice->is_new && notice->slot == slot)
			best = notice;
		else if (best->is_new && !notice->is_new)
			best = notice;
	}
	*best = (struct notice){.message = *message, .slot = slot, .is_new = true};
}

bool notices_wait(const struct notices *notices, bool only_answers)
{
	for (unsigned int i = only_answers ? NOTICE_ANSWERS : 0; i < NOTICE_COUNT; i++)
		if (notices->of[i].is_new || notices->of[i].is_over)
			return true;
	return false;
}

struct notice *notices_take(struct notices *notices, bool only_answers)
{
	unsigned int count = only_answers ? NOTICE_COUNT - NOTICE_ANSWERS : NOTICE_COUNT;

	for (unsigned int i = 0; i < count; i++) { /* answers first */
		struct notice *notice = &notices->of[(NOTICE_ANSWERS + i) % NOTICE_COUNT];

		if (!notice->is_new && !notice->is_over)
			continue;
		notice->is_live = notice->is_new;
		notice->is_new = notice->is_over = false;
		return notice;
	}
	return NULL;
}

bool notices_is_shown(const struct notices *notices, enum notice_id id)
{
	return !notices->of[id].is_new;
}

unsigned int notices_standing(const struct notices *notices)
{
	unsigned int standing = 0;

	for (unsigned int i = 0; i < NOTICE_ANSWERS; i++)
		standing += notices->of[i].is_live && notices->of[i].message.urgency != URGENCY_LOW;
	return standing;
}

static struct notice *find(struct notices *notices, unsigned int slot)
{
	for (unsigned int i = 0; i < NOTICE_COUNT; i++)
		if (notices->of[i].is_live && notices->of[i].slot == slot)
			return &notices->of[i];
	return NULL;
}

void notices_failed(struct notices *notices, unsigned int slot)
{
	struct notice *notice = find(notices, slot);

	if (notice)
		notice->is_new = true;
}

void notices_closed(struct notices *notices, unsigned int slot)
{
	struct notice *notice = find(notices, slot);

	if (notice)
		notice->is_live = notice->is_over = false;
}

void notices_renewed(struct notices *notices)
{
	for (unsigned int i = 0; i < NOTICE_COUNT; i++) {
		struct notice *notice = &notices->of[i];

		notice->is_new |= notice->is_held && notice->is_live;
		notice->is_live = notice->is_over = false;
	}
}
