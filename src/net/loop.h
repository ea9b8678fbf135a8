/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef NET_LOOP_H
#define NET_LOOP_H
/*
 * net/loop - one thread's event loop: a libevent base, a mailbox, deferred
 * reaping.
 *
 * Everything registered with a loop runs on the thread that calls loop_run.
 * Other threads reach it through loop_post alone.  Nothing is freed inside a
 * callback of itself: loop_reap hands memory over to be freed at the end of
 * the turn.
 */
#include <event2/event.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/thread.h"

struct loop;

MUSTCHECK int loop_new(struct loop **out);
void loop_free(struct loop *l);

struct event_base *loop_base(struct loop *l);

/* Blocks until loop_stop. */
void loop_run(struct loop *l);

/* loop_run on a thread of its own.  0 or -errno. */
MUSTCHECK int loop_start(struct loop *l, struct thread *t);

/* Thread-safe, signal-safe: make loop_run return after this turn. */
void loop_stop(struct loop *l);

/*
 * A message for the loop's thread: fn(arg) runs there, in the order posted.
 * The caller owns the memory of the letter until fn is called; embed it in
 * what arg points to.  Thread-safe, never fails.
 */
struct loop_letter {
	struct loop_letter *next;
	void (*fn)(void *arg);
	void *arg;
};
void loop_post(struct loop *l, struct loop_letter *letter);

/* Loop thread: call fn(arg) when the turn is over. */
struct loop_reap {
	struct loop_reap *next;
	void (*fn)(void *arg);
	void *arg;
};
void loop_reap(struct loop *l, struct loop_reap *r);

/* Monotonic microseconds, read once a turn; cheap.  Loop thread. */
uint64_t loop_now_us(struct loop *l);

#endif
