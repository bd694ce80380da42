// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Clients of the control socket: many that say nothing, and one that asks without a pause.
 *
 * Usage: clients SOCKET IDLE. With "-" for SOCKET the one that asks is answered in here: as much
 * work for the machine, and none for the guard. Prints "ready", ends with its standard input, and
 * then prints how many bytes of answers there were.
 */
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CALL   "{\"method\":\"org.lhguard.GetStatus\"}" /* with its NUL */
#define CALLS  64					/* in one write */
#define ANSWER 1100					/* bytes, about what GetStatus answers */

static volatile uint64_t answered; /* bytes */

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(path) >= sizeof(address.sun_path))
		die(path);
	strcpy(address.sun_path, path);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		die("connect");
	return fd;
}

static void *ask(void *data)
{
	char calls[CALLS * sizeof(CALL)];
	const int *fd = data;

	for (size_t i = 0; i < CALLS; i++)
		memcpy(calls + i * sizeof(CALL), CALL, sizeof(CALL));
	while (write(*fd, calls, sizeof(calls)) > 0)
		continue;
	return NULL;
}

static void *take_answers(void *data)
{
	static char bytes[65536];
	const int *fd = data;
	ssize_t length;

	while ((length = read(*fd, bytes, sizeof(bytes))) > 0)
		answered += (uint64_t)length;
	fputs("clients: the connection ended\n", stderr);
	exit(1);
}

static void *answer(void *data)
{
	static char bytes[sizeof(CALL)], text[ANSWER];
	const int *fd = data;

	while (read(*fd, bytes, sizeof(bytes)) > 0)
		if (write(*fd, text, sizeof(text)) < 0)
			break;
	return NULL;
}

static void start(void *(*work)(void *), int *fd)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, work, fd))
		die("pthread_create");
}

int main(int argc, char **argv)
{
	static int ends[2];
	char byte;

	if (argc != 3) {
		fputs("usage: clients SOCKET|- IDLE\n", stderr);
		return 2;
	}
	if (strcmp(argv[1], "-") != 0) {
		for (size_t count = strtoul(argv[2], NULL, 10); count > 0; count--)
			connect_to(argv[1]);
		ends[0] = connect_to(argv[1]);
	} else {
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
			die("socketpair");
		start(answer, &ends[1]);
	}
	start(ask, &ends[0]);
	start(take_answers, &ends[0]);
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		continue;
	printf("%llu\n", (unsigned long long)answered);
	return 0;
}
