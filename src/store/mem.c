/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A store in memory, for tests: lists, a transaction as a list of what it
 * would do, and failures on demand.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/list.h"
#include "store/mem.h"
#include "store/store_int.h"

#define TEXTS 9 /* strings of a binding */

struct row {
	struct list link;
	bool del;                 /* in a transaction: take away */
	struct store_binding b;   /* slices into text            */
	char *text;
};

struct user {
	struct list link;
	struct store_user u;
	char text[];
};

struct meta {
	struct list link;
	char key[64], value[256];
};

struct mem {
	struct store store;
	struct list rows, todo, users, metas;
	bool open;                /* a transaction is under way */
	_Atomic enum store_mem_failure failure; /* set by the test's thread */
	uint64_t version;
};

static struct mem *
of(struct store *s)
{
	return CONTAINER_OF(s, struct mem, store);
}

static int
row_copy(struct row **out, const struct store_binding *b)
{
	struct row *r = calloc(1, sizeof(*r));
	struct str *slices[TEXTS];
	size_t n = 0;
	char *at;

	if (r == NULL)
		return -ENOMEM;
	r->b = *b;
	slices[0] = &r->b.aor;
	slices[1] = &r->b.key;
	slices[2] = &r->b.contact;
	slices[3] = &r->b.params;
	slices[4] = &r->b.instance_id;
	slices[5] = &r->b.call_id;
	slices[6] = &r->b.path;
	slices[7] = &r->b.user_agent;
	slices[8] = &r->b.received;
	for (int i = 0; i < TEXTS; i++)
		n += slices[i]->n;
	r->text = at = malloc(n + 1);
	if (r->text == NULL) {
		free(r);
		return -ENOMEM;
	}
	for (int i = 0; i < TEXTS; i++) {
		if (slices[i]->n > 0)
			memcpy(at, slices[i]->p, slices[i]->n);
		slices[i]->p = at;
		at += slices[i]->n;
	}
	list_init(&r->link);
	*out = r;
	return 0;
}

static void
row_free(struct row *r)
{
	list_remove(&r->link);
	free(r->text);
	free(r);
}

static void
remove_key(struct mem *m, struct str aor, struct str key)
{
	LIST_FOREACH_SAFE(it, next, &m->rows) {
		struct row *r = CONTAINER_OF(it, struct row, link);
		if (str_eq(r->b.aor, aor) && str_eq(r->b.key, key))
			row_free(r);
	}
}

static int
mem_check(struct store *s)
{
	return of(s)->failure == STORE_MEM_GONE ? E_STORE : 0;
}

static int
mem_begin(struct store *s)
{
	struct mem *m = of(s);

	if (m->open)
		return E_STATE;
	if (m->failure == STORE_MEM_FAIL_BEGIN || mem_check(s) != 0)
		return E_STORE;
	m->open = true;
	return 0;
}

static void
mem_rollback(struct store *s)
{
	struct mem *m = of(s);

	LIST_FOREACH_SAFE(it, next, &m->todo)
		row_free(CONTAINER_OF(it, struct row, link));
	m->open = false;
}

static int
mem_commit(struct store *s)
{
	struct mem *m = of(s);

	if (!m->open)
		return E_STATE;
	if (m->failure == STORE_MEM_FAIL_COMMIT)
		return E_STORE;
	LIST_FOREACH_SAFE(it, next, &m->todo) {
		struct row *r = CONTAINER_OF(it, struct row, link);
		remove_key(m, r->b.aor, r->b.key);
		list_remove(&r->link);
		if (r->del)
			row_free(r);
		else
			list_append(&m->rows, &r->link);
	}
	m->open = false;
	return 0;
}

static int
add_todo(struct mem *m, const struct store_binding *b, bool del)
{
	struct row *r;
	int err;

	if (!m->open)
		return E_STATE;
	if (m->failure == STORE_MEM_FAIL_PUT)
		return E_STORE;
	err = row_copy(&r, b);
	if (err != 0)
		return err;
	r->del = del;
	list_append(&m->todo, &r->link);
	return 0;
}

static int
mem_put_binding(struct store *s, const struct store_binding *b)
{
	return add_todo(of(s), b, false);
}

static int
mem_del_binding(struct store *s, struct str aor, struct str key)
{
	struct store_binding b = { .aor = aor, .key = key };

	return add_todo(of(s), &b, true);
}

static int
mem_del_expired(struct store *s, int64_t before_s)
{
	LIST_FOREACH_SAFE(it, next, &of(s)->rows) {
		struct row *r = CONTAINER_OF(it, struct row, link);
		if (r->b.expires_s < before_s)
			row_free(r);
	}
	return 0;
}

static int
mem_each_binding(struct store *s,
    int (*fn)(const struct store_binding *b, void *arg), void *arg)
{
	LIST_FOREACH(it, &of(s)->rows) {
		int err = fn(&CONTAINER_OF(it, struct row, link)->b, arg);
		if (err != 0)
			return err;
	}
	return 0;
}

static struct user *
find_user(struct mem *m, struct str name, struct str realm)
{
	LIST_FOREACH(it, &m->users) {
		struct user *u = CONTAINER_OF(it, struct user, link);
		if (str_eq(u->u.name, name) && str_eq(u->u.realm, realm))
			return u;
	}
	return NULL;
}

static int
mem_del_user(struct store *s, struct str name, struct str realm)
{
	struct user *u = find_user(of(s), name, realm);

	if (u == NULL)
		return E_ABSENT;
	list_remove(&u->link);
	free(u);
	return 0;
}

static int
mem_put_user(struct store *s, const struct store_user *in)
{
	struct user *u = calloc(1, sizeof(*u) + in->name.n + in->realm.n);

	if (u == NULL)
		return -ENOMEM;
	IGNORE(mem_del_user(s, in->name, in->realm)); /* it may be new */
	u->u = *in;
	memcpy(u->text, in->name.p, in->name.n);
	memcpy(u->text + in->name.n, in->realm.p, in->realm.n);
	u->u.name.p = u->text;
	u->u.realm.p = u->text + in->name.n;
	list_append(&of(s)->users, &u->link);
	of(s)->version++;
	return 0;
}

static int
mem_each_user(struct store *s,
    int (*fn)(const struct store_user *u, void *arg), void *arg)
{
	LIST_FOREACH(it, &of(s)->users) {
		int err = fn(&CONTAINER_OF(it, struct user, link)->u, arg);
		if (err != 0)
			return err;
	}
	return 0;
}

static struct meta *
find_meta(struct mem *m, const char *key)
{
	LIST_FOREACH(it, &m->metas) {
		struct meta *x = CONTAINER_OF(it, struct meta, link);
		if (strcmp(x->key, key) == 0)
			return x;
	}
	return NULL;
}

static int
mem_get_meta(struct store *s, const char *key, char *out, size_t size)
{
	struct meta *x = find_meta(of(s), key);

	if (x == NULL)
		return E_ABSENT;
	return str_copy(out, size, str_cstr(x->value)) ? 0 : E_LIMIT;
}

static int
mem_put_meta(struct store *s, const char *key, const char *value)
{
	struct meta *x = find_meta(of(s), key);

	if (x == NULL) {
		x = calloc(1, sizeof(*x));
		if (x == NULL)
			return -ENOMEM;
		list_append(&of(s)->metas, &x->link);
	}
	return str_copy(x->key, sizeof(x->key), str_cstr(key)) &&
	    str_copy(x->value, sizeof(x->value), str_cstr(value)) ?
	    0 : E_LIMIT;
}

static uint64_t
mem_data_version(struct store *s)
{
	return of(s)->version + 1;
}

static void
mem_close(struct store *s)
{
	struct mem *m = of(s);

	mem_rollback(s);
	LIST_FOREACH_SAFE(it, next, &m->rows)
		row_free(CONTAINER_OF(it, struct row, link));
	LIST_FOREACH_SAFE(it, next, &m->users)
		free(CONTAINER_OF(it, struct user, link));
	LIST_FOREACH_SAFE(it, next, &m->metas)
		free(CONTAINER_OF(it, struct meta, link));
	free(m);
}

static const char *
mem_error(const struct store *s)
{
	return "a failure that was asked for";
}

static const struct store_ops mem_ops = {
	.close = mem_close,
	.error = mem_error,
	.check = mem_check,
	.begin = mem_begin,
	.commit = mem_commit,
	.rollback = mem_rollback,
	.put_binding = mem_put_binding,
	.del_binding = mem_del_binding,
	.del_expired = mem_del_expired,
	.each_binding = mem_each_binding,
	.put_user = mem_put_user,
	.del_user = mem_del_user,
	.each_user = mem_each_user,
	.get_meta = mem_get_meta,
	.put_meta = mem_put_meta,
	.data_version = mem_data_version,
};

int
store_open_memory(struct store **out)
{
	struct mem *m = calloc(1, sizeof(*m));

	if (m == NULL)
		return -ENOMEM;
	m->store.ops = &mem_ops;
	list_init(&m->rows);
	list_init(&m->todo);
	list_init(&m->users);
	list_init(&m->metas);
	*out = &m->store;
	return 0;
}

void
store_mem_fail(struct store *s, enum store_mem_failure failure)
{
	of(s)->failure = failure;
}
