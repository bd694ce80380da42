// SPDX-License-Identifier: GPL-2.0-or-later
/* control/methods and call: every argument has its type, every answer is as it is defined. */
#include "conforms.h"
#include "control/call.h"
#include "control/events.h"
#include "control/methods.h"
#include "control/reach.h"
#include "guests/catalogue.h"
#include "guests/registry.h"
#include "guests/view.h"
#include "policy/services.h"
#include "util/array.h"
#include "util/text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* The stores behind the methods, as small as they can be. */

static size_t guest_count, exception_count;
static bool guests_are_numbered;

int registry_each(const struct registry *registry,
		  int (*visit)(void *data, const struct guest *guest), void *data)
{
	struct guest guest = {.kind = KIND_VM,
			      .runtime = "qemu",
			      .name = "devbox",
			      .is_numbered = guests_are_numbered,
			      .why = "its program"};
	int result = 0;

	strcpy(guest.key, "qemu:811:9");

	while (!result && guest.id < guest_count) {
		guest.id++;
		guest.leader = 811 + (pid_t)guest.id;
		result = visit(data, &guest);
	}
	return result;
}

/* Those of one test, in place of the many. */
static struct exception stored[8];
static size_t stored_count;
static bool gone[16]; /* by id: those that the call removes */

const struct exception *exceptions_find(const struct exceptions *exceptions, uint32_t id)
{
	for (size_t i = 0; i < stored_count; i++)
		if (stored[i].id == id)
			return &stored[i];
	return NULL;
}

int exceptions_each(const struct exceptions *exceptions,
		    int (*visit)(void *data, const struct exception *exception), void *data)
{
	struct exception exception = {.allow = true};
	int result = 0;

	for (size_t i = 0; !result && i < stored_count; i++)
		if (stored[i].id >= sizeof(gone) || !gone[stored[i].id])
			result = visit(data, &stored[i]);
	memset(exception.comment, '"', COMMENT_SIZE - 1);
	while (!result && exception.id < exception_count) {
		exception.id++;
		result = visit(data, &exception);
	}
	return result;
}

struct asked {
	unsigned int status, add, remove, reload, set_mode;
	struct mode_change change;
	struct exception exception;
	uint32_t ids[8];
	size_t id_count;
	bool is_expired;
	int edit;
	bool is_dry_run;
	struct selector source;
	int result;
};

static void fake_status(void *data, struct status *status)
{
	struct asked *asked = data;
	const struct mode_change *change = &asked->change;

	asked->status++;
	*status = (struct status){
		.version = "1",
		.mode = mode_text(change->mode),
		.configured_mode = "enforce",
		.since_us = 1000000,
		.mode_since_us = 2000000,
		.is_mode_set = asked->set_mode && change->mode != MODE_ENFORCE,
		.mode_creator = change->creator,
		.mode_expires_us = change->seconds * 1000000u,
		.refusal = "drop",
		.netns = "/run/netns/\xff",
		.expression = "native",
		.config_path = "/etc/lhguard/lhguard.conf",
		.config_failure = "lhguard.conf:3: unknown key",
		.catalogue_failure = "guests.conf:9: no role",
		.services_failure = "services.conf:2: no port",
		.queues = {{.name = "loopback", .settings = {.number = 4177}}, {.name = "guests"}},
	};
}

static int fake_add(void *data, const struct exception *exception, uint32_t *id,
		    struct error *error)
{
	struct asked *asked = data;

	asked->add++;
	asked->is_dry_run = !id;
	asked->exception = *exception;
	if (id)
		*id = 3;
	return asked->result ? error_set(error, asked->result, "the store says no") : 0;
}

static int fake_edit(void *data, const struct exception *exception, bool is_dry_run,
		     struct error *error)
{
	struct asked *asked = data;

	asked->edit++;
	asked->is_dry_run = is_dry_run;
	asked->exception = *exception;
	return asked->result ? error_set(error, asked->result, "the store says no") : 0;
}

static bool removes_stored;

/* Take it out of the list, too. */
static void fill_removed(struct exception *rule, uint32_t id)
{
	size_t i = 0;

	rule->id = id;
	while (removes_stored && i < stored_count && stored[i].id != id)
		i++;
	if (removes_stored && i < stored_count) {
		*rule = stored[i];
		gone[id] = true;
	}
}

/* What is asked for by id is there; of a source there is 7, and the administrator's 1000000007. */
static int fake_remove(void *data, const struct removal *removal, struct removed *removed,
		       struct error *error)
{
	static const struct exception kept = {.id = 1000000007, .file = "/etc/a.conf"};
	struct asked *asked = data;
	size_t count = removal->ids ? removal->count : removal->source != NULL;

	memset(gone, 0, sizeof(gone));
	asked->remove++;
	asked->id_count = removal->count;
	asked->is_expired = removal->now_us;
	if (removal->ids)
		memcpy(asked->ids, removal->ids,
		       (removal->count < 8 ? removal->count : 8) * sizeof(asked->ids[0]));
	if (removal->source)
		asked->source = *removal->source;
	if (asked->result)
		return error_set(error, asked->result, "the store says no");
	*removed = (struct removed){.rule = calloc(count + 1, sizeof(*removed->rule))};
	for (size_t i = 0; i < count; i++)
		fill_removed(&removed->rule[removed->count++], removal->ids ? removal->ids[i] : 7);
	if (removal->source) {
		removed->kept = 2;
		removed->kept_rule = &kept;
	}
	return 0;
}

static int fake_reload(void *data, struct error *error)
{
	struct asked *asked = data;

	asked->reload++;
	return asked->result ? error_set(error, asked->result, "lhguard.conf:1: no") : 0;
}

static int fake_set_mode(void *data, const struct mode_change *change, struct error *error)
{
	struct asked *asked = data;

	asked->set_mode++;
	asked->change = *change;
	return asked->result ? error_set(error, asked->result, "nftables: no") : 0;
}

/* A walk finds @to_find connections, and needs another turn before each @pause of them. */
struct walk {
	struct walk_query query;
	unsigned int found;
	bool has_paused;
};

static const struct services *known_services;
static struct walk the_walk;
static unsigned int to_find, pause_every, walks_open;
static int walk_result;

static int fake_walk_start(void *data, const struct walk_query *query, struct walk **walk,
			   struct error *error)
{
	the_walk = (struct walk){.query = *query};
	*walk = &the_walk;
	walks_open++;
	return 0;
}

static int fake_walk_next(struct walk *walk, struct open_connection *connection,
			  struct error *error)
{
	if (walk_result)
		return error_set(error, walk_result, "this kernel cannot");
	if (walk->found == to_find)
		return WALK_END;
	if (pause_every && walk->found % pause_every == 0 && !walk->has_paused) {
		walk->has_paused = true;
		return WALK_LATER;
	}
	walk->has_paused = false;
	walk->found++;
	*connection = (struct open_connection){
		.flow = {.family = AF_INET6, .protocol = IPPROTO_TCP, .service_port = 9222},
		.source = {.class = SOURCE_GUEST, .kind = KIND_VM, .name = "devbox"},
		.decision = {.verdict = VERDICT_DROP, .reason = REASON_DEFAULT, .rule = "vm = no"},
		.state = 8, /* TCP_CLOSE_WAIT */
		.program = "python3",
	};
	return WALK_FOUND;
}

static void fake_walk_end(struct walk *walk)
{
	walks_open--;
	free(walk->query.ended);
}

static void fake_view(void *data, const struct guest *guest, struct guest_view *view)
{
	*view = (struct guest_view){
		.has_user = true,
		.user = 64055,
		.processes = 3,
		.cgroup = "/machine.slice/a\xff.scope",
		.interfaces = {{"tap0", "br0"}, {"tap1", ""}},
		.interface_count = 2,
		.macs = {{2, 0, 0, 0, 0xab, 1}},
		.mac_count = 1,
		.conduits = {{77, "qemu-system-x86", "qemu"}},
		.conduit_count = 1,
		.listens = {{IPPROTO_TCP, 2222, IN6ADDR_LOOPBACK_INIT, "qemu-system-x86"}},
		.listen_count = 1,
		.addresses = {{.s6_addr = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 2}}},
		.address_count = 1,
	};
}

/* A walk over ports finds @to_find of them, each with @guests_of_port guests, all refused but the first. */
struct reach_walk {
	unsigned int found;
	bool has_paused;
	bool is_open;
};

static struct reach_walk the_reach_walk;
static size_t guests_of_port;
static struct reach reaches[200];
static struct open_port a_port;
static bool enforcing;

static int fake_reach_start(void *data, struct reach_walk **walk, struct error *error)
{
	if (walk_result)
		return error_set(error, walk_result, "16 others ask");
	the_reach_walk = (struct reach_walk){.is_open = true};
	*walk = &the_reach_walk;
	return 0;
}

static int fake_reach_next(struct reach_walk *walk, const struct open_port **port,
			   struct error *error)
{
	if (walk->found == to_find)
		return WALK_END;
	if (pause_every && walk->found % pause_every == 0 && !walk->has_paused) {
		walk->has_paused = true;
		return WALK_LATER;
	}
	walk->has_paused = false;
	walk->found++;
	for (size_t i = 0; i < guests_of_port; i++)
		reaches[i] = (struct reach){
			.guest = (uint32_t)i + 1,
			.label = "vm:\xff",
			.interface = "lo",
			.route = ROUTE_USER_NET,
			.decision = {.verdict = i ? VERDICT_DROP : VERDICT_ACCEPT,
				     .reason = i ? REASON_DEFAULT : REASON_ALLOW_EXCEPTION,
				     .exception = i ? 0 : 7},
			.rule = "why",
		};
	a_port = (struct open_port){
		.protocol = IPPROTO_TCP,
		.port = (uint16_t)walk->found,
		.known = services_at(known_services, 0),
		.reaches = reaches,
		.reach_count = guests_of_port,
		.reached = guests_of_port > 0,
	};
	*port = &a_port;
	return WALK_FOUND;
}

static bool fake_reach_is_incomplete(const struct reach_walk *walk)
{
	return walk->found > 1000;
}

static void fake_reach_end(struct reach_walk *walk)
{
	assert_true(walk->is_open);
	walk->is_open = false;
}

static bool fake_is_enforcing(void *data)
{
	return enforcing;
}

static struct catalogue *catalogue;

static const struct catalogue *fake_catalogue(void *data)
{
	return catalogue;
}

static bool fake_has_interface(void *data, const char *name)
{
	return !strcmp(name, "br0");
}

static const struct control_handler handler = {
	.catalogue = fake_catalogue,
	.has_interface = fake_has_interface,
	.reach_start = fake_reach_start,
	.reach_next = fake_reach_next,
	.reach_is_incomplete = fake_reach_is_incomplete,
	.reach_end = fake_reach_end,
	.is_enforcing = fake_is_enforcing,
	.walk_start = fake_walk_start,
	.walk_next = fake_walk_next,
	.walk_end = fake_walk_end,
	.status = fake_status,
	.add = fake_add,
	.edit = fake_edit,
	.remove = fake_remove,
	.reload = fake_reload,
	.set_mode = fake_set_mode,
	.view = fake_view,
};

static struct asked asked;
static struct stream stream;
static struct control_settings settings = {.handler = &handler, .data = &asked};

static int reset(void **state)
{
	asked = (struct asked){0};
	stream = (struct stream){0};
	guest_count = exception_count = 0;
	stored_count = 0;
	removes_stored = false;
	memset(gone, 0, sizeof(gone));
	to_find = pause_every = walks_open = 0;
	walk_result = 0;
	settings.events = events_new();
	settings.services = services_new();
	known_services = settings.services;
	guests_of_port = 0;
	enforcing = true;
	if (!settings.events || !settings.services ||
	    catalogue_load(&catalogue, "conf/guests.conf", "/nowhere", NULL))
		return -1;
	return services_read((struct services *)settings.services, "conf/services.conf",
			     "/nowhere");
}

static int clear(void **state)
{
	events_free(settings.events);
	services_free((struct services *)settings.services);
	catalogue_free(catalogue);
	return 0;
}

static const char *method_of(const json_t *message)
{
	const char *name = json_string_value(json_object_get(message, "method"));

	return name ? name : "";
}

static json_t *answer_to(const struct peer *peer, const char *text)
{
	json_t *message = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *answer;

	assert_non_null(message);
	stream = (struct stream){0};
	assert_int_equal(call_answer(&settings, peer, message, NULL, &stream, &answer, NULL), 0);
	if (answer)
		assert_answers(answer, method_of(message));
	json_decref(message);
	return answer;
}

static json_t *answer_to_root(const char *text)
{
	static const struct peer root = {.uid = 0, .pid = 1};

	return answer_to(&root, text);
}

static void assert_answer(const char *text, const char *expected)
{
	json_t *answer = answer_to_root(text), *wanted = json_loads(expected, 0, NULL);

	assert_non_null(wanted);
	if (!json_equal(answer, wanted))
		fail_msg("%s\n  answered %s\n  expected %s", text, json_dumps(answer, 0), expected);
	json_decref(answer);
	json_decref(wanted);
}

static void assert_wrong_parameter(const char *text, const char *parameter)
{
	char expected[256];

	snprintf(expected, sizeof(expected),
		 "{\"error\":\"org.varlink.service.InvalidParameter\","
		 "\"parameters\":{\"parameter\":\"%s\"}}",
		 parameter);
	assert_answer(text, expected);
}

static void arguments_are_checked_before_the_caller(void **state)
{
	static const struct peer other = {.uid = 1001};
	json_t *answer = answer_to(&other, "{\"method\":\"org.lhguard.AddException\"}");

	assert_string_equal(json_string_value(json_object_get(answer, "error")),
			    "org.varlink.service.InvalidParameter");
	json_decref(answer);
}

/* What a call may look like. */

static void calls_that_are_none_are_refused(void **state)
{
	assert_wrong_parameter("{}", "method");
	assert_wrong_parameter("{\"method\":1}", "method");
	assert_wrong_parameter("{\"method\":\"org.lhguard.GetStatus\",\"parameters\":[]}",
			       "parameters");
	assert_wrong_parameter("{\"method\":\"org.lhguard.GetStatus\",\"more\":1}", "more");
	assert_wrong_parameter("{\"method\":\"org.lhguard.GetStatus\",\"x\":1}", "x");
	assert_wrong_parameter("{\"method\":\"org.lhguard.GetStatus\",\"upgrade\":true}",
			       "upgrade");
	assert_null(
		answer_to_root("{\"method\":\"org.lhguard.Watch\",\"more\":true,\"oneway\":true}"));
	assert_int_equal(stream.type, STREAM_NONE);
	assert_answer("{\"method\":\"org.lhguard.Nothing\"}",
		      "{\"error\":\"org.varlink.service.MethodNotFound\","
		      "\"parameters\":{\"method\":\"org.lhguard.Nothing\"}}");
	assert_answer("{\"method\":\"org.other.GetStatus\"}",
		      "{\"error\":\"org.varlink.service.InterfaceNotFound\","
		      "\"parameters\":{\"interface\":\"org.other\"}}");
	assert_answer("{\"method\":\"nodots\"}",
		      "{\"error\":\"org.varlink.service.InterfaceNotFound\","
		      "\"parameters\":{\"interface\":\"nodots\"}}");
	assert_answer("{\"method\":\"org.lhguard.GetStatus.\"}",
		      "{\"error\":\"org.varlink.service.InterfaceNotFound\","
		      "\"parameters\":{\"interface\":\"org.lhguard.GetStatus\"}}");
	assert_int_equal(asked.status, 0);
}

#define ADD(parameters) "{\"method\":\"org.lhguard.AddException\",\"parameters\":{" parameters "}}"
#define REMOVE(ids)	"{\"method\":\"org.lhguard.RemoveExceptions\",\"parameters\":{\"ids\":" ids "}}"

static void wrong_arguments_are_refused_by_name(void **state)
{
	assert_wrong_parameter(ADD(""), "action");
	assert_wrong_parameter(ADD("\"action\":null,\"service\":\"80\""), "action");
	assert_wrong_parameter(ADD("\"action\":\"allow\""), "service");
	assert_wrong_parameter(ADD("\"action\":\"permit\",\"service\":\"80\""), "action");
	assert_wrong_parameter(ADD("\"action\":\"allow\",\"service\":80"), "service");
	assert_wrong_parameter(ADD("\"action\":\"allow\",\"service\":\"80\",\"seconds\":\"10\""),
			       "seconds");
	assert_wrong_parameter(ADD("\"action\":\"allow\",\"service\":\"80\",\"seconds\":1.5"),
			       "seconds");
	assert_wrong_parameter(ADD("\"action\":\"allow\",\"service\":\"80\",\"seconds\":0"),
			       "seconds");
	assert_wrong_parameter(ADD("\"action\":\"allow\",\"service\":\"80\",\"seconds\":-1"),
			       "seconds");
	assert_wrong_parameter(
		ADD("\"action\":\"allow\",\"service\":\"80\",\"seconds\":9223372036854775807"),
		"seconds");
	assert_wrong_parameter(ADD("\"action\":\"allow\",\"service\":\"80\",\"colour\":1"),
			       "colour");
	assert_wrong_parameter(ADD("\"action\":\"allow\",\"service\":\"80\",\"untilStop\":1"),
			       "untilStop");
	assert_wrong_parameter(ADD("\"action\":\"allow\",\"service\":\"80\",\"cutAtEnd\":\"yes\""),
			       "cutAtEnd");
	assert_wrong_parameter(REMOVE("[]"), "ids");
	assert_wrong_parameter(REMOVE("7"), "ids");
	assert_wrong_parameter(REMOVE("[0]"), "ids");
	assert_wrong_parameter(REMOVE("[-1]"), "ids");
	assert_wrong_parameter(REMOVE("[4294967296]"), "ids");
	assert_wrong_parameter(REMOVE("[\"1\"]"), "ids");
	assert_wrong_parameter("{\"method\":\"org.lhguard.Watch\",\"parameters\":{\"past\":-1}}",
			       "past");
	assert_int_equal(asked.add + asked.remove, 0);
}

static void a_comment_that_is_too_long_is_refused(void **state)
{
	char comment[COMMENT_SIZE + 1], text[2 * COMMENT_SIZE];

	memset(comment, 'c', COMMENT_SIZE);
	comment[COMMENT_SIZE] = '\0';
	snprintf(text, sizeof(text),
		 ADD("\"action\":\"deny\",\"service\":\"80\",\"comment\":\"%s\""), comment);
	assert_wrong_parameter(text, "comment");
}

/* What the methods do. */

static void add_stores_what_was_said(void **state)
{
	json_t *answer = answer_to_root(
		ADD("\"action\":\"allow\",\"service\":\"tcp/127.0.0.1:9222\","
		    "\"source\":\"vm:devbox\",\"seconds\":600,\"comment\":\"because\""));
	const char *action, *service, *source, *comment;
	int id;

	assert_int_equal(json_unpack(answer, "{s:{s:{s:i, s:s, s:s, s:s, s:s}}}", "parameters",
				     "exception", "id", &id, "action", &action, "service", &service,
				     "source", &source, "comment", &comment),
			 0);
	assert_int_equal(id, 3);
	assert_string_equal(action, "allow");
	assert_string_equal(service, "tcp/127.0.0.1:9222");
	assert_string_equal(source, "vm:devbox");
	assert_string_equal(comment, "because");
	assert_int_equal(asked.exception.expires_us - asked.exception.created_us, 600000000);
	assert_int_equal(asked.exception.source.type, SELECT_KIND);
	json_decref(answer);

	json_decref(answer_to_root(
		ADD("\"action\":\"deny\",\"service\":\"80\",\"source\":null,\"seconds\":null")));
	assert_int_equal(asked.exception.source.type, SELECT_ANY);
	assert_int_equal(asked.exception.expires_us, 0);
	assert_false(asked.exception.allow);
}

/* An error by name, whose reason holds @part. */
static void assert_reason(const char *text, const char *name, const char *part)
{
	json_t *answer = answer_to_root(text);
	const char *reason = NULL;

	assert_string_equal(json_string_value(json_object_get(answer, "error")), name);
	assert_int_equal(json_unpack(answer, "{s:{s:s}}", "parameters", "reason", &reason), 0);
	assert_string_not_equal(reason, "");
	if (!strstr(reason, part))
		fail_msg("\"%s\" does not say \"%s\"", reason, part);
	json_decref(answer);
}

static void assert_error(const char *text, const char *name)
{
	assert_reason(text, name, "");
}

#define ADD_FROM(source, more)                                                                     \
	ADD("\"action\":\"allow\",\"service\":\"tcp/9222\",\"source\":\"" source "\"" more)

static void assert_note(const char *text, const char *expected)
{
	json_t *answer = answer_to_root(text);
	json_t *notes = json_object_get(json_object_get(answer, "parameters"), "notes");
	const char *note = json_string_value(json_array_get(notes, 0));

	assert_true(json_is_array(notes));
	assert_int_equal(json_array_size(notes), *expected != '\0');
	assert_string_equal(note ? note : "", expected);
	json_decref(answer);
}

static void a_name_that_several_bear_is_told(void **state)
{
	assert_note(ADD_FROM("vm:devbox", ""),
		    "no guest called vm:devbox runs now: it holds when one does");
	assert_note(ADD_FROM("vm", ""), "");
	assert_note(ADD_FROM("any", ""), "");
	assert_note(ADD_FROM("conduit:pasta", ""), "");
	guest_count = 1;
	assert_note(ADD_FROM("vm:devbox", ""), "");
	assert_note(ADD_FROM("vm:other", ""),
		    "no guest called vm:other runs now: it holds when one does");
	guest_count = 2;
	assert_note(
		ADD_FROM("vm:devbox", ""),
		"vm:devbox names 2 running guests (guest:1 qemu pid 812, guest:2 qemu pid 813): "
		"it allows both; for one: --from guest:1");
	assert_note(ADD("\"action\":\"deny\",\"service\":\"80\",\"source\":\"qemu:devbox\""),
		    "qemu:devbox names 2 running guests (guest:1 qemu pid 812, guest:2 qemu pid "
		    "813): it denies both; for one: --from guest:1");
	assert_note(ADD_FROM("vm", ""), "");
	assert_int_equal(asked.exception.guest_key[0], '\0');
	guest_count = 1000;
	json_decref(answer_to_root(ADD_FROM("vm:devbox", "")));
}

static void a_number_is_no_name(void **state)
{
	guest_count = 1;
	guests_are_numbered = true;
	assert_note(ADD_FROM("vm:devbox", ""),
		    "vm:devbox has no name, and its number is another guest's later, which it "
		    "allows then, too: --from guest:1 ends with this one");
	assert_note(ADD_FROM("vm:devbox", ",\"seconds\":60"), "");
	assert_note(ADD_FROM("guest:1", ""), "");
	guests_are_numbered = false;
}

static void a_conduit_or_an_interface_that_is_not_there_is_told(void **state)
{
	assert_note(ADD_FROM("conduit:nope", ""),
		    "no conduit called nope is in the catalogue: it holds when one is");
	assert_note(ADD_FROM("iface:nope", ""),
		    "this host has no interface nope now: it holds when it has one");
	assert_note(ADD_FROM("iface:br0", ""), "");
}

/* It would be made, and be about nobody. */
static void a_runtime_that_there_is_not_is_refused(void **state)
{
	static const struct {
		const char *source, *part;
	} rows[] = {
		{"devbox", "no runtime is called \"devbox\": do you mean vm:devbox?"},
		{"contaner", "no runtime is called \"contaner\": do you mean container?"},
		{"contaner:web", "do you mean container:web?"},
		{"podmn:*", "do you mean podman?"},
		{"dokcer:web", "do you mean docker:web?"},
		{"zzzzz:devbox", "do you mean vm:devbox?"},
		{"zzzzz", "no runtime is called \"zzzzz\": write e.g. vm:devbox"},
	};

	guest_count = 2;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char text[256];

		snprintf(text, sizeof(text),
			 "{\"method\":\"org.lhguard.AddException\",\"parameters\":{\"action\":"
			 "\"deny\",\"service\":\"80\",\"source\":\"%s\"}}",
			 rows[i].source);
		assert_reason(text, "org.lhguard.InvalidSource", rows[i].part);
	}
	assert_int_equal(asked.add, 0);
	assert_note(ADD_FROM("netns:x", ""),
		    "no guest called netns:x runs now: it holds when one does");
	assert_note(ADD_FROM("podman:*", ""), "");
}

static void an_import_names_the_line_of_a_runtime_that_there_is_not(void **state)
{
	assert_reason("{\"method\":\"org.lhguard.ImportExceptions\",\"parameters\":{\"text\":"
		      "\"[exception 1]\\naction = deny\\nservice = 80\\nsource = vm\\n\\n"
		      "[exception 2]\\naction = deny\\nservice = 80\\nsource = contaner\\n\"}}",
		      "org.lhguard.InvalidExceptions", "text:6: no runtime is called \"contaner\"");
}

static void until_stop_is_about_one_running_guest(void **state)
{
	json_t *answer, *exception;

	assert_reason(ADD_FROM("vm:devbox", ",\"untilStop\":true"), "org.lhguard.NoSuchGuest",
		      "vm:devbox does not run");
	assert_reason(ADD_FROM("guest:1", ""), "org.lhguard.NoSuchGuest", "guest:1 does not run");
	guest_count = 2;
	assert_reason(ADD_FROM("vm:devbox", ",\"untilStop\":true"), "org.lhguard.AmbiguousSource",
		      "(guest:1 qemu pid 812, guest:2 qemu pid 813)");
	assert_reason(ADD_FROM("vm", ",\"untilStop\":true"), "org.lhguard.InvalidSource",
		      "no single guest");
	assert_reason(ADD_FROM("any", ",\"untilStop\":true"), "org.lhguard.InvalidSource",
		      "no single guest");
	assert_reason(ADD_FROM("conduit:pasta", ",\"untilStop\":true"), "org.lhguard.InvalidSource",
		      "no single guest");
	assert_int_equal(asked.add, 0);

	assert_note(ADD_FROM("guest:2", ""), "");
	assert_int_equal(asked.exception.source.type, SELECT_GUEST);
	assert_int_equal(asked.exception.guest, 2);
	assert_string_equal(asked.exception.guest_key, "qemu:811:9");
	assert_false(asked.exception.cut);

	guest_count = 1;
	answer = answer_to_root(
		ADD_FROM("vm:devbox", ",\"untilStop\":true,\"seconds\":60,\"cutAtEnd\":true"));
	exception = json_object_get(json_object_get(answer, "parameters"), "exception");
	assert_string_equal(json_string_value(json_object_get(exception, "source")), "vm:devbox");
	assert_true(json_is_true(json_object_get(exception, "untilStop")));
	assert_true(json_is_true(json_object_get(exception, "cutAtEnd")));
	assert_int_equal(json_integer_value(json_object_get(exception, "guest")), 1);
	assert_true(json_is_string(json_object_get(exception, "expires")));
	json_decref(answer);
	assert_int_equal(asked.exception.source.type, SELECT_KIND);
	assert_int_equal(asked.exception.guest, 1);
	assert_string_equal(asked.exception.guest_key, "qemu:811:9");
	assert_true(asked.exception.cut);
}

static void failures_have_names_and_reasons(void **state)
{
	assert_error(ADD("\"action\":\"allow\",\"service\":\"nonsense\""),
		     "org.lhguard.InvalidService");
	assert_error(ADD("\"action\":\"allow\",\"service\":\"80\",\"source\":\"A B\""),
		     "org.lhguard.InvalidSource");
	asked.result = -EUCLEAN;
	assert_error(ADD("\"action\":\"allow\",\"service\":\"80\""),
		     "org.lhguard.ExceptionsFailed");
	asked.result = -ENOENT;
	assert_error(REMOVE("[7]"), "org.lhguard.NoSuchException");
	asked.result = -EROFS;
	assert_error(REMOVE("[7]"), "org.lhguard.Failed");
	asked.result = -EINVAL;
	assert_error("{\"method\":\"org.lhguard.Reload\"}", "org.lhguard.ReloadFailed");
}

static void remove_takes_many(void **state)
{
	assert_answer(REMOVE("[3,1,4294967295]"), "{\"parameters\":{\"removed\":[3,1,4294967295],"
						  "\"count\":3,\"notes\":[]}}");
	assert_int_equal(asked.id_count, 3);
	assert_int_equal(asked.ids[2], UINT32_MAX);
}

/* Open connections */

#define LIST_OPEN(more) "{\"method\":\"org.lhguard.ListConnections\",\"more\":" more "}"
#define CUT(arguments)	"{\"method\":\"org.lhguard.CutConnections\",\"parameters\":{" arguments "}}"

/* The rest of an answer that began with @text, in as many turns as it takes. */
static size_t listed(json_t *answer, unsigned int *answers)
{
	size_t count = 0;

	for (*answers = 0;; answer = stream_next(&settings, &stream)) {
		if (!answer) {
			assert_true(stream_is_waiting(&stream));
			continue;
		}
		assert_answers(answer, "org.lhguard.ListConnections");
		count += json_array_size(
			json_object_get(json_object_get(answer, "parameters"), "connections"));
		++*answers;
		if (!json_is_true(json_object_get(answer, "continues"))) {
			assert_int_equal(
				json_is_true(json_object_get(json_object_get(answer, "parameters"),
							     "incomplete")),
				to_find > 10000);
			json_decref(answer);
			return count;
		}
		json_decref(answer);
	}
}

/* Like answer_to_root(), of a call that may take more turns. */
static json_t *begin(const char *text)
{
	static const struct peer root = {.uid = 0, .pid = 1};
	json_t *message = json_loads(text, 0, NULL), *answer;

	stream = (struct stream){0};
	assert_int_equal(call_answer(&settings, &root, message, NULL, &stream, &answer, NULL), 0);
	json_decref(message);
	return answer;
}

static void connections_come_in_pages_and_turns(void **state)
{
	unsigned int answers;

	assert_int_equal(listed(begin(LIST_OPEN("false")), &answers), 0);
	to_find = 1000;
	pause_every = 7;
	assert_int_equal(listed(begin(LIST_OPEN("true")), &answers), 1000);
	assert_true(answers > 3);
	assert_int_equal(stream.type, STREAM_NONE);
	to_find = 10001; /* more than one list holds */
	assert_int_equal(listed(begin(LIST_OPEN("true")), &answers), 10000);
	to_find = 1000;
	pause_every = 0;
	assert_answer(LIST_OPEN("false"), "{\"error\":\"org.varlink.service.ExpectedMore\"}");
	assert_int_equal(walks_open, 0);
}

static void a_connection_has_every_field_of_the_definition(void **state)
{
	to_find = 1;
	assert_answer(LIST_OPEN("false"),
		      "{\"continues\":false,\"parameters\":{\"incomplete\":false,\"connections\":[{"
		      "\"source\":{\"class\":\"guest\",\"kind\":\"vm\",\"runtime\":\"\",\"name\":"
		      "\"devbox\",\"label\":\"vm:devbox\",\"guest\":null,\"shared\":false,"
		      "\"conduit\":null},\"route\":\"local\",\"interface\":\"\",\"service\":{"
		      "\"protocol\":\"tcp\",\"address\":\"::\",\"port\":9222,\"program\":"
		      "\"python3\"},\"client\":{\"address\":\"::\",\"port\":0},\"state\":\"close-"
		      "wait\",\"allowed\":false,\"reason\":\"default\",\"rule\":\"vm = "
		      "no\",\"exception\":null,\"pid\":null,\"program\":null}]}}");
}

static void a_cut_says_how_many(void **state)
{
	json_t *answer;

	to_find = 40;
	assert_answer(CUT("\"source\":\"vm:devbox\",\"service\":\"80\",\"refusedOnly\":true"),
		      "{\"parameters\":{\"cut\":40}}");
	assert_true(the_walk.query.cut && the_walk.query.has_source && the_walk.query.has_service);
	assert_true(the_walk.query.refused && !the_walk.query.ended);
	pause_every = 10;
	assert_null(begin(CUT("")));
	assert_true(!the_walk.query.has_source && !the_walk.query.refused);
	do
		answer = stream_next(&settings, &stream);
	while (!answer);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(answer, "parameters"), "cut")),
		40);
	json_decref(answer);
	assert_int_equal(walks_open, 0);
	walk_result = -EOPNOTSUPP;
	assert_answer(CUT(""), "{\"error\":\"org.lhguard.Failed\",\"parameters\":{\"reason\":"
			       "\"this kernel cannot\"}}");
	assert_int_equal(walks_open, 0);
}

static void a_query_is_checked(void **state)
{
	assert_error(CUT("\"source\":\"A B\""), "org.lhguard.InvalidSource");
	assert_error(CUT("\"source\":\"contaner\""), "org.lhguard.InvalidSource");
	assert_error(CUT("\"service\":\"nonsense\""), "org.lhguard.InvalidService");
	assert_wrong_parameter(CUT("\"refusedOnly\":1"), "refusedOnly");
}

static void list_rule(uint32_t id, bool allow, const char *service, const char *source)
{
	struct exception *rule = &stored[stored_count++];

	*rule = (struct exception){.id = id, .allow = allow, .created_us = 5, .creator = 77};
	assert_int_equal(service_parse(service, &rule->service, NULL), 0);
	assert_int_equal(selector_parse(source, &rule->source, NULL), 0);
}

/* The notes of an answer, each in a line. */
static char *notes_of(const char *message)
{
	json_t *answer = answer_to_root(message);
	json_t *notes = json_object_get(json_object_get(answer, "parameters"), "notes");
	static char text[4096];

	text[0] = '\0';
	if (!notes)
		text_append(text, sizeof(text), "%s",
			    json_string_value(json_object_get(answer, "error")));
	for (size_t i = 0; i < json_array_size(notes); i++)
		text_append(text, sizeof(text), "%s\n",
			    json_string_value(json_array_get(notes, i)));
	json_decref(answer);
	return text;
}

#define DRY(action, service, source)                                                               \
	"{\"method\":\"org.lhguard.AddException\",\"parameters\":{\"action\":\"" action            \
	"\",\"service\":\"" service "\",\"source\":\"" source "\",\"dryRun\":true}}"

static void a_dry_run_says_what_others_do(void **state)
{
	list_rule(4, false, "tcp/80", "container");
	list_rule(5, true, "80", "iface:br0");
	assert_string_equal(
		notes_of(DRY("allow", "tcp/80", "container")),
		"deny exception 4 (tcp/80 to container) would still refuse all of it\n");
	assert_true(asked.is_dry_run);
	assert_string_equal(
		notes_of(DRY("allow", "80", "any")),
		"deny exception 4 (tcp/80 to container) would still refuse a part of it\n");
	assert_string_equal(notes_of(DRY("allow", "tcp/80", "iface:br0")),
			    "allow exception 5 (80 from iface:br0) allows all of it already\n");
	assert_string_equal(
		notes_of(DRY("deny", "80", "iface:br0")),
		"allow exception 5 (80 from iface:br0) would have nothing left to allow\n");
	assert_string_equal(notes_of(DRY("deny", "udp/80", "iface:br0")),
			    "allow exception 5 (80 from iface:br0) would lose a part of what it "
			    "allows\n");
	assert_string_equal(notes_of(DRY("deny", "tcp/80", "container")),
			    "deny exception 4 (tcp/80 to container) denies all of it already\n");
	assert_string_equal(notes_of(DRY("allow", "81", "any")), "");
	assert_string_equal(notes_of(DRY("allow", "81", "host")), "org.lhguard.InvalidSource");
	assert_int_equal(asked.add, 7);
}

#define MAKE(action, more)                                                                         \
	"{\"method\":\"org.lhguard.AddException\",\"parameters\":{\"action\":\"" action            \
	"\",\"service\":\"tcp/80\",\"source\":\"container\"" more "}}"

/* Not where it ends before the new one does. */
static void one_that_is_there_already_is_told(void **state)
{
	static const char allows[] = "allow exception 5 (80 from any) allows all of it already\n";

	list_rule(5, true, "80", "any");
	list_rule(6, false, "80", "container");
	stored[1].source.kind = KIND_VM;
	assert_string_equal(notes_of(MAKE("allow", "")), allows);
	assert_string_equal(notes_of(MAKE("allow", ",\"seconds\":60")), allows);
	assert_string_equal(notes_of(MAKE("deny", "")), "");
	stored[1].source.kind = KIND_CONTAINER;
	assert_string_equal(notes_of(MAKE("deny", "")),
			    "deny exception 6 (80 to container) denies all of it already\n");
	stored[1].source.kind = KIND_VM;
	stored[0].expires_us = 9;
	assert_string_equal(notes_of(MAKE("allow", "")), "");
	assert_string_equal(notes_of(MAKE("allow", ",\"seconds\":60")), "");
	stored[0].expires_us = UINT64_MAX;
	assert_string_equal(notes_of(MAKE("allow", ",\"seconds\":60")), allows);
}

/* Who makes one for good is told only of what makes it useless. */
static void an_allow_that_a_deny_undoes_is_told(void **state)
{
	list_rule(4, false, "tcp/80", "container");
	list_rule(5, true, "udp/80", "any");
	assert_string_equal(
		notes_of("{\"method\":\"org.lhguard.AddException\",\"parameters\":{\"action\":"
			 "\"allow\",\"service\":\"tcp/80\",\"source\":\"container\"}}"),
		"deny exception 4 (tcp/80 to container) still refuses all of it\n");
	assert_false(asked.is_dry_run);
}

#define EDIT(parameters)                                                                           \
	"{\"method\":\"org.lhguard.EditException\",\"parameters\":{\"id\":4" parameters "}}"

static void an_edit_leaves_the_rest(void **state)
{
	list_rule(4, false, "tcp/80", "container");
	list_rule(5, true, "tcp/80", "any");
	stored[0].expires_us = 9;
	assert_string_equal(notes_of(EDIT("")), "");
	assert_memory_equal(&asked.exception, &stored[0], sizeof(stored[0]));
	notes_of(EDIT(",\"comment\":\"why\",\"cutAtEnd\":true,\"dryRun\":true"));
	assert_true(asked.is_dry_run && asked.exception.cut);
	assert_string_equal(asked.exception.comment, "why");
	assert_int_equal(asked.exception.expires_us, 9);
	assert_int_equal(asked.exception.creator, 77);
	assert_int_equal(asked.exception.created_us, 5);
	notes_of(EDIT(",\"service\":\"81\",\"source\":\"vm\",\"forever\":true"));
	assert_false(asked.is_dry_run);
	assert_int_equal(asked.exception.service.first, 81);
	assert_int_equal(asked.exception.source.kind, KIND_VM);
	assert_int_equal(asked.exception.expires_us, 0);
	notes_of(EDIT(",\"seconds\":60"));
	assert_true(asked.exception.expires_us > 60000000);
	assert_int_equal(asked.exception.created_us, 5);
	assert_int_equal(asked.edit, 4);
}

/* It ends with its guest, until somebody wants another end or another guest. */
static void an_edit_binds_and_unbinds(void **state)
{
	list_rule(4, true, "tcp/80", "vm:devbox");
	strcpy(stored[0].guest_key, "key");
	stored[0].guest = 7;
	notes_of(EDIT(",\"comment\":\"why\",\"untilStop\":true"));
	assert_int_equal(asked.exception.guest, 7);
	assert_int_equal(asked.exception.created_us, 5);
	notes_of(EDIT(",\"seconds\":60"));
	assert_string_equal(asked.exception.guest_key, "key");
	notes_of(EDIT(",\"forever\":true"));
	assert_string_equal(asked.exception.guest_key, "");
	assert_int_equal(asked.exception.guest, 0);
	notes_of(EDIT(",\"untilStop\":false"));
	assert_string_equal(asked.exception.guest_key, "");
	assert_int_equal(asked.edit, 4);
	/* Whom it was not made for is bound to it from now on. */
	guest_count = 1;
	stored[0].guest_key[0] = '\0';
	notes_of(EDIT(",\"untilStop\":true"));
	assert_int_equal(asked.exception.guest, 1);
	assert_true(asked.exception.guest_key[0] && asked.exception.created_us > 5);
	assert_int_equal(asked.edit, 5);
	strcpy(stored[0].guest_key, "key");
	/* Nobody of that name runs. */
	assert_string_equal(notes_of(EDIT(",\"source\":\"vm:nobody\"")), "org.lhguard.NoSuchGuest");
	assert_string_equal(notes_of(EDIT(",\"source\":\"vm\"")), "org.lhguard.InvalidSource");
	assert_int_equal(asked.edit, 5);
}

/* What was made while the catalogue had its runtime is changed all the same. */
static void an_edit_leaves_a_source_that_is_known_no_more(void **state)
{
	list_rule(4, false, "tcp/80", "former:web");
	notes_of(EDIT(",\"service\":\"81\""));
	assert_int_equal(asked.edit, 1);
}

static void an_edit_is_checked(void **state)
{
	list_rule(4, false, "tcp/80", "container");
	assert_wrong_parameter("{\"method\":\"org.lhguard.EditException\"}", "id");
	assert_wrong_parameter(EDIT(",\"seconds\":60,\"forever\":true"), "forever");
	assert_wrong_parameter(EDIT(",\"seconds\":0"), "seconds");
	assert_wrong_parameter(EDIT(",\"action\":\"allow\""), "action");
	assert_error(EDIT(",\"service\":\"nonsense!\""), "org.lhguard.InvalidService");
	assert_error(EDIT(",\"source\":\"host\""), "org.lhguard.InvalidSource");
	assert_error(EDIT(",\"source\":\"contaner\""), "org.lhguard.InvalidSource");
	assert_error("{\"method\":\"org.lhguard.EditException\",\"parameters\":{\"id\":5}}",
		     "org.lhguard.NoSuchException");
	assert_error(
		"{\"method\":\"org.lhguard.EditException\",\"parameters\":{\"id\":4294967300}}",
		"org.lhguard.NoSuchException");
	assert_int_equal(asked.edit, 0);
	asked.result = -EUCLEAN;
	assert_error(EDIT(",\"service\":\"81\""), "org.lhguard.ExceptionsFailed");
}

#define FORGET(parameters)                                                                         \
	"{\"method\":\"org.lhguard.RemoveExceptions\",\"parameters\":{" parameters "}}"

static void remove_says_what_has_gone(void **state)
{
	assert_answer(FORGET("\"ids\":[5]"),
		      "{\"parameters\":{\"removed\":[5],\"count\":1,\"notes\":[]}}");
	assert_answer(
		FORGET("\"source\":\"vm:devbox\",\"ids\":null"),
		"{\"parameters\":{\"removed\":[7],\"count\":1,\"notes\":[\"exception "
		"1000000007 is the administrator's and stays: remove it from /etc/a.conf (and "
		"1 more of the administrator's)\"]}}");
	assert_string_equal(asked.source.name, "devbox");
	assert_false(asked.is_expired);
	assert_answer(FORGET("\"expired\":true,\"cut\":true"),
		      "{\"parameters\":{\"removed\":[],\"count\":0,\"notes\":[],\"cut\":0}}");
	assert_true(asked.is_expired);
	assert_int_equal(asked.remove, 3);
}

/* What goes on as before though it was removed. */
static void remove_says_what_is_left(void **state)
{
	list_rule(7, true, "tcp/80", "vm:devbox");
	list_rule(8, true, "tcp/80", "vm");
	list_rule(9, false, "tcp/80", "vm");
	list_rule(10, true, "tcp/81", "any");
	removes_stored = true;
	assert_string_equal(
		notes_of(FORGET("\"ids\":[7]")),
		"allow exception 8 (tcp/80 from vm) still allows all of what exception 7 did\n");
	assert_string_equal(
		notes_of(FORGET("\"ids\":[8]")),
		"allow exception 7 (tcp/80 from vm:devbox) still allows a part of what exception 8 "
		"did\n");
	assert_string_equal(notes_of(FORGET("\"ids\":[7,8]")), "");
	assert_string_equal(notes_of(FORGET("\"ids\":[9]")), "");
	stored[1].is_spent = true;
	assert_string_equal(notes_of(FORGET("\"ids\":[7]")), "");
	stored[1].is_spent = false;
	stored[1].allow = stored[0].allow = false;
	assert_string_equal(
		notes_of(FORGET("\"ids\":[7,9]")),
		"deny exception 8 (tcp/80 to vm) still denies all of what exception 7 did\n"
		"deny exception 8 (tcp/80 to vm) still denies all of what exception 9 did\n");
}

static void remove_is_asked_for_one_thing(void **state)
{
	assert_wrong_parameter(FORGET(""), "ids");
	assert_wrong_parameter(FORGET("\"expired\":false"), "ids");
	assert_wrong_parameter(FORGET("\"ids\":[]"), "ids");
	assert_wrong_parameter(FORGET("\"ids\":[0]"), "ids");
	assert_wrong_parameter(FORGET("\"ids\":[4294967296]"), "ids");
	assert_wrong_parameter(FORGET("\"ids\":[1],\"source\":\"any\""), "source");
	assert_wrong_parameter(FORGET("\"ids\":[1],\"expired\":true"), "expired");
	assert_wrong_parameter(FORGET("\"source\":\"any\",\"expired\":true"), "expired");
	assert_error(FORGET("\"source\":\"A B\""), "org.lhguard.InvalidSource");
	assert_int_equal(asked.remove, 0);
}

/* What was removed is cut, and nothing when it could not be removed. */
static void remove_may_cut(void **state)
{
	exception_count = 3;
	to_find = 2;
	assert_answer("{\"method\":\"org.lhguard.RemoveExceptions\",\"parameters\":{\"ids\":[3,1],"
		      "\"cut\":true}}",
		      "{\"parameters\":{\"removed\":[3,1],\"count\":2,\"notes\":[],\"cut\":2}}");
	assert_true(the_walk.query.cut && !the_walk.query.refused);
	assert_int_equal(the_walk.query.ended_count, 2);
	assert_int_equal(asked.id_count, 2);
	asked.result = -ENOENT;
	the_walk = (struct walk){.found = 0};
	assert_error("{\"method\":\"org.lhguard.RemoveExceptions\",\"parameters\":{\"ids\":[7],"
		     "\"cut\":true}}",
		     "org.lhguard.NoSuchException");
	assert_false(the_walk.query.cut);
	assert_int_equal(walks_open, 0);
}

static void a_walk_ends_with_its_caller(void **state)
{
	to_find = 10;
	pause_every = 5;
	assert_null(begin(LIST_OPEN("true")));
	assert_int_equal(walks_open, 1);
	stream_end(&settings, &stream);
	assert_int_equal(walks_open, 0);
	assert_null(begin("{\"method\":\"org.lhguard.CutConnections\",\"oneway\":true}"));
	assert_true(stream.is_unanswered);
	stream_end(&settings, &stream);
}

static void oneway_is_done_and_not_answered(void **state)
{
	assert_null(answer_to_root("{\"method\":\"org.lhguard.Reload\",\"oneway\":true}"));
	assert_int_equal(asked.reload, 1);
	assert_null(answer_to_root("{\"method\":\"org.lhguard.Nothing\",\"oneway\":true}"));
}

static void status_is_whole_whatever_its_bytes_are(void **state)
{
	json_t *answer = answer_to_root("{\"method\":\"org.lhguard.GetStatus\"}");
	const char *state_word, *reason, *mistake, *name, *netns;
	const char *since, *mode_since;
	json_t *queues;

	assert_int_equal(json_unpack(answer,
				     "{s:{s:{s:{s:s, s:s}, s:{s:s}, s:{s:s}, s:s, s:o, s:s, s:s}}}",
				     "parameters", "status", "configuration", "state", &state_word,
				     "error", &reason, "catalogue", "error", &mistake, "services",
				     "error", &name, "netns", &netns, "queues", &queues, "since",
				     &since, "modeSince", &mode_since),
			 0);
	assert_string_equal(state_word, "failed");
	assert_string_equal(reason, "lhguard.conf:3: unknown key");
	assert_string_equal(mistake, "guests.conf:9: no role");
	assert_string_equal(name, "services.conf:2: no port");
	assert_string_equal(netns, "/run/netns/\\xff");
	assert_string_equal(since, "1970-01-01T00:00:01Z");
	assert_string_equal(mode_since, "1970-01-01T00:00:02Z");
	assert_int_equal(json_array_size(queues), 2);
	json_decref(answer);
}

#define SET_MODE(parameters) "{\"method\":\"org.lhguard.SetMode\",\"parameters\":{" parameters "}}"

static void a_mode_is_set_for_a_time_or_not(void **state)
{
	assert_answer(SET_MODE("\"mode\":\"monitor\",\"seconds\":600"),
		      "{\"parameters\":{\"mode\":\"monitor\",\"configuredMode\":\"enforce\","
		      "\"modeOverride\":{\"creator\":0,\"created\":\"1970-01-01T00:00:00Z\","
		      "\"expires\":\"1970-01-01T00:10:00Z\"}}}");
	assert_int_equal(asked.change.mode, MODE_MONITOR);
	assert_int_equal(asked.change.seconds, 600);
	json_decref(answer_to_root(SET_MODE("\"mode\":\"monitor\"")));
	assert_int_equal(asked.change.seconds, 0);
	assert_answer(SET_MODE("\"mode\":\"enforce\",\"seconds\":null"),
		      "{\"parameters\":{\"mode\":\"enforce\",\"configuredMode\":\"enforce\","
		      "\"modeOverride\":null}}");
	assert_int_equal(asked.set_mode, 3);
	asked.result = -ENOMEM;
	assert_answer(
		SET_MODE("\"mode\":\"monitor\""),
		"{\"error\":\"org.lhguard.Failed\",\"parameters\":{\"reason\":\"nftables: no\"}}");
}

static void a_mode_that_is_none_is_refused(void **state)
{
	assert_wrong_parameter(SET_MODE(""), "mode");
	assert_wrong_parameter(SET_MODE("\"mode\":1"), "mode");
	assert_wrong_parameter(SET_MODE("\"mode\":\"Enforce\""), "mode");
	assert_wrong_parameter(SET_MODE("\"mode\":\"\""), "mode");
	assert_wrong_parameter(SET_MODE("\"mode\":\"monitor\",\"seconds\":0"), "seconds");
	assert_wrong_parameter(SET_MODE("\"mode\":\"monitor\",\"seconds\":-1"), "seconds");
	assert_wrong_parameter(SET_MODE("\"mode\":\"monitor\",\"seconds\":315360001"), "seconds");
	assert_wrong_parameter(SET_MODE("\"mode\":\"monitor\",\"seconds\":\"9\""), "seconds");
	assert_wrong_parameter(SET_MODE("\"mode\":\"monitor\",\"for\":9"), "for");
	assert_int_equal(asked.set_mode, 0);
}

static void introspection_describes_both_interfaces(void **state)
{
	json_t *answer = answer_to_root("{\"method\":\"org.varlink.service.GetInfo\"}");

	assert_int_equal(json_array_size(json_object_get(json_object_get(answer, "parameters"),
							 "interfaces")),
			 2);
	json_decref(answer);
	answer = answer_to_root("{\"method\":\"org.varlink.service.GetInterfaceDescription\","
				"\"parameters\":{\"interface\":\"org.lhguard\"}}");
	assert_non_null(strstr(json_string_value(json_object_get(
				       json_object_get(answer, "parameters"), "description")),
			       "\ninterface org.lhguard\n"));
	json_decref(answer);
	assert_answer("{\"method\":\"org.varlink.service.GetInterfaceDescription\","
		      "\"parameters\":{\"interface\":\"org.other\"}}",
		      "{\"error\":\"org.varlink.service.InterfaceNotFound\","
		      "\"parameters\":{\"interface\":\"org.other\"}}");
}

/* Lists and events. */

#define LIST "{\"method\":\"org.lhguard.ListExceptions\""

static void short_lists_come_in_one_answer(void **state)
{
	assert_answer(LIST "}", "{\"parameters\":{\"exceptions\":[]}}");
	assert_answer(LIST ",\"more\":true}", "{\"parameters\":{\"exceptions\":[]}}");
	guest_count = 3;
	json_t *answer = answer_to_root("{\"method\":\"org.lhguard.ListGuests\"}");

	assert_int_equal(
		json_array_size(json_object_get(json_object_get(answer, "parameters"), "guests")),
		3);
	json_decref(answer);
}

static void long_lists_come_in_pages(void **state)
{
	json_int_t expected = 0;
	json_t *answer;

	exception_count = 1000;
	assert_answer(LIST "}", "{\"error\":\"org.varlink.service.ExpectedMore\"}");
	assert_int_equal(stream.type, STREAM_NONE);
	answer = answer_to_root(LIST ",\"more\":true}");
	for (;;) {
		json_t *page = json_object_get(json_object_get(answer, "parameters"), "exceptions");

		assert_answers(answer, "org.lhguard.ListExceptions");
		assert_true(json_array_size(page) > 0);
		assert_true(json_dumpb(answer, NULL, 0, JSON_COMPACT) < 40 * 1024);
		for (size_t i = 0; i < json_array_size(page); i++)
			assert_int_equal(
				json_integer_value(json_object_get(json_array_get(page, i), "id")),
				++expected);
		assert_int_equal(json_is_true(json_object_get(answer, "continues")),
				 stream.type != STREAM_NONE);
		json_decref(answer);
		if (stream.type == STREAM_NONE)
			break;
		answer = stream_next(&settings, &stream);
	}
	assert_int_equal(expected, 1000);
}

/* Names of services. */

static void names_of_services_are_listed(void **state)
{
	json_t *answer = answer_to_root("{\"method\":\"org.lhguard.ListServices\"}"), *list, *first;

	list = json_object_get(json_object_get(answer, "parameters"), "services");
	assert_true(json_array_size(list) > 80);
	first = json_pack("{s:s, s:s, s:s, s:b}", "name", "chrome-devtools", "ports", "tcp/9222",
			  "title", "Chrome DevTools", "sensitive", true);
	assert_true(json_equal(json_array_get(list, 0), first));
	json_decref(first);
	json_decref(answer);
	services_free((struct services *)settings.services);
	settings.services = NULL;
	assert_answer("{\"method\":\"org.lhguard.ListServices\"}",
		      "{\"parameters\":{\"services\":[]}}");
}

/* More than one answer carries: each name once, in order. */
static void many_names_come_in_pages(void **state)
{
	char path[] = "/tmp/lhguard-test-XXXXXX", name[32];
	FILE *file = fdopen(mkstemp(path), "w");
	json_t *answer;
	int seen = 0;

	assert_non_null(file);
	for (int i = 0; i < SERVICES_MAX; i++)
		fprintf(file, "[s%d]\nports = tcp/%d\ntitle = %090d\n", i, i + 1, i);
	fclose(file);
	assert_int_equal(services_read((struct services *)settings.services, path, "/nowhere"), 0);
	unlink(path);
	assert_answer("{\"method\":\"org.lhguard.ListServices\"}",
		      "{\"error\":\"org.varlink.service.ExpectedMore\"}");
	answer = answer_to_root("{\"method\":\"org.lhguard.ListServices\",\"more\":true}");
	for (;;) {
		json_t *page = json_object_get(json_object_get(answer, "parameters"), "services");

		assert_answers(answer, "org.lhguard.ListServices");
		for (size_t i = 0; i < json_array_size(page); i++) {
			snprintf(name, sizeof(name), "s%d", seen++);
			assert_string_equal(
				json_string_value(json_object_get(json_array_get(page, i), "name")),
				name);
		}
		json_decref(answer);
		if (stream.type == STREAM_NONE)
			break;
		answer = stream_next(&settings, &stream);
	}
	assert_int_equal(seen, SERVICES_MAX);
}

static void a_name_stands_for_a_services_ports(void **state)
{
	json_t *answer =
		answer_to_root(ADD("\"action\":\"allow\",\"service\":\"[::1]:chrome-devtools\""));
	const char *service;

	assert_int_equal(json_unpack(answer, "{s:{s:{s:s}}}", "parameters", "exception", "service",
				     &service),
			 0);
	assert_string_equal(service, "tcp/[::1]:9222");
	json_decref(answer);
	assert_reason(ADD("\"action\":\"deny\",\"service\":\"chrom-devtools\""),
		      "org.lhguard.InvalidService", "do you mean chrome-devtools?");
	assert_int_equal(asked.add, 1);
	json_decref(answer_to_root("{\"method\":\"org.lhguard.ListConnections\","
				   "\"parameters\":{\"service\":\"vnc\"}}"));
	assert_int_equal(the_walk.query.service.last, 5910);
	assert_reason("{\"method\":\"org.lhguard.CutConnections\","
		      "\"parameters\":{\"service\":\"vcn\"}}",
		      "org.lhguard.InvalidService", "do you mean vnc?");
}

/* Ports. */

#define PORTS(more) "{\"method\":\"org.lhguard.ListPorts\",\"more\":" more "}"

static void ports_are_listed_with_their_guests(void **state)
{
	json_t *answer, *expected;

	assert_answer(PORTS("false"), "{\"continues\":false,\"parameters\":{\"ports\":[],"
				      "\"enforced\":true,\"incomplete\":false}}");
	assert_false(the_reach_walk.is_open);
	to_find = 1;
	guests_of_port = 2;
	enforcing = false;
	answer = answer_to_root(PORTS("false"));
	expected = json_loads(
		"{\"continues\":false,\"parameters\":{\"enforced\":false,\"incomplete\":false,"
		"\"ports\":[{\"service\":{\"protocol\":\"tcp\",\"address\":\"::\",\"port\":1,"
		"\"program\":\"\"},\"name\":\"chrome-devtools\",\"title\":\"Chrome DevTools\","
		"\"sensitive\":true,\"pid\":null,\"owner\":null,\"lan\":false,\"reached\":1,"
		"\"refused\":1,\"guests\":[{\"guest\":1,\"label\":\"vm:\\\\xff\","
		"\"route\":\"user-net\",\"interface\":\"lo\",\"allowed\":true,"
		"\"reason\":\"allow-exception\",\"rule\":\"why\",\"exception\":7},"
		"{\"guest\":2,\"label\":\"vm:\\\\xff\",\"route\":\"user-net\","
		"\"interface\":\"lo\",\"allowed\":false,\"reason\":\"default\","
		"\"rule\":\"why\",\"exception\":null}]}]}}",
		0, NULL);
	assert_non_null(expected);
	if (!json_equal(answer, expected))
		fail_msg("%s", json_dumps(answer, 0));
	json_decref(expected);
	json_decref(answer);
}

static void many_guests_of_a_port_are_counted(void **state)
{
	json_t *answer, *port;

	to_find = 1;
	guests_of_port = 150;
	answer = answer_to_root(PORTS("false"));
	port = json_array_get(json_object_get(json_object_get(answer, "parameters"), "ports"), 0);
	assert_int_equal(json_array_size(json_object_get(port, "guests")), 100);
	assert_int_equal(json_integer_value(json_object_get(port, "reached")), 1);
	assert_int_equal(json_integer_value(json_object_get(port, "refused")), 149);
	json_decref(answer);
}

/* In many turns and many pages: each once, and the walk ends. */
static void many_ports_come_in_pages_and_turns(void **state)
{
	unsigned int expected = 0, pages = 0;
	json_t *answer;

	to_find = 1200;
	pause_every = 7;
	assert_null(answer_to_root(PORTS("true")));
	while (stream.type != STREAM_NONE) {
		json_t *page;

		assert_true(stream_is_waiting(&stream));
		answer = stream_next(&settings, &stream);
		if (!answer)
			continue;
		assert_answers(answer, "org.lhguard.ListPorts");
		pages++;
		page = json_object_get(json_object_get(answer, "parameters"), "ports");
		for (size_t i = 0; i < json_array_size(page); i++)
			assert_int_equal(
				json_integer_value(json_object_get(
					json_object_get(json_array_get(page, i), "service"),
					"port")),
				++expected);
		assert_int_equal(json_is_true(json_object_get(json_object_get(answer, "parameters"),
							      "incomplete")),
				 expected > 1000);
		json_decref(answer);
	}
	assert_int_equal(expected, 1200);
	assert_true(pages > 3);
	assert_false(the_reach_walk.is_open);
}

static void ports_that_do_not_fit_want_more(void **state)
{
	to_find = 1200;
	assert_answer(PORTS("false"), "{\"error\":\"org.varlink.service.ExpectedMore\"}");
	assert_false(the_reach_walk.is_open);
	walk_result = -EBUSY;
	assert_reason(PORTS("true"), "org.lhguard.Failed", "16 others ask");
}

/* Who goes away ends the walk. */
static void a_list_of_ports_that_nobody_reads_ends(void **state)
{
	to_find = 1200;
	json_decref(answer_to_root(PORTS("true")));
	assert_true(the_reach_walk.is_open);
	stream_end(&settings, &stream);
	assert_false(the_reach_walk.is_open);
	assert_false(stream_is_waiting(&stream));
}

static void record(uint16_t first, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++) {
		struct attempt attempt = {.flow = {.client_port = (uint16_t)(first + i)}};

		events_record(settings.events, &attempt);
	}
}

static json_int_t next_event_id(json_int_t *lost)
{
	json_t *answer = stream_next(&settings, &stream);
	json_int_t id = 0;

	if (answer)
		assert_answers(answer, "org.lhguard.Watch");
	if (answer)
		assert_int_equal(json_unpack(answer, "{s:{s:{s:I}, s:I}}", "parameters", "event",
					     "id", &id, "lost", lost),
				 0);
	json_decref(answer);
	return id;
}

static void watch_begins_with_the_past(void **state)
{
	json_int_t lost = 0;

	record(1, 10);
	json_decref(answer_to_root(
		"{\"method\":\"org.lhguard.Watch\",\"more\":true,\"parameters\":{\"past\":3}}"));
	assert_int_equal(next_event_id(&lost), 8);
	record(100, 1); /* found in the ring when its turn comes */
	for (json_int_t id = 9; id <= 11; id++)
		assert_int_equal(next_event_id(&lost), id);
	assert_false(stream.is_live);
	assert_int_equal(next_event_id(&lost), 0);
	assert_true(stream.is_live);
	assert_int_equal(lost, 0);
}

static void a_past_that_was_forgotten_meanwhile_is_counted_as_lost(void **state)
{
	json_int_t lost = 0;

	record(1, 10);
	json_decref(answer_to_root(
		"{\"method\":\"org.lhguard.Watch\",\"more\":true,\"parameters\":{\"past\":10}}"));
	record(100, EVENTS_RING);
	assert_int_equal(next_event_id(&lost), 11);
	assert_int_equal(lost, 10);
	assert_int_equal(next_event_id(&lost), 12);
	assert_int_equal(lost, 0);
}

static void watch_without_more_answers_once(void **state)
{
	assert_answer("{\"method\":\"org.lhguard.Watch\"}",
		      "{\"continues\":false,\"parameters\":{\"event\":null,\"lost\":0}}");
	assert_answer("{\"method\":\"org.lhguard.Watch\",\"parameters\":{\"past\":2}}",
		      "{\"error\":\"org.varlink.service.ExpectedMore\"}");
	assert_int_equal(stream.type, STREAM_NONE);
}

static void a_guest_has_every_field_of_the_definition(void **state)
{
	json_t *answer, *expected;

	guest_count = 1;
	answer = answer_to_root("{\"method\":\"org.lhguard.ListGuests\"}");
	expected = json_loads(
		"{\"parameters\":{\"guests\":[{\"id\":1,\"kind\":\"vm\",\"runtime\":\"qemu\","
		"\"name\":\"devbox\",\"label\":\"vm:devbox\",\"leader\":812,\"user\":64055,"
		"\"processes\":3,\"recognised\":\"its program\",\"key\":\"qemu:811:9\","
		"\"cgroup\":\"/machine.slice/a\\\\xff.scope\",\"netns\":null,"
		"\"interfaces\":[{\"name\":\"tap0\",\"bridge\":\"br0\"},"
		"{\"name\":\"tap1\",\"bridge\":null}],\"macs\":[\"02:00:00:00:ab:01\"],"
		"\"addresses\":[\"10.0.0.2\"],\"conduits\":[{\"pid\":77,"
		"\"program\":\"qemu-system-x86\",\"runtime\":\"qemu\"}],"
		"\"listens\":[{\"protocol\":\"tcp\",\"address\":\"::1\",\"port\":2222,"
		"\"program\":\"qemu-system-x86\"}],\"since\":\"1970-01-01T00:00:00Z\","
		"\"lastSeen\":\"1970-01-01T00:00:00Z\",\"attempts\":0,\"refused\":0}]}}",
		0, NULL);
	assert_non_null(expected);
	if (!json_equal(answer, expected))
		fail_msg("%s", json_dumps(answer, 0));
	json_decref(expected);
	json_decref(answer);
}

static void a_listener_is_an_event_of_its_own(void **state)
{
	struct attempt attempt = {.type = EVENT_LISTENER,
				  .decision = {.reason = REASON_TAKES_PORT}};
	json_t *answer, *event;

	events_record(settings.events, &attempt);
	answer = answer_to_root("{\"method\":\"org.lhguard.Watch\"}");
	event = json_object_get(json_object_get(answer, "parameters"), "event");
	assert_string_equal(json_string_value(json_object_get(event, "type")), "listener");
	assert_string_equal(json_string_value(json_object_get(event, "reason")), "takes-port");
	assert_string_equal(json_string_value(json_object_get(event, "verdict")), "accept");
	json_decref(answer);
}

static void an_event_has_every_field_of_the_definition(void **state)
{
	static const char *const fields[] = {
		"id",	   "type",   "time",	  "last",      "count", "verdict",
		"mode",	   "reason", "rule",	  "exception", "route", "source",
		"service", "client", "interface", "mac",       "pid",	"program",
	};
	struct attempt attempt = {
		.flow = {.family = AF_INET, .protocol = IPPROTO_TCP, .service_port = 9222},
		.source = {.class = SOURCE_GUEST,
			   .kind = KIND_VM,
			   .route = ROUTE_USER_NET,
			   .runtime = "qemu",
			   .name = "devbox",
			   .guest = 7,
			   .shared = true,
			   .conduit = "pasta",
			   .interface = "lo",
			   .pid = 123,
			   .comm = "qemu-\xff"},
		.arrival = {.has_mac = true, .mac = {2, 0, 0, 0, 0xab, 1}},
		.decision = {.verdict = VERDICT_DROP, .reason = REASON_DEFAULT},
		.program = "python3",
	};
	json_t *answer, *event, *source;

	events_record(settings.events, &attempt);
	answer = answer_to_root("{\"method\":\"org.lhguard.Watch\"}");
	event = json_object_get(json_object_get(answer, "parameters"), "event");
	assert_int_equal(json_object_size(event), ARRAY_SIZE(fields));
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		assert_non_null(json_object_get(event, fields[i]));
	assert_string_equal(json_string_value(json_object_get(event, "mode")), "monitor");
	assert_string_equal(json_string_value(json_object_get(event, "verdict")), "drop");
	assert_string_equal(json_string_value(json_object_get(event, "mac")), "02:00:00:00:ab:01");
	assert_string_equal(json_string_value(json_object_get(event, "program")), "qemu-\\xff");
	assert_true(json_is_null(json_object_get(event, "exception")));
	source = json_object_get(event, "source");
	assert_int_equal(json_object_size(source), 8);
	assert_int_equal(json_integer_value(json_object_get(source, "guest")), 7);
	assert_true(json_is_true(json_object_get(source, "shared")));
	assert_string_equal(json_string_value(json_object_get(source, "conduit")), "pasta");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(event, "source"), "label")),
		"vm:devbox");
	json_decref(answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(arguments_are_checked_before_the_caller, reset,
						clear),
		cmocka_unit_test_setup_teardown(calls_that_are_none_are_refused, reset, clear),
		cmocka_unit_test_setup_teardown(wrong_arguments_are_refused_by_name, reset, clear),
		cmocka_unit_test_setup_teardown(a_comment_that_is_too_long_is_refused, reset,
						clear),
		cmocka_unit_test_setup_teardown(add_stores_what_was_said, reset, clear),
		cmocka_unit_test_setup_teardown(a_name_that_several_bear_is_told, reset, clear),
		cmocka_unit_test_setup_teardown(a_number_is_no_name, reset, clear),
		cmocka_unit_test_setup_teardown(a_conduit_or_an_interface_that_is_not_there_is_told,
						reset, clear),
		cmocka_unit_test_setup_teardown(a_runtime_that_there_is_not_is_refused, reset,
						clear),
		cmocka_unit_test_setup_teardown(
			an_import_names_the_line_of_a_runtime_that_there_is_not, reset, clear),
		cmocka_unit_test_setup_teardown(until_stop_is_about_one_running_guest, reset,
						clear),
		cmocka_unit_test_setup_teardown(failures_have_names_and_reasons, reset, clear),
		cmocka_unit_test_setup_teardown(remove_takes_many, reset, clear),
		cmocka_unit_test_setup_teardown(connections_come_in_pages_and_turns, reset, clear),
		cmocka_unit_test_setup_teardown(a_connection_has_every_field_of_the_definition,
						reset, clear),
		cmocka_unit_test_setup_teardown(a_cut_says_how_many, reset, clear),
		cmocka_unit_test_setup_teardown(a_query_is_checked, reset, clear),
		cmocka_unit_test_setup_teardown(a_dry_run_says_what_others_do, reset, clear),
		cmocka_unit_test_setup_teardown(one_that_is_there_already_is_told, reset, clear),
		cmocka_unit_test_setup_teardown(an_allow_that_a_deny_undoes_is_told, reset, clear),
		cmocka_unit_test_setup_teardown(an_edit_leaves_the_rest, reset, clear),
		cmocka_unit_test_setup_teardown(an_edit_binds_and_unbinds, reset, clear),
		cmocka_unit_test_setup_teardown(an_edit_leaves_a_source_that_is_known_no_more,
						reset, clear),
		cmocka_unit_test_setup_teardown(an_edit_is_checked, reset, clear),
		cmocka_unit_test_setup_teardown(remove_says_what_has_gone, reset, clear),
		cmocka_unit_test_setup_teardown(remove_says_what_is_left, reset, clear),
		cmocka_unit_test_setup_teardown(remove_is_asked_for_one_thing, reset, clear),
		cmocka_unit_test_setup_teardown(remove_may_cut, reset, clear),
		cmocka_unit_test_setup_teardown(a_walk_ends_with_its_caller, reset, clear),
		cmocka_unit_test_setup_teardown(oneway_is_done_and_not_answered, reset, clear),
		cmocka_unit_test_setup_teardown(status_is_whole_whatever_its_bytes_are, reset,
						clear),
		cmocka_unit_test_setup_teardown(a_mode_is_set_for_a_time_or_not, reset, clear),
		cmocka_unit_test_setup_teardown(a_mode_that_is_none_is_refused, reset, clear),
		cmocka_unit_test_setup_teardown(introspection_describes_both_interfaces, reset,
						clear),
		cmocka_unit_test_setup_teardown(short_lists_come_in_one_answer, reset, clear),
		cmocka_unit_test_setup_teardown(long_lists_come_in_pages, reset, clear),
		cmocka_unit_test_setup_teardown(watch_begins_with_the_past, reset, clear),
		cmocka_unit_test_setup_teardown(
			a_past_that_was_forgotten_meanwhile_is_counted_as_lost, reset, clear),
		cmocka_unit_test_setup_teardown(ports_are_listed_with_their_guests, reset, clear),
		cmocka_unit_test_setup_teardown(many_guests_of_a_port_are_counted, reset, clear),
		cmocka_unit_test_setup_teardown(many_ports_come_in_pages_and_turns, reset, clear),
		cmocka_unit_test_setup_teardown(ports_that_do_not_fit_want_more, reset, clear),
		cmocka_unit_test_setup_teardown(a_list_of_ports_that_nobody_reads_ends, reset,
						clear),
		cmocka_unit_test_setup_teardown(names_of_services_are_listed, reset, clear),
		cmocka_unit_test_setup_teardown(many_names_come_in_pages, reset, clear),
		cmocka_unit_test_setup_teardown(a_name_stands_for_a_services_ports, reset, clear),
		cmocka_unit_test_setup_teardown(watch_without_more_answers_once, reset, clear),
		cmocka_unit_test_setup_teardown(a_guest_has_every_field_of_the_definition, reset,
						clear),
		cmocka_unit_test_setup_teardown(a_listener_is_an_event_of_its_own, reset, clear),
		cmocka_unit_test_setup_teardown(an_event_has_every_field_of_the_definition, reset,
						clear),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
