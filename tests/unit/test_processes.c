/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The readers of /proc, under a root made by the test and on the test itself. */
#include "kernel/descriptors.h"
#include "kernel/devices.h"
#include "kernel/mappings.h"
#include "kernel/processes.h"
#include "util/array.h"
#include "util/cleanup.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PID 42

static char folder[PATH_MAX];
static int root = -1;

static void full_path(char *path, size_t size, const char *name)
{
	snprintf(path, size, "%s/%d/%s", folder, PID, name);
}

static void put_bytes(const char *name, const void *bytes, size_t length)
{
	char path[PATH_MAX + 64];
	FILE *file;

	full_path(path, sizeof(path), name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static void put_text(const char *name, const char *text)
{
	put_bytes(name, text, strlen(text));
}

static void put_link(const char *name, const char *target)
{
	char path[PATH_MAX + 64];

	full_path(path, sizeof(path), name);
	assert_int_equal(symlink(target, path), 0);
}

static void put_folder(const char *name)
{
	char path[PATH_MAX + 64];

	full_path(path, sizeof(path), name);
	assert_int_equal(mkdir(path, 0700), 0);
}

static int make_root(void **state)
{
	snprintf(folder, sizeof(folder), "/tmp/lhguard-test-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	put_folder("");
	put_folder("ns");
	put_folder("fd");
	put_folder("fdinfo");
	root = processes_open_root(folder);
	return root < 0 ? -1 : 0;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
	return remove(path);
}

static int remove_root(void **state)
{
	close(root);
	return nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* stat, comm and exe of a process with this comm. */
static void put_process(const char *comm)
{
	char stat[512];
	char line[128];

	snprintf(stat, sizeof(stat),
		 "42 (%s) S 7 42 42 34816 42 4194304 1 2 3 4 5 6 7 8 20 0 1 0 123456789012 1 2 3\n",
		 comm);
	snprintf(line, sizeof(line), "%s\n", comm);
	put_text("stat", stat);
	put_text("comm", line);
}

static void reads_a_process(void **state)
{
	struct process process;

	put_process("slirp4netns");
	put_link("exe", "/usr/bin/slirp4netns");
	put_link("ns/pid", "pid:[4026531836]");
	put_link("ns/user", "user:[4026531837]");
	put_link("ns/net", "net:[4026531840]");
	put_link("ns/mnt", "mnt:[18446744073709551615]");
	assert_int_equal(process_read(root, PID, &process), 0);
	assert_int_equal(process.pid, PID);
	assert_int_equal(process.parent, 7);
	assert_true(process.start == 123456789012);
	assert_string_equal(process.comm, "slirp4netns");
	assert_string_equal(process.executable, "/usr/bin/slirp4netns");
	assert_true(process.namespaces.pid == 4026531836);
	assert_true(process.namespaces.user == 4026531837);
	assert_true(process.namespaces.net == 4026531840);
	assert_true(process.namespaces.mount == UINT64_MAX);
}

static void reads_an_odd_comm(void **state)
{
	static const char *const comms[] = {") S 1 1", "a b) R", "one\ntwo", "\n",
					    "",	       "((",	 " 1 2 3"};
	struct process process;

	for (size_t i = 0; i < ARRAY_SIZE(comms); i++) {
		put_process(comms[i]);
		assert_int_equal(process_read(root, PID, &process), 0);
		assert_string_equal(process.comm, comms[i]);
		assert_int_equal(process.parent, 7);
		assert_true(process.start == 123456789012);
	}
	put_process("kworker/u8:2-events_unbound"); /* kernel threads show more than 15 bytes */
	assert_int_equal(process_read(root, PID, &process), 0);
	assert_string_equal(process.comm, "kworker/u8:2-ev");
}

static void refuses_a_broken_stat(void **state)
{
	static const char *const stats[] = {
		"",
		"42",
		"42 (sh",
		"42 (sh)",
		"42 (sh) S",
		"42 (sh) S x 42",
		"42 (sh) S 7 42 42 34816 42 4194304 1 2 3 4 5 6 7 8 20 0 1 0",
		"42 (sh) S 7 42 42 34816 42 4194304 1 2 3 4 5 6 7 8 20 0 1 0 -1 1",
		"42 (sh) S 7 42 42 3 42 4 1 2 3 4 5 6 7 8 20 0 1 0 99999999999999999999 1",
		"42 (sh) S 2147483648 42 42 34816 42 4 1 2 3 4 5 6 7 8 20 0 1 0 5 1",
	};
	struct process process;

	put_process("sh");
	for (size_t i = 0; i < ARRAY_SIZE(stats); i++) {
		put_text("stat", stats[i]);
		assert_int_equal(process_read(root, PID, &process), -EBADMSG);
	}
}

static void cleans_the_executable(void **state)
{
	char path[600];
	struct process process;

	put_process("sh");
	assert_int_equal(process_read(root, PID, &process), 0);
	assert_string_equal(process.executable, ""); /* a kernel thread has none */

	put_link("exe", "/opt/my app (deleted)");
	assert_int_equal(process_read(root, PID, &process), 0);
	assert_string_equal(process.executable, "/opt/my app");

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	snprintf(path + 401, sizeof(path) - 401, "/usr/bin/qemu (deleted)");
	assert_int_equal(unlinkat(root, "42/exe", 0), 0);
	put_link("exe", path);
	assert_int_equal(process_read(root, PID, &process), 0);
	assert_int_equal(strlen(process.executable), sizeof(process.executable) - 1);
	assert_memory_equal(process.executable, "...x", 4);
	assert_string_equal(process.executable + 255 - 14, "x/usr/bin/qemu");
}

/* Its parent has not asked how it ended: a guest's first process may stay so for long. */
static void tells_the_dead(void **state)
{
	static const struct {
		const char *stat;
		bool is_dead;
	} cases[] = {
		{"42 (sh) Z 1 42 42 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 99 0 0\n", true},
		{"42 (sh) X 0 -1 -1 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 0 0 99 0 0\n", true},
		{"42 (sh) S 1 42 42 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 99 0 0\n", false},
		{"42 (a) Z 1) S 1 42 42 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 1 0 99 0 0\n", false},
		/* its first thread has ended, and others live on */
		{"42 (sh) Z 1 42 42 0 -1 4194304 1 2 3 4 5 6 7 8 20 0 3 0 99 0 0\n", false},
	};
	struct process process;

	put_process("sh");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		put_text("stat", cases[i].stat);
		assert_int_equal(process_read(root, PID, &process), 0);
		assert_int_equal(process.is_dead, cases[i].is_dead);
	}
}

static void tells_what_is_missing(void **state)
{
	struct process process;
	struct namespaces namespaces;
	char text[64];

	assert_int_equal(process_read(root, 43, &process), -ESRCH);
	assert_int_equal(process_read(root, 0, &process), -ESRCH);
	assert_int_equal(process_read(root, -1, &process), -ESRCH);
	assert_int_equal(process_read(root, PID, &process), -ESRCH); /* no stat */
	assert_int_equal(process_arguments(root, PID, text, sizeof(text)), -ESRCH);
	assert_int_equal(process_cgroup(root, PID, text, sizeof(text)), -ESRCH);
	assert_int_equal(process_namespaces(root, 43, &namespaces), -ESRCH);

	put_link("ns/net", "net:[12x]");
	put_link("ns/pid", "user:[12]");
	put_link("ns/user", "user:[");
	put_link("ns/mnt", "mnt:[99999999999999999999]");
	assert_int_equal(process_namespaces(root, PID, &namespaces), 0);
	assert_true(namespaces.net == 0);
	assert_true(namespaces.pid == 0);
	assert_true(namespaces.user == 0);
	assert_true(namespaces.mount == 0);
}

static void reads_arguments(void **state)
{
	static char large[10240];
	char buffer[4096];

	put_bytes("cmdline", "qemu\0-name\0dev box\0", 19);
	assert_int_equal(process_arguments(root, PID, buffer, sizeof(buffer)), 19);
	assert_memory_equal(buffer, "qemu\0-name\0dev box\0", 19);

	put_bytes("cmdline", "sshd: me", 8); /* overwritten, without the last NUL */
	assert_int_equal(process_arguments(root, PID, buffer, sizeof(buffer)), 9);
	assert_string_equal(buffer, "sshd: me");

	put_bytes("cmdline", "", 0);
	assert_int_equal(process_arguments(root, PID, buffer, sizeof(buffer)), 0);

	memset(large, 'a', sizeof(large));
	put_bytes("cmdline", large, sizeof(large));
	memset(buffer, 'b', sizeof(buffer));
	assert_int_equal(process_arguments(root, PID, buffer, sizeof(buffer)), sizeof(buffer));
	assert_int_equal(buffer[sizeof(buffer) - 1], '\0');
	assert_int_equal(process_arguments(root, PID, buffer, 0), -EINVAL);
}

static void finds_the_cgroup2_line(void **state)
{
	char path[64];

	put_text("cgroup", "12:cpu,cpuacct:/docker/x\n1:name=systemd:/0::/evil\n0::/web.slice\n"
			   "00::/no\n0::/second\n");
	assert_int_equal(process_cgroup(root, PID, path, sizeof(path)), 0);
	assert_string_equal(path, "/web.slice");

	put_text("cgroup", "3:pids:/a\n0::/last without newline");
	assert_int_equal(process_cgroup(root, PID, path, sizeof(path)), 0);
	assert_string_equal(path, "/last without newline");

	put_text("cgroup", "3:pids:/only/v1\n0:");
	assert_int_equal(process_cgroup(root, PID, path, sizeof(path)), -ENODATA);
	put_text("cgroup", "");
	assert_int_equal(process_cgroup(root, PID, path, sizeof(path)), -ENODATA);

	put_text("cgroup", "0::/1234567");
	assert_int_equal(process_cgroup(root, PID, path, 9), 0);
	assert_string_equal(path, "/1234567");
	assert_int_equal(process_cgroup(root, PID, path, 8), -ENAMETOOLONG);
}

static int count_pids(void *data, pid_t pid)
{
	*(int *)data += pid;
	return pid == 7;
}

static void visits_pids_only(void **state)
{
	static const char *const names[] = {"self", "1", "12a", "0", "-5", "99999999999", "sys"};
	int sum = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(mkdirat(root, names[i], 0700), 0);
	assert_int_equal(processes_each(root, count_pids, &sum), 0);
	assert_int_equal(sum, PID + 1);
	sum = 0;
	assert_int_equal(processes_each(root, count_pids, &sum),
			 0); /* and once more from the start */
	assert_int_equal(sum, PID + 1);
}

static int going; /* so many descriptors, from 1 on, go when one is looked at */

ssize_t __real_readlinkat(int directory, const char *path, char *target, size_t size);
ssize_t __wrap_readlinkat(int directory, const char *path, char *target, size_t size);

ssize_t __wrap_readlinkat(int directory, const char *path, char *target, size_t size)
{
	char name[32];

	for (int i = going; i; i--) {
		snprintf(name, sizeof(name), "%d/fd/%d", PID, i);
		assert_int_equal(unlinkat(root, name, 0), 0);
	}
	going = 0;
	return __real_readlinkat(directory, path, target, size);
}

/* Between the list of its descriptors and the look at the first of them. */
static void ends_under_our_eyes(void **state)
{
	unsigned int budget = 10000;
	int hint = -1;

	put_link("fd/1", "socket:[1001]");
	put_link("fd/2", "socket:[1002]");
	going = 2;
	assert_int_equal(process_holds_socket(root, PID, 1001, &hint, &budget), SOCKET_HOLDER_ENDS);

	/* One that goes on has only closed some. */
	put_link("fd/1", "socket:[1001]");
	put_link("fd/2", "socket:[1002]");
	put_link("fd/3", "pipe:[1]");
	going = 2;
	assert_int_equal(process_holds_socket(root, PID, 1001, &hint, &budget), SOCKET_NOT_HELD);
}

static void finds_a_socket(void **state)
{
	char name[32];
	char link[32];
	unsigned int budget = 10000;
	int hint = -1;

	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "fd/%d", i);
		snprintf(link, sizeof(link), "socket:[%d]", 100000 + i);
		put_link(name, link);
	}
	assert_int_equal(process_holds_socket(root, PID, 101234, &hint, &budget), SOCKET_HELD);
	assert_int_equal(hint, 1234);
	budget = 1;
	assert_int_equal(process_holds_socket(root, PID, 101234, &hint, &budget), SOCKET_HELD);
	assert_int_equal(budget, 0);
	assert_int_equal(process_holds_socket(root, PID, 101234, &hint, &budget),
			 SOCKET_SEARCH_CUT);

	budget = 2;
	assert_int_equal(process_holds_socket(root, PID, 5, &hint, &budget), SOCKET_SEARCH_CUT);
	budget = 10000;
	assert_int_equal(process_holds_socket(root, PID, 10123, &hint, &budget), SOCKET_NOT_HELD);
	assert_int_equal(budget, 10000 - 3000 - 1); /* the hint is read twice */
	assert_int_equal(process_holds_socket(root, 43, 5, &hint, &budget), SOCKET_NOT_HELD);

	/* One that ends: what was found before is gone, and all else. */
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "%d/fd/%d", PID, i);
		assert_int_equal(unlinkat(root, name, 0), 0);
	}
	budget = 10000;
	assert_int_equal(process_holds_socket(root, PID, 5, &hint, &budget), SOCKET_HOLDER_ENDS);
	hint = -1;
	assert_int_equal(process_holds_socket(root, PID, 5, &hint, &budget), SOCKET_HOLDER_ENDS);
}

/* A process with one socket of that sort, 0: with none. */
static bool may_hold(int family, int type)
{
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC), ready[2];
	bool result;
	pid_t child;
	char byte;

	assert_int_equal(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		int null = open("/dev/null", O_RDWR);

		if (dup2(null, 0) || dup2(null, 1) != 1 || dup2(ready[1], 2) != 2 ||
		    close_range(3, ~0u, 0) || (family && socket(family, type, 0) < 0) ||
		    write(2, "x", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_true(child > 0);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	result = process_may_hold_inet(proc, child);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	assert_false(process_may_hold_inet(proc, child)); /* it has ended */
	close(proc);
	return result;
}

static void tells_sockets_that_packets_come_from(void **state)
{
	assert_false(may_hold(0, 0));
	assert_false(may_hold(AF_UNIX, SOCK_STREAM));
	assert_false(may_hold(AF_NETLINK, SOCK_RAW));
	assert_true(may_hold(AF_INET, SOCK_DGRAM));
	assert_true(may_hold(AF_INET6, SOCK_STREAM));
}

static void finds_a_tap(void **state)
{
	put_link("fd/3", "/dev/net/tun");
	put_text("fdinfo/3", "pos:\t0\nflags:\t02\niff:\ttap10\n");
	put_link("fd/4", "/dev/null");
	put_text("fdinfo/4", "iff:\tforged\n");
	put_link("fd/5", "/net/tun"); /* its mount has been detached */
	put_text("fdinfo/5", "iff:\tvnet0\n");
	put_link("fd/6", "/dev/net/tun"); /* not attached to a device */
	put_text("fdinfo/6", "pos:\t0\niff:\t\n");
	put_link("fd/7", "anon_inode:kvm-vm");
	assert_int_equal(process_holds_tap(root, PID, "tap10", 0), 1);
	assert_int_equal(process_holds_tap(root, PID, "vnet0", 0), 1);
	assert_int_equal(process_holds_tap(root, PID, "tap1", 0), 0);
	assert_int_equal(process_holds_tap(root, PID, "forged", 0), 0);
}

static void tells_what_it_holds(void **state)
{
	struct holdings holdings;

	put_link("fd/0", "/dev/null");
	put_link("fd/1", "/tmp/anon_inode:kvm-vm");
	put_link("fd/2", "anon_inode:kvm-vcpu:0");
	put_link("fd/3", "/dev/vboxdrvu");
	assert_int_equal(process_holdings(root, PID, 1, &holdings), 0);
	assert_false(holdings.kvm_vm || holdings.virtualbox || holdings.vmware);
	put_link("fd/4", "anon_inode:kvm-vm");
	put_link("fd/5", "/dev/vboxdrv");
	put_link("fd/6", "/dev/vmmon");
	assert_int_equal(process_holdings(root, PID, 1, &holdings), 0);
	assert_true(holdings.kvm_vm && holdings.virtualbox && holdings.vmware);
	assert_int_equal(process_holdings(root, PID + 1, 1, &holdings), -ESRCH);
}

/* A descriptor that is called like the driver's device is compared with what the kernel says. */
static void a_drivers_device_is_no_matter_of_its_name(void **state)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	char path[PATH_MAX + 32], misc[PATH_MAX + 32];
	FILE *file;

	assert_true(null >= 0);
	snprintf(path, sizeof(path), "%s/%d", folder, getpid());
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/%d/fd", folder, getpid());
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/%d/fd/%d", folder, getpid(), null);
	assert_int_equal(symlink("/dev/vboxdrv", path), 0);
	assert_int_equal(process_holds_driver(root, getpid(), "vboxdrv"), 0); /* not loaded */
	snprintf(misc, sizeof(misc), "%s/misc", folder);
	file = fopen(misc, "w");
	assert_non_null(file);
	fprintf(file, "200 tun\n  3 vboxdrv\n"); /* 1:3 is what is held */
	fclose(file);
	assert_int_equal(process_holds_driver(root, getpid(), "vboxdrv"), 0);
	assert_int_equal(process_holds_driver(root, getpid() + 1, "vboxdrv"), -ESRCH);
	close(null);
}

/* What process_each_library() told of, joined. */
static char libraries[512];

static bool note_library(void *data, const char *path)
{
	size_t used = strlen(libraries);

	snprintf(libraries + used, sizeof(libraries) - used, "%s;", path);
	return data && !strcmp(path, data);
}

static void lists_libraries(void **state)
{
	char text[PATH_MAX * 2];
	size_t used;

	put_text("maps", "00400000-0045 r--p 00000000 fe:01 1     /usr/bin/a\n"
			 "00450000-0046 r-xp 00000000 fe:01 1     /usr/bin/a\n"
			 "00460000-0047 rwxp 00000000 00:00 0 \n"
			 "00470000-0048 r-xp 00000000 00:00 0     [vdso]\n"
			 "00480000-0049 r-xp 00000000 fe:01 2     /lib/b r-xp.so (deleted)\n"
			 "00490000-0050 r-xp 00000000 fe:01 3     /lib/c.so");
	libraries[0] = '\0';
	assert_int_equal(process_each_library(root, PID, note_library, NULL), 0);
	assert_string_equal(libraries, "/usr/bin/a;/lib/b r-xp.so (deleted);");
	libraries[0] = '\0';
	assert_int_equal(process_each_library(root, PID, note_library, "/usr/bin/a"), 1);
	assert_string_equal(libraries, "/usr/bin/a;");
	assert_int_equal(process_each_library(root, PID + 1, note_library, NULL), -ESRCH);

	/* A line that no path of the kernel's can make that long. */
	memset(text, 'x', sizeof(text));
	memcpy(text, "1-2 r-xp 0 0:0 1 /", 18);
	used = sizeof(text) - sizeof("\n1-2 r-xp 0 0:0 1 /d\n");
	strcpy(text + used, "\n1-2 r-xp 0 0:0 1 /d\n");
	put_text("maps", text);
	libraries[0] = '\0';
	assert_int_equal(process_each_library(root, PID, note_library, NULL), 0);
	assert_string_equal(libraries, "/d;");
}

static bool is_libc(void *data, const char *path)
{
	return strstr(path, "/libc.so") || strstr(path, "/libc-");
}

/* The test itself, in the real /proc. */
static void agrees_with_the_kernel(void **state)
{
	_cleanup_close_ int proc = processes_open_root("/proc");
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct process process;
	struct stat status;
	struct holdings holdings;
	unsigned int budget = 1000;
	int hint = -1;
	char text[4096];

	assert_true(proc >= 0);
	assert_int_equal(process_read(proc, getpid(), &process), 0);
	assert_int_equal(process.parent, getppid());
	assert_true(process.start > 0);
	assert_int_equal(process.executable[0], '/');
	assert_int_equal(stat("/proc/self/ns/net", &status), 0);
	assert_true(process.namespaces.net == status.st_ino);
	assert_true(process_arguments(proc, getpid(), text, sizeof(text)) > 0);
	assert_int_equal(fstat(fd, &status), 0);
	assert_int_equal(
		process_holds_socket(proc, getpid(), (uint32_t)status.st_ino, &hint, &budget),
		SOCKET_HELD);
	assert_int_equal(hint, fd);
	assert_int_equal(process_holdings(proc, getpid(), process.namespaces.net, &holdings), 0);
	assert_true(holdings.tap_netns == 0);
	assert_true(process_each_library(proc, getpid(), is_libc, NULL) == 1);
	assert_true(process_exists(proc, getpid()));
	assert_false(process_exists(proc, INT_MAX));
}

/* The file itself counts, not what it is called. */
static void knows_the_hosts_files(void **state)
{
	_cleanup_close_ int proc = processes_open_root("/proc");
	struct process process;

	assert_int_equal(process_read(proc, getpid(), &process), 0);
	assert_false(process_runs_hosts_file(proc, &process)); /* a test is none of the system's */
	strcpy(process.executable, "/usr/bin/env");
	assert_false(process_runs_hosts_file(proc, &process));
	put_process("env");
	put_link("exe", "/usr/bin/env");
	assert_int_equal(process_read(root, PID, &process), 0);
	assert_true(process_runs_hosts_file(root, &process));
	strcpy(process.executable, "/tmp/env");
	assert_false(process_runs_hosts_file(root, &process));
	strcpy(process.executable, "/usr/bin/no such file");
	assert_false(process_runs_hosts_file(root, &process));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_root, remove_root)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reads_a_process),
		TEST(reads_an_odd_comm),
		TEST(refuses_a_broken_stat),
		TEST(cleans_the_executable),
		TEST(tells_the_dead),
		TEST(tells_what_is_missing),
		TEST(reads_arguments),
		TEST(finds_the_cgroup2_line),
		TEST(visits_pids_only),
		TEST(ends_under_our_eyes),
		TEST(finds_a_socket),
		TEST(tells_sockets_that_packets_come_from),
		TEST(finds_a_tap),
		TEST(tells_what_it_holds),
		TEST(lists_libraries),
		TEST(a_drivers_device_is_no_matter_of_its_name),
		TEST(agrees_with_the_kernel),
		TEST(knows_the_hosts_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
