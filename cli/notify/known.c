// SPDX-License-Identifier: GPL-2.0-or-later
/* What the daemon knows of services by name: titles, and which of them are sensitive. */
#include "known.h"

#include "../output.h"

#include "policy/service.h"
#include "policy/services.h"
#include "util/array.h"
#include "util/text.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct entry {
	struct service service;
	bool sensitive;
	char title[SERVICE_TITLE_SIZE];
};

struct known {
	size_t count;
	struct entry entries[];
};

static bool take(struct entry *entry, const json_t *item)
{
	const char *title = text_of(item, "title");

	if (service_parse(text_of(item, "ports"), &entry->service, NULL))
		return false;
	entry->sensitive = json_is_true(json_object_get(item, "sensitive"));
	text_copy(entry->title, sizeof(entry->title), *title ? title : text_of(item, "name"));
	return true;
}

struct known *known_new(const json_t *list)
{
	size_t size = json_array_size(list);
	struct known *known = calloc(1, sizeof(*known) + size * sizeof(known->entries[0]));

	for (size_t i = 0; known && i < size; i++)
		if (take(&known->entries[known->count], json_array_get(list, i)))
			known->count++;
	return known;
}

void known_free(struct known *known)
{
	free(known);
}

static uint8_t protocol_of(const char *word)
{
	static const struct {
		const char *word;
		uint8_t protocol;
	} words[] = {{"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"sctp", IPPROTO_SCTP}};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(word, words[i].word))
			return words[i].protocol;
	return 0;
}

/* The first is the one that the daemon would name, too. */
const char *known_title(const struct known *known, const json_t *service, bool *sensitive)
{
	struct flow flow = {
		.protocol = protocol_of(text_of(service, "protocol")),
		.service_port = (uint16_t)number_of(service, "port"),
	};

	*sensitive = false;
	if (!known || !flow.protocol || !flow.service_port)
		return NULL;
	for (size_t i = 0; i < known->count; i++) {
		const struct entry *entry = &known->entries[i];

		if (!service_matches(&entry->service, &flow))
			continue;
		*sensitive = entry->sensitive;
		return entry->title;
	}
	return NULL;
}
