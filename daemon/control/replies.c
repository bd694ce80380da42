// SPDX-License-Identifier: GPL-2.0-or-later
/* The types of conf/org.lhguard.varlink as JSON. */
#include "control/replies.h"

#include "control/control.h"
#include "control/reach.h"
#include "guests/registry.h"
#include "guests/view.h"
#include "policy/services.h"
#include "policy/steps.h"
#include "policy/timestamp.h"
#include "util/array.h"
#include "util/text.h"

#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>

/* JSON is UTF-8, but a comm or a comment need not be. */
static json_t *text(const char *value)
{
	json_t *json = json_string(value);
	char escaped[4 * COMMENT_SIZE];

	if (json)
		return json;
	text_escape(escaped, sizeof(escaped), value, strlen(value));
	return json_string(escaped);
}

static json_t *text_or_null(const char *value)
{
	return value && value[0] ? text(value) : json_null();
}

static json_t *number_or_null(uint64_t value)
{
	return value ? json_integer((json_int_t)value) : json_null();
}

static json_t *time_text(uint64_t time_us)
{
	char time[TIMESTAMP_SIZE];

	timestamp_format(time, sizeof(time), time_us);
	return json_string(time);
}

static json_t *part(const char *failure)
{
	return json_pack("{s:s, s:o}", "state", failure ? "failed" : "ok", "error",
			 text_or_null(failure));
}

static json_t *queue(const struct status *status, size_t i)
{
	const struct queue_settings *settings = &status->queues[i].settings;
	const struct queue_counters *counters = &status->queues[i].counters;

	return json_pack(
		"{s:s, s:i, s:I, s:s, s:s, s:I, s:I, s:I, s:I}", "name", status->queues[i].name,
		"number", (int)settings->number, "length", (json_int_t)settings->length, "overflow",
		settings->overflow_accept ? "accept" : "drop", "down",
		status->queues[i].down_accept ? "accept" : "drop", "packets",
		(json_int_t)counters->packets, "lost", (json_int_t)counters->lost, "overflowed",
		(json_int_t)counters->overflowed, "unsent", (json_int_t)counters->unsent);
}

static json_t *mode_override(const struct status *status)
{
	if (!status->is_mode_set)
		return json_null();
	return json_pack("{s:I, s:o, s:o}", "creator", (json_int_t)status->mode_creator, "created",
			 time_text(status->mode_created_us), "expires",
			 status->mode_expires_us ? time_text(status->mode_expires_us)
						 : json_null());
}

json_t *reply_mode(const struct status *status)
{
	return json_pack("{s:s, s:s, s:o}", "mode", status->mode, "configuredMode",
			 status->configured_mode, "modeOverride", mode_override(status));
}

static json_t *kernel(const struct status *status)
{
	return json_pack("{s:b, s:b, s:b, s:b}", "socketCgroup", status->knows_cgroups,
			 "localSource", status->sees_forged, "cgroups", status->has_cgroups,
			 "kvmEvents", status->has_kvm_events);
}

/* What there is, and what has happened since the start. */
static json_t *counts(const struct status *status)
{
	return json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "exceptionCount",
		(json_int_t)status->exceptions, "guestCount", (json_int_t)status->guests,
		"attempts", (json_int_t)status->attempts, "refused", (json_int_t)status->refused,
		"refusedLastHour", (json_int_t)status->refused_last_hour, "vanished",
		(json_int_t)status->vanished, "tableRestored", (json_int_t)status->table_restored,
		"processEventsLost", (json_int_t)status->processes_lost, "processesSilent",
		(json_int_t)status->processes_silent, "journalLost",
		(json_int_t)status->journal_lost, "eventsLost", (json_int_t)status->events_lost);
}

json_t *reply_status(const struct status *status)
{
	json_t *queues = json_array(), *totals = counts(status), *reply;

	for (size_t i = 0; i < ARRAY_SIZE(status->queues); i++)
		json_array_append_new(queues, queue(status, i));
	reply = json_pack("{s:s, s:s, s:s, s:o, s:o, s:s, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o}",
			  "version", status->version, "mode", status->mode, "configuredMode",
			  status->configured_mode, "modeOverride", mode_override(status),
			  "modeSince", time_text(status->mode_since_us), "verdict", status->refusal,
			  "since", time_text(status->since_us), "netns", text(status->netns),
			  "expression", status->expression, "configuration",
			  part(status->config_failure), "configurationFile",
			  text(status->config_path), "catalogue", part(status->catalogue_failure),
			  "services", part(status->services_failure), "exceptions",
			  part(status->exceptions_failure));
	json_object_update(reply, totals);
	json_object_set_new(reply, "kernel", kernel(status));
	json_object_set_new(reply, "queues", queues);
	json_decref(totals);
	return reply;
}

static json_t *pin_json(const struct exception *exception)
{
	if (!exception->pin[0])
		return json_null();
	return json_pack("{s:o, s:I}", "executable", text(exception->pin), "user",
			 (json_int_t)exception->pin_user);
}

json_t *reply_exception(const struct exception *exception)
{
	char service[SERVICE_TEXT_SIZE], source[SELECTOR_TEXT_SIZE];

	service_format(service, sizeof(service), &exception->service);
	selector_format(source, sizeof(source), &exception->source);
	return json_pack(
		"{s:I, s:s, s:o, s:o, s:o, s:o, s:b, s:o, s:b, s:o, s:b, s:I, s:o, s:o, s:I, s:o}",
		"id", (json_int_t)exception->id, "action", exception->allow ? "allow" : "deny",
		"service", text(service), "source", text(source), "created",
		time_text(exception->created_us), "expires",
		exception->expires_us ? time_text(exception->expires_us) : json_null(), "once",
		exception->once, "pin", pin_json(exception), "untilStop",
		exception->guest_key[0] != '\0', "guest", number_or_null(exception->guest),
		"cutAtEnd", exception->cut, "creator", (json_int_t)exception->creator, "comment",
		text(exception->comment), "file", text_or_null(exception->file), "hits",
		(json_int_t)exception->hits, "lastUsed",
		exception->used_us ? time_text(exception->used_us) : json_null());
}

json_t *reply_known_service(const struct known_service *known)
{
	char ports[SERVICE_TEXT_SIZE];

	return json_pack("{s:s, s:s, s:o, s:b}", "name", known->name, "ports",
			 service_format(ports, sizeof(ports), &known->service), "title",
			 text(known->title), "sensitive", known->sensitive);
}

/* Lists of a guest's type. */

static json_t *interfaces_json(const struct guest_view *view)
{
	json_t *list = json_array();

	for (size_t i = 0; i < view->interface_count; i++)
		json_array_append_new(list, json_pack("{s:o, s:o}", "name",
						      text(view->interfaces[i].name), "bridge",
						      text_or_null(view->interfaces[i].bridge)));
	return list;
}

static json_t *mac_json(const uint8_t *mac)
{
	char text[3 * MAC_SIZE];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	return json_string(text);
}

static json_t *macs_json(const struct guest_view *view)
{
	json_t *list = json_array();

	for (size_t i = 0; i < view->mac_count; i++)
		json_array_append_new(list, mac_json(view->macs[i]));
	return list;
}

static json_t *addresses_json(const struct guest_view *view)
{
	char address[INET6_ADDRSTRLEN];
	json_t *list = json_array();

	for (size_t i = 0; i < view->address_count; i++)
		json_array_append_new(list, json_string(address_format(address, sizeof(address),
								       &view->addresses[i])));
	return list;
}

static json_t *conduits_json(const struct guest_view *view)
{
	json_t *list = json_array();

	for (size_t i = 0; i < view->conduit_count; i++)
		json_array_append_new(list, json_pack("{s:I, s:o, s:o}", "pid",
						      (json_int_t)view->conduits[i].pid, "program",
						      text(view->conduits[i].comm), "runtime",
						      text(view->conduits[i].runtime)));
	return list;
}

static json_t *endpoint_json(uint8_t protocol, const struct in6_addr *address, uint16_t port,
			     const char *program)
{
	char word[8], numbers[INET6_ADDRSTRLEN];

	return json_pack("{s:s, s:s, s:i, s:o}", "protocol",
			 protocol_format(word, sizeof(word), protocol), "address",
			 address_format(numbers, sizeof(numbers), address), "port", (int)port,
			 "program", text(program));
}

static json_t *listens_json(const struct guest_view *view)
{
	json_t *list = json_array();

	for (size_t i = 0; i < view->listen_count; i++)
		json_array_append_new(
			list, endpoint_json(view->listens[i].protocol, &view->listens[i].address,
					    view->listens[i].port, view->listens[i].program));
	return list;
}

json_t *reply_guest(const struct guest *guest, const struct guest_view *view)
{
	struct source source = {.class = SOURCE_GUEST, .kind = guest->kind};
	char label[NAME_SIZE + RUNTIME_SIZE];

	text_copy(source.name, sizeof(source.name), guest->name);
	source_label(label, sizeof(label), &source);
	return json_pack(
		"{s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o,"
		" s:o, s:o, s:o, s:I, s:I}",
		"id", (json_int_t)guest->id, "kind", kind_text(guest->kind), "runtime",
		text(guest->runtime), "name", text(guest->name), "label", text(label), "leader",
		number_or_null((uint64_t)guest->leader), "user",
		view->has_user ? json_integer(view->user) : json_null(), "processes",
		(json_int_t)view->processes, "recognised", guest->why ? guest->why : "", "key",
		text(guest->key), "cgroup", text_or_null(view->cgroup), "netns",
		number_or_null(guest->netns), "interfaces", interfaces_json(view), "macs",
		macs_json(view), "addresses", addresses_json(view), "conduits", conduits_json(view),
		"listens", listens_json(view), "since", time_text(guest->first_us), "lastSeen",
		time_text(guest->last_us), "attempts", (json_int_t)guest->attempts, "refused",
		(json_int_t)guest->refused);
}

static json_t *source_json(const struct source *source)
{
	char label[NAME_SIZE + RUNTIME_SIZE];

	source_label(label, sizeof(label), source);
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:b, s:o}", "class",
			 source_class_text(source->class), "kind", kind_text(source_kind(source)),
			 "runtime", text(source->runtime), "name", text(source->name), "label",
			 text(label), "guest", number_or_null(source->guest), "shared",
			 source->shared, "conduit", text_or_null(source->conduit));
}

static json_t *client_json(const struct flow *flow)
{
	char address[INET6_ADDRSTRLEN];

	return json_pack("{s:s, s:i}", "address",
			 address_format(address, sizeof(address), &flow->client), "port",
			 (int)flow->client_port);
}

json_t *reply_event(const struct attempt *attempt)
{
	const struct decision *decision = &attempt->decision;
	const struct source *source = &attempt->source;

	return json_pack(
		"{s:I, s:s, s:o, s:o, s:I, s:s, s:s, s:s, s:o, s:o, s:s, s:o, s:o, s:o,"
		" s:o, s:o, s:o, s:o}",
		"id", (json_int_t)attempt->id, "type", event_type_text(attempt->type), "time",
		time_text(attempt->first_us), "last", time_text(attempt->last_us), "count",
		(json_int_t)attempt->count, "verdict", verdict_text(decision->verdict), "mode",
		attempt->enforced ? "enforce" : "monitor", "reason", reason_text(decision->reason),
		"rule", text(attempt->rule), "exception", number_or_null(decision->exception),
		"route", route_text(source->route), "source", source_json(source), "service",
		endpoint_json(attempt->flow.protocol, &attempt->flow.service,
			      attempt->flow.service_port, attempt->program),
		"client", client_json(&attempt->flow), "interface", text(source->interface), "mac",
		attempt->arrival.has_mac ? mac_json(attempt->arrival.mac) : json_null(), "pid",
		number_or_null((uint64_t)source->pid), "program", text_or_null(source->comm));
}

#define REACHES_LISTED 100

static json_t *reaches_json(const struct open_port *port)
{
	json_t *list = json_array();

	for (size_t i = 0; i < port->reach_count && i < REACHES_LISTED; i++) {
		const struct reach *reach = &port->reaches[i];
		const struct decision *decision = &reach->decision;

		json_array_append_new(
			list,
			json_pack("{s:I, s:o, s:s, s:o, s:b, s:s, s:o, s:o}", "guest",
				  (json_int_t)reach->guest, "label", text(reach->label), "route",
				  route_text(reach->route), "interface", text(reach->interface),
				  "allowed", decision->verdict == VERDICT_ACCEPT, "reason",
				  reason_text(decision->reason), "rule", text(reach->rule),
				  "exception", number_or_null(decision->exception)));
	}
	return list;
}

json_t *reply_port(const struct open_port *port)
{
	const struct known_service *known = port->known;
	char label[NAME_SIZE + RUNTIME_SIZE];

	source_label(label, sizeof(label), &port->owner);
	return json_pack("{s:o, s:o, s:o, s:b, s:o, s:o, s:b, s:I, s:I, s:o}", "service",
			 endpoint_json(port->protocol, &port->address, port->port, port->program),
			 "name", known ? json_string(known->name) : json_null(), "title",
			 text_or_null(known ? known->title : ""), "sensitive",
			 known && known->sensitive, "pid", number_or_null((uint64_t)port->pid),
			 "owner", port->owner.class == SOURCE_HOST ? json_null() : text(label),
			 "lan", port->lan, "reached", (json_int_t)port->reached, "refused",
			 (json_int_t)(port->reach_count - port->reached), "guests",
			 reaches_json(port));
}

/* As `ss` has them, in its words. */
static const char *state_text(uint8_t state)
{
	switch (state) {
	case TCP_ESTABLISHED:
		return "established";
	case TCP_FIN_WAIT1:
	case TCP_FIN_WAIT2:
		return "fin-wait";
	case TCP_CLOSE_WAIT:
		return "close-wait";
	default:
		return "other";
	}
}

json_t *reply_connection(const struct open_connection *connection)
{
	const struct decision *decision = &connection->decision;
	const struct source *source = &connection->source;

	return json_pack(
		"{s:o, s:s, s:o, s:o, s:o, s:s, s:b, s:s, s:s, s:o, s:o, s:o}", "source",
		source_json(source), "route", route_text(source->route), "interface",
		text(source->interface), "service",
		endpoint_json(connection->flow.protocol, &connection->flow.service,
			      connection->flow.service_port, connection->program),
		"client", client_json(&connection->flow), "state", state_text(connection->state),
		"allowed", decision->verdict == VERDICT_ACCEPT, "reason",
		reason_text(decision->reason), "rule", decision->rule ? decision->rule : "",
		"exception", number_or_null(decision->exception), "pid",
		number_or_null((uint64_t)source->pid), "program", text_or_null(source->comm));
}

static json_t *steps_json(const struct decision *decision)
{
	const char *result = "passed";
	json_t *list = json_array();

	for (size_t i = 0; i < DECISION_STEPS; i++) {
		const struct decision_step *step = &decision_steps[i];
		bool decides = step->reason == decision->reason;

		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "rule",
						      reason_text(step->reason), "text", step->text,
						      "result", decides ? "decides" : result));
		if (decides)
			result = "not reached";
	}
	return list;
}

static json_t *changes_json(const struct explanation *explanation)
{
	static const char *const acts[] = {
		[CHANGE_REMOVE] = "remove",
		[CHANGE_EDIT] = "edit",
		[CHANGE_ALLOW] = "allow",
		[CHANGE_DENY] = "deny",
	};
	json_t *list = json_array();

	for (size_t i = 0; i < explanation->change_count; i++) {
		const struct change *change = &explanation->changes[i];

		json_array_append_new(list,
				      json_pack("{s:s, s:o, s:o}", "action", acts[change->act],
						"exception", number_or_null(change->exception),
						"place", text_or_null(change->place)));
	}
	return list;
}

json_t *reply_explanation(const struct explanation *explanation)
{
	const struct decision *decision = &explanation->decision;
	const struct source *source = &explanation->source;

	return json_pack("{s:o, s:s, s:o, s:o, s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o}", "source",
			 source_json(source), "route", route_text(source->route), "interface",
			 text(source->interface), "service",
			 endpoint_json(explanation->flow.protocol, &explanation->flow.service,
				       explanation->flow.service_port, explanation->program),
			 "verdict", verdict_text(decision->verdict), "mode",
			 explanation->enforced ? "enforce" : "monitor", "reason",
			 reason_text(decision->reason), "rule", text(decision->rule), "exception",
			 explanation->exception.id ? reply_exception(&explanation->exception)
						   : json_null(),
			 "place", text_or_null(explanation->place), "steps", steps_json(decision),
			 "changes", changes_json(explanation));
}
