// SPDX-License-Identifier: GPL-2.0-or-later
/* Containers of one name: each by its cgroup, and with the supervisor that is its own. */
#include "fake_proc.h"

#include <ftw.h>
#include <stdio.h>
#include <string.h>

static int drop(const char *path, const struct stat *info, int type, struct FTW *walk)
{
	return remove(path);
}

static void fake_remove(const struct fake *fake, pid_t pid)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%d", fake->path, pid);
	nftw(path, drop, 16, FTW_DEPTH | FTW_PHYS);
}

#define APPS "/user.slice/user-1000.slice/user@1000.service/app.slice"

/* Root's container and a user's, both called "web", each with its supervisor. */
static const struct row root_start = {.pid = 10,
				      .parent = 1,
				      .executable = "/usr/bin/lxc-start",
				      ARGUMENTS("lxc-start\0-n\0web")};
static const struct row root_init = {.pid = 11,
				     .parent = 10,
				     .executable = "/sbin/init",
				     .cgroup = "/lxc.payload.web",
				     .pid_ns = OTHER,
				     .net_ns = OTHER};
static const struct row user_start = {.pid = 20,
				      .parent = 1,
				      .executable = "/usr/bin/lxc-start",
				      ARGUMENTS("lxc-start\0-n\0web")};
static const struct row user_init = {.pid = 21,
				     .parent = 20,
				     .executable = "/sbin/init",
				     .cgroup = APPS "/lxc.payload.web",
				     .pid_ns = OTHER + 1,
				     .user_ns = OTHER + 1};

static void assert_told_apart(const struct fake *fake, size_t count)
{
	assert_ptr_equal(fake_guest(fake, 10), fake_guest(fake, 11));
	assert_ptr_equal(fake_guest(fake, 20), fake_guest(fake, 21));
	assert_ptr_not_equal(fake_guest(fake, 11), fake_guest(fake, 21));
	assert_string_not_equal(fake_guest(fake, 11)->key, fake_guest(fake, 21)->key);
	assert_string_equal(fake_guest(fake, 11)->name, "web");
	assert_string_equal(fake_guest(fake, 21)->name, "web");
	assert_int_equal(fake_guest(fake, 21)->netns, 0);
	assert_int_equal(registry_count(fake->registry), count);
}

static void without_supervisors_there_are_two(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &root_init);
	fake_start(fake, &user_init);
	assert_ptr_not_equal(fake_guest(fake, 11), fake_guest(fake, 21));
	assert_int_equal(registry_count(fake->registry), 2);
	fake_start(fake, &root_init);
	assert_int_equal(registry_count(fake->registry), 2);
}

static void one_after_the_other(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &root_start);
	fake_start(fake, &root_init);
	fake_start(fake, &user_start);
	assert_ptr_not_equal(fake_guest(fake, 20), fake_guest(fake, 11));
	fake_start(fake, &user_init);
	assert_told_apart(fake, 2);
}

/* Until their cgroups are there nothing tells them apart. */
static void both_start_at_once(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &root_start);
	fake_start(fake, &user_start);
	fake_start(fake, &user_init);
	fake_start(fake, &root_init);
	members_work(fake->registry);
	assert_told_apart(fake, 2);
	fake_event(fake, PROCESS_EXIT, 21, 0);
	assert_int_equal(registry_count(fake->registry), 2);
	fake_event(fake, PROCESS_EXIT, 20, 0);
	assert_int_equal(registry_count(fake->registry), 1);
}

/* As the scan finds them when the numbers of processes have begun anew. */
static void the_container_is_seen_first(void **state)
{
	struct fake *fake = *state;

	fake_put(fake, &root_start);
	fake_put(fake, &user_start);
	fake_start(fake, &user_init);
	fake_start(fake, &root_init);
	fake_start(fake, &root_start);
	fake_start(fake, &user_start);
	assert_told_apart(fake, 2);
}

/* An exception that ends with its guest is kept by the key. */
static void the_key_outlives_the_daemon(void **state)
{
	struct fake *fake = *state;
	char root[GUEST_KEY_SIZE], user[GUEST_KEY_SIZE];
	uint32_t id;

	fake_start(fake, &root_start);
	fake_start(fake, &root_init);
	fake_start(fake, &user_start);
	fake_start(fake, &user_init);
	strcpy(root, fake_guest(fake, 11)->key);
	strcpy(user, fake_guest(fake, 21)->key);
	id = fake_guest(fake, 21)->id;
	registry_rescan(fake->registry);
	members_work(fake->registry);
	assert_told_apart(fake, 2);
	assert_int_equal(fake_guest(fake, 21)->id, id);

	memset(fake->registry->guests, 0, sizeof(fake->registry->guests));
	memset(fake->registry->guest_keys, 0, sizeof(fake->registry->guest_keys));
	memset(fake->registry->guest_ids, 0, sizeof(fake->registry->guest_ids));
	fake->registry->guests_high = 0;
	registry_rescan(fake->registry);
	members_work(fake->registry);
	assert_told_apart(fake, 2);
	assert_string_equal(fake_guest(fake, 11)->key, root);
	assert_string_equal(fake_guest(fake, 21)->key, user);
}

/* lxc-start goes into the background, and forks again for each of its hooks. */
static void what_a_supervisor_forks_is_no_other(void **state)
{
	struct fake *fake = *state;
	struct row copy = root_start;

	fake_start(fake, &root_start);
	copy.pid = 9;
	copy.parent = 10;
	fake_put(fake, &copy);
	fake_event(fake, PROCESS_FORK, 9, 10);
	fake_start(fake, &root_init);
	copy.pid = 12;
	fake_put(fake, &copy);
	fake_event(fake, PROCESS_FORK, 12, 10);
	for (pid_t pid = 9; pid <= 12; pid++)
		assert_ptr_equal(fake_guest(fake, pid), fake_guest(fake, 11));
	registry_rescan(fake->registry);
	for (pid_t pid = 9; pid <= 12; pid++)
		assert_ptr_equal(fake_guest(fake, pid), fake_guest(fake, 11));
	assert_int_equal(registry_count(fake->registry), 1);
}

/* The scope is made when the container runs already; its name is escaped. */
static void a_machine_started_by_hand(void **state)
{
	struct fake *fake = *state;
	struct row init = {.pid = 11,
			   .parent = 10,
			   .executable = "/sbin/init",
			   .pid_ns = OTHER,
			   .mount_ns = OTHER};
	uint32_t id;

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/usr/bin/systemd-nspawn",
				       ARGUMENTS("systemd-nspawn\0-M\0attic-2")});
	fake_start(fake, &init);
	id = fake_guest(fake, 11)->id;
	assert_int_equal(fake_guest(fake, 10)->id, id);
	init.cgroup = "/machine.slice/machine-attic\\x2d2.scope/payload";
	fake_start(fake, &init);
	assert_int_equal(fake_guest(fake, 11)->id, id);
	assert_ptr_equal(fake_guest(fake, 10), fake_guest(fake, 11));

	/* A user's manager has a machine.slice, too. */
	init = (struct row){.pid = 21,
			    .parent = 1,
			    .executable = "/sbin/init",
			    .cgroup = "/user.slice/user-1000.slice/user@1000.service/machine.slice/"
				      "machine-attic\\x2d2.scope",
			    .pid_ns = OTHER + 1};
	fake_start(fake, &init);
	assert_int_not_equal(fake_guest(fake, 21)->id, id);
	assert_string_equal(fake_guest(fake, 21)->name, "attic-2");
}

/* libvirt's cgroups only resemble the names; an id is the container's own wherever it stands. */
static void others_by_their_cgroup(void **state)
{
	struct fake *fake = *state;

	fake_start(fake,
		   &(struct row){.pid = 10,
				 .parent = 1,
				 .executable = "/usr/bin/qemu-system-x86_64",
				 ARGUMENTS("qemu\0-name\0guest=web"),
				 .cgroup = "/machine.slice/machine-qemu\\x2d1\\x2dweb.scope"});
	fake_start(fake, &(struct row){.pid = 11,
				       .parent = 1,
				       .executable = "/usr/bin/qemu-system-x86_64",
				       ARGUMENTS("qemu\0-name\0guest=web"),
				       .cgroup = "/user.slice/machine.slice/"
						 "machine-qemu\\x2d1\\x2dweb.scope"});
	assert_ptr_not_equal(fake_guest(fake, 10), fake_guest(fake, 11));
	fake_start(fake, &(struct row){.pid = 12,
				       .parent = 1,
				       .executable = "/bin/sh",
				       .cgroup = "/machine.slice/libpod-" HEX64 ".scope"});
	fake_start(fake, &(struct row){.pid = 13,
				       .parent = 1,
				       .executable = "/bin/sh",
				       .cgroup = APPS "/libpod-" HEX64 ".scope/container"});
	assert_ptr_equal(fake_guest(fake, 12), fake_guest(fake, 13));
}

static void assert_is(const struct fake *fake, pid_t pid, const char *runtime, const char *name,
		      enum kind kind)
{
	const struct guest *guest = fake_guest(fake, pid);

	assert_non_null(guest);
	assert_string_equal(guest->runtime, runtime);
	assert_string_equal(guest->name, name);
	assert_int_equal(guest->kind, kind);
}

static const struct row web1_init = {.pid = 11,
				     .parent = 10,
				     .executable = "/sbin/init",
				     .cgroup = "/lxc.payload.web-1",
				     .pid_ns = OTHER,
				     .net_ns = OTHER};

/* A cgroup of that name was left behind, so LXC adds a number; the name is the one that was given. */
static void the_cgroup_has_a_number_more(void **state)
{
	struct fake *fake = *state;
	uint32_t id;

	fake_start(fake, &root_start);
	fake_start(fake, &web1_init);
	members_work(fake->registry);
	assert_is(fake, 11, "lxc", "web", KIND_CONTAINER);
	assert_ptr_equal(fake_guest(fake, 10), fake_guest(fake, 11));
	assert_int_equal(registry_count(fake->registry), 1);
	id = fake_guest(fake, 11)->id;
	registry_rescan(fake->registry);
	members_work(fake->registry);
	assert_is(fake, 11, "lxc", "web", KIND_CONTAINER);
	assert_int_equal(fake_guest(fake, 11)->id, id);
	assert_int_equal(registry_count(fake->registry), 1);
}

static void its_supervisor_is_seen_last(void **state)
{
	struct fake *fake = *state;

	fake_put(fake, &root_start);
	fake_start(fake, &web1_init);
	assert_is(fake, 11, "lxc", "web-1", KIND_CONTAINER);
	fake_start(fake, &root_start);
	assert_is(fake, 11, "lxc", "web", KIND_CONTAINER);
	assert_int_equal(registry_count(fake->registry), 1);
}

/* … and one that is really called so keeps its name. */
static void a_name_with_a_number(void **state)
{
	struct fake *fake = *state;
	struct row start = root_start;

	start.arguments = "lxc-start\0-n\0web-1";
	start.arguments_length = sizeof("lxc-start\0-n\0web-1");
	fake_start(fake, &start);
	fake_start(fake, &web1_init);
	members_work(fake->registry);
	assert_is(fake, 11, "lxc", "web-1", KIND_CONTAINER);
	assert_int_equal(registry_count(fake->registry), 1);
}

/* lxc-autostart has no name in its command line until it says what it is for; no event tells of that. */
static void a_title_that_comes_late(void **state)
{
	struct fake *fake = *state;
	struct row start = {.pid = 10,
			    .parent = 1,
			    .executable = "/usr/bin/lxc-autostart",
			    ARGUMENTS("lxc-autostart\0-r\0-a")};

	fake_start(fake, &start);
	assert_null(fake_guest(fake, 10));
	start.arguments = "[lxc monitor] /var/lib/lxc web";
	start.arguments_length = sizeof("[lxc monitor] /var/lib/lxc web");
	fake_put(fake, &start);
	fake_start(fake, &web1_init);
	members_work(fake->registry);
	assert_is(fake, 11, "lxc", "web", KIND_CONTAINER);
	assert_ptr_equal(fake_guest(fake, 10), fake_guest(fake, 11));
	assert_int_equal(registry_count(fake->registry), 1);
}

static const struct row incus_start = {.pid = 20,
				       .parent = 1,
				       .executable = "/opt/incus/bin/incusd",
				       ARGUMENTS("[lxc monitor] /var/lib/incus/containers forge")};
static const struct row incus_init = {.pid = 21,
				      .parent = 20,
				      .executable = "/sbin/init",
				      .cgroup = "/lxc.payload.forge",
				      .pid_ns = OTHER + 1,
				      .user_ns = OTHER + 1};
static const struct row incus_later = {.pid = 22,
				       .parent = 21,
				       .executable = "/usr/bin/curl",
				       .cgroup = "/lxc.payload.forge/system.slice",
				       .pid_ns = OTHER + 1,
				       .user_ns = OTHER + 1};

/* Incus's containers have LXC's cgroups: the supervisor tells. */
static void incus_is_told_from_lxc(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &incus_start);
	fake_start(fake, &incus_init);
	members_work(fake->registry);
	fake_start(fake, &incus_later);
	assert_is(fake, 21, "incus", "forge", KIND_CONTAINER);
	assert_ptr_equal(fake_guest(fake, 22), fake_guest(fake, 21));
	assert_ptr_equal(fake_guest(fake, 20), fake_guest(fake, 21));
	registry_rescan(fake->registry);
	members_work(fake->registry);
	assert_is(fake, 22, "incus", "forge", KIND_CONTAINER);
	assert_int_equal(registry_count(fake->registry), 1);
}

static void incus_is_told_when_its_supervisor_is_seen_last(void **state)
{
	struct fake *fake = *state;

	fake_put(fake, &incus_start);
	fake_start(fake, &incus_init);
	fake_start(fake, &incus_start);
	fake_start(fake, &incus_later);
	assert_is(fake, 22, "incus", "forge", KIND_CONTAINER);
	assert_ptr_equal(fake_guest(fake, 20), fake_guest(fake, 21));
	assert_int_equal(registry_count(fake->registry), 1);
}

/* A cgroup that is one runtime's alone says more than lxc-start, whose containers may be anybody's. */
static void waydroid_is_told_by_its_cgroup(void **state)
{
	struct fake *fake = *state;
	struct row start = {.pid = 10,
			    .parent = 1,
			    .executable = "/usr/bin/lxc-start",
			    ARGUMENTS("lxc-start\0-F\0-n\0waydroid")};
	struct row init = web1_init;

	init.cgroup = "/lxc.payload.waydroid";
	fake_start(fake, &start);
	fake_start(fake, &init);
	members_work(fake->registry);
	assert_is(fake, 11, "waydroid", "waydroid", KIND_CONTAINER);
	registry_rescan(fake->registry);
	members_work(fake->registry);
	assert_is(fake, 11, "waydroid", "waydroid", KIND_CONTAINER);
	assert_ptr_equal(fake_guest(fake, 10), fake_guest(fake, 11));
	assert_int_equal(registry_count(fake->registry), 1);
}

static const struct row vmspawn = {.pid = 10,
				   .parent = 1,
				   .executable = "/usr/bin/systemd-vmspawn",
				   ARGUMENTS("systemd-vmspawn\0-M\0attic")};
static const struct row vmspawns_qemu = {.pid = 11,
					 .parent = 10,
					 .executable = "/usr/bin/qemu-system-x86_64",
					 ARGUMENTS("qemu-system-x86_64\0-machine\0q35"),
					 .cgroup = "/user.slice/run-4711.scope"};

/* A VM whose VMM has a supervisor is called as that one says, in a scope or in none. */
static void a_vm_of_vmspawn(void **state)
{
	struct fake *fake = *state;
	struct row qemu = vmspawns_qemu;
	struct cgroup_match match;
	uint32_t id;

	fake_start(fake, &vmspawn);
	fake_start(fake, &vmspawns_qemu);
	assert_is(fake, 11, "vmspawn", "attic", KIND_VM);
	assert_int_equal(fake_guest(fake, 11)->leader, 11);
	id = fake_guest(fake, 11)->id;

	/* machined moves it into a scope, of which no event tells; a socket does. */
	qemu.cgroup = "/machine.slice/machine-attic.scope";
	fake_put(fake, &qemu);
	assert_true(catalogue_cgroup(fake->catalogue, qemu.cgroup, &match));
	assert_int_equal(guests_for_cgroup(fake->registry, &match, NULL)->id, id);
	assert_is(fake, 11, "vmspawn", "attic", KIND_VM);
	registry_rescan(fake->registry);
	members_work(fake->registry);
	assert_is(fake, 11, "vmspawn", "attic", KIND_VM);
	assert_int_equal(fake_guest(fake, 11)->id, id);
	assert_ptr_equal(fake_guest(fake, 10), fake_guest(fake, 11));
	assert_int_equal(registry_count(fake->registry), 1);
}

static void vmspawn_is_seen_last(void **state)
{
	struct fake *fake = *state;
	struct row qemu = vmspawns_qemu;

	qemu.cgroup = "/machine.slice/machine-attic.scope";
	fake_put(fake, &vmspawn);
	fake_start(fake, &qemu);
	assert_is(fake, 11, "qemu", "attic", KIND_VM);
	fake_start(fake, &vmspawn);
	assert_is(fake, 11, "vmspawn", "attic", KIND_VM);
	assert_int_equal(registry_count(fake->registry), 1);
}

/* … and so is Kata's, whose shim has an id in the place of a name. */
static void a_vm_of_katas_shim(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &(struct row){.pid = 10,
				       .parent = 1,
				       .executable = "/opt/kata/bin/containerd-shim-kata-v2",
				       ARGUMENTS("containerd-shim-kata-v2\0-id\0" HEX64)});
	fake_start(fake, &vmspawns_qemu);
	assert_is(fake, 11, "kata", "0123456789ab", KIND_VM);
	assert_ptr_equal(fake_guest(fake, 10), fake_guest(fake, 11));
	assert_int_equal(registry_count(fake->registry), 1);
}

/* A VM that a container's supervisor starts, as by a hook, is no container. */
static void a_vm_of_a_containers_supervisor(void **state)
{
	struct fake *fake = *state;
	struct row qemu = vmspawns_qemu;

	fake_start(fake, &root_start);
	fake_start(fake, &root_init);
	qemu.pid = 12;
	qemu.arguments = "qemu\0-name\0other";
	qemu.arguments_length = sizeof("qemu\0-name\0other");
	fake_start(fake, &qemu);
	assert_is(fake, 12, "qemu", "other", KIND_VM);
	assert_is(fake, 11, "lxc", "web", KIND_CONTAINER);
}

/* Of a supervisor elsewhere with the same name a cgroup has nothing. */
static void a_namesake_elsewhere(void **state)
{
	struct fake *fake = *state;
	struct row init = incus_init;

	fake_start(fake, &incus_start);
	init.parent = 1;
	fake_start(fake, &init);
	members_work(fake->registry);
	assert_is(fake, 21, "lxc", "forge", KIND_CONTAINER);
	assert_ptr_not_equal(fake_guest(fake, 20), fake_guest(fake, 21));
}

/* Of two VMs of one name, in no cgroup that says so, each is its own. */
static void two_vms_of_one_name(void **state)
{
	struct fake *fake = *state;
	struct row start = vmspawn, qemu = vmspawns_qemu;

	fake_start(fake, &vmspawn);
	fake_start(fake, &vmspawns_qemu);
	start.pid = 20;
	qemu.pid = 21;
	qemu.parent = 20;
	qemu.cgroup = "/user.slice/user-1000.slice/user@1000.service/app.slice/run-1.scope";
	fake_start(fake, &start);
	fake_start(fake, &qemu);
	members_work(fake->registry);
	assert_ptr_not_equal(fake_guest(fake, 11), fake_guest(fake, 21));
}

/* Its supervisor was killed: the VM is still the same one. */
static void a_vm_outlives_its_supervisor(void **state)
{
	struct fake *fake = *state;
	struct row qemu = vmspawns_qemu;
	uint32_t id;

	fake_start(fake, &vmspawn);
	fake_start(fake, &vmspawns_qemu);
	id = fake_guest(fake, 11)->id;
	qemu.parent = 1;
	fake_put(fake, &qemu);
	fake_remove(fake, 10);
	fake_event(fake, PROCESS_EXIT, 10, 0);
	assert_int_equal(fake_guest(fake, 11)->id, id);
	registry_rescan(fake->registry);
	assert_int_equal(fake_guest(fake, 11)->id, id);
}

/* A section of one's own takes LXC's cgroups over: there is still one guest. */
static void another_section_has_its_cgroup(void **state)
{
	struct fake *fake = *state;
	struct catalogue *other = NULL;
	char path[96];
	FILE *file;

	fake_start(fake, &root_start);
	fake_start(fake, &root_init);
	members_work(fake->registry);
	assert_int_equal(registry_count(fake->registry), 1);
	snprintf(path, sizeof(path), "%s/our.conf", fake->path);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("[our]\nkind = container\ncgroup = lxc.payload.{name}\n", file);
	fclose(file);
	assert_int_equal(catalogue_load(&other, "conf/guests.conf", fake->path, NULL), 0);
	registry_set_catalogue(fake->registry, other);
	members_work(fake->registry);
	registry_rescan(fake->registry);
	members_work(fake->registry);
	assert_int_equal(registry_count(fake->registry), 1);
	registry_set_catalogue(fake->registry, fake->catalogue);
	catalogue_free(other);
}

/* The options of the command inside are none of lxc-execute's. */
static void a_command_has_options_too(void **state)
{
	struct fake *fake = *state;
	struct row start = {.pid = 10,
			    .parent = 1,
			    .executable = "/usr/bin/lxc-execute",
			    ARGUMENTS("lxc-execute\0--name=web\0--\0nice\0-n\0"
				      "10\0make")};

	fake_start(fake, &start);
	fake_start(fake, &root_init);
	members_work(fake->registry);
	assert_int_equal(registry_count(fake->registry), 1);
}

/* lxc-copy names what it copies first. */
static void a_copy_is_called_otherwise(void **state)
{
	struct fake *fake = *state;
	struct row start = {.pid = 10,
			    .parent = 1,
			    .executable = "/usr/bin/lxc-copy",
			    ARGUMENTS("lxc-copy\0-n\0web\0-N\0web2\0-e\0-F")};
	struct row init = root_init;

	init.cgroup = "/lxc.payload.web2";
	fake_start(fake, &start);
	fake_start(fake, &init);
	members_work(fake->registry);
	assert_int_equal(registry_count(fake->registry), 1);
}

/* The guest's own supervisor starts another, as by a hook, whose name has a number more. */
static void a_supervisor_below_a_supervisor(void **state)
{
	struct fake *fake = *state;
	struct row start = root_start, init = web1_init;

	fake_start(fake, &root_start);
	fake_start(fake, &root_init);
	start.pid = 30;
	start.parent = 10;
	start.arguments = "lxc-start\0-n\0web-1";
	start.arguments_length = sizeof("lxc-start\0-n\0web-1");
	init.pid = 31;
	init.parent = 30;
	init.pid_ns = OTHER + 5;
	fake_start(fake, &start);
	fake_start(fake, &init);
	members_work(fake->registry);
	assert_is(fake, 11, "lxc", "web", KIND_CONTAINER);
	assert_is(fake, 31, "lxc", "web-1", KIND_CONTAINER);
	registry_rescan(fake->registry);
	members_work(fake->registry);
	assert_is(fake, 11, "lxc", "web", KIND_CONTAINER);
	assert_is(fake, 31, "lxc", "web-1", KIND_CONTAINER);
	assert_ptr_equal(fake_guest(fake, 30), fake_guest(fake, 31));
}

/* vmspawn's virtiofsd has namespaces of its own, and starts when the VM runs already. */
static void a_vms_helper(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &vmspawn);
	fake_start(fake, &vmspawns_qemu);
	assert_int_equal(fake_guest(fake, 11)->netns, 0);
	fake_start(fake, &(struct row){.pid = 12,
				       .parent = 10,
				       .executable = "/usr/libexec/virtiofsd",
				       .pid_ns = OTHER,
				       .mount_ns = OTHER,
				       .net_ns = OTHER});
	assert_int_equal(fake_guest(fake, 11)->netns, 0);
}

/* The user's supervisor has a copy of itself between it and the container. */
static void both_start_at_once_with_a_copy(void **state)
{
	struct fake *fake = *state;
	struct row copy = user_start, init = user_init;

	fake_start(fake, &root_start);
	fake_start(fake, &user_start);
	copy.pid = 22;
	copy.parent = 20;
	fake_put(fake, &copy);
	fake_event(fake, PROCESS_FORK, 22, 20);
	fake_start(fake, &root_init);
	init.parent = 22;
	fake_start(fake, &init);
	members_work(fake->registry);
	assert_ptr_equal(fake_guest(fake, 22), fake_guest(fake, 21));
	assert_told_apart(fake, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fake_set_up, fake_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_supervisors_there_are_two),
		TEST(one_after_the_other),
		TEST(both_start_at_once),
		TEST(the_container_is_seen_first),
		TEST(the_key_outlives_the_daemon),
		TEST(what_a_supervisor_forks_is_no_other),
		TEST(a_machine_started_by_hand),
		TEST(others_by_their_cgroup),
		TEST(the_cgroup_has_a_number_more),
		TEST(its_supervisor_is_seen_last),
		TEST(a_name_with_a_number),
		TEST(a_title_that_comes_late),
		TEST(incus_is_told_from_lxc),
		TEST(incus_is_told_when_its_supervisor_is_seen_last),
		TEST(waydroid_is_told_by_its_cgroup),
		TEST(a_vm_of_vmspawn),
		TEST(vmspawn_is_seen_last),
		TEST(a_vm_of_katas_shim),
		TEST(a_vm_of_a_containers_supervisor),
		TEST(a_namesake_elsewhere),
		TEST(two_vms_of_one_name),
		TEST(both_start_at_once_with_a_copy),
		TEST(a_vm_outlives_its_supervisor),
		TEST(another_section_has_its_cgroup),
		TEST(a_command_has_options_too),
		TEST(a_copy_is_called_otherwise),
		TEST(a_supervisor_below_a_supervisor),
		TEST(a_vms_helper),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
