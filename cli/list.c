// SPDX-License-Identifier: GPL-2.0-or-later
/* The verb that shows the exceptions in force: list. */
#include "output.h"
#include "prose.h"
#include "verbs.h"

#include "util/array.h"
#include "util/text.h"

#include <stdio.h>
#include <string.h>

/* Who made an exception: the administrator's file, or a user. */
static const char *maker_of(const json_t *exception)
{
	const char *file = text_of(exception, "file");

	return *file ? file : user_name(json_object_get(exception, "creator"));
}

static void add_way(char *ends, size_t size, const char *way)
{
	text_append(ends, size, "%s%s", *ends ? " or " : "", way);
}

/* "never", "in 9m58s", "when it stops", "in 9m58s or when used" */
static void add_end(struct table *table, const json_t *exception)
{
	const char *expires = text_of(exception, "expires");
	char ends[128] = "", way[64];

	if (*expires) {
		snprintf(way, sizeof(way), "in %s", time_left(expires));
		add_way(ends, sizeof(ends), way);
	}
	if (json_is_true(json_object_get(exception, "untilStop")))
		add_way(ends, sizeof(ends), "when it stops");
	if (json_is_true(json_object_get(exception, "once")))
		add_way(ends, sizeof(ends), "when used");
	table_add(table, "%s", *ends ? ends : "never");
}

/* "tcp/127.0.0.1:9222", "tcp/127.0.0.1:9222 (only /usr/bin/chromium)" */
static void add_service(struct table *table, const json_t *exception)
{
	const char *program = text_of(json_object_get(exception, "pin"), "executable");

	if (*program)
		table_add(table, "%s (only %s)", text_of(exception, "service"), program);
	else
		table_add(table, "%s", text_of(exception, "service"));
}

static void print_exceptions(const json_t *list)
{
	static const struct column columns[] = {
		{.name = "ID", .is_number = true},
		{.name = "ACTION"},
		{.name = "SERVICE", .is_undivided = true},
		{.name = "FROM"},
		{.name = "EXPIRES"},
		{.name = "HITS", .is_number = true},
		{.name = "LAST USED", .is_optional = true},
		{.name = "MADE BY", .is_optional = true, .is_undivided = true},
		{.name = "COMMENT", .is_text = true, .is_below = true},
	};
	struct table table = {.columns = columns, .column_count = ARRAY_SIZE(columns)};

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *exception = json_array_get(list, i);
		const char *used = text_of(exception, "lastUsed");

		table_add(&table, "%" JSON_INTEGER_FORMAT, number_of(exception, "id"));
		table_add(&table, "%s", text_of(exception, "action"));
		add_service(&table, exception);
		table_add(&table, "%s", text_of(exception, "source"));
		add_end(&table, exception);
		if (is_told(exception, "hits"))
			table_add(&table, "%" JSON_INTEGER_FORMAT, number_of(exception, "hits"));
		else
			table_add(&table, "-");
		table_add(&table, "%s", *used ? local_time(used) : "-");
		table_add(&table, "%s", maker_of(exception));
		table_add(&table, "%s", text_of(exception, "comment"));
	}
	table_print(&table);
}

enum status verb_list(const struct options *options, int argc, char **argv)
{
	json_t *list = NULL;
	enum status status = client_list(options->socket, "ListExceptions", "exceptions", &list);

	if (status)
		return status;
	if (options->json)
		print_document("exceptions", json_incref(list));
	else if (json_array_size(list))
		print_exceptions(list);
	else
		say("No exceptions: guests reach no service of this host but what they need to "
		    "run. One is made by: " WHOLE("lhguard allow SERVICE --from GUEST"));
	json_decref(list);
	return STATUS_DONE;
}
