// SPDX-License-Identifier: GPL-2.0-or-later
/* The verb about connections that are open already: show them, cut them. */
#include "confirm.h"
#include "output.h"
#include "verbs.h"

#include "policy/selector.h"
#include "util/array.h"

#include <stdio.h>
#include <string.h>

/* Which connections: the parameters of ListConnections and of CutConnections. */
static json_t *query(const struct options *options)
{
	const char *from = options->value[OPTION_FROM];
	json_t *parameters = json_pack("{s:b}", "refusedOnly", has_option(options, OPTION_REFUSED));

	if (!from || !json_object_set_new(parameters, "source", json_string(from)))
		return parameters;
	json_decref(parameters);
	return NULL;
}

static enum status list(const struct options *options, json_t **connections, bool *incomplete)
{
	struct client client;
	bool continues = true;
	enum status status = client_open(&client, options->socket);

	if (status)
		return status;
	*connections = json_array();
	status = client_send(&client, "ListConnections", query(options), true);
	while (!status && continues) {
		json_t *answer = NULL;

		status = client_receive(&client, CLIENT_PATIENT_MS, &answer, &continues);
		json_array_extend(*connections, json_object_get(answer, "connections"));
		*incomplete = json_is_true(json_object_get(answer, "incomplete"));
		json_decref(answer);
	}
	client_close(&client);
	if (status)
		json_decref(*connections);
	return status;
}

static void add_end(struct table *table, const char *protocol, const json_t *end)
{
	const char *address = text_of(end, "address");

	table_add(table,
		  strchr(address, ':') ? "%s[%s]:%" JSON_INTEGER_FORMAT
				       : "%s%s:%" JSON_INTEGER_FORMAT,
		  protocol, address, number_of(end, "port"));
}

static void add_rule(struct table *table, const json_t *connection)
{
	json_int_t exception = number_of(connection, "exception");
	const char *refused =
		json_is_true(json_object_get(connection, "allowed")) ? "" : "nothing now: ";

	if (exception)
		table_add(table, "%sexception %" JSON_INTEGER_FORMAT, refused, exception);
	else
		table_add(table, "%s%s", refused, text_of(connection, "rule"));
}

static void print_connections(const json_t *list)
{
	static const struct column columns[] = {
		{.name = "GUEST"},
		{.name = "ROUTE", .is_optional = true},
		{.name = "SERVICE", .is_undivided = true},
		{.name = "PROGRAM"},
		{.name = "CLIENT", .is_optional = true, .is_undivided = true},
		{.name = "STATE", .is_optional = true},
		{.name = "ALLOWED BY", .is_text = true},
	};
	struct table table = {.columns = columns, .column_count = ARRAY_SIZE(columns)};

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *connection = json_array_get(list, i);
		const json_t *service = json_object_get(connection, "service");
		char protocol[16];

		snprintf(protocol, sizeof(protocol), "%s ", text_of(service, "protocol"));
		table_add(&table, "%s", text_of(json_object_get(connection, "source"), "label"));
		table_add(&table, "%s", text_of(connection, "route"));
		add_end(&table, protocol, service);
		table_add(&table, "%s", text_of(service, "program"));
		add_end(&table, "", json_object_get(connection, "client"));
		table_add(&table, "%s", text_of(connection, "state"));
		add_rule(&table, connection);
	}
	table_print(&table);
}

void print_cut(json_int_t count)
{
	say("cut %" JSON_INTEGER_FORMAT " open connection%s", count, count == 1 ? "" : "s");
}

static void print_none(const struct options *options)
{
	say(has_option(options, OPTION_REFUSED)
		    ? "No guest has an open connection that would be refused now."
		    : "No guest has an open connection to a service of this host.");
}

/* Who names none of them may have meant fewer. */
static enum status confirm_all(const struct options *options, size_t count, bool incomplete)
{
	char words[128];

	if (has_option(options, OPTION_REFUSED) || has_option(options, OPTION_FROM) || !count)
		return STATUS_DONE;
	snprintf(words, sizeof(words),
		 "this ends %zu%s open connection%s of guests, allowed or not: go on?", count,
		 incomplete ? " and more" : "", count == 1 && !incomplete ? "" : "s");
	return confirm(options, words, "nothing was cut");
}

/* @answer: receives what there was to cut; left as it is without --cut */
static enum status cut(const struct options *options, size_t count, bool incomplete,
		       json_t **answer)
{
	enum status status = STATUS_DONE;

	if (!has_option(options, OPTION_CUT))
		return status;
	status = confirm_all(options, count, incomplete);
	if (!status)
		status = client_change(options->socket, "CutConnections", query(options),
				       CLIENT_PATIENT_MS, answer);
	return status;
}

static void print_json(json_t *connections, const json_t *answer, bool incomplete)
{
	json_t *document =
		json_pack("{s:O, s:b}", "connections", connections, "incomplete", (int)incomplete);

	if (answer)
		json_object_set(document, "cut", json_object_get(answer, "cut"));
	print_members(document);
}

enum status verb_connections(const struct options *options, int argc, char **argv)
{
	const char *from = options->value[OPTION_FROM];
	struct error error = {.text = ""};
	json_t *connections = NULL, *answer = NULL;
	bool incomplete = false;
	struct selector selector;
	enum status status;
	size_t count;

	if (from && selector_parse(from, &selector, &error))
		return complain(STATUS_USAGE, "%s", shown(error.text));
	status = list(options, &connections, &incomplete);
	if (status)
		return status;
	count = json_array_size(connections);
	status = cut(options, count, incomplete, &answer);
	if (!status && options->json)
		print_json(connections, answer, incomplete);
	else if (!status && count)
		print_connections(connections);
	else if (!status)
		print_none(options);
	if (!status && answer && count && !options->json)
		print_cut(number_of(answer, "cut"));
	if (!status && incomplete)
		complain(STATUS_DONE, "there are more: these are the first %zu", count);
	json_decref(connections);
	json_decref(answer);
	return status;
}
