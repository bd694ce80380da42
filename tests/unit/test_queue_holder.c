// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's lists of queues and netlink sockets, as they are and as they should not be. */
#include "kernel/queue_holder.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char queues[] = "    7   4242     3 2   256     1     2       19  1\n"
			     " 9237 4294962711     0 2   256    11    12     4711  1\n"
			     "65535   4243     0 2 65531     0     0        0  1\n";

static const char sockets[] =
	"sk               Eth Pid        Groups   Rmem     Wmem     Dump  Locks    Drops    Inode\n"
	"00000000c0c0cafe 0   4242       00000000 0        0        0     2        0        100\n"
	"00000000deadbeef 12  4294962711 00000040 0        0        0     2        0        4026\n"
	"0000000012345678 12  4242       00000000 896      0        0     2        3        "
	"81234567\n";

static void test_queue_is_found(void **state)
{
	struct queue_entry entry;

	assert_int_equal(queue_entry_find(queues, 7, &entry), 0);
	assert_int_equal(entry.port, 4242);
	assert_int_equal(entry.dropped, 1);
	assert_int_equal(queue_entry_find(queues, 9237, &entry), 0);
	assert_int_equal(entry.port, 4294962711U);
	assert_int_equal(entry.dropped, 11);
	assert_int_equal(queue_entry_find(queues, 65535, &entry), 0);
	assert_int_equal(entry.port, 4243);
}

static void test_queue_that_nobody_holds(void **state)
{
	struct queue_entry entry = {.port = 1, .dropped = 2};

	assert_int_equal(queue_entry_find(queues, 8, &entry), -ENOENT);
	assert_int_equal(queue_entry_find("", 7, &entry), -ENOENT);
	assert_int_equal(queue_entry_find("\n\n7\n7 1\n7 1 0 2 256\n", 7, &entry), -ENOENT);
	assert_int_equal(queue_entry_find("x 7 4242 3 2 256 1 2 19 1", 7, &entry), -ENOENT);
	assert_int_equal(entry.port, 1);
	assert_int_equal(entry.dropped, 2);
}

static void test_last_line_without_newline(void **state)
{
	struct queue_entry entry;

	assert_int_equal(queue_entry_find("7 4242 3 2 256 5 0 0 1", 7, &entry), 0);
	assert_int_equal(entry.dropped, 5);
}

static void test_netlink_socket_is_found(void **state)
{
	uint32_t inode = 0;

	assert_int_equal(netlink_inode_find(sockets, 4242, &inode), 0);
	assert_int_equal(inode, 81234567); /* not the one of NETLINK_ROUTE with the same port */
	assert_int_equal(netlink_inode_find(sockets, 4294962711U, &inode), 0);
	assert_int_equal(inode, 4026);
}

static void test_netlink_socket_that_is_not_there(void **state)
{
	uint32_t inode = 5;

	assert_int_equal(netlink_inode_find(sockets, 100, &inode), -ENOENT);
	assert_int_equal(netlink_inode_find("", 4242, &inode), -ENOENT);
	assert_int_equal(netlink_inode_find("x 12 4242 0 0 0\n", 4242, &inode), -ENOENT);
	assert_int_equal(inode, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_queue_is_found),
		cmocka_unit_test(test_queue_that_nobody_holds),
		cmocka_unit_test(test_last_line_without_newline),
		cmocka_unit_test(test_netlink_socket_is_found),
		cmocka_unit_test(test_netlink_socket_that_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
