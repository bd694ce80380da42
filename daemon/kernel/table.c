// SPDX-License-Identifier: GPL-2.0-or-later
/* What the table "inet lhguard" says: its chains and rules. */
#include "kernel/table_sets.h"

#include "kernel/nft.h"

#include <netinet/in.h> /* before linux/in.h, which it replaces */
#include <netinet/tcp.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>

/**
 * DOC: Theory of Operation
 *
 * Only packets that can open a connection are queued. In the words of nft(8), L and G being the
 * loopback's and the guests' queue:
 *
 *	table inet lhguard {
 *		set lan { type iface_index; }
 *		set vm_prefixes { 3 bytes }		(of makers whose VMs run here)
 *		set vm_macs { type ether_addr; }	(of VMs that run here)
 *		set guests1 { type cgroupsv2; }		(and so on to guests8)
 *		set tracked { type inet_proto; elements = { udp, icmp, ipv6-icmp } }
 *		set unasked { type inet_proto; }	(udp, while no guest shares lo)
 *		set discovery { type icmpv6_type; elements = { ... } }
 *
 *		chain forged {
 *			type filter hook prerouting priority -300; policy accept;
 *			meta l4proto tcp accept
 *			iif lo accept
 *			iif @lan jump lan_peers
 *			fib saddr type local notrack
 *		}
 *		chain output {
 *			type filter hook output priority -110; policy accept;
 *			oif != lo accept
 *			meta l4proto tcp tcp flags & (syn | ack | rst) != syn accept
 *			meta l4proto sctp @th,96,8 != 1 accept
 *			oif lo meta l4proto icmp accept
 *			oif lo meta l4proto ipv6-icmp accept
 *			meta l4proto @tracked ct direction reply accept
 *			meta l4proto @unasked ct status confirmed accept
 *			socket cgroupv2 level 1 @guests1 queue num G [bypass]	(and so on to 8)
 *			queue num L [bypass]
 *		}
 *		chain output_reject {		(only where refusals are rejects)
 *			type filter hook output priority -109; policy accept;
 *			meta mark 0x6c686772 meta l4proto tcp reject with tcp reset
 *			meta mark 0x6c686772 reject
 *		}
 *		chain input {
 *			type filter hook input priority 10; policy accept;
 *			meta l4proto tcp tcp flags & (syn | ack | rst) != syn accept
 *			meta l4proto sctp @th,96,8 != 1 accept
 *			iif lo ct status confirmed accept
 *			iif lo ct state untracked accept
 *			iif lo meta l4proto icmp accept
 *			iif lo meta l4proto ipv6-icmp accept
 *			iif lo queue num G [bypass]
 *			ip daddr 127.0.0.0/8 queue num G
 *			ip6 daddr ::1 queue num G
 *			meta pkttype != host meta l4proto udp ct status confirmed
 *				fib saddr type local queue num L [bypass]
 *			iif @lan jump lan_peers
 *			meta l4proto @tracked ct direction reply accept
 *			meta l4proto { icmp, ipv6-icmp } ct state related accept
 *			icmpv6 type @discovery accept		(unless turned off)
 *			meta l4proto igmp accept		(unless turned off)
 *			queue num G [bypass]
 *		}
 *		chain lan_peers {
 *			@ll,48,24 @vm_prefixes return
 *			ether saddr @vm_macs return
 *			accept
 *		}
 *		chain input_reject { as output_reject, at priority 11 }
 *	}
 *
 * The first packet of a flow. TCP and SCTP say it themselves. A datagram is an answer when
 * connection tracking says so; any other is asked about each time, since an entry of connection
 * tracking says nothing of who sends: a guest can use the port of a flow that somebody else was
 * allowed. On lo alone, and only while no guest has a process there (`unasked`), the later datagrams
 * of a flow pass by their confirmed entry. Protocols that connection tracking does not tell apart by
 * port or id are queued packet by packet. What cannot be parsed matches no accept, and reaches the
 * queue. That `ct` is used at all makes the kernel defragment before our hooks.
 *
 * Forged answers. A guest can make connection tracking believe that the host has asked it: by a
 * datagram in the host's name, to itself, that the host forwards (IPv6 has no check of sources; a bridge with
 * br_netfilter has none at all). Its own would be the answer to that. So what comes from elsewhere
 * with an address of this host is not tracked. TCP and SCTP need no such entry.
 *
 * Datagrams to many. What is sent to a multicast group or a broadcast address leaves by another interface than
 * lo, and the kernel gives this host's own sockets a copy, as if it came in there: those of any port, since
 * each host is in 224.0.0.1. The copy has an address of this host, and the connection tracking entry
 * that was confirmed when it left; what somebody else sends in the host's name has none. It is asked
 * about as what is sent on lo. What goes out on the wire is not.
 *
 * Frames injected into lo. A connection on lo passes output first, and keeps the connection
 * tracking entry that was confirmed there until it is delivered; a frame that was written to
 * lo by a packet socket arrives with a new one, and no socket of it was ever seen. It is
 * queued as a guest's. Where the administrator keeps lo out of connection tracking (notrack)
 * nothing tells the two apart.
 *
 * 127.0.0.0/8 and ::1 from elsewhere than lo (route_localnet, DNAT): asked about on every
 * interface, for every packet that could open a connection, and never bypassed.
 *
 * The LAN. Its interfaces are the firewall's business, and their packets are not queued; but
 * VirtualBox and VMware put a bridged VM's frames in there as if the wire had brought them. So while
 * such a VM runs, what bears its MAC address or its maker's prefix goes on to the queue, where it
 * is told from a peer. A device without an Ethernet header (wireguard, ppp, tun) has no source
 * address to load: there the expression ends the rule, and the packet is accepted.
 *
 * Priorities. At output after connection tracking (-200), but before destination NAT (-100):
 * sock_diag knows the client's socket by the address it connected to, and the exception names
 * that one. At input after NAT, so that the address is the service's, and after the usual
 * filter (0): what the administrator's firewall drops need not be asked about, and what it
 * accepts is asked about all the same, since an accept ends only its own chain. A packet that
 * is to be rejected is accepted with RULESET_REJECT_MARK and met by the chain at the next
 * priority: a queue itself can only drop.
 */

#define FORGED_PRIORITY (-300) /* before connection tracking, NF_IP_PRI_RAW */
#define OUTPUT_PRIORITY (-110)
#define INPUT_PRIORITY	10
#define LOOPBACK_INDEX	1 /* ifindex of lo in every namespace (LOOPBACK_IFINDEX) */
#define CHAIN_LAN	"lan_peers"

#define ETHER_SOURCE	 6
#define IPV4_DESTINATION 16
#define IPV6_DESTINATION 24
#define TCP_FLAGS	 13
#define SCTP_CHUNK_TYPE	 12
#define SCTP_INIT	 1 /* RFC 9260, 3.2; never bundled with another chunk (3.3.2) */

/* Rules. */

static void end_queue(struct nft_batch *batch, const struct table_plan *plan, uint16_t number,
		      bool bypass)
{
	if (plan->expression == RULESET_NATIVE)
		nft_queue(batch, number, bypass);
	else
		nft_queue_compat(batch, number, bypass);
	nft_end_rule(batch);
}

static void end_accept(struct nft_batch *batch)
{
	nft_accept(batch);
	nft_end_rule(batch);
}

static void accept_what_opens_nothing(struct nft_batch *batch, const char *chain)
{
	static const uint8_t init = SCTP_INIT;

	nft_begin_rule(batch, chain, "TCP that cannot open a connection");
	nft_match_protocol(batch, IPPROTO_TCP);
	nft_match_payload_bits(batch, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS,
			       TH_SYN | TH_ACK | TH_RST, NFT_CMP_NEQ, TH_SYN);
	end_accept(batch);

	nft_begin_rule(batch, chain, "SCTP that cannot open an association");
	nft_match_protocol(batch, IPPROTO_SCTP);
	nft_match_payload(batch, NFT_PAYLOAD_TRANSPORT_HEADER, SCTP_CHUNK_TYPE, NFT_CMP_NEQ, &init,
			  sizeof(init));
	end_accept(batch);
}

static void match_interface(struct nft_batch *batch, enum nft_meta_keys key,
			    enum nft_cmp_ops operation)
{
	nft_match_meta_u32(batch, key, operation, LOOPBACK_INDEX);
}

/* On lo no service stands behind ICMP: the answer comes from the kernel of the one who asks. */
static void accept_icmp_on_lo(struct nft_batch *batch, const char *chain, enum nft_meta_keys key)
{
	static const uint8_t protocols[] = {IPPROTO_ICMP, IPPROTO_ICMPV6};
	size_t index;

	for (index = 0; index < sizeof(protocols); index++) {
		nft_begin_rule(batch, chain, "no service behind ICMP on lo");
		match_interface(batch, key, NFT_CMP_EQ);
		nft_match_protocol(batch, protocols[index]);
		end_accept(batch);
	}
}

static void accept_replies(struct nft_batch *batch, const char *chain)
{
	nft_begin_rule(batch, chain, "an answer");
	nft_match_meta_set(batch, NFT_META_L4PROTO, SET_TRACKED);
	nft_match_ct_reply(batch);
	end_accept(batch);
}

static void accept_flows_on_lo(struct nft_batch *batch, const char *chain)
{
	nft_begin_rule(batch, chain, "not the first packet of its flow");
	nft_match_meta_set(batch, NFT_META_L4PROTO, SET_UNASKED);
	nft_match_ct(batch, NFT_CT_STATUS, IPS_CONFIRMED);
	end_accept(batch);
}

/* Copies of what this host's sockets send to many. */
static void queue_looped(struct nft_batch *batch, const struct table_plan *plan, const char *chain)
{
	static const uint8_t host = 0; /* PACKET_HOST of linux/if_packet.h */

	nft_begin_rule(batch, chain, "sent here, to many");
	nft_match_meta(batch, NFT_META_PKTTYPE, NFT_CMP_NEQ, &host, sizeof(host));
	nft_match_protocol(batch, IPPROTO_UDP);
	nft_match_ct(batch, NFT_CT_STATUS, IPS_CONFIRMED);
	nft_match_local_source(batch);
	end_queue(batch, plan, plan->settings->loopback_queue, plan->settings->loopback_bypass);
}

/* Errors that a guest sends about a flow that is known. */
static void accept_icmp_errors(struct nft_batch *batch, const char *chain)
{
	static const uint8_t protocols[] = {IPPROTO_ICMP, IPPROTO_ICMPV6};
	size_t index;

	for (index = 0; index < sizeof(protocols); index++) {
		nft_begin_rule(batch, chain, "an error about a known flow");
		nft_match_protocol(batch, protocols[index]);
		nft_match_ct(batch, NFT_CT_STATE, NF_CT_STATE_BIT(IP_CT_RELATED));
		end_accept(batch);
	}
}

/* What bears an address of this host and was not sent by it. */
static void add_forged(struct nft_batch *batch)
{
	static const char chain[] = "forged";

	nft_add_hook(batch, chain, NF_INET_PRE_ROUTING, FORGED_PRIORITY);
	nft_begin_rule(batch, chain, "says itself what it opens");
	nft_match_protocol(batch, IPPROTO_TCP);
	end_accept(batch);

	nft_begin_rule(batch, chain, "passed output");
	match_interface(batch, NFT_META_IIF, NFT_CMP_EQ);
	end_accept(batch);

	nft_begin_rule(batch, chain, "from the LAN");
	nft_match_meta_set(batch, NFT_META_IIF, SET_LAN);
	nft_jump(batch, CHAIN_LAN);
	nft_end_rule(batch);

	nft_begin_rule(batch, chain, "in this host's name");
	nft_match_local_source(batch);
	nft_notrack(batch);
	nft_end_rule(batch);
}

static void add_output(struct nft_batch *batch, const struct table_plan *plan)
{
	static const char chain[] = "output";
	uint8_t level;

	nft_add_hook(batch, chain, NF_INET_LOCAL_OUT, OUTPUT_PRIORITY);
	accept_what_opens_nothing(batch, chain); /* first: established TCP stops here */
	nft_begin_rule(batch, chain, "leaves this host");
	match_interface(batch, NFT_META_OIF, NFT_CMP_NEQ);
	end_accept(batch);
	accept_icmp_on_lo(batch, chain, NFT_META_OIF);
	accept_replies(batch, chain);
	accept_flows_on_lo(batch, chain);
	for (level = 1; !plan->no_cgroups && level <= RULESET_LEVELS; level++) {
		nft_begin_rule(batch, chain, "a new connection on lo, by a guest");
		nft_match_cgroup_set(batch, level, table_guest_sets[level - 1]);
		end_queue(batch, plan, plan->settings->guests_queue, plan->settings->guests_bypass);
	}
	nft_begin_rule(batch, chain, "a new connection on lo");
	end_queue(batch, plan, plan->settings->loopback_queue, plan->settings->loopback_bypass);
}

static void add_input_on_lo(struct nft_batch *batch, const struct table_plan *plan,
			    const char *chain)
{
	nft_begin_rule(batch, chain, "passed output");
	match_interface(batch, NFT_META_IIF, NFT_CMP_EQ);
	nft_match_ct(batch, NFT_CT_STATUS, IPS_CONFIRMED);
	end_accept(batch);

	nft_begin_rule(batch, chain, "the administrator's notrack");
	match_interface(batch, NFT_META_IIF, NFT_CMP_EQ);
	nft_match_ct(batch, NFT_CT_STATE, NF_CT_STATE_UNTRACKED_BIT);
	end_accept(batch);

	accept_icmp_on_lo(batch, chain, NFT_META_IIF);

	nft_begin_rule(batch, chain, "injected into lo");
	match_interface(batch, NFT_META_IIF, NFT_CMP_EQ);
	end_queue(batch, plan, plan->settings->guests_queue, plan->settings->guests_bypass);
}

static void add_martians(struct nft_batch *batch, const struct table_plan *plan, const char *chain)
{
	static const uint8_t ipv4 = NFPROTO_IPV4, ipv6 = NFPROTO_IPV6, loopback_net = 127;

	nft_begin_rule(batch, chain, "127.0.0.0/8 from elsewhere than lo");
	nft_match_meta(batch, NFT_META_NFPROTO, NFT_CMP_EQ, &ipv4, sizeof(ipv4));
	nft_match_payload(batch, NFT_PAYLOAD_NETWORK_HEADER, IPV4_DESTINATION, NFT_CMP_EQ,
			  &loopback_net, sizeof(loopback_net));
	end_queue(batch, plan, plan->settings->guests_queue, false);

	nft_begin_rule(batch, chain, "::1 from elsewhere than lo");
	nft_match_meta(batch, NFT_META_NFPROTO, NFT_CMP_EQ, &ipv6, sizeof(ipv6));
	nft_match_payload(batch, NFT_PAYLOAD_NETWORK_HEADER, IPV6_DESTINATION, NFT_CMP_EQ,
			  &in6addr_loopback, sizeof(in6addr_loopback));
	end_queue(batch, plan, plan->settings->guests_queue, false);
}

static void accept_discovery(struct nft_batch *batch, const char *chain)
{
	static const uint8_t icmpv6 = IPPROTO_ICMPV6;

	nft_begin_rule(batch, chain, "neighbour discovery and multicast listeners");
	nft_match_meta(batch, NFT_META_L4PROTO, NFT_CMP_EQ, &icmpv6, sizeof(icmpv6));
	nft_match_payload_set(batch, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, SET_DISCOVERY);
	end_accept(batch);

	nft_begin_rule(batch, chain, "multicast listeners (IGMP)");
	nft_match_protocol(batch, IPPROTO_IGMP);
	end_accept(batch);
}

/* All peers of the LAN are accepted here, and what may be a VM of this host goes back to input. */
static void add_lan_peers(struct nft_batch *batch)
{
	nft_add_chain(batch, CHAIN_LAN);

	nft_begin_rule(batch, CHAIN_LAN, "of a maker whose VMs run here");
	nft_match_payload_set(batch, NFT_PAYLOAD_LL_HEADER, ETHER_SOURCE, RULESET_PREFIX_SIZE,
			      SET_PREFIXES);
	nft_return(batch);
	nft_end_rule(batch);

	nft_begin_rule(batch, CHAIN_LAN, "of a VM that runs here");
	nft_match_payload_set(batch, NFT_PAYLOAD_LL_HEADER, ETHER_SOURCE, MAC_SIZE, SET_MACS);
	nft_return(batch);
	nft_end_rule(batch);

	nft_begin_rule(batch, CHAIN_LAN, "the firewall's business");
	end_accept(batch);
}

static void add_input(struct nft_batch *batch, const struct table_plan *plan)
{
	static const char chain[] = "input";

	nft_add_hook(batch, chain, NF_INET_LOCAL_IN, INPUT_PRIORITY);
	accept_what_opens_nothing(batch, chain);
	add_input_on_lo(batch, plan, chain);
	add_martians(batch, plan, chain);
	if (!plan->no_fib)
		queue_looped(batch, plan, chain);

	nft_begin_rule(batch, chain, "from the LAN");
	nft_match_meta_set(batch, NFT_META_IIF, SET_LAN);
	nft_jump(batch, CHAIN_LAN);
	nft_end_rule(batch);

	accept_replies(batch, chain);
	accept_icmp_errors(batch, chain);
	if (plan->settings->neighbour_discovery)
		accept_discovery(batch, chain);

	nft_begin_rule(batch, chain, "a new connection from elsewhere");
	end_queue(batch, plan, plan->settings->guests_queue, plan->settings->guests_bypass);
}

static void add_reject(struct nft_batch *batch, const char *chain, uint32_t hook, int32_t priority)
{
	nft_add_hook(batch, chain, hook, priority);
	nft_begin_rule(batch, chain, "verdict: reject");
	nft_match_meta_u32(batch, NFT_META_MARK, NFT_CMP_EQ, RULESET_REJECT_MARK);
	nft_match_protocol(batch, IPPROTO_TCP);
	nft_reject(batch, NFT_REJECT_TCP_RST, 0);
	nft_end_rule(batch);

	nft_begin_rule(batch, chain, "verdict: reject");
	nft_match_meta_u32(batch, NFT_META_MARK, NFT_CMP_EQ, RULESET_REJECT_MARK);
	nft_reject(batch, NFT_REJECT_ICMPX_UNREACH, NFT_REJECT_ICMPX_PORT_UNREACH);
	nft_end_rule(batch);
}

void table_write(struct nft_batch *batch, const struct table_plan *plan)
{
	nft_add_table(batch); /* so that there is one to delete */
	nft_delete_table(batch);
	nft_add_table(batch);
	table_add_sets(batch, plan);
	add_lan_peers(batch);
	if (!plan->no_fib)
		add_forged(batch);
	add_output(batch, plan);
	add_input(batch, plan);
	if (!plan->settings->reject)
		return;
	add_reject(batch, "output_reject", NF_INET_LOCAL_OUT, OUTPUT_PRIORITY + 1);
	add_reject(batch, "input_reject", NF_INET_LOCAL_IN, INPUT_PRIORITY + 1);
}

void table_erase(struct nft_batch *batch)
{
	nft_add_table(batch); /* so that there is one to delete */
	nft_delete_table(batch);
}
