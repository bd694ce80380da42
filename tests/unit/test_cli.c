// SPDX-License-Identifier: GPL-2.0-or-later
/* cli: the program itself against a real control socket with a made-up guard behind it. */
#include "control/control.h"

#include "control/events.h"
#include "guests/registry.h"
#include "guests/view.h"
#include "util/array.h"
#include "util/clock.h"
#include "util/text.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <libgen.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char program[PATH_MAX]; /* the CLI, built beside this test */

/* The made-up guard. */

static struct {
	bool is_failed;
	bool is_guest;
	size_t exceptions;
	bool has_ends;	 /* the second and third exception */
	uint32_t guests; /* of one name */
	struct exception added;
	int add_result;
	uint32_t removed[8];
	size_t removed_count;
	unsigned int connections, cuts;
	bool refused_only;
	char walked[SELECTOR_TEXT_SIZE];
} guard;

int registry_each(const struct registry *registry,
		  int (*visit)(void *data, const struct guest *guest), void *data)
{
	struct guest guest = {.id = 1,
			      .kind = KIND_VM,
			      .runtime = "qemu",
			      .name = "dev\x1b[31mbox",
			      .key = "qemu:4711:99",
			      .leader = 4711,
			      .why = "its VMM's command line",
			      .first_us = 3661000000,
			      .last_us = 7322000000,
			      .attempts = 12,
			      .refused = 10};
	int result = visit(data, &guest);

	strcpy(guest.name, "box");
	strcpy(guest.key, "qemu:4711:1");
	while (!result && guest.id <= guard.guests) {
		guest.id++;
		guest.leader++;
		result = visit(data, &guest);
	}
	/* Two of one name. */
	guest = (struct guest){.id = 7,
			       .kind = KIND_CONTAINER,
			       .runtime = "podman",
			       .name = "web",
			       .why = "its cgroup"};
	if (!result)
		result = visit(data, &guest);
	guest.id = 8;
	return result ? result : visit(data, &guest);
}

static void view(void *data, const struct guest *guest, struct guest_view *view)
{
	*view = (struct guest_view){.processes = 1};
	if (guest->id != 1)
		return;
	*view = (struct guest_view){
		.has_user = true,
		.user = 0,
		.processes = 2,
		.cgroup = "/machine/\x1b[31m",
		.interfaces = {{"tap0", "br0"}},
		.interface_count = 1,
		.macs = {{2, 0, 0, 0, 0xab, 1}, {2, 0, 0, 0, 0xab, 2}},
		.mac_count = 2,
		.addresses = {{.s6_addr = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 2}},
			      IN6ADDR_LOOPBACK_INIT},
		.address_count = 2,
		.conduits = {{4711, "qemu-system-x86", "qemu"}},
		.conduit_count = 1,
		.listens = {{IPPROTO_TCP, 2222, IN6ADDR_LOOPBACK_INIT, "qemu-system-x86"}},
		.listen_count = 1,
	};
}

const struct exception *exceptions_find(const struct exceptions *exceptions, uint32_t id)
{
	return NULL;
}

/*
 * At the beginning of a second: a busy machine may take most of it until that is printed. Not at once: time()
 * is a little late.
 */
static uint64_t in_an_hour_us(void)
{
	uint64_t now_us;

	do {
		usleep(1000);
		now_us = clock_realtime_us();
	} while (now_us % 1000000 < 20000 || now_us % 1000000 > 100000);
	return now_us + 3600000000u;
}

int exceptions_each(const struct exceptions *exceptions,
		    int (*visit)(void *data, const struct exception *exception), void *data)
{
	struct exception exception = {.allow = true, .created_us = 1000000};
	int result = 0;

	service_parse("tcp/127.0.0.1:9222", &exception.service, NULL);
	selector_parse("vm:devbox", &exception.source, NULL);
	snprintf(exception.comment, sizeof(exception.comment), "for the\nbrowser");
	while (!result && exception.id < guard.exceptions) {
		exception.id++;
		if (guard.has_ends && exception.id > 1)
			strcpy(exception.guest_key, "qemu:4711:1");
		if (guard.has_ends && exception.id > 2)
			exception.expires_us = in_an_hour_us();
		result = visit(data, &exception);
	}
	return result;
}

static void fill_status(void *data, struct status *status)
{
	*status = (struct status){
		.version = "0.9",
		.mode = "enforce",
		.configured_mode = "enforce",
		.refusal = "drop",
		.netns = "",
		.expression = "native",
		.config_path = "/etc/lhguard/lhguard.conf",
		.config_failure =
			guard.is_failed ? "/etc/lhguard/lhguard.conf:3: unknown key" : NULL,
		.catalogue_failure =
			guard.is_failed ? "/etc/lhguard/guests.d/own.conf:5: unknown key" : NULL,
		.services_failure =
			guard.is_failed ? "/etc/lhguard/services.d/own.conf:2: what" : NULL,
		.exceptions_failure =
			guard.is_failed ? "/var/lib/lhguard/exceptions.conf:7: what" : NULL,
		.exceptions = 2,
		.table_restored = guard.is_failed ? 4 : 0,
		.journal_lost = guard.is_failed ? 5 : 0,
		.queues = {{.name = "loopback"}, {.name = "guests"}},
	};
	status->queues[1].counters.overflowed = guard.is_failed ? 6 : 0;
}

static int add(void *data, const struct exception *exception, uint32_t *id, struct error *error)
{
	guard.added = *exception;
	if (id)
		*id = 3;
	return guard.add_result ? error_set(error, guard.add_result, "the disk is full") : 0;
}

static int forget(void *data, const struct removal *removal, struct removed *removed,
		  struct error *error)
{
	const uint32_t *ids = removal->ids;

	guard.removed_count = removal->count;
	memcpy(guard.removed, ids, (removal->count < 8 ? removal->count : 8) * sizeof(*ids));
	if (ids[0] == 99)
		return error_set(error, -ENOENT, "there is no exception 99");
	*removed = (struct removed){
		.rule = calloc(removal->count, sizeof(*removed->rule)),
		.count = removal->count,
	};
	for (size_t i = 0; i < removal->count; i++)
		removed->rule[i].id = ids[i];
	return 0;
}

static int reload(void *data, struct error *error)
{
	return 0;
}

static bool is_guest(void *data, pid_t pid, char *label, size_t size)
{
	snprintf(label, size, "container:web");
	return guard.is_guest;
}

/* A walk through @guard.connections of them, of which every second one is allowed. */
struct walk {
	unsigned int found;
};

static struct walk the_walk;

static int walk_start(void *data, const struct walk_query *query, struct walk **walk,
		      struct error *error)
{
	guard.cuts += query->cut;
	guard.refused_only = query->refused;
	selector_format(guard.walked, sizeof(guard.walked), &query->source);
	the_walk.found = 0;
	*walk = &the_walk;
	free(query->ended);
	return 0;
}

static int walk_next(struct walk *walk, struct open_connection *connection, struct error *error)
{
	bool is_allowed = walk->found % 2;

	if (walk->found == guard.connections)
		return WALK_END;
	*connection = (struct open_connection){
		.flow = {.service = {.s6_addr = {[15] = 1}},
			 .client = {.s6_addr = {[15] = 1}},
			 .client_port = (uint16_t)(40000 + walk->found),
			 .service_port = 9222,
			 .family = AF_INET6,
			 .protocol = IPPROTO_TCP},
		.source = {.class = SOURCE_GUEST,
			   .kind = KIND_VM,
			   .route = ROUTE_USER_NET,
			   .name = "dev\x1b[31mbox"},
		.decision = {.verdict = is_allowed ? VERDICT_ACCEPT : VERDICT_DROP,
			     .exception = is_allowed ? 4 : 0,
			     .rule = "vm = refuse"},
		.state = 1,
		.program = "python3",
	};
	walk->found++;
	return WALK_FOUND;
}

static void walk_end(struct walk *walk)
{
}

static const struct control_handler handler = {
	.walk_start = walk_start,
	.walk_next = walk_next,
	.walk_end = walk_end,
	.status = fill_status,
	.add = add,
	.remove = forget,
	.reload = reload,
	.view = view,
	.peer_guest = is_guest,
};

static char runtime[] = "/tmp/lhguard-cli-XXXXXX";
static char path[64];
static struct control_settings settings = {.runtime = runtime, .handler = &handler};
static struct control *control;

static int start(void **state)
{
	memset(&guard, 0, sizeof(guard));
	settings.events = events_new();
	if (sd_event_new(&settings.loop) < 0)
		return -1;
	return control_start(&control, &settings, NULL);
}

static int stop(void **state)
{
	if (control)
		control_stop(control);
	control = NULL;
	sd_event_unref(settings.loop);
	events_free(settings.events);
	return 0;
}

/* The program, run. */

struct run {
	pid_t pid;
	int out, error;
	char text[131072]; /* what it printed */
	char complaint[4096];
	int status; /* exit status, -1 while it runs */
};

static void begin(struct run *run, const char *const *arguments)
{
	int out[2], error[2];

	memset(run, 0, sizeof(*run));
	run->status = -1;
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	assert_int_equal(pipe2(error, O_CLOEXEC), 0);
	/* Our ends only: a program waits until there is room for what it prints. */
	fcntl(out[0], F_SETFL, O_NONBLOCK);
	fcntl(error[0], F_SETFL, O_NONBLOCK);
	run->pid = fork();
	if (!run->pid) {
		dup2(out[1], STDOUT_FILENO);
		dup2(error[1], STDERR_FILENO);
		setenv("LHGUARD_SOCKET", path, 1);
		setenv("TZ", "UTC", 1);
		setenv("LC_ALL", "C.UTF-8", 1);
		execv(program, (char *const *)arguments);
		_exit(127);
	}
	close(out[1]);
	close(error[1]);
	run->out = out[0];
	run->error = error[0];
}

static void take(int fd, char *text, size_t size)
{
	size_t used = strlen(text);
	ssize_t length = read(fd, text + used, size - used - 1);

	if (length > 0)
		text[used + (size_t)length] = '\0';
}

/* Serves for a moment, and takes what the program says. */
static void proceed(struct run *run)
{
	int status;

	if (control)
		sd_event_run(settings.loop, 1000);
	take(run->out, run->text, sizeof(run->text));
	take(run->error, run->complaint, sizeof(run->complaint));
	if (run->status < 0 && waitpid(run->pid, &status, WNOHANG) == run->pid)
		run->status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

static void finish(struct run *run)
{
	while (run->status < 0)
		proceed(run);
	proceed(run);
	close(run->out);
	close(run->error);
}

#define RUN(run, ...) run_program(run, (const char *[]){program, ##__VA_ARGS__, NULL})

static void run_program(struct run *run, const char *const *arguments)
{
	begin(run, arguments);
	finish(run);
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in:\n%s", part, text);
}

/* One line on stderr, nothing on stdout. */
static void assert_complains(struct run *run, int status, const char *part)
{
	assert_int_equal(run->status, status);
	assert_string_equal(run->text, "");
	assert_has(run->complaint, part);
	assert_memory_equal(run->complaint, "lhguard: ", 9);
	assert_ptr_equal(strchr(run->complaint, '\n'), run->complaint + strlen(run->complaint) - 1);
}

static struct run run;

/* A member of the JSON on stdout, owned by @document. */
static json_t *member_of(json_t **document, const char *member)
{
	*document = json_loads(run.text, 0, NULL);
	assert_int_equal(json_integer_value(json_object_get(*document, "schema")), 1);
	return json_object_get(*document, member);
}

static void wrong_words_are_usage_errors(void **state)
{
	RUN(&run, "frobnicate");
	assert_complains(&run, 2, "\"frobnicate\": try lhguard help");
	RUN(&run, "stauts");
	assert_complains(&run, 2, "do you mean lhguard status?");
	RUN(&run, "help", "alow");
	assert_complains(&run, 2, "do you mean lhguard allow?");
	RUN(&run, "status", "now");
	assert_complains(&run, 2, "lhguard status");
	RUN(&run, "allow");
	assert_complains(&run, 2, "lhguard allow SERVICE");
	RUN(&run, "allow", "127.0.0.1:notaport");
	assert_complains(&run, 2, "");
	RUN(&run, "allow", "127.0.0.1:9222", "--from", "no such thing");
	assert_complains(&run, 2, "");
	RUN(&run, "allow", "127.0.0.1:9222", "--for", "soon");
	assert_complains(&run, 2, "soon");
	RUN(&run, "allow", "127.0.0.1:9222", "--comment", "\xff");
	assert_complains(&run, 2, "UTF-8");
	RUN(&run, "list", "--for", "10m");
	assert_complains(&run, 2, "--for");
	RUN(&run, "--frob");
	assert_complains(&run, 2, "--frob");
	RUN(&run, "allow", "80", "--from");
	assert_complains(&run, 2, "--from");
	RUN(&run, "remove");
	assert_complains(&run, 2, "lhguard remove");
	RUN(&run, "remove", "three");
	assert_complains(&run, 2, "three");
	RUN(&run, "remove", "-3");
	assert_int_equal(run.status, 2);
	RUN(&run, "remove", "4294967296");
	assert_complains(&run, 2, "4294967296");
	RUN(&run, "watch", "--past", "many");
	assert_complains(&run, 2, "many");
	assert_int_equal(guard.removed_count, 0);
}

static void help_and_version_need_no_daemon(void **state)
{
	control_stop(control);
	control = NULL;
	RUN(&run, "--help");
	assert_int_equal(run.status, 0);
	assert_has(run.text, "usage: lhguard");
	RUN(&run, "help");
	assert_int_equal(run.status, 0);
	RUN(&run, "connections", "--help");
	assert_has(run.text, "usage: lhguard connections [OPTION...]\n");
	assert_has(run.text, "  --refused ");
	RUN(&run, "--version");
	assert_int_equal(run.status, 0);
	assert_string_equal(run.text, "lhguard " VERSION "\n");
	RUN(&run, "version", "--json");
	assert_string_equal(run.text, "{\"schema\":1,\"version\":\"" VERSION "\"}\n");
	RUN(&run, "status");
	assert_complains(&run, 3, path);
	RUN(&run, "list", "--socket", "/proc/none/socket");
	assert_complains(&run, 3, "/proc/none/socket");
}

static void allow_says_what_it_installed(void **state)
{
	RUN(&run, "allow", "tcp/127.0.0.1:9222", "--from", "vm:devbox", "--for", "10m", "--comment",
	    "why");
	assert_int_equal(run.status, 0);
	assert_string_equal(run.text, "");
	assert_string_equal(
		run.complaint,
		"allowed tcp 127.0.0.1:9222 from vm:devbox for 10m (id 3); undo: "
		"lhguard remove 3\n"
		"lhguard: no guest called vm:devbox runs now: it holds when one does\n");
	assert_int_equal(guard.added.expires_us - guard.added.created_us, 600000000);
	assert_string_equal(guard.added.comment, "why");
	RUN(&run, "allow", "[::1]:9222");
	assert_has(run.complaint, "from every guest (any)");
	RUN(&run, "allow", "[::1]:9222", "-q");
	assert_string_equal(run.complaint, "");
	RUN(&run, "deny", "--json", "80", "--from", "container:web");
	assert_int_equal(run.status, 0);
	json_t *document, *json = member_of(&document, "exception");

	assert_string_equal(json_string_value(json_object_get(json, "action")), "deny");
	assert_int_equal(json_integer_value(json_object_get(json, "id")), 3);
	json_decref(document);
}

static void until_stop_and_ids_are_of_one_guest(void **state)
{
	guard.guests = 1;
	RUN(&run, "allow", "9222", "--from", "vm:box", "--until-stop", "--cut-at-end");
	assert_int_equal(run.status, 0);
	assert_string_equal(run.complaint, "allowed 9222 from vm:box until it stops (id 3); "
					   "undo: lhguard remove 3\n");
	assert_string_equal(run.text, "");
	assert_int_equal(guard.added.guest, 2);
	assert_true(guard.added.cut);
	RUN(&run, "deny", "9222", "--from", "guest:2", "--for", "10m");
	assert_string_equal(run.complaint,
			    "denied 9222 to guest:2 for 10m or until it stops (id 3); "
			    "undo: lhguard remove 3\n");
	assert_false(guard.added.cut);
	RUN(&run, "deny", "9222", "--from", "guest:2", "--cut-at-end");
	assert_complains(&run, 2, "--cut-at-end");
	RUN(&run, "allow", "9222", "--from", "guest:seven");
	assert_complains(&run, 2, "guest:7");
	RUN(&run, "allow", "9222", "--until-stop");
	assert_complains(&run, 2, "any names no single guest");
	RUN(&run, "allow", "9222", "--from", "vm:other", "--until-stop");
	assert_complains(&run, 1, "vm:other does not run");
	guard.guests = 2;
	RUN(&run, "allow", "9222", "--from", "vm:box", "--until-stop");
	assert_complains(&run, 1, "guest:2 qemu pid 4712, guest:3 qemu pid 4713");

	/* By name it is for both, and that is said; JSON stays JSON. */
	RUN(&run, "allow", "9222", "--from", "vm:box", "--json");
	assert_int_equal(run.status, 0);
	assert_string_equal(run.complaint,
			    "lhguard: vm:box names 2 running guests (guest:2 qemu pid 4712, "
			    "guest:3 qemu pid 4713): it allows both; for one: --from guest:2\n");
	json_t *json = json_loads(run.text, 0, NULL);

	assert_true(json_is_object(json));
	json_decref(json);
}

static void the_list_says_when_it_ends(void **state)
{
	guard.exceptions = 3;
	guard.has_ends = true;
	RUN(&run, "list");
	assert_has(run.text, "  vm:devbox  never                      0  -          root");
	assert_has(run.text, "  vm:devbox  when it stops              0  -          root");
	assert_has(run.text, "  vm:devbox  in 1h or when it stops     0  -          root");
}

static void refusals_of_the_daemon_have_their_status(void **state)
{
	guard.add_result = -ENOSPC;
	RUN(&run, "allow", "80");
	assert_complains(&run, 1, "the disk is full");
	RUN(&run, "remove", "99");
	assert_complains(&run, 1, "99");
	guard.is_guest = true;
	RUN(&run, "allow", "80");
	assert_complains(&run, 4, "container:web");
}

static void remove_takes_many(void **state)
{
	RUN(&run, "remove", "3", "5");
	assert_int_equal(run.status, 0);
	assert_string_equal(run.complaint, "removed exceptions 3, 5\n");
	assert_int_equal(guard.removed_count, 2);
	assert_int_equal(guard.removed[1], 5);
	RUN(&run, "remove", "3", "--json");
	assert_string_equal(run.text, "{\"schema\":1,\"removed\":[3],\"count\":1,\"notes\":[]}\n");
}

static void remove_cuts_when_asked(void **state)
{
	guard.exceptions = 3;
	guard.connections = 1;
	RUN(&run, "remove", "3", "--cut");
	assert_string_equal(run.complaint, "removed exception 3\ncut 1 open connection\n");
	RUN(&run, "remove", "3", "--cut", "--json");
	assert_string_equal(run.text,
			    "{\"schema\":1,\"removed\":[3],\"count\":1,\"cut\":1,\"notes\":[]}\n");
	RUN(&run, "allow", "80", "--cut");
	assert_complains(&run, 2, "--cut");
}

static void connections_are_shown_and_cut(void **state)
{
	RUN(&run, "connections");
	assert_string_equal(run.complaint,
			    "No guest has an open connection to a service of this host.\n");
	RUN(&run, "connections", "--refused", "--from", "container:web");
	assert_has(run.complaint, "refused now");
	assert_true(guard.refused_only);
	assert_string_equal(guard.walked, "container:web");
	assert_int_equal(guard.cuts, 0);
	guard.connections = 2;
	RUN(&run, "connections");
	assert_string_equal(run.text,
			    "GUEST              ROUTE     SERVICE         PROGRAM  CLIENT       "
			    "STATE        ALLOWED BY\n"
			    "vm:dev\\x1b[31mbox  user-net  tcp [::1]:9222  python3  [::1]:40000  "
			    "established  nothing now: vm = refuse\n"
			    "vm:dev\\x1b[31mbox  user-net  tcp [::1]:9222  python3  [::1]:40001  "
			    "established  exception 4\n");
	RUN(&run, "connections", "--cut");
	assert_string_equal(run.complaint, "cut 2 open connections\n");
	assert_int_equal(guard.cuts, 1);
	RUN(&run, "connections", "--cut", "--json");
	assert_has(run.text, "\"cut\":2}");
	RUN(&run, "connections", "--from", "A B");
	assert_complains(&run, 2, "A B");
	guard.is_guest = true;
	RUN(&run, "connections", "--cut");
	assert_complains(&run, 4, "container:web");
}

static void status_tells_what_is_wrong_and_what_to_do(void **state)
{
	RUN(&run);
	assert_int_equal(run.status, 0);
	assert_has(run.text, "enforce");
	assert_null(strstr(run.text, "FAILED"));
	assert_null(strstr(run.text, "→"));
	guard.is_failed = true;
	RUN(&run, "status");
	assert_int_equal(run.status, 0);
	assert_has(run.text, "configuration   FAILED /etc/lhguard/lhguard.conf:3: unknown key\n");
	assert_has(run.text,
		   "catalogue       FAILED /etc/lhguard/guests.d/own.conf:5: unknown key\n");
	assert_has(run.text, "exceptions      FAILED /var/lib/lhguard/exceptions.conf:7: what\n");
	assert_has(run.text, "lhguard reload");
	assert_has(run.text, "RESTORED 4 times");
	assert_has(run.text, "LOST 5 events");
	assert_has(run.text, "6 connections found it FULL");
	RUN(&run, "status", "--json");
	json_t *document, *json = member_of(&document, "status");

	assert_string_equal(
		json_string_value(json_object_get(json_object_get(json, "exceptions"), "state")),
		"failed");
	json_decref(document);
	RUN(&run, "reload");
	assert_complains(&run, 1, "exceptions.conf:7");
	guard.is_failed = false;
	RUN(&run, "reload");
	assert_int_equal(run.status, 0);
}

static void tables_are_aligned_and_escaped(void **state)
{
	RUN(&run, "list");
	assert_int_equal(run.status, 0);
	assert_has(run.complaint, "No exceptions");
	assert_string_equal(run.text, "");
	guard.exceptions = 10;
	RUN(&run, "list", "--no-legend");
	assert_memory_equal(run.text, " 1  allow  tcp/", 15);
	RUN(&run, "list");
	assert_has(run.text, "ID  ACTION  SERVICE             FROM       EXPIRES  HITS  LAST USED  "
			     "MADE BY  COMMENT\n"
			     " 1  allow   tcp/127.0.0.1:9222  vm:devbox  never       0  -          "
			     "root     for the\\x0abrowser\n");
}

static void guests_are_a_table(void **state)
{
	RUN(&run, "guests");
	assert_int_equal(run.status, 0);
	assert_string_equal(
		run.text,
		"ID  GUEST              RUNTIME   PID  USER  ADDRESS      ATTEMPTS  REFUSED  "
		"SINCE                LAST\n"
		" 1  vm:dev\\x1b[31mbox  qemu     4711  root  10.0.0.2 +1        12       10  "
		"1970-01-01 01:01:01  1970-01-01 02:02:02\n"
		" 7  container:web      podman      -  -     -                   0        0  "
		"1970-01-01 00:00:00  1970-01-01 00:00:00\n"
		" 8  container:web      podman      -  -     -                   0        0  "
		"1970-01-01 00:00:00  1970-01-01 00:00:00\n");
}

static void all_that_is_known_of_a_guest(void **state)
{
	static const char *const words[] = {"1", "guest:1", "dev\x1b[31mbox", "qemu:dev\x1b[31mbox",
					    "vm:dev\\x1b[31mbox"};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		RUN(&run, "guests", words[i]);
		assert_int_equal(run.status, 0);
		assert_string_equal(run.text, "vm:dev\\x1b[31mbox\n"
					      "  id           1 (guest:1)\n"
					      "  kind         vm\n"
					      "  runtime      qemu\n"
					      "  recognised   by its VMM's command line\n"
					      "  key          qemu:4711:99\n"
					      "  pid          4711\n"
					      "  user         root\n"
					      "  processes    2\n"
					      "  cgroup       /machine/\\x1b[31m\n"
					      "  interface    tap0, a port of br0\n"
					      "  mac          02:00:00:00:ab:01\n"
					      "               02:00:00:00:ab:02\n"
					      "  address      10.0.0.2\n"
					      "               ::1\n"
					      "  conduit      qemu-system-x86 (qemu), pid 4711\n"
					      "  listens on   tcp [::1]:2222 (qemu-system-x86)\n"
					      "  since        1970-01-01 01:01:01\n"
					      "  last seen    1970-01-01 02:02:02\n"
					      "  attempts     12, refused 10\n");
	}
}

static void all_guests_of_a_name_are_shown(void **state)
{
	json_t *document;

	RUN(&run, "guests", "web");
	assert_int_equal(run.status, 0);
	assert_has(run.text, "  id           7 (guest:7)\n");
	assert_has(run.text, "  id           8 (guest:8)\n");
	RUN(&run, "guests", "container:web", "--json");
	assert_int_equal(json_array_size(member_of(&document, "guests")), 2);
	json_decref(document);
	RUN(&run, "guests", "guest:8");
	assert_has(run.text, "  id           8 (guest:8)\n");
	assert_null(strstr(run.text, "guest:7"));
}

static void the_nearest_names_are_suggested(void **state)
{
	RUN(&run, "guests", "container:wbe");
	assert_complains(&run, 1, "no guest \"container:wbe\" is known: do you mean container:web");
	RUN(&run, "guests", "box");
	assert_complains(&run, 1, "do you mean vm:dev\\x1b[31mbox?");
	RUN(&run, "guests", "something\x1b[else");
	assert_complains(&run, 1, "no guest \"something\\x1b[else\" is known: see lhguard guests");
	RUN(&run, "guests", "guest:9");
	assert_complains(&run, 1, "no guest \"guest:9\" is known");
}

static void a_list_of_many_pages_is_one_array(void **state)
{
	guard.exceptions = 300;
	RUN(&run, "list", "--json");
	json_t *document;

	assert_int_equal(json_array_size(member_of(&document, "exceptions")), 300);
	json_decref(document);
}

static struct attempt attempt_of(const char *name, const char *address)
{
	struct attempt attempt = {
		.enforced = true,
		.flow = {.family = AF_INET, .protocol = IPPROTO_TCP, .service_port = 9222},
		.source = {.class = SOURCE_GUEST,
			   .kind = KIND_VM,
			   .route = ROUTE_USER_NET,
			   .runtime = "qemu",
			   .interface = "lo",
			   .pid = 123,
			   .comm = "qemu-system-x86"},
		.decision = {.verdict = VERDICT_DROP, .reason = REASON_DEFAULT},
		.rule = "vm = refuse",
		.program = "python3",
	};
	static uint16_t port;
	struct service service;

	service_parse(address, &service, NULL);
	attempt.flow.service = service.address;
	attempt.flow.client_port = ++port;
	text_copy_name(attempt.source.name, sizeof(attempt.source.name), name, strlen(name));
	return attempt;
}

/* Watches one attempt, and ends by a signal. Return: what was printed. */
static const char *watch(const struct attempt *attempt, const char *option)
{
	unsigned int turns = 0;

	begin(&run, (const char *[]){program, "watch", option, NULL});
	while (!strchr(run.text, '\n')) {
		proceed(&run);
		if (++turns % 20 == 19) /* it may not listen yet: again, as a new attempt */
			events_record(settings.events, attempt);
		assert_int_equal(run.status, -1);
		assert_true(turns < 100000);
	}
	kill(run.pid, SIGINT);
	finish(&run);
	assert_int_equal(run.status, 0);
	assert_string_equal(run.complaint, "");
	*strchr(run.text, '\n') = '\0';
	return run.text;
}

static void watch_says_who_what_and_how_to_allow_it(void **state)
{
	struct attempt attempt = attempt_of("devbox", "127.0.0.1:9222");
	const char *text = watch(&attempt, NULL);

	assert_has(text, " drop   vm:devbox → tcp 127.0.0.1:9222 (python3) by user-net via "
			 "qemu-system-x86, lo");
	assert_has(text, "; allow: lhguard allow tcp/127.0.0.1:9222 --from vm:devbox");
	attempt = attempt_of("devbox", "[::1]:9222");
	attempt.flow.family = AF_INET6;
	attempt.flow.protocol = IPPROTO_UDP;
	assert_has(watch(&attempt, NULL), "lhguard allow 'udp/[::1]:9222' --from vm:devbox");
	attempt = attempt_of("devbox", "127.0.0.1:9222");
	attempt.enforced = false;
	assert_has(watch(&attempt, NULL), "monitor mode");
	attempt = attempt_of("devbox", "127.0.0.1:9222");
	attempt.decision = (struct decision){
		.verdict = VERDICT_ACCEPT, .reason = REASON_ALLOW_EXCEPTION, .exception = 7};
	assert_has(watch(&attempt, NULL), "accept vm:devbox → tcp 127.0.0.1:9222");
	attempt = attempt_of("devbox", "127.0.0.1:9222");
	attempt.source.class = SOURCE_UNKNOWN;
	attempt.source.name[0] = attempt.source.runtime[0] = '\0';
	assert_has(watch(&attempt, NULL), "--from unknown");
}

static void watch_tells_of_listeners(void **state)
{
	struct attempt attempt = attempt_of("devbox", "127.0.0.1:9222");
	const char *text;

	attempt.type = EVENT_LISTENER;
	attempt.decision = (struct decision){.verdict = VERDICT_ACCEPT, .reason = REASON_LISTENS};
	text = watch(&attempt, NULL);
	assert_has(text, " listen vm:devbox (qemu-system-x86) listens on tcp 127.0.0.1:9222");
	assert_null(strstr(text, "allow"));
	attempt = attempt_of("devbox", "[::1]:9222");
	attempt.type = EVENT_LISTENER;
	attempt.decision = (struct decision){.reason = REASON_TAKES_PORT};
	snprintf(attempt.rule, sizeof(attempt.rule), "which python3 had until 12:00:03");
	assert_has(watch(&attempt, NULL), " listen vm:devbox (qemu-system-x86) takes tcp "
					  "[::1]:9222, which python3 had until 12:00:03");
}

/* What a shell makes of the command that the line suggests. */
static void assert_shell_reads(const char *line, const char *source)
{
	const char *command = strstr(line, "lhguard allow ");
	char text[512] = "";
	FILE *shell;

	assert_non_null(command);
	setenv("SUGGESTED", command, 1);
	shell = popen("bash -c 'lhguard() { printf %s \"$4\"; }; eval \"$SUGGESTED\"'", "r");
	assert_non_null(shell);
	assert_true(fread(text, 1, sizeof(text) - 1, shell) > 0);
	pclose(shell);
	assert_string_equal(text, source);
}

static void the_command_can_be_pasted_whatever_the_name(void **state)
{
	static const char *const names[] = {
		"build agent",
		"it's",
		"$(reboot)",
		"a;b",
		"back\\slash",
		"`id`",
		"new\nline",
		"caf\xc3\xa9",
		"\"quoted\"",
		"-n",
		"bi\xe2\x80\xae"
		"di",
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct attempt attempt = attempt_of(names[i], "127.0.0.1:9222");
		char source[NAME_SIZE + 8];

		snprintf(source, sizeof(source), "vm:%s", attempt.source.name);
		assert_shell_reads(watch(&attempt, NULL), source);
	}
}

/* The source in the command that would allow a new attempt. */
static const char *source_to_allow(struct attempt *attempt)
{
	const char *from;

	attempt->flow.client_port++;
	from = strstr(watch(attempt, NULL), "--from ");
	assert_non_null(from);
	return from + strlen("--from ");
}

static void a_guest_of_several_is_allowed_by_its_conduit(void **state)
{
	struct attempt attempt = attempt_of("one of: a, b", "127.0.0.1:9222");

	/* A guest may call itself so: then that is its name. */
	assert_string_equal(source_to_allow(&attempt), "'vm:one of: a, b'");
	attempt.source.shared = true;
	assert_string_equal(source_to_allow(&attempt), "qemu");
	attempt.source.runtime[0] = '\0';
	assert_string_equal(source_to_allow(&attempt), "vm");
	strcpy(attempt.source.conduit, "pasta");
	assert_string_equal(source_to_allow(&attempt), "conduit:pasta");
	assert_has(run.text, "vm:one of: a, b behind pasta → tcp");
	attempt.source.shared = false;
	attempt.source.name[0] = '\0';
	assert_string_equal(source_to_allow(&attempt), "conduit:pasta");
}

static void watch_as_json_is_one_object_a_line(void **state)
{
	struct attempt attempt = attempt_of("devbox", "127.0.0.1:9222");
	json_t *event = json_loads(watch(&attempt, "--json"), 0, NULL);

	assert_string_equal(
		json_string_value(json_object_get(json_object_get(event, "source"), "label")),
		"vm:devbox");
	json_decref(event);
}

static void watch_ends_with_the_daemon(void **state)
{
	begin(&run, (const char *[]){program, "watch", NULL});
	for (int i = 0; i < 300; i++)
		proceed(&run);
	assert_int_equal(run.status, -1);
	control_stop(control);
	control = NULL;
	finish(&run);
	assert_complains(&run, 3, "lhguardd");
}

/* A daemon that takes the call and never answers. */
static void a_silent_daemon_does_not_hold_us(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	control_stop(control);
	control = NULL;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	RUN(&run, "status");
	assert_complains(&run, 1, "10 s");
	close(fd);
	unlink(path);
}

static void a_full_disk_is_a_failure(void **state)
{
	int status = -1;
	pid_t pid = fork();

	if (!pid) {
		if (!freopen("/dev/full", "w", stdout) || !freopen("/dev/null", "w", stderr))
			_exit(99);
		execl(program, program, "help", NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 1);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(wrong_words_are_usage_errors, start, stop),
		cmocka_unit_test_setup_teardown(help_and_version_need_no_daemon, start, stop),
		cmocka_unit_test_setup_teardown(allow_says_what_it_installed, start, stop),
		cmocka_unit_test_setup_teardown(until_stop_and_ids_are_of_one_guest, start, stop),
		cmocka_unit_test_setup_teardown(the_list_says_when_it_ends, start, stop),
		cmocka_unit_test_setup_teardown(refusals_of_the_daemon_have_their_status, start,
						stop),
		cmocka_unit_test_setup_teardown(remove_takes_many, start, stop),
		cmocka_unit_test_setup_teardown(remove_cuts_when_asked, start, stop),
		cmocka_unit_test_setup_teardown(connections_are_shown_and_cut, start, stop),
		cmocka_unit_test_setup_teardown(status_tells_what_is_wrong_and_what_to_do, start,
						stop),
		cmocka_unit_test_setup_teardown(tables_are_aligned_and_escaped, start, stop),
		cmocka_unit_test_setup_teardown(guests_are_a_table, start, stop),
		cmocka_unit_test_setup_teardown(all_that_is_known_of_a_guest, start, stop),
		cmocka_unit_test_setup_teardown(all_guests_of_a_name_are_shown, start, stop),
		cmocka_unit_test_setup_teardown(the_nearest_names_are_suggested, start, stop),
		cmocka_unit_test_setup_teardown(watch_tells_of_listeners, start, stop),
		cmocka_unit_test_setup_teardown(a_list_of_many_pages_is_one_array, start, stop),
		cmocka_unit_test_setup_teardown(watch_says_who_what_and_how_to_allow_it, start,
						stop),
		cmocka_unit_test_setup_teardown(the_command_can_be_pasted_whatever_the_name, start,
						stop),
		cmocka_unit_test_setup_teardown(a_guest_of_several_is_allowed_by_its_conduit, start,
						stop),
		cmocka_unit_test_setup_teardown(watch_as_json_is_one_object_a_line, start, stop),
		cmocka_unit_test_setup_teardown(watch_ends_with_the_daemon, start, stop),
		cmocka_unit_test_setup_teardown(a_silent_daemon_does_not_hold_us, start, stop),
		cmocka_unit_test_setup_teardown(a_full_disk_is_a_failure, start, stop),
	};
	char self[PATH_MAX];
	int failed;

	if (!realpath("/proc/self/exe", self) || !mkdtemp(runtime))
		return 1;
	snprintf(program, sizeof(program), "%s/../../lhguard", dirname(self));
	snprintf(path, sizeof(path), "%s/" CONTROL_SOCKET, runtime);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(runtime);
	return failed;
}
