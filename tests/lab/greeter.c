// SPDX-License-Identifier: GPL-2.0-or-later
/* The lab's services where no Python is: TCP and UDP on one port of all addresses. Answers
 * "hello TOKEN", and prints "PROTOCOL TOKEN" for each token that came, answered or not.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define SERVICES 4

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int open_service(int family, int type, const char *port)
{
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = four.sin_port};
	int fd = socket(family, type, 0), is_six = family == AF_INET6;

	if (fd < 0)
		die("socket");
	if (is_six && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &is_six, sizeof(is_six)) < 0)
		die("IPV6_V6ONLY");
	if (bind(fd, is_six ? (void *)&six : (void *)&four, is_six ? sizeof(six) : sizeof(four)) <
	    0)
		die("bind");
	if (type == SOCK_STREAM && listen(fd, 16) < 0)
		die("listen");
	return fd;
}

static int greeting(char *text, size_t size, const char *protocol, const char *token)
{
	printf("%s %.*s\n", protocol, (int)strcspn(token, "\n"), token);
	fflush(stdout);
	return snprintf(text, size, "hello %.*s\n", (int)strcspn(token, "\n"), token);
}

static void answer_datagram(int fd)
{
	struct sockaddr_storage client;
	socklen_t size = sizeof(client);
	char token[80], text[128];
	ssize_t n = recvfrom(fd, token, sizeof(token) - 1, 0, (void *)&client, &size);

	if (n <= 0)
		return;
	token[n] = '\0';
	n = greeting(text, sizeof(text), "udp", token);
	sendto(fd, text, (size_t)n, 0, (void *)&client, size);
}

static void answer_connection(int fd)
{
	const struct timeval patience = {.tv_usec = 500000};
	int client = accept(fd, NULL, NULL);
	char token[80], text[128];
	ssize_t n;

	if (client < 0)
		return;
	setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	n = recv(client, token, sizeof(token) - 1, 0);
	if (n > 0) {
		token[n] = '\0';
		n = greeting(text, sizeof(text), "tcp", token);
		send(client, text, (size_t)n, MSG_NOSIGNAL);
	}
	close(client);
}

int main(int argc, char **argv)
{
	struct pollfd services[SERVICES];

	if (argc != 2) {
		fputs("usage: greeter PORT\n", stderr);
		return 2;
	}
	for (int i = 0; i < SERVICES; i++) {
		services[i].fd = open_service(i % 2 ? AF_INET6 : AF_INET,
					      i / 2 ? SOCK_DGRAM : SOCK_STREAM, argv[1]);
		services[i].events = POLLIN;
	}
	while (poll(services, SERVICES, -1) > 0 || errno == EINTR)
		for (int i = 0; i < SERVICES; i++) {
			if (!(services[i].revents & POLLIN))
				continue;
			if (i / 2)
				answer_datagram(services[i].fd);
			else
				answer_connection(services[i].fd);
		}
	return 1;
}
