/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The types of conf/org.lhguard.varlink as JSON. */
#ifndef LHGUARD_CONTROL_REPLIES_H
#define LHGUARD_CONTROL_REPLIES_H

#include <jansson.h>

struct attempt;
struct exception;
struct explanation;
struct guest;
struct open_connection;
struct open_port;
struct guest_view;
struct known_service;
struct status;

/*
 * Each returns a new object, or NULL when memory is short. Text is taken over as it is where it is
 * UTF-8, and escaped (text_escape()) where it is not.
 */
json_t *reply_status(const struct status *status);
json_t *reply_mode(const struct status *status); /* what SetMode() answers */
json_t *reply_exception(const struct exception *exception);
json_t *reply_known_service(const struct known_service *known);
json_t *reply_guest(const struct guest *guest, const struct guest_view *view);
json_t *reply_event(const struct attempt *attempt);
json_t *reply_explanation(const struct explanation *explanation);
json_t *reply_port(const struct open_port *port);
json_t *reply_connection(const struct open_connection *connection);

#endif
