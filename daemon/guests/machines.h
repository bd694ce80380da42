/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What systemd-machined wrote down about the machines that registered with it. */
#ifndef LHGUARD_GUESTS_MACHINES_H
#define LHGUARD_GUESTS_MACHINES_H

#include <stdint.h>
#include <sys/types.h>

/**
 * machines_leader() - the leader of the machine that an interface of the host belongs to
 * @root: what stands before "/run/systemd/machines", NULL for nothing
 *
 * A hint where to look first: the caller verifies that the leader is at the other end. Reads files.
 * Return: its pid, 0 when no machine names the interface.
 */
pid_t machines_leader(const char *root, uint32_t ifindex);

#endif
