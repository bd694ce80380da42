// SPDX-License-Identifier: GPL-2.0-or-later
/* Who reaches what, as a graph for dot(1). */
#include "ports.h"

#include "output.h"

#include "util/cleanup.h"
#include "util/text.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/*
 * DOC: Theory of Operation
 *
 * A line from each guest to each port would be a knot. What is alike is drawn once: ports that have
 * the same answer for each guest are the rows of one node, and so are guests with the same answers.
 * An answer is a word, whose first character says what is drawn, one of ANSWER_*, and whose rest says why. That the LAN reaches a port stands in its row.
 */

#define ANSWER_REACHES '+'
#define ANSWER_REFUSED '-'
#define ANSWER_MONITOR '!' /* would be refused in enforce mode */

#define GREEN "#1a7f37"
#define RED   "#cf222e"
#define PALE  "#e5868c"
#define GREY  "#6e7781"

/**
 * struct party - a guest
 * @answers: one for each port, "" where there is none; each owned
 * @key: all of them in one text
 * @group: the party that stands for all with this key: its own index, or a lower one
 */
struct party {
	json_int_t id;
	const char *label;
	char **answers;
	char *key;
	size_t group;
};

/**
 * struct map - all of them
 * @is_enforced: false: monitor mode
 * @port_groups: as @group above, of each port
 */
struct map {
	const json_t *ports;
	size_t port_count;
	bool is_enforced;
	struct party *parties;
	size_t party_count;
	size_t *port_groups;
};

/* Collecting. */

static struct party *party_of(struct map *map, json_int_t id, const char *label)
{
	struct party *grown, *party;

	for (size_t i = 0; i < map->party_count; i++)
		if (map->parties[i].id == id)
			return &map->parties[i];
	grown = reallocarray(map->parties, map->party_count + 1, sizeof(*grown));
	if (!grown)
		return NULL;
	map->parties = grown;
	party = &grown[map->party_count];
	*party = (struct party){
		.id = id, .label = label, .answers = calloc(map->port_count, sizeof(char *))};
	if (!party->answers)
		return NULL;
	map->party_count++;
	return party;
}

static int answer(struct map *map, size_t port, json_int_t id, const char *label, char what,
		  const char *why)
{
	struct party *party = party_of(map, id, label);

	if (!party || asprintf(&party->answers[port], "%c%s", what, why) < 0)
		return -ENOMEM;
	return 0;
}

static int collect_port(struct map *map, size_t i)
{
	const json_t *port = json_array_get(map->ports, i);
	const json_t *guests = json_object_get(port, "guests");
	char reason[512];

	for (size_t g = 0; g < json_array_size(guests); g++) {
		const json_t *reach = json_array_get(guests, g);
		bool is_allowed = json_is_true(json_object_get(reach, "allowed"));
		bool is_told = is_allowed || number_of(reach, "exception");

		reach_reason(reason, sizeof(reason), reach);
		if (answer(map, i, number_of(reach, "guest"), text_of(reach, "label"),
			   is_allowed	      ? ANSWER_REACHES
			   : map->is_enforced ? ANSWER_REFUSED
					      : ANSWER_MONITOR,
			   is_told ? reason : ""))
			return -ENOMEM;
	}
	return 0;
}

static const char *answer_of(const struct party *party, size_t port)
{
	return party->answers[port] ? party->answers[port] : "";
}

static int group_parties(struct map *map)
{
	for (size_t i = 0; i < map->party_count; i++) {
		struct party *party = &map->parties[i];
		size_t size;
		FILE *key = open_memstream(&party->key, &size);

		if (!key)
			return -ENOMEM;
		for (size_t p = 0; p < map->port_count; p++)
			fprintf(key, "%s\n", answer_of(party, p));
		if (fclose(key))
			return -ENOMEM;
		while (strcmp(map->parties[party->group].key, party->key) != 0)
			party->group++;
	}
	return 0;
}

static bool is_alike(const struct map *map, size_t one, size_t other)
{
	for (size_t i = 0; i < map->party_count; i++)
		if (map->parties[i].group == i &&
		    strcmp(answer_of(&map->parties[i], one), answer_of(&map->parties[i], other)))
			return false;
	return true;
}

static int collect(struct map *map)
{
	int result = 0;

	map->port_groups = calloc(map->port_count + 1, sizeof(*map->port_groups));
	if (!map->port_groups)
		return -ENOMEM;
	for (size_t i = 0; !result && i < map->port_count; i++)
		result = collect_port(map, i);
	if (!result)
		result = group_parties(map);
	for (size_t i = 0; !result && i < map->port_count; i++)
		while (map->port_groups[map->port_groups[i]] != map->port_groups[i] ||
		       !is_alike(map, map->port_groups[i], i))
			map->port_groups[i]++;
	return result;
}

static void forget(struct map *map)
{
	for (size_t i = 0; i < map->party_count; i++) {
		for (size_t p = 0; p < map->port_count; p++)
			free(map->parties[i].answers[p]);
		free(map->parties[i].answers);
		free(map->parties[i].key);
	}
	free(map->parties);
	free(map->port_groups);
}

/* Printing. */

/* One character of valid UTF-8, and how many bytes it has. */
static size_t decode(const unsigned char *text, uint32_t *character)
{
	size_t length = *text < 0x80 ? 1 : *text < 0xe0 ? 2 : *text < 0xf0 ? 3 : 4;

	*character = length == 1 ? *text : *text & (0x7fu >> length);
	for (size_t i = 1; i < length; i++)
		*character = *character << 6 | (text[i] & 0x3fu);
	return length;
}

/* As text of dot's labels, which are XML: in ASCII, whatever a guest calls itself. */
static void put(FILE *file, const char *text)
{
	char escaped[2048];
	uint32_t character;

	text_escape(escaped, sizeof(escaped), text, strlen(text));
	for (const unsigned char *at = (const void *)escaped; *at;) {
		at += decode(at, &character);
		if (character ==
		    '\\') /* dot takes one for the start of an escape sequence of its own */
			fputs("&#92;", file);
		if (character == 0xfffe || character == 0xffff) /* no characters of XML */
			fputc('?', file);
		else if (character < 0x7f && !strchr("&<>\"'[]\\", (int)character))
			fputc((int)character, file);
		else
			fprintf(file, "&#%u;", character);
	}
}

static void put_party(FILE *file, const struct map *map, size_t group)
{
	fprintf(file,
		"\tg%zu [label=<<table border=\"1\" color=\"#0969da\" bgcolor=\"#ddf4ff\" "
		"style=\"rounded\" cellborder=\"0\" cellspacing=\"0\" cellpadding=\"6\">\n",
		group);
	for (size_t i = group; i < map->party_count; i++) {
		if (map->parties[i].group != group)
			continue;
		fputs("\t\t<tr><td align=\"left\"><b>", file);
		put(file, map->parties[i].label);
		fputs("</b></td></tr>\n", file);
	}
	fputs("\t</table>>];\n", file);
}

static void put_port(FILE *file, const json_t *port, bool is_enforced)
{
	const json_t *service = json_object_get(port, "service");
	const char *name = text_of(port, "name"), *program = text_of(service, "program");
	const char *owner = text_of(port, "owner");
	const char *paint = port_is_alarming(port, is_enforced) ? " bgcolor=\"#ffcecb\"" : "";
	char text[512], where[512] = "";

	text_append(where, sizeof(where), "%s %s", text_of(service, "protocol"),
		    endpoint(text, sizeof(text), service));
	fprintf(file, "\t\t<tr><td align=\"left\"%s>", paint);
	if (*name) {
		fputs(json_is_true(json_object_get(port, "sensitive"))
			      ? "<font color=\"" RED "\"><b>"
			      : "<font color=\"#24292f\"><b>",
		      file);
		put(file, name);
		fputs("</b></font>", file);
	}
	fprintf(file, "</td><td align=\"left\"%s>", paint);
	put(file, where);
	fprintf(file, "</td><td align=\"left\"%s>", paint);
	if (*program || *owner) {
		fputs("<font color=\"" GREY "\">", file);
		put(file, program);
		if (*owner) {
			fputs(*program ? " of " : "of ", file);
			put(file, owner);
		}
		fputs("</font>", file);
	}
	fprintf(file, "</td><td align=\"left\"%s>", paint);
	if (json_is_true(json_object_get(port, "lan")))
		fputs("<font color=\"" GREY "\"><b>LAN</b></font>", file);
	fputs("</td></tr>\n", file);
}

/* Below the ports: by what each guest reaches them, or not. Beside its line it would be in others' way. */
static void put_reason(FILE *file, const struct party *party, size_t port)
{
	const char *answer = answer_of(party, port);

	if (!*answer || !answer[1])
		return;
	fprintf(file,
		"\t\t<tr><td colspan=\"4\" align=\"left\"><font color=\"%s\" point-size=\"9\">",
		*answer == ANSWER_REACHES ? GREEN : RED);
	put(file, party->label);
	fputs(*answer == ANSWER_REACHES	  ? ": "
	      : *answer == ANSWER_REFUSED ? ": refused by "
					  : ": would be refused by ",
	      file);
	put(file, answer + 1);
	fputs("</font></td></tr>\n", file);
}

static void put_ports(FILE *file, const struct map *map, size_t group)
{
	fprintf(file,
		"\tp%zu [label=<<table border=\"1\" color=\"" GREY "\" bgcolor=\"white\" "
		"style=\"rounded\" cellborder=\"0\" cellspacing=\"0\" cellpadding=\"4\">\n",
		group);
	for (size_t i = group; i < map->port_count; i++)
		if (map->port_groups[i] == group)
			put_port(file, json_array_get(map->ports, i), map->is_enforced);
	for (size_t i = 0; i < map->party_count; i++)
		put_reason(file, &map->parties[i], group);
	fputs("\t</table>>];\n", file);
}

static void put_edge(FILE *file, const struct map *map, size_t party, size_t port)
{
	const char *answer = answer_of(&map->parties[party], port);

	if (!*answer)
		return;
	fprintf(file, "\tg%zu -> p%zu [", party, port);
	if (*answer == ANSWER_REACHES)
		fputs("color=\"" GREEN "\", penwidth=2", file);
	else if (*answer == ANSWER_MONITOR)
		fputs("color=\"" RED "\", penwidth=2", file);
	else
		fputs("color=\"" PALE "\", style=dashed, arrowhead=tee", file);
	fputs("];\n", file);
}

static void put_map(FILE *file, const struct map *map)
{
	fprintf(file,
		"digraph ports {\n"
		"\tgraph [rankdir=LR, splines=line, ranksep=2.2, nodesep=0.35, pad=0.3, "
		"bgcolor=white, "
		"fontname=\"sans-serif\", fontsize=12, labelloc=t, label=<<b>Who reaches what</b>"
		"<br/><font color=\"" GREEN "\">green: let through</font> &#160; "
		"<font color=\"" RED "\">red: %s</font> &#160; "
		"<font color=\"" GREY "\">LAN: bound to more than loopback</font><br/>&#160;>];\n"
		"\tnode [shape=plain, fontname=\"sans-serif\", fontsize=11];\n"
		"\tedge [fontname=\"sans-serif\", fontsize=10, arrowsize=0.8, tailport=e, "
		"headport=w];\n",
		map->is_enforced ? "refused"
				 : "would be refused, but MONITOR mode lets it through");
	for (size_t i = 0; i < map->party_count; i++)
		if (map->parties[i].group == i)
			put_party(file, map, i);
	for (size_t i = 0; i < map->port_count; i++)
		if (map->port_groups[i] == i)
			put_ports(file, map, i);
	for (size_t i = 0; i < map->party_count; i++)
		for (size_t p = 0; map->parties[i].group == i && p < map->port_count; p++)
			if (map->port_groups[p] == p)
				put_edge(file, map, i, p);
	fputs("}\n", file);
}

int ports_map(FILE *file, const json_t *ports, bool is_enforced)
{
	struct map map = {
		.ports = ports, .port_count = json_array_size(ports), .is_enforced = is_enforced};
	int result = collect(&map);

	if (!result)
		put_map(file, &map);
	forget(&map);
	return result;
}
