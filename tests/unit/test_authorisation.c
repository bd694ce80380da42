// SPDX-License-Identifier: GPL-2.0-or-later
/* control/call: who may call what. A new method needs a row in the table below. */
#include "control/call.h"
#include "control/methods.h"

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
	{"org.lhguard.EditException", {CHANGE}},
	{"org.lhguard.ImportExceptions", {CHANGE}},
	{"org.lhguard.RemoveExceptions", {CHANGE}},
	{"org.lhguard.CutConnections", {CHANGE}},
	{"org.lhguard.SetMode", {CHANGE}},
	{"org.lhguard.Reload", {CHANGE}},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

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
			int result =
				call_authorise(&methods[i], &callers[caller], DAEMON_UID, &reason);

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

	call_authorise(&change, &callers[ROOT_IN_GUEST], DAEMON_UID, &reason);
	assert_string_equal(reason.text, "process 7 is inside a guest (container:web), from where "
					 "nothing may be changed: do it on the host");
	call_authorise(&change, &callers[DAEMON_IN_GUEST], DAEMON_UID, &reason);
	assert_non_null(strstr(reason.text, "inside a guest (vm:dev)"));
	call_authorise(&change, &(struct peer){.pid = 7, .is_in_guest = true}, DAEMON_UID, &reason);
	assert_string_equal(reason.text, "process 7 has ended or cannot be looked at, so it may "
					 "change nothing: it has to wait for its answer");
	call_authorise(&change, &callers[MEMBER], DAEMON_UID, &reason);
	assert_string_equal(reason.text, "user 1000 may change nothing: only root may (try sudo)");
	call_authorise(&read, &callers[OTHER], DAEMON_UID, &reason);
	assert_non_null(strstr(reason.text, "user 1001 may not look"));
	assert_non_null(strstr(reason.text, CONTROL_GROUP));
}

/* The build refuses such an entry; if it were there all the same, nobody could call it. */
static void nobody_may_call_what_nobody_decided_on(void **state)
{
	static const struct method forgotten = {.name = "org.lhguard.Forgotten"};

	for (int caller = 0; caller < CALLERS; caller++) {
		struct error reason = {.text = ""};

		assert_int_equal(call_authorise(&forgotten, &callers[caller], DAEMON_UID, &reason),
				 -EACCES);
		assert_string_equal(reason.text, "nobody may call org.lhguard.Forgotten");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_method_has_a_row),
		cmocka_unit_test(every_method_is_open_to_those_it_shall),
		cmocka_unit_test(every_refusal_says_why),
		cmocka_unit_test(nobody_may_call_what_nobody_decided_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
