// SPDX-License-Identifier: GPL-2.0-or-later
/* What systemd-machined wrote down about the machines that registered with it. */
#include "guests/machines.h"

#include "util/cleanup.h"

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MACHINES     "/run/systemd/machines"
#define MACHINES_MAX 1024
#define FILE_SIZE    4096

/* systemd, src/machine/machine.c, machine_save(): NETIF=, the ifindexes between spaces. */
static bool lists(const char *numbers, uint32_t wanted)
{
	char *end;

	for (;; numbers = end) {
		unsigned long number = strtoul(numbers, &end, 10);

		if (end == numbers)
			return false;
		if (number == wanted)
			return true;
	}
}

static pid_t leader_in_file(int folder, const char *name, uint32_t ifindex)
{
	_cleanup_close_ int fd =
		openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	char text[FILE_SIZE], *line, *rest = NULL;
	bool is_it = false;
	long leader = 0;
	ssize_t length;

	length = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (length <= 0)
		return 0;
	text[length] = '\0';
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		if (!strncmp(line, "NETIF=", 6))
			is_it = lists(line + 6, ifindex);
		else if (!strncmp(line, "LEADER=", 7))
			leader = strtol(line + 7, NULL, 10);
	}
	return is_it && leader > 0 ? (pid_t)leader : 0;
}

pid_t machines_leader(const char *root, uint32_t ifindex)
{
	_cleanup_closedir_ DIR *dir = NULL;
	char folder[PATH_MAX];
	struct dirent *entry;
	pid_t leader = 0;

	snprintf(folder, sizeof(folder), "%s" MACHINES, root ? root : "");
	dir = opendir(folder);
	/* "unit:NAME" are links to the same files. */
	for (int i = 0; dir && !leader && i < MACHINES_MAX && (entry = readdir(dir)); i++)
		if (entry->d_name[0] != '.' && !strchr(entry->d_name, ':'))
			leader = leader_in_file(dirfd(dir), entry->d_name, ifindex);
	return leader;
}
