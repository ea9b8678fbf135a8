/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/wheel.h"

#include <errno.h>
#include <stdlib.h>

/*
 * A slot a tick; what is due in a later round waits in its slot and is passed
 * over.  4096 ticks are 41 s: longer than every timer of RFC 3261 but C.
 */
#define SLOTS      4096
#define WORD_BITS  64
#define WORDS      (SLOTS / WORD_BITS)

struct wheel {
	uint64_t tick;          /* passed: all that was due by then came   */
	uint64_t target;        /* of the advance under way, else tick     */
	size_t count;
	uint64_t used[WORDS];   /* a bit for each slot that may have some  */
	struct list slot[SLOTS];
};

int
wheel_new(struct wheel **out, uint64_t now_ms)
{
	struct wheel *w = calloc(1, sizeof(*w));

	if (w == NULL)
		return -ENOMEM;
	w->tick = w->target = now_ms / WHEEL_TICK_MS;
	for (size_t i = 0; i < SLOTS; i++)
		list_init(&w->slot[i]);
	*out = w;
	return 0;
}

void
wheel_free(struct wheel *w)
{
	free(w);
}

void
wheel_timer_init(struct wheel_timer *t, void (*fn)(struct wheel_timer *))
{
	*t = (struct wheel_timer) { .fn = fn };
	list_init(&t->link);
}

bool
wheel_timer_runs(const struct wheel_timer *t)
{
	return !list_empty(&t->link);
}

/* The first tick that is not early. */
static uint64_t
tick_of(uint64_t due_ms)
{
	return due_ms / WHEEL_TICK_MS + (due_ms % WHEEL_TICK_MS != 0);
}

void
wheel_start(struct wheel *w, struct wheel_timer *t, uint64_t due_ms)
{
	uint64_t tick = tick_of(due_ms);
	size_t i;

	wheel_stop(w, t);
	t->due_ms = due_ms;
	if (tick <= w->target)
		tick = w->target + 1;
	i = tick % SLOTS;
	list_append(&w->slot[i], &t->link);
	w->used[i / WORD_BITS] |= UINT64_C(1) << i % WORD_BITS;
	w->count++;
}

void
wheel_stop(struct wheel *w, struct wheel_timer *t)
{
	if (list_empty(&t->link))
		return;
	list_remove(&t->link);
	w->count--;
}

size_t
wheel_count(const struct wheel *w)
{
	return w->count;
}

/* The first tick after this one whose slot is used: at most SLOTS later;
 * 0: none is. */
static uint64_t
next_used(const struct wheel *w, uint64_t tick)
{
	size_t from = (tick + 1) % SLOTS;
	size_t word = from / WORD_BITS;
	uint64_t bits = w->used[word] & ~UINT64_C(0) << from % WORD_BITS;

	for (size_t n = 0; n <= WORDS; n++) {
		if (bits != 0) {
			size_t i = word * WORD_BITS +
			    (size_t)__builtin_ctzll(bits);

			return tick + 1 + (i + SLOTS - from) % SLOTS;
		}
		word = (word + 1) % WORDS;
		bits = w->used[word];
	}
	return 0;
}

/* All of a slot that is due goes to a list of its own, which what fn stops is
 * taken off as well. */
static void
serve_slot(struct wheel *w, uint64_t tick)
{
	struct list *slot = &w->slot[tick % SLOTS], due;
	size_t i = tick % SLOTS;

	list_init(&due);
	LIST_FOREACH_SAFE(it, next, slot) {
		struct wheel_timer *t = CONTAINER_OF(it, struct wheel_timer,
		    link);

		if (tick_of(t->due_ms) > tick)
			continue;
		list_remove(it);
		list_append(&due, it);
	}
	if (list_empty(slot))
		w->used[i / WORD_BITS] &= ~(UINT64_C(1) << i % WORD_BITS);
	while (!list_empty(&due)) {
		struct wheel_timer *t = CONTAINER_OF(due.next,
		    struct wheel_timer, link);

		wheel_stop(w, t);
		t->fn(t);
	}
}

void
wheel_advance(struct wheel *w, uint64_t now_ms)
{
	uint64_t target = now_ms / WHEEL_TICK_MS, tick;

	if (target <= w->tick)
		return;
	w->target = target;
	while ((tick = next_used(w, w->tick)) != 0 && tick <= target) {
		w->tick = tick;
		serve_slot(w, tick);
	}
	w->tick = target;
}

uint64_t
wheel_next_ms(const struct wheel *w)
{
	uint64_t tick = w->tick;

	if (w->count == 0)
		return UINT64_MAX;
	for (;;) {
		tick = next_used(w, tick);
		if (tick == 0)
			return UINT64_MAX;
		if (!list_empty(&w->slot[tick % SLOTS]))
			return tick * WHEEL_TICK_MS;
	}
}
