/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/admission.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/list.h"

#define SHARDS 16

/* Of a connection, so that a microsecond's share is a whole number. */
#define TOKEN UINT64_C(1000000)

struct entry {
	struct hash_node node;
	struct list idle;       /* no connection is open: oldest first */
	struct addr ip;
	unsigned count;
	unsigned rate, burst;   /* as of the last connection           */
	uint64_t tokens, at_us;
};

struct admission {
	atomic_uint total;
	struct shard {
		pthread_mutex_t lock;
		struct hash_table table;
		struct list idle;
		unsigned nidle;
	} shard[SHARDS];
};

int
admission_new(struct admission **out)
{
	struct admission *a = calloc(1, sizeof(*a));

	if (a == NULL)
		return -ENOMEM;
	for (int i = 0; i < SHARDS; i++) {
		pthread_mutex_init(&a->shard[i].lock, NULL);
		list_init(&a->shard[i].idle);
		if (hash_init(&a->shard[i].table, 64) != 0) {
			admission_free(a);
			return -ENOMEM;
		}
	}
	*out = a;
	return 0;
}

static void
free_entry(struct hash_node *n, void *arg)
{
	free(CONTAINER_OF(n, struct entry, node));
}

void
admission_free(struct admission *a)
{
	if (a == NULL)
		return;
	for (int i = 0; i < SHARDS; i++) {
		if (a->shard[i].table.bucket == NULL)
			continue;
		hash_each(&a->shard[i].table, free_entry, NULL);
		hash_fini(&a->shard[i].table);
	}
	free(a);
}

static struct entry *
find(struct shard *s, const struct addr *peer, uint64_t hash)
{
	struct hash_node *n = hash_chain(&s->table, hash);

	for (; n != NULL; n = n->next) {
		struct entry *e = CONTAINER_OF(n, struct entry, node);
		if (n->hash == hash && addr_equal_ip(&e->ip, peer))
			return e;
	}
	return NULL;
}

static void
drop(struct shard *s, struct entry *e)
{
	hash_remove(&s->table, &e->node);
	list_remove(&e->idle);
	s->nidle--;
	free(e);
}

static void
refill(struct entry *e, uint64_t now_us)
{
	uint64_t full = e->burst * TOKEN, past = now_us - e->at_us;

	e->at_us = now_us;
	if (past > full / e->rate || e->tokens + past * e->rate > full)
		e->tokens = full;
	else
		e->tokens += past * e->rate;
}

/* Two at the most come for each that goes. */
static void
sweep(struct shard *s, uint64_t now_us)
{
	for (int i = 0; i < 2; i++) {
		struct entry *e = LIST_FIRST(&s->idle, struct entry, idle);

		if (e == NULL)
			return;
		refill(e, now_us);
		if (e->tokens < e->burst * TOKEN &&
		    s->nidle < ADMISSION_IDLE_MAX / SHARDS)
			return;
		drop(s, e);
	}
}

static struct entry *
entry_new(struct shard *s, const struct addr *peer, uint64_t hash,
    const struct admission_limits *l, uint64_t now_us)
{
	struct entry *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return NULL;
	e->ip = *peer;
	e->tokens = l->max_per_address * TOKEN;
	e->at_us = now_us;
	list_init(&e->idle);
	hash_insert(&s->table, &e->node, hash);
	return e;
}

static bool
enter_shard(struct shard *s, const struct addr *peer, uint64_t hash,
    const struct admission_limits *l, uint64_t now_us, enum tally_kind *why)
{
	struct entry *e;

	sweep(s, now_us);
	e = find(s, peer, hash);
	if (e == NULL)
		e = entry_new(s, peer, hash, l, now_us);
	if (e == NULL) {
		*why = TALLY_OUT_OF_MEMORY;
		return false;
	}
	e->rate = l->rate;
	e->burst = l->max_per_address;
	refill(e, now_us);
	if (e->count >= l->max_per_address) {
		*why = TALLY_CONNECTIONS_PER_ADDRESS;
		return false;
	}
	if (e->tokens < TOKEN) {
		*why = TALLY_CONNECTIONS_PER_ADDRESS_RATE;
		return false;
	}
	e->tokens -= TOKEN;
	if (!list_empty(&e->idle)) {
		list_remove(&e->idle);
		s->nidle--;
	}
	e->count++;
	return true;
}

bool
admission_enter(struct admission *a, const struct addr *peer,
    const struct admission_limits *l, uint64_t now_us, enum tally_kind *why)
{
	uint64_t hash = addr_hash_ip(peer);
	struct shard *s = &a->shard[hash >> 32 & (SHARDS - 1)];
	bool in;

	if (atomic_fetch_add(&a->total, 1) >= l->max) {
		atomic_fetch_sub(&a->total, 1);
		*why = TALLY_CONNECTIONS_MAX;
		return false;
	}
	pthread_mutex_lock(&s->lock);
	in = enter_shard(s, peer, hash, l, now_us, why);
	pthread_mutex_unlock(&s->lock);
	if (!in)
		atomic_fetch_sub(&a->total, 1);
	return in;
}

void
admission_leave(struct admission *a, const struct addr *peer)
{
	uint64_t hash = addr_hash_ip(peer);
	struct shard *s = &a->shard[hash >> 32 & (SHARDS - 1)];
	struct entry *e;

	pthread_mutex_lock(&s->lock);
	e = find(s, peer, hash);
	if (e != NULL && --e->count == 0) {
		list_append(&s->idle, &e->idle);
		s->nidle++;
	}
	pthread_mutex_unlock(&s->lock);
	atomic_fetch_sub(&a->total, 1);
}

unsigned
admission_count(const struct admission *a)
{
	return atomic_load(&a->total);
}

unsigned
admission_idle(struct admission *a)
{
	unsigned n = 0;

	for (int i = 0; i < SHARDS; i++) {
		pthread_mutex_lock(&a->shard[i].lock);
		n += a->shard[i].nidle;
		pthread_mutex_unlock(&a->shard[i].lock);
	}
	return n;
}
