/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the daemon is made of; shared by the files beside it. */
#ifndef LHGUARD_PARTS_H
#define LHGUARD_PARTS_H

#include "daemon.h"
#include "guard.h"
#include "priority.h"

#include "control/control.h"
#include "kernel/ruleset.h"
#include "policy/config.h"

#include <systemd/sd-event.h>

#define LAN_INTERFACES_MAX 256 /* interfaces that lead to the LAN */

enum { LOOPBACK, GUESTS, QUEUES };

/**
 * struct mode_override - a mode that somebody set, over the configuration's
 * @creator: who
 * @created_us: CLOCK_REALTIME
 * @ends_us: CLOCK_BOOTTIME, so that no clock that is set and no sleep makes it longer; 0: with the
 *	daemon
 */
struct mode_override {
	bool is_set;
	enum guard_mode mode;
	uid_t creator;
	uint64_t created_us;
	uint64_t ends_us;
};

struct daemon {
	struct daemon_settings settings;
	struct guard guard;
	struct config *config;
	struct mode_override override;
	uint64_t mode_since_us; /* CLOCK_REALTIME: in force since then, without another between */
	struct catalogue *catalogue;
	struct services *services; /* read anew in its place */
	struct exceptions *exceptions;
	uint64_t
		guests_settled_us; /* CLOCK_MONOTONIC until which exceptions wait for their guests */
	size_t exceptions_waiting;    /* how many do */
	uint32_t followed_generation; /* of the registry, when exceptions last followed guests */
	bool guests_followed;	      /* they have, since they were read */
	struct resolvers resolvers;
	int proc;
	int cgroup;
	struct process_events *process_events;
	struct kvm_events *kvm_events; /* NULL where there are none */
	struct links *links;
	bool links_changed;
	struct sockets *sockets;
	struct unix_peers *unix_peers;
	struct listeners *listeners;
	struct pins *pins;
	struct neighbours *neighbours;
	struct ports *ports;
	struct queue *queues[QUEUES];
	struct ruleset *ruleset;
	uint32_t lan[LAN_INTERFACES_MAX];
	size_t lan_count;
	uint32_t registry_generation; /* that the kernel's table is from */
	uint64_t table_again_us;      /* CLOCK_MONOTONIC: it took not all of it; 0: it has */
	struct ruleset_bridged bridged;
	bool trusts_flows;
	struct journal *journal;
	struct control *control;
	struct config_access access; /* of the configuration in force */
	struct polkit *polkit;
	sd_event *loop;
	sd_event_source *work_timer;
	sd_event_source *expiry_timer;
	sd_event_source *mode_timer;
	sd_event_source *cut_turn;
	struct walk *cuts;	  /* that nobody waits for */
	unsigned int reach_walks; /* that are on */
	uint64_t since_us;
	uint64_t table_restored;
	uint64_t processes_lost;
	struct error config_failure;
	struct error catalogue_failure; /* why it could not be read again */
};

/* daemon.c */
int daemon_install_table(struct daemon *daemon, const struct config *config, struct error *error);

/* load.c: what is read from files; the last takes @config over */
int daemon_reload(struct daemon *daemon, struct error *error);
int load_catalogue(const struct daemon_settings *settings, struct catalogue **catalogue,
		   struct error *error);
int load_config(const struct daemon_settings *settings, const struct catalogue *catalogue,
		struct config **config, struct error *error);
void load_services(struct daemon *daemon);
void load_use(struct daemon *daemon, struct config *config);

/* loop.c: what drives the daemon, and what the guard asks of it */
extern const struct guard_handler loop_guard_handler;
extern const struct links_handler loop_links_handler;
int loop_add_sources(struct daemon *daemon);
void loop_arm_expiry(struct daemon *daemon);
void loop_work(struct daemon *daemon);
void loop_update_table(struct daemon *daemon);
void loop_read_resolvers(struct daemon *daemon);
void loop_update_sandboxes(struct daemon *daemon);

/* stops.c: exceptions that end with their guest; the first returns when to be called again, 0: not */
uint64_t loop_follow_guests(struct daemon *daemon);
void loop_await_guests(struct daemon *daemon);

/* connections.c: connections that are open already */
int connections_walk_start(void *data, const struct walk_query *query, struct walk **walk,
			   struct error *error);
int connections_walk_next(struct walk *walk, struct open_connection *connection,
			  struct error *error);
void connections_walk_end(struct walk *walk);
void connections_exception_ended(void *data, const struct exception *exception);
int connections_add_source(struct daemon *daemon);
void connections_stop(struct daemon *daemon);

/*
 * mode.c: the mode in force, with @config: the configuration's, or one that was set over it; and verdicts by it
 * from now on
 */
enum guard_mode mode_in_force(const struct daemon *daemon, const struct config *config);
void mode_use(struct daemon *daemon, const struct config *config);
int mode_set(void *data, const struct mode_change *change, struct error *error);
void mode_fill_status(const struct daemon *daemon, struct status *status);
int mode_add_source(struct daemon *daemon);

/* reach.c: who reaches what */
int reach_start(void *data, struct reach_walk **walk, struct error *error);
int reach_next(struct reach_walk *walk, const struct open_port **port, struct error *error);
bool reach_is_incomplete(const struct reach_walk *walk);
void reach_end(struct reach_walk *walk);

/* explain.c: what the policy would say */
size_t explain(void *data, const struct explain_query *query,
	       int (*visit)(void *data, const struct explanation *explanation), void *visit_data);
void explain_attempt(void *data, const struct attempt *attempt, struct explanation *explanation);

/* explain.c: decide() with all that it may take to know: not for the verdict path */
void decide_patiently(struct daemon *daemon, const struct flow *flow, const struct source *source,
		      struct decision *decision);

/* change.c: fill in what would change an explanation's verdict; the decision stands in it */
void change_find(struct daemon *daemon, struct explanation *explanation);

/* answers.c: what the control socket asks of the daemon */
extern const struct control_handler answers_handler;

#endif
