/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /etc/lhguard/lhguard.conf: read whole, checked whole, or refused with file:line. */
#ifndef LHGUARD_POLICY_CONFIG_H
#define LHGUARD_POLICY_CONFIG_H

#include "flow.h"
#include "kernel/queue.h"
#include "policy/selector.h"
#include "util/error.h"

#define CONFIG_PATH "/etc/lhguard/lhguard.conf"
#define LAN_MAX	    16 /* interfaces that can be declared to be the LAN */

enum guard_mode {
	MODE_ENFORCE,
	MODE_MONITOR,
};

/** mode_text() - "enforce", "monitor" */
const char *mode_text(enum guard_mode mode);

/**
 * struct config_queue - a [queue loopback] or [queue guests] section
 * @settings: number, length, overflow
 * @down_accept: accept when no daemon listens
 */
struct config_queue {
	struct queue_settings settings;
	bool down_accept;
};

/**
 * struct config_access - the [control] section: who may do what through the control socket
 * @polkit: ask polkit about those who may not by themselves
 * @members_change: members of the control socket's group may change what they may read
 */
struct config_access {
	bool polkit;
	bool members_change;
};

/**
 * struct config_default - the default verdict for one source
 * @selector: "vm", "podman", "vm:devbox", "podman:web"; the narrowest that matches wins: a guest's
 *	own name, then its runtime, then its kind; and a runtime's guest before a kind's
 * @allow: accept, else the configured verdict
 * @line: where it stands, 0 when it is built in
 * @rule: the line in words, for a decision: "default for vm (lhguard.conf:31)"
 */
struct config_default {
	struct selector selector;
	bool allow;
	unsigned int line;
	char rule[SELECTOR_TEXT_SIZE + 64];
};

/**
 * struct config - a whole configuration; plain data, freed by config_free()
 * @mode: enforce or monitor
 * @refusal: VERDICT_DROP or VERDICT_REJECT
 * @loopback: queue of new connections on lo
 * @guests: queue of new connections from elsewhere
 * @dhcp @dns @ping @neighbour_discovery: what a guest may always do on its own gateway address
 * @resolver: user-net and host-net guests may reach port 53 of the host's resolver addresses
 * @resolv_conf: file that those addresses come from
 * @access: of the control socket
 * @lan: interface names that the owner declares to be the LAN
 * @defaults: @default_count entries, the five kinds first, in the order of enum kind
 * @path: file it was read from, "" for built-in defaults
 */
struct config {
	enum guard_mode mode;
	enum verdict refusal;
	struct config_queue loopback;
	struct config_queue guests;
	bool dhcp;
	bool dns;
	bool ping;
	bool neighbour_discovery;
	bool resolver;
	char resolv_conf[256];
	struct config_access access;
	char lan[LAN_MAX][IF_NAMESIZE];
	size_t lan_count;
	struct config_default *defaults;
	size_t default_count;
	char path[256];
};

/**
 * config_load() - read a configuration file
 * @known_runtime: is this word a runtime that the guard recognises? It gets @data, the catalogue.
 * @config: written whole on success, untouched on error
 *
 * Return: 0, -ENOENT when @path does not exist, -EINVAL with "file:line: reason" in @error, or
 * -errno.
 */
int config_load(const char *path, bool (*known_runtime)(const void *data, const char *word),
		const void *data, struct config **config, struct error *error);

/**
 * config_new_default() - the built-in configuration (what the installed file's comments say)
 * Return: owned by the caller, or NULL when out of memory.
 */
struct config *config_new_default(void);
void config_free(struct config *config);

#endif
