// SPDX-License-Identifier: GPL-2.0-or-later
/* control/permission: who may call what, and when polkit decides. A new method needs a row in the table below. */
#include "control/call.h"
#include "control/methods.h"
#include "control/permission.h"
#include "control/polkit.h"
#include "policy/config.h"
#include "util/array.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define DAEMON_UID 990

enum caller {
	ROOT,
	DAEMON,
	MEMBER,
	OTHER,
	ROOT_IN_GUEST,
	DAEMON_IN_GUEST,
	MEMBER_IN_GUEST,
	OTHER_IN_GUEST,
	CALLERS
};

static const struct peer callers[CALLERS] = {
	[ROOT] = {.uid = 0, .pid = 7},
	[DAEMON] = {.uid = DAEMON_UID, .pid = 7},
	[MEMBER] = {.uid = 1000, .pid = 7, .is_member = true},
	[OTHER] = {.uid = 1001, .pid = 7},
	[ROOT_IN_GUEST] = {.uid = 0, .pid = 7, .is_in_guest = true, .guest = "container:web"},
	[DAEMON_IN_GUEST] = {.uid = DAEMON_UID, .pid = 7, .is_in_guest = true, .guest = "vm:dev"},
	[MEMBER_IN_GUEST] = {.uid = 1000, .pid = 7, .is_member = true, .is_in_guest = true},
	[OTHER_IN_GUEST] = {.uid = 1001, .pid = 7, .is_in_guest = true},
};

/* root, daemon, member, other; then the same from inside a guest */
#define ANYONE 1, 1, 1, 1, 1, 1, 1, 1
#define READ   1, 1, 1, 0, 1, 1, 1, 0
#define CHANGE 1, 1, 0, 0, 0, 0, 0, 0

static const struct {
	const char *method;
	bool may[CALLERS];
} rows[] = {
	{"org.varlink.service.GetInfo", {ANYONE}},
	{"org.varlink.service.GetInterfaceDescription", {ANYONE}},
	{"org.lhguard.GetStatus", {READ}},
	{"org.lhguard.ListExceptions", {READ}},
	{"org.lhguard.ListGuests", {READ}},
	{"org.lhguard.ListServices", {READ}},
	{"org.lhguard.ListPorts", {READ}},
	{"org.lhguard.ListConnections", {READ}},
	{"org.lhguard.Explain", {READ}},
	{"org.lhguard.ExplainEvent", {READ}},
	{"org.lhguard.Watch", {READ}},
	{"org.lhguard.AddException", {CHANGE}},
	{"org.lhguard.AllowEvent", {CHANGE}},
	{"org.lhguard.EditException", {CHANGE}},
	{"org.lhguard.ImportExceptions", {CHANGE}},
	{"org.lhguard.RemoveExceptions", {CHANGE}},
	{"org.lhguard.CutConnections", {CHANGE}},
	{"org.lhguard.SetMode", {CHANGE}},
	{"org.lhguard.Reload", {CHANGE}},
};

#define ROWS ARRAY_SIZE(rows)

static const bool *row_of(const char *method)
{
	for (size_t i = 0; i < ROWS; i++)
		if (!strcmp(rows[i].method, method))
			return rows[i].may;
	return NULL;
}

static void every_method_has_a_row(void **state)
{
	for (size_t i = 0; i < methods_count; i++)
		if (!row_of(methods[i].name))
			fail_msg("nobody has said who shall call %s", methods[i].name);
	assert_int_equal(ROWS, methods_count);
}

static void every_method_is_open_to_those_it_shall(void **state)
{
	for (size_t i = 0; i < methods_count; i++)
		for (int caller = 0; caller < CALLERS; caller++) {
			const bool *may = row_of(methods[i].name);
			struct error reason = {.text = ""};
			int result = permission_check(&methods[i], &callers[caller], NULL, NULL,
						      DAEMON_UID, &reason);

			assert_non_null(may);
			if (result != (may[caller] ? 0 : -EACCES))
				fail_msg("%s by caller %d: %d", methods[i].name, caller, result);
			assert_int_equal(reason.text[0] != '\0', !may[caller]);
		}
}

static void every_refusal_says_why(void **state)
{
	static const struct method change = {.name = "X", .privilege = PRIVILEGE_CHANGE};
	static const struct method read = {.name = "X", .privilege = PRIVILEGE_READ};
	struct error reason;

	permission_check(&change, &callers[ROOT_IN_GUEST], NULL, NULL, DAEMON_UID, &reason);
	assert_string_equal(reason.text, "process 7 is inside a guest (container:web), from where "
					 "nothing may be changed: do it on the host");
	permission_check(&change, &callers[DAEMON_IN_GUEST], NULL, NULL, DAEMON_UID, &reason);
	assert_non_null(strstr(reason.text, "inside a guest (vm:dev)"));
	permission_check(&change, &(struct peer){.pid = 7, .is_in_guest = true}, NULL, NULL,
			 DAEMON_UID, &reason);
	assert_string_equal(reason.text, "process 7 has ended or cannot be looked at, so it may "
					 "change nothing: it has to wait for its answer");
	permission_check(&change, &callers[MEMBER], NULL, NULL, DAEMON_UID, &reason);
	assert_string_equal(reason.text, "user 1000 may change nothing: only root may (try sudo)");
	permission_check(&read, &callers[OTHER], NULL, NULL, DAEMON_UID, &reason);
	assert_non_null(strstr(reason.text, "user 1001 may not look"));
	assert_non_null(strstr(reason.text, CONTROL_GROUP));
}

/* The build refuses such an entry; if it were there all the same, nobody could call it. */
static void nobody_may_call_what_nobody_decided_on(void **state)
{
	static const struct method forgotten = {.name = "org.lhguard.Forgotten"};

	for (int caller = 0; caller < CALLERS; caller++) {
		struct error reason = {.text = ""};

		assert_int_equal(permission_check(&forgotten, &callers[caller], NULL, NULL,
						  DAEMON_UID, &reason),
				 -EACCES);
		assert_string_equal(reason.text, "nobody may call org.lhguard.Forgotten");
	}
}

/* What polkit is there for: each case says who, what polkit said, and what comes of it. */
static void polkit_decides_about_those_who_may_not_by_themselves(void **state)
{
	static const struct config_access with = {.polkit = true}, without = {.polkit = false};
	static const struct config_access members = {.members_change = true};
	static const struct permit yes = {.result = 0}, no = {-EACCES, "polkit says no"};
	static const struct permit nobody = {.result = -ENOENT};
	static const struct {
		enum privilege privilege;
		struct peer peer;
		const struct config_access *access;
		const struct permit *permit;
		int result;
		const char *word; /* of the reason */
	} cases[] = {
		{PRIVILEGE_CHANGE, {.uid = 1000, .start = 5}, &with, NULL, -EAGAIN, ""},
		{PRIVILEGE_CHANGE, {.uid = 1000, .start = 5}, &with, &yes, 0, ""},
		{PRIVILEGE_CHANGE,
		 {.uid = 1000, .start = 5},
		 &with,
		 &no,
		 -EACCES,
		 "polkit says no"},
		{PRIVILEGE_CHANGE, {.uid = 1000, .start = 5}, &with, &nobody, -EACCES, "try sudo"},
		{PRIVILEGE_CHANGE, {.uid = 1000, .start = 5}, &without, NULL, -EACCES, "try sudo"},
		{PRIVILEGE_CHANGE, {.uid = 1000, .start = 5}, NULL, NULL, -EACCES, "try sudo"},
		/* whom polkit could take for another */
		{PRIVILEGE_CHANGE, {.uid = 1000}, &with, NULL, -EACCES, "try sudo"},
		{PRIVILEGE_CHANGE,
		 {.uid = 1000, .start = 5, .is_shared = true},
		 &with,
		 NULL,
		 -EACCES,
		 "try sudo"},
		/* in a guest nobody is asked, and a yes counts for nothing */
		{PRIVILEGE_CHANGE,
		 {.uid = 1000, .start = 5, .is_in_guest = true, .guest = "vm:a"},
		 &with,
		 NULL,
		 -EACCES,
		 "inside a guest"},
		{PRIVILEGE_CHANGE,
		 {.uid = 1000, .start = 5, .is_in_guest = true, .guest = "vm:a"},
		 &with,
		 &yes,
		 -EACCES,
		 "inside a guest"},
		{PRIVILEGE_CHANGE,
		 {.uid = 1000, .is_member = true, .is_in_guest = true, .guest = "vm:a"},
		 &members,
		 NULL,
		 -EACCES,
		 "inside a guest"},
		/* without polkit: group and configuration */
		{PRIVILEGE_CHANGE, {.uid = 1000, .is_member = true}, &members, NULL, 0, ""},
		{PRIVILEGE_CHANGE, {.uid = 1000}, &members, NULL, -EACCES, "try sudo"},
		/* reading */
		{PRIVILEGE_READ, {.uid = 1000, .start = 5}, &with, NULL, -EAGAIN, ""},
		{PRIVILEGE_READ, {.uid = 1000, .start = 5}, &with, &yes, 0, ""},
		{PRIVILEGE_READ, {.uid = 1000, .start = 5}, &with, &no, -EACCES, "polkit says no"},
		{PRIVILEGE_READ, {.uid = 1000, .start = 5, .is_reader = true}, &with, NULL, 0, ""},
		{PRIVILEGE_READ, {.uid = 1000, .is_member = true}, &with, NULL, 0, ""},
		/* it was said of one process, outside */
		{PRIVILEGE_READ,
		 {.uid = 1000, .start = 5, .is_reader = true, .is_in_guest = true},
		 &with,
		 NULL,
		 -EACCES,
		 "may not look"},
		{PRIVILEGE_READ,
		 {.uid = 1000, .start = 5, .is_reader = true, .is_shared = true},
		 &with,
		 NULL,
		 -EACCES,
		 "may not look"},
		/* what polkit has said is past when it is no longer asked */
		{PRIVILEGE_CHANGE, {.uid = 1000, .start = 5}, &without, &yes, -EACCES, "try sudo"},
		{PRIVILEGE_READ,
		 {.uid = 1000, .start = 5, .is_reader = true},
		 &without,
		 NULL,
		 -EACCES,
		 "may not look"},
		{PRIVILEGE_READ,
		 {.uid = 1000, .start = 5, .is_in_guest = true, .guest = "vm:a"},
		 &with,
		 NULL,
		 -EACCES,
		 "may not look"},
		/* root needs nobody's yes, and nothing that nobody decided on becomes open by one */
		{PRIVILEGE_CHANGE, {.uid = 0, .start = 5}, &with, NULL, 0, ""},
		{PRIVILEGE_UNDECIDED, {.uid = 1000, .start = 5}, &with, &yes, -EACCES, "nobody"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct method method = {.name = "X", .privilege = cases[i].privilege};
		struct error reason = {.text = ""};
		int result = permission_check(&method, &cases[i].peer, cases[i].access,
					      cases[i].permit, DAEMON_UID, &reason);

		if (result != cases[i].result || !strstr(reason.text, cases[i].word))
			fail_msg("case %zu: %d, \"%s\"", i, result, reason.text);
	}
}

/* What a person reads before the password is typed. */
static void a_question_says_what_is_wanted(void **state)
{
	static const char hostile[] =
		"{\"action\":\"allow\",\"service\":\"9222\","
		"\"source\":\"vm:<b>a&\\n\",\"allowInteractiveAuthentication\":true}";
	json_t *parameters = json_loads(hostile, 0, NULL);
	const struct peer peer = {.uid = 1000, .pid = 7, .start = 5};
	const struct control_settings settings = {.services = NULL};
	struct call call = {.settings = &settings, .peer = &peer, .parameters = parameters};
	struct polkit_question question;

	for (size_t i = 0; i < methods_count; i++) {
		if (methods[i].privilege != PRIVILEGE_CHANGE)
			continue;
		assert_non_null(methods[i].purpose);
		call.method = &methods[i];
		if (strcmp(methods[i].name, "org.lhguard.AddException"))
			continue;
		assert_int_equal(permission_question(&call, &peer, &question), 0);
		assert_string_equal(question.action, "org.lhguard.manage");
		assert_true(question.is_interactive);
		assert_int_equal(question.pid, 7);
		assert_int_equal(question.start, 5);
		assert_int_equal(question.uid, 1000);
		assert_string_equal(question.what,
				    "allow 9222 from \"vm:\\x3cb\\x3ea\\x26\\\\x0a\" always");
	}
	json_decref(parameters);
}

static void what_others_chose_is_one_word_or_in_quotes(void **state)
{
	static const struct {
		const char *word, *shown;
	} cases[] = {
		{"vm:dev-box_2.local", "vm:dev-box_2.local"},
		{"vm:my box", "\"vm:my box\""},
		{"vm:a\"b", "\"vm:a\\x22b\""},
		{"vm:\u00a0a", "\"vm:\u00a0a\""},
		{"iface:\033[1m", "\"iface:\\x1b[1m\""},
		{"vm:$(x)<b>", "\"vm:$(x)\\x3cb\\x3e\""},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char text[POLKIT_WHAT_SIZE] = "";

		permission_quote(text, sizeof(text), cases[i].word);
		assert_string_equal(text, cases[i].shown);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_method_has_a_row),
		cmocka_unit_test(every_method_is_open_to_those_it_shall),
		cmocka_unit_test(every_refusal_says_why),
		cmocka_unit_test(nobody_may_call_what_nobody_decided_on),
		cmocka_unit_test(polkit_decides_about_those_who_may_not_by_themselves),
		cmocka_unit_test(a_question_says_what_is_wanted),
		cmocka_unit_test(what_others_chose_is_one_word_or_in_quotes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
