/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The registry: which guests there are, and whose a connection is. */
#ifndef LHGUARD_GUESTS_REGISTRY_H
#define LHGUARD_GUESTS_REGISTRY_H

#include "flow.h"

#include <sys/types.h>

struct catalogue;
struct error;
struct links;
struct neighbours;
struct process;
struct process_event;
struct registry;
struct ruleset_bridged;
struct ruleset_cgroup;
struct socket_info;
struct sockets;
struct unix_peers;

/** enum known_by - what makes a guest this one and no other, and what its key looks like */
enum known_by {
	KNOWN_BY_ID,	 /* "container:0123abcd…": an opaque id of its own, whoever tells it */
	KNOWN_BY_VM_ID,	 /* "kata:0123abcd…": the same of a VM */
	KNOWN_BY_CGROUP, /* "lxc@0123456789abcdef:web": a name, and its cgroup's path as a hash */
	KNOWN_BY_SUPERVISOR, /* "lxc@:web": a name, and no cgroup yet */
	KNOWN_BY_VMM,	     /* "qemu:123:9876": its VMM's process, and when that started */
	KNOWN_BY_NAMESPACE,  /* "pidns:4026532…": a namespace that its processes have in common */
	KNOWN_BY_NETNS,	     /* "netns:4026532…": it stands for a network namespace as such */
};

/** enum whose - below whose manager a guest's cgroups are, which no process of it can choose */
enum whose {
	WHOSE_UNKNOWN,
	WHOSE_SYSTEM,
	WHOSE_USER,
	WHOSE_SEVERAL, /* its id was seen below several */
};

/**
 * struct guest - a VM or a container on this machine
 * @id: number since the daemon's start, from 1; 0 in a free slot
 * @kind: vm, container, sandbox
 * @runtime: "qemu", "podman", "netns", …
 * @name: as its owner calls it; text_copy_name()
 * @is_numbered: as of struct source
 * @known_by: what it is known by
 * @key: that as a text, which no other guest has (keys.c)
 * @leader: its first known process, 0 when none is known
 * @netns: inode of its network namespace, 0 when not known, or the host's own
 * @cgroup: id of its own cgroup, 0 when it has none that is known
 * @cgroup_level: how deep that lies below the root, the root's children being 1
 * @supervisor: runtime of the supervisor that was started with its id, "" when none is known
 * @why: how it was recognised, a static string for a person
 * @whose: of one that has an id and cgroups
 * @user: of WHOSE_USER
 * @is_named_by_user: its name may be from a file of @user
 * @name_tries: how often its name was looked for in files
 * @name_next_us: CLOCK_MONOTONIC of the next time, 0: none
 * @supervisor_due: its supervisor is to be looked at again
 * @first_us: CLOCK_REALTIME microseconds when first seen
 * @last_us: of the latest of its connections, or of a process of it that started
 * @attempts: connections judged
 * @refused: of those, refused
 */
struct guest {
	uint32_t id;
	enum kind kind;
	char runtime[RUNTIME_SIZE];
	char name[NAME_SIZE];
	bool is_numbered;
	enum known_by known_by;
	char key[GUEST_KEY_SIZE];
	pid_t leader;
	uint64_t netns;
	uint64_t cgroup;
	uint8_t cgroup_level;
	char supervisor[RUNTIME_SIZE];
	const char *why;
	enum whose whose;
	uid_t user;
	bool is_named_by_user;
	uint8_t name_tries;
	uint64_t name_next_us;
	bool supervisor_due;
	uint64_t first_us;
	uint64_t last_us;
	uint64_t attempts;
	uint64_t refused;
};

/**
 * struct registry_settings - what the registry reads from
 * @proc: descriptor of /proc
 * @cgroup: descriptor of the cgroup2 mount, -1 when there is none
 * @run_netns: folder of named network namespaces, "/run/netns"
 * @files: what stands before the paths of runtimes' files, NULL for nothing
 * @netns: inode of the guarded network namespace
 * @machine_netns: … of the one that this machine began with; the same unless --netns names another
 * @catalogue: how runtimes are recognised; the caller's, and stays until another is set
 * @links: of the guarded namespace
 * @sockets: of the guarded namespace
 * @neighbours: of the guarded namespace, NULL for none
 * @unix_peers: of the guarded namespace
 * @is_hosts_file: process_runs_hosts_file(), or a test's
 * @others_join: does another wait for what this flow asks for, too, beside this socket of this guest's?
 * @data: passed to it
 */
struct registry_settings {
	int proc;
	int cgroup;
	const char *run_netns;
	const char *files;
	uint64_t netns;
	uint64_t machine_netns;
	const struct catalogue *catalogue;
	struct links *links;
	struct sockets *sockets;
	struct neighbours *neighbours;
	struct unix_peers *unix_peers;
	bool (*is_hosts_file)(int proc, const struct process *process);
	bool (*others_join)(void *data, const struct flow *flow, const struct socket_info *socket,
			    uint32_t guest);
	void *data;
};

/** registry_new() - called in the guarded network namespace; scans what already runs. */
int registry_new(struct registry **registry, const struct registry_settings *settings,
		 struct error *error);
void registry_free(struct registry *registry);

/** registry_process_event() - a process started, became another program, or ended. */
void registry_process_event(struct registry *registry, const struct process_event *event);

/** registry_kvm_made() - a thread made a virtual machine (kernel/kvm_events.h). */
void registry_kvm_made(struct registry *registry, pid_t thread);

/**
 * registry_trust_sandboxes() - does the policy let sandboxed applications do what the host may?
 * Then one that hides its socket wins nothing, so that nobody else is put under suspicion for it,
 * and its cgroup stays in the loopback queue, which a daemon that is down leaves open.
 */
void registry_trust_sandboxes(struct registry *registry, bool trust);

/** registry_rescan() - read everything anew after events were lost. */
void registry_rescan(struct registry *registry);

/** registry_set_catalogue() - read everything anew with another catalogue; the old one may go then.
 */
void registry_set_catalogue(struct registry *registry, const struct catalogue *catalogue);

/** registry_links_changed() - interfaces came, changed or went: their guests are looked up again.
 */
void registry_links_changed(struct registry *registry);

/**
 * registry_work() - the slow look-ups: who is behind a new interface, whom a new conduit serves
 * Reads /proc as a whole at most once a second. Call it after events and after a batch of verdicts.
 * Return: CLOCK_MONOTONIC microseconds at which to call it again, 0 when nothing is left to do.
 */
uint64_t registry_work(struct registry *registry);

/** registry_generation() - a number that changes when the answers of the next three do. */
uint32_t registry_generation(const struct registry *registry);

/**
 * registry_lan() - interfaces that lead to the LAN, whose packets need no queue
 * @declared: interface names that the configuration says so of
 * Return: how many were written to @ifindexes, at most @size.
 */
size_t registry_lan(struct registry *registry, const char (*declared)[IF_NAMESIZE],
		    size_t declared_count, uint32_t *ifindexes, size_t size);

/**
 * registry_bridged() - source addresses on those that may be VMs', for ruleset_set_bridged()
 * Those of the VMs that run; nothing on a host where none does. Call it after registry_lan().
 */
void registry_bridged(const struct registry *registry, struct ruleset_bridged *bridged);

/**
 * registry_cgroups() - the guests' own cgroups, for ruleset_set_guest_cgroups()
 * Return: how many were written to @cgroups, at most @size.
 */
size_t registry_cgroups(const struct registry *registry, struct ruleset_cgroup *cgroups,
			size_t size);

/** registry_shares_lo() - may a guest have a process in the guarded network namespace? */
bool registry_shares_lo(const struct registry *registry);

/** registry_kernel_knows() - from now on the kernel tells packets of guests' cgroups apart, or not. */
void registry_kernel_knows(struct registry *registry, bool knows);

/** registry_judged() - count a judged connection of this source's guest. */
void registry_judged(struct registry *registry, const struct source *source, bool refused);

/**
 * registry_source() - who a connection is from; the verdict path's question
 * Bounded work, no allocation: a cached look-up for most, for a socket in the cgroup of a conduit a
 * search of that conduit's descriptors, at most SEARCH_BUDGET of them.
 * Return: 0, or -ENOENT when the client socket has vanished (@source is unknown then).
 */
int registry_source(struct registry *registry, const struct flow *flow,
		    const struct arrival *arrival, struct source *source);

/**
 * registry_maker() - who made a socket that waits for connections
 * As registry_source() for a client's socket, with the same bounds; @source is the host, a guest,
 * or unknown.
 */
void registry_maker(struct registry *registry, const struct socket_info *socket,
		    struct source *source);

/**
 * registry_helps() - is it a host process that keeps guests or passes on to them (conmon,
 *	docker-proxy)? Then @source is its guest, without a name where that is not known.
 */
bool registry_helps(struct registry *registry, pid_t pid, struct source *source);

/**
 * registry_local_start() - when a process that may open ports for a guest last started
 * Return: CLOCK_MONOTONIC microseconds.
 */
uint64_t registry_local_start(const struct registry *registry);

/**
 * registry_peer_guest() - is this process inside a guest, or works for one, or cannot be looked at?
 * @label: receives which, e.g. "container:web"; "" when it cannot be looked at
 */
bool registry_peer_guest(struct registry *registry, pid_t pid, char *label, size_t size);

/** registry_each() - every guest, in order of id; stops when @visit returns non-zero. */
int registry_each(const struct registry *registry,
		  int (*visit)(void *data, const struct guest *guest), void *data);

size_t registry_count(const struct registry *registry);

/** registry_find_id() - the guest with this id, NULL when it has gone. Ids are never used again. */
const struct guest *registry_find_id(struct registry *registry, uint32_t id);

/** registry_find_key() - the guest with this key, or NULL. */
const struct guest *registry_find_key(struct registry *registry, const char *key);

/**
 * registry_started_us() - since when a guest runs at most
 * Reads each of its processes in /proc: nothing for a verdict.
 * Return: CLOCK_REALTIME microseconds when the oldest of its processes started; for a guest that has
 * none, when its network namespace got its name, or its conduit started; now, when nothing can be
 * looked at.
 */
uint64_t registry_started_us(const struct registry *registry, const struct guest *guest);

#endif
