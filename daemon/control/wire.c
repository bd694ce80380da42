// SPDX-License-Identifier: GPL-2.0-or-later
/* Varlink framing: JSON messages ended by NUL on a stream socket; for the daemon and the CLI. */
#include "control/wire.h"

#include "util/error.h"
#include "util/text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUFFER_MIN 4096 /* bytes of a buffer at first; what an idle connection may keep */

/* Makes room for @more bytes behind @length; -ENOBUFS beyond @limit. */
static int reserve(char **buffer, size_t *size, size_t length, size_t more, size_t limit)
{
	size_t wanted = *size ? *size : BUFFER_MIN;
	char *larger;

	if (length + more > limit)
		return -ENOBUFS;
	while (wanted < length + more)
		wanted *= 2;
	if (wanted > limit)
		wanted = limit;
	if (wanted <= *size)
		return 0;
	larger = realloc(*buffer, wanted);
	if (!larger)
		return -ENOMEM;
	*buffer = larger;
	*size = wanted;
	return 0;
}

/* Takes @taken bytes from the front; a large buffer that is empty then is given back. */
static void consume(char **buffer, size_t *size, size_t *length, size_t taken)
{
	*length -= taken;
	if (*length) {
		memmove(*buffer, *buffer + taken, *length);
	} else if (*size > BUFFER_MIN) {
		free(*buffer);
		*buffer = NULL;
		*size = 0;
	}
}

void wire_clear(struct wire *wire)
{
	free(wire->in);
	free(wire->out);
	*wire = (struct wire){.fd = -1};
}

bool wire_has_message(const struct wire *wire)
{
	return wire->in_length && memchr(wire->in, '\0', wire->in_length);
}

/* What comes beside the bytes: who sent them, and descriptors that nobody asked for. */
static void take_control(struct wire *wire, struct msghdr *message)
{
	for (struct cmsghdr *h = CMSG_FIRSTHDR(message); h; h = CMSG_NXTHDR(message, h)) {
		size_t length = h->cmsg_len - CMSG_LEN(0);
		struct ucred credentials;
		int fd;

		if (h->cmsg_level != SOL_SOCKET)
			continue;
		if (h->cmsg_type == SCM_CREDENTIALS && length == sizeof(credentials)) {
			memcpy(&credentials, CMSG_DATA(h), sizeof(credentials));
			wire->sender = credentials.pid;
		}
		for (size_t i = 0; h->cmsg_type == SCM_RIGHTS && i < length / sizeof(fd); i++) {
			memcpy(&fd, CMSG_DATA(h) + i * sizeof(fd), sizeof(fd));
			close(fd);
		}
	}
}

/* The kernel never gives bytes of two senders in one piece where credentials are asked for. */
static ssize_t receive(struct wire *wire, void *bytes, size_t size)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec part = {bytes, size};
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t length;

	do {
		length = recvmsg(wire->fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (length < 0 && errno == EINTR);
	wire->sender = 0;
	if (length >= 0)
		take_control(wire, &message);
	return length;
}

ssize_t wire_receive(struct wire *wire)
{
	ssize_t length;
	int result;

	if (wire->in_length == WIRE_MESSAGE_MAX)
		return wire_has_message(wire) ? -EAGAIN : -EMSGSIZE;
	result = reserve(&wire->in, &wire->in_size, wire->in_length, 1, WIRE_MESSAGE_MAX);
	if (result)
		return result;
	length = receive(wire, wire->in + wire->in_length, wire->in_size - wire->in_length);
	if (length < 0)
		return errno == EWOULDBLOCK ? -EAGAIN : -errno;
	wire->in_length += (size_t)length;
	return length;
}

int wire_next(struct wire *wire, json_t **message, struct error *error)
{
	const char *end = wire->in_length ? memchr(wire->in, '\0', wire->in_length) : NULL;
	json_error_t reason;
	size_t length;
	json_t *json;

	if (!end)
		return 0;
	length = (size_t)(end - wire->in);
	json = json_loadb(wire->in, length, JSON_REJECT_DUPLICATES, &reason);
	consume(&wire->in, &wire->in_size, &wire->in_length, length + 1);
	if (!json) {
		char text[4 * sizeof(reason.text)]; /* it may quote what was received */

		text_escape(text, sizeof(text), reason.text, strlen(reason.text));
		return error_set(error, -EBADMSG, "no JSON object: %s", text);
	}
	if (!json_is_object(json)) {
		json_decref(json);
		return error_set(error, -EBADMSG, "JSON, but no object");
	}
	*message = json;
	return 1;
}

/* json_dump_callback_t of wire_queue(): as much of a message as comes, behind the backlog. */
static int append(const char *text, size_t length, void *data)
{
	struct wire *wire = data;
	int result =
		reserve(&wire->out, &wire->out_size, wire->out_length, length, WIRE_BACKLOG_MAX);

	if (result) {
		errno = -result;
		return -1;
	}
	memcpy(wire->out + wire->out_length, text, length);
	wire->out_length += length;
	return 0;
}

int wire_queue(struct wire *wire, const json_t *message)
{
	size_t before = wire->out_length;

	errno = ENOMEM; /* what fails beside append() is memory */
	if (!json_dump_callback(message, append, wire, JSON_COMPACT) && !append("", 1, wire))
		return 0;
	wire->out_length = before;
	return -errno;
}

int wire_queue_text(struct wire *wire, const char *text, size_t length)
{
	int result = reserve(&wire->out, &wire->out_size, wire->out_length, length + 1,
			     WIRE_BACKLOG_MAX);

	if (result)
		return result;
	memcpy(wire->out + wire->out_length, text, length);
	wire->out[wire->out_length + length] = '\0';
	wire->out_length += length + 1;
	return 0;
}

int wire_flush(struct wire *wire)
{
	size_t sent = 0;
	int result = 0;

	while (sent < wire->out_length) {
		ssize_t length = send(wire->fd, wire->out + sent, wire->out_length - sent,
				      MSG_DONTWAIT | MSG_NOSIGNAL);

		if (length >= 0) {
			sent += (size_t)length;
		} else if (errno != EINTR) {
			result = errno == EWOULDBLOCK ? -EAGAIN : -errno;
			break;
		}
	}
	consume(&wire->out, &wire->out_size, &wire->out_length, sent);
	return result;
}
