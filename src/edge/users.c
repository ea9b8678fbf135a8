/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/users.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/hash.h"

struct user {
	struct hash_node node;
	char ha1[DIGEST_ALGS][2 * DIGEST_MAX + 1];
	size_t nname, nrealm;
	char text[]; /* name, realm */
};

struct users {
	pthread_rwlock_t lock;
	struct hash_table table;
};

int
users_new(struct users **out)
{
	struct users *u = calloc(1, sizeof(*u));

	if (u == NULL || hash_init(&u->table, 64) != 0) {
		free(u);
		return -ENOMEM;
	}
	pthread_rwlock_init(&u->lock, NULL);
	*out = u;
	return 0;
}

static void
free_user(struct hash_node *n, void *arg)
{
	struct user *u = CONTAINER_OF(n, struct user, node);

	digest_wipe(u->ha1, sizeof(u->ha1));
	free(u);
}

static void
free_table(struct hash_table *t)
{
	hash_each(t, free_user, NULL);
	hash_fini(t);
}

void
users_free(struct users *u)
{
	if (u == NULL)
		return;
	free_table(&u->table);
	pthread_rwlock_destroy(&u->lock);
	free(u);
}

static int
add_one(const struct store_user *in, void *arg)
{
	struct hash_table *t = arg;
	struct user *u = calloc(1, sizeof(*u) + in->name.n + in->realm.n);

	if (u == NULL)
		return -ENOMEM;
	memcpy(u->ha1, in->ha1, sizeof(u->ha1));
	u->nname = in->name.n;
	u->nrealm = in->realm.n;
	memcpy(u->text, in->name.p, in->name.n);
	memcpy(u->text + in->name.n, in->realm.p, in->realm.n);
	hash_insert(t, &u->node, hash_bytes(in->name.p, in->name.n));
	return 0;
}

int
users_load(struct users *u, struct store *s)
{
	struct hash_table fresh, old;
	int err = hash_init(&fresh, 64);

	if (err != 0)
		return err;
	err = store_each_user(s, add_one, &fresh);
	if (err != 0) {
		free_table(&fresh);
		return err;
	}
	pthread_rwlock_wrlock(&u->lock);
	old = u->table;
	u->table = fresh;
	pthread_rwlock_unlock(&u->lock);
	free_table(&old);
	return 0;
}

bool
users_ha1(struct users *u, struct str name, struct str realm,
    enum digest_alg alg, char out[2 * DIGEST_MAX + 1])
{
	uint64_t hash = hash_bytes(name.p, name.n);
	struct hash_node *n;
	bool found = false;

	pthread_rwlock_rdlock(&u->lock);
	for (n = hash_chain(&u->table, hash); n != NULL && !found;
	     n = n->next) {
		struct user *x = CONTAINER_OF(n, struct user, node);

		if (n->hash != hash ||
		    !str_eq(str_of(x->text, x->nname), name) ||
		    !str_eq(str_of(x->text + x->nname, x->nrealm), realm))
			continue;
		memcpy(out, x->ha1[alg], sizeof(x->ha1[alg]));
		found = true;
	}
	pthread_rwlock_unlock(&u->lock);
	return found;
}

struct counting {
	struct str realm;
	size_t n;
};

static void
count_user(struct hash_node *n, void *arg)
{
	const struct user *u = CONTAINER_OF(n, struct user, node);
	struct counting *c = arg;

	c->n += c->realm.p == NULL ||
	    str_eq(str_of(u->text + u->nname, u->nrealm), c->realm);
}

size_t
users_count(struct users *u, struct str realm)
{
	struct counting c = { .realm = realm };

	pthread_rwlock_rdlock(&u->lock);
	hash_each(&u->table, count_user, &c);
	pthread_rwlock_unlock(&u->lock);
	return c.n;
}
