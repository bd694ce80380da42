// SPDX-License-Identifier: GPL-2.0-or-later
/* The event loop: what wakes the daemon, in which order, and what it does then. */
#include "parts.h"
#include "pins.h"
#include "ports.h"

#include "guests/registry.h"
#include "kernel/kvm_events.h"
#include "kernel/links.h"
#include "kernel/listeners.h"
#include "kernel/process_events.h"
#include "policy/config.h"
#include "policy/exceptions.h"
#include "util/array.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/text.h"

#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>

#define CATCH_UP_ROUNDS 64    /* of 1,024 process events each, before one batch is judged */
#define TIMER_ACCURACY	10000 /* microseconds */
#define WRITE_AGAIN_US	1000000

/* What could not be written to the kernel is tried again with the next change, or in a second. */
static void tell_unwritten(struct daemon *daemon, const char *what, int result)
{
	daemon->table_again_us = clock_monotonic_us() + WRITE_AGAIN_US;
	log_error("%s could not be written to the kernel: %s", what, strerror(-result));
}

/* What the guard asks of us. */

static void handle_process(void *data, const struct process_event *event)
{
	struct daemon *daemon = data;

	registry_process_event(daemon->guard.registry, event);
}

static void handle_kvm(void *data, pid_t thread)
{
	struct daemon *daemon = data;

	registry_kvm_made(daemon->guard.registry, thread);
}

static void read_kvm_events(struct daemon *daemon)
{
	int result = 1;

	while (daemon->kvm_events && result > 0)
		result = kvm_events_read(daemon->kvm_events, handle_kvm, daemon);
	if (result == -ENOBUFS) /* of all devices: KVM's may be among them */
		registry_rescan(daemon->guard.registry);
}

static void update_lan(struct daemon *daemon)
{
	uint32_t lan[LAN_INTERFACES_MAX];
	size_t count;
	int result;

	count = registry_lan(daemon->guard.registry,
			     (const char(*)[IF_NAMESIZE])daemon->config->lan,
			     daemon->config->lan_count, lan, LAN_INTERFACES_MAX);
	if (count == daemon->lan_count && !memcmp(lan, daemon->lan, count * sizeof(lan[0])))
		return;
	memcpy(daemon->lan, lan, count * sizeof(lan[0]));
	daemon->lan_count = count;
	result = daemon->ruleset ? ruleset_set_lan(daemon->ruleset, lan, count) : 0;
	if (!result)
		return;
	tell_unwritten(daemon, "the set of LAN interfaces", result);
	daemon->lan_count = SIZE_MAX;
}

/* Tell the kernel what on those may be a VM of this host, when that has changed. */
static void update_bridged(struct daemon *daemon)
{
	static struct ruleset_bridged bridged;
	int result;

	registry_bridged(daemon->guard.registry, &bridged);
	if (!memcmp(&bridged, &daemon->bridged, sizeof(bridged)))
		return;
	daemon->bridged = bridged;
	result = ruleset_set_bridged(daemon->ruleset, &bridged);
	if (!result)
		return;
	tell_unwritten(daemon, "the set of VMs' MAC addresses", result);
	memset(&daemon->bridged, 0xff, sizeof(daemon->bridged));
}

/*
 * Tell the kernel which cgroups are guests'. As long as it does not know, nobody concludes from its
 * silence that a packet is none of theirs.
 */
static void update_cgroups(struct daemon *daemon)
{
	static struct ruleset_cgroup cgroups[RULESET_CGROUPS_MAX];
	size_t count = registry_cgroups(daemon->guard.registry, cgroups, RULESET_CGROUPS_MAX);
	int result = ruleset_set_guest_cgroups(daemon->ruleset, cgroups, count);

	registry_kernel_knows(daemon->guard.registry, ruleset_knows_cgroups(daemon->ruleset));
	if (result)
		tell_unwritten(daemon, "the set of guests' cgroups", result);
}

/*
 * May sandboxed applications do what the host may? Only where no line of the policy that could mean
 * one of them refuses.
 */
static int refuses_sandboxes(void *data, const struct exception *exception)
{
	const struct selector *selector = &exception->source;

	return !exception->allow &&
	       (selector->type != SELECT_KIND || selector->kind == KIND_SANDBOX);
}

void loop_update_sandboxes(struct daemon *daemon)
{
	const struct config *config = daemon->config;
	bool trust = !exceptions_each(daemon->exceptions, refuses_sandboxes, NULL);

	for (size_t i = 0; i < config->default_count; i++) {
		const struct selector *selector = &config->defaults[i].selector;

		if (selector->type != SELECT_KIND || selector->kind == KIND_SANDBOX)
			trust &= config->defaults[i].allow;
	}
	registry_trust_sandboxes(daemon->guard.registry, trust);
}

/* Tell the kernel whether a guest may send from lo's own ports; at once when one may. */
static void update_trust(struct daemon *daemon)
{
	bool trust = !registry_shares_lo(daemon->guard.registry);
	int result;

	if (trust == daemon->trusts_flows)
		return;
	daemon->trusts_flows = trust;
	result = ruleset_trust_flows(daemon->ruleset, trust);
	if (!result)
		return;
	tell_unwritten(daemon, "whether flows are trusted", result);
	daemon->trusts_flows = !trust;
}

void loop_update_table(struct daemon *daemon)
{
	daemon->registry_generation = registry_generation(daemon->guard.registry);
	daemon->table_again_us = 0;
	update_lan(daemon);
	update_bridged(daemon);
	update_cgroups(daemon);
}

/*
 * Before a batch is judged: what the kernel had reported by then. Of interfaces only that they
 * changed; who is behind them is looked up after the verdicts, and until then they are nobody's.
 */
static void catch_up(void *data)
{
	struct daemon *daemon = data;
	bool lost = false;
	int result = 1;

	/* ENOBUFS is told before the events that were still queued: read those first, then look at
	 * all. */
	for (int round = 0; result > 0 && round < CATCH_UP_ROUNDS; round++) {
		result = process_events_read(daemon->process_events, handle_process, daemon);
		if (result == -ENOBUFS) {
			lost = true;
			result = 1;
		}
	}
	if (lost) {
		daemon->processes_lost++;
		registry_rescan(daemon->guard.registry);
	}
	read_kvm_events(daemon);
	links_dispatch(daemon->links);
}

/* Do the look-ups that were put off, and come back when the registry says so. */
void loop_work(struct daemon *daemon)
{
	uint64_t next, waiting = 0;

	if (daemon->links_changed) {
		daemon->links_changed = false;
		registry_links_changed(daemon->guard.registry);
	}
	next = registry_work(daemon->guard.registry);
	update_trust(daemon);

	if (daemon->registry_generation != registry_generation(daemon->guard.registry) ||
	    (daemon->table_again_us && daemon->table_again_us <= clock_monotonic_us()))
		loop_update_table(daemon);
	if (daemon->table_again_us && (!next || daemon->table_again_us < next))
		next = daemon->table_again_us;
	waiting = loop_follow_guests(daemon);
	if (waiting && (!next || waiting < next))
		next = waiting;
	sd_event_source_set_enabled(daemon->work_timer, next ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
	if (next)
		sd_event_source_set_time(daemon->work_timer, next);
	ports_update(daemon->ports);
}

/* What allowed one connection has ended with it. */
static void forget_spent(struct daemon *daemon)
{
	int result = exceptions_forget_spent(daemon->exceptions);

	if (result < 0)
		log_error("an exception for one connection is out of force, but the file cannot be "
			  "written: %s",
			  strerror(-result));
}

static void work(void *data)
{
	struct daemon *daemon = data;

	forget_spent(daemon);
	pins_work(daemon->pins);
	loop_work(daemon);
}

static void find_program(void *data, const struct flow *flow, char *comm, size_t size)
{
	struct daemon *daemon = data;

	listeners_program(daemon->listeners, flow, comm, size);
}

const struct guard_handler loop_guard_handler = {
	.catch_up = catch_up,
	.program = find_program,
	.judged = work,
};

static void note_link(void *data, const struct link *link)
{
	struct daemon *daemon = data;

	daemon->links_changed = true;
}

const struct links_handler loop_links_handler = {
	.changed = note_link,
	.removed = note_link,
};

/* Sources of the event loop. */

static int on_facts(sd_event_source *source, int fd, uint32_t revents, void *data)
{
	catch_up(data);
	loop_work(data);
	return 0;
}

static int on_queue(sd_event_source *source, int fd, uint32_t revents, void *data)
{
	struct daemon *daemon = data;

	for (int i = 0; i < QUEUES; i++) {
		int result;

		if (queue_fd(daemon->queues[i]) != fd)
			continue;
		daemon->guard.guests_queue = i == GUESTS;
		result = queue_dispatch(daemon->queues[i], &guard_queue_handler, &daemon->guard);
		if (result < 0) {
			log_error("the queue of new connections broke: %s", strerror(-result));
			return sd_event_exit(daemon->loop, result);
		}
	}
	return 0;
}

static int on_table(sd_event_source *source, int fd, uint32_t revents, void *data)
{
	struct daemon *daemon = data;
	struct error error = {0};
	int result = ruleset_dispatch(daemon->ruleset);

	if (result <= 0)
		return 0;
	if (daemon_install_table(daemon, daemon->config, &error)) {
		log_error("somebody changed our table, and it cannot be put back: %s", error.text);
		return 0;
	}
	daemon->table_restored++;
	control_status_changed(daemon->control);
	log_warning(
		"somebody changed or removed the table inet " RULESET_TABLE
		"; it is back (%llu times by now). To stop the guard use `systemctl stop lhguardd`",
		(unsigned long long)daemon->table_restored);
	return 0;
}

static int on_work(sd_event_source *source, uint64_t now, void *data)
{
	loop_work(data);
	return 0;
}

void loop_arm_expiry(struct daemon *daemon)
{
	uint64_t next = 0;
	int result = exceptions_expire(daemon->exceptions, clock_realtime_us(), &next);

	if (result < 0)
		log_error("expired exceptions are out of force, but the file cannot be written: %s",
			  strerror(-result));
	sd_event_source_set_enabled(daemon->expiry_timer, next ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
	if (next)
		sd_event_source_set_time(daemon->expiry_timer, next);
}

static int on_expiry(sd_event_source *source, uint64_t now, void *data)
{
	loop_arm_expiry(data);
	loop_update_sandboxes(data);
	return 0;
}

void loop_read_resolvers(struct daemon *daemon)
{
	int result = resolvers_read(daemon->config->resolv_conf, &daemon->resolvers);

	if (result && result != -ENOENT)
		log_warning("%s cannot be read, user-network guests may not resolve names: %s",
			    daemon->config->resolv_conf, strerror(-result));
}

static int on_resolv_conf(sd_event_source *source, const struct inotify_event *event, void *data)
{
	struct daemon *daemon = data;
	const char *slash = strrchr(daemon->config->resolv_conf, '/');

	if (event->len && slash && !strcmp(event->name, slash + 1))
		loop_read_resolvers(daemon);
	return 0;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
	struct daemon *daemon = data;
	struct error error = {0};

	if (info->ssi_signo != SIGHUP)
		return sd_event_exit(daemon->loop, 0);
	if (daemon_reload(daemon, &error))
		log_error("not all could be read again, of the rest the old stays in force: %s",
			  error.text);
	return 0;
}

static int add_io(struct daemon *daemon, int fd, sd_event_io_handler_t handler, int64_t priority)
{
	sd_event_source *source = NULL;
	int result = sd_event_add_io(daemon->loop, &source, fd, EPOLLIN, handler, daemon);

	if (result < 0)
		return result;
	sd_event_source_set_priority(source, priority);
	sd_event_source_set_floating(source, true);
	sd_event_source_unref(source);
	return 0;
}

int loop_add_sources(struct daemon *daemon)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
	char folder[sizeof(daemon->config->resolv_conf)];
	sigset_t blocked;
	int result = 0;

	sigemptyset(&blocked);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&blocked, signals[i]);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	for (size_t i = 0; result >= 0 && i < ARRAY_SIZE(signals); i++)
		result = sd_event_add_signal(daemon->loop, NULL, signals[i], on_signal, daemon);

	if (result >= 0)
		result = add_io(daemon, process_events_fd(daemon->process_events), on_facts,
				PRIORITY_FACTS);
	if (result >= 0 && daemon->kvm_events)
		result =
			add_io(daemon, kvm_events_fd(daemon->kvm_events), on_facts, PRIORITY_FACTS);
	if (result >= 0)
		result = add_io(daemon, links_fd(daemon->links), on_facts, PRIORITY_FACTS);
	if (result >= 0)
		result = add_io(daemon, ruleset_fd(daemon->ruleset), on_table, PRIORITY_TABLE);
	for (int i = 0; result >= 0 && i < QUEUES; i++)
		result = add_io(daemon, queue_fd(daemon->queues[i]), on_queue, PRIORITY_QUEUES);
	if (result >= 0)
		result = sd_event_add_time(daemon->loop, &daemon->work_timer, CLOCK_MONOTONIC, 0,
					   TIMER_ACCURACY, on_work, daemon);
	if (result >= 0)
		result = sd_event_add_time(daemon->loop, &daemon->expiry_timer, CLOCK_REALTIME, 0,
					   TIMER_ACCURACY, on_expiry, daemon);
	if (result >= 0)
		result = mode_add_source(daemon);
	if (result >= 0)
		result = connections_add_source(daemon);
	if (result < 0)
		return result;

	text_copy(folder, sizeof(folder), daemon->config->resolv_conf);
	if (sd_event_add_inotify(daemon->loop, NULL, dirname(folder),
				 IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE, on_resolv_conf,
				 daemon) < 0)
		log_info("%s is not watched: changes count after a reload",
			 daemon->config->resolv_conf);
	return sd_event_set_watchdog(daemon->loop, true);
}
