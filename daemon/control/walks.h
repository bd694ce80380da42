/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The methods about open connections, which take more than one turn to answer. */
#ifndef LHGUARD_CONTROL_WALKS_H
#define LHGUARD_CONTROL_WALKS_H

#include <jansson.h>

struct call;
struct control_settings;
struct stream;
struct walk_query;

/* ListConnections and CutConnections */
void walk_list(struct call *call);
void walk_cut(struct call *call);

/**
 * walk_cut_removed() - cut what exceptions allowed that have just been removed
 * @query: with these; they are taken over, and NULL afterwards
 * @parameters: of the answer beside "cut"; taken over
 */
void walk_cut_removed(struct call *call, struct walk_query *query, json_t *parameters);

/** walk_answer() - for stream_next() */
json_t *walk_answer(const struct control_settings *settings, struct stream *stream);

#endif
