/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events of the interface, as watch and log show them. */
#ifndef LHGUARD_CLI_EVENTS_H
#define LHGUARD_CLI_EVENTS_H

#include <jansson.h>
#include <stdbool.h>

/** event_print() - a line to stdout: for a person, or as JSON */
void event_print(const json_t *event, bool as_json);

/** event_is_allowable() - was it refused in a way that an exception would change? */
bool event_is_allowable(const json_t *event);

#endif
