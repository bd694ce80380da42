/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lhguard doctor looks at: one entry of a table for each state of the host that it knows. */
#ifndef LHGUARD_CLI_CHECKS_H
#define LHGUARD_CLI_CHECKS_H

#include <jansson.h>
#include <stdint.h>
#include <sys/types.h>

/** enum health - how it is; each is worse than the one before it */
enum health {
	HEALTH_OK,
	HEALTH_UNKNOWN,
	HEALTH_WARNING, /* the guard does its work, but somebody should look */
	HEALTH_PROBLEM, /* it cannot do its work, or not all of it */
};

/**
 * struct examination - what the checks look at
 * @proc: descriptor of /proc
 * @sysctl: path of /proc/sys
 * @netns: inode of the guarded network namespace, 0: of any
 * @is_inside: this process is in that namespace
 * @status: what the daemon says of itself, NULL without one
 * @guests: its list of guests, NULL when it could not be had
 * @daemon: its pid, 0 without one
 */
struct examination {
	int proc;
	const char *sysctl;
	uint64_t netns;
	int is_inside;
	const json_t *status;
	const json_t *guests;
	pid_t daemon;
};

/**
 * struct diagnosis - what a check found
 * @found: texts, not escaped
 */
struct diagnosis {
	enum health health;
	json_t *found;
};

/** diagnosis_add() - one more text, and it is at least as bad as this */
void diagnosis_add(struct diagnosis *diagnosis, enum health health, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/**
 * struct check - one of them
 * @name: a word for programs, which stays
 * @title: what it looks for, for a person
 * @advice: what to do if it is not; each command in it a WHOLE() of prose.h
 */
struct check {
	const char *name;
	const char *title;
	const char *advice;
	void (*examine)(const struct examination *examination, struct diagnosis *diagnosis);
};

extern const struct check checks[];
extern const size_t check_count;

/* checks_kernel.c */
void check_queue_expression(const struct examination *examination, struct diagnosis *diagnosis);
void check_socket_cgroup(const struct examination *examination, struct diagnosis *diagnosis);
void check_local_source(const struct examination *examination, struct diagnosis *diagnosis);
void check_cgroups(const struct examination *examination, struct diagnosis *diagnosis);
void check_process_events(const struct examination *examination, struct diagnosis *diagnosis);
void check_cut_connections(const struct examination *examination, struct diagnosis *diagnosis);
void check_bridge_netfilter(const struct examination *examination, struct diagnosis *diagnosis);

/* checks_daemon.c */
void check_capabilities(const struct examination *examination, struct diagnosis *diagnosis);
void check_own_view(const struct examination *examination, struct diagnosis *diagnosis);
void check_queues(const struct examination *examination, struct diagnosis *diagnosis);
void check_other_queues(const struct examination *examination, struct diagnosis *diagnosis);

/* checks_tables.c */
void check_tables(const struct examination *examination, struct diagnosis *diagnosis);

/* checks_openings.c */
void check_route_localnet(const struct examination *examination, struct diagnosis *diagnosis);
void check_virtualbox(const struct examination *examination, struct diagnosis *diagnosis);
void check_pasta(const struct examination *examination, struct diagnosis *diagnosis);
void check_slirp4netns(const struct examination *examination, struct diagnosis *diagnosis);
void check_host_network(const struct examination *examination, struct diagnosis *diagnosis);

#endif
