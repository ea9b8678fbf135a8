/* SPDX-License-Identifier: BSD-2-Clause */
#include "tls/session.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/list.h"

struct kept {
	struct hash_node node;
	struct list lru;
	SSL_SESSION *session;
};

struct tls_sessions {
	atomic_uint refs;
	pthread_mutex_t lock; /* over all below; held for a few loads */
	struct hash_table by_id;
	struct list lru;      /* first: used longest ago */
	size_t max;
};

int
tls_sessions_new(struct tls_sessions **out, size_t max)
{
	struct tls_sessions *s = calloc(1, sizeof(*s));

	if (s == NULL || hash_init(&s->by_id, 0) != 0) {
		free(s);
		return -ENOMEM;
	}
	if (pthread_mutex_init(&s->lock, NULL) != 0) {
		hash_fini(&s->by_id);
		free(s);
		return -ENOMEM;
	}
	atomic_init(&s->refs, 1);
	list_init(&s->lru);
	s->max = max;
	*out = s;
	return 0;
}

static struct str
id_of(const SSL_SESSION *one)
{
	unsigned n = 0;
	const unsigned char *id = SSL_SESSION_get_id(one, &n);

	return str_of((const char *)id, n);
}

static struct kept *
find(struct tls_sessions *s, struct str id)
{
	uint64_t hash = hash_bytes(id.p, id.n);
	struct hash_node *n = hash_chain(&s->by_id, hash);

	for (; n != NULL; n = n->next) {
		struct kept *k = CONTAINER_OF(n, struct kept, node);
		if (n->hash == hash && str_eq(id_of(k->session), id))
			return k;
	}
	return NULL;
}

static void
drop(struct tls_sessions *s, struct kept *k)
{
	hash_remove(&s->by_id, &k->node);
	list_remove(&k->lru);
	SSL_SESSION_free(k->session);
	free(k);
}

static void
drop_to(struct tls_sessions *s, size_t n)
{
	while (s->by_id.count > n)
		drop(s, LIST_FIRST(&s->lru, struct kept, lru));
}

struct tls_sessions *
tls_sessions_ref(struct tls_sessions *s, size_t max)
{
	pthread_mutex_lock(&s->lock);
	s->max = max;
	drop_to(s, max);
	pthread_mutex_unlock(&s->lock);
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void
tls_sessions_unref(struct tls_sessions *s)
{
	if (s == NULL || atomic_fetch_sub_explicit(&s->refs, 1,
	    memory_order_acq_rel) != 1)
		return;
	drop_to(s, 0);
	hash_fini(&s->by_id);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

bool
tls_sessions_put(struct tls_sessions *s, SSL_SESSION *one)
{
	struct str id = id_of(one);
	struct kept *k, *old;

	if (id.n == 0)
		return false;
	k = calloc(1, sizeof(*k));
	if (k == NULL)
		return false;
	k->session = one;
	pthread_mutex_lock(&s->lock);
	old = find(s, id);
	if (old != NULL)
		drop(s, old);
	hash_insert(&s->by_id, &k->node, hash_bytes(id.p, id.n));
	list_append(&s->lru, &k->lru);
	drop_to(s, s->max);
	pthread_mutex_unlock(&s->lock);
	return true;
}

SSL_SESSION *
tls_sessions_get(struct tls_sessions *s, struct str id)
{
	SSL_SESSION *found = NULL;
	struct kept *k;

	pthread_mutex_lock(&s->lock);
	k = find(s, id);
	if (k != NULL && SSL_SESSION_up_ref(k->session) == 1) {
		found = k->session;
		list_remove(&k->lru);
		list_append(&s->lru, &k->lru);
	}
	pthread_mutex_unlock(&s->lock);
	return found;
}

void
tls_sessions_del(struct tls_sessions *s, struct str id)
{
	struct kept *k;

	pthread_mutex_lock(&s->lock);
	k = find(s, id);
	if (k != NULL)
		drop(s, k);
	pthread_mutex_unlock(&s->lock);
}
