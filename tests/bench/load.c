// SPDX-License-Identifier: GPL-2.0-or-later
/* What the bench measures with: connections on lo, bytes through one of them, sleeping processes.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHUNK (128 * 1024) /* bytes a write */

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000U + (uint64_t)time.tv_nsec;
}

static int listen_on_lo(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_in){.sin_family = AF_INET,
					.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	if (fd < 0 || bind(fd, (struct sockaddr *)address, size) < 0 || listen(fd, 128) < 0 ||
	    getsockname(fd, (struct sockaddr *)address, &size) < 0)
		die("listen");
	return fd;
}

/* Return: nanoseconds that connect(2) took. The connection ends by RST: no TIME_WAIT is left. */
static uint64_t connect_once(int listener, const struct sockaddr_in *address)
{
	const struct linger reset = {.l_onoff = 1};
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t start, end;
	int server;

	if (client < 0)
		die("socket");
	start = now_ns();
	if (connect(client, (const struct sockaddr *)address, sizeof(*address)) < 0)
		die("connect");
	end = now_ns();
	server = accept(listener, NULL, NULL);
	if (server < 0)
		die("accept");
	setsockopt(client, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	close(client);
	close(server);
	return end - start;
}

static int compare(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

static void open_files(size_t count)
{
	const struct rlimit limit = {count + 64, count + 64};

	if (count > 512 && setrlimit(RLIMIT_NOFILE, &limit) < 0)
		die("setrlimit");
	while (count-- > 0)
		if (open("/dev/null", O_RDONLY | O_CLOEXEC) < 0)
			die("open");
}

static double percentile_us(const uint64_t *sorted, size_t count, size_t percent)
{
	size_t index = (count - 1) * percent / 100;

	return (double)sorted[index] / 1e3;
}

static int measure_connections(size_t count, size_t files)
{
	uint64_t *times = calloc(count, sizeof(*times));
	struct sockaddr_in address;
	uint64_t start, whole;
	int listener;

	if (!times || count == 0)
		die("calloc");
	open_files(files);
	listener = listen_on_lo(&address);
	for (size_t i = 0; i < count / 10 + 1; i++)
		connect_once(listener, &address); /* caches get warm */
	start = now_ns();
	for (size_t i = 0; i < count; i++)
		times[i] = connect_once(listener, &address);
	whole = now_ns() - start;
	qsort(times, count, sizeof(*times), compare);
	printf("{\"p50_us\": %.2f, \"p99_us\": %.2f, \"max_us\": %.2f, \"per_second\": %.0f}\n",
	       percentile_us(times, count, 50), percentile_us(times, count, 99),
	       percentile_us(times, count, 100), (double)count * 1e9 / (double)whole);
	free(times);
	return 0;
}

static void send_for(const struct sockaddr_in *address, uint64_t duration_ns)
{
	static char chunk[CHUNK];
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint64_t end;

	if (fd < 0 || connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0)
		die("connect");
	for (end = now_ns() + duration_ns; now_ns() < end;)
		if (write(fd, chunk, sizeof(chunk)) < 0)
			die("write");
	close(fd);
}

static int measure_throughput(double seconds)
{
	static char chunk[CHUNK];
	struct sockaddr_in address;
	int listener = listen_on_lo(&address);
	uint64_t bytes = 0, start;
	ssize_t part;
	int fd;
	pid_t child = fork();

	if (child < 0)
		die("fork");
	if (child == 0) {
		send_for(&address, (uint64_t)(seconds * 1e9));
		_exit(0);
	}
	fd = accept(listener, NULL, NULL);
	if (fd < 0)
		die("accept");
	start = now_ns();
	while ((part = read(fd, chunk, sizeof(chunk))) > 0)
		bytes += (uint64_t)part;
	printf("{\"bytes_per_second\": %.0f}\n", (double)bytes * 1e9 / (double)(now_ns() - start));
	waitpid(child, NULL, 0);
	return part < 0;
}

/* Processes that do nothing, until standard input ends. */
static int sleep_many(size_t count)
{
	pid_t parent = getpid();
	char byte;

	while (count-- > 0) {
		pid_t child = fork();

		if (child < 0)
			die("fork");
		if (child > 0)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(0);
		for (;;)
			pause();
	}
	puts("ready");
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		continue;
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "connect") == 0)
		return measure_connections(strtoul(argv[2], NULL, 10), strtoul(argv[3], NULL, 10));
	if (argc == 3 && strcmp(argv[1], "throughput") == 0)
		return measure_throughput(strtod(argv[2], NULL));
	if (argc == 3 && strcmp(argv[1], "sleep") == 0)
		return sleep_many(strtoul(argv[2], NULL, 10));
	fputs("usage: load connect COUNT FILES | load throughput SECONDS | load sleep COUNT\n",
	      stderr);
	return 2;
}
