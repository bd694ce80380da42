// SPDX-License-Identifier: GPL-2.0-or-later
/* The simplest NFQUEUE listener there can be: it accepts everything. The bench's yardstick. */
#include "kernel/ruleset.h"
#include "util/error.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <stdio.h>
#include <stdlib.h>

#define QUEUE 27791

static struct mnl_socket *nfqueue;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void send_message(struct nlmsghdr *message)
{
	if (mnl_socket_sendto(nfqueue, message, message->nlmsg_len) < 0)
		die("sendto");
}

static void bind_queue(void)
{
	_Alignas(struct nlmsghdr) char buffer[256];
	struct nlmsghdr *message;

	nfqueue = mnl_socket_open(NETLINK_NETFILTER);
	if (!nfqueue || mnl_socket_bind(nfqueue, 0, MNL_SOCKET_AUTOPID) < 0)
		die("netlink");
	message = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, QUEUE);
	nfq_nlmsg_cfg_put_cmd(message, AF_UNSPEC, NFQNL_CFG_CMD_BIND);
	send_message(message);
	message = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, QUEUE);
	nfq_nlmsg_cfg_put_params(message, NFQNL_COPY_PACKET, 0xffff);
	mnl_attr_put_u32(message, NFQA_CFG_FLAGS, htonl(NFQA_CFG_F_GSO));
	mnl_attr_put_u32(message, NFQA_CFG_MASK, htonl(NFQA_CFG_F_GSO));
	send_message(message);
}

/* The same table as the guard's, so that only the listeners differ. */
static void install_table(void)
{
	const struct ruleset_settings settings = {
		.loopback_queue = QUEUE, .guests_queue = QUEUE, .neighbour_discovery = true};
	struct error error = {0};
	struct ruleset *ruleset;

	if (ruleset_new(&ruleset, &error) || ruleset_install(ruleset, &settings, &error)) {
		fprintf(stderr, "%s\n", error.text);
		exit(1);
	}
	ruleset_free(ruleset);
}

static int accept_packet(const struct nlmsghdr *message, void *data)
{
	_Alignas(struct nlmsghdr) char buffer[256];
	struct nlattr *attributes[NFQA_MAX + 1] = {0};
	struct nfqnl_msg_packet_hdr *header;
	struct nlmsghdr *verdict;

	if (nfq_nlmsg_parse(message, attributes) < 0 || !attributes[NFQA_PACKET_HDR])
		return MNL_CB_ERROR;
	header = mnl_attr_get_payload(attributes[NFQA_PACKET_HDR]);
	verdict = nfq_nlmsg_put(buffer, NFQNL_MSG_VERDICT, QUEUE);
	nfq_nlmsg_verdict_put(verdict, (int)ntohl(header->packet_id), NF_ACCEPT);
	send_message(verdict);
	return MNL_CB_OK;
}

int main(void)
{
	static _Alignas(struct nlmsghdr) char buffer[0xffff + 4096];
	ssize_t bytes;

	bind_queue();
	install_table();
	puts("ready");
	fflush(stdout);
	for (;;) {
		bytes = mnl_socket_recvfrom(nfqueue, buffer, sizeof(buffer));
		if (bytes < 0 ||
		    mnl_cb_run(buffer, (size_t)bytes, 0, mnl_socket_get_portid(nfqueue),
			       accept_packet, NULL) < 0)
			die("queue");
	}
}
