// SPDX-License-Identifier: GPL-2.0-or-later
/* The table of what lhguard doctor looks at. */
#include "checks.h"

#include "output.h"
#include "prose.h"

#include "util/array.h"

#include <stdarg.h>
#include <stdio.h>

#define FOUND_MAX 32 /* told of one check; more make it no clearer */

void diagnosis_add(struct diagnosis *diagnosis, enum health health, const char *format, ...)
{
	char text[512];
	va_list args;

	if (health > diagnosis->health)
		diagnosis->health = health;
	if (json_array_size(diagnosis->found) == FOUND_MAX)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	json_array_append_new(diagnosis->found, text_json(text));
}

/* clang-format off */
const struct check checks[] = {
	{"capabilities", "what lhguardd may do",
	 "start it as root, by its unit; see lhguardd(8)", check_capabilities},
	{"own-view", "what this program may look at", "run it as root", check_own_view},
	{"queues", "who holds the guard's queues",
	 "stop who holds them, or write other numbers into lhguard.conf, then restart lhguardd", check_queues},
	{"other-queues", "other programs that give verdicts on packets",
	 "what it drops never reaches the guard, what it holds comes late: let it leave lo and guests alone",
	 check_other_queues},
	{"firewall-tables", "other tables that packets pass before the guard's",
	 "a queue holds packets before the guard sees them; notrack on lo hides who wrote a frame: take the rule away",
	 check_tables},

	{"queue-expression", "how the kernel queues packets",
	 "this needs nf_tables, nfnetlink_queue, conntrack, and nft_queue or xt_NFQUEUE with nft_compat",
	 check_queue_expression},
	{"socket-cgroup", "whether the table knows guests by their sockets' cgroups",
	 "this needs nft_socket with cgroupv2 (Linux 5.13) and cgroup2; without, a socket that has closed is "
	 "nobody's", check_socket_cgroup},
	{"local-source", "whether the table knows what is sent in the host's name",
	 "this needs nft_fib_inet; without, a guest that forges the host's address, or that sends to a multicast group, "
	 "reaches UDP services of the host", check_local_source},
	{"cgroups", "whether there is a cgroup2 hierarchy", "boot with systemd.unified_cgroup_hierarchy=1", check_cgroups},
	{"process-events", "whether the kernel reports processes as they start",
	 "this needs CONFIG_PROC_EVENTS, and a start in the initial network namespace", check_process_events},
	{"cut-connections", "whether open connections can be ended",
	 "this needs CONFIG_INET_DIAG_DESTROY; without, --cut and --cut-at-end do nothing", check_cut_connections},
	{"bridge-netfilter", "how ports of bridges are told", "", check_bridge_netfilter},

	{"route-localnet", "interfaces from which 127.0.0.0/8 can be reached",
	 "the guard refuses them; to close it in the kernel too: "
	 WHOLE("sysctl -w net.ipv4.conf.NAME.route_localnet=0"),
	 check_route_localnet},
	{"virtualbox", "VirtualBox machines that are set to reach this host's loopback, or whose ports are open on it",
	 WHOLE("VBoxManage modifyvm NAME --nat-localhostreachable1 off") "; "
	 WHOLE("VBoxManage modifyvm NAME --natpf1 delete RULE"), check_virtualbox},
	{"pasta", "pasta and passt that lead to this host's loopback",
	 "start it with " WHOLE("--no-map-gw -T none -U none") ", and " WHOLE("-t none -u none")
	 " if nothing of the guest is to be served",
	 check_pasta},
	{"slirp4netns", "slirp4netns that leads to this host's loopback", "start it with --disable-host-loopback",
	 check_slirp4netns},
	{"host-network", "containers that share this host's network",
	 "give it a network of its own: it sees all abstract sockets, and 127.0.0.1 is this host's",
	 check_host_network},
};
/* clang-format on */

const size_t check_count = ARRAY_SIZE(checks);
