// SPDX-License-Identifier: GPL-2.0-or-later
/* Exceptions that end with their guest: bound to it after a start, forgotten when it has stopped. */
#include "parts.h"

#include "guests/meant.h"
#include "guests/registry.h"
#include "policy/exceptions.h"
#include "util/clock.h"
#include "util/log.h"

#include <string.h>

/*
 * After a start guests are found by and by: whom a conduit serves shows when its tap is there, who
 * is behind a veth takes a scan of /proc. For so long their exceptions wait, and match nothing.
 */
#define SETTLE_US 10000000u

#define RETRY_US 1000000u /* before the next try of what failed */

/*
 * Whose exception is this? One that comes from the file is about a guest that ran when it was made.
 * A container that was stopped and started meanwhile, or a process number of before a reboot, bears
 * the same key, but is younger than the exception.
 */
static uint32_t find_guest(void *data, const struct exception *exception)
{
	struct daemon *daemon = data;
	struct registry *registry = daemon->guard.registry;
	const struct guest *guest;

	if (exception->guest)
		return registry_find_id(registry, exception->guest) ? exception->guest : 0;
	guest = registry_find_key(registry, exception->guest_key);
	if (!guest || registry_started_us(registry, guest) > exception->created_us)
		return 0;
	return guest->id;
}

/* Which guests there are changes with the registry's generation only. */
static bool is_news(const struct daemon *daemon, bool settled)
{
	return !daemon->guests_followed ||
	       daemon->followed_generation != registry_generation(daemon->guard.registry) ||
	       (settled && daemon->exceptions_waiting);
}

uint64_t loop_follow_guests(struct daemon *daemon)
{
	const struct guest_finder finder = {
		.find = find_guest,
		.data = daemon,
		.settled = clock_monotonic_us() >= daemon->guests_settled_us,
	};
	int result = 0;

	if (is_news(daemon, finder.settled))
		result = exceptions_follow_guests(daemon->exceptions, &finder,
						  &daemon->exceptions_waiting);
	if (result < 0) {
		daemon->guests_followed = false;
		log_error("exceptions that end with their guests cannot be followed, or not "
			  "written: %s",
			  strerror(-result));
		return clock_monotonic_us() + RETRY_US;
	}
	daemon->guests_followed = true;
	daemon->followed_generation = registry_generation(daemon->guard.registry);
	if (result > 0) {
		log_info("%d exceptions ended with their guests", result);
		loop_update_sandboxes(daemon);
	}
	return daemon->exceptions_waiting && !finder.settled ? daemon->guests_settled_us : 0;
}

/* What a file has is in force, whatever it is about. */
static int warn_of_source(void *data, const struct exception *exception)
{
	const struct daemon *daemon = data;
	const struct selector *source = &exception->source;
	struct error reason;

	if (source->type != SELECT_RUNTIME ||
	    !meant_check(daemon->catalogue, source->word, source->name, &reason))
		return 0;
	if (exception->file[0])
		log_warning("%s:%u: it is about nobody: %s", exception->file, exception->line,
			    reason.text);
	else
		log_warning("exception %u is about nobody: %s", exception->id, reason.text);
	return 0;
}

void loop_await_guests(struct daemon *daemon)
{
	exceptions_each(daemon->exceptions, warn_of_source, daemon);
	daemon->guests_settled_us = clock_monotonic_us() + SETTLE_US;
	daemon->guests_followed = false;
}
