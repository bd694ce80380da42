// SPDX-License-Identifier: GPL-2.0-or-later
/* control/control and client: the socket itself, with good, half, fast, slow and many clients. */
#include "control/control.h"

#include "control/events.h"
#include "control/wire.h"
#include "guests/registry.h"

#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* The stores behind the methods, empty. */

int registry_each(const struct registry *registry,
		  int (*visit)(void *data, const struct guest *guest), void *data)
{
	return 0;
}

const struct exception *exceptions_find(const struct exceptions *exceptions, uint32_t id)
{
	return NULL;
}

int exceptions_each(const struct exceptions *exceptions,
		    int (*visit)(void *data, const struct exception *exception), void *data)
{
	return 0;
}

static unsigned int reloads;
static bool peers_are_guests;
static pid_t inside; /* a process that is inside a guest; any other but our own has ended */

static void no_status(void *data, struct status *status)
{
	*status = (struct status){
		.version = "1",
		.mode = "enforce",
		.configured_mode = "enforce",
		.refusal = "drop",
		.netns = "",
		.expression = "native",
		.config_path = "",
		.queues = {{.name = "loopback"}, {.name = "guests"}},
	};
}

static int count_reload(void *data, struct error *error)
{
	reloads++;
	return 0;
}

static bool is_guest(void *data, pid_t pid, char *label, size_t size)
{
	snprintf(label, size, "container:web");
	if (pid == inside)
		return true;
	assert_int_equal(pid, getpid());
	return peers_are_guests;
}

static const struct control_handler handler = {
	.status = no_status,
	.reload = count_reload,
	.peer_guest = is_guest,
};

struct fixture {
	char runtime[64];
	char path[96];
	struct control_settings settings;
	struct control *control;
};

static int start(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct error error = {.text = ""};

	snprintf(fixture->runtime, sizeof(fixture->runtime), "/tmp/lhguard-control-XXXXXX");
	if (!mkdtemp(fixture->runtime))
		return -1;
	strcat(fixture->runtime, "/run");
	snprintf(fixture->path, sizeof(fixture->path), "%s/%s", fixture->runtime, CONTROL_SOCKET);
	fixture->settings = (struct control_settings){
		.runtime = fixture->runtime,
		.handler = &handler,
		.events = events_new(),
	};
	reloads = 0;
	peers_are_guests = false;
	inside = 0;
	*state = fixture;
	if (sd_event_new(&fixture->settings.loop) < 0)
		return -1;
	return control_start(&fixture->control, &fixture->settings, &error);
}

static int stop(void **state)
{
	struct fixture *fixture = *state;

	control_stop(fixture->control);
	sd_event_unref(fixture->settings.loop);
	events_free(fixture->settings.events);
	if (!access(fixture->path, F_OK) || rmdir(fixture->runtime))
		return -1;
	*strrchr(fixture->runtime, '/') = '\0';
	if (rmdir(fixture->runtime))
		return -1;
	free(fixture);
	return 0;
}

/* Lets the loop do what there is to do. Return: how many turns that took. */
static unsigned int settle(struct fixture *fixture)
{
	unsigned int turns = 0;

	while (sd_event_run(fixture->settings.loop, 0) > 0)
		assert_true(++turns < 100000); /* it never spins */
	return turns;
}

static int try_connect(struct fixture *fixture)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", fixture->path);
	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	settle(fixture);
	return fd;
}

static struct wire connect_client(struct fixture *fixture)
{
	return (struct wire){.fd = try_connect(fixture)};
}

static void close_client(struct fixture *fixture, struct wire *wire)
{
	close(wire->fd);
	wire_clear(wire);
	settle(fixture);
}

static void send_bytes(struct wire *wire, const char *bytes, size_t length)
{
	assert_int_equal(send(wire->fd, bytes, length, MSG_NOSIGNAL), length);
}

#define CALL(method)	 "{\"method\":\"" method "\"}"
#define SEND(wire, text) send_bytes(wire, text, sizeof(text)) /* with its NUL */

static json_t *next_answer(struct fixture *fixture, struct wire *wire)
{
	json_t *answer = NULL;

	settle(fixture);
	while (!wire_has_message(wire)) {
		if (wire_receive(wire) <= 0)
			return NULL;
		settle(fixture);
	}
	assert_int_equal(wire_next(wire, &answer, NULL), 1);
	return answer;
}

static const char *next_error(struct fixture *fixture, struct wire *wire)
{
	static char name[128];
	json_t *answer = next_answer(fixture, wire);
	const char *error = json_string_value(json_object_get(answer, "error"));

	assert_non_null(answer);
	snprintf(name, sizeof(name), "%s", error ? error : "");
	json_decref(answer);
	return name;
}

static void assert_closed(struct fixture *fixture, struct wire *wire)
{
	ssize_t length;

	settle(fixture);
	do {
		length = wire_receive(wire);
	} while (length > 0);
	assert_true(length == 0 || length == -ECONNRESET);
}

static void the_socket_is_for_root_and_the_group(void **state)
{
	struct fixture *fixture = *state;
	struct stat status;

	assert_int_equal(stat(fixture->path, &status), 0);
	assert_true(S_ISSOCK(status.st_mode));
	assert_true((status.st_mode & 0777) == 0600 || (status.st_mode & 0777) == 0660);
	assert_int_equal(stat(fixture->runtime, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0755);
}

static void a_living_daemon_keeps_its_socket(void **state)
{
	struct fixture *fixture = *state;
	struct error error = {.text = ""};
	struct control *second = NULL;

	assert_int_equal(control_start(&second, &fixture->settings, &error), -EADDRINUSE);
	assert_non_null(strstr(error.text, fixture->path));
	assert_int_equal(access(fixture->path, F_OK), 0);
	assert_null(second);
}

static void a_dead_daemons_socket_is_replaced(void **state)
{
	struct fixture *fixture = *state;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct wire wire;

	control_stop(fixture->control);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", fixture->path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd); /* without unlink(2), as one that was killed */
	assert_int_equal(control_start(&fixture->control, &fixture->settings, NULL), 0);
	wire = connect_client(fixture);
	SEND(&wire, CALL("org.varlink.service.GetInfo"));
	assert_string_equal(next_error(fixture, &wire), "");
	close_client(fixture, &wire);
}

static void what_is_no_socket_is_not_replaced(void **state)
{
	struct fixture *fixture = *state;
	struct control *second = NULL;
	struct error error = {.text = ""};
	struct control_settings settings = fixture->settings;
	char directory[] = "/tmp/lhguard-control-XXXXXX", path[96];

	assert_non_null(mkdtemp(directory));
	settings.runtime = directory;
	snprintf(path, sizeof(path), "%s/%s", directory, CONTROL_SOCKET);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_true(control_start(&second, &settings, &error) < 0);
	assert_non_null(strstr(error.text, path));
	rmdir(path);
	rmdir(directory);
}

static void a_path_that_is_too_long_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct control *second = NULL;
	struct error error = {.text = ""};
	struct control_settings settings = fixture->settings;
	char runtime[200];

	memset(runtime, 'r', sizeof(runtime));
	runtime[sizeof(runtime) - 1] = '\0';
	settings.runtime = runtime;
	assert_int_equal(control_start(&second, &settings, &error), -ENAMETOOLONG);
	assert_string_not_equal(error.text, "");
}

static void half_sent_and_pipelined_calls_are_answered_in_order(void **state)
{
	static const char two[] = CALL("org.varlink.service.GetInfo") "\0" CALL("org.lhguard.No");
	struct fixture *fixture = *state;
	struct wire wire = connect_client(fixture);

	for (size_t i = 0; i < sizeof(two); i++) {
		send_bytes(&wire, two + i, 1);
		settle(fixture);
	}
	assert_string_equal(next_error(fixture, &wire), "");
	assert_string_equal(next_error(fixture, &wire), "org.varlink.service.MethodNotFound");
	for (int i = 0; i < 100; i++)
		SEND(&wire, CALL("org.lhguard.GetStatus"));
	for (int i = 0; i < 100; i++)
		assert_string_equal(next_error(fixture, &wire), "");
	close_client(fixture, &wire);
}

static void one_message_of_each_client_is_done_in_a_turn(void **state)
{
	struct fixture *fixture = *state;
	struct wire wire = connect_client(fixture);
	char calls[64 * sizeof(CALL("org.lhguard.Reload"))];

	for (size_t i = 0; i < 64; i++)
		memcpy(calls + i * (sizeof(calls) / 64), CALL("org.lhguard.Reload"),
		       sizeof(calls) / 64);
	send_bytes(&wire, calls, sizeof(calls));
	for (unsigned int turn = 1; turn <= 64; turn++) {
		assert_true(sd_event_run(fixture->settings.loop, 0) > 0);
		assert_int_equal(reloads, turn);
	}
	close_client(fixture, &wire);
}

/* Its calls wait where they are, and while it does not take an answer nothing happens. */
static void who_asks_and_does_not_listen_is_left_alone(void **state)
{
	struct fixture *fixture = *state;
	struct wire flood = connect_client(fixture), other = connect_client(fixture);
	unsigned int calls = 0;

	while (send(flood.fd, CALL("org.lhguard.GetStatus"), sizeof(CALL("org.lhguard.GetStatus")),
		    MSG_NOSIGNAL) > 0) {
		assert_true(++calls < 100000);
		settle(fixture);
	}
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(sd_event_run(fixture->settings.loop, 100000), 0);
	SEND(&other, CALL("org.lhguard.GetStatus"));
	assert_string_equal(next_error(fixture, &other), "");
	for (unsigned int i = 0; i < calls; i++)
		assert_string_equal(next_error(fixture, &flood), "");
	close_client(fixture, &flood);
	close_client(fixture, &other);
}

static void a_call_is_done_though_its_caller_has_gone(void **state)
{
	struct fixture *fixture = *state;
	struct wire wire = connect_client(fixture);

	SEND(&wire, "{\"method\":\"org.lhguard.Reload\",\"oneway\":true}");
	close_client(fixture, &wire);
	assert_int_equal(reloads, 1);

	wire = connect_client(fixture);
	SEND(&wire, CALL("org.lhguard.Reload"));
	shutdown(wire.fd, SHUT_WR); /* it still reads */
	assert_string_equal(next_error(fixture, &wire), "");
	assert_closed(fixture, &wire);
	close_client(fixture, &wire);
}

static void nonsense_and_what_is_too_long_ends_the_connection(void **state)
{
	struct fixture *fixture = *state;
	struct wire wire = connect_client(fixture);
	char text[WIRE_MESSAGE_MAX];

	SEND(&wire, "GET / HTTP/1.1\r\n\r\n");
	assert_closed(fixture, &wire);
	close_client(fixture, &wire);

	wire = connect_client(fixture);
	memset(text, ' ', sizeof(text));
	send_bytes(&wire, text, sizeof(text));
	settle(fixture);
	send(wire.fd, text, sizeof(text), MSG_NOSIGNAL);
	assert_closed(fixture, &wire);
	close_client(fixture, &wire);
}

static void a_guest_may_change_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct wire wire;

	peers_are_guests = true;
	wire = connect_client(fixture);
	SEND(&wire, CALL("org.lhguard.Reload"));
	assert_string_equal(next_error(fixture, &wire), "org.lhguard.NotPermitted");
	SEND(&wire, CALL("org.lhguard.GetStatus"));
	assert_string_equal(next_error(fixture, &wire), "");
	assert_int_equal(reloads, 0);
	close_client(fixture, &wire);
}

static void who_goes_inside_a_guest_may_change_nothing_any_more(void **state)
{
	struct fixture *fixture = *state;
	struct wire wire = connect_client(fixture);

	SEND(&wire, CALL("org.lhguard.Reload"));
	assert_string_equal(next_error(fixture, &wire), "");
	peers_are_guests = true;
	SEND(&wire, CALL("org.lhguard.Reload"));
	assert_string_equal(next_error(fixture, &wire), "org.lhguard.NotPermitted");
	assert_int_equal(reloads, 1);
	close_client(fixture, &wire);
}

/* A child that shares the connection sends from inside a guest. */
static void a_connection_that_was_handed_on_changes_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct wire wire = connect_client(fixture);
	json_t *answer;
	const char *reason;
	char words[64];
	int go[2];
	char byte = 0;

	assert_int_equal(pipe(go), 0);
	inside = fork();
	if (!inside) {
		/* Half of a message is enough. */
		if (read(go[0], &byte, 1) == 1)
			send(wire.fd, CALL("org.lhguard.Reload"), 10, MSG_NOSIGNAL);
		_exit(0);
	}
	assert_int_equal(write(go[1], &byte, 1), 1);
	assert_int_equal(waitpid(inside, NULL, 0), inside);
	settle(fixture);
	send_bytes(&wire, CALL("org.lhguard.Reload") + 10, sizeof(CALL("org.lhguard.Reload")) - 10);
	answer = next_answer(fixture, &wire);
	assert_int_equal(json_unpack(answer, "{s:{s:s}}", "parameters", "reason", &reason), 0);
	snprintf(words, sizeof(words), "process %d is inside a guest (container:web)", inside);
	assert_non_null(strstr(reason, words));
	json_decref(answer);
	SEND(&wire, CALL("org.lhguard.Reload")); /* by itself, but whose words may it repeat? */
	assert_string_equal(next_error(fixture, &wire), "org.lhguard.NotPermitted");
	SEND(&wire, CALL("org.lhguard.GetStatus"));
	assert_string_equal(next_error(fixture, &wire), "");
	assert_int_equal(reloads, 0);
	close(go[0]);
	close(go[1]);
	close_client(fixture, &wire);
}

static void the_257th_client_is_refused(void **state)
{
	struct fixture *fixture = *state;
	int fds[CONTROL_CLIENTS_MAX];
	struct wire wire;

	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		fds[i] = try_connect(fixture);
	wire = connect_client(fixture);
	assert_closed(fixture, &wire);
	close_client(fixture, &wire);
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i += 2)
		close(fds[i]);
	settle(fixture);
	wire = connect_client(fixture);
	SEND(&wire, CALL("org.lhguard.GetStatus"));
	assert_string_equal(next_error(fixture, &wire), "");
	close_client(fixture, &wire);
	for (int i = 1; i < CONTROL_CLIENTS_MAX; i += 2)
		close(fds[i]);
	settle(fixture);
}

static void a_guest_leaves_places_for_the_host(void **state)
{
	struct fixture *fixture = *state;
	int fds[CONTROL_CLIENTS_MAX];
	struct wire wire;

	peers_are_guests = true;
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		fds[i] = try_connect(fixture);
	peers_are_guests = false;
	wire = connect_client(fixture);
	SEND(&wire, CALL("org.lhguard.Reload"));
	assert_string_equal(next_error(fixture, &wire), "");
	close_client(fixture, &wire);
	for (int i = 0; i < CONTROL_CLIENTS_MAX; i++)
		close(fds[i]);
	settle(fixture);
}

/* The kernel's word on who is at the other end, but for the user: a test is only one. */

static uid_t pretended; /* 0: the real one */

int __real_getsockopt(int fd, int level, int name, void *value, socklen_t *length);
int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *length);

int __wrap_getsockopt(int fd, int level, int name, void *value, socklen_t *length)
{
	int result = __real_getsockopt(fd, level, name, value, length);

	if (!result && level == SOL_SOCKET && name == SO_PEERCRED && pretended)
		((struct ucred *)value)->uid = pretended;
	return result;
}

static int connect_as(struct fixture *fixture, uid_t uid)
{
	int fd;

	pretended = uid;
	fd = try_connect(fixture);
	pretended = 0;
	return fd;
}

/* Who has many uids, as in a user namespace, takes no more places than who has one. */
static void guests_of_many_users_leave_places_for_others(void **state)
{
	struct fixture *fixture = *state;
	int fds[CONTROL_STRANGERS_MAX];
	struct wire wire;

	peers_are_guests = true;
	for (unsigned int i = 0; i < CONTROL_STRANGERS_MAX; i++)
		fds[i] = connect_as(fixture, 100000 + i);
	peers_are_guests = false;
	wire = (struct wire){.fd = connect_as(fixture, 200000)};
	SEND(&wire, CALL("org.varlink.service.GetInfo"));
	assert_string_equal(next_error(fixture, &wire), "");
	close_client(fixture, &wire);
	for (int i = 0; i < CONTROL_STRANGERS_MAX; i++)
		close(fds[i]);
	settle(fixture);
}

/* Whoever comes and goes and is refused does not write the journal. */
static void a_refusal_is_told_once_in_a_while(void **state)
{
	struct fixture *fixture = *state;
	int fds[CONTROL_STRANGERS_MAX_OF_USER], real = dup(STDERR_FILENO);
	FILE *log = tmpfile();
	unsigned int lines = 0;

	peers_are_guests = true;
	for (int i = 0; i < CONTROL_STRANGERS_MAX_OF_USER; i++)
		fds[i] = try_connect(fixture);
	dup2(fileno(log), STDERR_FILENO);
	for (int i = 0; i < CONTROL_STRANGERS_MAX_OF_USER; i++) {
		close(try_connect(fixture));
		close(fds[i]);
		settle(fixture);
		fds[i] = try_connect(fixture);
	}
	dup2(real, STDERR_FILENO);
	close(real);
	rewind(log);
	for (int byte; (byte = fgetc(log)) != EOF;)
		lines += byte == '\n';
	fclose(log);
	assert_int_equal(lines, 1);
	for (int i = 0; i < CONTROL_STRANGERS_MAX_OF_USER; i++)
		close(fds[i]);
	settle(fixture);
}

static void record(struct fixture *fixture, uint16_t client_port)
{
	struct attempt attempt = {.flow = {.client_port = client_port}};

	events_record(fixture->settings.events, &attempt);
}

#define WATCH "{\"method\":\"org.lhguard.Watch\",\"more\":true}"

static json_int_t next_event(struct fixture *fixture, struct wire *wire, json_int_t *lost)
{
	json_t *answer = next_answer(fixture, wire), *event;
	json_int_t id;

	if (!answer)
		return -1;
	assert_true(json_is_true(json_object_get(answer, "continues")));
	assert_int_equal(
		json_unpack(answer, "{s:{s:o, s:I}}", "parameters", "event", &event, "lost", lost),
		0);
	id = json_integer_value(json_object_get(event, "id"));
	json_decref(answer);
	return id;
}

static void all_who_watch_are_told(void **state)
{
	struct fixture *fixture = *state;
	struct wire wires[3];
	json_int_t lost;

	for (int i = 0; i < 3; i++) {
		wires[i] = connect_client(fixture);
		SEND(&wires[i], WATCH);
		assert_int_equal(next_event(fixture, &wires[i], &lost), 0); /* it stands */
	}
	for (uint16_t port = 1; port <= 5; port++)
		record(fixture, port);
	close_client(fixture, &wires[2]);
	for (json_int_t id = 1; id <= 5; id++)
		for (int i = 0; i < 2; i++) {
			assert_int_equal(next_event(fixture, &wires[i], &lost), id);
			assert_int_equal(lost, 0);
		}
	record(fixture, 6);
	assert_int_equal(next_event(fixture, &wires[0], &lost), 6);
	close_client(fixture, &wires[0]);
	close_client(fixture, &wires[1]);
}

static void a_slow_subscriber_loses_events_and_is_told_how_many(void **state)
{
	struct fixture *fixture = *state;
	struct wire wire = connect_client(fixture);
	json_int_t lost, lost_in_all = 0, told = 0, id;
	struct events_totals totals;

	SEND(&wire, WATCH);
	assert_int_equal(next_event(fixture, &wire, &lost), 0);
	for (unsigned int i = 1; i <= 20000; i++) {
		record(fixture, (uint16_t)i);
		if (i % 32 == 0)
			settle(fixture);
	}
	settle(fixture);
	while ((id = next_event(fixture, &wire, &lost)) > 0) {
		told++;
		lost_in_all += lost;
	}
	assert_true(told < 20000);
	record(fixture, 20001);
	assert_int_equal(next_event(fixture, &wire, &lost), 20001);
	assert_int_equal(told + lost_in_all + lost, 20000);
	events_totals(fixture->settings.events, &totals);
	assert_int_equal(totals.untold, lost_in_all + lost);
	record(fixture, 20002);
	assert_int_equal(next_event(fixture, &wire, &lost), 20002);
	assert_int_equal(lost, 0);
	close_client(fixture, &wire);
}

static void the_past_does_not_overtake_the_present(void **state)
{
	struct fixture *fixture = *state;
	struct wire wire = connect_client(fixture);
	json_int_t lost;

	for (uint16_t port = 1; port <= 500; port++)
		record(fixture, port);
	SEND(&wire,
	     "{\"method\":\"org.lhguard.Watch\",\"more\":true,\"parameters\":{\"past\":500}}");
	for (int i = 0; i < 100; i++)
		sd_event_run(fixture->settings.loop, 0);
	for (uint16_t port = 501; port <= 520; port++)
		record(fixture, port);
	assert_int_equal(next_event(fixture, &wire, &lost), 0);
	for (json_int_t id = 1; id <= 520; id++) {
		assert_int_equal(next_event(fixture, &wire, &lost), id);
		assert_int_equal(lost, 0);
	}
	close_client(fixture, &wire);
}

static void nothing_happens_when_nothing_happens(void **state)
{
	struct fixture *fixture = *state;
	struct wire idle = connect_client(fixture), watching = connect_client(fixture),
		    half = connect_client(fixture);
	json_int_t lost;

	SEND(&watching, WATCH);
	assert_int_equal(next_event(fixture, &watching, &lost), 0);
	send_bytes(&half, "{\"met", 5);
	shutdown(watching.fd, SHUT_WR);
	settle(fixture);
	assert_int_equal(sd_event_run(fixture->settings.loop, 200000), 0);
	record(fixture, 1);
	assert_int_equal(next_event(fixture, &watching, &lost), 1);
	close_client(fixture, &idle);
	close_client(fixture, &watching);
	close_client(fixture, &half);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_socket_is_for_root_and_the_group, start, stop),
		cmocka_unit_test_setup_teardown(a_living_daemon_keeps_its_socket, start, stop),
		cmocka_unit_test_setup_teardown(a_dead_daemons_socket_is_replaced, start, stop),
		cmocka_unit_test_setup_teardown(what_is_no_socket_is_not_replaced, start, stop),
		cmocka_unit_test_setup_teardown(a_path_that_is_too_long_is_refused, start, stop),
		cmocka_unit_test_setup_teardown(half_sent_and_pipelined_calls_are_answered_in_order,
						start, stop),
		cmocka_unit_test_setup_teardown(one_message_of_each_client_is_done_in_a_turn, start,
						stop),
		cmocka_unit_test_setup_teardown(who_asks_and_does_not_listen_is_left_alone, start,
						stop),
		cmocka_unit_test_setup_teardown(a_call_is_done_though_its_caller_has_gone, start,
						stop),
		cmocka_unit_test_setup_teardown(nonsense_and_what_is_too_long_ends_the_connection,
						start, stop),
		cmocka_unit_test_setup_teardown(a_guest_may_change_nothing, start, stop),
		cmocka_unit_test_setup_teardown(who_goes_inside_a_guest_may_change_nothing_any_more,
						start, stop),
		cmocka_unit_test_setup_teardown(a_connection_that_was_handed_on_changes_nothing,
						start, stop),
		cmocka_unit_test_setup_teardown(the_257th_client_is_refused, start, stop),
		cmocka_unit_test_setup_teardown(a_guest_leaves_places_for_the_host, start, stop),
		cmocka_unit_test_setup_teardown(guests_of_many_users_leave_places_for_others, start,
						stop),
		cmocka_unit_test_setup_teardown(a_refusal_is_told_once_in_a_while, start, stop),
		cmocka_unit_test_setup_teardown(all_who_watch_are_told, start, stop),
		cmocka_unit_test_setup_teardown(a_slow_subscriber_loses_events_and_is_told_how_many,
						start, stop),
		cmocka_unit_test_setup_teardown(the_past_does_not_overtake_the_present, start,
						stop),
		cmocka_unit_test_setup_teardown(nothing_happens_when_nothing_happens, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
