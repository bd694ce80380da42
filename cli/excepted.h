/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the exceptions in force say of a source and a service. */
#ifndef LHGUARD_CLI_EXCEPTED_H
#define LHGUARD_CLI_EXCEPTED_H

#include "client.h"

#include "flow.h"

struct excepted;

enum exceptional {
	EXCEPTED_NOT,
	EXCEPTED_ALLOWED,
	EXCEPTED_DENIED,
};

/**
 * excepted_read() - ask the daemon for its exceptions
 * @excepted: receives them, also where the daemon cannot be asked: then there are none
 * Return: STATUS_DONE; all else has been complained about.
 */
enum status excepted_read(struct excepted **excepted, const char *socket);
void excepted_free(struct excepted *excepted);

/** excepted_match() - a deny goes before an allow, as in the daemon (policy/exceptions.h) */
enum exceptional excepted_match(const struct excepted *excepted, const struct flow *flow,
				const struct source *source);

#endif
