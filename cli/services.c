// SPDX-License-Identifier: GPL-2.0-or-later
/* The verb that shows the names that services have: services. */
#include "output.h"
#include "verbs.h"

#include "util/array.h"

static void print_services(const json_t *list)
{
	static const struct column columns[] = {
		{.name = "SERVICE"},
		{.name = "PORTS"},
		{.name = "SENSITIVE"},
		{.name = "WHAT IT IS", .is_text = true},
	};
	struct table table = {.columns = columns, .column_count = ARRAY_SIZE(columns)};

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *known = json_array_get(list, i);
		bool is_sensitive = json_is_true(json_object_get(known, "sensitive"));

		table_add(&table, "%s", text_of(known, "name"));
		table_add(&table, "%s", text_of(known, "ports"));
		table_add(&table, is_sensitive ? "yes" : "no");
		if (is_sensitive)
			table_paint(&table, COLOUR_RED);
		table_add(&table, "%s", text_of(known, "title"));
	}
	table_print(&table);
}

enum status verb_services(const struct options *options, int argc, char **argv)
{
	json_t *list = NULL;
	enum status status = client_list(options->socket, "ListServices", "services", &list);

	if (status)
		return status;
	if (options->json)
		print_document("services", json_incref(list));
	else if (json_array_size(list))
		print_services(list);
	else
		say("No service has a name: see services.conf(5).");
	json_decref(list);
	return STATUS_DONE;
}
