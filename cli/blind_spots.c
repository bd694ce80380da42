// SPDX-License-Identifier: GPL-2.0-or-later
/* Ways from a guest to the host that are no IP packets, and which of them this host has. */
#include "blind_spots.h"

#include "output.h"
#include "prose.h"

#include "util/array.h"
#include "util/cleanup.h"
#include "util/text.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/vm_sockets.h>
#include <linux/vm_sockets_diag.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define FOUND_MAX    32 /* told of one sort; the rest is counted */
#define VSOCK_LISTEN 10 /* TCP_LISTEN of net/tcp_states.h, which vsock uses */
#define ANSWERS_MAX  4096

static void tell(json_t *found, const char *text)
{
	if (json_array_size(found) < FOUND_MAX)
		json_array_append_new(found, text_json(text)); /* cut in a character, it is none */
}

/* AF_VSOCK */

static int ask_for_vsock(int fd)
{
	struct {
		struct nlmsghdr header;
		struct vsock_diag_req request;
	} message = {
		.header = {.nlmsg_len = sizeof(message),
			   .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			   .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP},
		.request = {.sdiag_family = AF_VSOCK, .vdiag_states = 1u << VSOCK_LISTEN},
	};

	return send(fd, &message, sizeof(message), 0) < 0 ? -errno : 0;
}

/* Return: 1 at the end of the dump, 0 to go on, or -errno. */
static int take_vsock(const struct nlmsghdr *message, json_t *found)
{
	const struct vsock_diag_msg *socket = NLMSG_DATA(message);
	char text[96];

	if (message->nlmsg_type == NLMSG_DONE)
		return 1;
	if (message->nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *error = NLMSG_DATA(message);

		return error->error;
	}
	if (message->nlmsg_len < NLMSG_LENGTH(sizeof(*socket)))
		return -EBADMSG;
	snprintf(text, sizeof(text), "port %u%s", socket->vdiag_src_port,
		 socket->vdiag_src_cid == VMADDR_CID_ANY ? ", for every guest" : "");
	tell(found, text);
	return 0;
}

/* All listeners there are; -ENOENT: the kernel has no vsock, or no vsock_diag. */
static int dump_vsock(json_t *found)
{
	_cleanup_close_ int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	_Alignas(struct nlmsghdr) char buffer[16384];
	const struct timeval patience = {.tv_sec = 2};
	int result;

	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	result = ask_for_vsock(fd);
	for (int i = 0; result == 0 && i < ANSWERS_MAX; i++) {
		ssize_t bytes = recv(fd, buffer, sizeof(buffer), 0);
		unsigned int left = bytes > 0 ? (unsigned int)bytes : 0;

		if (bytes < 0)
			return -errno;
		for (const struct nlmsghdr *message = (const void *)buffer;
		     result == 0 && NLMSG_OK(message, left); message = NLMSG_NEXT(message, left))
			result = take_vsock(message, found);
	}
	return result < 0 ? result : 0;
}

/*
 * Whether there may be such sockets at all: each line of /proc/net/protocols begins with a name, AF_VSOCK for
 * vsock_proto of net/vmw_vsock/af_vsock.c. To make a socket would tell, too, but would load the module.
 * Return: 1 yes, 0 no, or -errno.
 */
static int has_vsock(void)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/net/protocols", "re");
	char line[256];

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, "AF_VSOCK ", strlen("AF_VSOCK ")))
			return 1;
	return ferror(file) ? -EIO : 0;
}

static int find_vsock(const json_t *guests, json_t *found)
{
	int result = dump_vsock(found), has;

	if (result != -ENOENT)
		return result;
	has = has_vsock();
	if (!has)
		return 0;
	tell(found,
	     has < 0 ? "/proc/net/protocols cannot be read, which says whether there is AF_VSOCK"
		     : "this kernel has AF_VSOCK, but not vsock_diag, which lists its listeners: "
		       "it needs CONFIG_VSOCKETS_DIAG");
	return result;
}

/* Abstract sockets: "@name" in the last column of /proc/net/unix, proc_net(5). */
static int find_abstract(const json_t *guests, json_t *found)
{
	_cleanup_fclose_ FILE *file = fopen("/proc/net/unix", "re");
	int result = file ? 0 : -errno;
	char line[512];

	if (!file) {
		snprintf(line, sizeof(line), "/proc/net/unix: %s", strerror(-result));
		tell(found, line);
		return result;
	}
	while (fgets(line, sizeof(line), file)) {
		unsigned int flags = 0;
		int at = 0;

		/* 00010000: it listens (__SO_ACCEPTCON, include/uapi/linux/net.h) */
		if (sscanf(line, "%*s %*s %*s %x %*s %*s %*s %n", &flags, &at) < 1 ||
		    !(flags & 0x10000) || at == 0 || line[at] != '@')
			continue;
		line[strcspn(line, "\n")] = '\0';
		tell(found, line + at);
	}
	return 0;
}

/* Sockets of the host that a guest's file tree has: whoever holds one is not held by the guard. */
static const char *const host_sockets[] = {
	"docker.sock",	   "podman.sock",	"containerd.sock",   "crio.sock",
	"libvirt-sock",	   "lxd/unix.socket",	"incus/unix.socket", "dbus/system_bus_socket",
	"systemd/private", "wayland-",		"/.X11-unix",	     "pulse/native",
	"ssh-agent",	   "gnupg/S.gpg-agent",
};

static const char *host_socket(const char *line)
{
	for (size_t i = 0; i < ARRAY_SIZE(host_sockets); i++)
		if (strstr(line, host_sockets[i]))
			return host_sockets[i];
	return NULL;
}

/* Return: whether they could be read. */
static bool look_at_mounts(const json_t *guest, json_t *found)
{
	_cleanup_fclose_ FILE *file = NULL;
	char path[64], line[8192], text[256];

	snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)number_of(guest, "leader"));
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file)) {
		const char *which = host_socket(line);

		if (!which)
			continue;
		snprintf(text, sizeof(text), "%.160s has %s", text_of(guest, "label"), which);
		tell(found, text);
	}
	return file && !ferror(file);
}

/* A guest that could not be looked at, and why. */
static void tell_unseen(json_t *unseen, const json_t *guest, const char *why)
{
	char text[384];

	snprintf(text, sizeof(text), "%.160s was not looked at: %.160s", text_of(guest, "label"),
		 why);
	tell(unseen, text);
}

/* Both what was found and what was not looked at; @unseen is taken over. Return: as of find(). */
static int find_result(json_t *found, json_t *unseen)
{
	bool is_found = json_array_size(found) > 0, is_unseen = json_array_size(unseen) > 0;

	json_array_extend(found, unseen);
	json_decref(unseen);
	return is_found || !is_unseen ? 0 : -EACCES;
}

static int find_mounts(const json_t *guests, json_t *found)
{
	json_t *unseen;

	if (!guests)
		return -ENOTCONN;
	unseen = json_array();
	for (size_t i = 0; i < json_array_size(guests); i++) {
		const json_t *guest = json_array_get(guests, i);

		/* A VMM is a program of the host, and has the host's own mounts. */
		if (strcmp(text_of(guest, "kind"), "vm") != 0 && number_of(guest, "leader") > 0 &&
		    !look_at_mounts(guest, found))
			tell_unseen(unseen, guest, strerror(errno));
	}
	return find_result(found, unseen);
}

/*
 * Folders that a VM shares with the host, as QEMU's command line says.
 * Return: 0, -ENOTSUP where it is no QEMU, or -errno.
 */
static int look_at_shares(const json_t *guest, json_t *found)
{
	static const char *const options[] = {"-fsdev", "-virtfs", "vhost-user-fs", "spicevmc"};
	_cleanup_fclose_ FILE *file = NULL;
	char path[64], arguments[65536], text[256];
	size_t length;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)number_of(guest, "leader"));
	file = fopen(path, "re");
	if (!file)
		return -errno;
	length = fread(arguments, 1, sizeof(arguments), file);
	for (size_t k = 0; k < ARRAY_SIZE(options); k++) {
		if (!memmem(arguments, length, options[k], strlen(options[k])))
			continue;
		snprintf(text, sizeof(text), "%.160s has %s", text_of(guest, "label"), options[k]);
		tell(found, text);
	}
	return memmem(arguments, strnlen(arguments, length), "qemu", strlen("qemu")) ? 0 : -ENOTSUP;
}

/* Others have their shares in files of their own: of these it is not known. */
static int find_shares(const json_t *guests, json_t *found)
{
	json_t *unseen;

	if (!guests)
		return -ENOTCONN;
	unseen = json_array();
	for (size_t i = 0; i < json_array_size(guests); i++) {
		const json_t *guest = json_array_get(guests, i);
		int result;

		if (strcmp(text_of(guest, "kind"), "vm") != 0)
			continue;
		result = number_of(guest, "leader") > 0 ? look_at_shares(guest, found) : -ESRCH;
		if (result)
			tell_unseen(unseen, guest,
				    result == -ENOTSUP
					    ? "only QEMU has what it shares on its command line"
					    : strerror(-result));
	}
	return find_result(found, unseen);
}

/* The guests that a conduit works for, as ", vm:one, vm:two"; how many. */
static size_t served_by(const json_t *guests, json_int_t pid, char *text, size_t size)
{
	size_t count = 0;

	text[0] = '\0';
	for (size_t i = 0; i < json_array_size(guests); i++) {
		const json_t *guest = json_array_get(guests, i);
		const json_t *conduits = json_object_get(guest, "conduits");

		for (size_t k = 0; k < json_array_size(conduits); k++) {
			if (number_of(json_array_get(conduits, k), "pid") != pid)
				continue;
			text_append(text, size, ", %.80s", text_of(guest, "label"));
			count++;
			break;
		}
	}
	return count;
}

static bool has_text(const json_t *found, const char *text)
{
	for (size_t i = 0; i < json_array_size(found); i++)
		if (!strcmp(json_string_value(json_array_get(found, i)), text))
			return true;
	return false;
}

static int find_shared(const json_t *guests, json_t *found)
{
	for (size_t i = 0; i < json_array_size(guests); i++) {
		const json_t *conduits = json_object_get(json_array_get(guests, i), "conduits");

		for (size_t k = 0; k < json_array_size(conduits); k++) {
			const json_t *conduit = json_array_get(conduits, k);
			char whom[512], text[640];

			if (served_by(guests, number_of(conduit, "pid"), whom, sizeof(whom)) < 2)
				continue;
			snprintf(text, sizeof(text), "%.40s (pid %d) of%s",
				 text_of(conduit, "program"), (int)number_of(conduit, "pid"),
				 whom + 1);
			if (!has_text(found, text))
				tell(found, text);
		}
	}
	return guests ? 0 : -ENOTCONN;
}

static int find_without_cgroup(const json_t *guests, json_t *found)
{
	for (size_t i = 0; i < json_array_size(guests); i++) {
		const json_t *guest = json_array_get(guests, i);

		if (!strcmp(text_of(guest, "kind"), "container") && number_of(guest, "leader") &&
		    !*text_of(guest, "cgroup") && !number_of(guest, "netns"))
			tell(found, text_of(guest, "label"));
	}
	return guests ? 0 : -ENOTCONN;
}

const struct blind_spot blind_spots[] = {
	{"vsock", "AF_VSOCK: a VM reaches these listeners of the host without a network",
	 "stop the listener, or take the VM's vsock device away",
	 "take the VMs' vsock devices away, or boot a kernel that has it", find_vsock},
	{"abstract-sockets",
	 "abstract Unix sockets: a container on the host's network reaches these listeners",
	 "give the container a network of its own", NULL, find_abstract},
	{"mounted-sockets", "sockets of the host that stand in a container's files",
	 "whoever holds the socket of a container engine is root on this host: do not mount it",
	 NULL, find_mounts},
	{"shared-folders", "folders that a VM shares with the host, and clipboards",
	 "share read-only, or nothing",
	 "look into its settings: by " WHOLE(
		 "VBoxManage showvminfo NAME") ", or in VMware's .vmx file (sharedFolder)",
	 find_shares},
	{"forged-mac",
	 "a VM that VirtualBox or VMware bridges to the LAN and that takes another MAC address is "
	 "a machine of the LAN to this host",
	 "let the firewall tell what the LAN may reach; 127.0.0.0/8 and ::1 stay closed to it",
	 NULL, NULL},
	{"own-connections",
	 "a VMM's own connections (a disk over NBD on localhost, say) count as its guest's",
	 "allow them: " WHOLE("lhguard allow ADDRESS:PORT --from vm:NAME"), NULL, NULL},
	{"shared-conduits",
	 "which of several guests behind one conduit it was: it is \"one of\" them",
	 "give each guest a conduit of its own, or allow them all: " WHOLE("--from conduit:NAME"),
	 NULL, find_shared},
	{"without-cgroup",
	 "containers on the host's network without a cgroup of their own: a raw datagram of one "
	 "that "
	 "bears the port of a host's socket counts as the host's",
	 "let the container have a cgroup, or a network of its own", NULL, find_without_cgroup},
	{"macvlan",
	 "containers on a macvlan or ipvlan of the host's adapter are machines of the LAN to this "
	 "host; on an ipvlan in mode l3 one may send datagrams in the host's own name",
	 "let the firewall tell what the LAN may reach; 127.0.0.0/8 and ::1 stay closed to it, and "
	 "to "
	 "an ipvlan in mode l2",
	 NULL, NULL},
	{"unlisted", "a VMM, conduit or runtime that no list names, in its first moments",
	 "describe it: guests.conf(5)", NULL, NULL},
};

const size_t blind_spot_count = ARRAY_SIZE(blind_spots);
