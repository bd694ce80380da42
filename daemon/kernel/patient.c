// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Calls that the kernel may answer late or never, made by a thread of their own.
 *
 * DOC: Theory of Operation
 *
 * What a process says of itself (cmdline, maps) the kernel reads under the lock of its memory, and a
 * file may lie in a file system that somebody's program serves: either can keep read(2) waiting for as
 * long as it likes, and nobody but the kernel can end that. So such a call is a job: plain data on the
 * heap that a worker gets. It is the worker's until it is done or its time is over. Then it is abandoned:
 * the worker stays with it, frees it when the kernel lets it go, and ends; the next job gets another
 * worker. Only so many can be abandoned at a time, and one for each process: whoever has them all makes
 * the guard do without these calls, and not wait.
 */
#include "kernel/patient.h"

#include "util/clock.h"
#include "util/thread.h"

#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#define WAIT_US	       100000 /* for one job */
#define WAIT_LEAST_US  1000   /* … when those before it took all the time that there is */
#define WAIT_BUDGET_US 400000 /* for all jobs that make us wait, in a row */
#define FREE_US	       1000   /* what is no waiting */
#define BUDGET_SHARE   10     /* it grows by this part of the time that goes by */
#define STACK_SIZE     (256 * 1024)

/* To read other users' processes and folders. */
#define WORKER_CAPABILITIES (UINT64_C(1) << CAP_SYS_PTRACE | UINT64_C(1) << CAP_DAC_READ_SEARCH)

/**
 * struct worker - a thread that does one job after the other
 * @wanted: there is a job, or it shall leave
 * @job: NULL when there is none, or it is done
 * @pid: that the job may wait for
 * @since_us: CLOCK_MONOTONIC when it got the job
 * @is_abandoned: nobody waits for the job: the worker ends with it
 */
struct worker {
	pthread_t thread;
	pthread_cond_t wanted;
	struct patient_job *job;
	pid_t pid;
	uint64_t since_us;
	bool is_abandoned;
	bool leaves;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of all that follows */
static pthread_cond_t done = PTHREAD_COND_INITIALIZER;
static struct worker *idle;
static struct worker *abandoned[PATIENT_ABANDONED_MAX];
static uint64_t budget_us = WAIT_BUDGET_US;
static uint64_t budget_at_us;

static void free_worker(struct worker *worker)
{
	pthread_cond_destroy(&worker->wanted);
	free(worker);
}

/* The end of a worker whose job came back after all. */
static void return_abandoned(struct worker *worker, struct patient_job *job)
{
	for (size_t i = 0; i < PATIENT_ABANDONED_MAX; i++)
		if (abandoned[i] == worker)
			abandoned[i] = NULL;
	pthread_mutex_unlock(&lock);
	job->discard(job);
	free_worker(worker);
}

static void *work(void *data)
{
	struct worker *worker = data;

	thread_keep_capabilities(WORKER_CAPABILITIES);
	pthread_mutex_lock(&lock);
	for (;;) {
		struct patient_job *job;

		while (!worker->job && !worker->leaves)
			pthread_cond_wait(&worker->wanted, &lock);
		job = worker->job;
		if (!job)
			break;
		pthread_mutex_unlock(&lock);
		job->run(job);
		pthread_mutex_lock(&lock);
		worker->job = NULL;
		if (worker->is_abandoned) {
			return_abandoned(worker, job);
			return NULL;
		}
		pthread_cond_signal(&done);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

static int make_worker(struct worker **worker)
{
	struct worker *new = calloc(1, sizeof(*new));
	int result;

	if (!new)
		return -ENOMEM;
	pthread_cond_init(&new->wanted, NULL);
	result = thread_start(&new->thread, STACK_SIZE, work, new);
	if (result)
		free_worker(new);
	else
		*worker = new;
	return result;
}

/*
 * A slot for one that may have to be abandoned.
 * Return: 0; -ETIMEDOUT when one waits for this process that had its time; -EBUSY.
 */
static int find_slot(pid_t pid, uint64_t now, struct worker ***slot)
{
	int result = -EBUSY;

	for (size_t i = 0; i < PATIENT_ABANDONED_MAX; i++) {
		const struct worker *worker = abandoned[i];

		if (worker && pid && worker->pid == pid)
			return now - worker->since_us < WAIT_US ? -EBUSY : -ETIMEDOUT;
		if (worker)
			continue;
		*slot = &abandoned[i];
		result = 0;
	}
	return result;
}

/* How long the next job may take. */
static uint64_t patience(uint64_t now)
{
	budget_us += (now - budget_at_us) / BUDGET_SHARE;
	budget_at_us = now;
	if (budget_us > WAIT_BUDGET_US)
		budget_us = WAIT_BUDGET_US;
	if (budget_us < WAIT_LEAST_US)
		return WAIT_LEAST_US;
	return budget_us < WAIT_US ? budget_us : WAIT_US;
}

/* Give the job to the worker; true when it is done in time. */
static bool is_done_by(struct worker *worker, struct patient_job *job, uint64_t until_us)
{
	struct timespec until = {.tv_sec = (time_t)(until_us / 1000000),
				 .tv_nsec = (long)(until_us % 1000000 * 1000)};
	int result = 0;

	worker->job = job;
	pthread_cond_signal(&worker->wanted);
	while (worker->job && !result)
		result = pthread_cond_clockwait(&done, &lock, CLOCK_MONOTONIC, &until);
	return !worker->job;
}

/* Nobody waits for it any more. */
static void abandon(struct worker **slot)
{
	idle->is_abandoned = true;
	pthread_detach(idle->thread);
	*slot = idle;
	idle = NULL;
}

/* With the lock held. @job becomes NULL when a worker keeps it. */
static int call(struct patient_job **job, pid_t pid)
{
	uint64_t now = clock_monotonic_us(), wait_us, took_us;
	struct worker **slot = NULL;
	bool is_done;
	int result = find_slot(pid, now, &slot);

	if (!result && !idle)
		result = make_worker(&idle);
	if (result)
		return result;
	idle->pid = pid;
	idle->since_us = now;
	wait_us = patience(now);
	is_done = is_done_by(idle, *job, now + wait_us);
	took_us = clock_monotonic_us() - now;
	if (took_us > FREE_US)
		budget_us -= took_us < budget_us ? took_us : budget_us;
	if (is_done)
		return 0;
	abandon(slot);
	*job = NULL;
	return wait_us < WAIT_US ? -EBUSY : -ETIMEDOUT;
}

int patient_call(struct patient_job *job, pid_t pid)
{
	int result;

	pthread_mutex_lock(&lock);
	result = call(&job, pid);
	pthread_mutex_unlock(&lock);
	if (result && job)
		job->discard(job);
	return result;
}

void patient_rest(void)
{
	struct worker *worker;

	pthread_mutex_lock(&lock);
	worker = idle;
	idle = NULL;
	if (worker) {
		worker->leaves = true;
		pthread_cond_signal(&worker->wanted);
	}
	pthread_mutex_unlock(&lock);
	if (!worker)
		return;
	pthread_join(worker->thread, NULL);
	free_worker(worker);
}
