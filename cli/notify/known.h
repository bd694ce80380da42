/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the daemon knows of services by name: titles, and which of them are sensitive. */
#ifndef LHGUARD_NOTIFY_KNOWN_H
#define LHGUARD_NOTIFY_KNOWN_H

#include <jansson.h>
#include <stdbool.h>

struct known;

/**
 * known_new() - from the list of ListServices; entries that are not understood are left out
 * Its order is that of look-up: of several that have a port the first counts.
 */
struct known *known_new(const json_t *list);
void known_free(struct known *known);

/**
 * known_title() - "Chrome DevTools" for a service of an event
 * @known: NULL: nothing is known
 * @sensitive: receives whether who reaches it has power over the host
 * Return: the title or else the name, NULL where there is none; lives as long as @known.
 */
const char *known_title(const struct known *known, const json_t *service, bool *sensitive);

#endif
