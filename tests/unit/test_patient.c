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
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define WAIT_US 90000 /* somewhat less than one job is waited for */
#define TRIES	20

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
	for (int i = 0; i < 500 && discarded < count; i++)
		usleep(10000);
	assert_int_equal(discarded, count);
}

static int reset(void **state)
{
	discarded = 0;
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
	uint64_t begin = clock_monotonic_us(), took;
	struct job *job;
	int ends[2], tries;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(patient_call(&make(ends[0])->job, 2), -ETIMEDOUT);
	took = clock_monotonic_us() - begin;
	assert_true(took >= WAIT_US);
	assert_int_equal(discarded, 0);

	/* The next one is served, and the same process is not waited for again: a busy machine may take
	 * long over one call, but not over each. */
	job = make(-1);
	assert_int_equal(patient_call(&job->job, 3), 0);
	discard(&job->job);
	for (tries = 0, took = WAIT_US; tries < TRIES && took >= WAIT_US; tries++) {
		begin = clock_monotonic_us();
		assert_int_equal(patient_call(&make(-1)->job, 2), -ETIMEDOUT);
		took = clock_monotonic_us() - begin;
	}
	assert_true(took < WAIT_US);
	assert_int_equal(discarded, 1 + tries);

	close(ends[1]);
	wait_discarded(2 + tries);
	close(ends[0]);
	job = make(-1);
	assert_int_equal(patient_call(&job->job, 2), 0);
	discard(&job->job);
}

static void only_so_many_are_abandoned(void **state)
{
	uint64_t begin = clock_monotonic_us(), took;
	struct job *job;
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	for (int i = 0; i < PATIENT_ABANDONED_MAX; i++)
		assert_true(patient_call(&make(ends[0])->job, i) < 0);
	took = clock_monotonic_us() - begin;
	/* The last ones are waited for more briefly. */
	assert_true(took < PATIENT_ABANDONED_MAX * WAIT_US);

	/* Those are blamed when they had as long as the first. */
	usleep(110000);
	for (int i = 1; i < PATIENT_ABANDONED_MAX; i++)
		assert_int_equal(patient_call(&make(-1)->job, i), -ETIMEDOUT);
	assert_int_equal(discarded, PATIENT_ABANDONED_MAX - 1);
	discarded = 0;

	begin = clock_monotonic_us();
	for (int i = 0; i < 100; i++)
		assert_int_equal(patient_call(&make(ends[0])->job, 0), -EBUSY);
	assert_true(clock_monotonic_us() - begin < 100 * WAIT_US); /* nobody was waited for */
	assert_int_equal(discarded, 100);

	close(ends[1]);
	wait_discarded(100 + PATIENT_ABANDONED_MAX);
	close(ends[0]);
	usleep(1200000); /* there is time again */
	job = make(-1);
	assert_int_equal(patient_call(&job->job, 0), 0);
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
