// SPDX-License-Identifier: GPL-2.0-or-later
/* A client that hides: connects while its process, its cgroup or its descriptor does not show whose
 * it is.
 *
 * Prints what the probe prints for one attempt: "0 reply TEXT" or "0 error TEXT".
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CGROUPS	    "/sys/fs/cgroup"
#define DEEP	    5
#define LEFT_SOCKET 9	   /* descriptor that is handed on */
#define RETRY_USEC  100000 /* well before the first retransmission of a SYN, after a second */

static struct sockaddr_storage service;
static socklen_t service_size;
static const char *token;
static int timeout_ms;

/* One line, and the end of the process: of all its threads. */
__attribute__((noreturn)) static void finish(const char *how, const char *text)
{
	printf("0 %s %s\n", how, text);
	fflush(stdout);
	_exit(0);
}

__attribute__((noreturn)) static void fail(const char *what)
{
	char text[256];

	snprintf(text, sizeof(text), "cannot hide: %s: %s", what, strerror(errno));
	finish("error", text);
}

static void parse_service(const char *address, const char *port)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&service;
	struct sockaddr_in *four = (struct sockaddr_in *)&service;

	if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons((uint16_t)atoi(port));
		service_size = sizeof(*four);
	} else if (inet_pton(AF_INET6, address, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = htons((uint16_t)atoi(port));
		service_size = sizeof(*six);
	} else {
		fprintf(stderr, "hide: bad address %s\n", address);
		exit(2);
	}
}

static int make_socket(void)
{
	int fd = socket(service.ss_family, SOCK_STREAM, 0);

	if (fd < 0)
		fail("socket");
	return fd;
}

/* Send the token on a connected socket and print the reply. */
static void talk(int fd)
{
	struct pollfd readable = {.fd = fd, .events = POLLIN};
	char text[256];
	ssize_t n;

	n = snprintf(text, sizeof(text), "%s\n", token);
	if (send(fd, text, (size_t)n, MSG_NOSIGNAL) < 0)
		finish("error", strerror(errno));
	if (poll(&readable, 1, timeout_ms) <= 0)
		finish("error", "timeout");
	n = recv(fd, text, sizeof(text) - 1, 0);
	if (n <= 0)
		finish("error", n ? strerror(errno) : "closed");
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	finish("reply", text);
}

/* Wait for a connection that connect() has begun, then talk. */
static void await(int fd)
{
	struct pollfd writable = {.fd = fd, .events = POLLOUT};
	socklen_t size = sizeof(int);
	int error = 0;

	if (poll(&writable, 1, timeout_ms) <= 0)
		finish("error", "timeout");
	getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error)
		finish("error", strerror(error));
	talk(fd);
}

static void begin(int fd)
{
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (connect(fd, (struct sockaddr *)&service, service_size) < 0 && errno != EINPROGRESS)
		finish("error", strerror(errno));
}

static void ask(int fd)
{
	begin(fd);
	await(fd);
}

#define SEEN_US                                                                                    \
	500000 /* a program that goes on so long has been looked at, on a busy machine, too */

/* The socket stays behind, in the host's network namespace; its process leaves and becomes another. */
static void hide_in_network(void)
{
	char port[8], time[16], address[INET6_ADDRSTRLEN];
	struct sockaddr_in *four = (struct sockaddr_in *)&service;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&service;
	int is_six = service.ss_family == AF_INET6;

	if (dup2(make_socket(), LEFT_SOCKET) < 0)
		fail("dup2");
	usleep(SEEN_US);
	if (unshare(CLONE_NEWNET) < 0)
		fail("unshare");
	inet_ntop(service.ss_family, is_six ? (void *)&six->sin6_addr : (void *)&four->sin_addr,
		  address, sizeof(address));
	snprintf(port, sizeof(port), "%u", ntohs(four->sin_port)); /* at the same place in both */
	snprintf(time, sizeof(time), "%d", timeout_ms);
	execl("/proc/self/exe", "hide", "network-left", time, address, port, token, NULL);
	fail("exec");
}

static void ask_from_there(void)
{
	ask(LEFT_SOCKET);
}

static void wait_for_threads(void *(*run)(void *))
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, run, NULL))
		fail("pthread_create");
	pthread_join(thread, NULL);
}

/* A thread with a table of descriptors of its own: /proc/PID/fd is the main thread's. */
static void *with_own_files(void *unused)
{
	(void)unused;
	if (unshare(CLONE_FILES) < 0)
		fail("unshare");
	ask(make_socket());
	return NULL;
}

static void hide_in_files(void)
{
	wait_for_threads(with_own_files);
}

/* The main thread has ended: /proc/PID/fd is empty, but the process lives on. */
static void *after_the_leader(void *unused)
{
	(void)unused;
	usleep(300000);
	ask(make_socket());
	return NULL;
}

static void hide_behind_leader(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, after_the_leader, NULL))
		fail("pthread_create");
	syscall(SYS_exit, 0);
}

/* The child is a sibling: its parent is that of this process, perhaps outside the container. */
static void hide_in_sibling(void)
{
	char byte;
	int over[2];
	long pid;

	if (pipe(over) < 0)
		fail("pipe");
	pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
	if (pid < 0)
		fail("clone");
	close(over[pid == 0 ? 0 : 1]);
	if (pid == 0)
		ask(make_socket());
	if (read(over[0], &byte, 1) == 0) /* it has ended */
		_exit(0);
}

/* The descriptor is in no process, only in a message that nobody has received yet. */
static void hide_in_message(void)
{
	char data = 0, control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec vector = {.iov_base = &data, .iov_len = 1};
	struct msghdr message = {
		.msg_iov = &vector,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);
	int pair[2], fd = make_socket();

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(int));
	if (socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) < 0)
		fail("socketpair");
	begin(fd);
	if (sendmsg(pair[0], &message, 0) < 0)
		fail("sendmsg");
	close(fd);
	usleep((useconds_t)timeout_ms * 1000 - RETRY_USEC); /* the kernel tries again */
	message.msg_controllen = sizeof(control);
	if (recvmsg(pair[1], &message, 0) < 0)
		fail("recvmsg");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
	timeout_ms = 200;
	await(fd);
}

/* One operation of a ring, by hand: liburing is no part of the guests. */
struct ring {
	int fd;
	uint8_t *queue;
	struct io_uring_sqe *entries;
	struct io_uring_params parameters;
};

static void too_late(int unused)
{
	(void)unused;
	finish("error", "timeout");
}

static int ring_do(struct ring *ring, const struct io_uring_sqe *entry)
{
	struct io_sqring_offsets *sq = &ring->parameters.sq_off;
	struct io_cqring_offsets *cq = &ring->parameters.cq_off;
	uint32_t *tail = (uint32_t *)(ring->queue + sq->tail);
	uint32_t *head = (uint32_t *)(ring->queue + cq->head);
	struct io_uring_cqe *done = (struct io_uring_cqe *)(ring->queue + cq->cqes);
	int result;

	ring->entries[0] = *entry;
	((uint32_t *)(ring->queue + sq->array))[*tail & (ring->parameters.sq_entries - 1)] = 0;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring->fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		fail("io_uring_enter");
	result = done[*head & (ring->parameters.cq_entries - 1)].res;
	__atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
	errno = -result;
	return result;
}

/* The socket is in the ring's table alone, in no process's table of descriptors. */
static void hide_in_ring(void)
{
	struct io_uring_sqe join = {.opcode = IORING_OP_CONNECT, .flags = IOSQE_FIXED_FILE};
	struct io_uring_sqe give = {.opcode = IORING_OP_SEND, .flags = IOSQE_FIXED_FILE};
	struct io_uring_sqe take = {.opcode = IORING_OP_RECV, .flags = IOSQE_FIXED_FILE};
	int fd = make_socket(), n;
	struct ring ring = {0};
	char text[256];

	ring.fd = (int)syscall(SYS_io_uring_setup, 1, &ring.parameters);
	if (ring.fd < 0)
		fail("io_uring_setup");
	ring.queue =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, IORING_OFF_SQ_RING);
	ring.entries =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, IORING_OFF_SQES);
	if (ring.queue == MAP_FAILED || ring.entries == MAP_FAILED)
		fail("mmap");
	if (syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_FILES, &fd, 1) < 0)
		fail("io_uring_register");
	close(fd);
	join.addr = (uintptr_t)&service;
	join.off = service_size;
	signal(SIGALRM, too_late); /* the ring would connect for minutes */
	alarm((unsigned)timeout_ms / 1000 + 1);
	if (ring_do(&ring, &join) < 0)
		finish("error", strerror(errno));
	give.addr = take.addr = (uintptr_t)text;
	give.len = (uint32_t)snprintf(text, sizeof(text), "%s\n", token);
	take.len = sizeof(text) - 1;
	if (ring_do(&ring, &give) < 0)
		finish("error", strerror(errno));
	n = ring_do(&ring, &take);
	if (n <= 0)
		finish("error", n ? strerror(errno) : "closed");
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	finish("reply", text);
}

static void enter_cgroup(const char *path)
{
	char file[4096], text[32];
	int fd, length;

	snprintf(file, sizeof(file), "%s/cgroup.procs", path);
	fd = open(file, O_WRONLY);
	length = snprintf(text, sizeof(text), "%d", (int)getpid());
	if (fd < 0 || write(fd, text, (size_t)length) < 0)
		fail(file);
	close(fd);
}

/* A socket belongs for ever to the cgroup that it was made in: here @levels below the container's.
 */
static void hide_in_cgroup(int levels, int is_removed)
{
	char path[2048] = CGROUPS;
	size_t ends[DEEP];
	int fd;

	for (int i = 0; i < levels; i++) {
		ends[i] = strlen(path);
		sprintf(path + ends[i], "/hide-%d%0*d", i, levels > 1 ? 200 : 1, 0);
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			fail(path);
	}
	enter_cgroup(path);
	fd = make_socket();
	if (is_removed)
		enter_cgroup(CGROUPS);
	for (int i = levels - 1; is_removed && i >= 0; i--) {
		if (rmdir(path) < 0)
			fail("rmdir");
		path[ends[i]] = '\0';
	}
	begin(fd);
	usleep(RETRY_USEC);
	enter_cgroup(CGROUPS);
	for (int i = levels - 1; !is_removed && i >= 0; i--) {
		rmdir(path);
		path[ends[i]] = '\0';
	}
	await(fd);
}

static void hide_in_removed_cgroup(void)
{
	hide_in_cgroup(1, 1);
}

static void hide_in_deep_cgroup(void)
{
	hide_in_cgroup(DEEP, 0);
}

static int make_listener(void)
{
	int fd = make_socket(), one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&service, service_size) < 0 || listen(fd, 1) < 0)
		fail("listen");
	return fd;
}

static void serve(int listener)
{
	char text[128];
	int length = snprintf(text, sizeof(text), "hello %s\n", token);
	int client = accept(listener, NULL, NULL);

	send(client, text, (size_t)length, MSG_NOSIGNAL);
	pause();
}

static void child_ended(int unused)
{
	(void)unused;
	_exit(0);
}

/* No trick: the client and the service are of one container. */
static void ask_own_service(void)
{
	int listener = make_listener();

	usleep(300000); /* services listen before they are asked */
	signal(SIGCHLD, child_ended);
	switch (fork()) {
	case -1:
		fail("fork");
	case 0:
		ask(make_socket());
	}
	serve(listener);
}

#define JOINED_ASKED 24 /* times; each goes to the host's program with a chance of a half */

/* It joins a port of the host's program, whose user it has: the kernel chooses between the two. */
static void ask_joined(void)
{
	int listener = make_socket(), one = 1;

	setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
	if (bind(listener, (struct sockaddr *)&service, service_size) < 0 ||
	    listen(listener, JOINED_ASKED) < 0)
		fail("join");
	for (int i = 0; i < JOINED_ASKED; i++) {
		struct pollfd writable = {.fd = make_socket(), .events = POLLOUT};

		begin(writable.fd);
		if (poll(&writable, 1, timeout_ms / JOINED_ASKED) > 0)
			send(writable.fd, token, strlen(token), MSG_NOSIGNAL);
	}
	finish("error", "asked");
}

/* The service alone, until the time is over. */
static void serve_once(void)
{
	signal(SIGALRM, too_late);
	alarm((unsigned)timeout_ms / 1000);
	serve(make_listener());
}

static const struct {
	const char *name;
	void (*run)(void);
} tricks[] = {
	{"files", hide_in_files},
	{"leader", hide_behind_leader},
	{"sibling", hide_in_sibling},
	{"message", hide_in_message},
	{"ring", hide_in_ring},
	{"network", hide_in_network},
	{"network-left", ask_from_there},
	{"removed-cgroup", hide_in_removed_cgroup},
	{"deep-cgroup", hide_in_deep_cgroup},
	{"own", ask_own_service},
	{"joined", ask_joined},
	{"serve", serve_once},
};

int main(int argc, char **argv)
{
	if (argc == 6) {
		timeout_ms = atoi(argv[2]);
		parse_service(argv[3], argv[4]);
		token = argv[5];
		for (size_t i = 0; i < sizeof(tricks) / sizeof(*tricks); i++)
			if (strcmp(argv[1], tricks[i].name) == 0) {
				tricks[i].run();
				return 0;
			}
	}
	fprintf(stderr, "usage: hide TRICK TIMEOUT_MS ADDRESS PORT TOKEN; the tricks are:\n");
	for (size_t i = 0; i < sizeof(tricks) / sizeof(*tricks); i++)
		fprintf(stderr, "  %s\n", tricks[i].name);
	return 2;
}
