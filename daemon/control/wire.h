/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Varlink framing: JSON messages ended by NUL on a stream socket; for the daemon and the CLI. */
#ifndef LHGUARD_CONTROL_WIRE_H
#define LHGUARD_CONTROL_WIRE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct error;

#define WIRE_MESSAGE_MAX (64 * 1024)  /* bytes of one incoming message with its NUL */
#define WIRE_BACKLOG_MAX (512 * 1024) /* bytes of answers that wait for a slow peer */

/**
 * struct wire - one end of a connection; plain data, zero it and set @fd
 * @fd: stream socket, not owned
 * @sender: process that sent what was received last, where the socket has SO_PASSCRED; else 0
 * @in: received bytes that are not yet a whole message (grows as needed up to WIRE_MESSAGE_MAX)
 * @out: bytes not yet sent (grows as needed up to WIRE_BACKLOG_MAX)
 */
struct wire {
	int fd;
	pid_t sender;
	char *in;
	size_t in_length;
	size_t in_size;
	char *out;
	size_t out_length;
	size_t out_size;
};

/** wire_clear() - free both buffers; the descriptor stays the caller's. */
void wire_clear(struct wire *wire);

/** wire_has_message() - would wire_next() find a whole message? */
bool wire_has_message(const struct wire *wire);

/**
 * wire_receive() - read once without waiting
 * Return: bytes read, 0 at the peer's end, -EAGAIN when nothing is there or messages have to be
 * taken out first, -EMSGSIZE when a message is longer than WIRE_MESSAGE_MAX, or -errno.
 */
ssize_t wire_receive(struct wire *wire);

/**
 * wire_next() - take the next whole message out of what was received
 * @message: receives a new reference to a JSON object
 * Return: 1, 0 when there is no whole one yet, -EBADMSG when it is no JSON object (duplicate keys
 * and invalid UTF-8 are refused) with @error.
 */
int wire_next(struct wire *wire, json_t **message, struct error *error);

/**
 * wire_queue() - put a message into the backlog
 * Return: 0, -ENOBUFS when the peer is too slow for it (nothing is queued then), -ENOMEM.
 */
int wire_queue(struct wire *wire, const json_t *message);

/** wire_queue_text() - the same with a message that is JSON text already (@length bytes, no NUL).
 */
int wire_queue_text(struct wire *wire, const char *text, size_t length);

/** wire_flush() - send what is queued without waiting; 0 when all is sent, -EAGAIN, or -errno. */
int wire_flush(struct wire *wire);

#endif
