// SPDX-License-Identifier: GPL-2.0-or-later
/* control/polkit: against a system bus that answers, hangs or goes when the test says. */
#include "control/polkit.h"
#include "util/array.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <cmocka.h>

/* The bus: one socket, whose other end takes the part of bus and polkit in one. */

static char folder[] = "/tmp/lhguard-polkit-XXXXXX";
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static sd_event *loop;
static int listener;
static sd_bus *server;
static sd_bus_message *asking; /* the latest CheckAuthorization() */
static unsigned int checks, cancels;

static int on_message(sd_bus_message *message, void *data, sd_bus_error *error)
{
	if (sd_bus_message_is_method_call(message, "org.freedesktop.DBus", "Hello"))
		return sd_bus_reply_method_return(message, "s", ":1.7");
	if (sd_bus_message_is_method_call(message, NULL, "CheckAuthorization")) {
		checks++;
		sd_bus_message_unref(asking);
		asking = sd_bus_message_ref(message);
	}
	cancels += sd_bus_message_is_method_call(message, NULL, "CancelCheckAuthorization") > 0;
	return 1;
}

static void settle(void)
{
	while (sd_event_run(loop, 20000) > 0)
		;
}

/* Takes the connection that polkit_ask() has made. */
static void serve(void)
{
	const sd_id128_t id =
		SD_ID128_MAKE(01, 02, 03, 04, 05, 06, 07, 08, 09, 0a, 0b, 0c, 0d, 0e, 0f, 10);
	int fd = accept(listener, NULL, NULL);

	assert_true(fd >= 0);
	assert_true(sd_bus_new(&server) >= 0);
	assert_true(sd_bus_set_fd(server, fd, fd) >= 0);
	assert_true(sd_bus_set_server(server, true, id) >= 0);
	assert_true(sd_bus_add_filter(server, NULL, on_message, NULL) >= 0);
	assert_true(sd_bus_start(server) >= 0);
	assert_true(sd_bus_attach_event(server, loop, SD_EVENT_PRIORITY_NORMAL) >= 0);
	settle();
}

static void lose(void)
{
	asking = sd_bus_message_unref(asking);
	server = sd_bus_close_unref(server);
}

/* Who asks. */

static struct polkit *polkit;
static struct permit permits[4];
static unsigned int answers;

static void note_permit(void *data, const struct permit *permit)
{
	*(struct permit *)data = *permit;
	answers++;
}

static int ask(size_t i, uid_t uid, struct polkit_asked **asked)
{
	const struct polkit_question question = {
		.action = POLKIT_MANAGE,
		.pid = 7,
		.start = 5,
		.uid = uid,
		.what = "test",
	};

	permits[i].result = 1; /* nothing */
	return polkit_ask(polkit, &question, note_permit, &permits[i], asked);
}

static int start(void **state)
{
	char variable[128];

	checks = cancels = answers = 0;
	if (sd_event_new(&loop) < 0)
		return -1;
	listener = socket(AF_UNIX, SOCK_STREAM, 0);
	unlink(address.sun_path);
	if (bind(listener, (struct sockaddr *)&address, sizeof(address)) || listen(listener, 4))
		return -1;
	snprintf(variable, sizeof(variable), "unix:path=%s", address.sun_path);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", variable, 1);
	return polkit_new(&polkit, loop, SD_EVENT_PRIORITY_NORMAL + 50);
}

static int stop(void **state)
{
	lose();
	polkit_free(polkit);
	close(listener);
	sd_event_unref(loop);
	return 0;
}

static void a_yes_is_a_yes_and_a_no_is_a_no(void **state)
{
	struct polkit_asked *asked;

	assert_int_equal(ask(0, 1000, &asked), 0);
	serve();
	assert_int_equal(checks, 1);
	sd_bus_reply_method_return(asking, "(bba{ss})", 1, 0, 0);
	settle();
	assert_int_equal(permits[0].result, 0);
	assert_int_equal(ask(0, 1000, &asked), 0);
	settle();
	sd_bus_reply_method_return(asking, "(bba{ss})", 0, 1, 0);
	settle();
	assert_int_equal(permits[0].result, -EACCES);
	assert_int_equal(answers, 2);
	assert_int_equal(cancels, 0);
}

static void nonsense_is_a_no(void **state)
{
	static const char *const forms[] = {"", "(b)", "(bb)", "b", "s"};
	struct polkit_asked *asked;

	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		assert_int_equal(ask(0, 1000, &asked), 0);
		if (!server)
			serve();
		settle();
		if (!strcmp(forms[i], "s"))
			sd_bus_reply_method_return(asking, "s", "yes");
		else
			sd_bus_reply_method_return(asking, forms[i], 1, 1);
		settle();
		assert_int_equal(permits[0].result, -EIO);
	}
}

/* Who has questions open when the bus is lost is answered, also where the next one asks at once. */
static void no_question_outlives_its_bus(void **state)
{
	struct polkit_asked *asked;

	assert_int_equal(ask(0, 1000, &asked), 0);
	assert_int_equal(ask(1, 1001, &asked), 0);
	assert_int_equal(ask(2, 1002, &asked), 0);
	serve();
	assert_int_equal(checks, 3);
	lose();
	while (!answers) /* of one, so far */
		sd_event_run(loop, 20000);
	assert_int_equal(ask(3, 1003, &asked), 0);
	serve();
	assert_int_equal(checks, 4);
	assert_int_equal(answers, 3);
	for (size_t i = 0; i < 3; i++)
		assert_true(permits[i].result < 0);
	sd_bus_reply_method_return(asking, "(bba{ss})", 1, 0, 0);
	settle();
	assert_int_equal(permits[3].result, 0);
}

static void what_nobody_waits_for_is_taken_back(void **state)
{
	struct polkit_asked *asked;

	assert_int_equal(ask(0, 1000, &asked), 0);
	serve();
	polkit_cancel(asked);
	settle();
	assert_int_equal(cancels, 1);
	sd_bus_reply_method_return(asking, "(bba{ss})", 1, 0, 0); /* too late */
	settle();
	assert_int_equal(answers, 0);
	assert_int_equal(ask(1, 1000, &asked), 0);
	settle();
	sd_bus_reply_method_errorf(asking, SD_BUS_ERROR_NO_REPLY, "Method call timed out");
	settle();
	assert_int_equal(permits[1].result, -EIO);
	assert_int_equal(cancels, 2);
}

static void one_user_does_not_take_all_places(void **state)
{
	struct polkit_asked *asked;

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(ask(0, 1000, &asked), 0);
	assert_int_equal(ask(0, 1000, &asked), -EBUSY);
	assert_int_equal(ask(1, 1001, &asked), 0);
}

/* A bus that never says hello: the loop ends all the same. */
static void nobody_waits_for_a_bus_that_hangs(void **state)
{
	struct polkit_asked *asked;

	assert_int_equal(ask(0, 1000, &asked), 0);
	alarm(60);
	sd_event_exit(loop, 0);
	assert_int_equal(sd_event_loop(loop), 0);
	alarm(0);
}

static void without_a_bus_nobody_can_be_asked(void **state)
{
	struct polkit_asked *asked;

	unlink(address.sun_path);
	assert_int_equal(ask(0, 1000, &asked), -ENOENT);
	assert_int_equal(polkit_ask(NULL, NULL, NULL, NULL, &asked), -ENOENT);
}

static int make_folder(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/bus", folder);
	return 0;
}

static int remove_folder(void **state)
{
	unlink(address.sun_path);
	return rmdir(folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_yes_is_a_yes_and_a_no_is_a_no),	 TEST(nonsense_is_a_no),
		TEST(no_question_outlives_its_bus),	 TEST(what_nobody_waits_for_is_taken_back),
		TEST(one_user_does_not_take_all_places), TEST(nobody_waits_for_a_bus_that_hangs),
		TEST(without_a_bus_nobody_can_be_asked),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
