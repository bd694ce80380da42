/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions before what cannot be taken back, or allows much. */
#ifndef LHGUARD_CLI_CONFIRM_H
#define LHGUARD_CLI_CONFIRM_H

#include "client.h"
#include "options.h"

/**
 * confirm_tell() - say what the question is about
 * With --yes and with --dry-run, which changes nothing, nobody is asked: then --quiet keeps it silent.
 */
void confirm_tell(const struct options *options, const char *words);

/**
 * confirm() - ask on a terminal; a script goes on, and so does who is not to be asked
 * @question: "allow it all the same?"
 * @refused: what a no is answered with: "nothing was allowed"
 * Return: STATUS_DONE to go on.
 */
enum status confirm(const struct options *options, const char *question, const char *refused);

#endif
