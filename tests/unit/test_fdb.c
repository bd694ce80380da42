/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bridge ports by MAC address: moves, floods and dumps. */
#include "kernel/fdb.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { BRIDGE = 3, VICTIM = 10, FORGER = 11, THIRD = 12 };

static struct fdb *fdb;

static int make(void **state)
{
	return fdb_new(&fdb);
}

static int destroy(void **state)
{
	fdb_free(fdb);
	return 0;
}

static struct fdb_entry entry(uint32_t port, uint32_t number)
{
	struct fdb_entry made = {.bridge = BRIDGE, .port = port, .mac = {0x52, 0x54}};

	memcpy(made.mac + 2, &number, sizeof(number));
	return made;
}

static void learn(uint32_t port, uint32_t number, uint64_t now_ms)
{
	struct fdb_entry made = entry(port, number);

	fdb_learn(fdb, &made, now_ms);
}

static void forget(uint32_t port, uint32_t number, uint64_t now_ms)
{
	struct fdb_entry made = entry(port, number);

	fdb_forget(fdb, &made, now_ms);
}

/* Return: the port, 0 for none, -1 for ambiguous. */
static int find(uint32_t number, uint64_t now_ms)
{
	struct fdb_entry made = entry(0, number);
	uint32_t port;

	switch (fdb_find(fdb, BRIDGE, made.mac, now_ms, &port)) {
	case LINKS_PORT_FOUND:
		return (int)port;
	case LINKS_PORT_AMBIGUOUS:
		return -1;
	default:
		return 0;
	}
}

static void finds_what_it_learned(void **state)
{
	struct fdb_entry made = entry(0, 1);
	uint32_t port;

	assert_int_equal(find(1, 0), 0);
	learn(VICTIM, 1, 0);
	learn(VICTIM, 2, 5);
	learn(VICTIM, 1, 10);
	assert_int_equal(find(1, 10), VICTIM);
	assert_int_equal(find(2, 10), VICTIM);
	assert_int_equal(find(3, 10), 0);
	assert_int_equal(fdb_find(fdb, BRIDGE + 1, made.mac, 10, &port), LINKS_PORT_NONE);
	forget(FORGER, 1, 20); /* not where it is */
	assert_int_equal(find(1, 20), VICTIM);
	forget(VICTIM, 1, 20);
	assert_int_equal(find(1, 20), 0);
	forget(VICTIM, 9, 20);
}

static void trusts_no_move(void **state)
{
	learn(VICTIM, 1, 1000);
	learn(FORGER, 1, 500000);
	assert_int_equal(find(1, 500000), -1);
	learn(VICTIM, 1, 500010);
	assert_int_equal(find(1, 500010 + FDB_AMBIGUOUS_MS - 1), -1);
	assert_int_equal(find(1, 500010 + FDB_AMBIGUOUS_MS), VICTIM);
}

static void remembers_a_dropped_address(void **state)
{
	learn(VICTIM, 1, 0);
	forget(VICTIM, 1, 100000);
	learn(FORGER, 1, 100000 + FDB_AMBIGUOUS_MS - 1);
	assert_int_equal(find(1, 100000 + FDB_AMBIGUOUS_MS), -1);

	learn(VICTIM, 2, 0);
	forget(VICTIM, 2, 0);
	learn(FORGER, 2, FDB_AMBIGUOUS_MS); /* long gone */
	assert_int_equal(find(2, FDB_AMBIGUOUS_MS), FORGER);

	/* the forger takes its link down, which drops the entry; the mark stays */
	learn(VICTIM, 3, 0);
	learn(FORGER, 3, 10);
	forget(FORGER, 3, 20);
	assert_int_equal(find(3, 20), -1);
	learn(VICTIM, 3, 30);
	assert_int_equal(find(3, 30), -1);
}

static void lets_a_container_restart(void **state)
{
	learn(VICTIM, 1, 0);
	learn(VICTIM, 2, 0);
	learn(THIRD, 3, 0);
	fdb_forget_port(fdb, VICTIM, 10);
	assert_int_equal(find(1, 10), 0);
	assert_int_equal(find(3, 10), THIRD);
	learn(FORGER, 1, 20);
	assert_int_equal(find(1, 20), FORGER);

	/* but a forger that removes its own port leaves the mark */
	learn(VICTIM, 4, 0);
	learn(FORGER, 4, 30);
	fdb_forget_port(fdb, FORGER, 40);
	learn(VICTIM, 4, 50);
	assert_int_equal(find(4, 60), -1);
	fdb_forget_port(fdb, 999, 60);
}

static void knows_no_vlan_of_a_packet(void **state)
{
	struct fdb_entry first = entry(VICTIM, 1);
	struct fdb_entry second = entry(FORGER, 1);

	first.vlan = 1;
	second.vlan = 2;
	fdb_learn(fdb, &first, 0);
	fdb_learn(fdb, &second, 10);
	assert_int_equal(find(1, 10 * FDB_AMBIGUOUS_MS), -1);
}

static void flood_hits_the_flooder(void **state)
{
	for (uint32_t i = 0; i < 100; i++)
		learn(VICTIM, i, 0);
	learn(THIRD, 100, 0);
	for (uint32_t i = 0; i < 5 * FDB_ENTRIES; i++)
		learn(FORGER, 1000 + i, i);
	for (uint32_t i = 0; i < 100; i++)
		assert_int_equal(find(i, 0), VICTIM);
	assert_int_equal(find(100, 0), THIRD);
	assert_int_equal(find(1000, 0), 0);
	assert_int_equal(find(1000 + 5 * FDB_ENTRIES - 1, 0), FORGER);
	learn(THIRD, 101, 0); /* there is room for others */
	assert_int_equal(find(101, 0), THIRD);

	/* one port for each address, as a machine with many containers has */
	for (uint32_t i = 0; i < FDB_ENTRIES + 10; i++)
		learn(1000 + i, 100000 + i, 0);
	assert_int_equal(find(100000 + FDB_ENTRIES + 9, 0), 1000 + FDB_ENTRIES + 9);
	for (uint32_t i = 0; i < FDB_ENTRIES + 10; i++)
		fdb_forget_port(fdb, 1000 + i, 0);
	assert_int_equal(find(100000 + FDB_ENTRIES + 9, 0), 0);
}

static void dump_drops_the_rest_and_keeps_marks(void **state)
{
	learn(VICTIM, 1, 0);
	learn(VICTIM, 2, 0);
	learn(VICTIM, 3, 0);
	learn(VICTIM, 4, 0);
	learn(FORGER, 3, 100);
	fdb_begin_sync(fdb);
	learn(VICTIM, 1, 200);
	learn(VICTIM, 3, 200);
	learn(FORGER, 4, 200);
	fdb_end_sync(fdb, 200);
	assert_int_equal(find(1, 210), VICTIM);
	assert_int_equal(find(2, 210), 0);
	assert_int_equal(find(3, 210), -1);
	assert_int_equal(find(4, 210), -1);
	learn(FORGER, 2, 300); /* dropped while we were not told, and elsewhere soon after */
	assert_int_equal(find(2, 310), -1);
}

static int collect(void *data, const uint8_t *mac)
{
	uint32_t **next = data;

	memcpy((*next)++, mac + 2, sizeof(**next));
	return (*next)[-1] == 9;
}

static void lists_the_newest_of_a_port_first(void **state)
{
	uint32_t numbers[8], *next = numbers;

	learn(VICTIM, 1, 0);
	learn(VICTIM, 2, 0);
	learn(FORGER, 3, 0);
	learn(FORGER, 4, 0);
	learn(VICTIM, 5, 0);
	learn(VICTIM, 1, 0);
	learn(VICTIM, 3, 0); /* moved: nobody's */
	forget(VICTIM, 5, 0);
	fdb_each(fdb, VICTIM, 10, collect, &next);
	assert_int_equal(next - numbers, 2);
	assert_int_equal(numbers[0], 1);
	assert_int_equal(numbers[1], 2);
	learn(VICTIM, 9, 20);
	next = numbers;
	fdb_each(fdb, VICTIM, 20, collect, &next);
	assert_int_equal(next - numbers, 1); /* ended by the visitor */
	fdb_each(fdb, THIRD, 20, collect, &next);
	assert_int_equal(next - numbers, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make, destroy)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(finds_what_it_learned),
		TEST(trusts_no_move),
		TEST(remembers_a_dropped_address),
		TEST(lets_a_container_restart),
		TEST(knows_no_vlan_of_a_packet),
		TEST(flood_hits_the_flooder),
		TEST(dump_drops_the_rest_and_keeps_marks),
		TEST(lists_the_newest_of_a_port_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
