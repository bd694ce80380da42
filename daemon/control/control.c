// SPDX-License-Identifier: GPL-2.0-or-later
/* The control socket: binding it, taking connections, and telling the watching ones of events. */
#include "control/control.h"

#include "control/client.h"
#include "control/events.h"
#include "control/peer.h"
#include "control/replies.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"

#include <errno.h>
#include <grp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define CLIENTS_RESERVED 16	 /* of CONTROL_CLIENTS_MAX, only for root on the host */
#define NO_DESCRIPTOR_US 1000000 /* pause when the process has no descriptor left */
#define REFUSED_TOLD_US	 (60 * 1000000ull)

/**
 * struct control - the socket and its clients
 * @listener: the socket in the event loop
 * @pause: when to accept again after the process ran out of descriptors
 * @address: of the socket
 * @inode: of the socket as we made it, so that only that one is removed
 * @group: CONTROL_GROUP, (gid_t)-1 where there is none
 * @told_us: CLOCK_MONOTONIC when it was last told that a client was refused; who is refused could
 *	else fill the journal
 */
struct control {
	struct control_settings settings;
	sd_event_source *listener;
	sd_event_source *pause;
	struct sockaddr_un address;
	struct stat inode;
	gid_t group;
	struct client *clients[CONTROL_CLIENTS_MAX];
	size_t client_count;
	uint64_t told_us;
};

/* Clients */

static void client_gone(void *data, struct client *client)
{
	struct control *control = data;
	size_t i = 0;

	while (control->clients[i] != client)
		i++;
	control->clients[i] = control->clients[--control->client_count];
}

static bool is_owner(const struct peer *peer)
{
	return !peer->is_in_guest && (peer->uid == 0 || peer->uid == geteuid());
}

static bool is_stranger(const struct peer *peer)
{
	return !is_owner(peer) && !peer->is_member;
}

/* Whoever makes a user namespace has many uids; all that are inside guests count as one user. */
static bool is_of_one_user(const struct peer *one, const struct peer *other)
{
	return one->is_in_guest || other->is_in_guest ? one->is_in_guest == other->is_in_guest
						      : one->uid == other->uid;
}

/* Where the socket is open to all, nobody takes the places of those whom it is for. */
static bool has_room_for_stranger(const struct control *control, const struct peer *peer)
{
	size_t strangers = 0, of_user = 0;

	for (size_t i = 0; i < control->client_count; i++) {
		const struct peer *other = client_peer(control->clients[i]);

		strangers += is_stranger(other);
		of_user += is_stranger(other) && is_of_one_user(peer, other);
	}
	return strangers < CONTROL_STRANGERS_MAX && of_user < CONTROL_STRANGERS_MAX_OF_USER;
}

static bool has_room(const struct control *control, const struct peer *peer)
{
	size_t limit = CONTROL_CLIENTS_MAX - (is_owner(peer) ? 0 : CLIENTS_RESERVED);

	return control->client_count < limit &&
	       (!is_stranger(peer) || has_room_for_stranger(control, peer));
}

static void tell_refused(struct control *control, const struct peer *peer)
{
	uint64_t now_us = clock_monotonic_us();

	if (control->told_us && now_us - control->told_us < REFUSED_TOLD_US)
		return;
	control->told_us = now_us;
	log_warning("control: %zu clients are connected, one more of user %u is not taken",
		    control->client_count, peer->uid);
}

static void serve(struct control *control, int fd)
{
	struct client *client;
	struct peer peer;
	int result = peer_read(&peer, fd, control->group, &control->settings);

	if (!result && !has_room(control, &peer)) {
		tell_refused(control, &peer);
		result = -EUSERS;
	}
	if (result) {
		close(fd);
		return;
	}
	result = client_new(&client, fd, &peer, &control->settings, CONTROL_PRIORITY, client_gone,
			    control);
	if (result < 0)
		log_error("control: a client cannot be served: %s", strerror(-result));
	else
		control->clients[control->client_count++] = client;
}

static void pause_listener(struct control *control)
{
	log_error("control: no client can be taken: %s", strerror(errno));
	sd_event_source_set_enabled(control->listener, SD_EVENT_OFF);
	sd_event_source_set_time_relative(control->pause, NO_DESCRIPTOR_US);
	sd_event_source_set_enabled(control->pause, SD_EVENT_ONESHOT);
}

static int on_pause_end(sd_event_source *source, uint64_t time_us, void *data)
{
	struct control *control = data;

	sd_event_source_set_enabled(control->listener, SD_EVENT_ON);
	return 0;
}

/* One connection in each turn of the loop. */
static int on_connection(sd_event_source *source, int fd, uint32_t events, void *data)
{
	struct control *control = data;
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (client >= 0)
		serve(control, client);
	else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
		pause_listener(control);
	return 0;
}

void control_status_changed(struct control *control)
{
	for (size_t i = 0; i < control->client_count; i++)
		client_status_changed(control->clients[i]);
}

/* Events: made into text once, for all who watch. */
static void on_event(void *data, const struct attempt *attempt, bool is_new)
{
	struct control *control = data;
	_cleanup_free_ char *text = NULL;

	for (size_t i = 0; i < control->client_count; i++) {
		if (!client_wants_event(control->clients[i], attempt->id))
			continue;
		if (!text) {
			json_t *event = reply_event(attempt);

			text = json_dumps(event, JSON_COMPACT);
			json_decref(event);
			if (!text)
				return;
		}
		client_event(control->clients[i], text);
	}
}

/* The socket */

/* Does somebody answer at this address? A full backlog (EAGAIN) is somebody too. */
static bool is_served(const struct sockaddr_un *address)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	return fd >= 0 && (!connect(fd, (const struct sockaddr *)address, sizeof(*address)) ||
			   errno == EAGAIN);
}

static int bind_address(struct control *control, int fd, struct error *error)
{
	const struct sockaddr_un *address = &control->address;
	const struct sockaddr *any = (const struct sockaddr *)address;

	if (!bind(fd, any, sizeof(*address)))
		return 0;
	if (errno != EADDRINUSE)
		return error_set(error, -errno, "%s: %s", address->sun_path, strerror(errno));
	if (is_served(address))
		return error_set(error, -EADDRINUSE,
				 "%s: another lhguardd is running and serves this socket; stop it, "
				 "or take another --runtime-dir",
				 address->sun_path);
	if (unlink(address->sun_path) || bind(fd, any, sizeof(*address)))
		return error_set(error, -errno, "%s: %s", address->sun_path, strerror(errno));
	log_info("%s: left by a daemon that has ended, replaced", address->sun_path);
	return 0;
}

/* Nobody can connect before listen(2), so the socket is never open to more than it shall be. */
static void give_to_group(struct control *control)
{
	const char *path = control->address.sun_path;

	if (control->group == (gid_t)-1) {
		log_info("no group %s: the control socket is for root", CONTROL_GROUP);
		return;
	}
	if (lchown(path, (uid_t)-1, control->group)) {
		log_warning("%s: cannot be given to the group %s, stays for root: %s", path,
			    CONTROL_GROUP, strerror(errno));
		control->group = (gid_t)-1;
	}
}

/* The mode that the socket should have. */
static mode_t wanted_mode(const struct control *control)
{
	const struct config_access *access = control->settings.access;

	if (access && access->polkit)
		return 0666;
	return control->group == (gid_t)-1 ? 0600 : 0660;
}

/* Could it open the socket as that is now? */
static bool is_welcome(const struct control *control, const struct peer *peer)
{
	return (wanted_mode(control) & S_IWOTH) || peer->is_member || peer->uid == 0 ||
	       peer->uid == geteuid();
}

void control_open(struct control *control)
{
	for (size_t i = 0; i < control->client_count; i++)
		if (!is_welcome(control, client_peer(control->clients[i])))
			client_dismiss(control->clients[i]);
	if (chmod(control->address.sun_path, wanted_mode(control)))
		log_error("%s: who may use it cannot be changed: %s", control->address.sun_path,
			  strerror(errno));
}

static int listen_on(struct control *control, int fd, struct error *error)
{
	const char *path = control->address.sun_path;
	static const int on = 1;
	int result;

	/* All connections have this from the listener: no message comes without who sent it. */
	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)))
		return error_set(error, -errno, "%s: %s", path, strerror(errno));
	if (fchmod(fd, 0600)) /* the mode that bind(2) gives the socket's file */
		return error_set(error, -errno, "%s: %s", path, strerror(errno));
	result = bind_address(control, fd, error);
	if (result)
		return result;
	if (lstat(path, &control->inode))
		return error_set(error, -errno, "%s: %s", path, strerror(errno));
	give_to_group(control);
	if (chmod(path, wanted_mode(control)))
		return error_set(error, -errno, "%s: %s", path, strerror(errno));
	if (listen(fd, SOMAXCONN))
		return error_set(error, -errno, "%s: %s", path, strerror(errno));
	return 0;
}

static gid_t find_group(void)
{
	const struct group *group = getgrnam(CONTROL_GROUP); /* before the loop, so it may wait */

	return group ? group->gr_gid : (gid_t)-1;
}

static int add_sources(struct control *control, int *fd)
{
	sd_event *loop = control->settings.loop;
	int result =
		sd_event_add_io(loop, &control->listener, *fd, EPOLLIN, on_connection, control);

	if (result < 0)
		return result;
	sd_event_source_set_io_fd_own(control->listener, true);
	steal_fd(fd);
	result = sd_event_add_time_relative(loop, &control->pause, CLOCK_MONOTONIC, 0, 0,
					    on_pause_end, control);
	if (result >= 0)
		result = sd_event_source_set_enabled(control->pause, SD_EVENT_OFF);
	if (result >= 0)
		result = sd_event_source_set_priority(control->listener, CONTROL_PRIORITY);
	return result;
}

static int start(struct control *control, struct error *error)
{
	const char *runtime = control->settings.runtime;
	struct sockaddr_un *address = &control->address;
	_cleanup_close_ int fd = -1;
	int length, result;

	address->sun_family = AF_UNIX;
	length = snprintf(address->sun_path, sizeof(address->sun_path), "%s/%s", runtime,
			  CONTROL_SOCKET);
	if (length < 0 || (size_t)length >= sizeof(address->sun_path)) {
		address->sun_path[0] = '\0';
		return error_set(error, -ENAMETOOLONG,
				 "%s: too long for a socket's path (%zu bytes with /%s)", runtime,
				 sizeof(address->sun_path) - 1, CONTROL_SOCKET);
	}
	if (mkdir(runtime, 0755) && errno != EEXIST)
		return error_set(error, -errno, "%s: %s", runtime, strerror(errno));
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_set(error, -errno, "%s: %s", address->sun_path, strerror(errno));
	control->group = find_group();
	result = listen_on(control, fd, error);
	if (result)
		return result;
	result = add_sources(control, &fd);
	if (result >= 0)
		result = events_listen(control->settings.events, on_event, control);
	if (result < 0)
		return error_set(error, result, "%s: %s", address->sun_path, strerror(-result));
	return 0;
}

int control_start(struct control **control, const struct control_settings *settings,
		  struct error *error)
{
	struct control *new = calloc(1, sizeof(*new));
	int result;

	if (!new)
		return error_set(error, -ENOMEM, "out of memory");
	new->settings = *settings;
	result = start(new, error);
	if (result) {
		control_stop(new);
		return result;
	}
	*control = new;
	return 0;
}

static bool is_our_socket(const struct control *control)
{
	struct stat now;

	return control->inode.st_ino && !lstat(control->address.sun_path, &now) &&
	       now.st_dev == control->inode.st_dev && now.st_ino == control->inode.st_ino;
}

void control_stop(struct control *control)
{
	while (control->client_count)
		client_free(control->clients[--control->client_count]);
	sd_event_source_disable_unref(control->pause);
	sd_event_source_disable_unref(control->listener);
	if (is_our_socket(control))
		unlink(control->address.sun_path);
	free(control);
}
