// SPDX-License-Identifier: GPL-2.0-or-later
/* The CLI's end of the control socket: calls that never hang, errors in words. */
#include "client.h"

#include "output.h"
#include "prose.h"

#include "util/cleanup.h"
#include "util/clock.h"
#include "util/error.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define INTERFACE "org.lhguard."
#define VARLINK	  "org.varlink.service."

enum status complain(enum status status, const char *format, ...)
{
	_cleanup_free_ char *words = NULL, *text = NULL;
	va_list args;

	fflush(stdout); /* so that the lines are in order where both go the same way */
	va_start(args, format);
	if (vasprintf(&words, format, args) < 0 || asprintf(&text, "lhguard: %s", words) < 0)
		abort();
	va_end(args);
	prose_print(stderr, strlen("lhguard: "), text);
	return status;
}

static enum status complain_no_answer(int timeout_ms)
{
	return complain(STATUS_FAILED,
			"lhguardd does not answer within %d s: see its log, or restart it",
			timeout_ms / 1000);
}

static enum status complain_connect(const char *path)
{
	switch (errno) {
	case ENOENT:
	case ECONNREFUSED:
		return complain(
			STATUS_NOT_RUNNING,
			"lhguardd is not running (nobody serves %s): start it, as root: %s, or %s",
			shown(path), WHOLE("systemctl start lhguardd"), WHOLE("make start"));
	case EACCES:
	case EPERM:
		return complain(STATUS_NOT_PERMITTED,
				"%s is not open to you: try sudo; members of the group lhguard may "
				"look, too",
				shown(path));
	case EAGAIN:
		return complain_no_answer(CLIENT_TIMEOUT_MS);
	default:
		return complain(STATUS_FAILED, "%s: %s", shown(path), strerror(errno));
	}
}

enum status client_open(struct client *client, const char *path)
{
	struct timeval timeout = {.tv_sec = CLIENT_TIMEOUT_MS / 1000}; /* for connect(2) */
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	enum status status;

	if (strlen(path) >= sizeof(address.sun_path))
		return complain(STATUS_USAGE, "%s: too long for a socket's path", shown(path));
	strcpy(address.sun_path, path);
	*client = (struct client){
		.wire.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
		.stop_fd = -1,
	};
	if (client->wire.fd < 0)
		return complain(STATUS_FAILED, "no socket: %s", strerror(errno));
	setsockopt(client->wire.fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (!connect(client->wire.fd, (const struct sockaddr *)&address, sizeof(address)))
		return STATUS_DONE;
	status = complain_connect(path);
	client_close(client);
	return status;
}

void client_close(struct client *client)
{
	close(client->wire.fd);
	wire_clear(&client->wire);
}

/* Return: 1 when the socket is ready, 0 when @client->stop_fd ended the wait, or -errno. */
static int wait_for(const struct client *client, short events, uint64_t deadline_us)
{
	struct pollfd fds[] = {
		{.fd = client->wire.fd, .events = events},
		{.fd = client->stop_fd, .events = POLLIN},
	};

	for (;;) {
		uint64_t now_us = clock_monotonic_us();
		int left_ms = CLIENT_FOR_EVER, ready;

		if (deadline_us && now_us >= deadline_us)
			return -ETIMEDOUT;
		if (deadline_us)
			left_ms = (int)((deadline_us - now_us + 999) / 1000);
		ready = poll(fds, 2, left_ms);
		if (ready < 0 && errno != EINTR)
			return -errno;
		if (ready > 0)
			return fds[1].revents ? 0 : 1;
	}
}

static uint64_t deadline_in(int timeout_ms)
{
	if (timeout_ms == CLIENT_FOR_EVER)
		return 0;
	return clock_monotonic_us() + (uint64_t)timeout_ms * 1000;
}

enum status client_send(struct client *client, const char *method, json_t *parameters, bool more)
{
	uint64_t deadline_us = deadline_in(CLIENT_TIMEOUT_MS);
	char name[64];
	json_t *call;
	int result;

	snprintf(name, sizeof(name), INTERFACE "%s", method);
	call = json_pack("{s:s, s:o*, s:b}", "method", name, "parameters", parameters, "more",
			 more);
	result = call ? wire_queue(&client->wire, call) : -ENOMEM;
	json_decref(call);
	while (!result) {
		result = wire_flush(&client->wire);
		if (result != -EAGAIN)
			break;
		result = wait_for(client, POLLOUT, deadline_us) == 1 ? 0 : -ETIMEDOUT;
	}
	if (result == -ETIMEDOUT)
		return complain_no_answer(CLIENT_TIMEOUT_MS);
	/* When the daemon has hung up, what it said before is still to be read. */
	return result && result != -EPIPE
		       ? complain(STATUS_FAILED, "lhguardd cannot be asked: %s", strerror(-result))
		       : STATUS_DONE;
}

/* What the daemon said instead of an answer. */
static enum status complain_error(const struct client *client, const char *name,
				  const json_t *parameters)
{
	const char *reason = text_of(parameters, "reason");
	_cleanup_free_ char *reworded =
		client->reword ? client->reword(client->data, reason) : NULL;

	if (reworded)
		reason = reworded;
	if (!strcmp(name, INTERFACE "NotPermitted"))
		return complain(STATUS_NOT_PERMITTED, "%s", shown(reason));
	if (!strcmp(name, INTERFACE "InvalidService") || !strcmp(name, INTERFACE "InvalidSource"))
		return complain(STATUS_USAGE, "%s", shown(reason));
	if (!strcmp(name, INTERFACE "NoSuchException"))
		return complain(STATUS_FAILED, "%s: see " WHOLE("lhguard list"), shown(reason));
	if (*reason)
		return complain(STATUS_FAILED, "%s", shown(reason));
	if (!strcmp(name, VARLINK "MethodNotFound") || !strcmp(name, VARLINK "InvalidParameter"))
		return complain(
			STATUS_FAILED,
			"lhguardd does not know %s%s: if it is older than lhguard, start it "
			"anew, as root: " WHOLE("systemctl restart lhguardd"),
			shown(text_of(parameters, "method")),
			shown(text_of(parameters, "parameter")));
	return complain(STATUS_FAILED,
			"lhguardd answers %s: is it of another version? lhguard is " VERSION,
			shown(name));
}

static enum status take_answer(const struct client *client, json_t *message, json_t **parameters,
			       bool *continues)
{
	const char *error = text_of(message, "error");
	json_t *values = json_object_get(message, "parameters");

	if (*error)
		return complain_error(client, error, values);
	*parameters = values ? json_incref(values) : json_object();
	if (continues)
		*continues = json_is_true(json_object_get(message, "continues"));
	return STATUS_DONE;
}

enum status client_receive(struct client *client, int timeout_ms, json_t **parameters,
			   bool *continues)
{
	uint64_t deadline_us = deadline_in(timeout_ms);
	struct error error = {.text = ""};
	json_t *message = NULL;
	enum status status;
	int result;

	*parameters = NULL;
	while (!(result = wire_next(&client->wire, &message, &error))) {
		ssize_t length;

		result = wait_for(client, POLLIN, deadline_us);
		if (result == 0)
			return STATUS_DONE;
		if (result < 0)
			return complain_no_answer(timeout_ms);
		length = wire_receive(&client->wire);
		if (length == 0 || length == -ECONNRESET)
			return complain(STATUS_NOT_RUNNING,
					"lhguardd closed the connection: it ended, or serves too "
					"many clients already");
		if (length < 0 && length != -EAGAIN)
			return complain(STATUS_FAILED, "lhguardd cannot be heard: %s",
					strerror((int)-length));
	}
	if (result < 0)
		return complain(STATUS_FAILED, "lhguardd answers nonsense: %s", error.text);
	status = take_answer(client, message, parameters, continues);
	json_decref(message);
	return status;
}

static enum status call(const char *path, const char *method, json_t *parameters, int timeout_ms,
			json_t **answer, char *(*reword)(void *data, const char *reason),
			void *data)
{
	struct client client;
	enum status status = client_open(&client, path);

	if (status) {
		json_decref(parameters);
		return status;
	}
	client.reword = reword;
	client.data = data;
	status = client_send(&client, method, parameters, false);
	if (!status)
		status = client_receive(&client, timeout_ms, answer, NULL);
	client_close(&client);
	return status;
}

enum status client_call(const char *path, const char *method, json_t *parameters, json_t **answer)
{
	return call(path, method, parameters, CLIENT_TIMEOUT_MS, answer, NULL, NULL);
}

enum status client_change_reworded(const char *path, const char *method, json_t *parameters,
				   int timeout_ms, json_t **answer,
				   char *(*reword)(void *data, const char *reason), void *data)
{
	json_t *all = parameters ? parameters : json_object();

	json_object_set_new(all, "allowInteractiveAuthentication", json_true());
	return call(path, method, all, geteuid() ? CLIENT_PERSON_MS : timeout_ms, answer, reword,
		    data);
}

enum status client_change(const char *path, const char *method, json_t *parameters, int timeout_ms,
			  json_t **answer)
{
	return client_change_reworded(path, method, parameters, timeout_ms, answer, NULL, NULL);
}

enum status client_list(const char *path, const char *method, const char *member, json_t **list)
{
	struct client client;
	bool continues = true;
	enum status status = client_open(&client, path);

	*list = NULL;
	if (status)
		return status;
	*list = json_array();
	status = client_send(&client, method, NULL, true);
	while (!status && continues) {
		json_t *answer = NULL;

		status = client_receive(&client, CLIENT_TIMEOUT_MS, &answer, &continues);
		json_array_extend(*list, json_object_get(answer, member));
		json_decref(answer);
	}
	client_close(&client);
	if (status) {
		json_decref(*list);
		*list = NULL;
	}
	return status;
}
