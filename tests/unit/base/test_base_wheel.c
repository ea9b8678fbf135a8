/* SPDX-License-Identifier: BSD-2-Clause */
/* Timers: never early, at most a tick late, free to do all in their call. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/wheel.h"

#define START UINT64_C(1000000007)

struct one {
	struct wheel_timer timer;
	uint64_t came_ms;   /* now when it came, 0: not yet */
	unsigned n;
	struct one *stops, *starts;
	uint64_t start_ms;
	bool frees;
};

static struct wheel *w;
static uint64_t now;

static void
on_due(struct wheel_timer *t)
{
	struct one *o = CONTAINER_OF(t, struct one, timer);

	assert_false(wheel_timer_runs(t));
	assert_true(now >= t->due_ms);
	o->came_ms = now;
	o->n++;
	if (o->stops != NULL)
		wheel_stop(w, &o->stops->timer);
	if (o->starts != NULL)
		wheel_start(w, &o->starts->timer, o->start_ms);
	if (o->frees)
		free(o);
}

static void
start(struct one *o, uint64_t due_ms)
{
	*o = (struct one) { 0 };
	wheel_timer_init(&o->timer, on_due);
	wheel_start(w, &o->timer, due_ms);
}

static void
to(uint64_t ms)
{
	now = ms;
	wheel_advance(w, now);
}

static int
setup(void **state)
{
	now = START;
	return wheel_new(&w, now);
}

static int
teardown(void **state)
{
	wheel_free(w);
	return 0;
}

static void
never_early_and_a_tick_late_at_most(void **state)
{
	static const uint64_t after[] = { 1, 9, 10, 11, 499, 500, 32000, 40959,
		40960, 40961, 81920, 180000, 3600000 };
	struct one o[ARRAY_LEN(after)];

	for (size_t i = 0; i < ARRAY_LEN(after); i++)
		start(&o[i], START + after[i]);
	assert_int_equal(wheel_count(w), ARRAY_LEN(after));
	while (wheel_count(w) > 0)
		to(now + 1);
	for (size_t i = 0; i < ARRAY_LEN(after); i++) {
		assert_int_equal(o[i].n, 1);
		assert_in_range(o[i].came_ms, START + after[i],
		    START + after[i] + WHEEL_TICK_MS);
	}
}

static void
next_is_never_too_late(void **state)
{
	static const uint64_t after[] = { 5, 700, 41000, 90000, 500000 };
	struct one o[ARRAY_LEN(after)];
	unsigned turns = 0;

	assert_int_equal(wheel_next_ms(w), UINT64_MAX);
	for (size_t i = 0; i < ARRAY_LEN(after); i++)
		start(&o[i], START + after[i]);
	while (wheel_count(w) > 0) {
		uint64_t next = wheel_next_ms(w);

		assert_true(next > now);
		to(next);
		turns++;
	}
	for (size_t i = 0; i < ARRAY_LEN(after); i++)
		assert_in_range(o[i].came_ms, START + after[i],
		    START + after[i] + WHEEL_TICK_MS);
	assert_in_range(turns, 5, 40);
	assert_int_equal(wheel_next_ms(w), UINT64_MAX);
}

static void
a_long_jump_keeps_the_order(void **state)
{
	struct one o[3];

	start(&o[0], START + 41000); /* one round and a bit */
	start(&o[1], START + 100);
	start(&o[2], START + 50000);
	o[1].stops = &o[2];
	to(START + 86400000);
	assert_int_equal(o[0].n, 1);
	assert_int_equal(o[1].n, 1);
	assert_int_equal(o[2].n, 0); /* stopped before its time */
	assert_int_equal(wheel_count(w), 0);
}

static void
the_past_comes_at_the_next_advance(void **state)
{
	struct one a, b;

	start(&a, START - 5000);
	assert_int_equal(a.n, 0);
	to(START);
	assert_int_equal(a.n, 0); /* no tick has passed */
	to(START + 10);
	assert_int_equal(a.n, 1);
	/* From inside of a call: not in the same advance, or it never ends. */
	start(&a, START + 20);
	start(&b, START + 30);
	a.starts = &a;
	a.start_ms = START;
	to(START + 5000);
	assert_int_equal(a.n, 1);
	assert_int_equal(b.n, 1);
	a.starts = NULL;
	to(START + 5010);
	assert_int_equal(a.n, 2);
}

static void
a_timer_may_stop_its_neighbour_of_the_same_tick(void **state)
{
	struct one o[3];

	for (int i = 0; i < 3; i++)
		start(&o[i], START + 500);
	o[0].stops = &o[1];
	o[1].stops = &o[0];
	to(START + 510);
	assert_int_equal(o[0].n + o[1].n, 1);
	assert_int_equal(o[2].n, 1);
}

static void
a_timer_may_free_itself(void **state)
{
	for (int i = 0; i < 100; i++) {
		struct one *o = malloc(sizeof(*o));

		assert_non_null(o);
		start(o, START + 500 + (uint64_t)i / 10);
		o->frees = true;
	}
	to(START + 600);
	assert_int_equal(wheel_count(w), 0);
}

static void
start_again_and_stop_again(void **state)
{
	struct one o;

	start(&o, START + 100);
	wheel_start(w, &o.timer, START + 300);
	assert_int_equal(wheel_count(w), 1);
	to(START + 200);
	assert_int_equal(o.n, 0);
	wheel_stop(w, &o.timer);
	wheel_stop(w, &o.timer);
	assert_false(wheel_timer_runs(&o.timer));
	assert_int_equal(wheel_count(w), 0);
	to(START + 1000);
	assert_int_equal(o.n, 0);
	to(START); /* a time before the last one */
	wheel_start(w, &o.timer, START + 2000);
	to(START + 2010);
	assert_int_equal(o.n, 1);
}

/* Against what the times say, in steps of all lengths. */
static void
each_comes_in_its_tick_and_once(void **state)
{
	static struct one o[500];
	uint32_t seed = 1;

	for (size_t i = 0; i < ARRAY_LEN(o); i++) {
		seed = seed * 1664525 + 1013904223;
		start(&o[i], START + 10 + (seed >> 8) % 200000);
	}
	while (now < START + 210000) {
		seed = seed * 1664525 + 1013904223;
		to(now + (seed >> 8) % 3000);
		for (size_t i = 0; i < ARRAY_LEN(o); i++)
			assert_int_equal(o[i].n, (o[i].timer.due_ms + 9) / 10 <=
			    now / 10);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(never_early_and_a_tick_late_at_most),
		T(next_is_never_too_late),
		T(a_long_jump_keeps_the_order),
		T(the_past_comes_at_the_next_advance),
		T(a_timer_may_stop_its_neighbour_of_the_same_tick),
		T(a_timer_may_free_itself),
		T(start_again_and_stop_again),
		T(each_comes_in_its_tick_and_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
