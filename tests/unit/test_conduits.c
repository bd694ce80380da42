// SPDX-License-Identifier: GPL-2.0-or-later
/* Whom a conduit serves: real socket pairs, held by processes of a /proc of our own making. */
#include "guests/state.h"

#include "kernel/unix_peers.h"
#include "util/cleanup.h"

#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cmocka.h>

enum { CONDUIT = 100, FIRST_VM = 200, LATER = 60 * 1000000 };

static const struct program gvproxy = {
	.pattern = "gvproxy", .role = PROGRAM_CONDUIT, .runtime = "gvproxy", .kind = KIND_VM};

struct fake {
	char path[64];
	struct registry *registry;
	uint64_t now;
	int next_fd;
};

static void hold(struct fake *fake, pid_t pid, int fd)
{
	char path[128], link[64];
	struct stat status;

	snprintf(path, sizeof(path), "%s/%d", fake->path, pid);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/%d/fd", fake->path, pid);
	mkdir(path, 0755);
	assert_int_equal(fstat(fd, &status), 0);
	snprintf(link, sizeof(link), "socket:[%lu]", (unsigned long)status.st_ino);
	snprintf(path, sizeof(path), "%s/%d/fd/%d", fake->path, pid, fake->next_fd++);
	assert_int_equal(symlink(link, path), 0);
}

static struct suspect *conduit(struct fake *fake)
{
	return &fake->registry->suspects[0];
}

/* A VM's, which no other name has. */
static const struct guest_key *key_of(const char *name)
{
	static struct guest_key key = {.known_by = KNOWN_BY_VMM};

	snprintf(key.text, sizeof(key.text), "%s", name);
	return &key;
}

static void add_vmm(struct fake *fake, uint16_t vm, pid_t pid)
{
	members_append(fake->registry, &(struct member){.pid = pid, .guest = vm});
}

static void end_vmm(struct fake *fake, pid_t pid)
{
	members_take_out(fake->registry, members_find(fake->registry, pid));
}

/* Its VMM is the process FIRST_VM + index. */
static uint16_t add_vm(struct fake *fake, const char *name)
{
	struct guest *guest = guests_add(fake->registry, KIND_VM, "qemu", name, key_of(name), "");
	uint16_t index = guests_index(fake->registry, guest);

	members_append(fake->registry, &(struct member){.pid = FIRST_VM + index, .guest = index});
	return index;
}

/* @holder's end of a pair, and the conduit's; FIRST_VM - 1 is nobody that is known. */
static void connect_pair(struct fake *fake, pid_t holder)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	hold(fake, CONDUIT, pair[0]);
	hold(fake, holder, pair[1]);
}

static void look(struct fake *fake)
{
	fake->now += LATER;
	assert_true(conduits_work(fake->registry, fake->now) > fake->now);
}

static int set_up(void **state)
{
	struct fake *fake = calloc(1, sizeof(*fake));

	strcpy(fake->path, "/tmp/lhguard-test-XXXXXX");
	if (!mkdtemp(fake->path))
		return -1;
	fake->next_fd = 3;
	fake->registry = calloc(1, sizeof(*fake->registry));
	fake->registry->settings.proc = processes_open_root(fake->path);
	fake->registry->suspects_high = 1;
	*conduit(fake) = (struct suspect){
		.pid = CONDUIT, .guest = NO_GUEST, .program = &gvproxy, .look_next_us = 1};
	*state = fake;
	return unix_peers_open(&fake->registry->settings.unix_peers);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
	return remove(path);
}

static int tear_down(void **state)
{
	struct fake *fake = *state;

	unix_peers_close(fake->registry->settings.unix_peers);
	close(fake->registry->settings.proc);
	free(fake->registry);
	nftw(fake->path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(fake);
	return 0;
}

static void nobody(void **state)
{
	struct fake *fake = *state;

	add_vm(fake, "devbox");
	connect_pair(fake, FIRST_VM - 1);
	look(fake);
	assert_int_equal(conduit(fake)->served[0].id, 0);
	assert_false(conduit(fake)->serves_others);
}

static void one_vm(void **state)
{
	struct fake *fake = *state;
	uint16_t other = add_vm(fake, "other"), devbox = add_vm(fake, "devbox");

	look(fake);
	assert_int_equal(conduit(fake)->served[0].id, 0);
	connect_pair(fake, FIRST_VM + devbox);
	look(fake); /* no VM came or went: it is looked at again all the same */
	assert_int_equal(conduit(fake)->served[0].guest, devbox);
	assert_int_equal(conduit(fake)->served[0].id, fake->registry->guests[devbox].id);
	assert_int_equal(conduit(fake)->served[1].id, 0);
	assert_false(conduit(fake)->serves_others);
	assert_int_not_equal(other, devbox);
}

static void several_vms(void **state)
{
	struct fake *fake = *state;

	for (int i = 0; i < SERVED_MAX; i++) {
		char name[16];

		snprintf(name, sizeof(name), "vm%d", i);
		connect_pair(fake, FIRST_VM + add_vm(fake, name));
	}
	look(fake);
	for (int i = 0; i < SERVED_MAX; i++)
		assert_int_not_equal(conduit(fake)->served[i].id, 0);
	assert_false(conduit(fake)->serves_others);
	connect_pair(fake, FIRST_VM + add_vm(fake, "one more"));
	look(fake);
	assert_true(conduit(fake)->serves_others);
}

/* Beside a VM's pair there is another whose holder is not known: which of them it was is not known. */
static void a_vm_and_somebody(void **state)
{
	struct fake *fake = *state;
	uint16_t devbox = add_vm(fake, "devbox");

	connect_pair(fake, FIRST_VM + devbox);
	connect_pair(fake, FIRST_VM - 1);
	look(fake);
	assert_int_equal(conduit(fake)->served[0].guest, devbox);
	assert_true(conduit(fake)->serves_others);
}

/* Whom the conduit called itself, as the journal, is no guest. */
static void a_vm_and_the_journal(void **state)
{
	struct fake *fake = *state;
	uint16_t devbox = add_vm(fake, "devbox");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t size = sizeof(sa_family_t); /* the kernel chooses a name */
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), caller = socket(AF_UNIX, SOCK_STREAM, 0);
	int accepted;

	assert_int_equal(bind(listener, (void *)&address, size), 0);
	assert_int_equal(listen(listener, 1), 0);
	size = sizeof(address);
	assert_int_equal(getsockname(listener, (void *)&address, &size), 0);
	assert_int_equal(connect(caller, (void *)&address, size), 0);
	accepted = accept(listener, NULL, NULL);
	hold(fake, CONDUIT, caller);
	connect_pair(fake, FIRST_VM + devbox);
	look(fake);
	assert_int_equal(conduit(fake)->served[0].guest, devbox);
	assert_false(conduit(fake)->serves_others);
	close(accepted);
	close(caller);
	close(listener);
}

/* The pair of one that went is not another's, even in its slot. */
static void a_vm_that_went(void **state)
{
	struct fake *fake = *state;
	uint16_t devbox = add_vm(fake, "devbox");
	uint32_t id = fake->registry->guests[devbox].id;

	connect_pair(fake, FIRST_VM + devbox);
	look(fake);
	assert_int_equal(conduit(fake)->served[0].id, id);
	end_vmm(fake, FIRST_VM + devbox);
	guests_prune(fake->registry);
	assert_int_equal(add_vm(fake, "next"), devbox);
	end_vmm(fake, FIRST_VM + devbox);
	add_vmm(fake, devbox, FIRST_VM + 50);
	assert_int_not_equal(fake->registry->guests[devbox].id, id);
	fake->now += CONDUIT_WAIT_US * 2;
	conduits_work(fake->registry, fake->now);
	fake->now += CONDUIT_WAIT_US * 2;
	conduits_work(fake->registry, fake->now);
	assert_int_equal(conduit(fake)->served[0].id, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(one_vm, set_up, tear_down),
		cmocka_unit_test_setup_teardown(several_vms, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_vm_and_somebody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_vm_and_the_journal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_vm_that_went, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
