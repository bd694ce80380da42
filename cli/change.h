/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What allow, deny and edit have in common: an exception on the command line. */
#ifndef LHGUARD_CLI_CHANGE_H
#define LHGUARD_CLI_CHANGE_H

#include "client.h"
#include "options.h"

/**
 * change_check() - find everything that can be wrong before the daemon is asked
 * @service: as it was written, or NULL
 * @seconds: receives what --for says, or is left as it is
 */
enum status change_check(const struct options *options, const char *service, uint64_t *seconds);

/**
 * change_parameters() - put the words and options into the parameters of a call
 * Return: 0, or -1 when some text is no UTF-8.
 */
int change_parameters(const struct options *options, const char *service, uint64_t seconds,
		      json_t *parameters);

/** change_text() - "tcp 127.0.0.1:9222 from vm:devbox for 1h or until it stops", escaped; static */
const char *change_text(const json_t *exception, uint64_t seconds);

/** change_print() - an answer with an exception and notes: the document, else @words for people */
void change_print(const struct options *options, const json_t *answer, const char *words);

#endif
