// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Part of the build: does the daemon's method table say what the interface's definition says?
 *
 * Each method of the definition has an entry in the table and the other way round, with the same
 * parameters, their types, and which of them may be left out; each entry says who may call it; each
 * error that the sources name is declared, and each that is declared is named by a source.
 *
 * Usage: check SOURCE... Says what is wrong, one line each, and fails.
 *
 * For the system tests: check --answers METHOD. Are the messages on standard input, one a line,
 * answers that the method may give? METHOD is a full name; one that does not exist may give the
 * errors of org.varlink.service.
 */
#include "control/call.h"
#include "control/introspection.h"
#include "control/methods.h"
#include "idl.h"
#include "util/cleanup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_BYTES 128

static const char *const interface_names[] = {INTERFACE_OWN, INTERFACE_SERVICE};
static const char *const macros[] = {"OWN(\"", "SERVICE(\""}; /* of control/call.h, as above */

#define INTERFACES 2

static struct idl *interfaces[INTERFACES];
static bool has_failed;

static void complain(const char *where, const char *name, const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", where, name, what);
	has_failed = true;
}

/* The table. */

static const char *type_text(enum parameter_type type)
{
	switch (type) {
	case PARAMETER_STRING:
		return "string";
	case PARAMETER_INTEGER:
		return "int";
	case PARAMETER_INTEGERS:
		return "[]int";
	case PARAMETER_BOOLEAN:
		return "bool";
	}
	return "";
}

static const char *privilege_problem(enum privilege privilege)
{
	switch (privilege) {
	case PRIVILEGE_UNDECIDED:
		return "the table does not say who may call it";
	case PRIVILEGE_ANYONE:
	case PRIVILEGE_READ:
	case PRIVILEGE_CHANGE:
		return NULL;
	}
	return "the table has an unknown privilege for it";
}

static void complain_type(const char *place, const char *is, const char *should)
{
	char what[3 * NAME_MAX_BYTES];

	snprintf(what, sizeof(what), "is %s here, but %s in the interface", is, should);
	complain("method table", place, what);
}

static void check_parameters(const struct method *method, const struct idl_member *member)
{
	size_t count = 0, declared = 0;
	char wanted[NAME_MAX_BYTES], text[NAME_MAX_BYTES], place[2 * NAME_MAX_BYTES];

	for (; count < PARAMETERS_MAX && method->parameters[count].name; count++) {
		const struct parameter *parameter = &method->parameters[count];
		const struct idl_field *field = idl_find_field(&member->in, parameter->name);

		snprintf(place, sizeof(place), "%s(%s)", method->name, parameter->name);
		snprintf(text, sizeof(text), "%s%s", parameter->is_optional ? "?" : "",
			 type_text(parameter->type));
		if (!field)
			complain("method table", place, "the interface has no such parameter");
		else if (strcmp(idl_type_text(&field->type, wanted, sizeof(wanted)), text))
			complain_type(place, text, wanted);
	}
	if (count == PARAMETERS_MAX)
		complain("method table", method->name, "has no end of its parameters");
	for (const struct idl_field *field = member->in.fields; field; field = field->next) {
		bool is_known = false;

		for (size_t i = 0; i < count; i++)
			is_known |= !strcmp(method->parameters[i].name, field->name);
		snprintf(place, sizeof(place), "%s(%s)", method->name, field->name);
		if (!is_known)
			complain("interface", place, "the method table has no such parameter");
		declared++;
	}
	if (count > declared)
		complain("method table", method->name, "has a parameter twice");
}

/* The member of an interface that a full name means, or NULL. */
static const struct idl_member *find(enum idl_member_kind kind, const char *name)
{
	for (int i = 0; i < INTERFACES; i++) {
		size_t length = strlen(interfaces[i]->name);

		if (!strncmp(name, interfaces[i]->name, length) && name[length] == '.')
			return idl_find(interfaces[i], kind, name + length + 1);
	}
	return NULL;
}

static void check_table(void)
{
	for (size_t i = 0; i < methods_count; i++) {
		const struct method *method = &methods[i];
		const struct idl_member *member = find(IDL_METHOD, method->name);
		const char *problem = privilege_problem(method->privilege);

		if (problem)
			complain("method table", method->name, problem);
		if (!method->act)
			complain("method table", method->name, "does nothing");
		for (size_t k = 0; k < i; k++)
			if (!strcmp(methods[k].name, method->name))
				complain("method table", method->name, "is there twice");
		if (member)
			check_parameters(method, member);
		else
			complain("method table", method->name, "is not in the interface");
	}
}

static void check_methods(void)
{
	for (int i = 0; i < INTERFACES; i++)
		for (const struct idl_member *m = interfaces[i]->members; m; m = m->next) {
			char name[NAME_MAX_BYTES];
			bool is_known = false;

			snprintf(name, sizeof(name), "%s.%s", interfaces[i]->name, m->name);
			for (size_t k = 0; m->kind == IDL_METHOD && k < methods_count; k++)
				is_known |= !strcmp(methods[k].name, name);
			if (m->kind == IDL_METHOD && !is_known)
				complain("interface", name, "has no entry in the method table");
		}
}

/* The sources. */

static char *read_file(const char *path)
{
	_cleanup_fclose_ FILE *file = fopen(path, "re");
	char *text = NULL;
	size_t size = 0;

	if (!file || getdelim(&text, &size, '\0', file) < 0) {
		perror(path);
		exit(1);
	}
	return text;
}

/* Is each name of the interface in this source declared? @used: which members are errors of it. */
static void check_source(const char *path, int i, bool *used)
{
	_cleanup_free_ char *text = read_file(path);

	for (const char *at = text; (at = strstr(at, macros[i]));) {
		size_t length, number = 0;
		char name[NAME_MAX_BYTES];

		at += strlen(macros[i]);
		length = strcspn(at, "\"");
		snprintf(name, sizeof(name), "%.*s", (int)length, at);
		if (!idl_find(interfaces[i], IDL_METHOD, name) &&
		    !idl_find(interfaces[i], IDL_ERROR, name))
			complain(path, name, "neither an error nor a method of the interface");
		for (const struct idl_member *m = interfaces[i]->members; m; m = m->next, number++)
			used[number] |= m->kind == IDL_ERROR && !strcmp(m->name, name);
	}
}

static void check_errors(int i, char *paths[])
{
	size_t count = 0, number = 0;
	_cleanup_free_ bool *used = NULL;

	for (const struct idl_member *m = interfaces[i]->members; m; m = m->next)
		count++;
	used = calloc(count + 1, sizeof(*used));
	if (!used)
		abort();
	for (char **path = paths; *path; path++)
		check_source(*path, i, used);
	if (strcmp(interfaces[i]->name, INTERFACE_OWN))
		return; /* org.varlink.service is not ours to shorten */
	for (const struct idl_member *m = interfaces[i]->members; m; m = m->next, number++)
		if (m->kind == IDL_ERROR && !used[number])
			complain("interface", m->name, "no source gives this error");
}

/* Answers of a running daemon. */

static void check_answer(const char *method, const char *line)
{
	const char *dot = strrchr(method, '.');
	const struct idl *idl = interfaces[1];
	json_t *message = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	struct error error;

	if (!strncmp(method, INTERFACE_OWN ".", strlen(INTERFACE_OWN ".")))
		idl = interfaces[0];
	method = dot ? dot + 1 : method;
	if (!idl_find(idl, IDL_METHOD, method) && json_object_get(message, "error")) {
		idl = interfaces[1];
		method = "GetInfo"; /* its errors are all that there are */
	}
	if (!message)
		complain("answer", line, "no JSON");
	else if (idl_check_answer(idl, interfaces[1], method, message, &error))
		complain("answer", line, error.text);
	json_decref(message);
}

static void check_answers(const char *method)
{
	_cleanup_free_ char *line = NULL;
	size_t size = 0;

	while (getline(&line, &size, stdin) > 0) {
		line[strcspn(line, "\n")] = '\0';
		check_answer(method, line);
	}
}

int main(int argc, char *argv[])
{
	bool of_answers = argc == 3 && !strcmp(argv[1], "--answers");

	if (argc < 2) {
		fprintf(stderr, "usage: check SOURCE... | check --answers METHOD\n");
		return 2;
	}
	for (int i = 0; i < INTERFACES; i++) {
		struct error error = {.text = ""};

		if (idl_parse(&interfaces[i], interface_text(interface_names[i]), &error)) {
			complain("interface", interface_names[i], error.text);
			return 1;
		}
	}
	if (of_answers) {
		check_answers(argv[2]);
	} else {
		check_table();
		check_methods();
		for (int i = 0; i < INTERFACES; i++)
			check_errors(i, argv + 1);
	}
	for (int i = 0; i < INTERFACES; i++)
		idl_free(interfaces[i]);
	return has_failed;
}
