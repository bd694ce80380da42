// SPDX-License-Identifier: GPL-2.0-or-later
/* The verb that forgets exceptions: remove. */
#include "output.h"
#include "prose.h"
#include "verbs.h"

#include "policy/selector.h"
#include "util/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NAMED_MAX 32 /* numbers that a line for people holds */

json_t *parse_id(const char *text)
{
	char *end;
	unsigned long id;

	errno = 0;
	id = strtoul(text, &end, 10);
	if (errno || *end || *text < '1' || *text > '9' || id > UINT32_MAX)
		return NULL;
	return json_integer((json_int_t)id);
}

/* The parameters of RemoveExceptions, NULL when something is wrong: that has been complained about. */
static json_t *removal_parameters(const struct options *options, int argc, char **argv)
{
	const char *from = options->value[OPTION_FROM];
	struct error error = {.text = ""};
	json_t *parameters = json_object();
	struct selector selector;

	if ((argc > 0) + (from != NULL) + has_option(options, OPTION_EXPIRED) != 1) {
		complain(STATUS_USAGE, "write: " WHOLE("lhguard remove ID...") ", or " WHOLE(
					       "--from SOURCE") ", or --expired");
	} else if (from && selector_parse(from, &selector, &error)) {
		complain(STATUS_USAGE, "%s", shown(error.text));
	} else if (from && json_object_set_new(parameters, "source", json_string(from))) {
		complain(STATUS_USAGE, "what you wrote is no UTF-8 text");
	} else {
		json_t *ids = argc ? json_array() : NULL;

		for (int i = 0; i < argc; i++) {
			if (!json_array_append_new(ids, parse_id(argv[i])))
				continue;
			if (isalpha((unsigned char)argv[i][0]) && strchr(argv[i], ':') &&
			    !selector_parse(argv[i], &selector, NULL))
				complain(STATUS_USAGE,
					 "\"%s\" is no exception's number: for all about it "
					 "write " WHOLE("lhguard remove --from %s"),
					 shown(argv[i]), quoted(argv[i]));
			else
				complain(STATUS_USAGE,
					 "\"%s\" is no exception's number: see " WHOLE(
						 "lhguard list"),
					 shown(argv[i]));
			json_decref(ids);
			goto failed;
		}
		if (ids)
			json_object_set_new(parameters, "ids", ids);
		if (has_option(options, OPTION_EXPIRED))
			json_object_set_new(parameters, "expired", json_true());
		if (has_option(options, OPTION_CUT))
			json_object_set_new(parameters, "cut", json_true());
		return parameters;
	}
failed:
	json_decref(parameters);
	return NULL;
}

static void say_removed(const struct options *options, const json_t *answer)
{
	const json_t *ids = json_object_get(answer, "removed");
	json_int_t count = number_of(answer, "count");
	char text[512] = "";

	if (!is_told(answer, "count")) {
		say("removed");
	} else if (!count && has_option(options, OPTION_EXPIRED)) {
		say("no exception is past its time: the guard forgets them by itself");
	} else if (!count) {
		say("no exception made by allow or deny is about %s: see " WHOLE("lhguard list"),
		    shown(options->value[OPTION_FROM]));
	} else if (count > NAMED_MAX) {
		say("removed %" JSON_INTEGER_FORMAT " exceptions", count);
	} else {
		for (size_t i = 0; i < json_array_size(ids); i++)
			text_append(text, sizeof(text), "%s %" JSON_INTEGER_FORMAT, i ? "," : "",
				    json_integer_value(json_array_get(ids, i)));
		say("removed exception%s%s", count > 1 ? "s" : "", text);
	}
}

enum status verb_remove(const struct options *options, int argc, char **argv)
{
	json_t *parameters = removal_parameters(options, argc, argv), *answer = NULL;
	bool cut = has_option(options, OPTION_CUT);
	enum status status;

	if (!parameters)
		return STATUS_USAGE;
	status = client_change(options->socket, "RemoveExceptions", parameters,
			       cut ? CLIENT_PATIENT_MS : CLIENT_TIMEOUT_MS, &answer);
	if (status)
		return status;
	if (options->json) {
		print_members(json_pack(
			"{s:O*, s:O*, s:O*, s:O*}", "removed", json_object_get(answer, "removed"),
			"count", json_object_get(answer, "count"), "cut",
			json_object_get(answer, "cut"), "notes", json_object_get(answer, "notes")));
	} else {
		say_removed(options, answer);
		if (cut)
			print_cut(number_of(answer, "cut"));
	}
	print_notes(json_object_get(answer, "notes"));
	json_decref(answer);
	return STATUS_DONE;
}
