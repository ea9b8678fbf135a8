/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H
/*
 * base/clock - wall and monotonic time behind one switch.
 *
 * Wall time is Unix time; monotonic time never goes back and is used for
 * every duration.  Tests own the time with clock_fake.
 */
#include <stdint.h>

int64_t clock_wall_s(void);
int64_t clock_wall_ms(void);
uint64_t clock_mono_ms(void);
uint64_t clock_mono_us(void);

#define CLOCK_DAY_LEN 16
/* "2026-11-26", the day in UTC, in out; "" where no calendar has it. */
const char *clock_day(char out[CLOCK_DAY_LEN], int64_t unix_s);
#define CLOCK_TIME_LEN 24
/* "2026-11-26T20:12:36Z" in out; "" where no calendar has it. */
const char *clock_time(char out[CLOCK_TIME_LEN], int64_t unix_s);

/* Tests: freeze both clocks at these values until clock_real(). */
void clock_fake(int64_t wall_s, uint64_t mono_us);
void clock_real(void);

#endif
