// SPDX-License-Identifier: GPL-2.0-or-later
/* Fuzz control/wire and what stands behind it: any bytes, in any pieces, as root and as nobody. */
#include "control/call.h"
#include "control/events.h"
#include "control/reach.h"
#include "control/wire.h"
#include "guests/catalogue.h"
#include "guests/registry.h"
#include "guests/view.h"
#include "policy/rules.h"
#include "tests/interface/idl.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

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

static void fill_status(void *data, struct status *status)
{
	*status = (struct status){
		.version = "",
		.mode = "",
		.configured_mode = "",
		.refusal = "",
		.netns = "",
		.expression = "",
		.config_path = "",
		.queues = {{.name = ""}, {.name = ""}},
	};
}

/* Whatever was parsed can be read. */
static void print(const struct service *service, const struct selector *source)
{
	char text[SELECTOR_TEXT_SIZE + SERVICE_TEXT_SIZE];

	service_format(text, sizeof(text), service);
	selector_format(text, sizeof(text), source);
}

static int pin(void *data, struct exception *exception, struct error *error)
{
	return error_set(error, -ESRCH, "nobody listens there");
}

static int add(void *data, const struct exception *exception, uint32_t *id, struct error *error)
{
	print(&exception->service, &exception->source);
	if (id)
		*id = 1;
	return 0;
}

static int edit(void *data, const struct exception *exception, bool is_dry_run, struct error *error)
{
	assert(exception->id);
	return error_set(error, -EROFS, "not this one");
}

static int import(void *data, const struct import *import, struct imported *imported,
		  struct error *error)
{
	for (size_t i = 0; i < import->rules->count; i++)
		print(&import->rules->rule[i]->service, &import->rules->rule[i]->source);
	return 0;
}

static int forget(void *data, const struct removal *removal, struct removed *removed,
		  struct error *error)
{
	assert(!removal->ids + !removal->source + !removal->now_us == 2);
	for (size_t i = 0; i < removal->count; i++)
		assert(removal->ids[i]);
	return error_set(error, -ENOENT, "none");
}

static int reload(void *data, struct error *error)
{
	return 0;
}

static int set_mode(void *data, const struct mode_change *change, struct error *error)
{
	assert(change->mode == MODE_ENFORCE || change->mode == MODE_MONITOR);
	return 0;
}

/* Three connections, with a turn of the loop between them. */
struct walk {
	int steps;
};

static int walk_start(void *data, const struct walk_query *query, struct walk **walk,
		      struct error *error)
{
	print(&query->service, &query->source);
	free(query->ended);
	*walk = calloc(1, sizeof(**walk));
	return *walk ? 0 : -ENOMEM;
}

static int walk_next(struct walk *walk, struct open_connection *connection, struct error *error)
{
	if (walk->steps++ == 1)
		return WALK_LATER;
	if (walk->steps > 4)
		return WALK_END;
	*connection = (struct open_connection){.program = "program"};
	return WALK_FOUND;
}

static void walk_end(struct walk *walk)
{
	free(walk);
}

/* The same with two ports, one of them reached. */
struct reach_walk {
	int steps;
	struct reach reach;
	struct open_port port;
};

static int reach_start(void *data, struct reach_walk **walk, struct error *error)
{
	*walk = calloc(1, sizeof(**walk));
	return *walk ? 0 : -ENOMEM;
}

static int reach_next(struct reach_walk *walk, const struct open_port **port, struct error *error)
{
	if (walk->steps++ == 1)
		return WALK_LATER;
	if (walk->steps > 3)
		return WALK_END;
	walk->reach = (struct reach){.guest = 1, .label = "vm:devbox"};
	walk->port = (struct open_port){
		.protocol = IPPROTO_TCP,
		.port = 9222,
		.reaches = &walk->reach,
		.reach_count = walk->steps > 1,
	};
	*port = &walk->port;
	return WALK_FOUND;
}

static bool reach_is_incomplete(const struct reach_walk *walk)
{
	return false;
}

static void reach_end(struct reach_walk *walk)
{
	free(walk);
}

static size_t explain(void *data, const struct explain_query *query,
		      int (*visit)(void *data, const struct explanation *explanation),
		      void *visit_data)
{
	struct explanation explanation = {
		.flow = query->flow,
		.source.why = "its VMM's command line",
		.decision.rule = "default for vm",
		.place = "guests.conf:1",
		.program = "program",
	};

	if (query->is_host)
		return 0;
	visit(visit_data, &explanation);
	return 1;
}

static void explain_attempt(void *data, const struct attempt *attempt,
			    struct explanation *explanation)
{
	*explanation = (struct explanation){
		.flow = attempt->flow,
		.source.why = "",
		.decision.rule = "",
		.enforced = true,
	};
}

static void view(void *data, const struct guest *guest, struct guest_view *view)
{
	*view = (struct guest_view){0};
}

static bool peer_guest(void *data, pid_t pid, char *label, size_t size)
{
	return false;
}

static uint64_t peer_start(void *data, pid_t pid)
{
	return 0;
}

static bool is_enforcing(void *data)
{
	return true;
}

static struct catalogue *known;

static const struct catalogue *catalogue(void *data)
{
	return known;
}

static bool has_interface(void *data, const char *name)
{
	return name[0] == 'e';
}

static const struct control_handler handler = {
	.status = fill_status,
	.pin = pin,
	.add = add,
	.edit = edit,
	.import = import,
	.remove = forget,
	.reload = reload,
	.set_mode = set_mode,
	.view = view,
	.catalogue = catalogue,
	.has_interface = has_interface,
	.peer_guest = peer_guest,
	.peer_start = peer_start,
	.explain = explain,
	.explain_attempt = explain_attempt,
	.walk_start = walk_start,
	.walk_next = walk_next,
	.walk_end = walk_end,
	.reach_start = reach_start,
	.reach_next = reach_next,
	.reach_is_incomplete = reach_is_incomplete,
	.reach_end = reach_end,
	.is_enforcing = is_enforcing,
};

static struct control_settings settings = {.handler = &handler};

/* A method whose part of the handler is missing would be a crash of the fuzzer's own. */
static void assert_whole(void)
{
	void (*members[sizeof(handler) / sizeof(void (*)(void))])(void);

	memcpy(members, &handler, sizeof(members));
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		assert(members[i]);
}

static struct idl *own, *service;

/* Whatever was asked, the answer is one that the interface's definition knows. */
static void assert_defined(const char *method, const json_t *reply)
{
	const char *dot = method ? strrchr(method, '.') : NULL;
	const char *name = dot ? dot + 1 : "";
	struct error error;
	struct idl *idl = service;

	if (dot && (size_t)(dot - method) == strlen(own->name) &&
	    !strncmp(method, own->name, strlen(own->name)))
		idl = own;
	if (!idl_find(idl, IDL_METHOD, name)) {
		assert(json_object_get(reply, "error"));
		name = "GetInfo";
		idl = service;
	}
	assert(!idl_check_answer(idl, service, name, reply, &error));
}

static void answer(struct wire *wire, json_t *message)
{
	const char *method = json_string_value(json_object_get(message, "method"));
	static const struct peer peers[] = {{.uid = 0}, {.uid = 65534}};

	for (size_t i = 0; i < 2; i++) {
		struct stream stream = {.type = STREAM_NONE};
		json_t *reply = NULL;

		assert(!call_answer(&settings, &peers[i], message, NULL, &stream, &reply, NULL));
		if (reply) {
			assert_defined(method, reply);
			assert(!wire_queue(wire, reply));
		}
		json_decref(reply);
		/* What is left to answer, to its end. */
		for (int answers = 0; stream.type != STREAM_NONE && !stream.is_live; answers++) {
			assert(answers < 8);
			json_decref(stream_next(&settings, &stream));
		}
		stream_end(&settings, &stream);
		wire->out_length = 0;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct wire wire = {0};
	int fds[2];

	if (!settings.events) {
		assert_whole();
		settings.events = events_new();
		assert(!catalogue_load(&known, "conf/guests.conf", "/nowhere", NULL));
		assert(!idl_parse(&own, interface_text(INTERFACE_OWN), NULL));
		assert(!idl_parse(&service, interface_text(INTERFACE_SERVICE), NULL));
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds))
		return 0;
	wire.fd = fds[0];
	/* The first byte says how long the pieces are. */
	for (size_t at = 1, piece = length ? bytes[0] + 1u : 1; at < length; at += piece) {
		json_t *message = NULL;
		struct error error;

		if (send(fds[1], bytes + at, piece < length - at ? piece : length - at, 0) < 0)
			break;
		if (wire_receive(&wire) < 0)
			break;
		assert(wire.in_length <= wire.in_size && wire.in_size <= WIRE_MESSAGE_MAX);
		for (int result; (result = wire_next(&wire, &message, &error));) {
			if (result < 0)
				continue;
			answer(&wire, message);
			json_decref(message);
		}
	}
	close(fds[0]);
	close(fds[1]);
	wire_clear(&wire);
	return 0;
}
