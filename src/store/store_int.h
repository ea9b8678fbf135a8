/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_STORE_INT_H
#define STORE_STORE_INT_H
/*
 * store/store_int - what a backend provides.
 */
#include "store/store.h"

struct store_ops {
	void (*close)(struct store *s);
	const char *(*error)(const struct store *s);
	int (*check)(struct store *s);
	int (*begin)(struct store *s);
	int (*commit)(struct store *s);
	void (*rollback)(struct store *s);
	int (*put_binding)(struct store *s, const struct store_binding *b);
	int (*del_binding)(struct store *s, struct str aor, struct str key);
	int (*del_expired)(struct store *s, int64_t before_s);
	int (*each_binding)(struct store *s,
	    int (*fn)(const struct store_binding *b, void *arg), void *arg);
	int (*put_user)(struct store *s, const struct store_user *u);
	int (*del_user)(struct store *s, struct str name, struct str realm);
	int (*each_user)(struct store *s,
	    int (*fn)(const struct store_user *u, void *arg), void *arg);
	int (*get_meta)(struct store *s, const char *key, char *out,
	    size_t size);
	int (*put_meta)(struct store *s, const char *key, const char *value);
	uint64_t (*data_version)(struct store *s);
};

/* First member of every backend's own struct. */
struct store {
	const struct store_ops *ops;
};

#endif
