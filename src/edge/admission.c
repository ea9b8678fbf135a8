/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/admission.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/hash.h"

#define SHARDS 16

struct entry {
	struct hash_node node;
	struct addr ip;
	unsigned count;
};

struct admission {
	atomic_uint total;
	struct shard {
		pthread_mutex_t lock;
		struct hash_table table;
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

static bool
enter_shard(struct shard *s, const struct addr *peer, uint64_t hash,
    unsigned max_per_address, enum tally_kind *why)
{
	struct entry *e = find(s, peer, hash);

	if (e == NULL) {
		e = calloc(1, sizeof(*e));
		if (e == NULL) {
			*why = TALLY_OUT_OF_MEMORY;
			return false;
		}
		e->ip = *peer;
		hash_insert(&s->table, &e->node, hash);
	}
	if (e->count >= max_per_address) {
		*why = TALLY_CONNECTIONS_PER_ADDRESS;
		return false;
	}
	e->count++;
	return true;
}

bool
admission_enter(struct admission *a, const struct addr *peer, unsigned max,
    unsigned max_per_address, enum tally_kind *why)
{
	uint64_t hash = addr_hash_ip(peer);
	struct shard *s = &a->shard[hash >> 32 & (SHARDS - 1)];
	bool in;

	if (atomic_fetch_add(&a->total, 1) >= max) {
		atomic_fetch_sub(&a->total, 1);
		*why = TALLY_CONNECTIONS_MAX;
		return false;
	}
	pthread_mutex_lock(&s->lock);
	in = enter_shard(s, peer, hash, max_per_address, why);
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
		hash_remove(&s->table, &e->node);
		free(e);
	}
	pthread_mutex_unlock(&s->lock);
	atomic_fetch_sub(&a->total, 1);
}

unsigned
admission_count(const struct admission *a)
{
	return atomic_load(&a->total);
}
