// SPDX-License-Identifier: GPL-2.0-or-later
/* Guests whose names stand in files of their runtimes: looked up after the verdicts. */
#include "guests/state.h"

#include "guests/names.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_TRIES   6	    /* looks into the files before a guest keeps what it is called by */
#define NAME_WAIT_US 100000 /* between the first two; doubled for each further one */

static bool has_files(const struct runtime *runtime)
{
	for (size_t i = 0; runtime && i < runtime->name_count; i++)
		if (names_is_file(runtime->names[i].style))
			return true;
	return false;
}

void guests_want_name(struct registry *registry, struct guest *guest)
{
	if (!guest || guest->name_tries ||
	    !has_files(catalogue_runtime(registry->settings.catalogue, guest->runtime)))
		return;
	guest->name_next_us = clock_monotonic_us();
	registry->names_pending = true;
}

/*
 * The user below whose manager this cgroup is: systemd makes the folder (user@.service(5)), and nobody
 * but root moves a process there from elsewhere.
 */
static bool user_of_cgroup(const char *cgroup, uid_t *user)
{
	static const char above[] = "/user.slice/user-";
	const char *number = cgroup + sizeof(above) - 1;
	char *end;
	unsigned long uid;

	if (strncmp(cgroup, above, sizeof(above) - 1) != 0 || *number < '0' || *number > '9')
		return false;
	uid = strtoul(number, &end, 10);
	if (uid >= UINT32_MAX || strncmp(end, ".slice/", 7) != 0)
		return false;
	*user = (uid_t)uid;
	return true;
}

/* What it is called without any file. */
static void forget_name(struct guest *guest)
{
	const char *id = keys_rest(guest, KNOWN_BY_ID);

	if (id)
		text_copy_name(guest->name, sizeof(guest->name), id,
			       strlen(id) == 64 ? 12 : strlen(id));
	guest->is_named_by_user = false;
	guest->name_tries = 0;
}

/*
 * A user's file names that user's guests only. A container's id is one guest wherever it is seen, and
 * anybody may make a cgroup with somebody else's: then what the one said of it is not the other's.
 */
void guests_note_user(struct registry *registry, struct guest *guest, const char *cgroup)
{
	enum whose before = guest->whose;
	uid_t user = 0;
	enum whose now = user_of_cgroup(cgroup, &user) ? WHOSE_USER : WHOSE_SYSTEM;

	if (before == now && guest->user == user)
		return;
	if (before != WHOSE_UNKNOWN)
		now = WHOSE_SEVERAL;
	guest->whose = now;
	guest->user = now == WHOSE_USER ? user : 0;
	if (guest->is_named_by_user) {
		forget_name(guest);
		guests_want_name(registry, guest);
	}
}

static bool find_name(struct registry *registry, const struct guest *guest, char *name)
{
	const struct runtime *runtime =
		catalogue_runtime(registry->settings.catalogue, guest->runtime);
	const char *files = registry->settings.files, *id = keys_rest(guest, KNOWN_BY_ID);
	struct names_question question = {
		.root = files ? files : "",
		.id = id ? id : "",
		.leaders = {guest->leader, 0},
		.has_user = guest->whose == WHOSE_USER,
		.user = guest->user,
	};
	struct process process;

	if (guest->leader && !process_read(registry->settings.proc, guest->leader, &process))
		question.leaders[1] = process.parent;
	return runtime && names_from_files(runtime, &question, name);
}

static void try_name(struct registry *registry, struct guest *guest, uint64_t now)
{
	char name[NAME_SIZE];

	if (find_name(registry, guest, name)) {
		log_debug("guest %u: %s is called %s", guest->id, guest->name, name);
		guests_set_name(guest, name);
		guest->is_named_by_user = guest->whose == WHOSE_USER;
		guest->name_next_us = 0;
		guest->name_tries = NAME_TRIES;
	} else if (++guest->name_tries < NAME_TRIES) {
		guest->name_next_us = now + ((uint64_t)NAME_WAIT_US << guest->name_tries);
	} else {
		guest->name_next_us = 0;
	}
}

uint64_t guests_name_work(struct registry *registry)
{
	uint64_t now = clock_monotonic_us(), next = 0;
	bool has_tried = false;

	if (!registry->names_pending)
		return 0;
	for (uint32_t i = 0; i < registry->guests_high; i++) {
		struct guest *guest = &registry->guests[i];

		if (!guest->id || !guest->name_next_us)
			continue;
		/* One in a turn: files of runtimes can be long. */
		if (guest->name_next_us <= now && !has_tried) {
			has_tried = true;
			try_name(registry, guest, now);
		}
		if (guest->name_next_us && (!next || guest->name_next_us < next))
			next = guest->name_next_us;
	}
	registry->names_pending = next != 0;
	return next;
}
