// SPDX-License-Identifier: GPL-2.0-or-later
/* daemon/mode.c: since when the mode in force is, whatever ended the one before it. No kernel takes part. */
#include "parts.h"

#include "util/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define STARTED_US 1000000 /* long ago */

static int table_result;
static unsigned int tables, told;

int __wrap_daemon_install_table(struct daemon *daemon, const struct config *config,
				struct error *error);
void __wrap_control_status_changed(struct control *control);
void __wrap_loop_read_resolvers(struct daemon *daemon);

int __wrap_daemon_install_table(struct daemon *daemon, const struct config *config,
				struct error *error)
{
	tables++;
	return table_result ? error_set(error, table_result, "nftables: no") : 0;
}

void __wrap_control_status_changed(struct control *control)
{
	told++;
}

void __wrap_loop_read_resolvers(struct daemon *daemon)
{
}

/* As daemon_reload() does with a file that says @mode, once the table is there. */
static void load(struct daemon *daemon, enum guard_mode mode)
{
	struct config *config = config_new_default();

	assert_non_null(config);
	config->mode = mode;
	load_use(daemon, config);
}

static int start(void **state)
{
	struct daemon *daemon = calloc(1, sizeof(*daemon));

	assert_non_null(daemon);
	daemon->since_us = STARTED_US;
	assert_true(sd_event_new(&daemon->loop) >= 0);
	assert_true(mode_add_source(daemon) >= 0);
	load(daemon, MODE_ENFORCE);
	table_result = 0;
	tables = told = 0;
	*state = daemon;
	return 0;
}

static int stop(void **state)
{
	struct daemon *daemon = *state;

	config_free(daemon->config);
	sd_event_source_unref(daemon->mode_timer);
	sd_event_unref(daemon->loop);
	free(daemon);
	return 0;
}

static int set(struct daemon *daemon, enum guard_mode mode, uint64_t seconds)
{
	const struct mode_change change = {.mode = mode, .seconds = seconds};
	struct error error;

	return mode_set(daemon, &change, &error);
}

static uint64_t since(const struct daemon *daemon, const char *mode)
{
	struct status status = {0};

	mode_fill_status(daemon, &status);
	assert_string_equal(status.mode, mode);
	assert_int_equal(daemon->guard.enforce, mode[0] == 'e');
	return status.mode_since_us;
}

/* That it begins now is told by what the clock said before. */
#define assert_since(daemon, mode, before_us)                                                      \
	do {                                                                                       \
		assert_true(since(daemon, mode) >= (before_us));                                   \
		assert_true(since(daemon, mode) <= clock_realtime_us());                           \
	} while (0)

static void the_first_is_as_old_as_the_daemon(void **state)
{
	assert_int_equal(since(*state, "enforce"), STARTED_US);
}

static void one_that_is_taken_back_leaves_one_that_begins(void **state)
{
	struct daemon *daemon = *state;
	uint64_t before_us = clock_realtime_us(), again_us;

	assert_int_equal(set(daemon, MODE_MONITOR, 0), 0);
	assert_since(daemon, "monitor", before_us);
	again_us = since(daemon, "monitor") + 1;
	while (clock_realtime_us() < again_us)
		;
	assert_int_equal(set(daemon, MODE_ENFORCE, 0), 0);
	assert_since(daemon, "enforce", again_us);
	assert_false(daemon->override.is_set);
	assert_int_equal(tables, 2);
	assert_int_equal(told, 2);
}

static void one_whose_time_is_over_leaves_one_that_begins(void **state)
{
	struct daemon *daemon = *state;
	uint64_t before_us = clock_realtime_us();

	assert_int_equal(set(daemon, MODE_MONITOR, 1), 0);
	assert_since(daemon, "monitor", before_us);
	assert_true(sd_event_run(daemon->loop, 10000000) > 0);
	assert_since(daemon, "enforce", before_us + 900000);
}

/* Nor does the table, should it not be written then, make it another time when it is. */
static void a_table_that_comes_later_does_not_begin_it_anew(void **state)
{
	struct daemon *daemon = *state;
	uint64_t began_us;

	assert_int_equal(set(daemon, MODE_MONITOR, 1), 0);
	table_result = -EBUSY;
	assert_true(sd_event_run(daemon->loop, 10000000) > 0);
	began_us = since(daemon, "enforce");
	assert_true(began_us > STARTED_US);
	table_result = 0;
	assert_true(sd_event_run(daemon->loop, 10000000) > 0);
	assert_int_equal(tables, 3);
	assert_int_equal(since(daemon, "enforce"), began_us);
}

static void the_same_set_again_does_not_begin_anew(void **state)
{
	struct daemon *daemon = *state;
	uint64_t began_us;

	assert_int_equal(set(daemon, MODE_ENFORCE, 600), 0);
	assert_int_equal(since(daemon, "enforce"), STARTED_US);
	assert_int_equal(set(daemon, MODE_MONITOR, 0), 0);
	began_us = since(daemon, "monitor");
	assert_int_equal(set(daemon, MODE_MONITOR, 600), 0);
	assert_int_equal(since(daemon, "monitor"), began_us);
	assert_true(daemon->override.created_us >= began_us);
}

static void one_that_could_not_be_set_is_none(void **state)
{
	struct daemon *daemon = *state;

	table_result = -EBUSY;
	assert_int_equal(set(daemon, MODE_MONITOR, 0), -EBUSY);
	assert_int_equal(since(daemon, "enforce"), STARTED_US);
}

static void a_reload_begins_only_another(void **state)
{
	struct daemon *daemon = *state;
	uint64_t before_us = clock_realtime_us(), began_us;

	load(daemon, MODE_ENFORCE);
	assert_int_equal(since(daemon, "enforce"), STARTED_US);
	load(daemon, MODE_MONITOR);
	assert_since(daemon, "monitor", before_us);
	began_us = since(daemon, "monitor");
	load(daemon, MODE_MONITOR);
	assert_int_equal(since(daemon, "monitor"), began_us);
}

/* What somebody set over the configuration stays in force, whatever that says now. */
static void a_reload_under_one_that_was_set_begins_none(void **state)
{
	struct daemon *daemon = *state;
	uint64_t began_us;

	assert_int_equal(set(daemon, MODE_MONITOR, 600), 0);
	began_us = since(daemon, "monitor");
	load(daemon, MODE_MONITOR);
	load(daemon, MODE_ENFORCE);
	assert_int_equal(since(daemon, "monitor"), began_us);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_is_as_old_as_the_daemon),
		TEST(one_that_is_taken_back_leaves_one_that_begins),
		TEST(one_whose_time_is_over_leaves_one_that_begins),
		TEST(a_table_that_comes_later_does_not_begin_it_anew),
		TEST(the_same_set_again_does_not_begin_anew),
		TEST(one_that_could_not_be_set_is_none),
		TEST(a_reload_begins_only_another),
		TEST(a_reload_under_one_that_was_set_begins_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
