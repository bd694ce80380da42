/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of alerts about guests, for people who have read no manual. */
#ifndef LHGUARD_NOTIFY_WORDING_H
#define LHGUARD_NOTIFY_WORDING_H

#include "alerts.h"
#include "message.h"

#include <stddef.h>

/**
 * struct wording - what the words depend on beside the alert
 * @title: of the service, NULL: it has none
 * @since: when it began, as a person reads it: "14:02:11"
 * @has_actions: the server takes buttons
 * @hides_buttons: but shows them only to who asks for them: the text says the command, too
 * @is_cut: it draws few lines: what to do goes first
 * @summary_room: how many characters of a summary it shows; 0: all
 */
struct wording {
	const char *title;
	const char *since;
	bool has_actions;
	bool hides_buttons;
	bool is_cut;
	unsigned int summary_room;
};

/** word_alert() - one guest and one service */
void word_alert(struct message *message, const struct alert *alert, const struct wording *wording);

/** word_summary() - what could not be shown by itself; @title: of what is sensitive in it, or NULL */
void word_summary(struct message *message, const struct alerts_summary *summary, const char *title);

/** word_allowed() - the guest may reach it now; @seconds: 0: for ever */
void word_allowed(struct message *message, const struct alert *alert, const char *title,
		  unsigned int seconds, const char *notes);

/** word_muted() - the pair is on the mute list as number @number of it */
void word_muted(struct message *message, const struct alert *alert, const char *title,
		size_t number);

/** alert_is_allowable() - could an Allow of this event work, once the person has said yes? */
bool alert_is_allowable(const json_t *event);

/** clean() - text from outside, printable, and cut in @size bytes with "…" at its end; @target */
const char *clean(char *target, size_t size, const char *text);

/** message_escape() - what the server has to be given: never markup in the summary, nor in the body
 *	where the server reads it. Each target is of the size of the message's own text times six. */
void message_escape(const struct message *message, bool has_markup, char *summary, char *body);

/** message_join_lines() - with something between them that is seen; @body: as of message_escape() */
void message_join_lines(char *body);

#define ESCAPED_SUMMARY_SIZE (4 * SUMMARY_SIZE)
#define ESCAPED_BODY_SIZE    (6 * BODY_SIZE)

#endif
