// SPDX-License-Identifier: GPL-2.0-or-later
/* The text of exceptions, read whole or refused with file:line; rules_print.c prints it. */
#include "policy/rules.h"
#include "policy/timestamp.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/ini.h"
#include "util/text.h"

#include <errno.h>
#include <string.h>

/**
 * DOC: Theory of Operation
 *
 * A file is an INI file (util/ini.h). Names and comments may hold any byte, a line may not: such
 * values are written escaped (text_escape(), with blanks at their ends as \x20), and what does
 * not fit on one line goes on in lines with the key "source+", "guest+" or "comment+". The section [store] of
 * the daemon's own file keeps the next id, so that an id is never used again.
 */

int rules_append(struct rules *rules, struct exception *rule)
{
	if (rules->count == EXCEPTIONS_MAX)
		return -ENOSPC;
	if (rules->count == rules->capacity) {
		size_t capacity = rules->capacity ? 2 * rules->capacity : 16;
		struct exception **larger =
			reallocarray(rules->rule, capacity, sizeof(struct exception *));

		if (!larger)
			return -ENOMEM;
		rules->rule = larger;
		rules->capacity = capacity;
	}
	rules->rule[rules->count++] = rule;
	return 0;
}

int rules_copy(struct rules *target, const struct rules *source)
{
	for (size_t i = 0; i < source->count; i++) {
		int ret = rules_append(target, source->rule[i]);

		if (ret < 0)
			return ret;
	}
	return 0;
}

void rules_clear(struct rules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		free(rules->rule[i]);
	free(rules->rule);
	*rules = (struct rules){.rule = NULL};
}

static int compare_rules(const void *left, const void *right)
{
	const struct exception *a = *(struct exception *const *)left;
	const struct exception *b = *(struct exception *const *)right;

	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	return (a->line > b->line) - (a->line < b->line);
}

void rules_sort(struct rules *rules)
{
	if (rules->count > 1)
		qsort(rules->rule, rules->count, sizeof(struct exception *), compare_rules);
}

/**
 * struct reader - one run over one file
 * @next: of [store], 0 until it is read; the administrator's files have none
 * @store_line: where [store] stands
 * @rule: the exception whose section is being read
 * @source: its source as read so far, unescaped
 * @seen: bit for each key of its section that was read
 * @incomplete: an exception that ended before it was complete
 */
struct reader {
	struct rules *rules;
	bool administrator;
	uint32_t next;
	unsigned int store_line;
	struct exception *rule;
	char source[RUNTIME_SIZE + 4 * NAME_SIZE];
	unsigned int seen;
	const struct exception *incomplete;
};

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c ? strchr(digits, c | 0x20) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* Undoes text_escape() at the end of @target. */
static int append_unescaped(char *target, size_t size, const char *text, struct error *error)
{
	size_t used = strlen(target);

	while (*text) {
		char byte = *text++;
		int high = *text == 'x' ? hex_digit(text[1]) : -1;
		int low = high >= 0 ? hex_digit(text[2]) : -1;

		if (byte == '\\' && high >= 0 && low >= 0) {
			byte = (char)(high * 16 + low);
			text += 3;
		} else if (byte == '\\' && *text++ != '\\') {
			return error_set(error, -EINVAL,
					 "a backslash is written \\\\ and any other byte \\xHH");
		}
		if (!byte)
			return error_set(error, -EINVAL, "\\x00 cannot be part of a text");
		if (used + 1 >= size)
			return error_set(error, -EINVAL, "the text is longer than %zu bytes",
					 size - 1);
		target[used++] = byte;
		target[used] = '\0';
	}
	return 0;
}

static int parse_decimal(const char *text, uint32_t max, uint32_t *value)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long number;

	if (digits == 0 || digits > 10 || text[digits] || (text[0] == '0' && digits > 1))
		return -EINVAL;
	number = strtoul(text, NULL, 10);
	if (number > max)
		return -ERANGE;
	*value = (uint32_t)number;
	return 0;
}

static int take_action(struct reader *reader, const char *value, struct error *error)
{
	reader->rule->allow = !strcmp(value, "allow");
	if (!reader->rule->allow && strcmp(value, "deny"))
		return error_set(error, -EINVAL, "action = %s: write allow or deny", value);
	return 0;
}

static int take_service(struct reader *reader, const char *value, struct error *error)
{
	return service_parse(value, &reader->rule->service, error);
}

static int take_source(struct reader *reader, const char *value, struct error *error)
{
	int ret = append_unescaped(reader->source, sizeof(reader->source), value, error);

	if (ret == 0)
		ret = selector_parse(reader->source, &reader->rule->source, error);
	if (ret == 0 && reader->administrator && reader->rule->source.type == SELECT_GUEST)
		ret = error_set(error, -EINVAL,
				"%s ends with that guest, and the number is another's after a "
				"restart: name it, e.g. vm:devbox",
				reader->source);
	return ret;
}

/* Another guest than the one that ran when the exception was made is never found by this key. */
static int take_guest(struct reader *reader, const char *value, struct error *error)
{
	if (reader->administrator)
		return error_set(error, -EINVAL,
				 "guest belongs into the daemon's own file only: see lhguard allow "
				 "--until-stop");
	if (!*value)
		return error_set(error, -EINVAL, "guest = is empty");
	return append_unescaped(reader->rule->guest_key, sizeof(reader->rule->guest_key), value,
				error);
}

static int take_cut(struct reader *reader, const char *value, struct error *error)
{
	reader->rule->cut = !strcmp(value, "yes");
	if (!reader->rule->cut && strcmp(value, "no"))
		return error_set(error, -EINVAL, "cut = %s: write yes or no", value);
	return 0;
}

static int take_pin(struct reader *reader, const char *value, struct error *error)
{
	int ret = append_unescaped(reader->rule->pin, sizeof(reader->rule->pin), value, error);

	if (ret == 0 && reader->rule->pin[0] != '/')
		ret = error_set(error, -EINVAL,
				"pin = %s: write the path of an executable, e.g. "
				"/usr/bin/chromium",
				value);
	return ret;
}

static int take_pin_user(struct reader *reader, const char *value, struct error *error)
{
	if (parse_decimal(value, UINT32_MAX, &reader->rule->pin_user) < 0)
		return error_set(error, -EINVAL, "pin-user = %s: write a user's number", value);
	return 0;
}

static int take_once(struct reader *reader, const char *value, struct error *error)
{
	if (reader->administrator)
		return error_set(
			error, -EINVAL,
			"once belongs into the daemon's own file only: it ends by a change "
			"of the file");
	reader->rule->once = !strcmp(value, "yes");
	if (!reader->rule->once && strcmp(value, "no"))
		return error_set(error, -EINVAL, "once = %s: write yes or no", value);
	return 0;
}

static int take_created(struct reader *reader, const char *value, struct error *error)
{
	return timestamp_parse(value, &reader->rule->created_us, error);
}

static int take_expires(struct reader *reader, const char *value, struct error *error)
{
	int ret = timestamp_parse(value, &reader->rule->expires_us, error);

	if (ret == 0 && reader->rule->expires_us == 0) /* which would mean never */
		reader->rule->expires_us = 1;
	return ret;
}

static int take_creator(struct reader *reader, const char *value, struct error *error)
{
	if (parse_decimal(value, UINT32_MAX, &reader->rule->creator) < 0)
		return error_set(error, -EINVAL, "creator = %s: write a user's number", value);
	return 0;
}

static int take_comment(struct reader *reader, const char *value, struct error *error)
{
	return append_unescaped(reader->rule->comment, sizeof(reader->rule->comment), value, error);
}

static const struct {
	const char *word;
	const char *more; /* key of the lines that the value goes on in */
	bool needed;
	int (*take)(struct reader *reader, const char *value, struct error *error);
} keys[] = {
	{"action", NULL, true, take_action},	  {"service", NULL, true, take_service},
	{"source", "source+", true, take_source}, {"guest", "guest+", false, take_guest},
	{"pin", "pin+", false, take_pin},	  {"pin-user", NULL, false, take_pin_user},
	{"once", NULL, false, take_once},	  {"cut", NULL, false, take_cut},
	{"created", NULL, false, take_created},	  {"expires", NULL, false, take_expires},
	{"creator", NULL, false, take_creator},	  {"comment", "comment+", false, take_comment},
};

#define KEY_COUNT ARRAY_SIZE(keys)

static bool has_key(const struct reader *reader, const char *word)
{
	for (size_t i = 0; i < KEY_COUNT; i++)
		if (!strcmp(keys[i].word, word))
			return reader->seen & 1u << i;
	return false;
}

/* Return: the word of a key that the exception being read lacks, or NULL. */
static const char *missing_key(const struct reader *reader)
{
	for (size_t i = 0; i < KEY_COUNT; i++)
		if (keys[i].needed && !(reader->seen & 1u << i))
			return keys[i].word;
	if (reader->rule->source.type == SELECT_GUEST && !reader->rule->guest_key[0])
		return "guest";
	if (has_key(reader, "pin") != has_key(reader, "pin-user"))
		return has_key(reader, "pin") ? "pin-user" : "pin";
	return NULL;
}

static int take_key(struct reader *reader, const struct ini_entry *entry, struct error *error)
{
	for (size_t i = 0; i < KEY_COUNT; i++) {
		bool goes_on = keys[i].more && !strcmp(entry->key, keys[i].more);

		if (!goes_on && strcmp(entry->key, keys[i].word))
			continue;
		if (goes_on && !(reader->seen & 1u << i))
			return error_set(error, -EINVAL, "%s goes before %s", keys[i].word,
					 keys[i].more);
		if (!goes_on && reader->seen & 1u << i)
			return error_set(error, -EINVAL, "%s stands here a second time",
					 entry->key);
		reader->seen |= 1u << i;
		return keys[i].take(reader, entry->value, error);
	}
	return error_set(error, -EINVAL,
			 "unknown key \"%s\": write action, service, source, guest, pin, pin-user, "
			 "once, cut, "
			 "created, expires, creator or comment",
			 entry->key);
}

static int take_store_key(struct reader *reader, const struct ini_entry *entry, struct error *error)
{
	if (strcmp(entry->key, "next"))
		return error_set(error, -EINVAL,
				 "unknown key \"%s\" in [store]: there is only next", entry->key);
	if (reader->next)
		return error_set(error, -EINVAL, "next stands here a second time");
	if (parse_decimal(entry->value, ADMINISTRATOR_IDS, &reader->next) < 0 || !reader->next)
		return error_set(error, -EINVAL, "next = %s: write a number from 1 to %u",
				 entry->value, ADMINISTRATOR_IDS);
	return 0;
}

static int start_store(struct reader *reader, const struct ini_entry *entry, struct error *error)
{
	if (reader->administrator)
		return error_set(error, -EINVAL, "[store] belongs into the daemon's own file only");
	if (reader->store_line)
		return error_set(error, -EINVAL, "[store] stands here a second time");
	reader->store_line = entry->line;
	reader->rule = NULL;
	return 0;
}

static int start_exception(struct reader *reader, const struct ini_entry *entry,
			   struct error *error)
{
	static const char word[] = "exception ";
	_cleanup_free_ struct exception *rule = NULL;
	uint32_t id = 0;
	int ret;

	if (strncmp(entry->section, word, strlen(word)) ||
	    parse_decimal(entry->section + strlen(word), ADMINISTRATOR_IDS - 1, &id) < 0 || !id)
		return error_set(error, -EINVAL,
				 "unknown section [%s]: write [exception N], with N from 1 to %u",
				 entry->section, ADMINISTRATOR_IDS - 1);
	rule = calloc(1, sizeof(*rule));
	if (!rule)
		return error_set(error, -ENOMEM, "out of memory");
	rule->id = id;
	rule->line = entry->line;
	ret = rules_append(reader->rules, rule);
	if (ret < 0)
		return error_set(error, ret, "more than %d exceptions", EXCEPTIONS_MAX);
	reader->rule = steal_pointer(&rule);
	reader->source[0] = '\0';
	reader->seen = 0;
	return 0;
}

static int take_entry(void *data, const struct ini_entry *entry, struct error *error)
{
	struct reader *reader = data;

	if (entry->key && reader->rule)
		return take_key(reader, entry, error);
	if (entry->key && reader->store_line)
		return take_store_key(reader, entry, error);
	if (entry->key)
		return error_set(error, -EINVAL, "a key before the first section");
	if (reader->rule && missing_key(reader)) {
		reader->incomplete = reader->rule;
		return error_set(error, -EINVAL, "the exception before this line is incomplete");
	}
	if (!strcmp(entry->section, "store"))
		return start_store(reader, entry, error);
	return start_exception(reader, entry, error);
}

/* @rules: of one file, sorted */
static int refuse_twins(const char *path, const struct rules *rules, struct error *error)
{
	for (size_t i = 1; i < rules->count; i++)
		if (rules->rule[i]->id == rules->rule[i - 1]->id)
			return error_set(error, -EINVAL,
					 "%s:%u: [exception %u] stands in line %u already", path,
					 rules->rule[i]->line, rules->rule[i]->id,
					 rules->rule[i - 1]->line);
	return 0;
}

static int move_rules(struct rules *to, struct rules *from)
{
	for (size_t i = 0; i < from->count; i++) {
		int ret = rules_append(to, from->rule[i]);

		if (ret < 0)
			return ret;
		from->rule[i] = NULL;
	}
	return 0;
}

/* @ret: from reading the text of @name, which is finished and checked now */
/* What AddException refuses, too: a deny that holds now and then refuses nothing. */
static int refuse_odd(const char *name, const struct rules *rules, struct error *error)
{
	for (size_t i = 0; i < rules->count; i++) {
		const struct exception *rule = rules->rule[i];

		if (!rule->allow && (rule->pin[0] || rule->once))
			return error_set(error, -EINVAL,
					 "%s:%u: [exception %u] denies: %s is for what allows",
					 name, rule->line, rule->id, rule->once ? "once" : "pin");
		if (rule->once && rule->cut)
			return error_set(
				error, -EINVAL,
				"%s:%u: [exception %u] cannot have once and cut: it would cut "
				"what it allows",
				name, rule->line, rule->id);
	}
	return 0;
}

static int finish(struct reader *reader, const char *name, int ret, uint32_t *next,
		  struct error *error)
{
	struct rules *file = reader->rules;

	if (ret == 0 && reader->rule && missing_key(reader))
		reader->incomplete = reader->rule;
	if (reader->incomplete)
		ret = error_set(error, -EINVAL, "%s:%u: [exception %u] has no %s", name,
				reader->incomplete->line, reader->incomplete->id,
				missing_key(reader));
	rules_sort(file);
	if (ret == 0)
		ret = refuse_twins(name, file, error);
	if (ret == 0)
		ret = refuse_odd(name, file, error);
	if (ret == 0 && next) {
		uint32_t highest = file->count ? file->rule[file->count - 1]->id : 0;

		*next = reader->next > highest ? reader->next : highest + 1;
	}
	return ret;
}

static int hand_over(const char *name, struct rules *rules, struct rules *file, int ret,
		     struct error *error)
{
	if (ret == 0) {
		ret = move_rules(rules, file);
		if (ret < 0)
			error_set(error, ret, "%s: with this file there are %s", name,
				  ret == -ENOSPC ? "too many exceptions"
						 : "more than fit in memory");
	}
	rules_clear(file);
	return ret;
}

int rules_read(const char *path, struct rules *rules, uint32_t *next, struct error *error)
{
	struct rules file = {.rule = NULL};
	struct reader reader = {.rules = &file, .administrator = !next};
	int ret = ini_read_file(path, take_entry, &reader, error);

	ret = finish(&reader, path, ret, next, error);
	return hand_over(path, rules, &file, ret, error);
}

int rules_read_text(const char *name, const char *text, size_t length, struct rules *rules,
		    struct error *error)
{
	struct rules file = {.rule = NULL};
	struct reader reader = {.rules = &file, .administrator = true};
	int ret = ini_read_text(name, text, length, take_entry, &reader, error);

	ret = finish(&reader, name, ret, NULL, error);
	return hand_over(name, rules, &file, ret, error);
}
