/* SPDX-License-Identifier: BSD-2-Clause */
/* net/loop: letters in order, from any thread; reaping after the turn. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/loop.h"

#define LETTERS 1000
#define THREADS 4

struct record {
	struct loop *loop;
	int seen[THREADS];   /* next number expected of each thread */
	int count;
	bool in_order;
};

struct letter {
	struct loop_letter letter;
	struct record *record;
	int thread, number;
};

static void
take(void *arg)
{
	struct letter *l = arg;
	struct record *r = l->record;

	if (r->seen[l->thread]++ != l->number)
		r->in_order = false;
	if (++r->count == THREADS * LETTERS)
		loop_stop(r->loop);
}

static struct letter letters[THREADS][LETTERS];

static void *
post_all(void *arg)
{
	struct letter *mine = arg;

	for (int i = 0; i < LETTERS; i++)
		loop_post(mine[i].record->loop, &mine[i].letter);
	return NULL;
}

static void
letters_arrive_once_and_in_order(void **state)
{
	struct record r = { .in_order = true };
	pthread_t thread[THREADS];

	assert_int_equal(loop_new(&r.loop), 0);
	for (int t = 0; t < THREADS; t++) {
		for (int i = 0; i < LETTERS; i++)
			letters[t][i] = (struct letter) {
				.letter = { .fn = take, .arg = &letters[t][i] },
				.record = &r, .thread = t, .number = i,
			};
		assert_int_equal(pthread_create(&thread[t], NULL, post_all,
		    letters[t]), 0);
	}
	loop_run(r.loop);
	for (int t = 0; t < THREADS; t++)
		pthread_join(thread[t], NULL);
	assert_int_equal(r.count, THREADS * LETTERS);
	assert_true(r.in_order);
	loop_free(r.loop);
}

struct reaped {
	struct loop_letter letter;
	struct loop_reap reap;
	struct loop *loop;
	bool in_letter, freed, freed_inside;
};

static void
reap(void *arg)
{
	struct reaped *r = arg;

	r->freed = true;
	r->freed_inside = r->in_letter;
	loop_stop(r->loop);
}

static void
ask_to_reap(void *arg)
{
	struct reaped *r = arg;

	r->in_letter = true;
	r->reap.fn = reap;
	r->reap.arg = r;
	loop_reap(r->loop, &r->reap);
	r->in_letter = false;
}

static void
reaping_waits_for_the_end_of_the_turn(void **state)
{
	struct reaped r = { 0 };

	assert_int_equal(loop_new(&r.loop), 0);
	r.letter.fn = ask_to_reap;
	r.letter.arg = &r;
	loop_post(r.loop, &r.letter);
	loop_run(r.loop);
	assert_true(r.freed);
	assert_false(r.freed_inside);
	loop_free(r.loop);
}

static void
a_letter_posted_before_the_stop_is_read(void **state)
{
	struct reaped r = { 0 };

	assert_int_equal(loop_new(&r.loop), 0);
	loop_stop(r.loop);
	r.letter.fn = ask_to_reap;
	r.letter.arg = &r;
	loop_post(r.loop, &r.letter);
	loop_run(r.loop);
	assert_true(r.freed);
	loop_free(r.loop);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(letters_arrive_once_and_in_order),
		cmocka_unit_test(reaping_waits_for_the_end_of_the_turn),
		cmocka_unit_test(a_letter_posted_before_the_stop_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
