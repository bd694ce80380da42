// SPDX-License-Identifier: GPL-2.0-or-later
/* The client that runs inside every guest of the lab: tries many services at once, says what came.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define ATTEMPTS_MAX 64
#define TEXT_SIZE    512

struct attempt {
	int fd; /* -1 when it is over */
	bool stream;
	bool sent;
	char token[64];
	char text[TEXT_SIZE];
	size_t length;
};

static long long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* One line for each attempt: its index, "reply" or "error", and the text. */
static void finish(struct attempt *a, int index, const char *how, const char *text)
{
	printf("%d %s %s\n", index, how, text);
	close(a->fd);
	a->fd = -1;
}

static void send_token(struct attempt *a, int index)
{
	char line[80];
	int length = snprintf(line, sizeof(line), "%s\n", a->token);

	a->sent = true;
	if (send(a->fd, line, (size_t)length, MSG_NOSIGNAL) < 0)
		finish(a, index, "error", strerror(errno));
}

/* @target: "tcp|udp,ADDRESS[%INTERFACE],PORT,TOKEN" */
static void start(struct attempt *a, int index, char *target)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct sockaddr_in four = {.sin_family = AF_INET};
	const char *protocol = strtok(target, ",");
	char *address = strtok(NULL, ",");
	const char *port = strtok(NULL, ",");
	const char *token = strtok(NULL, ",");
	bool is_six;
	char *scope;
	int r;

	if (!protocol || !address || !port || !token) {
		fprintf(stderr, "probe: bad target\n");
		exit(2);
	}
	snprintf(a->token, sizeof(a->token), "%s", token);
	a->stream = strcmp(protocol, "tcp") == 0;
	scope = strchr(address, '%');
	if (scope) {
		*scope++ = '\0';
		six.sin6_scope_id = if_nametoindex(scope);
	}
	is_six = strchr(address, ':') != NULL;
	four.sin_port = six.sin6_port = htons((uint16_t)atoi(port));
	if (inet_pton(is_six ? AF_INET6 : AF_INET, address,
		      is_six ? (void *)&six.sin6_addr : (void *)&four.sin_addr) != 1) {
		fprintf(stderr, "probe: bad address %s\n", address);
		exit(2);
	}
	a->fd = socket(is_six ? AF_INET6 : AF_INET,
		       (a->stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK, 0);
	if (a->fd < 0) {
		finish(a, index, "error", strerror(errno));
		return;
	}
	r = is_six ? connect(a->fd, (struct sockaddr *)&six, sizeof(six))
		   : connect(a->fd, (struct sockaddr *)&four, sizeof(four));
	if (r < 0 && errno != EINPROGRESS)
		finish(a, index, "error", strerror(errno));
	else if (!a->stream)
		send_token(a, index);
}

static void advance(struct attempt *a, int index, short revents)
{
	socklen_t size = sizeof(int);
	char *end;
	ssize_t n;
	int error = 0;

	if (a->stream && !a->sent) {
		getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &size);
		if (error)
			finish(a, index, "error", strerror(error));
		else if (revents & POLLOUT)
			send_token(a, index);
		return;
	}
	n = recv(a->fd, a->text + a->length, sizeof(a->text) - 1 - a->length, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		finish(a, index, "error", strerror(errno));
		return;
	}
	a->length += (size_t)n;
	a->text[a->length] = '\0';
	end = strchr(a->text, '\n');
	if (end)
		*end = '\0';
	if (end || n == 0 || a->length == sizeof(a->text) - 1)
		finish(a, index, a->length ? "reply" : "error", a->length ? a->text : "closed");
}

int main(int argc, char **argv)
{
	static struct attempt attempts[ATTEMPTS_MAX];
	struct pollfd fds[ATTEMPTS_MAX];
	int count = argc - 2;
	long long deadline;

	if (argc < 3 || count > ATTEMPTS_MAX) {
		fprintf(stderr, "usage: probe TIMEOUT_MS tcp|udp,ADDRESS,PORT,TOKEN…\n");
		return 2;
	}
	deadline = now_ms() + atoi(argv[1]);
	for (int i = 0; i < count; i++)
		start(&attempts[i], i, argv[i + 2]);
	for (;;) {
		long long left = deadline - now_ms();
		int open = 0;

		for (int i = 0; i < count; i++) {
			struct attempt *a = &attempts[i];

			fds[i].fd = a->fd;
			fds[i].events = a->stream && !a->sent ? POLLOUT : POLLIN;
			open += a->fd >= 0;
		}
		if (!open || left <= 0)
			break;
		poll(fds, (nfds_t)count, (int)left);
		for (int i = 0; i < count; i++)
			if (fds[i].fd >= 0 && fds[i].revents)
				advance(&attempts[i], i, fds[i].revents);
	}
	for (int i = 0; i < count; i++)
		if (attempts[i].fd >= 0)
			finish(&attempts[i], i, "error", "timeout");
	return 0;
}
