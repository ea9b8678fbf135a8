/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

static atomic_bool faked;
static atomic_int_least64_t fake_wall_s;
static atomic_uint_least64_t fake_mono_us;

int64_t
clock_wall_ms(void)
{
	if (atomic_load(&faked))
		return atomic_load(&fake_wall_s) * 1000;
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
clock_wall_s(void)
{
	if (atomic_load(&faked))
		return atomic_load(&fake_wall_s);
	struct timespec now;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec;
}

uint64_t
clock_mono_us(void)
{
	if (atomic_load(&faked))
		return atomic_load(&fake_mono_us);
	struct timespec now;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

uint64_t
clock_mono_ms(void)
{
	return clock_mono_us() / 1000;
}

const char *
clock_day(char out[CLOCK_DAY_LEN], int64_t unix_s)
{
	time_t t = (time_t)unix_s;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(out, CLOCK_DAY_LEN, "%Y-%m-%d", &tm) == 0)
		out[0] = '\0';
	return out;
}

const char *
clock_time(char out[CLOCK_TIME_LEN], int64_t unix_s)
{
	time_t t = (time_t)unix_s;
	struct tm tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(out, CLOCK_TIME_LEN, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		out[0] = '\0';
	return out;
}

void
clock_fake(int64_t wall_s, uint64_t mono_us)
{
	atomic_store(&fake_wall_s, wall_s);
	atomic_store(&fake_mono_us, mono_us);
	atomic_store(&faked, true);
}

void
clock_real(void)
{
	atomic_store(&faked, false);
}
