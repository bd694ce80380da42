// SPDX-License-Identifier: GPL-2.0-or-later
/* Checks of settings that open this host to its guests: the guard refuses, but they need not be. */
#include "checks.h"

#include "kernel/descriptors.h"
#include "kernel/files.h"
#include "kernel/processes.h"
#include "util/array.h"
#include "util/cleanup.h"
#include "util/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGUMENTS_SIZE 65536
#define VBOX_LOG       "/Logs/VBox.log"
#define VBOX_FILE      ".vbox"
#define VBOX_FILES_MAX 64
#define VBOX_SIZE      (1024 * 1024)

/* Interfaces */

void check_route_localnet(const struct examination *examination, struct diagnosis *diagnosis)
{
	char folder[200], path[512], value[8];
	const struct dirent *entry;
	DIR *list;

	if (!examination->is_inside)
		return diagnosis_add(diagnosis, HEALTH_UNKNOWN,
				     "they are in another network namespace");
	snprintf(folder, sizeof(folder), "%s/net/ipv4/conf", examination->sysctl);
	list = opendir(folder);
	if (!list)
		return diagnosis_add(diagnosis, HEALTH_UNKNOWN, "%s: %s", folder, strerror(errno));
	while ((entry = readdir(list))) {
		_cleanup_fclose_ FILE *file = NULL;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s/route_localnet", folder, entry->d_name);
		file = fopen(path, "re");
		if (file && fgets(value, sizeof(value), file) && value[0] == '1')
			diagnosis_add(diagnosis, HEALTH_WARNING, "%s", entry->d_name);
	}
	closedir(list);
}

/* Programs */

/**
 * struct search - for processes of some programs, with their arguments
 * @programs: base names up to a ".", as of pasta.avx2; ended by NULL
 * @judge: is called for each of them
 */
struct search {
	const struct examination *examination;
	struct diagnosis *diagnosis;
	const char *const *programs;
	void (*judge)(const struct search *search, const struct process *process);
	char arguments[ARGUMENTS_SIZE];
	size_t length;
};

static bool is_one_of(const struct process *process, const char *const *programs)
{
	const char *path = process->executable[0] ? process->executable : process->comm;
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;

	for (; *programs; programs++)
		if (strlen(*programs) == strcspn(base, ".") &&
		    !strncmp(base, *programs, strlen(*programs)))
			return true;
	return false;
}

static int visit(void *data, pid_t pid)
{
	struct search *search = data;
	const struct examination *examination = search->examination;
	struct process process;
	ssize_t length;

	if (process_read(examination->proc, pid, &process) || process.is_dead ||
	    !is_one_of(&process, search->programs))
		return 0;
	if (examination->netns && process.namespaces.net &&
	    process.namespaces.net != examination->netns)
		return 0;
	length = process_arguments(examination->proc, pid, search->arguments,
				   sizeof(search->arguments));
	search->length = length > 0 ? (size_t)length : 0;
	if (search->length)
		search->judge(search, &process);
	else
		diagnosis_add(search->diagnosis, HEALTH_UNKNOWN,
			      "%s (pid %d): its arguments cannot be read", process.comm, (int)pid);
	return 0;
}

static void search_programs(const struct examination *examination, struct diagnosis *diagnosis,
			    const char *const *programs,
			    void (*judge)(const struct search *search,
					  const struct process *process))
{
	struct search *search = calloc(1, sizeof(*search));

	if (!search)
		return diagnosis_add(diagnosis, HEALTH_UNKNOWN, "out of memory");
	search->examination = examination;
	search->diagnosis = diagnosis;
	search->programs = programs;
	search->judge = judge;
	if (processes_each(examination->proc, visit, search) < 0)
		diagnosis_add(diagnosis, HEALTH_UNKNOWN, "/proc cannot be read");
	free(search);
}

static const char *next_argument(const struct search *search, const char *at)
{
	at = at ? at + strlen(at) + 1 : search->arguments;
	return at < search->arguments + search->length ? at : NULL;
}

static bool has_argument(const struct search *search, const char *word)
{
	for (const char *at = NULL; (at = next_argument(search, at));)
		if (!strcmp(at, word))
			return true;
	return false;
}

/* What stands behind an option: "-T none", "-Tnone", "--tcp-ns none", "--tcp-ns=none"; the last counts. */
static const char *value_of(const struct search *search, const char *letter, const char *word,
			    const char *otherwise)
{
	const char *value = otherwise;

	for (const char *at = NULL; (at = next_argument(search, at));) {
		size_t length = strlen(word);

		if (!strcmp(at, letter) || !strcmp(at, word)) {
			const char *next = next_argument(search, at);

			value = next ? next : value;
		} else if (!strncmp(at, word, length) && at[length] == '=') {
			value = at + length + 1;
		} else if (letter[0] && !strncmp(at, letter, strlen(letter))) {
			value = at + strlen(letter);
		}
	}
	return value;
}

/* passt(1): "auto" is pasta's default for all four, and passt's for none. */
static void judge_forwarding(const struct search *search, const struct process *process,
			     bool is_pasta)
{
	static const struct {
		const char *letter, *word, *meaning;
		bool to_host;
	} ways[] = {
		{"-T", "--tcp-ns", "TCP ports of its loopback lead to this host's", true},
		{"-U", "--udp-ns", "UDP ports of its loopback lead to this host's", true},
		{"-t", "--tcp-ports", "its TCP ports are open on this host", false},
		{"-u", "--udp-ports", "its UDP ports are open on this host", false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		const char *value =
			value_of(search, ways[i].letter, ways[i].word, is_pasta ? "auto" : "none");

		if (strcmp(value, "none") && (is_pasta || !ways[i].to_host))
			diagnosis_add(search->diagnosis, HEALTH_WARNING,
				      "%s (pid %d): %s %.64s: %s", process->comm, (int)process->pid,
				      ways[i].letter, value, ways[i].meaning);
	}
}

static void judge_pasta(const struct search *search, const struct process *process)
{
	const char *address = value_of(search, "", "--map-host-loopback", NULL);
	const char *slash = strrchr(search->arguments, '/');
	bool is_pasta = !strncmp(slash ? slash + 1 : search->arguments, "pasta", strlen("pasta"));

	judge_forwarding(search, process, is_pasta);
	if (address ? strcmp(address, "none") : !has_argument(search, "--no-map-gw"))
		diagnosis_add(search->diagnosis, HEALTH_WARNING,
			      "%s (pid %d): %s%s: an address of the guest's network leads to this "
			      "host's loopback",
			      process->comm, (int)process->pid,
			      address ? "--map-host-loopback " : "no --no-map-gw",
			      address ? address : "");
	if (has_argument(search, "--host-lo-to-ns-lo"))
		diagnosis_add(search->diagnosis, HEALTH_WARNING,
			      "%s (pid %d): --host-lo-to-ns-lo: this host's loopback leads to the "
			      "guest's",
			      process->comm, (int)process->pid);
}

void check_pasta(const struct examination *examination, struct diagnosis *diagnosis)
{
	static const char *const programs[] = {"pasta", "passt", NULL};

	search_programs(examination, diagnosis, programs, judge_pasta);
}

static void judge_slirp4netns(const struct search *search, const struct process *process)
{
	if (!has_argument(search, "--disable-host-loopback"))
		diagnosis_add(search->diagnosis, HEALTH_WARNING,
			      "%s (pid %d): no --disable-host-loopback: 10.0.2.2 is this host's "
			      "loopback",
			      process->comm, (int)process->pid);
}

void check_slirp4netns(const struct examination *examination, struct diagnosis *diagnosis)
{
	static const char *const programs[] = {"slirp4netns", NULL};

	search_programs(examination, diagnosis, programs, judge_slirp4netns);
}

/* VirtualBox: its machine's process keeps its log open, in a folder beside the configuration. */

static int open_machine_folder(const struct file_owner *owner, const char *path)
{
	_cleanup_close_ int root = -1;
	char name[32];

	snprintf(name, sizeof(name), "%d/root", (int)owner->pid);
	root = file_folder(owner, owner->proc, name, 0);
	if (root < 0)
		return root;
	return file_folder(owner, root, path, RESOLVE_NO_MAGICLINKS | RESOLVE_IN_ROOT);
}

/* <NAT localhost-reachable="true">, <Forwarding name="ssh" proto="1" hostport="2222" guestport="22"/> */
static void judge_machine(const struct search *search, const char *file, const char *text)
{
	static const char mark[] = "<Forwarding ", port[] = "hostport=\"";

	if (strstr(text, "localhost-reachable=\"true\""))
		diagnosis_add(search->diagnosis, HEALTH_WARNING,
			      "%s: LocalhostReachable: 10.0.2.2 is this host's loopback", file);
	for (const char *at = text; (at = strstr(at, mark)); at += strlen(mark)) {
		const char *end = strchr(at, '>'), *found = strstr(at, port);

		if (end && found && found < end)
			diagnosis_add(search->diagnosis, HEALTH_WARNING,
				      "%s: natpf: port %d of this host leads to the machine", file,
				      atoi(found + strlen(port)));
	}
}

static void judge_virtualbox(const struct search *search, const struct process *process)
{
	const struct file_owner owner = {.proc = search->examination->proc, .pid = process->pid};
	_cleanup_free_ char *names = NULL;
	_cleanup_close_ int folder = -1;
	char log[PATH_MAX];
	ssize_t length = -ENOENT;

	if (!process_open_path(owner.proc, owner.pid, VBOX_LOG, log, sizeof(log))) {
		log[strlen(log) - strlen(VBOX_LOG)] = '\0';
		folder = open_machine_folder(&owner, log);
		length = folder < 0 ? folder : file_names(&owner, folder, VBOX_FILES_MAX, &names);
	}
	if (length < 0)
		return diagnosis_add(search->diagnosis, HEALTH_UNKNOWN,
				     "%s (pid %d): its configuration cannot be found",
				     process->comm, (int)process->pid);
	for (const char *at = names; at < names + length; at += strlen(at) + 1) {
		_cleanup_free_ char *text = NULL;
		size_t used = strlen(at);

		if (used > strlen(VBOX_FILE) && !strcmp(at + used - strlen(VBOX_FILE), VBOX_FILE) &&
		    file_read(&owner, folder, at, VBOX_SIZE, &text) >= 0)
			judge_machine(search, at, text);
	}
}

void check_virtualbox(const struct examination *examination, struct diagnosis *diagnosis)
{
	static const char *const programs[] = {"VBoxHeadless", "VirtualBoxVM", "VBoxSDL", NULL};

	search_programs(examination, diagnosis, programs, judge_virtualbox);
}

/* podman, docker, … --network=host; the daemon knows them all by one rule. */
void check_host_network(const struct examination *examination, struct diagnosis *diagnosis)
{
	const json_t *guest;
	size_t i;

	if (!examination->guests)
		return diagnosis_add(diagnosis, HEALTH_UNKNOWN,
				     "lhguardd knows, but cannot be asked");
	json_array_foreach(examination->guests, i, guest)
	{
		const char *kind = json_string_value(json_object_get(guest, "kind"));
		const char *label = json_string_value(json_object_get(guest, "label"));

		if (kind && label && !strcmp(kind, "container") &&
		    !json_integer_value(json_object_get(guest, "netns")))
			diagnosis_add(diagnosis, HEALTH_WARNING, "%s", label);
	}
}
