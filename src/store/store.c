/* SPDX-License-Identifier: BSD-2-Clause */
#include "store/store_int.h"

void
store_close(struct store *s)
{
	if (s != NULL)
		s->ops->close(s);
}

const char *
store_error(const struct store *s)
{
	return s->ops->error(s);
}

int
store_check(struct store *s)
{
	return s->ops->check(s);
}

int
store_begin(struct store *s)
{
	return s->ops->begin(s);
}

int
store_commit(struct store *s)
{
	return s->ops->commit(s);
}

void
store_rollback(struct store *s)
{
	s->ops->rollback(s);
}

int
store_put_binding(struct store *s, const struct store_binding *b)
{
	return s->ops->put_binding(s, b);
}

int
store_del_binding(struct store *s, struct str aor, struct str key)
{
	return s->ops->del_binding(s, aor, key);
}

int
store_del_expired(struct store *s, int64_t before_s)
{
	return s->ops->del_expired(s, before_s);
}

int
store_each_binding(struct store *s,
    int (*fn)(const struct store_binding *b, void *arg), void *arg)
{
	return s->ops->each_binding(s, fn, arg);
}

int
store_put_user(struct store *s, const struct store_user *u)
{
	return s->ops->put_user(s, u);
}

int
store_del_user(struct store *s, struct str name, struct str realm)
{
	return s->ops->del_user(s, name, realm);
}

int
store_each_user(struct store *s,
    int (*fn)(const struct store_user *u, void *arg), void *arg)
{
	return s->ops->each_user(s, fn, arg);
}

int
store_get_meta(struct store *s, const char *key, char *out, size_t size)
{
	return s->ops->get_meta(s, key, out, size);
}

int
store_put_meta(struct store *s, const char *key, const char *value)
{
	return s->ops->put_meta(s, key, value);
}

uint64_t
store_data_version(struct store *s)
{
	return s->ops->data_version(s);
}
