/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The CLI's end of the control socket: calls that never hang, errors in words. */
#ifndef LHGUARD_CLI_CLIENT_H
#define LHGUARD_CLI_CLIENT_H

#include "control/wire.h"

/** enum status - exit status of lhguard(1) */
enum status {
	STATUS_DONE = 0,
	STATUS_FAILED = 1,
	STATUS_USAGE = 2,
	STATUS_NOT_RUNNING = 3,
	STATUS_NOT_PERMITTED = 4,
};

/**
 * struct client - one connection to the daemon
 * @stop_fd: when it is readable, waiting ends; -1: none
 * @reword: what an error's reason is called here, an allocated text, or NULL: it stays; may be NULL
 */
struct client {
	struct wire wire;
	int stop_fd;
	char *(*reword)(void *data, const char *reason);
	void *data;
};

/** complain() - one line to stderr; returns @status. Text from outside has to be shown(). */
enum status complain(enum status status, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * client_open() - connect to the daemon
 * Return: STATUS_DONE; all else has been complained about.
 */
enum status client_open(struct client *client, const char *path);
void client_close(struct client *client);

/**
 * client_send() - send a call
 * @method: without its interface, "GetStatus"
 * @parameters: taken over; NULL: none
 * @more: many answers are welcome
 */
enum status client_send(struct client *client, const char *method, json_t *parameters, bool more);

#define CLIENT_TIMEOUT_MS 10000
#define CLIENT_PATIENT_MS 60000	 /* for work that goes through all connections of this host */
#define CLIENT_PERSON_MS  200000 /* for a person who is asked for a password */
#define CLIENT_FOR_EVER	  (-1)

/**
 * client_receive() - wait for an answer
 * @timeout_ms: or CLIENT_FOR_EVER
 * @parameters: receives the answer's parameters, a new reference; NULL when @stop_fd ended the wait
 * @continues: receives whether more answers will come; may be NULL
 * Return: STATUS_DONE; an error of the daemon has been complained about.
 */
enum status client_receive(struct client *client, int timeout_ms, json_t **parameters,
			   bool *continues);

/** client_call() - connect, call, and wait for the one answer; as the three above. */
enum status client_call(const char *path, const char *method, json_t *parameters, json_t **answer);

/**
 * client_change() - the same for a method that changes something
 * Who is not root may be asked for a password meanwhile, by polkit, so the answer may take as long
 * as that takes.
 * @timeout_ms: for root
 */
enum status client_change(const char *path, const char *method, json_t *parameters, int timeout_ms,
			  json_t **answer);

/** client_change_reworded() - the same, with errors reworded as struct client says */
enum status client_change_reworded(const char *path, const char *method, json_t *parameters,
				   int timeout_ms, json_t **answer,
				   char *(*reword)(void *data, const char *reason), void *data);

/**
 * client_list() - the whole of a list that comes in many answers
 * @member: of the answer that holds the list
 * @list: receives an array, a new reference
 */
enum status client_list(const char *path, const char *method, const char *member, json_t **list);

#endif
