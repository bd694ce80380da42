/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the programs that belong to the agent are. */
#ifndef LHGUARD_NOTIFY_INSTALLED_H
#define LHGUARD_NOTIFY_INSTALLED_H

/**
 * installed_program() - the path of a program of ours: it was installed beside the one that runs
 * Return: a string for g_free(): what a shell would find, where it is not there; else @name.
 */
char *installed_program(const char *name);

#endif
