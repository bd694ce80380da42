// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/notify/channel: however a daemon answers, or does not, it is told once, and nothing is left. */
#include "cli/notify/channel.h"

#include "control/wire.h"
#include "util/array.h"

#include <errno.h>
#include <glib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/**
 * struct talk - a daemon of the test, and what the channel told of it
 * @listener: of the socket at @path
 * @peer: the daemon's end
 * @closes: close the channel at the first answer
 */
struct talk {
	char folder[64];
	char path[96];
	int listener;
	int peer;
	struct channel *channel;
	unsigned int answers;
	unsigned int ends;
	enum channel_end end;
	char error[64];
	char reason[128];
	json_int_t number;
	bool closes;
};

static void take_answer(void *data, const json_t *parameters, bool continues)
{
	struct talk *talk = data;

	talk->answers++;
	talk->number = json_integer_value(json_object_get(parameters, "number"));
	if (!talk->closes)
		return;
	channel_close(talk->channel);
	talk->channel = NULL;
}

static void take_end(void *data, enum channel_end end, const char *error, const char *reason)
{
	struct talk *talk = data;

	talk->ends++;
	talk->end = end;
	snprintf(talk->error, sizeof(talk->error), "%s", error);
	snprintf(talk->reason, sizeof(talk->reason), "%s", reason);
	talk->channel = NULL;
}

static const struct channel_handler handler = {take_answer, take_end};

static int setup(void **state)
{
	struct talk *talk = calloc(1, sizeof(*talk));
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	assert_non_null(talk);
	strcpy(talk->folder, "/tmp/lhg-channel-XXXXXX");
	assert_non_null(mkdtemp(talk->folder));
	snprintf(talk->path, sizeof(talk->path), "%s/socket", talk->folder);
	strcpy(address.sun_path, talk->path);
	talk->peer = -1;
	talk->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(talk->listener, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(talk->listener, 1), 0);
	*state = talk;
	return 0;
}

static int teardown(void **state)
{
	struct talk *talk = *state;

	channel_close(talk->channel);
	if (talk->peer >= 0)
		close(talk->peer);
	if (talk->listener >= 0)
		close(talk->listener);
	unlink(talk->path);
	rmdir(talk->folder);
	free(talk);
	return 0;
}

/* What is ready is dispatched; nothing here takes time. */
static void run(void)
{
	for (int i = 0; i < 1000 && g_main_context_iteration(NULL, FALSE); i++)
		;
}

static void call(struct talk *talk, unsigned int timeout_s)
{
	char text[512] = "";

	talk->channel = channel_open(talk->path, "Watch", json_pack("{s:i}", "past", 0), true,
				     timeout_s, &handler, talk);
	assert_non_null(talk->channel);
	talk->peer = accept(talk->listener, NULL, NULL);
	assert_true(talk->peer >= 0);
	run();
	assert_true(recv(talk->peer, text, sizeof(text), MSG_DONTWAIT) > 0);
	assert_non_null(strstr(text, "\"method\":\"org.lhguard.Watch\""));
	assert_non_null(strstr(text, "\"more\":true"));
}

static void say(struct talk *talk, const char *text)
{
	size_t length = strlen(text) + 1;

	assert_int_equal(send(talk->peer, text, length, MSG_NOSIGNAL), length);
	run();
}

static void answers_come_as_they_are_said(void **state)
{
	struct talk *talk = *state;

	call(talk, 10);
	say(talk, "{\"parameters\":{\"number\":1},\"continues\":true}");
	assert_int_equal(talk->answers, 1);
	say(talk, "{\"parameters\":{\"number\":2},\"continues\":true}");
	assert_int_equal(talk->number, 2);
	assert_int_equal(talk->ends, 0);
	say(talk, "{\"parameters\":{\"number\":3}}");
	assert_int_equal(talk->answers, 3);
	assert_int_equal(talk->ends, 1);
	assert_int_equal(talk->end, CHANNEL_DONE);
}

/* Else whoever asked would wait for ever: nothing watches the time after the first answer. */
static void who_asked_for_one_answer_gets_one(void **state)
{
	struct talk *talk = *state;

	talk->channel = channel_open(talk->path, "AllowEvent", NULL, false, 10, &handler, talk);
	talk->peer = accept(talk->listener, NULL, NULL);
	assert_true(talk->peer >= 0);
	run();
	say(talk, "{\"parameters\":{\"number\":1},\"continues\":true}");
	assert_int_equal(talk->answers, 1);
	assert_int_equal(talk->ends, 1);
	assert_int_equal(talk->end, CHANNEL_DONE);
}

static void an_error_is_told_with_its_reason(void **state)
{
	struct talk *talk = *state;

	call(talk, 10);
	say(talk, "{\"error\":\"org.lhguard.NotPermitted\",\"parameters\":{\"reason\":\"no\"}}");
	assert_int_equal(talk->ends, 1);
	assert_int_equal(talk->end, CHANNEL_ERROR);
	assert_string_equal(talk->error, "NotPermitted");
	assert_string_equal(talk->reason, "no");
	assert_int_equal(talk->answers, 0);
}

static void an_error_of_varlink_keeps_its_name(void **state)
{
	struct talk *talk = *state;

	call(talk, 10);
	say(talk, "{\"error\":\"org.varlink.service.MethodNotFound\"}");
	assert_string_equal(talk->error, "org.varlink.service.MethodNotFound");
	assert_string_equal(talk->reason, "");
}

static void who_hangs_up_is_lost(void **state)
{
	struct talk *talk = *state;

	call(talk, 10);
	say(talk, "{\"parameters\":{},\"continues\":true}");
	close(talk->peer);
	talk->peer = -1;
	run();
	assert_int_equal(talk->answers, 1);
	assert_int_equal(talk->ends, 1);
	assert_int_equal(talk->end, CHANNEL_LOST);
}

static void nonsense_is_lost(void **state)
{
	static const char *const words[] = {"", "[]", "{", "{\"a\":1,\"a\":2}", "\xff"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		struct talk *talk = *state;

		talk->ends = 0;
		call(talk, 10);
		say(talk, words[i]);
		assert_int_equal(talk->ends, 1);
		assert_int_equal(talk->end, CHANNEL_LOST);
		close(talk->peer);
		talk->peer = -1;
	}
}

static void a_message_without_an_end_is_lost(void **state)
{
	struct talk *talk = *state;
	char text[4096];

	memset(text, ' ', sizeof(text));
	call(talk, 10);
	for (int i = 0; i < 64 && !talk->ends; i++) {
		send(talk->peer, text, sizeof(text), MSG_NOSIGNAL | MSG_DONTWAIT);
		run();
	}
	assert_int_equal(talk->ends, 1);
	assert_int_equal(talk->end, CHANNEL_LOST);
}

static void many_messages_in_one_go_are_all_heard(void **state)
{
	static const char message[] = "{\"parameters\":{},\"continues\":true}";
	struct talk *talk = *state;

	call(talk, 10);
	for (int i = 0; i < 2000; i++) {
		assert_int_equal(send(talk->peer, message, sizeof(message), MSG_NOSIGNAL),
				 sizeof(message));
		if (i % 100 == 99)
			run();
	}
	assert_int_equal(talk->answers, 2000);
}

static void who_does_not_answer_is_given_up(void **state)
{
	struct talk *talk = *state;

	call(talk, 1);
	for (int i = 0; i < 600 && !talk->ends; i++) {
		g_usleep(50000);
		run();
	}
	assert_int_equal(talk->ends, 1);
	assert_int_equal(talk->end, CHANNEL_TIMEOUT);
}

static void after_the_first_answer_there_is_no_hurry(void **state)
{
	struct talk *talk = *state;

	call(talk, 1);
	say(talk, "{\"parameters\":{},\"continues\":true}");
	g_usleep(1300000);
	run();
	assert_int_equal(talk->ends, 0);
}

/* It is told out of the main loop, when the caller has the channel in its hands. */
static void without_a_daemon_it_ends_by_itself(void **state)
{
	struct talk *talk = *state;

	close(talk->listener);
	talk->listener = -1;
	talk->channel = channel_open(talk->path, "Watch", NULL, true, 10, &handler, talk);
	assert_int_equal(talk->ends, 0);
	run();
	assert_int_equal(talk->end, CHANNEL_REFUSED);
	unlink(talk->path);
	talk->channel = channel_open(talk->path, "Watch", NULL, true, 10, &handler, talk);
	run();
	assert_int_equal(talk->ends, 2);
	assert_int_equal(talk->end, CHANNEL_ABSENT);
	talk->channel = channel_open(talk->path, "Watch", NULL, true, 10, &handler, talk);
	channel_close(talk->channel);
	talk->channel = NULL;
	run();
	assert_int_equal(talk->ends, 2);
}

static void a_path_that_is_too_long_is_absent(void **state)
{
	struct talk *talk = *state;
	char path[300];

	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	talk->channel = channel_open(path, "Watch", NULL, true, 10, &handler, talk);
	run();
	assert_int_equal(talk->end, CHANNEL_ABSENT);
}

static void it_may_be_closed_by_whoever_is_told(void **state)
{
	struct talk *talk = *state;

	talk->closes = true;
	call(talk, 10);
	assert_int_equal(send(talk->peer, "{\"continues\":true}\0{\"continues\":true}", 38, 0), 38);
	run();
	assert_int_equal(talk->answers, 1);
	assert_int_equal(talk->ends, 0);
	assert_int_equal(recv(talk->peer, &(char){0}, 1, 0), 0); /* it has hung up */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(answers_come_as_they_are_said),
		TEST(who_asked_for_one_answer_gets_one),
		TEST(an_error_is_told_with_its_reason),
		TEST(an_error_of_varlink_keeps_its_name),
		TEST(who_hangs_up_is_lost),
		TEST(nonsense_is_lost),
		TEST(a_message_without_an_end_is_lost),
		TEST(many_messages_in_one_go_are_all_heard),
		TEST(who_does_not_answer_is_given_up),
		TEST(after_the_first_answer_there_is_no_hurry),
		TEST(without_a_daemon_it_ends_by_itself),
		TEST(a_path_that_is_too_long_is_absent),
		TEST(it_may_be_closed_by_whoever_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
