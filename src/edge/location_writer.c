/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The writer thread: takes what has gathered, applies it, commits it in one
 * transaction, publishes it, reports back.  Between batches it looks through
 * the shards for what is over, and whether another process has changed users.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "edge/location_int.h"

#define GATHER_MS        20
#define GATHER_MAX       500
#define QUEUE_MAX        20000
#define TICK_MS          1000
#define SHARDS_PER_TICK  4
#define GHOST_S          30     /* a phone that lost its connection is back */
#define DEL_EXPIRED_S    600
#define ROWS_PER_SHARD   256    /* rows deleted in one look through a shard */

/* ---- the queue ---- */

bool
location_enqueue(struct location *l, struct location_op *op)
{
	bool wake;

	op->next = NULL;
	pthread_mutex_lock(&l->lock);
	/* News of a flow always fits: there are no more than connections. */
	if ((l->queue >= QUEUE_MAX && !op->flow_gone) || l->stop) {
		pthread_mutex_unlock(&l->lock);
		return false;
	}
	*l->last = op;
	l->last = &op->next;
	if (l->queue++ == 0)
		l->first_ms = clock_mono_ms();
	/* Once when it begins to gather, once when the batch is full. */
	wake = l->queue == 1 || l->queue == GATHER_MAX;
	pthread_mutex_unlock(&l->lock);
	if (wake)
		pthread_cond_signal(&l->wake);
	return true;
}

static void
sleep_until(struct location *l, uint64_t at_ms)
{
	struct timespec at = {
		.tv_sec = (time_t)(at_ms / 1000),
		.tv_nsec = (long)(at_ms % 1000) * 1000000,
	};

	pthread_cond_timedwait(&l->wake, &l->lock, &at);
}

/*
 * Wait for a batch or for the tick.  The operations are taken off the queue,
 * at most GATHER_MAX; NULL: it is time to tick or to stop.
 */
static struct location_op *
take_batch(struct location *l, uint64_t tick_ms, bool *stop)
{
	struct location_op *batch, *op;
	uint64_t now_ms;
	size_t n = 1;

	pthread_mutex_lock(&l->lock);
	for (;;) {
		now_ms = clock_mono_ms();
		if (l->stop || now_ms >= tick_ms || l->queue >= GATHER_MAX ||
		    (l->queue > 0 && now_ms >= l->first_ms + GATHER_MS))
			break;
		sleep_until(l, l->queue > 0 && l->first_ms + GATHER_MS <
		    tick_ms ? l->first_ms + GATHER_MS : tick_ms);
	}
	batch = l->first;
	op = batch;
	while (op != NULL && op->next != NULL && n < GATHER_MAX) {
		op = op->next;
		n++;
	}
	if (op != NULL) {
		l->first = op->next;
		if (l->first == NULL)
			l->last = &l->first;
		l->queue -= n;
		l->first_ms = now_ms;
		op->next = NULL;
	}
	*stop = l->stop && batch == NULL;
	pthread_mutex_unlock(&l->lock);
	return batch;
}

/* ---- one batch ---- */

/* The entry's list as it will be; made once a batch. */
static bool
touch(struct location_aor *a, struct location_aor **batch)
{
	struct binding **at = &a->next_list;

	if (a->touched)
		return true;
	/* Nobody else changes the list while queued > 0: no lock needed. */
	for (const struct binding *b = a->list; b != NULL; b = b->next) {
		*at = binding_copy(b);
		if (*at == NULL) {
			binding_free_list(a->next_list);
			a->next_list = NULL;
			return false;
		}
		at = &(*at)->next;
	}
	a->touched = true;
	a->in_batch = *batch;
	*batch = a;
	return true;
}

static void
close_flow(struct location_aor *a, const struct location_op *op)
{
	for (struct binding *b = a->next_list; b != NULL; b = b->next) {
		if (b->flow_id == op->flow.id && b->closed_s == 0)
			b->closed_s = op->now_s;
	}
}

static void
apply_all(struct location *l, struct location_op *ops,
    struct location_aor **batch)
{
	for (struct location_op *op = ops; op != NULL; op = op->next) {
		struct location_aor *a = op->entry;

		if (!touch(a, batch)) {
			op->status = LOCATION_STORE_FAILED;
			continue;
		}
		op->status = LOCATION_OK;
		if (op->flow_gone)
			close_flow(a, op);
		else
			op->status = binding_apply(&a->next_list, &a->gone, op,
			    atomic_load(&l->contacts_max),
			    atomic_load(&l->slack_s));
	}
}

static bool
has_key(const struct binding *b, struct str key)
{
	for (; b != NULL; b = b->next) {
		if (str_eq(binding_text(b, BINDING_KEY), key))
			return true;
	}
	return false;
}

static int
write_entry(struct location *l, struct location_aor *a)
{
	struct str aor = location_aor_text(a);
	int err = 0;

	for (struct binding *b = a->gone; b != NULL && err == 0; b = b->next) {
		struct str key = binding_text(b, BINDING_KEY);
		if (!has_key(a->next_list, key))
			err = store_del_binding(l->store, aor, key);
	}
	for (struct binding *b = a->next_list; b != NULL && err == 0;
	     b = b->next) {
		char received[ADDR_STRLEN];
		struct store_binding row;

		if (!b->dirty)
			continue;
		binding_row(&row, b, aor, received);
		err = store_put_binding(l->store, &row);
		b->dirty = false;
	}
	return err;
}

static bool
needs_write(const struct location_aor *a)
{
	for (const struct binding *b = a->next_list; b != NULL; b = b->next) {
		if (b->dirty)
			return true;
	}
	return a->gone != NULL;
}

static int
write_all(struct location *l, struct location_aor *batch)
{
	bool any = false;
	int err;

	for (struct location_aor *a = batch; a != NULL; a = a->in_batch)
		any = any || needs_write(a);
	if (!any)
		return 0;
	err = store_begin(l->store);
	for (struct location_aor *a = batch; a != NULL && err == 0;
	     a = a->in_batch)
		err = write_entry(l, a);
	if (err == 0)
		err = store_commit(l->store);
	if (err != 0)
		store_rollback(l->store);
	return err;
}

/* Said once when it begins and once when it is over, not for each phone. */
static void
say_store(struct location *l, int err)
{
	char text[LOG_VAL_MAX];

	if (err != 0 && !l->store_failing)
		log_err("store-failed", "reason=%s effect=\"registrations are "
		    "answered 500\"", log_val(text, sizeof(text),
		    str_cstr(store_error(l->store))));
	else if (err == 0 && l->store_failing)
		log_info("store-recovered", "%s", "");
	l->store_failing = err != 0;
}

/* What has expired still counts until the sweep has taken it away. */
static size_t
count_open(const struct binding *b)
{
	size_t n = 0;

	for (; b != NULL; b = b->next)
		n += b->closed_s == 0;
	return n;
}

static void
publish(struct location *l, struct location_aor *a, bool committed)
{
	uint64_t hash;
	struct location_shard *s = location_shard_of(l, location_aor_text(a),
	    &hash);
	struct binding *old = a->next_list;

	pthread_mutex_lock(&s->lock);
	if (committed) {
		old = a->list;
		a->list = a->next_list;
		atomic_fetch_add(&l->count, count_open(a->list) -
		    count_open(old));
	}
	a->next_list = NULL;
	a->touched = false;
	pthread_mutex_unlock(&s->lock);
	binding_free_list(old);
	binding_free_list(a->gone);
	a->gone = NULL;
}

/* The operation is over: its entry may go when it was the last. */
static void
release(struct location *l, struct location_op *op)
{
	struct location_aor *a = op->entry;
	uint64_t hash;
	struct location_shard *s = location_shard_of(l, location_aor_text(a),
	    &hash);

	pthread_mutex_lock(&s->lock);
	if (op->status == LOCATION_OK && op->contacts != NULL)
		binding_print_list(a->list, op->now_s, op->contacts);
	a->queued--;
	location_drop_if_empty(s, a);
	pthread_mutex_unlock(&s->lock);
}

static void
run_batch(struct location *l, struct location_op *ops)
{
	struct location_aor *batch = NULL, *next;
	int err;

	apply_all(l, ops, &batch);
	err = write_all(l, batch);
	say_store(l, err);
	for (struct location_aor *a = batch; a != NULL; a = next) {
		next = a->in_batch;
		publish(l, a, err == 0);
	}
	while (ops != NULL) {
		struct location_op *op = ops;

		ops = op->next; /* done() may free the operation */
		if (err != 0 && op->status == LOCATION_OK)
			op->status = LOCATION_STORE_FAILED;
		release(l, op);
		op->done(op);
	}
}

/* ---- what is over ---- */

struct sweep {
	struct location *l;
	struct location_shard *shard;
	int64_t now_s;
	struct binding *gone;             /* whose rows are to be deleted */
	size_t ngone;
	struct location_aor *of[ROWS_PER_SHARD];
	struct binding *row[ROWS_PER_SHARD];
	struct location_aor *empty;       /* chained by in_batch          */
};

/*
 * Ghosts whose phone did not come back go with their row; what has expired goes
 * alone, its row with all expired rows later.
 */
static void
sweep_entry(struct hash_node *n, void *arg)
{
	struct location_aor *a = CONTAINER_OF(n, struct location_aor, node);
	struct binding **at = &a->list;
	struct sweep *s = arg;

	if (a->queued > 0)
		return;
	while (*at != NULL) {
		struct binding *b = *at;
		bool ghost = b->closed_s != 0 &&
		    s->now_s - b->closed_s >= GHOST_S;

		if ((!ghost && b->expires_s > s->now_s) ||
		    s->ngone == ROWS_PER_SHARD) {
			at = &b->next;
			continue;
		}
		*at = b->next;
		b->next = NULL;
		if (b->closed_s == 0)
			atomic_fetch_sub(&s->l->count, 1);
		s->of[s->ngone] = a;
		s->row[s->ngone++] = b;
	}
	if (a->list == NULL) {
		a->queued = 1; /* ours until its rows are deleted */
		a->in_batch = s->empty;
		s->empty = a;
	}
}

static void
delete_rows(struct location *l, struct sweep *s)
{
	int err = s->ngone > 0 ? store_begin(l->store) : 0;

	for (size_t i = 0; i < s->ngone && err == 0; i++) {
		/* One that expired may have a row that still holds: slack. */
		err = store_del_binding(l->store,
		    location_aor_text(s->of[i]),
		    binding_text(s->row[i], BINDING_KEY));
	}
	if (err == 0 && s->ngone > 0)
		err = store_commit(l->store);
	if (err != 0)
		store_rollback(l->store);
	for (size_t i = 0; i < s->ngone; i++)
		free(s->row[i]);
	say_store(l, err);
}

static void
sweep_shard(struct location *l, struct location_shard *shard, int64_t now_s)
{
	struct sweep s = { .l = l, .shard = shard, .now_s = now_s };
	struct location_aor *next;

	pthread_mutex_lock(&shard->lock);
	hash_each(&shard->table, sweep_entry, &s);
	pthread_mutex_unlock(&shard->lock);
	if (s.ngone > 0)
		delete_rows(l, &s);
	pthread_mutex_lock(&shard->lock);
	for (struct location_aor *a = s.empty; a != NULL; a = next) {
		next = a->in_batch;
		a->queued--;
		location_drop_if_empty(shard, a);
	}
	pthread_mutex_unlock(&shard->lock);
}

/*
 * A store that was taken away is noticed without a phone that needs it, and
 * from then on no refresh counts on the row that it had.
 */
static void
check_place(struct location *l)
{
	bool was_gone = atomic_load(&l->store_gone);
	int err = store_check(l->store);

	if (err != 0 || was_gone)
		say_store(l, err);
	atomic_store(&l->store_gone, err != 0);
}

static void
tick(struct location *l)
{
	int64_t now_s = clock_wall_s();
	uint64_t version;

	check_place(l);

	for (int i = 0; i < SHARDS_PER_TICK; i++) {
		sweep_shard(l, &l->shard[l->next_shard], now_s);
		l->next_shard = (l->next_shard + 1) % LOCATION_SHARDS;
	}
	if (now_s - l->expired_deleted_s >= DEL_EXPIRED_S) {
		l->expired_deleted_s = now_s;
		IGNORE(store_del_expired(l->store, now_s)); /* tried again */
	}
	version = store_data_version(l->store);
	if (version != l->data_version) {
		if (users_load(l->users, l->store) == 0) {
			log_debug("users-loaded", "users=%zu",
			    users_count(l->users, STR_NULL));
			l->data_version = version;
		}
	}
}

/* ---- the thread ---- */

static void *
run(void *arg)
{
	struct location *l = arg;
	uint64_t tick_ms = clock_mono_ms() + TICK_MS;
	bool stop = false;

	while (!stop) {
		struct location_op *batch = take_batch(l, tick_ms, &stop);
		uint64_t now_ms;

		if (batch != NULL)
			run_batch(l, batch);
		now_ms = clock_mono_ms();
		if (now_ms >= tick_ms && !stop) {
			tick(l);
			tick_ms = now_ms + TICK_MS;
		}
	}
	return NULL;
}

int
location_writer_start(struct location *l)
{
	pthread_condattr_t attr;

	l->data_version = store_data_version(l->store);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&l->wake, &attr);
	pthread_condattr_destroy(&attr);
	return thread_start(&l->writer, run, l);
}

void
location_writer_stop(struct location *l)
{
	if (!l->writer.started)
		return;
	pthread_mutex_lock(&l->lock);
	l->stop = true;
	pthread_mutex_unlock(&l->lock);
	pthread_cond_signal(&l->wake);
	thread_join(&l->writer);
	pthread_cond_destroy(&l->wake);
}
