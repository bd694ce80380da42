/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The events that the daemon itself keeps. */
#ifndef LHGUARD_CLI_RING_H
#define LHGUARD_CLI_RING_H

#include "client.h"

/**
 * ring_newest() - the number of the newest event
 * @newest: receives it; 0: there is none
 */
enum status ring_newest(const char *socket, json_int_t *newest);

/**
 * ring_each() - visit all events that the daemon keeps, the oldest first
 * @take: called for each; the event is borrowed
 * Return: STATUS_DONE; all else has been complained about.
 */
enum status ring_each(const char *socket, void (*take)(void *data, json_t *event), void *data);

#endif
