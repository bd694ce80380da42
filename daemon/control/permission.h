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

/** permission_question() - what polkit is to be asked about this call */
void permission_question(const struct call *call, const struct peer *peer,
			 struct polkit_question *question);

#endif
