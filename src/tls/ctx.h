/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_CTX_H
#define TLS_CTX_H
/*
 * tls/ctx - what all TLS connections of one configuration share: an SSL_CTX
 * with its chains, versions, ciphers, tickets and session cache.
 *
 * Immutable after tls_ctx_new, shared by all workers by reference count; a
 * reload makes a new one and connections keep the one they began with.
 */
#include "base/buf.h"
#include "base/conf.h"
#include "base/err.h"
#include "trust/choose.h"

struct tls_ctx;
struct tls_probe;

/*
 * What one connection is given.  Asked for inside the ClientHello callback, on
 * the connection's thread: it must be quick, and may not block.  out comes
 * filled with the first chain and without old versions.
 */
struct tls_choice {
	unsigned chain;      /* index among tls_ctx_chains              */
	bool old_versions;   /* TLS 1.0 and 1.1 too, for this connection */
	struct tls_probe *probe; /* present this instead, and resume no
	                            session; a reference that is given away;
	                            NULL: nothing is asked (tls/probe.h) */
};
typedef void(tls_choose_fn)(const struct tls_hello *h,
    const struct tls_ctx *ctx, struct tls_choice *out, void *arg);

struct tls_ctx_params {
	const struct conf *conf;     /* tls_*; borrowed for the call          */
	const struct conf_chain *chain; /* in order of preference, at least 1 */
	size_t nchain;
	const uint8_t *secret;       /* 32 bytes: ticket keys derive from it
	                                and the hour (HKDF), so that they
	                                survive a restart and are the same on
	                                every node                            */
	int64_t now_s;
	struct tls_ctx *before;      /* what this one follows, or NULL: its
	                                sessions go on                        */
	bool keep;                   /* a chain that cannot be loaded stays
	                                as before has it: a line in kept      */
	struct buf *kept;
	struct buf *warnings;        /* a line each of what can work, but not
	                                everywhere; NULL: not wanted          */
};

/* 0, or an error with a sentence in why; *out is then untouched. */
MUSTCHECK int tls_ctx_new(struct tls_ctx **out,
    const struct tls_ctx_params *p, struct buf *why);
struct tls_ctx *tls_ctx_ref(struct tls_ctx *c);
void tls_ctx_unref(struct tls_ctx *c); /* NULL does nothing */

/* The chains in the configured order, variants behind their chain; at least
 * one.  Borrowed from c. */
const struct trust_chain *tls_ctx_chains(const struct tls_ctx *c,
    unsigned *n);

/* Index of the chain with this name, -1: there is none. */
int tls_ctx_find(const struct tls_ctx *c, struct str name);

/* Is chain i of a, by its name, in b too, with the same certificates? */
bool tls_ctx_has_chain(const struct tls_ctx *b, const struct tls_ctx *a,
    unsigned i);

/* Of the first chain. */
const char *tls_ctx_chain(const struct tls_ctx *c);
const char *tls_ctx_root(const struct tls_ctx *c);
int64_t tls_ctx_not_after(const struct tls_ctx *c);

/* Read DIR/ticket-secret, or make it (0600).  0, -errno, E_PARSE. */
MUSTCHECK int tls_secret_load(uint8_t secret[32], const char *dir,
    struct buf *why);

#endif
