/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The methods: who may call each, what each takes and what it answers. */
#ifndef LHGUARD_CONTROL_METHODS_H
#define LHGUARD_CONTROL_METHODS_H

#include <stdbool.h>
#include <stddef.h>

/** enum privilege - who may call a method */
enum privilege {
	PRIVILEGE_UNDECIDED, /* what an entry has that does not say: nobody, and no build */
	PRIVILEGE_ANYONE,    /* whoever can open the socket */
	PRIVILEGE_READ,	     /* root, the daemon's user, CONTROL_GROUP; polkit's yes */
	PRIVILEGE_CHANGE,    /* root, the daemon's user; polkit's yes; never from inside a guest */
};

struct call;

enum parameter_type {
	PARAMETER_STRING,
	PARAMETER_INTEGER,
	PARAMETER_INTEGERS,
	PARAMETER_BOOLEAN,
};

struct parameter {
	const char *name;
	enum parameter_type type;
	bool is_optional;
};

#define PARAMETERS_MAX 16

/**
 * struct method - one entry of the method table
 * @name: fully qualified
 * @privilege: who may call it
 * @parameters: all that it takes, up to one without a name
 * @act: called when the parameters are of the right types and the caller may; sets the answer
 * @purpose: of a change: what for, behind "Authentication is required to "
 * @describe: writes what this call is for, in words of our own (permission_quote()), where there is
 *	more to say; or NULL. -errno: nothing can come of it, as the answer says that it sets. So
 *	nobody else writes what a person reads.
 */
struct method {
	const char *name;
	enum privilege privilege;
	struct parameter parameters[PARAMETERS_MAX];
	void (*act)(struct call *call);
	const char *purpose;
	int (*describe)(struct call *call, char *text, size_t size);
};

extern const struct method methods[];
extern const size_t methods_count;

#endif
