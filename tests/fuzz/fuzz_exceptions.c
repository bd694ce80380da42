// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes as a file of exceptions: refused, or read, printed and read again without a loss. */
#include "policy/rules.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static int read_bytes(const void *bytes, size_t size, struct rules *rules, uint32_t *next)
{
	struct error error = {.text = ""};
	int fd = memfd_create("exceptions", MFD_CLOEXEC);
	char path[64];
	int ret;

	assert(fd >= 0);
	assert(write(fd, bytes, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ret = rules_read(path, rules, next, &error);
	assert(ret == 0 || !strncmp(error.text, path, strlen(path)));
	close(fd);
	return ret;
}

static void assert_same(const struct exception *a, const struct exception *b)
{
	assert(a->id == b->id && a->allow == b->allow && a->creator == b->creator);
	assert(a->created_us == b->created_us && a->expires_us == b->expires_us);
	assert(!memcmp(&a->service, &b->service, sizeof(a->service)));
	assert(selector_equal(&a->source, &b->source));
	assert(!strcmp(a->comment, b->comment));
	assert(!strcmp(a->guest_key, b->guest_key) && a->cut == b->cut && !a->guest && !b->guest);
	assert(a->source.type != SELECT_GUEST || a->guest_key[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct rules rules = {.rule = NULL}, again = {.rule = NULL};
	uint32_t next = 0, next_again = 0;
	char *text = NULL;
	size_t length = 0;
	FILE *file;

	if (read_bytes(bytes, size, &rules, &next) == 0) {
		file = open_memstream(&text, &length);
		assert(file && rules_print(file, &rules, next) == 0);
		fclose(file);
		assert(read_bytes(text, length, &again, &next_again) == 0);
		assert(again.count == rules.count && next_again == next);
		for (size_t i = 0; i < rules.count; i++)
			assert_same(rules.rule[i], again.rule[i]);
	}
	free(text);
	rules_clear(&rules);
	rules_clear(&again);
	return 0;
}
