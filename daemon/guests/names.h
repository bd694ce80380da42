/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a guest is called: from command lines and from the folder of named network namespaces. */
#ifndef LHGUARD_GUESTS_NAMES_H
#define LHGUARD_GUESTS_NAMES_H

#include "guests/catalogue.h"

#include <sys/types.h>

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
 * struct names_question - whose name is looked for in files
 * @root: what stands before the path of each file, "" for nothing
 * @id: the container's id, "" when it has none
 * @leaders: pids that systemd-machined may know it by, 0: none
 * @has_user: all of it is in the cgroup of a user's own manager, @user's: {uid} and {home} stand for
 *	that user's
 */
struct names_question {
	const char *root;
	const char *id;
	pid_t leaders[2];
	bool has_user;
	uid_t user;
};

/** names_is_file() - does such a name stand in a file? */
static inline bool names_is_file(enum name_style style)
{
	return style >= NAME_JSON && style <= NAME_MACHINED;
}

/**
 * names_from_files() - the guest's name in the files that its runtime keeps (names_files.c)
 * @name: NAME_SIZE bytes, by text_copy_name(); of several files with different names none has it
 * Return: true when one is found. Reads files and folders: not for the verdict path.
 */
bool names_from_files(const struct runtime *runtime, const struct names_question *question,
		      char *name);

/**
 * names_netns() - the name under which a network namespace is kept in a folder (ip-netns(8))
 * @folder: "/run/netns"
 * @inode: of the namespace, which the kernel gives to another once this one has gone
 * @made_us: CLOCK_REALTIME microseconds of its file's ctime: the kernel makes that file anew for
 *	each namespace (fs/nsfs.c), and the name keeps it
 * Return: true when one was found; reads the whole folder, so not for the verdict path.
 */
bool names_netns(const char *folder, uint64_t inode, char *name, uint64_t *made_us);

#endif
