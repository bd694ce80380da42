/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is at the other end of a control connection, as the kernel says. */
#ifndef LHGUARD_CONTROL_PEER_H
#define LHGUARD_CONTROL_PEER_H

#include "flow.h"

struct control_settings;

/**
 * struct peer - who called, as it was when the connection was made
 * @uid: SO_PEERCRED
 * @pid: SO_PEERCRED
 * @is_member: belongs to CONTROL_GROUP
 * @is_in_guest: the process is inside a guest, or could not be looked at
 * @guest: that guest's label, or why it could not be looked at
 */
struct peer {
	uid_t uid;
	pid_t pid;
	bool is_member;
	bool is_in_guest;
	char guest[NAME_SIZE + RUNTIME_SIZE];
};

/**
 * peer_read() - find out who is at the other end of a connection that was just accepted
 * @group: gid of CONTROL_GROUP, (gid_t)-1 where there is none
 * Return: 0 or -errno.
 */
int peer_read(struct peer *peer, int fd, gid_t group, const struct control_settings *settings);

#endif
