/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls that the kernel may answer late or never, made by a thread of their own. */
#ifndef LHGUARD_KERNEL_PATIENT_H
#define LHGUARD_KERNEL_PATIENT_H

#include <sys/types.h>

#define PATIENT_ABANDONED_MAX 8 /* jobs that nobody waits for any more */

/**
 * struct patient_job - a call and all that it needs, on the heap; stands first in a larger struct
 * @run: makes the call; in another thread, so it uses nothing but the job
 * @discard: frees the job; in whichever thread has it last
 */
struct patient_job {
	void (*run)(struct patient_job *job);
	void (*discard)(struct patient_job *job);
};

/**
 * patient_call() - let a worker do the job, and wait for it for a tenth of a second at most
 * @pid: the process that may keep it waiting, 0 for none: no second job waits for the same
 *
 * Who often makes us wait is waited for more briefly. From one thread only.
 *
 * Return: 0, then the job is done and the caller discards it; -ETIMEDOUT when the process had all its
 * time; -EBUSY when there was less for it, or as many as may be are waiting already; or -errno when no
 * worker can be had. On failure it is the caller's no longer.
 */
int patient_call(struct patient_job *job, pid_t pid);

/** patient_rest() - end the worker that has no job; the next one that is needed is made anew. */
void patient_rest(void);

#endif
