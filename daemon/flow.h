/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The plain data that passes down the pipeline: flow, arrival, source, decision, attempt. */
#ifndef LHGUARD_FLOW_H
#define LHGUARD_FLOW_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define NAME_SIZE    128 /* bytes of a guest's name with its NUL (text_copy_name()) */
#define RUNTIME_SIZE 32	 /* bytes of a runtime's word, e.g. "podman", with its NUL */
#define COMM_SIZE    16	 /* bytes of a process's comm with its NUL (TASK_COMM_LEN) */
#define MAC_SIZE     6

#define GUEST_KEY_SIZE 256 /* bytes of struct guest's key with its NUL */

/**
 * struct flow - what the first packet of a connection says
 * @client: source address; IPv4 is held as ::ffff:a.b.c.d (RFC 4291, 2.5.5.2)
 * @service: destination address, same form
 * @client_port: host byte order; 0 where the protocol has no ports
 * @service_port: host byte order; 0 where the protocol has no ports
 * @family: AF_INET or AF_INET6, as on the wire
 * @protocol: IPPROTO_TCP, IPPROTO_UDP, …: the number in the IP header, after extension headers
 * @icmp_type: ICMP or ICMPv6 type, else 0
 * @sequence: TCP: the initial sequence number, which a retransmitted SYN has, too; else 0
 */
struct flow {
	struct in6_addr client;
	struct in6_addr service;
	uint16_t client_port;
	uint16_t service_port;
	uint8_t family;
	uint8_t protocol;
	uint8_t icmp_type;
	uint32_t sequence;
};

/**
 * struct arrival - what the kernel says about the packet beside its bytes
 * @loopback: queued at output on lo (the client is a local socket); else at input
 * @guest_cgroup: the kernel knows the client socket's cgroup to be a guest's (ruleset.h)
 * @looped: queued at input, where it has come back: a datagram to many that a local socket has sent,
 *	of which the kernel gives this host a copy
 * @listed: no packet waits for the answer: it is an open connection that somebody lists or cuts
 * @injected: seen at input on lo without having passed output: a raw frame, put there by a packet
 *	socket (packet(7))
 * @ifindex: interface it came in by, 0 at output
 * @port_ifindex: bridge port (NFQA_IFINDEX_PHYSINDEV), 0 when the kernel does not tell
 * @has_mac: @mac is valid
 * @mac: source MAC address
 * @has_uid: @uid is valid (NFQA_UID; output only)
 * @uid: file-system uid of the client socket's creator
 */
struct arrival {
	bool loopback;
	bool guest_cgroup;
	bool looped;
	bool listed;
	bool injected;
	uint32_t ifindex;
	uint32_t port_ifindex;
	bool has_mac;
	uint8_t mac[MAC_SIZE];
	bool has_uid;
	uint32_t uid;
};

enum source_class {
	SOURCE_HOST,
	SOURCE_GUEST,
	SOURCE_LAN,
	SOURCE_UNKNOWN,
	SOURCE_CLASS_COUNT,
};

enum kind {
	KIND_VM,
	KIND_CONTAINER,
	KIND_SANDBOX,
	KIND_LAN,
	KIND_UNKNOWN,
	KIND_COUNT,
};

enum route {
	ROUTE_LOCAL, /* a host process on lo */
	ROUTE_USER_NET,
	ROUTE_HOST_NET,
	ROUTE_BRIDGE,
	ROUTE_VETH,
	ROUTE_TAP,
	ROUTE_MACVTAP,
	ROUTE_LAN,
	ROUTE_MARTIAN,
	ROUTE_COUNT,
};

/**
 * struct source - who a connection is from, as far as the kernel can prove it
 * @class: host, guest, lan or unknown
 * @kind: the guest's kind; KIND_LAN for lan, KIND_UNKNOWN for unknown; unused for host
 * @route: how it arrived
 * @runtime: "podman", "qemu", …; "" when not known
 * @name: the guest's name, "" when not known; for a conduit of several guests "one of: a, b"
 * @is_numbered: @name has the number of a process or a namespace, which is another's later
 * @guest: its id in the registry, 0 when it has none
 * @shared: @name names several guests, of which one is it: no exception by name may match, and
 *	@kind and @runtime are only what all of them have in common
 * @conduit: runtime's word of the conduit that opened the connection, "" when none did
 * @interface: name of the interface it came in by ("lo" for loopback)
 * @own_service: the guest itself listens on the service
 * @own_gateway: the service's address belongs to the interface that the guest came in by
 * @pid: process that owns the client socket, 0 when not known
 * @comm: that process's comm, "" when not known
 * @why: how it was recognised, a static string for a person
 */
struct source {
	enum source_class class;
	enum kind kind;
	enum route route;
	char runtime[RUNTIME_SIZE];
	char name[NAME_SIZE];
	bool is_numbered;
	uint32_t guest;
	bool shared;
	char conduit[RUNTIME_SIZE];
	char interface[IF_NAMESIZE];
	bool own_service;
	bool own_gateway;
	pid_t pid;
	char comm[COMM_SIZE];
	const char *why;
};

enum verdict {
	VERDICT_ACCEPT,
	VERDICT_DROP,
	VERDICT_REJECT,
	VERDICT_COUNT,
};

enum reason {
	REASON_HOST,	  /* a process of the host */
	REASON_MALFORMED, /* the packet could not be parsed */
	REASON_MARTIAN,	  /* 127/8 or ::1 from anywhere but lo */
	REASON_VANISHED,  /* the client socket closed before it could be looked up */
	REASON_DENY_EXCEPTION,
	REASON_ALLOW_EXCEPTION,
	REASON_OWN_SERVICE, /* the guest itself listens there */
	REASON_INFRASTRUCTURE,
	REASON_DEFAULT,
	REASON_LISTENS,	   /* EVENT_LISTENER: a guest waits on a port of the host */
	REASON_TAKES_PORT, /* EVENT_LISTENER: … which a program of the host had */
	REASON_COUNT,
};

/**
 * struct decision - what the policy says of one connection
 * @verdict: what happens in enforce mode
 * @reason: which step of the policy decided
 * @exception: id of the exception that decided, 0 if none did
 * @once: that exception ends when what was asked about is let through
 * @rule: the deciding line in words, a static string or one that lives as long as the policy
 */
struct decision {
	enum verdict verdict;
	enum reason reason;
	uint32_t exception;
	bool once;
	const char *rule;
};

enum event_type {
	EVENT_ATTEMPT,	/* a new connection */
	EVENT_LISTENER, /* a guest waits for connections on the host: nothing is judged */
	EVENT_TYPE_COUNT,
};

/**
 * struct attempt - one recorded attempt: flow, source and decision, and how often it came
 * @type: for EVENT_LISTENER the flow has a service only, and @program had the port before
 * @id: number of the attempt since the daemon's start, from 1
 * @first_us: CLOCK_REALTIME of the first packet, microseconds
 * @last_us: of the latest
 * @count: packets of this attempt (a retransmitted SYN is the same attempt)
 * @enforced: false in monitor mode: the packet was accepted whatever @decision says
 * @program: comm of the process that listens on the service, "" when not known
 */
struct attempt {
	enum event_type type;
	uint64_t id;
	uint64_t first_us;
	uint64_t last_us;
	uint32_t count;
	bool enforced;
	struct flow flow;
	struct arrival arrival;
	struct source source;
	struct decision decision;
	char rule[128];
	char program[COMM_SIZE];
};

/* The word for each value, as in files, JSON and the journal, and back (-EINVAL for other text). */
const char *source_class_text(enum source_class class);
const char *kind_text(enum kind kind);
const char *route_text(enum route route);
const char *verdict_text(enum verdict verdict);
const char *reason_text(enum reason reason);
const char *event_type_text(enum event_type type);
int kind_parse(const char *text);

/** address_is_loopback() - is it in 127/8 or ::1 (or ::ffff:127/8)? */
bool address_is_loopback(const struct in6_addr *address);

/** flow_is_martian_target() - is the service in 127/8 or ::1 (or ::ffff:127/8)? */
bool flow_is_martian_target(const struct flow *flow);

/** address_any_four - 0.0.0.0, as everywhere mapped into IPv6 (RFC 4291, 2.5.5.2): ::ffff:0:0 */
extern const struct in6_addr address_any_four;

/** address_family() - AF_INET for ::ffff:a.b.c.d, else AF_INET6. */
uint8_t address_family(const struct in6_addr *address);

/** address_is_any() - is it 0.0.0.0 or ::? */
bool address_is_any(const struct in6_addr *address);

/**
 * address_format() - "127.0.0.1" or "fe80::1"
 * @target: at least INET6_ADDRSTRLEN bytes
 */
const char *address_format(char *target, size_t size, const struct in6_addr *address);

/** protocol_format() - "tcp", "udp", "sctp", "icmp", "icmpv6", else the number. */
const char *protocol_format(char *target, size_t size, uint8_t protocol);

/** attempt_copy() - with the words of its rule, which then outlive the policy */
void attempt_copy(struct attempt *target, const struct attempt *source);

/** source_label() - "host", "vm:devbox", "container:web", "lan", "unknown". */
const char *source_label(char *target, size_t size, const struct source *source);

#endif
