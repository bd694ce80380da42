// SPDX-License-Identifier: GPL-2.0-or-later
/* Which devices a process holds: taps, macvtaps, drivers of VMMs, virtual machines. */
#include "kernel/devices.h"

#include "kernel/borrow.h"
#include "kernel/descriptors_walk.h"
#include "kernel/processes.h"
#include "util/cleanup.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#define MISC_MAJOR 10  /* linux/major.h */
#define TUN_MINOR  200 /* linux/miscdevice.h */

/* Descriptors of one process; any user's may have a million, and packets wait for this. */
#define HOLDINGS_MOST 4096

/* Mostly "/dev/net/tun"; but where the mount it was opened on has been detached since (sandboxes do
 * that) only what lay below that mount is left of the path. The callers ask the descriptor itself.
 */
static bool may_be_tun(int directory, int number)
{
	static const char end[] = "/tun";
	char link[256];
	size_t length = descriptors_link(directory, number, link, sizeof(link));

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
	_cleanup_close_ int directory = descriptors_open(root, pid);
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
	return descriptors_walk(directory, visit_tap, &query);
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
	size_t length = descriptors_link(directory, number, link, sizeof(link));

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
	_cleanup_close_ int directory = descriptors_open(root, pid);
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
	return descriptors_walk(directory, visit_macvtap, &query);
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

	if (!descriptors_link_equals(directory, number, query->path))
		return 0;
	device = borrow_device(query->root, query->pid, query->pidfd, number, &borrowed);
	return device >= 0 && borrowed == query->device ? WALK_FOUND : 0;
}

int process_holds_driver(int root, pid_t pid, const char *driver)
{
	_cleanup_close_ int directory = descriptors_open(root, pid);
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
	return descriptors_walk(directory, visit_driver, &query);
}

/**
 * struct holdings_query - a look through the descriptors, HOLDINGS_MOST of them
 * @tap: how to ask a tun/tap device; its pidfd is opened at the first that may be one
 * @own: network namespace of the process
 * @left: how many are still looked at
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
	char link[64];
	size_t length;

	if (!query->left--)
		return WALK_CUT;
	length = descriptors_link(directory, number, link, sizeof(link) - 1);
	link[length] = '\0';
	if (strcmp(link, "anon_inode:kvm-vm") == 0)
		holdings->kvm_vm = true;
	else if (strcmp(link, "/dev/vboxdrv") == 0)
		holdings->virtualbox = true;
	else if (strcmp(link, "/dev/vmmon") == 0)
		holdings->vmware = true;
	else if (!holdings->tap_netns && link[0] == '/' && may_be_tun(directory, number))
		ask_tap(query, number);
	return 0;
}

int process_holdings(int root, pid_t pid, uint64_t netns, struct holdings *holdings)
{
	_cleanup_close_ int directory = descriptors_open(root, pid);
	struct holdings_query query = {
		.tap = {.root = root, .pid = pid, .pidfd = -1},
		.own = netns,
		.left = HOLDINGS_MOST,
		.holdings = holdings,
	};
	int r;

	*holdings = (struct holdings){.kvm_vm = false};
	if (directory < 0)
		return directory;
	r = descriptors_walk(directory, visit_holding, &query);
	if (query.tap.pidfd >= 0)
		close(query.tap.pidfd);
	return r < 0 ? r : 0;
}
