/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Threads beside the loop. */
#ifndef LHGUARD_UTIL_THREAD_H
#define LHGUARD_UTIL_THREAD_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/**
 * thread_start() - a thread that gets no signal: those are the loop's
 * @stack_size: bytes, 0: what the system gives
 * Return: 0 or -errno.
 */
int thread_start(pthread_t *thread, size_t stack_size, void *(*body)(void *), void *data);

/**
 * thread_keep_capabilities() - of those that the calling thread has, keep only these
 * @kept: bit 1 << CAP_… of each
 *
 * Capabilities are a thread's own, and one that starts early has those that the daemon gives up later.
 */
void thread_keep_capabilities(uint64_t kept);

#endif
