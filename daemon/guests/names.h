/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest is called: from command lines and from the folder of named network namespaces. */
#ifndef LHGUARD_GUESTS_NAMES_H
#define LHGUARD_GUESTS_NAMES_H

#include "guests/catalogue.h"

/**
 * names_option() - the value of an option in a command line
 * @arguments: NUL-separated and NUL-ended, as process_arguments() gives them
 * @length: bytes of @arguments
 * @option: "-n"; both "-n VALUE" and "-n=VALUE" are found, and "--name=VALUE" for "--name"
 * Return: the value inside @arguments, or NULL.
 */
const char *names_option(const char *arguments, size_t length, const char *option);

/**
 * names_from_arguments() - the guest's name as its program tells it
 * @runtime: of the program: its sources are tried in their order
 * @comm: of the program
 * @arguments: its command line, as for names_option()
 * @name: NAME_SIZE bytes, by text_copy_name()
 * Return: true when one is found.
 */
bool names_from_arguments(const struct runtime *runtime, const char *comm, const char *arguments,
			  size_t length, char *name);

/**
 * names_netns() - the name under which a network namespace is kept in a folder (ip-netns(8))
 * @folder: "/run/netns"
 * @inode: of the namespace
 * Return: true when one was found; reads the whole folder, so not for the verdict path.
 */
bool names_netns(const char *folder, uint64_t inode, char *name);

#endif
