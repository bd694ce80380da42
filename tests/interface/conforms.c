// SPDX-License-Identifier: GPL-2.0-or-later
/* JSON held against an interface definition. */
#include "idl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/**
 * struct place - where in a value, for the error
 * @above: what it is in, NULL: nothing
 * @name: of a field, NULL: item @index
 */
struct place {
	const struct place *above;
	const char *name;
	size_t index;
};

static const char *const kind_words[] = {
	[IDL_BOOLEAN] = "bool",	 [IDL_INTEGER] = "int",	  [IDL_FLOAT] = "float",
	[IDL_STRING] = "string", [IDL_OBJECT] = "object", [IDL_NAMED] = "",
	[IDL_STRUCT] = "(...)",	 [IDL_ENUM] = "(...)",	  [IDL_ARRAY] = "[]",
	[IDL_MAP] = "[string]",
};

const char *idl_type_text(const struct idl_type *type, char *text, size_t size)
{
	char element[128] = "";

	if (type->element)
		idl_type_text(type->element, element, sizeof(element));
	snprintf(text, size, "%s%s%s%s", type->is_optional ? "?" : "", kind_words[type->kind],
		 type->name ? type->name : "", element);
	return text;
}

static void place_text(const struct place *place, char *text, size_t size)
{
	size_t length;

	if (!place)
		return;
	place_text(place->above, text, size);
	length = strlen(text);
	if (place->name)
		snprintf(text + length, size - length, "%s%s", length ? "." : "", place->name);
	else
		snprintf(text + length, size - length, "[%zu]", place->index);
}

static int wrong(const struct place *place, const char *what, const char *name, struct error *error)
{
	char where[256] = "";

	place_text(place, where, sizeof(where));
	return error_set(error, -EINVAL, "%s: %s%s", where[0] ? where : "the value", what, name);
}

static int check(const struct idl *idl, const struct idl_type *type, const json_t *value,
		 const struct place *place, struct error *error);

static int check_struct(const struct idl *idl, const struct idl_type *type, const json_t *value,
			const struct place *place, struct error *error)
{
	json_t *object = (json_t *)value; /* jansson's iterators are not const */

	for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i))
		if (!idl_find_field(type, json_object_iter_key(i)))
			return wrong(place, "has an unknown field ", json_object_iter_key(i),
				     error);
	for (const struct idl_field *field = type->fields; field; field = field->next) {
		const json_t *item = json_object_get(value, field->name);
		const struct place at = {place, field->name, 0};
		int result = 0;

		if (item)
			result = check(idl, &field->type, item, &at, error);
		else if (!field->type.is_optional)
			result = wrong(place, "has no field ", field->name, error);
		if (result)
			return result;
	}
	return 0;
}

static int check_array(const struct idl *idl, const struct idl_type *type, const json_t *value,
		       const struct place *place, struct error *error)
{
	for (size_t i = 0; i < json_array_size(value); i++) {
		const struct place at = {place, NULL, i};
		int result = check(idl, type->element, json_array_get(value, i), &at, error);

		if (result)
			return result;
	}
	return 0;
}

static int check_map(const struct idl *idl, const struct idl_type *type, const json_t *value,
		     const struct place *place, struct error *error)
{
	json_t *object = (json_t *)value;

	for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i)) {
		const struct place at = {place, json_object_iter_key(i), 0};
		int result = check(idl, type->element, json_object_iter_value(i), &at, error);

		if (result)
			return result;
	}
	return 0;
}

static bool is_of_json_type(const struct idl_type *type, const json_t *value)
{
	switch (type->kind) {
	case IDL_BOOLEAN:
		return json_is_boolean(value);
	case IDL_INTEGER:
		return json_is_integer(value);
	case IDL_FLOAT:
		return json_is_number(value);
	case IDL_STRING:
		return json_is_string(value);
	case IDL_ENUM:
		return json_is_string(value) && idl_find_field(type, json_string_value(value));
	case IDL_ARRAY:
		return json_is_array(value);
	case IDL_OBJECT:
	case IDL_STRUCT:
	case IDL_MAP:
		return json_is_object(value);
	case IDL_NAMED:
		return true;
	}
	return false;
}

static int check(const struct idl *idl, const struct idl_type *type, const json_t *value,
		 const struct place *place, struct error *error)
{
	char text[128];

	if (json_is_null(value) && type->is_optional)
		return 0;
	if (!is_of_json_type(type, value))
		return wrong(place, "is no ", idl_type_text(type, text, sizeof(text)), error);
	switch (type->kind) {
	case IDL_NAMED:
		return check(idl, &idl_find(idl, IDL_TYPE, type->name)->in, value, place, error);
	case IDL_STRUCT:
		return check_struct(idl, type, value, place, error);
	case IDL_ARRAY:
		return check_array(idl, type, value, place, error);
	case IDL_MAP:
		return check_map(idl, type, value, place, error);
	default:
		return 0;
	}
}

int idl_check(const struct idl *idl, const struct idl_type *type, const json_t *value,
	      struct error *error)
{
	if (!value)
		return error_set(error, -EINVAL, "there is no value");
	return check(idl, type, value, NULL, error);
}

int idl_check_named(const struct idl *idl, const char *name, const json_t *value,
		    struct error *error)
{
	const struct idl_member *member = idl_find(idl, IDL_TYPE, name);

	if (!member)
		return error_set(error, -EINVAL, "%s has no type %s", idl->name, name);
	return idl_check(idl, &member->in, value, error);
}

/* An error of the method's own interface or of the service's, with its parameters. */
static int check_error(const struct idl *const *interfaces, const char *name,
		       const json_t *parameters, struct error *error)
{
	const struct idl_member *member = NULL;

	for (int i = 0; i < 2 && !member; i++) {
		size_t length = strlen(interfaces[i]->name);

		if (strncmp(name, interfaces[i]->name, length) || name[length] != '.')
			continue;
		member = idl_find(interfaces[i], IDL_ERROR, name + length + 1);
		if (member && parameters)
			return idl_check(interfaces[i], &member->in, parameters, error);
		if (member && !member->in.fields)
			return 0;
	}
	return error_set(error, -EINVAL, member ? "%s has no parameters" : "no error is called %s",
			 name);
}

int idl_check_answer(const struct idl *idl, const struct idl *service, const char *method,
		     const json_t *message, struct error *error)
{
	const struct idl_member *member = idl_find(idl, IDL_METHOD, method);
	const struct idl *const interfaces[] = {idl, service};
	json_t *object = (json_t *)message;
	const char *name = json_string_value(json_object_get(message, "error"));
	const json_t *parameters = json_object_get(message, "parameters");

	if (!member)
		return error_set(error, -EINVAL, "%s has no method %s", idl->name, method);
	for (void *i = json_object_iter(object); i; i = json_object_iter_next(object, i))
		if (strcmp(json_object_iter_key(i), "parameters") &&
		    strcmp(json_object_iter_key(i), name ? "error" : "continues"))
			return error_set(error, -EINVAL, "an answer has no %s",
					 json_object_iter_key(i));
	if (name)
		return check_error(interfaces, name, parameters, error);
	return idl_check(idl, &member->out, parameters, error);
}
