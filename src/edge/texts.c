/* SPDX-License-Identifier: BSD-2-Clause */
#include "edge/texts.h"

#include <stdlib.h>

struct text {
	struct hash_node node;
	uint32_t refs;
	char text[];
};

int
texts_init(struct texts *t)
{
	pthread_mutex_init(&t->lock, NULL);
	return hash_init(&t->table, 64);
}

void
texts_fini(struct texts *t)
{
	hash_fini(&t->table);
	pthread_mutex_destroy(&t->lock);
}

static struct text *
find(struct texts *all, struct str s, uint64_t hash)
{
	struct hash_node *n = hash_chain(&all->table, hash);

	for (; n != NULL; n = n->next) {
		struct text *t = CONTAINER_OF(n, struct text, node);

		if (n->hash == hash && str_eq(str_cstr(t->text), s))
			return t;
	}
	return NULL;
}

static struct text *
make(struct texts *all, struct str s, uint64_t hash)
{
	struct text *t = malloc(sizeof(*t) + s.n + 1);

	if (t == NULL)
		return NULL;
	t->refs = 0;
	str_copy(t->text, s.n + 1, s);
	hash_insert(&all->table, &t->node, hash);
	return t;
}

const char *
texts_share(struct texts *all, struct str s)
{
	uint64_t hash = hash_bytes(s.p, s.n);
	struct text *t;

	if (s.n == 0)
		return NULL;
	pthread_mutex_lock(&all->lock);
	t = find(all, s, hash);
	if (t == NULL)
		t = make(all, s, hash);
	if (t != NULL)
		t->refs++;
	pthread_mutex_unlock(&all->lock);
	return t != NULL ? t->text : NULL;
}

void
texts_drop(struct texts *all, const char *text)
{
	struct text *t;

	if (text == NULL)
		return;
	t = (struct text *)(uintptr_t)(text - offsetof(struct text, text));
	pthread_mutex_lock(&all->lock);
	if (--t->refs == 0) {
		hash_remove(&all->table, &t->node);
		free(t);
	}
	pthread_mutex_unlock(&all->lock);
}
