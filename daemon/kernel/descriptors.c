/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a process holds open: sockets, tun/tap devices, virtual machines. */
#include "kernel/descriptors.h"

#include "kernel/borrow.h"
#include "kernel/processes.h"
#include "util/cleanup.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdbool.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

/* An entry of /proc/PID/fd with a number of at most four digits takes 24 bytes in getdents64(2). */
#define ENTRY_SIZE  24
#define CHUNK_SIZE  (1024 * ENTRY_SIZE)
#define NAME_LENGTH sizeof("2147483647")

#define MISC_MAJOR 10  /* linux/major.h */
#define TUN_MINOR  200 /* linux/miscdevice.h */

struct linux_dirent64 {
	uint64_t inode;
	int64_t offset;
	uint16_t length;
	uint8_t type;
	char name[];
};

/* visit() looks at one link and returns non-zero to end the walk. */
typedef int (*descriptor_visit)(void *data, int directory, int number);

static int open_descriptors(int root, pid_t pid)
{
	char name[NAME_LENGTH + sizeof("/fd")];
	int fd;

	if (pid <= 0)
		return -ESRCH;
	snprintf(name, sizeof(name), "%d/fd", pid);
	fd = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return fd;
}

/* The number that a name stands for, -1 when it is none ("." and ".."). */
static int parse_number(const char *name)
{
	long number = 0;

	if (*name == '\0')
		return -1;
	for (; *name; name++) {
		if (*name < '0' || *name > '9')
			return -1;
		number = number * 10 + (*name - '0');
		if (number > INT_MAX)
			return -1;
	}
	return (int)number;
}

static size_t collect_numbers(const char *chunk, size_t length, int *numbers)
{
	size_t count = 0;

	for (size_t at = 0; at < length;) {
		const struct linux_dirent64 *entry = (const void *)(chunk + at);
		int number = parse_number(entry->name);

		if (number >= 0)
			numbers[count++] = number;
		at += entry->length;
	}
	return count;
}

/* Visit all descriptors without allocating: the newest of each chunk first, since the kernel lists
 * them upwards and what is searched for is mostly young. Return: what @visit returned, or -errno.
 */
static int walk_descriptors(int directory, descriptor_visit visit, void *data)
{
	_Alignas(struct linux_dirent64) char chunk[CHUNK_SIZE];
	int numbers[CHUNK_SIZE / ENTRY_SIZE];
	ssize_t length;

	while ((length = syscall(SYS_getdents64, directory, chunk, sizeof(chunk))) > 0) {
		size_t count = collect_numbers(chunk, length, numbers);

		while (count > 0) {
			int r = visit(data, directory, numbers[--count]);

			if (r != 0)
				return r;
		}
	}
	if (length < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	return 0;
}

/* Return: bytes of the link, without a NUL, at most @size: then there may be more. */
static size_t read_link(int directory, int number, char *link, size_t size)
{
	char name[NAME_LENGTH];
	ssize_t length;

	snprintf(name, sizeof(name), "%d", number);
	length = readlinkat(directory, name, link, size);
	return length < 0 ? 0 : (size_t)length;
}

static bool link_equals(int directory, int number, const char *target)
{
	char link[64];
	size_t length = read_link(directory, number, link, sizeof(link));

	return length == strlen(target) && memcmp(link, target, length) == 0;
}

struct socket_query {
	char link[sizeof("socket:[4294967295]")];
	unsigned int *budget;
	int *hint;
};

/* The walk's end: found, or no budget left. */
enum { WALK_FOUND = 1, WALK_CUT };

static int visit_socket(void *data, int directory, int number)
{
	const struct socket_query *query = data;

	if (*query->budget == 0)
		return WALK_CUT;
	(*query->budget)--;
	if (!link_equals(directory, number, query->link))
		return 0;
	*query->hint = number;
	return WALK_FOUND;
}

enum socket_search process_holds_socket(int root, pid_t pid, uint32_t inode, int *hint,
					unsigned int *budget)
{
	_cleanup_close_ int directory = -1;
	struct socket_query query = {.budget = budget, .hint = hint};
	int r = 0;

	if (*budget == 0)
		return SOCKET_SEARCH_CUT;
	directory = open_descriptors(root, pid);
	if (directory < 0)
		return SOCKET_NOT_HELD;
	snprintf(query.link, sizeof(query.link), "socket:[%u]", inode);
	if (*hint >= 0)
		r = visit_socket(&query, directory, *hint);
	if (r == 0)
		r = walk_descriptors(directory, visit_socket, &query);
	if (r == WALK_FOUND)
		return SOCKET_HELD;
	return r == WALK_CUT ? SOCKET_SEARCH_CUT : SOCKET_NOT_HELD;
}

struct sockets_query {
	int first;
	uint32_t *inodes;
	size_t size;
	size_t count;
};

static int visit_sockets(void *data, int directory, int number)
{
	static const char start[] = "socket:[";
	struct sockets_query *query = data;
	char link[32];
	size_t length;

	if (number < query->first)
		return 0;
	length = read_link(directory, number, link, sizeof(link) - 1);
	link[length] = '\0';
	if (strncmp(link, start, sizeof(start) - 1) != 0)
		return 0;
	if (query->count < query->size)
		query->inodes[query->count] = (uint32_t)strtoul(link + sizeof(start) - 1, NULL, 10);
	query->count++;
	return 0;
}

ssize_t process_sockets(int root, pid_t pid, int first, uint32_t *inodes, size_t size)
{
	_cleanup_close_ int directory = open_descriptors(root, pid);
	struct sockets_query query = {.first = first, .inodes = inodes, .size = size};
	int r;

	if (directory < 0)
		return directory;
	r = walk_descriptors(directory, visit_sockets, &query);
	return r < 0 ? r : (ssize_t)query.count;
}

/* Mostly "/dev/net/tun"; but where the mount it was opened on has been detached since (sandboxes do
 * that) only what lay below that mount is left of the path. The callers ask the descriptor itself.
 */
static bool may_be_tun(int directory, int number)
{
	static const char end[] = "/tun";
	char link[256];
	size_t length = read_link(directory, number, link, sizeof(link));

	if (length == 1)
		return link[0] == '/';
	return length >= sizeof(end) - 1 && length < sizeof(link) &&
	       memcmp(link + length - (sizeof(end) - 1), end, sizeof(end) - 1) == 0;
}

struct tap_query {
	int root;
	pid_t pid;
	const char *interface;
	int pidfd;
	uint64_t netns;
};

/* The namespace of the device that a descriptor is attached to; 0 when it is none, or -errno. */
static int tap_netns(const struct tap_query *query, int number, uint64_t *inode)
{
	dev_t device = 0;
	_cleanup_close_ int tap =
		borrow_device(query->root, query->pid, query->pidfd, number, &device);
	_cleanup_close_ int netns = -1;
	struct stat status;

	*inode = 0;
	if (tap < 0)
		return tap == -EBADF || tap == -ENODEV ? 0 : tap;
	if (device != makedev(MISC_MAJOR, TUN_MINOR))
		return 0; /* others have no business with its ioctl */
	netns = ioctl(tap, TUNGETDEVNETNS);
	if (netns < 0) /* no device is attached */
		return errno == EBADFD || errno == ENOTTY || errno == EINVAL ? 0 : -errno;
	if (fstat(netns, &status) < 0)
		return -errno;
	*inode = status.st_ino;
	return 0;
}

static int visit_tap(void *data, int directory, int number)
{
	const struct tap_query *query = data;
	char file[sizeof("fdinfo/") + NAME_LENGTH];
	char interface[64];
	uint64_t netns;

	if (!may_be_tun(directory, number))
		return 0;
	snprintf(file, sizeof(file), "fdinfo/%d", number);
	if (process_line(query->root, query->pid, file, "iff:\t", interface, sizeof(interface)) < 0)
		return 0;
	if (strcmp(interface, query->interface) != 0)
		return 0;
	/* Another namespace may have a device of that name. */
	return !query->netns || (tap_netns(query, number, &netns) == 0 && netns == query->netns);
}

int process_holds_tap(int root, pid_t pid, const char *interface, uint64_t netns)
{
	_cleanup_close_ int directory = open_descriptors(root, pid);
	_cleanup_close_ int pidfd = -1;
	struct tap_query query = {.root = root, .pid = pid, .interface = interface, .netns = netns};

	if (directory < 0)
		return directory;
	if (netns) {
		pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
		if (pidfd < 0)
			return -errno;
	}
	query.pidfd = pidfd;
	return walk_descriptors(directory, visit_tap, &query);
}

struct path_query {
	const char *end;
	char *path;
	size_t size;
};

static int visit_path(void *data, int directory, int number)
{
	const struct path_query *query = data;
	size_t length = read_link(directory, number, query->path, query->size);
	size_t end = strlen(query->end);

	if (length == query->size || length <= end || query->path[0] != '/' ||
	    memcmp(query->path + length - end, query->end, end) != 0)
		return 0;
	query->path[length] = '\0';
	return WALK_FOUND;
}

int process_open_path(int root, pid_t pid, const char *end, char *path, size_t size)
{
	_cleanup_close_ int directory = open_descriptors(root, pid);
	struct path_query query = {.end = end, .path = path, .size = size};
	int r;

	if (directory < 0)
		return directory;
	r = walk_descriptors(directory, visit_path, &query);
	if (r < 0)
		return r;
	return r == WALK_FOUND ? 0 : -ENOENT;
}

struct macvtap_query {
	int root;
	pid_t pid;
	char end[sizeof("/tap4294967295")];
	const char *interface;
	const uint8_t *mac;
	unsigned int device_major;
	int pidfd;
};

/* The number before a name in /proc/devices (major) or /proc/misc (minor); 0 when it is not there. */
static unsigned int driver_number(int root, const char *file, const char *driver)
{
	_cleanup_close_ int fd = openat(root, file, O_RDONLY | O_CLOEXEC);
	char list[4096], name[32];
	unsigned int number;
	ssize_t length = fd < 0 ? -1 : read(fd, list, sizeof(list) - 1);
	char *rest = NULL, *line;

	if (length <= 0)
		return 0;
	list[length] = '\0';
	for (line = strtok_r(list, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (sscanf(line, "%u %31s", &number, name) == 2 && strcmp(name, driver) == 0)
			return number;
	return 0;
}

static int visit_macvtap(void *data, int directory, int number)
{
	const struct macvtap_query *query = data;
	_cleanup_close_ int device = -1;
	size_t end = strlen(query->end);
	struct ifreq request = {0};
	dev_t borrowed = 0;
	char link[256];
	size_t length = read_link(directory, number, link, sizeof(link));

	if (length < end || length == sizeof(link) ||
	    memcmp(link + length - end, query->end, end) != 0)
		return 0;
	device = borrow_device(query->root, query->pid, query->pidfd, number, &borrowed);
	if (device < 0 || major(borrowed) != query->device_major)
		return 0;
	/* drivers/net/tap.c, tap_ioctl(): of the device behind the descriptor */
	if (ioctl(device, SIOCGIFHWADDR, &request) < 0)
		return 0;
	return strncmp(request.ifr_name, query->interface, sizeof(request.ifr_name)) == 0 &&
	       memcmp(request.ifr_hwaddr.sa_data, query->mac, MAC_SIZE) == 0;
}

int process_holds_macvtap(int root, pid_t pid, uint32_t ifindex, const char *interface,
			  const uint8_t *mac)
{
	_cleanup_close_ int directory = open_descriptors(root, pid);
	_cleanup_close_ int pidfd = -1;
	struct macvtap_query query = {.root = root, .pid = pid, .interface = interface, .mac = mac};

	if (directory < 0)
		return directory;
	query.device_major = driver_number(root, "devices", "macvtap");
	if (!query.device_major)
		return 0;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return -errno;
	query.pidfd = pidfd;
	snprintf(query.end, sizeof(query.end), "/tap%u", ifindex);
	return walk_descriptors(directory, visit_macvtap, &query);
}

struct driver_query {
	int root;
	pid_t pid;
	char path[32];
	dev_t device;
	int pidfd;
};

static int visit_driver(void *data, int directory, int number)
{
	const struct driver_query *query = data;
	_cleanup_close_ int device = -1;
	dev_t borrowed = 0;

	if (!link_equals(directory, number, query->path))
		return 0;
	device = borrow_device(query->root, query->pid, query->pidfd, number, &borrowed);
	return device >= 0 && borrowed == query->device ? WALK_FOUND : 0;
}

int process_holds_driver(int root, pid_t pid, const char *driver)
{
	_cleanup_close_ int directory = open_descriptors(root, pid);
	unsigned int minor_number = driver_number(root, "misc", driver);
	struct driver_query query = {
		.root = root, .pid = pid, .device = makedev(MISC_MAJOR, minor_number)};
	_cleanup_close_ int pidfd = -1;

	if (directory < 0)
		return directory;
	if (!minor_number)
		return 0;
	pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return -errno;
	query.pidfd = pidfd;
	snprintf(query.path, sizeof(query.path), "/dev/%s", driver);
	return walk_descriptors(directory, visit_driver, &query);
}

/**
 * struct holdings_query - a look through all descriptors
 * @tap: how to ask a tun/tap device; its pidfd is opened at the first that may be one
 * @own: network namespace of the process
 * @left: descriptors that may still be read
 */
struct holdings_query {
	struct tap_query tap;
	uint64_t own;
	unsigned int left;
	struct holdings *holdings;
};

/* Only what the tun/tap driver itself says of a descriptor leads to more than reading about it. */
static bool is_attached(const struct holdings_query *query, int number)
{
	char file[sizeof("fdinfo/") + NAME_LENGTH], interface[64];

	snprintf(file, sizeof(file), "fdinfo/%d", number);
	return process_line(query->tap.root, query->tap.pid, file, "iff:\t", interface,
			    sizeof(interface)) == 0 &&
	       interface[0];
}

static void ask_tap(struct holdings_query *query, int number)
{
	uint64_t netns;

	if (!is_attached(query, number))
		return;
	if (query->tap.pidfd < 0)
		query->tap.pidfd = (int)syscall(SYS_pidfd_open, query->tap.pid, 0);
	if (query->tap.pidfd >= 0 && tap_netns(&query->tap, number, &netns) == 0 && netns &&
	    netns != query->own)
		query->holdings->tap_netns = netns;
}

static int visit_holding(void *data, int directory, int number)
{
	struct holdings_query *query = data;
	struct holdings *holdings = query->holdings;

	if (query->left == 0)
		return WALK_CUT;
	query->left--;
	if (link_equals(directory, number, "anon_inode:kvm-vm"))
		holdings->kvm_vm = true;
	else if (link_equals(directory, number, "/dev/vboxdrv"))
		holdings->virtualbox = true;
	else if (link_equals(directory, number, "/dev/vmmon"))
		holdings->vmware = true;
	else if (!holdings->tap_netns && may_be_tun(directory, number))
		ask_tap(query, number);
	return 0;
}

int process_holdings(int root, pid_t pid, uint64_t netns, struct holdings *holdings)
{
	_cleanup_close_ int directory = open_descriptors(root, pid);
	struct holdings_query query = {
		.tap = {.root = root, .pid = pid, .pidfd = -1},
		.own = netns,
		.left = HOLDINGS_MAX,
		.holdings = holdings,
	};
	int r;

	*holdings = (struct holdings){.kvm_vm = false};
	if (directory < 0)
		return directory;
	r = walk_descriptors(directory, visit_holding, &query);
	if (query.tap.pidfd >= 0)
		close(query.tap.pidfd);
	return r < 0 ? r : 0;
}
