/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TLS_CTX_INT_H
#define TLS_CTX_INT_H
/* tls/ctx_int - what conn.c sees of a tls_ctx. */
#include <openssl/ssl.h>
#include <stdatomic.h>

#include "tls/chain.h"
#include "tls/ctx.h"
#include "tls/session.h"
#include "tls/ticket.h"

struct tls_ctx {
	atomic_uint refs;
	SSL_CTX *ssl;
	struct tls_ticket *ticket;
	struct tls_sessions *sessions;
	struct tls_chains chains;
	uint16_t min_version, max_version;
};

/*
 * conn.c: the library read or sent an alert; one callback for the whole
 * SSL_CTX, the connection is found through its BIO.
 */
void tls_conn_info(const SSL *ssl, int where, int value);

/* conn.c: a ClientHello is there; 1, or 0: this connection cannot go on. */
int tls_conn_hello_came(SSL *ssl);
/* conn.c: this one is asked something: it resumes nothing and gets nothing to
 * resume with. */
bool tls_conn_is_asked(SSL *ssl);
/* conn.c: no session is resumed: set the chain to present.  1 or 0. */
int tls_conn_set_chain(SSL *ssl);

/*
 * ctx.c: for this connection TLS 1.0 and 1.1 as well, with all that such
 * clients need.  False: not possible.
 */
bool tls_ctx_allow_old(SSL *ssl);

#endif
