/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/location.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "edge/location_int.h"

struct location_shard *
location_shard_of(struct location *l, struct str aor, uint64_t *hash)
{
	*hash = hash_bytes(aor.p, aor.n);
	return &l->shard[*hash >> 56 & (LOCATION_SHARDS - 1)];
}

struct location_aor *
location_find(struct location_shard *s, struct str aor, uint64_t hash)
{
	struct hash_node *n = hash_chain(&s->table, hash);

	for (; n != NULL; n = n->next) {
		struct location_aor *a = CONTAINER_OF(n, struct location_aor,
		    node);
		if (n->hash == hash && str_eq(location_aor_text(a), aor))
			return a;
	}
	return NULL;
}

static struct location_aor *
find_or_add(struct location_shard *s, struct str aor, uint64_t hash)
{
	struct location_aor *a = location_find(s, aor, hash);

	if (a != NULL || aor.n > UINT16_MAX)
		return a;
	a = calloc(1, sizeof(*a) + aor.n);
	if (a == NULL)
		return NULL;
	a->n = (uint16_t)aor.n;
	memcpy(a->text, aor.p, aor.n);
	hash_insert(&s->table, &a->node, hash);
	return a;
}

void
location_drop_if_empty(struct location_shard *s, struct location_aor *a)
{
	if (a->list != NULL || a->queued > 0)
		return;
	hash_remove(&s->table, &a->node);
	free(a);
}

/* ---- beginning and end ---- */

static int
load_one(const struct store_binding *row, void *arg)
{
	struct location *l = arg;
	struct location_shard *s;
	struct location_aor *a;
	struct binding *b;
	uint64_t hash;

	if (row->expires_s <= clock_wall_s())
		return 0;
	s = location_shard_of(l, row->aor, &hash);
	a = find_or_add(s, row->aor, hash);
	b = a != NULL ? binding_from_row(row) : NULL;
	if (b == NULL)
		return -ENOMEM;
	b->next = a->list;
	a->list = b;
	atomic_fetch_add(&l->count, 1);
	return 0;
}

int
location_new(struct location **out, struct conf *conf, struct store *store,
    struct users *users)
{
	struct location *l = calloc(1, sizeof(*l));
	int err = 0;

	if (l == NULL)
		return -ENOMEM;
	l->store = store;
	l->users = users;
	l->last = &l->first;
	pthread_mutex_init(&l->lock, NULL);
	for (int i = 0; i < LOCATION_SHARDS && err == 0; i++) {
		pthread_mutex_init(&l->shard[i].lock, NULL);
		err = hash_init(&l->shard[i].table, 64);
	}
	location_set_conf(l, conf);
	if (err == 0)
		err = store_each_binding(store, load_one, l);
	if (err == 0)
		err = location_writer_start(l);
	if (err != 0) {
		log_err("location-not-loaded", "reason=\"%s\"", err_str(err));
		location_free(l);
		return err;
	}
	*out = l;
	return 0;
}

static void
free_aor(struct hash_node *n, void *arg)
{
	struct location_aor *a = CONTAINER_OF(n, struct location_aor, node);

	binding_free_list(a->list);
	free(a);
}

void
location_stop(struct location *l)
{
	if (l != NULL)
		location_writer_stop(l);
}

void
location_free(struct location *l)
{
	if (l == NULL)
		return;
	location_writer_stop(l);
	for (int i = 0; i < LOCATION_SHARDS; i++) {
		if (l->shard[i].table.bucket == NULL)
			continue;
		hash_each(&l->shard[i].table, free_aor, NULL);
		hash_fini(&l->shard[i].table);
	}
	free(l);
}

void
location_set_conf(struct location *l, struct conf *conf)
{
	atomic_store(&l->slack_s, (unsigned)conf->store_slack);
	atomic_store(&l->contacts_max, (unsigned)conf->contacts_max);
}

size_t
location_count(const struct location *l)
{
	return atomic_load(&l->count);
}

/* ---- on the caller's thread ---- */

static bool
refresh_locked(struct location *l, struct location_aor *a,
    struct location_op *op)
{
	if (a == NULL || a->queued > 0)
		return false;
	for (struct binding *b = a->list; b != NULL; b = b->next) {
		bool was_ghost = b->closed_s != 0;

		if (!binding_refresh(b, op))
			continue;
		if (was_ghost)
			atomic_fetch_add(&l->count, 1);
		return true;
	}
	return false;
}

bool
location_refresh(struct location *l, struct location_op *op,
    struct buf *contacts)
{
	struct location_shard *s;
	struct location_aor *a;
	uint64_t hash;
	bool done;

	if (op->remove_all || op->ncontact != 1 ||
	    op->contact[0].expires_s == 0 || atomic_load(&l->store_gone))
		return false;
	s = location_shard_of(l, op->aor, &hash);
	pthread_mutex_lock(&s->lock);
	a = location_find(s, op->aor, hash);
	done = refresh_locked(l, a, op);
	if (done) {
		op->status = LOCATION_OK;
		binding_print_list(a->list, op->now_s, contacts);
	}
	pthread_mutex_unlock(&s->lock);
	return done;
}

size_t
location_print(struct location *l, struct str aor, int64_t now_s,
    struct buf *out)
{
	struct location_shard *s;
	struct location_aor *a;
	uint64_t hash;
	size_t n;

	s = location_shard_of(l, aor, &hash);
	pthread_mutex_lock(&s->lock);
	a = location_find(s, aor, hash);
	n = a != NULL ? binding_print_list(a->list, now_s, out) : 0;
	pthread_mutex_unlock(&s->lock);
	return n;
}

static struct str
keep(struct buf *text, struct str s)
{
	struct str copy = str_of(text->p + text->n, s.n);

	buf_str(text, s);
	return copy;
}

/* Into its place by q; equals stay in their order. */
static void
sort_in(struct location_target *out, size_t n, const struct location_target *t)
{
	while (n > 0 && out[n - 1].q < t->q) {
		out[n] = out[n - 1];
		n--;
	}
	out[n] = *t;
}

size_t
location_lookup(struct location *l, struct str aor, int64_t now_s,
    struct location_target *out, size_t max, struct buf *text)
{
	struct location_shard *s;
	struct location_aor *a;
	uint64_t hash;
	size_t n = 0;

	s = location_shard_of(l, aor, &hash);
	pthread_mutex_lock(&s->lock);
	a = location_find(s, aor, hash);
	for (const struct binding *b = a != NULL ? a->list : NULL;
	     b != NULL && n < max; b = b->next) {
		struct location_target t;

		if (!binding_is_live(b, now_s))
			continue;
		binding_target(b, &t);
		if (t.uri.n + t.path.n > text->size - text->n)
			continue;
		t.uri = keep(text, t.uri);
		t.path = keep(text, t.path);
		sort_in(out, n++, &t);
	}
	pthread_mutex_unlock(&s->lock);
	return n;
}

struct walk {
	int64_t now_s;
	void (*fn)(const struct location_target *, struct str, void *);
	void *arg;
};

static void
walk_aor(struct hash_node *n, void *arg)
{
	const struct location_aor *a = CONTAINER_OF(n, struct location_aor,
	    node);
	const struct walk *w = arg;
	struct location_target t;

	for (const struct binding *b = a->list; b != NULL; b = b->next) {
		if (!binding_is_live(b, w->now_s))
			continue;
		binding_target(b, &t);
		w->fn(&t, binding_text(b, BINDING_USER_AGENT), w->arg);
	}
}

void
location_walk(struct location *l, unsigned part, int64_t now_s,
    void (*fn)(const struct location_target *t, struct str user_agent,
    void *arg), void *arg)
{
	struct location_shard *s = &l->shard[part % LOCATION_SHARDS];
	struct walk w = { now_s, fn, arg };

	pthread_mutex_lock(&s->lock);
	hash_each(&s->table, walk_aor, &w);
	pthread_mutex_unlock(&s->lock);
}

void
location_submit(struct location *l, struct location_op *op)
{
	struct location_shard *s;
	uint64_t hash;

	op->added = op->removed = 0;
	op->flow_gone = false;
	s = location_shard_of(l, op->aor, &hash);
	pthread_mutex_lock(&s->lock);
	op->entry = find_or_add(s, op->aor, hash);
	if (op->entry != NULL)
		op->entry->queued++;
	pthread_mutex_unlock(&s->lock);
	if (op->entry != NULL && location_enqueue(l, op))
		return;
	if (op->entry != NULL) {
		pthread_mutex_lock(&s->lock);
		op->entry->queued--;
		location_drop_if_empty(s, op->entry);
		pthread_mutex_unlock(&s->lock);
	}
	op->status = LOCATION_BUSY;
	op->done(op);
}

/* ---- flows that close ---- */

struct gone_flow {
	struct location_op op;
	char aor[];
};

static void
gone_done(struct location_op *op)
{
	free(CONTAINER_OF(op, struct gone_flow, op));
}

/* A change of this AOR is under way: the news takes its place behind it. */
static void
enqueue_gone(struct location *l, struct location_shard *s,
    struct location_aor *a, uint64_t flow_id)
{
	struct gone_flow *g = calloc(1, sizeof(*g) + a->n);

	/* Without memory the binding lives until it expires. */
	if (g == NULL)
		return;
	memcpy(g->aor, a->text, a->n);
	g->op.aor = str_of(g->aor, a->n);
	g->op.flow.id = flow_id;
	g->op.flow_gone = true;
	g->op.now_s = clock_wall_s();
	g->op.done = gone_done;
	g->op.entry = a;
	a->queued++;
	if (!location_enqueue(l, &g->op)) {
		a->queued--;
		free(g);
	}
}

void
location_flow_closed(struct location *l, struct str aor, uint64_t flow_id)
{
	struct location_shard *s;
	struct location_aor *a;
	int64_t now_s = clock_wall_s();
	uint64_t hash;

	s = location_shard_of(l, aor, &hash);
	pthread_mutex_lock(&s->lock);
	a = location_find(s, aor, hash);
	if (a != NULL && a->queued > 0) {
		enqueue_gone(l, s, a, flow_id);
	} else if (a != NULL) {
		for (struct binding *b = a->list; b != NULL; b = b->next) {
			if (b->flow_id != flow_id || b->closed_s != 0)
				continue;
			b->closed_s = now_s;
			atomic_fetch_sub(&l->count, 1);
		}
	}
	pthread_mutex_unlock(&s->lock);
}
