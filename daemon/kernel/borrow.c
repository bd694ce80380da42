// SPDX-License-Identifier: GPL-2.0-or-later
/* A copy of a device's descriptor that another process has. */
#include "kernel/borrow.h"

#include "kernel/processes.h"
#include "util/cleanup.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

/**
 * struct borrow_job - pidfd_getfd(2), which waits while the process calls execve(2), and fstat(2)
 * @pidfd: the job's own
 * @result: the descriptor, or -errno
 */
struct borrow_job {
	struct patient_job job;
	int pidfd;
	int number;
	int result;
	dev_t device;
};

static void discard(struct patient_job *job)
{
	struct borrow_job *borrow = (struct borrow_job *)job;

	close(borrow->pidfd);
	if (borrow->result >= 0)
		close(borrow->result);
	free(borrow);
}

/* What is no device is closed here, too: that may wait as well as all else. */
static void run(struct patient_job *job)
{
	struct borrow_job *borrow = (struct borrow_job *)job;
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_getfd, borrow->pidfd, borrow->number, 0);
	struct stat status;

	if (fd < 0 || fstat(fd, &status)) {
		borrow->result = -errno;
		return;
	}
	if (!S_ISCHR(status.st_mode)) {
		borrow->result = -ENODEV;
		return;
	}
	borrow->device = status.st_rdev;
	borrow->result = steal_fd(&fd);
}

int borrow_device(int root, pid_t pid, int pidfd, int number, dev_t *device)
{
	struct borrow_job *borrow = malloc(sizeof(*borrow));
	int result;

	if (!borrow)
		return -ENOMEM;
	*borrow = (struct borrow_job){
		.job = {.run = run, .discard = discard},
		.pidfd = fcntl(pidfd, F_DUPFD_CLOEXEC, 0),
		.number = number,
		.result = -EINVAL,
	};
	if (borrow->pidfd < 0) {
		result = -errno;
		free(borrow);
		return result;
	}
	result = process_ask(root, pid, &borrow->job);
	if (result)
		return result;
	*device = borrow->device;
	result = borrow->result;
	borrow->result = -EINVAL; /* it is the caller's */
	discard(&borrow->job);
	return result;
}
