/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_CHAIN_INT_H
#define TLS_CHAIN_INT_H
/* tls/chain_int - what chain.c and fitness.c share: a chain being made. */
#include "tls/chain.h"

struct tls_chain_making {
	const struct tls_chain_source *src;
	const struct conf_chain *conf;
	struct tls_chains *out;
	X509 *given;              /* the root it must lead to, or NULL */
};

/* A line of src->warnings. */
void tls_chain_warn(const struct tls_chain_making *m, const char *fmt, ...)
    PRINTF(2, 3);
/* "FILE:LINE: chain NAME: " of an error, to src->why. */
void tls_chain_place(const struct tls_chain_making *m);

/*
 * fitness.c: what phones may dislike about c, of which f are the facts.  0, or
 * E_MISMATCH with a sentence: no phone can accept it.
 */
MUSTCHECK int tls_chain_fitness(const struct tls_chain_making *m,
    const struct x509_chain *c, const struct trust_chain *f);

#endif
