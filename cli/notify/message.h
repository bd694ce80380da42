/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one notification says, before a server sees it: plain text, plain data. */
#ifndef LHGUARD_NOTIFY_MESSAGE_H
#define LHGUARD_NOTIFY_MESSAGE_H

#include <jansson.h>
#include <stdint.h>

#define SUMMARY_SIZE 512
#define BODY_SIZE    3072

enum urgency { URGENCY_LOW, URGENCY_NORMAL, URGENCY_CRITICAL };

/* Buttons, as bits of struct message's actions. */
enum action {
	ACTION_ALLOW_10M,
	ACTION_ALLOW_ALWAYS,
	ACTION_KEEP_BLOCKING,
	ACTION_DETAILS,
	ACTION_OPEN, /* the whole of a text that was cut */
	ACTION_COUNT,
};

#define ACTION_BIT(action) (1u << (action))
#define TIMEOUT_DEFAULT	   (-1)
#define TIMEOUT_NEVER	   0

/**
 * struct message - a notification
 * @summary: one line; text from outside in it is escaped
 * @body: lines; text from outside is escaped, but not for markup
 * @actions: bits of enum action; left out where the server draws none
 * @timeout_ms: or TIMEOUT_DEFAULT, TIMEOUT_NEVER
 */
struct message {
	char summary[SUMMARY_SIZE];
	char body[BODY_SIZE];
	enum urgency urgency;
	unsigned int actions;
	int timeout_ms;
};

/**
 * struct binding - what a click is about, as it was when it was offered
 * @incarnation: of the alert (struct alert)
 * @id: of the event
 * @time: of the event
 */
struct binding {
	uint64_t incarnation;
	json_int_t id;
	char time[48];
};

#endif
