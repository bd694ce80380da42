// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as a catalogue, and behind the first NUL as what it is asked about: a cgroup, a program,
 * an interface, a command line. The shipped catalogue is asked the same.
 */
#include "guests/catalogue_tables.h"
#include "guests/names.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static struct catalogue *read_bytes(const void *bytes, size_t size)
{
	struct catalogue *catalogue = NULL;
	struct error error = {.text = ""};
	int fd = memfd_create("catalogue", MFD_CLOEXEC);
	char path[64];

	assert(fd >= 0);
	assert(write(fd, bytes, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (catalogue_load(&catalogue, path, "/nowhere", &error))
		assert(!catalogue && !strncmp(error.text, path, strlen(path)));
	else
		assert(!catalogue_failure(catalogue) ||
		       !strncmp(catalogue_failure(catalogue), path, strlen(path)));
	close(fd);
	return catalogue;
}

static void check_match(const struct catalogue *catalogue, const char *path,
			const struct cgroup_match *match)
{
	assert(match->node_length && match->node_length <= strlen(path));
	assert(path[match->node_length] == '/' || !path[match->node_length]);
	assert(match->level >= 1 && match->id[0] && strlen(match->id) < NAME_SIZE);
	assert(catalogue_runtime(catalogue, match->runtime) == match->description);
}

static void ask(const struct catalogue *catalogue, const char *text, size_t length)
{
	struct cgroup_match match;
	const struct program *program;

	if (catalogue_cgroup(catalogue, text, &match)) {
		check_match(catalogue, text, &match);
		assert(match.kind != KIND_SANDBOX);
	}
	if (catalogue_sandbox(catalogue, text, &match)) {
		check_match(catalogue, text, &match);
		assert(match.kind == KIND_SANDBOX);
	}
	program = catalogue_program(catalogue, "", text, text);
	assert(!program || program->role == PROGRAM_VMM || program->role == PROGRAM_CONDUIT);
	program = catalogue_program(catalogue, text, "", "");
	assert(!program || catalogue_runtime(catalogue, program->runtime) == program->description);
	program = catalogue_command(catalogue, text, text, length);
	assert(!program || catalogue_has_command(catalogue, text));
	catalogue_library(catalogue, text);
	catalogue_interface(catalogue, text);
	if (length >= MAC_SIZE)
		catalogue_mac(catalogue, (const uint8_t *)text);
	for (size_t i = 0; i < catalogue->runtime_count; i++) {
		char name[NAME_SIZE];

		if (names_from_arguments(&catalogue->runtimes[i], text, text, length, name))
			assert(name[0] && strlen(name) < NAME_SIZE);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct catalogue *shipped;
	const uint8_t *split = memchr(bytes, '\0', size);
	size_t described = split ? (size_t)(split - bytes) : size;
	struct catalogue *catalogue = read_bytes(bytes, described);
	size_t length = split ? size - described - 1 : 0;
	char *text = calloc(1, length + 1);

	assert(text &&
	       (shipped || !catalogue_load(&shipped, "conf/guests.conf", "/nowhere", NULL)));
	if (length)
		memcpy(text, split + 1, length);
	ask(shipped, text, length + 1);
	if (catalogue)
		ask(catalogue, text, length + 1);
	catalogue_free(catalogue);
	free(text);
	return 0;
}
