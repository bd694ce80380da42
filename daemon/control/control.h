/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control socket: a Varlink service on sd-event, every call authorised from SO_PEERCRED. */
#ifndef LHGUARD_CONTROL_CONTROL_H
#define LHGUARD_CONTROL_CONTROL_H

#include "flow.h"
#include "priority.h"

#include "kernel/queue.h"
#include "policy/config.h"
#include "policy/exceptions.h"
#include "util/error.h"

#include <systemd/sd-event.h>

struct catalogue;
struct control;
struct events;
struct guest;
struct guest_view;
struct open_port;
struct polkit;
struct reach_walk;
struct registry;
struct services;

#define CONTROL_SOCKET	    "org.lhguard" /* in the runtime directory */
#define CONTROL_GROUP	    "lhguard"
#define CONTROL_CLIENTS_MAX 256
#define CONTROL_PRIORITY    PRIORITY_CONTROL

/* Of these, such as neither are root's nor the group's; and how many of them one user may have. */
#define CONTROL_STRANGERS_MAX	      128
#define CONTROL_STRANGERS_MAX_OF_USER 32

/**
 * struct status - the daemon's state in one piece
 */
struct status {
	const char *version;
	const char *mode;	     /* in force: "enforce" or "monitor" */
	const char *configured_mode; /* what it would be if nobody had set another */
	uint64_t mode_since_us;	     /* CLOCK_REALTIME: the one in force */
	bool is_mode_set;	     /* somebody has, with what follows */
	uid_t mode_creator;
	uint64_t mode_created_us; /* CLOCK_REALTIME, as the next */
	uint64_t mode_expires_us; /* 0: when the daemon ends */
	const char *refusal;	  /* "drop" or "reject" */
	uint64_t since_us;	  /* CLOCK_REALTIME */
	const char *netns;	  /* path of the guarded namespace, "" for the machine's own */
	const char *expression;	  /* "native" or "compat" */
	bool knows_cgroups;	  /* the table does: ruleset_knows_cgroups() */
	bool sees_forged; /* … and what is sent in the host's name: ruleset_sees_forged() */
	bool has_cgroups; /* there is a cgroup2 hierarchy */
	bool has_kvm_events;
	const char *config_path;
	const char *config_failure;	/* NULL when the last reload was good */
	const char *catalogue_failure;	/* NULL when all of it is in force */
	const char *services_failure;	/* NULL when all of them are in force */
	const char *exceptions_failure; /* NULL when in force */
	size_t exceptions;
	size_t guests;
	uint64_t attempts;
	uint64_t refused;
	uint64_t refused_last_hour;
	uint64_t vanished;
	uint64_t table_restored;
	uint64_t processes_lost;   /* times that process events were lost */
	uint64_t processes_silent; /* see processes_silent() */
	uint64_t journal_lost;
	uint64_t events_lost; /* events_totals.untold */
	struct {
		const char *name; /* "loopback", "guests" */
		struct queue_settings settings;
		bool down_accept;
		struct queue_counters counters;
	} queues[2];
};

/**
 * struct open_connection - an open connection to a service of this host, not of a host process
 * @decision: what the policy says of it now
 * @state: TCP_* of netinet/tcp.h
 * @program: comm of the process that listens on the service, "" when not known
 */
struct open_connection {
	struct flow flow;
	struct source source;
	struct decision decision;
	uint8_t state;
	char program[COMM_SIZE];
};

/**
 * struct explain_query - a connection that somebody asks about
 * @is_host: from a program of the host; otherwise @selector says from whom
 * @flow: @has_address: its family and service address; in any case its protocol and service port
 */
struct explain_query {
	bool is_host;
	struct selector selector;
	bool has_address;
	struct flow flow;
};

#define CHANGES_MOST 16

enum change_act {
	CHANGE_REMOVE, /* an exception of the daemon's own */
	CHANGE_EDIT,   /* an administrator's exception out of its file, which is then read again */
	CHANGE_ALLOW,  /* the service, from the source */
	CHANGE_DENY,
};

/**
 * struct change - one step on the way to the opposite verdict
 * @exception: id of what goes, 0 for the last two
 * @place: "path:line" of that, for CHANGE_EDIT
 */
struct change {
	enum change_act act;
	uint32_t exception;
	char place[160];
};

/**
 * struct explanation - what the policy says of it
 * @enforced: false in monitor mode, where nothing is refused
 * @exception: the one that decided, @id 0: none did
 * @place: "path:line" of what decided, "" where it stands in no file of a person's
 * @changes: what makes it the other way round, all of it and in this order, @change_count steps; none
 *	where nothing does, or more than CHANGES_MOST would be needed
 * @program: comm of the process that listens on the service, "" when not known
 */
struct explanation {
	struct flow flow;
	struct source source;
	struct decision decision;
	bool enforced;
	struct exception exception;
	char place[512];
	struct change changes[CHANGES_MOST];
	size_t change_count;
	char program[COMM_SIZE];
};

/**
 * struct walk_query - which open connections are meant, and what for
 * @cut: end each one that is found
 * @has_source: only those of @source
 * @has_service: only those to @service
 * @refused: only those that the policy refuses now
 * @ended: exceptions that have ended, for free(); only what one of them allowed, NULL: all
 * @ended_count: how many they are
 */
struct walk_query {
	bool cut;
	bool has_source;
	struct selector source;
	bool has_service;
	struct service service;
	bool refused;
	struct exception *ended;
	size_t ended_count;
};

/**
 * struct mode_change - a mode that somebody sets, over the configuration's
 * @seconds: how long, 0: until the daemon ends
 */
struct mode_change {
	enum guard_mode mode;
	uint64_t seconds;
	uid_t creator;
};

struct walk;

enum walk_step {
	WALK_END,
	WALK_FOUND,
	WALK_LATER, /* a turn's time is over: go on in the next turn of the loop */
};

/**
 * struct control_handler - what the guard does for the control socket
 * @status: fill in the state
 * @add: store an exception for this uid; the id on success, or no id: only look
 * @edit: let the exception with this id be so; or only look
 * @pin: pin it to the program that listens on its service now; -EINVAL or -ENOENT with @error
 * @import: store many exceptions
 * @remove: forget exceptions; free @removed's
 * @reload: read all files again; -errno with @error: of what could not be read the old stays in force
 * @set_mode: change the mode; -errno with @error: it stays as it was
 * @view: all that is known of a guest
 * @catalogue: what is known of runtimes, as it is now
 * @has_interface: has the host an interface of this name now?
 * @peer_guest: is this pid inside a guest? (registry_peer_guest())
 * @peer_start: when this pid started (struct peer); 0 when that is not known
 * @explain: call @visit with what the policy says of each way by which it could arrive, until that
 *	returns non-zero; how many there were
 * @explain_attempt: what it says of a recorded attempt now
 * @walk_start: begin to walk through the open connections; takes @query's exceptions over
 * @walk_next: the next one, an enum walk_step, or -errno with @error
 * @reach_start: begin to walk through the ports of this host, and who reaches each
 * @reach_next: as @walk_next; @port is valid until the next call
 * @reach_is_incomplete: are there more ports or guests than it looks at?
 * @reach_end: it is over, or nobody waits for it any more
 * @is_enforcing: is what is refused refused indeed?
 * @walk_end: the walk is over, or nobody waits for it any more: a cut is finished all the same
 */
struct control_handler {
	void (*status)(void *data, struct status *status);
	int (*pin)(void *data, struct exception *exception, struct error *error);
	int (*add)(void *data, const struct exception *exception, uint32_t *id,
		   struct error *error);
	int (*edit)(void *data, const struct exception *exception, bool is_dry_run,
		    struct error *error);
	int (*import)(void *data, const struct import *import, struct imported *imported,
		      struct error *error);
	int (*remove)(void *data, const struct removal *removal, struct removed *removed,
		      struct error *error);
	int (*reload)(void *data, struct error *error);
	int (*set_mode)(void *data, const struct mode_change *change, struct error *error);
	void (*view)(void *data, const struct guest *guest, struct guest_view *view);
	const struct catalogue *(*catalogue)(void *data);
	bool (*has_interface)(void *data, const char *name);
	bool (*peer_guest)(void *data, pid_t pid, char *label, size_t size);
	uint64_t (*peer_start)(void *data, pid_t pid);
	size_t (*explain)(void *data, const struct explain_query *query,
			  int (*visit)(void *data, const struct explanation *explanation),
			  void *visit_data);
	void (*explain_attempt)(void *data, const struct attempt *attempt,
				struct explanation *explanation);
	int (*walk_start)(void *data, const struct walk_query *query, struct walk **walk,
			  struct error *error);
	int (*walk_next)(struct walk *walk, struct open_connection *connection,
			 struct error *error);
	void (*walk_end)(struct walk *walk);
	int (*reach_start)(void *data, struct reach_walk **walk, struct error *error);
	int (*reach_next)(struct reach_walk *walk, const struct open_port **port,
			  struct error *error);
	bool (*reach_is_incomplete)(const struct reach_walk *walk);
	void (*reach_end)(struct reach_walk *walk);
	bool (*is_enforcing)(void *data);
};

/**
 * struct control_settings - what the control socket serves
 * @runtime: directory of the socket, made if missing (0755)
 * @services: the names of services, NULL for none
 * @access: who may do what; NULL: root and the group
 * @polkit: whom to ask, NULL: nobody
 */
struct control_settings {
	const char *runtime;
	sd_event *loop;
	struct events *events;
	const struct exceptions *exceptions;
	const struct registry *registry;
	const struct services *services;
	const struct config_access *access;
	struct polkit *polkit;
	const struct control_handler *handler;
	void *data;
};

/**
 * control_start() - bind the socket and serve
 * It is root:lhguard 0660, or 0600 without such a group; where polkit is asked, open to all (0666).
 */
int control_start(struct control **control, const struct control_settings *settings,
		  struct error *error);

/** control_status_changed() - tell whoever follows the status that it is another one now */
void control_status_changed(struct control *control);

/** control_open() - the socket for those whom @access lets ask, as it is now; others have to leave */
void control_open(struct control *control);

/** control_stop() - close all clients and remove the socket. */
void control_stop(struct control *control);

#endif
