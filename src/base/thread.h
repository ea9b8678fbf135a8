/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H
/*
 * base/thread - a thread beside the main one.
 *
 * Signals are the main thread's: a thread that is started here takes none.
 * One thread starts and joins it; a struct of zeros is one not started.
 */
#include <pthread.h>
#include <stdbool.h>

#include "base/compiler.h"

struct thread {
	pthread_t id;
	bool started;            /* and not joined yet */
};

/* Run fn(arg).  0 or -errno; then it is not started. */
MUSTCHECK int thread_start(struct thread *t, void *(*fn)(void *), void *arg);

/* Wait for its end; nothing if it was never started. */
void thread_join(struct thread *t);

#endif
