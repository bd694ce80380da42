// SPDX-License-Identifier: GPL-2.0-or-later
/* Guests by the hundred: processes in cgroups and namespaces of their own, and conduits beside. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define GUESTS_MAX 4096

/*
 * usage: guests FOLDER IDLE CONDUIT [SHARED]
 *
 * FOLDER is a cgroup of ours, IDLE a program that does nothing, CONDUIT the same under the name of
 * one that opens connections for a guest. Each line on standard input is how many guests there
 * shall be; "ready" is the answer when they are there. A guest is a process with a cgroup and
 * namespaces as a container's; each has a conduit in a cgroup of its own, or in SHARED when that is
 * given. They go when standard input ends.
 */

struct guest {
	pid_t process;
	pid_t conduit;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Start a program inside a cgroup, as a container's runtime does. */
static pid_t start(const char *cgroup, const char *program, uint64_t namespaces)
{
	int folder = open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP | namespaces,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t)folder,
	};
	pid_t child;

	if (folder < 0)
		die(cgroup);
	child = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (child < 0)
		die("clone3");
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(program, program, (char *)NULL);
		_exit(127);
	}
	close(folder);
	return child;
}

static void make_folder(const char *path)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		die(path);
}

static void guest_folder(char *path, size_t size, const char *folder, unsigned int number)
{
	snprintf(path, size, "%s/libpod-%064x.scope", folder, number + 1);
}

static void conduit_folder(char *path, size_t size, const char *folder, unsigned int number)
{
	snprintf(path, size, "%s/conduit-%u.scope", folder, number);
}

static void add(struct guest *guest, char **argv, unsigned int number)
{
	char path[512];

	guest_folder(path, sizeof(path), argv[1], number);
	make_folder(path);
	guest->process = start(path, argv[2], CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWNS);
	conduit_folder(path, sizeof(path), argv[1], number);
	if (!argv[4])
		make_folder(path);
	guest->conduit = start(argv[4] ? argv[4] : path, argv[3], 0);
}

static void remove_guest(struct guest *guest, char **argv, unsigned int number)
{
	char path[512];

	kill(guest->process, SIGKILL);
	kill(guest->conduit, SIGKILL);
	waitpid(guest->process, NULL, 0);
	waitpid(guest->conduit, NULL, 0);
	guest_folder(path, sizeof(path), argv[1], number);
	rmdir(path);
	conduit_folder(path, sizeof(path), argv[1], number);
	rmdir(path);
}

int main(int argc, char **argv)
{
	static struct guest guests[GUESTS_MAX];
	unsigned int count = 0;
	char line[32];

	if (argc != 4 && argc != 5) {
		fputs("usage: guests FOLDER IDLE CONDUIT [SHARED]\n", stderr);
		return 2;
	}
	while (fgets(line, sizeof(line), stdin)) {
		unsigned long wanted = strtoul(line, NULL, 10);

		if (wanted > GUESTS_MAX)
			return 2;
		for (; count < wanted; count++)
			add(&guests[count], argv, count);
		for (; count > wanted; count--)
			remove_guest(&guests[count - 1], argv, count - 1);
		puts("ready");
		fflush(stdout);
	}
	for (; count > 0; count--)
		remove_guest(&guests[count - 1], argv, count - 1);
	return 0;
}
