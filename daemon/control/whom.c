// SPDX-License-Identifier: GPL-2.0-or-later
/* Whom an exception is about: the running guests that its source names. */
#include "control/whom.h"

#include "control/control.h"
#include "guests/catalogue.h"
#include "guests/meant.h"
#include "guests/registry.h"
#include "util/text.h"

#include <errno.h>
#include <string.h>

#define LISTED_MAX 8 /* guests that a list names */

/**
 * struct whom - the running guests that a source names
 * @count: how many there are
 * @guest: id of the first
 * @is_numbered: it is called after the number of a process or a namespace
 * @guest_key: its key
 * @list: "guest:3 qemu pid 812, guest:7 libvirt pid 990", cut after some
 */
struct whom {
	size_t count;
	uint32_t guest;
	bool is_numbered;
	char guest_key[GUEST_KEY_SIZE];
	char list[WHOM_TEXT_SIZE];
};

struct search {
	const struct selector *selector;
	struct whom *whom;
};

static int visit(void *data, const struct guest *guest)
{
	struct source source = {.class = SOURCE_GUEST, .kind = guest->kind, .guest = guest->id};
	struct search *search = data;
	struct whom *whom = search->whom;

	text_copy(source.runtime, sizeof(source.runtime), guest->runtime);
	text_copy(source.name, sizeof(source.name), guest->name);
	if (!selector_matches(search->selector, &source))
		return 0;
	if (!whom->count++) {
		whom->guest = guest->id;
		whom->is_numbered = guest->is_numbered;
		text_copy(whom->guest_key, sizeof(whom->guest_key), guest->key);
	}
	if (whom->count > LISTED_MAX)
		return 0;
	text_append(whom->list, sizeof(whom->list), "%sguest:%u %s", whom->list[0] ? ", " : "",
		    guest->id, guest->runtime);
	if (guest->leader)
		text_append(whom->list, sizeof(whom->list), " pid %d", guest->leader);
	return 0;
}

static void find(const struct registry *registry, const struct selector *selector,
		 struct whom *whom)
{
	struct search search = {selector, whom};

	*whom = (struct whom){.count = 0};
	registry_each(registry, visit, &search);
	if (whom->count > LISTED_MAX)
		text_append(whom->list, sizeof(whom->list), ", …");
}

/* Does the source name a guest, and not all of a kind? */
static bool names_guest(const struct selector *selector)
{
	return selector->name[0] || selector->type == SELECT_GUEST;
}

int whom_bind(const struct registry *registry, struct exception *exception, struct error *error)
{
	char name[SELECTOR_TEXT_SIZE];
	struct whom whom;

	selector_format(name, sizeof(name), &exception->source);
	if (!names_guest(&exception->source))
		return error_set(
			error, -EINVAL,
			"%s names no single guest, so it never stops: write e.g. vm:devbox "
			"or guest:7",
			name);
	find(registry, &exception->source, &whom);
	if (!whom.count)
		return error_set(
			error, -ESRCH,
			"%s does not run now, so there is nothing to end with: see lhguard "
			"guests",
			name);
	if (whom.count > 1)
		return error_set(error, -ENOTUNIQ,
				 "%s names %zu running guests (%s): say which, by --from guest:%u",
				 name, whom.count, whom.list, whom.guest);
	exception->guest = whom.guest;
	text_copy(exception->guest_key, sizeof(exception->guest_key), whom.guest_key);
	return 0;
}

/**
 * struct namesakes - running guests that bear what was written as their name
 * @list: their labels, "vm:web or container:web"
 */
struct namesakes {
	const char *name;
	char list[WHOM_TEXT_SIZE];
	size_t count;
};

static int visit_namesake(void *data, const struct guest *guest)
{
	struct source source = {.class = SOURCE_GUEST, .kind = guest->kind};
	struct namesakes *namesakes = data;
	char label[NAME_SIZE + RUNTIME_SIZE];

	if (strcmp(guest->name, namesakes->name) != 0)
		return 0;
	text_copy(source.name, sizeof(source.name), guest->name);
	source_label(label, sizeof(label), &source);
	if (strstr(namesakes->list, label))
		return 0;
	text_append(namesakes->list, sizeof(namesakes->list), "%s%s",
		    namesakes->count++ ? " or " : "", label);
	return 0;
}

int whom_check(const struct control_settings *settings, const struct selector *selector,
	       struct error *error)
{
	const struct catalogue *catalogue;
	struct namesakes namesakes = {.name = selector->word};
	int result;

	if (selector->type != SELECT_RUNTIME)
		return 0;
	catalogue = settings->handler->catalogue(settings->data);
	result = meant_check(catalogue, selector->word, selector->name, error);
	if (!result)
		return 0;
	if (selector->name[0])
		namesakes.name = selector->name;
	registry_each(settings->registry, visit_namesake, &namesakes);
	return namesakes.count ? meant_refuse(selector->word, namesakes.list, error) : result;
}

static void note_name(const struct registry *registry, const struct exception *exception,
		      char *note, size_t size)
{
	const char *verb = exception->allow ? "allows" : "denies";
	char name[SELECTOR_TEXT_SIZE];
	struct whom whom;

	selector_format(name, sizeof(name), &exception->source);
	find(registry, &exception->source, &whom);
	if (!whom.count)
		text_append(note, size, "no guest called %s runs now: it holds when one does",
			    name);
	else if (whom.count > 1)
		text_append(note, size,
			    "%s names %zu running guests (%s): it %s %s; for one: --from guest:%u",
			    name, whom.count, whom.list, verb,
			    whom.count == 2 ? "both" : "them all", whom.guest);
	else if (whom.is_numbered && !exception->expires_us)
		text_append(note, size,
			    "%s has no name, and its number is another guest's later, which it "
			    "%s then, too: --from guest:%u ends with this one",
			    name, verb, whom.guest);
}

bool whom_note(const struct control_settings *settings, const struct exception *exception,
	       char *note, size_t size)
{
	const struct control_handler *handler = settings->handler;
	const struct selector *source = &exception->source;

	note[0] = '\0';
	if (names_guest(source)) {
		if (!exception->guest_key[0])
			note_name(settings->registry, exception, note, size);
	} else if (source->type == SELECT_CONDUIT) {
		if (!catalogue_knows_runtime(handler->catalogue(settings->data), source->word))
			text_append(note, size,
				    "no conduit called %s is in the catalogue: it holds when one "
				    "is",
				    source->word);
	} else if (source->type == SELECT_INTERFACE) {
		if (!handler->has_interface(settings->data, source->word))
			text_append(note, size,
				    "this host has no interface %s now: it holds when it has one",
				    source->word);
	}
	return note[0];
}
