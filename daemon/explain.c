// SPDX-License-Identifier: GPL-2.0-or-later
/* What the policy would say of a connection, for somebody who asks before there is one. */
#include "parts.h"
#include "pins.h"

#include "control/control.h"
#include "guests/registry.h"
#include "guests/ways.h"
#include "kernel/links.h"
#include "kernel/listeners.h"
#include "policy/config.h"
#include "policy/defaults.h"
#include "policy/exceptions.h"
#include "util/clock.h"
#include "util/text.h"

#include <string.h>

/*
 * DOC: Theory of Operation
 *
 * The verdict depends on the way by which a connection arrives: 127.0.0.1 is the host's alone on a
 * bridge, and everybody's on lo. So each guest that is meant is asked about by each of its ways, by
 * the same decide() as the guard's verdicts. Where the service has no address, each family is tried,
 * and IPv6 is told of only where it differs.
 */

/**
 * struct asking - one question on its way through the guests
 * @visit: receives each answer, non-zero ends it
 * @count: how many there were
 */
struct asking {
	struct daemon *daemon;
	const struct explain_query *query;
	int (*visit)(void *data, const struct explanation *explanation);
	void *data;
	size_t count;
};

/* Where the line that decided stands, "" where it is built in or in nobody's file. */
static void find_place(const struct daemon *daemon, struct explanation *explanation)
{
	const struct config *config = daemon->guard.policy.config;
	const struct exception *exception = &explanation->exception;
	const struct config_default *fallback;

	explanation->place[0] = '\0';
	if (exception->id && exception->file[0]) {
		text_append(explanation->place, sizeof(explanation->place), "%s:%u",
			    exception->file, exception->line);
	} else if (explanation->decision.reason == REASON_DEFAULT) {
		fallback = defaults_find(config, &explanation->source);
		if (fallback->line)
			text_append(explanation->place, sizeof(explanation->place), "%s:%u",
				    config->path, fallback->line);
	}
}

void decide_patiently(struct daemon *daemon, const struct flow *flow, const struct source *source,
		      struct decision *decision)
{
	decide(&daemon->guard.policy, flow, source, clock_realtime_us(), decision);
	if (pins_work(daemon->pins))
		decide(&daemon->guard.policy, flow, source, clock_realtime_us(), decision);
}

/* @explanation->flow and ->source to all the rest of it */
static void judge(struct daemon *daemon, struct explanation *explanation)
{
	const struct exception *exception;

	decide_patiently(daemon, &explanation->flow, &explanation->source, &explanation->decision);
	explanation->enforced = daemon->guard.enforce;
	exception = exceptions_find(daemon->exceptions, explanation->decision.exception);
	explanation->exception = exception ? *exception : (struct exception){.id = 0};
	find_place(daemon, explanation);
	change_find(daemon, explanation);
	listeners_ask(daemon->listeners, &explanation->flow, explanation->program,
		      sizeof(explanation->program));
}

static bool is_same(const struct decision *one, const struct decision *other)
{
	return one->verdict == other->verdict && one->reason == other->reason &&
	       one->exception == other->exception;
}

static bool judge_way(struct asking *asking, const struct way *way, uint8_t family,
		      struct explanation *explanation)
{
	*explanation = (struct explanation){.flow = asking->query->flow};
	explanation->flow.family = family;
	if (!asking->query->has_address)
		explanation->flow.service = family == AF_INET ? address_any_four : in6addr_any;
	if (!registry_way_source(asking->daemon->guard.registry, way, &explanation->flow,
				 &explanation->source))
		return false;
	judge(asking->daemon, explanation);
	return true;
}

static int tell(struct asking *asking, const struct explanation *explanation)
{
	asking->count++;
	return asking->visit(asking->data, explanation);
}

static int explain_way(struct asking *asking, const struct way *way)
{
	struct explanation first, second;
	bool has_first;

	if (asking->query->has_address)
		return judge_way(asking, way, asking->query->flow.family, &first)
			       ? tell(asking, &first)
			       : 0;
	has_first = judge_way(asking, way, AF_INET, &first);
	if (has_first && tell(asking, &first))
		return 1;
	if (judge_way(asking, way, AF_INET6, &second) &&
	    !(has_first && is_same(&first.decision, &second.decision)))
		return tell(asking, &second);
	return 0;
}

/* A bare word that is no runtime here may be a guest's name. */
static bool is_meant(const struct explain_query *query, const struct guest *guest)
{
	struct source source = {.class = SOURCE_GUEST, .kind = guest->kind, .guest = guest->id};
	const struct selector *selector = &query->selector;

	text_copy(source.runtime, sizeof(source.runtime), guest->runtime);
	text_copy(source.name, sizeof(source.name), guest->name);
	return selector_matches(selector, &source) ||
	       (selector->type == SELECT_RUNTIME && !selector->name[0] &&
		!strcmp(selector->word, guest->name));
}

static int explain_guest(void *data, const struct guest *guest)
{
	struct asking *asking = data;
	struct way ways[WAYS_MAX];
	size_t count;

	if (!is_meant(asking->query, guest))
		return 0;
	count = registry_ways(asking->daemon->guard.registry, guest, ways, WAYS_MAX);
	for (size_t i = 0; i < count; i++)
		if (explain_way(asking, &ways[i]))
			return 1;
	return 0;
}

static void find_lan(void *data, const struct link *link)
{
	struct way *way = data;

	if (!link->default_route || way->ifindex)
		return;
	way->ifindex = link->ifindex;
	text_copy(way->source.interface, sizeof(way->source.interface), link->name);
}

/* Those that are no guests: the host's own programs, the LAN, and what nobody can tell. */
static void explain_other(struct asking *asking, enum source_class class)
{
	struct way way = {.source = {.class = class, .kind = KIND_UNKNOWN}};

	text_copy(way.source.interface, sizeof(way.source.interface), "lo");
	if (class == SOURCE_LAN) {
		way.source.kind = KIND_LAN;
		way.source.route = ROUTE_LAN;
		way.source.interface[0] = '\0';
		links_each(asking->daemon->links, find_lan, &way);
	}
	explain_way(asking, &way);
}

size_t explain(void *data, const struct explain_query *query,
	       int (*visit)(void *data, const struct explanation *explanation), void *visit_data)
{
	struct asking asking = {data, query, visit, visit_data, 0};
	const struct selector *selector = &query->selector;

	loop_guard_handler.catch_up(data);
	if (query->is_host)
		explain_other(&asking, SOURCE_HOST);
	else if (selector->type == SELECT_KIND && selector->kind == KIND_LAN)
		explain_other(&asking, SOURCE_LAN);
	else if (selector->type == SELECT_KIND && selector->kind == KIND_UNKNOWN)
		explain_other(&asking, SOURCE_UNKNOWN);
	else
		registry_each(asking.daemon->guard.registry, explain_guest, &asking);
	return asking.count;
}

void explain_attempt(void *data, const struct attempt *attempt, struct explanation *explanation)
{
	*explanation = (struct explanation){.flow = attempt->flow, .source = attempt->source};
	judge(data, explanation);
}
