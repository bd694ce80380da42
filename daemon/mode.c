// SPDX-License-Identifier: GPL-2.0-or-later
/* The mode in force: the configuration's, or one that somebody set over it, for a while or not. */
#include "parts.h"

#include "policy/config.h"
#include "policy/duration.h"
#include "util/clock.h"
#include "util/log.h"

#define TIMER_ACCURACY 10000   /* microseconds */
#define RETRY_US       1000000 /* before the next try of what failed */

enum guard_mode mode_in_force(const struct daemon *daemon, const struct config *config)
{
	return daemon->override.is_set ? daemon->override.mode : config->mode;
}

void mode_use(struct daemon *daemon, const struct config *config)
{
	bool enforce = mode_in_force(daemon, config) == MODE_ENFORCE;

	if (!daemon->mode_since_us)
		daemon->mode_since_us = daemon->since_us;
	else if (enforce != daemon->guard.enforce)
		daemon->mode_since_us = clock_realtime_us();
	daemon->guard.enforce = enforce;
}

/* Verdicts, and what the table does while nobody gives any. */
static int apply(struct daemon *daemon, struct error *error)
{
	int result = daemon_install_table(daemon, daemon->config, error);

	if (!result)
		mode_use(daemon, daemon->config);
	return result;
}

static void arm(struct daemon *daemon)
{
	uint64_t ends_us = daemon->override.is_set ? daemon->override.ends_us : 0;

	sd_event_source_set_enabled(daemon->mode_timer, ends_us ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
	if (ends_us)
		sd_event_source_set_time(daemon->mode_timer, ends_us);
}

static void tell(const struct daemon *daemon, const struct mode_change *change)
{
	const char *configured = mode_text(daemon->config->mode);
	char duration[32];

	if (!daemon->override.is_set)
		log_notice("%s mode, as the configuration says, by user %u", configured,
			   (unsigned int)change->creator);
	else if (change->seconds)
		log_notice("%s mode for %s, set by user %u; then %s, as the configuration says",
			   mode_text(change->mode),
			   duration_format(duration, sizeof(duration), change->seconds),
			   (unsigned int)change->creator, configured);
	else
		log_notice("%s mode until lhguardd ends, set by user %u; the configuration says %s",
			   mode_text(change->mode), (unsigned int)change->creator, configured);
}

/* What the configuration says needs nobody to hold it, unless it is for a time. */
int mode_set(void *data, const struct mode_change *change, struct error *error)
{
	struct daemon *daemon = data;
	struct mode_override earlier = daemon->override;
	int result;

	daemon->override = (struct mode_override){
		.is_set = change->seconds || change->mode != daemon->config->mode,
		.mode = change->mode,
		.creator = change->creator,
		.created_us = clock_realtime_us(),
		.ends_us =
			change->seconds ? clock_us(CLOCK_BOOTTIME) + change->seconds * 1000000u : 0,
	};
	result = apply(daemon, error);
	if (result) {
		daemon->override = earlier;
		return result;
	}
	arm(daemon);
	tell(daemon, change);
	control_status_changed(daemon->control);
	return 0;
}

/* The verdicts change at once; the table, should it not be written now, as soon as it can be. */
static int on_mode_end(sd_event_source *source, uint64_t now, void *data)
{
	struct daemon *daemon = data;
	struct error error = {.text = ""};

	if (daemon->override.is_set) {
		log_notice("the time of %s mode is over: %s mode, as the configuration says",
			   mode_text(daemon->override.mode), mode_text(daemon->config->mode));
		daemon->override.is_set = false;
		mode_use(daemon, daemon->config);
		control_status_changed(daemon->control);
	}
	if (apply(daemon, &error)) {
		log_error("what the table does while no lhguardd runs stays as it was for now: %s",
			  error.text);
		sd_event_source_set_time(source, clock_us(CLOCK_BOOTTIME) + RETRY_US);
		sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
	}
	return 0;
}

/* When it ends by the clock on the wall, as that goes now. */
static uint64_t expires_us(const struct mode_override *override)
{
	uint64_t now_us = clock_us(CLOCK_BOOTTIME);

	if (!override->ends_us)
		return 0;
	return clock_realtime_us() + (override->ends_us > now_us ? override->ends_us - now_us : 0);
}

void mode_fill_status(const struct daemon *daemon, struct status *status)
{
	const struct mode_override *override = &daemon->override;

	status->mode = mode_text(mode_in_force(daemon, daemon->config));
	status->configured_mode = mode_text(daemon->config->mode);
	status->mode_since_us = daemon->mode_since_us;
	status->is_mode_set = override->is_set;
	status->mode_creator = override->creator;
	status->mode_created_us = override->created_us;
	status->mode_expires_us = expires_us(override);
}

int mode_add_source(struct daemon *daemon)
{
	int result = sd_event_add_time(daemon->loop, &daemon->mode_timer, CLOCK_BOOTTIME, 0,
				       TIMER_ACCURACY, on_mode_end, daemon);

	if (result >= 0)
		result = sd_event_source_set_enabled(daemon->mode_timer, SD_EVENT_OFF);
	if (result >= 0)
		result = sd_event_source_set_priority(daemon->mode_timer, PRIORITY_MODE);
	return result;
}
