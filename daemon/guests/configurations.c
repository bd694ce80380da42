// SPDX-License-Identifier: GPL-2.0-or-later
/* The MAC addresses that a VM's configuration gives it: .vbox, .vmx, QEMU's arguments. */
#include "guests/state.h"

#include "guests/names.h"
#include "kernel/files.h"
#include "util/cleanup.h"
#include "util/text.h"

#include <ctype.h>
#include <errno.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

/*
 * A configuration belongs to the user who runs the VM. It is opened under the VMM's own root
 * (open_folder()), so that a mount namespace of either side does not matter, only if it is a regular
 * file of moderate size, and nothing but addresses is taken from it. All this may wait for a disk, or
 * for a server in the user's hands, as long as patient_call() does: not for the verdict path. One
 * buffer is enough, since one is read at a time.
 */
#define TEXT_SIZE (1024 * 1024)
#define FILES_MAX 64 /* of a VirtualBox machine's folder that are looked at */
#define VBOX_LOG  "/Logs/VBox.log"
#define VBOX_FILE ".vbox"

static char text[TEXT_SIZE + 1];

/**
 * struct collection - the addresses that were found
 * @overflow: there were more than @size
 */
struct collection {
	uint8_t (*macs)[MAC_SIZE];
	size_t size;
	size_t count;
	bool overflow;
};

/* "08:00:27:0a:0b:0c" or "0800270A0B0C"; no address of a group, and not that of nobody. */
static bool parse_mac(const char *from, uint8_t *mac)
{
	static const uint8_t nobody[MAC_SIZE];

	for (int i = 0; i < MAC_SIZE; i++) {
		char digits[3] = "";

		if (i && (*from == ':' || *from == '-'))
			from++;
		for (int j = 0; j < 2; j++, from++) {
			if (!isxdigit((unsigned char)*from))
				return false;
			digits[j] = *from;
		}
		mac[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return !isxdigit((unsigned char)*from) && !(mac[0] & 1) && memcmp(mac, nobody, MAC_SIZE);
}

static void collect(struct collection *found, const char *from)
{
	uint8_t mac[MAC_SIZE];

	if (!parse_mac(from, mac))
		return;
	for (size_t i = 0; i < found->count; i++)
		if (!memcmp(found->macs[i], mac, MAC_SIZE))
			return;
	if (found->count == found->size)
		found->overflow = true;
	else
		memcpy(found->macs[found->count++], mac, MAC_SIZE);
}

static void collect_behind(struct collection *found, const char *from, const char *mark)
{
	while ((from = strstr(from, mark))) {
		from += strlen(mark);
		collect(found, from);
	}
}

/* Into text[]; 0 or -errno. */
static int read_text(const struct file_owner *owner, int folder, const char *path)
{
	_cleanup_free_ char *whole = NULL;
	ssize_t length = file_read(owner, folder, path, TEXT_SIZE, &whole);

	if (length < 0)
		return (int)length;
	memcpy(text, whole, (size_t)length + 1);
	return strlen(text) == (size_t)length ? 0 : -EINVAL;
}

/*
 * The folder that a file of the process lies in, as the process finds it: no symlink on the way
 * leads into another root, and none of /proc's anywhere. A path that is relative to where it started
 * stays below that.
 * Return: descriptor, or -errno.
 */
static int open_folder(const struct file_owner *owner, const char *path)
{
	bool whole = path[0] == '/';
	_cleanup_close_ int start = -1;
	char name[64];

	snprintf(name, sizeof(name), "%d/%s", owner->pid, whole ? "root" : "cwd");
	start = file_folder(owner, owner->proc, name, 0);
	if (start < 0)
		return start;
	return file_folder(owner, start, path,
			   RESOLVE_NO_MAGICLINKS | (whole ? RESOLVE_IN_ROOT : RESOLVE_BENEATH));
}

/* "-device virtio-net-pci,mac=…", or by libvirt '-device {"mac":"…"}' (qemu(1)). */
static int qemu_macs(const struct registry *registry, pid_t pid, struct collection *found)
{
	ssize_t length = process_arguments(registry->settings.proc, pid, text, sizeof(text));

	if (length < 0)
		return (int)length;
	for (const char *at = text; at < text + length; at += strlen(at) + 1) {
		collect_behind(found, at, ",mac=");
		collect_behind(found, at, "\"mac\":\"");
	}
	return 0;
}

/* ethernet0.generatedAddress = "00:0c:29:…", ethernet0.address = "00:50:56:…" */
static void collect_vmx(struct collection *found)
{
	static const char device[] = "ethernet", word[] = "address";
	char *rest = NULL;

	for (char *line = strtok_r(text, "\r\n", &rest); line;
	     line = strtok_r(NULL, "\r\n", &rest)) {
		size_t key = strcspn(line, " \t=");
		const char *value = line + key;

		if (key < sizeof(word) || strncasecmp(line, device, sizeof(device) - 1) ||
		    strncasecmp(value - (sizeof(word) - 1), word, sizeof(word) - 1))
			continue;
		value += strspn(value, " \t=");
		collect(found, value + (*value == '"'));
	}
}

static const char *last_vmx(const char *arguments, size_t length)
{
	const char *found = NULL;

	for (const char *at = arguments; at < arguments + length; at += strlen(at) + 1) {
		size_t used = strlen(at);

		if (used > 4 && !strcasecmp(at + used - 4, ".vmx"))
			found = at;
	}
	return found;
}

/* vmware-vmx has the path of its configuration as an argument, relative to where it started. */
static int vmware_macs(const struct registry *registry, pid_t pid, struct collection *found)
{
	ssize_t length = process_arguments(registry->settings.proc, pid, text, sizeof(text));
	const char *file = length > 0 ? last_vmx(text, (size_t)length) : NULL;
	const struct file_owner owner = {.proc = registry->settings.proc, .pid = pid};
	_cleanup_close_ int folder = -1;
	char path[PATH_MAX];
	char *base;
	int result;

	if (!file)
		return -ENOENT;
	if (!text_copy(path, sizeof(path), file))
		return -ENAMETOOLONG;
	base = strrchr(path, '/');
	if (base)
		*base++ = '\0';
	folder = open_folder(&owner, base ? (path[0] ? path : "/") : ".");
	if (folder < 0)
		return folder;
	result = read_text(&owner, folder, base ? base : path);
	if (result == 0)
		collect_vmx(found);
	return result;
}

/* Is the text the configuration of the machine that was started by this name or UUID? */
static bool is_machine(const char *wanted)
{
	char mark[NAME_SIZE + 16];

	if (!wanted[0])
		return true;
	snprintf(mark, sizeof(mark), "uuid=\"{%s}\"", wanted);
	if (strstr(text, mark))
		return true;
	snprintf(mark, sizeof(mark), "name=\"%s\"", wanted);
	return strstr(text, mark) != NULL;
}

static int read_machine(const struct file_owner *owner, int folder, const char *wanted)
{
	_cleanup_free_ char *names = NULL;
	ssize_t length = file_names(owner, folder, FILES_MAX, &names);

	for (const char *at = names; length > 0 && at < names + length; at += strlen(at) + 1) {
		size_t used = strlen(at);

		if (used > strlen(VBOX_FILE) && !strcmp(at + used - strlen(VBOX_FILE), VBOX_FILE) &&
		    read_text(owner, folder, at) == 0 && is_machine(wanted))
			return 0;
	}
	return length < 0 ? (int)length : -ENOENT;
}

/* A VM's process keeps its log open, in a folder beside its configuration (VBoxManage(1)). */
static int virtualbox_macs(const struct registry *registry, pid_t pid, struct collection *found)
{
	const struct file_owner owner = {.proc = registry->settings.proc, .pid = pid};
	char log[PATH_MAX], wanted[NAME_SIZE] = "";
	_cleanup_close_ int folder = -1;
	const char *value;
	ssize_t length;
	int result;

	length = process_arguments(registry->settings.proc, pid, text, sizeof(text));
	if (length < 0)
		return (int)length;
	value = names_option(text, (size_t)length, "--startvm");
	if (!value)
		value = names_option(text, (size_t)length, "-startvm");
	if (!value)
		value = names_option(text, (size_t)length, "-s");
	if (value)
		text_copy(wanted, sizeof(wanted), value);
	result = process_open_path(registry->settings.proc, pid, VBOX_LOG, log, sizeof(log));
	if (result)
		return result;
	log[strlen(log) - strlen(VBOX_LOG)] = '\0';
	folder = open_folder(&owner, log);
	if (folder < 0)
		return folder;
	result = read_machine(&owner, folder, wanted);
	if (result == 0)
		collect_behind(found, text, "MACAddress=\"");
	return result;
}

int configuration_macs(const struct registry *registry, const struct guest *guest,
		       uint8_t (*macs)[MAC_SIZE], size_t size)
{
	struct collection found = {.macs = macs, .size = size};
	int result;

	if (!strcmp(guest->runtime, "virtualbox"))
		result = virtualbox_macs(registry, guest->leader, &found);
	else if (!strcmp(guest->runtime, "vmware"))
		result = vmware_macs(registry, guest->leader, &found);
	else
		result = qemu_macs(registry, guest->leader, &found);
	if (result)
		return result;
	return found.overflow ? -E2BIG : (int)found.count;
}
