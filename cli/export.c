// SPDX-License-Identifier: GPL-2.0-or-later
/* The verb that writes exceptions down, to be taken elsewhere: export. */
#include "output.h"
#include "verbs.h"

#include "policy/rules.h"
#include "policy/timestamp.h"
#include "util/cleanup.h"
#include "util/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/**
 * struct exported - what has been gathered
 * @left_out: ids of those that another guard could do nothing with
 */
struct exported {
	struct rules rules;
	json_t *left_out;
};

/* Those that end with a guest that runs here, or after one connection, are for this guard alone. */
static bool is_portable(const json_t *exception)
{
	return !json_is_true(json_object_get(exception, "untilStop")) &&
	       !json_is_true(json_object_get(exception, "once")) &&
	       strncmp(text_of(exception, "source"), "guest:", strlen("guest:")) != 0;
}

/* An answer of the daemon, whose words are those of the file. Return: 0 or -EINVAL. */
static int read_exception(const json_t *json, struct exception *exception, struct error *error)
{
	const json_t *pin = json_object_get(json, "pin");
	const char *expires = text_of(json, "expires");

	exception->allow = !strcmp(text_of(json, "action"), "allow");
	exception->cut = json_is_true(json_object_get(json, "cutAtEnd"));
	text_copy(exception->pin, sizeof(exception->pin), text_of(pin, "executable"));
	exception->pin_user = (uint32_t)number_of(pin, "user");
	text_copy(exception->comment, sizeof(exception->comment), text_of(json, "comment"));
	if (service_parse(text_of(json, "service"), &exception->service, error) ||
	    selector_parse(text_of(json, "source"), &exception->source, error) ||
	    timestamp_parse(text_of(json, "created"), &exception->created_us, error))
		return -EINVAL;
	return *expires ? timestamp_parse(expires, &exception->expires_us, error) : 0;
}

static enum status gather(const json_t *list, struct exported *exported)
{
	struct error error = {.text = ""};

	for (size_t i = 0; i < json_array_size(list); i++) {
		_cleanup_free_ struct exception *exception = NULL;
		const json_t *json = json_array_get(list, i);

		if (*text_of(json, "file"))
			continue; /* it stands in a file of the administrator's already */
		if (!is_portable(json)) {
			json_array_append(exported->left_out, json_object_get(json, "id"));
			continue;
		}
		exception = calloc(1, sizeof(*exception));
		if (!exception)
			abort();
		if (read_exception(json, exception, &error))
			return complain(STATUS_FAILED,
					"exception %" JSON_INTEGER_FORMAT
					" cannot be written down: %s",
					number_of(json, "id"), shown(error.text));
		if (rules_append(&exported->rules, steal_pointer(&exception)))
			abort();
	}
	return STATUS_DONE;
}

static char *print_text(const struct rules *rules)
{
	char *text = NULL;
	size_t length;
	FILE *file = open_memstream(&text, &length);

	if (!file || rules_print_portable(file, rules) || fclose(file))
		abort();
	return text;
}

static enum status write_file(const char *path, const char *text)
{
	FILE *file = !strcmp(path, "-") ? stdout : fopen(path, "we");
	bool is_bad;

	if (!file)
		return complain(STATUS_FAILED, "%s: %s", shown(path), strerror(errno));
	is_bad = fputs(text, file) < 0;
	is_bad |= file == stdout ? fflush(file) : fclose(file);
	if (is_bad)
		return complain(STATUS_FAILED, "%s: %s", shown(path), strerror(errno));
	return STATUS_DONE;
}

static void say_left_out(const json_t *ids)
{
	char text[512] = "";

	for (size_t i = 0; i < json_array_size(ids); i++)
		text_append(text, sizeof(text), "%s %" JSON_INTEGER_FORMAT, i ? "," : "",
			    json_integer_value(json_array_get(ids, i)));
	if (text[0])
		complain(STATUS_DONE,
			 "left out, as they end with a guest or after one connection:%s", text);
}

enum status verb_export(const struct options *options, int argc, char **argv)
{
	struct exported exported = {.left_out = json_array()};
	const char *path = argc ? argv[0] : "-";
	json_t *list = NULL;
	enum status status = client_list(options->socket, "ListExceptions", "exceptions", &list);

	if (!status)
		status = gather(list, &exported);
	if (!status) {
		_cleanup_free_ char *text = print_text(&exported.rules);

		if (options->json)
			print_members(json_pack("{s:s, s:I, s:O}", "text", text, "count",
						(json_int_t)exported.rules.count, "leftOut",
						exported.left_out));
		if (!options->json || argc)
			status = write_file(path, text);
		if (!status && strcmp(path, "-") != 0)
			say("%zu exceptions written to %s", exported.rules.count, shown(path));
		if (!status)
			say_left_out(exported.left_out);
	}
	json_decref(list);
	json_decref(exported.left_out);
	rules_clear(&exported.rules);
	return status;
}
