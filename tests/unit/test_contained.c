// SPDX-License-Identifier: GPL-2.0-or-later
/* Processes in namespaces of their own that no cgroup tells of: the host's, or whose. */
#include "fake_proc.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define USER_UNIT "/user.slice/user-1000.slice/user@1000.service/app.slice/box.service"

static const struct row manager = {
	.pid = 20, .parent = 1, .executable = "/usr/lib/systemd/systemd"};

/* What systemd has put into namespaces is the host's: PrivateUsers=, PrivatePIDs= and PrivateTmp=. */
static void a_service_is_the_hosts(void **state)
{
	struct fake *fake = *state;

	fake_put(fake, &manager);
	fake_start(fake, &(struct row){.pid = 21,
				       .parent = 20,
				       .executable = "/srv/shop/server",
				       .pid_ns = OTHER,
				       .user_ns = OTHER,
				       .mount_ns = OTHER,
				       .cgroup = "/system.slice/nginx.service"});
	assert_null(members_find(fake->registry, 21));
	registry_rescan(fake->registry);
	assert_null(members_find(fake->registry, 21));
}

/* "crun run -d" in a unit of Type=forking: what started the container has ended. */
static void a_container_in_a_unit_is_none(void **state)
{
	struct fake *fake = *state;

	fake_put(fake, &manager);
	fake_put(fake, &(struct row){.pid = 21,
				     .parent = 20,
				     .executable = "/usr/bin/agent",
				     .has_own_root = true,
				     .pid_ns = OTHER,
				     .user_ns = OTHER,
				     .mount_ns = OTHER,
				     .cgroup = USER_UNIT});
	registry_rescan(fake->registry);
	assert_non_null(fake_guest(fake, 21));
	assert_string_equal(fake_guest(fake, 21)->name, "pidns-200");
	assert_true(fake_guest(fake, 21)->is_numbered);
	assert_true(fake_is_suspect(fake, 21));
}

static const struct row supervisor = {.pid = 10,
				      .parent = 1,
				      .executable = "/usr/bin/conmon",
				      ARGUMENTS("conmon\0-c\0" HEX64 "\0-n\0shop")};
static const struct row shop = {
	.pid = 11, .parent = 10, .executable = "/bin/sh", .pid_ns = OTHER, .mount_ns = OTHER};

static void set_threads(const struct fake *fake, pid_t pid, int count)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%d/task", fake->path, pid);
	mkdir(path, 0755);
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%d/task/%d", fake->path, pid, pid + i);
		mkdir(path, 0755);
	}
}

/* A child whose parent has ended by the time that it becomes another program. */
static struct row fork_orphan(const struct fake *fake, const struct row *parent, pid_t pid)
{
	struct row orphan = *parent;

	orphan.pid = pid;
	orphan.parent = parent->pid;
	fake_put(fake, &orphan);
	fake_event(fake, PROCESS_FORK, pid, parent->pid);
	assert_ptr_equal(fake_guest(fake, pid), fake_guest(fake, parent->pid));
	orphan.parent = 1;
	orphan.executable = "/bin/evil";
	fake_put(fake, &orphan);
	return orphan;
}

static void assert_name(const struct fake *fake, pid_t pid, const char *name)
{
	assert_non_null(fake_guest(fake, pid));
	assert_string_equal(fake_guest(fake, pid)->name, name);
}

/* The kernel tells of the first thread's end, and then of the exec in the place of it. */
static void an_exec_by_another_thread(void **state)
{
	struct fake *fake = *state;

	fake_start(fake, &supervisor);
	fake_start(fake, &shop);
	fork_orphan(fake, &shop, 12);
	set_threads(fake, 12, 1);
	fake_event(fake, PROCESS_EXIT, 12, 0);
	assert_name(fake, 12, "shop");
	fake_event(fake, PROCESS_EXEC, 12, 0);
	assert_name(fake, 12, "shop");
	assert_int_equal(fake->registry->headless, 0);

	/* Here the event comes before the others are gone. */
	fork_orphan(fake, &shop, 13);
	set_threads(fake, 13, 2);
	fake_event(fake, PROCESS_EXIT, 13, 0);
	assert_int_equal(fake->registry->headless, 1);
	fake_event(fake, PROCESS_EXEC, 13, 0);
	assert_name(fake, 13, "shop");
	assert_int_equal(fake->registry->headless, 0);
}

/* Its memory has gone when the event is sent: so it is an end. */
static void an_end_is_an_end(void **state)
{
	struct fake *fake = *state;
	char path[128];

	fake_start(fake, &supervisor);
	fake_start(fake, &shop);
	set_threads(fake, 11, 1);
	snprintf(path, sizeof(path), "%s/11/exe", fake->path);
	assert_int_equal(unlink(path), 0);
	fake_event(fake, PROCESS_EXIT, 11, 0);
	assert_null(members_find(fake->registry, 11));
}

/* Lost events make nobody another's. */
static void everything_is_read_anew(void **state)
{
	struct fake *fake = *state;
	struct row again;

	fake_start(fake, &supervisor);
	fake_start(fake, &shop);
	fork_orphan(fake, &shop, 12);
	fake_event(fake, PROCESS_EXEC, 12, 0);
	again = fork_orphan(fake, &shop, 13);
	registry_rescan(fake->registry);
	assert_name(fake, 12, "shop");
	assert_name(fake, 13, "shop");
	registry_rescan(fake->registry);
	assert_name(fake, 12, "shop");
	assert_true(fake_is_suspect(fake, 12));

	/* The number is another's by now. */
	members_find(fake->registry, 13)->started_by = 13 * 10 - 1;
	again.pid_ns = OTHER + 1;
	fake_put(fake, &again);
	registry_rescan(fake->registry);
	assert_name(fake, 13, "pidns-201");
	/* It is no answer to a later question. */
	fake_event(fake, PROCESS_EXIT, 12, 0);
	fake_event(fake, PROCESS_EXEC, 12, 0);
	assert_name(fake, 12, "pidns-200");
}

/* With the host's pid and user namespaces, it is no less a sandbox. */
static void a_sandbox_of_mounts_alone(void **state)
{
	struct fake *fake = *state;
	const struct row agent = {
		.pid = 11, .parent = 10, .executable = "/bin/agent", .mount_ns = OTHER};

	fake_start(fake, &(struct row){.pid = 10, .parent = 1, .executable = "/usr/bin/bwrap"});
	fake_start(fake, &agent);
	fork_orphan(fake, &agent, 12);
	fake_event(fake, PROCESS_EXEC, 12, 0);
	assert_ptr_equal(fake_guest(fake, 12), fake_guest(fake, 11));
	fake_start(fake,
		   &(struct row){
			   .pid = 13, .parent = 1, .executable = "/bin/evil", .mount_ns = OTHER});
	assert_ptr_equal(fake_guest(fake, 13), fake_guest(fake, 11));
	registry_rescan(fake->registry);
	assert_ptr_equal(fake_guest(fake, 12), fake_guest(fake, 11));
	assert_ptr_equal(fake_guest(fake, 13), fake_guest(fake, 11));
}

/* The scan reads processes in the order of their numbers, which have begun anew. */
static void the_container_is_read_before_its_supervisor(void **state)
{
	struct fake *fake = *state;
	struct row late = supervisor, child = shop;

	late.pid = 300;
	child.parent = 300;
	fake_put(fake, &late);
	fake_start(fake, &child);
	assert_name(fake, 11, "pidns-200");
	fake_event(fake, PROCESS_EXEC, 300, 0);
	members_look_at(fake->registry, 11);
	assert_name(fake, 11, "shop");
	assert_false(fake_guest(fake, 11)->is_numbered);
	assert_int_equal(registry_count(fake->registry), 1);
}

/* A new line of the catalogue: what was contained for want of a better answer is the host's helper. */
static void a_new_line_makes_it_the_hosts(void **state)
{
	struct fake *fake = *state;
	struct catalogue *other = NULL;
	const struct row helper = {.pid = 30,
				   .parent = 1,
				   .executable = "/usr/bin/ournet",
				   .user_ns = OTHER,
				   .mount_ns = OTHER};
	struct row stranger = helper;
	char path[96];
	FILE *file;

	stranger.pid = 31;
	stranger.executable = "/srv/ournet"; /* only called so */
	stranger.user_ns = OTHER + 1;
	fake_start(fake, &helper);
	fake_start(fake, &stranger);
	assert_string_equal(fake_guest(fake, 30)->runtime, "contained");
	snprintf(path, sizeof(path), "%s/our.conf", fake->path);
	file = fopen(path, "w");
	assert_non_null(file);
	fputs("[our]\nkind = container\nprogram = conduit ournet\n", file);
	fclose(file);
	assert_int_equal(catalogue_load(&other, "conf/guests.conf", fake->path, NULL), 0);
	registry_set_catalogue(fake->registry, other);
	assert_null(fake_guest(fake, 30));
	assert_int_equal(members_find(fake->registry, 30)->program->role, PROGRAM_CONDUIT);
	assert_string_equal(fake_guest(fake, 31)->runtime, "contained");
	registry_set_catalogue(fake->registry, fake->catalogue);
	catalogue_free(other);
}

/* … so the second look at all decides, as in registry_rescan(): by the supervisor, not by the first look. */
static void its_supervisor_has_another_name_by_now(void **state)
{
	struct fake *fake = *state;
	struct row start = {.pid = 50,
			    .parent = 1,
			    .executable = "/usr/bin/systemd-nspawn",
			    ARGUMENTS("systemd-nspawn\0-M\0old")};
	const struct row init = {
		.pid = 40, .parent = 50, .executable = "/sbin/init", .pid_ns = OTHER};

	fake_start(fake, &start);
	fake_start(fake, &init);
	assert_string_equal(fake_guest(fake, 40)->name, "old");
	start.arguments = "systemd-nspawn\0-M\0new";
	fake_put(fake, &start);
	members_clear(fake->registry);
	fake->registry->reads_anew = true;
	for (int pass = 0; pass < 2; pass++) {
		members_look_at(fake->registry, 40);
		members_look_at(fake->registry, 50);
	}
	fake->registry->reads_anew = false;
	assert_string_equal(fake_guest(fake, 50)->name, "new");
	assert_ptr_equal(fake_guest(fake, 40), fake_guest(fake, 50));
	assert_int_equal(registry_count(fake->registry), 1);
}

static void reload(const struct fake *fake)
{
	struct catalogue *same = NULL;

	assert_int_equal(catalogue_load(&same, "conf/guests.conf", fake->path, NULL), 0);
	registry_set_catalogue(fake->registry, same);
	registry_set_catalogue(fake->registry, fake->catalogue);
	catalogue_free(same);
}

/* A guest's process runs a program of the host's, and waits for a reload without a new line. */
static void a_reload_makes_nobody_the_hosts(void **state)
{
	struct fake *fake = *state;
	struct row row = {.pid = 30,
			  .parent = 1,
			  .executable = "/srv/agent",
			  .user_ns = OTHER,
			  .mount_ns = OTHER};

	fake_start(fake, &row);
	assert_string_equal(fake_guest(fake, 30)->runtime, "contained");
	row.executable = "/usr/bin/podman";
	fake_start(fake, &row);
	assert_string_equal(fake_guest(fake, 30)->runtime, "contained");
	registry_rescan(fake->registry);
	assert_non_null(fake_guest(fake, 30));
	reload(fake);
	assert_non_null(fake_guest(fake, 30));
}

/* An orphan of a sandbox in a service: no line, and no program. */
static void a_reload_makes_no_orphan_the_services(void **state)
{
	struct fake *fake = *state;
	struct row init = {.pid = 1, .parent = 0, .executable = "/usr/lib/systemd/systemd"};
	struct row job = {.pid = 30,
			  .parent = 25,
			  .executable = "/srv/agent",
			  .user_ns = OTHER,
			  .cgroup = "/system.slice/ci.service"};
	struct row runner = {.pid = 25,
			     .parent = 1,
			     .executable = "/usr/bin/runner",
			     .cgroup = "/system.slice/ci.service"};

	fake_put(fake, &init);
	fake_put(fake, &runner);
	fake_start(fake, &job);
	assert_string_equal(fake_guest(fake, 30)->runtime, "contained");
	job.pid = 31;
	job.parent = 30;
	fake_put(fake, &job);
	fake_event(fake, PROCESS_FORK, 31, 30);
	job.parent = 1; /* its parent has ended */
	fake_put(fake, &job);
	registry_rescan(fake->registry);
	assert_non_null(fake_guest(fake, 31));
	reload(fake);
	assert_non_null(members_find(fake->registry, 31));
}

/* … nor a helper of another network; its other threads may be in ours. */
static void a_reload_makes_no_thread_the_hosts(void **state)
{
	struct fake *fake = *state;
	struct row row = {.pid = 30, .parent = 1, .executable = "/srv/agent", .user_ns = OTHER};

	fake_start(fake, &row);
	assert_string_equal(fake_guest(fake, 30)->runtime, "contained");
	row.net_ns = OTHER;
	fake_put(fake, &row);
	registry_rescan(fake->registry);
	assert_non_null(fake_guest(fake, 30));
	reload(fake);
	assert_non_null(members_find(fake->registry, 30));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_reload_makes_nobody_the_hosts, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(a_reload_makes_no_orphan_the_services, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(a_reload_makes_no_thread_the_hosts, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(a_service_is_the_hosts, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(a_new_line_makes_it_the_hosts, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(its_supervisor_has_another_name_by_now, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(a_container_in_a_unit_is_none, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(an_exec_by_another_thread, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(an_end_is_an_end, fake_set_up, fake_tear_down),
		cmocka_unit_test_setup_teardown(everything_is_read_anew, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(a_sandbox_of_mounts_alone, fake_set_up,
						fake_tear_down),
		cmocka_unit_test_setup_teardown(the_container_is_read_before_its_supervisor,
						fake_set_up, fake_tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
