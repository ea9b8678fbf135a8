/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_WHEEL_H
#define BASE_WHEEL_H
/*
 * base/wheel - many timers, cheap to set and to stop: a hashed timing wheel.
 *
 * Timers are embedded in the caller's objects.  Time is given, in monotonic
 * milliseconds; a timer comes when the wheel is advanced past it, never early
 * and at most WHEEL_TICK_MS late.  Not thread-safe: one wheel a worker.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/list.h"

#define WHEEL_TICK_MS 10

struct wheel;

struct wheel_timer {
	struct list link;   /* on no list: not running */
	uint64_t due_ms;
	void (*fn)(struct wheel_timer *t);
};

/* 0 or -ENOMEM. */
MUSTCHECK int wheel_new(struct wheel **out, uint64_t now_ms);
/* Timers that run are just forgotten; takes NULL. */
void wheel_free(struct wheel *w);

/* Once, before anything else is done with it. */
void wheel_timer_init(struct wheel_timer *t, void (*fn)(struct wheel_timer *));
bool wheel_timer_runs(const struct wheel_timer *t);

/*
 * (Re)start.  due_ms that the wheel has already passed: at the next advance,
 * never inside the one under way.
 */
void wheel_start(struct wheel *w, struct wheel_timer *t, uint64_t due_ms);
void wheel_stop(struct wheel *w, struct wheel_timer *t); /* also when idle */

/* Timers that run. */
size_t wheel_count(const struct wheel *w);

/*
 * Calls fn of each that is due, in order of ticks (inside a tick in no
 * particular one); fn may start, stop and free any timer, its own too, but not
 * advance or free the wheel.  A time before the last one does nothing.
 */
void wheel_advance(struct wheel *w, uint64_t now_ms);

/* Before this nothing is due (it may be that nothing is then either);
 * UINT64_MAX: nothing runs. */
uint64_t wheel_next_ms(const struct wheel *w);

#endif
