// SPDX-License-Identifier: GPL-2.0-or-later
/* The desktop agent: what the daemon tells, shown; what the person clicks, asked for. */
#include "agent.h"

#include "wording.h"

#include "../output.h"

#include "util/clock.h"
#include "util/hash.h"
#include "util/text.h"

#include <time.h>

#define LONGEST_SLEEP_S (15 * 60) /* the clock of timers stops while the machine sleeps */

uint64_t agent_now(void)
{
	return clock_us(CLOCK_BOOTTIME);
}

/* @second: receives the second of the minute; may be NULL */
static unsigned int minute_of_day(unsigned int *second)
{
	time_t now = time(NULL);
	struct tm parts;

	tzset(); /* whoever travels takes the quiet hours along */
	localtime_r(&now, &parts);
	if (second)
		*second = (unsigned int)parts.tm_sec;
	return (unsigned int)(parts.tm_hour * 60 + parts.tm_min);
}

static uint64_t quiet_left_us(const struct settings *settings)
{
	unsigned int second, minutes = settings_quiet_left(settings, minute_of_day(&second));

	return (minutes * UINT64_C(60) - MIN(second, 59)) * 1000000;
}

const char *agent_title(const struct agent *agent, const json_t *event, bool *sensitive)
{
	return known_title(agent->known, json_object_get(event, "service"), sensitive);
}

/* What is told of the guard itself is shown beside the alerts, and takes their places. */
static unsigned int room_of(const struct agent *agent)
{
	unsigned int room = display_habits(agent->display)->room;

	return room - MIN(room, notices_standing(&agent->notices));
}

/* What has come of the time that has passed. */
static void check_time(struct agent *agent)
{
	agent->is_quiet = agent->settings.has_quiet &&
			  settings_are_quiet(&agent->settings, minute_of_day(NULL));
	alerts_set_quiet(agent->alerts, agent->is_quiet, agent_now());
	if (agent->settings.guard)
		conditions_check(&agent->conditions, agent_now(), &agent->notices);
	alerts_set_room(agent->alerts, room_of(agent));
	alerts_set_moving(agent->alerts, display_habits(agent->display)->loses_buttons,
			  agent->notices.of[NOTICE_DETAILS].is_live);
	alerts_set_server(agent->alerts, display_is_usable(agent->display), agent_now());
}

/* @since_us: as agent_now() */
static const char *clock_time(uint64_t since_us)
{
	return local_time_at(time(NULL) - (time_t)((agent_now() - since_us) / 1000000));
}

struct binding binding_of(const struct alert *alert)
{
	struct binding binding = {
		.incarnation = alert->incarnation,
		.id = number_of(alert->event, "id"),
	};

	text_copy(binding.time, sizeof(binding.time), text_of(alert->event, "time"));
	return binding;
}

/* What it is called, and how urgent it is; never 0. */
static uint64_t naming_of(const struct agent *agent, const json_t *event, bool *sensitive)
{
	const char *title = agent_title(agent, event, sensitive);

	return hash_add_text(hash_add(HASH_START, *sensitive), title ? title : "") | 1;
}

static void show_alert(struct agent *agent, unsigned int slot, enum display_how how)
{
	struct binding binding;
	struct message message;
	struct alert alert;
	bool sensitive;

	if (!alerts_get(agent->alerts, slot, agent_now(), &alert))
		return;
	word_alert(&message, &alert,
		   &(struct wording){
			   .title = agent_title(agent, alert.event, &sensitive),
			   .since = clock_time(alert.since_us),
			   .has_actions =
				   agent->settings.actions && display_has_actions(agent->display),
			   .hides_buttons = display_habits(agent->display)->hides_buttons,
			   .is_cut = display_habits(agent->display)->lines != 0,
			   .summary_room = display_habits(agent->display)->summary,
		   });
	message.timeout_ms = agent->settings.timeout_ms;
	agent->naming[slot] = naming_of(agent, alert.event, &sensitive);
	binding = binding_of(&alert);
	display_show(agent->display, slot, how, &message, &binding);
}

static void show_summary(struct agent *agent)
{
	struct alerts_summary summary;
	struct message message;
	bool sensitive;

	alerts_get_summary(agent->alerts, &summary);
	word_summary(&message, &summary, agent_title(agent, summary.sensitive, &sensitive));
	message.timeout_ms = agent->settings.timeout_ms;
	display_show(agent->display, SLOT_SUMMARY,
		     agent->next.is_update ? DISPLAY_UPDATE : DISPLAY_NEW, &message, NULL);
}

/* Return: whether the display has something to do now. */
static bool show_next(struct agent *agent)
{
	struct notice *notice = notices_take(&agent->notices, agent->is_quiet);

	agent->showing = false;
	if (notice && notice->is_live)
		display_show(agent->display, notice->slot, DISPLAY_REPLACE, &notice->message,
			     &notice->binding);
	else if (notice)
		display_close(agent->display, notice->slot);
	if (notice)
		return true;
	if (!alerts_take(agent->alerts, agent_now(), &agent->next))
		return false;
	agent->showing = true;
	switch (agent->next.what) {
	case ALERTS_SHOW:
		show_alert(agent, agent->next.slot, DISPLAY_REPLACE);
		break;
	case ALERTS_UPDATE:
		show_alert(agent, agent->next.slot, DISPLAY_UPDATE);
		break;
	case ALERTS_CLOSE:
		display_close(agent->display, agent->next.slot);
		break;
	case ALERTS_SUMMARY:
		show_summary(agent);
		break;
	case ALERTS_SUMMARY_CLOSE:
		display_close(agent->display, SLOT_SUMMARY);
		break;
	}
	return true;
}

static gboolean on_timer(gpointer data)
{
	struct agent *agent = data;

	agent->timer = 0;
	agent_wake(agent);
	return G_SOURCE_REMOVE;
}

/* While the display is busy it is the display that wakes us for what is due. */
static void set_timer(struct agent *agent, uint64_t due_us)
{
	uint64_t now = agent_now(), wait_ms;

	if (agent->settings.guard)
		due_us = MIN(due_us, conditions_due(&agent->conditions));
	if (agent->is_quiet)
		due_us = MIN(due_us, now + quiet_left_us(&agent->settings));
	if (agent->timer)
		g_source_remove(agent->timer);
	agent->timer = 0;
	if (due_us == ALERTS_NEVER)
		return;
	wait_ms = due_us > now ? (due_us - now + 999) / 1000 : 1;
	agent->timer = g_timeout_add((guint)MIN(wait_ms, LONGEST_SLEEP_S * 1000), on_timer, agent);
}

static gboolean on_pump(gpointer data)
{
	struct agent *agent = data;
	uint64_t due;

	agent->pump = 0;
	check_time(agent);
	due = alerts_due(agent->alerts, agent_now());
	if (due <= agent_now() || notices_wait(&agent->notices, agent->is_quiet)) {
		due = ALERTS_NEVER;
		if (display_is_ready(agent->display) && !show_next(agent))
			due = alerts_due(agent->alerts, agent_now());
	}
	set_timer(agent, due);
	return G_SOURCE_REMOVE;
}

void agent_wake(struct agent *agent)
{
	if (!agent->pump)
		agent->pump = g_idle_add_full(G_PRIORITY_DEFAULT, on_pump, agent, NULL);
}

/* What the daemon tells. */

static void on_state(void *data, enum link_state state)
{
	struct agent *agent = data;

	if (state == LINK_UP) {
		alerts_new_daemon(agent->alerts);
		/* It may have other names for them: better none, until it has told. */
		known_free(agent->known);
		agent->known = NULL;
	}
	conditions_link(&agent->conditions, state, agent_now(), &agent->notices);
	agent_wake(agent);
}

static void on_event(void *data, const json_t *event)
{
	const char *label = text_of(json_object_get(event, "source"), "label");
	struct agent *agent = data;
	char service[ALERT_SERVICE];
	bool sensitive;

	if (!settings_want(&agent->settings, event))
		return;
	alert_service(service, event);
	if (mutes_have(agent->mutes, label, service))
		return;
	agent_title(agent, event, &sensitive);
	alerts_event(agent->alerts, event, sensitive, agent_now());
	agent_wake(agent);
}

static void on_lost(void *data, json_int_t count)
{
	struct agent *agent = data;

	alerts_lost(agent->alerts, (uint64_t)count, agent_now());
	agent_wake(agent);
}

static void on_status(void *data, const json_t *status)
{
	struct agent *agent = data;

	if (agent->settings.guard)
		conditions_status(&agent->conditions, status, &agent->notices);
	agent_wake(agent);
}

static void on_services(void *data, const json_t *list)
{
	struct agent *agent = data;

	known_free(agent->known);
	agent->known = known_new(list);
	for (unsigned int slot = 0; slot < ALERTS_MAX; slot++) {
		struct alert alert;
		bool sensitive;
		uint64_t naming;

		if (!alerts_get(agent->alerts, slot, agent_now(), &alert))
			continue;
		naming = naming_of(agent, alert.event, &sensitive);
		alerts_named(agent->alerts, slot, sensitive, naming != agent->naming[slot]);
	}
	agent_wake(agent);
}

/* What the display tells. */

static void on_ready(void *data)
{
	agent_wake(data);
}

static void on_done(void *data, unsigned int slot, bool is_shown)
{
	struct agent *agent = data;

	if (!is_shown && agent->showing)
		alerts_failed(agent->alerts, &agent->next, agent_now());
	else if (!is_shown)
		notices_failed(&agent->notices, slot);
	agent->showing = false;
}

static void on_closed(void *data, unsigned int slot)
{
	struct agent *agent = data;

	if (slot < ALERTS_MAX)
		alerts_closed(agent->alerts, slot, agent_now());
	else if (slot == SLOT_SUMMARY)
		alerts_summary_closed(agent->alerts, agent_now());
	notices_closed(&agent->notices, slot);
	agent_wake(agent);
}

static void on_late(void *data)
{
	struct agent *agent = data;

	alerts_set_server(agent->alerts, false, agent_now());
	alerts_set_server(agent->alerts, true, agent_now());
}

static void on_renewed(void *data)
{
	struct agent *agent = data;

	alerts_new_server(agent->alerts, agent_now());
	notices_renewed(&agent->notices);
}

struct agent *agent_new(GDBusConnection *bus, const char *socket, const char *config,
			const char *folder)
{
	static const struct link_handler of_link = {on_state, on_event, on_lost, on_status,
						    on_services};
	static const struct display_handler of_display = {on_ready,    on_done, on_closed,
							  clicks_take, on_late, on_renewed};
	struct agent *agent = g_new0(struct agent, 1);

	agent->bus = g_object_ref(bus);
	agent->socket = socket;
	agent->config = config;
	agent->alerts = alerts_new();
	agent->mutes = mutes_new(folder);
	for (unsigned int i = 0; i < NOTICE_COUNT; i++)
		agent->notices.of[i].slot = SLOT_NOTICES + i;
	files_watch(agent, folder);
	agent->viewer = viewer_new(bus, details_told, agent);
	agent->display = display_new(bus, &of_display, agent);
	agent->link = link_new(socket, &of_link, agent);
	return agent;
}

void agent_free(struct agent *agent)
{
	clicks_close(agent);
	details_close(agent);
	link_free(agent->link);
	display_free(agent->display);
	files_unwatch(agent);
	known_free(agent->known);
	mutes_free(agent->mutes);
	alerts_free(agent->alerts);
	viewer_free(agent->viewer);
	g_free(agent->details_text);
	g_object_unref(agent->bus);
}
