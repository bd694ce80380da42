// SPDX-License-Identifier: GPL-2.0-or-later
/* Threads beside the loop. */
#include "util/thread.h"

#include <linux/capability.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

int thread_start(pthread_t *thread, size_t stack_size, void *(*body)(void *), void *data)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int result = pthread_attr_init(&attributes);

	if (result)
		return -result;
	if (stack_size)
		result = pthread_attr_setstacksize(&attributes, stack_size);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (!result)
		result = pthread_create(thread, &attributes, body, data);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return -result;
}

/* By capset(2) itself: libcap-ng asks for those of the process, which are its first thread's. */
void thread_keep_capabilities(uint64_t kept)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3] = {0};

	if (syscall(SYS_capget, &header, sets))
		return;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		sets[i].permitted &= (uint32_t)(kept >> 32 * i);
		sets[i].effective &= sets[i].permitted;
		sets[i].inheritable = 0;
	}
	syscall(SYS_capset, &header, sets);
}
