// SPDX-License-Identifier: GPL-2.0-or-later
/* The verb that looks for what keeps the guard from its work, and for what the guard cannot see. */
#include "doctor_text.h"
#include "output.h"
#include "verbs.h"

#include "kernel/processes.h"
#include "util/cleanup.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* Both halves of the report */

static json_t *examine_checks(const struct examination *examination)
{
	json_t *list = json_array();

	for (size_t i = 0; i < check_count; i++) {
		struct diagnosis diagnosis = {.found = json_array()};

		checks[i].examine(examination, &diagnosis);
		json_array_append_new(list,
				      doctor_check(&checks[i], diagnosis.health, diagnosis.found));
	}
	return list;
}

static json_t *examine_spots(const json_t *guests)
{
	json_t *spots = json_array();

	for (size_t i = 0; i < blind_spot_count; i++) {
		const struct blind_spot *spot = &blind_spots[i];
		json_t *found = json_array();
		int result = spot->find ? spot->find(guests, found) : 0;

		json_array_append_new(spots, doctor_spot(spot, result, found));
	}
	return spots;
}

/* What they look at */

/* Whoever serves the socket; the kernel keeps it from the time of listen(2). */
static pid_t daemon_pid(const struct options *options)
{
	struct client client;
	struct ucred peer = {.pid = 0};
	socklen_t size = sizeof(peer);

	if (client_open(&client, options->socket))
		return 0;
	if (getsockopt(client.wire.fd, SOL_SOCKET, SO_PEERCRED, &peer, &size))
		peer.pid = 0;
	client_close(&client);
	return peer.pid;
}

static uint64_t inode_of(const char *path)
{
	struct stat info;

	return stat(path, &info) ? 0 : info.st_ino;
}

/* Go where the daemon is: what is to be looked at is there. */
static void enter_guarded(struct examination *examination)
{
	uint64_t own = inode_of("/proc/self/ns/net");
	_cleanup_close_ int fd = -1;
	char path[64];

	examination->is_inside = true;
	examination->netns = own;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)examination->daemon);
	if (!examination->daemon || inode_of(path) == own)
		return;
	examination->netns = inode_of(path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	examination->is_inside = fd >= 0 && !setns(fd, CLONE_NEWNET);
}

/* Who cannot see the daemon's namespace takes it for this one, unless the daemon has another by name. */
static void look_around(struct examination *examination, const struct options *options,
			enum status asked)
{
	const char *named = text_of(examination->status, "netns");

	/* It may run, and not let this user look. */
	if (asked != STATUS_NOT_RUNNING && !access(options->socket, W_OK))
		examination->daemon = daemon_pid(options);
	enter_guarded(examination);
	if (!examination->netns) {
		examination->netns = inode_of(*named ? named : "/proc/self/ns/net");
		examination->is_inside = examination->netns == inode_of("/proc/self/ns/net");
	}
}

enum status verb_doctor(const struct options *options, int argc, char **argv)
{
	struct examination examination = {.sysctl = "/proc/sys"};
	json_t *answer = NULL, *guests = NULL, *spots, *list;
	enum status status = client_call(options->socket, "GetStatus", NULL, &answer);

	if (!status)
		status = client_list(options->socket, "ListGuests", "guests", &guests);
	if (status)
		guests = NULL;
	examination.status = json_object_get(answer, "status");
	examination.guests = guests;
	examination.proc = processes_open_root("/proc");
	look_around(&examination, options, status);
	list = examine_checks(&examination);
	spots = examine_spots(guests);
	if (options->json)
		print_members(doctor_document(list, spots));
	else
		doctor_print(list, spots);
	if (!status && doctor_count(list, "problem"))
		status = STATUS_FAILED;
	json_decref(list);
	json_decref(spots);
	json_decref(guests);
	json_decref(answer);
	return status;
}
