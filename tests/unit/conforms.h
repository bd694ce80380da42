/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Assertions that JSON is what the interface's definition says. */
#ifndef LHGUARD_TESTS_CONFORMS_H
#define LHGUARD_TESTS_CONFORMS_H

#include "control/introspection.h"
#include "tests/interface/idl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/** interface_of() - a definition, read once */
static inline const struct idl *interface_of(const char *name)
{
	static struct idl *own, *service;
	struct idl **idl = strcmp(name, INTERFACE_OWN) ? &service : &own;
	struct error error = {.text = ""};

	if (!*idl && idl_parse(idl, interface_text(name), &error))
		fail_msg("%s: %s", name, error.text);
	return *idl;
}

static inline void fail_unlike(const json_t *value, const char *what, const struct error *error)
{
	char *text = json_dumps(value, JSON_ENCODE_ANY);

	print_error("%s: %s\n%s\n", what, error->text, text ? text : "nothing");
	free(text);
	fail();
}

/** assert_of_type() - @value is of the type @name of org.lhguard */
static inline void assert_of_type(const json_t *value, const char *name)
{
	struct error error = {.text = ""};

	if (idl_check_named(interface_of(INTERFACE_OWN), name, value, &error))
		fail_unlike(value, name, &error);
}

/**
 * assert_answers() - @answer, a whole message, is one that this method may give
 * @method: its full name; one that no interface has may give errors of org.varlink.service
 */
static inline void assert_answers(const json_t *answer, const char *method)
{
	const struct idl *own = interface_of(INTERFACE_OWN);
	const struct idl *service = interface_of(INTERFACE_SERVICE);
	const struct idl *idl = service;
	const char *name = strrchr(method, '.') ? strrchr(method, '.') + 1 : method;
	struct error error = {.text = ""};

	if (!strncmp(method, INTERFACE_OWN ".", strlen(INTERFACE_OWN ".")))
		idl = own;
	if (!idl_find(idl, IDL_METHOD, name)) {
		assert_non_null(json_object_get(answer, "error"));
		idl = service;
		name = "GetInfo"; /* its errors are all that there are */
	}
	if (idl_check_answer(idl, service, name, answer, &error))
		fail_unlike(answer, method, &error);
}

#endif
