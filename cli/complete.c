// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The verb that shells ask for completions: lhguard __complete -- WORDS, of which the last is the one
 * to complete. Each answer is a line, "WORD<tab>DESCRIPTION", or ":files". What is asked for is what the
 * command table and the option table name: a NAME, a SERVICE, a FILE, ...
 */
#include "commands.h"
#include "output.h"

#include "util/array.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_SECONDS 1

/**
 * struct line - what has been typed
 * @command: NULL: none yet
 * @arguments: how many stand behind it already
 * @given: the set of options that stand there
 * @prefix: "--from=" where the value stands in the same word, else ""
 * @word: to complete
 * @option: whose value @word is, else -1
 */
struct line {
	const char *socket;
	const struct command *command;
	int arguments;
	uint64_t given;
	char prefix[64];
	const char *word;
	int option;
};

static void offer(const struct line *line, const char *word, const char *description)
{
	if (strncmp(word, line->word, strlen(line->word)) != 0)
		return;
	printf("%s%s\t%s\n", line->prefix, word, description);
}

/* Only what a line can hold, and what a person could type. */
static bool is_typeable(const char *word)
{
	size_t length = strlen(word), doubled = 0;

	for (const char *c = word; *c; c++)
		doubled += *c == '\\';
	return length && strlen(shown(word)) == length + doubled;
}

static void offer_guests(const struct line *line)
{
	json_t *list = NULL;
	char id[32], text[512];

	if (client_list(line->socket, "ListGuests", "guests", &list))
		return;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *guest = json_array_get(list, i);
		const char *label = text_of(guest, "label");

		snprintf(id, sizeof(id), "guest:%" JSON_INTEGER_FORMAT, number_of(guest, "id"));
		snprintf(text, sizeof(text), "%s %s", shown(text_of(guest, "runtime")), id);
		if (*text_of(guest, "name") && is_typeable(label))
			offer(line, label, text);
		else if (!*line->word || !strncmp(line->word, "guest:", strlen("guest:")))
			offer(line, id, shown(label));
	}
	json_decref(list);
}

static void offer_sources(const struct line *line)
{
	offer_guests(line);
	offer(line, "vm", "all virtual machines");
	offer(line, "container", "all containers");
	offer(line, "lan", "hosts of the LAN");
	offer(line, "unknown", "whoever cannot be told");
	offer(line, "any", "everybody but this host");
	if (line->option < 0) /* an argument: explain's, which alone asks of the host itself */
		offer(line, "host", "programs of this host");
}

static json_t *exceptions(const struct line *line)
{
	json_t *list = NULL;

	return client_list(line->socket, "ListExceptions", "exceptions", &list) ? NULL : list;
}

/* Behind an address, too: "127.0.0.1:chr". */
static void offer_known_services(const struct line *line)
{
	const char *colon = strrchr(line->word, ':');
	int before = colon ? (int)(colon - line->word) + 1 : 0;
	json_t *list = NULL;
	char word[512], text[256];

	if (client_list(line->socket, "ListServices", "services", &list))
		return;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *known = json_array_get(list, i);

		snprintf(word, sizeof(word), "%.*s%s", before, line->word, text_of(known, "name"));
		snprintf(text, sizeof(text), "%s %s", shown(text_of(known, "ports")),
			 shown(text_of(known, "title")));
		offer(line, word, text);
	}
	json_decref(list);
}

static void offer_services(const struct line *line)
{
	json_t *list = exceptions(line);

	offer_known_services(line);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *service = text_of(json_array_get(list, i), "service");

		if (is_typeable(service))
			offer(line, service, "of an exception");
	}
	json_decref(list);
}

static void offer_exceptions(const struct line *line)
{
	json_t *list = exceptions(line);
	char id[32], text[1024];

	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *exception = json_array_get(list, i);

		if (*text_of(exception, "file"))
			continue; /* the administrator's are not changed from here */
		snprintf(id, sizeof(id), "%" JSON_INTEGER_FORMAT, number_of(exception, "id"));
		snprintf(text, sizeof(text), "%s %s from %s", shown(text_of(exception, "action")),
			 shown(text_of(exception, "service")), shown(text_of(exception, "source")));
		offer(line, id, text);
	}
	json_decref(list);
}

static void offer_durations(const struct line *line)
{
	offer(line, "10m", "ten minutes");
	offer(line, "1h", "an hour");
	offer(line, "8h", "a working day");
	offer(line, "1d", "a day");
	offer(line, "7d", "a week");
}

static void offer_times(const struct line *line)
{
	offer(line, "10m", "ten minutes ago");
	offer(line, "1h", "an hour ago");
	offer(line, "1d", "a day ago");
	offer(line, "today", "from midnight on");
	offer(line, "yesterday", "from the midnight before on");
}

static void offer_commands(const struct line *line)
{
	for (size_t i = 0; i < command_count; i++)
		offer(line, commands[i].name, commands[i].summary);
}

static void offer_options(const struct line *line)
{
	uint64_t set = OPTIONS_EVERYWHERE | (line->command ? line->command->options : 0);
	const struct option_text *own = line->command ? line->command->texts : NULL;
	char word[64];

	for (int id = 0; id < OPTION_COUNT; id++) {
		if (!(set & ~line->given & UINT64_C(1) << id))
			continue;
		snprintf(word, sizeof(word), "--%s", option_infos[id].name);
		offer(line, word, option_text(own, (enum option_id)id));
	}
}

static void offer_files(const struct line *line)
{
	puts(":files");
}

/* The words of the two tables. A word that is not here is a person's to write. */
static const struct {
	const char *what;
	void (*offer)(const struct line *line);
} kinds[] = {
	{"NAME", offer_guests},	     {"GUEST", offer_guests},	  {"SOURCE", offer_sources},
	{"SERVICE", offer_services}, {"ID", offer_exceptions},	  {"DURATION", offer_durations},
	{"TIME", offer_times},	     {"COMMAND", offer_commands}, {"PATH", offer_files},
	{"FILE", offer_files},
};

/* Of "enforce|monitor" each is a word to type. */
static void offer_choice(const struct line *line, const char *choice, size_t length)
{
	char word[64];

	if (length >= sizeof(word))
		return;
	memcpy(word, choice, length);
	word[length] = '\0';
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strcmp(kinds[i].what, word)) {
			kinds[i].offer(line);
			return;
		}
	if (word[0] >= 'a' && word[0] <= 'z')
		offer(line, word, "");
}

/* @what: "[NAME]", "ID...", "enforce|monitor" */
static void offer_kind(const struct line *line, const char *what, size_t length)
{
	static const char separators[] = "[]|. ";

	for (const char *end = what + length; what < end;) {
		size_t word = strcspn(what, separators);

		if (word > (size_t)(end - what))
			word = (size_t)(end - what);
		if (word)
			offer_choice(line, what, word);
		what += word ? word : 1;
	}
}

/* The argument that comes next; the last one may be repeated. */
static void offer_argument(const struct line *line)
{
	const char *what = line->command->arguments;
	int left = line->arguments;

	if (line->command->most >= 0 && left >= line->command->most)
		return;
	for (const char *next; left > 0 && (next = strchr(what, ' ')); left--)
		what = next + 1;
	offer_kind(line, what, strcspn(what, " "));
}

static int find_option(const char *name, size_t length)
{
	for (int id = 0; id < OPTION_COUNT; id++)
		if (strlen(option_infos[id].name) == length &&
		    !strncmp(option_infos[id].name, name, length))
			return id;
	return -1;
}

/* A word before the last one. Return: the option whose value comes next, else -1. */
static int take_word(struct line *line, const char *word)
{
	size_t length;
	int id;

	if (word[0] != '-') {
		if (line->command)
			line->arguments++;
		for (size_t i = 0; i < command_count && !line->command; i++)
			if (!strcmp(commands[i].name, word))
				line->command = &commands[i];
		return -1;
	}
	if (word[1] != '-')
		return -1;
	length = strcspn(word + 2, "=");
	id = find_option(word + 2, length);
	if (id < 0)
		return -1;
	line->given |= UINT64_C(1) << id;
	if (id == OPTION_SOCKET && word[2 + length])
		line->socket = word + 2 + length + 1;
	return option_infos[id].value && !word[2 + length] ? id : -1;
}

static void parse(struct line *line, int argc, char **argv)
{
	const char *equals;

	for (int i = 0; i < argc - 1; i++) {
		if (line->option == OPTION_SOCKET)
			line->socket = argv[i];
		line->option = line->option < 0 ? take_word(line, argv[i]) : -1;
	}
	line->word = argv[argc - 1];
	equals = strchr(line->word, '=');
	if (line->option >= 0 || strncmp(line->word, "--", 2) != 0 || !equals ||
	    (size_t)(equals - line->word) + 2 > sizeof(line->prefix))
		return;
	line->option = find_option(line->word + 2, (size_t)(equals - line->word) - 2);
	if (line->option < 0 || !option_infos[line->option].value)
		return;
	snprintf(line->prefix, sizeof(line->prefix), "%.*s", (int)(equals - line->word) + 1,
		 line->word);
	line->word = equals + 1;
}

/* Whoever has pressed a key does not wait for a daemon that does not answer. */
static void give_up(int signal)
{
	_exit(STATUS_DONE);
}

enum status verb_complete(const struct options *options, int argc, char **argv)
{
	struct line line = {.socket = options->socket, .option = -1};

	if (!argc)
		return STATUS_USAGE;
	signal(SIGALRM, give_up);
	alarm(PATIENCE_SECONDS);
	if (!freopen("/dev/null", "w", stderr)) /* complaints would stand in the line being typed */
		return STATUS_FAILED;
	parse(&line, argc, argv);
	if (line.option >= 0)
		offer_kind(&line, option_infos[line.option].value,
			   strlen(option_infos[line.option].value));
	else if (line.word[0] == '-')
		offer_options(&line);
	else if (!line.command)
		offer_commands(&line);
	else
		offer_argument(&line);
	return STATUS_DONE;
}
