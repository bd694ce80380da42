// SPDX-License-Identifier: GPL-2.0-or-later
/* The default verdicts of a configuration, from the built-in one for a kind to one guest's own. */
#include "policy/defaults.h"
#include "policy/config.h"
#include "util/ini.h"
#include "util/text.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const bool kind_allowed[KIND_COUNT] = {
	[KIND_SANDBOX] = true,
	[KIND_LAN] = true,
};

static struct config_default *find_default(struct config *config, const struct selector *selector)
{
	for (size_t i = 0; i < config->default_count; i++)
		if (selector_equal(&config->defaults[i].selector, selector))
			return &config->defaults[i];
	return NULL;
}

/* Return: the entry for @selector, or NULL when out of memory. */
static struct config_default *make_default(struct config *config, const struct selector *selector)
{
	struct config_default *found = find_default(config, selector);
	struct config_default *larger;

	if (found)
		return found;
	larger = reallocarray(config->defaults, config->default_count + 1, sizeof(*larger));
	if (!larger)
		return NULL;
	config->defaults = larger;
	found = &larger[config->default_count++];
	*found = (struct config_default){.selector = *selector};
	return found;
}

static void set_default(struct config_default *entry, bool allow, const char *file_name,
			unsigned int line)
{
	char selector[SELECTOR_TEXT_SIZE];

	selector_format(selector, sizeof(selector), &entry->selector);
	entry->allow = allow;
	entry->line = line;
	entry->rule[0] = '\0';
	if (line)
		text_append(entry->rule, sizeof(entry->rule), "default for %s (%s:%u)", selector,
			    file_name, line);
	else
		text_append(entry->rule, sizeof(entry->rule), "default for %s", selector);
}

int defaults_parse(const char *key, struct selector *selector, struct error *error)
{
	int ret = selector_parse(key, selector, error);

	if (ret < 0)
		return ret;
	if (selector->type != SELECT_KIND && selector->type != SELECT_RUNTIME)
		return error_set(error, -EINVAL,
				 "\"%s\" has no default: write a kind, a runtime or a guest, e.g. "
				 "vm, kubernetes or vm:devbox",
				 key);
	return 0;
}

int defaults_take(struct config *config, const struct selector *selector, const char *file_name,
		  const struct ini_entry *entry, struct error *error)
{
	struct config_default *found;

	if (strcmp(entry->value, "allow") && strcmp(entry->value, "deny"))
		return error_set(error, -EINVAL, "%s = %s: write allow or deny", entry->key,
				 entry->value);
	found = make_default(config, selector);
	if (!found)
		return error_set(error, -ENOMEM, "out of memory");
	if (found->line)
		return error_set(error, -EINVAL, "%s stands in line %u already", entry->key,
				 found->line);
	set_default(found, !strcmp(entry->value, "allow"), file_name, entry->line);
	return 0;
}

int defaults_fill(struct config *config)
{
	for (int kind = 0; kind < KIND_COUNT; kind++) {
		struct selector selector = {.type = SELECT_KIND, .kind = (enum kind)kind};
		struct config_default *entry = make_default(config, &selector);

		if (!entry)
			return -ENOMEM;
		set_default(entry, kind_allowed[kind], "", 0);
	}
	return 0;
}

/* How narrow a selector is, more than 0. */
static int narrowness(const struct selector *selector)
{
	return 1 + (selector->type == SELECT_RUNTIME) + 2 * (selector->name[0] != '\0');
}

const struct config_default *defaults_find(const struct config *config, const struct source *source)
{
	const struct config_default *best = NULL;

	for (size_t i = 0; i < config->default_count; i++) {
		const struct config_default *entry = &config->defaults[i];

		if (selector_matches(&entry->selector, source) &&
		    (!best || narrowness(&entry->selector) > narrowness(&best->selector)))
			best = entry;
	}
	assert(best); /* each kind has its entry */
	return best;
}
