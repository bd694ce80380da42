/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The method that says who reaches what, which takes more than one turn to answer. */
#ifndef LHGUARD_CONTROL_REACH_METHOD_H
#define LHGUARD_CONTROL_REACH_METHOD_H

#include <jansson.h>

struct call;
struct control_settings;
struct stream;

/* ListPorts */
void reach_list(struct call *call);

/** reach_answer() - for stream_next() */
json_t *reach_answer(const struct control_settings *settings, struct stream *stream);

#endif
