// SPDX-License-Identifier: GPL-2.0-or-later
/* Sources in words: parsed, printed, and compared with a connection's source; no state. */
#include "policy/selector.h"
#include "util/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_runtime(const char *word)
{
	return *word && strlen(word) < RUNTIME_SIZE &&
	       word[strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789.-")] == '\0';
}

static int parse_interface(const char *name, struct selector *selector, struct error *error)
{
	/* What the kernel's dev_valid_name() allows. */
	if (!name || !*name || strlen(name) >= IF_NAMESIZE || strpbrk(name, "/: \t\n\v\f\r") ||
	    !strcmp(name, ".") || !strcmp(name, ".."))
		return error_set(error, -EINVAL,
				 "\"%s\" is no interface name: write e.g. iface:virbr0",
				 name ? name : "");
	selector->type = SELECT_INTERFACE;
	text_copy(selector->word, sizeof(selector->word), name);
	return 0;
}

static int parse_conduit(const char *name, struct selector *selector, struct error *error)
{
	if (!name || !is_runtime(name))
		return error_set(error, -EINVAL,
				 "\"%.64s\" is no conduit: write e.g. conduit:pasta or "
				 "conduit:slirp4netns",
				 name ? name : "");
	selector->type = SELECT_CONDUIT;
	text_copy(selector->word, sizeof(selector->word), name);
	return 0;
}

static int parse_guest(const char *number, struct selector *selector, struct error *error)
{
	size_t digits = number ? strspn(number, "0123456789") : 0;
	unsigned long long id = digits && digits <= 10 ? strtoull(number, NULL, 10) : 0;

	if (!id || number[0] == '0' || number[digits] || id > UINT32_MAX)
		return error_set(error, -EINVAL,
				 "\"%.64s\" is no guest's id: write e.g. guest:7, as lhguard "
				 "guests shows it",
				 number ? number : "");
	selector->type = SELECT_GUEST;
	selector->guest = (uint32_t)id;
	return 0;
}

static int parse_word(const char *word, struct selector *selector, struct error *error)
{
	int kind = kind_parse(word);

	if (kind >= 0) {
		selector->type = SELECT_KIND;
		selector->kind = (enum kind)kind;
		return 0;
	}
	if (!strcmp(word, "host"))
		return error_set(
			error, -EINVAL,
			"the host's own processes are never refused, so there is nothing to "
			"except: write e.g. vm:devbox, podman:web, iface:virbr0 or any");
	if (!is_runtime(word))
		return error_set(
			error, -EINVAL,
			"\"%.64s\" is no source: write e.g. vm:devbox, container:web, podman:*, "
			"guest:7, conduit:pasta, iface:virbr0, lan or any",
			word);
	selector->type = SELECT_RUNTIME;
	text_copy(selector->word, sizeof(selector->word), word);
	return 0;
}

static int parse_name(const char *name, struct selector *selector, struct error *error)
{
	bool nameless = selector->type == SELECT_KIND &&
			(selector->kind == KIND_LAN || selector->kind == KIND_UNKNOWN);

	if (!strcmp(name, "*"))
		return 0;
	if (!*name)
		return error_set(
			error, -EINVAL,
			"there is no name behind \":\": write e.g. vm:devbox, or vm for all");
	if (nameless)
		return error_set(error, -EINVAL, "%s has no names: write %s",
				 kind_text(selector->kind), kind_text(selector->kind));
	text_copy_name(selector->name, sizeof(selector->name), name, strlen(name));
	return 0;
}

int selector_parse(const char *text, struct selector *selector, struct error *error)
{
	struct selector parsed = {.type = SELECT_ANY};
	const char *colon = strchr(text, ':');
	char word[RUNTIME_SIZE + 1]; /* one more, so that a cut word is seen to be too long */
	int ret;

	snprintf(word, sizeof(word), "%.*s", colon ? (int)(colon - text) : (int)sizeof(word), text);
	if (!strcmp(text, "any")) {
		*selector = parsed;
		return 0;
	}
	if (!strcmp(word, "any"))
		return error_set(error, -EINVAL, "any has no names: write any");
	if (!strcmp(word, "iface")) {
		ret = parse_interface(colon ? colon + 1 : NULL, &parsed, error);
	} else if (!strcmp(word, "conduit")) {
		ret = parse_conduit(colon ? colon + 1 : NULL, &parsed, error);
	} else if (!strcmp(word, "guest")) {
		ret = parse_guest(colon ? colon + 1 : NULL, &parsed, error);
	} else {
		ret = parse_word(word, &parsed, error);
		if (ret == 0 && colon)
			ret = parse_name(colon + 1, &parsed, error);
	}
	if (ret < 0)
		return ret;
	*selector = parsed;
	return 0;
}

const char *selector_format(char *target, size_t size, const struct selector *selector)
{
	switch (selector->type) {
	case SELECT_ANY:
		snprintf(target, size, "any");
		break;
	case SELECT_INTERFACE:
		snprintf(target, size, "iface:%s", selector->word);
		break;
	case SELECT_CONDUIT:
		snprintf(target, size, "conduit:%s", selector->word);
		break;
	case SELECT_GUEST:
		snprintf(target, size, "guest:%u", selector->guest);
		break;
	case SELECT_KIND:
	case SELECT_RUNTIME:
		snprintf(target, size, "%s%s%s",
			 selector->type == SELECT_KIND ? kind_text(selector->kind) : selector->word,
			 selector->name[0] ? ":" : "", selector->name);
		break;
	}
	return target;
}

bool selector_equal(const struct selector *a, const struct selector *b)
{
	if (a->type != b->type || a->guest != b->guest || strcmp(a->word, b->word) ||
	    strcmp(a->name, b->name))
		return false;
	return a->type != SELECT_KIND || a->kind == b->kind;
}

enum kind source_kind(const struct source *source)
{
	switch (source->class) {
	case SOURCE_GUEST:
		return source->kind;
	case SOURCE_LAN:
		return KIND_LAN;
	default:
		return KIND_UNKNOWN;
	}
}

bool selector_matches(const struct selector *selector, const struct source *source)
{
	if (source->class == SOURCE_HOST)
		return false;
	if (selector->name[0] && (source->shared || strcmp(selector->name, source->name)))
		return false;
	switch (selector->type) {
	case SELECT_ANY:
		return true;
	case SELECT_KIND:
		return selector->kind == source_kind(source);
	case SELECT_RUNTIME:
		return !strcmp(selector->word, source->runtime);
	case SELECT_INTERFACE:
		return !strcmp(selector->word, source->interface);
	case SELECT_CONDUIT:
		return !strcmp(selector->word, source->conduit);
	case SELECT_GUEST:
		return !source->shared && selector->guest == source->guest;
	}
	return false;
}
