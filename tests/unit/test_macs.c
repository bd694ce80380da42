// SPDX-License-Identifier: GPL-2.0-or-later
/* MAC addresses out of the configurations of VMs, below a /proc of our own making. */
#include "guests/state.h"

#include "util/clock.h"
#include "util/text.h"

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

#define PID	42
#define UUID	"5f1f0a3c-60e7-4d7c-8c5a-6d5f6f6a7b01"
#define MACHINE "root/vms/box"

static char folder[] = "/tmp/lhguard-test-XXXXXX";
static struct registry *registry;
static struct catalogue *catalogue;
static struct guest *guest;

static void full_path(char *path, const char *name)
{
	snprintf(path, PATH_MAX, "%s/%d/%s", folder, PID, name);
}

static void put_folder(const char *name)
{
	char path[PATH_MAX];

	full_path(path, name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void put(const char *name, const char *bytes, size_t length)
{
	char path[PATH_MAX];
	FILE *file;

	full_path(path, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static void put_text(const char *name, const char *text)
{
	put(name, text, strlen(text));
}

#define ARGUMENTS(text) put("cmdline", (text), sizeof(text))

static void put_link(const char *name, const char *target)
{
	char path[PATH_MAX];

	full_path(path, name);
	unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

static int set_up(void **state)
{
	strcpy(folder + strlen(folder) - 6, "XXXXXX");
	registry = calloc(1, sizeof(*registry));
	if (!mkdtemp(folder) || catalogue_load(&catalogue, "conf/guests.conf", folder, NULL))
		return -1;
	put_folder("");
	put_folder("fd");
	put_folder("root");
	put_folder("root/vms");
	put_folder(MACHINE);
	put_folder(MACHINE "/Logs");
	put_link("cwd", "root/vms");
	put_link("fd/3", "/vms/box/Logs/VBox.log");
	registry->settings.proc = processes_open_root(folder);
	registry->settings.catalogue = catalogue;
	guest = NULL;
	return registry->settings.proc < 0;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
	return remove(path);
}

static int tear_down(void **state)
{
	close(registry->settings.proc);
	free(registry);
	catalogue_free(catalogue);
	return nftw(folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

static struct mac_reading *reading_of(const struct guest *its)
{
	return &registry->mac_readings[guests_index(registry, its)];
}

/* A VM's, which no other name has. */
static const struct guest_key *key_of(const char *name)
{
	static struct guest_key key = {.known_by = KNOWN_BY_VMM};

	snprintf(key.text, sizeof(key.text), "%s", name);
	return &key;
}

/* @holds: as if it was seen to hold its runtime's driver */
static void start_guest(const char *runtime, bool holds)
{
	guest = guests_add(registry, KIND_VM, runtime, "box", key_of(runtime), "a test");
	assert_non_null(guest);
	guest->leader = PID;
	*reading_of(guest) =
		(struct mac_reading){.guest_id = guest->id, .holds_driver = holds, .next_us = 1};
	members_take_out_all(registry);
	members_append(registry,
		       &(struct member){.pid = PID, .guest = guests_index(registry, guest)});
}

static void add_guest(const char *runtime)
{
	start_guest(runtime, bridging_driver(runtime) != NULL);
}

/* All addresses, as text, in the order of the table. */
static const char *macs(void)
{
	static char text[1024];

	text[0] = '\0';
	for (uint32_t i = 0; i < registry->mac_count; i++) {
		const uint8_t *mac = registry->macs[i].mac;
		size_t used = strlen(text);

		assert_int_equal(registry->macs[i].guest_id, guest->id);
		snprintf(text + used, sizeof(text) - used, "%02x:%02x:%02x:%02x:%02x:%02x ", mac[0],
			 mac[1], mac[2], mac[3], mac[4], mac[5]);
	}
	return text;
}

static bool is_read(void)
{
	return registry->mac_readings[guests_index(registry, guest)].is_read;
}

static void virtualbox(const char *name, const char *content)
{
	char path[128];

	snprintf(path, sizeof(path), MACHINE "/%s", name);
	put_text(path, content);
}

#define VBOX_ARGUMENTS "VBoxHeadless\0--comment\0box\0--startvm\0" UUID
#define VBOX(uuid, mac)                                                                            \
	"<VirtualBox><Machine uuid=\"{" uuid "}\" name=\"box\"><Adapter slot=\"0\" MACAddress="    \
	"\"" mac "\"/></Machine></VirtualBox>"

static void test_virtualbox(void **state)
{
	ARGUMENTS(VBOX_ARGUMENTS);
	virtualbox("a.vbox", VBOX("00000000-0000-0000-0000-000000000000", "080027111111"));
	virtualbox("box.vbox-prev", VBOX(UUID, "080027222222"));
	virtualbox("box.vbox", VBOX(UUID, "0800270A0B0C"));
	add_guest("virtualbox");
	assert_int_equal(macs_work(registry), 0);
	assert_string_equal(macs(), "08:00:27:0a:0b:0c ");
	assert_true(is_read());
}

static void test_virtualbox_started_by_name(void **state)
{
	ARGUMENTS("VBoxHeadless\0-startvm\0box");
	virtualbox("box.vbox", VBOX(UUID, "0800270A0B0C"));
	add_guest("virtualbox");
	macs_work(registry);
	assert_string_equal(macs(), "08:00:27:0a:0b:0c ");
}

/* Tried again and again, ever more seldom, and then no more; a packet brings the next try. */
static void test_unread(void **state)
{
	struct mac_reading *reading;
	uint64_t next, before;

	ARGUMENTS(VBOX_ARGUMENTS);
	add_guest("virtualbox");
	reading = &registry->mac_readings[guests_index(registry, guest)];
	before = clock_monotonic_us();
	next = macs_work(registry);
	assert_true(next > before);
	assert_false(is_read());
	for (int i = 0; i < 20 && reading->next_us; i++) {
		reading->next_us = registry->macs_next_us = 1;
		next = macs_work(registry);
	}
	assert_int_equal(next, 0);

	virtualbox("box.vbox", VBOX(UUID, "0800270A0B0C"));
	registry->macs_stale = true;
	before = clock_monotonic_us();
	next = macs_work(registry);
	assert_true(next > before + 10000); /* not at once: who floods gains nothing */
	reading->next_us = registry->macs_next_us = 1;
	macs_work(registry);
	assert_true(is_read());
	assert_string_equal(macs(), "08:00:27:0a:0b:0c ");
}

/* A file that somebody put there to make us wait, or to be read as root. */
static void test_what_is_no_file(void **state)
{
	char path[PATH_MAX];

	ARGUMENTS(VBOX_ARGUMENTS);
	full_path(path, MACHINE "/box.vbox");
	assert_int_equal(mkfifo(path, 0600), 0);
	add_guest("virtualbox");
	macs_work(registry);
	assert_false(is_read());

	unlink(path);
	put_text("root/elsewhere", VBOX(UUID, "0800270A0B0C"));
	assert_int_equal(symlink("../../elsewhere", path), 0);
	registry->mac_readings[guests_index(registry, guest)].next_us = 1;
	registry->macs_next_us = 1;
	macs_work(registry);
	assert_false(is_read());
	assert_int_equal(registry->mac_count, 0);
}

static void test_vmware(void **state)
{
	ARGUMENTS("/usr/lib/vmware/bin/vmware-vmx\0-s\0vmx.stdio.keep=TRUE\0/vms/box/b.vmx");
	put_text(MACHINE "/b.vmx", "ethernet0.addressType = \"generated\"\r\n"
				   "ethernet0.generatedAddress = \"00:0C:29:0a:0b:0c\"\r\n"
				   "ethernet0.generatedAddressOffset = \"0\"\r\n"
				   "Ethernet1.address=\"00:50:56:01:02:03\"\r\n"
				   "annotation = \"ethernet9.address = 00:50:56:09:09:09\"\r\n"
				   "ethernet2.checkMACAddress = \"FALSE\"\r\n");
	add_guest("vmware");
	macs_work(registry);
	assert_string_equal(macs(), "00:0c:29:0a:0b:0c 00:50:56:01:02:03 ");
	assert_true(is_read());
}

static void test_vmware_relative(void **state)
{
	ARGUMENTS("vmware-vmx\0box/b.vmx");
	put_text(MACHINE "/b.vmx", "ethernet0.generatedAddress = \"00:0c:29:0a:0b:0c\"");
	add_guest("vmware");
	macs_work(registry);
	assert_string_equal(macs(), "00:0c:29:0a:0b:0c ");
}

/* A symlink on the way is the VMM's own, and ends in its root. */
static void test_symlinks_on_the_way(void **state)
{
	char outside[PATH_MAX];

	put_folder("outside");
	put_text("outside/b.vmx", "ethernet0.address = \"00:50:56:01:02:03\"");
	full_path(outside, "outside");
	put_link("root/absolute", outside);
	put_link("root/relative", "../outside");
	put_link("root/own", "/vms/box");
	put_link("root/vms/up", "../../outside");
	put_text(MACHINE "/b.vmx", "ethernet0.generatedAddress = \"00:0c:29:0a:0b:0c\"");
	add_guest("vmware");
	for (int i = 0; i < 5; i++) {
		static const char *const paths[] = {"/absolute/b.vmx", "/relative/b.vmx",
						    "/../outside/b.vmx", "up/b.vmx",
						    "../../outside/b.vmx"};
		char arguments[64] = "vmware-vmx";

		text_copy(arguments + sizeof("vmware-vmx"), 32, paths[i]);
		put("cmdline", arguments, sizeof("vmware-vmx") + strlen(paths[i]) + 1);
		registry->mac_readings[guests_index(registry, guest)].next_us = 1;
		registry->macs_next_us = 1;
		macs_work(registry);
		assert_false(is_read());
		assert_int_equal(registry->mac_count, 0);
	}
	ARGUMENTS("vmware-vmx\0/own/b.vmx");
	registry->mac_readings[guests_index(registry, guest)].next_us = 1;
	registry->macs_next_us = 1;
	macs_work(registry);
	assert_string_equal(macs(), "00:0c:29:0a:0b:0c ");
}

static void test_virtualbox_behind_a_symlink(void **state)
{
	char outside[PATH_MAX];

	put_folder("outside");
	put_folder("outside/Logs");
	put_text("outside/box.vbox", VBOX(UUID, "0800270A0B0C"));
	full_path(outside, "outside");
	put_link("root/absolute", outside);
	put_link("fd/3", "/absolute/Logs/VBox.log");
	ARGUMENTS(VBOX_ARGUMENTS);
	add_guest("virtualbox");
	macs_work(registry);
	assert_false(is_read());
	assert_int_equal(registry->mac_count, 0);
}

static void test_qemu(void **state)
{
	ARGUMENTS(
		"qemu-system-x86_64\0-name\0box,mac=no\0-device\0virtio-net-pci,netdev=n,mac="
		"52:54:00:0A:0b:0c\0-device\0"
		"{\"driver\":\"virtio-net-pci\",\"mac\":\"52:54:00:01:02:03\"}\0"
		"-device\0e1000,mac=52:54:00:0a:0b:0c\0-device\0x,mac=01:00:5e:00:00:01\0"
		"-device\0x,mac=00:00:00:00:00:00\0-device\0x,mac=52:54:00:01:02\0-device\0x,mac=");
	add_guest("libvirt");
	assert_int_equal(macs_work(registry), 0);
	assert_string_equal(macs(), "52:54:00:0a:0b:0c 52:54:00:01:02:03 ");
	assert_true(is_read());
}

static void test_qemu_without_an_address(void **state)
{
	ARGUMENTS("qemu-system-x86_64\0-device\0virtio-net-pci");
	add_guest("qemu");
	macs_work(registry);
	assert_true(is_read());
	assert_int_equal(registry->mac_count, 0);
}

/* What is not known to be all is not taken for all. */
static void test_too_many(void **state)
{
	char arguments[8192] = "";
	size_t used = 0;

	for (unsigned int i = 0; i < 100; i++)
		used += (size_t)snprintf(arguments + used, sizeof(arguments) - used,
					 ",mac=52:54:00:00:00:%02x", i);
	put("cmdline", arguments, used + 1);
	add_guest("qemu");
	macs_work(registry);
	assert_false(is_read());
	assert_int_equal(registry->mac_count, 0);
}

static void test_full_table(void **state)
{
	ARGUMENTS("qemu\0-device\0x,mac=52:54:00:0a:0b:0c");
	add_guest("qemu");
	for (uint32_t i = 0; i < GUEST_MACS_MAX; i++)
		registry->macs[i] =
			(struct mac_entry){.guest_id = guest->id, .is_configured = true};
	registry->mac_count = GUEST_MACS_MAX;
	registry->mac_readings[0] = (struct mac_reading){
		.guest_id = guest->id, .is_read = true, .read_us = clock_monotonic_us()};
	guest = guests_add(registry, KIND_VM, "qemu", "other", key_of("other"), "a test");
	guest->leader = PID;
	macs_work(registry);
	assert_false(is_read());
}

/* Its addresses go with it, and a macvtap's with the macvtap. */
static void test_guest_that_ends(void **state)
{
	ARGUMENTS("qemu\0-device\0x,mac=52:54:00:0a:0b:0c");
	add_guest("qemu");
	registry->wires[0] =
		(struct wire_end){.ifindex = 7,
				  .state = WIRE_MEMBER,
				  .guest_id = guest->id,
				  .seen = {.type = LINK_MACVTAP, .mac = {0x52, 0x54, 0, 1, 2, 3}}};
	registry->wires_high = 1;
	macs_work(registry);
	assert_string_equal(macs(), "52:54:00:01:02:03 52:54:00:0a:0b:0c ");
	registry->wires_high = 0;
	registry->generation++;
	macs_work(registry);
	assert_string_equal(macs(), "52:54:00:0a:0b:0c ");
	guests_prune(registry);
	macs_work(registry);
	assert_int_equal(registry->mac_count, 0);
}

/* A name and a file are no VM: nothing of it is read, and it is looked at for minutes at most. */
static void test_claim(void **state)
{
	uint64_t next, before;
	int looks = 0;

	ARGUMENTS("vmware-vmx\0box/b.vmx");
	put_text(MACHINE "/b.vmx", "ethernet0.address = \"00:0c:29:0a:0b:0c\"");
	put_link("fd/4", "/dev/vmmon");
	start_guest("vmware", false);
	reading_of(guest)->look_us = 1;
	before = clock_monotonic_us();
	next = macs_work(registry);
	assert_true(next > before);
	assert_true(next < clock_monotonic_us() + 200000);
	for (; reading_of(guest)->look_us && looks < 100; looks++) {
		reading_of(guest)->look_us = registry->macs_next_us = 1;
		next = macs_work(registry);
	}
	assert_in_range(looks, 5, 20);
	assert_int_equal(next, 0);
	assert_false(is_read());
	assert_int_equal(registry->mac_count, 0);
	assert_true(registry->claims_told);

	/* When it holds it after all, its addresses are read like any other's. */
	reading_of(guest)->holds_driver = true;
	registry->generation++;
	macs_work(registry);
	assert_string_equal(macs(), "00:0c:29:0a:0b:0c ");
	assert_true(registry->macs[0].is_injected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_virtualbox, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_virtualbox_started_by_name, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_unread, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_what_is_no_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_vmware, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_vmware_relative, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_symlinks_on_the_way, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_virtualbox_behind_a_symlink, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(test_qemu, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_qemu_without_an_address, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_too_many, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full_table, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_guest_that_ends, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_claim, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
