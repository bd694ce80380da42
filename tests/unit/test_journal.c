// SPDX-License-Identifier: GPL-2.0-or-later
/* control/journal: what an entry says, and that a journald that hangs costs only entries. */
#include "control/journal.h"
#include "util/array.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

#include <cmocka.h>

/* In place of libsystemd's. */
int sd_journal_sendv(const struct iovec *fields, int count);

static pthread_mutex_t journald = PTHREAD_MUTEX_INITIALIZER; /* held: journald hangs */
static atomic_int entries;
static int answer;
static char latest[8192];

int sd_journal_sendv(const struct iovec *fields, int count)
{
	char *end = latest;

	pthread_mutex_lock(&journald);
	for (int i = 0; i < count; i++)
		end += sprintf(end, "%.*s\n", (int)fields[i].iov_len, (char *)fields[i].iov_base);
	atomic_fetch_add(&entries, 1);
	pthread_mutex_unlock(&journald);
	return answer;
}

static struct attempt attempt_of_devbox(void)
{
	struct attempt attempt = {
		.id = 12,
		.enforced = true,
		.first_us = 1500000,
		.arrival = {.has_mac = true, .mac = {2, 0, 0, 0, 0xab, 1}},
		.flow = {.family = AF_INET,
			 .protocol = IPPROTO_TCP,
			 .client_port = 40000,
			 .service_port = 9222},
		.source = {.class = SOURCE_GUEST,
			   .kind = KIND_VM,
			   .route = ROUTE_USER_NET,
			   .runtime = "qemu",
			   .name = "devbox",
			   .guest = 7,
			   .shared = true,
			   .conduit = "qemu",
			   .interface = "lo",
			   .pid = 123,
			   .comm = "qemu\nFAKE=1"},
		.decision = {.verdict = VERDICT_DROP, .reason = REASON_DEFAULT},
		.program = "python3",
	};

	memset(&attempt.flow.service.s6_addr[10], 0xff, 2);
	memcpy(&attempt.flow.service.s6_addr[12], "\x7f\0\0\1", 4);
	attempt.flow.client = attempt.flow.service;
	return attempt;
}

static int reset(void **state)
{
	atomic_store(&entries, 0);
	answer = 0;
	return 0;
}

static void an_entry_has_its_fields_escaped(void **state)
{
	static const char *const expected[] = {
		"MESSAGE=drop vm:devbox to tcp 127.0.0.1:9222 (python3), user-net\n",
		"\nPRIORITY=5\n",
		"\nSYSLOG_IDENTIFIER=lhguardd\n",
		"\nLHGUARD_EVENT=12\n",
		"\nLHGUARD_SOURCE=vm:devbox\n",
		"\nLHGUARD_SERVICE=127.0.0.1:9222\n",
		"\nLHGUARD_CLIENT=127.0.0.1:40000\n",
		"\nLHGUARD_CLIENT_PROGRAM=qemu\\x0aFAKE=1\n",
		"\nLHGUARD_MODE=enforce\n",
		"\nLHGUARD_TIME=1970-01-01T00:00:01.500000Z\n",
		"\nLHGUARD_GUEST=7\n",
		"\nLHGUARD_SHARED=1\n",
		"\nLHGUARD_CONDUIT=qemu\n",
		"\nLHGUARD_MAC=02:00:00:00:ab:01\n",
	};
	struct attempt attempt = attempt_of_devbox();
	struct journal *journal;

	assert_int_equal(journal_start(&journal), 0);
	journal_record(journal, &attempt);
	journal_stop(journal);
	assert_int_equal(atomic_load(&entries), 1);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		if (!strstr(latest, expected[i]))
			fail_msg("no %s in\n%s", expected[i], latest);
	assert_null(strstr(latest, "\nLHGUARD_EXCEPTION=")); /* it has none */
}

static void a_listener_says_so(void **state)
{
	static const char *const expected[] = {
		"MESSAGE=listen vm:devbox (qemu\\x0aFAKE=1) takes tcp 127.0.0.1:9222, "
		"which python3 had until 12:00:03\n",
		"\nMESSAGE_ID=29480d7bb0524a97acac04ce0e67b07c\n",
		"\nPRIORITY=5\n",
		"\nLHGUARD_TYPE=listener\n",
		"\nLHGUARD_REASON=takes-port\n",
		"\nLHGUARD_SERVICE=127.0.0.1:9222\n",
	};
	struct attempt attempt = attempt_of_devbox();
	struct journal *journal;

	attempt.type = EVENT_LISTENER;
	attempt.decision = (struct decision){.reason = REASON_TAKES_PORT};
	sprintf(attempt.rule, "which python3 had until 12:00:03");
	assert_int_equal(journal_start(&journal), 0);
	journal_record(journal, &attempt);
	journal_stop(journal);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		if (!strstr(latest, expected[i]))
			fail_msg("no %s in\n%s", expected[i], latest);
	assert_null(strstr(latest, "\nLHGUARD_CLIENT=")); /* nobody connects */
}

static void all_that_waits_is_written_at_the_end(void **state)
{
	struct attempt attempt = attempt_of_devbox();
	struct journal *journal;

	assert_int_equal(journal_start(&journal), 0);
	pthread_mutex_lock(&journald);
	for (int i = 0; i < JOURNAL_BACKLOG; i++)
		journal_record(journal, &attempt);
	pthread_mutex_unlock(&journald);
	assert_int_equal(journal_lost(journal), 0);
	journal_stop(journal);
	assert_int_equal(atomic_load(&entries), JOURNAL_BACKLOG);
}

static void a_journald_that_hangs_costs_entries_only(void **state)
{
	struct attempt attempt = attempt_of_devbox();
	struct journal *journal;
	uint64_t lost;

	assert_int_equal(journal_start(&journal), 0);
	pthread_mutex_lock(&journald);
	for (int i = 0; i < 10 * JOURNAL_BACKLOG; i++)
		journal_record(journal, &attempt);
	lost = journal_lost(journal);
	pthread_mutex_unlock(&journald);
	/* One may have been taken out before the thread hung. */
	assert_in_range(lost, 9 * JOURNAL_BACKLOG - 1, 9 * JOURNAL_BACKLOG);
	journal_stop(journal);
	assert_int_equal(atomic_load(&entries) + lost, 10 * JOURNAL_BACKLOG);
}

static void what_journald_refuses_is_counted(void **state)
{
	struct attempt attempt = attempt_of_devbox();
	struct journal *journal;

	answer = -ENOBUFS;
	assert_int_equal(journal_start(&journal), 0);
	journal_record(journal, &attempt);
	while (!journal_lost(journal))
		sched_yield();
	assert_int_equal(journal_lost(journal), 1);
	journal_stop(journal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_entry_has_its_fields_escaped, reset),
		cmocka_unit_test_setup(a_listener_says_so, reset),
		cmocka_unit_test_setup(all_that_waits_is_written_at_the_end, reset),
		cmocka_unit_test_setup(a_journald_that_hangs_costs_entries_only, reset),
		cmocka_unit_test_setup(what_journald_refuses_is_counted, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
