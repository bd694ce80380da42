// SPDX-License-Identifier: GPL-2.0-or-later
/* A stand-in for the runtimes that cannot run in the lab: takes on their looks, then connects when told.
 *
 * What it is told stands in the environment variable STANDIN, so that argv[] is free to look like the
 * runtime's. One step a line, words separated by tabs:
 *
 *   comm NAME              be called so
 *   cgroup FOLDER          move there
 *   unshare NS…            pid, user, mnt, net, uts, ipc: new ones; with pid a child goes on
 *   netns FILE             enter this network namespace
 *   open PATH              hold a file or device open
 *   tun NAME               hold a tap of this name, made here
 *   child                  a child goes on; this process stays until that one ends, as supervisors do
 *   exec FILE ARGV…        become another program, which goes on with the next step
 *   listen ADDRESS PORT    a TCP listener
 *   serve PATH COUNT       a Unix listener; goes on when so many have called, and keeps them
 *   calls ADDRESS PORT MS  "ready"; then for each line, a token, it connects, as the probe, and says
 *                          "PORT reply TEXT" or "PORT error TEXT" with its own port
 *
 * At the end of the steps it waits for the end of its input.
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 64

__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *format, ...)
{
	int error = errno;
	va_list args;

	printf("standin: ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf(": %s\n", strerror(error));
	fflush(stdout);
	_exit(2);
}

static void take_comm(char **words)
{
	if (prctl(PR_SET_NAME, words[1]) < 0)
		fail("comm %s", words[1]);
}

static void enter_cgroup(char **words)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/cgroup.procs", words[1]);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		fail("cgroup %s", words[1]);
	close(fd);
}

/* This process waits, its child goes on. */
static void go_on_in_child(char **words)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		fail("fork");
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		return;
	}
	/* The child alone reads what comes. */
	close(STDIN_FILENO);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static void take_namespaces(char **words)
{
	static const struct {
		const char *name;
		int flag;
	} known[] = {
		{"pid", CLONE_NEWPID}, {"user", CLONE_NEWUSER}, {"mnt", CLONE_NEWNS},
		{"net", CLONE_NEWNET}, {"uts", CLONE_NEWUTS},	{"ipc", CLONE_NEWIPC},
	};
	int flags = 0;

	for (int i = 1; words[i]; i++) {
		size_t k = 0;

		while (k < sizeof(known) / sizeof(known[0]) && strcmp(words[i], known[k].name))
			k++;
		if (k == sizeof(known) / sizeof(known[0]))
			fail("no namespace %s", words[i]);
		flags |= known[k].flag;
	}
	if (unshare(flags) < 0)
		fail("unshare");
	if (flags & CLONE_NEWPID)
		go_on_in_child(NULL);
}

static void enter_netns(char **words)
{
	int fd = open(words[1], O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		fail("netns %s", words[1]);
	close(fd);
}

static void hold_file(char **words)
{
	if (open(words[1], O_RDWR) < 0 && open(words[1], O_RDONLY) < 0)
		fail("open %s", words[1]);
}

static void hold_tap(char **words)
{
	struct ifreq request = {.ifr_flags = IFF_TAP | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", words[1]);
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0)
		fail("tun %s", words[1]);
}

static void become(char **words)
{
	execv(words[1], words + 2);
	fail("exec %s", words[1]);
}

static struct sockaddr_in address_of(char **words)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((uint16_t)atoi(words[2]))};

	if (inet_pton(AF_INET, words[1], &address.sin_addr) != 1)
		fail("address %s", words[1]);
	return address;
}

static void take_port(char **words)
{
	struct sockaddr_in address = address_of(words);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
	if (fd < 0 || bind(fd, (void *)&address, sizeof(address)) < 0 || listen(fd, 16) < 0)
		fail("listen %s %s", words[1], words[2]);
}

static void serve(char **words)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", words[1]);
	if (fd < 0 || bind(fd, (void *)&address, sizeof(address)) < 0 || listen(fd, 16) < 0)
		fail("serve %s", words[1]);
	for (int i = 0; i < atoi(words[2]); i++)
		if (accept(fd, NULL, NULL) < 0)
			fail("accept");
}

static const char *talk(int fd, const char *token, int timeout_ms, char *text, size_t size)
{
	struct pollfd event = {.fd = fd, .events = POLLOUT};
	socklen_t length = sizeof(int);
	int error = 0;
	ssize_t n;

	if (poll(&event, 1, timeout_ms) <= 0)
		return "timeout";
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
	if (error)
		return strerror(error);
	n = snprintf(text, size, "%s\n", token);
	if (send(fd, text, (size_t)n, MSG_NOSIGNAL) < 0)
		return strerror(errno);
	event.events = POLLIN;
	if (poll(&event, 1, timeout_ms) <= 0)
		return "timeout";
	n = recv(fd, text, size - 1, 0);
	if (n <= 0)
		return n ? strerror(errno) : "closed";
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return NULL;
}

static void call(const struct sockaddr_in *address, const char *token, int timeout_ms)
{
	struct sockaddr_in own = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	socklen_t size = sizeof(own);
	const char *error = NULL;
	char text[256];

	if (fd < 0)
		fail("socket");
	if (connect(fd, (const void *)address, sizeof(*address)) < 0 && errno != EINPROGRESS)
		error = strerror(errno);
	if (getsockname(fd, (void *)&own, &size) < 0)
		fail("getsockname");
	if (!error)
		error = talk(fd, token, timeout_ms, text, sizeof(text));
	printf("%u %s %s\n", ntohs(own.sin_port), error ? "error" : "reply", error ? error : text);
	fflush(stdout);
	close(fd);
}

/* A line of the input, without its end; false at the end of the input. */
static bool read_line(char *line, size_t size)
{
	size_t length = 0;

	while (length < size - 1 && read(STDIN_FILENO, line + length, 1) == 1) {
		if (line[length] == '\n') {
			line[length] = '\0';
			return true;
		}
		length++;
	}
	return false;
}

static void take_calls(char **words)
{
	struct sockaddr_in address = address_of(words);
	char token[64];

	printf("ready\n");
	fflush(stdout);
	while (read_line(token, sizeof(token)))
		call(&address, token, atoi(words[3]));
}

static const struct step {
	const char *name;
	int words; /* at least so many after the name */
	void (*take)(char **words);
} steps[] = {
	{"comm", 1, take_comm},	      {"cgroup", 1, enter_cgroup}, {"unshare", 1, take_namespaces},
	{"netns", 1, enter_netns},    {"open", 1, hold_file},	   {"tun", 1, hold_tap},
	{"child", 0, go_on_in_child}, {"exec", 2, become},	   {"listen", 2, take_port},
	{"serve", 2, serve},	      {"calls", 3, take_calls},
};

static void take(char *line)
{
	char *words[WORDS_MAX + 1] = {0};
	int count = 0;

	for (char *word = strtok(line, "\t"); word && count < WORDS_MAX; word = strtok(NULL, "\t"))
		words[count++] = word;
	for (size_t i = 0; count && i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (strcmp(steps[i].name, words[0]))
			continue;
		if (count <= steps[i].words)
			fail("too few words: %s", words[0]);
		steps[i].take(words);
		return;
	}
	fail("no step %s", line);
}

int main(void)
{
	const char *told = getenv("STANDIN");
	char *script = strdup(told ? told : ""), *line = script;
	char byte;

	while (line && *line) {
		char *next = strchr(line, '\n');

		if (next)
			*next++ = '\0';
		setenv("STANDIN", next ? next : "", 1); /* for the program that it may become */
		take(line);
		line = next;
	}
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	free(script);
	return 0;
}
