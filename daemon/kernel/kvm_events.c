// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's own word for each virtual machine that a process makes with KVM. */
#include "kernel/kvm_events.h"

#include "kernel/netlink.h"
#include "util/cleanup.h"

#include <limits.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

#define GROUP_KERNEL	     1 /* of NETLINK_KOBJECT_UEVENT: what the kernel says; udev's is 2 */
#define EVENTS_RECEIVE_BYTES (1024 * 1024)
#define EVENTS_PER_READ	     256
#define DATAGRAM_SIZE	     8192 /* more than UEVENT_BUFFER_SIZE and the header */

struct kvm_events {
	struct netlink netlink;
};

/* The value of KEY= among texts that end in NUL; NULL when it is not there. */
static const char *value_of(const char *text, size_t length, const char *key)
{
	size_t key_length = strlen(key);

	for (const char *end = text + length; text < end; text += strnlen(text, end - text) + 1)
		if ((size_t)(end - text) > key_length && !memcmp(text, key, key_length))
			return text + key_length;
	return NULL;
}

pid_t kvm_event_parse(const char *text, size_t length)
{
	static const char kvm[] = "change@/devices/virtual/misc/kvm";
	const char *event, *thread;
	char *end;
	long id;

	if (!length || text[length - 1] || strcmp(text, kvm) != 0)
		return 0;
	event = value_of(text, length, "EVENT=");
	thread = value_of(text, length, "PID=");
	if (!event || strcmp(event, "create") != 0 || !thread)
		return 0;
	id = strtol(thread, &end, 10);
	return *thread >= '1' && *thread <= '9' && !*end && id <= INT_MAX ? (pid_t)id : 0;
}

int kvm_events_open(struct kvm_events **events)
{
	struct kvm_events *opened = calloc(1, sizeof(*opened));
	int r;

	if (!opened)
		return -ENOMEM;
	r = netlink_open(&opened->netlink, NETLINK_KOBJECT_UEVENT, EVENTS_RECEIVE_BYTES);
	if (r == 0)
		r = netlink_join(&opened->netlink, GROUP_KERNEL);
	if (r < 0) {
		kvm_events_close(opened);
		return r;
	}
	*events = opened;
	return 0;
}

void kvm_events_close(struct kvm_events *events)
{
	if (!events)
		return;
	netlink_close(&events->netlink);
	free(events);
}

int kvm_events_fd(const struct kvm_events *events)
{
	return netlink_fd(&events->netlink);
}

int kvm_events_read(struct kvm_events *events, void (*made)(void *data, pid_t thread), void *data)
{
	char datagram[DATAGRAM_SIZE];

	for (unsigned int i = 0; i < EVENTS_PER_READ; i++) {
		ssize_t n = netlink_receive(&events->netlink, datagram, sizeof(datagram));
		pid_t thread;

		if (n <= 0)
			return (int)n;
		thread = kvm_event_parse(datagram, (size_t)n);
		if (thread)
			made(data, thread);
	}
	return 1;
}
