/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sources in words: parsed, printed, and compared with a connection's source; no state. */
#ifndef LHGUARD_POLICY_SELECTOR_H
#define LHGUARD_POLICY_SELECTOR_H

#include "flow.h"
#include "util/error.h"

enum selector_type {
	SELECT_ANY,	  /* "any": every guest, lan and unknown */
	SELECT_KIND,	  /* "vm:devbox", "container:*", "vm" */
	SELECT_RUNTIME,	  /* "podman:web", "qemu:*", "docker" */
	SELECT_INTERFACE, /* "iface:virbr0" */
	SELECT_CONDUIT,	  /* "conduit:pasta": whoever of its guests it was */
	SELECT_GUEST,	  /* "guest:7": the running guest with this id */
};

/**
 * struct selector - which sources an exception is about
 * @type: which field of the source @word is compared with
 * @kind: for SELECT_KIND
 * @word: runtime, interface or conduit; "" otherwise
 * @name: the guest's name, compared byte by byte; "" for any
 * @guest: for SELECT_GUEST
 */
struct selector {
	enum selector_type type;
	enum kind kind;
	char word[RUNTIME_SIZE];
	char name[NAME_SIZE];
	uint32_t guest;
};

#define SELECTOR_TEXT_SIZE (RUNTIME_SIZE + NAME_SIZE + 2)

/**
 * selector_parse() - 0 or -EINVAL
 * A word that is neither "any", "iface", "conduit", "guest" nor a kind is taken as a runtime
 * ([a-z0-9.-]+). A guest's name goes through text_copy_name(), as the registry's names do.
 */
int selector_parse(const char *text, struct selector *selector, struct error *error);
const char *selector_format(char *target, size_t size, const struct selector *selector);

/** selector_equal() - do both stand for the same sources? */
bool selector_equal(const struct selector *a, const struct selector *b);

/** selector_matches() - never the host; never by name or id where the name is shared or empty. */
bool selector_matches(const struct selector *selector, const struct source *source);

/** source_kind() - the kind that policy judges a source by, whatever @source->kind holds. */
enum kind source_kind(const struct source *source);

#endif
