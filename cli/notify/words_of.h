/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Guests, services and routes of the daemon's answers in plain words. */
#ifndef LHGUARD_NOTIFY_WORDS_OF_H
#define LHGUARD_NOTIFY_WORDS_OF_H

#include <inttypes.h>
#include <jansson.h>
#include <stddef.h>

#define NAME_SHOWN  72 /* bytes of a name in a sentence */
#define NAME_QUOTED (NAME_SHOWN + 6)
#define NAME_WORDS  160 /* bytes of any of these; they fit into it by being cut */

/* All of them escape what came from outside, and return @target. */

/** source_words() - "VM devbox", "One of a, b", "A VM without a name", "An unknown program" */
const char *source_words(char *target, size_t size, const json_t *source);

/** label_words() - "vm devbox" for the label "vm:devbox" */
const char *label_words(char *target, size_t size, const char *label);

/** service_words() - "Chrome DevTools", "port 9222 (python3)", "TCP port 9222"; @title: or NULL */
const char *service_words(char *target, size_t size, const json_t *service, const char *title);

/** protocol_words() - "TCP" */
const char *protocol_words(char *target, size_t size, const json_t *service);

/** route_words() - "It came through its user-mode network (slirp4netns)" */
const char *route_words(char *target, size_t size, const json_t *event);

#endif
