// SPDX-License-Identifier: GPL-2.0-or-later
/* A client whose memory does not answer: whoever reads its command line waits until it ends; and so does
 * whoever asks what a file is that it holds.
 *
 * usage: silent PROGRAM ADDRESS PORT TOKEN TIMEOUT_MS
 *
 * It serves a file system (FUSE, in a mount namespace of its own) whose files are never read to the end, and
 * starts PROGRAM, a copy of itself, which maps that file. One thread of it reads the mapping by way of
 * /proc/self/mem: the kernel waits for the page with the lock of the process's memory held. Another
 * wants to change the memory, and from then on everyone who wants to read it waits behind that one
 * (the lock is fair). A third, which touches no memory that is not there yet, says "ready", and connects
 * for each line on its standard input. Prints what the probe prints: "0 reply TEXT" or "0 error TEXT".
 * With the server ends the silence.
 */
#define _GNU_SOURCE

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define FOLDER	  "/sys" /* which it does without */
#define FILE_NAME "page"
#define FILE_NODE 2
#define HELD_NAME "tun" /* as the device, which guards look for, is called */
#define HELD_NODE 3
#define PAGE	  4096

__attribute__((noreturn)) static void fail(const char *what)
{
	printf("silent: %s: %s\n", what, strerror(errno));
	fflush(stdout);
	_exit(1);
}

/* The file system. */

static void answer(int fuse, uint64_t unique, int error, const void *data, size_t size)
{
	struct fuse_out_header header = {.unique = unique, .error = -error};
	char message[sizeof(header) + 512];

	header.len = (uint32_t)(sizeof(header) + size);
	memcpy(message, &header, sizeof(header));
	if (size)
		memcpy(message + sizeof(header), data, size);
	if (write(fuse, message, header.len) < 0 && errno != ENOENT)
		fail("answer");
}

static struct fuse_attr attributes(uint64_t node)
{
	return (struct fuse_attr){
		.ino = node,
		.size = node != FUSE_ROOT_ID ? PAGE : 0,
		.mode = node != FUSE_ROOT_ID ? S_IFREG | 0444 : S_IFDIR | 0555,
		.nlink = 1,
		.blksize = PAGE,
	};
}

static void serve_one(int fuse, const struct fuse_in_header *request)
{
	struct fuse_init_out init = {.major = FUSE_KERNEL_VERSION,
				     .minor = FUSE_KERNEL_MINOR_VERSION,
				     .max_write = PAGE};
	const char *name = (const char *)(request + 1);
	uint64_t node = strcmp(name, HELD_NAME) == 0 ? HELD_NODE : FILE_NODE;
	struct fuse_entry_out entry = {.nodeid = node,
				       .entry_valid = 3600,
				       .attr_valid = node == FILE_NODE ? 3600 : 0,
				       .attr = attributes(node)};
	struct fuse_attr_out attribute = {.attr_valid = 3600, .attr = attributes(request->nodeid)};
	struct fuse_open_out opened = {.fh = 1};

	switch (request->opcode) {
	case FUSE_INIT:
		return answer(fuse, request->unique, 0, &init, sizeof(init));
	case FUSE_LOOKUP:
		return answer(fuse, request->unique, 0, &entry, sizeof(entry));
	case FUSE_GETATTR:
		if (request->nodeid == HELD_NODE)
			return; /* never */
		return answer(fuse, request->unique, 0, &attribute, sizeof(attribute));
	case FUSE_OPEN:
		return answer(fuse, request->unique, 0, &opened, sizeof(opened));
	case FUSE_READ: /* never */
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		return;
	default:
		return answer(fuse, request->unique, ENOSYS, NULL, 0);
	}
}

__attribute__((noreturn)) static void serve(int fuse)
{
	static _Alignas(struct fuse_in_header) char request[64 * PAGE];

	while (read(fuse, request, sizeof(request)) > 0)
		serve_one(fuse, (struct fuse_in_header *)request);
	_exit(0);
}

static int mount_fuse(void)
{
	char options[128];
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fuse < 0)
		fail("/dev/fuse");
	snprintf(options, sizeof(options), "fd=%d,rootmode=40555,user_id=0,group_id=0,allow_other",
		 fuse);
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("silent", FOLDER, "fuse", MS_NOSUID | MS_NODEV, options))
		fail("mount");
	return fuse;
}

/* The client. */

static struct sockaddr_in service;
static void *mapping;

static void *hold_memory(__attribute__((unused)) void *data)
{
	static char byte;
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);

	if (pread(fd, &byte, 1, (off_t)(uintptr_t)mapping) < 0)
		pause();
	return NULL;
}

/* After the other: a thread is made by changing the memory, too. */
static void *change_memory(__attribute__((unused)) void *data)
{
	usleep(200000);
	mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return NULL;
}

/* Its own stack is there to its end: it grows no more. */
static void say(const char *text, size_t size)
{
	if (write(STDOUT_FILENO, text, size) < 0)
		_exit(1);
}

static void connect_once(const char *token, size_t length, int timeout_ms)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct pollfd ready = {.fd = fd, .events = POLLOUT};
	char text[256] = "0 reply ";
	ssize_t size = 0;

	connect(fd, (const struct sockaddr *)&service, sizeof(service));
	if (poll(&ready, 1, timeout_ms) == 1 && send(fd, token, length, MSG_NOSIGNAL) > 0) {
		ready.events = POLLIN;
		if (poll(&ready, 1, timeout_ms) == 1)
			size = recv(fd, text + 8, sizeof(text) - 9, 0);
	}
	close(fd);
	if (size <= 0)
		return say("0 error timeout\n", 16);
	text[8 + size] = '\n';
	say(text, (size_t)size + 9 - (text[7 + size] == '\n'));
}

static int client(char **argv)
{
	size_t length = strlen(argv[4]);
	int timeout_ms = atoi(argv[5]), fd = open(FOLDER "/" FILE_NAME, O_RDONLY | O_CLOEXEC);
	pthread_t thread;
	char line[64];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	service.sin_family = AF_INET;
	service.sin_port = htons((uint16_t)atoi(argv[3]));
	if (fd < 0 || open(FOLDER "/" HELD_NAME, O_RDONLY | O_CLOEXEC) < 0 ||
	    inet_pton(AF_INET, argv[2], &service.sin_addr) != 1)
		fail("arguments");
	argv[4][length] = '\n';
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		fail("mlockall");
	munlockall(); /* all of it is there; what comes needs not be */
	mapping = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	if (mapping == MAP_FAILED)
		fail("mmap");
	if (pthread_create(&thread, NULL, change_memory, NULL) ||
	    pthread_create(&thread, NULL, hold_memory, NULL))
		fail("thread");
	usleep(400000);
	say("ready\n", 6);
	while (read(STDIN_FILENO, line, sizeof(line)) > 0)
		connect_once(argv[4], length + 1, timeout_ms);
	return 0;
}

int main(int argc, char **argv)
{
	int fuse;

	if (argc != 6)
		fail("arguments");
	if (getenv("SILENT"))
		return client(argv);
	fuse = mount_fuse();
	setenv("SILENT", "1", 1);
	if (fork() == 0) {
		close(fuse);
		execv(argv[1], argv);
		fail(argv[1]);
	}
	serve(fuse);
}
