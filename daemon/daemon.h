/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The daemon around the guard: everything that it is made of, and the event loop that drives it. */
#ifndef LHGUARD_DAEMON_H
#define LHGUARD_DAEMON_H

#include "util/error.h"

struct daemon;

/**
 * struct daemon_settings - from the command line
 * @netns: path of the network namespace to guard, NULL for the current one
 * @config: configuration file; one that does not exist is an error only if @config_given
 * @config_given: the path was named on the command line
 * @catalogue: the installed description of runtimes
 * @catalogue_folder: the administrator's additions to it
 * @services: the installed names of services
 * @services_folder: the administrator's additions to it
 * @state: directory of the daemon's own exceptions
 * @administrator: directory of the administrator's exceptions
 * @runtime: directory of the control socket
 */
struct daemon_settings {
	const char *netns;
	const char *config;
	int config_given;
	const char *catalogue;
	const char *catalogue_folder;
	const char *services;
	const char *services_folder;
	const char *state;
	const char *administrator;
	const char *runtime;
};

/**
 * daemon_start() - configuration, queues, table, control socket, in this order
 * Nothing of the kernel is touched before the configuration is known to be good, and the table is
 * installed only when the queues have a listener.
 * Return: 0 or -errno with @error; what had been started is undone.
 */
int daemon_start(struct daemon **daemon, const struct daemon_settings *settings,
		 struct error *error);

/** daemon_run() - serve until SIGTERM or SIGINT; 0 or -errno. */
int daemon_run(struct daemon *daemon);

/** daemon_stop() - remove the table, then everything else. */
void daemon_stop(struct daemon *daemon);

/**
 * daemon_check() - read the configuration, the catalogue, the names of services and the exceptions
 * @tell: gets each mistake in the catalogue and the names, "file:line: reason"
 * Return: 0 or -errno with @error.
 */
int daemon_check(const struct daemon_settings *settings, void (*tell)(const char *mistake),
		 struct error *error);

#endif
