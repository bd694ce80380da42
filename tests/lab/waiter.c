// SPDX-License-Identifier: GPL-2.0-or-later
/* Waits for whoever comes, and answers nobody: `waiter tcp,127.0.0.1,9222 udp,::1,53 …` */
#include <arpa/inet.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void open_port(const char *word)
{
	char protocol[8], address[64];
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct sockaddr_in four = {.sin_family = AF_INET};
	unsigned short port;
	int fd, type, is_six, one = 1, result;

	if (sscanf(word, "%7[a-z],%63[^,],%hu", protocol, address, &port) != 3)
		errx(2, "%s: write PROTOCOL,ADDRESS,PORT", word);
	type = strcmp(protocol, "tcp") ? SOCK_DGRAM : SOCK_STREAM;
	is_six = inet_pton(AF_INET6, address, &six.sin6_addr) == 1;
	if (!is_six && inet_pton(AF_INET, address, &four.sin_addr) != 1)
		errx(2, "%s: no address", word);
	six.sin6_port = four.sin_port = htons(port);
	fd = socket(is_six ? AF_INET6 : AF_INET, type, 0);
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (is_six)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	result = is_six ? bind(fd, (struct sockaddr *)&six, sizeof(six))
			: bind(fd, (struct sockaddr *)&four, sizeof(four));
	if (fd < 0 || result || (type == SOCK_STREAM && listen(fd, 16)))
		err(1, "%s", word);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		open_port(argv[i]);
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
