// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/checks: each state of a host that lhguard doctor can tell from files, once so and once so. */
#include "cli/checks.h"
#include "fake_proc.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct host {
	struct fake fake; /* only its path */
	struct examination examination;
	struct diagnosis diagnosis;
};

static int set_up(void **state)
{
	struct host *host = calloc(1, sizeof(*host));

	strcpy(host->fake.path, "/tmp/lhguard-checks-XXXXXX");
	if (!mkdtemp(host->fake.path))
		return -1;
	host->examination = (struct examination){
		.proc = processes_open_root(host->fake.path),
		.sysctl = host->fake.path,
		.netns = HOST,
		.is_inside = true,
	};
	*state = host;
	return host->examination.proc < 0;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
	return remove(path);
}

static int tear_down(void **state)
{
	struct host *host = *state;

	json_decref(host->diagnosis.found);
	close(host->examination.proc);
	nftw(host->fake.path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(host);
	return 0;
}

static const struct check *named(const char *name)
{
	for (size_t i = 0; i < check_count; i++)
		if (!strcmp(checks[i].name, name))
			return &checks[i];
	fail_msg("there is no check %s", name);
	return NULL;
}

static void examine(struct host *host, const char *name)
{
	json_decref(host->diagnosis.found);
	host->diagnosis = (struct diagnosis){.found = json_array()};
	named(name)->examine(&host->examination, &host->diagnosis);
}

/* The check says this, and one of its texts has these words. */
static void assert_found(struct host *host, const char *name, enum health health, const char *words)
{
	const json_t *text;
	size_t i;

	examine(host, name);
	if (host->diagnosis.health != health)
		fail_msg("%s: health %d: %s", name, host->diagnosis.health,
			 json_dumps(host->diagnosis.found, 0));
	if (!words) {
		assert_int_equal(json_array_size(host->diagnosis.found), 0);
		return;
	}
	json_array_foreach(host->diagnosis.found, i,
			   text) if (strstr(json_string_value(text), words)) return;
	fail_msg("%s: \"%s\" is not in %s", name, words, json_dumps(host->diagnosis.found, 0));
}

/* Files below the host's folder; the folders on the way are made. */
static void put(struct host *host, const char *name, const char *text)
{
	char path[512];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", host->fake.path, name);
	for (char *slash = path + strlen(host->fake.path) + 1; (slash = strchr(slash, '/'));
	     slash++) {
		*slash = '\0';
		mkdir(path, 0755);
		*slash = '/';
	}
	file = fopen(path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

#define RUN(host, number, path, text)                                                              \
	fake_put(&(host)->fake,                                                                    \
		 &(struct row){                                                                    \
			 .pid = (number), .parent = 1, .executable = (path), ARGUMENTS(text)})

static void every_check_has_a_name_of_its_own(void **state)
{
	for (size_t i = 0; i < check_count; i++) {
		assert_non_null(checks[i].examine);
		assert_int_equal(strspn(checks[i].name, "abcdefghijklmnopqrstuvwxyz0123456789-"),
				 strlen(checks[i].name));
		assert_ptr_equal(named(checks[i].name), &checks[i]);
	}
}

static void slirp4netns_is_told_by_its_options(void **state)
{
	struct host *host = *state;

	assert_found(host, "slirp4netns", HEALTH_OK, NULL);
	RUN(host, 10, "/usr/bin/slirp4netns",
	    "slirp4netns\0--configure\0--disable-host-loopback\0");
	assert_found(host, "slirp4netns", HEALTH_OK, NULL);
	RUN(host, 11, "/usr/bin/slirp4netns", "slirp4netns\0--configure\0007\0tap0");
	assert_found(host, "slirp4netns", HEALTH_WARNING,
		     "slirp4netns (pid 11): no --disable-host-loopback");
	assert_int_equal(json_array_size(host->diagnosis.found), 1);
	/* That of another network namespace is no business of this one's. */
	fake_put(&host->fake, &(struct row){.pid = 11,
					    .parent = 1,
					    .executable = "/usr/bin/slirp4netns",
					    .net_ns = OTHER,
					    ARGUMENTS("slirp4netns")});
	assert_found(host, "slirp4netns", HEALTH_OK, NULL);
	RUN(host, 11, "/usr/bin/slirp4netns", "");
	fake_put(&host->fake,
		 &(struct row){.pid = 12, .parent = 1, .executable = "/usr/bin/slirp4netns"});
	assert_found(host, "slirp4netns", HEALTH_WARNING, "pid 11");
	assert_found(host, "slirp4netns", HEALTH_WARNING, "(pid 12): its arguments cannot be read");
}

static void pasta_is_told_by_its_options(void **state)
{
	static const char closed[] =
		"pasta\0-t\0none\0-unone\0--tcp-ns=none\0--udp-ns\0none\0--no-map-gw\0--netns\0/x";
	struct host *host = *state;

	assert_found(host, "pasta", HEALTH_OK, NULL);
	fake_put(&host->fake, &(struct row){.pid = 20,
					    .parent = 1,
					    .executable = "/usr/bin/passt.avx2",
					    ARGUMENTS(closed)});
	assert_found(host, "pasta", HEALTH_OK, NULL);
	RUN(host, 20, "/usr/bin/passt.avx2", "/usr/bin/pasta\0--config-net");
	assert_found(host, "pasta", HEALTH_WARNING, "-T auto");
	assert_found(host, "pasta", HEALTH_WARNING, "-U auto");
	assert_found(host, "pasta", HEALTH_WARNING, "-t auto");
	assert_found(host, "pasta", HEALTH_WARNING, "no --no-map-gw");
	RUN(host, 20, "/usr/bin/pasta",
	    "pasta\0-t\0none\0-u\0none\0-T\0005432\0-U\0none\0--map-host-loopback\000169.254.1.1\0"
	    "--host-lo-to-ns-lo");
	assert_found(host, "pasta", HEALTH_WARNING, "-T 5432: TCP ports of its loopback");
	assert_found(host, "pasta", HEALTH_WARNING, "--map-host-loopback 169.254.1.1");
	assert_found(host, "pasta", HEALTH_WARNING, "--host-lo-to-ns-lo");
	assert_int_equal(json_array_size(host->diagnosis.found), 3);
	RUN(host, 20, "/usr/bin/passt", "passt\0--no-map-gw\0-t\0002222");
	assert_found(host, "pasta", HEALTH_WARNING, "-t 2222: its TCP ports are open on this host");
	assert_int_equal(json_array_size(host->diagnosis.found), 1);
	RUN(host, 20, "/usr/bin/passt", "passt\0--map-host-loopback\0none\0--vhost-user");
	assert_found(host, "pasta", HEALTH_OK, NULL);
}

static void put_machine(struct host *host, const char *settings)
{
	char log[160], root[160];

	put(host, "home/box/Logs/VBox.log", "");
	put(host, "home/box/box.vbox", settings);
	snprintf(log, sizeof(log), "%s/home/box/Logs/VBox.log", host->fake.path);
	fake_put(&host->fake,
		 &(struct row){.pid = 30,
			       .parent = 1,
			       .executable = "/usr/lib/virtualbox/VBoxHeadless",
			       .links = {log},
			       ARGUMENTS("VBoxHeadless\0--comment\0box\0--startvm\0box")});
	snprintf(root, sizeof(root), "%s/30/root", host->fake.path);
	unlink(root);
	assert_int_equal(symlink("/", root), 0);
}

static void virtualbox_is_told_by_its_settings(void **state)
{
	struct host *host = *state;

	assert_found(host, "virtualbox", HEALTH_OK, NULL);
	put_machine(host, "<Adapter slot=\"0\"><NAT localhost-reachable=\"false\"/></Adapter>");
	assert_found(host, "virtualbox", HEALTH_OK, NULL);
	put_machine(host, "<Adapter slot=\"0\"><NAT localhost-reachable=\"true\"/></Adapter>");
	assert_found(host, "virtualbox", HEALTH_WARNING, "box.vbox: LocalhostReachable");
	put_machine(host, "<NAT><Forwarding name=\"ssh\" proto=\"1\" hostport=\"2222\" "
			  "guestport=\"22\"/></NAT>");
	assert_found(host, "virtualbox", HEALTH_WARNING, "natpf: port 2222 of this host");
	assert_int_equal(json_array_size(host->diagnosis.found), 1);
	RUN(host, 31, "/usr/lib/virtualbox/VirtualBoxVM", "VirtualBoxVM\0--startvm\0other");
	assert_found(host, "virtualbox", HEALTH_WARNING,
		     "VirtualBoxVM (pid 31): its configuration cannot be found");
}

static void route_localnet_is_told_by_interface(void **state)
{
	struct host *host = *state;

	assert_found(host, "route-localnet", HEALTH_UNKNOWN, "net/ipv4/conf");
	put(host, "net/ipv4/conf/all/route_localnet", "0\n");
	put(host, "net/ipv4/conf/br0/route_localnet", "0\n");
	assert_found(host, "route-localnet", HEALTH_OK, NULL);
	put(host, "net/ipv4/conf/br0/route_localnet", "1\n");
	assert_found(host, "route-localnet", HEALTH_WARNING, "br0");
	assert_int_equal(json_array_size(host->diagnosis.found), 1);
	host->examination.is_inside = false;
	assert_found(host, "route-localnet", HEALTH_UNKNOWN, "another network namespace");
}

static void bridge_netfilter_is_told(void **state)
{
	struct host *host = *state;

	assert_found(host, "bridge-netfilter", HEALTH_OK, "not loaded");
	put(host, "net/bridge/bridge-nf-call-iptables", "0\n");
	assert_found(host, "bridge-netfilter", HEALTH_OK, "is off");
	put(host, "net/bridge/bridge-nf-call-iptables", "1\n");
	assert_found(host, "bridge-netfilter", HEALTH_OK, "is on");
}

static void containers_on_the_hosts_network_are_told(void **state)
{
	json_t *guests =
		json_loads("[{\"kind\":\"vm\",\"label\":\"vm:dev\",\"netns\":null},"
			   "{\"kind\":\"container\",\"label\":\"container:own\",\"netns\":7}]",
			   0, NULL);
	struct host *host = *state;

	assert_found(host, "host-network", HEALTH_UNKNOWN, "cannot be asked");
	host->examination.guests = guests;
	assert_found(host, "host-network", HEALTH_OK, NULL);
	json_array_append_new(
		guests,
		json_loads("{\"kind\":\"container\",\"label\":\"container:web\"}", 0, NULL));
	assert_found(host, "host-network", HEALTH_WARNING, "container:web");
	assert_int_equal(json_array_size(host->diagnosis.found), 1);
	json_decref(guests);
}

static void capabilities_are_told_one_by_one(void **state)
{
	struct host *host = *state;
	char name[64];

	assert_found(host, "capabilities", HEALTH_UNKNOWN, "not running");
	host->examination.daemon = 40;
	assert_found(host, "capabilities", HEALTH_UNKNOWN, "40 cannot be looked at");
	put(host, "40/status", "Name:\tlhguardd\nCapEff:\t0000000000081004\n");
	assert_found(host, "capabilities", HEALTH_OK, NULL);
	put(host, "40/status", "Name:\tlhguardd\nCapEff:\t0000000000080004\n");
	assert_found(host, "capabilities", HEALTH_PROBLEM,
		     "lhguardd (pid 40) has no CAP_NET_ADMIN");
	assert_int_equal(json_array_size(host->diagnosis.found), 1);
	snprintf(name, sizeof(name), "%d/status", (int)getpid());
	put(host, name, "CapEff:\t0000000000081004\n");
	assert_found(host, "own-view", HEALTH_OK, NULL);
	put(host, name, "CapEff:\t0000000000000000\n");
	assert_found(host, "own-view", HEALTH_WARNING, "lhguard has no CAP_SYS_PTRACE");
}

/* What the daemon found out it is asked. */
static void the_kernel_is_what_the_daemon_says(void **state)
{
	json_t *status = json_loads("{\"expression\":\"compat\",\"kernel\":{\"socketCgroup\":true,"
				    "\"localSource\":true,\"cgroups\":true,\"kvmEvents\":true}}",
				    0, NULL);
	json_t *kernel = json_object_get(status, "kernel");
	struct host *host = *state;

	host->examination.status = status;
	assert_found(host, "queue-expression", HEALTH_OK, "xtables target NFQUEUE");
	assert_found(host, "socket-cgroup", HEALTH_OK, NULL);
	assert_found(host, "local-source", HEALTH_OK, NULL);
	assert_found(host, "cgroups", HEALTH_OK, NULL);
	assert_found(host, "process-events", HEALTH_OK, NULL);
	json_object_set_new(status, "expression", json_string("native"));
	json_object_set_new(kernel, "socketCgroup", json_false());
	json_object_set_new(kernel, "localSource", json_false());
	json_object_set_new(kernel, "cgroups", json_false());
	assert_found(host, "queue-expression", HEALTH_OK, "queue expression of nf_tables");
	assert_found(host, "socket-cgroup", HEALTH_WARNING, "refuses socket cgroupv2");
	assert_found(host, "local-source", HEALTH_WARNING, "refuses fib saddr type");
	assert_found(host, "cgroups", HEALTH_WARNING, "none");
	json_object_del(status, "kernel");
	assert_found(host, "socket-cgroup", HEALTH_UNKNOWN, "does not say");
	json_decref(status);
}

static void a_name_of_any_bytes_is_text(void **state)
{
	struct host *host = *state;

	RUN(host, 11, "/usr/bin/slirp4netns.\xff", "slirp4netns");
	assert_found(host, "slirp4netns", HEALTH_WARNING, "pid 11");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(every_check_has_a_name_of_its_own),
		TEST(slirp4netns_is_told_by_its_options),
		TEST(pasta_is_told_by_its_options),
		TEST(virtualbox_is_told_by_its_settings),
		TEST(route_localnet_is_told_by_interface),
		TEST(bridge_netfilter_is_told),
		TEST(containers_on_the_hosts_network_are_told),
		TEST(capabilities_are_told_one_by_one),
		TEST(the_kernel_is_what_the_daemon_says),
		TEST(a_name_of_any_bytes_is_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
