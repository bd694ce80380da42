/* SPDX-License-Identifier: GPL-2.0-or-later */
/* May this peer call this method, and what is polkit asked where that decides? */
#ifndef LHGUARD_CONTROL_PERMISSION_H
#define LHGUARD_CONTROL_PERMISSION_H

#include "util/error.h"

#include <sys/types.h>

struct call;
struct config_access;
struct method;
struct peer;
struct permit;
struct polkit_question;

/**
 * permission_check() - may this peer call this method?
 * @access: NULL: no polkit, and members change nothing
 * @permit: what polkit said of this call, NULL: it was not asked
 * @daemon: the daemon's own uid
 * @reason: why not, and what to do
 * Return: 0, -EACCES, or -EAGAIN when polkit has to be asked first.
 */
int permission_check(const struct method *method, const struct peer *peer,
		     const struct config_access *access, const struct permit *permit, uid_t daemon,
		     struct error *reason);

/**
 * permission_question() - what polkit is to be asked about this call
 * Return: 0, or -errno where there is nothing to ask: the answer is set.
 */
int permission_question(struct call *call, const struct peer *peer,
			struct polkit_question *question);

/**
 * permission_quote() - append a word that others chose to what a person reads in polkit's dialog
 * Where it is more than one plain word it stands between quotes, which nothing inside can end, and
 * without what a dialog may take for markup.
 */
void permission_quote(char *text, size_t size, const char *word);

#endif
