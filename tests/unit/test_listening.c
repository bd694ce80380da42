// SPDX-License-Identifier: GPL-2.0-or-later
/* guests/listening: what of two dumps of sockets is news, and whose the port was. */
#include "guests/listening.h"
#include "util/array.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define NOON_US	  (12 * 3600 * 1000000ull)
#define MINUTE_US 60000000ull

/* Whose a socket is stands in its uid: 0 the host, 99 unknown, 50 the host's for a guest, else a
 * guest. */
enum { HOST_UID = 0, HELPER_UID = 50, UNKNOWN_UID = 99 };

static struct listening *listening;
static struct attempt latest;
static unsigned int told, asked, names;
static unsigned int names_left;
static bool host_is_guest; /* the registry has found out more */

static void owner(void *data, const struct socket_info *socket, struct source *source)
{
	asked++;
	source->guest = 0;
	switch (socket->uid) {
	case HOST_UID:
	case HELPER_UID:
		source->class = host_is_guest ? SOURCE_GUEST : SOURCE_HOST;
		source->guest = host_is_guest ? 7 : 0;
		return;
	case UNKNOWN_UID:
		source->class = SOURCE_UNKNOWN;
		return;
	default:
		source->class = SOURCE_GUEST;
		source->guest = socket->uid;
		snprintf(source->name, sizeof(source->name), "guest-%u", socket->uid);
	}
}

static bool holder(void *data, const struct socket_info *socket, struct source *source, char *comm)
{
	if (!names_left)
		return false;
	names_left--;
	names++;
	snprintf(comm, COMM_SIZE, "program-%u", socket->inode);
	if (socket->uid == HELPER_UID) {
		source->class = SOURCE_GUEST;
		source->guest = 7;
	}
	return true;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *time);

/* No time goes by: whose sockets they are is looked up for so long only. */
int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
	*time = (struct timespec){.tv_sec = 100};
	return 0;
}

static void tell(void *data, const struct attempt *attempt)
{
	told++;
	latest = *attempt;
}

static int start(void **state)
{
	static const struct listening_handler handler = {owner, holder, tell};

	setenv("TZ", "UTC", 1);
	tzset();
	told = asked = names = 0;
	host_is_guest = false;
	names_left = UINT32_MAX;
	return listening_new(&listening, &handler, NULL);
}

static int stop(void **state)
{
	listening_free(listening);
	return 0;
}

static struct waiting_socket at(uint32_t inode, uint32_t uid, const char *address, uint16_t port)
{
	struct waiting_socket socket = {
		.socket = {.inode = inode, .uid = uid},
		.protocol = IPPROTO_TCP,
		.port = port,
	};
	char mapped[64];

	snprintf(mapped, sizeof(mapped), "%s%s", strchr(address, ':') ? "" : "::ffff:", address);
	assert_int_equal(inet_pton(AF_INET6, mapped, &socket.address), 1);
	return socket;
}

/* One dump of these sockets. */
static bool look(uint64_t now_us, const struct waiting_socket *sockets, size_t count)
{
	listening_begin(listening);
	for (size_t i = 0; i < count; i++)
		listening_see(listening, &sockets[i]);
	return listening_end(listening, now_us);
}

static void what_is_there_at_the_start_is_no_news(void **state)
{
	const struct waiting_socket sockets[] = {at(1, HOST_UID, "127.0.0.1", 80),
						 at(2, 7, "127.0.0.1", 81),
						 at(3, 7, "127.0.0.1", 82)};

	assert_false(look(NOON_US, sockets, 2));
	assert_int_equal(told, 0);
	look(NOON_US, sockets, 3);
	assert_int_equal(told, 1);
	assert_int_equal(latest.type, EVENT_LISTENER);
	assert_int_equal(latest.decision.reason, REASON_LISTENS);
	assert_int_equal(latest.decision.verdict, VERDICT_ACCEPT);
	assert_int_equal(latest.source.guest, 7);
	assert_int_equal(latest.flow.service_port, 82);
	assert_int_equal(latest.flow.family, AF_INET);
	assert_string_equal(latest.source.comm, "program-3");
	asked = 0;
	look(NOON_US, sockets, 3);
	assert_int_equal(told, 1);
	assert_int_equal(asked, 0); /* what is known costs nothing */
}

static void the_host_is_no_news(void **state)
{
	const struct waiting_socket sockets[] = {at(1, HOST_UID, "127.0.0.1", 80),
						 at(2, HOST_UID, "::1", 81)};

	look(NOON_US, NULL, 0);
	look(NOON_US, sockets, 2);
	look(NOON_US, sockets + 1, 1);
	assert_int_equal(told, 0);
}

static void a_port_of_the_host_is_taken(void **state)
{
	static const struct {
		const char *host, *guest;
		bool takes;
	} pairs[] = {
		{"127.0.0.1", "127.0.0.1", true},
		{"0.0.0.0", "127.0.0.1", true},
		{"127.0.0.1", "0.0.0.0", true},
		{"::", "127.0.0.1", true},
		{"::1", "::", true},
		{"127.0.0.1", "::1", false},
		{"0.0.0.0", "::1", false},
		{"192.0.2.1", "127.0.0.1", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
		const struct waiting_socket host = at(1, HOST_UID, pairs[i].host, 9222);
		const struct waiting_socket guest = at(2, 7, pairs[i].guest, 9222);

		stop(NULL);
		start(NULL);
		look(NOON_US, &host, 1);
		look(NOON_US + 3000000, &guest, 1);
		assert_int_equal(told, 1);
		if (!pairs[i].takes) {
			assert_int_equal(latest.decision.reason, REASON_LISTENS);
		} else {
			assert_int_equal(latest.decision.reason, REASON_TAKES_PORT);
			assert_string_equal(latest.program, "program-1");
			assert_string_equal(latest.rule, "which program-1 had until 12:00:03");
		}
	}
}

static void a_socket_for_six_only_has_no_port_of_four(void **state)
{
	struct waiting_socket host = at(1, HOST_UID, "::", 9222);
	const struct waiting_socket guest = at(2, 7, "127.0.0.1", 9222);

	host.only_six = true;
	look(NOON_US, &host, 1);
	look(NOON_US, &guest, 1);
	assert_int_equal(latest.decision.reason, REASON_LISTENS);
}

static void another_port_is_not_taken(void **state)
{
	const struct waiting_socket host = at(1, HOST_UID, "127.0.0.1", 9222);
	struct waiting_socket guest = at(2, 7, "127.0.0.1", 9223);

	look(NOON_US, &host, 1);
	look(NOON_US, &guest, 1);
	assert_int_equal(latest.decision.reason, REASON_LISTENS);
	guest = at(3, 7, "127.0.0.1", 9222);
	guest.protocol = IPPROTO_UDP;
	look(NOON_US, &guest, 1);
	assert_int_equal(told, 2);
	assert_int_equal(latest.decision.reason, REASON_LISTENS);
}

static void a_port_that_both_have_is_told(void **state)
{
	const struct waiting_socket both[] = {at(1, HOST_UID, "0.0.0.0", 9222),
					      at(2, 7, "127.0.0.1", 9222)};

	look(NOON_US, both, 1);
	look(NOON_US, both, 2);
	assert_int_equal(latest.decision.reason, REASON_TAKES_PORT);
	assert_string_equal(latest.rule, "which program-1 has, too");
}

static void the_latest_holder_counts(void **state)
{
	const struct waiting_socket first = at(1, HOST_UID, "127.0.0.1", 9222);
	const struct waiting_socket second = at(2, HOST_UID, "127.0.0.1", 9222);
	const struct waiting_socket guest = at(3, 7, "127.0.0.1", 9222);

	look(NOON_US, &first, 1);
	look(NOON_US + MINUTE_US, &second, 1);
	look(NOON_US + 2 * MINUTE_US, &guest, 1);
	assert_string_equal(latest.rule, "which program-2 had until 12:02:00");
	/* What a guest had is no program's of the host. */
	listening_recheck(listening);
	look(NOON_US + 3 * MINUTE_US, NULL, 0);
	look(NOON_US + 15 * 60 * MINUTE_US, (struct waiting_socket[]){at(4, 8, "127.0.0.1", 9222)},
	     1);
	assert_string_equal(latest.rule, "which program-2 had until 1970-01-01 12:02:00");
}

static void who_cannot_be_told_at_first_is_asked_for_again(void **state)
{
	const struct waiting_socket socket = at(1, UNKNOWN_UID, "127.0.0.1", 80);

	look(NOON_US, NULL, 0);
	for (int i = 0; i < 3; i++) {
		assert_true(look(NOON_US, &socket, 1));
		assert_int_equal(told, 0);
	}
	assert_false(look(NOON_US, &socket, 1));
	assert_int_equal(told, 1);
	assert_int_equal(latest.source.class, SOURCE_UNKNOWN);
}

static void a_guests_helper_is_the_guest(void **state)
{
	const struct waiting_socket socket = at(1, HELPER_UID, "0.0.0.0", 8080);

	look(NOON_US, NULL, 0);
	look(NOON_US, &socket, 1);
	assert_int_equal(told, 1);
	assert_int_equal(latest.source.guest, 7);
	listening_recheck(listening);
	look(NOON_US, &socket, 1);
	assert_int_equal(told, 1); /* once */
}

/* The registry finds out later that a process is a guest's. */
static void a_program_that_turns_out_to_be_a_guests_is_news(void **state)
{
	const struct waiting_socket socket = at(1, HOST_UID, "127.0.0.1", 80);

	look(NOON_US, NULL, 0);
	look(NOON_US, &socket, 1);
	assert_int_equal(told, 0);
	listening_recheck(listening);
	look(NOON_US, &socket, 1);
	assert_int_equal(told, 0);
	host_is_guest = true;
	listening_recheck(listening);
	look(NOON_US, &socket, 1);
	assert_int_equal(told, 1);
	assert_int_equal(latest.source.guest, 7);
	assert_string_equal(latest.source.comm, "program-1");
	assert_int_equal(names, 1); /* the name was known */
}

static void names_have_a_budget_and_news_go_first(void **state)
{
	struct waiting_socket sockets[101];

	for (uint16_t i = 0; i < 100; i++)
		sockets[i] = at(i + 1u, HOST_UID, "127.0.0.1", 100 + i);
	names_left = 10;
	assert_true(look(NOON_US, sockets, 100));
	sockets[100] = at(500, 7, "127.0.0.1", 9222);
	names_left = 1;
	assert_true(look(NOON_US, sockets, 101));
	assert_int_equal(told, 1);
	for (int i = 0; i < 8; i++) {
		names_left = 10;
		assert_true(look(NOON_US, sockets, 101));
	}
	names_left = 10;
	assert_false(look(NOON_US, sockets, 101));
	assert_int_equal(names, 101);
}

static void add_port(void *data, const struct waiting_socket *socket, const char *program)
{
	*(unsigned int *)data += socket->port;
}

/* Guests come and go all the time, so that all owners are asked for at each dump. */
static void all_are_asked_for_again_in_turn(void **state)
{
	struct waiting_socket sockets[1001];
	unsigned int sum = 0;

	for (uint16_t i = 0; i < 1000; i++)
		sockets[i] = at(i + 1u, HOST_UID, "127.0.0.1", 100 + i);
	sockets[1000] = at(2000, 7, "127.0.0.1", 9222);
	while (look(NOON_US, sockets, 1001))
		continue;
	listening_each(listening, 7, add_port, &sum);
	assert_int_equal(sum, 9222);
	host_is_guest = true;
	for (int i = 0; i < 9; i++) {
		listening_recheck(listening);
		look(NOON_US, sockets, 1001);
	}
	sum = 0;
	listening_each(listening, 7, add_port, &sum);
	assert_int_equal(sum, 9222 + 1000 * (100 + 1099) / 2);
}

static void a_flood_of_ports_is_cut(void **state)
{
	struct waiting_socket sockets[LISTENING_MAX];
	struct waiting_socket other = at(9999, 8, "127.0.0.1", 9);

	for (uint16_t i = 0; i < LISTENING_MAX; i++)
		sockets[i] = at(i + 1u, 7, "127.0.0.1", 1000 + i);
	look(NOON_US, NULL, 0);
	while (look(NOON_US, sockets, LISTENING_MAX - 1))
		continue;
	assert_int_equal(told, 64);
	sockets[LISTENING_MAX - 1] = other;
	look(NOON_US, sockets, LISTENING_MAX);
	assert_int_equal(told, 65); /* another's is told all the same */
	look(NOON_US + MINUTE_US, sockets + 1, LISTENING_MAX - 1);
	look(NOON_US + MINUTE_US, sockets, LISTENING_MAX);
	assert_int_equal(told, 66);
}

static void a_full_table_forgets_what_is_gone(void **state)
{
	struct waiting_socket sockets[LISTENING_MAX];
	const struct waiting_socket guest = at(99999, 7, "127.0.0.1", 1000);
	const struct waiting_socket elsewhere = at(88888, 7, "127.0.0.1", 9222);

	for (uint16_t i = 0; i < LISTENING_MAX; i++)
		sockets[i] = at(i + 1u, HOST_UID, "127.0.0.1", 1000 + i);
	while (look(NOON_US, sockets, LISTENING_MAX))
		continue;
	look(NOON_US, &guest, 1); /* no place: all the others are gone, but only from now on */
	assert_true(listening_others_join(listening, &elsewhere, 7)); /* who knows */
	look(NOON_US, &guest, 1);
	assert_false(listening_others_join(listening, &elsewhere, 7));
	assert_int_equal(told, 1);
	look(NOON_US, sockets, 100);
	while (look(NOON_US, sockets, LISTENING_MAX))
		continue;
	asked = 0;
	assert_false(look(NOON_US, sockets, LISTENING_MAX));
	assert_int_equal(asked, 0);
}

static void count_socket(void *data, const struct waiting_socket *socket, const char *program)
{
	*(unsigned int *)data += socket->port;
	assert_string_equal(program, "program-2");
}

static void a_guests_sockets_are_listed(void **state)
{
	const struct waiting_socket sockets[] = {at(1, HOST_UID, "127.0.0.1", 80),
						 at(2, 7, "127.0.0.1", 81),
						 at(3, 8, "127.0.0.1", 82)};
	unsigned int sum = 0;

	look(NOON_US, sockets, 3);
	listening_each(listening, 7, count_socket, &sum);
	assert_int_equal(sum, 81);
	look(NOON_US, sockets, 1);
	listening_each(listening, 7, count_socket, &sum);
	assert_int_equal(sum, 81);
}

static void who_waits_beside_a_guest(void **state)
{
	const struct waiting_socket guest = at(1, 7, "127.0.0.1", 80);
	struct waiting_socket sockets[] = {guest, at(2, HOST_UID, "127.0.0.1", 81),
					   at(3, 7, "127.0.0.1", 80)};

	look(NOON_US, sockets, 3); /* a second one of its own */
	assert_false(listening_others_join(listening, &guest, 7));
	sockets[1] = at(4, HOST_UID, "127.0.0.1", 80);
	look(NOON_US, sockets, 3);
	assert_true(listening_others_join(listening, &guest, 7));
	sockets[1] = at(5, UNKNOWN_UID, "0.0.0.0", 80);
	look(NOON_US, sockets, 3);
	assert_true(listening_others_join(listening, &guest, 7));
	sockets[1].protocol = IPPROTO_UDP;
	look(NOON_US, sockets, 3);
	assert_false(listening_others_join(listening, &guest, 7));
	sockets[1] = at(6, HOST_UID, "::1", 80);
	look(NOON_US, sockets, 3);
	assert_false(listening_others_join(listening, &guest, 7));
	sockets[2] = at(7, 8, "127.0.0.1", 80);
	look(NOON_US, sockets, 3); /* another guest's */
	assert_true(listening_others_join(listening, &guest, 7));
	look(NOON_US, sockets, 2); /* what has been closed is no matter */
	assert_false(listening_others_join(listening, &guest, 7));
}

/* A client's socket, and one that a client might have: not those of services. */
static void clients_wait_for_nobody(void **state)
{
	struct waiting_socket socket = at(1, 7, "0.0.0.0", 40000);

	assert_true(waiting_is_service(&socket, 32768, 60999)); /* TCP listens on purpose */
	socket.protocol = IPPROTO_UDP;
	assert_false(waiting_is_service(&socket, 32768, 60999));
	assert_true(waiting_is_service(&socket, 50000, 60999));
	socket = at(1, 7, "127.0.0.1", 40000);
	socket.protocol = IPPROTO_UDP;
	assert_true(waiting_is_service(&socket, 32768, 60999));
	socket = at(1, 7, "::", 40000);
	socket.protocol = IPPROTO_UDP;
	assert_false(waiting_is_service(&socket, 32768, 60999));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_there_at_the_start_is_no_news),
		TEST(the_host_is_no_news),
		TEST(a_port_of_the_host_is_taken),
		TEST(a_socket_for_six_only_has_no_port_of_four),
		TEST(another_port_is_not_taken),
		TEST(a_port_that_both_have_is_told),
		TEST(the_latest_holder_counts),
		TEST(who_cannot_be_told_at_first_is_asked_for_again),
		TEST(a_guests_helper_is_the_guest),
		TEST(a_program_that_turns_out_to_be_a_guests_is_news),
		TEST(names_have_a_budget_and_news_go_first),
		TEST(all_are_asked_for_again_in_turn),
		TEST(a_flood_of_ports_is_cut),
		TEST(a_full_table_forgets_what_is_gone),
		TEST(a_guests_sockets_are_listed),
		TEST(who_waits_beside_a_guest),
		TEST(clients_wait_for_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
