// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Checks of the kernel: what the guard needs of it. What the daemon found out it is asked; without one it
 * is tried, in a network namespace that ends with the try.
 */
#include "checks.h"

#include "output.h"

#include "kernel/connections.h"
#include "kernel/process_events.h"
#include "kernel/queue.h"
#include "kernel/ruleset.h"
#include "util/error.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define CGROUP2_MAGIC 0x63677270 /* statfs(2) */

/**
 * struct trial - what the kernel can, tried in a network namespace of its own
 * @result: 0: the rest is filled in; -errno: it could not be tried
 * @queue: 0, or why a queue cannot be had; @table: why the table cannot
 * @cut: what the kernel says to the end of a connection that there is not
 */
struct trial {
	int result;
	int queue;
	int table;
	struct error reason;
	bool is_native;
	bool knows_cgroups;
	bool sees_forged;
	int cut;
};

static void try_table(struct trial *trial)
{
	const struct ruleset_settings settings = {.loopback_queue = 1, .guests_queue = 2};
	struct ruleset *ruleset = NULL;

	trial->table = ruleset_new(&ruleset, &trial->reason);
	if (!trial->table)
		trial->table = ruleset_install(ruleset, &settings, &trial->reason);
	if (trial->table)
		return;
	trial->is_native = ruleset_expression(ruleset) == RULESET_NATIVE;
	trial->knows_cgroups = ruleset_knows_cgroups(ruleset);
	trial->sees_forged = ruleset_sees_forged(ruleset);
}

static void try_queue(struct trial *trial)
{
	const struct queue_settings settings = {.number = 1, .length = 16};
	struct queue *queue = NULL;
	struct error error = {.text = ""};

	trial->queue = queue_open(&queue, &settings, RULESET_REJECT_MARK, &error);
}

static void try_cut(struct trial *trial)
{
	const struct connection nobody = {
		.local = {.s6_addr = {[10] = 0xff, 0xff, 127, 0, 0, 1}},
		.remote = {.s6_addr = {[10] = 0xff, 0xff, 127, 0, 0, 1}},
		.family = AF_INET,
		.protocol = IPPROTO_TCP,
		.local_port = 1,
		.remote_port = 2,
		.cookie = {UINT32_MAX, UINT32_MAX},
	};
	struct connections *connections = NULL;

	trial->cut = connections_open(&connections);
	if (!trial->cut)
		trial->cut = connections_destroy(connections, &nobody);
}

/* The namespace ends with this process, and all that was made in it. */
static void try_all(int to)
{
	struct trial trial = {.result = 0};

	if (unshare(CLONE_NEWNET)) {
		trial.result = -errno;
	} else {
		try_cut(&trial);
		try_queue(&trial);
		try_table(&trial);
	}
	_exit(write(to, &trial, sizeof(trial)) == (ssize_t)sizeof(trial) ? 0 : 1);
}

static const struct trial *try_kernel(void)
{
	static struct trial trial;
	static bool is_tried;
	int ends[2];
	pid_t child;

	if (is_tried)
		return &trial;
	is_tried = true;
	trial.result = -EIO;
	if (pipe(ends))
		return &trial;
	fflush(NULL);
	child = fork();
	if (child == 0)
		try_all(ends[1]);
	close(ends[1]);
	if (child < 0 || read(ends[0], &trial, sizeof(trial)) != (ssize_t)sizeof(trial))
		trial.result = -EIO;
	close(ends[0]);
	if (child > 0)
		waitpid(child, NULL, 0);
	return &trial;
}

static bool cannot_try(const struct trial *trial, struct diagnosis *diagnosis)
{
	if (trial->result == -EPERM)
		diagnosis_add(diagnosis, HEALTH_UNKNOWN, "only root can try");
	else if (trial->result)
		diagnosis_add(diagnosis, HEALTH_UNKNOWN, "it cannot be tried: %s",
			      strerror(-trial->result));
	return trial->result != 0;
}

void check_queue_expression(const struct examination *examination, struct diagnosis *diagnosis)
{
	const char *expression =
		json_string_value(json_object_get(examination->status, "expression"));
	const struct trial *trial;

	if (!expression) {
		trial = try_kernel();
		if (cannot_try(trial, diagnosis))
			return;
		if (trial->queue)
			diagnosis_add(diagnosis, HEALTH_PROBLEM, "no queue: %s",
				      strerror(-trial->queue));
		if (trial->table)
			return diagnosis_add(diagnosis, HEALTH_PROBLEM, "no table: %s",
					     trial->reason.text);
		expression = trial->is_native ? "native" : "compat";
	}
	diagnosis_add(diagnosis, HEALTH_OK, "%s",
		      strcmp(expression, "compat")
			      ? "by the queue expression of nf_tables"
			      : "by the xtables target NFQUEUE: this kernel has no nft_queue");
}

/* What the daemon says, or the trial where there is none; < 0: not known, and said. */
static int kernel_has(const struct examination *examination, const char *member,
		      bool (*of_trial)(const struct trial *trial), struct diagnosis *diagnosis)
{
	const json_t *kernel = json_object_get(examination->status, "kernel");
	const struct trial *trial;

	if (is_told(kernel, member))
		return json_is_true(json_object_get(kernel, member));
	if (examination->status) {
		diagnosis_add(diagnosis, HEALTH_UNKNOWN,
			      "lhguardd does not say: if it is older than lhguard, restart it");
		return -1;
	}
	trial = try_kernel();
	return cannot_try(trial, diagnosis) ? -1 : of_trial(trial);
}

static bool knows_cgroups(const struct trial *trial)
{
	return !trial->table && trial->knows_cgroups;
}

void check_socket_cgroup(const struct examination *examination, struct diagnosis *diagnosis)
{
	if (!kernel_has(examination, "socketCgroup", knows_cgroups, diagnosis))
		diagnosis_add(diagnosis, HEALTH_WARNING, "the kernel refuses socket cgroupv2");
}

static bool sees_forged(const struct trial *trial)
{
	return !trial->table && trial->sees_forged;
}

void check_local_source(const struct examination *examination, struct diagnosis *diagnosis)
{
	if (!kernel_has(examination, "localSource", sees_forged, diagnosis))
		diagnosis_add(diagnosis, HEALTH_WARNING, "the kernel refuses fib saddr type");
}

void check_cgroups(const struct examination *examination, struct diagnosis *diagnosis)
{
	const json_t *kernel = json_object_get(examination->status, "kernel");
	struct statfs info;
	bool is_there;

	if (is_told(kernel, "cgroups"))
		is_there = json_is_true(json_object_get(kernel, "cgroups"));
	else
		is_there =
			(!statfs("/sys/fs/cgroup", &info) && info.f_type == CGROUP2_MAGIC) ||
			(!statfs("/sys/fs/cgroup/unified", &info) && info.f_type == CGROUP2_MAGIC);
	if (!is_there)
		diagnosis_add(
			diagnosis, HEALTH_WARNING,
			"none: a container on the host's network is known by its processes only");
}

void check_process_events(const struct examination *examination, struct diagnosis *diagnosis)
{
	struct process_events *events = NULL;
	int result;

	if (examination->status)
		return; /* without them it would not have started */
	result = process_events_open(&events);
	if (!result)
		return process_events_close(events);
	if (result == -EPERM)
		return diagnosis_add(diagnosis, HEALTH_UNKNOWN, "only root can try");
	if (result == -ECONNREFUSED)
		return diagnosis_add(diagnosis, HEALTH_UNKNOWN,
				     "it can be told in the initial network namespace only");
	diagnosis_add(diagnosis, HEALTH_PROBLEM, "none: %s", strerror(-result));
}

void check_cut_connections(const struct examination *examination, struct diagnosis *diagnosis)
{
	const struct trial *trial = try_kernel();

	if (cannot_try(trial, diagnosis))
		return;
	if (trial->cut == -EOPNOTSUPP)
		diagnosis_add(diagnosis, HEALTH_WARNING, "this kernel cannot");
	else if (trial->cut && trial->cut != -ENOENT)
		diagnosis_add(diagnosis, HEALTH_UNKNOWN, "%s", strerror(-trial->cut));
}

/* Both ways are good; it helps whoever reads a report to know which one it is. */
void check_bridge_netfilter(const struct examination *examination, struct diagnosis *diagnosis)
{
	char path[256], value[8] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/net/bridge/bridge-nf-call-iptables", examination->sysctl);
	file = fopen(path, "re");
	if (file && fgets(value, sizeof(value), file) && value[0] == '1')
		diagnosis_add(diagnosis, HEALTH_OK,
			      "br_netfilter is on: the kernel tells the port");
	else
		diagnosis_add(diagnosis, HEALTH_OK,
			      "br_netfilter is %s: the port is looked up in the bridge's table",
			      file ? "off" : "not loaded");
	if (file)
		fclose(file);
}
