// SPDX-License-Identifier: GPL-2.0-or-later
/* Any bytes as the desktop agent's files: its settings, or, with an odd first byte, its mute list. */
#include "../../cli/notify/mutes.h"
#include "../../cli/notify/settings.h"

#include <assert.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void assert_printable(const char *text)
{
	for (; *text; text++)
		assert((unsigned char)*text >= ' ' && *text != 0x7f);
}

static void note_mistake(void *data, const char *text)
{
	const char *path = data;

	assert(!strncmp(text, path, strlen(path)) && text[strlen(path)] == ':');
	assert_printable(text);
}

static void read_settings(const uint8_t *bytes, size_t size)
{
	int fd = memfd_create("settings", MFD_CLOEXEC);
	struct settings settings;
	char path[64];

	assert(fd >= 0);
	assert(write(fd, bytes, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	assert(!settings_load(&settings, path, note_mistake, path));
	assert(settings.timeout_ms >= -1);
	assert(settings.quiet_from < MINUTES_A_DAY && settings.quiet_to < MINUTES_A_DAY);
	for (unsigned int minute = 0; minute < MINUTES_A_DAY; minute += 59)
		if (settings.has_quiet && settings_are_quiet(&settings, minute))
			assert(settings_quiet_left(&settings, minute) <= MINUTES_A_DAY);
	close(fd);
}

static char folder[] = "/tmp/lhguard-fuzz-XXXXXX";

static void remove_folder(void)
{
	rmdir(folder);
}

/* What was read is written whole with one more, and read again the same. */
static void read_mutes(const uint8_t *bytes, size_t size)
{
	static char path[64];
	struct error error = {.text = ""};
	struct mutes *mutes, *again;
	int fd;

	if (!path[0]) {
		assert(mkdtemp(folder) && !atexit(remove_folder));
		snprintf(path, sizeof(path), "%s/" MUTES_FILE_NAME, folder);
	}
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert(fd >= 0);
	assert(write(fd, bytes, size) == (ssize_t)size);
	close(fd);
	mutes = mutes_new(folder);
	again = mutes_new(folder);
	assert(mutes && again && !mutes_load(mutes, &error));
	assert(mutes_count(mutes) <= MUTES_MAX);
	if (mutes_add(mutes, "vm:a\nb \\ c", "tcp/127.0.0.1:9222", &error) > 0) {
		assert(mutes_have(mutes, "vm:a\nb \\ c", "tcp/127.0.0.1:9222"));
		assert(!mutes_load(again, &error));
		assert(mutes_have(again, "vm:a\nb \\ c", "tcp/127.0.0.1:9222"));
		assert(mutes_count(again) == mutes_count(mutes));
	}
	for (size_t i = 1; i <= mutes_count(mutes); i++)
		assert_printable(mutes_line(mutes, i));
	mutes_free(mutes);
	mutes_free(again);
	unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size && bytes[0] % 2)
		read_mutes(bytes + 1, size - 1);
	else if (size)
		read_settings(bytes + 1, size - 1);
	return 0;
}
