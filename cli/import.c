// SPDX-License-Identifier: GPL-2.0-or-later
/* The verb that takes exceptions from a file: import. */
#include "broad.h"
#include "output.h"
#include "prose.h"
#include "verbs.h"

#include "policy/rules.h"
#include "util/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX    (16 * 1024 * 1024)
#define ENVELOPE_MAX 256 /* bytes of a message around its parameters */

/* All of standard input, NULL when it cannot be read or is too long. */
static char *read_input(size_t *length)
{
	_cleanup_free_ char *text = NULL;
	size_t size = 0;

	*length = 0;
	do {
		char *larger = size < INPUT_MAX ? realloc(text, size + 65536) : NULL;

		if (!larger)
			return NULL;
		text = larger;
		size += 65536;
		*length += fread(text + *length, 1, size - *length, stdin);
	} while (*length == size);
	return ferror(stdin) ? NULL : steal_pointer(&text);
}

static enum status read_rules(const char *path, struct rules *rules)
{
	_cleanup_free_ char *text = NULL;
	struct error error = {.text = ""};
	size_t length;
	int result;

	if (strcmp(path, "-") != 0) {
		result = rules_read(path, rules, NULL, &error);
	} else {
		text = read_input(&length);
		if (!text)
			return complain(STATUS_FAILED, "standard input cannot be read");
		result = rules_read_text("standard input", text, length, rules, &error);
	}
	return result ? complain(STATUS_FAILED, "%s", shown(error.text)) : STATUS_DONE;
}

/**
 * struct sent - what the daemon is given, and what it was in the file
 * @text: as short as can be said: without remarks, and any byte in ASCII. Its lines are not those of
 *	the file
 * @rules: of the file; @text has them in the same order
 */
struct sent {
	const char *path;
	char *text;
	struct rules rules;
};

static void print_rules(struct sent *sent)
{
	size_t length;
	FILE *file = open_memstream(&sent->text, &length);

	if (!file || rules_print_portable(file, &sent->rules) || fclose(file))
		abort();
}

/* The line of the file in which the exception stands that has this line of the text; 0: none has. */
static unsigned int line_in_file(const struct sent *sent, unsigned int line)
{
	struct rules rules = {.rule = NULL};
	unsigned int found = 0;

	if (rules_read_text("text", sent->text, strlen(sent->text), &rules, NULL) == 0)
		for (size_t i = 0; i < rules.count && rules.rule[i]->line <= line; i++)
			found = sent->rules.rule[i]->line;
	rules_clear(&rules);
	return found;
}

/* "text:9: …" of the daemon is "fleet.conf:12: …" for who wrote that. */
static char *name_file(void *data, const char *reason)
{
	const struct sent *sent = data;
	const char *path = strcmp(sent->path, "-") != 0 ? sent->path : "standard input";
	char *name = NULL, *end;
	unsigned int line;
	int result;

	if (strncmp(reason, "text:", strlen("text:")) != 0)
		return NULL;
	line = (unsigned int)strtoul(reason + strlen("text:"), &end, 10);
	if (!line)
		end = strchr(reason, ':'); /* it is about all of it */
	line = line_in_file(sent, line);
	if (line)
		result = asprintf(&name, "%s:%u%s", path, line, end);
	else
		result = asprintf(&name, "%s%s", path, end);
	return result < 0 ? NULL : name;
}

static json_t *parameters_of(const struct options *options, const struct sent *sent)
{
	json_t *parameters = json_pack("{s:s}", "text", sent->text);

	if (has_option(options, OPTION_REPLACE))
		json_object_set_new(parameters, "replace", json_true());
	if (has_option(options, OPTION_DRY_RUN))
		json_object_set_new(parameters, "dryRun", json_true());
	return parameters;
}

static void say_imported(const struct options *options, const json_t *answer)
{
	bool is_dry_run = has_option(options, OPTION_DRY_RUN);

	say("%s%" JSON_INTEGER_FORMAT " added, %" JSON_INTEGER_FORMAT
	    " unchanged, %" JSON_INTEGER_FORMAT " removed%s",
	    is_dry_run ? "would be: " : "", number_of(answer, "added"),
	    number_of(answer, "unchanged"), number_of(answer, "removed"),
	    is_dry_run ? "; nothing was changed" : "");
	if (number_of(answer, "expired"))
		say("%" JSON_INTEGER_FORMAT " left out: past their time",
		    number_of(answer, "expired"));
}

static enum status send_rules(const struct options *options, struct sent *sent)
{
	json_t *parameters = NULL, *answer = NULL;
	enum status status = STATUS_DONE;

	print_rules(sent);
	parameters = parameters_of(options, sent);
	if (json_dumpb(parameters, NULL, 0, JSON_COMPACT) + ENVELOPE_MAX > WIRE_MESSAGE_MAX)
		status = complain(
			STATUS_FAILED,
			"%s holds %zu exceptions, more than one message to lhguardd can carry "
			"(%d KiB): divide it, or put it into /etc/lhguard/exceptions.d and "
			"run " WHOLE("lhguard reload"),
			shown(sent->path), sent->rules.count, WIRE_MESSAGE_MAX / 1024);
	if (!status)
		status = broad_confirm_rules(options, sent->path, &sent->rules);
	if (status) {
		json_decref(parameters);
		return status;
	}
	status = client_change_reworded(options->socket, "ImportExceptions", parameters,
					CLIENT_TIMEOUT_MS, &answer, name_file, sent);
	if (!status && options->json)
		print_members(json_incref(answer));
	else if (!status)
		say_imported(options, answer);
	json_decref(answer);
	return status;
}

enum status verb_import(const struct options *options, int argc, char **argv)
{
	struct sent sent = {.path = argv[0]};
	enum status status = read_rules(argv[0], &sent.rules);

	if (!status)
		status = send_rules(options, &sent);
	rules_clear(&sent.rules);
	free(sent.text);
	return status;
}
