// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * One call to a control socket, told as one line: "caller TRICK SOCKET MESSAGE".
 *
 *   plain   connects, sends MESSAGE with a NUL, prints the answer
 *   leave   the process that connects ends at once, and its parent sends
 *   become  becomes another program after it has connected, which sends
 *   take    the connection is somebody else's: SOCKET is where it is handed out
 */
#define _GNU_SOURCE
#include <err.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		errx(2, "%s: too long", path);
	strcpy(address.sun_path, path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)))
		err(1, "%s", path);
	return fd;
}

/* The descriptor that somebody sends. */
static int take_from(const char *path)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec part = {&byte, 1};
	struct msghdr message = {.msg_iov = &part,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control)};
	int fd;

	if (recvmsg(connect_to(path), &message, 0) != 1 || !CMSG_FIRSTHDR(&message))
		errx(1, "%s hands out nothing", path);
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

/* A child with our descriptors connects, and ends: its exit status is the descriptor. */
static int leave(const char *path)
{
	long child = syscall(SYS_clone, CLONE_FILES | SIGCHLD, 0, 0, 0, 0);
	int status;

	if (child == 0)
		_exit(connect_to(path));
	if (child < 0 || waitpid((pid_t)child, &status, 0) < 0 || !WIFEXITED(status))
		err(1, "clone");
	return WEXITSTATUS(status);
}

static int ask(int fd, const char *message)
{
	ssize_t length;
	char byte;

	if (send(fd, message, strlen(message) + 1, MSG_NOSIGNAL) < 0)
		err(1, "send");
	while ((length = read(fd, &byte, 1)) == 1 && byte)
		putchar(byte);
	putchar('\n');
	return length != 1;
}

int main(int argc, char **argv)
{
	char number[16];
	int fd;

	if (argc != 4)
		errx(2, "usage: caller TRICK SOCKET MESSAGE");
	if (!strcmp(argv[1], "become")) {
		snprintf(number, sizeof(number), "%d", connect_to(argv[2]));
		execl("/proc/self/exe", "caller", "with", number, argv[3], NULL);
		err(1, "exec");
	}
	if (!strcmp(argv[1], "with"))
		fd = atoi(argv[2]);
	else if (!strcmp(argv[1], "take"))
		fd = take_from(argv[2]);
	else if (!strcmp(argv[1], "leave"))
		fd = leave(argv[2]);
	else
		fd = connect_to(argv[2]);
	return ask(fd, argv[3]);
}
