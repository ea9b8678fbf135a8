/* SPDX-License-Identifier: BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#include "base/clock.h"

static void
test_fake_time_stands_still(void **state)
{
	(void)state;
	clock_fake(1700000000, 5000123);
	assert_int_equal(clock_wall_s(), 1700000000);
	assert_int_equal(clock_wall_ms(), INT64_C(1700000000000));
	assert_int_equal(clock_mono_us(), 5000123);
	assert_int_equal(clock_mono_ms(), 5000);
	clock_fake(1700000001, 5000124);
	assert_int_equal(clock_wall_s(), 1700000001);
	clock_real();
}

static void
test_real_time_is_the_systems(void **state)
{
	(void)state;
	struct timespec now;
	clock_real();
	assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
	assert_in_range((uintmax_t)(clock_wall_s() - now.tv_sec), 0, 60);
	uint64_t before = clock_mono_us();
	uint64_t after = clock_mono_us();
	assert_true(after >= before);
	assert_true(clock_mono_ms() >= before / 1000);
}

static void
test_days_and_times_are_utc(void **state)
{
	char day[CLOCK_DAY_LEN], when[CLOCK_TIME_LEN];

	(void)state;
	assert_string_equal(clock_day(day, 1795724252), "2026-11-26");
	assert_string_equal(clock_time(when, 1795724252),
	    "2026-11-26T20:17:32Z");
	assert_string_equal(clock_time(when, -1), "1969-12-31T23:59:59Z");
	/* A year that no int holds, and one that the buffer does not. */
	assert_string_equal(clock_day(day, INT64_MAX), "");
	assert_string_equal(clock_time(when, INT64_C(10000000000000000)), "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fake_time_stands_still),
		cmocka_unit_test(test_real_time_is_the_systems),
		cmocka_unit_test(test_days_and_times_are_utc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
