// SPDX-License-Identifier: GPL-2.0-or-later
/* The verb that tells the mode, and sets another one. */
#include "mode.h"

#include "output.h"
#include "prose.h"
#include "verbs.h"

#include "policy/duration.h"
#include "util/array.h"

#include <string.h>

const char *mode_override_text(const json_t *mode)
{
	const json_t *override = json_object_get(mode, "modeOverride");
	const char *expires = text_of(override, "expires"), *configured;
	static char text[256];
	char created[32];

	if (!json_is_object(override))
		return NULL;
	configured = shown(text_of(mode, "configuredMode"));
	snprintf(created, sizeof(created), "%s", local_time(text_of(override, "created")));
	if (*expires)
		snprintf(text, sizeof(text), "set by %s at %s, until %s, then %s again",
			 user_name(json_object_get(override, "creator")), created,
			 local_time(expires), configured);
	else
		snprintf(text, sizeof(text),
			 "set by %s at %s, until lhguardd ends; the configuration says %s",
			 user_name(json_object_get(override, "creator")), created, configured);
	return text;
}

/* The word alone goes to where a program reads it. */
static void print_mode(const json_t *status)
{
	const char *override = mode_override_text(status);

	puts(shown(text_of(status, "mode")));
	if (override)
		say("%s", override);
}

static void say_set(const json_t *mode, const char *duration)
{
	const char *name = shown(text_of(mode, "mode"));
	const char *configured = shown(text_of(mode, "configuredMode"));
	const json_t *override = json_object_get(mode, "modeOverride");

	if (!json_is_object(override))
		say("%s mode, as the configuration says", name);
	else if (duration)
		say("%s mode for %s, until %s, then %s again; undo: " WHOLE("lhguard mode %s"),
		    name, duration, local_time(text_of(override, "expires")), configured,
		    configured);
	else
		say("%s mode until lhguardd ends, though the configuration says %s; "
		    "undo: " WHOLE("lhguard mode %s"),
		    name, configured, configured);
	if (!strcmp(name, "monitor"))
		say("Every guest reaches everything now, and is recorded: " WHOLE("lhguard watch"));
}

/* The daemon's answer as a document of its own: it holds just what GetStatus says of the mode. */
static void print_json(const json_t *answer)
{
	static const char *const members[] = {"mode", "configuredMode", "modeOverride"};
	json_t *document = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		json_object_set(document, members[i], json_object_get(answer, members[i]));
	print_members(document);
}

static enum status tell_mode(const struct options *options)
{
	json_t *answer = NULL;
	enum status status = client_call(options->socket, "GetStatus", NULL, &answer);

	if (status)
		return status;
	if (options->json)
		print_json(json_object_get(answer, "status"));
	else
		print_mode(json_object_get(answer, "status"));
	json_decref(answer);
	return STATUS_DONE;
}

static enum status set_mode(const struct options *options, const char *mode)
{
	const char *duration = options->value[OPTION_FOR];
	json_t *answer = NULL, *parameters;
	struct error error = {.text = ""};
	uint64_t seconds = 0;
	enum status status;
	char text[32];

	if (strcmp(mode, "enforce") && strcmp(mode, "monitor"))
		return complain(STATUS_USAGE, "\"%s\" is no mode: write enforce or monitor",
				shown(mode));
	if (duration && duration_parse(duration, &seconds, &error))
		return complain(STATUS_USAGE, "%s", shown(error.text));
	parameters = json_pack("{s:s}", "mode", mode);
	if (seconds)
		json_object_set_new(parameters, "seconds", json_integer((json_int_t)seconds));
	status = client_change(options->socket, "SetMode", parameters, CLIENT_TIMEOUT_MS, &answer);
	if (status)
		return status;
	if (options->json)
		print_json(answer);
	else
		say_set(answer, seconds ? duration_format(text, sizeof(text), seconds) : NULL);
	json_decref(answer);
	return STATUS_DONE;
}

enum status verb_mode(const struct options *options, int argc, char **argv)
{
	if (argc)
		return set_mode(options, argv[0]);
	if (has_option(options, OPTION_FOR))
		return complain(STATUS_USAGE,
				"write: " WHOLE("lhguard mode enforce|monitor --for DURATION"));
	return tell_mode(options);
}
