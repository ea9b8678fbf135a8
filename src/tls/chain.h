/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_CHAIN_H
#define TLS_CHAIN_H
/*
 * tls/chain - the chains of one context: certificates and key to present, and
 * the facts that chooser and judge go by.
 */
#include "base/buf.h"
#include "base/conf.h"
#include "base/err.h"
#include "trust/choose.h"
#include "x509/path.h"

struct tls_chains {
	struct trust_chain *fact;   /* n of each */
	struct x509_chain **cert;
	unsigned n;
};

/* Where complaints go: one line each. */
struct tls_chain_source {
	const struct conf *conf;
	const struct x509_roots *roots;
	int64_t now_s;
	struct buf *why;
	struct buf *warnings; /* NULL: not wanted */
};

/*
 * chain and its variants behind out's; on failure out has none of them.  0, or
 * an error with a sentence in src->why.
 */
MUSTCHECK int tls_chains_add(struct tls_chains *out,
    const struct tls_chain_source *src, const struct conf_chain *chain);

/*
 * Those of from that have this name or were made of that chain, behind out's.
 * 0, -ENOMEM, E_ABSENT.
 */
MUSTCHECK int tls_chains_keep(struct tls_chains *out,
    const struct tls_chains *from, const char *name);

/* Would the same certificates be sent? */
bool tls_chains_same(const struct tls_chains *a, unsigned i,
    const struct tls_chains *b, unsigned k);

void tls_chains_fini(struct tls_chains *c);

/* Is name one that the leaf of chain i is for?  RFC 5922 7.2: no wildcards. */
bool tls_chains_named(const struct tls_chains *c, unsigned i, struct str name);

#endif
