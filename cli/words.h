/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the daemon tells of, in the words that an exception is written in. */
#ifndef LHGUARD_CLI_WORDS_H
#define LHGUARD_CLI_WORDS_H

#include <jansson.h>
#include <stddef.h>

#define WORD_SIZE    320  /* bytes of a service or a source as exceptions are written */
#define COMMAND_SIZE 2048 /* bytes of a command with both, quoted */

/** service_word() - a service as allow takes it, and no other: without its protocol it would be of all */
void service_word(char *target, size_t size, const json_t *service);

/**
 * source_word() - the narrowest source that an exception for this one can name
 * The guest; where it has no name of its own or is one of several, the conduit that they share,
 * their runtime or their kind.
 */
void source_word(char *target, size_t size, const json_t *source);

/** command_text() - what print_command() adds; returns @target */
const char *command_text(char *target, size_t size, const char *verb, const json_t *of);

/**
 * print_command() - "lhguard VERB SERVICE --from SOURCE", to copy into a shell, in one piece to prose()
 * @of: what has a service and a source
 */
void print_command(const char *verb, const json_t *of);

#endif
