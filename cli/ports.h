/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who reaches what, in words and as a picture. */
#ifndef LHGUARD_CLI_PORTS_H
#define LHGUARD_CLI_PORTS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/** reach_is_open() - is this guest let through? In monitor mode, which enforces nothing, each is. */
bool reach_is_open(const json_t *reach, bool is_enforced);

/** port_is_alarming() - is it sensitive, and does a guest reach it that does not wait there itself? */
bool port_is_alarming(const json_t *port, bool is_enforced);

/**
 * reach_reason() - by what a guest is let through, or why it is not, in enforce mode
 * "exception 3", "its own", "infrastructure: dns", "container = allow"; returns @target, not escaped
 */
const char *reach_reason(char *target, size_t size, const json_t *reach);

/**
 * ports_map() - the ports as a graph in the language of dot(1)
 * Ports with the same answer for each guest are one node, and so are guests with the same answers.
 * Everything that comes from elsewhere is escaped for it.
 * Return: 0 or -ENOMEM.
 */
int ports_map(FILE *file, const json_t *ports, bool is_enforced);

#endif
