// SPDX-License-Identifier: GPL-2.0-or-later
/* The daemon around the guard: everything that it is made of, and the event loop that drives it. */
#include "daemon.h"

#include "control/control.h"
#include "control/events.h"
#include "control/journal.h"
#include "guard.h"
#include "guests/catalogue.h"
#include "guests/registry.h"
#include "kernel/cgroups.h"
#include "kernel/links.h"
#include "kernel/listeners.h"
#include "kernel/process_events.h"
#include "kernel/processes.h"
#include "kernel/ruleset.h"
#include "kernel/sockets.h"
#include "policy/config.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/text.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <time.h>

#define CATCH_UP_ROUNDS 8   /* of 1,024 process events each, before one batch is judged */
#define LAN_MAX		256 /* interfaces that lead to the LAN */
#define TIMER_ACCURACY	10000 /* microseconds */

/* Lower goes first: who is who, then the packets, then whoever wants to talk to us. */
enum {
	PRIORITY_FACTS = SD_EVENT_PRIORITY_NORMAL - 30,
	PRIORITY_TABLE = SD_EVENT_PRIORITY_NORMAL - 20,
	PRIORITY_QUEUES = SD_EVENT_PRIORITY_NORMAL - 10,
};

enum { LOOPBACK, GUESTS, QUEUES };

struct daemon {
	struct daemon_settings settings;
	struct guard guard;
	struct config *config;
	struct exceptions *exceptions;
	struct resolvers resolvers;
	int proc;
	int cgroup;
	struct process_events *process_events;
	struct links *links;
	bool links_changed;
	struct sockets *sockets;
	struct listeners *listeners;
	struct queue *queues[QUEUES];
	struct ruleset *ruleset;
	uint32_t lan[LAN_MAX];
	size_t lan_count;
	struct journal *journal;
	struct control *control;
	sd_event *loop;
	sd_event_source *work_timer;
	sd_event_source *expiry_timer;
	uint64_t since_us;
	uint64_t table_restored;
	uint64_t processes_lost;
	struct error config_failure;
};

static uint64_t realtime_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

/* What the guard asks of us. */

static void handle_process(void *data, const struct process_event *event)
{
	struct daemon *daemon = data;

	registry_process_event(daemon->guard.registry, event);
}

static void update_lan(struct daemon *daemon)
{
	uint32_t lan[LAN_MAX];
	size_t count;

	count = registry_lan(daemon->guard.registry,
			     (const char (*)[IF_NAMESIZE])daemon->config->lan,
			     daemon->config->lan_count, lan, LAN_MAX);
	if (count == daemon->lan_count && !memcmp(lan, daemon->lan, count * sizeof(lan[0])))
		return;
	memcpy(daemon->lan, lan, count * sizeof(lan[0]));
	daemon->lan_count = count;
	if (daemon->ruleset && ruleset_set_lan(daemon->ruleset, lan, count))
		log_error("the set of LAN interfaces could not be written to the kernel: %m");
}

static void catch_up(void *data)
{
	struct daemon *daemon = data;
	int result = 1;

	for (int round = 0; result > 0 && round < CATCH_UP_ROUNDS; round++)
		result = process_events_read(daemon->process_events, handle_process, daemon);
	if (result == -ENOBUFS) {
		daemon->processes_lost++;
		registry_rescan(daemon->guard.registry);
	}
	links_dispatch(daemon->links);
	if (daemon->links_changed) {
		daemon->links_changed = false;
		registry_links_changed(daemon->guard.registry);
		update_lan(daemon);
	}
}

/* Do the look-ups that were put off, and come back when the registry says so. */
static void do_work(void *data)
{
	struct daemon *daemon = data;
	uint64_t next = registry_work(daemon->guard.registry);

	update_lan(daemon);
	sd_event_source_set_enabled(daemon->work_timer, next ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
	if (next)
		sd_event_source_set_time(daemon->work_timer, next);
}

static void find_program(void *data, const struct flow *flow, char *comm, size_t size)
{
	struct daemon *daemon = data;

	listeners_program(daemon->listeners, flow, comm, size);
}

static const struct guard_handler guard_handler = {
	.catch_up = catch_up,
	.program = find_program,
	.judged = do_work,
};

static void note_link(void *data, const struct link *link)
{
	struct daemon *daemon = data;

	daemon->links_changed = true;
}

static const struct links_handler links_handler = {
	.changed = note_link,
	.removed = note_link,
};

/* Sources of the event loop. */

static int on_facts(sd_event_source *source, int fd, uint32_t revents, void *data)
{
	catch_up(data);
	do_work(data);
	return 0;
}

static int on_queue(sd_event_source *source, int fd, uint32_t revents, void *data)
{
	struct daemon *daemon = data;

	for (int i = 0; i < QUEUES; i++) {
		int result;

		if (queue_fd(daemon->queues[i]) != fd)
			continue;
		result = queue_dispatch(daemon->queues[i], &guard_queue_handler, &daemon->guard);
		if (result < 0) {
			log_error("the queue of new connections broke: %s", strerror(-result));
			return sd_event_exit(daemon->loop, result);
		}
	}
	return 0;
}

static void table_settings(const struct config *config, struct ruleset_settings *settings)
{
	*settings = (struct ruleset_settings){
		.loopback_queue = config->loopback.settings.number,
		.guests_queue = config->guests.settings.number,
		.loopback_bypass = config->loopback.down_accept,
		.guests_bypass = config->guests.down_accept,
		.neighbour_discovery = config->neighbour_discovery,
	};
}

static int on_table(sd_event_source *source, int fd, uint32_t revents, void *data)
{
	struct daemon *daemon = data;
	struct ruleset_settings settings;
	struct error error = {0};
	int result = ruleset_dispatch(daemon->ruleset);

	if (result <= 0)
		return 0;
	table_settings(daemon->config, &settings);
	if (ruleset_install(daemon->ruleset, &settings, &error)) {
		log_error("somebody changed our table, and it cannot be put back: %s", error.text);
		return 0;
	}
	daemon->table_restored++;
	log_warning("somebody changed or removed the table inet " RULESET_TABLE
		    "; it is back (%llu times by now). To stop the guard use `systemctl stop lhguardd`",
		    (unsigned long long)daemon->table_restored);
	return 0;
}

static int on_work(sd_event_source *source, uint64_t now, void *data)
{
	do_work(data);
	return 0;
}

static void arm_expiry(struct daemon *daemon)
{
	uint64_t next = 0;
	int result = exceptions_expire(daemon->exceptions, realtime_us(), &next);

	if (result < 0)
		log_error("expired exceptions are out of force, but the file cannot be written: %s",
			  strerror(-result));
	sd_event_source_set_enabled(daemon->expiry_timer, next ? SD_EVENT_ONESHOT : SD_EVENT_OFF);
	if (next)
		sd_event_source_set_time(daemon->expiry_timer, next);
}

static int on_expiry(sd_event_source *source, uint64_t now, void *data)
{
	arm_expiry(data);
	return 0;
}

static void read_resolvers(struct daemon *daemon)
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
		read_resolvers(daemon);
	return 0;
}

static int daemon_reload(struct daemon *daemon, struct error *error);

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *data)
{
	struct daemon *daemon = data;
	struct error error = {0};

	if (info->ssi_signo != SIGHUP)
		return sd_event_exit(daemon->loop, 0);
	if (daemon_reload(daemon, &error))
		log_error("not reloaded, the policy stays as it was: %s", error.text);
	return 0;
}

/* What the control socket asks of us. */

static void fill_status(void *data, struct status *status)
{
	static const char *const names[QUEUES] = {"loopback", "guests"};
	struct daemon *daemon = data;
	const struct config *config = daemon->config;
	struct events_totals totals;

	events_totals(daemon->guard.events, &totals);
	*status = (struct status){
		.version = VERSION,
		.mode = config->mode == MODE_ENFORCE ? "enforce" : "monitor",
		.refusal = verdict_text(config->refusal),
		.since_us = daemon->since_us,
		.netns = daemon->settings.netns ? daemon->settings.netns : "",
		.expression = ruleset_expression(daemon->ruleset) == RULESET_NATIVE ? "native"
										     : "compat",
		.config_path = daemon->settings.config,
		.config_failure = daemon->config_failure.text[0] ? daemon->config_failure.text
								  : NULL,
		.exceptions_failure = exceptions_failure(daemon->exceptions),
		.exceptions = exceptions_count(daemon->exceptions),
		.guests = registry_count(daemon->guard.registry),
		.attempts = totals.attempts,
		.refused = totals.refused,
		.vanished = daemon->guard.vanished,
		.table_restored = daemon->table_restored,
		.processes_lost = daemon->processes_lost,
		.journal_lost = journal_lost(daemon->journal),
	};
	for (int i = 0; i < QUEUES; i++) {
		const struct config_queue *queue = i == LOOPBACK ? &config->loopback
								 : &config->guests;

		status->queues[i].name = names[i];
		status->queues[i].settings = queue->settings;
		status->queues[i].down_accept = queue->down_accept;
		queue_counters(daemon->queues[i], &status->queues[i].counters);
	}
}

static int add_exception(void *data, const struct exception *exception, uint32_t *id,
			 struct error *error)
{
	struct daemon *daemon = data;
	int result = exceptions_add(daemon->exceptions, exception, id, error);

	if (!result)
		arm_expiry(daemon);
	return result;
}

static int remove_exceptions(void *data, const uint32_t *ids, size_t count, struct error *error)
{
	struct daemon *daemon = data;

	return exceptions_remove(daemon->exceptions, ids, count, error);
}

static int reload(void *data, struct error *error)
{
	return daemon_reload(data, error);
}

static bool peer_guest(void *data, pid_t pid, char *label, size_t size)
{
	struct daemon *daemon = data;

	return registry_peer_guest(daemon->guard.registry, pid, label, size);
}

static const struct control_handler control_handler = {
	.status = fill_status,
	.add = add_exception,
	.remove = remove_exceptions,
	.reload = reload,
	.peer_guest = peer_guest,
};

/* Configuration. */

static int load_config(const struct daemon_settings *settings, struct config **config,
		       struct error *error)
{
	int result = config_load(settings->config, catalogue_knows_runtime, config, error);

	if (result == -ENOENT && !settings->config_given) {
		log_info("%s does not exist: built-in defaults", settings->config);
		*config = config_new_default();
		return *config ? 0 : error_set(error, -ENOMEM, "out of memory");
	}
	return result;
}

static bool same_queue(const struct config_queue *a, const struct config_queue *b)
{
	return a->settings.number == b->settings.number &&
	       a->settings.length == b->settings.length &&
	       a->settings.overflow_accept == b->settings.overflow_accept;
}

static void use_config(struct daemon *daemon, struct config *config)
{
	config_free(daemon->config);
	daemon->config = config;
	daemon->guard.policy.config = config;
	daemon->guard.enforce = config->mode == MODE_ENFORCE;
	read_resolvers(daemon);
}

static int daemon_reload(struct daemon *daemon, struct error *error)
{
	struct ruleset_settings settings;
	struct config *config = NULL;
	struct timespec now;
	int result;

	clock_gettime(CLOCK_MONOTONIC, &now);
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
		   (unsigned long long)now.tv_sec * 1000000u + (unsigned long)now.tv_nsec / 1000u);
	result = load_config(&daemon->settings, &config, error);
	if (!result && (!same_queue(&config->loopback, &daemon->config->loopback) ||
			!same_queue(&config->guests, &daemon->config->guests)))
		result = error_set(error, -EBUSY,
				   "%s: a queue's number, length or overflow changes only at a restart",
				   daemon->settings.config);
	if (!result) {
		table_settings(config, &settings);
		result = ruleset_install(daemon->ruleset, &settings, error);
	}
	if (result) {
		config_free(config);
		daemon->config_failure = *error;
	} else {
		use_config(daemon, config);
		update_lan(daemon);
		daemon->config_failure.text[0] = '\0';
		log_notice("%s read again", daemon->settings.config);
	}
	exceptions_reload(daemon->exceptions, realtime_us());
	if (exceptions_failure(daemon->exceptions))
		log_error("no exception is in force: %s", exceptions_failure(daemon->exceptions));
	arm_expiry(daemon);
	sd_notify(0, "READY=1");
	return result;
}

int daemon_check(const struct daemon_settings *settings, struct error *error)
{
	struct exceptions *exceptions = NULL;
	struct config *config = NULL;
	int result = load_config(settings, &config, error);

	config_free(config);
	if (result)
		return result;
	result = exceptions_open(&exceptions, settings->state, settings->administrator,
				 realtime_us());
	if (!result && exceptions_failure(exceptions))
		result = error_set(error, -EINVAL, "%s", exceptions_failure(exceptions));
	exceptions_close(exceptions);
	return result;
}

/* Start and stop. */

static int enter_netns(const char *path, uint64_t *inode, struct error *error)
{
	_cleanup_close_ int fd = open(path ? path : "/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct stat info;

	if (fd < 0 || fstat(fd, &info))
		return error_set(error, -errno, "%s: %s", path ? path : "/proc/self/ns/net",
				 strerror(errno));
	if (path && setns(fd, CLONE_NEWNET))
		return error_set(error, -errno, "%s: not a network namespace that we may enter: %s",
				 path, strerror(errno));
	*inode = info.st_ino;
	return 0;
}

/* What has to be opened before the namespace is entered, and what after. */
static int open_kernel(struct daemon *daemon, struct error *error)
{
	struct registry_settings registry = {.run_netns = "/run/netns"};
	int result;

	daemon->proc = processes_open_root("/proc");
	if (daemon->proc < 0)
		return error_set(error, daemon->proc, "/proc: %s", strerror(-daemon->proc));
	result = cgroups_open("/proc/self/mountinfo", &daemon->cgroup);
	if (result)
		log_warning("no cgroup2 hierarchy (%s): every conduit is searched for every connection",
			    strerror(-result));
	result = process_events_open(&daemon->process_events);
	if (result)
		return error_set(error, result,
				 "no process events (%s): lhguardd has to be started as root in the "
				 "initial network namespace; --netns names another to guard",
				 strerror(-result));
	result = enter_netns(daemon->settings.netns, &registry.netns, error);
	if (result)
		return result;
	result = links_new(&daemon->links, &links_handler, daemon);
	if (result)
		return error_set(error, result, "rtnetlink: %s", strerror(-result));
	result = sockets_open(&daemon->sockets);
	if (result)
		return error_set(error, result, "sock_diag: %s", strerror(-result));
	daemon->listeners = listeners_new(daemon->sockets, daemon->proc, daemon->cgroup);
	if (!daemon->listeners)
		return error_set(error, -ENOMEM, "out of memory");
	registry.proc = daemon->proc;
	registry.cgroup = daemon->cgroup;
	registry.links = daemon->links;
	registry.sockets = daemon->sockets;
	return registry_new(&daemon->guard.registry, &registry, error);
}

static int open_queues(struct daemon *daemon, struct error *error)
{
	const struct config_queue *settings[QUEUES] = {&daemon->config->loopback,
						       &daemon->config->guests};

	for (int i = 0; i < QUEUES; i++) {
		int result = queue_open(&daemon->queues[i], &settings[i]->settings,
					RULESET_REJECT_MARK, error);

		if (result)
			return result;
	}
	return 0;
}

static int install_table(struct daemon *daemon, struct error *error)
{
	struct ruleset_settings settings;
	int result = ruleset_new(&daemon->ruleset, error);

	if (result)
		return result;
	table_settings(daemon->config, &settings);
	daemon->lan_count = registry_lan(daemon->guard.registry,
					  (const char (*)[IF_NAMESIZE])daemon->config->lan,
					  daemon->config->lan_count, daemon->lan, LAN_MAX);
	result = ruleset_set_lan(daemon->ruleset, daemon->lan, daemon->lan_count);
	if (result)
		return error_set(error, result, "nftables: %s", strerror(-result));
	return ruleset_install(daemon->ruleset, &settings, error);
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

static int add_sources(struct daemon *daemon)
{
	static const int signals[] = {SIGTERM, SIGINT, SIGHUP};
	char folder[sizeof(daemon->config->resolv_conf)];
	sigset_t blocked;
	int result = 0;

	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaddset(&blocked, signals[i]);
	sigprocmask(SIG_BLOCK, &blocked, NULL);
	for (size_t i = 0; result >= 0 && i < sizeof(signals) / sizeof(signals[0]); i++)
		result = sd_event_add_signal(daemon->loop, NULL, signals[i], on_signal, daemon);

	if (result >= 0)
		result = add_io(daemon, process_events_fd(daemon->process_events), on_facts,
				PRIORITY_FACTS);
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

static void to_journal(void *data, const struct attempt *attempt, bool is_new)
{
	if (is_new)
		journal_record(data, attempt);
}

static int open_control(struct daemon *daemon, struct error *error)
{
	struct control_settings settings = {
		.runtime = daemon->settings.runtime,
		.loop = daemon->loop,
		.events = daemon->guard.events,
		.exceptions = daemon->exceptions,
		.registry = daemon->guard.registry,
		.handler = &control_handler,
		.data = daemon,
	};

	return control_start(&daemon->control, &settings, error);
}

static int start(struct daemon *daemon, struct error *error)
{
	const struct daemon_settings *settings = &daemon->settings;
	struct config *config = NULL;
	int result = load_config(settings, &config, error);

	if (result)
		return result;
	use_config(daemon, config);
	result = exceptions_open(&daemon->exceptions, settings->state, settings->administrator,
				 realtime_us());
	if (result)
		return error_set(error, result, "%s: %s", settings->state, strerror(-result));
	if (exceptions_failure(daemon->exceptions))
		log_error("no exception is in force: %s", exceptions_failure(daemon->exceptions));
	daemon->guard.policy.exceptions = daemon->exceptions;
	daemon->guard.policy.resolvers = &daemon->resolvers;
	daemon->guard.handler = &guard_handler;
	daemon->guard.data = daemon;
	daemon->guard.events = events_new();
	if (!daemon->guard.events)
		return error_set(error, -ENOMEM, "out of memory");

	result = open_kernel(daemon, error);
	if (!result)
		result = open_queues(daemon, error);
	if (!result)
		result = install_table(daemon, error);
	if (result)
		return result;

	result = sd_event_default(&daemon->loop);
	if (result >= 0)
		result = add_sources(daemon);
	if (result >= 0)
		result = journal_start(&daemon->journal);
	if (result < 0)
		return error_set(error, result, "the event loop: %s", strerror(-result));
	events_listen(daemon->guard.events, to_journal, daemon->journal);
	result = open_control(daemon, error);
	if (result)
		return result;
	arm_expiry(daemon);
	do_work(daemon);
	return 0;
}

int daemon_start(struct daemon **daemon, const struct daemon_settings *settings,
		  struct error *error)
{
	struct daemon *new = calloc(1, sizeof(*new));
	int result;

	if (!new)
		return error_set(error, -ENOMEM, "out of memory");
	new->settings = *settings;
	new->proc = new->cgroup = -1;
	new->since_us = realtime_us();
	result = start(new, error);
	if (result) {
		daemon_stop(new);
		return result;
	}
	*daemon = new;
	return 0;
}

int daemon_run(struct daemon *daemon)
{
	int result;

	log_notice("guarding %s in %s mode with %zu guests and %zu exceptions",
		   daemon->settings.netns ? daemon->settings.netns : "this machine",
		   daemon->guard.enforce ? "enforce" : "monitor",
		   registry_count(daemon->guard.registry), exceptions_count(daemon->exceptions));
	sd_notify(0, "READY=1");
	result = sd_event_loop(daemon->loop);
	sd_notify(0, "STOPPING=1");
	return result;
}

void daemon_stop(struct daemon *daemon)
{
	if (daemon->ruleset) {
		ruleset_remove(daemon->ruleset);
		ruleset_free(daemon->ruleset);
	}
	if (daemon->control)
		control_stop(daemon->control);
	for (int i = 0; i < QUEUES; i++)
		if (daemon->queues[i])
			queue_close(daemon->queues[i]);
	if (daemon->journal)
		journal_stop(daemon->journal);
	sd_event_source_unref(daemon->work_timer);
	sd_event_source_unref(daemon->expiry_timer);
	sd_event_unref(daemon->loop);
	if (daemon->guard.registry)
		registry_free(daemon->guard.registry);
	listeners_free(daemon->listeners);
	if (daemon->sockets)
		sockets_close(daemon->sockets);
	if (daemon->links)
		links_free(daemon->links);
	if (daemon->process_events)
		process_events_close(daemon->process_events);
	if (daemon->cgroup >= 0)
		close(daemon->cgroup);
	if (daemon->proc >= 0)
		close(daemon->proc);
	events_free(daemon->guard.events);
	if (daemon->exceptions)
		exceptions_close(daemon->exceptions);
	config_free(daemon->config);
	free(daemon);
}
