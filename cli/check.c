// SPDX-License-Identifier: GPL-2.0-or-later
/* The verb that reads a file as the daemon would, and tells its mistakes; it asks no daemon. */
#include "notify/settings.h"
#include "output.h"
#include "verbs.h"

#include "guests/catalogue.h"
#include "guests/meant.h"
#include "policy/config.h"
#include "policy/rules.h"
#include "policy/services.h"
#include "util/array.h"
#include "util/ini.h"
#include "util/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/**
 * struct contents - what a file holds, whoever it is for
 * @settings: lines with a key
 * @sections: their beginnings
 * @kind: what the first section or key that says so says, -1: none does
 * @has_store: as only the daemon's own exceptions have
 */
struct contents {
	unsigned int settings;
	unsigned int sections;
	int kind;
	bool has_store;
};

/**
 * struct inspection - of one file
 * @catalogue: path of the installed catalogue
 * @mistakes: array of texts, "file:line: reason"
 */
struct inspection {
	const char *path;
	const char *catalogue;
	struct contents contents;
	json_t *mistakes;
};

static void add_mistake(struct inspection *inspection, const char *text)
{
	json_array_append_new(inspection->mistakes, text_json(text));
}

/* Of all that was read only the file itself is meant. */
static void add_own_mistake(struct inspection *inspection, const char *text)
{
	size_t length = strlen(inspection->path);

	if (!strncmp(text, inspection->path, length) && text[length] == ':')
		add_mistake(inspection, text);
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat first, second;

	return !stat(a, &first) && !stat(b, &second) && first.st_dev == second.st_dev &&
	       first.st_ino == second.st_ino;
}

/* What the file adds to, NULL where it stands alone: nothing is installed, or it is that itself. */
static const char *base_of(const struct inspection *inspection, const char *installed)
{
	struct stat info;

	return stat(installed, &info) || is_same_file(installed, inspection->path) ? NULL
										   : installed;
}

static bool knows_runtime(const void *catalogue, const char *word)
{
	return catalogue_knows_runtime(catalogue, word);
}

/* Return: NULL where there is none that can be read; that is said. */
static struct catalogue *load_catalogue(const struct inspection *inspection)
{
	struct catalogue *catalogue = NULL;
	struct error error = {.text = ""};

	if (catalogue_load(&catalogue, inspection->catalogue, CATALOGUE_FOLDER, &error))
		say("names of runtimes are not checked: %s", shown(error.text));
	return catalogue;
}

static void check_config(struct inspection *inspection)
{
	struct catalogue *catalogue = load_catalogue(inspection);
	struct error error = {.text = ""};
	struct config *config = NULL;

	if (config_load(inspection->path, catalogue ? knows_runtime : NULL, catalogue, &config,
			&error))
		add_mistake(inspection, error.text);
	config_free(config);
	catalogue_free(catalogue);
}

static void check_guests(struct inspection *inspection)
{
	const char *base = base_of(inspection, inspection->catalogue), *mistake;
	struct catalogue *catalogue = NULL;
	struct error error = {.text = ""};

	if (catalogue_load(&catalogue, base ? base : inspection->path, base ? inspection->path : "",
			   &error))
		return add_mistake(inspection, error.text);
	for (size_t i = 0; (mistake = catalogue_mistake(catalogue, i)); i++)
		add_own_mistake(inspection, mistake);
	catalogue_free(catalogue);
}

/* The daemon takes such a rule, which then is about nobody. */
static void check_sources(struct inspection *inspection, const struct rules *rules)
{
	struct catalogue *catalogue = load_catalogue(inspection);

	for (size_t i = 0; catalogue && i < rules->count; i++) {
		const struct exception *rule = rules->rule[i];
		struct error reason, mistake;

		if (rule->source.type != SELECT_RUNTIME ||
		    !meant_check(catalogue, rule->source.word, rule->source.name, &reason))
			continue;
		error_set(&mistake, -EINVAL, "%s:%u: %s", inspection->path, rule->line,
			  reason.text);
		add_mistake(inspection, mistake.text);
	}
	catalogue_free(catalogue);
}

static bool names_a_runtime(const struct rules *rules)
{
	for (size_t i = 0; i < rules->count; i++)
		if (rules->rule[i]->source.type == SELECT_RUNTIME)
			return true;
	return false;
}

/* Only the daemon's own file may have a [store]. */
static void check_exceptions(struct inspection *inspection)
{
	bool is_own = inspection->contents.has_store && !strstr(inspection->path, "exceptions.d/");
	struct rules rules = {.rule = NULL};
	struct error error = {.text = ""};
	uint32_t next;

	if (rules_read(inspection->path, &rules, is_own ? &next : NULL, &error))
		add_mistake(inspection, error.text);
	else if (names_a_runtime(&rules))
		check_sources(inspection, &rules);
	rules_clear(&rules);
}

static void check_services(struct inspection *inspection)
{
	const char *base = base_of(inspection, SERVICES_PATH), *mistake;
	struct services *services = services_new();

	if (!services ||
	    services_read(services, base ? base : inspection->path, base ? inspection->path : ""))
		add_mistake(inspection, "out of memory");
	else
		for (size_t i = 0; (mistake = services_mistake(services, i)); i++)
			add_own_mistake(inspection, mistake);
	services_free(services);
}

/* It comes escaped, and is escaped once more for where it goes. */
static void take_notify_mistake(void *data, const char *text)
{
	char *plain = strdup(text);

	if (!plain)
		return add_mistake(data, "out of memory");
	text_unescape(plain);
	add_mistake(data, plain);
	free(plain);
}

static void check_notify(struct inspection *inspection)
{
	struct settings settings;

	settings_load(&settings, inspection->path, take_notify_mistake, inspection);
}

/* A kind of file, by its name, its folder, or what it begins with. */
static const struct kind_of_file {
	const char *word;
	const char *name;
	const char *folder;
	const char *sections; /* a word that only its sections begin with, between spaces */
	const char *keys;     /* that only it has, between spaces */
	const char *item;     /* what it holds */
	bool counts_sections;
	void (*check)(struct inspection *inspection);
} kinds[] = {
	{"config", "lhguard.conf", NULL, " guard queue infrastructure interfaces defaults ", " ",
	 "setting", false, check_config},
	{"guests", "guests.conf", "guests.d", " ",
	 " kind program cgroup conduit interface mac name ", "runtime", true, check_guests},
	{"exceptions", "exceptions.conf", "exceptions.d", " exception store ", " action source ",
	 "exception", true, check_exceptions},
	{"services", "services.conf", "services.d", " ", " ports title sensitive ", "service", true,
	 check_services},
	{"notify", "notify.conf", NULL, " alerts ", " ", "setting", false, check_notify},
};

#define KINDS ((int)ARRAY_SIZE(kinds))

static bool is_word_of(const char *words, const char *word)
{
	size_t length = strcspn(word, " ");
	const char *found = words;

	while (length && (found = strstr(found + 1, word)) != NULL)
		if (found[-1] == ' ' && found[length] == ' ')
			return true;
	return false;
}

static int take_content(void *data, const struct ini_entry *entry, struct error *error)
{
	struct contents *contents = data;

	contents->sections += !entry->key;
	contents->settings += entry->key != NULL;
	contents->has_store |= !entry->key && !strcmp(entry->section, "store");
	for (int i = 0; i < KINDS && contents->kind < 0; i++) {
		char section[32];

		snprintf(section, sizeof(section), "%.*s", (int)strcspn(entry->section, " "),
			 entry->section);
		if (entry->key ? is_word_of(kinds[i].keys, entry->key)
			       : is_word_of(kinds[i].sections, section))
			contents->kind = i;
	}
	return 0;
}

/* What is wrong here is found once more, by whom the file is for. */
static void ignore_mistake(void *data, const char *text)
{
}

static int kind_by_name(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;

	for (int i = 0; i < KINDS; i++) {
		size_t length = kinds[i].folder ? strlen(kinds[i].folder) : 0;
		const char *start = slash ? slash - length : path;

		if (!strcmp(base, kinds[i].name) ||
		    (length && slash && (size_t)(slash - path) >= length &&
		     !strncmp(start, kinds[i].folder, length) &&
		     (start == path || start[-1] == '/')))
			return i;
	}
	return -1;
}

static int kind_by_word(const char *word)
{
	for (int i = 0; i < KINDS; i++)
		if (!strcmp(kinds[i].word, word))
			return i;
	return -1;
}

static void print_result(const struct options *options, const struct inspection *inspection,
			 const struct kind_of_file *kind)
{
	unsigned int count = kind->counts_sections ? inspection->contents.sections -
							     inspection->contents.has_store
						   : inspection->contents.settings;
	json_t *mistake;
	size_t i;

	if (options->json) {
		print_members(json_pack("{s:o, s:s, s:i, s:O}", "file", text_json(inspection->path),
					"kind", kind->word, "count", (int)count, "mistakes",
					inspection->mistakes));
		return;
	}
	json_array_foreach(inspection->mistakes, i, mistake)
		puts(shown(json_string_value(mistake)));
	if (!json_array_size(inspection->mistakes))
		say("%s is good: %u %s%s", shown(inspection->path), count, kind->item,
		    count == 1 ? "" : "s");
}

enum status verb_check(const struct options *options, int argc, char **argv)
{
	const char *as = options->value[OPTION_AS], *catalogue = options->value[OPTION_CATALOGUE];
	struct inspection inspection = {
		.path = argv[0],
		.catalogue = catalogue ? catalogue : CATALOGUE_PATH,
		.contents = {.kind = -1},
	};
	struct error error = {.text = ""};
	enum status status;
	int kind;

	if (as && kind_by_word(as) < 0)
		return complain(STATUS_USAGE,
				"--as %s: write config, guests, exceptions, services or notify",
				shown(as));
	if (ini_read_file_on(argv[0], take_content, ignore_mistake, &inspection.contents, &error))
		return complain(STATUS_FAILED, "%s", shown(error.text));
	kind = as ? kind_by_word(as) : kind_by_name(argv[0]);
	if (kind < 0)
		kind = inspection.contents.kind;
	if (kind < 0)
		return complain(STATUS_USAGE,
				"%s: what it is for cannot be told: write --as config, guests, "
				"exceptions, services or notify",
				shown(argv[0]));
	inspection.mistakes = json_array();
	kinds[kind].check(&inspection);
	print_result(options, &inspection, &kinds[kind]);
	status = json_array_size(inspection.mistakes) ? STATUS_FAILED : STATUS_DONE;
	json_decref(inspection.mistakes);
	return status;
}
