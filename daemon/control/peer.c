// SPDX-License-Identifier: GPL-2.0-or-later
/* Who is at the other end of a control connection, as the kernel says. */
#include "control/peer.h"

#include "control/control.h"
#include "util/cleanup.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77 /* Linux 6.5, asm-generic/socket.h */
#endif

static bool is_member(int fd, gid_t primary, gid_t group)
{
	_cleanup_free_ gid_t *groups = NULL;
	socklen_t length = 0;

	if (group == (gid_t)-1)
		return false;
	if (primary == group)
		return true;
	/* Without room it says how much is needed (socket(7)). */
	if (!getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &length) || errno != ERANGE)
		return false;
	groups = malloc(length);
	if (!groups || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &length))
		return false;
	for (size_t i = 0; i < length / sizeof(gid_t); i++)
		if (groups[i] == group)
			return true;
	return false;
}

/*
 * Has the process that connected ended? Then its pid may be another's by now. Kernels that cannot
 * tell count as no.
 */
static bool has_ended(int fd)
{
	_cleanup_close_ int pidfd = -1;
	socklen_t length = sizeof(pidfd);
	struct pollfd poll_pidfd = {.events = POLLIN};

	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &length)) {
		pidfd = -1;
		return errno == ESRCH || errno == EINVAL;
	}
	poll_pidfd.fd = pidfd;
	return poll(&poll_pidfd, 1, 0) != 0;
}

static void look(struct peer *peer, const struct control_settings *settings)
{
	peer->is_in_guest = settings->handler->peer_guest(settings->data, peer->pid, peer->guest,
							  sizeof(peer->guest));
}

int peer_read(struct peer *peer, int fd, gid_t group, const struct control_settings *settings)
{
	struct ucred credentials;
	socklen_t length = sizeof(credentials);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length))
		return -errno;
	*peer = (struct peer){
		.fd = fd,
		.uid = credentials.uid,
		.pid = credentials.pid,
		.is_member = is_member(fd, credentials.gid, group),
	};
	look(peer, settings);
	if (settings->polkit)
		peer->start = settings->handler->peer_start(settings->data, peer->pid);
	if (!peer->is_in_guest && has_ended(fd)) {
		peer->is_in_guest = true;
		peer->guest[0] = '\0';
	}
	return 0;
}

void peer_look_again(struct peer *peer, const struct control_settings *settings)
{
	struct peer now = *peer;

	if (!peer->fd || peer->is_in_guest || has_ended(peer->fd))
		return;
	look(&now, settings);
	if (now.is_in_guest && !has_ended(peer->fd))
		*peer = now;
}

void peer_sent(struct peer *peer, pid_t sender, const struct control_settings *settings)
{
	struct peer other = *peer;

	if (!sender || sender == peer->pid)
		return;
	peer->is_shared = true;
	if (peer->is_in_guest)
		return;
	other.is_shared = true;
	other.pid = sender;
	look(&other, settings);
	if (other.is_in_guest)
		*peer = other;
}
