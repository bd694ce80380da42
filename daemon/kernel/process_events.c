/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The proc connector's events: processes that start, become another program, or end. */
#include "kernel/process_events.h"

#include "kernel/netlink.h"
#include "util/array.h"
#include "util/cleanup.h"

#include <arpa/inet.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/filter.h>
#include <string.h>
#include <sys/socket.h>

#define EVENTS_RECEIVE_BYTES (8 * 1024 * 1024) /* about 10,000 events */
#define EVENTS_PER_READ	     1024
#define DATAGRAM_SIZE	     1024

/* Where a field of the event stands in a datagram: behind the netlink and the connector header. */
#define EVENT_OFFSET	   (NLMSG_HDRLEN + sizeof(struct cn_msg))
#define EVENT_FIELD(field) (EVENT_OFFSET + offsetof(struct proc_event, field))

struct process_events {
	struct netlink netlink;
};

/*
 * A classic BPF filter in the socket, so that only a process's fork, exec and exit wake us: not its
 * threads (their pid differs from their tgid), nor changes of uid, session or comm. PROC_EVENT_NONE
 * is the kernel's acknowledgement. A load reads network byte order.
 */
static int attach_filter(int fd)
{
	enum { EXIT = 8, ACCEPT = 13, REFUSE = 14 };
#define JUMP(at, value, then, otherwise)                                                           \
	[at] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(value), (then) - (at)-1,                  \
			(otherwise) - (at)-1)
#define JUMP_X(at, then, otherwise)                                                                \
	[at] = BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, (then) - (at)-1, (otherwise) - (at)-1)
#define LOAD(at, field) [at] = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, EVENT_FIELD(field))
	struct sock_filter code[] = {
		LOAD(0, what),
		JUMP(1, PROC_EVENT_NONE, ACCEPT, 2),
		JUMP(2, PROC_EVENT_EXEC, ACCEPT, 3),
		JUMP(3, PROC_EVENT_FORK, 4, EXIT),
		LOAD(4, event_data.fork.child_pid),
		[5] = BPF_STMT(BPF_MISC | BPF_TAX, 0),
		LOAD(6, event_data.fork.child_tgid),
		JUMP_X(7, ACCEPT, REFUSE),
		JUMP(EXIT, PROC_EVENT_EXIT, 9, REFUSE),
		LOAD(9, event_data.exit.process_pid),
		[10] = BPF_STMT(BPF_MISC | BPF_TAX, 0),
		LOAD(11, event_data.exit.process_tgid),
		JUMP_X(12, ACCEPT, REFUSE),
		[ACCEPT] = BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		[REFUSE] = BPF_STMT(BPF_RET | BPF_K, 0),
	};
#undef JUMP
#undef JUMP_X
#undef LOAD
	struct sock_fprog program = {.len = ARRAY_SIZE(code), .filter = code};

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) < 0)
		return -errno;
	return 0;
}

/* Cut the event out of a datagram; -EBADMSG when it is not one of the proc connector's. */
static int read_event(const void *datagram, size_t size, struct cn_msg *connector,
		      struct proc_event *event)
{
	const char *bytes = datagram;
	size_t length;

	if (size < EVENT_OFFSET + offsetof(struct proc_event, event_data))
		return -EBADMSG;
	memcpy(connector, bytes + NLMSG_HDRLEN, sizeof(*connector));
	length = size - EVENT_OFFSET;
	if (connector->id.idx != CN_IDX_PROC || connector->id.val != CN_VAL_PROC ||
	    connector->len > length)
		return -EBADMSG;
	memset(event, 0, sizeof(*event));
	memcpy(event, bytes + EVENT_OFFSET, length < sizeof(*event) ? length : sizeof(*event));
	return 0;
}

/* Return: 1 with @result written, 0 for an event that is not for us. */
static int translate_event(const struct proc_event *event, struct process_event *result)
{
	switch (event->what) {
	case PROC_EVENT_FORK:
		*result = (struct process_event){
			.type = PROCESS_FORK,
			.pid = event->event_data.fork.child_tgid,
			.parent = event->event_data.fork.parent_tgid,
		};
		return event->event_data.fork.child_pid == event->event_data.fork.child_tgid;
	case PROC_EVENT_EXEC:
		*result = (struct process_event){
			.type = PROCESS_EXEC,
			.pid = event->event_data.exec.process_tgid,
		};
		return 1;
	case PROC_EVENT_EXIT:
		*result = (struct process_event){
			.type = PROCESS_EXIT,
			.pid = event->event_data.exit.process_tgid,
		};
		return event->event_data.exit.process_pid == event->event_data.exit.process_tgid;
	default:
		return 0;
	}
}

/* The kernel acknowledges within sendmsg(2), to all listeners; and says nothing at all to a process
 * that is not in the initial pid and user namespaces (drivers/connector/cn_proc.c). */
static int await_acknowledgement(struct process_events *events, uint32_t token)
{
	_Alignas(struct nlmsghdr) char datagram[DATAGRAM_SIZE];
	struct cn_msg connector;
	struct proc_event event;

	for (unsigned int i = 0; i < EVENTS_PER_READ; i++) {
		ssize_t n = netlink_receive(&events->netlink, datagram, sizeof(datagram));

		if (n < 0)
			return n;
		if (n == 0)
			return -EPERM;
		if (read_event(datagram, n, &connector, &event) == 0 &&
		    event.what == PROC_EVENT_NONE && connector.ack == token + 1)
			return -(int)event.event_data.ack.err;
	}
	return -EPERM;
}

static int send_operation(struct process_events *events, uint32_t operation, uint32_t token)
{
	_Alignas(struct nlmsghdr) char buffer[64] = {0};
	struct nlmsghdr *message = mnl_nlmsg_put_header(buffer);
	struct cn_msg *connector = mnl_nlmsg_put_extra_header(message, sizeof(*connector));

	message->nlmsg_type = NLMSG_DONE;
	*connector = (struct cn_msg){
		.id = {.idx = CN_IDX_PROC, .val = CN_VAL_PROC},
		.ack = token,
		.len = sizeof(operation),
	};
	memcpy(mnl_nlmsg_put_extra_header(message, sizeof(operation)), &operation,
	       sizeof(operation));
	if (mnl_socket_sendto(events->netlink.socket, message, message->nlmsg_len) < 0)
		return -errno;
	return 0;
}

static int subscribe(struct process_events *events)
{
	const uint32_t token = events->netlink.port;
	int r = attach_filter(netlink_fd(&events->netlink));

	if (r == 0)
		r = netlink_join(&events->netlink, CN_IDX_PROC);
	if (r == 0)
		r = send_operation(events, PROC_CN_MCAST_LISTEN, token);
	if (r == 0)
		r = await_acknowledgement(events, token);
	return r;
}

int process_events_open(struct process_events **events)
{
	struct process_events *opened = calloc(1, sizeof(*opened));
	int r;

	if (!opened)
		return -ENOMEM;
	r = netlink_open(&opened->netlink, NETLINK_CONNECTOR, EVENTS_RECEIVE_BYTES);
	if (r < 0) {
		free(opened);
		return r;
	}
	r = subscribe(opened);
	if (r < 0) {
		process_events_close(opened);
		return r;
	}
	*events = opened;
	return 0;
}

/* Kernels before 6.6 count listeners by their messages only: one that just closes is counted for
 * ever. */
void process_events_close(struct process_events *events)
{
	if (!events)
		return;
	(void)send_operation(events, PROC_CN_MCAST_IGNORE, 0);
	netlink_close(&events->netlink);
	free(events);
}

int process_events_fd(const struct process_events *events)
{
	return netlink_fd(&events->netlink);
}

int process_events_read(struct process_events *events,
			void (*handle)(void *data, const struct process_event *event), void *data)
{
	_Alignas(struct nlmsghdr) char datagram[DATAGRAM_SIZE];
	struct cn_msg connector;
	struct proc_event event;
	struct process_event translated;

	for (unsigned int i = 0; i < EVENTS_PER_READ; i++) {
		ssize_t n = netlink_receive(&events->netlink, datagram, sizeof(datagram));

		if (n <= 0)
			return n;
		if (read_event(datagram, n, &connector, &event) == 0 &&
		    translate_event(&event, &translated))
			handle(data, &translated);
	}
	return 1;
}
