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

MUSTCHECK int wheel_new(struct wheel **out, uint64_t now_ms);
void wheel_free(struct wheel *w); /* timers that run are just forgotten */

/* Once, before anything else is done with it. */
void wheel_timer_init(struct wheel_timer *t, void (*fn)(struct wheel_timer *));
bool wheel_timer_runs(const struct wheel_timer *t);

/* (Re)start; due_ms in the past: at the next advance. */
void wheel_start(struct wheel *w, struct wheel_timer *t, uint64_t due_ms);
void wheel_stop(struct wheel *w, struct wheel_timer *t); /* also when idle */

/* Calls fn of each that is due, in order of ticks; fn may start, stop and free
 * any timer, its own too. */
void wheel_advance(struct wheel *w, uint64_t now_ms);

/* No later than this something is due; UINT64_MAX: nothing runs. */
uint64_t wheel_next_ms(const struct wheel *w);

#endif
