/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The methods that change something: exceptions, and what is read from files. */
#ifndef LHGUARD_CONTROL_CHANGES_H
#define LHGUARD_CONTROL_CHANGES_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define NOTES_MAX 8 /* that an answer has of other exceptions */

struct call;
struct exception;
struct selector;

/** changes_error() - the name of the error that stands for why an exception cannot be changed */
const char *changes_error(int result);

/**
 * changes_parse_seconds() - when it ends, by the parameter "seconds"
 * @expires_us: left as it is where that is not given
 * Return: 0 or -EINVAL; the call has its answer then.
 */
int changes_parse_seconds(struct call *call, uint64_t now_us, uint64_t *expires_us);

/** changes_parse_words() - the same for service, source and comment. */
int changes_parse_words(struct call *call, struct exception *exception);

/** changes_check_source() - the same where its runtime is none that there is; not before the caller is known */
int changes_check_source(struct call *call, const struct selector *source);

/** changes_note() - add "allow exception 5 (tcp/80 from any) @what" */
void changes_note(json_t *notes, const struct exception *other, const char *what);

/** changes_answer() - the exception, and what its maker should know of whom it is about and others */
void changes_answer(struct call *call, const struct exception *exception);

/** changes_describe() - what AddException() is asked for; -EINVAL: nothing that can be */
int changes_describe(struct call *call, char *text, size_t size);

/** changes_describe_end() - append how long that is to last */
void changes_describe_end(const struct call *call, char *text, size_t size);

void changes_add(struct call *call);
void changes_edit(struct call *call);
void changes_import(struct call *call);
void changes_remove(struct call *call);
void changes_reload(struct call *call);

#endif
