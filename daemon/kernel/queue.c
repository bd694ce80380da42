// SPDX-License-Identifier: GPL-2.0-or-later
/* An NFQUEUE: packets in, exactly one verdict for each out. */
#include "kernel/queue.h"

#include "kernel/netlink.h"
#include "kernel/queue_holder.h"
#include "util/cleanup.h"
#include "util/error.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <string.h>
#include <sys/socket.h>

/**
 * DOC: Theory of Operation
 *
 * The kernel holds a packet until it gets a verdict for its id, so a verdict that is not sent leaks
 * a place in the queue until the socket closes, and one that is sent twice is an error. Therefore:
 *
 * - The id and the queue number are read first. A message from which nothing else can be read is
 *   judged all the same, as a packet of no bytes: the parser calls it malformed, the policy refuses
 *   it.
 * - queue_put_verdict() is the only place that writes a verdict, and it is called once for each id:
 *   queue_dispatch() collects the ids of a batch, has all of them judged, and sends all verdicts as
 *   one datagram of several messages. The kernel works through all of them before sendmsg(2)
 *   returns. No ACK is asked for; a verdict that the kernel refuses comes back as NLMSG_ERROR among
 *   the packets and is counted as unsent.
 * - The kernel never puts two packets into one datagram (nfqnl_enqueue_packet() sends each by
 *   itself), so recvmmsg(2) reads a batch with one system call.
 *
 * The queue is bound, given its length and its flags before it is told to copy packets: until then
 * the kernel hands none over. What arrives between that last setting and its ACK is dropped here.
 *
 * The socket's buffer is made larger than a full queue, so that the queue's length and its overflow
 * policy decide what happens under load; ENOBUFS is what is left when that memory was refused.
 */

#define QUEUE_COPY_RANGE      256  /* bytes of a packet: its headers, with IPv6 extensions */
#define QUEUE_DATAGRAM_SIZE   1024 /* a packet's message: its attributes, and the copy range */
#define QUEUE_SOCKET_BYTES    2048 /* of the socket's buffer for a packet; the kernel doubles it */
#define QUEUE_SOCKET_LEAST    (1024 * 1024)
#define QUEUE_SOCKET_MOST     (256 * 1024 * 1024)
#define QUEUE_VERDICT_SIZE    64    /* headers, verdict and mark: 40 bytes */
#define QUEUE_CONFIG_SIZE     64    /* of the largest configuration message, without its header */
#define QUEUE_STATISTICS_SIZE 16384 /* of the kernel's list of queues */
#define QUEUE_LOOPBACK	      1	    /* ifindex of lo in every namespace (LOOPBACK_IFINDEX) */

/**
 * struct queue_slot - one packet of the batch in hand
 * @number: queue that the kernel says it is from
 * @id: what the verdict has to name
 */
struct queue_slot {
	uint16_t number;
	uint32_t id;
	struct queue_packet packet;
};

struct queue {
	struct netlink netlink;
	uint16_t number;
	uint32_t reject_mark;
	int statistics; /* descriptor of QUEUE_HOLDER_QUEUES */
	struct queue_counters counters;

	struct mmsghdr messages[QUEUE_BATCH];
	struct iovec vectors[QUEUE_BATCH];
	struct sockaddr_nl senders[QUEUE_BATCH];
	struct queue_slot slots[QUEUE_BATCH];
	size_t verdict_bytes;
	_Alignas(struct nlmsghdr) char datagrams[QUEUE_BATCH][QUEUE_DATAGRAM_SIZE];
	_Alignas(struct nlmsghdr) char verdicts[QUEUE_BATCH * QUEUE_VERDICT_SIZE];
};

/* Reading. */

/* Return: datagrams in queue->messages, or -errno; 0 when there is nothing. */
static int queue_read(struct queue *queue)
{
	int attempt, count;

	for (count = 0; count < QUEUE_BATCH; count++) {
		queue->vectors[count] = (struct iovec){.iov_base = queue->datagrams[count],
						       .iov_len = QUEUE_DATAGRAM_SIZE};
		queue->messages[count].msg_hdr =
			(struct msghdr){.msg_name = &queue->senders[count],
					.msg_namelen = sizeof(queue->senders[count]),
					.msg_iov = &queue->vectors[count],
					.msg_iovlen = 1};
	}
	/* ENOBUFS is told once; what is in the socket can be read after it. */
	for (attempt = 0; attempt < 2; attempt++) {
		count = recvmmsg(netlink_fd(&queue->netlink), queue->messages, QUEUE_BATCH,
				 MSG_DONTWAIT, NULL);
		if (count >= 0 || errno != ENOBUFS)
			break;
		queue->counters.lost++;
	}
	if (count < 0)
		return errno == EAGAIN || errno == EINTR || errno == ENOBUFS ? 0 : -errno;
	return count;
}

static uint32_t attribute_u32(const struct nlattr *attribute)
{
	if (!attribute || mnl_attr_get_payload_len(attribute) != sizeof(uint32_t))
		return 0;
	return ntohl(mnl_attr_get_u32(attribute));
}

static void read_mac(struct arrival *arrival, const struct nlattr *attribute)
{
	struct nfqnl_msg_packet_hw address;

	if (!attribute || mnl_attr_get_payload_len(attribute) != sizeof(address))
		return;
	memcpy(&address, mnl_attr_get_payload(attribute), sizeof(address));
	if (ntohs(address.hw_addrlen) != MAC_SIZE)
		return;
	memcpy(arrival->mac, address.hw_addr, MAC_SIZE);
	arrival->has_mac = true;
}

static void read_arrival(struct arrival *arrival, uint8_t hook, const struct nlattr **attributes)
{
	const struct nlattr *uid = attributes[NFQA_UID];

	arrival->loopback = hook == NF_INET_LOCAL_OUT;
	arrival->ifindex = attribute_u32(attributes[NFQA_IFINDEX_INDEV]);
	arrival->injected = hook == NF_INET_LOCAL_IN && arrival->ifindex == QUEUE_LOOPBACK;
	arrival->port_ifindex = attribute_u32(attributes[NFQA_IFINDEX_PHYSINDEV]);
	read_mac(arrival, attributes[NFQA_HWADDR]);
	arrival->has_uid = uid && mnl_attr_get_payload_len(uid) == sizeof(uint32_t);
	arrival->uid = attribute_u32(uid);
}

/* Return: false when the message does not even tell the packet's id. */
static bool read_packet(struct queue_slot *slot, const struct nlmsghdr *message)
{
	const struct nlattr *attributes[NFQA_MAX + 1];
	const struct nlattr *payload;
	struct nfqnl_msg_packet_hdr header;
	const struct nfgenmsg *general;

	*slot = (struct queue_slot){0};
	if (mnl_nlmsg_get_payload_len(message) < sizeof(*general))
		return false;
	general = mnl_nlmsg_get_payload(message);
	slot->number = ntohs(general->res_id);

	netlink_attributes(message, sizeof(*general), attributes, NFQA_MAX + 1);
	if (!attributes[NFQA_PACKET_HDR] ||
	    mnl_attr_get_payload_len(attributes[NFQA_PACKET_HDR]) < sizeof(header))
		return false;
	memcpy(&header, mnl_attr_get_payload(attributes[NFQA_PACKET_HDR]), sizeof(header));
	slot->id = ntohl(header.packet_id);

	read_arrival(&slot->packet.arrival, header.hook, attributes);
	payload = attributes[NFQA_PAYLOAD];
	if (payload) {
		slot->packet.bytes = mnl_attr_get_payload(payload);
		slot->packet.length = mnl_attr_get_payload_len(payload);
	}
	return true;
}

/* Return: the error in the kernel's answer, 0 for an ACK; positive when it cannot be read. */
static int read_answer(const struct nlmsghdr *message)
{
	const struct nlmsgerr *answer = mnl_nlmsg_get_payload(message);

	return mnl_nlmsg_get_payload_len(message) >= sizeof(*answer) ? answer->error : 1;
}

/* Return: the message in one datagram, its length set to what is there; NULL if it is not the
 * kernel's. */
static struct nlmsghdr *queue_message(struct queue *queue, int index)
{
	struct nlmsghdr *message = (void *)queue->datagrams[index];
	unsigned int bytes = queue->messages[index].msg_len;

	if (queue->messages[index].msg_hdr.msg_namelen != sizeof(struct sockaddr_nl) ||
	    queue->senders[index].nl_pid != 0)
		return NULL;
	if (bytes < sizeof(*message) || message->nlmsg_len < sizeof(*message))
		return NULL;
	if (message->nlmsg_len > bytes)
		message->nlmsg_len = bytes;
	return message;
}

/**
 * queue_collect() - sort out one batch: packets into queue->slots, refused verdicts into the
 * counters
 * @received: datagrams in queue->messages
 * @acknowledged: receives the answer to the latest configuration message, if it is here
 * Return: packets.
 */
static int queue_collect(struct queue *queue, int received, int *acknowledged)
{
	int index, count = 0;

	for (index = 0; index < received; index++) {
		const struct nlmsghdr *message = queue_message(queue, index);

		if (!message)
			continue;
		if (message->nlmsg_type == (NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET)) {
			if (read_packet(&queue->slots[count], message))
				count++;
		} else if (message->nlmsg_type == NLMSG_ERROR) {
			if (message->nlmsg_seq == queue->netlink.sequence)
				*acknowledged = read_answer(message);
			else
				queue->counters.unsent++;
		}
	}
	return count;
}

/* Verdicts. */

static void queue_put_verdict(struct queue *queue, const struct queue_slot *slot,
			      enum verdict verdict)
{
	char *place = queue->verdicts + queue->verdict_bytes;
	struct nlmsghdr *message = nfq_nlmsg_put(place, NFQNL_MSG_VERDICT, slot->number);

	switch (verdict) {
	case VERDICT_ACCEPT:
		nfq_nlmsg_verdict_put(message, (int)slot->id, NF_ACCEPT);
		break;
	case VERDICT_REJECT:
		nfq_nlmsg_verdict_put(message, (int)slot->id, NF_ACCEPT);
		nfq_nlmsg_verdict_put_mark(message, queue->reject_mark);
		break;
	default:
		nfq_nlmsg_verdict_put(message, (int)slot->id, NF_DROP);
		break;
	}
	queue->verdict_bytes += MNL_ALIGN(message->nlmsg_len);
}

static void queue_send_verdicts(struct queue *queue, unsigned int count)
{
	ssize_t bytes;

	do {
		bytes = mnl_socket_sendto(queue->netlink.socket, queue->verdicts,
					  queue->verdict_bytes);
	} while (bytes < 0 && errno == EINTR);
	if (bytes < 0)
		queue->counters.unsent += count;
	queue->verdict_bytes = 0;
}

int queue_dispatch(struct queue *queue, const struct queue_handler *handler, void *data)
{
	int received = queue_read(queue);
	int index, count, acknowledged;

	if (received <= 0)
		return received;
	count = queue_collect(queue, received, &acknowledged);
	if (count == 0)
		return 0;
	if (handler->before)
		handler->before(data);
	for (index = 0; index < count; index++) {
		const struct queue_slot *slot = &queue->slots[index];

		queue_put_verdict(queue, slot, handler->judge(data, &slot->packet));
	}
	queue_send_verdicts(queue, (unsigned int)count);
	queue->counters.packets += (unsigned int)count;
	if (handler->after)
		handler->after(data);
	return count;
}

void queue_counters(struct queue *queue, struct queue_counters *counters)
{
	struct queue_entry entry;
	char text[QUEUE_STATISTICS_SIZE];
	ssize_t bytes = pread(queue->statistics, text, sizeof(text) - 1, 0);

	if (bytes > 0) {
		text[bytes] = '\0';
		if (queue_entry_find(text, queue->number, &entry) == 0)
			queue->counters.overflowed = entry.dropped;
	}
	*counters = queue->counters;
}

int queue_fd(const struct queue *queue)
{
	return netlink_fd(&queue->netlink);
}

/* Configuration. */

/* Send one configuration message and read its ACK: the kernel answers within sendmsg(2). */
static int queue_configure(struct queue *queue, struct nlmsghdr *message)
{
	int received, index, count, acknowledged = 1;

	message->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	message->nlmsg_seq = ++queue->netlink.sequence;
	if (mnl_socket_sendto(queue->netlink.socket, message, message->nlmsg_len) < 0)
		return -errno;
	while (acknowledged > 0) {
		received = queue_read(queue);
		if (received <= 0)
			return received < 0 ? received : -EPROTO;
		count = queue_collect(queue, received, &acknowledged);
		for (index = 0; index < count; index++)
			queue_put_verdict(queue, &queue->slots[index], VERDICT_DROP);
		if (count > 0)
			queue_send_verdicts(queue, (unsigned int)count);
	}
	return acknowledged;
}

static int queue_bind(struct queue *queue)
{
	_Alignas(struct nlmsghdr) char buffer[MNL_NLMSG_HDRLEN + QUEUE_CONFIG_SIZE];
	struct nlmsghdr *message = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, queue->number);

	nfq_nlmsg_cfg_put_cmd(message, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
	return queue_configure(queue, message);
}

/* NFQA_CFG_F_GSO: without it the kernel segments in software, and some kernels lose GRO packets. */
static int queue_limit(struct queue *queue, const struct queue_settings *settings)
{
	_Alignas(struct nlmsghdr) char buffer[MNL_NLMSG_HDRLEN + QUEUE_CONFIG_SIZE];
	struct nlmsghdr *message = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, queue->number);
	uint32_t flags = NFQA_CFG_F_GSO | NFQA_CFG_F_UID_GID;

	if (settings->overflow_accept)
		flags |= NFQA_CFG_F_FAIL_OPEN;
	nfq_nlmsg_cfg_put_qmaxlen(message, settings->length);
	mnl_attr_put_u32(message, NFQA_CFG_FLAGS, htonl(flags));
	mnl_attr_put_u32(message, NFQA_CFG_MASK, htonl(flags | NFQA_CFG_F_FAIL_OPEN));
	return queue_configure(queue, message);
}

static int queue_start(struct queue *queue)
{
	_Alignas(struct nlmsghdr) char buffer[MNL_NLMSG_HDRLEN + QUEUE_CONFIG_SIZE];
	struct nlmsghdr *message = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, queue->number);

	nfq_nlmsg_cfg_put_params(message, NFQNL_COPY_PACKET, QUEUE_COPY_RANGE);
	return queue_configure(queue, message);
}

/* The kernel answers EPERM both to a process without privilege and when the queue has a holder. */
static int explain_bind(int result, uint16_t number, struct error *error)
{
	char holder[128];

	if ((result == -EPERM || result == -EBUSY) &&
	    queue_holder_describe(number, holder, sizeof(holder)) == 0)
		return error_set(error, -EBUSY,
				 "queue %u is taken by %s: choose another number in lhguard.conf",
				 number, holder);
	if (result == -EPERM)
		return error_set(error, result, "no privilege to bind queue %u (CAP_NET_ADMIN)",
				 number);
	return error_set(error, result, "cannot bind queue %u: %s", number, strerror(-result));
}

static size_t socket_bytes(uint32_t length)
{
	size_t bytes = (size_t)length * QUEUE_SOCKET_BYTES;

	if (bytes < QUEUE_SOCKET_LEAST)
		return QUEUE_SOCKET_LEAST;
	return bytes > QUEUE_SOCKET_MOST ? QUEUE_SOCKET_MOST : bytes;
}

static int queue_prepare(struct queue *queue, const struct queue_settings *settings,
			 struct error *error)
{
	int result;

	result = netlink_open(&queue->netlink, NETLINK_NETFILTER, socket_bytes(settings->length));
	if (result < 0)
		return error_set(error, result, "cannot open a netfilter socket: %s",
				 strerror(-result));
	result = queue_bind(queue);
	if (result < 0)
		return explain_bind(result, settings->number, error);
	result = queue_limit(queue, settings);
	if (result == 0)
		result = queue_start(queue);
	if (result < 0)
		return error_set(error, result, "the kernel refused the settings of queue %u: %s",
				 settings->number, strerror(-result));
	queue->statistics = open("/proc/" QUEUE_HOLDER_QUEUES, O_RDONLY | O_CLOEXEC);
	if (queue->statistics < 0)
		return error_set(error, -errno, "cannot read /proc/" QUEUE_HOLDER_QUEUES ": %s",
				 strerror(errno));
	return 0;
}

int queue_open(struct queue **queue, const struct queue_settings *settings, uint32_t reject_mark,
	       struct error *error)
{
	struct queue *opened = calloc(1, sizeof(*opened));
	int result;

	if (!opened)
		return error_set(error, -ENOMEM, "no memory for queue %u", settings->number);
	opened->number = settings->number;
	opened->reject_mark = reject_mark;
	opened->statistics = -1;
	result = queue_prepare(opened, settings, error);
	if (result < 0) {
		queue_close(opened);
		return result;
	}
	*queue = opened;
	return 0;
}

void queue_close(struct queue *queue)
{
	if (!queue)
		return;
	netlink_close(&queue->netlink);
	cleanup_close(&queue->statistics);
	free(queue);
}
