// SPDX-License-Identifier: GPL-2.0-or-later
/* What the control socket asks of the daemon. */
#include "parts.h"
#include "pins.h"
#include "ports.h"

#include "control/control.h"
#include "control/events.h"
#include "control/journal.h"
#include "guests/catalogue.h"
#include "guests/registry.h"
#include "guests/view.h"
#include "kernel/links.h"
#include "kernel/processes.h"
#include "policy/config.h"
#include "policy/exceptions.h"
#include "policy/services.h"

#include <string.h>

static void fill_status(void *data, struct status *status)
{
	static const char *const names[QUEUES] = {"loopback", "guests"};
	struct daemon *daemon = data;
	const struct config *config = daemon->config;
	struct events_totals totals;

	events_totals(daemon->guard.events, &totals);
	*status = (struct status){
		.version = VERSION,
		.refusal = verdict_text(config->refusal),
		.since_us = daemon->since_us,
		.netns = daemon->settings.netns ? daemon->settings.netns : "",
		.expression =
			ruleset_expression(daemon->ruleset) == RULESET_NATIVE ? "native" : "compat",
		.knows_cgroups = ruleset_knows_cgroups(daemon->ruleset),
		.sees_forged = ruleset_sees_forged(daemon->ruleset),
		.has_cgroups = daemon->cgroup >= 0,
		.has_kvm_events = daemon->kvm_events != NULL,
		.config_path = daemon->settings.config,
		.config_failure =
			daemon->config_failure.text[0] ? daemon->config_failure.text : NULL,
		.catalogue_failure = daemon->catalogue_failure.text[0]
					     ? daemon->catalogue_failure.text
					     : catalogue_failure(daemon->catalogue),
		.services_failure = services_failure(daemon->services),
		.exceptions_failure = exceptions_failure(daemon->exceptions),
		.exceptions = exceptions_count(daemon->exceptions),
		.guests = registry_count(daemon->guard.registry),
		.attempts = totals.attempts - totals.listeners,
		.refused = totals.refused,
		.refused_last_hour = totals.refused_last_hour,
		.vanished = daemon->guard.vanished,
		.table_restored = daemon->table_restored,
		.processes_lost = daemon->processes_lost,
		.processes_silent = processes_silent(),
		.journal_lost = journal_lost(daemon->journal),
		.events_lost = totals.untold,
	};
	mode_fill_status(daemon, status);
	for (int i = 0; i < QUEUES; i++) {
		const struct config_queue *queue =
			i == LOOPBACK ? &config->loopback : &config->guests;

		status->queues[i].name = names[i];
		status->queues[i].settings = queue->settings;
		status->queues[i].down_accept = queue->down_accept || !daemon->guard.enforce;
		queue_counters(daemon->queues[i], &status->queues[i].counters);
	}
}

static int add_exception(void *data, const struct exception *exception, uint32_t *id,
			 struct error *error)
{
	struct daemon *daemon = data;
	int result = exceptions_add(daemon->exceptions, exception, id, error);

	if (result || !id)
		return result;
	loop_arm_expiry(daemon);
	loop_update_sandboxes(daemon);
	return 0;
}

static int edit_exception(void *data, const struct exception *exception, bool is_dry_run,
			  struct error *error)
{
	struct daemon *daemon = data;
	int result = exceptions_edit(daemon->exceptions, exception, is_dry_run, error);

	if (result || is_dry_run)
		return result;
	loop_arm_expiry(daemon);
	loop_update_sandboxes(daemon);
	return 0;
}

static int pin_exception(void *data, struct exception *exception, struct error *error)
{
	struct daemon *daemon = data;

	return pins_make(daemon->pins, exception, error);
}

static int import_exceptions(void *data, const struct import *import, struct imported *imported,
			     struct error *error)
{
	struct daemon *daemon = data;
	int result = exceptions_import(daemon->exceptions, import, imported, error);

	if (result || import->is_dry_run)
		return result;
	loop_arm_expiry(daemon);
	loop_update_sandboxes(daemon);
	return 0;
}

static int remove_exceptions(void *data, const struct removal *removal, struct removed *removed,
			     struct error *error)
{
	struct daemon *daemon = data;

	int result = exceptions_remove(daemon->exceptions, removal, removed, error);

	if (!result)
		loop_update_sandboxes(daemon);
	return result;
}

static int reload(void *data, struct error *error)
{
	return daemon_reload(data, error);
}

static void view_guest(void *data, const struct guest *guest, struct guest_view *view)
{
	struct daemon *daemon = data;

	registry_view(daemon->guard.registry, guest, view);
	ports_view(daemon->ports, guest->id, view);
}

static const struct catalogue *the_catalogue(void *data)
{
	const struct daemon *daemon = data;

	return daemon->catalogue;
}

struct link_search {
	const char *name;
	bool is_found;
};

static void compare_link(void *data, const struct link *link)
{
	struct link_search *search = data;

	search->is_found |= !strcmp(link->name, search->name);
}

static bool has_interface(void *data, const char *name)
{
	const struct daemon *daemon = data;
	struct link_search search = {.name = name};

	links_each(daemon->links, compare_link, &search);
	return search.is_found;
}

static bool peer_guest(void *data, pid_t pid, char *label, size_t size)
{
	struct daemon *daemon = data;

	return registry_peer_guest(daemon->guard.registry, pid, label, size);
}

static uint64_t peer_start(void *data, pid_t pid)
{
	const struct daemon *daemon = data;
	struct process process;

	return process_read(daemon->proc, pid, &process) ? 0 : process.start;
}

static bool is_enforcing(void *data)
{
	const struct daemon *daemon = data;

	return daemon->guard.enforce;
}

const struct control_handler answers_handler = {
	.status = fill_status,
	.add = add_exception,
	.edit = edit_exception,
	.pin = pin_exception,
	.import = import_exceptions,
	.remove = remove_exceptions,
	.reload = reload,
	.set_mode = mode_set,
	.view = view_guest,
	.catalogue = the_catalogue,
	.has_interface = has_interface,
	.peer_guest = peer_guest,
	.peer_start = peer_start,
	.explain = explain,
	.explain_attempt = explain_attempt,
	.walk_start = connections_walk_start,
	.walk_next = connections_walk_next,
	.walk_end = connections_walk_end,
	.reach_start = reach_start,
	.reach_next = reach_next,
	.reach_is_incomplete = reach_is_incomplete,
	.reach_end = reach_end,
	.is_enforcing = is_enforcing,
};
