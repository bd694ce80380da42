/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The registry's tables, shared by the files of this folder only.
 *
 * DOC: Theory of Operation
 *
 * Everything here has a fixed size and is allocated once, so that the verdict path never allocates
 * and a hostile guest cannot make the daemon grow. What of a table has not been used yet is not
 * written to, so that it costs no memory. When a table is full the guard degrades towards
 * `unknown`, never towards `host`.
 *
 *  - guests[]   what `lhguard guests` shows. A guest lives as long as something refers to it: a
 * member process, a named network namespace, or a cgroup that sockets still come from.
 *  - members[]  every process that is a guest, works for one, or supervises one, found by pid.
 * fork copies the entry, exec looks again, exit removes it.
 *  - suspects[] the members whose sockets the cgroup does not give away: conduits, VMMs, and
 * contained processes in the guarded network namespace, or that were in it once. Only these are ever searched for a socket.
 *  - cgroups[]  cache from a cgroup id to "this guest's" or "says nothing". Ids are never reused by
 * the kernel, so an entry never goes stale.
 *  - findings[] VMMs and conduits that no list names, with the queues of processes that are too young
 * to tell.
 *  - wires[]    which network namespace or VMM is behind an interface.
 *  - macs[]     MAC addresses of the VMs that run, for the wires that they share with others.
 *
 * A socket carries the cgroup that its process was in when it made the socket. So a suspect is
 * searched when it is, or ever was seen to be, in the socket's cgroup. Processes are moved without
 * any event; their current cgroup is therefore read for each question and not remembered.
 */
#ifndef LHGUARD_GUESTS_STATE_H
#define LHGUARD_GUESTS_STATE_H

#include "guests/registry.h"

#include "guests/catalogue.h"
#include "kernel/cgroups.h"
#include "kernel/descriptors.h"
#include "kernel/devices.h"
#include "kernel/links.h"
#include "kernel/processes.h"
#include "kernel/sockets.h"

#define GUESTS_MAX     2048
#define MEMBER_SLOTS   16384 /* a power of two */
#define MEMBERS_MAX    (MEMBER_SLOTS / 4 * 3)
#define SUSPECTS_MAX   2048
#define CGROUPS_MAX    2048 /* a power of two */
#define WIRES_MAX      2048
#define WIRE_SLOTS     4096 /* a power of two, more than WIRES_MAX */
#define GUEST_MACS_MAX 4096
#define LOST_BITS      4096 /* a power of two */
#define CGROUPS_SEEN   4    /* cgroups remembered for one suspect */
#define SERVED_MAX     8    /* VMs behind one conduit that are told by name */
#define SEARCH_BUDGET  8192 /* descriptors read for one connection */

#define FINDINGS_MAX 2048
#define YOUNG_STAGES 4
#define YOUNG_MAX    2048 /* young processes that wait for one stage */

#define NO_GUEST UINT16_MAX

#define ANCESTORS_MAX 16 /* levels walked up to find a supervisor */

#define CONDUIT_WAIT_US 30000 /* before a new conduit's guests are looked for */
#define CONDUIT_LOOKS	8     /* with twice the time between them for each */

/**
 * struct member - one process that has to do with a guest
 * @pid: its number
 * @guest: index in guests[], NO_GUEST for a conduit whose guests are found by @netns
 * @suspect: index in suspects[], -1 when its cgroup tells all, or it is not in the guarded namespace and has
 *	brought no socket from there
 * @local: works for a guest in the guarded network namespace, or with sockets of it
 * @was_searched: it was a suspect when it was looked at last
 * @loose: contained, but its cgroup does not say so: may hide a socket from its descriptors
 * @is_copy: made by a fork, and no other program since: comes and goes unnoticed
 * @carried: only known from before everything was read anew, or from the first of its two passes; not
 * in members[]
 * @headless: its first thread has ended, and others live on
 * @supervisor: a host process (conmon, …): keeps the guest alive, its own connections are the
 * host's
 * @started_by: in clock ticks since boot: a process of this number that started later is another
 * @program: its entry in the catalogue, NULL for a contained process
 * @namespaces: a supervisor's
 */
struct member {
	pid_t pid;
	uint16_t guest;
	int16_t suspect;
	bool local;
	bool was_searched;
	bool loose;
	bool is_copy;
	bool carried;
	bool headless;
	bool supervisor;
	uint64_t started_by;
	const struct program *program;
	struct namespaces namespaces;
};

/**
 * struct past - a contained process or a VMM before everything was read anew
 * @pid: its number
 * @guest: index in guests[]
 * @guest_id: that guest's id
 * @started_by: as in struct member
 * @was_searched: as in struct member
 * @program: a VMM's, else NULL
 */
struct past {
	const struct program *program;
	pid_t pid;
	uint16_t guest;
	uint32_t guest_id;
	uint64_t started_by;
	bool was_searched;
};

/**
 * struct suspect - a process that is searched for sockets
 * @pid: 0 in a free slot
 * @guest: as in struct member
 * @loose: as in struct member
 * @hint: descriptor where the last socket was found
 * @program: as in struct member
 * @netns: inode of the namespace whose tap it serves, 0 when not known
 * @served: the VMs at the other ends of its Unix sockets; @id 0 in a free slot
 * @serves_others: and some that have no slot, or are not known
 * @peers_hash: of the other ends that @served is from
 * @looks: how often its guests were looked for since something changed
 * @is_settled: they were looked for as often as they are
 * @look_next_us: CLOCK_MONOTONIC of the next time, 0: none
 * @seen_next: which of its hashes in suspect_seen[] is written next
 */
struct suspect {
	pid_t pid;
	uint16_t guest;
	bool loose;
	int hint;
	const struct program *program;
	uint64_t netns;
	struct served {
		uint16_t guest;
		uint32_t id;
	} served[SERVED_MAX];
	bool serves_others;
	uint64_t peers_hash;
	uint8_t looks;
	bool is_settled;
	uint64_t look_next_us;
	uint8_t seen_next;
};

/**
 * struct cgroup_entry - what a cgroup id means
 * @id: 0 in a free slot
 * @path_hash: hash of its path
 * @is_guest: it is a guest's; then @match says whose
 * @guest_id: that guest's id when it was last asked for, 0 before
 * @guest: its index then
 */
struct cgroup_entry {
	uint64_t id;
	uint64_t path_hash;
	bool is_guest;
	struct cgroup_match match;
	uint32_t guest_id;
	uint16_t guest;
};

/**
 * struct finding - a process that is a VMM or a conduit by what it holds (structure.c)
 * @start: of the process, see struct process
 * @program: stands for what no list names
 * @why: how it was recognised, a static string for a person
 */
struct finding {
	pid_t pid;
	uint64_t start;
	const struct program *program;
	const char *why;
};

/**
 * struct young - a process that started or became another program not long ago
 * @due_us: CLOCK_MONOTONIC when it is looked at next
 */
struct young {
	pid_t pid;
	uint64_t due_us;
};

/** struct young_queue - those that wait equally long, in the order of their turn; a ring */
struct young_queue {
	struct young entries[YOUNG_MAX];
	uint32_t first;
	uint32_t count;
};

enum wire_state {
	WIRE_UNRESOLVED,
	WIRE_NETNS,  /* a veth: @netns */
	WIRE_MEMBER, /* a tap or macvtap: @guest_id is the VM that holds it */
	WIRE_VMM,    /* a host-only network: VMs of @runtime */
	WIRE_LAN,    /* leads to the LAN */
};

/**
 * struct wire_end - what is at the other end of an interface
 * @ifindex: 0 in a free slot
 * @seen: the link as it was when this was found out
 * @guest_id: id of the guest for WIRE_MEMBER
 * @runtime: for WIRE_VMM
 */
struct wire_end {
	uint32_t ifindex;
	enum wire_state state;
	struct link seen;
	uint64_t netns;
	uint32_t guest_id;
	char runtime[RUNTIME_SIZE];
};

/**
 * struct mac_entry - a MAC address of a VM that runs
 * @is_configured: its configuration says so
 * @is_injected: … and it is bridging_is_proven(), and no router of the host's has it
 * @is_macvtap: it is that of its macvtap
 *
 * Only the last two are on a wire that others share; any other VM is known by its own wire.
 */
struct mac_entry {
	uint32_t guest_id;
	uint8_t mac[MAC_SIZE];
	bool is_configured;
	bool is_injected;
	bool is_macvtap;
};

/**
 * struct mac_reading - what became of reading one VM's configuration
 * @guest_id: 0 in a free slot
 * @holds_driver: of a runtime that bridges: a process of it was seen to hold its driver
 * @looks: how often that was looked for in vain
 * @look_us: CLOCK_MONOTONIC of the next time, 0: none
 * @is_read: all its addresses are in macs[]
 * @tries: how often that was tried in vain
 * @read_us: CLOCK_MONOTONIC of the last time
 * @next_us: … of the next, 0: none
 */
struct mac_reading {
	uint32_t guest_id;
	bool holds_driver;
	uint8_t looks;
	uint64_t look_us;
	bool is_read;
	uint8_t tries;
	uint64_t read_us;
	uint64_t next_us;
};

struct registry {
	struct registry_settings settings;
	struct namespaces host; /* of process 1; @host.net is the guarded one */
	struct guest guests[GUESTS_MAX];
	uint64_t guest_keys[GUESTS_MAX];     /* hashes of guests[].key, close together */
	uint64_t guest_netns[GUESTS_MAX];    /* guests[].netns again, close together */
	uint32_t guest_ids[GUESTS_MAX];	     /* guests[].id, too */
	uint32_t guest_members[GUESTS_MAX];  /* members that refer to it */
	uint16_t guest_suspects[GUESTS_MAX]; /* of them, those that are suspects */
	uint32_t guests_high;		     /* slots below this have been used */
	uint32_t next_id;
	uint32_t generation; /* see registry_generation() */
	uint64_t prune_us;   /* CLOCK_MONOTONIC of the next look for guests to forget, 0: none */
	bool prune_held;     /* nobody is forgotten while everything is read anew */
	bool reads_anew;     /* … which is going on */
	const struct catalogue
		*catalogue_before; /* … with another catalogue: the last one, else NULL */
	bool leaders_lost;	   /* some guest's leader has ended */
	bool supervisors_due;	   /* some guest's @supervisor_due */
	uint32_t vm_changes;	   /* VMs that came and went */
	uint32_t vm_changes_seen;  /* by conduits_work() */
	struct member members[MEMBERS_MAX];  /* the first @member_count, in no order */
	uint16_t member_slots[MEMBER_SLOTS]; /* hash by pid of indexes in members[], plus one */
	uint32_t member_count;
	uint32_t members_lost;	       /* members that found no room */
	struct past past[MEMBERS_MAX]; /* the first @past_count, in order of their pids */
	uint32_t past_count;
	uint32_t local_members; /* guest processes in the guarded network namespace */
	struct suspect suspects[SUSPECTS_MAX];
	/* Halves of hashes of cgroup paths that suspects[] were seen in, close together. */
	uint32_t suspect_seen[SUSPECTS_MAX][CGROUPS_SEEN];
	uint32_t suspects_high;
	uint32_t suspects_count;
	uint32_t suspects_lost; /* found no slot: sockets of their cgroups are unknown */
	uint64_t lost_cgroups[LOST_BITS / 64]; /* Bloom filter of where those lost may be */
	uint32_t loose_suspects;	       /* contained processes that no cgroup gives away */
	uint64_t conduits_next_us; /* CLOCK_MONOTONIC of the next look at a conduit, 0: none */
	uint64_t sweep_us;	   /* CLOCK_MONOTONIC of the next look for headless ones' ends */
	uint32_t headless;	   /* members whose end is not reported: looked at now and then */
	uint64_t local_start_us;   /* CLOCK_MONOTONIC of the newest local member's start */
	uint64_t local_exit_us;	   /* … and of the latest one's end, or of one that was missed */
	uint64_t cgroups_fingerprint; /* see members_missed() */
	uint64_t cgroups_changed_us;  /* CLOCK_MONOTONIC when that was seen to change */
	int64_t search_saved_us;      /* that long searches may take; negative: they took more */
	uint64_t search_began_us;     /* CLOCK_MONOTONIC of the latest search */
	bool search_is_short;	      /* … which must not be long */
	struct finding findings[FINDINGS_MAX];
	uint32_t findings_high; /* how many there are */
	uint32_t findings_lost; /* found no room */
	struct young_queue young[YOUNG_STAGES];
	DIR *sweep;		/* the look at all processes that is going on, NULL for none */
	bool sweep_due;		/* one is wanted */
	uint64_t sweep_next_us; /* CLOCK_MONOTONIC of the next one in any case */
	bool sandboxes_trusted; /* see registry_trust_sandboxes() */
	struct cgroup_entry cgroups[CGROUPS_MAX];
	struct wire_end wires[WIRES_MAX];
	uint32_t wires_high;
	struct mac_entry macs[GUEST_MACS_MAX];
	uint32_t mac_count;
	struct mac_reading mac_readings[GUESTS_MAX]; /* of guests[] */
	uint32_t macs_generation;		     /* of the registry, when they were looked at */
	uint64_t macs_next_us;			     /* CLOCK_MONOTONIC of the next look, 0: none */
	uint16_t wire_slots[WIRE_SLOTS]; /* hash by ifindex of indexes in wires[], plus one */
	int32_t guest_nsids[GUESTS_MAX]; /* see peers.c */
	bool claims_told;		 /* somebody was warned of one, see macs.c */
	bool routers_told;		 /* … of a router's MAC address */
	bool macs_stale;		 /* an address was seen that a new adapter may have */
	bool kernel_knows_cgroups;	 /* see registry_kernel_knows() */
	bool wires_pending;		 /* some wire is unresolved */
	bool names_pending;		 /* some guest's name is to be looked for in files */
	uint64_t wires_scanned_us; /* CLOCK_MONOTONIC of the last scan of all of /proc for wires */
	uint64_t wires_took_us;	   /* how long that took */
	uint64_t wires_wait_us;	   /* from then to the next one */
};

/**
 * struct guest_key - a guest's key while it is not clear whether there is such a guest
 * @known_by: as in struct guest
 * @text: as its @key
 */
struct guest_key {
	enum known_by known_by;
	char text[GUEST_KEY_SIZE];
};

/*
 * keys.c: the only place that writes and reads the text of a key
 * @type: "netns" for a network namespace as such; "pidns", "userns", "mntns" for one that is lived in
 */
void keys_by_id(struct guest_key *key, const char *id);
void keys_by_cgroup(struct guest_key *key, const struct cgroup_match *match);
void keys_by_supervisor(struct guest_key *key, const char *runtime, const char *name);
void keys_by_vmm(struct guest_key *key, const char *runtime, const struct process *vmm);
void keys_by_namespace(struct guest_key *key, const char *type, uint64_t inode);

/* What it says behind the colon, when the guest is known by that; else NULL. */
const char *keys_rest(const struct guest *guest, enum known_by known_by);

/* guests.c: the table of guests */
struct guest *guests_find_key(struct registry *registry, const char *key);
struct guest *guests_find_id(struct registry *registry, uint32_t id);
struct guest *guests_add(struct registry *registry, enum kind kind, const char *runtime,
			 const char *name, const struct guest_key *key, const char *why);
struct guest *guests_for_cgroup(struct registry *registry, const struct cgroup_match *match,
				const struct process *process);
void guests_set_name(struct guest *guest, const char *name);
void guests_set_key(struct registry *registry, struct guest *guest, const struct guest_key *key);
struct guest *guests_for_netns(struct registry *registry, uint64_t netns);
void guests_set_netns(struct registry *registry, struct guest *guest, uint64_t netns);
void guests_release(struct registry *registry, uint16_t index);
void guests_prune(struct registry *registry);
void guests_check_leaders(struct registry *registry);
uint64_t guests_work(struct registry *registry);
uint16_t guests_index(const struct registry *registry, const struct guest *guest);

/* naming.c: names that stand in files */
void guests_want_name(struct registry *registry, struct guest *guest);
void guests_note_user(struct registry *registry, struct guest *guest, const char *cgroup);
uint64_t guests_name_work(struct registry *registry);

/*
 * supervisors.c: guests with names; NULL when there is none yet
 * @process: in that cgroup, NULL when only a socket tells of it
 * @kept: whose supervisor it was when it was looked at before, or its parent is; NULL for none
 */
struct guest *supervisors_claim(struct registry *registry, const struct cgroup_match *match,
				const struct process *process);
struct guest *supervisors_guest(struct registry *registry, pid_t supervisor,
				const struct program *program, const char *name,
				struct guest *kept);
void supervisors_note_leader(struct registry *registry, struct guest *guest);
bool supervisors_work(struct registry *registry);

/*
 * classify.c: what a process is; true with @member filled in when it has to do with a guest
 * @before: what it was as another program, NULL for nothing
 * @kept: as above
 */
bool members_classify(struct registry *registry, const struct process *process, const char *cgroup,
		      const struct member *before, struct member *member);
struct guest *classify_program(struct registry *registry, const struct program *program,
			       const struct process *process, const char *outer,
			       struct guest *kept);
bool works_for_guests(const struct program *program);

/** struct own_namespace - one that is not the host's */
struct own_namespace {
	const char *type; /* as keys_by_namespace() takes it */
	const char *why;  /* a guest is recognised by it, a static string for a person */
	uint64_t inode;
};

/* namespaces.c: is it in others than the host's? A mount namespace alone sets apart and does not contain. */
bool namespaces_are_hosts(const struct registry *registry, const struct namespaces *theirs);
bool is_contained(const struct registry *registry, const struct process *process);
bool is_set_apart(const struct registry *registry, const struct process *process);

/* namespaces.c: by which of them a process is known that is_set_apart(), and a name for want of a better */
struct own_namespace namespaces_first(const struct registry *registry,
				      const struct process *process);
void namespaces_put_name(char *name, const struct own_namespace *own);

/* namespaces.c: the guest that is known by one of them; one more that stands for the first of them */
struct guest *namespaces_guest(struct registry *registry, const struct process *process);
struct guest *namespaces_stand_in(struct registry *registry, const struct process *process);
bool namespaces_is_stand_in(const struct guest *guest);

/* contained.c: the same for one in namespaces of its own; false when it is the host's all the same */
bool contained_classify(struct registry *registry, const struct process *process,
			const struct program *program, const char *cgroup,
			const struct member *before, struct member *member, struct guest **guest);
struct guest *contained_sandbox(struct registry *registry, const struct process *process,
				const struct program *program);
bool may_hide(const struct registry *registry, const struct guest *guest);

/* Of two times to come again; 0 is never. */
static inline uint64_t earlier(uint64_t a, uint64_t b)
{
	return !a || (b && b < a) ? b : a;
}

/* One that cannot be read (0) is not. */
static inline bool namespace_is_foreign(uint64_t inode, uint64_t host)
{
	return inode && inode != host;
}

/* structure.c: processes that are known by what they hold */
const struct finding *structure_find(const struct registry *registry,
				     const struct process *process);
bool structure_knows(const struct registry *registry, pid_t pid);
void structure_forget(struct registry *registry, pid_t pid);
void structure_forget_libraries(struct registry *registry);
void structure_inherit(struct registry *registry, pid_t child, pid_t parent);
void structure_recheck(struct registry *registry);
void structure_examine(struct registry *registry, pid_t pid);
void structure_enlist(struct registry *registry, pid_t pid);
void structure_sweep_all(struct registry *registry);
void structure_end_sweep(struct registry *registry);
uint64_t structure_work(struct registry *registry);

/* May it still turn out to serve a network namespace? Not one that serves VMs, or that was looked at
 * long enough. */
static inline bool conduit_is_pending(const struct suspect *suspect)
{
	return suspect->look_next_us && !suspect->netns && !suspect->served[0].id &&
	       !suspect->is_settled;
}

/* past.c: between two readings of everything */
uint64_t past_now(void); /* in clock ticks since boot, as a process's start */
void past_keep(struct registry *registry);
bool past_find(const struct registry *registry, const struct process *process,
	       struct member *member);
void past_forget(struct registry *registry);

/* members_table.c: where their entries are; pointers to them are good until one leaves */
struct member *members_find(struct registry *registry, pid_t pid);
struct member *members_append(struct registry *registry, const struct member *entry);
void members_take_out(struct registry *registry, struct member *member);
void members_take_out_all(struct registry *registry);

/* members.c: processes */
void members_look_at(struct registry *registry, pid_t pid);
void members_fork(struct registry *registry, pid_t child, pid_t parent);
void members_exec(struct registry *registry, pid_t pid);
void members_remove(struct registry *registry, pid_t pid);
void members_clear(struct registry *registry);
void members_exit(struct registry *registry, pid_t pid);
void members_missed(struct registry *registry);
uint64_t members_work(struct registry *registry);

/*
 * suspects.c: processes that are searched for sockets, and cgroups that sockets of others may be in
 * @path_hash: of the cgroup that the process is in
 */
void suspects_add(struct registry *registry, struct member *member, uint64_t path_hash);
void suspects_remove(struct registry *registry, const struct member *member);
void suspects_clear(struct registry *registry);
void suspects_lose(struct registry *registry, int16_t suspect);
void suspect_remember(struct registry *registry, uint32_t suspect, uint64_t path_hash);
void cgroup_lose(struct registry *registry, uint64_t path_hash);
bool cgroup_is_lost(const struct registry *registry, uint64_t path_hash);

static inline bool suspect_was_seen(const struct registry *registry, uint32_t suspect,
				    uint64_t path_hash)
{
	bool seen = false;

	for (int i = 0; i < CGROUPS_SEEN; i++)
		seen |= registry->suspect_seen[suspect][i] == path_hash >> 32;
	return seen;
}

/* search.c: whose a socket is that no cgroup gives away */
enum search_result {
	SEARCH_FOUND,
	SEARCH_NOBODY,
	SEARCH_NOT_NEEDED, /* no suspect was ever in that cgroup */
	SEARCH_UNSURE,	   /* one of them may have it all the same */
};

/*
 * How many descriptors may be read for a connection, and that it is over: @budget is left of them.
 * Long searches get a part of the time only, so that a guest with many descriptors keeps nobody waiting.
 */
unsigned int search_begin(struct registry *registry);
void search_end(struct registry *registry, unsigned int budget);

enum search_result search_suspects(struct registry *registry, const struct socket_info *socket,
				   const struct cgroup_entry *cgroup, unsigned int *budget,
				   struct suspect **found);

/* conduits.c: is it a process of this guest, or does it open connections for it? */
bool suspect_serves(const struct suspect *suspect, const struct guest *guest, uint16_t index);

/* conduits.c: whom the conduits serve; returns when to come again, 0: never */
uint64_t conduits_work(struct registry *registry, uint64_t now);

/* attribution.c and wire_source.c: the two halves of registry_source() */
int loopback_source(struct registry *registry, const struct flow *flow,
		    const struct arrival *arrival, struct source *source);
void wire_source(struct registry *registry, const struct flow *flow, const struct arrival *arrival,
		 struct source *source);
uint64_t wires_work(struct registry *registry);

/* peers.c: which network namespace is at the other end of a veth */
void peers_ask_guests(struct registry *registry);
bool peers_is_process(struct registry *registry, const struct link *link, pid_t pid,
		      uint64_t *netns);
bool peers_find_guest(struct registry *registry, const struct link *link, uint64_t *netns);
void peers_search(struct registry *registry,
		  void (*found)(struct registry *registry, int32_t nsid, uint64_t netns));
/* wires.c: who is at the other end of an interface */
struct wire_end *wires_find(struct registry *registry, uint32_t ifindex);
void wires_forget_runtimes(struct registry *registry);
void wires_keep_netns(
	struct registry *registry); /* each has a guest, if only the namespace as such */
bool wire_leads_to(const struct wire_end *wire, const struct guest *guest);

/* wire_source.c: the route of what comes in by an interface that is no bridge */
enum route wire_route(const struct link *link);

/* bridged.c: the driver by which this runtime puts frames of guests into the host's adapters; NULL
 * for one that does not
 */
const char *bridging_driver(const char *runtime);

/* bridged.c: is this guest one of such a runtime, and was it seen to hold that driver? */
bool bridging_is_proven(const struct registry *registry, uint32_t index);

/* bridged.c: by the MAC address; false and nothing written when it is no guest's */
bool bridged_source(struct registry *registry, const struct link *link, const struct flow *flow,
		    const struct arrival *arrival, struct source *source);
bool host_only_source(struct registry *registry, const char *runtime, const struct arrival *arrival,
		      struct source *source);

/* macs.c: the table of MAC addresses; when to come again, 0: never */
uint64_t macs_work(struct registry *registry);

/* configurations.c: the MAC addresses that a VM's configuration has; how many, or -errno */
int configuration_macs(const struct registry *registry, const struct guest *guest,
		       uint8_t (*macs)[MAC_SIZE], size_t size);

/* attribution.c: what both halves write */
void source_set_guest(struct source *source, const struct guest *guest);
void source_add_guest(struct source *source, const struct guest *guest);
void source_share(struct source *source);
void source_set_suspect(struct registry *registry, struct source *source, struct suspect *suspect);
bool is_own_service(struct registry *registry, const struct flow *flow, const struct guest *guest,
		    unsigned int *budget);
void source_set_netns(const struct registry *registry, struct source *source, uint64_t netns);
uint64_t hash_text(const char *text);

#endif
