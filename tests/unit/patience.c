/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Patience of patient_call() with a busy machine: what it does without an answer in time, only its own test is about. */
#include <pthread.h>
#include <time.h>

#define LONGER_S 60

int __real_pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *lock, clockid_t clock,
				  const struct timespec *until);
int __wrap_pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *lock, clockid_t clock,
				  const struct timespec *until);

int __wrap_pthread_cond_clockwait(pthread_cond_t *condition, pthread_mutex_t *lock, clockid_t clock,
				  const struct timespec *until)
{
	struct timespec later = *until;

	later.tv_sec += LONGER_S;
	return __real_pthread_cond_clockwait(condition, lock, clock, &later);
}
