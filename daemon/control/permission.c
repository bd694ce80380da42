// SPDX-License-Identifier: GPL-2.0-or-later
/* May this peer call this method, and what is polkit asked where that decides? */
#include "control/permission.h"

#include "control/call.h"
#include "control/methods.h"
#include "control/polkit.h"
#include "policy/config.h"
#include "util/text.h"

#include <errno.h>
#include <string.h>

/* What polkit said counts only as long as it is polkit that decides. */
static bool polkit_decides(const struct config_access *access)
{
	return access && access->polkit;
}

/*
 * Polkit judges the process that made the connection. So it is not asked where somebody else sends
 * through it, nor about whom nobody can tell.
 */
static bool can_be_asked_about(const struct peer *peer, const struct config_access *access)
{
	return polkit_decides(access) && peer->start && !peer->is_shared && !peer->is_in_guest;
}

static int ask_or_refuse(const struct peer *peer, const struct config_access *access,
			 const struct permit *permit, struct error *reason)
{
	if (permit && !permit->result && polkit_decides(access))
		return 0;
	if (!permit && can_be_asked_about(peer, access))
		return -EAGAIN;
	if (permit && permit->why[0])
		text_append(reason->text, sizeof(reason->text), "; %s", permit->why);
	return -EACCES;
}

static int check_read(const struct peer *peer, const struct config_access *access,
		      const struct permit *permit, struct error *reason)
{
	/* That it may look holds as long as polkit could be asked about it again. */
	if (peer->is_member || (peer->is_reader && can_be_asked_about(peer, access)))
		return 0;
	error_set(reason, -EACCES,
		  "user %u may not look: only root and members of the group %s may", peer->uid,
		  CONTROL_GROUP);
	return ask_or_refuse(peer, access, permit, reason);
}

static int check_change(const struct peer *peer, bool is_owner, const struct config_access *access,
			const struct permit *permit, struct error *reason)
{
	bool may = is_owner || (access && access->members_change && peer->is_member);

	if (peer->is_in_guest && peer->guest[0])
		return error_set(reason, -EACCES,
				 "process %d is inside a guest (%s), from where nothing may be "
				 "changed: do it on the host",
				 peer->pid, peer->guest);
	if (peer->is_in_guest)
		return error_set(reason, -EACCES,
				 "process %d has ended or cannot be looked at, so it may change "
				 "nothing: it has to wait for its answer",
				 peer->pid);
	if (may)
		return 0;
	error_set(reason, -EACCES, "user %u may change nothing: only root may (try sudo)",
		  peer->uid);
	return ask_or_refuse(peer, access, permit, reason);
}

int permission_check(const struct method *method, const struct peer *peer,
		     const struct config_access *access, const struct permit *permit, uid_t daemon,
		     struct error *reason)
{
	bool is_owner = peer->uid == 0 || peer->uid == daemon;

	switch (method->privilege) {
	case PRIVILEGE_UNDECIDED:
		break;
	case PRIVILEGE_ANYONE:
		return 0;
	case PRIVILEGE_READ:
		return is_owner ? 0 : check_read(peer, access, permit, reason);
	case PRIVILEGE_CHANGE:
		return check_change(peer, is_owner, access, permit, reason);
	}
	return error_set(reason, -EACCES, "nobody may call %s", method->name);
}

#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:@*_-"

void permission_quote(char *text, size_t size, const char *word)
{
	char printable[POLKIT_WHAT_SIZE];

	if (!word[strspn(word, PLAIN)]) {
		text_append(text, size, "%s", word);
		return;
	}
	text_escape(printable, sizeof(printable), word, strlen(word));
	text_append(text, size, "\"");
	for (const char *at = printable; *at;) {
		size_t plain = strcspn(at, "<>&\"");

		text_append(text, size, "%.*s", (int)plain, at);
		at += plain;
		if (*at)
			text_append(text, size, "\\x%02x", (unsigned char)*at++);
	}
	text_append(text, size, "\"");
}

int permission_question(struct call *call, const struct peer *peer,
			struct polkit_question *question)
{
	const struct method *method = call->method;

	*question = (struct polkit_question){
		.action = method->privilege == PRIVILEGE_READ ? POLKIT_WATCH : POLKIT_MANAGE,
		.is_interactive = call_flag(call, "allowInteractiveAuthentication"),
		.pid = peer->pid,
		.start = peer->start,
		.uid = peer->uid,
		.subject = call->subject,
	};
	if (method->describe && method->describe(call, question->what, sizeof(question->what)))
		return -EINVAL;
	if (!question->what[0])
		text_copy(question->what, sizeof(question->what),
			  method->purpose ? method->purpose : "look");
	return 0;
}
