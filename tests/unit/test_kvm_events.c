/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The uevents of /dev/kvm, as the kernel writes them. */
#include "kernel/kvm_events.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HEAD                                                                                       \
	"change@/devices/virtual/misc/kvm\0ACTION=change\0DEVPATH=/devices/virtual/misc/kvm\0"     \
	"SUBSYSTEM=misc\0"
#define TAIL "STATS_PATH=/kvm/812-11\0MAJOR=10\0MINOR=232\0DEVNAME=kvm\0SEQNUM=4711"

#define PARSE(text) kvm_event_parse(text, sizeof(text))

static void tells_who_made_a_vm(void **state)
{
	assert_int_equal(PARSE(HEAD "CREATED=3\0COUNT=1\0EVENT=create\0PID=812\0" TAIL), 812);
	assert_int_equal(PARSE(HEAD "EVENT=create\0PID=812"), 812);
}

static void passes_over_the_rest(void **state)
{
	assert_int_equal(PARSE(HEAD "CREATED=3\0COUNT=0\0EVENT=destroy\0PID=812\0" TAIL), 0);
	assert_int_equal(PARSE(HEAD "PID=812\0" TAIL), 0);
	assert_int_equal(PARSE(HEAD "EVENT=create\0" TAIL), 0);
	assert_int_equal(PARSE(HEAD "EVENT=create\0PID=\0" TAIL), 0);
	assert_int_equal(PARSE(HEAD "EVENT=create\0PID=-1\0" TAIL), 0);
	assert_int_equal(PARSE(HEAD "EVENT=create\0PID=12x\0" TAIL), 0);
	assert_int_equal(PARSE(HEAD "EVENT=create\0PID=99999999999999\0" TAIL), 0);
	assert_int_equal(PARSE("change@/devices/virtual/misc/tun\0EVENT=create\0PID=812"), 0);
	assert_int_equal(PARSE("add@/devices/virtual/misc/kvm\0EVENT=create\0PID=812"), 0);
	/* Not ended by NUL, and nothing at all. */
	assert_int_equal(kvm_event_parse(HEAD "EVENT=create\0PID=812",
					 sizeof(HEAD "EVENT=create\0PID=812") - 1),
			 0);
	assert_int_equal(kvm_event_parse("", 0), 0);
}

/* Anybody may listen: no privilege is needed for it. */
static void listens(void **state)
{
	struct kvm_events *events = NULL;

	assert_int_equal(kvm_events_open(&events), 0);
	assert_true(kvm_events_fd(events) >= 0);
	kvm_events_close(events);
	kvm_events_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_who_made_a_vm),
		cmocka_unit_test(passes_over_the_rest),
		cmocka_unit_test(listens),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
