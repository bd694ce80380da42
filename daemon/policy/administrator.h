/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The administrator's folder of exceptions: read, never written. */
#ifndef LHGUARD_POLICY_ADMINISTRATOR_H
#define LHGUARD_POLICY_ADMINISTRATOR_H

#include "policy/rules.h"

/**
 * administrator_read() - read every *.conf of a folder, in order of name
 * @folder: a missing one is an empty one
 * @rules: what the files hold is added, with ids from ADMINISTRATOR_IDS on; sorted on success
 * Return: 0, -EINVAL with file:line, or another -errno with @error; then @rules may have got a
 * part.
 */
int administrator_read(const char *folder, struct rules *rules, struct error *error);

#endif
