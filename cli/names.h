/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Services by name, where the CLI itself has to know their ports: the daemon is asked for them. */
#ifndef LHGUARD_CLI_NAMES_H
#define LHGUARD_CLI_NAMES_H

#include "client.h"
#include "options.h"

#include "policy/service.h"

/**
 * names_parse() - as service_parse(), and one of the daemon's names may stand for the ports
 * The daemon is asked only where there is a name.
 * Return: STATUS_DONE; all else has been complained about.
 */
enum status names_parse(const struct options *options, const char *text, struct service *service);

#endif
