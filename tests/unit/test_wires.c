// SPDX-License-Identifier: GPL-2.0-or-later
/* From an interface and a MAC address to a guest. The interfaces are stand-ins of this file. */
#include "guests/machines.h"
#include "guests/state.h"
#include "guests/ways.h"
#include "kernel/ruleset.h"
#include "util/array.h"

#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { ETH0 = 2, VBOXNET0, VMNET8, BR0, NIC, TUN0, ODD0, VE_WEB, BR0_7, LINKS };

static const struct link links[] = {
	{.ifindex = ETH0, .name = "eth0", .type = LINK_PHYSICAL, .mac = {0x02, 0, 0, 0, 0, 1}},
	{.ifindex = VBOXNET0, .name = "vboxnet0", .type = LINK_OTHER},
	{.ifindex = VMNET8, .name = "vmnet8", .type = LINK_OTHER},
	{.ifindex = BR0, .name = "br0", .type = LINK_BRIDGE, .kind_name = "bridge"},
	{.ifindex = NIC, .name = "eth1", .type = LINK_PHYSICAL, .master = BR0},
	{.ifindex = TUN0, .name = "tun0", .type = LINK_TUN, .kind_name = "tun"},
	{.ifindex = ODD0, .name = "odd0", .type = LINK_OTHER},
	{.ifindex = VE_WEB,
	 .name = "ve-web",
	 .type = LINK_VETH,
	 .kind_name = "veth",
	 .lower = 2,
	 .peer_netnsid = 5},
	{.ifindex = BR0_7, .name = "br0.7", .type = LINK_OTHER, .kind_name = "vlan", .lower = BR0},
};

static const uint8_t vbox_mac[] = {0x08, 0x00, 0x27, 0x0a, 0x0b, 0x0c};
static const uint8_t other_vbox_mac[] = {0x08, 0x00, 0x27, 1, 2, 3};
static const uint8_t vmware_mac[] = {0x00, 0x0c, 0x29, 0x0a, 0x0b, 0x0c};
static const uint8_t ordinary_mac[] = {0x00, 0x1b, 0x21, 1, 2, 3};
static const uint8_t own_mac[] = {0x02, 0, 0, 0, 0, 1};

static struct registry *registry;
static struct catalogue *catalogue;
static enum links_port port_answer;

/* The interfaces, in place of kernel/links.c. */

const struct link *links_find(const struct links *unused, uint32_t ifindex)
{
	return ifindex >= ETH0 && ifindex < LINKS ? &links[ifindex - ETH0] : NULL;
}

void links_each(const struct links *unused, void (*visit)(void *data, const struct link *link),
		void *data)
{
	for (uint32_t i = ETH0; i < LINKS; i++)
		visit(data, &links[i - ETH0]);
}

/* 10.0.0.1 is ours. */
bool links_owns_address(const struct links *unused, uint32_t ifindex,
			const struct in6_addr *address)
{
	return address->s6_addr[12] == 10 && address->s6_addr[15] == 1;
}

bool links_first_address(const struct links *unused, uint32_t ifindex, uint8_t family,
			 struct in6_addr *address)
{
	*address = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}};
	return family == AF_INET;
}

enum links_port links_port(const struct links *unused, uint32_t bridge, const uint8_t *mac,
			   uint32_t *port)
{
	assert_int_equal(bridge, BR0);
	*port = NIC;
	return port_answer;
}

/* The file that stands for a namespace is as long as its id. */
int links_netnsid(struct links *unused, int netns_fd)
{
	struct stat info;

	return fstat(netns_fd, &info) ? -1 : (int)info.st_size;
}

static int set_up(void **state)
{
	registry = calloc(1, sizeof(*registry));
	if (catalogue_load(&catalogue, "conf/guests.conf", "/nowhere", NULL))
		return -1;
	registry->settings.catalogue = catalogue;
	registry->settings.run_netns = "/nowhere";
	registry->settings.proc = -1;
	port_answer = LINKS_PORT_FOUND;
	registry_links_changed(registry);
	return 0;
}

static int tear_down(void **state)
{
	free(registry);
	catalogue_free(catalogue);
	return 0;
}

/* @mac: of its configuration, NULL for one that could not be read */
/* A VM's, which no other name has. */
static const struct guest_key *key_of(const char *name)
{
	static struct guest_key key = {.known_by = KNOWN_BY_VMM};

	snprintf(key.text, sizeof(key.text), "%s", name);
	return &key;
}

static struct guest *add_vm(const char *runtime, const char *name, const uint8_t *mac)
{
	struct guest *guest = guests_add(registry, KIND_VM, runtime, name, key_of(name), "a test");
	uint16_t index = guests_index(registry, guest);

	assert_non_null(guest);
	registry->mac_readings[index] =
		(struct mac_reading){.guest_id = guest->id,
				     .holds_driver = bridging_driver(runtime) != NULL,
				     .is_read = mac != NULL};
	if (mac) {
		struct mac_entry *entry = &registry->macs[registry->mac_count++];

		*entry = (struct mac_entry){.guest_id = guest->id,
					    .is_configured = true,
					    .is_injected = bridging_driver(runtime) != NULL};
		memcpy(entry->mac, mac, MAC_SIZE);
	}
	return guest;
}

/* Who is it that sends from 10.0.0.@last by this interface? */
static struct source ask(uint32_t ifindex, const uint8_t *mac, uint8_t last)
{
	struct flow flow = {
		.family = AF_INET,
		.protocol = IPPROTO_TCP,
		.client = {.s6_addr = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = last}},
		.service = {.s6_addr = {[10] = 0xff, [11] = 0xff, [12] = 10, [15] = 1}}};
	struct arrival arrival = {.ifindex = ifindex, .has_mac = mac != NULL};
	struct source source;

	if (mac)
		memcpy(arrival.mac, mac, MAC_SIZE);
	assert_int_equal(registry_source(registry, &flow, &arrival, &source), 0);
	return source;
}

static void assert_guest(const struct source *source, const char *name, bool shared,
			 enum route route)
{
	assert_int_equal(source->class, SOURCE_GUEST);
	assert_int_equal(source->kind, KIND_VM);
	assert_string_equal(source->name, name);
	assert_int_equal(source->shared, shared);
	assert_int_equal(source->guest == 0, shared);
	assert_int_equal(source->route, route);
	assert_non_null(source->why);
}

static void assert_lan(uint32_t ifindex, const uint8_t *mac, uint8_t last)
{
	struct source source = ask(ifindex, mac, last);

	assert_int_equal(source.class, SOURCE_LAN);
	assert_int_equal(source.kind, KIND_LAN);
	assert_int_equal(source.guest, 0);
}

static void test_no_vm(void **state)
{
	assert_lan(ETH0, vbox_mac, 9);
	assert_lan(ETH0, vmware_mac, 9);
	assert_lan(ETH0, own_mac, 9);
	assert_lan(ETH0, NULL, 9);
	assert_lan(TUN0, NULL, 9);
}

static void test_configured_address(void **state)
{
	struct source source;

	add_vm("virtualbox", "box", vbox_mac);
	add_vm("vmware", "ware", ordinary_mac);
	source = ask(ETH0, vbox_mac, 9);
	assert_guest(&source, "box", false, ROUTE_LAN);
	assert_string_equal(source.runtime, "virtualbox");
	source = ask(ETH0, ordinary_mac, 9);
	assert_guest(&source, "ware", false, ROUTE_LAN);
	assert_lan(ETH0, other_vbox_mac, 9); /* all have been read, and none has it */
	assert_lan(ETH0, NULL, 9);
	assert_true(registry->macs_stale);
}

static void test_unread_configuration(void **state)
{
	struct source source;

	add_vm("virtualbox", "box", vbox_mac);
	add_vm("virtualbox", "a", NULL);
	source = ask(ETH0, vbox_mac, 9);
	assert_guest(&source, "box", false, ROUTE_LAN);
	source = ask(ETH0, other_vbox_mac, 9);
	assert_guest(&source, "one of: a", true, ROUTE_LAN);
	add_vm("virtualbox", "b", NULL);
	source = ask(ETH0, other_vbox_mac, 9);
	assert_guest(&source, "one of: a, b", true, ROUTE_LAN);
	assert_lan(ETH0, vmware_mac, 9);
	assert_lan(ETH0, ordinary_mac, 9);
}

/* A VM with a tap is known by the tap; who bears its address on the LAN is somebody else. */
static void test_address_of_a_vm_with_a_tap(void **state)
{
	struct source source;

	add_vm("qemu", "emu", ordinary_mac);
	assert_lan(ETH0, ordinary_mac, 9);
	source = ask(BR0, ordinary_mac, 9);
	assert_int_equal(source.class, SOURCE_LAN);
	registry->macs[0].is_macvtap = true;
	source = ask(ETH0, ordinary_mac, 9);
	assert_guest(&source, "emu", false, ROUTE_MACVTAP);
}

static void test_clones(void **state)
{
	struct source source;

	add_vm("virtualbox", "a", vbox_mac);
	add_vm("virtualbox", "b", vbox_mac);
	source = ask(ETH0, vbox_mac, 9);
	assert_guest(&source, "one of: a, b", true, ROUTE_LAN);
	registry->macs[1].is_macvtap = true;
	source = ask(ETH0, vbox_mac, 9);
	assert_guest(&source, "b", false, ROUTE_MACVTAP);
}

static void test_own_address(void **state)
{
	struct source source;

	add_vm("virtualbox", "box", vbox_mac);
	assert_lan(ETH0, own_mac, 9);
	add_vm("vmware", "ware", vmware_mac);
	source = ask(ETH0, own_mac, 9);
	assert_guest(&source, "one of: ware", true, ROUTE_LAN);
	assert_lan(ETH0, own_mac, 1); /* our own IP address, too */
}

static void test_host_only(void **state)
{
	struct source source = ask(VBOXNET0, vbox_mac, 9);

	assert_int_equal(source.class, SOURCE_UNKNOWN);
	add_vm("virtualbox", "a", vbox_mac);
	source = ask(VBOXNET0, vbox_mac, 9);
	assert_guest(&source, "a", false, ROUTE_TAP);
	/* No LAN peer can be there: whatever the address, it is one of them. */
	source = ask(VBOXNET0, ordinary_mac, 9);
	assert_guest(&source, "one of: a", true, ROUTE_TAP);
	source = ask(VBOXNET0, NULL, 9);
	assert_guest(&source, "one of: a", true, ROUTE_TAP);
	/* Another VMM's VM has no way to get in there. */
	add_vm("vmware", "ware", vmware_mac);
	source = ask(VBOXNET0, vmware_mac, 9);
	assert_guest(&source, "one of: a", true, ROUTE_TAP);
	source = ask(VMNET8, vmware_mac, 9);
	assert_guest(&source, "ware", false, ROUTE_TAP);
	source = ask(ODD0, vbox_mac, 9);
	assert_int_equal(source.class, SOURCE_UNKNOWN);
}

/* VirtualBox bridged to an adapter that is a bridge's port. */
static void test_behind_a_bridge(void **state)
{
	struct source source;

	add_vm("virtualbox", "box", vbox_mac);
	source = ask(BR0, vbox_mac, 9);
	assert_guest(&source, "box", false, ROUTE_LAN);
	source = ask(BR0, ordinary_mac, 9);
	assert_int_equal(source.class, SOURCE_LAN);
	source = ask(BR0_7, ordinary_mac,
		     9); /* a VLAN of the bridge, where a hypervisor's own address is */
	assert_int_equal(source.class, SOURCE_LAN);
	assert_string_equal(source.interface, "br0.7");
	source = ask(BR0_7, vbox_mac, 9);
	assert_guest(&source, "box", false, ROUTE_LAN);
	port_answer = LINKS_PORT_AMBIGUOUS;
	source = ask(BR0, vbox_mac, 9);
	assert_int_equal(source.class, SOURCE_UNKNOWN);
	source = ask(BR0_7, ordinary_mac, 9);
	assert_int_equal(source.class, SOURCE_UNKNOWN);
}

static bool has_mac(const struct ruleset_bridged *bridged, const uint8_t *mac)
{
	for (size_t i = 0; i < bridged->mac_count; i++)
		if (!memcmp(bridged->macs[i], mac, MAC_SIZE))
			return true;
	return false;
}

/* What only calls itself a VMM brings nobody under suspicion, and is told by no address. */
static void test_claims(void **state)
{
	struct ruleset_bridged bridged;
	struct source source;

	add_vm("vmware", "claim", NULL);
	registry->mac_readings[0].holds_driver = false;
	registry_bridged(registry, &bridged);
	assert_int_equal(bridged.prefix_count, 0);
	assert_int_equal(bridged.mac_count, 0);
	source = ask(ETH0, vmware_mac, 9);
	assert_int_equal(source.class, SOURCE_LAN);
	source = ask(ETH0, own_mac, 9);
	assert_int_equal(source.class, SOURCE_LAN);
	source = ask(VMNET8, vmware_mac, 9);
	assert_int_equal(source.class, SOURCE_UNKNOWN);

	add_vm("vmware", "ware", NULL);
	source = ask(ETH0, vmware_mac, 9);
	assert_guest(&source, "one of: ware", true, ROUTE_LAN);
	source = ask(VMNET8, vmware_mac, 9);
	assert_guest(&source, "one of: ware", true, ROUTE_TAP);
}

static void test_what_the_kernel_is_told(void **state)
{
	struct ruleset_bridged bridged;

	registry_bridged(registry, &bridged);
	assert_int_equal(bridged.prefix_count, 0);
	assert_int_equal(bridged.mac_count, 0);

	add_vm("virtualbox", "box", vbox_mac);
	registry_bridged(registry, &bridged);
	assert_int_equal(bridged.prefix_count, 1);
	assert_memory_equal(bridged.prefixes[0], vbox_mac, RULESET_PREFIX_SIZE);
	assert_int_equal(bridged.mac_count, 1);
	assert_true(has_mac(&bridged, vbox_mac));

	add_vm("qemu", "emu", ordinary_mac);
	registry_bridged(registry, &bridged);
	assert_int_equal(bridged.prefix_count, 1);
	assert_false(has_mac(&bridged, ordinary_mac));
	registry->macs[1].is_macvtap = true;
	registry_bridged(registry, &bridged);
	assert_true(has_mac(&bridged, ordinary_mac));
	assert_false(has_mac(&bridged, own_mac));

	add_vm("vmware", "ware", NULL);
	registry_bridged(registry, &bridged);
	assert_int_equal(bridged.prefix_count, 5);
	assert_true(has_mac(&bridged, own_mac));
}

/* systemd-machined's files. */

static void make_machines(const char *root)
{
	static const char *const folders[] = {"run", "run/systemd", "run/systemd/machines"};
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		snprintf(path, sizeof(path), "%s/%s", root, folders[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
}

static void put_file(const char *folder, const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static void put_machine(const char *root, const char *name, const char *text)
{
	char folder[PATH_MAX];

	snprintf(folder, sizeof(folder), "%s/run/systemd/machines", root);
	put_file(folder, name, text);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
	return remove(path);
}

static void test_machines(void **state)
{
	char folder[] = "/tmp/lhguard-test-XXXXXX", path[PATH_MAX];

	assert_non_null(mkdtemp(folder));
	make_machines(folder);
	put_machine(folder, "web", "# private\nNAME=web\nCLASS=container\nLEADER=42\nNETIF=7 12\n");
	put_machine(folder, "odd", "NETIF=\nLEADER=43\n");
	put_machine(folder, "none", "LEADER=44\nNETIF=13x\n");
	snprintf(path, sizeof(path), "%s/run/systemd/machines/unit:machine-web.scope", folder);
	assert_int_equal(symlink("web", path), 0);
	assert_int_equal(machines_leader(folder, 7), 42);
	assert_int_equal(machines_leader(folder, 12), 42);
	assert_int_equal(machines_leader(folder, 1), 0);
	assert_int_equal(machines_leader(folder, 0), 0);
	assert_int_equal(machines_leader("/nowhere", 7), 0);
	nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void put_netns(const char *folder, int pid, const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%d", folder, pid);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/%d/ns", folder, pid);
	assert_int_equal(mkdir(path, 0700), 0);
	put_file(path, "net", text);
}

/* Its leader is at the other end of the veth; one that says so and is not, is not believed. */
static void test_veth_of_a_machine(void **state)
{
	char folder[] = "/tmp/lhguard-test-XXXXXX", text[64];
	struct source source;
	struct way ways[2];

	assert_non_null(mkdtemp(folder));
	make_machines(folder);
	put_netns(folder, 42, "12345");
	put_netns(folder, 43, "123456");
	registry->settings.proc = processes_open_root(folder);
	registry->settings.files = folder;

	snprintf(text, sizeof(text), "LEADER=43\nNETIF=%d\n", VE_WEB);
	put_machine(folder, "liar", text);
	registry_links_changed(registry);
	assert_int_equal(wires_find(registry, VE_WEB)->state, WIRE_UNRESOLVED);

	snprintf(text, sizeof(text), "LEADER=42\nNETIF=%d\n", VE_WEB);
	put_machine(folder, "liar", text);
	registry_links_changed(registry);
	assert_int_equal(wires_find(registry, VE_WEB)->state, WIRE_NETNS);
	source = ask(VE_WEB, ordinary_mac, 9);
	assert_int_equal(source.class, SOURCE_GUEST);
	assert_int_equal(registry_ways(registry, registry_find_id(registry, source.guest), ways, 2),
			 1);
	assert_int_equal(ways[0].ifindex, VE_WEB);
	assert_int_equal(ways[0].source.route, ROUTE_VETH);
	assert_string_equal(ways[0].source.name, source.name);

	/* A catalogue that is read again makes no other guest of it, though nobody says so any more. */
	put_machine(folder, "liar", "");
	registry->settings.cgroup = -1;
	registry_set_catalogue(registry, catalogue);
	assert_int_equal(ask(VE_WEB, ordinary_mac, 9).guest, source.guest);
	assert_non_null(registry_find_id(registry, source.guest));

	close(registry->settings.proc);
	nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static void assert_same_source(const struct source *one, const struct source *other)
{
	assert_int_equal(one->class, other->class);
	assert_int_equal(one->kind, other->kind);
	assert_int_equal(one->route, other->route);
	assert_int_equal(one->guest, other->guest);
	assert_string_equal(one->name, other->name);
	assert_string_equal(one->interface, other->interface);
	assert_int_equal(one->own_gateway, other->own_gateway);
}

/* By each way its source is the one that a packet's would be. */
static void test_ways_of_a_bridged_vm(void **state)
{
	struct flow flow = {.family = AF_INET, .service = {.s6_addr = {[10] = 0xff, [11] = 0xff}}};
	struct guest *box = add_vm("virtualbox", "box", vbox_mac);
	struct source asked, source;
	bool seen[LINKS] = {false};
	struct way ways[WAYS_MAX];
	size_t count;

	add_vm("vmware", "ware", vmware_mac);
	count = registry_ways(registry, box, ways, WAYS_MAX);
	assert_true(count > 0);
	for (size_t i = 0; i < count; i++) {
		flow.service = (struct in6_addr){.s6_addr = {[10] = 0xff, [11] = 0xff}};
		assert_true(registry_way_source(registry, &ways[i], &flow, &source));
		assert_int_equal(flow.service.s6_addr[12], 10);
		asked = ask(ways[i].ifindex, vbox_mac, 9);
		assert_same_source(&source, &asked);
		seen[ways[i].ifindex] = true;
	}
	assert_true(seen[ETH0] && seen[VBOXNET0] && !seen[VMNET8]);
	assert_int_equal(registry_ways(registry, box, ways, 1), 1);

	flow.family = AF_INET6; /* none of its interfaces has an address */
	flow.service = in6addr_any;
	assert_false(registry_way_source(registry, &ways[0], &flow, &source));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_no_vm, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_configured_address, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unread_configuration, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_address_of_a_vm_with_a_tap, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_clones, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_own_address, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_host_only, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_behind_a_bridge, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_claims, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_the_kernel_is_told, set_up, tear_down),
		cmocka_unit_test(test_machines),
		cmocka_unit_test_setup_teardown(test_veth_of_a_machine, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_ways_of_a_bridged_vm, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
