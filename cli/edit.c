// SPDX-License-Identifier: GPL-2.0-or-later
/* The verb that changes an exception in place: edit. */
#include "broad.h"
#include "change.h"
#include "output.h"
#include "prose.h"
#include "verbs.h"

#include "util/text.h"

#include <string.h>

#define CHANGES                                                                                    \
	(OPTION(FROM) | OPTION(SERVICE) | OPTION(FOR) | OPTION(FOREVER) | OPTION(UNTIL_STOP) |     \
	 OPTION(PIN) | OPTION(CUT_AT_END) | OPTION(COMMENT))

/* Where an allow becomes another one, it may have become a broad one. */
static enum status confirm(const struct options *options, json_int_t id)
{
	const char *service = options->value[OPTION_SERVICE];
	struct options whole = *options;
	json_t *list = NULL;
	enum status status;

	if (!(options->given & (OPTION(FROM) | OPTION(SERVICE))))
		return STATUS_DONE;
	status = client_list(options->socket, "ListExceptions", "exceptions", &list);
	if (status)
		return status;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *exception = json_array_get(list, i);

		if (number_of(exception, "id") != id ||
		    strcmp(text_of(exception, "action"), "allow") != 0)
			continue;
		if (!whole.value[OPTION_FROM])
			whole.value[OPTION_FROM] = text_of(exception, "source");
		status = broad_confirm(&whole, service ? service : text_of(exception, "service"));
	}
	json_decref(list);
	return status;
}

/* "for 9m58s" may be what is left of a time that was not changed. */
static void print(const struct options *options, const json_t *answer, uint64_t seconds)
{
	const json_t *exception = json_object_get(answer, "exception");
	const char *expires = text_of(exception, "expires");
	bool is_dry_run = has_option(options, OPTION_DRY_RUN);
	bool allows = !strcmp(text_of(exception, "action"), "allow");
	char words[4096] = "";

	text_append(words, sizeof(words), "exception %" JSON_INTEGER_FORMAT " %s %s %s",
		    number_of(exception, "id"), is_dry_run ? "would now" : "now",
		    is_dry_run ? allows ? "allow" : "deny"
		    : allows   ? "allows"
			       : "denies",
		    change_text(exception, seconds));
	if (*expires && !seconds)
		text_append(words, sizeof(words), ", ends in %s", time_left(expires));
	if (is_dry_run)
		text_append(words, sizeof(words), "; nothing was changed");
	change_print(options, answer, words);
}

enum status verb_edit(const struct options *options, int argc, char **argv)
{
	const char *service = options->value[OPTION_SERVICE];
	json_t *id = parse_id(argv[0]), *parameters, *answer = NULL;
	uint64_t seconds = 0;
	enum status status;

	if (!id)
		return complain(STATUS_USAGE,
				"\"%s\" is no exception's number: see " WHOLE("lhguard list"),
				shown(argv[0]));
	parameters = json_pack("{s:o}", "id", id);
	if (!(options->given & CHANGES))
		status = complain(STATUS_USAGE,
				  "say what is to change: --from, --service, --for, "
				  "--forever, --until-stop, --pin, --cut-at-end or --comment");
	else if (has_option(options, OPTION_FOR) && has_option(options, OPTION_FOREVER))
		status = complain(STATUS_USAGE, "--for and --forever contradict each other");
	else
		status = change_check(options, service, &seconds);
	if (!status && change_parameters(options, service, seconds, parameters))
		status = complain(STATUS_USAGE, "what you wrote is no UTF-8 text");
	if (!status)
		status = confirm(options, json_integer_value(id));
	if (status) {
		json_decref(parameters);
		return status;
	}
	status = client_change(options->socket, "EditException", parameters, CLIENT_TIMEOUT_MS,
			       &answer);
	if (!status)
		print(options, answer, seconds);
	json_decref(answer);
	return status;
}
