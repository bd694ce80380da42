/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All that is known of one guest, collected when somebody looks. */
#ifndef LHGUARD_GUESTS_VIEW_H
#define LHGUARD_GUESTS_VIEW_H

#include "kernel/cgroups.h"

#include "flow.h"

struct guest;
struct registry;

#define VIEW_MOST    16 /* entries of each list; what is beyond is left out */
#define VIEW_LISTENS 64

/**
 * struct guest_view - what registry_view() finds, beside struct guest itself
 * @has_user: @user is valid
 * @user: real uid of its leader
 * @processes: that are its own, work for it or supervise it
 * @cgroup: path of its own cgroup, "" when it has none that is known
 * @interfaces: the host's ends of its wires, each with the bridge that it is a port of, or ""
 * @macs: seen at these interfaces, the newest first
 * @addresses: that these MAC addresses answered for; IPv4 first, link-local last. A guest chooses
 *	them, so they are shown and nothing more.
 * @conduits: host processes that open connections for it: its VMM, slirp4netns, …
 * @listens: where it waits for connections on the host (listening.h)
 */
struct guest_view {
	bool has_user;
	uint32_t user;
	uint32_t processes;
	char cgroup[CGROUP_PATH_SIZE];
	struct {
		char name[IF_NAMESIZE];
		char bridge[IF_NAMESIZE];
	} interfaces[VIEW_MOST];
	size_t interface_count;
	uint8_t macs[VIEW_MOST][MAC_SIZE];
	size_t mac_count;
	struct in6_addr addresses[VIEW_MOST];
	size_t address_count;
	struct {
		pid_t pid;
		char comm[COMM_SIZE];
		char runtime[RUNTIME_SIZE];
	} conduits[VIEW_MOST];
	size_t conduit_count;
	struct {
		uint8_t protocol;
		uint16_t port;
		struct in6_addr address;
		char program[COMM_SIZE];
	} listens[VIEW_LISTENS];
	size_t listen_count;
};

/**
 * registry_view() - collect it
 * Reads /proc and, at most once a second, the kernel's neighbour tables: for the control path only.
 */
void registry_view(const struct registry *registry, const struct guest *guest,
		   struct guest_view *view);

#endif
