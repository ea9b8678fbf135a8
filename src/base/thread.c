/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/thread.h"

#include <signal.h>
#include <stddef.h>

int
thread_start(struct thread *t, void *(*fn)(void *), void *arg)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&t->id, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	t->started = err == 0;
	return -err;
}

void
thread_join(struct thread *t)
{
	if (t->started)
		pthread_join(t->id, NULL);
	t->started = false;
}
