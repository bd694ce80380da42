/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who reaches what: plain data between the daemon and the control socket. */
#ifndef LHGUARD_CONTROL_REACH_H
#define LHGUARD_CONTROL_REACH_H

#include "flow.h"

#define REACH_LABEL_SIZE (NAME_SIZE + RUNTIME_SIZE)

struct known_service;
struct reach_walk;

/**
 * struct reach - what the policy says now of a guest and a port, by that of its ways that it gets
 * furthest on
 * @guest: its id
 * @label: as source_label()
 * @route: @interface: that way
 * @decision: its @rule is @rule
 */
struct reach {
	uint32_t guest;
	char label[REACH_LABEL_SIZE];
	enum route route;
	char interface[IF_NAMESIZE];
	struct decision decision;
	char rule[128];
};

/**
 * struct open_port - a port of this host on which somebody waits
 * @address: in struct flow's form; 0.0.0.0 is ::ffff:0.0.0.0
 * @pid: process that holds the socket, 0 when it could not be found
 * @program: its comm
 * @owner: whose it is: the host, a guest, unknown
 * @known: what services.conf(5) calls it, NULL: nothing
 * @lan: it is bound to more than loopback: the LAN's packets are not the guard's to judge
 * @reaches: one for each guest that has a way here, those that are let through first
 * @reached: so many are
 */
struct open_port {
	uint8_t protocol;
	uint16_t port;
	struct in6_addr address;
	pid_t pid;
	char program[COMM_SIZE];
	struct source owner;
	const struct known_service *known;
	bool lan;
	const struct reach *reaches;
	size_t reach_count;
	size_t reached;
};

#endif
