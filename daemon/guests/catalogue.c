// SPDX-License-Identifier: GPL-2.0-or-later
/* What the guard knows of each runtime: its programs and its cgroups. */
#include "guests/catalogue.h"

#include "util/text.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

/* The sources of these facts are the upstream trees of each runtime and their man pages. */
static const struct program programs[] = {
	{"qemu-system-*", PROGRAM_VMM, "qemu", KIND_VM, NAME_QEMU, "-name", NULL},
	{"qemu-kvm", PROGRAM_VMM, "qemu", KIND_VM, NAME_QEMU, "-name", NULL},
	{"VBoxHeadless", PROGRAM_VMM, "virtualbox", KIND_VM, NAME_VALUE, "--comment", NULL},
	{"VirtualBoxVM", PROGRAM_VMM, "virtualbox", KIND_VM, NAME_VALUE, "--comment", NULL},
	{"VBoxSDL", PROGRAM_VMM, "virtualbox", KIND_VM, NAME_VALUE, "--comment", NULL},
	{"VBoxNetNAT", PROGRAM_CONDUIT, "virtualbox", KIND_VM, NAME_NONE, NULL, NULL},
	{"vmware-vmx*", PROGRAM_VMM, "vmware", KIND_VM, NAME_NONE, NULL, NULL},
	{"vmnet-natd", PROGRAM_CONDUIT, "vmware", KIND_VM, NAME_NONE, NULL, NULL},
	{"firecracker", PROGRAM_VMM, "firecracker", KIND_VM, NAME_VALUE, "--id", NULL},
	{"cloud-hypervisor", PROGRAM_VMM, "cloud-hypervisor", KIND_VM, NAME_NONE, NULL, NULL},
	{"crosvm", PROGRAM_VMM, "crosvm", KIND_VM, NAME_VALUE, "--name", NULL},
	{"slirp4netns", PROGRAM_CONDUIT, "slirp4netns", KIND_CONTAINER, NAME_NONE, NULL, NULL},
	{"passt", PROGRAM_CONDUIT, "pasta", KIND_CONTAINER, NAME_NONE, NULL, NULL},
	{"passt.*", PROGRAM_CONDUIT, "pasta", KIND_CONTAINER, NAME_NONE, NULL, NULL},
	{"pasta", PROGRAM_CONDUIT, "pasta", KIND_CONTAINER, NAME_NONE, NULL, NULL},
	{"pasta.*", PROGRAM_CONDUIT, "pasta", KIND_CONTAINER, NAME_NONE, NULL, NULL},
	{"gvproxy", PROGRAM_CONDUIT, "gvproxy", KIND_VM, NAME_NONE, NULL, NULL},
	{"vpnkit", PROGRAM_CONDUIT, "vpnkit", KIND_VM, NAME_NONE, NULL, NULL},
	{"rootlesskit", PROGRAM_CONDUIT, "rootlesskit", KIND_CONTAINER, NAME_NONE, NULL, NULL},
	{"com.docker.backend", PROGRAM_CONDUIT, "docker-desktop", KIND_VM, NAME_NONE, NULL, NULL},
	{"conmon", PROGRAM_SUPERVISOR, "podman", KIND_CONTAINER, NAME_VALUE, "-n", "-c"},
	{"containerd-shim*", PROGRAM_SUPERVISOR, "containerd", KIND_CONTAINER, NAME_NONE, NULL,
	 "-id"},
	{"lxc-start", PROGRAM_SUPERVISOR, "lxc", KIND_CONTAINER, NAME_VALUE, "-n", NULL},
	{"systemd-nspawn", PROGRAM_SUPERVISOR, "nspawn", KIND_CONTAINER, NAME_VALUE, "--machine",
	 NULL},
	{"bwrap", PROGRAM_SANDBOX, "bubblewrap", KIND_SANDBOX, NAME_NONE, NULL, NULL},
	{"flatpak", PROGRAM_SANDBOX, "flatpak", KIND_SANDBOX, NAME_NONE, NULL, NULL},
	{"snap-confine", PROGRAM_SANDBOX, "snap", KIND_SANDBOX, NAME_NONE, NULL, NULL},
};

/* Runtimes that have no program of their own above, for the configuration's words. */
static const char *const other_runtimes[] = {"docker", "kubernetes", "libvirt", "netns",
					     "contained"};

const struct program *catalogue_program(const char *executable, const char *comm)
{
	const char *slash = strrchr(executable, '/');
	const char *base = executable[0] ? (slash ? slash + 1 : executable) : comm;

	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (!fnmatch(programs[i].pattern, base, 0))
			return &programs[i];
	return NULL;
}

bool catalogue_knows_runtime(const char *word)
{
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++)
		if (!strcmp(programs[i].runtime, word))
			return true;
	for (size_t i = 0; i < sizeof(other_runtimes) / sizeof(other_runtimes[0]); i++)
		if (!strcmp(other_runtimes[i], word))
			return true;
	return false;
}

/* Where the id of a cgroup's node ends. */
enum id_form {
	ID_HEX64,      /* 64 hex digits and nothing else */
	ID_REST,       /* whatever is left: a name */
	ID_REST_LOSSY, /* whatever is left, which is not the owner's name */
};

/**
 * struct cgroup_pattern - one form of a guest's node
 * @parent: the component before must equal this or, ending in "*", start with it; NULL for any
 * @prefix: what the component starts with
 * @suffix: what it ends with
 */
struct cgroup_pattern {
	const char *parent;
	const char *prefix;
	const char *suffix;
	enum id_form form;
	const char *runtime;
	enum kind kind;
};

static const struct cgroup_pattern cgroup_patterns[] = {
	{NULL, "docker-", ".scope", ID_HEX64, "docker", KIND_CONTAINER},
	{"docker", "", "", ID_HEX64, "docker", KIND_CONTAINER},
	{NULL, "libpod-", ".scope", ID_HEX64, "podman", KIND_CONTAINER},
	{NULL, "libpod-", "", ID_HEX64, "podman", KIND_CONTAINER},
	{NULL, "libpod-payload-", "", ID_HEX64, "podman", KIND_CONTAINER},
	{NULL, "cri-containerd-", ".scope", ID_HEX64, "kubernetes", KIND_CONTAINER},
	{NULL, "crio-", ".scope", ID_HEX64, "kubernetes", KIND_CONTAINER},
	{"pod*", "", "", ID_HEX64, "kubernetes", KIND_CONTAINER},
	{NULL, "nerdctl-", ".scope", ID_HEX64, "containerd", KIND_CONTAINER},
	{NULL, "lxc.payload.", "", ID_REST, "lxc", KIND_CONTAINER},
	{"machine.slice", "systemd-nspawn@", ".service", ID_REST, "nspawn", KIND_CONTAINER},
	{"machine.slice", "machine-qemu-", ".scope", ID_REST_LOSSY, "libvirt", KIND_VM},
	{"machine", "qemu-", ".libvirt-qemu", ID_REST_LOSSY, "libvirt", KIND_VM},
};

static bool is_hex64(const char *text, size_t length)
{
	if (length != 64)
		return false;
	for (size_t i = 0; i < length; i++)
		if (!isdigit((unsigned char)text[i]) && (text[i] < 'a' || text[i] > 'f'))
			return false;
	return true;
}

/* Undo the \xHH of systemd's unit names (systemd.unit(5), "String Escaping"). */
static size_t unescape_unit(char *target, size_t size, const char *source, size_t length)
{
	size_t used = 0;

	for (size_t i = 0; i < length && used + 1 < size; i++) {
		unsigned int byte;
		int end = 0;

		if (length - i >= 4 && sscanf(&source[i], "\\x%2x%n", &byte, &end) == 1 &&
		    end == 4 && byte) {
			target[used++] = (char)byte;
			i += 3;
		} else {
			target[used++] = source[i];
		}
	}
	target[used] = '\0';
	return used;
}

static bool parent_matches(const char *pattern, const char *parent)
{
	size_t length;

	if (!pattern)
		return true;
	length = strlen(pattern);
	if (length && pattern[length - 1] == '*')
		return !strncmp(pattern, parent, length - 1);
	return !strcmp(pattern, parent);
}

static bool pattern_matches(const struct cgroup_pattern *pattern, const char *parent,
			    const char *node, size_t length, struct cgroup_match *match)
{
	size_t prefix = strlen(pattern->prefix), suffix = strlen(pattern->suffix);
	size_t rest;

	if (length <= prefix + suffix || strncmp(node, pattern->prefix, prefix) ||
	    strcmp(&node[length - suffix], pattern->suffix) ||
	    !parent_matches(pattern->parent, parent))
		return false;
	rest = length - prefix - suffix;
	if (pattern->form == ID_HEX64 && !is_hex64(&node[prefix], rest))
		return false;
	match->runtime = pattern->runtime;
	match->kind = pattern->kind;
	match->is_name = pattern->form == ID_REST;
	text_copy_name(match->id, sizeof(match->id), &node[prefix], rest);
	return true;
}

static bool node_matches(const char *parent, const char *node, size_t length,
			 struct cgroup_match *match)
{
	for (size_t i = 0; i < sizeof(cgroup_patterns) / sizeof(cgroup_patterns[0]); i++)
		if (pattern_matches(&cgroup_patterns[i], parent, node, length, match))
			return true;
	return false;
}

bool catalogue_cgroup(const char *path, struct cgroup_match *match)
{
	char parent[256] = "", node[256];
	const char *start = path;
	uint8_t level = 0;

	while (*path) {
		size_t length = strcspn(path, "/");
		size_t used;

		if (length) {
			level++;
			used = unescape_unit(node, sizeof(node), path, length);
			if (node_matches(parent, node, used, match)) {
				match->node_length = (size_t)(path - start) + length;
				match->level = level;
				return true;
			}
			memcpy(parent, node, used + 1);
		}
		path += length;
		path += *path == '/';
	}
	return false;
}
