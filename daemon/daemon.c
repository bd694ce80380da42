// SPDX-License-Identifier: GPL-2.0-or-later
/* The daemon around the guard: everything that it is made of, and the event loop that drives it. */
#include "parts.h"
#include "pins.h"
#include "ports.h"

#include "control/control.h"
#include "control/events.h"
#include "control/journal.h"
#include "control/polkit.h"
#include "guests/catalogue.h"
#include "guests/registry.h"
#include "kernel/cgroups.h"
#include "kernel/kvm_events.h"
#include "kernel/links.h"
#include "kernel/listeners.h"
#include "kernel/neighbours.h"
#include "kernel/process_events.h"
#include "kernel/processes.h"
#include "kernel/sockets.h"
#include "kernel/unix_peers.h"
#include "policy/config.h"
#include "policy/services.h"
#include "util/cleanup.h"
#include "util/clock.h"
#include "util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-daemon.h>

/* The table. */

/* In monitor mode nothing is refused, so neither is it while nobody is there to record it. */
static void table_settings(const struct daemon *daemon, const struct config *config,
			   struct ruleset_settings *settings)
{
	bool is_open = mode_in_force(daemon, config) == MODE_MONITOR;

	*settings = (struct ruleset_settings){
		.loopback_queue = config->loopback.settings.number,
		.guests_queue = config->guests.settings.number,
		.loopback_bypass = is_open || config->loopback.down_accept,
		.guests_bypass = is_open || config->guests.down_accept,
		.reject = config->refusal == VERDICT_REJECT,
		.neighbour_discovery = config->neighbour_discovery,
	};
}

int daemon_install_table(struct daemon *daemon, const struct config *config, struct error *error)
{
	struct ruleset_settings settings;
	int result;

	table_settings(daemon, config, &settings);
	result = ruleset_install(daemon->ruleset, &settings, error);
	registry_kernel_knows(daemon->guard.registry, ruleset_knows_cgroups(daemon->ruleset));
	if (!result && !ruleset_sees_forged(daemon->ruleset))
		log_warning("this kernel has no nft_fib_inet: a guest that sends datagrams in the "
			    "host's name, or to many, can reach UDP services of the host");
	return result;
}

/* Start and stop. */

/* @path: NULL to stay in ours */
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
		log_warning(
			"no cgroup2 hierarchy (%s): every conduit is searched for every connection",
			strerror(-result));
	result = process_events_open(&daemon->process_events);
	if (result)
		return error_set(
			error, result,
			"no process events (%s): lhguardd has to be started as root in the "
			"initial network namespace; --netns names another to guard",
			strerror(-result));
	result = kvm_events_open(&daemon->kvm_events);
	if (result)
		log_warning("no uevents (%s): a VMM that no list names is seen some time after it "
			    "made its virtual machine",
			    strerror(-result));
	/* Those events come to the namespace only that the machine began with. */
	result = enter_netns(NULL, &registry.machine_netns, error);
	if (!result)
		result = enter_netns(daemon->settings.netns, &registry.netns, error);
	if (result)
		return result;
	result = links_new(&daemon->links, &loop_links_handler, daemon);
	if (result)
		return error_set(error, result, "rtnetlink: %s", strerror(-result));
	result = sockets_open(&daemon->sockets);
	if (result)
		return error_set(error, result, "sock_diag: %s", strerror(-result));
	result = unix_peers_open(&daemon->unix_peers);
	if (result)
		return error_set(error, result, "unix_diag: %s", strerror(-result));
	daemon->listeners = listeners_new(daemon->sockets, daemon->proc, daemon->cgroup);
	if (!daemon->listeners)
		return error_set(error, -ENOMEM, "out of memory");
	result = neighbours_new(&daemon->neighbours, daemon->links);
	if (!result)
		result = ports_open(&daemon->ports, daemon);
	if (result)
		return error_set(error, result, "rtnetlink, sock_diag: %s", strerror(-result));
	registry.proc = daemon->proc;
	registry.cgroup = daemon->cgroup;
	registry.catalogue = daemon->catalogue;
	registry.links = daemon->links;
	registry.sockets = daemon->sockets;
	registry.neighbours = daemon->neighbours;
	registry.unix_peers = daemon->unix_peers;
	registry.is_hosts_file = process_runs_hosts_file;
	registry.others_join = ports_others_join;
	registry.data = daemon->ports;
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
	int result = ruleset_new(&daemon->ruleset, error);

	if (result)
		return result;
	daemon->lan_count = registry_lan(
		daemon->guard.registry, (const char(*)[IF_NAMESIZE])daemon->config->lan,
		daemon->config->lan_count, daemon->lan, LAN_INTERFACES_MAX);
	result = ruleset_set_lan(daemon->ruleset, daemon->lan, daemon->lan_count);
	if (result)
		return error_set(error, result, "nftables: %s", strerror(-result));
	return daemon_install_table(daemon, daemon->config, error);
}

static void to_journal(void *data, const struct attempt *attempt, bool is_new)
{
	if (is_new)
		journal_record(data, attempt);
}

static int open_control(struct daemon *daemon, struct error *error)
{
	struct control_settings settings = {
		.access = &daemon->access,
		.runtime = daemon->settings.runtime,
		.loop = daemon->loop,
		.events = daemon->guard.events,
		.exceptions = daemon->exceptions,
		.registry = daemon->guard.registry,
		.services = daemon->services,
		.handler = &answers_handler,
		.data = daemon,
	};

	if (polkit_new(&daemon->polkit, daemon->loop, CONTROL_PRIORITY))
		return error_set(error, -ENOMEM, "out of memory");
	settings.polkit = daemon->polkit;
	return control_start(&daemon->control, &settings, error);
}

static int start(struct daemon *daemon, struct error *error)
{
	const struct daemon_settings *settings = &daemon->settings;
	struct config *config = NULL;
	int result = load_catalogue(settings, &daemon->catalogue, error);

	if (!result)
		result = load_config(settings, daemon->catalogue, &config, error);
	if (result)
		return result;
	load_use(daemon, config);
	daemon->services = services_new();
	if (!daemon->services)
		return error_set(error, -ENOMEM, "out of memory");
	load_services(daemon);
	result = exceptions_open(&daemon->exceptions, settings->state, settings->administrator,
				 clock_realtime_us());
	if (result)
		return error_set(error, result, "%s: %s", settings->state, strerror(-result));
	if (exceptions_failure(daemon->exceptions))
		log_error("no exception is in force: %s", exceptions_failure(daemon->exceptions));
	exceptions_on_end(daemon->exceptions, connections_exception_ended, daemon);
	daemon->guard.policy.exceptions = daemon->exceptions;
	daemon->guard.exceptions = daemon->exceptions;
	daemon->guard.policy.resolvers = &daemon->resolvers;
	daemon->guard.handler = &loop_guard_handler;
	daemon->guard.data = daemon;
	daemon->guard.events = events_new();
	if (!daemon->guard.events)
		return error_set(error, -ENOMEM, "out of memory");

	result = open_kernel(daemon, error);
	if (!result) {
		daemon->pins = pins_new(daemon->exceptions, daemon->guard.registry, daemon->sockets,
					daemon->listeners, daemon->proc);
		result = daemon->pins ? 0 : error_set(error, -ENOMEM, "out of memory");
	}
	if (!result)
		result = open_queues(daemon, error);
	if (!result)
		result = install_table(daemon, error);
	if (result)
		return result;

	result = sd_event_default(&daemon->loop);
	if (result >= 0)
		result = loop_add_sources(daemon);
	if (result >= 0)
		result = ports_start(daemon->ports);
	if (result >= 0)
		result = journal_start(&daemon->journal);
	if (result < 0)
		return error_set(error, result, "the event loop: %s", strerror(-result));
	events_listen(daemon->guard.events, to_journal, daemon->journal);
	result = open_control(daemon, error);
	if (result)
		return result;
	loop_update_sandboxes(daemon);
	loop_arm_expiry(daemon);
	loop_await_guests(daemon);
	loop_work(daemon);
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
	new->since_us = clock_realtime_us();
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
	polkit_free(daemon->polkit);
	for (int i = 0; i < QUEUES; i++)
		if (daemon->queues[i])
			queue_close(daemon->queues[i]);
	if (daemon->journal)
		journal_stop(daemon->journal);
	ports_close(daemon->ports);
	sd_event_source_unref(daemon->work_timer);
	sd_event_source_unref(daemon->expiry_timer);
	sd_event_source_unref(daemon->mode_timer);
	connections_stop(daemon);
	sd_event_unref(daemon->loop);
	if (daemon->guard.registry)
		registry_free(daemon->guard.registry);
	catalogue_free(daemon->catalogue);
	services_free(daemon->services);
	pins_free(daemon->pins);
	listeners_free(daemon->listeners);
	neighbours_free(daemon->neighbours);
	if (daemon->sockets)
		sockets_close(daemon->sockets);
	if (daemon->unix_peers)
		unix_peers_close(daemon->unix_peers);
	if (daemon->links)
		links_free(daemon->links);
	if (daemon->process_events)
		process_events_close(daemon->process_events);
	kvm_events_close(daemon->kvm_events);
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
