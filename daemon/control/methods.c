// SPDX-License-Identifier: GPL-2.0-or-later
/* The methods: who may call each, what each takes and what it answers. */
#include "control/methods.h"

#include "control/allow_event_method.h"
#include "control/call.h"
#include "control/changes.h"
#include "control/explain_method.h"
#include "control/introspection.h"
#include "control/mode_method.h"
#include "control/reach_method.h"
#include "control/replies.h"
#include "control/walks.h"
#include "util/array.h"

/* org.varlink.service */

static void get_info(struct call *call)
{
	call_answer_with(call,
			 json_pack("{s:s, s:s, s:s, s:s, s:[s, s]}", "vendor", "lhguard", "product",
				   "lhguardd", "version", VERSION, "url", "man:lhguardd(8)",
				   "interfaces", INTERFACE_SERVICE, INTERFACE_OWN));
}

static void get_interface_description(struct call *call)
{
	const char *name = call_string(call, "interface");
	const char *text = interface_text(name);

	if (text)
		call_answer_with(call, json_pack("{s:s}", "description", text));
	else
		call_fail(call, SERVICE("InterfaceNotFound"), "interface", name);
}

/* Reading */

static void get_status(struct call *call)
{
	struct status status;

	if (call->is_more) {
		*call->stream = (struct stream){.type = STREAM_STATUS};
		call->answer = stream_next(call->settings, call->stream);
		return;
	}
	call->settings->handler->status(call->settings->data, &status);
	call_answer_with(call, json_pack("{s:o}", "status", reply_status(&status)));
}

/* A list that one answer cannot carry goes only to those who take many. */
static void list(struct call *call, enum stream_type type)
{
	*call->stream = (struct stream){.type = type};
	call->answer = stream_next(call->settings, call->stream);
	if (call->stream->type != STREAM_NONE && !call->is_more) {
		call->stream->type = STREAM_NONE;
		call_expect_more(call);
	}
}

static void list_exceptions(struct call *call)
{
	list(call, STREAM_EXCEPTIONS);
}

static void list_guests(struct call *call)
{
	list(call, STREAM_GUESTS);
}

static void list_services(struct call *call)
{
	list(call, STREAM_SERVICES);
}

static void watch(struct call *call)
{
	json_int_t past = json_integer_value(call_parameter(call, "past"));

	if (past < 0)
		return call_fail_parameter(call, "past");
	if (!call->is_more && past > 1)
		return call_expect_more(call);
	if (!call->is_more) {
		call->answer = stream_newest_event(call->settings);
		return;
	}
	stream_start_events(call->settings, call->stream, (uint64_t)past);
	call->answer = stream_next(call->settings, call->stream);
}

/* As systemd's own services have it: a person may be asked. */
#define ASKS                                                                                       \
	{                                                                                          \
		"allowInteractiveAuthentication", PARAMETER_BOOLEAN, true                          \
	}

/* clang-format off */
const struct method methods[] = {
	{SERVICE("GetInfo"), PRIVILEGE_ANYONE, {{0}}, get_info, NULL, NULL},
	{SERVICE("GetInterfaceDescription"), PRIVILEGE_ANYONE,
	 {{"interface", PARAMETER_STRING, false}}, get_interface_description, NULL, NULL},
	{OWN("GetStatus"), PRIVILEGE_READ, {{0}}, get_status, NULL, NULL},
	{OWN("ListExceptions"), PRIVILEGE_READ, {{0}}, list_exceptions, NULL, NULL},
	{OWN("ListGuests"), PRIVILEGE_READ, {{0}}, list_guests, NULL, NULL},
	{OWN("ListServices"), PRIVILEGE_READ, {{0}}, list_services, NULL, NULL},
	{OWN("ListPorts"), PRIVILEGE_READ, {{0}}, reach_list, NULL, NULL},
	{OWN("ListConnections"), PRIVILEGE_READ,
	 {{"source", PARAMETER_STRING, true},
	  {"service", PARAMETER_STRING, true},
	  {"refusedOnly", PARAMETER_BOOLEAN, true}}, walk_list, NULL, NULL},
	{OWN("Explain"), PRIVILEGE_READ,
	 {{"source", PARAMETER_STRING, false}, {"service", PARAMETER_STRING, false}}, explain_source, NULL, NULL},
	{OWN("ExplainEvent"), PRIVILEGE_READ, {{"id", PARAMETER_INTEGER, false}}, explain_event, NULL, NULL},
	{OWN("Watch"), PRIVILEGE_READ, {{"past", PARAMETER_INTEGER, true}}, watch, NULL, NULL},
	{OWN("AddException"), PRIVILEGE_CHANGE,
	 {{"action", PARAMETER_STRING, false},
	  {"service", PARAMETER_STRING, false},
	  {"source", PARAMETER_STRING, true},
	  {"seconds", PARAMETER_INTEGER, true},
	  {"untilStop", PARAMETER_BOOLEAN, true},
	  {"once", PARAMETER_BOOLEAN, true},
	  {"pin", PARAMETER_BOOLEAN, true},
	  {"cutAtEnd", PARAMETER_BOOLEAN, true},
	  {"comment", PARAMETER_STRING, true},
	  {"dryRun", PARAMETER_BOOLEAN, true},
	  ASKS}, changes_add, "make an exception", changes_describe},
	{OWN("AllowEvent"), PRIVILEGE_CHANGE,
	 {{"id", PARAMETER_INTEGER, false},
	  {"time", PARAMETER_STRING, false},
	  {"seconds", PARAMETER_INTEGER, true},
	  ASKS}, allow_event, "allow what an event was refused", allow_event_describe},
	{OWN("EditException"), PRIVILEGE_CHANGE,
	 {{"id", PARAMETER_INTEGER, false},
	  {"service", PARAMETER_STRING, true},
	  {"pin", PARAMETER_BOOLEAN, true},
	  {"source", PARAMETER_STRING, true},
	  {"seconds", PARAMETER_INTEGER, true},
	  {"forever", PARAMETER_BOOLEAN, true},
	  {"untilStop", PARAMETER_BOOLEAN, true},
	  {"cutAtEnd", PARAMETER_BOOLEAN, true},
	  {"comment", PARAMETER_STRING, true},
	  {"dryRun", PARAMETER_BOOLEAN, true},
	  ASKS}, changes_edit, "change an exception", NULL},
	{OWN("ImportExceptions"), PRIVILEGE_CHANGE,
	 {{"text", PARAMETER_STRING, false},
	  {"replace", PARAMETER_BOOLEAN, true},
	  {"dryRun", PARAMETER_BOOLEAN, true},
	  ASKS}, changes_import, "import exceptions", NULL},
	{OWN("RemoveExceptions"), PRIVILEGE_CHANGE,
	 {{"ids", PARAMETER_INTEGERS, true},
	  {"source", PARAMETER_STRING, true},
	  {"expired", PARAMETER_BOOLEAN, true},
	  {"cut", PARAMETER_BOOLEAN, true},
	  ASKS}, changes_remove, "remove exceptions", NULL},
	{OWN("CutConnections"), PRIVILEGE_CHANGE,
	 {{"source", PARAMETER_STRING, true},
	  {"service", PARAMETER_STRING, true},
	  {"refusedOnly", PARAMETER_BOOLEAN, true},
	  ASKS}, walk_cut, "end guests' connections", NULL},
	{OWN("SetMode"), PRIVILEGE_CHANGE,
	 {{"mode", PARAMETER_STRING, false},
	  {"seconds", PARAMETER_INTEGER, true},
	  ASKS}, mode_method_set, "change the guard's mode", mode_method_describe},
	{OWN("Reload"), PRIVILEGE_CHANGE, {ASKS}, changes_reload,
	 "let the guard read its files again", NULL},
};
/* clang-format on */

const size_t methods_count = ARRAY_SIZE(methods);
