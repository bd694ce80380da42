/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The thread in which libnotify may wait for the server as long as it likes. */
#ifndef LHGUARD_NOTIFY_SERVER_H
#define LHGUARD_NOTIFY_SERVER_H

#include "display.h"

struct server;

enum request_type { REQUEST_SHOW, REQUEST_CLOSE };

/**
 * enum request_result - @RESULT_GONE: an update of what was closed; @RESULT_ABSENT: there is no server;
 * @RESULT_EXCESS: it has had enough of us; @RESULT_SILENT: it did not answer
 */
enum request_result {
	RESULT_DONE,
	RESULT_GONE,
	RESULT_ABSENT,
	RESULT_EXCESS,
	RESULT_SILENT,
	RESULT_FAILED,
};

/**
 * struct request - one thing for the server, and what came of it
 * @generation: of the server; what an earlier one showed is forgotten
 * @is_transient: good news, which need not be kept in the desktop's list
 * @habits: of the server
 * @id: that the server gave it
 */
struct request {
	enum request_type type;
	unsigned int generation;
	unsigned int slot;
	enum display_how how;
	char *summary;
	char *body;
	enum urgency urgency;
	unsigned int actions;
	bool is_transient;
	struct habits habits;
	int timeout_ms;
	struct binding binding;
	enum request_result result;
	guint32 id;
	char *error;
};

/** struct server_handler - called in the main loop; @done takes the request over */
struct server_handler {
	void (*done)(void *data, struct request *request);
	void (*closed)(void *data, unsigned int slot, unsigned int generation);
	void (*action)(void *data, unsigned int slot, unsigned int generation,
		       const struct binding *binding, enum action action);
};

/** server_new() - start the thread */
struct server *server_new(const struct server_handler *handler, void *data);

/** server_submit() - the request is the server's until @done */
void server_submit(struct server *server, struct request *request);
void request_free(struct request *request);

/** error_is_absence() - is there no server, and can none be started? */
bool error_is_absence(const GError *error);

#endif
