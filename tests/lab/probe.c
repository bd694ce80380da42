// SPDX-License-Identifier: GPL-2.0-or-later
/* The client that runs inside every guest of the lab: tries many services at once, says what came.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
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

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

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
	if (a->fd >= 0)
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

static uint32_t add_words(uint32_t sum, const uint8_t *data, size_t length)
{
	for (size_t i = 0; i < length; i++)
		sum += i % 2 ? data[i] : (uint32_t)data[i] << 8;
	return sum;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* A UDP datagram from @address to itself with headers of our own; its length. */
static size_t build_datagram(uint8_t *packet, bool is_six, const void *address, uint16_t port,
			     const char *token, uint16_t client)
{
	size_t size = is_six ? 16 : 4, header = is_six ? 40 : 20;
	size_t length = 8 + strlen(token);
	uint8_t *udp = packet + header, *addresses = packet + (is_six ? 8 : 12);
	uint16_t sum;

	if (!client)
		client = (uint16_t)(20000 + now_ms() % 40000);
	memset(packet, 0, header + 8);
	packet[0] = is_six ? 0x60 : 0x45;
	packet[is_six ? 5 : 3] = (uint8_t)(is_six ? length : header + length);
	packet[is_six ? 7 : 8] = 64;
	packet[is_six ? 6 : 9] = IPPROTO_UDP;
	memcpy(addresses, address, size);
	memcpy(addresses + size, address, size);
	if (!is_six) {
		sum = fold(add_words(0, packet, header));
		packet[10] = (uint8_t)(sum >> 8);
		packet[11] = (uint8_t)sum;
	}
	memcpy(udp,
	       (uint8_t[]){(uint8_t)(client >> 8), (uint8_t)client, (uint8_t)(port >> 8),
			   (uint8_t)port, 0, (uint8_t)length},
	       6);
	memcpy(udp + 8, token, strlen(token));
	sum = fold(add_words(add_words((uint32_t)(IPPROTO_UDP + length), addresses, 2 * size), udp,
			     length));
	udp[6] = (uint8_t)(sum >> 8);
	udp[7] = (uint8_t)sum;
	return header + length;
}

/*
 * Send the token in a datagram that no UDP socket made: "raw" by a raw socket, "inject" as a frame
 * on lo, which passes no output hook. No answer can come.
 */
static int send_crafted(bool inject, bool is_six, const void *address, uint16_t port,
			const char *token, uint16_t client)
{
	struct sockaddr_ll link = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(is_six ? ETH_P_IPV6 : ETH_P_IP),
		.sll_ifindex = (int)if_nametoindex("lo"),
		.sll_halen = 6,
	};
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct sockaddr_in four = {.sin_family = AF_INET};
	uint8_t packet[256];
	size_t length = build_datagram(packet, is_six, address, port, token, client);
	int fd = inject ? socket(AF_PACKET, SOCK_DGRAM, 0)
			: socket(is_six ? AF_INET6 : AF_INET, SOCK_RAW, IPPROTO_RAW);
	ssize_t n;

	memcpy(&six.sin6_addr, address, is_six ? 16 : 0);
	memcpy(&four.sin_addr, address, is_six ? 0 : 4);
	if (fd < 0)
		return -1;
	if (inject)
		n = sendto(fd, packet, length, 0, (struct sockaddr *)&link, sizeof(link));
	else if (is_six)
		n = sendto(fd, packet, length, 0, (struct sockaddr *)&six, sizeof(six));
	else
		n = sendto(fd, packet, length, 0, (struct sockaddr *)&four, sizeof(four));
	close(fd);
	return n < 0 ? -1 : 0;
}

/* @target: "tcp|mptcp|udp|raw|inject,ADDRESS[%INTERFACE],PORT,TOKEN[,OWN_PORT]" */
static void start(struct attempt *a, int index, char *target)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct sockaddr_in four = {.sin_family = AF_INET};
	const char *protocol = strtok(target, ",");
	char *address = strtok(NULL, ",");
	const char *port = strtok(NULL, ",");
	const char *token = strtok(NULL, ",");
	const char *own_port = strtok(NULL, ",");
	bool is_six;
	char *scope;
	int r;

	if (!protocol || !address || !port || !token) {
		fprintf(stderr, "probe: bad target\n");
		exit(2);
	}
	snprintf(a->token, sizeof(a->token), "%s", token);
	a->fd = -1;
	a->stream = strstr(protocol, "tcp") != NULL;
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
	if (strcmp(protocol, "raw") == 0 || strcmp(protocol, "inject") == 0) {
		r = send_crafted(*protocol == 'i', is_six,
				 is_six ? (void *)&six.sin6_addr : (void *)&four.sin_addr,
				 (uint16_t)atoi(port), token,
				 own_port ? (uint16_t)atoi(own_port) : 0);
		finish(a, index, "error", r ? strerror(errno) : "sent");
		return;
	}
	a->fd = socket(is_six ? AF_INET6 : AF_INET,
		       (a->stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK,
		       *protocol == 'm' ? IPPROTO_MPTCP : 0);
	if (a->fd < 0) {
		finish(a, index, "error", strerror(errno));
		return;
	}
	/* To a multicast group: a conduit is a router, and takes one off. */
	if (!a->stream && !is_six)
		setsockopt(a->fd, IPPROTO_IP, IP_MULTICAST_TTL, &(int){4}, sizeof(int));
	if (own_port) {
		struct sockaddr_in6 own_six = {.sin6_family = AF_INET6};
		struct sockaddr_in own_four = {.sin_family = AF_INET};

		own_four.sin_port = own_six.sin6_port = htons((uint16_t)atoi(own_port));
		r = is_six ? bind(a->fd, (struct sockaddr *)&own_six, sizeof(own_six))
			   : bind(a->fd, (struct sockaddr *)&own_four, sizeof(own_four));
		if (r < 0) {
			finish(a, index, "error", strerror(errno));
			return;
		}
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
		fprintf(stderr, "usage: probe TIMEOUT_MS "
				"tcp|mptcp|udp|raw|inject,ADDRESS,PORT,TOKEN[,OWN_PORT]…\n");
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
