/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whom an exception is about: the running guests that its source names. */
#ifndef LHGUARD_CONTROL_WHOM_H
#define LHGUARD_CONTROL_WHOM_H

#include "policy/exceptions.h"

struct control_settings;
struct registry;

#define WHOM_TEXT_SIZE 512

/**
 * whom_bind() - let an exception end with the one running guest that its source names
 * Return: 0, -EINVAL for a source that names no guest, -ESRCH when none of that name runs, or
 * -ENOTUNIQ when several do, with @error.
 */
int whom_bind(const struct registry *registry, struct exception *exception, struct error *error);

/**
 * whom_check() - is the runtime that a source is of one that there is?
 * Return: 0, or -EINVAL with @error: it names what was meant instead, a running guest of that name
 * before all else.
 */
int whom_check(const struct control_settings *settings, const struct selector *selector,
	       struct error *error);

/**
 * whom_note() - what the maker of an exception should know of whom it is about
 * @note: receives a sentence, or "" when exactly one running guest bears the name that it says, and its
 *	owner gave it or there is an end; or there is such a conduit or interface
 * Return: is there a note?
 */
bool whom_note(const struct control_settings *settings, const struct exception *exception,
	       char *note, size_t size);

#endif
