// SPDX-License-Identifier: GPL-2.0-or-later
/* Clients by the thousand: guests that come and go, and clients that live for less than a
 * millisecond. Whom a client belongs to is told by the address that it asks for.
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WAVE_MOST    256
#define HOST_WAIT_MS 5000 /* for an answer: several retransmissions */
#define LIFE_MS	     400  /* of a guest of the churn */

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static long long now_us(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000000LL + time.tv_nsec / 1000;
}

static struct sockaddr_in service_at(const char *address, const char *port)
{
	struct sockaddr_in service = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)atoi(port))};

	if (inet_pton(AF_INET, address, &service.sin_addr) != 1) {
		fprintf(stderr, "crowd: bad address %s\n", address);
		exit(2);
	}
	return service;
}

static int begin_connect(const struct sockaddr_in *service)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	if (connect(fd, (const struct sockaddr *)service, sizeof(*service)) < 0 &&
	    errno != EINPROGRESS)
		die("connect");
	return fd;
}

/* The socket is left to the end of the process. */
static void send_datagram(const struct sockaddr_in *service, const char *token)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	sendto(fd, token, strlen(token), MSG_NOSIGNAL, (const struct sockaddr *)service,
	       sizeof(*service));
}

/* Wait for the connection, send the token. Return: whether an answer came in time. */
static int finish_connect(int fd, const char *token, int wait_ms)
{
	struct pollfd poller = {.fd = fd, .events = POLLOUT};
	char line[128], answer[128];
	ssize_t length;

	if (poll(&poller, 1, wait_ms) != 1)
		return 0;
	length = snprintf(line, sizeof(line), "%s\n", token);
	if (send(fd, line, (size_t)length, MSG_NOSIGNAL) != length)
		return 0;
	poller.events = POLLIN;
	return poll(&poller, 1, wait_ms) == 1 && recv(fd, answer, sizeof(answer), 0) > 0;
}

/* A program of the host that connects all the time, until its input ends. */
static int run_host(const char *address, const char *port)
{
	const struct sockaddr_in service = service_at(address, port);
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	unsigned int open = 0, refused = 0;

	while (poll(&input, 1, 5) == 0) {
		int fd = begin_connect(&service);

		if (finish_connect(fd, "host", HOST_WAIT_MS))
			open++;
		else
			refused++;
		close(fd);
	}
	printf("%u %u\n", open, refused);
	return 0;
}

/* Give the veth that was put into this namespace its address. */
static void set_up_link(const char *address)
{
	struct ifreq request = {.ifr_name = "eth0"};
	struct sockaddr_in own = service_at(address, "0");
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (int tries = 0; !if_nametoindex("eth0") && tries < 5000; tries++)
		usleep(2000);
	memcpy(&request.ifr_addr, &own, sizeof(own));
	if (ioctl(fd, SIOCSIFADDR, &request) < 0)
		die("SIOCSIFADDR");
	inet_pton(AF_INET, "255.255.255.252", &own.sin_addr);
	memcpy(&request.ifr_netmask, &own, sizeof(own));
	if (ioctl(fd, SIOCSIFNETMASK, &request) < 0)
		die("SIOCSIFNETMASK");
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	if (ioctl(fd, SIOCSIFFLAGS, &request) < 0)
		die("SIOCSIFFLAGS");
	close(fd);
}

/* What runs in a guest: one connection, one datagram, the end. */
static int run_guest(const char *service_address, const char *port, const char *token,
		     const char *own_address)
{
	const struct sockaddr_in service = service_at(service_address, port);
	int fd;

	if (own_address)
		set_up_link(own_address);
	fd = begin_connect(&service);
	finish_connect(fd, token, LIFE_MS);
	send_datagram(&service, token);
	return 0;
}

static pid_t start_in(const char *cgroup, uint64_t namespaces, char *const *argv)
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
		execv("/proc/self/exe", argv);
		_exit(127);
	}
	close(folder);
	return child;
}

/*
 * Waves of guests. Each line of input is one guest: "CGROUP SERVICE PORT TOKEN [OWN]", with OWN for
 * one that has a network namespace, and waits there for its link. "go" ends a wave: its processes
 * are waited for, and its cgroups removed. "PID" answers each line, "gone" each wave.
 */
static int run_churn(void)
{
	static char cgroups[WAVE_MOST][256];
	pid_t pids[WAVE_MOST];
	unsigned int count = 0;
	char line[512];

	while (fgets(line, sizeof(line), stdin)) {
		char service[64], port[16], token[64], own[64] = "";
		char *argv[] = {"crowd", "guest", service, port, token, own, NULL};

		if (strcmp(line, "go\n") == 0) {
			for (; count > 0; count--) {
				waitpid(pids[count - 1], NULL, 0);
				if (rmdir(cgroups[count - 1]) < 0)
					die(cgroups[count - 1]);
			}
			puts("gone");
		} else if (count < WAVE_MOST &&
			   sscanf(line, "%255s %63s %15s %63s %63s", cgroups[count], service, port,
				  token, own) >= 4) {
			uint64_t netns = own[0] ? CLONE_NEWNET : 0;

			if (!own[0])
				argv[5] = NULL;
			if (mkdir(cgroups[count], 0755) < 0)
				die(cgroups[count]);
			pids[count] =
				start_in(cgroups[count], CLONE_NEWPID | CLONE_NEWNS | netns, argv);
			printf("%d\n", (int)pids[count++]);
		} else {
			fputs("crowd: bad line\n", stderr);
			return 2;
		}
		fflush(stdout);
	}
	return 0;
}

/* NETWORK.0.0 and the number, as an address: never the first or the last of a /24. */
static void numbered(char *text, size_t size, const char *network, unsigned int number)
{
	snprintf(text, size, "%s.%u.%u", network, number / 250, number % 250 + 2);
}

static void flash(const struct sockaddr_in *service, const char *token, int datagram)
{
	if (datagram)
		send_datagram(service, token);
	else
		begin_connect(service);
}

/*
 * A client's first and last moment, which it writes itself, into a file in memory that outlives its
 * exec: so what its parent waits for the processor is no part of its life.
 */
struct life {
	long long start, end; /* microseconds */
};

static int lives_fd = -1;

static void flash_and_end(const struct sockaddr_in *service, const char *token, int datagram)
{
	struct life life = {.start = now_us()};

	flash(service, token, datagram);
	life.end = now_us();
	if (pwrite(lives_fd, &life, sizeof(life), 0) != sizeof(life))
		_exit(1);
	_exit(0);
}

/* A process that shares this one's memory until it ends or execs: the quickest there is. */
static pid_t start_flash(const struct sockaddr_in *service, const char *token, int datagram,
			 char *const *program)
{
	pid_t child = vfork();

	if (child)
		return child;
	if (program)
		execv("/proc/self/exe", program);
	else
		flash_and_end(service, token, datagram);
	_exit(127);
}

/* Return: how long it lived, microseconds: from its vfork on, or from its first line as a program. */
static long long flash_one(const char *network, unsigned int number, const char *port,
			   int with_exec)
{
	char address[64], token[96], fd[16];
	char *program[] = {"crowd",	 "once", address,
			   (char *)port, token,	 number % 2 ? "udp" : "tcp",
			   fd,		 NULL};
	struct sockaddr_in service;
	long long start;
	struct life life;
	int status;
	pid_t child;

	numbered(address, sizeof(address), network, number);
	service = service_at(address, port);
	snprintf(token, sizeof(token), "%s/%u", network, number);
	snprintf(fd, sizeof(fd), "%d", lives_fd);
	start = now_us();
	child = start_flash(&service, token, number % 2, with_exec ? program : NULL);
	if (child < 0 || waitpid(child, &status, 0) != child || status)
		die("a client");
	if (pread(lives_fd, &life, sizeof(life), 0) != sizeof(life))
		die("a life");
	return life.end - (with_exec ? life.start : start);
}

static int by_length(const void *a, const void *b)
{
	long long x = *(const long long *)a, y = *(const long long *)b;

	return x < y ? -1 : x > y;
}

/*
 * Short-lived clients, each a process of its own that ends at once: every other one sends a datagram,
 * the rest a SYN. With "exec" each is started as a program anew. They are made until COUNT of them
 * lived less than a millisecond, or MOST in all. Prints how many were made, how many lived so short,
 * and the median and the longest life in microseconds.
 */
static int run_flash(const char *network, const char *port, unsigned int count, unsigned int most,
		     int with_exec)
{
	long long *lives = calloc(most, sizeof(*lives));
	unsigned int made = 0, brief = 0;
	char byte;

	lives_fd = (int)syscall(SYS_memfd_create, "crowd", 0);
	if (!lives || lives_fd < 0)
		die("memory");
	puts("ready");
	fflush(stdout);
	if (read(STDIN_FILENO, &byte, 1) != 1)
		return 1;
	while (brief < count && made < most) {
		lives[made] = flash_one(network, made, port, with_exec);
		brief += lives[made] < 1000;
		if (made++ % 50 == 49)
			usleep(20000);
	}
	qsort(lives, made, sizeof(*lives), by_length);
	printf("%u %u %lld %lld\n", made, brief, lives[made / 2], lives[made - 1]);
	fflush(stdout);
	free(lives);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		continue; /* a conduit outlives its clients */
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "host") == 0)
		return run_host(argv[2], argv[3]);
	if ((argc == 5 || argc == 6) && strcmp(argv[1], "guest") == 0)
		return run_guest(argv[2], argv[3], argv[4], argv[5]);
	if (argc == 2 && strcmp(argv[1], "churn") == 0)
		return run_churn();
	if ((argc == 6 || argc == 7) && strcmp(argv[1], "flash") == 0)
		return run_flash(argv[2], argv[3], (unsigned int)atoi(argv[4]),
				 (unsigned int)atoi(argv[5]), argc == 7);
	if (argc == 7 && strcmp(argv[1], "once") == 0) {
		const struct sockaddr_in service = service_at(argv[2], argv[3]);

		lives_fd = atoi(argv[6]);
		flash_and_end(&service, argv[4], strcmp(argv[5], "udp") == 0);
	}
	fputs("usage: crowd host ADDRESS PORT | crowd churn | crowd flash NETWORK PORT COUNT "
	      "MOST [exec] |\n       crowd guest ADDRESS PORT TOKEN [OWN_ADDRESS] | "
	      "crowd once ADDRESS PORT TOKEN tcp|udp FD\n",
	      stderr);
	return 2;
}
