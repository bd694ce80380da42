// SPDX-License-Identifier: GPL-2.0-or-later
/* Other ends of Unix sockets, as this kernel tells them. */
#include "kernel/unix_peers.h"

#include "util/cleanup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>

static struct unix_peers *peers;

static int set_up(void **state)
{
	return unix_peers_open(&peers);
}

static int tear_down(void **state)
{
	unix_peers_close(peers);
	return 0;
}

static uint32_t inode_of(int fd)
{
	struct stat status;

	assert_int_equal(fstat(fd, &status), 0);
	return (uint32_t)status.st_ino;
}

static struct unix_socket ask(int fd)
{
	struct unix_socket socket = {.inode = inode_of(fd), .peer = 77, .name = 77};

	assert_int_equal(unix_peers_find(peers, &socket, 1), 0);
	return socket;
}

/* An abstract address that nobody else has: its name is the inode's number. */
static socklen_t name_socket(int fd, struct sockaddr_un *address)
{
	int length;

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	length = snprintf(&address->sun_path[1], sizeof(address->sun_path) - 1, "lhguard-%u",
			  inode_of(fd));
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
}

static void a_pair(void **state)
{
	int pair[2];
	struct unix_socket sockets[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	sockets[0].inode = inode_of(pair[0]);
	sockets[1].inode = inode_of(pair[1]);
	assert_true(sockets[0].inode < sockets[1].inode);
	assert_int_equal(unix_peers_find(peers, sockets, 2), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(sockets[i].peer, sockets[1 - i].inode);
		assert_int_equal(sockets[i].name, 0);
		assert_false(sockets[i].peer_has_name);
	}
	close(pair[1]);
	assert_int_equal(ask(pair[0]).peer, 0);
	close(pair[0]);
}

static void callers_of_one_listener_are_told(void **state)
{
	_cleanup_close_ int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	_cleanup_close_ int one = socket(AF_UNIX, SOCK_STREAM, 0);
	_cleanup_close_ int other = socket(AF_UNIX, SOCK_STREAM, 0);
	_cleanup_close_ int from_one = -1, from_other = -1;
	struct sockaddr_un address;
	socklen_t size = name_socket(listener, &address);
	struct unix_socket served;

	assert_int_equal(bind(listener, (void *)&address, size), 0);
	assert_int_equal(listen(listener, 2), 0);
	assert_int_equal(connect(one, (void *)&address, size), 0);
	from_one = accept(listener, NULL, NULL);
	assert_int_equal(connect(other, (void *)&address, size), 0);
	from_other = accept(listener, NULL, NULL);
	served = ask(from_one);
	assert_int_equal(served.peer, inode_of(one));
	assert_int_not_equal(served.name, 0);
	assert_int_equal(served.name, ask(from_other).name);
	assert_false(served.peer_has_name);
	assert_int_equal(ask(one).peer, inode_of(from_one));
	assert_int_equal(ask(one).name, 0);
	assert_true(ask(one).peer_has_name);
	assert_int_equal(ask(listener).peer, 0);
}

/* Many may send to one datagram socket; it is the other end of none of them. */
static void a_datagram_socket_that_many_send_to(void **state)
{
	_cleanup_close_ int receiver = socket(AF_UNIX, SOCK_DGRAM, 0);
	_cleanup_close_ int sender = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct sockaddr_un address;
	socklen_t size = name_socket(receiver, &address);

	assert_int_equal(bind(receiver, (void *)&address, size), 0);
	assert_int_equal(connect(sender, (void *)&address, size), 0);
	assert_int_equal(ask(sender).peer, 0);
	assert_int_equal(ask(receiver).peer, 0);
}

static void no_unix_socket(void **state)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(ask(fd).peer, 0);
	assert_int_equal(ask(fd).name, 0);
	assert_int_equal(unix_peers_find(peers, NULL, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_pair),
		cmocka_unit_test(callers_of_one_listener_are_told),
		cmocka_unit_test(a_datagram_socket_that_many_send_to),
		cmocka_unit_test(no_unix_socket),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
