// SPDX-License-Identifier: GPL-2.0-or-later
/* One request/acknowledge/dump helper over libmnl, for every netlink socket but the queues'. */
#include "kernel/netlink.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define NETLINK_DATAGRAM_SIZE  32768 /* the most that the kernel puts into one part of a dump */
#define NETLINK_DUMP_ATTEMPTS  8
#define NETLINK_ANSWER_SECONDS 5 /* the kernel answers within sendmsg(2); no answer means a bug */

int netlink_open(struct netlink *netlink, int bus, size_t receive_bytes)
{
	struct timeval patience = {.tv_sec = NETLINK_ANSWER_SECONDS};
	int bytes = (int)receive_bytes;
	int fd, result;

	*netlink = (struct netlink){.socket = mnl_socket_open2(bus, SOCK_CLOEXEC)};
	if (!netlink->socket)
		return -errno;
	fd = mnl_socket_get_fd(netlink->socket);

	if (mnl_socket_bind(netlink->socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
	    (bytes && setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)) {
		result = -errno;
		netlink_close(netlink);
		return result;
	}
	netlink->port = mnl_socket_get_portid(netlink->socket);
	return 0;
}

int netlink_join(struct netlink *netlink, unsigned int group)
{
	int fd = netlink_fd(netlink);

	if (setsockopt(fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
		return -errno;
	return 0;
}

int netlink_fd(const struct netlink *netlink)
{
	return netlink->socket ? mnl_socket_get_fd(netlink->socket) : -1;
}

void netlink_close(struct netlink *netlink)
{
	if (netlink->socket)
		mnl_socket_close(netlink->socket);
	*netlink = (struct netlink){0};
}

/*
 * Read one datagram of the kernel's. A process with CAP_NET_ADMIN in this namespace (a privileged
 * container on the host network) can send us netlink messages too: those are thrown away.
 */
static ssize_t netlink_read(const struct netlink *netlink, void *buffer, size_t size, int flags)
{
	struct sockaddr_nl sender;
	struct iovec vector = {.iov_base = buffer, .iov_len = size};
	struct msghdr header = {.msg_name = &sender, .msg_iov = &vector, .msg_iovlen = 1};
	ssize_t bytes;

	for (;;) {
		header.msg_namelen = sizeof(sender);
		bytes = recvmsg(netlink_fd(netlink), &header, flags);
		if (bytes < 0 && errno == EINTR)
			continue;
		if (bytes < 0)
			return -errno;
		if (header.msg_namelen != sizeof(sender) || sender.nl_pid != 0)
			continue;
		if (header.msg_flags & MSG_TRUNC)
			return -ENOBUFS;
		return bytes;
	}
}

/**
 * struct answer - how far the answer to one request has come
 * @done: acknowledged, refused, or the dump's end
 * @result: of the kernel, valid when @done
 * @interrupted: the dump saw a change and may be inconsistent
 * @stopped: @callback wants no more
 * @refused: -errno of @callback, 0 while it is content
 */
struct answer {
	mnl_cb_t callback;
	void *data;
	bool done;
	int result;
	bool interrupted;
	bool stopped;
	int refused;
};

/* The errno that starts the payload of NLMSG_ERROR and of a dump's NLMSG_DONE. */
static int netlink_status(const struct nlmsghdr *message, int missing)
{
	int32_t status;

	if (mnl_nlmsg_get_payload_len(message) < sizeof(status))
		return missing;
	memcpy(&status, mnl_nlmsg_get_payload(message), sizeof(status));
	return status > 0 ? -EBADMSG : status;
}

static void netlink_take(struct answer *answer, const struct nlmsghdr *message)
{
	if (message->nlmsg_flags & NLM_F_DUMP_INTR)
		answer->interrupted = true;

	switch (message->nlmsg_type) {
	case NLMSG_NOOP:
		return;
	case NLMSG_ERROR:
		answer->result = netlink_status(message, -EBADMSG);
		answer->done = true;
		return;
	case NLMSG_DONE:
		answer->result = netlink_status(message, 0);
		answer->done = true;
		return;
	case NLMSG_OVERRUN:
		answer->result = -ENOBUFS;
		answer->done = true;
		return;
	}
	if (!answer->callback || answer->stopped)
		return;
	switch (answer->callback(message, answer->data)) {
	case MNL_CB_ERROR:
		answer->refused = errno ? -errno : -EBADMSG;
		answer->stopped = true;
		break;
	case MNL_CB_STOP:
		answer->stopped = true;
		break;
	}
}

/* Read to the end even when the callback has seen enough: the socket stays in step. */
static int netlink_answer(struct netlink *netlink, struct answer *answer)
{
	_Alignas(struct nlmsghdr) char buffer[NETLINK_DATAGRAM_SIZE];
	const struct nlmsghdr *message;
	ssize_t bytes;
	int left;

	while (!answer->done) {
		bytes = netlink_read(netlink, buffer, sizeof(buffer), 0);
		if (bytes < 0)
			return bytes == -EAGAIN ? -ETIMEDOUT : (int)bytes;
		left = (int)bytes;
		for (message = (const void *)buffer; !answer->done && mnl_nlmsg_ok(message, left);
		     message = mnl_nlmsg_next(message, &left)) {
			if (message->nlmsg_seq == netlink->sequence &&
			    message->nlmsg_pid == netlink->port)
				netlink_take(answer, message);
		}
	}
	return answer->result;
}

int netlink_request(struct netlink *netlink, struct nlmsghdr *message, mnl_cb_t callback,
		    void *data)
{
	bool dump = (message->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	int attempt, result;

	message->nlmsg_flags |= NLM_F_REQUEST | (dump ? 0 : NLM_F_ACK);
	message->nlmsg_pid = netlink->port;

	for (attempt = 0; attempt < NETLINK_DUMP_ATTEMPTS; attempt++) {
		struct answer answer = {.callback = callback, .data = data};

		message->nlmsg_seq = ++netlink->sequence;
		if (mnl_socket_sendto(netlink->socket, message, message->nlmsg_len) < 0)
			return -errno;
		result = netlink_answer(netlink, &answer);
		if (result < 0)
			return result;
		if (answer.refused)
			return answer.refused;
		if (!answer.interrupted)
			return 0;
	}
	return -EINTR;
}

ssize_t netlink_receive(struct netlink *netlink, void *buffer, size_t size)
{
	ssize_t bytes = netlink_read(netlink, buffer, size, MSG_DONTWAIT);

	return bytes == -EAGAIN ? 0 : bytes;
}

static void netlink_collect(const struct nlattr *attribute, const struct nlattr **table,
			    size_t count)
{
	uint16_t type = mnl_attr_get_type(attribute);

	if (type < count)
		table[type] = attribute;
}

void netlink_attributes(const struct nlmsghdr *message, size_t offset, const struct nlattr **table,
			size_t count)
{
	const struct nlattr *attribute;

	memset(table, 0, count * sizeof(*table));
	mnl_attr_for_each(attribute, message, offset) netlink_collect(attribute, table, count);
}

void netlink_nested(const struct nlattr *nest, const struct nlattr **table, size_t count)
{
	const struct nlattr *attribute;

	memset(table, 0, count * sizeof(*table));
	mnl_attr_for_each_nested(attribute, nest) netlink_collect(attribute, table, count);
}
