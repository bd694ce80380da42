// SPDX-License-Identifier: GPL-2.0-or-later
/* cli/notify/mutes: a list that lasts, whatever is put on it and whoever writes it. */
#include "cli/notify/mutes.h"

#include "util/array.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define SERVICE "tcp/127.0.0.1:9222"

/* In a folder that is not there yet, two deep. */
struct place {
	char root[64];
	char folder[96];
	char file[128];
	struct mutes *mutes;
};

static int setup(void **state)
{
	struct place *place = calloc(1, sizeof(*place));

	strcpy(place->root, "/tmp/lhg-mutes-XXXXXX");
	assert_non_null(mkdtemp(place->root));
	snprintf(place->folder, sizeof(place->folder), "%s/state/lhguard", place->root);
	snprintf(place->file, sizeof(place->file), "%s/muted", place->folder);
	place->mutes = mutes_new(place->folder);
	assert_non_null(place->mutes);
	*state = place;
	return 0;
}

static int teardown(void **state)
{
	struct place *place = *state;
	char command[128];

	mutes_free(place->mutes);
	snprintf(command, sizeof(command), "rm -rf %s", place->root);
	assert_int_equal(system(command), 0); // NOLINT(cert-env33-c): a path of our own
	free(place);
	return 0;
}

static int add(struct place *place, const char *label, const char *service)
{
	struct error error = {.text = ""};

	return mutes_add(place->mutes, label, service, &error);
}

static void load(struct place *place)
{
	struct error error = {.text = ""};

	assert_int_equal(mutes_load(place->mutes, &error), 0);
}

static void put_file(struct place *place, const char *text, size_t length)
{
	FILE *file;

	add(place, "vm:x", SERVICE); /* makes the folder */
	file = fopen(place->file, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, length, file), length);
	assert_int_equal(fclose(file), 0);
}

static void nothing_is_muted_at_first(void **state)
{
	struct place *place = *state;

	load(place);
	assert_int_equal(mutes_count(place->mutes), 0);
	assert_false(mutes_have(place->mutes, "vm:devbox", SERVICE));
}

static void what_is_muted_stays_muted(void **state)
{
	struct place *place = *state;
	struct mutes *others;
	struct error error = {.text = ""};
	struct stat status;

	assert_int_equal(add(place, "vm:devbox", SERVICE), 1);
	assert_int_equal(add(place, "container:web", SERVICE), 2);
	assert_int_equal(add(place, "vm:devbox", SERVICE), 1); /* once is enough */
	assert_true(mutes_have(place->mutes, "vm:devbox", SERVICE));
	assert_false(mutes_have(place->mutes, "vm:devbox", "tcp/127.0.0.1:9223"));
	assert_false(mutes_have(place->mutes, "vm:devbo", SERVICE));
	others = mutes_new(place->folder);
	assert_int_equal(mutes_load(others, &error), 0);
	assert_int_equal(mutes_count(others), 2);
	assert_true(mutes_have(others, "container:web", SERVICE));
	assert_string_equal(mutes_line(others, 1), "vm:devbox " SERVICE);
	mutes_free(others);
	assert_int_equal(stat(place->file, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
}

static void any_name_can_be_muted(void **state)
{
	static const char *const labels[] = {
		"vm:build agent", "vm:a\nvm:b tcp/1", "vm:\033[31m", "vm:\\x41",
		"vm:back\\slash", "vm:\xff\xfe",      "vm:x ",	     "vm:\xc3\xa4",
	};
	size_t count = ARRAY_SIZE(labels);
	struct place *place = *state;

	for (size_t i = 0; i < count; i++)
		assert_int_equal(add(place, labels[i], SERVICE), i + 1);
	load(place);
	assert_int_equal(mutes_count(place->mutes), count);
	for (size_t i = 0; i < count; i++) {
		assert_true(mutes_have(place->mutes, labels[i], SERVICE));
		assert_null(strpbrk(mutes_line(place->mutes, i + 1), "\n\033"));
	}
	assert_false(mutes_have(place->mutes, "vm:A", SERVICE));
	assert_false(mutes_have(place->mutes, "vm:b", "tcp/1"));
}

static void what_is_no_line_is_left_out(void **state)
{
	static const char text[] =
		"vm:a " SERVICE "\n\nnothing\n \nvm:b \n \xff " SERVICE "\n"
		"vm:\033 " SERVICE "\nvm:c " SERVICE "\nvm:a " SERVICE "\nvm:d " SERVICE;
	struct place *place = *state;

	put_file(place, text, sizeof(text) - 1);
	load(place);
	assert_int_equal(mutes_count(place->mutes), 3);
	assert_string_equal(mutes_line(place->mutes, 3), "vm:d " SERVICE);
}

/* A hand, or lhguard-notify --unmute, may have changed the file since it was read. */
static void what_others_wrote_is_kept(void **state)
{
	static const char text[] = "vm:b " SERVICE "\n";
	struct place *place = *state;

	put_file(place, text, sizeof(text) - 1);
	assert_int_equal(add(place, "vm:c", SERVICE), 2);
	load(place);
	assert_int_equal(mutes_count(place->mutes), 2);
	assert_true(mutes_have(place->mutes, "vm:b", SERVICE));
	assert_false(mutes_have(place->mutes, "vm:x", SERVICE));
}

static void one_is_taken_off_or_all(void **state)
{
	struct place *place = *state;
	struct error error = {.text = ""};

	add(place, "vm:a", SERVICE);
	add(place, "vm:b", SERVICE);
	add(place, "vm:c", SERVICE);
	assert_int_equal(mutes_remove(place->mutes, 2, &error), 0);
	assert_int_equal(mutes_remove(place->mutes, 3, &error), -ENOENT);
	assert_non_null(strstr(error.text, "no number 3"));
	load(place);
	assert_int_equal(mutes_count(place->mutes), 2);
	assert_string_equal(mutes_line(place->mutes, 2), "vm:c " SERVICE);
	assert_int_equal(mutes_remove(place->mutes, MUTES_ALL, &error), 0);
	load(place);
	assert_int_equal(mutes_count(place->mutes), 0);
}

static void there_is_an_end_to_it(void **state)
{
	struct place *place = *state;
	FILE *file;

	add(place, "vm:x", SERVICE);
	file = fopen(place->file, "w");
	for (int i = 0; i < MUTES_MAX + 100; i++)
		fprintf(file, "vm:%d " SERVICE "\n", i);
	fclose(file);
	load(place);
	assert_int_equal(mutes_count(place->mutes), MUTES_MAX);
	assert_int_equal(add(place, "vm:new", SERVICE), -ENOSPC);
	assert_int_equal(add(place, "vm:5", SERVICE), 6);
	assert_false(mutes_have(place->mutes, "vm:new", SERVICE));
}

static void what_cannot_be_written_is_not_muted(void **state)
{
	struct place *place = *state;
	struct error error = {.text = ""};
	char block[160];

	add(place, "vm:a", SERVICE);
	snprintf(block, sizeof(block), "%s.new", place->file);
	assert_int_equal(mkdir(block, 0700), 0); /* where the new file is to be */
	assert_true(mutes_add(place->mutes, "vm:b", SERVICE, &error) < 0);
	assert_non_null(strstr(error.text, place->file));
	assert_false(mutes_have(place->mutes, "vm:b", SERVICE));
	load(place);
	assert_int_equal(mutes_count(place->mutes), 1);
}

/* The list is read in the agent's main loop. */
static void a_file_without_an_end_is_left(void **state)
{
	struct place *place = *state;

	add(place, "vm:devbox", SERVICE);
	assert_int_equal(unlink(place->file), 0);
	assert_int_equal(symlink("/dev/zero", place->file), 0);
	alarm(60);
	load(place);
	alarm(0);
	assert_int_equal(mutes_count(place->mutes), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_muted_at_first),     TEST(what_is_muted_stays_muted),
		TEST(any_name_can_be_muted),	     TEST(what_is_no_line_is_left_out),
		TEST(what_others_wrote_is_kept),     TEST(one_is_taken_off_or_all),
		TEST(there_is_an_end_to_it),	     TEST(what_cannot_be_written_is_not_muted),
		TEST(a_file_without_an_end_is_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
