/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The default verdicts of a configuration, from the built-in one for a kind to one guest's own. */
#ifndef LHGUARD_POLICY_DEFAULTS_H
#define LHGUARD_POLICY_DEFAULTS_H

#include "flow.h"

struct config;
struct config_default;
struct error;
struct ini_entry;
struct selector;

/** defaults_fill() - the built-in defaults, one for each kind. Return: 0 or -ENOMEM. */
int defaults_fill(struct config *config);

/** defaults_parse() - the source that a line of [defaults] is for; -EINVAL with @error. */
int defaults_parse(const char *key, struct selector *selector, struct error *error);

/**
 * defaults_take() - take one line of [defaults] over
 * @selector: of its key
 * @file_name: of the configuration, for config_default.rule
 * Return: 0, -EINVAL or -ENOMEM with @error.
 */
int defaults_take(struct config *config, const struct selector *selector, const char *file_name,
		  const struct ini_entry *entry, struct error *error);

/**
 * defaults_find() - the narrowest default for a source that is not the host
 * No allocation; looks at each line of [defaults], which are few.
 */
const struct config_default *defaults_find(const struct config *config,
					   const struct source *source);

#endif
