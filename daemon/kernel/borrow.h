/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A copy of a device's descriptor that another process has. */
#ifndef LHGUARD_KERNEL_BORROW_H
#define LHGUARD_KERNEL_BORROW_H

#include <sys/types.h>

/**
 * borrow_device() - a copy of a descriptor, where it is one of a character device
 * @pidfd: of @pid
 * @number: of the descriptor in that process
 * @device: its number
 *
 * Waits as long as patient_call() does, for a process that is about to become another program, and for
 * the file system where the descriptor is of something else.
 *
 * Return: descriptor; -ENODEV when it is no such device; or -errno.
 */
int borrow_device(int root, pid_t pid, int pidfd, int number, dev_t *device);

#endif
