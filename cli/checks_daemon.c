// SPDX-License-Identifier: GPL-2.0-or-later
/* Checks of the daemon and of this program: what they may do, and who holds the queues. */
#include "checks.h"

#include "kernel/processes.h"
#include "kernel/queue_holder.h"
#include "util/array.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define QUEUES_MAX 64 /* of other programs that are named */

/* As the daemon keeps them (privileges.c). */
static const struct {
	unsigned int bit;
	const char *name;
} needed[] = {
	{CAP_NET_ADMIN, "CAP_NET_ADMIN"},
	{CAP_SYS_PTRACE, "CAP_SYS_PTRACE"},
	{CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH"},
};

#define NEEDED ARRAY_SIZE(needed)

static int read_capabilities(const struct examination *examination, pid_t pid, uint64_t *effective)
{
	char text[32];
	int result = process_line(examination->proc, pid, "status", "CapEff:", text, sizeof(text));

	if (!result)
		*effective = strtoull(text, NULL, 16);
	return result;
}

void check_capabilities(const struct examination *examination, struct diagnosis *diagnosis)
{
	uint64_t effective = 0;

	if (!examination->daemon)
		return diagnosis_add(diagnosis, HEALTH_UNKNOWN, "lhguardd is not running");
	if (read_capabilities(examination, examination->daemon, &effective))
		return diagnosis_add(diagnosis, HEALTH_UNKNOWN, "process %d cannot be looked at",
				     (int)examination->daemon);
	for (size_t i = 0; i < NEEDED; i++)
		if (!(effective >> needed[i].bit & 1))
			diagnosis_add(diagnosis, HEALTH_PROBLEM, "lhguardd (pid %d) has no %s",
				      (int)examination->daemon, needed[i].name);
}

void check_own_view(const struct examination *examination, struct diagnosis *diagnosis)
{
	uint64_t effective = 0;

	if (read_capabilities(examination, getpid(), &effective))
		return diagnosis_add(diagnosis, HEALTH_UNKNOWN, "/proc cannot be read");
	for (size_t i = 0; i < NEEDED; i++)
		if (!(effective >> needed[i].bit & 1))
			diagnosis_add(diagnosis, HEALTH_WARNING, "lhguard has no %s",
				      needed[i].name);
	if (!examination->is_inside)
		diagnosis_add(diagnosis, HEALTH_WARNING,
			      "it is not in the network namespace that is guarded");
}

/* The numbers of the guard's queues: as the daemon says, else those that it has by default. */
static size_t guards_queues(const struct examination *examination, uint16_t *numbers, size_t size)
{
	const json_t *queues = json_object_get(examination->status, "queues"), *queue;
	size_t count = 0, i;

	json_array_foreach(queues, i, queue) if (count < size) numbers[count++] =
		(uint16_t)json_integer_value(json_object_get(queue, "number"));
	if (!examination->status) {
		numbers[count++] = 27701;
		numbers[count++] = 27702;
	}
	return count;
}

static void look_at_queue(const struct examination *examination, uint16_t number,
			  struct diagnosis *diagnosis)
{
	char holder[128], daemon[64];
	int result = queue_holder_describe(number, holder, sizeof(holder));

	snprintf(daemon, sizeof(daemon), " (pid %d)", (int)examination->daemon);
	if (result == -ENOENT && examination->status)
		diagnosis_add(diagnosis, HEALTH_PROBLEM, "queue %u: held by nobody", number);
	else if (result && result != -ENOENT)
		diagnosis_add(diagnosis, HEALTH_UNKNOWN, "queue %u: %s", number, strerror(-result));
	else if (!result && !examination->daemon)
		diagnosis_add(diagnosis, HEALTH_PROBLEM, "queue %u: held by %s", number, holder);
	else if (!result && !strstr(holder, "(pid "))
		diagnosis_add(diagnosis, HEALTH_UNKNOWN, "queue %u: held by %s", number, holder);
	else if (!result && !strstr(holder, daemon))
		diagnosis_add(diagnosis, HEALTH_PROBLEM, "queue %u: held by %s, not by lhguardd",
			      number, holder);
}

void check_queues(const struct examination *examination, struct diagnosis *diagnosis)
{
	uint16_t numbers[8];
	size_t count = guards_queues(examination, numbers, 8);

	if (!examination->is_inside)
		return diagnosis_add(diagnosis, HEALTH_UNKNOWN,
				     "they are in another network namespace");
	for (size_t i = 0; i < count; i++)
		look_at_queue(examination, numbers[i], diagnosis);
}

void check_other_queues(const struct examination *examination, struct diagnosis *diagnosis)
{
	uint16_t ours[8];
	size_t count = guards_queues(examination, ours, 8), told = 0;
	FILE *file;
	unsigned int number;

	if (!examination->is_inside)
		return diagnosis_add(diagnosis, HEALTH_UNKNOWN,
				     "they are in another network namespace");
	file = fopen("/proc/" QUEUE_HOLDER_QUEUES, "re");
	if (!file && errno != ENOENT) /* the kernel has none, as long as nobody wants one */
		return diagnosis_add(diagnosis, HEALTH_UNKNOWN, "%s", strerror(errno));
	while (file && told < QUEUES_MAX && fscanf(file, "%u%*[^\n]", &number) == 1) {
		bool is_ours = false;
		char holder[128];

		for (size_t i = 0; i < count; i++)
			is_ours |= ours[i] == number;
		if (is_ours)
			continue;
		told++;
		if (queue_holder_describe((uint16_t)number, holder, sizeof(holder)))
			snprintf(holder, sizeof(holder), "somebody");
		diagnosis_add(diagnosis, HEALTH_WARNING, "queue %u: held by %s", number, holder);
	}
	if (file)
		fclose(file);
}
