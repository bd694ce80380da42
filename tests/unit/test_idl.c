// SPDX-License-Identifier: GPL-2.0-or-later
/* tests/interface: what holds the daemon's answers against their definition would notice. */
#include "conforms.h"

#include <stdio.h>

static void assert_mistake(const char *text, const char *expected)
{
	struct error error = {.text = ""};
	struct idl *idl = NULL;

	if (!idl_parse(&idl, text, &error)) {
		idl_free(idl);
		fail_msg("taken: %s", text);
	}
	assert_string_equal(error.text, expected);
}

static void mistakes_are_found_where_they_are(void **state)
{
	assert_mistake("", "line 1: expected: interface");
	assert_mistake("interface lhguard", "line 1: expected the name of an interface");
	assert_mistake("interface a.", "line 1: expected the name of an interface");
	assert_mistake("interface a.b\nmethods A() -> ()",
		       "line 2: expected type, method or error");
	assert_mistake("interface a.b\nmethod a() -> ()",
		       "line 2: expected a name that begins with a capital");
	assert_mistake("interface a.b\nmethod A()", "line 2: expected: ->");
	assert_mistake("interface a.b\nmethod A(x: ) -> ()",
		       "line 2: expected a name that begins with a capital");
	assert_mistake("interface a.b\nmethod A(x_: int) -> ()", "line 2: expected: )");
	assert_mistake("interface a.b\nmethod A(x: int y: int) -> ()", "line 2: expected: )");
	assert_mistake("interface a.b\nmethod A(x: int,) -> ()",
		       "line 2: expected the name of a field");
	assert_mistake("interface a.b\nmethod A(x) -> ()", "line 2: parameters without types: A");
	assert_mistake("interface a.b\ntype A (x: int, y)", "line 2: a field without a type: y");
	assert_mistake("interface a.b\n#\ntype A (x: int, x: int)",
		       "line 3: a second field of this name: x");
	assert_mistake("interface a.b\ntype A ()\nerror A ()",
		       "line 3: a second member of this name: A");
	assert_mistake("interface a.b\ntype A (x: []?B)", "line 2: no such type: B");
	assert_mistake("interface a.b\ntype A (x: ??int)",
		       "line 2: expected a name that begins with a capital");
	assert_mistake("interface a.b\ntype A (x: [int]int)",
		       "line 2: expected a name that begins with a capital");
	assert_mistake("interface a.b\ntype A (x: [][][][][][][][][][][][][][][][][][]int)",
		       "line 2: types within types, too deep");
}

static const char all[] = "# what there is\n"
			  "interface org.example.all\n"
			  "type Pair (name: string, rank: ?int)\n"
			  "type Colour (red, green)\n"
			  "type All (\n"
			  "\tyes: bool, some: float, free: object, # of each kind\n"
			  "\tpair: Pair, maybe: ?Pair, pairs: []Pair, sizes: [string]int,\n"
			  "\tcolour: Colour, inner: (a_1: int)\n"
			  ")\n"
			  "method Ask(what: ?[]string) -> (pair: Pair)\n"
			  "method Rest() -> ()\n"
			  "error Tired (reason: string)\n"
			  "error Gone ()\n";

static struct idl *parse_all(void)
{
	struct error error = {.text = ""};
	struct idl *idl = NULL;

	if (idl_parse(&idl, all, &error))
		fail_msg("%s", error.text);
	return idl;
}

static void definitions_are_read_whole(void **state)
{
	struct idl *idl = parse_all();
	const struct idl_member *ask = idl_find(idl, IDL_METHOD, "Ask");
	char text[64];

	assert_string_equal(idl->name, "org.example.all");
	assert_non_null(ask);
	assert_null(idl_find(idl, IDL_TYPE, "Ask"));
	assert_string_equal(
		idl_type_text(&idl_find_field(&ask->in, "what")->type, text, sizeof(text)),
		"?[]string");
	assert_string_equal(
		idl_type_text(&idl_find_field(&ask->out, "pair")->type, text, sizeof(text)),
		"Pair");
	assert_null(idl_find_field(&ask->in, "who"));
	idl_free(idl);
}

#define GOOD                                                                                       \
	"'yes':true,'some':1.5,'free':{'x':[]},'pair':{'name':'a','rank':null},"                   \
	"'pairs':[{'name':'b'},{'name':'c','rank':3}],'sizes':{'x':1}"

/* Is this a value of All? JSON with ' for ". Return: what is wrong, "" when nothing is. */
static const char *problem(const char *text)
{
	static struct error error;
	struct idl *idl = parse_all();
	char quoted[512];
	json_t *value;
	int result;

	snprintf(quoted, sizeof(quoted), "%s", text);
	for (char *c = quoted; *c; c++)
		if (*c == '\'')
			*c = '"';
	value = json_loads(quoted, 0, NULL);
	assert_non_null(value);
	error.text[0] = '\0';
	result = idl_check_named(idl, "All", value, &error);
	assert_int_equal(result != 0, error.text[0] != '\0');
	json_decref(value);
	idl_free(idl);
	return error.text;
}

static void values_are_held_against_their_types(void **state)
{
	assert_string_equal(problem("{" GOOD ",'colour':'red','inner':{'a_1':1}}"), "");
	assert_string_equal(problem("{" GOOD ",'colour':'blue','inner':{'a_1':1}}"),
			    "colour: is no (...)");
	assert_string_equal(problem("{" GOOD ",'colour':'red','inner':{'a_1':1.0}}"),
			    "inner.a_1: is no int");
	assert_string_equal(problem("{" GOOD ",'colour':'red','inner':{}}"),
			    "inner: has no field a_1");
	assert_string_equal(problem("{" GOOD ",'colour':'red','inner':{'a_1':1},'more':1}"),
			    "the value: has an unknown field more");
	assert_string_equal(problem("{'yes':1}"), "yes: is no bool");
	assert_string_equal(problem("{'yes':null}"), "yes: is no bool");
	assert_string_equal(problem("{'yes':true,'some':'x'}"), "some: is no float");
	assert_string_equal(problem("{'yes':true,'some':1,'free':[]}"), "free: is no object");
	assert_string_equal(problem("{'yes':true,'some':1,'free':{},'pair':{'name':7}}"),
			    "pair.name: is no string");
	assert_string_equal(
		problem("{'yes':true,'some':1,'free':{},'pair':{'name':'','rank':'x'}}"),
		"pair.rank: is no ?int");
	assert_string_equal(problem("{'yes':true,'some':1,'free':{},'pair':{'name':''},'maybe':[],"
				    "'pairs':[]}"),
			    "maybe: is no (...)");
	assert_string_equal(problem("{'yes':true,'some':1,'free':{},'pair':{'name':''},"
				    "'pairs':[{'name':''},null]}"),
			    "pairs[1]: is no (...)");
	assert_string_equal(problem("{'yes':true,'some':1,'free':{},'pair':{'name':''},"
				    "'pairs':[],'sizes':{'x':1,'y':'z'}}"),
			    "sizes.y: is no int");
	assert_string_equal(problem("[]"), "the value: is no (...)");
}

static void assert_answer_problem(const char *method, const char *text, const char *expected)
{
	const struct idl *service = interface_of(INTERFACE_SERVICE);
	struct idl *idl = parse_all();
	json_t *message = json_loads(text, 0, NULL);
	struct error error = {.text = ""};

	assert_non_null(message);
	idl_check_answer(idl, service, method, message, &error);
	assert_string_equal(error.text, expected);
	json_decref(message);
	idl_free(idl);
}

static void answers_are_held_against_their_methods(void **state)
{
	assert_answer_problem("Ask", "{\"parameters\":{\"pair\":{\"name\":\"\"}}}", "");
	assert_answer_problem("Ask",
			      "{\"parameters\":{\"pair\":{\"name\":\"\"}},\"continues\":true}", "");
	assert_answer_problem("Ask", "{\"parameters\":{}}", "the value: has no field pair");
	assert_answer_problem("Ask", "{}", "there is no value");
	assert_answer_problem("Rest", "{\"parameters\":{}}", "");
	assert_answer_problem("Rest", "{\"parameters\":{},\"more\":true}", "an answer has no more");
	assert_answer_problem("Sleep", "{\"parameters\":{}}",
			      "org.example.all has no method Sleep");
	assert_answer_problem("Rest", "{\"error\":\"org.example.all.Gone\"}", "");
	assert_answer_problem(
		"Rest", "{\"error\":\"org.example.all.Tired\",\"parameters\":{\"reason\":\"x\"}}",
		"");
	assert_answer_problem("Rest", "{\"error\":\"org.example.all.Tired\"}",
			      "org.example.all.Tired has no parameters");
	assert_answer_problem("Rest", "{\"error\":\"org.example.all.Tired\",\"parameters\":{}}",
			      "the value: has no field reason");
	assert_answer_problem("Rest", "{\"error\":\"org.example.all.Pair\"}",
			      "no error is called org.example.all.Pair");
	assert_answer_problem("Rest", "{\"error\":\"org.varlink.service.ExpectedMore\"}", "");
	assert_answer_problem("Rest", "{\"error\":\"org.other.Gone\"}",
			      "no error is called org.other.Gone");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mistakes_are_found_where_they_are),
		cmocka_unit_test(definitions_are_read_whole),
		cmocka_unit_test(values_are_held_against_their_types),
		cmocka_unit_test(answers_are_held_against_their_methods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
