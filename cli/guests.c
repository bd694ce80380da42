// SPDX-License-Identifier: GPL-2.0-or-later
/* The verb that shows the guests: a table of all, or all that is known of some. */
#include "output.h"
#include "prose.h"
#include "verbs.h"

#include "util/array.h"
#include "util/near.h"
#include "util/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_SIZE      320
#define SUGGESTED_MOST 3

/* "10.20.0.11 +2" */
static const char *addresses_of(const json_t *guest)
{
	const json_t *list = json_object_get(guest, "addresses");
	const char *first = json_string_value(json_array_get(list, 0));
	static char text[64];

	if (!first)
		return "-";
	text_copy(text, sizeof(text), first);
	if (json_array_size(list) > 1)
		text_append(text, sizeof(text), " +%zu", json_array_size(list) - 1);
	return text;
}

static void print_table(const json_t *list)
{
	static const struct column columns[] = {
		{.name = "ID", .is_number = true},
		{.name = "GUEST"},
		{.name = "RUNTIME"},
		{.name = "PID", .is_number = true, .is_optional = true},
		{.name = "USER", .is_optional = true},
		{.name = "ADDRESS"},
		{.name = "ATTEMPTS", .is_number = true},
		{.name = "REFUSED", .is_number = true},
		{.name = "SINCE", .is_optional = true},
		{.name = "LAST", .is_optional = true},
	};
	struct table table = {.columns = columns, .column_count = ARRAY_SIZE(columns)};

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *guest = json_array_get(list, i);
		json_int_t leader = number_of(guest, "leader");

		table_add(&table, "%" JSON_INTEGER_FORMAT, number_of(guest, "id"));
		table_add(&table, "%s", text_of(guest, "label"));
		table_add(&table, "%s", text_of(guest, "runtime"));
		if (leader)
			table_add(&table, "%" JSON_INTEGER_FORMAT, leader);
		else
			table_add(&table, "-");
		table_add(&table, "%s", user_name(json_object_get(guest, "user")));
		table_add(&table, "%s", addresses_of(guest));
		table_add(&table, "%" JSON_INTEGER_FORMAT, number_of(guest, "attempts"));
		table_add(&table, "%" JSON_INTEGER_FORMAT, number_of(guest, "refused"));
		table_add(&table, "%s", local_time(text_of(guest, "since")));
		table_add(&table, "%s", local_time(text_of(guest, "lastSeen")));
	}
	table_print(&table);
}

/* All that is known of one, a fact a line. */

static void print_fact(const char *what, const char *text)
{
	prose("  %-13s%s", what, shown(text));
	prose_end(15);
}

static void print_number(const char *what, json_int_t number)
{
	printf("  %-13s%" JSON_INTEGER_FORMAT "\n", what, number);
}

/* A text, where the daemon has one. */
static void print_told(const json_t *guest, const char *member, const char *what)
{
	if (*text_of(guest, member))
		print_fact(what, text_of(guest, member));
}

/* A list under one heading: the heading stands before its first line only. */
static void print_texts(const char *what, const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		print_fact(i ? "" : what, json_string_value(json_array_get(list, i)));
}

static void print_interfaces(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *interface = json_array_get(list, i);
		char text[WORD_SIZE] = "";

		text_append(text, sizeof(text), "%s", text_of(interface, "name"));
		if (*text_of(interface, "bridge"))
			text_append(text, sizeof(text), ", a port of %s",
				    text_of(interface, "bridge"));
		print_fact(i ? "" : "interface", text);
	}
}

static void print_conduits(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *conduit = json_array_get(list, i);
		char text[WORD_SIZE] = "";

		text_append(text, sizeof(text), "%s (%s), pid %" JSON_INTEGER_FORMAT,
			    text_of(conduit, "program"), text_of(conduit, "runtime"),
			    number_of(conduit, "pid"));
		print_fact(i ? "" : "conduit", text);
	}
}

static void print_listens(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *service = json_array_get(list, i);
		char text[WORD_SIZE], where[WORD_SIZE] = "";

		text_append(where, sizeof(where), "%s %s", text_of(service, "protocol"),
			    endpoint(text, sizeof(text), service));
		if (*text_of(service, "program"))
			text_append(where, sizeof(where), " (%s)", text_of(service, "program"));
		print_fact(i ? "" : "listens on", where);
	}
}

static void print_guest(const json_t *guest)
{
	json_int_t leader = number_of(guest, "leader"), netns = number_of(guest, "netns");
	char text[WORD_SIZE] = "";

	printf("%s\n", shown(text_of(guest, "label")));
	snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT " (guest:%" JSON_INTEGER_FORMAT ")",
		 number_of(guest, "id"), number_of(guest, "id"));
	print_fact("id", text);
	print_fact("kind", text_of(guest, "kind"));
	print_fact("runtime", text_of(guest, "runtime"));
	text[0] = '\0';
	text_append(text, sizeof(text), "by %s", text_of(guest, "recognised"));
	print_fact("recognised", text);
	print_told(guest, "key", "key");
	if (leader)
		print_number("pid", leader);
	if (is_told(guest, "user") && leader)
		print_fact("user", user_name(json_object_get(guest, "user")));
	if (is_told(guest, "processes"))
		print_number("processes", number_of(guest, "processes"));
	print_told(guest, "cgroup", "cgroup");
	if (netns)
		print_number("netns", netns);
	print_interfaces(json_object_get(guest, "interfaces"));
	print_texts("mac", json_object_get(guest, "macs"));
	print_texts("address", json_object_get(guest, "addresses"));
	print_conduits(json_object_get(guest, "conduits"));
	print_listens(json_object_get(guest, "listens"));
	print_fact("since", local_time(text_of(guest, "since")));
	if (is_told(guest, "lastSeen"))
		print_fact("last seen", local_time(text_of(guest, "lastSeen")));
	snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT ", refused %" JSON_INTEGER_FORMAT,
		 number_of(guest, "attempts"), number_of(guest, "refused"));
	print_fact("attempts", text);
}

/* Which are meant. */

/* "7" and "guest:7", else 0 */
static json_int_t id_of(const char *word)
{
	unsigned long id;
	char *end;

	if (!strncmp(word, "guest:", strlen("guest:")))
		word += strlen("guest:");
	errno = 0;
	id = strtoul(word, &end, 10);
	return errno || *end || *word < '1' || *word > '9' || id > UINT32_MAX ? 0 : (json_int_t)id;
}

/* As the daemon has it, or as it is shown. */
static bool is_text(const char *word, const char *text)
{
	return !strcmp(word, text) || !strcmp(word, shown(text));
}

/* "devbox", "vm:devbox", "qemu:devbox" */
static bool is_called(const json_t *guest, const char *word)
{
	const char *name = text_of(guest, "name"), *runtime = text_of(guest, "runtime");
	size_t length = strlen(runtime);

	return is_text(word, name) || is_text(word, text_of(guest, "label")) ||
	       (!strncmp(word, runtime, length) && word[length] == ':' &&
		is_text(word + length + 1, name));
}

static json_t *find(const json_t *list, const char *word)
{
	json_t *found = json_array();
	json_int_t id = id_of(word);

	for (size_t i = 0; i < json_array_size(list); i++) {
		json_t *guest = json_array_get(list, i);

		if (is_called(guest, word) || (id && number_of(guest, "id") == id))
			json_array_append(found, guest);
	}
	return found;
}

static bool is_near(const json_t *guest, const char *word)
{
	const char *colon = strchr(word, ':');

	return near_is(colon ? colon + 1 : word, text_of(guest, "name"));
}

static enum status complain_unknown(const json_t *list, const char *word)
{
	char near[SUGGESTED_MOST * WORD_SIZE] = "";
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(list) && count < SUGGESTED_MOST; i++) {
		const json_t *guest = json_array_get(list, i);

		const char *label = shown(text_of(guest, "label"));

		if (is_near(guest, word) && !strstr(near, label))
			text_append(near, sizeof(near), count++ ? ", %s" : "%s", label);
	}
	if (count)
		return complain(STATUS_FAILED, "no guest \"%s\" is known: do you mean %s?",
				shown(word), near);
	return complain(STATUS_FAILED, "no guest \"%s\" is known: see " WHOLE("lhguard guests"),
			shown(word));
}

static enum status show_one(const struct options *options, const json_t *list, const char *word)
{
	json_t *found = find(list, word);
	enum status status = STATUS_DONE;

	if (!json_array_size(found))
		status = complain_unknown(list, word);
	else if (options->json)
		print_document("guests", json_incref(found));
	else
		for (size_t i = 0; i < json_array_size(found); i++)
			print_guest(json_array_get(found, i));
	json_decref(found);
	return status;
}

enum status verb_guests(const struct options *options, int argc, char **argv)
{
	json_t *list = NULL;
	enum status status = client_list(options->socket, "ListGuests", "guests", &list);

	if (status)
		return status;
	if (argc)
		status = show_one(options, list, argv[0]);
	else if (options->json)
		print_document("guests", json_incref(list));
	else if (json_array_size(list))
		print_table(list);
	else
		say("No VM and no container is known to be running.");
	json_decref(list);
	return status;
}
