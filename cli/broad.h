/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exceptions that allow more than their maker may have meant: said in words, and asked about. */
#ifndef LHGUARD_CLI_BROAD_H
#define LHGUARD_CLI_BROAD_H

#include "client.h"
#include "options.h"

#include "policy/rules.h"

/**
 * broad_confirm() - where an allow is broad, say so, and on a terminal ask
 * Nobody is asked with --yes, nor with --dry-run, which changes nothing.
 * Broad is a sensitive service (services.conf(5)) for all guests, or all of a kind or a runtime; and,
 * whoever it is for, all ports, a thousand, or a range around a sensitive service.
 * @service: as it was written, and taken by service_parse() unless it holds a name
 * Return: STATUS_DONE to go on.
 */
enum status broad_confirm(const struct options *options, const char *service);

/** broad_confirm_rules() - the same for those of a file; @path: as it was given, "-" for the input */
enum status broad_confirm_rules(const struct options *options, const char *path,
				const struct rules *rules);

#endif
