/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is at the other end of a control connection, as the kernel says. */
#ifndef LHGUARD_CONTROL_PEER_H
#define LHGUARD_CONTROL_PEER_H

#include "flow.h"

struct control_settings;

/**
 * struct peer - who called: the one that made the connection
 * Descriptors can be inherited, and sent from one process to another, and processes can go
 * elsewhere. So whoever sends through the connection is looked at too, and the one that made it once
 * more for each change; once somebody inside a guest had it, it is a guest's for good.
 *
 * @fd: the connection, not owned; 0: none, in tests
 * @uid: SO_PEERCRED
 * @pid: SO_PEERCRED
 * @start: when @pid started (proc_pid_stat(5), field 22): with it a name that is never reused; 0: not
 *	known
 * @is_member: belongs to CONTROL_GROUP
 * @is_reader: polkit has said that it may look
 * @is_shared: another process has sent through the connection, too
 * @is_in_guest: @pid is inside a guest, or could not be looked at
 * @guest: that guest's label, "" when it could not be looked at
 */
struct peer {
	int fd;
	uid_t uid;
	pid_t pid;
	uint64_t start;
	bool is_member;
	bool is_reader;
	bool is_shared;
	bool is_in_guest;
	char guest[NAME_SIZE + RUNTIME_SIZE];
};

/**
 * peer_read() - find out who is at the other end of a connection that was just accepted
 * @group: gid of CONTROL_GROUP, (gid_t)-1 where there is none
 * Return: 0 or -errno.
 */
int peer_read(struct peer *peer, int fd, gid_t group, const struct control_settings *settings);

/** peer_look_again() - has it gone inside a guest since? One that has ended is what it was. */
void peer_look_again(struct peer *peer, const struct control_settings *settings);

/**
 * peer_sent() - something came through the connection
 * @sender: whose it is, as the kernel says; 0: it does not say
 */
void peer_sent(struct peer *peer, pid_t sender, const struct control_settings *settings);

#endif
