// SPDX-License-Identifier: GPL-2.0-or-later
/* notify.conf: which alerts a person wants. */
#include "settings.h"

#include "message.h"

#include "../output.h"

#include "policy/duration.h"
#include "util/array.h"
#include "util/ini.h"
#include "util/near.h"
#include "util/text.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum verdict_bit { VERDICT_BIT_DROP, VERDICT_BIT_REJECT, VERDICT_BIT_MONITOR };

static const char *const verdict_words[] = {"drop", "reject", "monitor", NULL};
static const char *const kind_words[] = {"vm", "container", "sandbox", "lan", "unknown", NULL};

#define ALL_KINDS 0x1f

static const struct settings defaults = {
	.verdicts = 1u << VERDICT_BIT_DROP | 1u << VERDICT_BIT_REJECT,
	.kinds = ALL_KINDS,
	.listeners = true,
	.guard = true,
	.timeout_ms = TIMEOUT_DEFAULT,
	.repeat_us = 300 * UINT64_C(1000000),
	.actions = true,
};

/**
 * struct reading - a file while it is read
 * @given: bits of the keys that were there already
 */
struct reading {
	struct settings *settings;
	settings_mistake mistake;
	void *data;
	unsigned int given;
};

static int bit_of(const char *const *words, const char *word)
{
	for (int i = 0; words[i]; i++)
		if (!strcmp(words[i], word))
			return i;
	return -1;
}

static int parse_words(const char *const *words, const char *value, unsigned int *bits,
		       struct error *error)
{
	char text[INI_LINE_SIZE], *rest = text, *word;
	unsigned int found = 0;

	text_copy(text, sizeof(text), value);
	while ((word = strsep(&rest, " \t,"))) {
		struct near near = near_start(word);
		int bit = bit_of(words, word);

		if (!*word)
			continue;
		for (int i = 0; words[i]; i++)
			near_offer(&near, words[i]);
		if (bit < 0)
			return error_set(error, -EINVAL, "\"%s\" is none of its words%s%s%s", word,
					 near.best ? ": do you mean " : "",
					 near.best ? near.best : "", near.best ? "?" : "");
		found |= 1u << bit;
	}
	if (!found && strcmp(value, "none") != 0)
		return error_set(error, -EINVAL, "it says nothing: write none, if you mean that");
	*bits = found;
	return 0;
}

static int parse_none_or_words(const char *const *words, const char *value, unsigned int *bits,
			       struct error *error)
{
	if (!strcmp(value, "none")) {
		*bits = 0;
		return 0;
	}
	return parse_words(words, value, bits, error);
}

static int parse_bool(const char *value, bool *is_so, struct error *error)
{
	if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0)
		return error_set(error, -EINVAL, "\"%s\" is neither yes nor no", value);
	*is_so = !strcmp(value, "yes");
	return 0;
}

/* "22:00" to minutes; -1 when it is no time of day. */
static int minute_of(const char *text, size_t length)
{
	static const char form[] = "dd:dd";
	int hour, minute;

	if (length != sizeof(form) - 1)
		return -1;
	for (size_t i = 0; i < length; i++)
		if (form[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != form[i])
			return -1;
	hour = (text[0] - '0') * 10 + text[1] - '0';
	minute = (text[3] - '0') * 10 + text[4] - '0';
	return hour < 24 && minute < 60 ? hour * 60 + minute : -1;
}

static int parse_quiet(const char *value, struct settings *settings, struct error *error)
{
	const char *dash = strchr(value, '-');
	int from, to;

	if (!strcmp(value, "none")) {
		settings->has_quiet = false;
		return 0;
	}
	from = dash ? minute_of(value, (size_t)(dash - value)) : -1;
	to = dash ? minute_of(dash + 1, strlen(dash + 1)) : -1;
	if (from < 0 || to < 0 || from == to)
		return error_set(error, -EINVAL,
				 "\"%s\" is no time of the day: write none, or as 22:00-07:00",
				 value);
	settings->has_quiet = true;
	settings->quiet_from = (unsigned int)from;
	settings->quiet_to = (unsigned int)to;
	return 0;
}

static int parse_timeout(const char *value, int *timeout_ms, struct error *error)
{
	uint64_t seconds = 0;
	int result;

	if (!strcmp(value, "default") || !strcmp(value, "never")) {
		*timeout_ms = !strcmp(value, "never") ? TIMEOUT_NEVER : TIMEOUT_DEFAULT;
		return 0;
	}
	result = duration_parse(value, &seconds, error);
	if (!result && seconds > INT_MAX / 1000)
		result = error_set(error, -EINVAL, "\"%s\" is too long: write never", value);
	if (!result)
		*timeout_ms = (int)seconds * 1000;
	return result;
}

static int parse_repeat(const char *value, uint64_t *repeat_us, struct error *error)
{
	uint64_t seconds = 0;
	int result = duration_parse(value, &seconds, error);

	if (!result)
		*repeat_us = seconds * 1000000;
	return result;
}

static const char *const keys[] = {"verdicts",	  "kinds",   "listeners", "guard",
				   "quiet-hours", "timeout", "repeat",	  "actions"};

static int parse_value(struct settings *settings, unsigned int key, const char *value,
		       struct error *error)
{
	switch (key) {
	case 0:
		return parse_none_or_words(verdict_words, value, &settings->verdicts, error);
	case 1:
		return parse_none_or_words(kind_words, value, &settings->kinds, error);
	case 2:
		return parse_bool(value, &settings->listeners, error);
	case 3:
		return parse_bool(value, &settings->guard, error);
	case 4:
		return parse_quiet(value, settings, error);
	case 5:
		return parse_timeout(value, &settings->timeout_ms, error);
	case 6:
		return parse_repeat(value, &settings->repeat_us, error);
	default:
		return parse_bool(value, &settings->actions, error);
	}
}

static int take_entry(void *data, const struct ini_entry *entry, struct error *error)
{
	struct reading *reading = data;
	struct near near;

	if (strcmp(entry->section, "alerts")) {
		if (entry->key && *entry->section)
			return 0; /* the section's line was the mistake */
		return error_set(error, -EINVAL, "there is one section, [alerts]");
	}
	if (!entry->key)
		return 0;
	near = near_start(entry->key);
	for (unsigned int i = 0; i < ARRAY_SIZE(keys); i++) {
		int result;

		near_offer(&near, keys[i]);
		if (strcmp(entry->key, keys[i]))
			continue;
		if (reading->given & 1u << i)
			return error_set(error, -EINVAL, "%s is there twice", keys[i]);
		result = parse_value(reading->settings, i, entry->value, error);
		if (!result)
			reading->given |= 1u << i;
		return result;
	}
	return error_set(error, -EINVAL, "there is no key \"%s\"%s%s%s", entry->key,
			 near.best ? ": do you mean " : "", near.best ? near.best : "",
			 near.best ? "?" : "");
}

static void tell(const struct reading *reading, const char *text)
{
	char escaped[4 * sizeof(((struct error *)NULL)->text)];

	text_escape(escaped, sizeof(escaped), text, strlen(text));
	reading->mistake(reading->data, escaped);
}

static void take_mistake(void *data, const char *text)
{
	tell(data, text);
}

int settings_load(struct settings *settings, const char *path, settings_mistake mistake, void *data)
{
	struct reading reading = {.settings = settings, .mistake = mistake, .data = data};
	struct error error = {.text = ""};
	int result;

	*settings = defaults;
	result = ini_read_file_on(path, take_entry, take_mistake, &reading, &error);
	if (result == -ENOENT)
		return 0;
	if (result)
		tell(&reading, error.text);
	return result;
}

bool settings_want(const struct settings *settings, const json_t *event)
{
	const json_t *source = json_object_get(event, "source");
	const char *kind = text_of(source, "kind"), *class = text_of(source, "class");
	int kind_bit = bit_of(kind_words, strcmp(class, "guest") ? class : kind);
	int verdict_bit = bit_of(verdict_words, text_of(event, "verdict"));

	if (kind_bit >= 0 && !(settings->kinds & 1u << kind_bit))
		return false;
	if (!strcmp(text_of(event, "type"), "listener"))
		return settings->listeners && !strcmp(text_of(event, "reason"), "takes-port");
	if (verdict_bit < 0 || !strcmp(class, "host"))
		return false;
	if (!strcmp(text_of(event, "mode"), "monitor"))
		verdict_bit = VERDICT_BIT_MONITOR;
	return settings->verdicts & 1u << verdict_bit;
}

bool settings_are_quiet(const struct settings *settings, unsigned int minute)
{
	if (!settings->has_quiet)
		return false;
	if (settings->quiet_from < settings->quiet_to)
		return minute >= settings->quiet_from && minute < settings->quiet_to;
	return minute >= settings->quiet_from || minute < settings->quiet_to;
}

unsigned int settings_quiet_left(const struct settings *settings, unsigned int minute)
{
	return (settings->quiet_to + MINUTES_A_DAY - minute) % MINUTES_A_DAY;
}
