// SPDX-License-Identifier: GPL-2.0-or-later
/* The methods: who may call each, what each takes and what it answers. */
#include "control/methods.h"

#include "control/call.h"
#include "control/changes.h"
#include "control/explain_method.h"
#include "control/introspection.h"
#include "control/mode_method.h"
#include "control/reach_method.h"
#include "control/replies.h"
#include "control/walks.h"

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

/* clang-format off */
const struct method methods[] = {
	{SERVICE("GetInfo"), PRIVILEGE_ANYONE, {{0}}, get_info},
	{SERVICE("GetInterfaceDescription"), PRIVILEGE_ANYONE,
	 {{"interface", PARAMETER_STRING, false}}, get_interface_description},
	{OWN("GetStatus"), PRIVILEGE_READ, {{0}}, get_status},
	{OWN("ListExceptions"), PRIVILEGE_READ, {{0}}, list_exceptions},
	{OWN("ListGuests"), PRIVILEGE_READ, {{0}}, list_guests},
	{OWN("ListServices"), PRIVILEGE_READ, {{0}}, list_services},
	{OWN("ListPorts"), PRIVILEGE_READ, {{0}}, reach_list},
	{OWN("ListConnections"), PRIVILEGE_READ,
	 {{"source", PARAMETER_STRING, true},
	  {"service", PARAMETER_STRING, true},
	  {"refusedOnly", PARAMETER_BOOLEAN, true}}, walk_list},
	{OWN("Explain"), PRIVILEGE_READ,
	 {{"source", PARAMETER_STRING, false}, {"service", PARAMETER_STRING, false}}, explain_source},
	{OWN("ExplainEvent"), PRIVILEGE_READ, {{"id", PARAMETER_INTEGER, false}}, explain_event},
	{OWN("Watch"), PRIVILEGE_READ, {{"past", PARAMETER_INTEGER, true}}, watch},
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
	  {"dryRun", PARAMETER_BOOLEAN, true}}, changes_add},
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
	  {"dryRun", PARAMETER_BOOLEAN, true}}, changes_edit},
	{OWN("ImportExceptions"), PRIVILEGE_CHANGE,
	 {{"text", PARAMETER_STRING, false},
	  {"replace", PARAMETER_BOOLEAN, true},
	  {"dryRun", PARAMETER_BOOLEAN, true}}, changes_import},
	{OWN("RemoveExceptions"), PRIVILEGE_CHANGE,
	 {{"ids", PARAMETER_INTEGERS, true},
	  {"source", PARAMETER_STRING, true},
	  {"expired", PARAMETER_BOOLEAN, true},
	  {"cut", PARAMETER_BOOLEAN, true}}, changes_remove},
	{OWN("CutConnections"), PRIVILEGE_CHANGE,
	 {{"source", PARAMETER_STRING, true},
	  {"service", PARAMETER_STRING, true},
	  {"refusedOnly", PARAMETER_BOOLEAN, true}}, walk_cut},
	{OWN("SetMode"), PRIVILEGE_CHANGE,
	 {{"mode", PARAMETER_STRING, false}, {"seconds", PARAMETER_INTEGER, true}}, mode_method_set},
	{OWN("Reload"), PRIVILEGE_CHANGE, {{0}}, changes_reload},
};
/* clang-format on */

const size_t methods_count = sizeof(methods) / sizeof(methods[0]);
