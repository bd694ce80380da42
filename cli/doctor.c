// SPDX-License-Identifier: GPL-2.0-or-later
/* The verb that looks for what keeps the guard from its work, and for what the guard cannot see. */
#include "blind_spots.h"
#include "checks.h"
#include "output.h"
#include "prose.h"
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

#define NAME_WIDTH  17
#define STATE_WIDTH 15
#define TEXT_COLUMN (NAME_WIDTH + 1 + STATE_WIDTH + 1)

static const struct {
	const char *word;
	enum colour colour;
} healths[] = {
	[HEALTH_OK] = {"ok", COLOUR_GREEN},
	[HEALTH_UNKNOWN] = {"unknown", COLOUR_NONE},
	[HEALTH_WARNING] = {"warning", COLOUR_YELLOW},
	[HEALTH_PROBLEM] = {"problem", COLOUR_RED},
};

/* Lines of both parts */

static void print_head(const json_t *item, enum colour paint)
{
	const char *state = text_of(item, "state");

	prose("%-*s %s%s%s%*s %s", NAME_WIDTH, text_of(item, "name"),
	      paint == COLOUR_NONE ? "" : colour(paint), state,
	      paint == COLOUR_NONE ? "" : colour(COLOUR_NONE), STATE_WIDTH - (int)strlen(state), "",
	      text_of(item, "title"));
	prose_end(TEXT_COLUMN);
}

/* @advice: "" for none */
static void print_found(const json_t *item, const char *advice, bool wants_advice)
{
	const json_t *found = json_object_get(item, "found");

	for (size_t i = 0; i < json_array_size(found); i++) {
		prose("%*s%s", TEXT_COLUMN, "", shown(json_string_value(json_array_get(found, i))));
		prose_end(TEXT_COLUMN);
	}
	if (!wants_advice || !*advice)
		return;
	prose("%*s%s %s", TEXT_COLUMN, "", arrow(), advice);
	prose_end(TEXT_COLUMN + text_width(arrow()) + 1);
}

/* Advice for programs: nothing stays together there. */
static json_t *advice_json(const char *advice)
{
	_cleanup_free_ char *text = prose_wrap(advice, 0, 0);

	return json_stringn(text, strlen(text) - 1);
}

/* Blind spots */

static const char *state_of(const struct blind_spot *spot, int result, const json_t *found)
{
	if (!spot->find)
		return "cannot be told";
	if (result)
		return "not looked at";
	return json_array_size(found) ? "found" : "none";
}

static json_t *examine_spots(const json_t *guests)
{
	json_t *spots = json_array();

	for (size_t i = 0; i < blind_spot_count; i++) {
		const struct blind_spot *spot = &blind_spots[i];
		json_t *found = json_array();
		int result = spot->find ? spot->find(guests, found) : 0;

		json_array_append_new(spots, json_pack("{s:s, s:s, s:s, s:o, s:o}", "name",
						       spot->name, "title", spot->title, "state",
						       state_of(spot, result, found), "advice",
						       advice_json(spot->advice), "found", found));
	}
	return spots;
}

static void print_spots(const json_t *spots)
{
	putchar('\n');
	prose("What the guard cannot see, since it is no IP packet or bears no mark, and what "
	      "of it is here:");
	prose_end(0);
	putchar('\n');
	for (size_t i = 0; i < json_array_size(spots); i++) {
		const json_t *spot = json_array_get(spots, i);
		const char *state = text_of(spot, "state");

		print_head(spot, COLOUR_NONE);
		print_found(spot, blind_spots[i].advice,
			    !strcmp(state, "found") || !strcmp(state, "cannot be told"));
	}
}

/* Checks */

/* @counts: of each health, grows */
static json_t *examine_checks(const struct examination *examination, unsigned int *counts)
{
	json_t *list = json_array();

	for (size_t i = 0; i < check_count; i++) {
		struct diagnosis diagnosis = {.found = json_array()};

		checks[i].examine(examination, &diagnosis);
		counts[diagnosis.health]++;
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:o, s:o}", "name",
						      checks[i].name, "title", checks[i].title,
						      "state", healths[diagnosis.health].word,
						      "advice", advice_json(checks[i].advice),
						      "found", diagnosis.found));
	}
	return list;
}

static void print_checks(const json_t *list)
{
	for (size_t i = 0; i < json_array_size(list); i++) {
		const json_t *check = json_array_get(list, i);
		const char *state = text_of(check, "state");
		enum health health = HEALTH_OK;

		while (strcmp(healths[health].word, state))
			health++;
		print_head(check, healths[health].colour);
		print_found(check, checks[i].advice, health > HEALTH_OK);
	}
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
static void look_around(struct examination *examination, const struct options *options)
{
	const char *named = text_of(examination->status, "netns");

	examination->daemon = examination->status ? daemon_pid(options) : 0;
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
	unsigned int counts[HEALTH_PROBLEM + 1] = {0};
	enum status status = client_call(options->socket, "GetStatus", NULL, &answer);

	if (!status)
		status = client_list(options->socket, "ListGuests", "guests", &guests);
	if (status)
		guests = NULL;
	examination.status = json_object_get(answer, "status");
	examination.guests = guests;
	examination.proc = processes_open_root("/proc");
	look_around(&examination, options);
	list = examine_checks(&examination, counts);
	spots = examine_spots(guests);
	if (options->json) {
		print_members(json_pack("{s:O, s:O}", "checks", list, "blindSpots", spots));
	} else {
		print_checks(list);
		print_spots(spots);
		say("%s", "");
		say("%u problem%s, %u warning%s", counts[HEALTH_PROBLEM],
		    counts[HEALTH_PROBLEM] == 1 ? "" : "s", counts[HEALTH_WARNING],
		    counts[HEALTH_WARNING] == 1 ? "" : "s");
	}
	json_decref(list);
	json_decref(spots);
	json_decref(guests);
	json_decref(answer);
	if (!status && counts[HEALTH_PROBLEM])
		status = STATUS_FAILED;
	return status;
}
