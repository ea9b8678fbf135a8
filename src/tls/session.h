/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_SESSION_H
#define TLS_SESSION_H
/*
 * tls/session - sessions kept for clients without tickets (RFC 5246 7.3), by
 * session ID, over reloads: each context that follows another shares its
 * cache.  Bounded; the least recently used goes first.  Thread-safe.
 */
#include <openssl/ssl.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

struct tls_sessions;

/* max: sessions kept, 0: none.  0, -ENOMEM. */
MUSTCHECK int tls_sessions_new(struct tls_sessions **out, size_t max);
struct tls_sessions *tls_sessions_ref(struct tls_sessions *s, size_t max);
void tls_sessions_unref(struct tls_sessions *s); /* NULL does nothing */

/* Takes over a reference to one.  False: not kept, the caller has it still. */
bool tls_sessions_put(struct tls_sessions *s, SSL_SESSION *one);
/* With a reference for the caller; NULL: not known. */
SSL_SESSION *tls_sessions_get(struct tls_sessions *s, struct str id);
void tls_sessions_del(struct tls_sessions *s, struct str id);

#endif
