// SPDX-License-Identifier: GPL-2.0-or-later
/* The events that the daemon itself keeps. */
#include "ring.h"

#include "filter.h"
#include "output.h"

enum status ring_newest(const char *socket, json_int_t *newest)
{
	json_t *answer = NULL;
	enum status status = client_call(socket, "Watch", NULL, &answer);

	*newest = number_of(json_object_get(answer, "event"), "id");
	json_decref(answer);
	return status;
}

/* What comes behind @newest is news, and for somebody else. */
static enum status take_until(struct client *client, json_int_t newest,
			      void (*take)(void *data, json_t *event), void *data)
{
	enum status status =
		client_send(client, "Watch", json_pack("{s:i}", "past", PAST_MAX), true);
	bool continues = true;

	while (!status && continues) {
		json_t *answer = NULL, *event;

		status = client_receive(client, CLIENT_TIMEOUT_MS, &answer, &continues);
		event = json_object_get(answer, "event");
		if (json_is_object(event)) {
			take(data, event);
			continues = continues && number_of(event, "id") < newest;
		}
		json_decref(answer);
	}
	return status;
}

enum status ring_each(const char *socket, void (*take)(void *data, json_t *event), void *data)
{
	struct client client;
	json_int_t newest;
	enum status status = ring_newest(socket, &newest);

	if (status || !newest)
		return status;
	status = client_open(&client, socket);
	if (status)
		return status;
	status = take_until(&client, newest, take, data);
	client_close(&client);
	return status;
}
