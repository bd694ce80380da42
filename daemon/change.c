// SPDX-License-Identifier: GPL-2.0-or-later
/* What it takes to get the opposite verdict. */
#include "parts.h"
#include "pins.h"

#include "policy/decision.h"
#include "policy/exceptions.h"
#include "util/clock.h"
#include "util/text.h"

/*
 * DOC: Theory of Operation
 *
 * The exception that decides is seldom all that there is to say: behind it stand other exceptions,
 * and behind all of them what would be without any. A deny goes before everything that an owner can
 * write, so one more deny always refuses. To allow, all that deny have to go, and where neither an
 * exception nor the rest of the policy allows it then, an allow has to be made.
 */

/**
 * struct sayings - the exceptions that say something of one connection
 * @list: the changes that take those that decide now away
 * @count: how many these are, also where @list has no room for them
 * @others: how many say the opposite, or say the same and need not go
 */
struct sayings {
	bool allow;
	struct change *list;
	size_t count;
	size_t others;
};

static int note_saying(void *data, const struct exception *exception)
{
	struct sayings *sayings = data;
	struct change *change;

	if (exception->allow != sayings->allow) {
		sayings->others++;
		return 0;
	}
	if (sayings->count++ >= CHANGES_MOST)
		return 0;
	change = &sayings->list[sayings->count - 1];
	*change = (struct change){.act = CHANGE_REMOVE, .exception = exception->id};
	if (!exception->file[0])
		return 0;
	change->act = CHANGE_EDIT;
	text_append(change->place, sizeof(change->place), "%s:%u", exception->file,
		    exception->line);
	return 0;
}

static struct sayings find_sayings(struct daemon *daemon, struct explanation *explanation)
{
	struct sayings sayings;
	bool is_second = false;

	for (;;) {
		sayings = (struct sayings){
			.allow = explanation->decision.verdict == VERDICT_ACCEPT,
			.list = explanation->changes,
		};
		exceptions_each_match(daemon->exceptions, &explanation->flow, &explanation->source,
				      clock_realtime_us(), note_saying, &sayings);
		/* Once more where it had to be found out first which program listens. */
		if (!pins_work(daemon->pins) || is_second)
			return sayings;
		is_second = true;
	}
}

/* What would be if there were no exceptions. */
static bool is_accepted_without(const struct daemon *daemon, const struct explanation *explanation)
{
	struct policy policy = daemon->guard.policy;
	struct decision decision;

	policy.exceptions = NULL;
	decide(&policy, &explanation->flow, &explanation->source, clock_realtime_us(), &decision);
	return decision.verdict == VERDICT_ACCEPT;
}

static void to_allow(struct daemon *daemon, struct explanation *explanation)
{
	struct sayings denies = find_sayings(daemon, explanation);
	bool is_enough = denies.others || is_accepted_without(daemon, explanation);

	if (denies.count + !is_enough > CHANGES_MOST)
		return;
	explanation->change_count = denies.count;
	if (!is_enough)
		explanation->changes[explanation->change_count++] =
			(struct change){.act = CHANGE_ALLOW};
}

/* Where one exception is all that lets it through, that goes; else a deny goes before them all. */
static void to_refuse(struct daemon *daemon, struct explanation *explanation)
{
	struct sayings allows = find_sayings(daemon, explanation);

	explanation->change_count = 1;
	if (allows.count != 1 || is_accepted_without(daemon, explanation))
		explanation->changes[0] = (struct change){.act = CHANGE_DENY};
}

void change_find(struct daemon *daemon, struct explanation *explanation)
{
	enum reason reason = explanation->decision.reason;

	explanation->change_count = 0;
	if (!explanation->flow.service_port || reason == REASON_HOST || reason == REASON_MARTIAN ||
	    reason == REASON_OWN_SERVICE)
		return;
	if (explanation->decision.verdict == VERDICT_ACCEPT)
		to_refuse(daemon, explanation);
	else
		to_allow(daemon, explanation);
}
