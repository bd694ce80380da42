// SPDX-License-Identifier: GPL-2.0-or-later
/* Varlink's interface definitions, read strictly. */
#include "idl.h"

#include "util/array.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 16 /* of types within types */

/* All that a definition is made of is freed with it. */
struct idl_chunk {
	struct idl_chunk *next;
	max_align_t bytes[];
};

/**
 * struct parser - where reading has come to
 * @start: of the text
 * @at: the next character
 * @failed: something is wrong, and @error says what
 */
struct parser {
	struct idl *idl;
	const char *start;
	const char *at;
	bool failed;
	struct error *error;
};

static void *allocate(struct idl *idl, size_t size)
{
	struct idl_chunk *chunk = calloc(1, sizeof(*chunk) + size);

	if (!chunk)
		abort();
	chunk->next = idl->memory;
	idl->memory = chunk;
	return chunk->bytes;
}

static void fail(struct parser *parser, const char *what, const char *name)
{
	int line = 1;

	if (parser->failed)
		return;
	for (const char *c = parser->start; c < parser->at; c++)
		line += *c == '\n';
	error_set(parser->error, -EINVAL, "line %d: %s%s%s", line, what, name[0] ? ": " : "", name);
	parser->failed = true;
}

static void skip_space(struct parser *parser)
{
	for (;;) {
		parser->at += strspn(parser->at, " \t\n");
		if (*parser->at != '#')
			return;
		parser->at += strcspn(parser->at, "\n");
	}
}

static bool take(struct parser *parser, const char *what)
{
	skip_space(parser);
	if (parser->failed || strncmp(parser->at, what, strlen(what)))
		return false;
	parser->at += strlen(what);
	return true;
}

static void expect(struct parser *parser, const char *what)
{
	if (!take(parser, what))
		fail(parser, "expected", what);
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *take_text(struct parser *parser, size_t length)
{
	char *text = allocate(parser->idl, length + 1);

	memcpy(text, parser->at, length);
	parser->at += length;
	return text;
}

/* [A-Z][A-Za-z0-9]*, as types, methods and errors are called */
static const char *take_member_name(struct parser *parser)
{
	size_t length = 0;

	skip_space(parser);
	if (*parser->at >= 'A' && *parser->at <= 'Z')
		while (is_letter(parser->at[length]) || is_digit(parser->at[length]))
			length++;
	if (!length)
		fail(parser, "expected a name that begins with a capital", "");
	return take_text(parser, length);
}

/* [A-Za-z](_?[A-Za-z0-9])*, as fields are called */
static const char *take_field_name(struct parser *parser)
{
	size_t length = 0;

	skip_space(parser);
	if (is_letter(*parser->at))
		do
			length++;
		while (is_letter(parser->at[length]) || is_digit(parser->at[length]) ||
		       (parser->at[length] == '_' &&
			(is_letter(parser->at[length + 1]) || is_digit(parser->at[length + 1]))));
	if (!length)
		fail(parser, "expected the name of a field", "");
	return take_text(parser, length);
}

static void take_type(struct parser *parser, struct idl_type *type, int depth);

/* A struct or an enum: the first field tells which. */
static void take_fields(struct parser *parser, struct idl_type *type, int depth)
{
	struct idl_field **last = &type->fields;

	type->kind = IDL_STRUCT;
	expect(parser, "(");
	if (take(parser, ")"))
		return;
	do {
		struct idl_field *field = allocate(parser->idl, sizeof(*field));

		field->name = take_field_name(parser);
		if (idl_find_field(type, field->name))
			fail(parser, "a second field of this name", field->name);
		if (take(parser, ":"))
			take_type(parser, &field->type, depth + 1);
		else if (type->fields && type->kind == IDL_STRUCT)
			fail(parser, "a field without a type", field->name);
		else
			type->kind = IDL_ENUM;
		*last = field;
		last = &field->next;
	} while (!parser->failed && take(parser, ","));
	expect(parser, ")");
}

static bool take_word(struct parser *parser, const char *word)
{
	const char *before = parser->at;

	if (take(parser, word) && !is_letter(*parser->at) && !is_digit(*parser->at))
		return true;
	parser->at = before;
	return false;
}

static void take_plain_type(struct parser *parser, struct idl_type *type, int depth)
{
	static const struct {
		const char *word;
		enum idl_kind kind;
	} words[] = {
		{"bool", IDL_BOOLEAN},	{"int", IDL_INTEGER},	{"float", IDL_FLOAT},
		{"string", IDL_STRING}, {"object", IDL_OBJECT},
	};

	skip_space(parser);
	if (*parser->at == '(') {
		take_fields(parser, type, depth);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (take_word(parser, words[i].word)) {
			type->kind = words[i].kind;
			return;
		}
	type->kind = IDL_NAMED;
	type->name = take_member_name(parser);
}

static void take_type(struct parser *parser, struct idl_type *type, int depth)
{
	if (depth > DEPTH_MAX) {
		fail(parser, "types within types, too deep", "");
		return;
	}
	type->is_optional = take(parser, "?");
	if (take(parser, "[]"))
		type->kind = IDL_ARRAY;
	else if (take(parser, "[string]"))
		type->kind = IDL_MAP;
	else
		return take_plain_type(parser, type, depth);
	type->element = allocate(parser->idl, sizeof(*type->element));
	take_type(parser, type->element, depth + 1);
}

static void take_member(struct parser *parser, struct idl_member *member)
{
	if (take_word(parser, "type"))
		member->kind = IDL_TYPE;
	else if (take_word(parser, "method"))
		member->kind = IDL_METHOD;
	else if (take_word(parser, "error"))
		member->kind = IDL_ERROR;
	else
		fail(parser, "expected type, method or error", "");
	member->name = take_member_name(parser);
	for (int kind = IDL_TYPE; kind <= IDL_ERROR; kind++)
		if (idl_find(parser->idl, kind, member->name))
			fail(parser, "a second member of this name", member->name);
	take_fields(parser, &member->in, 0);
	if (member->kind == IDL_METHOD) {
		expect(parser, "->");
		take_fields(parser, &member->out, 0);
	}
	if (member->kind != IDL_TYPE &&
	    (member->in.kind == IDL_ENUM || member->out.kind == IDL_ENUM))
		fail(parser, "parameters without types", member->name);
}

/* Does each type that is named exist? */
static void check_names(struct parser *parser, const struct idl_type *type)
{
	if (type->kind == IDL_NAMED && !idl_find(parser->idl, IDL_TYPE, type->name))
		fail(parser, "no such type", type->name);
	if (type->element)
		check_names(parser, type->element);
	if (type->kind == IDL_STRUCT)
		for (const struct idl_field *field = type->fields; field; field = field->next)
			check_names(parser, &field->type);
}

/* Two words or more, with dots between. */
static const char *take_interface_name(struct parser *parser)
{
	size_t length;

	skip_space(parser);
	length = strspn(parser->at, "abcdefghijklmnopqrstuvwxyz0123456789-.");
	if (!is_letter(*parser->at) || !memchr(parser->at, '.', length) ||
	    parser->at[length - 1] == '.')
		fail(parser, "expected the name of an interface", "");
	return take_text(parser, length);
}

int idl_parse(struct idl **idl, const char *text, struct error *error)
{
	struct idl *new = calloc(1, sizeof(*new));
	struct parser parser = {.idl = new, .start = text, .at = text, .error = error};
	struct idl_member **last = &new->members;

	if (!take_word(&parser, "interface"))
		fail(&parser, "expected", "interface");
	new->name = take_interface_name(&parser);
	for (skip_space(&parser); *parser.at && !parser.failed; skip_space(&parser)) {
		struct idl_member *member = allocate(new, sizeof(*member));

		take_member(&parser, member);
		*last = member;
		last = &member->next;
	}
	for (const struct idl_member *m = new->members; m && !parser.failed; m = m->next) {
		check_names(&parser, &m->in);
		check_names(&parser, &m->out);
	}
	if (!parser.failed) {
		*idl = new;
		return 0;
	}
	idl_free(new);
	return -EINVAL;
}

void idl_free(struct idl *idl)
{
	while (idl->memory) {
		struct idl_chunk *next = idl->memory->next;

		free(idl->memory);
		idl->memory = next;
	}
	free(idl);
}

const struct idl_member *idl_find(const struct idl *idl, enum idl_member_kind kind,
				  const char *name)
{
	for (const struct idl_member *member = idl->members; member; member = member->next)
		if (member->kind == kind && !strcmp(member->name, name))
			return member;
	return NULL;
}

const struct idl_field *idl_find_field(const struct idl_type *type, const char *name)
{
	if (type->kind != IDL_STRUCT && type->kind != IDL_ENUM)
		return NULL;
	for (const struct idl_field *field = type->fields; field; field = field->next)
		if (!strcmp(field->name, name))
			return field;
	return NULL;
}
