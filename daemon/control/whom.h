/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whom an exception is about: the running guests that its source names. */
#ifndef LHGUARD_CONTROL_WHOM_H
#define LHGUARD_CONTROL_WHOM_H

#include "policy/exceptions.h"

struct registry;

#define WHOM_TEXT_SIZE 512

/**
 * struct whom - the running guests that a source names
 * @count: how many there are
 * @guest: id of the first
 * @guest_key: its key
 * @list: "guest:3 qemu pid 812, guest:7 libvirt pid 990", cut after some
 */
struct whom {
	size_t count;
	uint32_t guest;
	char guest_key[GUEST_KEY_SIZE];
	char list[WHOM_TEXT_SIZE];
};

void whom_find(const struct registry *registry, const struct selector *selector, struct whom *whom);

/**
 * whom_bind() - let an exception end with the one running guest that its source names
 * Return: 0, -EINVAL for a source that names no guest, -ESRCH when none of that name runs, or
 * -ENOTUNIQ when several do, with @error.
 */
int whom_bind(const struct registry *registry, struct exception *exception, struct error *error);

/**
 * whom_note() - what the maker of an exception by name should know
 * @note: receives a sentence, or "" when exactly one running guest bears the name
 * Return: is there a note?
 */
bool whom_note(const struct registry *registry, const struct exception *exception, char *note,
	       size_t size);

#endif
