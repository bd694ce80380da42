// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Any bytes as a file of services' names, and behind the first NUL as a service that somebody writes.
 * The shipped names are asked for the same.
 */
#include "policy/services.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void read_bytes(struct services *services, const void *bytes, size_t size)
{
	int fd = memfd_create("services", MFD_CLOEXEC);
	char path[64];

	assert(fd >= 0);
	assert(write(fd, bytes, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert(!services_read(services, path, "/nowhere"));
	assert(!services_failure(services) ||
	       !strncmp(services_failure(services), path, strlen(path)));
	close(fd);
}

static void check_known(const struct services *services, const struct known_service *known)
{
	char text[SERVICE_TEXT_SIZE];
	struct service service;

	assert(known->service.first && known->service.first <= known->service.last);
	assert(known->service.family == AF_UNSPEC);
	assert(service_parse(known->name, &service, NULL) < 0);
	assert(!services_parse(services, known->name, &service, NULL));
	assert(service_equal(&service, &known->service));
	assert(services_of_port(services, known->service.protocol ?: IPPROTO_UDP,
				known->service.first));
	snprintf(text, sizeof(text), "[fd00::/64]:%s", known->name);
	assert(!services_parse(services, text, &service, NULL));
	assert(service.first == known->service.first && service.last == known->service.last);
}

/* What is taken can be written down and is taken again; what is not has a reason. */
static void ask(const struct services *services, const char *text)
{
	struct error error = {.text = ""};
	struct service service, again;
	char written[SERVICE_TEXT_SIZE];

	if (services_parse(services, text, &service, &error)) {
		assert(error.text[0]);
		return;
	}
	service_format(written, sizeof(written), &service);
	assert(!service_parse(written, &again, NULL) && service_equal(&service, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct services *shipped, *services;
	const uint8_t *split = memchr(bytes, '\0', size);
	size_t described = split ? (size_t)(split - bytes) : size;
	size_t length = split ? size - described - 1 : 0;
	char *text = calloc(1, length + 1);
	const struct known_service *known;

	if (!shipped) {
		shipped = services_new();
		services = services_new();
		assert(shipped && services);
		assert(!services_read(shipped, "conf/services.conf", "/nowhere"));
		assert(!services_failure(shipped));
	}
	assert(text);
	if (length)
		memcpy(text, split + 1, length);
	read_bytes(services, bytes, described);
	for (size_t i = 0; (known = services_at(services, i)); i++)
		check_known(services, known);
	ask(shipped, text);
	ask(services, text);
	free(text);
	return 0;
}
