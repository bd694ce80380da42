// SPDX-License-Identifier: GPL-2.0-or-later
/* /etc/lhguard/lhguard.conf: read whole, checked whole, or refused with file:line. */
#include "policy/config.h"
#include "policy/defaults.h"
#include "util/array.h"
#include "util/ini.h"
#include "util/text.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define QUEUE_LOOPBACK	 27701 /* numbers that no program uses by habit */
#define QUEUE_GUESTS	 27702
#define QUEUE_LENGTH	 4096
#define QUEUE_LENGTH_MAX 1048576

enum section {
	SECTION_GUARD,
	SECTION_LOOPBACK,
	SECTION_GUESTS,
	SECTION_INFRASTRUCTURE,
	SECTION_CONTROL,
	SECTION_INTERFACES,
	SECTION_DEFAULTS,
	SECTION_COUNT,
};

static const char *const sections[SECTION_COUNT] = {
	[SECTION_GUARD] = "guard",	   [SECTION_LOOPBACK] = "queue loopback",
	[SECTION_GUESTS] = "queue guests", [SECTION_INFRASTRUCTURE] = "infrastructure",
	[SECTION_CONTROL] = "control",	   [SECTION_INTERFACES] = "interfaces",
	[SECTION_DEFAULTS] = "defaults",
};

/**
 * struct option - one key of a section
 * @set: takes the value over into the field at @offset of struct config; -EINVAL with @error
 * @words: its two words, for false and true; NULL for another kind of value
 */
struct option {
	enum section section;
	const char *key;
	int (*set)(struct config *config, const struct option *option, const char *value,
		   struct error *error);
	size_t offset;
	const char *const *words;
};

static void *field(struct config *config, const struct option *option)
{
	return (char *)config + option->offset;
}

static int refuse_value(const struct option *option, const char *value, const char *allowed,
			struct error *error)
{
	return error_set(error, -EINVAL, "%s = %s: write %s", option->key, value, allowed);
}

/* Return: which of the option's two words @value is, or -EINVAL. */
static int parse_word(const struct option *option, const char *value, struct error *error)
{
	for (int i = 0; i < 2; i++)
		if (!strcmp(value, option->words[i]))
			return i;
	return error_set(error, -EINVAL, "%s = %s: write %s or %s", option->key, value,
			 option->words[0], option->words[1]);
}

static int set_word(struct config *config, const struct option *option, const char *value,
		    struct error *error)
{
	int word = parse_word(option, value, error);

	if (word >= 0)
		*(bool *)field(config, option) = word;
	return word < 0 ? word : 0;
}

static int set_mode(struct config *config, const struct option *option, const char *value,
		    struct error *error)
{
	int word = parse_word(option, value, error);

	if (word >= 0)
		config->mode = word ? MODE_MONITOR : MODE_ENFORCE;
	return word < 0 ? word : 0;
}

static int set_verdict(struct config *config, const struct option *option, const char *value,
		       struct error *error)
{
	int word = parse_word(option, value, error);

	if (word >= 0)
		config->refusal = word ? VERDICT_REJECT : VERDICT_DROP;
	return word < 0 ? word : 0;
}

/* A number without sign and leading zeros, or -EINVAL. */
static long parse_number(const char *text)
{
	size_t digits = strspn(text, "0123456789");

	if (digits == 0 || digits > 9 || text[digits] || (text[0] == '0' && digits > 1))
		return -EINVAL;
	return strtol(text, NULL, 10);
}

static int set_queue_number(struct config *config, const struct option *option, const char *value,
			    struct error *error)
{
	long number = parse_number(value);

	if (number < 0 || number > UINT16_MAX)
		return refuse_value(option, value, "a number from 0 to 65535", error);
	*(uint16_t *)field(config, option) = (uint16_t)number;
	return 0;
}

static int set_queue_length(struct config *config, const struct option *option, const char *value,
			    struct error *error)
{
	long length = parse_number(value);

	if (length < 1 || length > QUEUE_LENGTH_MAX)
		return refuse_value(option, value, "a number from 1 to 1048576", error);
	*(uint32_t *)field(config, option) = (uint32_t)length;
	return 0;
}

static int set_path(struct config *config, const struct option *option, const char *value,
		    struct error *error)
{
	if (value[0] != '/' || !text_copy(config->resolv_conf, sizeof(config->resolv_conf), value))
		return refuse_value(option, value, "a path from / on, of at most 255 bytes", error);
	return 0;
}

static int add_lan(struct config *config, const struct option *option, const char *name,
		   struct error *error)
{
	if (strlen(name) >= IF_NAMESIZE || strchr(name, '/'))
		return refuse_value(option, name, "names of interfaces, e.g. eth0 wlan0", error);
	for (size_t i = 0; i < config->lan_count; i++)
		if (!strcmp(config->lan[i], name))
			return error_set(error, -EINVAL, "%s names %s twice", option->key, name);
	if (config->lan_count == LAN_MAX)
		return error_set(error, -EINVAL, "%s names more than %d interfaces", option->key,
				 LAN_MAX);
	text_copy(config->lan[config->lan_count++], IF_NAMESIZE, name);
	return 0;
}

static int set_lan(struct config *config, const struct option *option, const char *value,
		   struct error *error)
{
	char names[INI_LINE_SIZE], *rest = names, *name;
	int ret = 0;

	text_copy(names, sizeof(names), value);
	config->lan_count = 0;
	while (ret == 0 && (name = strsep(&rest, " \t")))
		if (*name)
			ret = add_lan(config, option, name, error);
	return ret;
}

#define AT(member) offsetof(struct config, member)

static const char *const modes[] = {[MODE_ENFORCE] = "enforce", [MODE_MONITOR] = "monitor"};
static const char *const verdicts[] = {"drop", "reject"};
static const char *const no_yes[] = {"no", "yes"};
static const char *const drop_accept[] = {"drop", "accept"};

static const struct option options[] = {
	{SECTION_GUARD, "mode", set_mode, 0, modes},
	{SECTION_GUARD, "verdict", set_verdict, 0, verdicts},
	{SECTION_LOOPBACK, "number", set_queue_number, AT(loopback.settings.number), NULL},
	{SECTION_LOOPBACK, "length", set_queue_length, AT(loopback.settings.length), NULL},
	{SECTION_LOOPBACK, "overflow", set_word, AT(loopback.settings.overflow_accept),
	 drop_accept},
	{SECTION_LOOPBACK, "down", set_word, AT(loopback.down_accept), drop_accept},
	{SECTION_GUESTS, "number", set_queue_number, AT(guests.settings.number), NULL},
	{SECTION_GUESTS, "length", set_queue_length, AT(guests.settings.length), NULL},
	{SECTION_GUESTS, "overflow", set_word, AT(guests.settings.overflow_accept), drop_accept},
	{SECTION_GUESTS, "down", set_word, AT(guests.down_accept), drop_accept},
	{SECTION_INFRASTRUCTURE, "dhcp", set_word, AT(dhcp), no_yes},
	{SECTION_INFRASTRUCTURE, "dns", set_word, AT(dns), no_yes},
	{SECTION_INFRASTRUCTURE, "ping", set_word, AT(ping), no_yes},
	{SECTION_INFRASTRUCTURE, "neighbour-discovery", set_word, AT(neighbour_discovery), no_yes},
	{SECTION_INFRASTRUCTURE, "resolver", set_word, AT(resolver), no_yes},
	{SECTION_INFRASTRUCTURE, "resolv-conf", set_path, 0, NULL},
	{SECTION_CONTROL, "polkit", set_word, AT(access.polkit), no_yes},
	{SECTION_CONTROL, "members-may-change", set_word, AT(access.members_change), no_yes},
	{SECTION_INTERFACES, "lan", set_lan, 0, NULL},
};

const char *mode_text(enum guard_mode mode)
{
	return modes[mode];
}

#define OPTION_COUNT ARRAY_SIZE(options)

/**
 * struct reader - one run over one file
 * @file_name: the last part of its path
 * @section: that is being read, SECTION_COUNT before the first
 * @section_line: where each section stands, 0 when it was not seen
 * @option_line: where each option stands
 */
struct reader {
	struct config *config;
	bool (*known_runtime)(const void *data, const char *word);
	const void *data;
	const char *file_name;
	enum section section;
	unsigned int section_line[SECTION_COUNT];
	unsigned int option_line[OPTION_COUNT];
};

static int start_section(struct reader *reader, const struct ini_entry *entry, struct error *error)
{
	struct error list = {.text = ""};

	for (int i = 0; i < SECTION_COUNT; i++) {
		text_append(list.text, sizeof(list.text), "%s[%s]", i ? ", " : "", sections[i]);
		if (strcmp(entry->section, sections[i]))
			continue;
		if (reader->section_line[i])
			return error_set(error, -EINVAL, "[%s] stands in line %u already",
					 sections[i], reader->section_line[i]);
		reader->section_line[i] = entry->line;
		reader->section = (enum section)i;
		return 0;
	}
	return error_set(error, -EINVAL, "unknown section [%s]: there are %s", entry->section,
			 list.text);
}

static int set_option(struct reader *reader, const struct ini_entry *entry, struct error *error)
{
	struct error list = {.text = ""};

	for (size_t i = 0; i < OPTION_COUNT; i++) {
		if (options[i].section != reader->section)
			continue;
		text_append(list.text, sizeof(list.text), "%s%s", list.text[0] ? ", " : "",
			    options[i].key);
		if (strcmp(options[i].key, entry->key))
			continue;
		if (reader->option_line[i])
			return error_set(error, -EINVAL, "%s stands in line %u already", entry->key,
					 reader->option_line[i]);
		reader->option_line[i] = entry->line;
		return options[i].set(reader->config, &options[i], entry->value, error);
	}
	return error_set(error, -EINVAL, "unknown key \"%s\" in [%s]: there are %s", entry->key,
			 entry->section, list.text);
}

static int take_default(struct reader *reader, const struct ini_entry *entry, struct error *error)
{
	struct selector selector;
	int ret = defaults_parse(entry->key, &selector, error);

	if (ret < 0)
		return ret;
	if (selector.type == SELECT_RUNTIME && reader->known_runtime &&
	    !reader->known_runtime(reader->data, selector.word))
		return error_set(error, -EINVAL,
				 "\"%s\" is no kind (vm, container, sandbox, lan, unknown) and no "
				 "runtime that the guard knows",
				 selector.word);
	return defaults_take(reader->config, &selector, reader->file_name, entry, error);
}

static int take_entry(void *data, const struct ini_entry *entry, struct error *error)
{
	struct reader *reader = data;

	if (!entry->key)
		return start_section(reader, entry, error);
	if (reader->section == SECTION_COUNT)
		return error_set(error, -EINVAL, "a key before the first section");
	if (reader->section == SECTION_DEFAULTS)
		return take_default(reader, entry, error);
	return set_option(reader, entry, error);
}

/* What no single line can tell. */
static int check_config(const struct reader *reader, const char *path, struct error *error)
{
	const struct config *config = reader->config;
	unsigned int line = 0;

	if (config->loopback.settings.number != config->guests.settings.number)
		return 0;
	for (size_t i = 0; i < OPTION_COUNT; i++)
		if (!strcmp(options[i].key, "number") && reader->option_line[i] > line)
			line = reader->option_line[i];
	return error_set(
		error, -EINVAL,
		"%s:%u: [queue loopback] and [queue guests] both have number %u: write two "
		"different ones (without a line: %d and %d)",
		path, line, config->loopback.settings.number, QUEUE_LOOPBACK, QUEUE_GUESTS);
}

static const char *file_name_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

int config_load(const char *path, bool (*known_runtime)(const void *data, const char *word),
		const void *data, struct config **config, struct error *error)
{
	struct reader reader = {.config = config_new_default(),
				.known_runtime = known_runtime,
				.data = data,
				.file_name = file_name_of(path),
				.section = SECTION_COUNT};
	int ret;

	if (!reader.config)
		return error_set(error, -ENOMEM, "out of memory");
	if (text_copy(reader.config->path, sizeof(reader.config->path), path))
		ret = ini_read_file(path, take_entry, &reader, error);
	else
		ret = error_set(error, -ENAMETOOLONG, "%s: the path is longer than %zu bytes", path,
				sizeof(reader.config->path) - 1);
	if (ret == 0)
		ret = check_config(&reader, path, error);
	if (ret == 0)
		*config = reader.config;
	else
		config_free(reader.config);
	return ret;
}

struct config *config_new_default(void)
{
	static const struct config built_in = {
		.mode = MODE_ENFORCE,
		.refusal = VERDICT_DROP,
		.loopback = {{QUEUE_LOOPBACK, QUEUE_LENGTH, false}, true},
		.guests = {{QUEUE_GUESTS, QUEUE_LENGTH, false}, false},
		.dhcp = true,
		.dns = true,
		.ping = true,
		.neighbour_discovery = true,
		.resolver = true,
		.resolv_conf = "/etc/resolv.conf",
		.access = {.polkit = true},
	};
	struct config *config = malloc(sizeof(*config));

	if (!config)
		return NULL;
	*config = built_in;
	if (defaults_fill(config) < 0) {
		config_free(config);
		return NULL;
	}
	return config;
}

void config_free(struct config *config)
{
	if (!config)
		return;
	free(config->defaults);
	free(config);
}
