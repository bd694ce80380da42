// SPDX-License-Identifier: GPL-2.0-or-later
/* What the daemon tells of, in the words that an exception is written in. */
#include "words.h"

#include "output.h"
#include "prose.h"

#include "util/text.h"

#include <stdio.h>
#include <string.h>

void service_word(char *target, size_t size, const json_t *service)
{
	target[0] = '\0';
	text_append(target, size, "%s/", text_of(service, "protocol"));
	endpoint(target + strlen(target), size - strlen(target), service);
}

void source_word(char *target, size_t size, const json_t *source)
{
	const char *name = text_of(source, "name"), *runtime = text_of(source, "runtime");
	const char *kind = text_of(source, "kind"), *conduit = text_of(source, "conduit");
	bool is_shared = json_is_true(json_object_get(source, "shared"));

	target[0] = '\0';
	if (*name && !is_shared)
		text_append(target, size, "%s:%s", kind, name);
	else if (*conduit)
		text_append(target, size, "conduit:%s", conduit);
	else
		text_append(target, size, "%s", *runtime ? runtime : kind);
}

const char *command_text(char *target, size_t size, const char *verb, const json_t *of)
{
	char service[WORD_SIZE], source[WORD_SIZE];

	service_word(service, sizeof(service), json_object_get(of, "service"));
	source_word(source, sizeof(source), json_object_get(of, "source"));
	snprintf(target, size, "lhguard %s %s --from %s", verb, quoted(service), quoted(source));
	return target;
}

void print_command(const char *verb, const json_t *of)
{
	char text[COMMAND_SIZE];

	prose(WHOLE("%s"), command_text(text, sizeof(text), verb, of));
}
