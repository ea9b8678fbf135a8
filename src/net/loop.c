/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/loop.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"

struct loop {
	struct event_base *base;
	struct event *wakeup;
	int wakeup_fd;
	_Atomic(struct loop_letter *) mailbox; /* newest first */
	struct loop_reap *reap_first, **reap_last;
	uint64_t now_us;                       /* 0: not read this turn */
	atomic_bool stop;
};

static void
wake(struct loop *l)
{
	uint64_t one = 1;
	ssize_t n = write(l->wakeup_fd, &one, sizeof(one));

	/* EAGAIN: the counter is full, so the loop is awake already. */
	(void)n;
}

static void
mailbox_drain(struct loop *l)
{
	struct loop_letter *newest, *oldest = NULL;

	newest = atomic_exchange_explicit(&l->mailbox, NULL,
	    memory_order_acquire);
	while (newest != NULL) {
		struct loop_letter *next = newest->next;
		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	while (oldest != NULL) {
		struct loop_letter *next = oldest->next;
		oldest->fn(oldest->arg); /* may free the letter */
		oldest = next;
	}
}

static void
on_wakeup(evutil_socket_t fd, short what, void *arg)
{
	struct loop *l = arg;
	uint64_t count;

	while (read(fd, &count, sizeof(count)) > 0)
		;
	mailbox_drain(l);
}

int
loop_new(struct loop **out)
{
	struct event_config *config;
	struct loop *l = calloc(1, sizeof(*l));
	int err = -ENOMEM;

	if (l == NULL)
		return -ENOMEM;
	l->reap_last = &l->reap_first;
	l->wakeup_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (l->wakeup_fd < 0) {
		err = -errno;
		goto out;
	}
	config = event_config_new();
	if (config == NULL)
		goto out;
	/* One thread per base: libevent's own locks would be for nothing. */
	if (event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK) == 0)
		l->base = event_base_new_with_config(config);
	event_config_free(config);
	if (l->base == NULL)
		goto out;
	l->wakeup = event_new(l->base, l->wakeup_fd, EV_READ | EV_PERSIST,
	    on_wakeup, l);
	if (l->wakeup == NULL || event_add(l->wakeup, NULL) != 0)
		goto out;
	*out = l;
	return 0;
out:
	loop_free(l);
	return err;
}

void
loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	if (l->wakeup != NULL)
		event_free(l->wakeup);
	if (l->base != NULL)
		event_base_free(l->base);
	if (l->wakeup_fd >= 0)
		close(l->wakeup_fd);
	free(l);
}

struct event_base *
loop_base(struct loop *l)
{
	return l->base;
}

/* What was reaped while reaping is left for the next turn's end. */
static void
reap_all(struct loop *l)
{
	struct loop_reap *r = l->reap_first;

	l->reap_first = NULL;
	l->reap_last = &l->reap_first;
	while (r != NULL) {
		struct loop_reap *next = r->next;
		r->fn(r->arg);
		r = next;
	}
}

void
loop_run(struct loop *l)
{
	while (!atomic_load(&l->stop)) {
		event_base_loop(l->base, EVLOOP_ONCE);
		reap_all(l);
		l->now_us = 0;
	}
	/* Letters posted before the stop still find their loop. */
	mailbox_drain(l);
	while (l->reap_first != NULL)
		reap_all(l);
}

static void *
run(void *arg)
{
	loop_run(arg);
	return NULL;
}

int
loop_start(struct loop *l, struct thread *t)
{
	return thread_start(t, run, l);
}

void
loop_stop(struct loop *l)
{
	atomic_store(&l->stop, true);
	wake(l);
}

void
loop_post(struct loop *l, struct loop_letter *letter)
{
	struct loop_letter *head;

	head = atomic_load_explicit(&l->mailbox, memory_order_relaxed);
	do {
		letter->next = head;
	} while (!atomic_compare_exchange_weak_explicit(&l->mailbox, &head,
	    letter, memory_order_release, memory_order_relaxed));
	if (head == NULL)
		wake(l);
}

void
loop_reap(struct loop *l, struct loop_reap *r)
{
	r->next = NULL;
	*l->reap_last = r;
	l->reap_last = &r->next;
}

uint64_t
loop_now_us(struct loop *l)
{
	if (l->now_us == 0)
		l->now_us = clock_mono_us();
	return l->now_us;
}
