/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef STORE_STORE_H
#define STORE_STORE_H
/*
 * store/store - what must survive a restart: bindings and users.
 *
 * A small vtable with two backends: SQLite (sqlite.c, the default) and memory
 * (mem.c, for tests).  Calls block; they are made from the location service's
 * writer thread and from command-line tools, never from a network thread.  A
 * store handle belongs to one thread at a time.
 *
 * Bindings are written inside a transaction (begin ... commit): after a crash
 * a transaction is there whole or not at all.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "base/digest.h"
#include "base/str.h"

struct store;

/* One binding (RFC 3261 10), plain data; slices borrowed for the call. */
struct store_binding {
	struct str aor;         /* user@domain                                */
	struct str key;         /* instance id + reg-id, or the contact URI   */
	struct str contact;     /* addr-spec                                  */
	struct str params;      /* header parameters to echo                  */
	struct str instance_id;
	uint32_t reg_id;
	struct str call_id;
	uint32_t cseq;
	int64_t expires_s;      /* Unix time; may be later than granted       */
	struct str path;
	struct str user_agent;
	struct str received;    /* source address, printed                    */
	int transport;          /* enum flow_transport                        */
};

/* A user's credentials: HA1 = H(user:realm:password), hex (RFC 7616 3.4.2). */
struct store_user {
	struct str name;
	struct str realm;
	char ha1[DIGEST_ALGS][2 * DIGEST_MAX + 1];
};

/* Open or create DIR/siptrust.db.  why (borrowed): text for the log. */
MUSTCHECK int store_open_sqlite(struct store **out, const char *dir,
    char *why, size_t why_size);
MUSTCHECK int store_open_memory(struct store **out);
void store_close(struct store *s); /* NULL does nothing */

/* The last failure in words, never NULL; valid until the next call. */
const char *store_error(const struct store *s);

/* E_STORE when a file of it is no longer where it was opened. */
MUSTCHECK int store_check(struct store *s);
/* The same, and begins a transaction. */
MUSTCHECK int store_begin(struct store *s);
MUSTCHECK int store_commit(struct store *s);
void store_rollback(struct store *s);

/* Insert or replace by (aor, key). */
MUSTCHECK int store_put_binding(struct store *s, const struct store_binding *b);
MUSTCHECK int store_del_binding(struct store *s, struct str aor,
    struct str key);
MUSTCHECK int store_del_expired(struct store *s, int64_t before_s);

/* fn returns non-zero to stop; that is then the result. */
MUSTCHECK int store_each_binding(struct store *s,
    int (*fn)(const struct store_binding *b, void *arg), void *arg);

/* Insert or replace; E_STORE. */
MUSTCHECK int store_put_user(struct store *s, const struct store_user *u);
/* E_ABSENT when there is none. */
MUSTCHECK int store_del_user(struct store *s, struct str name,
    struct str realm);
MUSTCHECK int store_each_user(struct store *s,
    int (*fn)(const struct store_user *u, void *arg), void *arg);

/* Small settings that live with the data: "domain". */
MUSTCHECK int store_get_meta(struct store *s, const char *key, char *out,
    size_t size); /* E_ABSENT */
MUSTCHECK int store_put_meta(struct store *s, const char *key,
    const char *value);

/* A number that changes when another process has written; 0 on error. */
uint64_t store_data_version(struct store *s);

#endif
