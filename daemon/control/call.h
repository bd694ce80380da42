/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One call: from the message to the method, and its answer. */
#ifndef LHGUARD_CONTROL_CALL_H
#define LHGUARD_CONTROL_CALL_H

#include "control/control.h"
#include "control/introspection.h"
#include "control/peer.h"
#include "control/streams.h"

#include <jansson.h>

struct method;
struct permit;
struct polkit_question;

/* Names of errors */
#define OWN(name)     INTERFACE_OWN "." name
#define SERVICE(name) INTERFACE_SERVICE "." name

/**
 * struct call - one call on its way through call_answer()
 * @parameters: an object, NULL when there are none
 * @is_more: the caller takes many answers
 * @subject: the event that polkit is asked about, as it was then: by the time of the answer it may be
 *	forgotten. Its id is 0 for none, and NULL stands here where nobody can be asked.
 * @answer: set by whoever decides it
 */
struct call {
	const struct control_settings *settings;
	const struct peer *peer;
	const struct method *method;
	const json_t *parameters;
	bool is_more;
	struct attempt *subject;
	struct stream *stream;
	json_t *answer;
};

/**
 * call_answer() - do what one message asks for
 * @message: a JSON object as wire_next() gives it
 * @permit: what polkit said of it, NULL: it was not asked
 * @stream: of this connection, STREAM_NONE; receives what is left to answer
 * @answer: receives the answer, NULL to a "oneway" call
 * @question: receives what polkit is to be asked; its @subject is kept until the answer
 * Return: 0, -EAGAIN when polkit has to be asked first, and nothing is done yet, or -ENOMEM.
 */
int call_answer(const struct control_settings *settings, const struct peer *peer, json_t *message,
		const struct permit *permit, struct stream *stream, json_t **answer,
		struct polkit_question *question);

/* What the methods do with a call. */

/** call_answer_with() - the parameters of the answer, which it takes over */
void call_answer_with(struct call *call, json_t *parameters);

/** call_fail() - an error with its one parameter, as all errors here have but ExpectedMore */
void call_fail(struct call *call, const char *name, const char *parameter, const char *text);

/** call_fail_parameter() - InvalidParameter */
void call_fail_parameter(struct call *call, const char *name);

/** call_fail_reason() - an error with a reason: @error's text, or what the errno says */
void call_fail_reason(struct call *call, const char *name, const struct error *error, int result);

/** call_expect_more() - ExpectedMore */
void call_expect_more(struct call *call);

/** call_parameter() - the value of a parameter, NULL where an optional one is missing or null */
const json_t *call_parameter(const struct call *call, const char *name);
const char *call_string(const struct call *call, const char *name);
bool call_flag(const struct call *call, const char *name);

#endif
