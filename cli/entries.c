// SPDX-License-Identifier: GPL-2.0-or-later
/* What lhguardd has written to the journal, as the events that it was. */
#include "entries.h"

#include "moment.h"
#include "output.h"
#include "prose.h"

#include "control/journal.h"
#include "policy/timestamp.h"
#include "util/clock.h"
#include "util/text.h"

#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#define UNIT	   "lhguardd.service"
#define VALUE_SIZE 2048 /* more than the daemon writes into a field */

/* Return: whether the entry has this field. @target: its value, as it was before it was escaped. */
static bool get(sd_journal *journal, const char *field, char *target, size_t size)
{
	size_t name = strlen(field), length;
	const void *data;
	const char *text;

	target[0] = '\0';
	if (sd_journal_get_data(journal, field, &data, &length) < 0 || length <= name)
		return false;
	text = (const char *)data + name + 1; /* behind "FIELD=" */
	length -= name + 1;
	if (length >= size)
		length = size - 1;
	memcpy(target, text, length);
	target[length] = '\0';
	text_unescape(target);
	return true;
}

/* As the daemon makes JSON of it: what is no UTF-8 stays escaped. */
static json_t *text(sd_journal *journal, const char *field)
{
	char value[VALUE_SIZE], escaped[4 * VALUE_SIZE];
	json_t *json;

	get(journal, field, value, sizeof(value));
	json = json_string(value);
	if (json)
		return json;
	text_escape(escaped, sizeof(escaped), value, strlen(value));
	return json_string(escaped);
}

static json_t *text_or_null(sd_journal *journal, const char *field)
{
	char value[VALUE_SIZE];

	return get(journal, field, value, sizeof(value)) ? text(journal, field) : json_null();
}

static json_int_t number(sd_journal *journal, const char *field)
{
	char value[VALUE_SIZE];

	get(journal, field, value, sizeof(value));
	return (json_int_t)strtoull(value, NULL, 10);
}

static json_t *number_or_null(sd_journal *journal, const char *field)
{
	json_int_t value = number(journal, field);

	return value ? json_integer(value) : json_null();
}

/* LHGUARD_TIME came later than the others: for those without it, when journald had it. */
static json_t *time_of(sd_journal *journal)
{
	char value[VALUE_SIZE];
	uint64_t us = 0;

	if (get(journal, "LHGUARD_TIME", value, sizeof(value)) &&
	    !timestamp_parse(value, &us, NULL))
		return json_string(value);
	sd_journal_get_realtime_usec(journal, &us);
	timestamp_format(value, sizeof(value), us);
	return json_string(value);
}

/* "127.0.0.1:9222", "[::1]:9222"; without the field, as of a listener's client: "[::]:0" */
static json_t *endpoint_of(sd_journal *journal, const char *field)
{
	char value[VALUE_SIZE], *address = value, *port;
	size_t length;

	if (!get(journal, field, value, sizeof(value)))
		strcpy(value, "[::]:0");
	port = strrchr(value, ':');
	if (port)
		*port++ = '\0';
	length = strlen(address);
	if (address[0] == '[' && address[length - 1] == ']') {
		address[length - 1] = '\0';
		address++;
	}
	return json_pack("{s:s, s:i}", "address", address, "port", port ? atoi(port) : 0);
}

static json_t *service_of(sd_journal *journal)
{
	json_t *service = endpoint_of(journal, "LHGUARD_SERVICE");

	json_object_set_new(service, "protocol", text(journal, "LHGUARD_PROTOCOL"));
	json_object_set_new(service, "program", text(journal, "LHGUARD_PROGRAM"));
	return service;
}

static json_t *source_of(sd_journal *journal)
{
	char class[16], kind[16];

	get(journal, "LHGUARD_CLASS", class, sizeof(class));
	if (!get(journal, "LHGUARD_KIND", kind, sizeof(kind))) /* only guests have one */
		text_copy(kind, sizeof(kind),
			  kind_text(strcmp(class, "lan") ? KIND_UNKNOWN : KIND_LAN));
	return json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:b, s:o}", "class", class, "kind", kind,
			 "runtime", text(journal, "LHGUARD_RUNTIME"), "name",
			 text(journal, "LHGUARD_NAME"), "label", text(journal, "LHGUARD_SOURCE"),
			 "guest", number_or_null(journal, "LHGUARD_GUEST"), "shared",
			 number(journal, "LHGUARD_SHARED") != 0, "conduit",
			 text_or_null(journal, "LHGUARD_CONDUIT"));
}

/* The members of the interface's type Event, as the daemon tells them. */
static json_t *event_of(sd_journal *journal)
{
	json_t *time = time_of(journal);

	return json_pack(
		"{s:I, s:o, s:O, s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, "
		"s:o, s:o}",
		"id", number(journal, "LHGUARD_EVENT"), "type", text(journal, "LHGUARD_TYPE"),
		"time", time, "last", time, "count", 1, "verdict", text(journal, "LHGUARD_VERDICT"),
		"mode", text(journal, "LHGUARD_MODE"), "reason", text(journal, "LHGUARD_REASON"),
		"rule", text(journal, "LHGUARD_RULE"), "exception",
		number_or_null(journal, "LHGUARD_EXCEPTION"), "route",
		text(journal, "LHGUARD_ROUTE"), "source", source_of(journal), "service",
		service_of(journal), "client", endpoint_of(journal, "LHGUARD_CLIENT"), "interface",
		text(journal, "LHGUARD_INTERFACE"), "mac", text_or_null(journal, "LHGUARD_MAC"),
		"pid", number_or_null(journal, "LHGUARD_CLIENT_PID"), "program",
		text_or_null(journal, "LHGUARD_CLIENT_PROGRAM"));
}

enum status query_parse(struct query *query, const struct options *options)
{
	const char *since = options->value[OPTION_SINCE], *past = options->value[OPTION_PAST];
	struct error error = {.text = ""};

	*query = (struct query){.since_us = 0};
	if (since && moment_parse(since, clock_realtime_us(), &query->since_us, &error))
		return complain(STATUS_USAGE, "%s", shown(error.text));
	if (past && past_parse(past, &query->newest))
		return STATUS_USAGE;
	if (past && !query->newest)
		return complain(STATUS_USAGE, "--past 0 would show nothing: write 1 or more");
	if (options->value[OPTION_FILE] && options->value[OPTION_DIRECTORY])
		return complain(STATUS_USAGE, "--file and --directory do not go together");
	return filter_parse(&query->filter, options);
}

static int open_journal(sd_journal **journal, const struct options *options)
{
	const char *directory = options->value[OPTION_DIRECTORY];
	const char *files[] = {options->value[OPTION_FILE], NULL};

	if (files[0])
		return sd_journal_open_files(journal, files, 0);
	if (directory)
		return access(directory, R_OK | X_OK)
			       ? -errno
			       : sd_journal_open_directory(journal, directory, 0);
	return sd_journal_open(journal, SD_JOURNAL_LOCAL_ONLY | SD_JOURNAL_SYSTEM);
}

static int add_match(sd_journal *journal, const char *field, const char *value)
{
	char match[VALUE_SIZE];

	snprintf(match, sizeof(match), "%s=%s", field, value);
	return sd_journal_add_match(journal, match, 0);
}

/* "lhguardd" is lhguardd.service, as systemctl(1) has it. */
static int add_unit(sd_journal *journal, const char *unit)
{
	char name[512];

	snprintf(name, sizeof(name), "%s%s", unit, strchr(unit, '.') ? "" : ".service");
	return add_match(journal, "_SYSTEMD_UNIT", name);
}

/* Of one field any, of different fields all. */
static int add_matches(sd_journal *journal, const char *unit)
{
	int result = add_match(journal, "_UID", "0");

	if (!result)
		result = add_unit(journal, unit ? unit : UNIT);
	if (!result)
		result = add_match(journal, "MESSAGE_ID", JOURNAL_ATTEMPT_ID);
	if (!result)
		result = add_match(journal, "MESSAGE_ID", JOURNAL_LISTENER_ID);
	return result;
}

/**
 * struct walk - through the journal
 * @held: the newest that match so far, the newest first; only with @query->newest
 */
struct walk {
	sd_journal *journal;
	const struct query *query;
	void (*take)(void *data, json_t *event);
	void *data;
	json_t *held;
	size_t found;
};

static void take_entry(struct walk *walk)
{
	json_t *event = event_of(walk->journal);

	walk->found++;
	if (event && filter_matches(&walk->query->filter, event)) {
		if (walk->query->newest)
			json_array_append(walk->held, event);
		else
			walk->take(walk->data, event);
	}
	json_decref(event);
}

static int walk_forwards(struct walk *walk)
{
	int result = sd_journal_seek_realtime_usec(walk->journal, walk->query->since_us);

	while (result >= 0 && (result = sd_journal_next(walk->journal)) > 0)
		take_entry(walk);
	return result;
}

static int walk_backwards(struct walk *walk)
{
	int result = sd_journal_seek_tail(walk->journal);
	uint64_t us;

	while (result >= 0 && json_array_size(walk->held) < walk->query->newest &&
	       (result = sd_journal_previous(walk->journal)) > 0) {
		result = sd_journal_get_realtime_usec(walk->journal, &us);
		if (result < 0 || us < walk->query->since_us)
			break;
		take_entry(walk);
	}
	for (size_t i = json_array_size(walk->held); i > 0; i--)
		walk->take(walk->data, json_array_get(walk->held, i - 1));
	return result;
}

/*
 * Journald lets only some users look into its folders, or into its files.
 * Return: whether there are files of the system's that can be read, -EACCES when there are some, or may
 * be, that cannot.
 */
static int find_files(void)
{
	glob_t found = {.gl_pathc = 0};
	int result = 0;

	glob("/var/log/journal/*", 0, NULL, &found);
	glob("/run/log/journal/*", GLOB_APPEND, NULL, &found);
	glob("/var/log/journal/*/system*.journal", GLOB_APPEND, NULL, &found);
	glob("/run/log/journal/*/system*.journal", GLOB_APPEND, NULL, &found);
	for (size_t i = 0; i < found.gl_pathc && result <= 0; i++) {
		size_t length = strlen(found.gl_pathv[i]), suffix = strlen(".journal");
		bool is_file =
			length > suffix && !strcmp(found.gl_pathv[i] + length - suffix, ".journal");

		if (access(found.gl_pathv[i], is_file ? R_OK : R_OK | X_OK))
			result = -EACCES;
		else if (is_file)
			result = 1;
	}
	globfree(&found);
	return result;
}

static enum status complain_failed(const struct options *options, int result)
{
	const char *path = options->value[OPTION_FILE] ? options->value[OPTION_FILE]
						       : options->value[OPTION_DIRECTORY];

	if (!path)
		path = "the journal";
	if (result == -EACCES || result == -EPERM)
		return complain(STATUS_NOT_PERMITTED,
				"%s is not open to you: try sudo; members of the group "
				"systemd-journal may read the system's journal, too",
				shown(path));
	if (result == -EBADFD || result == -EBADMSG || result == -ENODATA)
		return complain(STATUS_FAILED,
				"%s is no journal, or is damaged: try journalctl --verify",
				shown(path));
	return complain(STATUS_FAILED, "%s cannot be read: %s", shown(path), strerror(-result));
}

/* Nothing of the daemon was found: has this host a journal that this user may read? */
static enum status explain_nothing(const struct options *options)
{
	int files;

	if (options->value[OPTION_FILE] || options->value[OPTION_DIRECTORY])
		return STATUS_DONE;
	files = find_files();
	if (files < 0)
		return complain_failed(options, files);
	if (!files)
		return complain(STATUS_FAILED,
				"this host keeps no journal: nothing is in /var/log/journal or "
				"/run/log/journal. The newest attempts are shown by: %s",
				WHOLE("lhguard watch --past 1024"));
	return STATUS_DONE;
}

enum status entries_each(const struct options *options, const struct query *query,
			 void (*take)(void *data, json_t *event), void *data, size_t *found)
{
	struct walk walk = {.query = query, .take = take, .data = data};
	int result = open_journal(&walk.journal, options);

	*found = 0;
	if (result < 0)
		return query->is_optional ? STATUS_FAILED : complain_failed(options, result);
	walk.held = json_array();
	result = add_matches(walk.journal, options->value[OPTION_UNIT]);
	if (result >= 0)
		result = query->newest ? walk_backwards(&walk) : walk_forwards(&walk);
	json_decref(walk.held);
	sd_journal_close(walk.journal);
	*found = walk.found;
	if (result < 0)
		return complain_failed(options, result);
	return walk.found || query->is_optional ? STATUS_DONE : explain_nothing(options);
}
