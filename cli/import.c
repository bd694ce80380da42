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

/*
 * As short as can be said: without remarks, and any byte in ASCII. Its lines are not those of the
 * file, but what the daemon could find wrong has been found here, by the same parser.
 */
static json_t *parameters_of(const struct options *options, const struct rules *rules)
{
	_cleanup_free_ char *text = NULL;
	size_t length;
	FILE *file = open_memstream(&text, &length);
	json_t *parameters;

	if (!file || rules_print_portable(file, rules) || fclose(file))
		abort();
	parameters = json_pack("{s:s}", "text", text);
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

enum status verb_import(const struct options *options, int argc, char **argv)
{
	struct rules rules = {.rule = NULL};
	enum status status = read_rules(argv[0], &rules);
	json_t *parameters = NULL, *answer = NULL;

	if (!status)
		parameters = parameters_of(options, &rules);
	if (!status &&
	    json_dumpb(parameters, NULL, 0, JSON_COMPACT) + ENVELOPE_MAX > WIRE_MESSAGE_MAX)
		status = complain(
			STATUS_FAILED,
			"%s holds %zu exceptions, more than one message to lhguardd can carry "
			"(%d KiB): divide it, or put it into /etc/lhguard/exceptions.d and "
			"run " WHOLE("lhguard reload"),
			shown(argv[0]), rules.count, WIRE_MESSAGE_MAX / 1024);
	if (!status)
		status = broad_confirm_rules(options, argv[0], &rules);
	rules_clear(&rules);
	if (status) {
		json_decref(parameters);
		return status;
	}
	status = client_change(options->socket, "ImportExceptions", parameters, CLIENT_TIMEOUT_MS,
			       &answer);
	if (!status && options->json)
		print_members(json_incref(answer));
	else if (!status)
		say_imported(options, answer);
	json_decref(answer);
	return status;
}
