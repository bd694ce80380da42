/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A /proc of our own making, and a registry that reads it. */
#include "fake_proc.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void write_file(const char *folder, const char *name, const char *text, size_t length)
{
	char path[256];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	fclose(file);
}

static void link_namespace(const char *folder, const char *name, unsigned int inode)
{
	char path[256], target[64];

	snprintf(path, sizeof(path), "%s/ns/%s", folder, name);
	snprintf(target, sizeof(target), "%s:[%u]", name, inode);
	unlink(path);
	assert_int_equal(symlink(target, path), 0);
}

static void put_descriptors(const char *folder, const struct row *row)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/fd", folder);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/fd/0", folder);
	unlink(path);
	assert_int_equal(symlink("/dev/null", path), 0);
	for (int i = 0; i < ROW_LINKS; i++) {
		snprintf(path, sizeof(path), "%s/fd/%d", folder, i + 3);
		unlink(path);
		if (row->links[i])
			assert_int_equal(symlink(row->links[i], path), 0);
	}
}

void fake_put(const struct fake *fake, const struct row *row)
{
	char folder[128], text[512];
	const char *base = strrchr(row->executable, '/');

	base = base ? base + 1 : row->executable;
	snprintf(folder, sizeof(folder), "%s/%d", fake->path, row->pid);
	mkdir(folder, 0755);
	snprintf(text, sizeof(text), "%s/ns", folder);
	mkdir(text, 0755);
	snprintf(text, sizeof(text), "%s/exe", folder);
	unlink(text);
	assert_int_equal(symlink(row->executable, text), 0);
	snprintf(text, sizeof(text), "%s/root", folder);
	unlink(text);
	assert_int_equal(symlink(row->has_own_root ? fake->path : "/", text), 0);
	snprintf(text, sizeof(text), "%.15s\n", base);
	write_file(folder, "comm", text, strlen(text));
	snprintf(text, sizeof(text),
		 "%d (%.15s) %c %d 1 1 0 -1 4194560 0 0 0 0 0 0 0 0 20 0 1 0 %d 0 0\n", row->pid,
		 base, row->is_dead ? 'Z' : 'S', row->parent, row->pid * 10);
	write_file(folder, "stat", text, strlen(text));
	snprintf(text, sizeof(text), "1:name=systemd:/x\n0::%s\n", row->cgroup ? row->cgroup : "/");
	write_file(folder, "cgroup", text, strlen(text));
	write_file(folder, "cmdline", row->arguments ? row->arguments : "", row->arguments_length);
	link_namespace(folder, "pid", row->pid_ns ? row->pid_ns : HOST);
	link_namespace(folder, "user", row->user_ns ? row->user_ns : HOST);
	link_namespace(folder, "mnt", row->mount_ns ? row->mount_ns : HOST);
	link_namespace(folder, "net", row->net_ns ? row->net_ns : HOST);
	put_descriptors(folder, row);
	write_file(folder, "maps", row->maps ? row->maps : "", row->maps ? strlen(row->maps) : 0);
}

void fake_event(const struct fake *fake, enum process_event_type type, pid_t pid, pid_t parent)
{
	const struct process_event it = {.type = type, .pid = pid, .parent = parent};

	registry_process_event(fake->registry, &it);
}

void fake_start(const struct fake *fake, const struct row *row)
{
	fake_put(fake, row);
	fake_event(fake, PROCESS_EXEC, row->pid, 0);
}

const struct guest *fake_guest(const struct fake *fake, pid_t pid)
{
	const struct member *member = members_find(fake->registry, pid);

	return member && member->guest != NO_GUEST ? &fake->registry->guests[member->guest] : NULL;
}

bool fake_is_suspect(const struct fake *fake, pid_t pid)
{
	const struct member *member = members_find(fake->registry, pid);

	return member && member->suspect >= 0 &&
	       fake->registry->suspects[member->suspect].pid == pid;
}

/* What the host itself has below /usr and /opt. */
static bool is_hosts_file(int proc, const struct process *process)
{
	return !strncmp(process->executable, "/usr/", 5) ||
	       !strncmp(process->executable, "/opt/", 5);
}

static bool others_join(void *data, const struct flow *flow, const struct socket_info *socket,
			uint32_t guest)
{
	const struct fake *fake = data;

	return fake->others_join;
}

int fake_set_up(void **state)
{
	struct fake *fake = calloc(1, sizeof(*fake));

	strcpy(fake->path, "/tmp/lhguard-test-XXXXXX");
	if (!mkdtemp(fake->path))
		return -1;
	fake->registry = calloc(1, sizeof(*fake->registry));
	fake->registry->settings.proc = processes_open_root(fake->path);
	fake->registry->settings.cgroup = -1;
	if (catalogue_load(&fake->catalogue, "conf/guests.conf", fake->path, NULL))
		return -1;
	fake->registry->settings.catalogue = fake->catalogue;
	fake->registry->settings.is_hosts_file = is_hosts_file;
	fake->registry->settings.others_join = others_join;
	fake->registry->settings.data = fake;
	fake->registry->settings.run_netns = fake->path;
	assert_int_equal(links_new(&fake->registry->settings.links, NULL, NULL), 0);
	fake->registry->host = (struct namespaces){HOST, HOST, HOST, HOST};
	*state = fake;
	return fake->registry->settings.proc < 0;
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
	return remove(path);
}

int fake_tear_down(void **state)
{
	struct fake *fake = *state;

	structure_end_sweep(fake->registry);
	links_free(fake->registry->settings.links);
	close(fake->registry->settings.proc);
	free(fake->registry);
	catalogue_free(fake->catalogue);
	nftw(fake->path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
	free(fake);
	return 0;
}
