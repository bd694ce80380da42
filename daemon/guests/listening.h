/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who waits for connections on the host, and what of it is news: a guest that opens a port. */
#ifndef LHGUARD_GUESTS_LISTENING_H
#define LHGUARD_GUESTS_LISTENING_H

#include "kernel/waiting.h"

struct listening;

#define LISTENING_MAX 4096 /* sockets remembered */

/**
 * struct listening_handler - what the snapshot asks of the daemon around it
 * @owner: who made this socket (registry_maker())
 * @holder: the program that holds it now, "" when it cannot be found; when that is a helper of a
 *	guest (conmon, rootlessport) @source becomes the guest. Returns false when there was no time
 *	to look.
 * @tell: a guest, or one who cannot be told, waits there now; the attempt is of EVENT_LISTENER
 */
struct listening_handler {
	void (*owner)(void *data, const struct socket_info *socket, struct source *source);
	bool (*holder)(void *data, const struct socket_info *socket, struct source *source,
		       char *comm);
	void (*tell)(void *data, const struct attempt *attempt);
};

int listening_new(struct listening **listening, const struct listening_handler *handler,
		  void *data);
void listening_free(struct listening *listening);

/** listening_begin() - a dump begins; listening_see() for each socket; listening_end() */
void listening_begin(struct listening *listening);
void listening_see(struct listening *listening, const struct waiting_socket *socket);

/**
 * listening_end() - forget what is gone, find out whose the new sockets are, and tell
 * @now_us: CLOCK_REALTIME
 *
 * What the first dump holds is known, and no news. Of the host's own sockets it is remembered who
 * held them, also when they are gone, until others need their place. A port is told once a minute
 * for each guest (events.h), and of one guest at most 64 ports a minute.
 *
 * Return: true when there was more to find out than one call does: make the next dump soon.
 */
bool listening_end(struct listening *listening, uint64_t now_us);

/** listening_recheck() - guests have come, gone or got other ids: ask for all owners again. */
void listening_recheck(struct listening *listening);

/**
 * listening_others_join() - does another than this guest wait there, too, as far as the last dump tells?
 * @at: the guest's socket. Of several that share a port (SO_REUSEPORT, SO_REUSEADDR) the kernel chooses
 *	one for each connection.
 * @guest: its id
 *
 * While more wait than are remembered, somebody may. The cost is that of the table, LISTENING_MAX at most.
 */
bool listening_others_join(const struct listening *listening, const struct waiting_socket *at,
			   uint32_t guest);

/** listening_each() - the sockets of a guest. */
void listening_each(const struct listening *listening, uint32_t guest,
		    void (*visit)(void *data, const struct waiting_socket *socket,
				  const char *program),
		    void *data);

#endif
