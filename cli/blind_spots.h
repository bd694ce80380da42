/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ways from a guest to the host that are no IP packets, and which of them this host has. */
#ifndef LHGUARD_CLI_BLIND_SPOTS_H
#define LHGUARD_CLI_BLIND_SPOTS_H

#include <jansson.h>
#include <stddef.h>

/**
 * struct blind_spot - one such way
 * @name: a word for programs
 * @title: what the guard cannot see, for a person
 * @advice: what the owner can do; each command in it a WHOLE() of prose.h
 * @look: the same where it could not be looked at, though the guests are known; NULL: look as root
 * @find: adds to the array @found a text for each that is on this host; NULL where nobody can tell
 *	@guests: the daemon's list of guests, NULL when it could not be had
 *	Return: 0, or -errno when it could not be looked at; then @found may have the reason. Where @found
 *	has some of them, and others could not be looked at, it has both, and 0 is returned.
 */
struct blind_spot {
	const char *name;
	const char *title;
	const char *advice;
	const char *look;
	int (*find)(const json_t *guests, json_t *found);
};

extern const struct blind_spot blind_spots[];
extern const size_t blind_spot_count;

#endif
