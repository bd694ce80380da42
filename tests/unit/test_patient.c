// SPDX-License-Identifier: GPL-2.0-or-later
/* Calls that are answered late or never. */
#include "kernel/patient.h"

#include "util/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_US 100000 /* one job is waited for */
#define LONG_US 100000000

/* The time here goes on where a job is waited for in vain, or where the test says so. */
static uint64_t now_us = LONG_US;
static bool is_stuck;	     /* the next job will not be done: wait for as long as it is given */
static uint64_t patience_us; /* that the last job was given */

int __wrap_clock_gettime(clockid_t clock, struct timespec *time);
int __real_pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *lock, clockid_t clock,
				  const struct timespec *until);
int __wrap_pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *lock, clockid_t clock,
				  const struct timespec *until);

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
	*time = (struct timespec){.tv_sec = (time_t)(now_us / 1000000),
				  .tv_nsec = (long)(now_us % 1000000 * 1000)};
	return 0;
}

/* A job that will be done is waited for, however busy the machine is. */
int __wrap_pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *lock, clockid_t clock,
				  const struct timespec *until)
{
	uint64_t until_us = (uint64_t)until->tv_sec * 1000000 + (uint64_t)until->tv_nsec / 1000;
	struct timespec past = {.tv_sec = 0};

	assert_int_equal(clock, CLOCK_MONOTONIC);
	patience_us = until_us - now_us;
	if (!is_stuck)
		return pthread_cond_wait(condition, lock);
	now_us = until_us;
	return __real_pthread_cond_clockwait(condition, lock, clock, &past);
}

/* A job that waits until its pipe is closed, or not at all. */
struct job {
	struct patient_job job;
	int wait;
	pthread_t thread;
	sigset_t blocked;
};

static atomic_int discarded;

static void run(struct patient_job *job)
{
	struct job *own = (struct job *)job;
	char byte;

	own->thread = pthread_self();
	pthread_sigmask(SIG_SETMASK, NULL, &own->blocked);
	if (own->wait >= 0)
		read(own->wait, &byte, 1);
}

static void discard(struct patient_job *job)
{
	free(job);
	discarded++;
}

static struct job *make(int wait)
{
	struct job *job = calloc(1, sizeof(*job));

	assert_non_null(job);
	job->job = (struct patient_job){.run = run, .discard = discard};
	job->wait = wait;
	return job;
}

static void wait_discarded(int count)
{
	for (int i = 0; i < 3000 && discarded < count; i++)
		usleep(10000);
	assert_int_equal(discarded, count);
}

static int reset(void **state)
{
	discarded = 0;
	is_stuck = false;
	now_us += LONG_US; /* nobody waited for long */
	return 0;
}

/* The worker's stack and privileges are its own; a new one comes after patient_rest(). */
static int rest(void **state)
{
	patient_rest();
	return 0;
}

static void one_worker_does_all(void **state)
{
	pthread_t first = 0;

	for (int i = 0; i < 1000; i++) {
		struct job *job = make(-1);

		assert_int_equal(patient_call(&job->job, 1), 0);
		if (!i)
			first = job->thread;
		assert_true(pthread_equal(job->thread, first));
		assert_false(pthread_equal(job->thread, pthread_self()));
		assert_int_equal(sigismember(&job->blocked, SIGTERM), 1);
		assert_int_equal(sigismember(&job->blocked, SIGHUP), 1);
		discard(&job->job);
	}
	assert_int_equal(discarded, 1000);
}

static void an_abandoned_job_is_freed_when_it_returns(void **state)
{
	uint64_t begin = now_us;
	struct job *job;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	is_stuck = true;
	assert_int_equal(patient_call(&make(ends[0])->job, 2), -ETIMEDOUT);
	assert_int_equal(now_us - begin, WAIT_US);
	assert_int_equal(discarded, 0);

	/* The next one is served, and the same process is not waited for again. */
	is_stuck = false;
	job = make(-1);
	assert_int_equal(patient_call(&job->job, 3), 0);
	discard(&job->job);
	assert_int_equal(patient_call(&make(-1)->job, 2), -ETIMEDOUT);
	assert_int_equal(now_us - begin, WAIT_US);
	assert_int_equal(discarded, 2);

	close(ends[1]);
	wait_discarded(3);
	close(ends[0]);
	job = make(-1);
	assert_int_equal(patient_call(&job->job, 2), 0);
	discard(&job->job);
}

static void only_so_many_are_abandoned(void **state)
{
	uint64_t begin = now_us;
	struct job *job;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	is_stuck = true;
	for (int i = 0; i < PATIENT_ABANDONED_MAX; i++)
		assert_true(patient_call(&make(ends[0])->job, i) < 0);
	/* The last ones are waited for more briefly. */
	assert_true(now_us - begin < PATIENT_ABANDONED_MAX * WAIT_US * 9 / 10);

	/* Those are blamed when they had as long as the first. */
	now_us += WAIT_US;
	for (int i = 1; i < PATIENT_ABANDONED_MAX; i++)
		assert_int_equal(patient_call(&make(-1)->job, i), -ETIMEDOUT);
	assert_int_equal(discarded, PATIENT_ABANDONED_MAX - 1);
	discarded = 0;

	begin = now_us;
	for (int i = 0; i < 100; i++)
		assert_int_equal(patient_call(&make(ends[0])->job, 0), -EBUSY);
	assert_int_equal(now_us, begin); /* nobody was waited for */
	assert_int_equal(discarded, 100);

	close(ends[1]);
	wait_discarded(100 + PATIENT_ABANDONED_MAX);
	close(ends[0]);
	is_stuck = false;
	now_us += 1200000; /* there is time again */
	job = make(-1);
	assert_int_equal(patient_call(&job->job, 0), 0);
	assert_int_equal(patience_us, WAIT_US);
	discard(&job->job);
}

static void a_worker_that_rests_is_made_anew(void **state)
{
	for (int i = 0; i < 100; i++) {
		struct job *job = make(-1);

		assert_int_equal(patient_call(&job->job, 0), 0);
		discard(&job->job);
		patient_rest();
		patient_rest();
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, reset, rest)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_worker_does_all),
		TEST(an_abandoned_job_is_freed_when_it_returns),
		TEST(a_worker_that_rests_is_made_anew),
		TEST(only_so_many_are_abandoned),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
