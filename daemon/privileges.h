/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the daemon gives up once everything is open. */
#ifndef LHGUARD_PRIVILEGES_H
#define LHGUARD_PRIVILEGES_H

struct error;

/**
 * privileges_drop() - keep the few capabilities that the loop needs, and no way to start a program
 * Called when the namespace is entered, the sockets are open and the threads run (the filter is
 * synchronised to all of them).
 * Return: 0 or -errno with @error.
 */
int privileges_drop(struct error *error);

#endif
