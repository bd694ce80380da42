/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Varlink's interface definitions, read strictly, and JSON held against them: for build and tests. */
#ifndef LHGUARD_TESTS_INTERFACE_IDL_H
#define LHGUARD_TESTS_INTERFACE_IDL_H

#include "util/error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum idl_kind {
	IDL_BOOLEAN,
	IDL_INTEGER,
	IDL_FLOAT,
	IDL_STRING,
	IDL_OBJECT, /* any JSON object */
	IDL_NAMED,  /* a type of this interface */
	IDL_STRUCT,
	IDL_ENUM,
	IDL_ARRAY,
	IDL_MAP,
};

/**
 * struct idl_type - what a value has to look like
 * @is_optional: null will do, and a field may be left out
 * @name: of IDL_NAMED
 * @element: of IDL_ARRAY and IDL_MAP
 * @fields: of IDL_STRUCT, and of IDL_ENUM, where they have no type
 */
struct idl_type {
	enum idl_kind kind;
	bool is_optional;
	const char *name;
	struct idl_type *element;
	struct idl_field *fields;
};

/** struct idl_field - a field of a struct, or a word of an enum */
struct idl_field {
	const char *name;
	struct idl_type type;
	struct idl_field *next;
};

enum idl_member_kind { IDL_TYPE, IDL_METHOD, IDL_ERROR };

/**
 * struct idl_member - a type, a method or an error of an interface
 * @in: the type itself, a method's parameters, an error's parameters
 * @out: a method's answer
 */
struct idl_member {
	enum idl_member_kind kind;
	const char *name;
	struct idl_type in, out;
	struct idl_member *next;
};

/** struct idl - an interface; members in the order of the text */
struct idl {
	const char *name;
	struct idl_member *members;
	struct idl_chunk *memory;
};

/**
 * idl_parse() - read a definition (https://varlink.org/Interface-Definition)
 * Every name has to be well-formed and used once in its place, every named type to be there.
 * Return: 0, or -EINVAL with @error ("line 12: ...").
 */
int idl_parse(struct idl **idl, const char *text, struct error *error);
void idl_free(struct idl *idl);

const struct idl_member *idl_find(const struct idl *idl, enum idl_member_kind kind,
				  const char *name);

/** idl_find_field() - NULL when there is none of that name */
const struct idl_field *idl_find_field(const struct idl_type *type, const char *name);

/** idl_type_text() - as it would stand in a definition: "?[]string"; of a struct only "(...)" */
const char *idl_type_text(const struct idl_type *type, char *text, size_t size);

/**
 * idl_check() - is this value of that type?
 * Strictly: a field that the type does not have is as wrong as one that is missing.
 * Return: 0, or -EINVAL with @error, which says where: "status.queues[1].name: no string".
 */
int idl_check(const struct idl *idl, const struct idl_type *type, const json_t *value,
	      struct error *error);

/** idl_check_named() - is this value of the interface's type @name? */
int idl_check_named(const struct idl *idl, const char *name, const json_t *value,
		    struct error *error);

/**
 * idl_check_answer() - is this message a right answer to a method?
 * @idl: of the method
 * @service: org.varlink.service, whose errors every method may give
 * @method: without its interface
 */
int idl_check_answer(const struct idl *idl, const struct idl *service, const char *method,
		     const json_t *message, struct error *error);

#endif
