// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes as a configuration file: taken whole or refused with file:line. */
#include "policy/config.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct error error = {.text = ""};
	struct config *config = NULL;
	int fd = memfd_create("config", MFD_CLOEXEC);
	char path[64];

	assert(fd >= 0);
	assert(write(fd, bytes, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (config_load(path, NULL, NULL, &config, &error) < 0) {
		assert(!config && !strncmp(error.text, path, strlen(path)));
	} else {
		assert(config->default_count >= KIND_COUNT && config->lan_count <= LAN_MAX);
		assert(config->loopback.settings.number != config->guests.settings.number);
	}
	config_free(config);
	close(fd);
	return 0;
}
