/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Exceptions that hold only while one program listens: who does. */
#ifndef LHGUARD_PINS_H
#define LHGUARD_PINS_H

#include "flow.h"

struct error;
struct exception;
struct exceptions;
struct listeners;
struct pins;
struct registry;
struct sockets;

/**
 * pins_new() - an answer to exceptions_on_pin(), for @exceptions
 * All are borrowed. Return: owned by the caller, NULL when out of memory.
 */
struct pins *pins_new(struct exceptions *exceptions, struct registry *registry,
		      struct sockets *sockets, struct listeners *listeners, int proc);
void pins_free(struct pins *pins);

/**
 * pins_work() - look up the programs that were asked for and not known; not for the verdict path
 * Return: was there anything to look up? Then the answer for it may be another one now.
 */
bool pins_work(struct pins *pins);

/**
 * pins_make() - pin an exception to the program that listens on its service now
 * @exception: of one port; receives the program and its user
 * Return: 0; -EINVAL for more than one port, -ENOENT when no program of the host is found that listens
 * there, with @error.
 */
int pins_make(struct pins *pins, struct exception *exception, struct error *error);

#endif
