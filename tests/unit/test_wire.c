// SPDX-License-Identifier: GPL-2.0-or-later
/* control/wire: whole, half, many, huge and broken messages; a peer that does not read. */
#include "control/wire.h"

#include "util/array.h"
#include "util/error.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

struct pair {
	struct wire wire;
	int peer;
};

static int open_pair(void **state)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	int fds[2];

	if (!pair || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds))
		return -1;
	pair->wire.fd = fds[0];
	pair->peer = fds[1];
	*state = pair;
	return 0;
}

static int close_pair(void **state)
{
	struct pair *pair = *state;

	close(pair->wire.fd);
	if (pair->peer >= 0)
		close(pair->peer);
	wire_clear(&pair->wire);
	free(pair);
	return 0;
}

static void peer_sends(struct pair *pair, const char *bytes, size_t length)
{
	assert_int_equal(send(pair->peer, bytes, length, 0), length);
}

static void a_half_message_waits_for_its_end(void **state)
{
	static const char text[] = "{\"method\":\"a.b\"}";
	struct pair *pair = *state;
	json_t *message = NULL;

	assert_int_equal(wire_receive(&pair->wire), -EAGAIN);
	for (size_t i = 0; i < sizeof(text); i++) {
		assert_false(wire_has_message(&pair->wire));
		assert_int_equal(wire_next(&pair->wire, &message, NULL), 0);
		peer_sends(pair, text + i, 1);
		assert_int_equal(wire_receive(&pair->wire), 1);
	}
	assert_true(wire_has_message(&pair->wire));
	assert_int_equal(wire_next(&pair->wire, &message, NULL), 1);
	assert_string_equal(json_string_value(json_object_get(message, "method")), "a.b");
	json_decref(message);
	assert_int_equal(wire_next(&pair->wire, &message, NULL), 0);
}

static void pipelined_messages_come_out_one_by_one(void **state)
{
	static const char text[] = "{\"n\":1}\0{\"n\":2}\0{\"n\":3}\0{\"n\"";
	struct pair *pair = *state;
	json_t *message;

	peer_sends(pair, text, sizeof(text) - 1);
	assert_int_equal(wire_receive(&pair->wire), sizeof(text) - 1);
	for (int n = 1; n <= 3; n++) {
		assert_int_equal(wire_next(&pair->wire, &message, NULL), 1);
		assert_int_equal(json_integer_value(json_object_get(message, "n")), n);
		json_decref(message);
	}
	assert_int_equal(wire_next(&pair->wire, &message, NULL), 0);
	assert_int_equal(pair->wire.in_length, 4);
}

static void the_end_of_the_peer_is_told(void **state)
{
	struct pair *pair = *state;

	close(pair->peer);
	pair->peer = -1;
	assert_int_equal(wire_receive(&pair->wire), 0);
	assert_int_equal(wire_queue_text(&pair->wire, "{}", 2), 0);
	assert_int_equal(wire_flush(&pair->wire), -EPIPE); /* and no SIGPIPE */
}

static void what_is_no_object_is_refused(void **state)
{
	static const char *const broken[] = {
		"",
		"{",
		"[]",
		"\"text\"",
		"{} {}",
		"{\"a\":1,\"a\":2}",
		"{\"a\":\"\xff\"}",
		"{\"a\":\"\xed\xa0\x80\"}",
		"{\"a\":\"\\u0000\"}",
		"{\"a\":99999999999999999999}",
		"{\"a\":NaN}",
	};
	struct pair *pair = *state;

	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		struct error error = {.text = ""};
		json_t *message = NULL;

		peer_sends(pair, broken[i], strlen(broken[i]) + 1);
		assert_int_equal(wire_receive(&pair->wire), strlen(broken[i]) + 1);
		assert_int_equal(wire_next(&pair->wire, &message, &error), -EBADMSG);
		assert_null(message);
		assert_string_not_equal(error.text, "");
		assert_int_equal(pair->wire.in_length, 0);
	}
}

static void deep_nesting_is_refused(void **state)
{
	struct pair *pair = *state;
	char text[30000] = "{\"a\":";
	json_t *message;

	memset(text + 5, '[', sizeof(text) - 6);
	peer_sends(pair, text, sizeof(text));
	while (wire_receive(&pair->wire) > 0)
		continue;
	assert_int_equal(wire_next(&pair->wire, &message, NULL), -EBADMSG);
}

/* A message of exactly @size bytes with its NUL. */
static char *message_of(size_t size)
{
	char *text = malloc(size);

	assert_non_null(text);
	memset(text, 'x', size);
	memcpy(text, "{\"a\":\"", 6);
	memcpy(text + size - 3, "\"}", 3);
	return text;
}

static void the_longest_message_fits_and_its_memory_is_given_back(void **state)
{
	struct pair *pair = *state;
	char *text = message_of(WIRE_MESSAGE_MAX);
	json_t *message;

	peer_sends(pair, text, WIRE_MESSAGE_MAX);
	while (!wire_has_message(&pair->wire))
		assert_true(wire_receive(&pair->wire) > 0);
	assert_int_equal(pair->wire.in_size, WIRE_MESSAGE_MAX);
	assert_int_equal(wire_receive(&pair->wire), -EAGAIN); /* take the message first */
	assert_int_equal(wire_next(&pair->wire, &message, NULL), 1);
	json_decref(message);
	assert_int_equal(pair->wire.in_size, 0);
	assert_null(pair->wire.in);
	free(text);
}

static void a_longer_message_is_refused(void **state)
{
	struct pair *pair = *state;
	char *text = message_of(WIRE_MESSAGE_MAX + 1);
	ssize_t length;

	peer_sends(pair, text, WIRE_MESSAGE_MAX + 1);
	do {
		length = wire_receive(&pair->wire);
	} while (length > 0);
	assert_int_equal(length, -EMSGSIZE);
	free(text);
}

static void a_slow_peer_fills_the_backlog_and_no_more(void **state)
{
	struct pair *pair = *state;
	json_t *message = json_pack("{s:s}", "text", "0123456789012345678901234567890123456789");
	char *text = json_dumps(message, JSON_COMPACT);
	char buffer[8192];
	size_t queued = 0, received = 0;
	ssize_t length;
	int result;

	while (!(result = wire_queue(&pair->wire, message)))
		queued++;
	assert_int_equal(result, -ENOBUFS);
	assert_int_equal(pair->wire.out_length, queued * (strlen(text) + 1));
	assert_true(pair->wire.out_size <= WIRE_BACKLOG_MAX);
	assert_int_equal(wire_queue_text(&pair->wire, text, strlen(text)), -ENOBUFS);
	assert_int_equal(wire_flush(&pair->wire), -EAGAIN);
	while (received < queued * (strlen(text) + 1)) {
		length = recv(pair->peer, buffer, sizeof(buffer), 0);
		assert_true(length > 0);
		for (ssize_t i = 0; i < length; i++, received++)
			assert_int_equal(buffer[i], text[received % (strlen(text) + 1)]);
		result = wire_flush(&pair->wire);
	}
	assert_int_equal(result, 0);
	assert_null(pair->wire.out); /* given back */
	free(text);
	json_decref(message);
}

/* Who sends */

static void send_as_child(struct pair *pair, const char *bytes, size_t length, pid_t *child)
{
	int status;

	*child = fork();
	if (!*child)
		_exit(send(pair->peer, bytes, length, 0) != (ssize_t)length);
	assert_int_equal(waitpid(*child, &status, 0), *child);
	assert_int_equal(status, 0);
}

static void bytes_of_two_senders_come_apart(void **state)
{
	static const int on = 1;
	struct pair *pair = *state;
	pid_t child;

	assert_int_equal(setsockopt(pair->wire.fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)), 0);
	peer_sends(pair, "{\"a\"", 4);
	send_as_child(pair, ":1}", 4, &child);
	peer_sends(pair, "{}", 3);
	assert_int_equal(wire_receive(&pair->wire), 4);
	assert_int_equal(pair->wire.sender, getpid());
	assert_int_equal(wire_receive(&pair->wire), 4);
	assert_int_equal(pair->wire.sender, child);
	assert_int_equal(wire_receive(&pair->wire), 3);
	assert_int_equal(pair->wire.sender, getpid());
	assert_int_equal(wire_receive(&pair->wire), -EAGAIN);
	assert_int_equal(pair->wire.sender, 0);
}

static void nobody_is_named_where_nobody_asked(void **state)
{
	struct pair *pair = *state;

	peer_sends(pair, "{}", 3);
	assert_int_equal(wire_receive(&pair->wire), 3);
	assert_int_equal(pair->wire.sender, 0);
}

static int next_descriptor(void)
{
	int fd = dup(STDIN_FILENO);

	close(fd);
	return fd;
}

/* Descriptors that come with a message are none of ours, however many. */
static void descriptors_are_not_kept(void **state)
{
	struct pair *pair = *state;
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(8 * sizeof(int))];
	} control = {.header = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
	struct iovec part = {"{}", 3};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control};
	int next = next_descriptor();

	for (int asked = 0; asked < 2; asked++) {
		assert_int_equal(
			setsockopt(pair->wire.fd, SOL_SOCKET, SO_PASSCRED, &asked, sizeof(asked)),
			0);
		for (unsigned int count = 1; count <= 8; count++) {
			control.header.cmsg_len = CMSG_LEN(count * sizeof(int));
			message.msg_controllen = CMSG_SPACE(count * sizeof(int));
			memset(CMSG_DATA(&control.header), 0, count * sizeof(int)); /* stdin */
			assert_int_equal(sendmsg(pair->peer, &message, 0), 3);
			assert_int_equal(wire_receive(&pair->wire), 3);
			assert_int_equal(next_descriptor(), next);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_half_message_waits_for_its_end, open_pair,
						close_pair),
		cmocka_unit_test_setup_teardown(pipelined_messages_come_out_one_by_one, open_pair,
						close_pair),
		cmocka_unit_test_setup_teardown(the_end_of_the_peer_is_told, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(what_is_no_object_is_refused, open_pair,
						close_pair),
		cmocka_unit_test_setup_teardown(deep_nesting_is_refused, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(
			the_longest_message_fits_and_its_memory_is_given_back, open_pair,
			close_pair),
		cmocka_unit_test_setup_teardown(a_longer_message_is_refused, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(bytes_of_two_senders_come_apart, open_pair,
						close_pair),
		cmocka_unit_test_setup_teardown(nobody_is_named_where_nobody_asked, open_pair,
						close_pair),
		cmocka_unit_test_setup_teardown(descriptors_are_not_kept, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(a_slow_peer_fills_the_backlog_and_no_more,
						open_pair, close_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
